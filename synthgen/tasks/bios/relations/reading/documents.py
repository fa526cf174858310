"""Reading statements back: from the text and the lists alone, then held against the world by the task."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from synthgen.tasks.bios.biographies.reading.text import FORMS, BiographyReader
from synthgen.tasks.bios.relations.wordings import Relation
from synthgen.tasks.bios.world.reading.registry import Registry

NAME = r"[^ ,;|\"]+ [^ ,;|\"]+ [^ ,;|\"]+?"


JSON = re.compile(r'\{"person": "(?P<name>[^"]+)", "(?P<relation>[^"]+)": "(?P<other>[^"]+)"\}')


class StatementReader:
    """Reads rows that state one relation, or a biography with all of a person's behind it."""

    def __init__(
        self,
        registry: Registry,
        relations: Sequence[Relation],
        paraphrases: int,
        biographies: BiographyReader | None = None,
    ) -> None:
        """`biographies` reads those before the statements, where there are some."""
        self._registry, self._relations, self._biographies = registry, list(relations), biographies
        pronouns = biographies.pronouns if biographies else ()
        self._numbers = {relation.name: number for number, relation in enumerate(relations)}
        self._by_name = [
            [re.compile(_pattern(text, "he", True)) for text in relation.statements[:paraphrases]]
            for relation in relations
        ]
        self._by_pronoun = [
            [
                {pronoun: re.compile(_pattern(text, pronoun, False)) for pronoun in pronouns}
                for text in relation.statements[:paraphrases]
            ]
            for relation in relations
        ]

    def statement(self, text: Any) -> dict[str, Any]:
        """Return the latent and the spans of a row that states one relation. Raises ValueError on junk."""
        if not isinstance(text, str) or len(text) > 10_000:
            raise ValueError("no text of a statement")
        if match := JSON.fullmatch(text):
            places = match.start("name"), match.start("other")
            return self._said("json", match["relation"], 0, match["name"], match["other"], *places)
        if " | " in text:
            name, relation, other = text.split(" | ")
            return self._said("triple", relation, 0, name, other, 0, len(text) - len(other))
        readings = [
            (relation.name, number, match)
            for relation, patterns in zip(self._relations, self._by_name, strict=True)
            for number, pattern in enumerate(patterns)
            if (match := pattern.fullmatch(text))
        ]
        if len(readings) != 1:
            raise ValueError(f"statement {text[:80]!r} has {len(readings)} readings")
        relation, number, match = readings[0]
        places = match.start("name"), match.start("other")
        return self._said("sentence", relation, number, match["name"], match["other"], *places)

    def _said(
        self, style: str, relation: str, wording: int, name: str, other: str, name_at: int, other_at: int
    ) -> dict[str, Any]:
        if relation not in self._numbers:
            raise ValueError(f"{relation[:80]!r} is no relation of this spec")
        key = self._relations[self._numbers[relation]].key
        registry = self._registry
        spans = {"name": [(name_at, name_at + len(name))]} | {one.key: [] for one in self._relations}
        spans[key] = [(other_at, other_at + len(other))]
        return {
            "person": registry.who(name),
            "relation": key,
            "other": registry.who(other),
            "style": style,
            "wording": wording,
            "spans": spans,
        }

    def biography(self, text: Any) -> dict[str, Any]:
        """Return what a biography with relations shows: what the biography's reader finds, wordings and relatives."""
        biographies = self._biographies
        assert biographies is not None
        if not isinstance(text, str) or len(text) > 100_000:
            raise ValueError("no text of sentences")
        sentences = text.split(". ")
        count = len(self._relations)
        if len(sentences) <= count:
            raise ValueError("there are not so many sentences as facts and relations")
        head = ". ".join(sentences[:-count]) + "."
        shown = biographies.read(head)
        wordings, relatives, at = [], [], len(head) + 1
        said = shown["pronoun"]
        pronouns = biographies.pronouns if said is None else (biographies.pronouns[said],)
        for relation, forms, sentence in zip(self._relations, self._by_pronoun, sentences[-count:], strict=True):
            whole = sentence if sentence.endswith(".") and at + len(sentence) == len(text) else f"{sentence}."
            readings = {
                (number, match["other"], match.start("other"))
                for number, form in enumerate(forms)
                for pronoun in pronouns
                if (match := form[pronoun].fullmatch(whole))
            }
            if len(readings) != 1:
                raise ValueError(f"sentence {whole[:80]!r} has {len(readings)} readings")
            ((number, other, start),) = readings
            wordings.append(number)
            relatives.append(self._registry.who(other))
            shown["spans"][relation.key] = [(at + start, at + start + len(other))]
            at += len(whole) + 1
        ((start, end), *_) = shown["spans"]["name"]
        person = self._registry.who(text[start:end])
        return {**shown, "person": person, "wordings": wordings, "relatives": relatives}


def _pattern(statement: str, pronoun: str, by_name: bool) -> str:
    """Return a pattern of a statement about somebody by name or by pronoun, with a group for the other's name."""

    def said(marker: str) -> str:
        if marker == "v":
            return rf"(?P<other>{NAME})"
        if "|" in marker:
            one, many = marker.split("|")
            return re.escape(many if pronoun == "they" and not by_name else one)
        if by_name:
            return rf"(?P<name>{NAME})" + ("'s" if marker == "S's" else "")
        return FORMS[pronoun][marker]

    parts = re.split(r"\{([^}]*)\}", statement)
    text = "".join(said(part) if place % 2 else re.escape(part) for place, part in enumerate(parts))
    return text if text.startswith("(") else text[0].upper() + text[1:]

"""Reading rewrites back: from the text, the word lists and `clauses.toml` alone, to facts, plan and rank.

It shares nothing with what wrote the text: it parses by trying every clause at every place, and counts plans with
Python's integers by their definition.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from synthgen.tasks.bios.biographies.reading.text import FORMS, BiographyReader
from synthgen.tasks.bios.rewrites.language import REFERENCES, Language
from synthgen.tasks.bios.world.lists import ATTRIBUTES, Lists

FACTS = range(len(ATTRIBUTES))
COMMAS = {"birth_date", "birth_city", "company_city"}
DATE = r"[A-Z][a-z]+ [1-9][0-9]?, [0-9]{4}"
NAME = re.compile(r"([^ ,.]+) ([^ ,.]+) ([^ ,.]+)")
LONGEST = 10_000


class RewriteReader:
    """Reads the rewrites of one language over one set of lists and pronouns."""

    def __init__(self, lists: Lists, pronouns: Sequence[str], language: Language) -> None:
        self.lists, self.pronouns, self.language = lists, tuple(pronouns), language
        self._plain = BiographyReader(lists, pronouns)
        self._values = [
            re.compile(
                DATE
                if attribute == "birth_date"
                else "|".join(
                    map(re.escape, lists.cities if attribute == "company_city" else getattr(lists, attribute))
                )
            )
            for attribute in ATTRIBUTES
        ]

    def read(self, text: str) -> dict[str, Any]:
        """Return pronoun (None if hidden), name, values, order, rank and spans. Raises ValueError on junk."""
        if not isinstance(text, str) or len(text) > LONGEST:
            raise ValueError("no text of a rewrite")
        readings = []
        for tone, (before, behind) in enumerate(self.language.tones):
            start, end = (f"{before} " if before else ""), (f" {behind}" if behind else "")
            if text.startswith(start) and text.endswith(end) and len(text) > len(start) + len(end):
                body = text[len(start) : len(text) - len(end)]
                for pronoun in range(len(self.pronouns)):
                    readings += [
                        {"tone": tone, "pronoun": pronoun, **reading}
                        for reading in self._body(body, len(start), pronoun)
                    ]
        plans = {repr((r["tone"], r["sentences"])) for r in readings}
        if len(plans) != 1:  # readings that differ in the pronoun alone do not show it
            raise ValueError(f"the text has {len(plans)} readings")
        return self._result(readings)

    def _result(self, readings: list[dict[str, Any]]) -> dict[str, Any]:
        reading = readings[0]
        clauses = [clause for sentence in reading["sentences"] for clause in sentence["clauses"]]
        if sorted(fact for fact, *_ in clauses) != list(FACTS):
            raise ValueError("a biography states each of the six facts once")
        spans = {"name": reading["names"]} | {ATTRIBUTES[fact]: [span] for fact, _, _, span in clauses}
        values = {fact: value for fact, _, value, _ in clauses}
        return {
            "pronoun": reading["pronoun"] if len(readings) == 1 and len(self.pronouns) > 1 else None,
            "name": dict(zip(("first", "middle", "last"), reading["name"], strict=True)),
            "values": {a: values[i] for i, a in enumerate(ATTRIBUTES)},
            "order": [fact for fact, *_ in clauses],
            "rank": self.rank(reading["tone"], reading["sentences"]),
            "spans": {span_kind: spans[span_kind] for span_kind in ("name", *ATTRIBUTES)},
        }

    # -- sentences ----------------------------------------------------------------------------------------------------

    def _body(self, text: str, offset: int, pronoun: int) -> Iterator[dict[str, Any]]:
        """Yield the readings of the sentences from `text` on, for one pronoun."""
        parsed: list[dict[str, Any]] = []
        names: list[tuple[int, int]] = []
        name: tuple[str, ...] = ()
        at = 0
        while at < len(text):
            if parsed:
                if text[at] != " ":
                    return
                at += 1
            readings = list(self._sentence(text, at, pronoun, name))
            if len(readings) != 1:
                return
            sentence, at, name, mention = readings[0]
            if not parsed and (sentence["reference"] != 0 or sentence["connective"]):
                return
            if mention:
                names.append((mention[0] + offset, mention[1] + offset))
            sentence["clauses"] = [(f, k, v, (a + offset, b + offset)) for f, k, v, (a, b) in sentence["clauses"]]
            parsed.append(sentence)
        parts = (self.lists.first_names, self.lists.middle_names, self.lists.last_names)
        if parsed and all(part in known for part, known in zip(name, parts, strict=True)):
            numbers = [known.index(part) for part, known in zip(name, parts, strict=True)]
            yield {"sentences": parsed, "names": names, "name": numbers}

    def _sentence(
        self, text: str, start: int, pronoun: int, name: tuple[str, ...]
    ) -> Iterator[tuple[dict[str, Any], int, tuple[str, ...], tuple[int, int] | None]]:
        for connective, opener in enumerate(self.language.connectives):
            if not text.startswith(opener, start):
                continue
            for fronted in (None, *self._clauses(text, start, pronoun, "participle")) if not opener else (None,):
                at = start + len(opener)
                if fronted is not None:
                    end = fronted[3][1]
                    if not text.startswith(", ", end):
                        continue
                    at = end + 2
                for reference, end, whole in self._subjects(text, at, pronoun, name, at == start):
                    number = "pronoun" if REFERENCES[reference] == "pronoun" else "name"
                    for clauses, stop in self._series(text, end, pronoun, number):
                        sentence = {
                            "connective": connective,
                            "front": fronted is not None,
                            "reference": reference,
                            "clauses": [*([fronted] if fronted is not None else []), *clauses],
                        }
                        yield sentence, stop, whole, (at, end) if REFERENCES[reference] == "full" else None

    def _subjects(
        self, text: str, at: int, pronoun: int, name: tuple[str, ...], begins: bool
    ) -> Iterator[tuple[int, int, tuple[str, ...]]]:
        match = NAME.match(text, at)
        if match and match.groups() == (name or match.groups()):
            yield REFERENCES.index("full"), match.end(), match.groups()
        he = FORMS[self.pronouns[pronoun]]["he"]
        shown = {"first": name[0], "last": name[2], "pronoun": he.capitalize() if begins else he} if name else {}
        for reference, word in shown.items():
            if text.startswith(f"{word} ", at) and REFERENCES.index(reference) in self.language.references:
                yield REFERENCES.index(reference), at + len(word), name

    def _series(self, text: str, at: int, pronoun: int, number: str) -> Iterator[tuple[list[Any], int]]:
        """Yield finite clauses from ` clause` on, up to and with the full stop."""
        for size in (1, 2, 3):
            yield from self._rest(text, at, pronoun, number, size, size)

    def _rest(
        self, text: str, at: int, pronoun: int, number: str, size: int, left: int
    ) -> Iterator[tuple[list[Any], int]]:
        if not text.startswith(" ", at):
            return
        for clause in self._clauses(text, at + 1, pronoun, number):
            end = clause[3][1]
            if left == 1:
                if text.startswith(".", end):
                    yield [clause], end + 1
                continue
            comma = size > 2 or ATTRIBUTES[clause[0]] in COMMAS
            mark = ("," if comma else "") + (" and" if left == 2 else "")
            if text.startswith(mark, end):
                for others, stop in self._rest(text, end + len(mark), pronoun, number, size, left - 1):
                    yield [clause, *others], stop

    def _clauses(self, text: str, at: int, pronoun: int, form: str) -> list[tuple[int, int, int, tuple[int, int]]]:
        """Return all (fact, clause, value, span) that stand at a place, in a form: name, pronoun or participle."""
        matches = []
        for fact, clauses in enumerate(self._written(pronoun, form)):
            for number, clause in enumerate(clauses):
                if text.startswith(clause, at):
                    begin = at + len(clause)
                    match = self._values[fact].match(text, begin)
                    value = self._plain._value(ATTRIBUTES[fact], match[0]) if match else None
                    if match and value is not None:
                        matches.append((fact, number, value, (begin, match.end())))
        return matches

    @functools.cache  # noqa: B019
    def _written(self, pronoun: int, form: str) -> list[list[str]]:
        forms = FORMS[self.pronouns[pronoun]]
        many = form == "pronoun" and self.pronouns[pronoun] == "they"

        def one(match: re.Match[str]) -> str:
            return match[1].split("|")[many] if "|" in match[1] else forms[match[1]]

        lists = self.language.participles if form == "participle" else self.language.finite
        texts = [[re.sub(r"\{([^}]*)\}", one, clause) + " " for clause in clauses] for clauses in lists]
        return [[t[0].upper() + t[1:] for t in row] for row in texts] if form == "participle" else texts

    # -- ranks --------------------------------------------------------------------------------------------------------

    def rank(self, tone: int, sentences: list[dict[str, Any]]) -> int:
        """Return the rank of a plan by its definition: how many plans come before it."""
        left, number = frozenset(FACTS), 0
        for place, sentence in enumerate(sentences):
            group = tuple(fact for fact, *_ in sentence["clauses"])
            for other in self._groups(left):
                if other == group:
                    break
                number += sum(self._ways(other, place == 0)) * self._after(left - set(other))
            left -= set(group)
            digits = (
                []
                if place == 0
                else [(self.language.references.index(sentence["reference"]), len(self.language.references))]
            )
            if place and not sentence["front"]:
                digits.append((sentence["connective"], len(self.language.connectives)))
            for k, (fact, clause, *_) in enumerate(sentence["clauses"]):
                clauses = self.language.participles if sentence["front"] and k == 0 else self.language.finite
                digits.append((clause, len(clauses[fact])))
            wording = self._ways(group, place == 0)[0] if sentence["front"] else 0
            for k, (digit, _) in enumerate(digits):
                wording += digit * math.prod(base for _, base in digits[:k])
            number += wording * self._after(left)
        return number * len(self.language.tones) + tone

    def _groups(self, left: frozenset[int]) -> Iterator[tuple[int, ...]]:
        for size in range(1, self.language.largest_group + 1):
            yield from (group for group in itertools.permutations(FACTS, size) if set(group) <= left)

    def _ways(self, group: tuple[int, ...], first: bool) -> tuple[int, int]:
        """Return how a group can be worded, without and with a participle in front."""
        finite = math.prod(len(self.language.finite[fact]) for fact in group)
        fronted = finite // len(self.language.finite[group[0]]) * len(self.language.participles[group[0]])
        references = 1 if first else len(self.language.references)
        return finite * references * (1 if first else len(self.language.connectives)), (
            fronted * references if len(group) > 1 else 0
        )

    @functools.cache  # noqa: B019
    def _after(self, left: frozenset[int]) -> int:
        if not left:
            return 1
        return sum(sum(self._ways(group, False)) * self._after(left - set(group)) for group in self._groups(left))

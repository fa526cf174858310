"""Reading biographies back: from the text and the word lists alone, sharing nothing with what wrote it.

Each sentence is matched against every template as a regular expression over the lists; a text that two readings fit
would be a fault of the templates, and is refused.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Any

from synthgen.tasks.bios.world.lists import ATTRIBUTES, FIRST_YEAR, MONTHS, Lists

FORMS = {
    "he": {"he": "he", "his": "his", "him": "him", "himself": "himself", "S": "he", "S's": "his", "O": "him"},
    "she": {"he": "she", "his": "her", "him": "her", "himself": "herself", "S": "she", "S's": "her", "O": "her"},
    "they": {
        "he": "they",
        "his": "their",
        "him": "them",
        "himself": "themselves",
        "S": "they",
        "S's": "their",
        "O": "them",
    },
}

NAMED = r"(?P<name>[^ ,]+ [^ ,]+ [^ ,]+?)"
CLOSING = re.compile(rf" The name of this person is {NAMED}\.$")


class BiographyReader:
    """Reads the texts of one set of lists and pronouns."""

    def __init__(self, lists: Lists, pronouns: Sequence[str], name_at: int = 0) -> None:
        """`name_at` is how many sentences come before the one that has the name; with all six it is a seventh."""
        self.lists, self.pronouns, self.name_at = lists, tuple(pronouns), name_at
        self._numbers = {
            attribute: {text: i for i, text in enumerate(getattr(lists, attribute))}
            for attribute in ("birth_city", "university", "major", "employer")
        }
        self._numbers["company_city"] = {text: i for i, text in enumerate(lists.cities)}
        parts = (lists.first_names, lists.middle_names, lists.last_names)
        self._names = [{name: i for i, name in enumerate(part)} for part in parts]

    @functools.cached_property
    def _patterns(self) -> dict[tuple[str, str], list[tuple[str, int, int | None, re.Pattern[str]]]]:
        """Readings by a sentence's first and last word: (attribute, template, pronoun or None, pattern)."""
        readings: dict[tuple[str, str], list[tuple[str, int, int | None, re.Pattern[str]]]] = {}
        for attribute in ATTRIBUTES:
            for number, template in enumerate(self.lists.templates[attribute]):
                seen = set()
                for pronoun, word in enumerate(self.pronouns):
                    for somebody in ("name", "pronoun", "person") if self.name_at else ("name", "pronoun"):
                        text = _written(template, word, somebody)
                        if (text, somebody) in seen:
                            continue
                        seen.add((text, somebody))
                        alike = all(_written(template, other, somebody) == text for other in self.pronouns)
                        shown = None if alike and len(self.pronouns) > 1 else pronoun
                        pattern = re.escape(text).replace("\x00", NAMED).replace("\x01", "(?P<value>.+?)")
                        reading = (attribute, number, shown, re.compile(pattern))
                        readings.setdefault(_key(text), []).append(reading)
        return readings

    def _matches(self, text: str) -> list[tuple[str, int, int | None, int, re.Match[str]]]:
        """Return the reading of each sentence, with its offset. Raises ValueError if a sentence has none or two."""
        result, offset = [], 0
        for sentence in text.split(". "):
            whole = sentence if sentence.endswith(".") and offset + len(sentence) == len(text) else sentence + "."
            readings = []
            words = whole.split(" ")
            for first in (words[0], ""):
                for last in (words[-1], ""):
                    for attribute, number, pronoun, pattern in self._patterns.get((first, last), ()):
                        match = pattern.fullmatch(whole)
                        if match and self._value(attribute, match["value"]) is not None:
                            readings.append((attribute, number, pronoun, offset, match))
            if len(readings) != 1:
                raise ValueError(f"sentence {whole[:80]!r} has {len(readings)} readings")
            result.append(readings[0])
            offset += len(sentence) + 2
        return result

    def _value(self, attribute: str, text: str) -> int | None:
        if attribute != "birth_date":
            return self._numbers[attribute].get(text)
        months, days, years = self.lists.dates
        match = re.fullmatch(r"([A-Z][a-z]+) ([1-9][0-9]?), ([0-9]{4})", text)
        if not match or match[1] not in MONTHS[:months]:
            return None
        day, year = int(match[2]) - 1, int(match[3]) - FIRST_YEAR
        return (MONTHS.index(match[1]) * days + day) * years + year if day < days and 0 <= year < years else None

    def read(self, text: str) -> dict[str, Any]:
        """Return the name, values, templates, order and pronoun that a text shows, and its spans by kind.

        The pronoun is None where no sentence shows it. Raises ValueError on junk.
        """
        if not isinstance(text, str) or len(text) > 100_000 or not text.endswith("."):
            raise ValueError("no text of sentences")
        closing = CLOSING.search(text) if self.name_at == len(ATTRIBUTES) else None
        matches = self._matches(text[: closing.start()] if closing else text)
        by_attribute = {attribute: (number, offset, match) for attribute, number, _, offset, match in matches}
        if len(by_attribute) != len(ATTRIBUTES) or len(matches) != len(ATTRIBUTES):
            raise ValueError("a biography states each of the six facts once")
        named = [
            (place, offset, match) for place, (*_, offset, match) in enumerate(matches) if "name" in match.re.groupindex
        ]
        named += [(len(matches), 0, closing)] if closing else []
        names = {match["name"] for *_, match in named}
        if len(names) != 1 or named[0][0] != self.name_at:
            raise ValueError(f"sentence {self.name_at + 1} must have the full name first: {sorted(names)}")
        shown = {pronoun for _, _, pronoun, _, _ in matches if pronoun is not None}
        if len(shown) > 1:
            raise ValueError("two pronouns for one person")
        parts = names.pop().split(" ")
        numbers = [known[part] for known, part in zip(self._names, parts, strict=True) if part in known]
        if len(numbers) != 3:
            raise ValueError(f"{' '.join(parts)!r} is no name of the lists")
        spans = {"name": [(offset + match.start("name"), offset + match.end("name")) for _, offset, match in named]}
        for attribute, (_, offset, match) in by_attribute.items():
            spans[attribute] = [(offset + match.start("value"), offset + match.end("value"))]
        return {
            "pronoun": shown.pop() if shown else None,
            "name": dict(zip(("first", "middle", "last"), numbers, strict=True)),
            "values": {a: self._value(a, by_attribute[a][2]["value"]) for a in ATTRIBUTES},
            "templates": {a: by_attribute[a][0] for a in ATTRIBUTES},
            "order": [ATTRIBUTES.index(attribute) for attribute, *_ in matches],
            "spans": spans,
        }


def _written(template: str, pronoun: str, somebody: str) -> str:
    """Return a template about "name", "pronoun" or "person", with \\0 for the name and \\1 for the value."""
    forms = FORMS[pronoun]

    def one(match: re.Match[str]) -> str:
        marker = match[1]
        if marker == "v":
            return "\x01"
        if marker in ("S", "S's", "O") and somebody != "pronoun":
            return ("\x00" if somebody == "name" else "the person") + ("'s" if marker == "S's" else "")
        if "|" in marker:
            one, many = marker.split(":")[-1].split("|")
            return many if pronoun == "they" and (":" in marker or somebody == "pronoun") else one
        return forms[marker]

    text = re.sub(r"\{([^}]*)\}", one, template)
    return text[0].upper() + text[1:]


def _key(text: str) -> tuple[str, str]:
    """Return a text's first and last word, each "" where a name or value is in it."""
    words = text.split(" ")
    return tuple("" if "\x00" in word or "\x01" in word else word for word in (words[0], words[-1]))  # type: ignore[return-value]

"""Probing targets: where a linear probe looks into a biography, and what it should find there (Part 3.1, section 5).

P-probing looks just before the first mention of each value, at six places, for eleven targets: the birth month, and of
each other attribute the value and its first word. Q-probing looks at the end of a text that is the full name alone, for
the same targets. Places are characters of documents and tokens of token rows, as in `latent.spans`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthgen.task.probing import Glimpse, Probing
from synthgen.tasks.bios.world.lists import ATTRIBUTES, MONTHS, Lists

WHOLE = ATTRIBUTES[1:]

NAME = "name"
"""What Q-probing is called; P-probing before an attribute's value is called as the attribute."""

P_RANK, Q_RANK = 2, 16
"""Ranks of the update of the embedding (Part 3.1, section 5)."""


class Probes:
    """The targets of one set of lists."""

    def __init__(self, lists: Lists) -> None:
        self.lists = lists
        self._first = {attribute: self._first_words(attribute) for attribute in WHOLE}

    def _values(self, attribute: str) -> tuple[str, ...]:
        return self.lists.cities if attribute == "company_city" else getattr(self.lists, attribute)

    def _first_words(self, attribute: str) -> dict[str, int]:
        words = dict.fromkeys(value.split(" ")[0] for value in self._values(attribute))
        return {word: number for number, word in enumerate(words)}

    @property
    def classes(self) -> dict[str, int]:
        """How many classes each target has."""
        sizes = {"birth_month": len(MONTHS[: self.lists.dates[0]])}
        for attribute in WHOLE:
            sizes |= {attribute: len(self._values(attribute)), f"{attribute}_first": len(self._first[attribute])}
        return sizes

    def targets(self, row: Mapping[str, Any]) -> dict[str, int]:
        """Return the class of each target for the person of a row."""
        values = row["latent"]["values"]
        _, days, years = self.lists.dates
        classes = {"birth_month": values["birth_date"] // (days * years)}
        for attribute in WHOLE:
            first = self._values(attribute)[values[attribute]].split(" ")[0]
            classes |= {attribute: values[attribute], f"{attribute}_first": self._first[attribute][first]}
        return classes

    def places(self, row: Mapping[str, Any]) -> list[tuple[str, int]]:
        """Return (attribute, place) of the first mention of each value, in the order of the text.

        A causal model's state for the probe is the one that predicts what stands at this place.
        """
        spans = row["latent"]["spans"]
        return sorted(((a, spans[a][0]["start"]) for a in ATTRIBUTES), key=lambda mention: mention[1])

    def name(self, row: Mapping[str, Any]) -> str:
        """Return the full name of the person of a row: the whole text of Q-probing."""
        parts = (self.lists.first_names, self.lists.middle_names, self.lists.last_names)
        numbers = row["latent"]["name"]
        return " ".join(part[numbers[key]] for key, part in zip(("first", "middle", "last"), parts, strict=True))

    @property
    def probings(self) -> dict[str, Probing]:
        """What is looked for at each place: all targets."""
        targets = self.classes
        before = {
            attribute: Probing(f"the facts just before the {attribute.replace('_', ' ')}", targets, P_RANK)
            for attribute in ATTRIBUTES
        }
        return before | {NAME: Probing("the facts behind the name alone", targets, Q_RANK, norm="batch")}

    def glimpses(self, row: Mapping[str, Any], probing: str) -> list[Glimpse]:
        """Return where a probe looks in a row; none for the name where something else stands before it."""
        if probing != NAME:
            return [Glimpse(dict(self.places(row))[probing], self.targets(row))]
        first = row["latent"]["spans"][NAME][0]
        return [] if first["start"] else [Glimpse(first["end"], self.targets(row), behind=())]

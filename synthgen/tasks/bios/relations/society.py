"""A society: the people of a world and how they are related, as params and lists say it; its bits, and its faults."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthgen.errors import SynthgenError
from synthgen.exact.bits import Bits
from synthgen.exact.entropy import Book, Draws
from synthgen.task.fidelity import Deviation
from synthgen.task.kit.capacity import Knowledge
from synthgen.tasks.bios.relations.laws import relation_bits
from synthgen.tasks.bios.relations.params import RelatedParams
from synthgen.tasks.bios.relations.wordings import Relation, RelationLists, read_relations
from synthgen.tasks.bios.world.lists import Lists
from synthgen.tasks.bios.world.population import knowledge_of, lists_of, world_bits

MARKS = '"\\|'
"""What stands between the parts of triples and JSON, so that no name and no value may have it."""

NOT_PUBLISHED = Deviation(
    "relations, and questions of several hops",
    "none in any paper of the series",
    lambda params: "our own, over people, facts and wording as in Parts 3.1 and 3.2",
    decided_by=("relations",),
)
"""How far these tasks follow the papers."""


class Society:
    """Lists, relations and bits of a world."""

    def __init__(self, params: RelatedParams, folder: Path | None) -> None:
        """Read a folder of lists (None: ours). Raises SynthgenError where params and lists do not go together."""
        self.params, self.lists = params, lists_of(params, folder)
        self.wordings: RelationLists = read_relations(folder, params.edition)
        self.relations: tuple[Relation, ...] = self.wordings.chosen(params.relations)
        self.laws = [relation.law for relation in self.relations]
        if "pairs" in self.laws and params.people % 2:
            raise SynthgenError(
                f"params.people = {params.people:,}: an odd number of people has no pairs; take one more or less, or "
                f"leave {self.relations[self.laws.index('pairs')].key!r} out of params.relations"
            )
        _refuse_marks(self.lists)

    @property
    def relation_bits(self) -> dict[str, Bits]:
        """The bits of each relation over everybody, by key."""
        people, few = self.params.people, self.params.few
        return {relation.key: relation_bits(relation.law, people, few) for relation in self.relations}

    def knowledge(self, facts: bool) -> Knowledge:
        """Return what there is to know, with the facts of people or without."""
        people = self.params.people
        known = knowledge_of(self.lists, people)
        spans: Mapping[str, float] = {key: bits.value / people for key, bits in self.relation_bits.items()}
        bits = math.fsum(spans.values()) + known.attribute_bits * facts
        return Knowledge(people, known.names, bits, span_bits={**known.span_bits, **spans} if facts else spans)

    def books(self, facts: bool, pronoun: float) -> tuple[dict[str, Book], dict[str, Any]]:
        """Return the world books, and what else is known of the world: `facts` says whether rows show those of people.

        pronoun: bits of a person's pronoun, where rows show it.
        """
        params, people = self.params, self.params.people
        books, known = world_bits(self.lists, params.everybody, pronoun)
        if not facts:
            del books["attributes"]
            known = {name: value for name, value in known.items() if not name.startswith("attribute")}
        for relation in self.relations:
            law = f"{relation.law}, {params.few}" if relation.law == "many" else relation.law
            draws = Draws(f"{relation.key} ({law}) of {people} people from {params.first_person} on", None)
            books[f"relation_{relation.key}"] = Book(self.relation_bits[relation.key], "world", draws)
        told = math.fsum(book.bits.value for book in books.values())
        return books, known | {
            "relation_bits_a_person": {key: bits.value / people for key, bits in self.relation_bits.items()},
            "world_list_bits": told + known["names_list_bits"] - known["names_set_bits"],
            "world_bits": told,
            "world_bits_a_person": told / people,
        }


def _refuse_marks(lists: Lists) -> None:
    names = (*lists.first_names, *lists.middle_names, *lists.last_names)
    for text in (*names, *lists.birth_city, *lists.university, *lists.major, *lists.employer, *lists.cities):
        if any(mark in text for mark in MARKS):
            raise SynthgenError(
                f"the lists have {text!r}: rows about relations quote names and values, and set bars between them; "
                'take out " and \\ and |'
            )

"""Relatives as a judge knows them: who is whose, read off numpy's own Philox and the inverse of the bijection."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthgen.exact.bijection import permute, unpermute
from synthgen.exact.draw import Keys
from synthgen.tasks.bios.relations.wordings import Relation
from synthgen.tasks.bios.world.lists import Lists
from synthgen.tasks.bios.world.reading.registry import Registry


class Relatives:
    """The facts, names and relations of a world's people."""

    def __init__(self, keys: Keys, lists: Lists, everybody: range, bosses: int, relations: Sequence[Relation]) -> None:
        self.registry = Registry(keys, lists, everybody.start, len(everybody), ranked=False)
        self.relations = {relation.name: relation for relation in relations}
        self._everybody, self._bosses = everybody, bosses
        self._keys = {relation.key: keys.world(f"relation {relation.key}") for relation in relations}

    def related(self, relation: Relation, person: int) -> int:
        """Return whom a relation leads to from a person of the world."""
        key, people = self._keys[relation.key], len(self._everybody)
        number = person - self._everybody.start
        place = unpermute(key, people, number)
        if relation.law == "pairs":
            other = place + 1 if place % 2 == 0 else place - 1
        elif relation.law == "circle":
            other = (place + 1) % people
        else:
            candidates = [boss for boss in range(self._bosses) if boss != place]
            other = candidates[_uniform(key, number, len(candidates))]
        return self._everybody.start + permute(key, people, other)

    def along(self, person: int, path: Sequence[Relation]) -> list[int]:
        """Return who is met on a path of relations, with the person it begins at."""
        people = [person]
        for relation in path:
            people.append(self.related(relation, people[-1]))
        return people


def _uniform(key: np.ndarray, entity: int, size: int) -> int:
    """Return the first uniform number below `size` that is drawn at (key, entity, 1), by the definition of a draw."""
    philox = np.random.Philox(key=key, counter=[0, 0, entity, 1])
    words = [int(word) for _ in range(16) for word in philox.random_raw(4)]
    halves = [half for word in words for half in (word & 0xFFFFFFFF, word >> 32)]
    for half in halves:
        if (half * size) & 0xFFFFFFFF >= (1 << 32) % size:
            return half * size >> 32
    raise ArithmeticError("a bounded draw was rejected 128 times")

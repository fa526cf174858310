"""People by facts: everybody of a world at once, indexed by facts, for questions that ask who somebody is.

Inverse questions need to know who else fits. The facts they give are one number (mixed radix, so exact); the numbers of
all people are sorted, 16 bytes a person for each kind of question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthgen.exact.draw import new_state
from synthgen.exact.jit import kernel
from synthgen.tasks.bios.questions.forms import Form
from synthgen.tasks.bios.world.lists import FIRST_YEAR, MONTHS, Lists
from synthgen.tasks.bios.world.writing.people import DAY, FIELDS, FIRST, MONTH, YEAR, Group, World, draw_person

MOST_PEOPLE = 50_000_000
"""Inverse questions are made for worlds up to this size: the index then takes 0.8 GB."""

FIELD_OF = {"birth_city": YEAR + 1, "university": YEAR + 2, "major": YEAR + 3, "employer": YEAR + 4}


def radix(sizes: np.ndarray, given: Sequence[str]) -> np.ndarray:
    """Return the weights (FIELDS,) int64 that make one number of the given facts of a person.

    A company city follows from the employer, which is given wherever it is: it has no weight of its own.
    """
    weights = np.zeros(FIELDS, np.int64)
    weight = 1
    for fact in given:
        for field in (MONTH, DAY, YEAR) if fact == "birth_date" else (FIELD_OF.get(fact, -1),):
            if field >= 0:
                weights[field] = weight
                weight *= int(sizes[field])
    return weights


@dataclass(frozen=True)
class Chance:
    """How often only one answer is right, the accuracy of the best guess at who was meant, and the bits it lacks."""

    determined: float
    accuracy: float
    bits: float


class PeopleByFacts:
    """The people [first, first + number) of a world, sorted by some given facts."""

    def __init__(self, state: np.record, world: World, lists: Lists, everybody: Group, given: Sequence[str]) -> None:
        self.lists, self.radix = lists, radix(world.sizes, given)
        numbers, self.first_names = np.empty(everybody.number, np.int64), np.empty(everybody.number, np.int32)
        _draw_numbers(state, world, everybody.first, self.radix, numbers, self.first_names)
        order = np.argsort(numbers, kind="stable")
        self.persons, self.first_names = order + everybody.first, self.first_names[order]
        self.numbers, starts = np.unique(numbers[order], return_index=True)
        self.bounds = np.append(starts, everybody.number)  # persons bounds[k]:bounds[k + 1] have numbers[k]
        sizes = np.diff(self.bounds)
        self.places = np.empty(everybody.number, np.int32)  # of each person: the k above
        self.places[order] = np.repeat(np.arange(sizes.size), sizes)

    def fitting(self, given: Mapping[str, str]) -> list[int]:
        """Return who has facts given as texts, in rising order. Raises ValueError for a text of no value."""
        number = int(self._fields_of(given) @ self.radix)
        place = int(np.searchsorted(self.numbers, number))
        if place == self.numbers.size or self.numbers[place] != number:
            return []
        return self.persons[self.bounds[place] : self.bounds[place + 1]].tolist()

    def _fields_of(self, given: Mapping[str, str]) -> np.ndarray:
        fields = np.zeros(FIELDS, np.int64)
        for fact, text in given.items():
            if fact == "birth_date":
                month, day, year = text.replace(",", "").split(" ")
                fields[[MONTH, DAY, YEAR]] = MONTHS.index(month), int(day) - 1, int(year) - FIRST_YEAR
            elif fact in FIELD_OF:
                fields[FIELD_OF[fact]] = getattr(self.lists, fact).index(text)
        return fields

    def chances(self) -> dict[str, Chance]:
        """Return what somebody who knows the whole world can answer, by `full` name and by `first` name.

        Counted over everybody, each asked for once.
        """
        n, sizes = self.persons.size, np.diff(self.bounds)
        group = np.repeat(np.arange(sizes.size), sizes)
        pairs, counts = np.unique((group << 32) + self.first_names, return_counts=True)
        best = np.zeros(sizes.size, np.int64)
        np.maximum.at(best, pairs >> 32, counts)
        fitting = sizes[pairs >> 32]  # of each first name: how many people fit the same facts
        bits = float((counts * np.log2(fitting / counts)).sum() / n)
        alone = float((sizes == 1).sum() / n)
        return {
            "full": Chance(alone, sizes.size / n, float((sizes * np.log2(sizes)).sum() / n)),
            "first": Chance(float(sizes[best == sizes].sum() / n), float(best.sum() / n), bits),
        }

    def shared_bits(self, asked: range) -> float:
        """Return the bits that the facts and the first name lack, on average, of which of the `asked` persons it is."""
        inside = (self.persons >= asked.start) & (self.persons < asked.stop)
        sizes = np.diff(self.bounds)
        group = np.repeat(np.arange(sizes.size), sizes)[inside]
        _, counts = np.unique((group << 32) + self.first_names[inside], return_counts=True)
        return float((counts * np.log2(counts)).sum() / counts.sum())


class PeopleByForm:
    """The people of one world by what each inverse form gives; indexed when first asked for (0.3 s a million)."""

    def __init__(self, world: World, lists: Lists, everybody: Group, forms: Sequence[Form]) -> None:
        self._world, self._lists, self._everybody, self._forms = world, lists, everybody, forms
        self._drawn: dict[tuple[str, ...], PeopleByFacts] = {}

    def of(self, given: tuple[str, ...], state: np.record | None = None) -> PeopleByFacts:
        """Return the people by given facts; on a tape, drawn anew from it."""
        if state is not None and state.tape:
            return PeopleByFacts(state, self._world, self._lists, self._everybody, given)
        if given not in self._drawn:
            self._drawn[given] = PeopleByFacts(new_state(), self._world, self._lists, self._everybody, given)
        return self._drawn[given]

    def answers(self, form: np.ndarray, person: np.ndarray, state: np.record) -> tuple[np.ndarray, np.ndarray]:
        """Return the people who fit each row's question, as ends (rows,) and persons; nobody if names were given.

        form: (rows,) numbers of forms; person: (rows,) who was meant.
        """
        groups = []
        counts = np.zeros(len(form), np.int64)
        for given in dict.fromkeys(f.given for f in self._forms if f.given):
            rows = np.flatnonzero(np.array([f.given == given for f in self._forms])[form])
            people = self.of(given, state)
            places = people.places[person[rows] - self._everybody.first]
            counts[rows] = people.bounds[places + 1] - people.bounds[places]
            groups.append((rows, people.bounds[places], people.persons))
        ends = np.cumsum(counts)
        fitting = np.empty(ends[-1], np.int64)
        for rows, low, persons in groups:
            _collect(rows, low, counts, ends, persons, fitting)
        return ends, fitting

    def suggest(self, form: Form, given: Mapping[str, str]) -> list[int]:
        """Return who may have the facts of a question, given as texts."""
        return self.of(form.given).fitting(given)

    def shared_bits(self, asked: range, shares: Sequence[float]) -> float:
        """Return the bits a row that texts lack of who was meant, if each form has its share of them.

        An inverse question shows its facts and its answer: a full name, which nobody else has, or a first name.
        """
        return sum(
            share * self.of(form.given).shared_bits(asked)
            for form, share in zip(self._forms, shares, strict=True)
            if form.given and form.answer[0] == "first"
        )

    def facts(self) -> dict[str, dict[str, float]]:
        """Return the chances of all inverse forms: by fact and then by form."""
        chances = {form.key: self.of(form.given).chances()[form.answer[0]] for form in self._forms if form.given}
        return {
            "determined_in_this_world": {key: chance.determined for key, chance in chances.items()},
            "best_accuracy_in_this_world": {key: chance.accuracy for key, chance in chances.items()},
            "answer_bits_in_this_world": {key: chance.bits for key, chance in chances.items()},
        }


@kernel
def _draw_numbers(state, world, first, weights, numbers, first_names):
    fields = np.empty(FIELDS, np.int64)
    for i in range(numbers.size):
        draw_person(state, world.names, world.people, first + i, world.sizes, fields)
        number = 0
        for field in range(FIELDS):
            number += fields[field] * weights[field]
        numbers[i] = number
        first_names[i] = fields[FIRST]


@kernel
def _collect(rows, low, counts, ends, persons, fitting):
    """Copy to each row's part of `fitting` the persons that begin at its `low`."""
    for i in range(rows.size):
        row = rows[i]
        start = ends[row] - counts[row]
        for k in range(counts[row]):
            fitting[start + k] = persons[low[i] + k]

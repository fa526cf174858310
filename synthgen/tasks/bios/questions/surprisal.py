"""What may come next in a question and its answer, for a model that knows the world: which form, whom, and how worded.

Whoever knows the world pays for the prompt alone, but where a hint or an inverse question leaves something open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from synthgen.task.kit.surprisal import Phrase, Piece, Way, walked, ways_of
from synthgen.tasks.bios.questions.forms import LATER, MINUS, MODULO
from synthgen.tasks.bios.questions.writing.programs import (
    FIELD,
    MODULUS,
    N_SLOTS,
    NO,
    REFERENCE,
    RESULT,
    RULE,
    YES,
    ZERO,
    Programs,
)
from synthgen.tasks.bios.world.crowd import Crowd
from synthgen.tasks.bios.world.writing.people import (
    BIRTH_CITY,
    DAY,
    EMPLOYER,
    FIRST,
    LAST,
    MAJOR,
    MIDDLE,
    MONTH,
    UNIVERSITY,
    YEAR,
    World,
)


def words_of(people: np.ndarray, world: World) -> np.ndarray:
    """Return the values of the slots of everybody's words, (people, N_SLOTS), in the order of `SLOTS`."""
    first, middle, last, month, day, year = people[:, [FIRST, MIDDLE, LAST, MONTH, DAY, YEAR]].T
    date = month * world.sizes[DAY] + day
    values = people[:, [BIRTH_CITY, UNIVERSITY, MAJOR, EMPLOYER]].T
    home = world.homes[people[:, EMPLOYER]]
    return np.column_stack(
        [first, middle, last, first, date, year, *values, home, month, day, date * world.sizes[YEAR] + year]
    )


@dataclass(frozen=True)
class Reading:
    """What is known of a row so far: who A and B may be, and the ways on."""

    people: tuple[np.ndarray, np.ndarray]
    ways: tuple[Way, ...]


class QuestionLaw:
    """The law of questions and answers, for readers who know the world."""

    def __init__(
        self,
        programs: Programs,
        say: Callable[[int], Phrase],
        people: np.ndarray,
        world: World,
        ranks: np.ndarray,
        weights: Sequence[float],
        hint: float,
    ) -> None:
        """people: the fields of those asked about; ranks: of each major; weights: of forms; hint: the chance of one."""
        self._programs, self._say, self._people, self._ranks = programs, say, people, ranks
        sentences: list[list[Piece]] = []
        shares: list[float] = []
        for form in range(len(programs.rules)):
            for wording in range(programs.wordings):
                for hinted, chance in enumerate((1 - hint, hint)):
                    if chance:
                        prompt = self._pieces((form * programs.wordings + wording) * 2 + hinted, form)
                        answer = len(programs.rules) * programs.wordings * 2 + form * 2 + hinted
                        sentences.append([*prompt, *self._pieces(answer, form)])
                        shares.append(weights[form] * chance)
        self._ways = ways_of(sentences, shares)
        values = words_of(people, world)
        slots = {p % N_SLOTS for sentence in sentences for p in sentence if isinstance(p, int) and p < RESULT}
        phrases = {k: range(int(programs.first[k]), int(programs.first[k] + values[:, k].max()) + 1) for k in slots}
        self._crowd = Crowd(values, {k: [say(number) for number in numbers] for k, numbers in phrases.items()})

    def surprisals(self, said: Phrase) -> np.ndarray:
        """Return the bits of each token of a prompt and its completion, and of their end, (tokens + 1,)."""
        return walked(said, Reading((self._crowd.all, self._crowd.all), self._ways), self._follow)

    def _pieces(self, program: int, form: int) -> list[Piece]:
        """Return a program's phrases, and its words as numbers; the result of a rule is numbered by its form."""
        starts = self._programs.starts
        out: list[Piece] = []
        for piece in self._programs.pieces[starts[program] : starts[program + 1]].tolist():
            if piece <= REFERENCE:
                word = REFERENCE - piece
                out.append(RESULT + form if word == RESULT else word)
            elif piece >= 0:  # else a bracket of a span
                out.append(self._say(piece))
        return out

    def _follow(self, reading: Reading, ahead: Phrase) -> Iterator[tuple[float, Phrase, Reading | None]]:
        for way in reading.ways:
            piece, last = way.piece, not way.onward
            if not isinstance(piece, int):
                yield way.share, piece, None if last else Reading(reading.people, way.onward)
            elif piece >= RESULT:
                behind = None if last else Reading(reading.people, way.onward)
                yield way.share, self._say(self._result(piece - RESULT, reading.people)), behind
            else:
                which, slot = divmod(piece, N_SLOTS)
                people, other = reading.people[which], reading.people[1 - which]
                if people is self._crowd.all and other.size == 1:  # B is somebody else than A
                    people = np.delete(people, other[0])
                for share, phrase, group in self._crowd.apart(people, slot).get(ahead, ()):
                    pair = (group, other) if which == 0 else (other, group)
                    yield way.share * share, phrase, None if last else Reading(pair, way.onward)

    def _result(self, form: int, people: tuple[np.ndarray, np.ndarray]) -> int:
        """Return the phrase of what a form's rule gives for the people it is about."""
        rule, field, modulus = self._programs.rules[form, [RULE, FIELD, MODULUS]].tolist()
        a, b = (int(self._people[one[0], field]) for one in people)
        a, b = (int(self._ranks[a]), int(self._ranks[b])) if field == MAJOR else (a + 1, b + 1)
        results = self._programs.results
        if rule == MODULO:
            if field == MONTH and modulus == 2:
                return int(results[NO if a % 2 else YES])
            return int(results[ZERO]) + (a if field == MONTH and modulus == 12 else a % modulus)
        if rule == LATER:
            return int(results[YES if a > b else NO])
        assert rule == MINUS
        return int(results[ZERO]) + a - b

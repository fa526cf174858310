"""What may come next in a solution, for a model that has read the problem: the law of completions, token by token.

Which parameter is defined next is a matter of the orders that are left: all orders of a whole solution are equally
likely. What has a letter takes any that is left. What is taken back is drawn by the law of retries. All else follows
from the problem.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from synthgen.task.kit.retries import RetryParams
from synthgen.task.kit.surprisal import behind_prompt, walked
from synthgen.tasks.igsm.markers import MARKERS
from synthgen.tasks.igsm.params import IgsmParams
from synthgen.tasks.igsm.problem_bits import Orders, ProblemLaw
from synthgen.tasks.igsm.reading.problem import BARE, TIMES, Parameter, Problem, solve
from synthgen.tasks.igsm.reading.solution_reader import SolutionReader
from synthgen.tasks.igsm.worlds import World
from synthgen.tasks.igsm.writing.open.sampler import OpenSampler
from synthgen.tasks.igsm.writing.surface import LETTERS
from synthgen.tasks.igsm.writing.text import letter_names

Piece = str | int
"""What a step is made of: text, and letters by their number in the step."""

Operand = Parameter | int | str
"""A parameter, a partial result by its number in the step, or a number as it is written."""
Operation = tuple[str, tuple[Operand, ...]]
"""A sign, and what it stands between; one operand is copied, none is a number alone."""


class Telling(NamedTuple):
    """How far a solution has come."""

    left: int  # the parameters to define, as bits
    letters: dict[Parameter, str]
    taken: frozenset[str]  # the letters that are given
    back: frozenset[Parameter] = frozenset()  # what was taken back since the last step
    coming: int = -1  # the parameter that is defined next, where that is settled
    pieces: tuple[Piece, ...] = ()  # what is still to be said; numbers are those of letters of the step
    slots: tuple[str, ...] = ()  # the letters of this step
    defines: bool = False  # whether the pieces define `coming`


class SolutionLaw:
    """The law of the solutions of one family of wording and level of detail."""

    def __init__(self, params: IgsmParams, world: World) -> None:
        self._params, self._retry = params, params.retry or RetryParams()
        self._paper = params.phrasing == "paper"
        self._rank = {name: i for i, (name, _) in enumerate(world.flat())}
        categories = [category for chain in world.categories for category in chain]
        self._plurals = dict([*world.flat(), *categories])
        self._letters = letter_names()

    def surprisals(self, completion: str, problem: Problem, orders: Orders) -> np.ndarray:
        """Return the bits of each character of a solution and of its end, (characters + 1,).

        Raises OverflowError where orders take too long to count.
        """
        values = solve(problem, self._params.counted, orders.of)
        follow = functools.partial(self._follow, problem, orders, values)
        return walked(completion, Telling(orders.all, {}, frozenset(), pieces=(" ",)), follow)

    def _follow(
        self, problem: Problem, orders: Orders, values: dict[Parameter, int], telling: Telling, ahead: str
    ) -> Iterator[tuple[float, str, Telling | None]]:
        if not telling.pieces:
            yield from self._next(problem, orders, values, telling)
            return
        piece, behind = telling.pieces[0], telling._replace(pieces=telling.pieces[1:])
        if isinstance(piece, str):
            over = not behind.left and not behind.pieces and not behind.defines
            yield 1.0, piece, None if over else self._passed(behind, orders, values)
        elif piece < len(telling.slots):
            yield 1.0, telling.slots[piece], self._passed(behind, orders, values)
        else:
            free = self._free(telling.taken)
            for letter in free:
                if letter[:1] == ahead:
                    given = behind._replace(slots=(*behind.slots, letter), taken=behind.taken | {letter})
                    yield 1 / len(free), letter, self._passed(given, orders, values)

    def _free(self, taken: frozenset[str]) -> list[str]:
        single = self._letters[: self._params.sizes.letters]
        return [
            letter
            for letter in (single if len(taken) < len(single) else self._letters[LETTERS:])
            if letter not in taken
        ]

    def _passed(self, telling: Telling, orders: Orders, values: dict[Parameter, int]) -> Telling:
        """Return what is known behind a piece: where it was a step's last, the step is over."""
        if telling.pieces or not telling.defines:
            return telling
        parameter, left = orders.of[telling.coming], telling.left & ~(1 << telling.coming)
        letters = telling.letters | {parameter: telling.slots[0] if telling.slots else ""}
        ending = (". ",) if left else (f"{self._answer}{values[parameter]}{'' if self._marked else '.'}",)
        return Telling(left, letters, telling.taken, pieces=ending)

    @property
    def _marked(self) -> bool:
        return self._params.layout == "markers"

    @property
    def _answer(self) -> str:
        if self._marked:
            return f".{MARKERS[2]} "
        return ". Answer: " if self._paper else ". So the answer is "

    # -- what stands next ---------------------------------------------------------------------------------------------

    def _next(
        self, problem: Problem, orders: Orders, values: dict[Parameter, int], telling: Telling
    ) -> Iterator[tuple[float, str, Telling]]:
        """Give what may be taken back before the next step, and the next steps."""
        retry, left = self._retry, telling.left
        steps = [(telling.coming, 1.0)] if telling.coming >= 0 else self._shares(orders, left)
        if telling.coming < 0 and retry.rate and retry.kind == "weak" and not retry.next_counts:
            for i, share in steps:  # what the next step defines is no mistake
                yield share, "", telling._replace(coming=i)
            return
        wrong = self._mistakes(problem, orders, telling) - telling.back if retry.rate else set()
        rate = retry.rate if wrong else 0.0
        for parameter in wrong:
            said = (
                f"Define {self._name(parameter)} as BACK. " if self._paper else f"Let BACK be {self._name(parameter)}. "
            )
            yield rate / len(wrong), "", telling._replace(back=telling.back | {parameter}, pieces=(said,))
        for i, share in steps:
            pieces = self._step(problem, orders.of[i], values, telling.letters)
            yield (1 - rate) * share, "", telling._replace(coming=i, pieces=pieces, slots=(), defines=True)

    def _shares(self, orders: Orders, left: int) -> list[tuple[int, float]]:
        """Return the parameters that may come next, and how likely each is."""
        ready = orders.ready(left)
        if len(ready) == 1:
            return [(ready[0], 1.0)]
        numbers = [orders.number(left ^ 1 << i) for i in ready]
        return [(i, number / sum(numbers)) for i, number in zip(ready, numbers, strict=True) if number]

    def _mistakes(self, problem: Problem, orders: Orders, telling: Telling) -> set[Parameter]:
        """Return what would be a mistake here, by its kind's definition (Part 2.2, section 4)."""
        left = {parameter for parameter in orders.of if orders.bit[parameter] & telling.left}
        if self._retry.kind == "weak":
            return left - {orders.of[telling.coming]} if telling.coming >= 0 else left
        known = set(orders.of) - left
        if self._retry.kind == "perfect":
            return {p for p in problem.parameters() if p not in known and not known.issuperset(problem.needs(p))}
        cited = {parameter for sentence in problem.sentences.values() for parameter in sentence.cites}
        return {problem.query, *problem.sentences, *cited} - known

    # -- the text of a step -------------------------------------------------------------------------------------------

    def _name(self, parameter: Parameter) -> str:
        owner, target = parameter
        return f"{owner}'s {target}" if self._paper else f"the {self._plurals[target]} in each {owner}"

    def _step(
        self, problem: Problem, parameter: Parameter, values: dict[Parameter, int], letters: dict[Parameter, str]
    ) -> tuple[Piece, ...]:
        """Return the pieces of a step, but for what stands between steps; its letters are numbers, its own 0."""
        named, name = self._params.detail % 3 == 2, self._name(parameter)
        head: list[Piece] = (
            [name] if named else [f"Define {name} as ", 0] if self._paper else ["Let ", 0, f" be {name}"]
        )
        operations, results, first = (
            self._operations(problem, parameter),
            dict[Operand, int](values.items()),
            int(named),
        )

        def symbol(operand: Operand) -> Piece:
            if isinstance(operand, tuple):
                return self._name(operand) if named else letters[operand]
            return operand - first if isinstance(operand, int) else operand  # there is no letter of the step's own

        for number, (sign, operands) in enumerate(operations[1:] + operations[:1], 1):
            last = number == len(operations)
            parts = [o if isinstance(o, str) else str(results[o]) for o in operands]
            result = self._calculated(sign, [int(part) for part in parts])
            results[number] = result
            head += ["; so " if self._paper else "; hence "] if last else ["; "]
            head += [name if named else 0] if last else [number - first]
            if len(operands) == 1 and operands[0] == parts[0]:  # a number alone
                head += [f" = {result}"]
                continue
            if operands and not self._params.detail // 3 % 2:
                head += [" = ", symbol(operands[0]), *[p for o in operands[1:] for p in (f" {sign} ", symbol(o))]]
            if len(operands) > 1 and not self._params.detail // 6:
                head += [f" = {f' {sign} '.join(parts)}"]
            head += [f" = {result}"]
        return tuple(head)

    def _calculated(self, sign: str, numbers: list[int]) -> int:
        a, b = (*numbers, 0)[:2]
        result, counted = a * b if sign == "*" else a - b if sign == "-" else a + b, self._params.counted
        return result % counted if counted else result

    def _operations(self, problem: Problem, parameter: Parameter) -> list[Operation]:
        """Return the operations of a step: its result's, then those of its partial results 1, 2, ... in order.

        Several operands are added from left to right; the sentence's number comes first; an abstract parameter
        multiplies, then adds at once.
        """
        sentence = problem.sentences.get(parameter)
        if sentence is None:
            return self._sum(problem, parameter)
        if not sentence.cites:
            return [("", (str(sentence.number),))]
        sign, partial = "-" if sentence.minus else "+", list[Operation]()
        left: Operand = sentence.cites[0]
        for other in sentence.cites[1:]:
            partial.append((sign, (left, other)))
            left = len(partial)
        if sentence.literal != BARE:
            return [("*" if sentence.literal == TIMES else "+", (str(sentence.number), left)), *partial]
        return [partial.pop(), *partial] if partial else [("", (left,))]

    def _sum(self, problem: Problem, parameter: Parameter) -> list[Operation]:
        """Return the operations of an abstract parameter, over the things in its item in the order of their names."""
        item, category = parameter
        children = sorted(problem.children.get(item, ()), key=self._rank.__getitem__)
        deep = problem.layer[category] - problem.layer[item] > 1
        partial = list[Operation]()
        left: Operand = ""
        for child in children:
            term: Operand = (item, child)
            if deep:
                partial.append(("*", (term, (child, category))))
                term = len(partial)
            if left:
                partial.append(("+", (left, term)))
                term = len(partial)
            left = term
        if not partial:
            return [("", (left or "0",))]
        return [partial.pop(), *partial]


class OpenRowLaw:
    """The open law of whole rows: a problem at once, and its solution character by character."""

    def __init__(self, params: IgsmParams, reader: SolutionReader, world: World, sampler: OpenSampler) -> None:
        self._params, self._reader, self._solutions = params, reader, SolutionLaw(params, world)
        self._problems = ProblemLaw(params, sampler, world)
        self._read = functools.lru_cache(maxsize=16)(self._read_prompt)

    def surprisals(self, text: str) -> np.ndarray:
        """Return the bits of each character of a row and of its end, (characters + 1,).

        All are NaN where the orders of the solution take too long to count.
        """
        length = self._reader.problems.length(text)
        try:
            problem, orders, bits = self._read(text[:length])
            if bits < math.inf:
                return behind_prompt(length, bits, self._solutions.surprisals(text[length:], problem, orders))
        except OverflowError:
            return np.full(len(text) + 1, np.nan)
        except ValueError:  # no problem of this world, or one whose sentences need each other
            pass
        return np.full(len(text) + 1, np.inf)

    def _read_prompt(self, prompt: str) -> tuple[Problem, Orders, float]:
        problem = self._reader.problem(prompt)
        orders = Orders(problem, self._params.open.open_ends)
        return problem, orders, self._problems.bits(problem, orders)

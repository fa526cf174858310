"""Bits of a problem of the open law, as its text shows it: what each choice that made it has, counted from the text.

A problem comes about in one way for each order of its solution, and all of these are alike. So what is left for the
problem, beside log2 of their number, is the bits of any one of them.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from dataclasses import dataclass

from synthgen.errors import SynthgenError
from synthgen.exact.entropy import log2_binomial, log2_factorial
from synthgen.tasks.igsm.params import IgsmParams
from synthgen.tasks.igsm.reading.problem import ADDED, BARE, CONSTANT, TIMES, Parameter, Problem
from synthgen.tasks.igsm.worlds import CATEGORIES, GROUPS, NAMES, World
from synthgen.tasks.igsm.writing.open.distractors import CITED, FORMS, FORMS_BY_REFS, LITERAL, MINUS
from synthgen.tasks.igsm.writing.open.sampler import OpenSampler

MOST_SETS = 200_000
"""Sets of parameters whose orders are counted for one problem."""


class Orders:
    """How many orders there are of what a problem's answer needs; sets of parameters are bits, in the order of `of`."""

    def __init__(self, problem: Problem, most_open: int | None) -> None:
        """most_open: parameters that may wait for their use at any time, at most; None: any number."""
        self.of = sorted(problem.needed())
        self.bit = {parameter: 1 << i for i, parameter in enumerate(self.of)}
        self.all = (1 << len(self.of)) - 1
        self._most_open, self._known = most_open, {0: 1}
        self._before = [sum({self.bit[other] for other in problem.needs(parameter)}) for parameter in self.of]
        self._after = [
            sum(1 << j for j, needs in enumerate(self._before) if needs >> i & 1) for i in range(len(self.of))
        ]
        self._uses = list(self._after)  # what ends the waiting: of a part of a sum, the sum alone
        for parameter in self.of:
            if problem.is_abstract(parameter):
                for other in problem.needs(parameter):
                    self._uses[self.of.index(other)] = self.bit[parameter]

    def ready(self, left: int) -> list[int]:
        """Return which of the parameters left need none of the others, by their numbers."""
        return [i for i, needs in enumerate(self._before) if left >> i & 1 and not needs & left]

    def number(self, left: int) -> int:
        """Return how many orders there are of the parameters left. Raises OverflowError where that takes too long."""
        if left in self._known:
            return self._known[left]
        part = left if self._most_open else self._part(left)
        if self._most_open and self._open(self.all ^ left) > self._most_open:
            number = 0
        elif part != left:
            ways = math.comb(left.bit_count(), part.bit_count())
            number = self.number(part) * self.number(left ^ part) * ways
        else:
            number = sum(self.number(left ^ 1 << i) for i in self.ready(left))
        if len(self._known) >= MOST_SETS:
            raise OverflowError
        self._known[left] = number
        return number

    def _part(self, left: int) -> int:
        """Return the parameters that hang together with the lowest of those left."""
        part, more = 0, left & -left
        while more:
            i = more.bit_length() - 1
            part |= 1 << i
            more = (more | (self._before[i] | self._after[i]) & left) & ~part
        return part

    def _open(self, said: int) -> int:
        return sum(said >> i & 1 and not uses & said for i, uses in enumerate(self._uses))


class Stranger(Exception):
    """A problem that the law does not have."""


@dataclass(frozen=True)
class ProblemLaw:
    """The open law of problems, over names of a world."""

    params: IgsmParams
    sampler: OpenSampler
    world: World

    def bits(self, problem: Problem, orders: Orders) -> float:
        """Return the bits of a problem less those of the order of its solution; inf for one that is none of the law's.

        Raises OverflowError where orders take too long to count.
        """
        number = orders.number(orders.all)
        try:
            if not number:
                raise Stranger
            chosen = [self._template(problem, orders), self._place(problem, orders), self._distractors(problem, orders)]
            return math.fsum([*chosen, self._surface(problem), -math.log2(number)])
        except Stranger:
            return math.inf

    def _template(self, problem: Problem, orders: Orders) -> float:
        """Return the bits of op and template, of any order of the solution."""
        place: dict[Parameter, int] = {}
        lines: list[tuple[int, int, int, tuple[int, ...]]] = []
        left = orders.all
        while left:
            i = next(i for i in orders.ready(left) if orders.number(left ^ 1 << i))
            parameter, left = orders.of[i], left ^ 1 << i
            sentence = problem.sentences.get(parameter)
            cited = tuple(place[other] for other in problem.needs(parameter))
            lines.append((0, sentence.literal, int(sentence.minus), cited) if sentence else (1, 0, 0, cited))
            place[parameter] = len(place)
        try:
            op, _ = self.sampler.rank(lines)
        except SynthgenError as error:
            raise Stranger from error
        if op not in self.sampler.law:
            raise Stranger
        return math.log2(self.sampler.halves.size(op, self.sampler.half)) - math.log2(self.sampler.law[op])

    def _place(self, problem: Problem, orders: Orders) -> float:
        """Return the bits of the number of sentences, of the structure graph, and of what stands where in it."""
        needed = [parameter for parameter in orders.of if parameter in problem.sentences]
        summed = [parameter for parameter in orders.of if parameter not in problem.sentences]
        if any(problem.layer[category] != problem.layer[item] + 1 for item, category in summed):
            raise Stranger
        sums = tuple(sorted(len(problem.needs(parameter)) for parameter in summed))
        edges, free = len(problem.sentences), len(problem.sentences) - sum(sums)
        placement, options = self.sampler.placement, self.sampler.edges(len(needed))
        items = [name for name in problem.layer if name not in problem.categories]
        top = min(problem.layer[item] for item in items)
        held = {target for _, target in problem.sentences}
        if edges not in options or any((problem.layer[item] == top) == (item in held) for item in items):
            raise Stranger
        by_layer = Counter(problem.layer[item] for item in items)
        widths = tuple(by_layer[layer] for layer in range(top, problem.deepest + 1))
        law = placement.widths_law(sums, free)  # every template has a place
        if widths not in law:
            raise Stranger
        graphs = placement.tables.whole[placement.index[sums], free, placement.vectors.index(widths)]
        same = math.fsum(log2_factorial(number) for number in Counter(sums).values())
        members = math.fsum(log2_factorial(size) for size in sums)
        stated = math.log2(math.perm(free, len(needed) - sum(sums)))
        return math.log2(len(options)) - math.log2(law[widths]) + math.log2(graphs) + same + members + stated

    def _distractors(self, problem: Problem, orders: Orders) -> float:
        """Return the bits of the sentences that no solution needs, level by level: see `writing.open.distractors`."""
        kind, references = self.params.open.distractor_kind, self.params.open.references
        known = set(orders.of) if kind == "any" else set[Parameter]()
        left = [parameter for parameter in problem.sentences if parameter not in orders.bit]
        newest, bits = 0, 0.0  # how many the level before has
        while left:
            level = [p for p in left if known.issuperset(problem.sentences[p].cites)]
            have, low = len(known), min(1, newest)
            high = 0 if kind == "constant" else min(references, have)
            forms = math.log2(FORMS_BY_REFS[low : high + 1].sum())
            for parameter in level:
                sentence, number = problem.sentences[parameter], len(problem.sentences[parameter].cites)
                form = (number, sentence.literal, int(sentence.minus))
                if not low <= number <= high or form not in _FORMS or len(set(sentence.cites)) < number:
                    raise Stranger
                ways = math.perm(have, number) - (math.perm(have - newest, number) if newest else 0)
                bits += forms + math.log2(ways)
            if not level:
                raise Stranger
            bits += 0.0 if kind == "constant" else math.log2(len(left)) + log2_binomial(len(left), len(level))
            left = [parameter for parameter in left if parameter not in level]
            known |= set(level)
            newest = len(level)
        return bits

    def _surface(self, problem: Problem) -> float:
        """Return the bits of names, numbers, and the order of the sentences."""
        sizes, modulus = self.params.sizes, self.params.modulus
        items = [name for name in problem.layer if name not in problem.categories]
        numbers = [self._numbers[name] for name in items]
        if any(n // (CATEGORIES * GROUPS * NAMES) >= sizes.chains for n in numbers):
            raise Stranger
        if any(n // NAMES % GROUPS >= sizes.groups or n % NAMES >= sizes.names for n in numbers):
            raise Stranger
        widths = Counter(problem.layer[name] for name in items).values()
        names = math.log2(sizes.chains) + math.log2(5 - len(widths)) + len(widths) * math.log2(sizes.groups)
        names += math.fsum(log2_binomial(sizes.names, width) for width in widths)
        values = 0.0
        for sentence in problem.sentences.values():
            first = int(sentence.literal == TIMES)
            if sentence.literal != BARE and not first <= sentence.number < modulus:
                raise Stranger
            values += math.log2(modulus - first) if sentence.literal in (ADDED, CONSTANT, TIMES) else 0.0
        return names + values + log2_factorial(len(problem.sentences))

    @functools.cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: i for i, (name, _) in enumerate(self.world.flat())}


_FORMS = {(int(form[CITED]), int(form[LITERAL]), int(form[MINUS])) for form in FORMS}

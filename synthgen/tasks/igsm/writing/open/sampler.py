"""The open sampler: op, a uniform template of it, a place for it, distractors around it; nothing is rejected.

Different choices make different problems (up to the names, which are drawn as sets), so the bits of a problem are those
of its draws, and each has a closed form or is summed exactly. The order of the solution is part of the template; given
the problem, all its orders are equally likely, so a perfect model that has read the problem pays exactly log2 of their
number, and the letters.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from synthgen.errors import DrawError, SynthgenError
from synthgen.exact.draw import begin, below, weighted
from synthgen.exact.entropy import entropy_of
from synthgen.exact.jit import kernel
from synthgen.exact.samples import LEVEL
from synthgen.task.contract import TaskParams
from synthgen.tasks.igsm.writing.open.averages import NUMBERS, Averages, averages, is_listed
from synthgen.tasks.igsm.writing.open.counts import Counts, Shape, Tables, counts_of
from synthgen.tasks.igsm.writing.open.distractors import KINDS, Kind, means, new_scatter, scatter
from synthgen.tasks.igsm.writing.open.halves import Half, Halves, Ranks, draw_rank
from synthgen.tasks.igsm.writing.open.orders import Memo, new_graph, new_memo, of_template, order_units
from synthgen.tasks.igsm.writing.open.placement import Placement, Places, Sums, new_placed, place
from synthgen.tasks.igsm.writing.open.supply import BOUND, Supply, demand_uncapped, enumerable_share, supplies
from synthgen.tasks.igsm.writing.open.templates import STATED, new_template, rank, unrank

Pair = tuple[int, int]


class OpenParams(TaskParams):
    """Params of the open sampler, under `params.open`."""

    sentences: Pair = Field((1, 20), description="problem sentences, from and to: 20 at most for med, 28 for hard")
    distractors: Pair = Field(
        (0, 6), description="sentences that no solution needs, from and to, as far as `sentences` allows; uniform"
    )
    distractor_kind: Kind = Field(
        "any", description="what distractors cite: `any` parameters, only each other (`independent`), none (`constant`)"
    )
    abstract: Pair = Field((0, 2), description="necessary abstract parameters, from and to, 4 at most; all of level 1")
    references: int = Field(4, ge=1, le=4, description="parameters that a sentence cites, at most")
    open_ends: int | None = Field(
        None, ge=1, description="branching: parameters that wait for their use at any time, at most; 1 makes chains"
    )
    constants: Pair | None = Field(None, description="necessary sentences that are bare numbers, from and to")
    answers: Literal["free", "uniform"] = Field(
        "free",
        description="`uniform`: the question is about a parameter that adds a number of its own, and all answers are "
        "exactly equally likely; with `free` ones, 0 comes up more often (two equal numbers are subtracted)",
    )
    layers: Pair = Field((2, 4), description="layers of the structure graph, from and to")
    widths: Pair = Field((1, 4), description="items of a layer, from and to")
    uncapped_from: int = Field(
        14, ge=1, description="from this op on, there must be more templates than 2 to the `uncapped_bits`"
    )
    uncapped_bits: float = Field(64, gt=0, le=255, description="how many templates count as uncapped, in bits")

    @model_validator(mode="after")
    def _ranges(self) -> OpenParams:
        for name, lowest in (("sentences", 1), ("distractors", 0), ("layers", 2), ("widths", 1)):
            low, high = getattr(self, name)
            if not lowest <= low <= high:
                raise ValueError(f"{name} = [{low}, {high}]: want two rising numbers from {lowest}")
        if self.sentences[1] > 38:
            raise ValueError(f"sentences = {list(self.sentences)}: a problem has at most 38")
        if self.sentences[1] <= self.distractors[0]:
            raise ValueError(
                f"distractors = {list(self.distractors)}: with {self.sentences[1]} sentences at most, none is left"
            )
        return self

    def shape(self, op: int) -> Shape:
        """Return the shape of templates up to `op` operations."""
        return Shape(
            op=op,
            abstract=self.abstract,
            necessary=(1, self.sentences[1] - self.distractors[0]),
            references=self.references,
            open_ends=self.open_ends,
            constants=self.constants,
            uniform_answer=self.answers == "uniform",
        )


SETTINGS = np.dtype(
    [
        ("sentences", "i8", 2),
        ("distractors", "i8", 2),
        ("kind", "i8"),
        ("references", "i8"),
        ("most_open", "i8"),
        ("floor", "i8"),  # out: log2 of the number of orders of the last problem, in ledger units; -1: not known
    ]
)


class OpenTables(NamedTuple):
    """All that the kernel needs: tables, settings, and records to work in."""

    op_sums: np.ndarray
    tables: Tables
    ranks: Ranks
    places: Places
    memo: Memo
    settings: Any
    template: Any
    placed: Any
    scattered: Any
    graph: Any


@kernel
def draw_open(state, key, row, p, t, units):
    """Draw one problem into p, without names, values, letters and the order of its sentences; return its op.

    units[0] and units[1] are set to the bits of op and of everything else; t.settings.floor to those of its order.
    """
    begin(state, key, row, 0)
    op = 1 + weighted(state, t.op_sums)
    units[0] = state.ledger
    settings, template = t.settings, t.template
    unrank(t.tables, op, draw_rank(state, t.ranks, op), template)
    necessary = 0
    for node in range(template.nodes):
        if template.kind[node] == STATED:
            necessary += 1
    high = min(necessary + settings.distractors[1], settings.sentences[1])
    low = min(max(necessary + settings.distractors[0], settings.sentences[0]), high)
    edges = low + below(state, high - low + 1)
    place(state, t.places, template, edges, p, t.placed)
    scatter(state, settings.kind, settings.references, t.placed.free, t.placed.frees, p, t.scattered)
    units[1] = state.ledger - units[0]
    of_template(t.graph, template, settings.most_open, False)
    settings.floor = order_units(t.graph, t.memo)
    return op


@dataclass(frozen=True)
class Placed:
    """What stands around templates on average: bits, numbers in sentences, the laws of sentences and of widths."""

    bits: float
    numbers: np.ndarray  # (NUMBERS,) float64
    edges: Mapping[int, float]
    widths: Mapping[tuple[int, ...], float]

    def plus(self, other: Placed, share: float) -> Placed:
        """Return this and a share of another."""
        return Placed(
            self.bits + share * other.bits,
            self.numbers + share * other.numbers,
            _mixed(self.edges, other.edges, share),
            _mixed(self.widths, other.widths, share),
        )


def _mixed(law: Mapping[Any, float], other: Mapping[Any, float], share: float) -> dict[Any, float]:
    """Return a law and a share of another."""
    mixed = dict(law)
    for key, chance in other.items():
        mixed[key] = mixed.get(key, 0.0) + share * chance
    return mixed


class OpenSampler:
    """The open sampler of one law: `weights` by op, a half of the templates (under `key`, a stage of the world).

    Raises SynthgenError where the templates are not uncapped as promised, an op has none, or a problem has no place.
    """

    def __init__(
        self, params: OpenParams, weights: Mapping[int, int], half: Half, key: np.ndarray, train_bins: int = 16
    ) -> None:
        self.params, self.half = params, half
        whole = sum(weights.values())
        self.law = {op: weight / whole for op, weight in sorted(weights.items()) if weight}
        self.weights = weights
        self.counts: Counts = counts_of(params.shape(max(self.law)))
        self.halves = Halves(self.counts, key, train_bins)
        demand_uncapped(self.law, self.counts.count, params.uncapped_from, self.bound, "params.open.uncapped_from")
        self.placement = _placement(params.abstract[1], params.sentences[1], params.layers, params.widths)

    @property
    def bound(self) -> int:
        """More templates than this is uncapped."""
        bits = self.params.uncapped_bits
        return BOUND if bits == 64 else math.floor(2.0**bits) if bits < 1000 else 0

    @functools.cached_property
    def tables(self) -> OpenTables:
        """What `draw_open` takes. Raises SynthgenError where a problem of this law has no place."""
        params = self.params
        self._check_places()
        settings = np.zeros(1, np.dtype((np.record, SETTINGS)))[0]
        settings.sentences[:], settings.distractors[:] = params.sentences, params.distractors
        settings.kind, settings.references = KINDS[params.distractor_kind], params.references
        settings.most_open = params.open_ends or 0
        sums = np.cumsum([self.weights.get(op, 0) for op in range(1, max(self.law) + 1)], dtype=np.int64)
        return OpenTables(
            sums,
            self.counts.tables,
            self.halves.ranks(self.half),
            self.placement.tables,
            new_memo(),
            settings,
            new_template(),
            new_placed(),
            new_scatter(),
            new_graph(),
        )

    def edges(self, necessary: int) -> range:
        """Return how many sentences a problem with so many necessary ones may have; each is equally likely."""
        params = self.params
        high = min(necessary + params.distractors[1], params.sentences[1])
        return range(min(max(necessary + params.distractors[0], params.sentences[0]), high), high + 1)

    def _check_places(self) -> None:
        for necessary, sums in self._all.sizes:
            for edges in self.edges(necessary):
                self.placement.demand_place(sums, edges - sum(sums))

    @functools.cached_property
    def _all(self) -> Averages:
        return averages(self.halves, self.law, "all")

    @functools.cached_property
    def averages(self) -> Averages:
        """The exact means over the templates of this half."""
        return self._all if self.half == "all" else averages(self.halves, self.law, self.half)

    @functools.cached_property
    def _placed(self) -> Placed:
        """What is placed around a template of this half, on average; numbers with the template's own."""
        whole = Placed(0.0, self.averages.numbers.copy(), {}, {})
        for size, share in self.averages.sizes.items():
            whole = whole.plus(self.placed_around(size), share)
        return whole

    def placed_around(self, size: tuple[int, Sums]) -> Placed:
        """Return what is placed around a template with so many necessary parameters and such sums, on average."""
        (necessary, sums), params = size, self.params
        options, whole = self.edges(necessary), Placed(0.0, np.zeros(NUMBERS), {}, {})
        for edges in options:
            free = edges - sum(sums)
            means = _distractor_means(
                edges - necessary, necessary + len(sums), params.distractor_kind, params.references
            )
            bits = math.log2(len(options)) + means[0] + self.placement.bits(sums, free, necessary - sum(sums))
            one = Placed(bits, means[1:], {edges: 1.0}, self.placement.widths_law(sums, free))
            whole = whole.plus(one, 1 / len(options))
        return whole

    @functools.cached_property
    def looseness(self) -> float:
        """How far the mean over the templates of this half can be from that over all, for values in [0, 1].

        0 where all templates are averaged over, or all of the half are gone through. Else the half is random, by its
        key, and this much is exceeded with a probability of at most (1 - `LEVEL`) / 4: a quarter for each of four
        books. Hoeffding's bound, which holds for drawing without replacement too (1963, section 6), for every op.
        """
        x = math.log(2 * 4 * len(self.law) / (1 - LEVEL)) / 2
        loose = [
            share * math.sqrt(x / self.halves.size(op, self.half))
            for op, share in self.law.items()
            if self.half != "all" and self.halves.is_split(op) and not is_listed(self.halves, op)
        ]
        return math.fsum(loose)

    def entropy(self) -> dict[str, float]:
        """Return the exact mean bits of the books `op` and `structure`."""
        size = math.fsum(share * math.log2(self.halves.size(op, self.half)) for op, share in self.law.items())
        return {"op": entropy_of(self.law.values()), "structure": float(size + self._placed.bits)}

    def numbers(self) -> dict[str, float]:
        """Return the exact mean number of sentences that are constants, add a number, multiply by one."""
        return dict(zip(("constants", "added", "times"), map(float, self._placed.numbers), strict=True))

    def edges_law(self) -> dict[int, float]:
        """Return the exact law of the number of sentences."""
        return dict(sorted(self._placed.edges.items()))

    def widths_law(self) -> dict[tuple[int, ...], float]:
        """Return the exact law of the widths of the layers."""
        return dict(sorted(self._placed.widths.items()))

    def supplies(self, rows: int) -> tuple[Supply, ...]:
        """Return, by op, how many templates there are for `rows` rows of this half, and the chance of a repeat."""
        return supplies(self.law, rows, lambda op: self.halves.size(op, self.half), self.bound)

    def facts(self, rows: int) -> dict[str, Any]:
        """Return what `entropy` prints of the templates of a run of `rows` rows."""
        table = self.supplies(rows)
        return {
            "templates": [line.to_json() for line in table],
            "uncapped_from": self.params.uncapped_from,
            "uncapped_bound": str(self.bound),
            "enumerable_share": enumerable_share(table),
            "unsplit_ops": [op for op in self.halves.unsplit if op in self.law],
            "split_of": "ordered templates: a problem with another order of solution may be in the other half",
        }

    def rank(self, lines: Sequence[tuple[int, int, int, tuple[int, ...]]]) -> tuple[int, int]:
        """Return (op, rank) of a solution as lines (kind, literal, minus, cited), in order of computation.

        Raises SynthgenError if it is none of this law's templates.
        """
        return _rank_of(self.counts, lines)

    def half_of(self, lines: Sequence[tuple[int, int, int, tuple[int, ...]]]) -> Half:
        """Return the half that a solution's template is in. Raises SynthgenError if it is none of this law's."""
        return self.halves.half_of(*self.rank(lines))


@functools.lru_cache(maxsize=8)
def _placement(sums: int, edges: int, layers: Pair, widths: Pair) -> Placement:
    return Placement(sums, edges, layers, widths)


@functools.lru_cache(maxsize=1 << 12)
def _distractor_means(number: int, necessary: int, kind: Kind, references: int) -> np.ndarray:
    return means(number, necessary, kind, references)


def _rank_of(counts: Counts, lines: Sequence[tuple[int, int, int, tuple[int, ...]]]) -> tuple[int, int]:
    template = new_template()
    if not 0 < len(lines) <= counts.shape.op:
        raise SynthgenError(f"a solution of {len(lines)} parameters is none of this law's")
    template.nodes, template.under[:] = len(lines), -1
    for place_, (kind, literal, minus, cited) in enumerate(lines):
        if len(cited) > 4 or len(set(cited)) < len(cited) or any(not 0 <= i < place_ for i in cited):
            raise SynthgenError(f"parameter {place_} cites {list(cited)}: it cites up to four different earlier ones")
        ordered = sorted(cited) if kind else cited
        template.kind[place_], template.literal[place_], template.minus[place_] = kind, literal, minus
        template.refs[place_], template.ref[place_, : len(cited)] = len(cited), ordered
        if kind:
            template.under[list(cited)] = place_
        template.op += max(1, len(cited) - 1 + (literal in (1, 2)))
    try:
        return int(template.op), rank(counts, template)
    except DrawError as error:
        raise SynthgenError(str(error)) from None

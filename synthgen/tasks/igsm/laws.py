"""The two laws of problems: the paper's, which rejects, and an open one, whose every bit is summed exactly.

The task chooses one of them once, `law_of(params, keys)`, and asks it for what is different: how rows are written, what
their books mean, what the split is, and whether a problem that was read is one of the split's.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from synthgen.exact.bits import Bits, total
from synthgen.exact.draw import Keys
from synthgen.exact.entropy import Book, entropy_of, log2_binomial, log2_factorial, log2_falling
from synthgen.exact.ledger import UNITS_PER_BIT
from synthgen.exact.samples import LEVEL
from synthgen.task.certificates import Sampling
from synthgen.task.rows import Rows
from synthgen.tasks.igsm.params import OF_PAPERS, IgsmParams
from synthgen.tasks.igsm.reading.sentence_order import order_fault
from synthgen.tasks.igsm.reading.solution_reader import SolutionReader
from synthgen.tasks.igsm.sampled import Draw, book_samplings, sampled_bits, text_samplings
from synthgen.tasks.igsm.writing.open.orders import MAX_ORDERED, count_order_units, new_graph, new_memo
from synthgen.tasks.igsm.writing.open.sampler import OpenSampler
from synthgen.tasks.igsm.writing.paper.budgets import STYLES
from synthgen.tasks.igsm.writing.paper.necessary import strengths
from synthgen.tasks.igsm.writing.paper.sampler import LAW, depth_sums, new_work
from synthgen.tasks.igsm.writing.paper.shown import chances, two_ends
from synthgen.tasks.igsm.writing.rows import (
    BOOKS,
    LETTER_BOOK,
    Desk,
    Out,
    PaperTables,
    StageKeys,
    write_open_rows,
    write_paper_rows,
)
from synthgen.tasks.igsm.writing.surface import ANY_ORDER, AS_MADE, LONG_LETTERS

CEILING_SAMPLE = 512
"""Problems whose orders are counted for the mean of the ceiling."""

REJECTED = "counts the draws of the problem that was kept, not of those refused before it"
RENUMBERED = "every numbering of the items gives the same text"
MILD = "of the draws that order the sentences only the result shows"
SUMMED_OUT = "every numbering of the items gives the same text; mean of sampled problems, of what is shown"
IN_EVERY_ROW = "exact in every row"


HALF = "the mean over all templates, of which the split draws from a random half"

ROUNDING = 1e-9
"""Bits below which a bracket is but the rounding of an exact figure."""


class ProblemLaw(Protocol):
    """What a law of problems answers; `sample` is always `SAMPLE` problems of the task, drawn for means."""

    capabilities: frozenset[str]
    follows: str  # whose law it is, for readers of the facts
    hidden: str  # why a row does not show all of its choices; "" where it does
    named_as_sets: bool  # whether the names of a layer are booked as a set, or as a sequence
    joint_books: list[str]  # books that are one: their bits are of all of them together
    template_half: str  # "train" or "test", where the texts of a split are told apart by their templates
    without_surprisals: str  # why problems and solutions have no bits for each token; "" where they have
    without_text_bits: str  # why a text has no bits of its own; "" where it has

    def write(self, state: np.record, keys: StageKeys, start: int, first: int, stop: int, desk: Desk, out: Out) -> int:
        """Write rows [first, stop) of a batch that begins at `start`; return the first there was no room for."""
        ...

    def books(self, draw: Draw) -> dict[str, Book]:
        """Return the mean bits of every book but that of retries; `draw` is a stream of problems for means."""
        ...

    def samplings(self, draw: Draw) -> dict[str, Sampling]:
        """Return how the means of those books are drawn that have no formula."""
        ...

    def shown(self, books: Mapping[str, Book], draw: Draw, estimates: bool) -> Bits | None:
        """Return the bits of a row's text but its retries, where it hides some; `books` are what `books` returned."""
        ...

    def text_ends(self, keys: Keys, row: int) -> tuple[float, float] | None:
        """Return what the text of a row of a split has, at least and at most, but for its op, its letters and its
        retries; None where a text has what is booked.
        """
        ...

    def solution_facts(self, sample: Rows) -> dict[str, Any]:
        """Return what a perfect model pays for a solution at least, and at most, in bits."""
        ...

    def run_facts(self, rows: int) -> dict[str, Any]:
        """Return what is to be said of a run of so many rows."""
        ...

    def admits(self, row: Mapping[str, Any], reader: SolutionReader) -> str:
        """Return why a row that was read is none of this split's problems; "" where it is one."""
        ...


def law_of(params: IgsmParams, keys: Keys) -> ProblemLaw:
    """Return the law that the params choose. Raises SynthgenError where it cannot be."""
    return OpenLaw(params, keys) if params.sampler == "open" else PaperLaw(params)


class PaperLaw:
    """The paper's law (2407.20311, appendix D): an attempt is rejected until op and bin come out as wanted."""

    capabilities = frozenset({"parses"})
    named_as_sets = False
    without_surprisals = (
        "the orders of a solution are not alike: draws that the problem hides weigh them, and a hash of each decides "
        "its bin"
    )

    def __init__(self, params: IgsmParams) -> None:
        self.params = params
        self.follows: str = params.fidelity
        joint = params.bins != "all" or params.reask  # the bin looks at structure and operators
        self.joint_books = ["structure", "operators"] if joint else []
        self.template_half: str = "" if params.bins == "all" else params.bins
        mild = params.perm_level not in (ANY_ORDER, AS_MADE)
        self.hidden = f"{RENUMBERED}; {MILD}" if mild else RENUMBERED
        self.without_text_bits = ""
        others = [name for name, usual in OF_PAPERS.items() if getattr(params, name) != usual]
        if params.reask:
            self.without_text_bits = "params.reask: a problem that is asked again hides the op it was made with"
        elif params.detail:
            self.without_text_bits = f"params.detail = {params.detail}: its steps do not show what the figures rest on"
        elif others:
            self.without_text_bits = f"params.{others[0]}: what a text hides is counted for the papers' setting alone"

    def tables(self) -> PaperTables:
        """Return what the sampler takes."""
        params, weights = self.params, self.params.op_weights
        highest = max(weights)
        law = np.zeros(1, np.dtype((np.record, LAW)))[0]
        law.max_op, law.max_edge, law.modulus = highest, params.max_edge, params.modulus
        law.fixed, law.bins, law.reask = not params.redrawn, params.allowed_bins, params.reask
        bonus = params.bonus or ("fresh" if params.fidelity == "released" else "wanted")
        law.favour_wanted = bonus == "wanted"
        law.style, law.needless = STYLES.index(params.style), not params.shortest
        op_sums = np.cumsum([weights.get(k, 0) for k in range(1, highest + 1)], dtype=np.int64)
        return PaperTables(law, op_sums, depth_sums(highest, params.max_edge), strengths(), new_work())

    def write(self, state: np.record, keys: StageKeys, start: int, first: int, stop: int, desk: Desk, out: Out) -> int:
        return write_paper_rows(state, keys, start, first, stop, self.tables(), desk, out)

    def books(self, draw: Draw) -> dict[str, Book]:
        books = {"op": Bits(entropy_of(self.params.op_weights.values()))}
        if self.joint_books:
            books["operators"] = Bits(0.0)
        samplings = self._book_samplings(draw)
        if "letters" not in samplings:
            books["letters"] = Bits(mean_letter_bits(self.params))
        for name, sampling in samplings.items():
            books[name] = sampled_bits(sampling, self._reasons.get(name, IN_EVERY_ROW))
        if self.params.perm_level == AS_MADE:
            books["sentence_order"] = Bits(0.0)
        return {name: Book(books[name]) for name in BOOKS}

    def samplings(self, draw: Draw) -> dict[str, Sampling]:
        return self._book_samplings(draw) | self._text_samplings

    @property
    def _reasons(self) -> dict[str, str]:
        """Why the books are brackets that are not exact in every row."""
        mild = {} if self.params.perm_level in (ANY_ORDER, AS_MADE) else {"sentence_order": MILD}
        return {"structure": REJECTED, "solution_order": REJECTED, **mild}

    def _book_samplings(self, draw: Draw) -> dict[str, Sampling]:
        known = {"op"} | ({"operators"} if self.joint_books else set())
        if not self.params.reask and self.params.shortest and self.params.detail % 3 != 2:
            known.add("letters")
        if self.params.perm_level == AS_MADE:
            known.add("sentence_order")
        return book_samplings([name for name in BOOKS if name not in known], self.params, draw)

    @functools.cached_property
    def _text_samplings(self) -> dict[str, Sampling]:
        """How the two means are drawn that what a text shows is between; none where that is not worked out.

        Nor for a given op and for test bins, whose means are not certified: `text_ends` has the figures of their rows.
        """
        params = self.params
        if self.without_text_bits or params.bins == "test" or len(params.op_weights) == 1:
            return {}
        return text_samplings(params, self._chances)

    def _chances(self, first: int, stop: int) -> np.ndarray:
        """Return the columns of `writing.paper.shown` for problems of a stream of their own."""
        stream = Keys(split="text of igsm")
        return chances(self.tables(), stream, first, stop, self.params.sizes.numbers())

    def shown(self, books: Mapping[str, Book], draw: Draw, estimates: bool) -> Bits | None:
        ends = [sampling.mean(SUMMED_OUT, estimates) for sampling in self._text_samplings.values()]
        if not ends or None in ends:  # given structure and names, values, letters and the order of the sentences show
            booked = total(book.bits for book in books.values())
            shown = ("values", "letters", *(["sentence_order"] if self.params.perm_level == ANY_ORDER else []))
            least = math.fsum(books[name].bits.low for name in shown)
            return replace(booked, status="bracket", reason="; ".join([self.hidden, booked.reason]), low=least)
        low, high = ends
        assert low is not None and high is not None
        middle, level = (low.value + high.value) / 2, low.level + high.level - 1
        bits = replace(low, value=min(max(middle, low.low), high.high), high=high.high, level=level, se=0.0)
        return bits + books["op"].bits + books["letters"].bits

    def text_ends(self, keys: Keys, row: int) -> tuple[float, float] | None:
        low, high = two_ends(chances(self.tables(), keys, row, row + 1, self.params.sizes.numbers()))
        return float(low[0]), float(high[0])

    def solution_facts(self, sample: Rows) -> dict[str, Any]:
        floors = known_floors(sample)
        floor = {"bits": float(floors.mean()), "status": "lower", "reason": "letters alone"}
        if not self.params.shortest:  # which needless steps there are is no matter of orders
            return {"solution_floor_bits": floor}
        return {"solution_floor_bits": floor, "solution_ceiling_bits": solution_ceiling(sample)}

    def run_facts(self, rows: int) -> dict[str, Any]:
        return {}

    def admits(self, row: Mapping[str, Any], reader: SolutionReader) -> str:
        params = self.params
        shown = params.shortest and not params.reask and params.detail % 3 != 1  # the order in which it was made
        steps = reader.steps(row["completion"])[0] if shown and params.perm_level == AS_MADE else []
        solved = [step.parameter for step in steps if step.parameter and not step.back]
        if fault := order_fault(reader.problem(row["prompt"]), params.perm_level, solved):
            return fault
        which_bin = row["latent"]["bin"]
        if self.params.allowed_bins >> which_bin & 1:
            return ""
        return f"bin {which_bin} is none of this split's ({self.params.bins})"


class OpenLaw:
    """The open law: a uniform template of a half, placed and surrounded; nothing is rejected."""

    follows = "an open law of our own"
    hidden = without_surprisals = without_text_bits = ""
    named_as_sets = True

    def __init__(self, params: IgsmParams, keys: Keys) -> None:
        self.params = params
        self.joint_books = ["structure", "operators", "solution_order"]
        self.capabilities = frozenset({"exact", "injective", "enumerable", "parses"})
        if params.retry and params.retry.rate:
            self.capabilities -= {"exact"}  # the mean bits of retries come from a sample
        self.sampler = OpenSampler(
            params.open, params.op_weights, params.bins, keys.world("halves"), params.bins_for_training
        )
        if self.sampler.looseness * params.modulus > ROUNDING:
            self.capabilities -= {"exact"}  # the split's half of few templates may differ from the whole
        unsplit = any(op in params.op_weights for op in self.sampler.halves.unsplit)
        self.template_half: str = "" if params.bins == "all" or unsplit else params.bins

    def write(self, state: np.record, keys: StageKeys, start: int, first: int, stop: int, desk: Desk, out: Out) -> int:
        return write_open_rows(state, keys, start, first, stop, self.sampler.tables, desk, out)

    def samplings(self, draw: Draw) -> dict[str, Sampling]:
        return book_samplings(["letters"] if self.params.detail % 3 == 2 else [], self.params, draw)

    def shown(self, books: Mapping[str, Book], draw: Draw, estimates: bool) -> Bits | None:
        return None

    def text_ends(self, keys: Keys, row: int) -> tuple[float, float] | None:
        return None

    def books(self, draw: Draw) -> dict[str, Book]:
        params, numbers = self.params, self.sampler.numbers()
        values = (numbers["constants"] + numbers["added"]) * math.log2(params.modulus)
        values += numbers["times"] * math.log2(max(1, params.modulus - 1))
        means = self.sampler.entropy() | {
            "names": self._names(self.sampler.widths_law()),
            "values": values,
            "sentence_order": _orders(self.sampler.edges_law()),
        }
        books = {name: Book(self._of_half(name, means.get(name, 0.0))) for name in BOOKS}
        if params.detail % 3 == 2:
            books["letters"] = Book(sampled_bits(self.samplings(draw)["letters"], IN_EVERY_ROW))
        else:
            books["letters"] = Book(Bits(mean_letter_bits(params)))
        return books

    def _names(self, widths_law: Mapping[tuple[int, ...], float]) -> float:
        """Return the mean bits of names, given the law of the widths of the layers."""
        sizes, names = self.params.sizes, math.log2(self.params.sizes.chains)
        for layers, share in widths_law.items():
            names += share * (math.log2(5 - len(layers)) + len(layers) * math.log2(sizes.groups))
            names += share * math.fsum(log2_binomial(sizes.names, items) for items in layers)
        return names

    @functools.cached_property
    def _spans(self) -> dict[str, float]:
        """By how many bits the mean of a book can differ between two templates."""
        placed = [self.sampler.placed_around(size) for size in self.sampler.averages.sizes]
        figures = {
            "structure": [one.bits for one in placed],
            "names": [self._names(one.widths) for one in placed],
            "sentence_order": [_orders(one.edges) for one in placed],
        }
        spans = {book: max(bits) - min(bits) for book, bits in figures.items()}
        numbers = max(float(one.numbers.sum()) for one in placed) + max(self.sampler.law)
        return spans | {"values": numbers * math.log2(self.params.modulus)}

    def _of_half(self, book: str, bits: float) -> Bits:
        """Return a book's mean over this half of the templates, where that over all of them is known."""
        loose = self.sampler.looseness * self._spans[book] if self.sampler.looseness and book in self._spans else 0.0
        if loose < ROUNDING:
            return Bits(bits)
        level = 1 - (1 - LEVEL) / len(self._spans)
        return Bits(bits, "bracket", HALF, low=max(0.0, bits - loose), high=bits + loose, level=level)

    def solution_facts(self, sample: Rows) -> dict[str, Any]:
        floors = known_floors(sample)
        floor = {"bits": float(floors.mean()), "status": "estimate", "se": float(floors.std() / math.sqrt(floors.size))}
        floor |= {"reason": "orders and letters, exact in every row"}
        return {"solution_floor_bits": floor, "solution_ceiling_bits": floor}

    def run_facts(self, rows: int) -> dict[str, Any]:
        return self.sampler.facts(rows)

    def admits(self, row: Mapping[str, Any], reader: SolutionReader) -> str:
        half = self.sampler.half_of(reader.lines(row["prompt"], row["completion"]))
        if self.params.bins == "all" or half in ("all", self.params.bins):
            return ""
        return f"the template is of the half {half!r}, not {self.params.bins!r}"


def _orders(edges_law: Mapping[int, float]) -> float:
    """Return the mean bits of the order of the sentences, given the law of how many there are."""
    return math.fsum(share * log2_factorial(edges) for edges, share in edges_law.items())


def letter_bits(count: int, single: int) -> float:
    """Return the bits of `count` letters drawn without replacement, with two-letter names beyond `single`."""
    return log2_falling(single, min(count, single)) + log2_falling(LONG_LETTERS, max(0, count - single))


def mean_letter_bits(params: IgsmParams) -> float:
    """Return the mean bits of letters, where all symbols have one and op has its own law."""
    weights, single = params.op_weights, params.sizes.letters
    return math.fsum(weight * letter_bits(op, single) for op, weight in weights.items()) / sum(weights.values())


def known_floors(sample: Rows) -> np.ndarray:
    """Return the floors of the sampled solutions, in bits, where they are known."""
    return np.array([floor for floor in sample.latent["solution_floor"].to_pylist() if floor is not None])


def solution_ceiling(sample: Rows) -> dict[str, Any]:
    """Return the mean of letters and log2 of the number of orders, over some of the sampled problems."""
    latent, letters, graph, memo = sample.latent, sample.units[:, LETTER_BOOK], new_graph(), new_memo()
    bits = []
    rows = zip(latent["solution"].to_pylist(), latent["graph"].to_pylist(), letters.tolist(), strict=True)
    for solution, needs, units in itertools.islice(rows, CEILING_SAMPLE):
        place = {parameter: i for i, parameter in enumerate(solution)}
        if len(solution) > MAX_ORDERED:
            continue
        graph.nodes, graph.most_open, graph.before[:] = len(solution), 0, 0
        for pair in needs:
            if pair["parameter"] in place:
                graph.before[place[pair["parameter"]]] |= 1 << place[pair["needs"]]
        orders = count_order_units(graph, memo)
        if orders >= 0:
            bits.append((orders + units) / UNITS_PER_BIT)
    mean, spread = float(np.mean(bits)), float(np.std(bits) / math.sqrt(len(bits)))
    return {"bits": mean, "status": "estimate", "se": spread, "reason": "letters, and all orders equally likely"}

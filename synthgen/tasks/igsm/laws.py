"""The two laws of problems: the paper's, which rejects, and an open one, whose every bit is summed exactly.

The task chooses one of them once, `law_of(params, keys)`, and asks it for what is different: how rows are written, what
their books mean, what the split is, and whether a problem that was read is one of the split's.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from synthgen.exact.draw import Keys
from synthgen.exact.entropy import Bits, Book, entropy_of, log2_binomial, log2_factorial, log2_falling
from synthgen.exact.ledger import UNITS_PER_BIT
from synthgen.task.rows import Rows
from synthgen.tasks.igsm.params import IgsmParams
from synthgen.tasks.igsm.reading.solution_reader import SolutionReader
from synthgen.tasks.igsm.writing.open.orders import MAX_ORDERED, count_order_units, new_graph, new_memo
from synthgen.tasks.igsm.writing.open.sampler import OpenSampler
from synthgen.tasks.igsm.writing.paper.necessary import strengths
from synthgen.tasks.igsm.writing.paper.sampler import LAW, depth_sums, new_work
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
from synthgen.tasks.igsm.writing.surface import LONG_LETTERS

SAMPLE = 2048
"""Problems behind the means that have no closed form."""

CEILING_SAMPLE = 512
"""Problems whose orders are counted for the mean of the ceiling."""

SAMPLED = f"exact in every row; the mean is that of {SAMPLE:,} problems plus six standard errors"
REJECTED = f"books the accepted attempt; the mean is that of {SAMPLE:,} problems plus six standard errors"


class ProblemLaw(Protocol):
    """What a law of problems answers; `sample` is always `SAMPLE` problems of the task, drawn for means."""

    capabilities: frozenset[str]
    follows: str  # whose law it is, for readers of the facts
    hidden: str  # why a row does not show all of its choices; "" where it does
    named_as_sets: bool  # whether the names of a layer are booked as a set, or as a sequence
    joint_books: list[str]  # books that are one: their bits are of all of them together
    template_half: str  # "train" or "test", where the texts of a split are told apart by their templates

    def write(self, state: np.record, keys: StageKeys, start: int, first: int, stop: int, desk: Desk, out: Out) -> int:
        """Write rows [first, stop) of a batch that begins at `start`; return the first there was no room for."""
        ...

    def books(self, sample: Rows) -> dict[str, Book]:
        """Return the mean bits of every book but that of retries."""
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
    hidden = "names and structure show up to a renumbering of items"
    named_as_sets = False

    def __init__(self, params: IgsmParams) -> None:
        self.params = params
        self.follows: str = params.fidelity
        joint = params.bins != "all" or params.reask  # the bin looks at structure and operators
        self.joint_books = ["structure", "operators"] if joint else []
        self.template_half: str = "" if params.bins == "all" else params.bins

    def tables(self) -> PaperTables:
        """Return what the sampler takes."""
        params, weights = self.params, self.params.op_weights
        highest = max(weights)
        law = np.zeros(1, np.dtype((np.record, LAW)))[0]
        law.max_op, law.max_edge, law.modulus = highest, params.max_edge, params.modulus
        law.fixed, law.bins, law.reask = not params.redrawn, params.allowed_bins, params.reask
        bonus = params.bonus or ("fresh" if params.fidelity == "released" else "wanted")
        law.favour_wanted = bonus == "wanted"
        op_sums = np.cumsum([weights.get(k, 0) for k in range(1, highest + 1)], dtype=np.int64)
        return PaperTables(law, op_sums, depth_sums(highest, params.max_edge), strengths(), new_work())

    def write(self, state: np.record, keys: StageKeys, start: int, first: int, stop: int, desk: Desk, out: Out) -> int:
        return write_paper_rows(state, keys, start, first, stop, self.tables(), desk, out)

    def books(self, sample: Rows) -> dict[str, Book]:
        params = self.params
        books = sampled_books(sample)
        books["op"] = Book(Bits(entropy_of(params.op_weights.values())))
        if self.joint_books:
            books["operators"] = Book(Bits(0.0))
        if not params.reask and params.detail % 3 != 2:
            books["letters"] = Book(Bits(mean_letter_bits(params)))
        return books

    def solution_facts(self, sample: Rows) -> dict[str, Any]:
        floors = known_floors(sample)
        floor = {"bits": float(floors.mean()), "status": "lower", "reason": "letters alone"}
        return {"solution_floor_bits": floor, "solution_ceiling_bits": solution_ceiling(sample)}

    def run_facts(self, rows: int) -> dict[str, Any]:
        return {}

    def admits(self, row: Mapping[str, Any], reader: SolutionReader) -> str:
        which_bin = row["latent"]["bin"]
        if self.params.allowed_bins >> which_bin & 1:
            return ""
        return f"bin {which_bin} is none of this split's ({self.params.bins})"


class OpenLaw:
    """The open law: a uniform template of a half, placed and surrounded; nothing is rejected."""

    follows = "an open law of our own"
    hidden = ""
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
        unsplit = any(op in params.op_weights for op in self.sampler.halves.unsplit)
        self.template_half: str = "" if params.bins == "all" or unsplit else params.bins

    def write(self, state: np.record, keys: StageKeys, start: int, first: int, stop: int, desk: Desk, out: Out) -> int:
        return write_open_rows(state, keys, start, first, stop, self.sampler.tables, desk, out)

    def books(self, sample: Rows) -> dict[str, Book]:
        params, numbers = self.params, self.sampler.numbers()
        sizes = params.sizes
        names = math.log2(sizes.chains)
        for layers, share in self.sampler.widths_law().items():
            names += share * (math.log2(5 - len(layers)) + len(layers) * math.log2(sizes.groups))
            names += share * math.fsum(log2_binomial(sizes.names, items) for items in layers)
        values = (numbers["constants"] + numbers["added"]) * math.log2(params.modulus)
        values += numbers["times"] * math.log2(max(1, params.modulus - 1))
        order = math.fsum(share * log2_factorial(edges) for edges, share in self.sampler.edges_law().items())
        means = self.sampler.entropy() | {"names": names, "values": values, "sentence_order": order}
        books = {name: Book(Bits(means.get(name, 0.0))) for name in BOOKS}
        if params.detail % 3 == 2:
            books["letters"] = sampled_books(sample)["letters"]
        else:
            books["letters"] = Book(Bits(mean_letter_bits(params)))
        return books

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


def letter_bits(count: int, single: int) -> float:
    """Return the bits of `count` letters drawn without replacement, with two-letter names beyond `single`."""
    return log2_falling(single, min(count, single)) + log2_falling(LONG_LETTERS, max(0, count - single))


def mean_letter_bits(params: IgsmParams) -> float:
    """Return the mean bits of letters, where all symbols have one and op has its own law."""
    weights, single = params.op_weights, params.sizes.letters
    return math.fsum(weight * letter_bits(op, single) for op, weight in weights.items()) / sum(weights.values())


def sampled_books(sample: Rows) -> dict[str, Book]:
    """Return an upper end for the mean of every book: a sample's mean and six standard errors."""
    bits, books = sample.units / UNITS_PER_BIT, {}
    for i, name in enumerate(BOOKS):
        value = float(bits[:, i].mean() + 6 * bits[:, i].std() / math.sqrt(SAMPLE))
        books[name] = Book(Bits(value, "upper", REJECTED if name in ("structure", "solution_order") else SAMPLED))
    return books


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

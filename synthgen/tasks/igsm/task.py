"""The task `igsm`: problems, solutions and answers, of the paper's law or of an open one."""

from __future__ import annotations

import functools
import hashlib
import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from synthgen.errors import SynthgenError
from synthgen.exact.draw import Keys, new_state
from synthgen.exact.entropy import Bits, Book, Entropy, entropy_of, log2_binomial, log2_factorial, log2_falling
from synthgen.exact.jit import kernel
from synthgen.exact.ledger import UNITS_PER_BIT
from synthgen.task.assets import read_asset
from synthgen.task.columns import list_column
from synthgen.task.contract import SplitBy, Task
from synthgen.task.kit.retries import RetryParams, expected_bits, expected_number, shown_bits
from synthgen.task.phrases import Codes
from synthgen.task.rows import Rows
from synthgen.task.verdict import Misread, Reread, Verdict
from synthgen.tasks.igsm.markers import MARKERS
from synthgen.tasks.igsm.params import IgsmParams, law_of
from synthgen.tasks.igsm.reading.graphs import draw_graph
from synthgen.tasks.igsm.reading.verifier import SolutionReader
from synthgen.tasks.igsm.worlds import PACKS, World, read_world
from synthgen.tasks.igsm.writing.mistakes import new_mistakes
from synthgen.tasks.igsm.writing.open.orders import MAX_ORDERED, link, new_graph, new_memo, order_units
from synthgen.tasks.igsm.writing.open.sampler import OpenLaw
from synthgen.tasks.igsm.writing.paper.sampler import new_work
from synthgen.tasks.igsm.writing.problem import new_problem
from synthgen.tasks.igsm.writing.rows import BOOKS, FIGURES, LETTER_BOOK, STAGES, Out, write_open_rows, write_paper_rows
from synthgen.tasks.igsm.writing.sketch import new_scratch
from synthgen.tasks.igsm.writing.surface import LONG_LETTERS
from synthgen.tasks.igsm.writing.text import KINDS, RETRY_KINDS, Wording, make_wording

RETRY_FIELDS = (pa.field("retries", pa.int16()), pa.field("candidates", pa.list_(pa.int16())))
SAMPLE = 2048
"""Problems behind the means that have no closed form."""

TEMPLATE = b"synthgen igsm template 1 "
"""What a template's hash begins with, so that a later form cannot be mistaken for this one."""

SAMPLED = f"exact in every row; the mean is that of {SAMPLE:,} problems plus six standard errors"
REJECTED = f"books the accepted attempt; the mean is that of {SAMPLE:,} problems plus six standard errors"


def template_hash(sketch: bytes) -> str:
    """Return the ordered hash of a template, 32 hex digits, from its sketch."""
    return hashlib.blake2b(TEMPLATE + sketch, digest_size=16).hexdigest()


def _tiny(op: dict[int, int], **shape: Any) -> dict[str, Any]:
    """Return params of an open law that is small enough to enumerate."""
    small = {"chains": 1, "groups": 1, "names": shape["widths"][1], "letters": max(op)}
    own = {"uncapped_from": 35, **shape}
    return {"sampler": "open", "op": op, "modulus": 2, "sizes": small, "open": own}


CEILING_SAMPLE = 512
"""Problems whose orders are counted for the mean of the ceiling."""


@kernel
def count_order_units(graph, memo):
    """Return log2 of the number of orders of a graph, in ledger units; -1 where it is not known."""
    link(graph)
    return order_units(graph, memo)


class Igsm(Task):
    """Grade-school mathematics from dependency graphs: problem and question, then every step of the solution."""

    name = "igsm"
    template_field = "template"
    version = 1
    paper = "2407.20311"
    row_formats = ("prompt-completion",)
    books: tuple[str, ...] = BOOKS
    difficulty = "operations of the solution"
    deviations = (
        "The names of categories and things are our own, in the published numbers.",
        "Where the paper and its released code differ, `fidelity` in the params says which of them this follows "
        "(by default the code); the sampler `open` follows an open law of our own.",
    )
    capabilities: frozenset[str] = frozenset({"exact", "injective", "enumerable", "parses"})  # of the open sampler
    Params: ClassVar = IgsmParams
    tiny: ClassVar[tuple[Mapping[str, Any], ...]] = (
        _tiny({1: 1, 2: 2}, sentences=(1, 2), distractors=(0, 1), layers=(2, 3), widths=(1, 1)),
        _tiny({1: 1, 2: 2}, sentences=(1, 2), distractors=(0, 0), layers=(2, 2), widths=(1, 2)),
    )

    def __init__(self, params: IgsmParams, keys: Keys, files: Path, row_format: str = "") -> None:
        super().__init__(params, keys, files, row_format)
        self._keys = np.array([keys.split(stage) for stage in STAGES])
        if params.retry:
            self.books = (*BOOKS, "retries")
        if params.sampler == "open":
            _ = self.law  # a law that cannot be is told at once
            if params.retry and params.retry.rate:
                self.capabilities = type(self).capabilities - {"exact"}  # the mean bits of retries come from a sample
        else:
            self.capabilities = frozenset({"parses"})

    @property
    def split_by(self) -> SplitBy:
        return SplitBy.FRESH if self.params.bins == "all" else SplitBy.LATENT

    @property
    def template_half(self) -> str:
        own = self.params
        unsplit = own.sampler == "open" and any(op in own.op_weights for op in self.law.halves.unsplit)
        return "" if own.bins == "all" or unsplit else own.bins

    @property
    def assets(self) -> Mapping[str, Path]:
        world = self.params.world
        return {} if world in PACKS else {"world": read_asset(self.files, world, "params.world")}

    @functools.cached_property
    def world(self) -> World:
        """The names that problems speak of."""
        return read_world(self.assets.get("world", self.params.world))

    @functools.cached_property
    def wording(self) -> Wording:
        """The phrases of this task's texts."""
        own = self.params
        marked = own.layout == "markers"
        return make_wording(self.world, own.phrasing, own.format == "qp", own.detail, own.modulus, marked)

    @property
    def markers(self) -> tuple[str, ...]:
        return MARKERS if self.params.layout == "markers" else ()

    @functools.cached_property
    def reader(self) -> SolutionReader:
        """The parser, solver and verifier of texts, made from the names alone."""
        own = self.params
        retry = own.retry or RetryParams()
        marked = own.layout == "markers"
        kind = (retry.kind, retry.next_counts)
        return SolutionReader(self.world, own.phrasing, own.modulus, own.detail, own.format, *kind, marked)

    @property
    def span_kinds(self) -> tuple[str, ...]:
        return (*KINDS, *RETRY_KINDS) if self.params.retry else KINDS

    @property
    def latent_fields(self) -> list[pa.Field]:
        small = {name: pa.field(name, pa.int16()) for name in FIGURES}
        small["query_abstract"] = pa.field("query_abstract", pa.bool_())
        pair = pa.struct([pa.field("parameter", pa.int16()), pa.field("needs", pa.int16())])
        return [
            small["op"],
            small["layers"],
            pa.field("widths", pa.list_(pa.int8())),
            *(small[name] for name in FIGURES[2:]),
            pa.field("template", pa.string()),
            pa.field("solution_floor", pa.float64()),
            pa.field("solution", pa.list_(pa.int16())),
            pa.field("graph", pa.list_(pair)),
            *(RETRY_FIELDS if self.params.retry else ()),
        ]

    # -- rows ---------------------------------------------------------------------------------------------------------

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        return self._rows(start, stop, state, self._keys)

    @functools.cached_property
    def law(self) -> OpenLaw:
        """The law of the open sampler."""
        own = self.params
        key = self.keys.world("halves")
        return OpenLaw(own.open, own.op_weights, own.bins, key, own.bins_for_training)

    def _rows(self, start: int, stop: int, state: np.record, keys: np.ndarray) -> Rows:
        own, page, done = self.params, self.wording.page, start
        out, used = Out.of(stop - start), np.array(own.sizes.numbers(), np.int64)
        problem, scratch = new_problem(), new_scratch()
        work, law, mistakes = new_work(), law_of(own), new_mistakes(own.retry)
        while True:
            if own.sampler == "open":
                tables = self.law.tables
                done = write_open_rows(
                    state, keys, start, done, stop, used, problem, tables, own.modulus, scratch, page, mistakes, out
                )
            else:
                done = write_paper_rows(
                    state, keys, start, done, stop, used, problem, work, *law, scratch, page, mistakes, out
                )
            if done == stop:
                break
            out = out.larger()
        return Rows(
            content=Codes(self.wording.table, out.codes[: out.ends[-1]], out.ends, self.span_kinds, parts=2),
            difficulty=out.figures[:, 0],
            units=np.ascontiguousarray(out.units[:, : len(self.books)]),
            latent=self._latent(out),
        )

    def _latent(self, out: Out) -> dict[str, pa.Array]:
        figures = out.figures
        latent = {name: pa.array(figures[:, i].astype(np.int16)) for i, name in enumerate(FIGURES)}
        latent["query_abstract"] = pa.array(figures[:, FIGURES.index("query_abstract")] == 1)
        widths = figures[:, len(FIGURES) :]
        latent["widths"] = list_column(np.cumsum(figures[:, 1]), widths[widths > 0], pa.int8())
        raw, at = out.sketches[: out.sketch_ends[-1]].tobytes(), 0
        hashes = []
        for end in out.sketch_ends.tolist():
            hashes.append(template_hash(raw[at:end]))
            at = end
        latent["template"] = pa.array(hashes)
        floors = (out.units[:, LETTER_BOOK] + out.floors) / UNITS_PER_BIT
        latent["solution_floor"] = pa.array(floors, mask=out.floors < 0)
        latent["solution"] = list_column(out.order_ends, out.orders[: out.order_ends[-1]], pa.int16())
        kind = next(field for field in self.latent_fields if field.name == "graph").type.value_type
        own = [pa.array(np.ascontiguousarray(out.pairs[: out.pair_ends[-1], i])) for i in range(2)]
        items = pa.StructArray.from_arrays(own, fields=list(kind))
        offsets = pa.array(np.concatenate([[0], out.pair_ends]).astype(np.int32))
        if self.params.retry:
            latent["retries"] = pa.array(out.retries.astype(np.int16))
            latent["candidates"] = list_column(out.order_ends, out.candidates[: out.order_ends[-1]], pa.int16())
        latent["graph"] = pa.ListArray.from_arrays(offsets, items, type=pa.list_(kind))
        return latent

    # -- entropy ------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def _sample(self) -> Rows:
        """Problems of an independent stream, the same for every seed: what means without a closed form come from."""
        stream = Keys(split="entropy of igsm")
        return self._rows(0, SAMPLE, new_state(), np.array([stream.split(stage) for stage in STAGES]))

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        if self.params.sampler == "open":
            books = self._exact_books() | self._retry_book()
            return Entropy(books, self._facts(books) | self.law.facts(rows or 1))
        books = self._sampled_books() | self._retry_book()
        return Entropy(books, self._facts(books), hidden="names and structure show up to a renumbering of items")

    def _retry_book(self) -> dict[str, Book]:
        """The bits of retries: a formula given how many candidates each step has, a mean over the sampled problems."""
        retry = self.params.retry
        if not retry:
            return {}
        if not retry.rate:
            return {"retries": Book(Bits(0.0))}
        bits = np.array([math.fsum(expected_bits(retry.rate, n) for n in steps) for steps in self._sampled_candidates])
        return {"retries": Book(Bits(float(bits.mean() + 6 * bits.std() / math.sqrt(SAMPLE)), "upper", SAMPLED))}

    @functools.cached_property
    def _sampled_candidates(self) -> list[list[int]]:
        """How many mistakes could be made before each step of the sampled problems."""
        return self._sample.latent["candidates"].to_pylist()

    def _retry_facts(self) -> dict[str, Any]:
        """The expected number of retries, in closed form given the candidates of each step."""
        retry = self.params.retry
        if not retry:
            return {}
        numbers = [math.fsum(expected_number(retry.rate, n) for n in own) for own in self._sampled_candidates]
        return {
            "retries_a_problem": float(np.mean(numbers)),
            "retries_a_step": float(np.sum(numbers)) / sum(len(own) for own in self._sampled_candidates),
            "retries_a_step_untruncated": retry.rate / (1 - retry.rate),
        }

    def _letters(self) -> float:
        """The mean bits of letters, where all symbols have one and op has its own law."""
        weights, single = self.params.op_weights, self.params.sizes.letters
        total = math.fsum(weight * letter_bits(op, single) for op, weight in weights.items())
        return total / sum(weights.values())

    def _exact_books(self) -> dict[str, Book]:
        own, numbers, widths = self.params, self.law.numbers(), self.law.widths_law()
        used = own.sizes
        names = math.log2(used.chains)
        for layers, share in widths.items():
            names += share * (math.log2(5 - len(layers)) + len(layers) * math.log2(used.groups))
            names += share * math.fsum(log2_binomial(used.names, items) for items in layers)
        values = (numbers["constants"] + numbers["added"]) * math.log2(own.modulus)
        values += numbers["times"] * math.log2(max(1, own.modulus - 1))
        order = math.fsum(share * log2_factorial(edges) for edges, share in self.law.edges_law().items())
        means = self.law.entropy() | {"names": names, "values": values, "sentence_order": order}
        books = {name: Book(Bits(means.get(name, 0.0))) for name in BOOKS}
        if own.detail % 3 == 2:
            books["letters"] = self._sampled_books()["letters"]
        else:
            books["letters"] = Book(Bits(self._letters()))
        return books

    def _sampled_books(self) -> dict[str, Book]:
        sampled, books = self._sample.units / UNITS_PER_BIT, {}
        for i, name in enumerate(BOOKS):
            value = float(sampled[:, i].mean() + 6 * sampled[:, i].std() / math.sqrt(SAMPLE))
            reason = REJECTED if name in ("structure", "solution_order") else SAMPLED
            books[name] = Book(Bits(value, "upper", reason))
        books["op"] = Book(Bits(entropy_of(self.params.op_weights.values())))
        if self._joint:
            books["operators"] = Book(Bits(0.0))
        if not self.params.reask and self.params.detail % 3 != 2:
            books["letters"] = Book(Bits(self._letters()))
        return books

    @property
    def _joint(self) -> bool:
        """Whether structure and operators are one book: the bin looks at both."""
        return self.params.sampler == "open" or self.params.bins != "all" or self.params.reask

    def _facts(self, books: Mapping[str, Book]) -> dict[str, Any]:
        own, latent, weights = self.params, self._sample.latent, self.params.op_weights
        answers = np.bincount(latent["answer"].to_numpy(), minlength=own.modulus) / SAMPLE
        floors = np.array([floor for floor in latent["solution_floor"].to_pylist() if floor is not None])
        exact = own.sampler == "open"
        floor = {"bits": float(floors.mean()), "status": "estimate" if exact else "lower"}
        floor |= {"se": float(floors.std() / math.sqrt(floors.size))} if exact else {}
        floor |= {"reason": "orders and letters, exact in every row" if exact else "letters alone"}
        return {
            "op_law": {str(op): weight / sum(weights.values()) for op, weight in weights.items()},
            "solution_floor_bits": floor,
            "solution_ceiling_bits": floor if exact else self._ceiling,
            "joint_books": ["structure", "operators"] + ["solution_order"] * exact if self._joint else [],
            "answer_zero_share": float(answers[0]),
            "constant_guess": {"answer": int(answers.argmax()), "share": float(answers.max())},
            "sampled_rows": SAMPLE,
            "necessary": float(latent["necessary"].to_numpy().mean()),
            "sentences": float(latent["edges"].to_numpy().mean()),
            "distinct_templates": len(set(latent["template"].to_pylist())),
            "follows": "an open law of our own" if exact else own.fidelity,
            **self._retry_facts(),
        }

    @functools.cached_property
    def _ceiling(self) -> dict[str, Any]:
        """The mean of letters and log2 of the number of orders, over some of the sampled problems."""
        latent, letters, graph, memo = self._sample.latent, self._sample.units[:, LETTER_BOOK], new_graph(), new_memo()
        found = []
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
                found.append((orders + units) / UNITS_PER_BIT)
        mean, spread = float(np.mean(found)), float(np.std(found) / math.sqrt(len(found)))
        return {"bits": mean, "status": "estimate", "se": spread, "reason": "letters, and all orders equally likely"}

    # -- checking -----------------------------------------------------------------------------------------------------

    def parse(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the text shows: op, edges, ..., answer, template, bin, spans. Raises ValueError on junk."""
        return self.reader.latent(row["prompt"], row["completion"])

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        """Judge a completion step by step; `parts` hold each step's verdict, then counts."""
        return self.reader.judge(prompt, completion)

    def plot(self, row: Mapping[str, Any], file: Path) -> None:
        """Draw the dependencies of a row's problem."""
        try:
            draw_graph(self.reader.problem(row["prompt"]), self.params.modulus, file)
        except ImportError:
            raise SynthgenError("--plot needs matplotlib: pip install 'synthgen[plot]'") from None
        except (OSError, ValueError) as error:
            raise SynthgenError(f"--plot {file}: {error}") from None

    def reread(self, row: Mapping[str, Any]) -> Reread:
        """Solve the problem from its text, and judge the solution step by step."""
        prompt, completion = row["prompt"], row["completion"]
        verdict = self.reader.judge(prompt, completion)
        if not verdict.correct:
            return Reread.refused(verdict)
        if fault := self._retry_fault(row):
            raise Misread(fault)
        read = dict(self.parse(row))
        spans = {kind: own for kind, own in read.pop("spans").items() if kind in self.span_kinds}
        if self.params.sampler == "open":
            half = self.law.half_of(self.reader.lines(prompt, completion))
            if half not in ("all", self.params.bins) and self.params.bins != "all":
                raise Misread(f"the template is of the half {half!r}, not {self.params.bins!r}")
        elif not self.params.allowed_bins >> row["latent"]["bin"] & 1:
            raise Misread(f"bin {row['latent']['bin']} is none of this split's ({self.params.bins})")
        used, as_sets = self.params.sizes.numbers(), self.params.sampler == "open"
        bits = self.reader.bits(prompt, completion, row["latent"]["widths"], used, as_sets)
        latent = {name: value for name, value in read.items() if value is not None}
        return Reread(read["op"], bits, latent, spans, verdict=verdict)

    def _retry_fault(self, row: Mapping[str, Any]) -> str:
        """Hold every sentence that is taken back against its kind's candidates, and the book against their number."""
        retry, places = self.params.retry, self.reader.retries(row["prompt"], row["completion"])
        if (not retry or not retry.rate) and any(place.wrong for place in places):
            return "a sentence is taken back in data without retries"
        if not retry:
            return ""
        for step, (wrong, candidates) in enumerate(places, 1):
            for item, target in wrong:
                if (item, target) not in candidates:
                    return f"{item}'s {target} before step {step} is no mistake of kind {retry.kind!r}"
            if len(set(wrong)) < len(wrong):
                return f"a parameter is taken back twice before step {step}"
        latent = row["latent"]
        if latent["retries"] != sum(len(wrong) for wrong, _ in places):
            return f"latent.retries is {latent['retries']}, the text has another number"
        if latent["candidates"] != [len(candidates) for _, candidates in places]:
            return f"latent.candidates is {latent['candidates']}, the problem gives others"
        bits = math.fsum(shown_bits(retry.rate, len(candidates), len(wrong)) for wrong, candidates in places)
        if abs(bits - row["bits"]["retries"]) > 1e-6:
            return f"bits.retries is {row['bits']['retries']}, the text has {bits}"
        return ""


def letter_bits(count: int, single: int) -> float:
    """Return the bits of `count` letters drawn without replacement, with two-letter names beyond `single`."""
    return log2_falling(single, min(count, single)) + log2_falling(LONG_LETTERS, max(0, count - single))

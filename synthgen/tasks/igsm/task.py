"""The task `igsm`: problems, solutions and answers, of the paper's law or of an open one."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from synthgen.assets import read_asset
from synthgen.columns import list_column
from synthgen.draw import Keys, new_state
from synthgen.entropy import Bits, Book, Entropy, entropy_of, log2_falling
from synthgen.ledger import UNITS_PER_BIT
from synthgen.phrases import Codes
from synthgen.task import Rows, Task, Verdict
from synthgen.tasks.igsm.paper import new_work
from synthgen.tasks.igsm.params import IgsmParams, law_of
from synthgen.tasks.igsm.problem import PARAMS, WIDTH, new_problem
from synthgen.tasks.igsm.verifier import Reader
from synthgen.tasks.igsm.rows import BOOKS, FIGURES, LETTER_BOOK, SKETCH_BYTES, STAGES, write_paper_rows
from synthgen.tasks.igsm.sketch import new_scratch
from synthgen.tasks.igsm.surface import LETTERS, LONG_LETTERS
from synthgen.tasks.igsm.text import CODES, KINDS, Wording, make_wording
from synthgen.tasks.igsm.worlds import PACKS, World, read_world

SAMPLE = 2048
"""Problems behind the means that have no closed form."""

TEMPLATE = b"synthgen igsm template 1 "
"""What a template's hash begins with, so that a later form cannot be mistaken for this one."""

SAMPLED = f"exact in every row; the mean is that of {SAMPLE:,} problems plus six standard errors"
REJECTED = f"books the accepted attempt; the mean of {SAMPLE:,} problems plus six standard errors"


def template_hash(sketch: bytes) -> str:
    """Return the ordered hash of a template, 32 hex digits, from its sketch."""
    return hashlib.blake2b(TEMPLATE + sketch, digest_size=16).hexdigest()


class Igsm(Task):
    """Grade-school mathematics from dependency graphs: problem and question, then every step of the solution."""

    name = "igsm"
    version = 1
    paper = "2407.20311"
    row_formats = ("prompt-completion",)
    books: tuple[str, ...] = BOOKS
    difficulty = "operations of the solution"
    capabilities: frozenset[str] = frozenset({"parses"})
    Params: ClassVar = IgsmParams

    def __init__(self, params: IgsmParams, keys: Keys, files: Path, row_format: str = "") -> None:
        super().__init__(params, keys, files, row_format)
        self._keys = np.array([keys.split(stage) for stage in STAGES])

    @property
    def split_by(self) -> str:
        return "fresh" if self.params.bins == "all" else "latent"

    @property
    def assets(self) -> Mapping[str, Path]:
        world = self.params.world
        return {} if world in PACKS else {"world": read_asset(self.files, world, "world")}

    @functools.cached_property
    def world(self) -> World:
        """The names that problems speak of."""
        return read_world(self.assets.get("world", self.params.world))

    @functools.cached_property
    def wording(self) -> Wording:
        """The phrases of this task's texts."""
        own = self.params
        return make_wording(self.world, own.phrasing, own.format == "qp", own.detail, own.modulus)

    @functools.cached_property
    def reader(self) -> Reader:
        """The parser, solver and verifier of texts, made from the names alone."""
        own = self.params
        return Reader(self.world, own.phrasing, own.modulus, own.detail, own.format)

    @property
    def span_kinds(self) -> tuple[str, ...]:
        return KINDS

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
        ]

    # -- rows ---------------------------------------------------------------------------------------------------------

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        return self._rows(start, stop, state, self._keys)

    def _rows(self, start: int, stop: int, state: np.record, keys: np.ndarray) -> Rows:
        rows = stop - start
        codes, sketches = np.empty(rows * 500 + CODES, np.int32), np.empty(rows * 600 + SKETCH_BYTES, np.uint8)
        ends, units = np.empty(2 * rows, np.int64), np.zeros((rows, len(BOOKS)), np.int64)
        figures = np.zeros((rows, len(FIGURES) + 4), np.int64)
        orders, order_ends = np.empty(rows * PARAMS, np.int16), np.empty(rows, np.int64)
        pairs, pair_ends = np.empty((rows * PARAMS * WIDTH, 2), np.int16), np.empty(rows, np.int64)
        sketch_ends = np.empty(rows, np.int64)
        done, parts = start, (new_problem(), new_work(), *law_of(self.params), new_scratch(), self.wording.page)
        while True:
            done = write_paper_rows(
                state, keys, start, done, stop, *parts,
                codes, ends, units, figures, orders, order_ends, pairs, pair_ends, sketches, sketch_ends,
            )  # fmt: skip
            if done == stop:
                break
            codes, sketches = np.resize(codes, 2 * codes.size), np.resize(sketches, 2 * sketches.size)
        return Rows(
            content=Codes(self.wording.table, codes[: ends[-1]], ends, KINDS, parts=2),
            difficulty=figures[:, 0],
            units=units,
            latent=self._latent(figures, orders, order_ends, pairs, pair_ends, sketches, sketch_ends, units),
        )

    def _latent(
        self,
        figures: np.ndarray,
        orders: np.ndarray,
        order_ends: np.ndarray,
        pairs: np.ndarray,
        pair_ends: np.ndarray,
        sketches: np.ndarray,
        sketch_ends: np.ndarray,
        units: np.ndarray,
    ) -> dict[str, pa.Array]:
        latent = {name: pa.array(figures[:, i].astype(np.int16)) for i, name in enumerate(FIGURES)}
        latent["query_abstract"] = pa.array(figures[:, FIGURES.index("query_abstract")] == 1)
        widths = figures[:, len(FIGURES) :]
        latent["widths"] = list_column(np.cumsum(figures[:, 1]), widths[widths > 0], pa.int8())
        raw, at = sketches[: sketch_ends[-1]].tobytes(), 0
        hashes = []
        for end in sketch_ends.tolist():
            hashes.append(template_hash(raw[at:end]))
            at = end
        latent["template"] = pa.array(hashes)
        latent["solution_floor"] = pa.array(units[:, LETTER_BOOK] / UNITS_PER_BIT)
        latent["solution"] = list_column(order_ends, orders[: order_ends[-1]], pa.int16())
        kind = next(field for field in self.latent_fields if field.name == "graph").type.value_type
        own = [pa.array(np.ascontiguousarray(pairs[: pair_ends[-1], i])) for i in range(2)]
        items = pa.StructArray.from_arrays(own, fields=list(kind))
        offsets = pa.array(np.concatenate([[0], pair_ends]).astype(np.int32))
        latent["graph"] = pa.ListArray.from_arrays(offsets, items, type=pa.list_(kind))
        return latent

    # -- entropy ------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def _sample(self) -> Rows:
        """Problems of an independent stream, the same for every seed: what means without a closed form come from."""
        stream = Keys(split="entropy of igsm")
        return self._rows(0, SAMPLE, new_state(), np.array([stream.split(stage) for stage in STAGES]))

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        sampled, books = self._sample.units / UNITS_PER_BIT, {}
        weights = self.params.op_weights
        joint = self.params.bins != "all" or self.params.reask
        for i, name in enumerate(BOOKS):
            own = sampled[:, i]
            value = float(own.mean() + 6 * own.std() / math.sqrt(SAMPLE))
            reason = REJECTED if name in ("structure", "solution_order") else SAMPLED
            books[name] = Book(Bits(value, "upper", reason))
        books["op"] = Book(Bits(entropy_of(weights.values())))
        if joint:
            books["operators"] = Book(Bits(0.0))
        if not self.params.reask and self.params.detail % 3 != 2:
            whole = sum(weights.values())
            letters = math.fsum(weight * letter_bits(op) for op, weight in weights.items()) / whole
            books["letters"] = Book(Bits(letters))
        return Entropy(books, self._facts(books, joint), hidden="names and structure show up to a renumbering of items")

    def _facts(self, books: Mapping[str, Book], joint: bool) -> dict[str, Any]:
        latent, rows = self._sample.latent, SAMPLE
        answers = np.bincount(latent["answer"].to_numpy(), minlength=self.params.modulus) / rows
        letters = books["letters"].bits
        return {
            "op_law": {str(op): weight / sum(self.params.op_weights.values()) for op, weight in self.params.op_weights.items()},
            "solution_floor_bits": {"bits": letters.value, "status": "lower", "reason": "letters alone"},
            "joint_books": ["structure", "operators"] if joint else [],
            "answer_zero_share": float(answers[0]),
            "constant_guess": {"answer": int(answers.argmax()), "share": float(answers.max())},
            "sampled_rows": rows,
            "necessary": float(latent["necessary"].to_numpy().mean()),
            "sentences": float(latent["edges"].to_numpy().mean()),
            "distinct_templates": len(set(latent["template"].to_pylist())),
            "follows": self.params.fidelity,
        }

    # -- checking -----------------------------------------------------------------------------------------------------

    def parse(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the text shows: op, edges, necessary, ... answer, template, bin, spans. Raises ValueError on junk."""
        return self.reader.latent(row["prompt"], row["completion"])

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        """Judge a completion step by step; `parts` hold each step's verdict, then counts."""
        return self.reader.judge(prompt, completion)

    def verify(self, row: Mapping[str, Any]) -> Verdict:
        """Solve the problem from its text, judge the solution, and compare latents, spans and bits."""
        try:
            return self._verify(row)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            return Verdict.wrong(f"the row cannot be read: {error}")

    def _verify(self, row: Mapping[str, Any]) -> Verdict:
        verdict = self.reader.judge(row["prompt"], row["completion"])
        if not verdict.correct:
            return verdict
        found, latent = self.parse(row), row["latent"]
        for field, value in found.items():
            if field != "spans" and value is not None and latent[field] != value:
                return Verdict.wrong(f"latent.{field} is {latent[field]}, the text says {value}")
        for kind in KINDS:
            if [(span["start"], span["end"]) for span in latent["spans"][kind]] != found["spans"][kind]:
                return Verdict.wrong(f"latent.spans.{kind} does not cover what stands in the text")
        if not self.params.allowed_bins >> latent["bin"] & 1:
            return Verdict.wrong(f"bin {latent['bin']} is none of this split's ({self.params.bins})")
        if row["difficulty"] != found["op"]:
            return Verdict.wrong(f"difficulty is {row['difficulty']}, the solution has {found['op']} operations")
        booked = {name: value for name, value in row["bits"].items() if name != "total"}
        if abs(row["bits"]["total"] - math.fsum(booked.values())) > 1e-9:
            return Verdict.wrong("bits.total is not the sum of its books")
        for name, value in self.reader.bits(row["prompt"], row["completion"], latent["widths"]).items():
            if abs(booked[name] - value) > 1e-6:
                return Verdict.wrong(f"bits.{name} is {booked[name]}, the text has {value}")
        return Verdict.right(verdict.parts)


def letter_bits(count: int) -> float:
    """Return the bits of `count` letters drawn without replacement, with two-letter names beyond 52."""
    return log2_falling(LETTERS, min(count, LETTERS)) + log2_falling(LONG_LETTERS, max(0, count - LETTERS))

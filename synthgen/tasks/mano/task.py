"""The task `mano`: how many operations, a prefix expression modulo a prime, and its value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field, field_validator, model_validator

from synthgen.exact.bits import Bits
from synthgen.exact.draw import Keys
from synthgen.exact.entropy import Book, Entropy, entropy_of, log2_sum
from synthgen.exact.ledger import UNITS_PER_BIT, log2_units
from synthgen.task.contract import Task, TaskParams
from synthgen.task.family import Family
from synthgen.task.judging import NUMBER, STEPLESS, Final
from synthgen.task.kit.alphabet import FIRST, Alphabet
from synthgen.task.phrases import SPANS, span_lists
from synthgen.task.picture import Picture
from synthgen.task.rows import Rows, Tokens, Vocab
from synthgen.task.verdict import Misread, Reread, Verdict
from synthgen.tasks.mano.fidelity import DEVIATIONS
from synthgen.tasks.mano.law import ExpressionLaw
from synthgen.tasks.mano.picture import picture_of
from synthgen.tasks.mano.reading import Marks, Node, ParsedMano, read, sizes
from synthgen.tasks.mano.surprisal import row_surprisals
from synthgen.tasks.mano.writing import DIVIDE, OPERATIONS, STAGES, Arithmetic, Drawn, Layout, write_rows

BOS, EOS, PAD = 9999, 9995, 0
VALUE = 5000
"""Published ids: 5000 + v is the value v; + - * / are 5 to 8 and, their twins, 1 to 4; 10 l and 10 l + 1 say that l
operations follow, 10 l + 4 and 10 l + 5 open the answer."""


class ManoParams(TaskParams):
    """Params of the task `mano`."""

    operations: int = Field(10, ge=1, le=100, description="L, the most operations of an expression")
    exactly: int | None = Field(
        None, ge=1, description="operations of every row (tests: L); by default 1 to L, all alike"
    )
    modulus: int = Field(23, ge=2, le=1009, description="values are 0 to modulus - 1; a prime, where / is used")
    signs: str = Field("+-*", description="the operations in use: some of + - * /")
    fidelity: Literal["released", "paper"] = Field(
        "released", description="what decides where paper and released code differ and a field below is not set"
    )
    twins: bool | None = Field(
        None, description="operations and marks show as one of two ids, by a fair coin; by default yes (paper: no)"
    )
    trained: Literal["all", "answer"] = Field(
        "all", description="what is trained on: all tokens (as published), or the answer (adds completion_mask)"
    )
    numbering: Literal["released", "compact"] = Field(
        "released", description="ids as published (values from 5000), or without gaps (small models)"
    )

    @property
    def has_twins(self) -> bool:
        """Whether operations and marks have two ids each."""
        return self.fidelity == "released" if self.twins is None else self.twins

    @property
    def chosen(self) -> tuple[int, ...]:
        """The numbers of the operations in use."""
        return tuple(OPERATIONS.index(sign) for sign in self.signs)

    @field_validator("signs")
    @classmethod
    def _known(cls, signs: str) -> str:
        if not signs or len(set(signs)) < len(signs) or set(signs) - set(OPERATIONS):
            raise ValueError("signs must be some of + - * /, each once")
        return signs

    @model_validator(mode="after")
    def _possible(self) -> ManoParams:
        if self.exactly is not None and self.exactly > self.operations:
            raise ValueError(f"exactly = {self.exactly} is above operations = {self.operations}")
        prime = all(self.modulus % k for k in range(2, math.isqrt(self.modulus) + 1))
        if "/" in self.signs and not prime:
            raise ValueError(
                f"modulus = {self.modulus} is not a prime: leave / out of signs, or take 2, 3, 5, 7, 11 ..."
            )
        if "/" in self.signs and (self.modulus < 5 or self.operations > 50):
            raise ValueError("with / in signs, modulus must be at least 5 and operations at most 50")
        return self


class Mano(Task):
    """Knowledge manipulation: an arithmetic expression in prefix order and its value, without intermediate steps."""

    name = "mano"
    version = 1
    paper = "2512.17351"
    family = Family.PLAYGROUND
    row_formats = ("tokens",)
    books: tuple[str, ...] = STAGES
    glossary: Mapping[str, str] = {
        "<lenN>": "an expression of N operations follows",
        "<ansN>": "its value follows",
    }
    difficulty = "operations"
    deviations = DEVIATIONS
    capabilities = frozenset({"exact", "injective", "enumerable", "parses"})
    Params: ClassVar = ManoParams
    tiny: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"operations": 2, "modulus": 3, "fidelity": "paper", "numbering": "compact"},
        {"operations": 1, "modulus": 2},
    )
    span_kinds = ("answer",)

    def __init__(self, params: ManoParams, keys: Keys, files: Path, row_format: str = "") -> None:
        super().__init__(params, keys, files, row_format)
        self.law = ExpressionLaw.of(params.operations, params.modulus, params.chosen)
        self._keys = np.array([keys.split(stage) for stage in STAGES])
        self._build()

    def _build(self) -> None:
        """Number the symbols: values, then the two ids of every operation and of the marks of every length."""
        m, most = self.params.modulus, self.params.operations
        symbols = [(str(v), VALUE + v) for v in range(m)]
        operation = FIRST + len(symbols)
        symbols += [(sign + "'" * twin, 5 + k - 4 * twin) for k, sign in enumerate(OPERATIONS) for twin in (0, 1)]
        length = FIRST + len(symbols)
        symbols += [(f"<len{n}>" + "'" * twin, 10 * n + twin) for n in range(1, most + 1) for twin in (0, 1)]
        answer = FIRST + len(symbols)
        symbols += [(f"<ans{n}>" + "'" * twin, 10 * n + 4 + twin) for n in range(1, most + 1) for twin in (0, 1)]
        self.alphabet = Alphabet.of(symbols, BOS, EOS, PAD, self.params.numbering)
        self._starts = FIRST, operation, length - 2, answer - 2
        two = 2 if self.params.has_twins else 1
        self.marks = Marks(
            m,
            {FIRST + v: v for v in range(m)},
            {operation + 2 * k + t: sign for k, sign in enumerate(OPERATIONS) for t in range(two)},
            {length - 2 + 2 * n + t: n for n in range(1, most + 1) for t in range(two)},
            {answer - 2 + 2 * n + t: n for n in range(1, most + 1) for t in range(two)},
        )

    @property
    def vocab(self) -> Vocab:
        return self.alphabet.vocab

    modes = STEPLESS

    @property
    def masked(self) -> bool:
        return self.params.trained == "answer"

    @property
    def latent_fields(self) -> list[pa.Field]:
        return [pa.field("operations", pa.int32()), pa.field("answer", pa.int32())]

    # -- rows ---------------------------------------------------------------------------------------------------------

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        params, rows, m = self.params, stop - start, self.params.modulus
        layout = Layout(params.operations, params.exactly or 0, m, int(params.has_twins), *self._starts)
        inverse = np.zeros(m, np.int64)
        if DIVIDE in params.chosen:
            inverse[1:] = [pow(k, -1, m) for k in range(1, m)]
        drawn = Drawn(
            ids=np.empty(rows * (2 * params.operations + 4), np.uint16),
            ends=np.empty(rows, np.int64),
            answers=np.empty(rows, np.int64),
            units=np.empty((rows, len(STAGES)), np.int64),
        )
        arithmetic = Arithmetic(np.array(params.chosen), inverse, self.law.saved)
        write_rows(state, self._keys, start, stop, layout, arithmetic, self.alphabet.ids, drawn)
        ends = drawn.ends
        ids, lengths = drawn.ids[: ends[-1]], np.diff(ends, prepend=0)
        trained = None
        if self.masked:
            trained = np.zeros(ids.size, np.bool_)
            trained[ends - 1] = trained[ends - 2] = True
        last = lengths.astype(np.int32)
        operations = (last - np.int32(4)) // np.int32(2)
        spans = span_lists(np.arange(rows + 1), last - np.int32(1), last)
        return Rows(
            content=Tokens(ids, ends, trained),
            difficulty=operations,
            units=drawn.units,
            latent={
                "operations": pa.array(operations),
                "answer": pa.array(drawn.answers.astype(np.int32)),
                "spans": pa.StructArray.from_arrays([spans], fields=[pa.field("answer", SPANS, nullable=False)]),
            },
        )

    # -- entropy ------------------------------------------------------------------------------------------------------

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        params, law = self.params, self.law
        lengths = [params.exactly] if params.exactly else list(range(1, params.operations + 1))
        share = 1 / len(lengths)
        mean = math.fsum(lengths) * share
        bits = {
            "size": math.log2(len(lengths)),
            "expression": math.fsum(law.bits[n] for n in lengths) * share,
            "twins": (mean + 2) * params.has_twins,
        }
        tokens = 2 * mean + 4  # two marks, the expression's 2 l + 1, the answer
        value = sum(law.value[n] / law.defined[n] for n in lengths) * share
        guess = int(np.argmax(value))
        equal = [2 * math.log2(share) - law.collision_bits[n] - (n + 2) * params.has_twins for n in lengths]
        return Entropy(
            {book: Book(Bits(float(amount))) for book, amount in bits.items()},
            {
                "answer_bits": 0.0,
                "expected_operations": mean,
                "expected_tokens": tokens,
                "guess": guess,
                "guess_accuracy": float(value[guess]),
                "uniform_guess_accuracy": 1 / params.modulus,
                "answer_law_bits": entropy_of(value),
                "collision_bits": -log2_sum(equal),
            },
            tokens=float(tokens + 1),
        )

    @property
    def without_surprisals(self) -> str:
        divides = DIVIDE in self.params.chosen
        return "with / in signs, what is still to come must not divide by zero, which has no short law" * divides

    def surprisals(self, said: Sequence[int] | str, number: int = 0) -> np.ndarray:
        row, params = self.alphabet.numbers_of([int(i) for i in said]), self.params
        lengths = [params.exactly] if params.exactly else list(range(1, params.operations + 1))
        return row_surprisals(row, self.marks, lengths, params.signs, params.has_twins)

    # -- checking -----------------------------------------------------------------------------------------------------

    def parse(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the number of operations and the stated answer."""
        reading = read(self.alphabet.read(row["input_ids"]), self.marks)
        return {"operations": reading.operations, "answer": reading.answer}

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        """Judge the answer in a completion of a prompt, both lists of ids: a row cut anywhere before its last token."""
        try:
            if len(completion) == 0:
                return Verdict.wrong("the completion is empty", 0)
            return self._judge(read(self.alphabet.read(prompt) + self.alphabet.read(completion), self.marks))
        except (ValueError, TypeError) as error:
            return Verdict.wrong(str(error), step=0)

    def final(self, prompt: Any) -> Final:
        """The value of the expression; the mark before it may stand in the prompt."""
        numbers = self.alphabet.read(prompt)
        operations = self.marks.lengths.get(numbers[0], 0) if numbers else 0
        left = 3 + 2 * operations - len(numbers)
        if not operations or left not in (0, 1):
            raise ValueError("the prompt is no whole expression")
        mark = self.encoded(f"<ans{operations}>")[:left]
        return Final(NUMBER, lambda said: self.judge(prompt, [*mark, *self.encoded(said)]))

    def longest_answer(self, prompt: Any) -> int:
        return max(0, 2 * self.params.operations + 4 - len(prompt))

    def _judge(self, reading: ParsedMano) -> Verdict:
        value = reading.value(self.params.modulus)
        parts = ({"query": 0, "difficulty": reading.operations, "correct": value == reading.answer},)
        if value != reading.answer:
            return Verdict.wrong(f"the answer is {reading.answer}, the value is {value}", 0, parts=parts)
        return Verdict.right(parts)

    def reread(self, row: Mapping[str, Any]) -> Reread:
        """Evaluate the expression in Python's own arithmetic, and recount mask, span and bits."""
        params, numbers = self.params, self.alphabet.read(row["input_ids"])
        reading = read(numbers, self.marks)
        verdict = self._judge(reading)
        if not verdict.correct:
            return Reread.refused(verdict)
        below = sizes(reading.tree)
        if len(below) != (params.exactly or len(below)):
            raise Misread(f"there are {len(below)} operations, not {params.exactly}")
        if {OPERATIONS.index(self.marks.operations[n]) for n in numbers if n in self.marks.operations} - set(
            params.chosen
        ):
            raise Misread("an operation is not among those in use")
        leaf, choice, last = int(log2_units(params.modulus)), int(log2_units(len(params.chosen))), len(numbers)
        trees = (len(below) + 1) * leaf + sum(choice + int(log2_units(size)) for size in below)
        units = {
            "size": 0 if params.exactly else int(log2_units(params.operations)),
            "expression": trees + int(self.law.saved[len(below)]),
            "twins": (len(below) + 2) * UNITS_PER_BIT * params.has_twins,
        }
        latent = {"operations": len(below), "answer": reading.answer}
        mask = [i >= last - 2 for i in range(last)] if self.masked else None
        return Reread(len(below), units, latent, {"answer": [(last - 1, last)]}, mask, verdict)

    def picture(self, row: Mapping[str, Any]) -> Picture:
        """Return the tree of the expression, with the value of every part."""
        return picture_of(read(self.alphabet.read(row["input_ids"]), self.marks), self.params.modulus)

    def tree(self, row: Mapping[str, Any]) -> Any:
        """Return the expression as an nltk.Tree: operations above, numbers at the leaves."""
        from nltk import Tree

        def below(node: Node) -> Any:
            return str(node) if isinstance(node, int) else Tree(node[0], [below(node[1]), below(node[2])])

        whole = below(read(self.alphabet.read(row["input_ids"]), self.marks).tree)
        return whole if isinstance(whole, Tree) else Tree("value", [whole])

    def readable(self, row: Mapping[str, Any]) -> str:
        """Return the tokens by name, and the same as an equation."""
        try:
            reading = read(self.alphabet.read(row["input_ids"]), self.marks)
        except ValueError:
            return super().readable(row)
        return f"{super().readable(row)}\n{reading.infix()} = {reading.answer} (mod {self.params.modulus})"

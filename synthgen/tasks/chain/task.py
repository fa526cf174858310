"""The task `chain`: definitions in mixed order, and the steps that lead to the one asked for."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field, field_validator, model_validator

from synthgen.exact.bits import Bits
from synthgen.exact.draw import Keys
from synthgen.exact.entropy import Book, Entropy, log2_factorial, log2_falling
from synthgen.exact.ledger import log2_units
from synthgen.task.contract import Task, TaskParams
from synthgen.task.family import Family
from synthgen.task.judging import MODES, Final
from synthgen.task.kit.retries import TOO_MUCH_BACK, RetryParams, expected_bits, expected_number, first_too_much, odds
from synthgen.task.phrases import SPANS, span_lists
from synthgen.task.picture import Picture
from synthgen.task.rows import Rows, Tokens, Vocab
from synthgen.task.verdict import Misread, Reread, Verdict
from synthgen.tasks.chain.fidelity import DEVIATIONS
from synthgen.tasks.chain.picture import picture_of
from synthgen.tasks.chain.reading import ParsedChain, fault_of, final_of, read
from synthgen.tasks.chain.surprisal import MOST_LINES, ChainLaw, row_surprisals
from synthgen.tasks.chain.symbols import ASK, BACK, BOS, EOS, LINE, PAD, SENTENCE, WORDS
from synthgen.tasks.chain.writing import (
    MISTAKE_KINDS,
    N_FIGURES,
    PROMPT,
    STAGES,
    STEPS,
    TAKEN_BACK,
    Drawn,
    Layout,
    write_rows,
)

FIGURES = ("steps", "others", "retries", "answer")
SPAN_KINDS = ("step", "retry", "retry_name", "answer")
Trained = Literal["all", "completion", "without-names", "without-retries"]


class ChainParams(TaskParams):
    """Params of the task `chain`."""

    steps: tuple[int, int] = Field((2, 10), description="lines of the chain that is asked for, from and to")
    others: tuple[int, int] = Field((0, 6), description="lines of another chain that nothing needs, from and to")
    modulus: int = Field(23, ge=2, le=1009, description="values are 0 to modulus - 1")
    names: int = Field(64, ge=1, le=10_000, description="different names that lines may define")
    retry: RetryParams = Field(RetryParams(), description="mistakes that are taken back")
    trained: Trained = Field(
        "all",
        description="what is trained on: all tokens, the completion, or the completion without what is taken back: "
        "only its name, or all up to BACK (adds completion_mask; Part 2.2 has both)",
    )

    @field_validator("steps", "others")
    @classmethod
    def _rising(cls, limits: tuple[int, int]) -> tuple[int, int]:
        if not 0 <= limits[0] <= limits[1] <= 100:
            raise ValueError("give the least and the most, from 0 to 100")
        return limits

    @model_validator(mode="after")
    def _possible(self) -> ChainParams:
        if self.steps[0] < 1:
            raise ValueError("steps must be at least 1")
        if self.names < self.steps[1] + self.others[1]:
            raise ValueError(f"names = {self.names} is too few for {self.steps[1] + self.others[1]} lines")
        return self


class Chain(Task):
    """Modular arithmetic along a chain of definitions, every step shown; mistakes that are taken back, if wanted."""

    name = "chain"
    version = 1
    paper = "2408.16293"
    family = Family.MATHEMATICS
    row_formats = ("tokens",)
    glossary: Mapping[str, str] = {"others": "definitions that are not needed"}
    books: tuple[str, ...] = STAGES
    difficulty = "steps"
    deviations = DEVIATIONS
    capabilities = frozenset({"exact", "injective", "enumerable", "parses"})
    Params: ClassVar = ChainParams
    tiny: ClassVar[tuple[Mapping[str, Any], ...]] = tuple(
        {"steps": steps, "others": others, "modulus": 2, "names": 3, "retry": {"rate": rate, "kind": kind}}
        for kind, rate, steps, others in (
            ("perfect", 0.5, (1, 2), (0, 1)),
            ("perfect", 0.75, (1, 1), (2, 2)),
            ("weak", 0.5, (2, 2), (0, 0)),
            ("miss", 0.5, (1, 1), (1, 1)),
        )
    )
    span_kinds = SPAN_KINDS

    def __init__(self, params: ChainParams, keys: Keys, files: Path, row_format: str = "") -> None:
        super().__init__(params, keys, files, row_format)
        self._keys = np.array([keys.split(stage) for stage in STAGES])

    @property
    def vocab(self) -> Vocab:
        params = self.params
        names = [
            "<bos>",
            "<eos>",
            "<pad>",
            *WORDS,
            *map(str, range(params.modulus)),
            *(f"x{i}" for i in range(params.names)),
        ]
        return Vocab(len(names), BOS, EOS, PAD, dict(enumerate(names)))

    modes = MODES

    @property
    def masked(self) -> bool:
        return self.params.trained != "all"

    @property
    def latent_fields(self) -> list[pa.Field]:
        return [pa.field(name, pa.int16()) for name in FIGURES]

    # -- rows ---------------------------------------------------------------------------------------------------------

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        params, rows = self.params, stop - start
        kind = MISTAKE_KINDS.index(params.retry.kind)
        (least, most), (fewest, greatest) = params.steps, params.others
        next_counts = int(params.retry.next_counts)
        layout = Layout(least, most, fewest, greatest, params.modulus, params.names, kind, next_counts)
        room = rows * (6 * (params.steps[1] + params.others[1]) + 2 + 2 * SENTENCE * params.steps[1]) + 64
        while True:
            drawn = Drawn(
                ids=np.empty(room, np.uint16),
                ends=np.empty(rows, np.int64),
                figures=np.empty((rows, N_FIGURES), np.int64),
                units=np.empty((rows, len(STAGES)), np.int64),
            )
            if write_rows(state, self._keys, start, stop, layout, odds(params.retry.rate), drawn) == stop:
                break
            room *= 2
        ends, figures = drawn.ends, drawn.figures
        ids = drawn.ids[: ends[-1]]
        spans, trained = self._spans(ids, ends, figures)
        latent = {name: pa.array(figures[:, i].astype(np.int16)) for i, name in enumerate(FIGURES)}
        return Rows(
            Tokens(ids, ends, trained), figures[:, STEPS].astype(np.int32), drawn.units, latent | {"spans": spans}
        )

    def _spans(
        self, ids: np.ndarray, ends: np.ndarray, figures: np.ndarray
    ) -> tuple[pa.StructArray, np.ndarray | None]:
        """Return the spans of a batch, and what is trained on."""
        begins = ends - np.diff(ends, prepend=0)
        counts = figures[:, STEPS] + figures[:, TAKEN_BACK]
        row = np.repeat(np.arange(ends.size), counts)
        number = np.arange(row.size) - np.repeat(np.cumsum(counts) - counts, counts)
        at = (begins + figures[:, PROMPT])[row] + SENTENCE * number
        back = ids[at + 3] == BACK
        places = {
            "step": (~back, 0, SENTENCE),
            "retry": (back, 0, 3),
            "retry_name": (back, 1, 2),
            "answer": (at + SENTENCE == ends[row], 3, 4),
        }
        lists = []
        for chosen, start, end in places.values():
            offsets = np.concatenate([[0], np.cumsum(np.bincount(row[chosen], minlength=ends.size))])
            place = (at - begins[row])[chosen].astype(np.int32)
            lists.append(span_lists(offsets, place + np.int32(start), place + np.int32(end)))
        spans = pa.StructArray.from_arrays(
            lists, fields=[pa.field(span_kind, SPANS, nullable=False) for span_kind in places]
        )
        if not self.masked:
            return spans, None
        trained = np.arange(ids.size) >= np.repeat(begins + figures[:, PROMPT], np.diff(ends, prepend=0))
        for offset in {"without-names": (1,), "without-retries": (0, 1, 2)}.get(self.params.trained, ()):
            trained[at[back] + offset] = False
        return spans, trained

    # -- entropy ------------------------------------------------------------------------------------------------------

    def candidates(self, steps: int, others: int) -> list[int]:
        """Return how many mistakes can be made before each step."""
        retry = self.params.retry
        further = {"perfect": max(0, others - 1), "weak": 0, "miss": others}[retry.kind]
        this_step = int(retry.kind == "miss" or (retry.kind == "weak" and retry.next_counts))
        return [steps - step - 1 + this_step + further for step in range(steps)]

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        params, rate = self.params, self.params.retry.rate
        shapes = list(
            itertools.product(
                range(params.steps[0], params.steps[1] + 1), range(params.others[0], params.others[1] + 1)
            )
        )

        def mean(figure: Callable[[int, int], float]) -> float:
            return math.fsum(figure(*shape) for shape in shapes) / len(shapes)

        def values(steps: int, others: int) -> float:
            chains = 1 + (others > 0)
            return (steps + others) * math.log2(params.modulus) + (steps + others - chains) * math.log2(3)

        bits = {
            "sizes": math.log2(len(shapes)),
            "names": mean(lambda steps, others: log2_falling(params.names, steps + others)),
            "values": mean(values),
            "order": mean(lambda steps, others: log2_factorial(steps + others)),
            "retries": mean(lambda *shape: math.fsum(expected_bits(rate, n) for n in self.candidates(*shape))),
        }
        retries = mean(lambda *shape: math.fsum(expected_number(rate, n) for n in self.candidates(*shape)))
        steps = mean(lambda steps, _: steps)
        return Entropy(
            {book: Book(Bits(value)) for book, value in bits.items()},
            {
                "retries_a_row": retries,
                "retries_a_step": retries / steps,
                "retries_a_step_untruncated": rate / (1 - rate),
                "completion_bits": bits["retries"],
                "answer_bits": 0.0,
                "expected_completion_tokens": SENTENCE * (steps + retries),
                "uniform_guess_accuracy": 1 / params.modulus,
            },
        )

    @property
    def without_surprisals(self) -> str:
        most = self.params.steps[1] + self.params.others[1]
        return f"steps, others: {most} lines in all, and {MOST_LINES} can be weighed at most" * (most > MOST_LINES)

    @functools.cached_property
    def _law(self) -> ChainLaw:
        params, retry = self.params, self.params.retry
        return ChainLaw(
            params.steps, params.others, params.names, params.modulus, retry.rate, retry.kind, retry.next_counts
        )

    def surprisals(self, said: Sequence[int] | str, number: int = 0) -> np.ndarray:
        return row_surprisals([int(i) for i in said], self._law)

    # -- checking -----------------------------------------------------------------------------------------------------

    def _read(self, ids: Any) -> ParsedChain:
        return read(ids, self.params.modulus, self.params.names)

    def parse(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the latents, from the tokens. Raises ValueError on junk."""
        reading = self._read(row["input_ids"])
        steps = len(reading.chain())
        back = sum(value is None for _, value in reading.sentences)
        answer = reading.sentences[-1][1]
        return {"steps": steps, "others": len(reading.lines) - steps, "retries": back, "answer": answer}

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        """Judge a solution of a prompt, both lists of ids: right is what is not taken back. `step`: the first fault.

        `parts` has one entry: steps, retries, needless (no mistakes of the kind), unknown (names without a line). Only
        so much may be taken back (`first_too_much`), and all but nothing where the spec does not speak of retries.
        """
        try:
            return self._judge(self._read([*prompt, *completion]))
        except (ValueError, TypeError) as error:
            return Verdict.wrong(f"format: {error}", 0)

    def final(self, prompt: Any) -> Final:
        """The value of the name that is asked for; steps say what each name of its chain is."""
        return final_of(prompt, self.params.modulus, self.params.names, self.vocab.names)

    def longest_answer(self, prompt: Any) -> int:
        """A sentence a line, all that could be taken back before each, and the lines where the prompt does not ask."""
        params = self.params
        asks = ASK in prompt
        lines = len(prompt) // LINE if asks else params.steps[1] + params.others[1]
        back = lines * (lines + 1) // 2 if self._retracts else 0
        return SENTENCE * (lines + back) + (0 if asks else 6 * lines + 2)

    def graph(self, row: Mapping[str, Any]) -> Any:
        """Return the lines as a networkx.DiGraph: an edge from each name to the one that is computed from it.

        Nodes have `query`, and `solved`: their place among the right sentences of the solution, from 0, or None.
        """
        import networkx as nx

        reading, names = self._read(row["input_ids"]), self.vocab.names
        solved = [name for name, value in reading.sentences if value is not None]
        graph = nx.DiGraph()
        for name in reading.lines:
            place = solved.index(name) if name in solved else None
            graph.add_node(names[name], query=name == reading.query, solved=place)
        graph.add_edges_from((names[need], names[n]) for n, (need, _, _) in reading.lines.items() if need is not None)
        return graph

    def _judge(self, reading: ParsedChain) -> Verdict:
        fault = fault_of(reading, self.params.modulus)
        too_much = first_too_much((value is None for _, value in reading.sentences), len(reading.lines), self._retracts)
        if not fault and too_much is not None:
            fault = too_much, TOO_MUCH_BACK
        retry, places = self.params.retry, reading.places()
        mistakes, needless, unknown = reading.mistakes(retry.kind, retry.next_counts), 0, 0
        for wrong in places[:-1]:
            unknown += sum(name not in reading.lines for name in wrong)
            needless += sum(name in reading.lines and name not in mistakes for name in wrong)
            mistakes.go_on()
        retries = sum(value is None for _, value in reading.sentences)
        whole = {"steps": len(places) - 1, "retries": retries, "needless": needless, "unknown": unknown}
        return Verdict.wrong(fault[1], fault[0], parts=[whole]) if fault else Verdict.right([whole])

    @property
    def _retracts(self) -> bool:
        """Whether the spec speaks of retries, be it of rate 0: what was trained with them is tested without."""
        return "retry" in self.params.model_fields_set

    def reread(self, row: Mapping[str, Any]) -> Reread:
        """Solve the chain from its tokens, hold what is taken back against its kind, recount mask, spans and bits."""
        params, ids = self.params, row["input_ids"]
        reading = self._read(ids)
        verdict = self._judge(reading)
        if not verdict.correct:
            return Reread.refused(verdict)
        chain, mistakes = reading.chain(), reading.mistakes(params.retry.kind, params.retry.next_counts)
        others = len(reading.lines) - len(chain)
        starts = sum(need is None for need, _, _ in reading.lines.values())
        if [name for name, value in reading.sentences if value is not None] != chain or starts != 1 + (others > 0):
            raise Misread("the solution is not the chain itself, or there are more than two chains")
        if not (params.steps[0] <= len(chain) <= params.steps[1] and params.others[0] <= others <= params.others[1]):
            raise Misread(f"there are {len(chain)} and {others} lines, outside of the spec's limits")
        no, whole = (int(weight) for weight in odds(params.retry.rate))
        coins = {False: log2_units(whole) - log2_units(no)}
        coins[True] = log2_units(whole) - log2_units(whole - no) if whole > no else 0
        retries = 0
        for step, wrong in enumerate(reading.places()[:-1], 1):
            candidates = mistakes.all()
            mistakes.go_on()
            if not set(wrong) <= candidates or (wrong and whole == no):
                raise Misread(f"what is taken back before step {step} is no mistake of kind {params.retry.kind!r}")
            if len(set(wrong)) < len(wrong):
                raise Misread(f"a name is taken back twice before step {step}")
            retries += sum(int(coins[True] + log2_units(len(candidates) - k)) for k in range(len(wrong)))
            retries += int(coins[False]) * (len(wrong) < len(candidates))
        spans, mask = self._spans_and_mask(reading, len(ids))
        units, latent = self._units(reading, retries), self.parse(row)
        return Reread(len(chain), units, latent, spans, mask if self.masked else None, verdict)

    def _units(self, reading: ParsedChain, retries: int) -> dict[str, int]:
        """Return the bits of a row by book, in ledger units, recounted from what its tokens say."""
        params, lines = self.params, len(reading.lines)
        calculated = sum(need is not None for need, _, _ in reading.lines.values())
        return {
            "sizes": sum(int(log2_units(high - low + 1)) for low, high in (params.steps, params.others)),
            "names": sum(int(log2_units(params.names - i)) for i in range(lines)),
            "values": lines * int(log2_units(params.modulus)) + calculated * int(log2_units(3)),
            "order": sum(int(log2_units(i)) for i in range(2, lines + 1)),
            "retries": retries,
        }

    def _spans_and_mask(self, reading: ParsedChain, length: int) -> tuple[dict[str, list[tuple[int, int]]], list[bool]]:
        """Return the spans of a row and what is trained on, from what its tokens say."""
        spans: dict[str, list[tuple[int, int]]] = {span_kind: [] for span_kind in SPAN_KINDS}
        mask = [place >= reading.prompt for place in range(length)]
        for i, (_, value) in enumerate(reading.sentences):
            at = reading.prompt + SENTENCE * i
            if value is not None:
                spans["step"].append((at, at + 5))
                continue
            spans["retry"].append((at, at + 3))
            spans["retry_name"].append((at + 1, at + 2))
            if self.params.trained in ("without-names", "without-retries"):
                name_only = self.params.trained == "without-names"
                mask[at : at + 3] = [name_only, False, name_only]
        spans["answer"].append((length - 2, length - 1))
        return spans, mask

    def picture(self, row: Mapping[str, Any]) -> Picture:
        """Return the definitions and what needs what, with the steps of the solution."""
        return picture_of(self._read(row["input_ids"]), self.vocab.names.__getitem__, self.params.modulus)

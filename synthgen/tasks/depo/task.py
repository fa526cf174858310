"""The task `depo`: n nodes on a cycle, its edges in random order, then queries: which node is k steps on?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from synthgen.exact.bits import Bits
from synthgen.exact.draw import Keys
from synthgen.exact.entropy import Book, Entropy, log2_factorial, log2_falling, log2_sum
from synthgen.task.columns import list_column
from synthgen.task.contract import Task, TaskParams
from synthgen.task.family import Family
from synthgen.task.judging import STEPLESS, Final
from synthgen.task.kit.alphabet import FIRST, Alphabet
from synthgen.task.kit.named_nodes import NamedNodes
from synthgen.task.kit.node_names import ended, node_of
from synthgen.task.phrases import SPANS, span_lists
from synthgen.task.picture import Picture
from synthgen.task.rows import Rows, Tokens, Vocab
from synthgen.task.verdict import Misread, Reread, Verdict
from synthgen.tasks.depo.fidelity import DEVIATIONS
from synthgen.tasks.depo.picture import picture_of
from synthgen.tasks.depo.reading import Marks, ParsedDepo, read
from synthgen.tasks.depo.surprisal import Reading, row_surprisals
from synthgen.tasks.depo.writing import STAGES, Drawn, Layout, recount, write_rows

BOS, EOS, PAD = 9999, 9995, 0
HOP, ANSWER, SEPARATOR, END = 9000, 9500, 9700, 9996
"""Published ids: 9000 + k asks for k steps, 9500 opens an answer, 9700 may stand before an edge. END is ours."""


class DepoParams(TaskParams):
    """Params of the task `depo`."""

    nodes: int = Field(375, ge=3, le=2000, description="N, the most nodes of a cycle")
    smallest: int = Field(3, ge=3, description="the fewest nodes of a cycle")
    size: Literal["root", "uniform", "maximum"] = Field(
        "root", description="n by weight 1 / (n + sqrt N) from `smallest` to N, uniform, or N itself (tests)"
    )
    hops: int = Field(8, ge=1, le=400, description="K: queries ask for 1 to K steps")
    asked: list[Annotated[int, Field(ge=1)]] | None = Field(
        None, min_length=1, description="the only numbers of steps asked for (tests); by default 1 to K"
    )
    queries: int = Field(10, ge=1, le=100, description="queries a row; as many as there are nodes, at most")
    name_tokens: tuple[int, int] = Field((1, 2), description="fewest and most tokens of a node's name")
    vocabulary: int | None = Field(
        None, ge=1, le=1000, description="symbols of names; by default 50 for names of 1 or 2 tokens, else 3 (paper: 4)"
    )
    separator: bool = Field(False, description="a mark before each edge (an option of the released code)")
    fidelity: Literal["released", "paper"] = Field(
        "released", description="what decides where paper and released code differ and a field below is not set"
    )
    starts: Literal["distinct", "independent"] | None = Field(
        None, description="start nodes of a row's queries; by default distinct (released) or independent (paper)"
    )
    end: bool | None = Field(None, description="an end mark after the last answer; by default none (paper: one)")
    numbering: Literal["released", "compact"] = Field(
        "released", description="ids as published (markers from 9000), or without gaps (small models)"
    )

    @property
    def symbols(self) -> int:
        """V, the symbols of names; Part 4.1 states 4 for Depo2, the released code takes 3."""
        if self.vocabulary is not None:
            return self.vocabulary
        return 50 if self.name_tokens[1] <= 2 else 4 if self.fidelity == "paper" else 3

    @property
    def distinct(self) -> bool:
        """Whether the start nodes of a row's queries differ."""
        return (self.starts or ("independent" if self.fidelity == "paper" else "distinct")) == "distinct"

    @property
    def ends(self) -> bool:
        """Whether a row has an end mark."""
        return self.fidelity == "paper" if self.end is None else self.end

    @property
    def steps(self) -> list[int]:
        """The numbers of steps that queries ask for."""
        return self.asked or list(range(1, self.hops + 1))

    @model_validator(mode="after")
    def _possible(self) -> DepoParams:
        if self.smallest > self.nodes:
            raise ValueError(f"smallest = {self.smallest} is above nodes = {self.nodes}")
        low, high = self.name_tokens
        if not 1 <= low <= high <= 16:
            raise ValueError("name_tokens must be [fewest, most] with 1 <= fewest <= most <= 16")
        if self.asked and (len(set(self.asked)) < len(self.asked) or max(self.asked) > self.hops):
            raise ValueError(f"asked: name each number of steps once, from 1 to hops = {self.hops}")
        return self


class Depo(Task):
    """Reasoning depth: the k-th successor of a node on one directed cycle whose edges stand in random order."""

    name = "depo"
    version = 1
    paper = "2512.17351"
    family = Family.PLAYGROUND
    row_formats = ("tokens",)
    books: tuple[str, ...] = STAGES
    glossary: Mapping[str, str] = {
        "<edge>": "an edge follows: a node and the next one",
        "<N>": "a question follows: which node is N steps on",
        "<ans>": "the answer follows",
        "<end>": "the row is over",
    }
    difficulty = "nodes of the cycle"
    deviations = DEVIATIONS
    capabilities = frozenset({"exact", "injective", "enumerable", "parses"})
    Params: ClassVar = DepoParams
    tiny: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"nodes": 3, "hops": 1, "queries": 1, "vocabulary": 2, "numbering": "compact"},
        {"nodes": 3, "hops": 2, "queries": 2, "vocabulary": 3, "name_tokens": (1, 1), "fidelity": "paper"},
    )
    span_kinds = ("answer",)
    masked = True
    modes = STEPLESS

    def __init__(self, params: DepoParams, keys: Keys, files: Path, row_format: str = "") -> None:
        super().__init__(params, keys, files, row_format)
        self.nodes = NamedNodes.of(params)
        self.sizes, self.words = self.nodes.sizes, self.nodes.words
        self.alphabet, self.marks = _alphabet(params)
        self._naming = self.words.naming(self.alphabet.ids, self.marks.base)
        self._keys = np.array([keys.split(stage) for stage in STAGES])

    @property
    def vocab(self) -> Vocab:
        return self.alphabet.vocab

    @property
    def latent_fields(self) -> list[pa.Field]:
        return [pa.field("nodes", pa.int32()), pa.field("hops", pa.list_(pa.uint16()))]

    # -- rows ---------------------------------------------------------------------------------------------------------

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        params, rows, marks = self.params, stop - start, self.marks
        layout = Layout(
            self.sizes.low, params.queries, int(params.distinct), marks.separator, marks.end, marks.answer,
            min(marks.hops) - 1,
        )  # fmt: skip
        asked = min(params.queries, params.nodes)
        name = params.name_tokens[1]
        room = rows * (params.nodes * (2 * name + params.separator) + asked * (2 * name + 2) + 1)
        drawn = Drawn(
            ids=np.empty(room, np.uint16),
            trained=np.empty(room, np.bool_),
            ends=np.empty(rows, np.int64),
            nodes=np.empty(rows, np.int64),
            hops=np.empty(rows * asked, np.uint16),
            hop_ends=np.empty(rows, np.int64),
            spans=np.empty((rows * asked, 2), np.int32),
            units=np.empty((rows, len(STAGES)), np.int64),
        )
        cumulative, steps = self.sizes.cumulative, np.array(params.steps)
        write_rows(state, self._keys, start, stop, layout, cumulative, steps, self._naming, self.alphabet.ids, drawn)
        total, answers = drawn.ends[-1], drawn.hop_ends[-1]
        begins, ends = drawn.spans[:answers].T
        lists = span_lists(np.concatenate([[0], drawn.hop_ends]), begins, ends)
        return Rows(
            content=Tokens(drawn.ids[:total], drawn.ends, drawn.trained[:total]),
            difficulty=drawn.nodes,
            units=drawn.units,
            latent={
                "nodes": pa.array(drawn.nodes.astype(np.int32)),
                "hops": list_column(drawn.hop_ends, drawn.hops[:answers], pa.uint16()),
                "spans": pa.StructArray.from_arrays([lists], fields=[pa.field("answer", SPANS, nullable=False)]),
            },
        )

    # -- entropy ------------------------------------------------------------------------------------------------------

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        params, sizes, words = self.params, self.sizes, self.words

        def asked(n: int) -> int:
            return min(n, params.queries)

        def starts(n: int) -> float:
            return log2_falling(n, asked(n)) if params.distinct else asked(n) * math.log2(n)

        choices = len(params.steps)
        bits = {
            "size": sizes.entropy,
            "names": sizes.mean(lambda n: words.set_bits[n]),
            "cycle": sizes.mean(lambda n: log2_factorial(n - 1)),
            "order": sizes.mean(log2_factorial),
            "queries": sizes.mean(lambda n: starts(n) + asked(n) * math.log2(choices)),
        }
        name = {n: words.mean_tokens[n] / n for n in sizes.law}  # expected tokens of one name
        trained = sizes.mean(lambda n: asked(n) * (1 + name[n])) + params.ends
        tokens = sizes.mean(lambda n: 2 * n * name[n] + n * params.separator + asked(n) * (1 + name[n])) + trained
        guess = sizes.mean(lambda n: sum(1.0 if k % n == 0 else 1 / (n - 1) for k in params.steps) / choices)
        equal = [  # log2 of the chance that two rows both have n nodes and are the same
            2 * math.log2(p) - words.collision_bits[n] - log2_factorial(n - 1) - log2_factorial(n) - starts(n)
            - asked(n) * math.log2(choices)
            for n, p in sizes.law.items()
        ]  # fmt: skip
        return Entropy(
            {book: Book(Bits(float(value))) for book, value in bits.items()},
            {
                "answer_bits": 0.0,
                "expected_nodes": sizes.mean(float),
                "share_of_largest": sizes.law[params.nodes],
                "expected_tokens": float(tokens),
                "expected_trained_tokens": float(trained),
                "guess_accuracy": guess,
                "collision_bits": -log2_sum(equal),
            },
            tokens=float(tokens + 1),
        )

    def surprisals(self, said: Sequence[int] | str, number: int = 0) -> np.ndarray:
        params = self.params
        row = self.alphabet.numbers_of([int(i) for i in said])
        reading = Reading(row, self.marks, self.words, self.sizes.law)
        return row_surprisals(reading, self.marks, params.steps, params.queries, params.distinct)

    # -- checking -----------------------------------------------------------------------------------------------------

    def parse(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the number of nodes and the steps asked for."""
        reading = read(self.alphabet.read(row["input_ids"]), self.marks)
        return {"nodes": len(reading.edges), "hops": [query.hops for query in reading.queries]}

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        """Judge the answers in a completion of a prompt, both lists of ids: a row cut anywhere after its edges.

        A completion answers the query that the prompt leaves open, and may go on as rows do; where none is open, all
        queries of a row must come. Each part is a query that the completion answers; `step` is the number of the first
        wrong one among them, and the score of a wrong answer the share of the row's queries that are right before it:
        queries that a model puts to itself buy nothing back.
        """
        try:
            given, more = self.alphabet.read(prompt), self.alphabet.read(completion)
            reading = read(given + more, self.marks)
            return self._judge(reading, given)
        except ValueError as error:
            return Verdict.wrong(str(error), step=0)

    def final(self, prompt: Any) -> Final:
        """The node that the only query asks for which the prompt leaves open."""
        numbers = self.alphabet.read(prompt)
        marks = [number for number in numbers if number in self.marks.hops or number == self.marks.answer]
        answered = bool(numbers) and numbers[-1] == self.marks.answer
        if not marks or not (answered or marks[-1] in self.marks.hops):
            raise ValueError("the prompt leaves no query open")
        mark = [] if answered else self.encoded("<ans>")
        looks = node_of(self.params.name_tokens[1])
        return Final(looks, lambda said: self.judge(prompt, [*mark, *self.encoded(said)]), written=ended)

    def longest_answer(self, prompt: Any) -> int:
        """All queries of a row, and its edges where the prompt does not ask yet."""
        params, name = self.params, self.params.name_tokens[1]
        asks = any(number in self.marks.hops for number in self.alphabet.read(prompt))
        edges = 0 if asks else params.nodes * (2 * name + 1)
        return edges + min(params.queries, params.nodes) * (2 * name + 2) + 1

    def _judge(self, reading: ParsedDepo, given: Sequence[int]) -> Verdict:
        """Judge the queries that are answered behind the numbers of a prompt."""
        before = sum(query.end <= len(given) for query in reading.queries)
        asked = min(len(reading.edges), self.params.queries) - before
        parts = [
            {"query": i, "difficulty": query.hops, "hops": query.hops, "correct": not fault, "fault": fault}
            for i, (query, fault) in enumerate(zip(reading.queries, reading.judge(), strict=True))
            if i >= before
        ]
        opened = sum(number in self.marks.hops for number in given) > before
        if not parts:
            return Verdict.wrong("no query is answered", 0)
        if len(parts) > asked or (len(parts) < asked and not opened):
            return Verdict.wrong(f"{len(parts)} queries are answered; a row with these edges has {asked} here", 0)
        wrong = [i for i, part in enumerate(parts) if not part["correct"]]
        if wrong:
            fault = parts[wrong[0]]
            return Verdict.wrong(f"answer {fault['query']} {fault['fault']}", wrong[0], wrong[0] / asked, parts)
        return Verdict.right(parts)

    def reread(self, row: Mapping[str, Any]) -> Reread:
        """Follow the edges as they stand, compare every answer, and recount mask, spans and bits."""
        params, numbers = self.params, self.alphabet.read(row["input_ids"])
        reading = read(numbers, self.marks)
        verdict = self._judge(reading, [])
        if not verdict.correct:
            return Reread.refused(verdict)
        n, queries = len(reading.edges), reading.queries
        if params.distinct and len({query.node for query in queries}) < len(queries):
            raise Misread("two queries start at one node")
        if {query.hops for query in queries} - set(params.steps):
            raise Misread("a query asks for steps that this split does not ask for")
        if reading.ended != params.ends:
            raise Misread("the end mark is missing, or stands where none should be")
        trained = [False] * len(numbers)
        for query in queries:
            trained[query.start - 1 : query.end] = [True] * (query.end - query.start + 1)
        if params.ends:
            trained[-1] = True
        lengths = [len(tail) for tail, _ in reading.edges]
        counts = [lengths.count(length) for length in range(params.name_tokens[0], params.name_tokens[1] + 1)]
        units = recount(
            n, self.words.set_units(counts), self.sizes.units(n), len(queries), params.distinct, len(params.steps)
        )
        latent = {"nodes": n, "hops": [query.hops for query in queries]}
        spans = {"answer": [(query.start, query.end) for query in queries]}
        return Reread(n, dict(zip(STAGES, units, strict=True)), latent, spans, trained, verdict)

    def readable(self, row: Mapping[str, Any]) -> str:
        """Return a row as edges `a>b` and queries `3 from a: b`; the tokens of a name are joined by dots."""
        try:
            reading = read(self.alphabet.read(row["input_ids"]), self.marks)
        except ValueError:
            return super().readable(row)
        edges = " ".join(f"{self._name(a)}>{self._name(b)}" for a, b in reading.edges)
        queries = [f"{q.hops} from {self._name(q.node)}: {self._name(q.answer)}" for q in reading.queries]
        return "\n".join([edges, "; ".join(queries)])

    def picture(self, row: Mapping[str, Any]) -> Picture:
        """Return the cycle with the hops of its longest query."""
        return picture_of(read(self.alphabet.read(row["input_ids"]), self.marks), self._name)

    def graph(self, row: Mapping[str, Any]) -> Any:
        """Return the cycle as a networkx.DiGraph: an edge from each node to the next, named as `readable` does."""
        import networkx as nx

        reading = read(self.alphabet.read(row["input_ids"]), self.marks)
        return nx.DiGraph((self._name(a), self._name(b)) for a, b in reading.edges)

    def decode(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        reading = read(self.alphabet.read(row["input_ids"]), self.marks)
        asked = [f"{q.hops} from {self._name(q.node)}: {self._name(q.answer)}" for q in reading.queries]
        return {"nodes": len(reading.edges), "hops": asked}

    def _name(self, name: tuple[int, ...]) -> str:
        return ".".join(str((number - self.marks.base) % self.params.symbols) for number in name)


def _alphabet(params: DepoParams) -> tuple[Alphabet, Marks]:
    """Return the symbols and their marks. Names use 1 .. V inside a word and V + 1 .. 2 V at its end, as published."""
    v, inner = params.symbols, params.symbols if params.name_tokens[1] > 1 else 0
    symbols = [(f"s{i}", i + 1) for i in range(inner)] + [(f"s{i}.", v + i + 1) for i in range(v)]
    first_hop = FIRST + len(symbols)
    symbols += [(f"<{k}>", HOP + k) for k in range(1, params.hops + 1)]
    answer = FIRST + len(symbols)
    symbols += [("<ans>", ANSWER), ("<edge>", SEPARATOR), ("<end>", END)]
    hops = {first_hop - 1 + k: k for k in range(1, params.hops + 1)}
    marks = Marks(
        hops, answer, (answer + 2) * params.ends, (answer + 1) * params.separator, FIRST - v + inner, v,
        *params.name_tokens,
    )  # fmt: skip
    return Alphabet.of(symbols, BOS, EOS, PAD, params.numbering), marks

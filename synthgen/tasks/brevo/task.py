"""The task `brevo`: a dependency graph as shuffled edges, a query node, and all it needs in a valid order."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from synthgen.exact.bits import Bits, hiding, total
from synthgen.exact.draw import Keys
from synthgen.exact.entropy import Book, Entropy, log2_factorial
from synthgen.task.certificates import Sampling
from synthgen.task.columns import list_column
from synthgen.task.contract import Task
from synthgen.task.family import Family
from synthgen.task.judging import MODES, Final
from synthgen.task.kit.named_nodes import NamedNodes
from synthgen.task.kit.node_names import ended, node_of
from synthgen.task.phrases import SPANS, span_lists
from synthgen.task.picture import Picture
from synthgen.task.rows import Rows, Tokens, Vocab
from synthgen.task.verdict import Misread, Reread, Verdict
from synthgen.tasks.brevo.fidelity import DEVIATIONS
from synthgen.tasks.brevo.law import OpenLaw, answer_floor
from synthgen.tasks.brevo.marks import alphabet_of
from synthgen.tasks.brevo.means import Means, sampled_means
from synthgen.tasks.brevo.params import BrevoParams
from synthgen.tasks.brevo.picture import picture_of
from synthgen.tasks.brevo.reading import bits as recount
from synthgen.tasks.brevo.reading.rows import ParsedBrevo, read
from synthgen.tasks.brevo.surprisal import BrevoLaw
from synthgen.tasks.brevo.text_entropy import hidden_samplings, shown_ends
from synthgen.tasks.brevo.writing.rows import draw_rows
from synthgen.tasks.brevo.writing.sampler import LISTED, STAGES

HIDDEN = "the text does not show in which order the nodes came, nor leaves that no node is below"
"""Why rows of the released law show less than is booked."""


class Brevo(Task):
    """Reasoning breadth: everything a node of a dependency graph needs, each after all that it needs itself."""

    name = "brevo"
    version = 1
    paper = "2512.17351"
    family = Family.PLAYGROUND
    row_formats = ("tokens",)
    glossary: Mapping[str, str] = {
        "listed": "nodes of the listing",
        "created": "nodes as they were created",
        "<leaf>": "a node follows that needs nothing",
        "<query>": "what is asked for follows",
        "<ans>": "the answer follows",
        "<end>": "the answer is over",
    }
    books: tuple[str, ...] = STAGES
    difficulty = "nodes of the listing"
    deviations = DEVIATIONS
    capabilities = frozenset({"enumerable", "parses"})
    Params: ClassVar = BrevoParams
    tiny: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"nodes": 3, "numbering": "compact"},
        {"nodes": 3, "fidelity": "paper", "vocabulary": 1, "name_tokens": (1, 3)},
        {"nodes": 3, "law": "open", "degree": 2},
    )
    span_kinds = ("step",)
    masked = True
    modes = MODES

    def __init__(self, params: BrevoParams, keys: Keys, files: Path, row_format: str = "") -> None:
        super().__init__(params, keys, files, row_format)
        self.nodes = NamedNodes.of(params)
        self.sizes, self.words = self.nodes.sizes, self.nodes.words
        self.alphabet, self.marks = alphabet_of(params)
        self._naming = self.words.naming(self.alphabet.ids, self.marks.base)
        self._keys = np.array([keys.split(stage) for stage in STAGES])

    @property
    def vocab(self) -> Vocab:
        return self.alphabet.vocab

    @property
    def latent_fields(self) -> list[pa.Field]:
        fields = [pa.field(name, pa.int32()) for name in ("nodes", "leaves", "depth", "listed")]
        return fields + ([pa.field("created", pa.list_(pa.uint16()))] if self.params.law == "released" else [])

    # -- rows ---------------------------------------------------------------------------------------------------------

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        drawn = draw_rows(
            state, self._keys, start, stop, self.params, self.marks, self.sizes, self._naming, self.alphabet.ids
        )
        total, listed = drawn.ends[-1], drawn.step_ends[-1]
        figures = drawn.figures.astype(np.int32)
        latent = {name: pa.array(figures[:, i]) for i, name in enumerate(("nodes", "leaves", "depth", "listed"))}
        if self.params.law == "released":
            latent["created"] = list_column(drawn.created_ends, drawn.created[: drawn.created_ends[-1]], pa.uint16())
        steps = span_lists(np.concatenate([[0], drawn.step_ends]), drawn.steps[:listed, 0], drawn.steps[:listed, 1])
        latent["spans"] = pa.StructArray.from_arrays([steps], fields=[pa.field("step", SPANS, nullable=False)])
        return Rows(
            content=Tokens(drawn.ids[:total], drawn.ends, drawn.trained[:total]),
            difficulty=figures[:, LISTED],
            units=drawn.units,
            latent=latent,
        )

    # -- entropy ------------------------------------------------------------------------------------------------------

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        facts: dict[str, Any] = {
            "expected_nodes": self.sizes.mean(float),
            "share_of_largest": self.sizes.law[self.params.nodes],
        }
        is_open = self.params.law == "open"
        means = sampled_means(json.dumps(self.params.model_dump(mode="json"))) if estimates or not is_open else None
        books = self._open_books() if is_open else self._released_books(means)
        if means is not None:
            facts |= means.facts
        hidden = "" if is_open else HIDDEN
        return Entropy(
            {name: Book(books[name]) for name in STAGES}, facts, hidden=hidden, shown=self._shown(books, estimates)
        )

    def _open_books(self) -> dict[str, Bits]:
        params, words = self.params, self.words
        laws = {n: OpenLaw.of(n, params.degree, params.most_leaves(n)) for n in self.sizes.law}
        order = np.array([log2_factorial(k) for k in range(params.nodes * (params.degree + 1) + 1)])
        mean = self.sizes.mean
        bits = {
            "size": self.sizes.entropy,
            "graph": mean(lambda n: laws[n].graph),
            "names": mean(lambda n: words.set_bits[n] + log2_factorial(n) - laws[n].layers),
            "order": mean(lambda n: float(laws[n].statements @ order[: laws[n].statements.size])),
            "query": mean(lambda n: laws[n].query),
            "answer": 0.0,
        }
        return {name: Bits(float(value)) for name, value in bits.items()}

    def _released_books(self, means: Means | None) -> dict[str, Bits]:
        assert means is not None
        query = Bits(self.sizes.mean(lambda n: math.log2(self.params.queries(n))))
        books = {"size": Bits(self.sizes.entropy), "query": query} | means.books
        return books | ({"answer": Bits(0.0)} if self.params.sorted else {})

    def samplings(self) -> list[Sampling]:
        return list(hidden_samplings(self.params, self.marks) or ())

    def _shown(self, books: Mapping[str, Bits], draw: bool) -> Bits | None:
        """Return the bits of the text of the released law: what is booked, less what is hidden of graph and size."""
        if self.params.law == "open":
            return None
        booked, hidden = total(books.values()), hidden_samplings(self.params, self.marks)
        least, most = (one.mean(HIDDEN, draw) for one in hidden) if hidden else (None, None)
        bare = max(0.0, booked.low - books["graph"].high - books["size"].value)
        if least is None or most is None:
            return hiding(booked, HIDDEN, low=bare)
        low, high = max(bare, booked.low - most.high), min(booked.high, booked.high - least.low)
        value = min(max(booked.value - (least.value + most.value) / 2, low), high)
        level = booked.level + least.level + most.level - 2
        return Bits(value, "bracket", HIDDEN, low=low, high=high, level=level, method=least.method, n=least.n)

    def answer_floor(self, row: Mapping[str, Any]) -> float | None:
        """Return the exact bits of the listing, given a row's graph and query; None where it takes too long."""
        if self.params.sorted:
            return 0.0
        reading = read(self.alphabet.read(row["input_ids"]), self.marks)
        number = {node: i for i, node in enumerate(reading.parents)}
        parents = tuple(frozenset(number[parent] for parent in needs) for needs in reading.parents.values())
        return answer_floor(parents, number[reading.query])

    prompt_at_once = True

    @functools.cached_property
    def _law(self) -> BrevoLaw:
        return BrevoLaw(self.params, self.marks, self.nodes)

    def surprisals(self, said: Sequence[int] | str, number: int = 0) -> np.ndarray:
        """The prompt at once, NaN where it is only known between two ends; so too a listing that is too wide."""
        return self._law.surprisals(tuple(self.alphabet.numbers_of([int(i) for i in said])))

    @functools.cached_property
    def without_row_text_bits(self) -> str:
        several = self.params.law == "released" and any(self.params.queries(n) > 1 for n in self.sizes.law)
        return f"{HIDDEN}, and any of several nodes may be asked for" if several else ""

    def row_text_bits(self, row: Mapping[str, Any]) -> tuple[float, float]:
        """Exactly, where the sets of created nodes can be gone through."""
        bits = row["bits"]
        if self.params.law == "open":
            return bits["total"], bits["total"]
        latent, booked = row["latent"], bits["size"] + bits["graph"]
        ends = shown_ends(self.reading(row), latent["leaves"], latent["created"], booked, row["id"], self.params)
        low, high = (end + bits["total"] - booked for end in ends)
        return low, high

    # -- checking -----------------------------------------------------------------------------------------------------

    def reading(self, row: Mapping[str, Any]) -> ParsedBrevo:
        """Return a row taken apart, as a stepwise problem. Raises ValueError on junk."""
        return read(self.alphabet.read(row["input_ids"]), self.marks)

    def parse(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the depth of the query and the number of nodes listed."""
        reading = self.reading(row)
        return {"depth": reading.depth(), "listed": len(reading.answer)}

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        """Judge a listing, both lists of ids: a row cut after its query or later, and the rest with its end mark.

        All needed nodes must stand in it once, each after what it needs; `step` is the first wrong one.
        """
        try:
            if len(completion) == 0:
                return Verdict.wrong("the completion is empty", 0)
            return self._judge(read(self.alphabet.read(prompt) + self.alphabet.read(completion), self.marks))
        except (ValueError, TypeError) as error:
            return Verdict.wrong(str(error), step=0)

    def final(self, prompt: Any) -> Final:
        """The listing, whose nodes are its steps; the marks around it may be left out."""
        numbers = self.alphabet.read(prompt)
        mark = [] if numbers and numbers[-1] == self.marks.answer else self.encoded("<ans>")
        end = self.encoded("<end>")
        looks = node_of(self.params.name_tokens[1])
        return Final(looks, lambda said: self.judge(prompt, [*mark, *self.encoded(said), *end]), True, ended)

    def longest_answer(self, prompt: Any) -> int:
        """Every name of a listing stands in the statements too, and nothing but two marks beside them."""
        params, numbers = self.params, self.alphabet.read(prompt)
        if self.marks.query in numbers:
            return len(numbers) + 2
        return 2 + params.nodes * (2 * params.degree + 2) * params.name_tokens[1]

    def _judge(self, reading: ParsedBrevo) -> Verdict:
        if reading.query not in reading.parents:
            raise ValueError("the query is not in the graph")
        fault, size = reading.first_fault(), len(reading.needed())
        parts = ({"query": 0, "difficulty": size, "listed": size, "depth": reading.depth(), "correct": not fault},)
        if fault is None:
            return Verdict.right(parts)
        step, what = fault
        node = self._name(reading.answer[step]) if step < len(reading.answer) else "the next node"
        return Verdict.wrong(f"step {step}: {node} {what}", step, parts=parts)

    def reread(self, row: Mapping[str, Any]) -> Reread:
        """Judge the listing by the edges as they stand, and recount mask, spans, figures and bits."""
        params, numbers = self.params, self.alphabet.read(row["input_ids"])
        reading = read(numbers, self.marks)
        verdict = self._judge(reading)
        if not verdict.correct:
            return Reread.refused(verdict)
        if params.sorted:
            layer = reading.layers()
            if reading.answer != sorted(reading.answer, key=lambda node: (layer[node], len(node), node)):
                raise Misread("the listing is valid, but not in the sorted order")
        count = recount.open_units if params.law == "open" else recount.released_units
        units = count(reading, row["latent"], params, self.sizes, self.words)
        return Reread(
            len(reading.answer),
            dict(zip(STAGES, units, strict=True)),
            {"depth": reading.depth(), "listed": len(reading.answer)},
            {"step": reading.steps},
            [i >= reading.prompt for i in range(len(numbers))],
            verdict,
        )

    def readable(self, row: Mapping[str, Any]) -> str:
        """Return a row as stated: edges `a>b` (b needs a), leaves `a.`, then the query and its listing."""
        try:
            reading = self.reading(row)
        except ValueError:
            return super().readable(row)
        stated = [f"{self._name(a)}>{self._name(b)}" if a else f"{self._name(b)}." for a, b in reading.statements]
        listing = " ".join(map(self._name, reading.answer))
        return f"{' '.join(stated)}\n{self._name(reading.query)} needs: {listing}"

    def picture(self, row: Mapping[str, Any]) -> Picture:
        """Return the graph with the listing as numbers."""
        return picture_of(self.reading(row), self._name)

    def graph(self, row: Mapping[str, Any]) -> Any:
        """Return the graph as a networkx.DiGraph: an edge from what is needed to what needs it.

        Nodes are named as `readable` does, and have `query`, and `listed`: their place in the listing, from 0, or None.
        """
        import networkx as nx

        reading, graph = self.reading(row), nx.DiGraph()
        place = {node: i for i, node in enumerate(reading.answer)}
        for node in reading.parents:
            graph.add_node(self._name(node), query=node == reading.query, listed=place.get(node))
        graph.add_edges_from(
            (self._name(a), self._name(b)) for b, needs in reading.parents.items() for a in sorted(needs)
        )
        return graph

    def _name(self, name: tuple[int, ...]) -> str:
        return ".".join(str((number - self.marks.base) % self.params.symbols + 1) for number in name)

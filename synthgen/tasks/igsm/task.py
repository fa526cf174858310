"""The task `igsm`: problems, solutions and answers, of the paper's law or of an open one."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from synthgen.exact.bits import Bits, total
from synthgen.exact.draw import Keys, new_state
from synthgen.exact.entropy import Book, Entropy
from synthgen.task.assets import read_asset
from synthgen.task.certificates import Sampling
from synthgen.task.contract import SplitBy, Task
from synthgen.task.family import Family
from synthgen.task.judging import MODES, Final
from synthgen.task.kit.retries import RetryParams, expected_number, shown_bits
from synthgen.task.phrases import Codes
from synthgen.task.picture import Picture
from synthgen.task.probing import Glimpse, Probing
from synthgen.task.rows import Rows
from synthgen.task.verdict import Misread, Reread, Verdict
from synthgen.tasks.igsm.fidelity import DEVIATIONS
from synthgen.tasks.igsm.latents import latent_columns, latent_fields
from synthgen.tasks.igsm.laws import IN_EVERY_ROW, OpenLaw, law_of
from synthgen.tasks.igsm.markers import MARKERS
from synthgen.tasks.igsm.params import IgsmParams
from synthgen.tasks.igsm.picture import picture_of
from synthgen.tasks.igsm.reading.graphs import named_graph, said_parameter
from synthgen.tasks.igsm.reading.layouts import final_of, problem_in
from synthgen.tasks.igsm.reading.probes import glimpses_of, probings_of
from synthgen.tasks.igsm.reading.problem import Parameter, Problem
from synthgen.tasks.igsm.reading.shots import worded
from synthgen.tasks.igsm.reading.solution_reader import SolutionReader
from synthgen.tasks.igsm.sampled import retry_sampling, sampled_bits
from synthgen.tasks.igsm.surprisal import OpenRowLaw
from synthgen.tasks.igsm.worlds import PACKS, World, read_world
from synthgen.tasks.igsm.writing.mistakes import new_mistakes
from synthgen.tasks.igsm.writing.problem import new_problem
from synthgen.tasks.igsm.writing.rows import (
    BOOKS,
    OPERATIONS,
    Desk,
    Out,
    StageKeys,
)
from synthgen.tasks.igsm.writing.sketch import new_scratch
from synthgen.tasks.igsm.writing.surface import ANY_ORDER, AS_MADE
from synthgen.tasks.igsm.writing.text import KINDS, RETRY_KINDS, Wording, make_wording


def _tiny(op: dict[int, int], **shape: Any) -> dict[str, Any]:
    """Return params of an open law that is small enough to enumerate."""
    small = {"chains": 1, "groups": 1, "names": shape["widths"][1], "letters": max(op)}
    return {"sampler": "open", "op": op, "modulus": 2, "sizes": small, "open": {"uncapped_from": 35, **shape}}


FACTS_SAMPLE = 2048
"""Problems that facts are counted in."""


class Igsm(Task):
    """Grade-school mathematics from dependency graphs: problem and question, then every step of the solution."""

    name = "igsm"
    template_field = "template"
    version = 1
    paper = "2407.20311"
    family = Family.MATHEMATICS
    natural_language = "en"
    task_categories = ("text-generation", "question-answering")
    row_formats = ("prompt-completion",)
    glossary: Mapping[str, str] = {
        "op": "operations",
        "layers": "layers of categories",
        "widths": "items by layer",
        "edges": "edges between items",
        "necessary": "necessary numbers",
        "necessary_abstract": "of these, sums over a category",
        "unnecessary": "unnecessary numbers",
        "solution_depth": "depth of the solution",
        "query_abstract": "asks for a sum over a category",
        "bin": "bin of the template",
        "template": "hash of the template",
        "solution_floor": "bits of a solution, at least",
        "graph": "needs",
        "candidates": "what could be begun too early, by step",
    }
    books: tuple[str, ...] = BOOKS
    difficulty = "operations of the solution"
    deviations = DEVIATIONS
    Params: ClassVar = IgsmParams
    tiny: ClassVar[tuple[Mapping[str, Any], ...]] = (
        _tiny({1: 1, 2: 2}, sentences=(1, 2), distractors=(0, 1), layers=(2, 3), widths=(1, 1)),
        _tiny({1: 1, 2: 2}, sentences=(1, 2), distractors=(0, 0), layers=(2, 2), widths=(1, 2)),
    )

    def __init__(self, params: IgsmParams, keys: Keys, files: Path, row_format: str = "") -> None:
        super().__init__(params, keys, files, row_format)
        self.law = law_of(params, keys)
        _ = self.world  # a bad file is told at once, and rows are of the one that was there
        self.capabilities = self.law.capabilities
        if params.retry:
            self.books = (*BOOKS, "retries")

    @property
    def split_by(self) -> SplitBy:
        return SplitBy.FRESH if self.params.bins == "all" else SplitBy.LATENT

    @property
    def template_half(self) -> str:
        return self.law.template_half

    @property
    def assets(self) -> Mapping[str, Path]:
        world = self.params.world
        return {} if world in PACKS else {"world": read_asset(self.files, world, "params.world")}

    @functools.cached_property
    def world(self) -> World:
        """The names that problems speak of."""
        return read_world(self.assets.get("world", self.params.world), self.params.edition)

    @functools.cached_property
    def wording(self) -> Wording:
        """The phrases of this task's texts."""
        params = self.params
        marked, question_first = params.layout == "markers", params.format == "qp"
        form = (params.phrasing, question_first, params.detail, params.modulus)
        return make_wording(self.world, *form, marked, params.integers)

    @property
    def markers(self) -> tuple[str, ...]:
        return MARKERS if self.params.layout == "markers" else ()

    @functools.cached_property
    def reader(self) -> SolutionReader:
        """The parser, solver and verifier of texts, made from the names alone."""
        params = self.params
        retry = params.retry or RetryParams()
        marked = params.layout == "markers"
        kind = (retry.kind, retry.next_counts)
        form = (params.phrasing, params.counted, params.detail, params.format)
        return SolutionReader(self.world, *form, *kind, marked, params.retry is not None)

    modes = MODES

    @property
    def span_kinds(self) -> tuple[str, ...]:
        return (*KINDS, *RETRY_KINDS) if self.params.retry else KINDS

    @property
    def untrained(self) -> tuple[str, ...]:
        return {"without-names": RETRY_KINDS[1:], "without-retries": RETRY_KINDS}.get(self.params.trained, ())

    @property
    def latent_fields(self) -> list[pa.Field]:
        return latent_fields(self.params)

    # -- rows ---------------------------------------------------------------------------------------------------------

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        return self._rows(start, stop, state, self.keys)

    def _rows(self, start: int, stop: int, state: np.record, keys: Keys) -> Rows:
        params, stage_keys, done, out = self.params, StageKeys.of(keys), start, Out.of(stop - start)
        scratch, mistakes = new_scratch(), new_mistakes(params.retry)
        numbers = (params.sizes.numbers(), params.modulus, params.perm_level)
        desk = Desk(*numbers, new_problem(), scratch, self.wording.page, mistakes)
        while (done := self.law.write(state, stage_keys, start, done, stop, desk, out)) < stop:
            out = out.larger()
        return Rows(
            content=Codes(self.wording.table, out.codes[: out.ends[-1]], out.ends, self.span_kinds, parts=2),
            difficulty=out.figures[:, OPERATIONS],
            units=np.ascontiguousarray(out.units[:, : len(self.books)]),
            latent=latent_columns(params, out, self.wording.table),
        )

    # -- entropy ------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def _drawn(self) -> Callable[[int, int], Rows]:
        """Draws problems of an independent stream, the same for every seed: means without a formula come from them.

        The last ones are kept, as the means of several books come from the same problems.
        """

        @functools.lru_cache(maxsize=4)
        def drawn(first: int, stop: int) -> Rows:
            return self._rows(first, stop, new_state(), Keys(split="entropy of igsm"))

        return drawn

    @property
    def _sample(self) -> Rows:
        """The problems that facts are counted in."""
        return self._drawn(0, FACTS_SAMPLE)

    def samplings(self) -> list[Sampling]:
        retries = [retry_sampling(self.params, self._drawn)] if self.params.retry and self.params.retry.rate else []
        return [*self.law.samplings(self._drawn).values(), *retries]

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        books, retries = self.law.books(self._drawn), self._retry_book()
        facts = self._facts() | self.law.run_facts(rows or 1)
        shown = self.law.shown(books, self._drawn, estimates)
        if shown is not None:
            shown = total([shown, *(book.bits for book in retries.values())])
        return Entropy(books | retries, facts, hidden=self.law.hidden, shown=shown)

    def _retry_book(self) -> dict[str, Book]:
        """The bits of retries: a formula given how many candidates each step has, a mean over the sampled problems."""
        retry = self.params.retry
        if not retry:
            return {}
        if not retry.rate:
            return {"retries": Book(Bits(0.0))}
        return {"retries": Book(sampled_bits(retry_sampling(self.params, self._drawn), IN_EVERY_ROW))}

    @functools.cached_property
    def _sampled_candidates(self) -> list[list[int]]:
        """How many mistakes could be made before each step of the sampled problems."""
        return self._sample.latent["candidates"].to_pylist()

    def _retry_facts(self) -> dict[str, Any]:
        """The expected number of retries, in closed form given the candidates of each step."""
        retry = self.params.retry
        if not retry:
            return {}
        numbers = [math.fsum(expected_number(retry.rate, n) for n in steps) for steps in self._sampled_candidates]
        return {
            "retries_a_problem": float(np.mean(numbers)),
            "retries_a_step": float(np.sum(numbers)) / sum(len(steps) for steps in self._sampled_candidates),
            "retries_a_step_untruncated": retry.rate / (1 - retry.rate),
        }

    def _facts(self) -> dict[str, Any]:
        latent, weights = self._sample.latent, self.params.op_weights
        answers = Counter(latent["answer"].to_pylist())
        most = max(answers.values())
        guess = min(int(answer) for answer, number in answers.items() if number == most)
        nought = answers["0" if self.params.integers else 0]
        return {
            "op_law": {str(op): weight / sum(weights.values()) for op, weight in weights.items()},
            **self.law.solution_facts(self._sample),
            "joint_books": self.law.joint_books,
            "answer_zero_share": nought / FACTS_SAMPLE,
            "constant_guess": {"answer": guess, "share": most / FACTS_SAMPLE},
            "sampled_rows": FACTS_SAMPLE,
            "necessary": float(latent["necessary"].to_numpy().mean()),
            "sentences": float(latent["edges"].to_numpy().mean()),
            "distinct_templates": len(set(latent["template"].to_pylist())),
            "follows": self.law.follows,
            **self._retry_facts(),
        }

    prompt_at_once = True

    @property
    def without_surprisals(self) -> str:
        unnamed = f"params.detail = {self.params.detail}: steps do not say what they define"
        return unnamed if self.params.detail % 3 == 1 else self.law.without_surprisals

    @functools.cached_property
    def _row_law(self) -> OpenRowLaw:
        assert isinstance(self.law, OpenLaw)
        return OpenRowLaw(self.params, self.reader, self.world, self.law.sampler)

    def surprisals(self, said: Sequence[int] | str, number: int = 0) -> np.ndarray:
        assert isinstance(said, str)
        return self._row_law.surprisals(said)

    @property
    def without_row_text_bits(self) -> str:
        return self.law.without_text_bits

    def row_text_bits(self, row: Mapping[str, Any]) -> tuple[float, float]:
        """Of the paper's sampler, which is run again: the two figures of `writing.paper.shown`."""
        bits = row["bits"]
        ends = self.law.text_ends(self.keys, row["id"])
        if ends is None:
            return bits["total"], bits["total"]
        told = bits["op"] + bits["letters"] + bits.get("retries", 0.0)
        return ends[0] + told, ends[1] + told

    # -- checking -----------------------------------------------------------------------------------------------------

    def parse(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the text shows: op, edges, ..., answer, template, bin, spans. Raises ValueError on junk."""
        read = self.reader.latent(row["prompt"], row["completion"])
        return read | {"answer": str(read["answer"])} if self.params.integers else read

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        """Judge a completion step by step; `parts` hold each step's verdict, then counts."""
        return self.reader.judge(problem_in(prompt), completion)

    @property
    def edges(self) -> tuple[str, str]:
        return " ", "" if self.reader.problems.before else "."

    def final(self, prompt: Any) -> Final:
        """The number that is asked for; steps say what each needed parameter is."""
        return final_of(self.reader, problem_in(prompt))

    def worded(self, prompt: str) -> str:
        """Return a problem with its modulus, its rules, its background and the form of an answer (`reading.shots`)."""
        return worded(self.reader, prompt)

    def longest_answer(self, prompt: Any) -> int:
        return self.reader.longest(problem_in(prompt))

    def picture(self, row: Mapping[str, Any]) -> Picture:
        """Return the problem's two graphs, with the order of the solution."""
        steps, _, _ = self.reader.steps(row["completion"])
        problem = self.reader.problem(row["prompt"])
        return picture_of(problem, row["prompt"][slice(*problem.question)], steps, self.params.counted)

    def graph(self, row: Mapping[str, Any]) -> Any:
        """Return the problem as a networkx.DiGraph of its parameters, by name.

        Nodes have `value`, `necessary`, `query`, `abstract`, and `solved`: their place in the solution from 0, or None.
        """
        problem, solution = self._solved(row)
        return named_graph(problem, solution, self.params.counted)

    @property
    def probings(self) -> Mapping[str, Probing]:
        """V-probing of parameters (Part 2.1, section 4) and regret (Part 2.2, section 3), where steps have names."""
        return {} if self.params.detail % 3 == 1 else probings_of(self.reader, self.params.retry is not None)

    def glimpses(self, row: Mapping[str, Any], probing: str) -> Sequence[Glimpse]:
        return glimpses_of(self.reader, row, probing)

    def _solved(self, row: Mapping[str, Any]) -> tuple[Problem, list[Parameter]]:
        """Return a row's problem, and the parameters of its solution in their order."""
        steps, _, _ = self.reader.steps(row["completion"])
        shown = [step.parameter for step in steps if not step.back and step.parameter is not None]
        return self.reader.problem(row["prompt"]), shown

    def decode(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        problem, solution = self._solved(row)
        needs = {one: problem.needs(one) for one in problem.parameters()}
        words = {
            "solution": [said_parameter(parameter) for parameter in solution],
            "graph": {
                said_parameter(one): [said_parameter(other) for other in others] for one, others in needs.items()
            },
        }
        return {name: words.get(name, value) for name, value in super().decode(row).items()}

    def reread(self, row: Mapping[str, Any]) -> Reread:
        """Solve the problem from its text, and judge the solution step by step."""
        prompt, completion = row["prompt"], row["completion"]
        verdict = self.reader.judge(prompt, completion)
        if not verdict.correct:
            return Reread.refused(verdict)
        if self.params.shortest and verdict.parts[-1]["redundant"]:
            raise Misread("the solution has a step that its answer does not need")
        if fault := self._retry_fault(row):
            raise Misread(fault)
        read = dict(self.parse(row))
        spans = {kind: places for kind, places in read.pop("spans").items() if kind in self.span_kinds}
        if stranger := self.law.admits(row, self.reader):
            raise Misread(stranger)
        bits = self._shown_bits(row)
        latent = {name: value for name, value in read.items() if value is not None}
        return Reread(read["op"], bits, latent, spans, verdict=verdict)

    def _shown_bits(self, row: Mapping[str, Any]) -> dict[str, float]:
        """Return the bits of the books that the text settles."""
        params, named_as_sets = self.params, self.law.named_as_sets
        surface = (row["latent"]["widths"], params.sizes.numbers(), params.modulus, named_as_sets)
        bits = self.reader.bits(row["prompt"], row["completion"], *surface)
        if params.perm_level == AS_MADE:
            return bits | {"sentence_order": 0.0}
        if params.perm_level != ANY_ORDER:
            bits.pop("sentence_order")  # draws of which only the result shows
        return bits

    def _retry_fault(self, row: Mapping[str, Any]) -> str:
        """Hold every sentence that is taken back against its kind's candidates, and the book against their number."""
        retry = self.params.retry
        if not retry or not retry.rate:
            steps, _, _ = self.reader.steps(row["completion"])
            if any(step.back for step in steps):
                return "a sentence is taken back in data without retries"
        if not retry:
            return ""
        places = self.reader.retries(row["prompt"], row["completion"])
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

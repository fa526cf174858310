"""The task `stories`: dependency graphs told in words, in eight worlds, and the steps that lead to what is asked."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from synthgen.exact.bits import Bits, at_most
from synthgen.exact.draw import Keys, new_state
from synthgen.exact.entropy import Book, Entropy, log2_factorial, log2_falling
from synthgen.task.certificates import Sampling
from synthgen.task.columns import list_column
from synthgen.task.contract import Task
from synthgen.task.family import Family
from synthgen.task.judging import MODES, Final
from synthgen.task.kit.retries import MOST_BACK, TOO_MUCH_BACK, first_too_much, odds
from synthgen.task.phrases import Codes, PhraseTable
from synthgen.task.picture import Picture
from synthgen.task.probing import Glimpse, Probing
from synthgen.task.rows import Rows
from synthgen.task.verdict import Misread, Reread, Verdict
from synthgen.tasks.stories import means
from synthgen.tasks.stories.law import MOST_PARENTS, Means, Tables, graph_law
from synthgen.tasks.stories.packs import BACK, STEP, pack_of
from synthgen.tasks.stories.params import MISTAKES, StoriesParams
from synthgen.tasks.stories.picture import picture_of
from synthgen.tasks.stories.reading.bits import prompt_units, solution_units
from synthgen.tasks.stories.reading.finals import final_of
from synthgen.tasks.stories.reading.probes import glimpses_of, probings_of
from synthgen.tasks.stories.reading.stories import ParsedStory
from synthgen.tasks.stories.reading.texts import StoryReader
from synthgen.tasks.stories.surprisal import story_surprisals
from synthgen.tasks.stories.writing.rows import (
    N_FIGURES,
    NEEDED,
    OTHERS,
    PACK_NUMBER,
    QUERY,
    SENTENCE,
    SOLUTION,
    STAGES,
    TAKEN_BACK,
    Drawn,
    Layout,
    write_rows,
)
from synthgen.tasks.stories.writing.words import Words, words_of

SAMPLED = "mean of sampled stories"


class Stories(Task):
    """Dependency graphs told in words: what is needed for what, and the steps to what is asked, in eight worlds."""

    name = "stories"
    version = 2
    family = Family.MATHEMATICS
    row_formats = ("prompt-completion",)
    natural_language = "en"
    books: tuple[str, ...] = STAGES
    difficulty = "things that the question needs"
    capabilities = frozenset({"injective", "enumerable", "parses"})
    Params: ClassVar = StoriesParams
    tiny: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"needed": (1, 2), "others": (0, 1), "weights": (1, 1, 1), "modulus": 1, "names": 3, "wordings": 1},
        {"needed": (2, 2), "others": (0, 0), "weights": (2, 1), "modulus": 2, "names": 3, "packs": ["code", "family"]},
        {"needed": (2, 2), "others": (1, 1), "weights": (1, 1), "modulus": 1, "names": 3, "wordings": 1}
        | {"retry": {"rate": 0.5, "kind": "any"}},
        {"needed": (3, 3), "others": (0, 0), "weights": (1, 1, 1), "modulus": 1, "names": 3, "packs": ["plants"]}
        | {"retry": {"rate": 0.5, "kind": "near"}, "wordings": 1},
        {"needed": (3, 3), "others": (0, 0), "weights": (1, 1), "modulus": 1, "names": 3, "wordings": 1}
        | {"retry": {"rate": 0.5, "kind": "weak"}},
    )
    modes, edges = MODES, (" ", ".")

    def __init__(self, params: StoriesParams, keys: Keys, files: Path, row_format: str = "") -> None:
        super().__init__(params, keys, files, row_format)
        self._keys = self._stage_keys(keys)

    @staticmethod
    def _stage_keys(keys: Keys) -> np.ndarray:
        return np.array([keys.split(stage) for stage in STAGES])

    @property
    def span_kinds(self) -> tuple[str, ...]:
        return ("step", "retry") if self.params.order_only else ("step", "retry", "answer")

    @property
    def untrained(self) -> tuple[str, ...]:
        return ("retry",) if self.params.trained == "without-retries" else ()

    @property
    def latent_fields(self) -> list[pa.Field]:
        numbers, lines = pa.list_(pa.uint8()), pa.list_(pa.list_(pa.uint8()))
        fields = {"names": numbers, "parents": lines, "values": numbers, "necessary": pa.list_(pa.bool_())}
        fields |= {"query": pa.uint8(), "solution": numbers, "retries": pa.int16(), "pack": pa.string()}
        return [pa.field(name, kind) for name, kind in fields.items()]

    # -- rows ---------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def _words(self) -> tuple[PhraseTable, Words]:
        table, params = PhraseTable(), self.params
        return table, words_of(table, params.packs, params.order_only, params.modulus)

    @functools.cached_property
    def _tables(self) -> Tables:
        return graph_law(self.params.weights).tables(self.params.needed, self.params.others, self.params.names)

    def _draw(self, start: int, stop: int, state: np.record, keys: np.ndarray) -> Drawn:
        params, rows, most = self.params, stop - start, self.params.most
        (least, most_needed), (fewest, greatest) = params.needed, params.others
        layout = Layout(
            least,
            most_needed,
            fewest,
            greatest,
            params.modulus,
            params.names,
            len(params.packs),
            params.wordings,
            retries=int(params.retry.rate > 0),
            mistakes=MISTAKES[params.retry.kind],
        )
        room = (rows + 1) * SENTENCE * (2 * most + 2)
        while True:
            drawn = Drawn(
                codes=np.empty(room, np.int32),
                ends=np.empty(2 * rows, np.int64),
                figures=np.empty((rows, N_FIGURES), np.int64),
                units=np.empty((rows, len(STAGES)), np.int64),
                name=np.empty((rows, most), np.uint8),
                value=np.empty((rows, most), np.uint8),
                arity=np.zeros((rows, most), np.uint8),
                parents=np.empty((rows, most, MOST_PARENTS), np.uint8),
                necessary=np.empty((rows, most), np.bool_),
                solution=np.empty((rows, most), np.uint8),
                candidates=np.zeros((rows, most), np.uint8),
            )
            coin = odds(params.retry.rate)
            if write_rows(state, keys, start, stop, layout, self._tables, coin, self._words[1], drawn) == stop:
                return drawn
            room *= 2

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        drawn = self._draw(start, stop, state, self._keys)
        figures, most = drawn.figures, self.params.most
        things = figures[:, NEEDED] + figures[:, OTHERS]
        told, solved = np.arange(most) < things[:, None], np.arange(most) < figures[:, NEEDED, None]
        arity = drawn.arity[told]
        parents = drawn.parents[told][np.arange(MOST_PARENTS) < arity[:, None]]
        ends = np.cumsum(things)
        of_line = list_column(np.cumsum(arity, dtype=np.int64), parents, pa.uint8())
        return Rows(
            content=Codes(self._words[0], drawn.codes[: drawn.ends[-1]], drawn.ends, self.span_kinds, parts=2),
            difficulty=figures[:, NEEDED].astype(np.int32),
            units=drawn.units,
            latent={
                "names": list_column(ends, drawn.name[told], pa.uint8()),
                "parents": pa.ListArray.from_arrays(pa.array(np.concatenate([[0], ends]).astype(np.int32)), of_line),
                "values": list_column(ends, drawn.value[told], pa.uint8()),
                "necessary": list_column(ends, drawn.necessary[told], pa.bool_()),
                "query": pa.array(figures[:, QUERY].astype(np.uint8)),
                "solution": list_column(np.cumsum(figures[:, NEEDED]), drawn.solution[solved], pa.uint8()),
                "retries": pa.array(figures[:, TAKEN_BACK].astype(np.int16)),
                "pack": pa.array(self.params.packs).take(pa.array(figures[:, PACK_NUMBER])),
            },
        )

    # -- entropy ------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def _samplings(self) -> dict[str, Sampling]:
        """How means without a formula are drawn: from a stream of rows of its own, the same for every seed."""
        keys, one = self._stage_keys(Keys(0, split="entropy of stories")), {"packs": ("boxes",), "modulus": 1}
        plain = Stories(self.params.model_copy(update=one | {"wordings": 1}), self.keys, self.files)

        @functools.lru_cache(maxsize=4)
        def drawn(first: int, stop: int) -> means.Drawn:
            rows = plain._draw(first, stop, new_state(), keys)
            return rows.figures[:, NEEDED], rows.units[:, SOLUTION], rows.candidates

        return means.samplings(self.params, drawn)

    @property
    def _is_small(self) -> bool:
        return self.params.most <= means.EXACT_THINGS

    def samplings(self) -> Sequence[Sampling]:
        return () if self._is_small else list(self._samplings.values())

    def _order_books(self, estimates: bool) -> dict[str, Bits]:
        """Return the mean bits of the order of steps, and of retries."""
        params = self.params
        if self._is_small:
            of_retries = functools.partial(means.retries_bits, params) if params.retry.rate else None
            books = {"solution": Bits(means.walked(params, means.orders_bits))}
            return books | {"retries": Bits(means.walked(params, of_retries) if of_retries else 0.0)}
        books = {"retries": Bits(0.0)}
        for book, sampling in self._samplings.items():
            drawn = sampling.mean(SAMPLED, estimates)
            books[book] = drawn if drawn is not None else at_most(sampling.ends[0][1], "no rows are drawn for it here")
        return {book: books[book] for book in ("solution", "retries")}

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        params, sizes = self.params, means.sizes_of(self.params)
        law = graph_law(params.weights)
        graphs = {size: law.means(*size) for size in sizes}

        def mean(figure: Callable[[int, Means], float]) -> float:
            return math.fsum(figure(sum(size), graph) for size, graph in graphs.items()) / len(sizes)

        def values(things: int, graph: Means) -> float:
            roots = graph.roots * math.log2(params.modulus)
            return roots + (things - graph.roots) * math.log2(params.modulus - 1) if params.modulus > 1 else 0.0

        pairs, triples = math.log2(2), math.log2(6)
        bits = {
            "sizes": math.log2(len(sizes)),
            "graph": mean(lambda _, graph: graph.bits),
            "names": mean(lambda things, graph: log2_falling(params.names, things) - graph.layers),
            "values": mean(values),
            "order": mean(lambda n, graph: log2_factorial(n) + graph.pairs * pairs + graph.triples * triples),
            "pack": math.log2(len(params.packs)),
            "wording": mean(lambda things, _: (things + 1) * math.log2(params.wordings)),
        }
        books = {book: Bits(value) for book, value in bits.items()} | self._order_books(estimates)
        facts: dict[str, Any] = {
            "expected_things": mean(lambda things, _: things),
            "expected_steps": sum(params.needed) / 2,
        }
        if not params.order_only:
            facts["uniform_guess_accuracy"] = 1 / params.modulus
        return Entropy({book: Book(books[book]) for book in STAGES}, facts)

    prompt_at_once = True

    def surprisals(self, said: Sequence[int] | str, number: int = 0) -> np.ndarray:
        assert isinstance(said, str)
        return story_surprisals(said, self.params, self.reader)

    # -- checking -----------------------------------------------------------------------------------------------------

    @functools.cached_property
    def reader(self) -> StoryReader:
        """The reader of texts, made from the packs alone."""
        params = self.params
        return StoryReader(params.packs, params.names, params.modulus, params.wordings)

    def _solved(self, row: Mapping[str, Any]) -> ParsedStory:
        return self.reader.solved(row["prompt"], row["completion"])

    def parse(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the latents, from the text. Raises ValueError on junk."""
        return self._latent(self._solved(row))

    def _latent(self, story: ParsedStory) -> Mapping[str, Any]:
        line, values = {name: i for i, name in enumerate(story.lines)}, story.values(self.params.modulus)
        return {
            "names": list(story.lines),
            "parents": [[line[parent] for parent in one.parents] for one in story.lines.values()],
            "values": [values[name] for name in story.lines],
            "necessary": [name in story.needed for name in story.lines],
            "query": line[story.query],
            "solution": [line[name] for _, name in story.places()],
            "retries": sum(sentence.back for sentence in story.sentences),
            "pack": story.pack,
        }

    def decode(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        latent = dict(super().decode(row))
        things = [pack_of(latent["pack"], self.params.order_only).things[name] for name in latent["names"]]
        latent["parents"] = {
            thing: [things[i] for i in one] for thing, one in zip(things, latent["parents"], strict=True)
        }
        if self.params.order_only:
            del latent["values"]
        else:
            latent["values"] = dict(zip(things, latent["values"], strict=True))
        necessary = zip(things, latent["necessary"], strict=True)
        words = {"names": things, "query": things[latent["query"]], "solution": [things[i] for i in latent["solution"]]}
        return latent | words | {"necessary": [thing for thing, needed in necessary if needed]}

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        """Judge a solution of a prompt, both texts: every needed step once, each when it can be taken, none beside.

        `parts` has one entry: steps, retries, and what is wrong with steps that are not taken back: `early` ones lack
        a parent, `needless` ones are not needed, `miscounted` ones have a wrong value; `ordered` is 1 where these steps
        are just the needed ones, in an order that works. Only so much may be taken back
        (`first_too_much`), and all but nothing where the spec does not speak of retries.
        """
        try:
            return self._judge(self.reader.solved(prompt, completion))
        except (ValueError, TypeError) as error:
            return Verdict.wrong(str(error), 0)

    def _judge(self, story: ParsedStory) -> Verdict:
        fault = story.fault(self.params.modulus)
        taken_back = [sentence.back for sentence in story.sentences]
        too_much = first_too_much(taken_back, len(story.lines), self.params.retracts)
        if not fault and too_much is not None:
            fault = too_much, TOO_MUCH_BACK
        parts = [{"difficulty": len(story.needed), "correct": not fault} | self._counts(story)]
        return Verdict.wrong(fault[1], fault[0], parts=parts) if fault else Verdict.right(parts)

    def _counts(self, story: ParsedStory) -> dict[str, int]:
        values, known = story.values(self.params.modulus), set[int]()
        counts = dict.fromkeys(("steps", "retries", "early", "needless", "miscounted"), 0)
        for sentence in story.sentences:
            counts["retries" if sentence.back else "steps"] += 1
            if sentence.back or sentence.name not in story.lines:
                continue
            counts["early"] += bool(story.lacking(sentence.name, known))
            counts["needless"] += sentence.name not in story.needed
            counts["miscounted"] += sentence.value != values[sentence.name]
            known.add(sentence.name)
        right = counts["steps"] == len(story.needed) and known == story.needed and not counts["early"]
        return counts | {"ordered": int(right)}

    def final(self, prompt: Any) -> Final:
        """The value that is asked for, or (modulus 1) the things that are needed, in an order that works."""
        story = self.reader.prompt(prompt)
        return final_of(story, pack_of(story.pack, self.params.order_only), self.params.modulus)

    def longest_answer(self, prompt: Any) -> int:
        """A sentence a thing, and all that could be taken back before each."""
        story = self.reader.prompt(prompt)
        pack, things = pack_of(story.pack, self.params.order_only), len(story.lines)
        sentences = [piece for kind in (STEP, BACK) for piece in pack.sentences.of(kind)]
        longest = max(map(len, sentences)) + max(map(len, pack.things)) + len(pack.amount(self.params.modulus))
        back = things * max(MOST_BACK, things) if self.params.retracts else 1
        return longest * (things + back)

    def reread(self, row: Mapping[str, Any]) -> Reread:
        """Solve the story from its text, hold what is taken back against its kind, recount spans and bits."""
        story = self._solved(row)
        verdict = self._judge(story)
        if not verdict.correct:
            return Reread.refused(verdict)
        if len(story.needed) + sum(sentence.back for sentence in story.sentences) != len(story.sentences):
            raise Misread("the solution is not one step for each needed thing")
        units = prompt_units(story, self.params) | solution_units(story, self.params)
        spans = {kind: story.spans[kind] for kind in self.span_kinds}
        return Reread(len(story.needed), units, self._latent(story), spans, verdict=verdict)

    def picture(self, row: Mapping[str, Any]) -> Picture:
        """Return what needs what, with the steps of the solution."""
        story = self._solved(row)
        return picture_of(story, pack_of(story.pack, self.params.order_only), self.params.modulus)

    def graph(self, row: Mapping[str, Any]) -> Any:
        """Return the things as a networkx.DiGraph: an edge from what is needed to what needs it.

        Nodes have `query`, `necessary`, `value` and `solved`: their place among the steps, from 0, or None.
        """
        import networkx as nx

        story = self._solved(row)
        things, values = pack_of(story.pack, self.params.order_only).things, story.values(self.params.modulus)
        solved = {name: place for place, (_, name) in enumerate(story.places())}
        graph = nx.DiGraph()
        for name in story.lines:
            known = {"value": values[name], "solved": solved.get(name), "necessary": name in story.needed}
            graph.add_node(things[name], query=name == story.query, **known)
        graph.add_edges_from((things[one], things[name]) for name, line in story.lines.items() for one in line.parents)
        return graph

    def chances(self, prompt: Any) -> Mapping[str, float]:
        """Of the order: that needed things, in any order alike, stand in one that works. Of the answer: any value."""
        story = self.reader.prompt(prompt)
        answer = {} if self.params.order_only else {"answer": 1 / self.params.modulus}
        return {"order": story.orders() / math.factorial(len(story.needed))} | answer

    @property
    def probings(self) -> Mapping[str, Probing]:
        """What the steps to the answer turn on, thing by thing, and regret where the spec speaks of retries."""
        return probings_of(self.params.retracts)

    def glimpses(self, row: Mapping[str, Any], probing: str) -> Sequence[Glimpse]:
        story, prompt = self._solved(row), row["prompt"]
        things = pack_of(story.pack, self.params.order_only).things
        return glimpses_of(story, things, len(prompt), prompt + row["completion"], row["id"], probing)

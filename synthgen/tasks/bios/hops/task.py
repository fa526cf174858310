"""Questions along relations: somebody's mentor, the birth city of their boss's best friend, and so on.

The people are those of the biographies, their relations those that the task `relations` states with the same params.
Splits are divided by people (`group`), by relations (`relations`) or by how far they go (`hops`).

    synthgen show relations-2hop -n 3
    synthgen show relations-3hop -n 3 --split test_3hop
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from synthgen.errors import SynthgenError
from synthgen.exact.bits import Bits
from synthgen.exact.draw import Keys
from synthgen.exact.entropy import Book, Entropy
from synthgen.exact.ledger import log2_units
from synthgen.task.assets import read_asset
from synthgen.task.columns import list_column
from synthgen.task.contract import SplitBy, Task
from synthgen.task.family import Family
from synthgen.task.judging import STEPLESS, Final
from synthgen.task.kit.capacity import Knowledge
from synthgen.task.phrases import Codes, PhraseTable
from synthgen.task.picture import Picture, passage_of
from synthgen.task.rows import Rows
from synthgen.task.verdict import Misread, Reread, Verdict
from synthgen.tasks.bios.hops.params import HopsParams
from synthgen.tasks.bios.hops.picture import picture_of
from synthgen.tasks.bios.hops.reading import QuestionJudge
from synthgen.tasks.bios.hops.surprisal import law_of
from synthgen.tasks.bios.hops.writing import SPAN_KINDS, Asked, Wordings, write_questions
from synthgen.tasks.bios.questions.forms import FORMS
from synthgen.tasks.bios.questions.guessing import odds_of
from synthgen.tasks.bios.relations.laws import path_bits
from synthgen.tasks.bios.relations.reading.relatives import Relatives
from synthgen.tasks.bios.relations.society import NOT_PUBLISHED, Society
from synthgen.tasks.bios.relations.wordings import FACT_NAMES, PERSON, TARGETS
from synthgen.tasks.bios.relations.writing.relatives import Bonds
from synthgen.tasks.bios.world.asked import meet, persons_of
from synthgen.tasks.bios.world.fidelity import WORLD
from synthgen.tasks.bios.world.population import tiny_sizes
from synthgen.tasks.bios.world.writing.answered import AnsweredLaw
from synthgen.tasks.bios.world.writing.everybody import MOST_PEOPLE, everybody
from synthgen.tasks.bios.world.writing.people import LAST, Group, World

MOST_PATHS = 1000
"""Paths that the law of questions, token by token, goes through."""


class Hops(Task):
    """Questions about people, one hop and more along their relations to the answer."""

    name = "hops"
    subject_field = "person"
    version = 1
    family = Family.QUESTIONS
    row_formats = ("prompt-completion",)
    natural_language = "en"
    task_categories = ("text-generation", "question-answering")
    glossary: Mapping[str, str] = {"path": "hops", "target": "asked for", "people": "people on the way"}
    books = ("question", "person", "wording")
    difficulty = "hops to the answer"
    span_kinds = SPAN_KINDS
    deviations = (NOT_PUBLISHED, *WORLD)
    capabilities = frozenset({"exact", "enumerable", "parses"})
    Params: ClassVar = HopsParams
    tiny: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"people": 2, "group": "all", "relations": ["friend", "boss"], "targets": ["person", "major"]}
        | {"sizes": tiny_sizes()},
        {"people": 3, "group": "all", "relations": ["mentor"], "hops": [3], "targets": ["person"]}
        | {"sizes": tiny_sizes(first_names=3, last_names=1), "paraphrases": 2},
        {"people": 2, "relations": ["boss"], "hops": [2], "targets": ["university"], "paraphrases": 4}
        | {"styles": ["sentence", "triple", "json"], "sizes": tiny_sizes(universities=2)},
    )

    def __init__(self, params: HopsParams, keys: Keys, files: Path, row_format: str = "") -> None:
        super().__init__(params, keys, files, row_format)
        self.society = Society(params, self.assets.get("lists"))
        self._refuse()
        self.persons = persons_of(params)
        relations = self.society.relations
        self._world = World.of(keys, self.society.lists, pronouns=1)
        self._bonds = Bonds.of(keys, relations, params.few, params.everybody)
        self._key = keys.split("hops")

    def _refuse(self) -> None:
        """Raise SynthgenError for params that do not go with the lists, or with each other."""
        params = self.params
        steps = max(params.hops) - (PERSON not in params.targets)
        if self.society.laws == ["pairs"] and steps > 1:
            raise SynthgenError(
                f"params.hops = {list(params.hops)}: {params.relations[0]!r} followed twice leads back to where it "
                "began; name another relation beside it, or take fewer hops"
            )
        for target in params.targets:
            if (known := len(self.society.wordings.questions(target))) < params.paraphrases:
                raise SynthgenError(f"params.paraphrases = {params.paraphrases}: {known} wordings ask for {target}")

    @property
    def assets(self) -> Mapping[str, Path]:
        return {"lists": read_asset(self.files, self.params.lists, "params.lists")} if self.params.lists else {}

    @property
    def split_by(self) -> SplitBy:
        return SplitBy.FRESH if self.params.group == "all" else SplitBy.PERSON

    def apart(self, other: Task) -> bool:
        """Say whether the two splits name different people, as those of two groups do."""
        assert isinstance(other, Hops)
        return not meet(self.persons, other.persons)

    def subjects(self, batch: pa.RecordBatch) -> np.ndarray:
        return batch.column("latent").field("person").to_numpy()

    @property
    def latent_fields(self) -> list[pa.Field]:
        return [
            pa.field("person", pa.int64()),
            pa.field("path", pa.list_(pa.string())),
            pa.field("target", pa.string()),
            pa.field("style", pa.string()),
            pa.field("wording", pa.int16()),
            pa.field("people", pa.list_(pa.int64())),
        ]

    # -- rows ---------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def _wordings(self) -> tuple[PhraseTable, Wordings]:
        table, params = PhraseTable(), self.params
        asked = (params.styles, params.targets, params.paraphrases, params.cue)
        return table, Wordings.of(table, self.society, *asked)

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        params, (table, wordings) = self.params, self._wordings
        asked = Asked.new(stop - start, max(params.hops))
        group, hops = (self.persons.start, len(self.persons)), np.array(params.hops, np.int64)
        drawn = (self._key, self._world, self._bonds, group, hops)
        used = write_questions(state, start, stop, *drawn, wordings, asked)
        target, style, wording, steps = asked.rows.T
        followed = np.arange(asked.path.shape[1]) < steps[:, None]
        met = np.arange(asked.people.shape[1]) <= steps[:, None]
        asks_fact = np.array([one != PERSON for one in params.targets])[target]
        path = pa.array(params.relations).take(pa.array(asked.path[followed]))
        return Rows(
            content=Codes(table, asked.codes[:used], asked.ends, SPAN_KINDS, parts=2),
            difficulty=(steps + asks_fact).astype(np.int32),
            units=asked.units,
            latent={
                "person": pa.array(np.ascontiguousarray(asked.people[:, 0])),
                "path": list_column(np.cumsum(steps), path, pa.string()),
                "target": pa.array(params.targets).take(pa.array(target)),
                "style": pa.array(params.styles).take(pa.array(style)),
                "wording": pa.array(wording.astype(np.int16)),
                "people": list_column(np.cumsum(steps + 1), asked.people[met], pa.int64()),
            },
        )

    # -- entropy ------------------------------------------------------------------------------------------------------

    @property
    def _asks_facts(self) -> bool:
        return self.params.targets != (PERSON,)

    def knowledge(self) -> Knowledge:
        return self.society.knowledge(self._asks_facts)

    def entities(self) -> range:
        return self.params.everybody

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        params, lists, laws = self.params, self.society.lists, self.society.laws
        cases = list(itertools.product(params.hops, params.targets))
        paths = [path_bits(laws, hops - (target != PERSON)) for hops, target in cases]
        sentences = math.log2(params.paraphrases) / len(params.styles) * ("sentence" in params.styles)
        row = {
            "question": math.log2(len(cases)) + math.fsum(paths) / len(cases),
            "person": math.log2(len(self.persons)),
            "wording": math.log2(len(params.styles)) + sentences,
        }
        world, known = self.society.books(self._asks_facts, pronoun=0.0)
        odds = {t: odds_of(FORMS[f"extract.{t}"], lists, params.people) for t in params.targets if t != PERSON}
        facts = known | {
            "asked": len(self.persons),
            "expected_hops": math.fsum(params.hops) / len(params.hops),
            "answer_bits": {target: one.answer_bits for target, one in odds.items()},
            "constant_guess": {target: one.guess for target, one in odds.items()},
            "answer_bits_given_the_world": 0.0,
        }
        books = {name: Book(Bits(bits)) for name, bits in row.items()} | world
        return Entropy(books, facts, world_list=known["world_list_bits"])

    @property
    def without_surprisals(self) -> str:
        people, params = len(self.persons), self.params
        if people > MOST_PEOPLE:
            return f"of {people:,} people asked about, {MOST_PEOPLE:,} at most are kept in memory"
        paths = len(params.relations) ** max(params.hops)
        return f"params.hops = {list(params.hops)}: there are {paths:,} paths" * (paths > MOST_PATHS)

    @functools.cached_property
    def _law(self) -> AnsweredLaw:
        table, wordings = self._wordings
        names = everybody(self._world, Group(self.persons.start, len(self.persons)))[:, : LAST + 1]
        params = self.params
        return law_of(table, wordings, self.society.laws, params.hops, names, self._world.sizes, self._answer)

    def _answer(self, place: int, path: Sequence[int], target: int) -> str:
        """Return the answer about somebody by their place among those asked about."""
        relations = [self.society.relations[one] for one in path]
        person = self.reader.relatives.along(self.persons.start + place, relations)[-1]
        registry = self.reader.relatives.registry
        asks_person = TARGETS[target] == PERSON
        return registry.name(person) if asks_person else str(registry.person(person)[TARGETS[target]])

    def surprisals(self, said: Sequence[int] | str, number: int = 0) -> np.ndarray:
        assert isinstance(said, str)
        return self._law.surprisals(said)

    # -- checking -----------------------------------------------------------------------------------------------------

    @functools.cached_property
    def reader(self) -> QuestionJudge:
        """The judge, made from the wordings, the lists and the world alone."""
        params, society = self.params, self.society
        relatives = Relatives(self.keys, society.lists, params.everybody, params.few, society.relations)
        return QuestionJudge(relatives, society.wordings, params.targets, params.paraphrases, params.cue)

    def decode(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        latent, name = super().decode(row), self.reader.relatives.registry.name
        return {**latent, "person": name(latent["person"]), "people": [name(person) for person in latent["people"]]}

    def picture(self, row: Mapping[str, Any]) -> Picture:
        """Return the question, and the chain of hops to its answer."""
        reader, question = self.reader, self.reader.read(row["prompt"])
        people = reader.relatives.along(question.person, question.path)
        met, hops = [reader.relatives.registry.name(one) for one in people], [one.name for one in question.path]
        if question.target != PERSON:
            met, hops = [*met, reader.answer(question)], [*hops, FACT_NAMES[question.target]]
        return picture_of(passage_of(row, {}), met, hops)

    def parse(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what a row and the world show."""
        return self.reader.parse(row["prompt"], row["completion"])

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        """Judge a completion by its answer alone; see `QuestionJudge.judge`."""
        return self.reader.judge(prompt, completion)

    modes, edges = STEPLESS, (" ", "")

    def final(self, prompt: Any) -> Final:
        return self.reader.final(prompt)

    def longest_answer(self, prompt: Any) -> int:
        return self.reader.longest

    def reread(self, row: Mapping[str, Any]) -> Reread:
        """Follow the path through the world, work the answer out anew, and count the choices that the prompt shows."""
        params, reader = self.params, self.reader
        shown, question = dict(self.parse(row)), reader.read(row["prompt"])
        if shown["person"] not in self.persons:
            raise Misread(f"person {shown['person']} is not among those asked about in this split")
        if question.hops not in params.hops or question.target not in params.targets:
            raise Misread(f"this split does not ask for the {question.target} over {question.hops} hops")
        if question.style not in params.styles:
            raise Misread(f"rows of this split are not worded as {question.style}")
        spans = shown.pop("spans")
        ((start, end),) = spans["answer"]
        said, answer = (row["prompt"] + row["completion"])[start:end], reader.answer(question)
        if said != answer:
            raise Misread(f"the answer is {said[:80]!r}, the world says {answer!r}")
        choices = [len(params.hops), len(params.targets)]
        for place in range(len(question.path)):
            back = place > 0 and question.path[place - 1].law == "pairs"
            choices.append(len(params.relations) - back)
        wording = params.paraphrases if question.style == "sentence" else 1
        units = {
            "question": sum(int(log2_units(number)) for number in choices),
            "person": int(log2_units(len(self.persons))),
            "wording": int(log2_units(len(params.styles))) + int(log2_units(wording)),
        }
        return Reread(question.hops, units, shown, spans)

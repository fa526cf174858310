"""Questions about a world that changes: where somebody worked before, where they work now, and whether that differs.

The people are those of the biographies with the same params, told of before the change (`time = "before"` of the task
`bios`) and after it. Splits are divided by people (`group`), and by whether the fact has changed (`about`).

    synthgen show history-questions -n 3
    synthgen entropy history-questions --split test_changed
"""

from __future__ import annotations

import functools
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
from synthgen.task.contract import SplitBy, Task
from synthgen.task.family import Family
from synthgen.task.judging import STEPLESS, Final
from synthgen.task.kit.capacity import Knowledge
from synthgen.task.phrases import Codes, PhraseTable
from synthgen.task.picture import Picture, passage_of
from synthgen.task.rows import Rows
from synthgen.task.verdict import Misread, Reread, Verdict
from synthgen.tasks.bios.history.params import HistoryParams
from synthgen.tasks.bios.history.picture import picture_of
from synthgen.tasks.bios.history.reading import HistoryJudge
from synthgen.tasks.bios.history.surprisal import law_of
from synthgen.tasks.bios.history.wordings import TARGETS, WHETHER, read_wordings, source_of
from synthgen.tasks.bios.history.writing import SPAN_KINDS, Asked, Wordings, members_of, write_questions
from synthgen.tasks.bios.questions.forms import FORMS
from synthgen.tasks.bios.questions.guessing import odds_of
from synthgen.tasks.bios.world.asked import meet, persons_of
from synthgen.tasks.bios.world.changes import (
    NOT_PUBLISHED,
    TIMES,
    change_bits,
    change_book,
    refuse_single_values,
    with_changes,
)
from synthgen.tasks.bios.world.fidelity import WORLD
from synthgen.tasks.bios.world.population import knowledge_of, lists_of, tiny_sizes, world_bits
from synthgen.tasks.bios.world.reading.history import History
from synthgen.tasks.bios.world.writing.answered import AnsweredLaw
from synthgen.tasks.bios.world.writing.changes import Changes
from synthgen.tasks.bios.world.writing.everybody import MOST_PEOPLE, everybody
from synthgen.tasks.bios.world.writing.people import LAST, Group, World


class HistoryQuestions(Task):
    """Questions about people whose facts change: then, now, and whether the two differ."""

    name = "history"
    subject_field = "person"
    version = 2
    family = Family.QUESTIONS
    natural_language = "en"
    task_categories = ("text-generation", "question-answering")
    row_formats = ("prompt-completion",)
    glossary: Mapping[str, str] = {"ask": "asks for what was so", "target": "fact asked for"}
    books = ("question", "person", "wording")
    difficulty = "facts the answer rests on"
    span_kinds = SPAN_KINDS
    deviations = (NOT_PUBLISHED, *WORLD)
    capabilities = frozenset({"exact", "enumerable", "parses"})
    Params: ClassVar = HistoryParams
    tiny: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"people": 2, "group": "all", "changed": 0.5, "changing": ["major"], "sizes": tiny_sizes(majors=2)},
        {"people": 1, "group": "all", "changed": 1.0, "changing": ["employer"], "paraphrases": 2}
        | {"asks": ["before", "whether"], "sizes": tiny_sizes(last_names=1, employers=3)},
    )

    def __init__(self, params: HistoryParams, keys: Keys, files: Path, row_format: str = "") -> None:
        super().__init__(params, keys, files, row_format)
        folder = self.assets.get("lists")
        self.lists, self.wordings = lists_of(params, folder), read_wordings(folder)
        refuse_single_values(params, self.lists)
        for ask in params.asks:
            for target in params.facts:
                if (known := len(self.wordings[ask][target])) < params.paraphrases:
                    raise SynthgenError(
                        f"params.paraphrases = {params.paraphrases}: {known} wordings for {ask}.{target}"
                    )
        if params.about != "all" and params.people > MOST_PEOPLE:
            raise SynthgenError(
                f"params.people = {params.people:,}: who has changed is told apart among {MOST_PEOPLE:,} at most"
            )
        self.persons = persons_of(params)
        self._world, self._changes = World.of(keys, self.lists, pronouns=1), Changes.of(keys, params, after=True)
        self._key = keys.split("history")
        for target, number in zip(params.facts, self._asked_of, strict=True):
            if number == 0:
                raise SynthgenError(
                    f"params.about = {params.about!r}: of nobody in group {params.group!r} the {target} has "
                    f"{'changed' if params.about == 'changed' else 'been kept'}; take more people, or another `changed`"
                )

    @property
    def assets(self) -> Mapping[str, Path]:
        return {"lists": read_asset(self.files, self.params.lists, "params.lists")} if self.params.lists else {}

    @property
    def split_by(self) -> SplitBy:
        return SplitBy.FRESH if self.params.group == "all" else SplitBy.PERSON

    def apart(self, other: Task) -> bool:
        """Say whether the two splits ask about different people, as those of two groups do."""
        assert isinstance(other, HistoryQuestions)
        return not meet(self.persons, other.persons)

    def subjects(self, batch: pa.RecordBatch) -> np.ndarray:
        return batch.column("latent").field("person").to_numpy()

    @property
    def latent_fields(self) -> list[pa.Field]:
        kinds = {"ask": pa.string(), "target": pa.string(), "person": pa.int64(), "wording": pa.int16()}
        kinds |= {"before": pa.int32(), "after": pa.int32()}
        return [pa.field(name, kind) for name, kind in kinds.items()]

    # -- rows ---------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def _members(self) -> list[np.ndarray] | None:
        """Who is asked about each fact, where it is not the whole group."""
        params = self.params
        if params.about == "all":
            return None
        targets = [TARGETS.index(target) for target in params.facts]
        return members_of(self._changes, params.everybody, self.persons, params.about, targets)

    @property
    def _asked_of(self) -> list[int]:
        """How many people are asked about each fact."""
        return [len(self.persons)] * len(self.params.facts) if self._members is None else list(map(len, self._members))

    @functools.cached_property
    def _wording(self) -> tuple[PhraseTable, Wordings]:
        table, params = PhraseTable(), self.params
        asked = (self.wordings, params.asks, params.facts, params.paraphrases, params.cue)
        return table, Wordings.of(table, self.lists, *asked)

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        params, (table, wordings) = self.params, self._wording
        out, members = Asked.new(stop - start), self._members or []
        everyone = np.concatenate(members) if members else np.zeros(0, np.int64)
        limits = np.cumsum([0, *map(len, members)]).astype(np.int64)
        groups = (params.first_person, params.people), (self.persons.start, len(self.persons))
        drawn = (self._key, self._world, self._changes, *groups, everyone, limits)
        used = write_questions(state, start, stop, *drawn, wordings, out)
        ask, target, person, wording, before, after = out.rows.T
        return Rows(
            content=Codes(table, out.codes[:used], out.ends, SPAN_KINDS, parts=2),
            difficulty=np.where(wordings.asks[ask] == WHETHER, 2, 1).astype(np.int32),
            units=out.units,
            latent={
                "ask": pa.array(params.asks).take(pa.array(ask)),
                "target": pa.array(params.facts).take(pa.array(target)),
                "person": pa.array(np.ascontiguousarray(person)),
                "wording": pa.array(wording.astype(np.int16)),
                "before": pa.array(before.astype(np.int32)),
                "after": pa.array(after.astype(np.int32)),
            },
        )

    # -- entropy ------------------------------------------------------------------------------------------------------

    @property
    def _change_bits_a_person(self) -> float:
        return math.fsum(change_bits(self.params, self.lists).values()) / self.params.people

    def knowledge(self) -> Knowledge:
        """The facts before the change, and all that it changes: the spans of questions say neither by itself."""
        known = knowledge_of(self.lists, self.params.people)
        return Knowledge(known.people, known.names, known.attribute_bits + self._change_bits_a_person)

    def entities(self) -> range:
        return self.params.everybody

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        params, lists, asked = self.params, self.lists, self._asked_of
        row = {
            "question": math.log2(len(params.asks) * len(params.facts)),
            "person": math.fsum(map(math.log2, asked)) / len(asked),
            "wording": math.log2(params.paraphrases),
        }
        world, known = world_bits(lists, params.everybody, pronoun=0.0)
        world["changes"] = change_book(params, lists)
        odds = {target: odds_of(FORMS[f"extract.{target}"], lists, params.people) for target in params.facts}
        shares = {target: self._share_changed(target) for target in params.facts}
        facts = known | {
            "asked": max(asked) if params.about == "all" else dict(zip(params.facts, asked, strict=True)),
            "changed_people": params.changed_people,
            "change_bits": change_bits(params, lists),
            "world_bits_at_one_time": known["world_bits"],
            "answers_changed": shares,
            "answer_bits": {target: one.answer_bits for target, one in odds.items()},
            "constant_guess": {target: one.guess for target, one in odds.items()},
            "constant_guess_whether": {target: max(share, 1 - share) for target, share in shares.items()},
            "answer_bits_given_the_world": 0.0,
            **with_changes(known, world["changes"].bits.value),
        }
        books = {name: Book(Bits(bits)) for name, bits in row.items()} | world
        return Entropy(books, facts, world_list=facts["world_list_bits"])

    def _share_changed(self, target: str) -> float:
        """Return the share of people asked about who have another value of a target, in the mean over worlds."""
        params, homes = self.params, self.lists.company_city
        share = {"all": params.changed_people / params.people, "changed": 1.0, "kept": 0.0}[params.about]
        if source_of(target) == target:
            return share
        companies = np.bincount(homes)
        same = float((companies * (companies - 1)).sum()) / (len(homes) * (len(homes) - 1))
        return share * (1 - same)

    @property
    def without_surprisals(self) -> str:
        people = len(self.persons)
        if self.params.about != "all":
            return f"params.about = {self.params.about!r}: each fact has people of its own"
        return f"of {people:,} people asked about, {MOST_PEOPLE:,} at most are kept in memory" * (people > MOST_PEOPLE)

    @functools.cached_property
    def _law(self) -> AnsweredLaw:
        table, wordings = self._wording
        names = everybody(self._world, Group(self.persons.start, len(self.persons)))[:, : LAST + 1]
        return law_of(table, wordings, names, self._world.sizes, self._answer)

    def _answer(self, place: int, ask: int, target: int) -> str:
        """Return the answer about somebody by their place among those asked about."""
        params = self.params
        return self.reader.answer(self.persons.start + place, params.asks[ask], params.facts[target])

    def surprisals(self, said: Sequence[int] | str, number: int = 0) -> np.ndarray:
        assert isinstance(said, str)
        return self._law.surprisals(said)

    # -- checking -----------------------------------------------------------------------------------------------------

    @functools.cached_property
    def reader(self) -> HistoryJudge:
        """The judge, made from the wordings, the lists and the world's history alone."""
        params = self.params
        history = History(self.keys, self.lists, params.everybody, params.changing, params.changed_people)
        return HistoryJudge(history, self.wordings, params.asks, params.facts, params.paraphrases, params.cue)

    def decode(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        latent, target = dict(super().decode(row)), row["latent"]["target"]
        latent["person"] = self.reader.history.registry.name(latent["person"])
        latent["wording"] = self.wordings[latent["ask"]][target][latent["wording"]]
        return latent | {time: self.lists.value(target, latent[time]) for time in TIMES}

    def picture(self, row: Mapping[str, Any]) -> Picture:
        """Return the question, and the fact that it asks for before the change and after it."""
        return picture_of(passage_of(row, {}), self.decode(row))

    def parse(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what a row and the world show."""
        return self.reader.parse(row["prompt"], row["completion"])

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        """Judge a completion by its answer alone; see `HistoryJudge.judge`."""
        return self.reader.judge(prompt, completion)

    modes, edges = STEPLESS, (" ", "")

    def final(self, prompt: Any) -> Final:
        return self.reader.final(prompt)

    def longest_answer(self, prompt: Any) -> int:
        return self.reader.longest

    def reread(self, row: Mapping[str, Any]) -> Reread:
        """Work the answer out anew from the history, and count the choices that the prompt shows."""
        params, reader = self.params, self.reader
        shown, question = dict(self.parse(row)), reader.read(row["prompt"])
        person, source = shown["person"], source_of(question.target)
        changed = reader.history.changes(person, source)
        if person not in self.persons or params.about not in ("all", "changed" if changed else "kept"):
            raise Misread(f"person {person} is not among those asked about the {question.target} in this split")
        answer = reader.answer(person, question.ask, question.target)
        if row["completion"] != f" {answer}.":
            raise Misread(f"the completion is {row['completion'][:80]!r}, the world's history says {answer!r}")
        units = {
            "question": int(log2_units(len(params.asks)) + log2_units(len(params.facts))),
            "person": int(log2_units(self._asked_of[params.facts.index(question.target)])),
            "wording": int(log2_units(params.paraphrases)),
        }
        spans = shown.pop("spans")
        return Reread(question.facts, units, shown, spans)

"""Questions about the people of the biographies, with their answers (Part 3.1, 2309.14316; Part 3.2, 2309.14402).

The people are those of the documents: same `seed` (or `world`), same facts. They are divided: the first half is for
training questions, the second for tests, and all of them stand in the documents.

    synthgen show qa-extract -n 3 --split test
    synthgen entropy know-inverse-name
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from synthgen.errors import SynthgenError
from synthgen.exact.bijection import permuted
from synthgen.exact.bits import Bits, at_most
from synthgen.exact.draw import Keys, new_state
from synthgen.exact.entropy import Book, Draws, Entropy, entropy_of, log2_factorial
from synthgen.exact.ledger import log2_units
from synthgen.task.assets import read_asset
from synthgen.task.columns import list_column
from synthgen.task.contract import SplitBy, Task
from synthgen.task.family import Family
from synthgen.task.ids import ids_of
from synthgen.task.judging import STEPLESS, Final
from synthgen.task.kit.capacity import Knowledge
from synthgen.task.phrases import Codes, PhraseTable
from synthgen.task.picture import ANSWER, ASKED, PASSED, Kind, Picture, passage_of
from synthgen.task.rows import Rows, Tokens, Vocab
from synthgen.task.verdict import Reread, Verdict
from synthgen.tasks.bios.questions.compact import QuestionVocab
from synthgen.tasks.bios.questions.fidelity import DEVIATIONS
from synthgen.tasks.bios.questions.forms import SPAN_KINDS, Form, chosen_forms, read_questions
from synthgen.tasks.bios.questions.guessing import guessing_odds
from synthgen.tasks.bios.questions.params import QuestionsParams
from synthgen.tasks.bios.questions.reading.judge import QuestionJudge
from synthgen.tasks.bios.questions.reading.roster import Roster, people_of
from synthgen.tasks.bios.questions.reading.tokens import CompactScribe
from synthgen.tasks.bios.questions.surprisal import QuestionLaw
from synthgen.tasks.bios.questions.writing.asking import LAWS, Asked, Law, Stages, write_questions
from synthgen.tasks.bios.questions.writing.people_by_facts import MOST_PEOPLE, PeopleByForm
from synthgen.tasks.bios.questions.writing.programs import Programs, text_programs
from synthgen.tasks.bios.questions.writing.tokens import to_tokens, token_programs
from synthgen.tasks.bios.world.asked import meet
from synthgen.tasks.bios.world.lists import Sizes
from synthgen.tasks.bios.world.population import knowledge_of, lists_of, world_bits
from synthgen.tasks.bios.world.reading.registry import Registry
from synthgen.tasks.bios.world.writing.everybody import MOST_PEOPLE as MOST_READ
from synthgen.tasks.bios.world.writing.everybody import everybody
from synthgen.tasks.bios.world.writing.people import MAJOR, Group, World

ONE = dict.fromkeys((size for size in Sizes.model_fields if size != "templates"), 1)
"""Sizes of a world without facts: one value in each list."""

KINDS = {
    "name": Kind("who is asked about", ASKED),
    "given": Kind("what the question gives", "sky"),
    "hint": Kind("facts stated before the answer", PASSED),
    "answer": Kind("the answer", ANSWER),
}
"""The legend of a question's picture: of every kind of span."""

MOST_COUNTED = 2_000_000
"""People among whom those with the same facts are counted for the entropy of inverse questions: half a second."""


class Questions(Task):
    """Questions and answers on one world: extraction, retrieval, classification, comparison, inverse search."""

    name = "qa"
    subject_field = "person"
    version = 1
    paper = "2309.14402"
    family = Family.QUESTIONS
    natural_language = "en"
    task_categories = ("text-generation", "question-answering")
    row_formats = ("prompt-completion", "tokens")
    books = ("question", "person", "wording", "hint")
    difficulty = "facts the answer rests on"
    deviations = DEVIATIONS
    capabilities = frozenset({"exact", "enumerable", "parses"})
    Params: ClassVar = QuestionsParams
    tiny: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"people": 3, "group": "all", "sizes": ONE | {"last_names": 3}},
        {
            "people": 1,
            "group": "all",
            "sizes": ONE,
            "forms": ["retrieve.year", "classify.month_6"],
            "weights": [1, 3],
            "hint": 0.25,
            "hint_token": "[h]",
            "paraphrases": 2,
        },
        {"people": 2, "group": "all", "sizes": ONE | {"first_names": 2}, "forms": ["compare.day", "extract.major"]},
        {"people": 2, "group": "all", "sizes": ONE | {"middle_names": 2}, "forms": ["inverse"]},
        {"people": 1, "group": "all", "sizes": ONE, "questions": "each", "forms": ["extract.major"], "paraphrases": 3},
    )

    def __init__(self, params: QuestionsParams, keys: Keys, files: Path, row_format: str = "") -> None:
        super().__init__(params, keys, files, row_format)
        folder = self.assets.get("lists")
        self.lists = lists_of(params, folder)
        self.forms = chosen_forms(params.forms)
        self.wordings = read_questions(folder, params.edition)
        self.questions = [self._wordings(form, self.wordings[form.key]) for form in self.forms]
        if any(form.given for form in self.forms) and params.people > MOST_PEOPLE:
            raise SynthgenError(
                f"params.people = {params.people:,}: inverse questions are made for at most {MOST_PEOPLE:,} people"
            )
        if any(form.number == "major" for form in self.forms) and len(self.lists.major) > 100:
            raise SynthgenError(f"params.sizes.majors: {len(self.lists.major)} majors, but ranks run from 0 to 99")
        self.persons = self._group()
        self._world, self._stages = World.of(keys, self.lists, pronouns=1), Stages.of(keys)

    def _wordings(self, form: Form, wordings: tuple[str, ...]) -> tuple[str, ...]:
        params = self.params
        usable = [wording for wording in wordings if params.opening == "any" or wording.startswith("{A}")]
        if len(usable) < params.paraphrases:
            which = "begin with a name" if params.opening == "name" else "are known"
            raise SynthgenError(
                f"params.paraphrases = {params.paraphrases}: {len(usable)} wordings of {form.key} {which}; take fewer"
            )
        return tuple(usable[: params.paraphrases])

    def _group(self) -> range:
        """The people asked about."""
        params = self.params
        train = (params.people + 1) // 2 if params.train_people is None else params.train_people
        if train > params.people:
            raise SynthgenError(f"params.train_people = {train:,}: there are {params.people:,} people")
        first = params.first_person + (train if params.group == "test" else 0)
        number = {"train": train, "test": params.people - train, "all": params.people}[params.group]
        needed = 2 if any(form.pair for form in self.forms) else 1
        asked = number if params.asked is None else params.asked
        if not needed <= asked <= number:
            raise SynthgenError(
                f"params.group = {params.group!r} has {number:,} people, of whom {asked:,} are asked about; "
                f"these questions need at least {needed}"
            )
        return range(first, first + asked)

    @property
    def assets(self) -> Mapping[str, Path]:
        return {"lists": read_asset(self.files, self.params.lists, "params.lists")} if self.params.lists else {}

    @property
    def split_by(self) -> SplitBy:
        return SplitBy.PERSON

    def apart(self, other: Task) -> bool:
        """Say whether the two splits ask about different people: those of two groups do, two of one group need not."""
        assert isinstance(other, Questions)
        return not meet(self.persons, other.persons)

    def subjects(self, batch: pa.RecordBatch) -> np.ndarray:
        return people_of(batch)

    def certificate(self, rows: int) -> Roster:
        return Roster(self.persons, len(self.forms) if rows == self.rows_max else None)

    @property
    def rows_max(self) -> int | None:
        return len(self.persons) * len(self.forms) if self.params.questions == "each" else None

    @functools.cached_property
    def compact(self) -> QuestionVocab:
        """The ids of token rows."""
        return QuestionVocab.of(self.lists, self.wordings)

    @functools.cached_property
    def vocab(self) -> Vocab | None:
        return self.compact.vocab(self.lists) if self.row_format == "tokens" else None

    @property
    def masked(self) -> bool:
        return self.row_format == "tokens"

    @property
    def span_kinds(self) -> tuple[str, ...]:
        return SPAN_KINDS

    @property
    def latent_fields(self) -> list[pa.Field]:
        return [
            pa.field("form", pa.string()),
            pa.field("person", pa.int64()),
            pa.field("other", pa.int64()),
            pa.field("wording", pa.int16()),
            pa.field("hint", pa.bool_()),
            pa.field("answers", pa.list_(pa.int64())),
        ]

    # -- rows ---------------------------------------------------------------------------------------------------------

    @property
    def endings(self) -> tuple[str, str]:
        """The last words of a prompt that wants the answer at once, and of one that wants a hint first."""
        params = self.params
        direct, hinted = (
            " ".join(filter(None, (token, params.last_words))) for token in (params.direct_token, params.hint_token)
        )
        return direct and f" {direct}", hinted and f" {hinted}"

    @property
    def parted(self) -> str:
        """What stands between a hint and its answer."""
        return ". " if self.params.fidelity == "paper" else "; "

    @property
    def controls(self) -> tuple[bool, bool]:
        """Whether a prompt says that it wants the answer at once, and that it wants a hint."""
        return bool(self.params.direct_token), bool(self.params.hint_token)

    @functools.cached_property
    def _programs(self) -> tuple[PhraseTable, Programs]:
        table = PhraseTable()
        if self.row_format == "tokens":
            asked = (self.forms, self.questions, self.wordings, self.controls)
            return table, token_programs(self.compact, self.lists, *asked)
        return table, text_programs(self.lists, self.forms, self.questions, self.endings, self.parted, table)

    @functools.cached_property
    def people_by_facts(self) -> PeopleByForm:
        """Everybody by the facts that inverse questions give."""
        everybody = Group(self.params.first_person, self.params.people)
        return PeopleByForm(self._world, self.lists, everybody, self.forms)

    @property
    def _weights(self) -> tuple[int, ...]:
        return self.params.weights or (1,) * len(self.forms)

    @functools.cached_property
    def _coin(self) -> np.ndarray:
        """The running weights of (no hint, hint)."""
        hint = Fraction(str(self.params.hint))
        return np.array([hint.denominator - hint.numerator, hint.denominator], np.int64)

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        params, (table, programs) = self.params, self._programs
        group = Group(self.persons.start, len(self.persons))
        weights = np.cumsum(self._weights, dtype=np.int64)
        law = Law(LAWS[params.questions], params.major_ranks == "drawn", weights, self._coin)
        asked = Asked.new(stop - start, programs.longest)
        used = write_questions(state, start, stop, self._world, group, self._stages, law, programs, asked)
        form, person, other, wording, hint = asked.rows.T
        content: Codes | Tokens = Codes(table, asked.codes[:used], asked.ends, SPAN_KINDS, parts=2)
        spans = {}
        if self.row_format == "tokens":
            content, spans["spans"] = to_tokens(asked.codes[:used], asked.ends)
        return Rows(
            content=content,
            difficulty=np.array([f.facts for f in self.forms], np.int32)[form],
            units=asked.units,
            latent={
                "form": pa.array([f.key for f in self.forms]).take(pa.array(form)),
                "person": pa.array(np.ascontiguousarray(person)),
                "other": pa.array(np.ascontiguousarray(other), mask=other < 0),
                "wording": pa.array(wording.astype(np.int16)),
                "hint": pa.array(hint.astype(bool)),
                "answers": list_column(*self.people_by_facts.answers(form, person, state), pa.int64()),
                **spans,
            },
        )

    # -- entropy ------------------------------------------------------------------------------------------------------

    def knowledge(self) -> Knowledge:
        return knowledge_of(self.lists, self.params.people)

    def entities(self) -> range:
        return self.params.everybody

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        params, lists, forms = self.params, self.lists, self.forms
        number, weights = len(self.persons), self._weights
        drawn = params.questions == "drawn"
        shares = [weight / sum(weights) for weight in weights]
        paired = math.fsum(share for form, share in zip(forms, shares, strict=True) if form.pair)
        others = paired * math.log2(number - 1) if paired else 0.0
        row = {
            "question": Bits(entropy_of(weights) if drawn else 0.0),
            "person": Bits((math.log2(number) if drawn else 0.0) + others),
            "wording": Bits(math.log2(params.paraphrases)),
            "hint": Bits(entropy_of([int(self._coin[0]), int(self._coin[1] - self._coin[0])])),
        }
        world, known = world_bits(lists, params.everybody, pronoun=0.0)
        if params.major_ranks == "drawn" and any(form.number == "major" for form in forms):
            draws = Draws(f"ranks of {len(lists.major)} majors", None)
            world["ranks"] = Book(Bits(log2_factorial(len(lists.major))), "world", draws)
        books = {name: Book(bits) for name, bits in row.items()} | world
        bits = math.fsum(book.value for book in row.values())
        unbooked = 0.0 if drawn else math.log2(number * len(forms))
        facts = {
            **known,
            "asked": number,
            "forms": len(forms),
            "order_bits": 0.0 if drawn else log2_factorial(number * len(forms)) / (number * len(forms)),
            **guessing_odds(forms, shares, lists, params.people),
        }
        if estimates and self._hidden:  # not estimated, in fact: counted over everybody in this world, in a moment
            facts |= self.people_by_facts.facts()
        shown = self._shown(bits, shares) if self._hidden else None
        return Entropy(books, facts, self._hidden, unbooked, known["world_list_bits"], shown=shown)

    def _shown(self, booked: float, shares: Sequence[float]) -> Bits:
        """Return the bits of a text that inverse questions may share: counted over everybody, in this world."""
        lost = math.log2(len(self.persons))
        if self.params.questions == "drawn" and len(self.persons) <= MOST_COUNTED:
            return Bits(booked - self.people_by_facts.shared_bits(self.persons, shares))
        return at_most(booked, self._hidden, low=max(0.0, booked - lost))

    @property
    def without_surprisals(self) -> str:
        people = len(self.persons)
        return f"of {people:,} people asked about, {MOST_READ:,} at most are kept in memory" * (people > MOST_READ)

    @functools.cached_property
    def _law(self) -> QuestionLaw:
        table, programs = self._programs
        people = everybody(self._world, Group(self.persons.start, len(self.persons)))
        majors = range(int(self._world.sizes[MAJOR]))
        drawn = self.params.major_ranks == "drawn"
        ranks = [permuted(new_state(), self._stages.ranks, 0, len(majors), m) if drawn else m for m in majors]
        tokens = self.row_format == "tokens"
        hint = float(Fraction(str(self.params.hint)))
        return QuestionLaw(
            programs,
            (lambda number: (number,)) if tokens else table.__getitem__,
            people, self._world, np.array(ranks), self._weights, hint,
        )  # fmt: skip

    def surprisals(self, said: Sequence[int] | str, number: int = 0) -> np.ndarray:
        return self._law.surprisals(said if isinstance(said, str) else tuple(int(i) for i in said))

    @property
    def _hidden(self) -> str:
        """Why a row may not show all that was drawn: inverse questions do not show whom they were drawn for."""
        if any(form.given for form in self.forms):
            return "inverse questions about people with the same facts (and first name) are the same text"
        return ""

    # -- checking -----------------------------------------------------------------------------------------------------

    @functools.cached_property
    def reader(self) -> QuestionJudge:
        """The judge, made from the wordings, the lists and the world alone."""
        params = self.params
        world = Registry(self.keys, self.lists, params.first_person, params.people, params.major_ranks == "drawn")
        return QuestionJudge(world, self.forms, self.questions, self.endings, self.parted, self.people_by_facts.suggest)

    @functools.cached_property
    def scribe(self) -> CompactScribe:
        """What writes token rows out as text, for the judge to read."""
        asked = (self.forms, self.questions, self.wordings, self.endings, self.controls, self.parted)
        return CompactScribe(self.compact, *asked)

    def _texts(self, row: Mapping[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
        """Return a row's prompt and completion as text, and what they show. Raises ValueError on junk."""
        if self.row_format != "tokens":
            return row["prompt"], row["completion"], self.reader.parse(row["prompt"], row["completion"])
        prompt, completion, spans = self.scribe.row(ids_of(row["input_ids"]), list(row["completion_mask"]))
        shown = self.reader.parse(prompt, completion)
        return prompt, completion, {**shown, "spans": spans}

    def decode(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        latent, name = super().decode(row), self.reader.world.name
        place = [form.key for form in self.forms].index(latent["form"])
        return {
            **latent,
            "person": name(latent["person"]),
            "other": None if latent["other"] is None else name(latent["other"]),
            "wording": self.questions[place][latent["wording"]],
            "answers": [name(person) for person in latent["answers"]],
        }

    def parse(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what a row and the world show: form, people, wording, hint, spans."""
        return self._texts(row)[2]

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        """Judge a completion, text or token ids as the rows are; see `QuestionJudge.judge`."""
        if self.row_format == "tokens":
            try:
                form, prompt, _ = self.scribe.prompt(prompt)
                completion, _ = self.scribe.completion(form, completion)
            except (TypeError, ValueError, IndexError) as error:
                return Verdict.wrong(str(error), 0)
        return self.reader.judge(prompt, completion)

    modes, edges = STEPLESS, (" ", "")

    def final(self, prompt: Any) -> Final:
        return self.reader.final(self.scribe.prompt(prompt)[1] if self.row_format == "tokens" else prompt)

    def longest_answer(self, prompt: Any) -> int:
        return self.reader.longest

    def reread(self, row: Mapping[str, Any]) -> Reread:
        """Work the answer out anew from the lists and the world."""
        prompt, completion, shown = self._texts(row)
        facts, latent = self.reader.reread(prompt, completion, row["latent"]["person"], self.persons)
        return Reread(facts, self._units(shown["form"], shown["hint"]), latent, shown["spans"])

    def _units(self, key: str, hinted: bool) -> dict[str, int]:
        """Return the bits of a question by book, in ledger units."""
        weights, drawn = self._weights, self.params.questions == "drawn"
        place = [form.key for form in self.forms].index(key)
        coin = (self._coin[0], self._coin[1] - self._coin[0])[int(hinted)]
        number = len(self.persons)
        units = {
            "question": log2_units(sum(weights)) - log2_units(weights[place]) if drawn else 0,
            "person": (log2_units(number) if drawn else 0) + (log2_units(number - 1) if self.forms[place].pair else 0),
            "wording": log2_units(self.params.paraphrases),
            "hint": log2_units(int(self._coin[1])) - log2_units(int(coin)),
        }
        return {book: int(value) for book, value in units.items()}

    def picture(self, row: Mapping[str, Any]) -> Picture:
        """Return question and answer with names, given values, hint and answer marked."""
        passage = passage_of(row, self.vocab.names if self.vocab else {})
        facts = "one fact" if row["difficulty"] == 1 else f"{row['difficulty']} facts"
        caption = f"A question about people, and the answer that follows from {facts} the biographies tell."
        return Picture(caption, [passage], KINDS)

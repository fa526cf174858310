"""Rewrites: biographies worded by a grammar of clauses, so that no two entries of a person are alike.

The augmentation that Part 3.1 gets from a language model, with every wording known: entry e of a person is plan number
`rank` of R, which is read back from the text.

    synthgen show bios-rewrite5 -n 3
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from synthgen.errors import SynthgenError
from synthgen.exact.bits import Bits
from synthgen.exact.draw import Keys, new_state
from synthgen.exact.entropy import Book, Entropy, log2_falling
from synthgen.exact.facts import rough
from synthgen.exact.ledger import UNITS_PER_BIT, log2_units
from synthgen.task.assets import read_asset
from synthgen.task.columns import list_column
from synthgen.task.contract import Task
from synthgen.task.family import Family
from synthgen.task.kit.capacity import Knowledge
from synthgen.task.phrases import Codes, PhraseTable, assemble, closing, opening
from synthgen.task.picture import Picture, kinds_of, passage_of
from synthgen.task.rows import Rows
from synthgen.task.verdict import Misread, Reread
from synthgen.tasks.bios.biographies.surprisal import value_words
from synthgen.tasks.bios.biographies.writing.documents import SPAN_KINDS
from synthgen.tasks.bios.rewrites.fidelity import DEVIATIONS
from synthgen.tasks.bios.rewrites.language import PLAN, Language, N, read_language, unrank
from synthgen.tasks.bios.rewrites.reading.model_text import ModelTexts, Request, RewriteJudge, read_texts, spans_of
from synthgen.tasks.bios.rewrites.reading.text import RewriteReader
from synthgen.tasks.bios.rewrites.surprisal import ALONE, RewriteLaw
from synthgen.tasks.bios.rewrites.writing.laws import (
    EACH_ONCE,
    NATURAL,
    UNIFORM,
    Law,
    natural_bits,
    natural_hidden,
    natural_weights,
)
from synthgen.tasks.bios.rewrites.writing.rows import Plans, Stages, write_rewrites
from synthgen.tasks.bios.rewrites.writing.wording import CODES_PER_ROW, Wording, wording_of
from synthgen.tasks.bios.world.lists import ATTRIBUTES
from synthgen.tasks.bios.world.population import Entries, WorldParams, knowledge_of, lists_of, tiny_sizes, world_bits
from synthgen.tasks.bios.world.reading.certificate import CorpusCertificate
from synthgen.tasks.bios.world.reading.latents import decoded_person
from synthgen.tasks.bios.world.writing.columns import person_columns, person_fields
from synthgen.tasks.bios.world.writing.everybody import MOST_PEOPLE, everybody
from synthgen.tasks.bios.world.writing.people import PRONOUN, Group, World

Reference = Literal["full", "first", "last", "pronoun"]


class RewritesParams(WorldParams):
    """Params of the task `rewrites`."""

    entries: Entries = Field(5, description="entries a person, or `online`: a new one for ever")
    law: Literal["natural", "uniform"] = Field(
        "natural",
        description="natural: short sentences joined, pronouns, few connectives; uniform: every plan alike, and none "
        "twice for a person (unless online)",
    )
    references: tuple[Reference, ...] = Field(
        ("full", "first", "last", "pronoun"),
        min_length=1,
        description="how sentences after the first may refer to the person",
    )
    sentence_facts: int = Field(3, ge=1, le=3, description="the most facts in a sentence")
    texts: str = Field(
        "", description="a file of rewrites by a language model, as `synthgen rewrite` makes it; rows it lacks are ours"
    )
    clauses: int | None = Field(
        None, ge=1, description="how many clauses, connectives and tones are used; by default all"
    )


class Rewrites(Task):
    """Biographies in plans of a clause grammar: a finite corpus of people x entries, or endless."""

    name = "rewrites"
    version = 1
    paper = "2309.14316"
    family = Family.BIOGRAPHIES
    natural_language = "en"
    row_formats = ("document",)
    glossary: Mapping[str, str] = {"rank": "number of the rewrite"}
    books = ("wording",)
    difficulty = "facts"
    subject_field = "person"
    deviations = DEVIATIONS
    capabilities = frozenset({"exact", "injective", "enumerable", "parses"})
    Params: ClassVar = RewritesParams
    tiny: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"people": 1, "entries": 1, "law": "uniform", "references": ["pronoun"], "sentence_facts": 1, "clauses": 1}
        | {"pronouns": ["they"], "sizes": tiny_sizes(first_names=1, birth_cities=2)},
        {"people": 1, "entries": 1, "references": ["last"], "sentence_facts": 1, "clauses": 1}
        | {"pronouns": ["he"], "sizes": tiny_sizes(first_names=1)},
    )

    def __init__(self, params: RewritesParams, keys: Keys, files: Path, row_format: str = "") -> None:
        super().__init__(params, keys, files, row_format)
        folder = self.assets.get("lists")
        self.lists = lists_of(params, folder)
        self.language: Language = read_language(folder, params.clauses, params.references, params.sentence_facts)
        self._lint()
        _ = self.texts  # bad ones are told at once, and rows are of those that were there
        if params.law == "uniform" and params.entries != "online" and params.entries > self.language.size:
            raise SynthgenError(
                f"params.entries = {params.entries:,}: a person has {self.language.size:,} rewrites; take fewer entries"
            )
        self._world = World.of(keys, self.lists, len(params.pronouns))
        self._stages = Stages.of(keys)

    def _lint(self) -> None:
        """Refuse lists that would make a rewrite ambiguous: a first name that is a last name, a value in a clause."""
        both = set(self.lists.first_names) & set(self.lists.last_names)
        if both and {1, 2} <= set(self.language.references):
            raise SynthgenError(f"{min(both)!r} is a first and a last name: rewrites must tell them apart")
        around = [*self.language.connectives, *(text for tone in self.language.tones for text in tone)]
        clauses = [c for group in (*self.language.finite, *self.language.participles) for c in group]
        haystack = "\n".join([*around, *clauses])
        for values in (self.lists.birth_city, self.lists.university, self.lists.major, self.lists.employer):
            for value in values:
                if value in haystack:
                    raise SynthgenError(f"clauses.toml: {value!r} stands in a clause; a value must be one fact")

    @property
    def assets(self) -> Mapping[str, Path]:
        named = {"lists": self.params.lists, "texts": self.params.texts}
        return {field: read_asset(self.files, file, f"params.{field}") for field, file in named.items() if file}

    @property
    def rows_max(self) -> int | None:
        return None if self.params.entries == "online" else self.params.people * self.params.entries

    @property
    def span_kinds(self) -> tuple[str, ...]:
        return SPAN_KINDS

    @property
    def latent_fields(self) -> list[pa.Field]:
        return [*person_fields(), pa.field("order", pa.list_(pa.int8())), pa.field("rank", pa.int64())]

    @property
    def law(self) -> int:
        """The law's number for kernels."""
        if self.params.law == "natural":
            return NATURAL
        return UNIFORM if self.params.entries == "online" else EACH_ONCE

    @functools.cached_property
    def _wording(self) -> tuple[PhraseTable, Wording]:
        table = PhraseTable()
        return table, wording_of(self.language, self.params.pronouns, self.lists, table)

    @functools.cached_property
    def _law(self) -> Law:
        return Law(self.law, self.language.size, self.language.counts, natural_weights(self.language))

    @functools.cached_property
    def reader(self) -> RewriteReader:
        """The parser of texts, made from lists and clauses alone."""
        return RewriteReader(self.lists, self.params.pronouns, self.language)

    @functools.cached_property
    def texts(self) -> ModelTexts | None:
        """The rewrites of a language model, if the spec has any."""
        path = self.assets.get("texts")
        return read_texts(path) if path else None

    @functools.cached_property
    def _judge_of_texts(self) -> RewriteJudge:
        return RewriteJudge(self.lists)

    def requests(self, start: int, stop: int) -> Iterator[Request]:
        """Yield what a language model is asked for, row by row: the grammar's rewrite and what must survive."""
        for row in _listed(self._rows(start, stop, new_state()), start):
            yield self._request(row["id"], row["text"], row["latent"])

    def _request(self, number: int, text: str, latent: Mapping[str, Any]) -> Request:
        parts = (self.lists.first_names, self.lists.middle_names, self.lists.last_names)
        name = " ".join(part[latent["name"][key]] for key, part in zip(("first", "middle", "last"), parts, strict=True))
        values = {attribute: self.lists.value(attribute, latent["values"][attribute]) for attribute in ATTRIBUTES}
        return Request(number, text, name, self.params.pronouns[latent["pronoun"]], values)

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        if self.texts is None:
            return self._rows(start, stop, state)
        if stop > self.texts.rows:
            raise SynthgenError(
                f"params.texts = {self.params.texts!r}: has {self.texts.rows:,} rows, and row {stop - 1:,} is asked for"
            )
        return self._with_texts(start, stop, self._rows(start, stop, state))

    def _with_texts(self, start: int, stop: int, rows: Rows) -> Rows:
        """Put the model's texts in the place of the grammar's, with their spans."""
        assert self.texts is not None
        table, codes, ends = PhraseTable(), [], []
        orders, ranks, units = [], [], rows.units.copy()
        for row in _listed(rows, start):
            number, latent = row["id"], row["latent"]
            text = self.texts.texts.get(number)
            spans = {
                span_kind: [(s["start"], s["end"]) for s in latent["spans"][span_kind]] for span_kind in SPAN_KINDS
            }
            if text is not None:
                request = self._request(number, row["text"], latent)
                if faults := self._judge_of_texts.faults(text, request):
                    raise SynthgenError(
                        f"params.texts = {self.params.texts!r}: row {number:,} has a text that is not accepted: "
                        f"{'; '.join(faults[:3])}; make the file again with `synthgen rewrite`"
                    )
                spans = spans_of(text, request)
                units[number - start, 0] = round(self.texts.bits.get(number, 0.0) * UNITS_PER_BIT)
            text = row["text"] if text is None else text
            at = 0
            marks = sorted((a, b, span_kind) for span_kind, name in enumerate(SPAN_KINDS) for a, b in spans[name])
            for first, last, span_kind in marks:
                codes += [
                    table.add(text[at:first]),
                    opening(span_kind),
                    table.add(text[first:last]),
                    closing(span_kind),
                ]
                at = last
            codes.append(table.add(text[at:]))
            ends.append(len(codes))
            orders += [span_kind - 1 for _, _, span_kind in marks if span_kind > 0]
            ranks.append(-1 if number in self.texts.texts else latent["rank"])
        latents = dict(rows.latent) | {
            "order": list_column(np.arange(1, stop - start + 1) * N, np.array(orders, np.int8), pa.int8()),
            "rank": pa.array(ranks, pa.int64()),
        }
        content = Codes(table, np.array(codes, np.int32), np.array(ends, np.int64), SPAN_KINDS)
        return Rows(content, rows.difficulty, units, latents)

    def _rows(self, start: int, stop: int, state: np.record) -> Rows:
        rows, (table, wording) = stop - start, self._wording
        group = Group(self.params.first_person, self.params.people)
        codes, ends = np.empty(rows * CODES_PER_ROW, np.int32), np.empty(rows, np.int64)
        plans = Plans.new(rows)
        write_rewrites(state, start, stop, self._world, group, self._stages, self._law, wording, codes, ends, plans)
        latent = {
            **person_columns(plans.facts, self.lists),
            "order": list_column(np.arange(1, rows + 1) * N, plans.orders.reshape(-1), pa.int8()),
            "rank": pa.array(plans.ranks),
        }
        return Rows(Codes(table, codes[: ends[-1]], ends, SPAN_KINDS), np.full(rows, N, np.int32), plans.units, latent)

    def knowledge(self) -> Knowledge:
        return knowledge_of(self.lists, self.params.people)

    def entities(self) -> range:
        return self.params.everybody

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        params, size = self.params, self.language.size
        hidden = 1 - self.pronoun_shown
        if params.entries == "online":
            hidden = float(hidden == 1)
        else:
            hidden **= params.entries
        world, known = world_bits(self.lists, params.everybody, math.log2(len(params.pronouns)) * (1 - hidden))
        natural, uniform = natural_bits(self.language), math.log2(size)
        wording = uniform if params.law == "uniform" else natural
        rows = rows or self.rows_max
        if self.law == EACH_ONCE and rows:  # entry e is one of the R - e that the person has not had
            entries, rest = divmod(rows, params.people)
            before = log2_falling(size, entries)
            wording = (params.people * before + rest * (log2_falling(size, entries + 1) - before)) / rows
        facts = {
            "rewrites_a_person": str(size),
            "uniform_bits": uniform,
            "natural_bits": natural,
        }
        bits = Bits(wording) if self.texts is None else self._text_bits(self.texts, wording)
        return Entropy(
            {"wording": Book(bits)} | world,
            known | facts,
            unbooked=math.log2(params.people),
            world_list=known["world_list_bits"],
        )

    @property
    def without_surprisals(self) -> str:
        people = self.params.people
        if self.texts is not None:
            return "params.texts: the law of what a language model wrote is not known"
        return f"params.people = {people:,}: {MOST_PEOPLE:,} at most are kept in memory" * (people > MOST_PEOPLE)

    @functools.cached_property
    def _surprisal_law(self) -> RewriteLaw:
        params, world, lists, (table, wording) = self.params, self._world, self.lists, self._wording
        words = value_words(table, wording.values, len(lists.cities), world.sizes)
        words |= {PRONOUN: [""] * len(params.pronouns), ALONE: list(lists.first_names)}
        people = everybody(world, Group(params.first_person, params.people))
        return RewriteLaw(self.language, self._law, params.pronouns, people, world, words)

    def surprisals(self, said: Sequence[int] | str, number: int = 0) -> np.ndarray:
        assert isinstance(said, str)
        return self._surprisal_law.surprisals(said)

    def card_notes(self) -> tuple[str, ...]:
        if self.texts is None:
            return ()
        return ("the wording of some is a language model's, from the file that `texts` names",)

    def _text_bits(self, texts: ModelTexts, grammar: float) -> Bits:
        """The wording bits where a model wrote: by its own log-probabilities if it told them all, else unknown."""
        if len(texts.bits) < len(texts.texts):
            return Bits(0.0, "unknown", "a language model wrote these texts, and told no probabilities")
        values = np.array([*texts.bits.values()] or [grammar])
        share = len(texts.texts) / max(texts.rows, 1)
        error = share * float(values.std()) / math.sqrt(len(values)) + 1e-9
        reason = "the language model's own log-probabilities; rows it did not write have the grammar's bits"
        return Bits(share * float(values.mean()) + (1 - share) * grammar, "estimate", reason, error)

    @property
    def pronoun_shown(self) -> float:
        """The probability that an entry shows its person's pronoun."""
        if self.params.law == "natural":
            return 1 - natural_hidden(self.language)
        return 1 - self.language.impersonal.size / self.language.size

    # -- ranks and checking -------------------------------------------------------------------------------------------

    def rank(self, row: Mapping[str, Any]) -> int:
        """Return the rank of its plan among the R rewrites of one biography, as the text shows it."""
        return int(self.reader.read(row["text"])["rank"])

    def unrank(self, number: int) -> Mapping[str, Any]:
        raise SynthgenError(
            f"rank {number:,}: it is a plan's, and a row is of a person, too; source.task().plan({number}) is the plan"
        )

    def plan(self, number: int) -> np.ndarray:
        """Return the plan of a rank, as `synthgen.tasks.bios.rewrites.language` has it. Raises ValueError past R."""
        if not 0 <= number < self.language.size:
            raise ValueError(f"rank {number} is not in [0, {self.language.size})")
        plan = np.zeros(PLAN, np.int64)
        unrank(self.language.counts, number, plan)
        return plan

    def certificate(self, rows: int) -> CorpusCertificate:
        """Rebuild the knowledge from the shards: see `synthgen.tasks.bios.world.reading.certificate`."""
        entries = self.params.entries if isinstance(self.params.entries, int) and rows == self.rows_max else None
        return CorpusCertificate(self.params.people, entries, self.lists.sizes())

    def decode(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        return decoded_person(row["latent"], self.lists, self.params.pronouns)

    def parse(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the text shows: pronoun (None if hidden), name, values, order, rank, spans."""
        return self.reader.read(row["text"])

    def reread(self, row: Mapping[str, Any]) -> Reread:
        """Read the text with lists and clauses alone; what a language model wrote, as far as the lists reach."""
        if self.texts is not None and row["latent"]["rank"] == -1:
            return self._reread_text(row)
        read = dict(self.reader.read(row["text"]))
        if read["values"]["company_city"] != self.lists.company_city[read["values"]["employer"]]:
            raise Misread("the company city is not the employer's")
        latent = {name: read[name] for name in ("name", "values", "order", "rank")}
        if read["pronoun"] is not None:
            latent["pronoun"] = read["pronoun"]
        bits = {}
        if self.law != NATURAL:
            taken = row["latent"]["entry"] if self.law == EACH_ONCE else 0
            bits["wording"] = int(log2_units(self.language.size - taken))
        return Reread(N, bits, latent, {span_kind: read["spans"][span_kind] for span_kind in SPAN_KINDS})

    def _reread_text(self, row: Mapping[str, Any]) -> Reread:
        """Judge a text of a language model: its values, and where they stand."""
        request = self._request(row["id"], "", row["latent"])
        if faults := self._judge_of_texts.faults(row["text"], request):
            raise Misread("; ".join(faults))
        return Reread(N, spans=spans_of(row["text"], request))

    def picture(self, row: Mapping[str, Any]) -> Picture:
        """Return the text with the name and the value of every attribute marked."""
        rank = row["latent"]["rank"]
        ways = f"one of {rough(self.language.size)} ways" if rank >= 0 else "a language model's words"
        caption = f"A biography rewritten ({ways}): it tells {N} facts about one person, here by colour."
        return Picture(caption, [passage_of(row, {})], kinds_of(SPAN_KINDS))


def _listed(rows: Rows, start: int) -> list[dict[str, Any]]:
    """Return rows as the Python values that readers of the data see: id, text and latent with spans."""
    assert isinstance(rows.content, Codes)
    (texts,), spans = assemble(rows.content)
    assert spans is not None
    latent = {name: column.to_pylist() for name, column in {**rows.latent, "spans": spans}.items()}
    return [
        {"id": start + i, "text": text, "latent": {name: column[i] for name, column in latent.items()}}
        for i, text in enumerate(texts.to_pylist())
    ]

"""Relations between the people of the biographies: documents that state them, one a row or behind biographies.

The people are those of every spec with the same `seed` (or `world`), and in the same number; who is whose depends on
how many there are. The task `hops` asks about them.

    synthgen show relations -n 3
    synthgen entropy relations-bios
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
from synthgen.exact.entropy import Book, Entropy, log2_factorial
from synthgen.exact.ledger import log2_units
from synthgen.task.assets import read_asset
from synthgen.task.columns import list_column, struct_column
from synthgen.task.contract import Task
from synthgen.task.family import Family
from synthgen.task.kit.capacity import Knowledge
from synthgen.task.phrases import Codes, PhraseTable
from synthgen.task.picture import Picture, passage_of
from synthgen.task.rows import Rows
from synthgen.task.verdict import Misread, Reread
from synthgen.tasks.bios.biographies.reading.text import BiographyReader
from synthgen.tasks.bios.biographies.writing.documents import SPAN_KINDS as BIOGRAPHY_SPANS
from synthgen.tasks.bios.biographies.writing.documents import Wording, codes_per_row, write_documents
from synthgen.tasks.bios.biographies.writing.plan import FIXED, N_ATTRIBUTES, Plans, Stages, Style
from synthgen.tasks.bios.biographies.writing.sentences import compile_sentences
from synthgen.tasks.bios.relations.params import RelationsParams
from synthgen.tasks.bios.relations.picture import biography_picture, statement_picture
from synthgen.tasks.bios.relations.reading.documents import StatementReader
from synthgen.tasks.bios.relations.reading.relatives import Relatives
from synthgen.tasks.bios.relations.society import NOT_PUBLISHED, Society
from synthgen.tasks.bios.relations.surprisal import StatementLaw
from synthgen.tasks.bios.relations.wordings import STYLES
from synthgen.tasks.bios.relations.writing.documents import (
    ROW_FIELDS,
    Stated,
    Statements,
    add_statements,
    write_statements,
)
from synthgen.tasks.bios.relations.writing.everybody import everybodys_relatives
from synthgen.tasks.bios.relations.writing.relatives import Bonds
from synthgen.tasks.bios.world.fidelity import WORLD
from synthgen.tasks.bios.world.lists import ATTRIBUTES
from synthgen.tasks.bios.world.population import tiny_sizes
from synthgen.tasks.bios.world.reading.certificate import CorpusCertificate
from synthgen.tasks.bios.world.reading.latents import decoded_person
from synthgen.tasks.bios.world.writing.changes import UNCHANGED
from synthgen.tasks.bios.world.writing.columns import person_columns, person_fields
from synthgen.tasks.bios.world.writing.everybody import MOST_PEOPLE, everybody
from synthgen.tasks.bios.world.writing.people import LAST, Group, World


class Relations(Task):
    """People who are each other's friend, mentor or boss, stated one by one, or behind biographies."""

    name = "relations"
    subject_field = "person"
    version = 2
    family = Family.BIOGRAPHIES
    row_formats = ("document",)
    natural_language = "en"
    glossary: Mapping[str, str] = {"templates": "sentences", "wordings": "sentences on relations"}
    books = ("wording",)
    difficulty = "facts stated"
    deviations = (NOT_PUBLISHED, *WORLD)
    capabilities = frozenset({"exact", "enumerable", "parses"})
    Params: ClassVar = RelationsParams
    tiny: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"people": 2, "relations": ["boss"], "sizes": tiny_sizes()},
        {"people": 2, "relations": ["friend"], "styles": ["sentence", "json"], "paraphrases": 2, "sizes": tiny_sizes()},
        {"people": 2, "relations": ["mentor"], "biography": True, "paraphrases": 2, "pronouns": ["he"]}
        | {"sizes": tiny_sizes(last_names=1)},
    )

    def __init__(self, params: RelationsParams, keys: Keys, files: Path, row_format: str = "") -> None:
        super().__init__(params, keys, files, row_format)
        self.society = Society(params, self.assets.get("lists"))
        for relation in self.society.relations:
            if len(relation.statements) < params.paraphrases:
                raise SynthgenError(
                    f"params.paraphrases = {params.paraphrases}: {len(relation.statements)} sentences state "
                    f"{relation.key!r}; take fewer"
                )
        self._world = World.of(keys, self.society.lists, len(params.pronouns))
        self._bonds = Bonds.of(keys, self.society.relations, params.few, params.everybody)
        self._order_key, self._wording_key = keys.split("relation-rows"), keys.split("relation-wording")
        self._stages = Stages.of(keys)  # the biographies', so that theirs are the very same

    @property
    def assets(self) -> Mapping[str, Path]:
        return {"lists": read_asset(self.files, self.params.lists, "params.lists")} if self.params.lists else {}

    @property
    def _rows_an_entry(self) -> int:
        """Rows that say everything once."""
        return self.params.people * (1 if self.params.biography else len(self.society.relations))

    @property
    def rows_max(self) -> int | None:
        entries = self.params.entries
        return None if isinstance(entries, str) else self._rows_an_entry * entries

    @property
    def span_kinds(self) -> tuple[str, ...]:
        return (*(BIOGRAPHY_SPANS if self.params.biography else ("name",)), *self.params.relations)

    @property
    def latent_fields(self) -> list[pa.Field]:
        if self.params.biography:
            templates = pa.struct([pa.field(attribute, pa.int16()) for attribute in ATTRIBUTES])
            wordings, relatives = pa.list_(pa.int16()), pa.list_(pa.int64())
            more = {"templates": templates, "wordings": wordings, "relatives": relatives}
            return [*person_fields(), *(pa.field(name, kind) for name, kind in more.items())]
        kinds = {"person": pa.int64(), "entry": pa.int64(), "relation": pa.string(), "other": pa.int64()}
        kinds |= {"style": pa.string(), "wording": pa.int16()}
        return [pa.field(name, kind) for name, kind in kinds.items()]

    # -- rows ---------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def _wording(self) -> tuple[PhraseTable, Statements]:
        table, params = PhraseTable(), self.params
        return table, Statements.of(
            table, self.society, params.paraphrases, params.pronouns if params.biography else ()
        )

    @functools.cached_property
    def _biography(self) -> tuple[Wording, int]:
        """What biographies are worded with, in the same table, and the most codes of one."""
        table, statements = self._wording
        sentences = compile_sentences(self.society.lists.templates, self.params.pronouns, table)
        return Wording.of(statements.values, statements.space, sentences), codes_per_row(sentences)

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        return (self._biographies if self.params.biography else self._single)(start, stop, state)

    def _single(self, start: int, stop: int, state: np.record) -> Rows:
        """Rows that state one relation each."""
        params, (table, statements), rows = self.params, self._wording, stop - start
        out = Stated.new(rows, rows * statements.longest, 1)
        facts = np.empty((rows, ROW_FIELDS), np.int64)
        styles = np.array([STYLES.index(style) for style in params.styles], np.int64)
        drawn = (self._order_key, self._wording_key, self._world.names, self._world.sizes, self._bonds, styles)
        used = write_statements(state, start, stop, *drawn, statements, facts, out)
        person, entry, relation, style, wording = facts.T
        latent = {
            "person": pa.array(np.ascontiguousarray(person)),
            "entry": pa.array(np.ascontiguousarray(entry)),
            "relation": pa.array(params.relations).take(pa.array(relation)),
            "other": pa.array(out.others[:, 0]),
            "style": pa.array(params.styles).take(pa.array(style)),
            "wording": pa.array(wording.astype(np.int16)),
        }
        content = Codes(table, out.codes[:used], out.ends, self.span_kinds)
        return Rows(content, np.ones(rows, np.int32), out.units, latent)

    def _biographies(self, start: int, stop: int, state: np.record) -> Rows:
        """The rows of `bios` with the same people and entries, and behind each all relations of its person."""
        params, (table, statements), (wording, most) = self.params, self._wording, self._biography
        rows, count = stop - start, len(self.society.relations)
        plans, limits, codes = Plans.new(rows), np.empty(rows, np.int64), np.empty(rows * most, np.int32)
        group, style = Group(params.first_person, params.people), Style(1, FIXED, 0, 0, 0)
        drawn = (start, stop, self._world, group, UNCHANGED, self._stages, style)
        write_documents(state, *drawn, wording, codes, limits, plans)
        out = Stated.new(rows, int(limits[-1]) + rows * count * (statements.longest + 1), count)
        out.units[:, 0] = plans.units.sum(axis=1)
        wordings = np.empty((rows, count), np.int64)
        told = (self._wording_key, self._world.names, self._world.sizes, self._bonds)
        biographies = (codes, limits, plans.facts)
        used = add_statements(state, *told, statements, len(BIOGRAPHY_SPANS), biographies, wordings, out)
        kinds, ends = {field.name: field.type for field in self.latent_fields}, np.arange(1, rows + 1) * count
        latent = {
            **person_columns(plans.facts, self.society.lists),
            "templates": struct_column(kinds["templates"], list(plans.templates.T)),
            "wordings": list_column(ends, wordings.astype(np.int16).reshape(-1), pa.int16()),
            "relatives": list_column(ends, out.others.reshape(-1), pa.int64()),
        }
        content = Codes(table, out.codes[:used], out.ends, self.span_kinds)
        return Rows(content, np.full(rows, N_ATTRIBUTES + count, np.int32), out.units, latent)

    # -- entropy ------------------------------------------------------------------------------------------------------

    def knowledge(self) -> Knowledge:
        return self.society.knowledge(self.params.biography)

    def entities(self) -> range:
        return self.params.everybody

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        params, templates = self.params, self.society.lists.templates
        sentence = math.log2(params.paraphrases)
        if params.biography:
            wording = math.fsum(math.log2(len(entries)) for entries in templates.values())
            wording += sentence * len(params.relations)
        else:
            wording = math.log2(len(params.styles)) + sentence / len(params.styles) * ("sentence" in params.styles)
        pronoun = math.log2(len(params.pronouns)) if params.biography else 0.0
        world, known = self.society.books(params.biography, pronoun)
        number = self._rows_an_entry
        facts = known | {"rows_an_entry": number, "order_bits": log2_factorial(number) / number}
        books = {"wording": Book(Bits(wording))} | world
        return Entropy(books, facts, unbooked=math.log2(number), world_list=known["world_list_bits"])

    @property
    def without_surprisals(self) -> str:
        params = self.params
        if params.biography:
            return "params.biography = true: what is open behind a biography half read is not worked out"
        many = params.people > MOST_PEOPLE
        return f"params.people = {params.people:,}: {MOST_PEOPLE:,} at most are kept in memory" * many

    @functools.cached_property
    def _law(self) -> StatementLaw:
        table, statements = self._wording
        names = everybody(self._world, Group(self.params.first_person, self.params.people))[:, : LAST + 1]
        relatives = everybodys_relatives(self._bonds)
        return StatementLaw(table, statements, self.params.styles, names, relatives, self._world.sizes)

    def surprisals(self, said: Sequence[int] | str, number: int = 0) -> np.ndarray:
        assert isinstance(said, str)
        return self._law.surprisals(said)

    # -- checking -----------------------------------------------------------------------------------------------------

    @functools.cached_property
    def relatives(self) -> Relatives:
        """Who is whose, as judges know it."""
        return Relatives(self.keys, self.society.lists, self.params.everybody, self.params.few, self.society.relations)

    @functools.cached_property
    def reader(self) -> StatementReader:
        """The reader of texts, made from the lists and the names alone."""
        params, lists = self.params, self.society.lists
        biographies = BiographyReader(lists, params.pronouns) if params.biography else None
        return StatementReader(self.relatives.registry, self.society.relations, params.paraphrases, biographies)

    def certificate(self, rows: int) -> CorpusCertificate | None:
        """Rebuild the knowledge of biographies from the shards; of single statements nothing is gathered."""
        if not self.params.biography:
            return None
        entries = self.params.entries if isinstance(self.params.entries, int) and rows == self.rows_max else None
        return CorpusCertificate(self.params.people, entries, self.society.lists.sizes())

    def decode(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        latent, name = super().decode(row), self.relatives.registry.name
        if not self.params.biography:
            return {**latent, "person": name(latent["person"]), "other": name(latent["other"])}
        others = zip(self.params.relations, latent["relatives"], strict=True)
        person = decoded_person(latent, self.society.lists, self.params.pronouns)
        return {**person, "relatives": {relation: name(other) for relation, other in others}}

    def picture(self, row: Mapping[str, Any]) -> Picture:
        """Return the text, and its people with arrows that are called as their relations."""
        shown, name = self._read(row), self.relatives.registry.name
        passage, person = passage_of(row, {}), name(shown["person"])
        if not self.params.biography:
            relation = self.society.wordings.relations[shown["relation"]]
            return statement_picture(passage, person, relation, name(shown["other"]), self.society.relations)
        relatives = {key: name(other) for key, other in zip(self.params.relations, shown["relatives"], strict=True)}
        return biography_picture(passage, person, relatives, self.society.relations)

    def parse(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what a row shows, its people by their numbers in the world."""
        shown = self._read(row)
        shown.pop("order", None)  # of a biography's facts: always the same
        return shown

    def _read(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return (self.reader.biography if self.params.biography else self.reader.statement)(row["text"])

    def reread(self, row: Mapping[str, Any]) -> Reread:
        """Read a row by itself, and hold what it says against the world."""
        shown = self._read(row)
        spans = shown.pop("spans")
        return (self._reread_biography if self.params.biography else self._reread_single)(shown, spans)

    def _reread_single(self, shown: dict[str, Any], spans: Mapping[str, list[tuple[int, int]]]) -> Reread:
        params, relation = self.params, self.society.wordings.relations[shown["relation"]]
        if shown["style"] not in params.styles:
            raise Misread(f"rows of this split are not worded as {shown['style']}")
        if self.relatives.related(relation, shown["person"]) != shown["other"]:
            raise Misread(f"person {shown['other']} is not the {relation.name} of person {shown['person']}")
        wording = params.paraphrases if shown["style"] == "sentence" else 1
        return Reread(1, {"wording": int(log2_units(len(params.styles)) + log2_units(wording))}, shown, spans)

    def _reread_biography(self, shown: dict[str, Any], spans: Mapping[str, list[tuple[int, int]]]) -> Reread:
        lists, params, person = self.society.lists, self.params, shown["person"]
        if shown.pop("order") != list(range(N_ATTRIBUTES)):
            raise Misread("the six facts are not in their canonical order")
        if shown["values"]["company_city"] != lists.company_city[shown["values"]["employer"]]:
            raise Misread("the company city is not the employer's")
        relatives = [self.relatives.related(relation, person) for relation in self.society.relations]
        if shown["relatives"] != relatives:
            raise Misread(f"the relatives of person {person} are {relatives}, not {shown['relatives']}")
        if shown["pronoun"] is None:  # the text does not show it
            del shown["pronoun"]
        units = sum(int(log2_units(len(entries))) for entries in lists.templates.values())
        units += len(relatives) * int(log2_units(params.paraphrases))
        return Reread(N_ATTRIBUTES + len(relatives), {"wording": units}, shown, spans)

"""Biographies of people in one world (Part 3.1, 2309.14316; Part 3.3, 2404.05405): documents of six sentences.

The variants of the paper are settings of three choices: how many entries a person has, whether sentences are chosen
once for a person or anew for each entry, and how they are ordered.

    synthgen show bios-multi5-permute -n 2
    synthgen entropy bios-single
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from synthgen.exact.bits import Bits
from synthgen.exact.draw import Keys
from synthgen.exact.entropy import Book, Entropy
from synthgen.exact.ledger import log2_units
from synthgen.task.assets import read_asset
from synthgen.task.columns import list_column, struct_column
from synthgen.task.contract import Task
from synthgen.task.family import Family
from synthgen.task.kit.capacity import Knowledge
from synthgen.task.phrases import SPANS, Codes, PhraseTable, span_lists
from synthgen.task.picture import Picture, kinds_of, passage_of
from synthgen.task.probing import Glimpse, Probing
from synthgen.task.rows import Rows, Tokens, Vocab
from synthgen.task.verdict import Misread, Reread
from synthgen.tasks.bios.biographies.compact import NAME_PARTS, CompactVocab
from synthgen.tasks.bios.biographies.exposures import entries_by_rank, exposure_facts, subject_bits
from synthgen.tasks.bios.biographies.fidelity import DEVIATIONS
from synthgen.tasks.bios.biographies.params import BiosParams
from synthgen.tasks.bios.biographies.reading.exposures import Exposures
from synthgen.tasks.bios.biographies.reading.probes import Probes
from synthgen.tasks.bios.biographies.reading.text import BiographyReader
from synthgen.tasks.bios.biographies.reading.tokens import CompactReader
from synthgen.tasks.bios.biographies.surprisal import BiographyLaw, text_saying, token_saying
from synthgen.tasks.bios.biographies.writing.documents import (
    SPAN_KINDS,
    Wording,
    codes_per_row,
    value_phrases,
    write_documents,
)
from synthgen.tasks.bios.biographies.writing.exposures import entries_by_person
from synthgen.tasks.bios.biographies.writing.plan import ALIKE, N_ATTRIBUTES, ORDERS, PAIRS, Plans, Stages, Style
from synthgen.tasks.bios.biographies.writing.sentences import compile_sentences, shows_pronoun
from synthgen.tasks.bios.biographies.writing.tokens import Blocks, tokens_per_row, write_tokens
from synthgen.tasks.bios.world.changes import TIMES, change_bits, change_book, refuse_single_values, with_changes
from synthgen.tasks.bios.world.lists import ATTRIBUTES
from synthgen.tasks.bios.world.population import knowledge_of, lists_of, tiny_sizes, world_bits
from synthgen.tasks.bios.world.reading.certificate import CorpusCertificate
from synthgen.tasks.bios.world.reading.history import History
from synthgen.tasks.bios.world.reading.latents import decoded_person
from synthgen.tasks.bios.world.writing.changes import Changes, everybody_at
from synthgen.tasks.bios.world.writing.columns import VALUES_FIELD, person_columns, person_fields, values_column
from synthgen.tasks.bios.world.writing.everybody import MOST_PEOPLE
from synthgen.tasks.bios.world.writing.people import PRONOUN, SUBJECT, Group, World


class Bios(Task):
    """Biographies: finite corpora of people x entries, or an endless stream of fresh wordings."""

    name = "bios"
    version = 1
    paper = "2309.14316"
    family = Family.BIOGRAPHIES
    natural_language = "en"
    row_formats = ("document", "tokens")
    glossary: Mapping[str, str] = {"templates": "sentences", "exposures": "rows about the person"}
    books = ("wording", "order")
    difficulty = "facts"
    subject_field = "person"
    exposure_field = "exposures"
    deviations = DEVIATIONS
    capabilities = frozenset({"exact", "injective", "enumerable", "parses"})
    Params: ClassVar = BiosParams
    tiny: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"people": 2, "pronouns": ["they"], "sizes": tiny_sizes(birth_cities=2)},
        {"people": 1, "order": "entry", "pronouns": ["he"], "sizes": tiny_sizes(last_names=1)},
        {"people": 1, "order": "couple", "reverse": 6, "sizes": tiny_sizes(last_names=1, templates=2)},
        {"people": 1, "entries": 2, "sentences": "once", "full_name": True, "sizes": tiny_sizes(templates=2, years=3)},
        {"people": 2, "entries": 2, "power": 4.0, "pronouns": ["they"], "sizes": tiny_sizes(birth_cities=2)},
    )

    def __init__(self, params: BiosParams, keys: Keys, files: Path, row_format: str = "") -> None:
        super().__init__(params, keys, files, row_format)
        self.lists = lists_of(params, self.assets.get("lists"))
        self._world = World.of(keys, self.lists, len(params.pronouns))
        refuse_single_values(params, self.lists)
        self._changes = Changes.of(keys, params, params.time == "after")

    @property
    def assets(self) -> Mapping[str, Path]:
        return {"lists": read_asset(self.files, self.params.lists, "params.lists")} if self.params.lists else {}

    @functools.cached_property
    def entries_by_person(self) -> np.ndarray | None:
        """How many entries everybody has, (people,) int64, where not all have as many."""
        return None if self._entries_by_rank is None else entries_by_person(self.keys, self._entries_by_rank)

    @property
    def _entries_by_rank(self) -> np.ndarray | None:
        """The same by rank, from the most to the least."""
        params = self.params
        if not params.power or not isinstance(params.entries, int):
            return None
        return entries_by_rank(params.people, params.entries, params.power)

    @functools.cached_property
    def _stages(self) -> Stages:
        entries = self.entries_by_person
        further = ALIKE if entries is None else np.cumsum(entries - 1)
        return Stages.of(self.keys, further, " after" if self._changes.after else "")

    @property
    def rows_max(self) -> int | None:
        return None if self.params.entries == "online" else self.params.people * self.params.entries

    @property
    def span_kinds(self) -> tuple[str, ...]:
        return SPAN_KINDS

    @property
    def latent_fields(self) -> list[pa.Field]:
        return [
            *person_fields(),
            pa.field("templates", pa.struct([pa.field(attribute, pa.int16()) for attribute in ATTRIBUTES])),
            pa.field("order", pa.list_(pa.int8())),
            *([pa.field(self.exposure_field, pa.int64())] if self.params.power else []),
            *(VALUES_FIELD.with_name(f"values_{time}") for time in TIMES if self.params.changed),
        ]

    @functools.cached_property
    def _wording(self) -> tuple[PhraseTable, Wording, int]:
        """The phrase table, the numbers of its phrases, and how many codes a row may need."""
        table = PhraseTable()
        sentences = compile_sentences(self.lists.templates, self.params.pronouns, table)
        space = table.add(" ")
        return table, Wording.of(value_phrases(self.lists, table), space, sentences), codes_per_row(sentences)

    @functools.cached_property
    def reader(self) -> BiographyReader:
        """The parser of texts, made from the lists alone."""
        return BiographyReader(self.lists, self.params.pronouns, self.params.reverse)

    @functools.cached_property
    def compact(self) -> CompactVocab:
        """The ids of token rows."""
        return CompactVocab.of(self.lists)

    @functools.cached_property
    def vocab(self) -> Vocab | None:
        return self.compact.vocab(self.lists) if self.row_format == "tokens" else None

    @property
    def style(self) -> Style:
        """The variant, as kernels know it."""
        params = self.params
        anew, order = int(params.sentences == "entry"), ORDERS[params.order]
        return Style(anew, order, int(params.city_first), params.reverse, int(params.full_name))

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        params, lists = self.params, self.lists
        rows = stop - start
        plans = Plans.new(rows, params.changed > 0)
        group = Group(params.first_person, params.people)
        drawn = (start, stop, self._world, group, self._changes, self._stages, self.style)
        difficulty = np.full(rows, N_ATTRIBUTES, np.int32)
        if self.row_format == "tokens":
            blocks = Blocks.of(self.compact, [len(lists.templates[attribute]) for attribute in ATTRIBUTES])
            length = tokens_per_row(self.compact, params.full_name)
            mentions = N_ATTRIBUTES if params.full_name else 1
            ids, edges = np.empty((rows, length), np.int32), np.empty((rows, mentions + N_ATTRIBUTES), np.int32)
            write_tokens(state, *drawn, blocks, ids, edges, plans)
            latent = self._latent(plans) | {"spans": self._token_spans(edges)}
            return Rows(Tokens(ids.reshape(-1), np.arange(1, rows + 1) * length), difficulty, plans.units, latent)
        table, wording, most = self._wording
        codes, ends = np.empty(rows * most, np.int32), np.empty(rows, np.int64)
        write_documents(state, *drawn, wording, codes, ends, plans)
        return Rows(Codes(table, codes[: ends[-1]], ends, SPAN_KINDS), difficulty, plans.units, self._latent(plans))

    def _token_spans(self, edges: np.ndarray) -> pa.StructArray:
        """The spans of token rows: three tokens a mention of the name, one (or three, a date's) a value."""
        rows, mentions = len(edges), edges.shape[1] - N_ATTRIBUTES
        places = {"name": (edges[:, :mentions], NAME_PARTS)}
        for number, attribute in enumerate(ATTRIBUTES):
            width = self.compact.date_tokens if attribute == "birth_date" else 1
            places[attribute] = (edges[:, mentions + number : mentions + number + 1], width)
        fields = []
        for starts, width in places.values():
            offsets = np.arange(rows + 1) * starts.shape[1]
            flat = np.ascontiguousarray(starts).reshape(-1)
            fields.append(span_lists(offsets, flat, flat + np.int32(width)))
        return pa.StructArray.from_arrays(fields, fields=[pa.field(k, SPANS, nullable=False) for k in SPAN_KINDS])

    def _latent(self, plans: Plans) -> dict[str, pa.Array]:
        fields = {field.name: field.type for field in self.latent_fields}
        ends = np.arange(1, len(plans.order) + 1) * N_ATTRIBUTES
        columns: dict[str, pa.Array] = {
            **person_columns(plans.facts, self.lists),
            "templates": struct_column(fields["templates"], list(plans.templates.T)),
            "order": list_column(ends, plans.order.astype(np.int8).reshape(-1), pa.int8()),
        }
        if self.entries_by_person is not None:
            places = plans.facts[:, SUBJECT] - self.params.first_person
            columns[self.exposure_field] = pa.array(self.entries_by_person[places])
        if self.params.changed:
            for number, time in enumerate(TIMES):
                columns[f"values_{time}"] = values_column(plans.times[:, number], self.lists)
        return columns

    # -- entropy ------------------------------------------------------------------------------------------------------

    def knowledge(self) -> Knowledge:
        return knowledge_of(self.lists, self.params.people)

    def entities(self) -> range:
        return self.params.everybody

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        params, lists = self.params, self.lists
        n = params.people
        wording = sum(math.log2(len(entries)) for entries in lists.templates.values())
        orders = {"fixed": 1, "couple": math.factorial(PAIRS)}.get(params.order, math.factorial(N_ATTRIBUTES))
        order = math.log2(orders)
        rows = rows or self.rows_max or 0
        first = min(n, rows) / rows if rows else 0.0  # the share of rows that are a person's first
        pronoun = math.log2(len(params.pronouns)) * self.pronoun_shown
        row = {
            "wording": Book(Bits(wording if params.sentences == "entry" else wording * first)),
            "order": Book(Bits(order if params.order != "person" else order * first)),
        }
        world, known = world_bits(lists, params.everybody, pronoun)
        facts: dict[str, Any] = {
            "wording_bits": wording,
            "order_bits": order,
            "renderings": str(math.prod(len(e) for e in lists.templates.values()) * orders),
        }
        entries, subject = self.entries_by_person, math.log2(n)
        if entries is not None:
            subject = subject_bits(entries, rows)
            facts |= exposure_facts(entries) | {"subject_bits": subject}
        if params.changed:
            changes, change = change_bits(params, lists), change_book(params, lists)
            world["changes"] = change
            facts |= {
                "changed_people": params.changed_people,
                "change_bits": changes,
                "world_bits_at_one_time": known["world_bits"],
                **with_changes(known, change.bits.value),
            }
        tokens = tokens_per_row(self.compact, params.full_name) + 1 if self.row_format == "tokens" else None
        known |= facts
        return Entropy(row | world, known, unbooked=subject, world_list=known["world_list_bits"], tokens=tokens)

    @property
    def without_surprisals(self) -> str:
        people = self.params.people
        return f"params.people = {people:,}: {MOST_PEOPLE:,} at most are kept in memory" * (people > MOST_PEOPLE)

    @functools.cached_property
    def _law(self) -> BiographyLaw:
        world, lists = self._world, self.lists
        people = everybody_at(world, Group(self.params.first_person, self.params.people), self._changes)
        people = people[int(self._changes.after)]
        if self.row_format == "tokens":
            people[:, PRONOUN] = 0  # tokens do not show it
            counts = [len(lists.templates[attribute]) for attribute in ATTRIBUTES]
            saying = token_saying(self.compact, counts, world.sizes, len(lists.cities))
        else:
            table, wording, _ = self._wording
            saying = text_saying(table, wording, world.sizes, len(lists.cities))
        return BiographyLaw(self.style, people, world, saying, self.entries_by_person)

    def surprisals(self, said: Sequence[int] | str, number: int = 0) -> np.ndarray:
        return self._law.surprisals(said if isinstance(said, str) else tuple(int(i) for i in said))

    @property
    def pronoun_shown(self) -> float:
        """The probability that a person's entries show the pronoun: 1, but for full names everywhere and tokens."""
        if self.row_format == "tokens":
            return 0.0
        if not self.params.full_name:
            return 1.0
        hidden = 1.0
        for entries in self.lists.templates.values():
            hidden *= 1 - sum(map(shows_pronoun, entries)) / len(entries)
        if self.params.entries == "online":
            return 1.0 if hidden < 1 else 0.0
        if self.entries_by_person is not None and self.params.sentences == "entry":
            return 1 - float(np.mean(hidden**self.entries_by_person))
        return 1 - hidden ** (self.params.entries if self.params.sentences == "entry" else 1)

    # -- checking -----------------------------------------------------------------------------------------------------

    def certificate(self, rows: int) -> CorpusCertificate:
        """Rebuild the knowledge from the shards: see `synthgen.tasks.bios.world.reading.certificate`."""
        entries = self.params.entries if isinstance(self.params.entries, int) and rows == self.rows_max else None
        return CorpusCertificate(self.params.people, entries, self.lists.sizes(), self._entries_by_rank)

    @functools.cached_property
    def exposures(self) -> Exposures | None:
        """How many entries everybody has, as judges know it, where not all have as many."""
        return None if self._entries_by_rank is None else Exposures(self.keys, self._entries_by_rank)

    @functools.cached_property
    def history(self) -> History:
        """Everybody's facts before the change and after, as judges know them."""
        params = self.params
        return History(self.keys, self.lists, params.everybody, params.changing, params.changed_people)

    def decode(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        return decoded_person(row["latent"], self.lists, self.params.pronouns)

    def parse(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the row shows: pronoun (None if hidden), name, values, templates, order, spans."""
        if self.row_format == "tokens":
            reader = CompactReader(self.compact, self.lists)
            return reader.read(row["input_ids"], self.params.reverse, self.params.full_name)
        return self.reader.read(row["text"])

    def reread(self, row: Mapping[str, Any]) -> Reread:
        """Read the text with the lists alone; bits follow from how many sentences and orders there are."""
        read, params, first = dict(self.parse(row)), self.params, row["latent"]["entry"] == 0
        if read["values"]["company_city"] != self.lists.company_city[read["values"]["employer"]]:
            raise Misread("the company city is not the employer's")
        drawn = {"wording": params.sentences == "entry" or first, "order": params.order in ("entry", "couple") or first}
        drawn["order"] &= params.order != "fixed"
        places = PAIRS if params.order == "couple" else N_ATTRIBUTES
        units = {
            "wording": sum(int(log2_units(len(entries))) for entries in self.lists.templates.values()),
            "order": sum(int(log2_units(i)) for i in range(2, places + 1)),
        }
        spans = read.pop("spans")
        if read["pronoun"] is None:  # the text does not show it
            del read["pronoun"]
        if params.power or params.changed:
            read |= self._known(read)
        return Reread(N_ATTRIBUTES, {book: units[book] * drawn[book] for book in units}, read, spans)

    def _known(self, read: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the world says of the person whom a text names. Raises Misread where the text says otherwise."""
        person = self.history.registry.named(self.lists.name_number(read["name"]))
        known: dict[str, Any] = {}
        if self.exposures is not None:
            known[self.exposure_field] = self.exposures.of(person - self.params.first_person)
        if self.params.changed:
            known |= {f"values_{time}": values for time, values in zip(TIMES, self.history.values(person), strict=True)}
            there = known[f"values_{self.params.time}"]
            if wrong := [attribute for attribute in ATTRIBUTES if read["values"][attribute] != there[attribute]]:
                raise Misread(f"the {wrong[0].replace('_', ' ')} is not the person's {self.params.time} the change")
        return known

    def picture(self, row: Mapping[str, Any]) -> Picture:
        """Return the text with the name and the value of every attribute marked."""
        passage = passage_of(row, self.vocab.names if self.vocab else {})
        caption = f"A biography: it tells {N_ATTRIBUTES} facts about one person, here by colour."
        return Picture(caption, [passage], kinds_of(SPAN_KINDS))

    @functools.cached_property
    def _probes(self) -> Probes:
        return Probes(self.lists)

    @property
    def probings(self) -> Mapping[str, Probing]:
        """P-probing just before each value, and Q-probing behind the name alone (Part 3.1, section 5)."""
        return self._probes.probings

    def glimpses(self, row: Mapping[str, Any], probing: str) -> Sequence[Glimpse]:
        return self._probes.glimpses(row, probing)

"""bioD: people with K attributes whose values are strings of random chunks, to measure capacity (Part 3.3, 2404.05405).

Attribute a has a diversity set of D distinct strings of L tokens out of T; a value is C of them, one after the other.
An entry has K sentences in an order of its own: who (the name in the first, then a pronoun), which attribute, and the
value.

The same rows in English, as the paper has them: "Anya Briar Forger's ID 7 is v12 v3. Their ID 2 is v40 v7."

    synthgen entropy biod
    synthgen show biod-english
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from synthgen.errors import SynthgenError
from synthgen.exact.bits import Bits, at_most
from synthgen.exact.draw import Keys, new_state
from synthgen.exact.entropy import Book, Draws, Entropy, log2_binomial, log2_factorial, log2_falling
from synthgen.exact.ledger import log2_units
from synthgen.task.columns import list_column, struct_column
from synthgen.task.contract import Task
from synthgen.task.family import Family
from synthgen.task.ids import ids_of
from synthgen.task.kit.capacity import Knowledge
from synthgen.task.kit.editions import Edition
from synthgen.task.picture import Passage, Picture, Span, kinds_of
from synthgen.task.rows import Rows, Tokens, Vocab
from synthgen.task.verdict import Reread
from synthgen.tasks.bios.biod.english import SPAN_KINDS, VALUE
from synthgen.tasks.bios.biod.fidelity import DEVIATIONS
from synthgen.tasks.bios.biod.params import BiodParams
from synthgen.tasks.bios.biod.reading import ids_of_english, read
from synthgen.tasks.bios.biod.surprisal import row_surprisals
from synthgen.tasks.bios.biod.symbols import BOS, EOS, PAD, PRONOUN, SPECIALS
from synthgen.tasks.bios.biod.writing import English, Out, Stages, draw_strings, write_biod
from synthgen.tasks.bios.world.lists import Sizes, read_lists
from synthgen.tasks.bios.world.writing.columns import NAME_FIELD
from synthgen.tasks.bios.world.writing.people import ENTRY, FACTS, SUBJECT

TABLE_MAX = 2**28
"""The most tokens of all diversity sets together: they are kept in memory."""


def _all_names(edition: Edition) -> tuple[tuple[str, ...], ...]:
    """Return the first, middle and last names that English rows may have: the package's, in an edition."""
    lists = read_lists(None, Sizes(), edition)
    return lists.first_names, lists.middle_names, lists.last_names


class Biod(Task):
    """Rows of bioD(N, K, C, D, L, T), as tokens or in English."""

    name = "biod"
    subject_field = "person"
    version = 1
    paper = "2404.05405"
    family = Family.BIOGRAPHIES
    natural_language = "en"
    row_formats = ("tokens", "document")
    books = ("order",)
    glossary: Mapping[str, str] = {
        "<pronoun>": "begins each sentence after the first, in the place of the name",
        "<firstN>": "a first name, by its number",
        "<middleN>": "a middle name",
        "<lastN>": "a last name",
        "<aN>": "which attribute is told",
        "<vN>": "a token of its value",
    }
    difficulty = "attributes"
    deviations = DEVIATIONS
    capabilities = frozenset({"exact", "injective", "enumerable", "parses"})
    Params: ClassVar = BiodParams
    tiny: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"N": 2, "K": 2, "C": 1, "D": 2, "L": 1, "T": 2, "names": [1, 1, 3], "entries": 1},
        {"N": 1, "K": 1, "C": 2, "D": 4, "L": 2, "T": 2, "names": [2, 1, 1], "entries": 1},
        {"N": 1, "K": 3, "C": 1, "D": 1, "L": 1, "T": 1, "names": [1, 1, 1], "entries": 2},
    )

    def __init__(self, params: BiodParams, keys: Keys, files: Path, row_format: str = "") -> None:
        super().__init__(params, keys, files, row_format)
        if any(part < 1 for part in params.names) or math.prod(params.names) < params.N:
            raise SynthgenError(f"params.N = {params.N:,}: there are {math.prod(params.names):,} full names")
        if params.L < 64 and params.D > params.T**params.L:
            raise SynthgenError(
                f"params.D = {params.D:,}: there are {params.T**params.L:,} strings of {params.L} tokens out of "
                f"{params.T:,}; take a smaller D, a longer L or a larger T"
            )
        if params.K * params.D * params.L > TABLE_MAX:
            raise SynthgenError(f"params.K x D x L = {params.K * params.D * params.L:,}: at most {TABLE_MAX:,} tokens")
        known = [len(names) for names in _all_names(params.edition)]
        if self.row_format == "document" and any(many > few for many, few in zip(params.names, known, strict=True)):
            raise SynthgenError(
                f"params.names = {list(params.names)}: English rows have at most {known}; take fewer, or "
                "row_format = 'tokens'"
            )
        self._stages = Stages.of(keys)
        self._strings_key = keys.world("strings")

    @property
    def rows_max(self) -> int | None:
        return None if self.params.entries == "online" else self.params.N * self.params.entries

    @functools.cached_property
    def _names(self) -> tuple[tuple[str, ...], ...]:
        """The first, middle and last names of English rows: those of the package's lists that come first."""
        known = _all_names(self.params.edition)
        return tuple(names[:many] for names, many in zip(known, self.params.names, strict=True))

    @functools.cached_property
    def _english(self) -> English:
        return English(self.params.K, self._names, self.params.T)

    @functools.cached_property
    def _numbers(self) -> list[dict[str, int]]:
        """The number of each first, middle and last name."""
        return [{name: number for number, name in enumerate(names)} for names in self._names]

    @property
    def span_kinds(self) -> tuple[str, ...]:
        return SPAN_KINDS if self.row_format == "document" else ()

    @property
    def vocab(self) -> Vocab | None:
        if self.row_format == "document":
            return None
        params, at = self.params, SPECIALS
        names = {BOS: "<bos>", EOS: "<eos>", PAD: "<pad>", PRONOUN: "<pronoun>"}
        for what, size in zip(("a", "first", "middle", "last", "v"), (params.K, *params.names, params.T), strict=True):
            if size <= 100_000:
                names |= {at + i: f"<{what}{i}>" for i in range(size)}
            at += size
        return Vocab(at, BOS, EOS, PAD, names)

    @property
    def latent_fields(self) -> list[pa.Field]:
        return [
            pa.field("person", pa.int64()),
            pa.field("entry", pa.int64()),
            NAME_FIELD,
            pa.field("values", pa.list_(pa.int32())),
            pa.field("order", pa.list_(pa.int16())),
        ]

    @functools.cached_property
    def strings(self) -> np.ndarray:
        """The diversity sets, (K, D, L) int32: D different strings of each attribute, uniform among such tuples."""
        params, state = self.params, new_state()
        table = np.empty((params.K, params.D, params.L), np.int32)
        for attribute in range(params.K):
            draw_strings(state, self._strings_key, attribute, 0, params.T, np.arange(params.D), table[attribute])
            for again in range(1, 1000):
                _, first = np.unique(table[attribute], axis=0, return_index=True)
                if len(first) == params.D:
                    break
                # One that has stood there before is drawn again; all strings are treated alike, so all tuples are too.
                twice = np.setdiff1d(np.arange(params.D), first)
                draw_strings(state, self._strings_key, attribute, again, params.T, twice, table[attribute])
            else:
                raise SynthgenError(f"params.D = {params.D:,} different strings were not found in 1,000 rounds")
        return table

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        params, rows = self.params, stop - start
        length = self._length
        out = Out(
            ids=np.empty((rows, length), np.int32),
            facts=np.empty((rows, FACTS + 3), np.int64),
            values=np.empty((rows, params.K * params.C), np.int32),
            orders=np.empty((rows, params.K), np.int16),
            units=np.empty((rows, 1), np.int64),
        )
        write_biod(state, start, stop, self._stages, params.N, np.array(params.names, np.int64), self.strings, out)
        ends = np.arange(1, rows + 1)
        latent = {
            "person": pa.array(np.ascontiguousarray(out.facts[:, SUBJECT])),
            "entry": pa.array(np.ascontiguousarray(out.facts[:, ENTRY])),
            "name": struct_column(NAME_FIELD.type, [out.facts[:, FACTS + part] for part in range(3)]),
            "values": list_column(ends * out.values.shape[1], out.values.reshape(-1), pa.int32()),
            "order": list_column(ends * params.K, out.orders.reshape(-1), pa.int16()),
        }
        english = self.row_format == "document"
        content = self._english.codes(out.ids) if english else Tokens(out.ids.reshape(-1), ends * length)
        return Rows(content, np.full(rows, params.K, np.int32), out.units, latent)

    @property
    def _length(self) -> int:
        """Tokens of a row."""
        return 3 + (self.params.K - 1) + self.params.K * (1 + self.params.C * self.params.L)

    def entities(self) -> range:
        return range(self.params.N)

    def knowledge(self) -> Knowledge:
        params = self.params
        bits, strings = params.K * params.C * math.log2(params.D), params.L * math.log2(params.T)
        values = {SPAN_KINDS[VALUE]: params.C * math.log2(params.D)}
        return Knowledge(params.N, math.prod(params.names), bits, params.K, params.D, strings, values, params.L)

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        params, knowledge = self.params, self.knowledge()
        order = log2_factorial(params.K)
        strings = knowledge.bits - log2_binomial(knowledge.names, params.N) - params.N * knowledge.attribute_bits
        draws = Draws("full names, " + " x ".join(map(str, params.names)) + " tokens", self.entities(), knowledge.names)
        world = {
            "names": Book(Bits(log2_binomial(knowledge.names, params.N)), "world", draws),
            "values": Book(Bits(params.N * knowledge.attribute_bits), "world"),
            "strings": Book(
                Bits(max(strings, 0.0), "exact")
                if params.D == params.T**params.L
                else at_most(strings, "strings that no value uses are never shown"),
                "world",
            ),
        }
        facts = {
            "people": params.N,
            "full_names": knowledge.names,
            "world_bits": knowledge.bits,
            "world_bits_a_person": knowledge.bits / params.N,
            "world_list_bits": log2_falling(knowledge.names, params.N) + params.N * knowledge.attribute_bits + strings,
            "world_paper_bits": knowledge.paper_bits,
        }
        books = {"order": Book(Bits(order))} | world
        tokens = self._length + 1 if self.row_format == "tokens" else None
        return Entropy(books, facts, unbooked=math.log2(params.N), world_list=facts["world_list_bits"], tokens=tokens)

    @property
    def without_surprisals(self) -> str:
        if self.row_format == "document":
            return "English rows are not weighed character by character: take row_format = 'tokens'"
        many = self.params.N * self._length > TABLE_MAX
        return f"params.N = {self.params.N:,}: the names of so many people are not kept in memory" * many

    @functools.cached_property
    def _of_all(self) -> np.ndarray:
        """A row of each person, (people, ids): entry 0 of all of them."""
        content = self.rows(0, self.params.N, new_state()).content
        assert isinstance(content, Tokens)
        return content.ids.reshape(self.params.N, self._length)

    def surprisals(self, said: Sequence[int] | str, number: int = 0) -> np.ndarray:
        return row_surprisals([int(i) for i in said], self._of_all, self.params.K)

    def decode(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the latents with a name as its three tokens, a value as its chunks', and attributes as theirs."""
        latent, params = super().decode(row), self.params
        name = " ".join(f"{part}{number}" for part, number in latent["name"].items())
        values = {}
        for attribute in range(params.K):
            chunks = latent["values"][attribute * params.C : (attribute + 1) * params.C]
            values[f"a{attribute}"] = " ".join(
                f"v{token}" for chunk in chunks for token in self.strings[attribute, chunk].tolist()
            )
        return {**latent, "name": name, "values": values, "order": [f"a{attribute}" for attribute in latent["order"]]}

    def parse(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return name, values and order from the ids or the text alone, and its spans. Raises ValueError on else."""
        if self.row_format == "tokens":
            return read(ids_of(row["input_ids"]), self.params, self.strings)
        ids, spans = ids_of_english(row["text"], self._numbers, self.params)
        return read(ids, self.params, self.strings) | {"spans": spans}

    def reread(self, row: Mapping[str, Any]) -> Reread:
        """Read the row; the bits of an order follow from the number of attributes."""
        units = sum(int(log2_units(i)) for i in range(2, self.params.K + 1))
        shown = dict(self.parse(row))
        spans = shown.pop("spans", {})
        return Reread(self.params.K, {"order": units}, shown, spans)

    def picture(self, row: Mapping[str, Any]) -> Picture:
        """Return the tokens with the name, the attributes and their values marked; of English, the text's spans."""
        if self.vocab is None:
            return replace(
                super().picture(row), caption="BioD in English: one person, and a sentence for each attribute."
            )
        params, names = self.params, self.vocab.names
        words = [names.get(i, str(i)) for i in row["input_ids"]]
        kinds = ["name"] * 3
        for place in range(params.K):
            kinds += ["pronoun"] * (place > 0) + ["attribute"] + ["value"] * (params.C * params.L)
        spans, at = [], 0
        for word, kind in zip(words, kinds, strict=True):
            if kind != "pronoun":
                spans.append(Span(at, at + len(word), kind))
            at += len(word) + 1
        caption = (
            f"BioD: one person's name in 3 tokens, then {params.K} attributes in mixed order, each with its value."
        )
        return Picture(caption, [Passage("", " ".join(words), spans)], kinds_of(("name", "attribute", "value")))

"""The task `cfg`: strings of a grammar, whole or after a prefix, plain, noisy or behind bags of tokens."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from synthgen.errors import SynthgenError
from synthgen.exact.bits import Bits, Status, at_most
from synthgen.exact.draw import Draw, Keys
from synthgen.exact.entropy import Book, Entropy, entropy_of
from synthgen.exact.ledger import UNITS_PER_BIT, log2_units
from synthgen.task.assets import read_asset
from synthgen.task.certificates import Sampling
from synthgen.task.columns import list_column
from synthgen.task.contract import Task, TaskParams
from synthgen.task.entries import Entry, refuse_twins, unseen
from synthgen.task.family import Family
from synthgen.task.judging import STEPLESS, Final
from synthgen.task.kit.ranks import check_rank
from synthgen.task.phrases import Codes, PhraseTable
from synthgen.task.picture import Picture
from synthgen.task.probing import Glimpse, Probing
from synthgen.task.rows import Rows, Tokens, Vocab
from synthgen.task.verdict import Misread, Reread, Verdict
from synthgen.task.written import NEWER
from synthgen.tasks.cfg import moments
from synthgen.tasks.cfg.fidelity import DEVIATIONS
from synthgen.tasks.cfg.grammar import Grammar
from synthgen.tasks.cfg.numbering import derivation_of, rank_of
from synthgen.tasks.cfg.picture import picture_of
from synthgen.tasks.cfg.random_grammar import RandomGrammar, draw_grammar
from synthgen.tasks.cfg.reading.ancestors import ancestors
from synthgen.tasks.cfg.reading.chart import bits_of
from synthgen.tasks.cfg.reading.nearest import nearest
from synthgen.tasks.cfg.reading.strings import check_text_bits, expand, judged, tokens_of, tree_of
from synthgen.tasks.cfg.rules import CORRUPTION, DERIVATION, TOKENS
from synthgen.tasks.cfg.spelling import spelt_surprisals
from synthgen.tasks.cfg.text_entropy import UNPROVED, is_sampled, sampling_of, text_entropy
from synthgen.tasks.cfg.variants import Bags, Noise, images, perturbed, uniform, with_bags
from synthgen.tasks.cfg.writing.fixed_length import LengthTables, sample_length
from synthgen.tasks.cfg.writing.labels import label_columns, label_fields, walk
from synthgen.tasks.cfg.writing.prompts import Corruption, corrupt_prompts
from synthgen.tasks.cfg.writing.sampler import Drawn

BOOKS = ("derivation", "corruption", "tokens")
REPLACED = "the text does not show which tokens of the prompt were replaced"
"""Why rows with corrupted prompts show less than is booked; without the corruption they show what the strings do."""


class CfgParams(TaskParams):
    """Params of the task `cfg`."""

    grammar: str | RandomGrammar = Field(
        "cfg3f", description="a published grammar's name, a grammar file (.toml), or a table of sizes to draw one from"
    )
    law: Literal["rules", "uniform"] = Field(
        "rules", description="derivations by rule probabilities, or all equally likely"
    )
    length: int | None = Field(None, ge=1, le=100_000, description="only strings of this many tokens, by their law")
    cut: int | None = Field(None, ge=0, description="the first tokens are a prompt, the rest its completion")
    bags: Bags | None = Field(None, description="implicit grammar: terminals show as tokens of their bags")
    noise: Noise | None = Field(None, description="corrupted rows")
    corrupt: Annotated[float | None, NEWER] = Field(
        None,
        gt=0,
        lt=1,
        description="the chance of each token of the prompt to be replaced by another one, while the completion stays "
        "that of the clean string (the corrupted prefix of Part 1); goes with cut",
    )
    text_bits: bool = Field(False, description="add the columns text_bits and token_bits: the exact bits of the text")
    labels: bool = Field(False, description="add the columns ancestor, index, boundary and deepest, for probes")

    @model_validator(mode="after")
    def _together(self) -> CfgParams:
        if self.length is not None and (self.law == "uniform" or self.bags or self.noise):
            raise ValueError("length goes with the plain law of rules alone: drop law, bags and noise")
        if self.corrupt and not self.cut:
            raise ValueError("corrupt is about the tokens of a prompt: set cut to their number")
        if self.corrupt and (self.bags or self.noise or self.text_bits or self.labels or self.length):
            raise ValueError(
                "corrupt goes with the plain strings alone: drop bags, noise, length, text_bits and labels"
            )
        if self.corrupt and abs(self.corrupt * 10**6 - round(self.corrupt * 10**6)) > 1e-6:
            raise ValueError(f"corrupt = {self.corrupt}: give at most six decimals: the coin is an exact fraction")
        return self


class Cfg(Task):
    """Strings of a grammar: a rule is chosen at every node by its weight (the published grammars: uniformly)."""

    name = "cfg"
    version = 1
    paper = "2305.13673"
    family = Family.GRAMMARS
    row_formats = ("tokens", "prompt-completion", "document")
    books: tuple[str, ...] = BOOKS[:1]
    difficulty = "tokens of the string"
    deviations = DEVIATIONS
    capabilities = frozenset({"exact", "enumerable"})
    Params: ClassVar = CfgParams
    tiny: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"grammar": {"sizes": [1, 2, 2], "degree": [2, 2], "length": [1, 2], "duplicate_rules": True}},
        {"grammar": {"sizes": [1, 2, 2, 3], "degree": [2, 3], "length": [1, 2]}},
        {
            "grammar": {"sizes": [1, 2, 2], "degree": [1, 2], "length": [1, 2]},
            "bags": {"vocabulary": 3, "weights": "rank"},
            "noise": {"kind": "terminal", "rate": 0.25, "clean": 0.5},
        },
    )

    def __init__(self, params: CfgParams, keys: Keys, files: Path, row_format: str = "") -> None:
        super().__init__(params, keys, files, row_format)
        self._key = keys.split("derivation")
        self._world: dict[str, Book] = {}
        if isinstance(params.grammar, RandomGrammar):
            draw = Draw(keys.world("grammar"))
            self.base = draw_grammar(params.grammar, draw)
            self._book("grammar", draw, "right-hand sides that were drawn again are counted")
        elif self.assets:
            self.base = Grammar.load(self.assets["grammar"])
        else:
            self.base = Grammar.load(params.grammar)
        self.grammar = self._variant()
        if params.cut is not None and params.cut >= (params.length or self.grammar.lengths[0]):
            shortest = params.length or self.grammar.lengths[0]
            raise SynthgenError(
                f"params.cut = {params.cut}: the shortest string has {shortest} tokens; cut before its end"
            )
        if self.row_format != "tokens":
            self._lint_words()
        if params.corrupt and (self.base.levels is None or len(self.grammar.terminals) < 2):
            raise SynthgenError(
                "params.corrupt: only of a layered grammar, of two terminals or more, prompts are corrupted"
            )
        if params.labels and self.base.levels is None:
            raise SynthgenError("params.labels: only a layered grammar has levels to label")
        corrupts = params.noise or params.corrupt
        self._booked = [DERIVATION, *([CORRUPTION] if corrupts else []), *([TOKENS] if params.bags else [])]
        self.books = tuple(BOOKS[number] for number in self._booked)

    def _lint_words(self) -> None:
        """Refuse terminals that are no words: texts hold them apart by spaces."""
        origin = f"params.grammar = {self.params.grammar!r}"
        words = [Entry(self.grammar.symbol(t), origin) for t in self.grammar.terminals]
        for word, where in words:
            fault = unseen(word)
            if word.split() != [word]:
                fault = "is not one word, and texts hold words apart by spaces"
            if fault:
                raise SynthgenError(f"{where}: terminal {word!r}: {fault}; or take row_format = 'tokens'")
        refuse_twins(words)

    @functools.cached_property
    def _plain(self) -> Grammar:
        """The grammar without disjoint bags: what is hidden of its derivations is hidden of those with bags."""
        return self._variant(bags=not self.params.bags or self.params.bags.mode == "overlap")

    def _variant(self, bags: bool = True) -> Grammar:
        grammar = uniform(self.base) if self.params.law == "uniform" else self.base
        if self.params.noise:
            draw = Draw(self.keys.world("noise"))
            image, bits = images(grammar, self.params.noise, draw)
            grammar = perturbed(grammar, self.params.noise, image)
            if bits:
                self._world["noise"] = Book(Bits(bits), "world")
        if self.params.bags and bags:
            draw = Draw(self.keys.world("bags"))
            grammar = with_bags(grammar, self.params.bags, draw)
            if self.params.bags.mode == "overlap":
                self._book("bags", draw, "tokens that were drawn twice are counted")
        return grammar

    def _book(self, name: str, draw: Draw, reason: str) -> None:
        self._world[name] = Book(at_most(draw.bits, reason), "world")

    @property
    def assets(self) -> Mapping[str, Path]:
        name = self.params.grammar
        return {"grammar": read_asset(self.files, name, "params.grammar")} if str(name).endswith(".toml") else {}

    @property
    def vocab(self) -> Vocab:
        top = self.grammar.terminals[-1]
        names = {t: self.grammar.symbol(t) for t in self.grammar.terminals}
        names |= {0: "<bos>", top + 1: "<eos>", top + 2: "<mask>", top + 3: "<sep>", top + 4: "<pad>"}
        return Vocab(size=top + 5, bos=0, eos=top + 1, pad=top + 4, names=names)

    @property
    def masked(self) -> bool:
        return self.params.cut is not None

    @property
    def latent_fields(self) -> list[pa.Field]:
        wide = max(len(rules) for rules in self.grammar.rules.values()) > 256
        fields = [pa.field("derivation", pa.list_(pa.uint16() if wide else pa.uint8()))]
        if self.params.noise:
            fields += [pa.field("corrupted", pa.bool_()), pa.field("places", pa.list_(pa.int32()))]
        if self.params.corrupt:
            fields += [pa.field("places", pa.list_(pa.int32())), pa.field("clean", pa.list_(pa.int32()))]
        return fields

    @property
    def extra_fields(self) -> list[pa.Field]:
        fields = []
        if self.params.text_bits:
            fields += [pa.field("text_bits", pa.float64()), pa.field("token_bits", pa.list_(pa.float64()))]
        return fields + (label_fields(len(self.base.levels or ()) - 1) if self.params.labels else [])

    # -- rows ---------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def _lengths(self) -> LengthTables:
        return LengthTables.of(self.grammar, self.grammar.tables, self.params.length)

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        grammar = self.grammar
        if self.params.length is None:
            drawn = grammar.drawn(state, self._key, start, stop)
        else:
            length, laws = self.params.length, self._lengths
            drawn = sample_length(state, self._key, start, stop, grammar, grammar.tables, length, laws)
        wide = self.latent_fields[0].type.value_type
        latent = {"derivation": list_column(drawn.choice_ends, drawn.choices, wide)}
        if self.params.noise:
            latent |= self._noise_latent(drawn)
        units = drawn.units[:, self._booked] if not self.params.corrupt else drawn.units
        if self.params.corrupt:
            corruption, more = self._corrupted(drawn, start, state)
            latent |= more
            units = np.column_stack([units[:, 0], corruption.units])
        return Rows(
            content=self._content(drawn),
            difficulty=np.diff(drawn.id_ends, prepend=0),
            units=units,
            latent=latent,
            extra=self._extra(drawn),
        )

    @functools.cached_property
    def _coin(self) -> np.ndarray:
        """The running weights of (a token of the prompt stays, it is replaced)."""
        rate = Fraction(str(self.params.corrupt))
        return np.array([rate.denominator - rate.numerator, rate.denominator], np.int64)

    def _corrupted(self, drawn: Drawn, start: int, state: np.record) -> tuple[Corruption, dict[str, pa.Array]]:
        """Corrupt the prompts of drawn rows, in place; return what was replaced, and the latents that tell it."""
        cut, terminals = self.params.cut or 0, self.grammar.terminals
        begins, rows = np.concatenate([[0], drawn.id_ends[:-1]]), drawn.id_ends.size
        clean = drawn.ids[begins[:, None] + np.arange(cut)].reshape(-1).astype(np.int32)
        key = self.keys.split("corruption")
        corruption = corrupt_prompts(state, key, start, drawn.id_ends, cut, terminals, self._coin, drawn.ids)
        return corruption, {
            "places": list_column(corruption.ends, corruption.places, pa.int32()),
            "clean": list_column(cut * np.arange(1, rows + 1), clean, pa.int32()),
        }

    def _content(self, drawn: Drawn) -> Tokens | Codes:
        cut, starts = self.params.cut, np.concatenate([[0], drawn.id_ends[:-1]])
        if self.row_format == "tokens":
            if cut is None:
                return Tokens(drawn.ids, drawn.id_ends)
            place = np.arange(drawn.ids.size) - np.repeat(starts, np.diff(drawn.id_ends, prepend=0))
            return Tokens(drawn.ids, drawn.id_ends, place >= cut)
        table, numbers = self._words
        codes = numbers[1][drawn.ids]
        if cut:
            codes[starts] = numbers[0][drawn.ids[starts]]  # a prompt begins without a space, a completion with one
        if self.row_format == "document":
            codes[starts] = numbers[0][drawn.ids[starts]]
            return Codes(table, codes, drawn.id_ends)
        ends = np.column_stack([starts + (cut or 0), drawn.id_ends]).reshape(-1)
        return Codes(table, codes, ends, parts=2)

    @functools.cached_property
    def _words(self) -> tuple[PhraseTable, np.ndarray]:
        """The words of tokens, bare (row 0) and behind a space (row 1), (2, vocabulary)."""
        table, names = PhraseTable(), [self.grammar.symbol(t) for t in range(self.grammar.vocabulary)]
        bare, spaced = table.extend(names), table.extend(f" {name}" for name in names)
        return table, np.arange(len(names), dtype=np.int32) + np.array([[bare], [spaced]], np.int32)

    def _noise_latent(self, drawn: Drawn) -> dict[str, pa.Array]:
        _, _, struck, struck_ends = walk(self.grammar, self.grammar.tables, self.base, drawn)
        first = np.concatenate([[0], drawn.choice_ends[:-1]])
        last = len(self.grammar.rules[self.grammar.root]) - 1
        return {
            "corrupted": pa.array(drawn.choices[first] == last),
            "places": list_column(struck_ends, struck, pa.int32()),
        }

    def _extra(self, drawn: Drawn) -> dict[str, pa.Array]:
        columns: dict[str, pa.Array] = {}
        if self.params.text_bits:
            chart, places = self.grammar.chart, self.grammar.places
            rows = np.split(drawn.ids, drawn.id_ends[:-1])
            units = [bits_of(chart.conditionals(places[ids])[0]) for ids in rows]
            columns["text_bits"] = pa.array([int(row_units.sum()) / UNITS_PER_BIT for row_units in units])
            ends = drawn.id_ends + np.arange(1, len(rows) + 1)  # the end of the string is one more token
            columns["token_bits"] = list_column(ends, np.concatenate(units) / UNITS_PER_BIT, pa.float64())
        if self.params.labels:
            columns |= label_columns(self.grammar, self.grammar.tables, self.base, drawn)
        return columns

    # -- entropy ------------------------------------------------------------------------------------------------------

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        grammar = self.grammar
        hidden = "" if grammar.unambiguous else UNPROVED
        books = {BOOKS[number]: Book(Bits(self._book_entropy(number))) for number in self._booked}
        derivation = sum(book.bits.value for book in books.values())
        mean = float(self.params.length or grammar.expected_length)
        if self.params.corrupt:
            derivation = books[BOOKS[DERIVATION]].bits.value
        text = Bits(derivation)
        if hidden and self.params.length is not None:
            text = at_most(derivation, hidden)
        elif hidden:
            shown = self._book_entropy(TOKENS) if len(self._plain.rules) < len(grammar.rules) else 0.0
            text = text_entropy(self._plain, estimates) + Bits(shown)
        if self.params.corrupt:
            booked = derivation + books[BOOKS[CORRUPTION]].bits.value
            text, hidden = at_most(booked, REPLACED, text.low, text), REPLACED
        facts: dict[str, Any] = {
            "expected_length": mean,
            "length_sd": 0.0 if self.params.length else moments.length_sd(grammar),
            "length_min": self.params.length or grammar.lengths[0],
            "length_max": self.params.length or grammar.lengths[1],
            "derivations": "endless" if grammar.recursive else str(grammar.derivations),
            "bits_a_token": text.value / mean,
            "unreachable_symbols": len(set(self.base.rules) - self.base.reachable),
        }
        if self.params.length is None and not self.params.corrupt:
            facts["collision_bits"] = moments.collision_bits(grammar)
        tokens = mean + 1 if self.row_format == "tokens" else None
        return Entropy(books | self._world, facts, hidden=hidden, shown=text if hidden else None, tokens=tokens)

    def samplings(self) -> list[Sampling]:
        sampled = self.params.length is None and is_sampled(self._plain)
        return [sampling_of(self._plain)] if sampled else []

    def _book_entropy(self, number: int) -> float:
        if self.params.length is not None:
            return self._lengths.entropy
        if number == CORRUPTION and self.params.corrupt:
            stay, whole = self._coin.tolist()
            choice = (whole - stay) / whole * math.log2(len(self.grammar.terminals) - 1)
            return (self.params.cut or 0) * (entropy_of([stay, whole - stay]) + choice)
        return moments.derivation_entropy(self.grammar, number)

    def row_floor(self, rows: Rows) -> np.ndarray:
        """The bits of each string, all its derivations together, where rows state them; else of its derivation."""
        if "text_bits" in rows.extra:
            return np.asarray(rows.extra["text_bits"].to_numpy(zero_copy_only=False), np.float64)
        return super().row_floor(rows)

    @functools.cached_property
    def row_floor_status(self) -> Status:
        return "exact" if self.params.text_bits else super().row_floor_status

    @property
    def without_surprisals(self) -> str:
        if self.params.corrupt:
            return "params.corrupt: the law of corrupted prompts is not known token by token"
        return "params.length: the law of strings of one length is not known token by token" * bool(self.params.length)

    def surprisals(self, said: Sequence[int] | str, number: int = 0) -> np.ndarray:
        if isinstance(said, str):
            return spelt_surprisals(self.grammar, said)
        return self.grammar.surprisals([int(i) for i in said])

    def row_text_bits(self, row: Mapping[str, Any]) -> tuple[float, float]:
        """All derivations of the string together, by the chart."""
        if self.grammar.unambiguous:
            return super().row_text_bits(row)
        bits = -float(self.grammar.log2_probability(self._tokens_in(row)))
        return bits, bits

    def _tokens_in(self, row: Mapping[str, Any]) -> list[int]:
        parts = [row[name] for name in ("input_ids", "text", "prompt", "completion") if name in row]
        return [token for part in parts for token in tokens_of(self.grammar, part)]

    # -- checking -----------------------------------------------------------------------------------------------------

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        """Judge a completion: right if prompt and completion are a string of the grammar; `step` is the first error.

        Steps grow with the cube of the tokens, at most; with their square, where no symbol can be parsed in two ways.
        """
        try:
            ids = tokens_of(self.grammar, prompt) + tokens_of(self.grammar, completion)
        except ValueError as error:
            return Verdict.wrong(str(error), step=0)
        if self.params.corrupt:
            return self._judged_behind(ids, len(tokens_of(self.grammar, completion)))
        return judged(ids, self.grammar.first_error(ids))

    def _judged_behind(self, ids: list[int], answer: int) -> Verdict:
        """Judge the last `answer` tokens: right if some string ends so, whose beginning the prompt was corrupted from.

        `parts` has how many tokens of the prompt differ from the nearest such beginning.
        """
        try:
            whole = nearest(self.grammar, ids, fixed=answer)
        except ValueError as error:
            return Verdict.wrong(str(error), step=0)
        if whole is None or not answer:
            return Verdict.wrong("no string of the grammar ends so, whatever the prompt was", step=0)
        return Verdict.right([{"query": 0, "difficulty": len(ids), "correct": True, "changes": whole.changes}])

    modes = STEPLESS

    def final(self, prompt: Any) -> Final:
        """The tokens that are left of the string, by name."""
        names = sorted((self.grammar.symbol(terminal) for terminal in self.grammar.terminals), key=len, reverse=True)
        looks = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)")
        return Final(looks, lambda said: self.judge(prompt, f" {said}"), listing=True)

    def longest_answer(self, prompt: Any) -> int:
        """The longest string; 16 times the mean one of a recursive grammar, where no string is the longest."""
        longest = self.params.length or self.grammar.lengths[1] or 16 * math.ceil(self.grammar.expected_length)
        if self.row_format == "tokens":
            return longest
        return longest * (1 + max(len(self.grammar.symbol(terminal)) for terminal in self.grammar.terminals))

    def tree(self, row: Mapping[str, Any]) -> Any:
        """Return the derivation that the row states, as an nltk.Tree over its tokens."""
        return tree_of(self.grammar, row["latent"]["derivation"])

    def decode(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        derivation = " ".join(str(self.tree(row)).split())
        return {**super().decode(row), "derivation": derivation}

    def reread(self, row: Mapping[str, Any]) -> Reread:
        """Prove membership anew, expand the stated derivation in plain Python, and recount its bits."""
        cut, given = self.params.cut or 0, 0.0
        if "prompt" in row:
            prompt = tokens_of(self.grammar, row["prompt"])
            ids = prompt + tokens_of(self.grammar, row["completion"])
            if len(prompt) != cut or not row["completion"].startswith(" "):
                raise Misread(f"the prompt must hold the first {cut} tokens, and the completion begin with a space")
        else:
            ids = tokens_of(self.grammar, row["input_ids"] if "input_ids" in row else row["text"])
        if self.params.corrupt:
            return self._reread_corrupted(row, ids, cut)
        if not self.params.noise or self.params.text_bits:  # under noise nearly all is possible, and long to prove
            given = self.grammar.log2_probability(ids)
        if given == -np.inf:
            raise Misread("the tokens are no string of the grammar")
        tokens, units = expand(self.grammar, row["latent"]["derivation"])
        if tokens != ids:
            raise Misread("the derivation makes other tokens")
        if "text_bits" in row:
            check_text_bits(row, -given)
        known = self._booked if self.params.length is None else []  # of one length, a choice depends on what is left
        mask = [i >= cut for i in range(len(ids))] if self.masked and "input_ids" in row else None
        return Reread(len(ids), {BOOKS[number]: units[number] for number in known}, mask=mask)

    def _reread_corrupted(self, row: Mapping[str, Any], ids: list[int], cut: int) -> Reread:
        """Expand the derivation, see that only tokens of the prompt differ from it, and recount both books."""
        tokens, units = expand(self.grammar, row["latent"]["derivation"])
        if self.grammar.log2_probability(tokens) == -np.inf or len(tokens) != len(ids) or tokens[cut:] != ids[cut:]:
            raise Misread("the derivation makes another completion")
        stay, whole = (int(log2_units(weight)) for weight in self._coin.tolist())
        leaves = int(log2_units(int(self._coin[1] - self._coin[0])))
        places = [place for place in range(cut) if ids[place] != tokens[place]]
        choice = int(log2_units(len(self.grammar.terminals) - 1))
        corruption = cut * whole - (cut - len(places)) * stay - len(places) * (leaves - choice)
        mask = [i >= cut for i in range(len(ids))] if "input_ids" in row else None
        latent = {"places": places, "clean": tokens[:cut]}
        books = {BOOKS[DERIVATION]: units[DERIVATION], BOOKS[CORRUPTION]: corruption}
        return Reread(len(ids), books, latent, mask=mask)

    @functools.cached_property
    def _counts(self) -> Mapping[int, int]:
        """How many derivations every symbol has. Raises SynthgenError where ranks say too little, or have no end."""
        params = self.params
        told = {"noise": params.noise, "corrupt": params.corrupt, "length": params.length}
        for name, value in told.items():
            if value:
                raise SynthgenError(f"params.{name} = {value!r}: its rows have no rank, those of all derivations have")
        return moments.derivation_counts(self.grammar)

    def rank(self, row: Mapping[str, Any]) -> int:
        """Return the rank of its derivation: strings that come about in several ways have as many."""
        return rank_of(self.grammar, self._counts, row["latent"]["derivation"])

    def unrank(self, number: int) -> Mapping[str, Any]:
        check_rank(number, self._counts[self.grammar.root])
        choices, ids = derivation_of(self.grammar, self._counts, number)
        latent = {"derivation": choices}
        if self.row_format == "tokens":
            return {"input_ids": ids, "latent": latent}
        text = " ".join(map(self.grammar.symbol, ids))
        if self.row_format == "document":
            return {"text": text, "latent": latent}
        prompt = " ".join(map(self.grammar.symbol, ids[: self.params.cut]))
        return {"prompt": prompt, "completion": text.removeprefix(prompt), "latent": latent}

    def picture(self, row: Mapping[str, Any]) -> Picture:
        """Return the derivation as a tree above the string."""
        return picture_of(self.grammar, row["latent"]["derivation"])

    @property
    def probings(self) -> Mapping[str, Probing]:
        """The ancestors of tokens at every level below the root's (Part 1, section 4)."""
        targets = {f"level{level}": len(members) for level, members in enumerate((self.base.levels or ())[:-1], 1)}
        targets.pop("level1", None)
        if not targets:
            return {}
        return {
            "ends": Probing("the symbol of a level that ends with a token, in that token's state", targets),
            "tokens": Probing("every token's ancestor at a level, in the states of the row", targets, mixed=True),
        }

    def glimpses(self, row: Mapping[str, Any], probing: str) -> Sequence[Glimpse]:
        symbols, ends = ancestors(self.grammar, self.base, row["latent"]["derivation"])
        ids = expand(self.grammar, row["latent"]["derivation"])[0]
        sizes = [1 if self.row_format == "tokens" else len(self.grammar.symbol(token)) + 1 for token in ids]
        places = np.cumsum(sizes) - (self.row_format != "tokens")  # a text has no space behind its last token
        asked = ends if probing == "ends" else np.ones_like(ends)
        levels = range(1, len(symbols))
        return [
            Glimpse(
                int(places[i]), {f"level{level + 1}": int(symbols[level, i]) for level in levels if asked[level, i]}
            )
            for i in range(len(ids))
            if asked[1:, i].any()
        ]

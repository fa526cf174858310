"""Context-free grammars (Part 1, 2305.13673; Lano of Part 4.1, 2512.17351): token rows with exact derivation bits.

synthgen show cfg3f -n 1
synthgen entropy cfg3f --json
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from synthgen.assets import read_asset
from synthgen.columns import list_column
from synthgen.draw import Draw, Keys
from synthgen.entropy import Bits, Book, Entropy
from synthgen.ledger import UNITS_PER_BIT, log2_units
from synthgen.task import Rows, Task, TaskParams, Tokens, Verdict, Vocab
from synthgen.tasks.cfg.grammar import Grammar, Rule
from synthgen.tasks.cfg.membership import Membership
from synthgen.tasks.cfg.random_grammar import RandomGrammar, draw_grammar
from synthgen.tasks.cfg.sampler import Tables, sample_rows

__all__ = ["Cfg", "Grammar", "RandomGrammar", "Rule"]


class CfgParams(TaskParams):
    """Params of the task `cfg`."""

    grammar: str | RandomGrammar = Field(
        "cfg3f", description="a published grammar's name, a grammar file (.toml), or a table of sizes to draw one from"
    )


class Cfg(Task):
    """Strings of a grammar: a rule is chosen at every node by its weight (the published grammars: uniformly)."""

    name = "cfg"
    version = 1
    paper = "2305.13673"
    row_formats = ("tokens",)
    books = ("derivation",)
    difficulty = "tokens of the string"
    capabilities = frozenset({"exact", "enumerable"})
    Params: ClassVar = CfgParams
    tiny: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"grammar": {"sizes": [1, 2, 2], "degree": [2, 2], "length": [1, 2], "duplicate_rules": True}},
        {"grammar": {"sizes": [1, 2, 2, 3], "degree": [2, 3], "length": [1, 2]}},
    )

    def __init__(self, params: CfgParams, keys: Keys, files: Path) -> None:
        super().__init__(params, keys, files)
        self._key = keys.split("derivation")
        self._world: dict[str, Book] = {}
        if isinstance(params.grammar, RandomGrammar):
            draw = Draw(keys.world("grammar"))
            self.grammar = draw_grammar(params.grammar, draw)
            drawn = Bits(draw.bits, "upper", "right-hand sides that were drawn again are counted")
            self._world = {"grammar": Book(drawn, "world")}
        elif self.assets:
            self.grammar = Grammar.load(self.assets["grammar"])
        else:
            self.grammar = Grammar.load(params.grammar)

    @property
    def assets(self) -> Mapping[str, Path]:
        name = self.params.grammar
        return {"grammar": read_asset(self.files, name, "grammar")} if str(name).endswith(".toml") else {}

    @functools.cached_property
    def tables(self) -> Tables:
        """The grammar as arrays for the sampler."""
        return Tables.of(self.grammar)

    @functools.cached_property
    def membership(self) -> Membership:
        """The membership test of the verifier."""
        return Membership(self.grammar)

    @property
    def vocab(self) -> Vocab:
        top = max(self.grammar.terminals)
        names = {t: self.grammar.symbol(t) for t in self.grammar.terminals}
        names |= {0: "<bos>", top + 1: "<eos>", top + 2: "<mask>", top + 3: "<sep>", top + 4: "<pad>"}
        return Vocab(size=top + 5, bos=0, eos=top + 1, pad=top + 4, names=names)

    @property
    def latent_fields(self) -> list[pa.Field]:
        wide = max(len(rules) for rules in self.grammar.rules.values()) > 256
        return [pa.field("derivation", pa.list_(pa.uint16() if wide else pa.uint8()))]

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        grammar = self.grammar
        ids, id_ends, choices, choice_ends, units = sample_rows(
            state, self._key, start, stop, grammar, self.tables, grammar.expected_length
        )
        return Rows(
            content=Tokens(ids, id_ends),
            difficulty=np.diff(id_ends, prepend=0),
            units=units.reshape(-1, 1),
            latent={"derivation": list_column(choice_ends, choices, self.latent_fields[0].type.value_type)},
        )

    def entropy(self, rows: int | None = None) -> Entropy:
        grammar = self.grammar
        law = grammar.length_law
        mean, n = grammar.expected_length, np.arange(law.size)
        text = Bits(grammar.derivation_entropy, "upper", "two derivations may make one string")
        facts = {
            "expected_length": mean,
            "length_sd": float(np.sqrt(law @ (n - mean) ** 2)),
            "length_min": grammar.lengths[0],
            "length_max": grammar.lengths[1],
            "derivations": str(grammar.derivations),
            "text_bits": {"bits": text.value, "status": text.status, "reason": text.reason},
            "unreachable_symbols": len(set(grammar.rules) - grammar.reachable),
        }
        books = {"derivation": Book(Bits(grammar.derivation_entropy)), **self._world}
        return Entropy(books, facts, hidden=text.reason)

    def verify(self, row: Mapping[str, Any]) -> Verdict:
        """Prove membership anew, expand the stated derivation in plain Python, and recount its bits."""
        ids = row.get("input_ids")
        if not isinstance(ids, list) or not self.membership(ids):
            return Verdict.wrong("the tokens are no string of the grammar")
        try:
            tokens, units = _expand(self.grammar, row["latent"]["derivation"])
        except (KeyError, TypeError, IndexError, StopIteration):
            return Verdict.wrong("the derivation does not fit the grammar")
        if tokens != ids:
            return Verdict.wrong("the derivation makes other tokens")
        if row["difficulty"] != len(ids):
            return Verdict.wrong(f"difficulty is {row['difficulty']}, but there are {len(ids)} tokens")
        for book in ("derivation", "total"):
            if row["bits"][book] != units / UNITS_PER_BIT:
                return Verdict.wrong(f"bits.{book} is {row['bits'][book]}, the derivation has {units / UNITS_PER_BIT}")
        return Verdict.right()


def _expand(grammar: Grammar, choices: list[int]) -> tuple[list[int], int]:
    """Return the tokens of a leftmost derivation and its bits in ledger units, by walking the rules."""
    steps, tokens, units, stack = iter(choices), [], 0, [grammar.root]
    while stack:
        symbol = stack.pop()
        rules = grammar.rules.get(symbol)
        if rules is None:
            tokens.append(symbol)
            continue
        rule = rules[next(steps)]
        total = sum(r.weight for r in rules)
        uneven = len({r.weight for r in rules}) > 1
        units += log2_units(total) - log2_units(rule.weight) if uneven else log2_units(len(rules))
        stack.extend(reversed(rule.children))
    if next(steps, None) is not None:
        raise IndexError("choices are left over")
    return tokens, int(units)

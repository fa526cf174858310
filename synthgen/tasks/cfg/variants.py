"""Variants of a grammar: uniform over derivations, bags of tokens, noise. Each is a grammar again.

So the same sampler draws them, the same chart gives the exact probability of what they say, noise and all, and every
choice is booked: bags and noise in books of their own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field

from synthgen.errors import SynthgenError
from synthgen.exact.draw import Draw
from synthgen.exact.ratios import whole
from synthgen.task.contract import TaskParams
from synthgen.task.written import NEWER
from synthgen.tasks.cfg import moments
from synthgen.tasks.cfg.grammar import Grammar
from synthgen.tasks.cfg.rules import CORRUPTION, TOKENS, Rule

UNIFORM_BITS = 62
"""Probabilities of the uniform law are whole multiples of 2^-62, which is how far it is from uniform."""

USUAL_RATES = {"terminal": 0.15, "nonterminal": 0.1, "fixed": 0.05}
"""Part 1's rates as two readers of the paper remember them, not checked against its text; cards state them."""


class Bags(TaskParams):
    """Implicit grammars (Part 1): each terminal owns a bag of tokens and shows as one of them."""

    vocabulary: int = Field(300, ge=2, le=60_000, description="tokens in all")
    mode: Literal["disjoint", "overlap"] = Field(
        "disjoint", description="token i is in bag i mod T, or each bag draws 3V/2T tokens, repeats counting once"
    )
    weights: Literal["uniform", "rank"] = Field(
        "uniform", description="a bag's tokens are equally likely, or as 1, 2, 3, ..."
    )


class Noise(TaskParams):
    """Perturbed data (Part 1): a share of the rows is corrupted while they are derived."""

    kind: Literal["terminal", "nonterminal", "fixed"] = Field(
        description="terminals, or non-terminals of their level, replaced by another one at random, or by a fixed one"
    )
    rate: float | None = Field(
        None, gt=0, lt=1, description="the chance of each symbol; by default 0.15, 0.1 and 0.05 for the three kinds"
    )
    clean: float = Field(0.0, ge=0, lt=1, description="the share of rows left clean")
    levels: tuple[int, ...] | None = Field(
        None, description="levels whose symbols are replaced, the root's being 1; by default all (fixed: the lowest)"
    )
    image: Annotated[Literal["successor", "permutation"], NEWER] = Field(
        "successor",
        description="what `fixed` noise puts in a symbol's place: the next one of its level, or its image under a "
        "permutation that is drawn for the world and leaves none in place",
    )


def uniform(grammar: Grammar) -> Grammar:
    """Return the grammar that makes every derivation equally likely (to 2^-62)."""
    counts = moments.derivation_counts(grammar)
    rules = {}
    for a in grammar.order:
        shares = []
        for rule in grammar.rules[a]:
            count = 1
            for child in rule.children:
                count *= counts[child]
            shares.append(Rule(rule.children, max(1, (count << UNIFORM_BITS) // counts[a])))
        rules[a] = tuple(shares)
    return replace(grammar, rules=rules)


def with_bags(grammar: Grammar, bags: Bags, draw: Draw) -> Grammar:
    """Return the grammar whose terminals show as tokens 1 .. V. Overlapping bags are drawn with `draw`."""
    size, terminals = bags.vocabulary, grammar.terminals
    if size < len(terminals):
        raise SynthgenError(f"params.bags.vocabulary = {size}: {len(terminals)} terminals need a token each")
    shift = size + 4
    rules = {
        a + shift: tuple(Rule(tuple(c + shift for c in rule.children), rule.weight) for rule in options)
        for a, options in grammar.rules.items()
    }
    for place, terminal in enumerate(terminals):
        if bags.mode == "disjoint":
            tokens = list(range(1 + place, size + 1, len(terminals)))
        else:
            tokens = sorted({1 + draw.below(size) for _ in range(max(1, 3 * size // (2 * len(terminals))))})
        weights = range(1, len(tokens) + 1) if bags.weights == "rank" else [1] * len(tokens)
        rules[terminal + shift] = tuple(Rule((token,), weight) for token, weight in zip(tokens, weights, strict=True))
    books = {a + shift: book for a, book in grammar.books.items()} | {t + shift: TOKENS for t in terminals}
    names = {a + shift: grammar.symbol(a) for a in (*grammar.rules, *terminals)}
    origin = {a + shift: grammar.origin.get(a, a) for a in (*grammar.rules, *terminals)}
    proof = grammar.unambiguous if bags.mode == "disjoint" else False
    return Grammar(grammar.name, grammar.root + shift, rules, names, books, origin, proof)


def derangements(n: int) -> int:
    """Return how many permutations of n things leave none in place."""
    counts = [1, 0]
    for k in range(2, n + 1):
        counts.append((k - 1) * (counts[k - 1] + counts[k - 2]))
    return counts[n]


def images(grammar: Grammar, noise: Noise, draw: Draw) -> tuple[dict[int, int], float]:
    """Return what `fixed` noise puts in each symbol's place, and the bits of that; none are drawn for the successor."""
    image: dict[int, int] = {}
    bits = 0.0
    for level in _noisy_levels(grammar, noise):
        symbols = (grammar.levels or ())[level - 1]
        if len(symbols) < 2:
            continue
        moved = [*symbols[1:], symbols[0]]
        if noise.image == "permutation":
            bits += math.log2(derangements(len(symbols)))
            moved = [symbols[k] for k in draw.permutation(len(symbols))]
            while any(a == b for a, b in zip(symbols, moved, strict=True)):  # one in e is none: soon there is one
                moved = [symbols[k] for k in draw.permutation(len(symbols))]
        image |= dict(zip(symbols, moved, strict=True))
    return image, bits


def _noisy_levels(grammar: Grammar, noise: Noise) -> tuple[int, ...]:
    """Return the levels whose symbols noise replaces. Raises SynthgenError for levels at which it cannot be."""
    levels = grammar.levels
    if levels is None:
        raise SynthgenError("params.noise: only a layered grammar has levels whose symbols could replace each other")
    depth = len(levels)
    usual = [depth] if noise.kind == "terminal" else [depth - 1] if noise.kind == "fixed" else range(2, depth)
    chosen = noise.levels or tuple(usual)
    wrong = [level for level in chosen if not 2 <= level <= depth or (level == depth) != (noise.kind == "terminal")]
    if wrong:
        span = f"{depth}" if noise.kind == "terminal" else f"2 to {depth - 1}"
        raise SynthgenError(f"params.noise.levels = {list(chosen)}: {noise.kind} noise can be at level {span}")
    return chosen


def perturbed(grammar: Grammar, noise: Noise, image: Mapping[int, int]) -> Grammar:
    """Return the grammar of the noisy rows, mixed with the clean ones. `image`: see `images`, for `fixed` noise.

    A noisy copy of every symbol hangs below a new root beside the clean grammar. In the copy a child that may be
    replaced stands behind a symbol of its own, with one unit rule for staying (the first) and one for each replacement.
    """
    levels, chosen = grammar.levels or (), _noisy_levels(grammar, noise)
    rate = Fraction(str(noise.rate or USUAL_RATES[noise.kind]))
    top = max(*grammar.rules, *grammar.terminals)
    copy = {a: a + top for a in grammar.rules}  # the noisy copy of a non-terminal
    rules, books = dict(grammar.rules), dict(grammar.books)
    behind: dict[int, int] = {}  # the symbol that stands before a replaceable child
    number = 2 * top + 1
    for level in chosen:
        for symbol in levels[level - 1]:
            others = [other for other in levels[level - 1] if other != symbol]
            if noise.kind == "fixed":
                others = [image[symbol]] if others else []
            if others:
                behind[symbol] = number
                stay, leave = whole([(1 - rate) * len(others), rate])
                targets = [(symbol, stay), *((other, leave) for other in others)]
                rules[number] = tuple(Rule((copy.get(target, target),), weight) for target, weight in targets)
                books[number] = CORRUPTION
                number += 1
    for a, options in grammar.rules.items():
        rules[copy[a]] = tuple(
            Rule(tuple(behind.get(c, copy.get(c, c)) for c in rule.children), rule.weight) for rule in options
        )
    clean, dirty = whole([Fraction(str(noise.clean)), 1 - Fraction(str(noise.clean))])
    mixed = [Rule((grammar.root,), clean)] if clean else []
    rules[number] = (*mixed, Rule((copy[grammar.root],), dirty))
    books[number] = CORRUPTION
    names = {**grammar.names, **{copy[a]: grammar.symbol(a) for a in copy}, number: "<mixture>"}
    names |= {stand_in: f"<{grammar.symbol(a)}?>" for a, stand_in in behind.items()}
    origin = {copy[a]: a for a in copy} | dict.fromkeys([*behind.values(), number], 0)
    return Grammar(grammar.name, number, rules, names, books, origin, proof=False)  # seeking one takes a minute

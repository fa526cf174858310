"""Evaluation of what a model completes (Part 1, section 4): accuracy, distribution, diversity, each with an interval.

    report = evaluate(grammar, strings, cut=50)       # strings: lists of token ids, prefixes included
    report.accuracy, report.first_errors, report.diversity

The distribution distance needs the model's probabilities and not its samples: `next_token_divergence` compares them
with the grammar's own law at every position of true strings, exactly and without any epsilon.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from synthgen.task.kit.accuracy import Z, wilson
from synthgen.tasks.cfg.grammar import Grammar

Node = tuple[int, int, int]
"""A symbol over the tokens [start, end)."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval and the number of trials behind it."""

    value: float
    low: float
    high: float
    trials: int

    @classmethod
    def share(cls, successes: int, trials: int) -> Estimate:
        """Return a share with Wilson's interval."""
        return cls(successes / trials if trials else math.nan, *wilson(successes, trials), trials)

    @classmethod
    def mean(cls, values: np.ndarray) -> Estimate:
        """Return a mean with its normal interval."""
        if values.size == 0:
            return cls(math.nan, -math.inf, math.inf, 0)
        half = Z * float(values.std(ddof=1)) / math.sqrt(values.size) if values.size > 1 else math.inf
        return cls(float(values.mean()), float(values.mean()) - half, float(values.mean()) + half, values.size)


@dataclass(frozen=True)
class CfgReport:
    """What `evaluate` found in a set of strings."""

    accuracy: Estimate  # the share that the grammar makes, whole
    first_errors: dict[str, float]  # quantiles of the first wrong position of wrong strings, counted from the cut
    unfinished: Estimate  # the share that is right as far as it goes, but is not at its end
    bits: Estimate  # -log2 of the grammar's probability, over right strings; the truth is the text's entropy
    length: Estimate  # tokens, over right strings
    diversity: dict[str, Any]  # see `diversity`

    def to_json(self) -> dict[str, Any]:
        """Return plain dictionaries."""
        return asdict(self)


def evaluate(grammar: Grammar, strings: Sequence[Sequence[int]], cut: int = 0) -> CfgReport:
    """Judge whole strings (the first `cut` tokens of which were given). Some 20,000 cfg3f strings a second."""
    errors, bits, lengths, right, unfinished = [], [], [], [], 0
    for ids in strings:
        where = grammar.first_error(ids)
        if where is None:
            right.append(list(ids))
            bits.append(-grammar.log2_probability(ids))
            lengths.append(len(ids))
        elif where == len(ids):
            unfinished += 1
        else:
            errors.append(where - cut)
    quantiles = {f"p{q}": float(np.percentile(errors, q)) for q in (5, 25, 50, 75, 95)} if errors else {}
    return CfgReport(
        accuracy=Estimate.share(len(right), len(strings)),
        first_errors=quantiles,
        unfinished=Estimate.share(unfinished, len(strings)),
        bits=Estimate.mean(np.array(bits)),
        length=Estimate.mean(np.array(lengths, np.float64)),
        diversity=diversity(grammar, right),
    )


def diversity(grammar: Grammar, strings: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Return how many different strings a model makes at least, and how its level sequences compare with the truth.

    *Birthday bound*: M independent strings with c coinciding pairs speak for a collision probability of about
    c / (M (M - 1) / 2). With none seen it is below 3 over the number of pairs (95 %), so the effective number of
    strings, 1 over that probability, is at least a third of the number of pairs.

    *Level sequences* (layered grammars): the distinct sequences of level-K symbols, over those in as many strings of
    the grammar itself.
    """
    pairs = len(strings) * (len(strings) - 1) // 2
    counts = Counter(map(tuple, strings))
    coincidences = sum(n * (n - 1) // 2 for n in counts.values())
    result: dict[str, Any] = {"strings": len(strings), "distinct": len(counts), "coinciding_pairs": coincidences}
    if pairs:
        upper = 3 / pairs if coincidences == 0 else (coincidences + Z * math.sqrt(coincidences) + Z) / pairs
        result["effective_strings_at_least"] = 1 / upper
        result["effective_strings"] = math.inf if coincidences == 0 else pairs / coincidences
    if grammar.levels is not None and strings:
        truth = grammar.sample(len(strings), seed=len(strings))
        ours, theirs = level_sequences(grammar, strings), level_sequences(grammar, truth)
        result["level_sequences"] = {
            f"level{level + 1}": {"distinct": len(ours[level]), "of_the_grammar": len(theirs[level])} for level in ours
        }
    return result


def level_sequences(grammar: Grammar, strings: Sequence[Sequence[int]]) -> dict[int, set[tuple[int, ...]]]:
    """Return the distinct sequences of symbols at each level of non-terminals, by level, the root's being 0.

    A string's tree is found bottom-up, first rule first; of an ambiguous string one tree is taken.
    """
    levels = (grammar.levels or ())[:-1]
    sequences: dict[int, set[tuple[int, ...]]] = {level: set() for level in range(len(levels))}
    for ids in strings:
        for level, sequence in enumerate(parse_levels(grammar, ids)):
            sequences[level].add(sequence)
    return sequences


def parse_levels(grammar: Grammar, ids: Sequence[int]) -> list[tuple[int, ...]]:
    """Return one tree of a layered grammar's string: its symbols by level, root first. Raises ValueError if none."""
    levels = (grammar.levels or ())[:-1]
    spans: list[dict[tuple[int, int], set[int]]] = [{(t, i): {i + 1} for i, t in enumerate(ids)}]
    for level in reversed(levels):
        below, level_spans = spans[-1], {}
        starts = sorted({start for _, start in below})
        for a in level:
            for start in starts:
                ends: set[int] = set()
                for rule in grammar.rules[a]:
                    reached = {start}
                    for child in rule.children:
                        reached = {end for at in reached for end in below.get((child, at), ())}
                    ends |= reached
                if ends:
                    level_spans[a, start] = ends
        spans.append(level_spans)
    if len(ids) not in spans[-1].get((grammar.root, 0), ()):
        raise ValueError("the tokens are no string of the grammar")
    spans.reverse()
    nodes = [(grammar.root, 0, len(ids))]
    result = []
    for depth in range(len(levels)):
        result.append(tuple(symbol for symbol, _, _ in nodes))
        nodes = [child for node in nodes for child in _split(grammar, node, spans[depth + 1])]
    return result


def _split(
    grammar: Grammar, node: tuple[int, int, int], below: dict[tuple[int, int], set[int]]
) -> list[tuple[int, int, int]]:
    """Return the children of a node [start, end): those of its first rule that fits."""
    symbol, start, end = node

    def fit(children: tuple[int, ...], at: int) -> list[Node] | None:
        if not children:
            return [] if at == end else None
        for upto in sorted(below.get((children[0], at), ())):
            rest = fit(children[1:], upto)
            if rest is not None:
                return [(children[0], at, upto), *rest]
        return None

    return next(nodes for rule in grammar.rules[symbol] if (nodes := fit(rule.children, start)) is not None)


def next_token_divergence(
    grammar: Grammar, strings: Sequence[Sequence[int]], log_probabilities: Sequence[Any]
) -> Estimate:
    """Return KL(grammar || model) in bits a predicted token, by string: exact next-token laws, no epsilon.

    `log_probabilities[i]` is the model's natural-log law after each prefix of strings[i], (len + 1, vocabulary + 1),
    with columns as `Grammar.next_token` has them. A token the model thinks impossible makes it infinite.
    """
    divergences = []
    for ids, given in zip(strings, log_probabilities, strict=True):
        truth, model = grammar.next_token(ids), np.asarray(given, np.float64)
        if model.shape != truth.shape:
            raise ValueError(
                f"log probabilities of shape {model.shape}, wanted {truth.shape}: (len + 1, vocabulary + 1)"
            )
        at = truth > 0
        with np.errstate(divide="ignore"):
            divergences.append(float((truth[at] * (np.log(truth[at]) - model[at])).sum()) / math.log(2) / len(truth))
    return Estimate.mean(np.array(divergences))

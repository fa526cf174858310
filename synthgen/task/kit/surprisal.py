"""Surprisals, token by token: of rows whose next token is one of some alike, of mixtures, of texts said in phrases."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

END = -2
"""What stands behind the last symbol of a row, in the place of a symbol's number."""


def equally_likely(row: Sequence[int], options: Callable[[int], Collection[int]]) -> np.ndarray:
    """Return the bits of each symbol of a row and of its end, (symbols + 1,), where options are equally likely.

    `options(i)` is what may stand at place i behind row[:i], END among it. Behind the first symbol that may not stand
    where it does, bits are inf.
    """
    bits = np.full(len(row) + 1, np.inf)
    for i, symbol in enumerate([*row, END]):
        possible = options(i)
        if symbol not in possible:
            break
        bits[i] = math.log2(len(possible))
    return bits


def mixed(bits: Sequence[np.ndarray], shares: Sequence[float]) -> np.ndarray:
    """Return the bits of each token under a law that is one of several, which the tokens tell apart, or do not.

    bits: under each of them, (tokens + 1,); shares: how likely each is before any token.
    """
    spent = np.cumsum(np.stack(bits), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        start = np.log2(np.array(shares))[:, None]
        likely = np.logaddexp2.reduce(np.hstack([start, start - spent]), axis=0)  # log2 of what each prefix has
        paid = likely[:-1] - likely[1:]
    return np.where(np.isnan(paid), np.inf, np.maximum(paid, 0.0))


def behind_prompt(tokens: int, bits: float, completion: np.ndarray) -> np.ndarray:
    """Return the bits of a prompt of so many tokens, all at its last one, and of its completion, one behind the other.

    completion: (tokens + 1,), as `walked` returns it. Impossible prompts, of inf bits, leave no completion possible.
    """
    if bits == math.inf:
        return np.full(tokens + completion.size, np.inf)
    return np.concatenate([np.zeros(tokens - 1), [bits], completion])


State = TypeVar("State")
Phrase = str | tuple[int, ...]
"""Some characters, or some token ids."""


def walked(
    said: Phrase, start: State, follow: Callable[[State, Phrase], Iterable[tuple[float, Phrase, State | None]]]
) -> np.ndarray:
    """Return the bits of each token of `said` and of its end, (tokens + 1,), under a law told in phrases.

    `follow(state, ahead)` gives the chance of each phrase that may come next and the state behind it, None behind the
    last of a row; it may leave out phrases that begin otherwise than `ahead`, the next token of what is said. Phrases
    may begin alike, or be ways to say the same, whose chances are added: the work is that of what a reader, at each
    place, cannot tell apart yet.
    """
    chances = np.zeros(len(said) + 2)  # of all rows that begin with said[:i]; the last one, of what is said as a row
    chances[0] = 1.0
    ways = [(1.0, 0, start)]
    while ways:
        chance, at, state = ways.pop()
        for share, phrase, behind in follow(state, said[at : at + 1]):
            end = at + len(phrase)
            if said[at:end] == phrase:
                if behind is not None:
                    ways.append((chance * share, end, behind))
                elif end == len(said):
                    chances[-1] += chance * share
            else:  # as far as they agree
                end = at + next(i for i, token in enumerate(phrase) if said[at + i : at + i + 1] != phrase[i : i + 1])
            chances[at + 1 : end + 1] += chance * share
    with np.errstate(divide="ignore", invalid="ignore"):
        bits = -np.diff(np.log2(chances))
    return np.where(np.isnan(bits), np.inf, np.maximum(bits, 0.0))


Piece = Phrase | int
"""What a sentence is made of: phrases, and numbers of what is filled in."""


@dataclass(frozen=True)
class Way:
    """A piece that may come next, how likely, and the ways on from there: none at the end of the sentence."""

    share: float
    piece: Piece
    onward: tuple[Way, ...]


def ways_of(sentences: Sequence[Sequence[Piece]], weights: Sequence[float] | None = None) -> tuple[Way, ...]:
    """Return sentences as ways: those that begin with the same piece are one until they part. No weights: all alike."""
    weights = [1.0] * len(sentences) if weights is None else weights
    by_piece: dict[Piece, list[tuple[float, Sequence[Piece]]]] = {}
    for weight, (first, *rest) in zip(weights, sentences, strict=True):
        by_piece.setdefault(first, []).append((weight, rest))
    ways, total = [], math.fsum(weights)
    for piece, behind in by_piece.items():
        going_on = any(rest for _, rest in behind)  # where some end here and others do not, those say nothing more
        rests = [rest or [""] for _, rest in behind] if going_on else []
        of_rests = [weight for weight, _ in behind] if going_on else []
        ways.append(Way(math.fsum(weight for weight, _ in behind) / total, piece, ways_of(rests, of_rests)))
    return tuple(ways)

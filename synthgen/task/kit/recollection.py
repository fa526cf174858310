"""What may come next in rows of copying and recall: the laws of `copy` and `recall`, token by token."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from synthgen.task.kit.alphabet import FIRST
from synthgen.task.kit.surprisal import END, equally_likely


def copy_surprisals(task: Any, said: Sequence[int] | str, number: int = 0) -> np.ndarray:
    """What `Task.surprisals` is of copying: an item is one of those left, and all behind the items is known."""
    row, n = task.alphabet.numbers_of(said), task.params.tokens
    items = set(range(FIRST, FIRST + n))

    def options(i: int) -> Collection[int]:
        return items - set(row[:i]) if i < n else [FIRST + n] if i == n else [*row[:n], END][i - n - 1 : i - n]

    return equally_likely(row, options)


def recall_surprisals(task: Any, said: Sequence[int] | str, number: int = 0) -> np.ndarray:
    """What `Task.surprisals` is of recall: a key is one of those left, a value any.

    Then a query is one of the keys left, and its value is known.
    """
    row, keys, queries = task.alphabet.numbers_of(said), task.params.keys, 2 * task.params.pairs
    values = range(FIRST + keys, FIRST + keys + task.params.values)

    def options(i: int) -> Collection[int]:
        if i % 2:
            return values if i < queries else [row[row.index(row[i - 1]) + 1]]
        if i < queries:
            return set(range(FIRST, FIRST + keys)) - set(row[:i:2])
        return set(row[:queries:2]) - set(row[queries:i:2]) or [END]

    return equally_likely(row, options)

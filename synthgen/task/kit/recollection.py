"""What `copy` and `recall` know of their rows: what may come next, token by token, ranks, and final answers."""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from synthgen.task.judging import NUMBER, Final
from synthgen.task.kit.alphabet import FIRST
from synthgen.task.kit.ranks import arrangement_of, check_rank, rank_of
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


# -- ranks -------------------------------------------------------------------------------------------------------------


def copy_rank(task: Any, row: Mapping[str, Any]) -> int:
    """Return the number of a row's permutation. Raises ValueError for a row that is no copy."""
    n = task.parse(row)["tokens"]
    return rank_of([i - FIRST for i in row["input_ids"][:n]], n)


def copy_unrank(task: Any, number: int) -> dict[str, Any]:
    """Return the row whose permutation has a number. Raises SynthgenError for one that is too great."""
    n = task.params.tokens
    ids = [FIRST + item for item in arrangement_of(check_rank(number, math.factorial(n)), n, n)]
    return {"input_ids": [*ids, FIRST + n, *ids]}


def recall_rank(task: Any, row: Mapping[str, Any]) -> int:
    """Return a row's number: by keys, then their values, then the order of queries. Raises ValueError on junk."""
    if not (verdict := task.judge(row["input_ids"], [])).correct:
        raise ValueError(verdict.reason)
    ids, params, n = [i - FIRST for i in row["input_ids"]], task.params, task.params.pairs
    keys, number = ids[0 : 2 * n : 2], 0
    for value in ids[1 : 2 * n : 2]:
        number = number * params.values + value - params.keys
    number += rank_of(keys, params.keys) * params.values**n
    return number * math.factorial(n) + rank_of([keys.index(key) for key in ids[2 * n :: 2]], n)


def recall_unrank(task: Any, number: int) -> dict[str, Any]:
    """Return the row that has a number. Raises SynthgenError for one that is too great."""
    params, n = task.params, task.params.pairs
    orders, values = math.factorial(n), params.values**n
    check_rank(number, math.perm(params.keys, n) * values * orders)
    rest, order = divmod(number, orders)
    chosen, said = divmod(rest, values)
    pairs: list[tuple[int, int]] = []
    for key in reversed(arrangement_of(chosen, params.keys, n)):
        said, value = divmod(said, params.values)
        pairs.insert(0, (FIRST + key, FIRST + params.keys + value))
    asked = [pairs[place] for place in arrangement_of(order, n, n)]
    return {"input_ids": [i for pair in (*pairs, *asked) for i in pair]}


# -- final answers -----------------------------------------------------------------------------------------------------


def copy_final(task: Any, prompt: Any) -> Final:
    """Return what answers a row cut short: all that is left to copy."""
    return Final(NUMBER, lambda said: task.judge(prompt, task.encoded(said)), listing=True)


def recall_final(task: Any, prompt: Any) -> Final:
    """Return what answers a row cut short: the values that are left to recall, and the queries between them."""
    looks = re.compile(r"\b[kv][0-9]{1,9}\b")
    return Final(looks, lambda said: task.judge(prompt, task.encoded(said)), listing=True)

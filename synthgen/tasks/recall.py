"""Recall (after 2312.04927, without its filler tokens): key-value pairs, then every key again with its value."""

import math
from typing import ClassVar

import numpy as np
from pydantic import Field

from synthgen.errors import SynthgenError
from synthgen.exact.bits import Bits
from synthgen.exact.draw import begin, log2_subsets, shuffle, uniform, uniform_subset
from synthgen.exact.entropy import Book, Entropy, log2_factorial, log2_falling
from synthgen.exact.jit import kernel
from synthgen.exact.ledger import log2_units
from synthgen.task.contract import Task, TaskParams
from synthgen.task.judging import STEPLESS
from synthgen.task.kit.alphabet import FIRST, Alphabet
from synthgen.task.kit.paired_rows import recall_picture
from synthgen.task.kit.recollection import recall_final, recall_rank, recall_surprisals, recall_unrank
from synthgen.task.rows import Rows, Tokens
from synthgen.task.verdict import Reread, Verdict


class RecallParams(TaskParams):
    """Params of the task `recall`."""

    pairs: int = Field(64, ge=1, le=10_000, description="key-value pairs, each asked for once")
    keys: int = Field(4096, ge=1, le=32_000, description="different keys")
    values: int = Field(4096, ge=2, le=32_000, description="different values")


@kernel
def write_rows(state, stages, start, stop, keys, values, ids, units):
    """Write the rows [start, stop) to ids (rows, 4 pairs): `keys` keys have the lowest numbers, then the values."""
    n = ids.shape[1] // 4
    chosen, order = np.empty(n, np.int64), np.empty(n, np.int64)
    set_and_values = log2_subsets(keys, n) + n * log2_units(values)  # the same in every row, and long to compute
    for row in range(start, stop):
        begin(state, stages[0], row, 0)
        uniform_subset(state, keys, n, chosen)
        shuffle(state, chosen, n)
        for i in range(n):
            ids[row - start, 2 * i] = FIRST + chosen[i]
            ids[row - start, 2 * i + 1] = FIRST + keys + uniform(state, values)
            order[i] = i
        units[row - start, 0] = state.ledger + set_and_values
        begin(state, stages[1], row, 0)
        shuffle(state, order, n)
        units[row - start, 1] = state.ledger
        for i in range(2 * n):
            ids[row - start, 2 * n + i] = ids[row - start, 2 * order[i >> 1] + (i & 1)]


class Recall(Task):
    """Associative recall: the value that stood behind a key, for every key."""

    name, version, paper, family = "recall", 1, "2312.04927", "Canon playground"
    row_formats, books, modes = ("tokens",), ("pairs", "order"), STEPLESS
    difficulty, masked, picture = "pairs", True, recall_picture
    surprisals, rank, unrank, final = recall_surprisals, recall_rank, recall_unrank, recall_final
    capabilities = frozenset({"exact", "injective", "enumerable"})
    vocab = property(lambda self: self.alphabet.vocab)
    Params: ClassVar = RecallParams
    tiny = ({"pairs": 2, "keys": 3, "values": 2}, {"pairs": 3, "keys": 3, "values": 2})

    def __init__(self, params, keys, files, row_format=""):
        super().__init__(params, keys, files, row_format)
        if params.pairs > params.keys:
            raise SynthgenError(f"params.pairs = {params.pairs}: there are only {params.keys} keys")
        names = [f"k{i}" for i in range(params.keys)] + [f"v{i}" for i in range(params.values)]
        self.alphabet = Alphabet.of([(name, FIRST + i) for i, name in enumerate(names)], bos=0, eos=1, pad=2)

    def rows(self, start, stop, state):
        params, rows, n = self.params, stop - start, self.params.pairs
        ids, units = np.empty((rows, 4 * n), np.uint16), np.empty((rows, 2), np.int64)
        stages = np.array([self.keys.split(book) for book in self.books])
        write_rows(state, stages, start, stop, params.keys, params.values, ids, units)
        ends, mask = np.arange(1, rows + 1) * 4 * n, [i > 2 * n and i % 2 == 1 for i in range(4 * n)]
        return Rows(Tokens(ids.reshape(-1), ends, np.tile(mask, rows)), np.full(rows, n), units, {})

    def entropy(self, rows=None, estimates=True):
        params, n = self.params, self.params.pairs
        pairs, order = log2_falling(params.keys, n) + n * math.log2(params.values), Book(Bits(log2_factorial(n)))
        return Entropy({"pairs": Book(Bits(pairs)), "order": order}, {"answer_bits": 0.0}, tokens=4.0 * n + 1)

    def judge(self, prompt, completion):
        """Judge the values recalled; `step` is the first wrong query. The prompt holds the pairs, or more."""
        numbers, n = self.alphabet.read([*prompt, *completion]), self.params.pairs
        known = dict(zip(numbers[0 : 2 * n : 2], numbers[1 : 2 * n : 2], strict=False))
        asked, said, border = numbers[2 * n :: 2], numbers[2 * n + 1 :: 2], FIRST + self.params.keys
        sound = len(numbers) == 4 * n and len(known) == n and sorted(asked) == sorted(known)
        if not sound or max(known) >= border or min(known.values()) < border:
            return Verdict.wrong(f"not {n} pairs and as many queries, one a key", 0)
        right = [known[key] == value for key, value in zip(asked, said, strict=True)]
        return Verdict.by_parts(right, max(0, len(prompt) - 2 * n) // 2, "a value differs")

    def longest_answer(self, prompt):
        return max(0, 4 * self.params.pairs - len(prompt))

    def reread(self, row):
        params, n = self.params, self.params.pairs
        pairs = sum(int(log2_units(params.keys - i)) for i in range(n)) + n * int(log2_units(params.values))
        order, mask = sum(int(log2_units(i)) for i in range(2, n + 1)), [i > 2 * n and i % 2 == 1 for i in range(4 * n)]
        return Reread(n, {"pairs": pairs, "order": order}, mask=mask, verdict=self.judge(row["input_ids"], []))

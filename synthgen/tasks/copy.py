"""Copy (Part 4.1, 2512.17351, appendix B): a permutation of N tokens, a mark, and the same again.

The smallest published demonstration of Canon layers: with them one layer of width 16 copies 500 tokens.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from synthgen.exact.bits import Bits
from synthgen.exact.draw import begin, shuffle
from synthgen.exact.entropy import Book, Entropy, log2_factorial
from synthgen.exact.jit import kernel
from synthgen.exact.ledger import log2_units
from synthgen.task.contract import Task, TaskParams
from synthgen.task.judging import STEPLESS
from synthgen.task.kit.alphabet import FIRST, Alphabet
from synthgen.task.kit.paired_rows import copy_picture
from synthgen.task.kit.recollection import copy_final, copy_rank, copy_surprisals, copy_unrank
from synthgen.task.rows import Rows, Tokens
from synthgen.task.verdict import Reread, Verdict


class CopyParams(TaskParams):
    """Params of the task `copy`."""

    tokens: int = Field(500, ge=2, le=20_000, description="tokens to copy: a permutation of so many symbols")


@kernel
def write_rows(state, key, start, stop, first, ids, units):
    """Write the rows [start, stop) to ids (rows, 2 N + 1)."""
    n = ids.shape[1] // 2
    for row in range(start, stop):
        begin(state, key, row, 0)
        said = ids[row - start]
        for i in range(n + 1):
            said[i] = first + i
        shuffle(state, said, n)
        for i in range(n):
            said[n + 1 + i] = said[i]
        units[row - start, 0] = state.ledger


class Copy(Task):
    """Copying: every token of the second half stands N + 1 places before."""

    name, version, paper, family = "copy", 1, "2512.17351", "Canon playground"
    row_formats, books, modes = ("tokens",), ("order",), STEPLESS
    glossary: Mapping[str, str] = {"<copy>": "what stands before it follows once more"}
    difficulty = "tokens to copy"
    capabilities = frozenset({"exact", "injective", "enumerable", "parses"})
    Params: ClassVar = CopyParams
    tiny = ({"tokens": 2}, {"tokens": 4})
    masked, picture = True, copy_picture
    surprisals, rank, unrank, final = copy_surprisals, copy_rank, copy_unrank, copy_final
    latent_fields: ClassVar = [pa.field("tokens", pa.int32())]

    def __init__(self, params, keys, files, row_format=""):
        super().__init__(params, keys, files, row_format)
        symbols = [(str(i), FIRST + i) for i in range(params.tokens)] + [("<copy>", FIRST + params.tokens)]
        self.alphabet = Alphabet.of(symbols, bos=0, eos=1, pad=2)

    @property
    def vocab(self):
        return self.alphabet.vocab

    def rows(self, start, stop, state):
        rows, n = stop - start, self.params.tokens
        ids, units = np.empty((rows, 2 * n + 1), np.uint16), np.empty((rows, 1), np.int64)
        write_rows(state, self.keys.split("order"), start, stop, FIRST, ids, units)
        ends, trained = np.arange(1, rows + 1) * (2 * n + 1), np.tile(np.arange(2 * n + 1) > n, rows)
        sizes = np.full(rows, n, np.int32)
        return Rows(Tokens(ids.reshape(-1), ends, trained), sizes, units, {"tokens": pa.array(sizes)})

    def entropy(self, rows=None, estimates=True):
        n = self.params.tokens
        return Entropy({"order": Book(Bits(log2_factorial(n)))}, {"answer_bits": 0.0}, tokens=2.0 * n + 2)

    def parse(self, row):
        if not self.judge(row["input_ids"], []).correct:
            raise ValueError("not a permutation and its copy")
        return {"tokens": len(row["input_ids"]) // 2}

    def judge(self, prompt, completion):
        """Judge a copy; `step` is its first wrong token. The prompt is a row cut after its mark or later."""
        numbers, n = self.alphabet.read([*prompt, *completion]), self.params.tokens
        if sorted(numbers[:n]) != list(range(FIRST, FIRST + n)) or numbers[n : n + 1] != [FIRST + n]:
            return Verdict.wrong("the prompt is not a permutation and the mark", 0)
        if len(numbers) > 2 * n + 1:
            return Verdict.wrong(f"token {2 * n + 1} stands behind the copy", n)
        right = [numbers[n + 1 + i : n + 2 + i] == numbers[i : i + 1] for i in range(n)]
        return Verdict.by_parts(right, max(0, len(prompt) - n - 1), "the copy differs")

    def longest_answer(self, prompt):
        return max(0, 2 * self.params.tokens + 1 - len(prompt))

    def reread(self, row):
        n, verdict = self.params.tokens, self.judge(row["input_ids"], [])
        units, mask = sum(int(log2_units(i)) for i in range(2, n + 1)), [i > n for i in range(2 * n + 1)]
        return Reread(n, {"order": units}, {"tokens": n}, mask=mask, verdict=verdict)

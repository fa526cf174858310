"""The certificate of a corpus: its knowledge rebuilt from the shards alone, and what must hold of it.

Reads only what a reader sees, and where the spans say that names and values stand. Certifies that names are unique,
every person is complete, all entries of a person agree, exposures are as stated, neighbouring rows are of different
people, the employer determines the company city, and values are uniform. One pass, memory for four million people;
of larger worlds, the people whose hash falls into the first k-th are followed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from synthgen.exact.jit import kernel
from synthgen.tasks.bios.world.lists import ATTRIBUTES

NAME, FACTS = "name", len(ATTRIBUTES)
EMPLOYER, CITY = ATTRIBUTES.index("employer"), ATTRIBUTES.index("company_city")
PEOPLE_MAX = 2**22
CHANCE = 1e-6
"""Values are called uneven where chi-square finds the marginal of an attribute less likely than this."""

PEOPLE, ROWS, CONTRADICTIONS, INCOMPLETE, NEIGHBOURS, NEAREST, FIRST_FAULT, TALLIES = range(8)


class CorpusCertificate:
    """Gathers one split. `entries` is None where the split does not hold every entry of everybody."""

    def __init__(
        self, people: int, entries: int | None, sizes: dict[str, int], unequal: np.ndarray | None = None
    ) -> None:
        """`sizes` are how many values each uniformly drawn attribute has.

        `unequal`: how many entries people have, in any order, where not all have as many.
        """
        self.people, self.entries, self.sizes, self.unequal = people, entries, sizes, unequal
        self.share = -(-people // PEOPLE_MAX)
        slots = 1 << max(8, math.ceil(math.log2(2.5 * min(people, PEOPLE_MAX))))
        self._names, self._counts = np.zeros(slots, np.uint64), np.zeros(slots, np.int64)
        self._values, self._last = np.zeros((slots, FACTS), np.uint64), np.zeros(slots, np.int64)
        self._before = np.zeros(1, np.uint64)  # the name of the row before
        self._tallies = np.zeros(TALLIES, np.int64)
        self._tallies[NEAREST] = self._tallies[FIRST_FAULT] = 2**62
        self._full = False

    def add(self, batch: pa.RecordBatch) -> None:
        """Take in the next rows of the split."""
        column = batch.column("text" if "text" in batch.schema.names else "input_ids")
        width = 1 if pa.types.is_string(column.type) else column.type.value_type.byte_width
        buffers = column.buffers()
        offsets = np.frombuffer(buffers[1], np.int32)[column.offset : column.offset + len(column) + 1]
        data = np.frombuffer(buffers[-1], np.uint8)
        spans = batch.column("latent").field("spans")
        hashes = np.zeros((batch.num_rows, 1 + FACTS), np.uint64)
        for kind, name in enumerate((NAME, *ATTRIBUTES)):
            lists = spans.field(name)
            starts, ends = (lists.flatten().field(edge).to_numpy() for edge in ("start", "end"))
            places = lists.offsets.to_numpy()[: batch.num_rows + 1] - lists.offsets[0].as_py()
            _hash(data, offsets.astype(np.int64) * width, width, places, starts, ends, hashes[:, kind])
        self._full |= not _absorb(
            hashes, self._names, self._counts, self._values, self._last, self._before, self._tallies, self.share
        )

    def findings(self) -> Iterator[tuple[str, bool, str]]:
        """Yield (what, whether it holds, the figures)."""
        tallies = self._tallies.tolist()
        here = self._counts > 0
        counts, values = self._counts[here], self._values[here]
        names = int(counts.size)
        of = f" (of one in {self.share} by hash)" if self.share > 1 else ""
        fault = f", first in row {tallies[FIRST_FAULT]:,}" if tallies[FIRST_FAULT] < 2**62 else ""
        yield (
            "names unique",
            tallies[CONTRADICTIONS] == 0,
            f"{names:,} names{of}, {tallies[CONTRADICTIONS]:,} entries with other facts than their name's first{fault}",
        )
        yield (
            "people complete",
            tallies[INCOMPLETE] == 0,
            f"{tallies[INCOMPLETE]:,} rows without one name and six facts",
        )
        if self.share == 1:
            every = names == self.people or self.entries is None
            limit = "at most" if self.entries is None else "must be"
            yield "people", every and names <= self.people and not self._full, f"{names:,}, {limit} {self.people:,}"
        if names:
            least, mean, most = int(counts.min()), float(counts.mean()), int(counts.max())
            if self.unequal is None:
                even = self.entries is None or least == most == self.entries
            else:  # of a part of the people, that none has more than anybody may
                whole = self.share == 1 and names == self.people
                even = np.array_equal(np.sort(counts), np.sort(self.unequal)) if whole else most <= self.unequal.max()
            yield "exposures", bool(even), f"{least:,} / {mean:,.2f} / {most:,} a person (least / mean / most){of}"
        far = "none has two" if tallies[NEAREST] == 2**62 else f"nearest {tallies[NEAREST]:,} rows apart"
        detail = f"{tallies[NEIGHBOURS]:,} pairs of neighbouring rows of one person; {far}"
        alone = self.people == 1 or self.unequal is not None  # where some have many entries, they may meet
        yield "neighbours", tallies[NEIGHBOURS] == 0 or alone, detail
        homes = np.unique(values[:, [EMPLOYER, CITY]], axis=0)
        employers = len(np.unique(homes[:, 0]))
        yield (
            "employer gives city",
            len(homes) == employers,
            f"{employers:,} employers, {len(homes):,} pairs with a city",
        )
        for attribute, size in self.sizes.items():
            yield self._marginal(attribute, size, values[:, ATTRIBUTES.index(attribute)])

    def _marginal(self, attribute: str, size: int, values: np.ndarray) -> tuple[str, bool, str]:
        counts, expected = np.unique(values, return_counts=True)[1], len(values) / size
        if expected < 1 or size == 1:
            return (
                f"{attribute} uniform",
                len(counts) <= size,
                f"{len(counts):,} of {size:,} values (too few for a test)",
            )
        statistic = float(((counts - expected) ** 2).sum() / expected + (size - len(counts)) * expected)
        chance = _chance(statistic, size - 1)
        detail = f"{len(counts):,} of {size:,} values, chi-square {statistic:,.1f}, p = {chance:.2g}"
        return f"{attribute} uniform", len(counts) <= size and chance > CHANCE, detail


def _chance(statistic: float, freedom: int) -> float:
    """Return how likely a chi-square of at least this is (Wilson and Hilferty's normal approximation)."""
    variance = 2 / (9 * freedom)
    z = ((statistic / freedom) ** (1 / 3) - (1 - variance)) / math.sqrt(variance)
    return 0.5 * math.erfc(z / math.sqrt(2))


@kernel
def _hash(data, offsets, width, places, starts, ends, hashes):
    """Hash the first span of each row; 0 where a row has none, or several that differ. Text spans count code points."""
    for row in range(hashes.size):
        begin, end = offsets[row], offsets[row + 1]
        ascii_ = True
        if width == 1:
            for i in range(begin, end):
                if data[i] > 127:
                    ascii_ = False
                    break
        for span in range(places[row], places[row + 1]):
            first, last = begin + starts[span] * width, begin + ends[span] * width
            if not ascii_:
                first, last = _byte(data, begin, end, starts[span]), _byte(data, begin, end, ends[span])
            if first < begin or last > end or first >= last:
                hashes[row] = 0
                break
            word = np.uint64(0xCBF29CE484222325)
            for i in range(first, last):
                word = (word ^ np.uint64(data[i])) * np.uint64(0x100000001B3)
            word ^= word >> np.uint64(32)
            word = (word * np.uint64(0x9E3779B97F4A7C15)) | np.uint64(1)  # 0 is no value
            if span > places[row] and word != hashes[row]:
                hashes[row] = 0
                break
            hashes[row] = word


@kernel
def _byte(data, begin, end, points):
    """Return where code point number `points` of data[begin:end] begins."""
    at = begin
    while at < end and points > 0:
        at += 1
        while at < end and data[at] & 0xC0 == 0x80:
            at += 1
        points -= 1
    return at


@kernel
def _absorb(hashes, names, counts, values, last, before, tallies, share):
    """Add rows to the table of people (open addressing); False if it is full."""
    mask = np.uint64(names.size - 1)
    for row in range(hashes.shape[0]):
        number = tallies[ROWS]
        tallies[ROWS] += 1
        name = hashes[row, 0]
        whole = True
        for kind in range(hashes.shape[1]):
            whole = whole and hashes[row, kind] != 0
        if not whole:
            tallies[INCOMPLETE] += 1
            tallies[FIRST_FAULT] = min(tallies[FIRST_FAULT], number)
        if name == 0:
            continue
        if name == before[0]:
            tallies[NEIGHBOURS] += 1
        before[0] = name
        if (name >> np.uint64(40)) % np.uint64(share) != 0:
            continue
        slot = np.int64((name >> np.uint64(1)) & mask)
        tries = 0
        while counts[slot] > 0 and names[slot] != name:
            slot = np.int64((np.uint64(slot) + np.uint64(1)) & mask)
            tries += 1
            if tries == names.size:
                return False
        if counts[slot] == 0:
            names[slot] = name
            values[slot] = hashes[row, 1:]
        else:
            tallies[NEAREST] = min(tallies[NEAREST], number - last[slot])
            for kind in range(values.shape[1]):
                if values[slot, kind] != hashes[row, 1 + kind]:
                    tallies[CONTRADICTIONS] += 1
                    tallies[FIRST_FAULT] = min(tallies[FIRST_FAULT], number)
                    break
        counts[slot] += 1
        last[slot] = number
    return True

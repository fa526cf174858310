"""A task of a package of its own: guess which of n coins is the odd one. In plain Python, without a kernel.

pip install .                 # beside synthgen
synthgen show coins.toml
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import Field

from synthgen.task import (
    UNITS_PER_BIT,
    Bits,
    Book,
    Codes,
    Draw,
    Entropy,
    PhraseTable,
    Reread,
    Rows,
    Task,
    TaskParams,
    Verdict,
    log2_big,
)


class CoinsParams(TaskParams):
    """Params of the task `coins`."""

    coins: int = Field(3, ge=2, le=1000, description="coins on the table")


class Coins(Task):
    """Coins in a row, one of them heads; the completion says which."""

    name = "coins"
    row_formats = ("prompt-completion",)
    books = ("place",)
    difficulty = "coins on the table"
    capabilities = frozenset({"exact", "injective", "enumerable"})
    Params = CoinsParams
    tiny = ({"coins": 2}, {"coins": 5})
    latent_fields = (pa.field("place", pa.int32()),)

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        """Draw a place for each row, at the row's own address, and write the coins as phrases of a table."""
        n, table = self.params.coins, PhraseTable(["Tails", "Heads", ", ", ". Which?"])
        codes: list[int] = []
        ends, places, units = [], [], []
        for row in range(start, stop):
            draw = Draw(self.keys.split("place"), row, state=state)
            place = draw.below(n)
            for coin in range(n):
                codes += [int(coin == place), 2 if coin < n - 1 else 3]
            ends.append(len(codes))  # of the prompt
            codes.append(table.add(f" {place + 1}."))
            ends.append(len(codes))  # of the completion
            places.append(place)
            units.append([draw.units])  # a row's books, in ledger units
        return Rows(
            content=Codes(table, np.array(codes, np.int32), np.array(ends), parts=2),
            difficulty=np.full(stop - start, n),
            units=np.array(units),
            latent={"place": pa.array(places, pa.int32())},
        )

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        """One of n places, each equally likely."""
        return Entropy({"place": Book(Bits(log2_big(self.params.coins) / UNITS_PER_BIT))})

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        """Right is the number of the only coin that shows heads."""
        coins = prompt.removesuffix(". Which?").split(", ") if isinstance(prompt, str) else []
        right = coins.count("Heads") == 1 and completion == f" {coins.index('Heads') + 1}."
        return Verdict.right() if right else Verdict.wrong("that is not the coin")

    def reread(self, row: Mapping[str, Any]) -> Reread:
        """Find difficulty, bits and place in the text alone; `verify` compares them with what the row states."""
        coins = row["prompt"].removesuffix(". Which?").split(", ")
        verdict = self.judge(row["prompt"], row["completion"])
        latent = {"place": coins.index("Heads")} if verdict.correct else {}
        return Reread(len(coins), {"place": int(log2_big(len(coins)))}, latent, verdict=verdict)

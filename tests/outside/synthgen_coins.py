"""A task of another package: guess which of n coins is the odd one. In plain Python, without a kernel."""

import numpy as np
import pyarrow as pa
from pydantic import Field

from synthgen.draw import Draw
from synthgen.entropy import Bits, Book, Entropy
from synthgen.ledger import UNITS_PER_BIT, log2_big
from synthgen.phrases import Codes, PhraseTable
from synthgen.task import Rows, Task, TaskParams, Verdict


class CoinsParams(TaskParams):
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

    def rows(self, start, stop, state):
        n, table = self.params.coins, PhraseTable(["Tails", "Heads", ", ", ". Which?"])
        codes, ends, places, units = [], [], [], []
        for row in range(start, stop):
            draw = Draw(self.keys.split("place"), row, state=state)
            place = draw.below(n)
            for coin in range(n):
                codes += [int(coin == place), 2 if coin < n - 1 else 3]
            ends.append(len(codes))
            codes.append(table.add(f" {place + 1}."))
            ends.append(len(codes))
            places.append(place)
            units.append([draw.units])
        return Rows(
            content=Codes(table, np.array(codes, np.int32), np.array(ends), parts=2),
            difficulty=np.full(stop - start, n),
            units=np.array(units),
            latent={"place": pa.array(places, pa.int32())},
        )

    def entropy(self, rows=None, estimates=True):
        return Entropy({"place": Book(Bits(log2_big(self.params.coins) / UNITS_PER_BIT))})

    def judge(self, prompt, completion):
        coins = str(prompt).removesuffix(". Which?").split(", ")
        right = coins.count("Heads") == 1 and completion == f" {coins.index('Heads') + 1}."
        return Verdict.right() if right else Verdict.wrong("that is not the coin")

    def verify(self, row):
        try:
            fine = row["difficulty"] == len(row["prompt"].split(", ")) and row["bits"] == dict.fromkeys(
                ("total", "place"), self.entropy().bits
            )
            return self.judge(row["prompt"], row["completion"]) if fine else Verdict.wrong("bits or difficulty")
        except (KeyError, TypeError, AttributeError):
            return Verdict.wrong("junk")

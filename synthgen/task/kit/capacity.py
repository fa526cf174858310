"""Capacity: how many bits of a world a model has stored, and how many a parameter (Part 3.3, 2404.05405).

Losses are in nats, summed over the tokens of a string and averaged: p1 of a name where a biography begins, p2 of all
values of a person given the name (bioS: the drawn attributes; bioD: K times the mean of one value), p3 of the first
chunk of a value given the name (bioD). Every function takes plain numbers, so that any trainer can use it.

Two forms: the paper's, with N log2(N0 / N) bits for names; and the exact one, with log2 C(N0, N), the entropy of a set
of N names, which is what the world's books state. They differ by about N log2 e bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from synthgen.errors import SynthgenError
from synthgen.exact.entropy import log2_binomial

LN2 = math.log(2)


@dataclass(frozen=True)
class Knowledge:
    """What there is to know: `people` of `names` full names, `attribute_bits` a person, and bioD's sets of strings.

    `attributes`, `values`, `string_bits` and `string_tokens` are K, D, log2(T^L) and L of bioD; K is 0 where values are
    of closed lists.
    `span_bits` has the bits of a value by the kind of span it stands in; 0 where it follows from another value.
    """

    people: int
    names: int
    attribute_bits: float
    attributes: int = 0
    values: int = 0
    string_bits: float = 0.0
    span_bits: Mapping[str, float] = field(default_factory=dict)
    string_tokens: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.people <= self.names:
            raise SynthgenError(f"people = {self.people:,}: between 1 and the {self.names:,} names")

    @property
    def bits(self) -> float:
        """All of it, exactly: log2 C(N0, N) + N x attribute bits + K log2 C(T^L, D)."""
        return log2_binomial(self.names, self.people) + self.people * self.attribute_bits + self._strings_exact

    @property
    def paper_bits(self) -> float:
        """All of it in the paper's form: N log2(N0 / N) + N x attribute bits + K D log2(T^L / D)."""
        return self.people * (math.log2(self.names / self.people) + self.attribute_bits) + self._strings(0.0)

    @property
    def _strings_exact(self) -> float:
        if not self.attributes:
            return 0.0
        strings = round(2**self.string_bits) if self.string_bits < 52 else None
        if strings is not None:
            return self.attributes * log2_binomial(strings, self.values)
        # far more strings than are drawn: D log2(T^L) - log2 D!, whose error is below D^2 / T^L
        return self.attributes * (self.values * self.string_bits - math.lgamma(self.values + 1) / LN2)

    def _strings(self, p3: float) -> float:
        if not self.attributes:
            return 0.0
        return self.attributes * self.values * (self.string_bits - math.log2(self.values) - p3 / LN2)

    def stored_paper(self, p1: float, p2: float, p3: float = 0.0) -> float:
        """Return the bits stored, in the paper's form (its definition 2.2): at p1 = ln N and p2 = p3 = 0, `paper_bits`.
        It may be negative.
        """
        names = self.people * (math.log2(self.names) - p1 / LN2)
        return names + self.people * (self.attribute_bits - p2 / LN2) + self._strings(p3)

    def stored(self, p1: float, p2: float, p3: float = 0.0) -> float:
        """Return the bits stored, in the exact form: at p1 = ln N and p2 = p3 = 0, `bits`."""
        excess = self.people * (p1 + p2 - math.log(self.people)) + self.attributes * self.values * p3
        return self.bits - excess / LN2

    def bound(self, p1: float, p2: float, p3: float = 0.0) -> float:
        """Return the theorem's lower bound on the bits of a model with these losses, without its o(KD) term.

        Theorem 3.2 with N0 - N names and T^L - D strings left: a little below `stored_paper`.
        """
        names = self.people * (math.log2(self.names - self.people) - p1 / LN2) if self.names > self.people else 0.0
        values = self.people * (self.attribute_bits - p2 / LN2)
        if not self.attributes:
            return names + values
        left = self.string_bits + math.log2(max(1 - self.values * 2.0**-self.string_bits, 2.0**-1000))
        return names + values + self.attributes * self.values * (left - math.log2(self.values) - p3 / LN2)

    def ratio(self, parameters: int, p1: float, p2: float, p3: float = 0.0) -> float:
        """Return R(F), bits stored a parameter in the paper's form."""
        return self.stored_paper(p1, p2, p3) / parameters

    def ratio_max(self, parameters: int) -> float:
        """Return R_max, the bits a parameter of a model that knows everything, in the paper's form."""
        return self.paper_bits / parameters


def gpt2_parameters(layers: int, heads: int, vocabulary: int = 3275) -> int:
    """Return the parameters of GPT2-layers-heads (width 64 a head), as the paper counts them: 12 l d^2 + V d.

    3275 are the tokens that occur in the paper's biographies (section 4).
    """
    width = 64 * heads
    return 12 * layers * width**2 + vocabulary * width

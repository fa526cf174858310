"""What probes look for in a model's states: places in rows, and the classes that belong there.

A task offers *probings*, each with targets; of one of its rows it says where a probe looks and what it should find
there. Labels come from latents, or from the reading of a row; how a probe learns is no business of a task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Probing:
    """One kind of places in rows, and what is looked for there.

    The papers differ in how little a probe may learn: `rank` is that of its update of the input embedding, `norm` what
    stands before its linear heads; a `mixed` probe reads the states of a whole row, mixed by positions alone (Part 1).
    """

    about: str
    """What is looked for, and where, as a clause for people."""
    targets: Mapping[str, int]
    """How many classes each target has."""
    rank: int = 0
    norm: Literal["layer", "batch"] = "layer"
    mixed: bool = False


@dataclass(frozen=True)
class Glimpse:
    """A place in a row where a probe looks, and what it should find there."""

    place: int
    """The probe sees what stands before it: code points of a row's text, tokens of a token row, as spans count."""
    classes: Mapping[str, int]
    """The class of each target that is asked here; others are not."""
    behind: tuple[str | Sequence[int], ...] | None = None
    """What is asked about, behind the row up to `place`: texts, or ids behind token rows, with the mark that ends rows
    before, between and behind them; the probe looks at the last mark. None: it looks at the row as it is."""

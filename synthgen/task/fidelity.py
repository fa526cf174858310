"""Fidelity: where a paper, its released code and our rows do not agree, declared beside the params that decide it.

    Deviation(
        "the node that is asked for",
        paper="any of the last quarter",
        released="the last one",
        here=lambda params: PAPER if params.quarter else RELEASED,
        decided_by=("query", "fidelity"),
    )

A card lists those of its own params, `docs/fidelity.md` all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

PAPER, RELEASED = "as in the paper", "as in the released code"
"""What `here` says where rows do what one of the two does."""

FIDELITY = "fidelity"
"""The param of many tasks that decides where another one does not; it comes last in `decided_by`."""


@dataclass(frozen=True)
class Deviation:
    """One thing on which the paper, the code released with it and our rows do not all agree.

    `paper` and `released` are what each has, a phrase; "" where it says nothing, or nothing was released. `here` says,
    given the params, what our rows have: PAPER, RELEASED, a phrase of its own, or "" where the matter does not arise.
    `decided_by` names the params that decide it, dotted where they stand in tables.
    """

    subject: str
    paper: str
    here: Callable[[Any], str]
    released: str = ""
    decided_by: tuple[str, ...] = ()

    def sentence(self, params: Any) -> str:
        """Return what a card says of it; "" where it does not arise with these params."""
        here = self.here(params)
        if not here:
            return ""
        sides = {"In the paper": self.paper, "In the released code": self.released, "Here": here}
        told = ". ".join(f"{where}: {what.rstrip('.')}" for where, what in sides.items() if what)
        flags = f" ({flags_of(self)} {'decides' if self._single else 'decide'})" if self.decided_by else ""
        return f"{self.subject[0].upper()}{self.subject[1:]}. {told}{flags}."

    @property
    def _single(self) -> bool:
        return len(self.decided_by) == 1 or self.decided_by[-1] == FIDELITY


def flags_of(deviation: Deviation) -> str:
    """Return the params that decide a deviation, as Markdown: `a` and `b`; `a`, else `fidelity`."""
    named = [f"`{flag}`" for flag in deviation.decided_by]
    last = ", else " if deviation.decided_by[-1:] == (FIDELITY,) else " and "
    return last.join(named)


def stated(deviations: Sequence[Deviation | str], params: Any) -> list[str]:
    """Return the sentences of what arises with these params, for a card; a text stands for itself."""
    sentences = (one if isinstance(one, str) else one.sentence(params) for one in deviations)
    return [sentence for sentence in sentences if sentence]

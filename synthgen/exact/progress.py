"""Progress of work that is asked for from Python: a bar in notebooks, nothing elsewhere (commands have their own)."""

from __future__ import annotations

import sys
from typing import Any


def in_notebook() -> bool:
    """Return whether a notebook's kernel runs us."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")


def notebook_bar(unit: str, total: int | None = None, hidden: bool = False) -> Any:
    """Return a tqdm bar, as a context; it is drawn in notebooks alone, and not where it is `hidden`.

    `reset(total)` says how much there will be, `update(n)` that so much more is done.
    """
    if hidden or not in_notebook():
        from tqdm import tqdm

        return tqdm(disable=True)
    from tqdm.auto import tqdm as tqdm_here

    return tqdm_here(total=total, unit=f" {unit}", unit_scale=True)

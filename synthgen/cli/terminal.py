"""The console that results are printed on."""

from __future__ import annotations

from rich.console import Console

WIDE = 160
"""Columns where output goes to a file or a pipe: a table's lines are not broken there."""


def stdout() -> Console:
    """Return a console on stdout, as wide as the terminal, or WIDE."""
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, WIDE)
    return console

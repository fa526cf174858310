"""The console that screens are drawn on: as wide as the terminal, and without an edge where output is piped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from synthgen.dataset.plain_text import shown

PIPED = 1 << 20
"""Columns where output goes to a file or a pipe: no line is broken there."""

NARROW = 40
"""Columns that a terminal has at least; of a narrower one, the lines are broken by itself."""


class _Console(Console):
    """A console that takes text for text: nothing in it is markup, and control characters are shown as escapes."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        segments = super().render(renderable, options)
        yield from _without_trailing_blanks(
            segment if segment.control else Segment(shown(segment.text), segment.style) for segment in segments
        )


def _without_trailing_blanks(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Leave out the blanks before the end of a line: what a table pads its last column with."""
    blanks: list[Segment] = []
    for segment in segments:
        if segment.text == "\n":
            blanks.clear()
        if segment.text.strip(" ") or segment.control:
            yield from blanks
            blanks.clear()
            text = segment.text.rstrip(" ")
            yield segment if segment.control else Segment(text, segment.style)
            if len(text) < len(segment.text) and not segment.control:
                blanks.append(Segment(segment.text[len(text) :], segment.style))
        else:
            blanks.append(segment)
    yield from blanks


def stdout() -> Console:
    """Return a console on stdout, as wide as the terminal; PIPED columns wide where it is none."""
    console = _Console(markup=False, emoji=False, highlight=False)
    console.width = max(console.width, NARROW) if console.is_terminal else PIPED
    return console

"""The style of all pictures: one font, its widths, and colours that the colour-blind tell apart, in light and dark.

The hues are Okabe and Ito's (Color Universal Design, 2008), as tints to write on and as lines. The tints differ in
lightness too, so that no two are alike to an eye without red, green or blue cones, and neighbours in the order in which
tones are taken differ in lightness alone. Text on every fill has a contrast of 7 or more, lines on their ground of 3 or
more (all of it tested).
"""

from __future__ import annotations

import unicodedata
from typing import Literal, NamedTuple

from synthgen.task.picture import Tone

Theme = Literal["light", "dark"]

FONT = "'DejaVu Sans', Verdana, sans-serif"
"""The first is matplotlib's, and Verdana's letters are as wide."""
SIZE, SMALL, TITLE = 12.0, 10.5, 13.0
"""Sizes of text in pixels: what is read, what is beside it, and titles."""
LINE = 1.35
"""Lines of text are so many sizes apart."""

_WIDTHS = (
    "32 40 46 84 64 95 78 27 39 39 50 84 32 36 32 34 64 64 64 64 64 64 64 64 64 64 34 34 84 84 84 53 "
    "100 68 69 70 77 63 58 77 75 29 29 66 56 86 75 79 60 79 69 63 61 73 68 99 69 61 69 39 34 39 84 50 "
    "50 61 63 55 63 62 35 63 63 28 28 58 28 97 63 61 63 63 41 52 39 63 59 82 59 59 52 64 34 64 84"
)
WIDTHS = {chr(32 + i): int(width) / 100 for i, width in enumerate(_WIDTHS.split())}
"""Widths of DejaVu Sans's ASCII letters, in sizes."""


class Colours(NamedTuple):
    """The colours of a tone: what is filled, its outline or line, and text on the fill."""

    fill: str
    line: str
    ink: str


PAGE: dict[Theme, str] = {"light": "#ffffff", "dark": "#15191e"}
INK: dict[Theme, str] = {"light": "#1b1f24", "dark": "#f0f3f6"}
QUIET: dict[Theme, str] = {"light": "#4b535c", "dark": "#b3bcc6"}
"""Text that steps back, on the page."""

TONES: dict[Theme, dict[Tone, Colours]] = {
    "light": {
        "plain": Colours("#ffffff", "#59636e", "#1b1f24"),
        "faint": Colours("#f6f7f9", "#818b96", "#4b535c"),
        "blue": Colours("#94b3ea", "#0072b2", "#1b1f24"),
        "orange": Colours("#f6bd60", "#b87300", "#1b1f24"),
        "green": Colours("#5fc496", "#00795a", "#1b1f24"),
        "pink": Colours("#f9bdea", "#a8487f", "#1b1f24"),
        "yellow": Colours("#f5f58f", "#857800", "#1b1f24"),
        "red": Colours("#ee9a6b", "#973000", "#1b1f24"),
        "sky": Colours("#cdf3fd", "#3a86b0", "#1b1f24"),
        "grey": Colours("#b6babf", "#59636e", "#1b1f24"),
    },
    "dark": {
        "plain": Colours("#15191e", "#98a2ad", "#f0f3f6"),
        "faint": Colours("#1d2228", "#6f7a86", "#b3bcc6"),
        "blue": Colours("#1e1856", "#56b4e9", "#ffffff"),
        "orange": Colours("#745108", "#e69f00", "#ffffff"),
        "green": Colours("#244b38", "#2fc79c", "#ffffff"),
        "pink": Colours("#8e3160", "#e38fc0", "#ffffff"),
        "yellow": Colours("#2c2402", "#f0e442", "#ffffff"),
        "red": Colours("#742801", "#ff8f5e", "#ffffff"),
        "sky": Colours("#0d5b8f", "#9cd7f7", "#ffffff"),
        "grey": Colours("#2c333e", "#98a2ad", "#ffffff"),
    },
}


def width_of(text: str, size: float = SIZE) -> float:
    """Return how wide a line of text is, in pixels; letters of other scripts are taken to be wide."""
    return size * sum(WIDTHS.get(letter) or _width_of_other(letter) for letter in text)


def _width_of_other(letter: str) -> float:
    if unicodedata.combining(letter):
        return 0.0
    return 1.05 if unicodedata.east_asian_width(letter) in "WF" else 0.84


def wrapped(text: str, width: float, size: float = SIZE) -> list[str]:
    """Return a text in lines that are at most so wide, broken at spaces, and within words that are wider."""
    lines, line = [], ""
    for word in text.split():
        while width_of(word, size) > width:
            fits = max(1, next(n for n in range(len(word), 0, -1) if n == 1 or width_of(word[:n], size) <= width))
            if fits == len(word):
                break
            if line:
                lines.append(line)
                line = ""
            lines.append(word[:fits])
            word = word[fits:]
        if line and width_of(f"{line} {word}", size) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line] if line or not lines else lines


def balanced(text: str, width: float, size: float = SIZE) -> list[str]:
    """Return a text in as few lines as `wrapped`, all about as long: no word stands alone in the last one."""
    lines = wrapped(text, width, size)
    fewest, low, high = len(lines), 0.0, width if len(lines) > 1 else 0.0
    while high - low > 1:  # the narrowest column that takes no line more
        middle = (low + high) / 2
        tried = wrapped(text, middle, size)
        if len(tried) > fewest or any(width_of(word, size) > middle for word in text.split()):
            low = middle
        else:
            lines, high = tried, middle
    return lines

"""Entries: words that people bring, one a line or one a symbol, and what no reader of a text could tell apart."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from synthgen.errors import SynthgenError, nearest
from synthgen.task.assets import read_lines

JOINERS = "\u200c\u200d"
"""Zero-width characters that spelling needs, in Persian or Hindi for example."""


class Entry(NamedTuple):
    """A text of somebody's file."""

    text: str
    where: str
    """The file and the line or field, as errors say it."""


def read_entries(path: Path) -> list[Entry]:
    """Return the lines of a list that are not empty, without the space around them.

    Raises SynthgenError, with file and line, for a line with characters that nobody sees.
    """
    entries = [Entry(line.strip(), f"{path}, line {number}") for number, line in enumerate(read_lines(path), 1)]
    entries = [entry for entry in entries if entry.text]
    for entry in entries:
        if fault := unseen(entry.text):
            raise SynthgenError(f"{entry.where}: {entry.text!r}: {fault}")
    return entries


def unseen(text: str) -> str:
    """Return what is wrong with a text's characters, in words: some are not seen, or look like others; "" if none."""
    for character in text:
        kind = unicodedata.category(character)
        name = f"U+{ord(character):04X} ({unicodedata.name(character, 'a control character')})"
        if character != " " and kind == "Zs":
            return f"holds {name}; write a plain space"
        if kind in ("Cc", "Cs", "Zl", "Zp") or (kind == "Cf" and character not in JOINERS):
            return f"holds {name}, which nobody sees; take it out"
    return ""


def looks(text: str) -> str:
    """Return what a text looks like: two texts of which this is the same are twins that a reader cannot tell apart."""
    return unicodedata.normalize("NFC", text.translate(dict.fromkeys(map(ord, JOINERS))))


def refuse_twins(entries: Iterable[Entry]) -> None:
    """Raise SynthgenError for an entry that stands there twice, or that looks like another one."""
    seen: dict[str, Entry] = {}
    for number, entry in enumerate(entries, 1):
        first = seen.setdefault(looks(entry.text), entry)
        if first is entry:
            continue
        if first.text != entry.text:
            twins = f"{entry.text!a} looks like {first.text!a} ({first.where})"
            raise SynthgenError(f"{entry.where}: {twins}; write both alike, or take one out")
        path, _, place = entry.where.rpartition(", ")
        lines = f"{first.where.rpartition(', ')[2]} and {place}"
        raise SynthgenError(
            f"{path}: {entry.text!r} stands there twice (entry {number}), {lines}; every entry must be different"
        )


def refuse_strangers(folder: Path, known: Iterable[str]) -> None:
    """Raise SynthgenError for a file of a folder of lists that nothing reads: a name mistyped would change no row."""
    known = sorted(known)
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name not in known and not path.name.startswith((".", "README")):
            hint = nearest(path.name, known)
            raise SynthgenError(f"{path}: no list is called so{hint}; rename it or take it out of the folder")

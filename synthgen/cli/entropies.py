"""The entropy of shipped specs, as `synthgen entropy` tells it: from a table that is shipped beside them, so at once.

Sums over all templates of a law, and samples that facts are counted in, take seconds, and are always the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from synthgen.exact.bits import Bits
from synthgen.exact.entropy import Book, Entropy

ENTROPIES = Path(__file__).with_name("entropies.json")
"""The shipped table, which `make docs` writes and a test compares with the specs."""


def shipped_entropy(name: str, split: str | None = None) -> Entropy | None:
    """Return the entropy of a shipped spec's first split; None for another split, or for what is no shipped spec."""
    entry = json.loads(ENTROPIES.read_text("utf-8")).get(name)
    return entropy_in(entry) if entry and split in (None, entry["split"]) else None


def entry_of(entropy: Entropy) -> dict[str, Any]:
    """Return an entropy as the table holds it, which is all but whose draws its world books count."""
    books = {name: replace(book, draws=None) for name, book in entropy.books.items()}
    return asdict(replace(entropy, books=books))


def entropy_in(entry: Mapping[str, Any]) -> Entropy:
    """Return the entropy that an entry of the table holds."""
    books = {name: Book(Bits(**book["bits"]), book["scope"]) for name, book in entry["books"].items()}
    shown = Bits(**entry["shown"]) if entry["shown"] else None
    return Entropy(**{**entry, "books": books, "shown": shown})


def table_of(entropies: Mapping[str, Entropy]) -> str:
    """Return the table of some specs' entropies, by name, as the file has it: a spec a line."""
    lines = (f"{json.dumps(name)}: {json.dumps(entry_of(entropy))}" for name, entropy in sorted(entropies.items()))
    return "{\n" + ",\n".join(lines) + "\n}\n"

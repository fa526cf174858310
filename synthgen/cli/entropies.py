"""The entropy of shipped specs, as `synthgen entropy` tells it: from a table that is shipped beside them, so at once.

Sums over all templates of a law, and samples that facts are counted in, take seconds, and are always the same.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from synthgen.exact.bits import Bits
from synthgen.exact.entropy import Book, Entropy
from synthgen.exact.samples import users_file

ENTROPIES = Path(__file__).with_name("entropies.json")
"""The shipped table, which `make docs` writes and a test compares with the specs."""


def shipped_entropy(name: str, split: str | None = None) -> Entropy | None:
    """Return the entropy of a shipped spec's first split; None for another split, for what is no shipped spec, and
    where a mean of it has a certificate that was made here.
    """
    entry = json.loads(ENTROPIES.read_text("utf-8")).get(name)
    if not entry or split not in (None, entry["split"]) or _certified_here(entry.get("laws", [])):
        return None
    return entropy_in(entry)


def _certified_here(laws: Collection[str]) -> bool:
    """Say whether this user's certificates speak of any of these laws, or may: whoever reads them tells what is wrong.

    Only digests are looked for: to read runs takes what a second of imports brings.
    """
    if not laws or not users_file().is_file():
        return False
    try:
        kept = users_file().read_bytes()
    except OSError:
        return True
    return any(law.encode() in kept for law in laws)


def entry_of(entropy: Entropy, laws: Collection[str] = ()) -> dict[str, Any]:
    """Return an entropy as the table holds it, which is all but whose draws its world books count.

    `laws` are the digests of the means in it that come from certificates.
    """
    books = {name: replace(book, draws=None) for name, book in entropy.books.items()}
    return asdict(replace(entropy, books=books)) | ({"laws": sorted(laws)} if laws else {})


def entropy_in(entry: Mapping[str, Any]) -> Entropy:
    """Return the entropy that an entry of the table holds."""
    books = {name: Book(Bits(**book["bits"]), book["scope"]) for name, book in entry["books"].items()}
    shown = Bits(**entry["shown"]) if entry["shown"] else None
    fields = {name: value for name, value in entry.items() if name != "laws"}
    return Entropy(**{**fields, "books": books, "shown": shown})


def table_of(entries: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the table of some specs' entries, by name, as the file has it: a spec a line."""
    lines = (f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in sorted(entries.items()))
    return "{\n" + ",\n".join(lines) + "\n}\n"

"""Licences: the names that a card may state, and that texts of others must have."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from synthgen.dataset.manifest import Manifest
from synthgen.errors import SynthgenError
from synthgen.spec.spec import load_spec


def check_licence(licence: str) -> None:
    """Raise SynthgenError for what is no name of a licence on the Hub, which cards state as it is."""
    if not re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", licence):
        raise SynthgenError(f"--license {licence!r}: name a licence as the Hub does, for example cc0-1.0 or apache-2.0")


def check_texts(folders: Iterable[Path]) -> None:
    """Raise SynthgenError for texts of others, in a dataset folder, whose licence nobody has stated."""
    for folder in folders:
        spec = load_spec(folder / "spec.toml")
        for split in Manifest.read(folder).splits:
            for text in spec.task_of(split).text_sources():
                if not text.licence:
                    raise SynthgenError(
                        f"{folder}: {text.component} is text of {text.origin}, and its licence is not stated: find out "
                        'what it is, add licence = "..." to that component in the spec, and run the same `synthgen '
                        "generate` again (no row is made anew)"
                    )

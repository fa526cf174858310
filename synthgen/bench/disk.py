"""How fast whole builds reach the disk, beside `dd`, which does nothing but write and sync; taking turns."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from synthgen.dataset.build import generate

BUILDS = {"cfg3f": 400_000, "depo1-n225": 100_000, "bios-multi5-permute": 800_000, "igsm-med-pq": 100_000}
"""Specs of tokens, biographies and problems, with rows that make some hundred megabytes."""

WORKERS = (1, 2)

BLOCKS = 64
"""What `dd` writes: so many times 8 MiB of zeros."""


def disk_contenders(folder: Path) -> dict[str, Callable[[], int]]:
    """Return contenders that write below `folder`; each returns the bytes that are on the disk. The first is `dd`."""
    contenders: dict[str, Callable[[], int]] = {"dd conv=fdatasync": partial(_copy_zeros, folder)}
    for spec, rows in BUILDS.items():
        for workers in WORKERS:
            name = f"{spec}: generate, {workers} worker{'s'[: workers > 1]}"
            contenders[name] = partial(_build, spec, rows, workers, folder)
    return contenders


def _copy_zeros(folder: Path) -> int:
    with TemporaryDirectory(dir=folder) as place:
        options = ("if=/dev/zero", f"of={place}/zeros", "bs=8M", f"count={BLOCKS}", "conv=fdatasync", "status=none")
        subprocess.run(["dd", *options], check=True)
        return Path(place, "zeros").stat().st_size


def _build(spec: str, rows: int, workers: int, folder: Path) -> int:
    with TemporaryDirectory(dir=folder) as place:
        manifest = generate(spec, Path(place, "data"), splits=["train"], rows=rows, workers=workers)
        assert manifest is not None
        return sum(shard.bytes for shard in manifest.shards)

"""How fast whole builds reach the disk, beside zeros that are written and synced as `dd` does; taking turns."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from synthgen.dataset.build import generate

BUILDS = {"cfg3f": 400_000, "depo1-n225": 100_000, "bios-multi5-permute": 500_000, "igsm-med-pq": 100_000}
"""Specs of tokens, biographies and problems, with rows that make some hundred megabytes."""

WORKERS = (1, 2)

BLOCK, BLOCKS = bytes(8 << 20), 64
"""What is written plainly: so many times 8 MiB of zeros, as by `dd bs=8M conv=fdatasync`."""


def disk_contenders(folder: Path) -> dict[str, Callable[[], int]]:
    """Return contenders that write below `folder` and return the bytes on the disk; the first writes zeros."""
    contenders: dict[str, Callable[[], int]] = {"zeros, as dd conv=fdatasync": partial(_copy_zeros, folder)}
    for spec, rows in BUILDS.items():
        for workers in WORKERS:
            name = f"{spec}: generate, {workers} worker{'s'[: workers > 1]}"
            contenders[name] = partial(_build, spec, rows, workers, folder)
    return contenders


def _copy_zeros(folder: Path) -> int:
    with TemporaryDirectory(dir=folder) as place:
        with Path(place, "zeros").open("wb", buffering=0) as file:
            written = sum(file.write(BLOCK) for _ in range(BLOCKS))
            os.fdatasync(file.fileno())
        return written


def _build(spec: str, rows: int, workers: int, folder: Path) -> int:
    with TemporaryDirectory(dir=folder) as place:
        manifest = generate(spec, Path(place, "data"), splits=["train"], rows=rows, workers=workers)
        assert manifest is not None
        return sum(shard.bytes for shard in manifest.shards)

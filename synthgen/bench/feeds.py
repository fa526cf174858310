"""How fast windows come to a trainer: from `synthgen.windows` itself, and through `datasets` in each of its formats."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial

from synthgen.windowing.windows import windows

SPEC, CONTEXT, BATCH = "cfg3f", 512, 64

WINDOWS, SINGLE = 8192, 1024
"""Windows of a round: in batches, and one by one."""


def feed_contenders() -> dict[str, Callable[[], int]]:
    """Return contenders that take windows; the first is what they are all made of."""
    formats = [name for name in ("arrow", "numpy", "torch") if name != "torch" or importlib.util.find_spec("torch")]
    contenders: dict[str, Callable[[], int]] = {f"{SPEC}: batches of {BATCH}": _feed}
    contenders |= {f"to_datasets, {name}, batches of {BATCH}": partial(_batches, name) for name in formats}
    contenders["to_datasets, lists, one by one"] = partial(_one_by_one, None)
    contenders |= {f"to_datasets, {name}, one by one": partial(_one_by_one, name) for name in formats[1:]}
    return contenders


def _feed() -> int:
    taken = 0
    for batch in windows(SPEC, CONTEXT, batch_size=BATCH):
        taken += len(batch["input_ids"])
        if taken >= WINDOWS:
            break
    return taken


def _batches(format: str) -> int:
    taken = 0
    for batch in windows(SPEC, CONTEXT, batch_size=BATCH).to_datasets().with_format(format).iter(batch_size=BATCH):
        taken += len(batch["input_ids"])
        if taken >= WINDOWS:
            break
    return taken


def _one_by_one(format: str | None) -> int:
    taken = 0
    for _ in windows(SPEC, CONTEXT, batch_size=BATCH).to_datasets().with_format(format):
        taken += 1
        if taken >= SINGLE:
            break
    return taken

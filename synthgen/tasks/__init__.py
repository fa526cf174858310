"""The tasks: rooms that do not know each other. Adding one is a module here (or in another package) and one spec.

Tasks of other packages are found by the entry point group `synthgen.tasks`; see `synthgen.task` for the contract.
"""

from __future__ import annotations

import functools
import importlib
from importlib.metadata import entry_points

from synthgen.errors import SynthgenError, nearest
from synthgen.task.contract import Task

BUILT_IN = {
    "bios": "synthgen.tasks.bios.biographies.task:Bios",
    "biod": "synthgen.tasks.bios.biod.task:Biod",
    "rewrites": "synthgen.tasks.bios.rewrites.task:Rewrites",
    "chain": "synthgen.tasks.chain:Chain",
    "brevo": "synthgen.tasks.brevo:Brevo",
    "cfg": "synthgen.tasks.cfg.task:Cfg",
    "igsm": "synthgen.tasks.igsm.task:Igsm",
    "mixture": "synthgen.mixture.mixture:Mixture",  # made of specs, so it stands above them and not in this room
    "qa": "synthgen.tasks.bios.questions.task:Questions",
    "copy": "synthgen.tasks.copy:Copy",
    "depo": "synthgen.tasks.depo:Depo",
    "mano": "synthgen.tasks.mano:Mano",
    "recall": "synthgen.tasks.recall:Recall",
}


@functools.cache
def task_names() -> list[str]:
    """Return the names of all tasks, built in and from other packages."""
    return sorted({*BUILT_IN, *(point.name for point in entry_points(group="synthgen.tasks"))})


@functools.cache
def task_class(name: str) -> type[Task]:
    """Return the class of a task. Raises SynthgenError for an unknown name."""
    if name in BUILT_IN:
        module, attribute = BUILT_IN[name].split(":")
        return getattr(importlib.import_module(module), attribute)
    for point in entry_points(group="synthgen.tasks", name=name):
        return point.load()
    raise SynthgenError(f"no task named {name!r}{nearest(name, task_names())}")

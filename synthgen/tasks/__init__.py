"""The tasks: rooms that do not know each other. Adding one is a module here (or in another package) and one spec.

Tasks of other packages are found by the entry point group `synthgen.tasks`; see `synthgen.task` for the contract.
"""

from __future__ import annotations

import functools
import importlib
from importlib.metadata import EntryPoint, entry_points

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
    "stories": "synthgen.tasks.stories:Stories",
    "mixture": "synthgen.mixture.mixture:Mixture",  # made of specs, so it stands above them and not in this room
    "qa": "synthgen.tasks.bios.questions.task:Questions",
    "copy": "synthgen.tasks.copy:Copy",
    "depo": "synthgen.tasks.depo:Depo",
    "mano": "synthgen.tasks.mano:Mano",
    "recall": "synthgen.tasks.recall:Recall",
    "birthyear": "synthgen.tasks.bios.birthyear.task:BirthYear",
    "history": "synthgen.tasks.bios.history.task:HistoryQuestions",
    "hops": "synthgen.tasks.bios.hops.task:Hops",
    "relations": "synthgen.tasks.bios.relations.task:Relations",
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
        return _plugged_in(point)
    raise SynthgenError(f"no task named {name!r}{nearest(name, task_names())}")


def _plugged_in(point: EntryPoint) -> type[Task]:
    """Return the class of a task of another package. Raises SynthgenError that names the package, whatever it does."""
    package = point.dist.name if point.dist is not None else point.module
    told = f"task {point.name!r}: its package {package}, as {point.value},"
    try:
        loaded = point.load()
    except (Exception, SystemExit) as error:  # code of others: anything may happen while it is imported
        reason = (str(error) or "no reason given").splitlines()[0]
        raise SynthgenError(
            f"{told} cannot be imported: {type(error).__name__}: {reason}; mend it, or pip uninstall {package}"
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, Task)):
        raise SynthgenError(f"{told} is no class of a task (synthgen.task.Task); mend it, or pip uninstall {package}")
    return loaded

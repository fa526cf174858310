"""Compile every kernel once, before the tests: `python tests/compile_kernels.py igsm`, and beside it `... rest`.

Two processes of tests would compile the same kernels at the same time, each for itself. Kernels stand in the disk cache
of `synthgen.exact.jit` afterwards: for rows, for tapes (which walk every choice of a tiny configuration) and verifiers.
"""

import sys
import tomllib
from pathlib import Path

import synthgen
from synthgen.exact.draw import Keys
from synthgen.exact.tape import new_tape
from synthgen.spec.spec import shipped_specs, specs_folder
from synthgen.tasks import task_class, task_names

LONG = ("igsm",)
"""What takes as long as all the rest together."""

LAST = ("mixture",)
"""What is made of other tasks' kernels: after them, or both processes would compile the long ones."""


def compile_task(name: str) -> None:
    """Make and verify a row of every spec of a task, and replay a row of its tiny configurations."""
    task = task_class(name)
    for spec in shipped_specs():
        text = (specs_folder() / f"{spec}.toml").read_text(encoding="utf-8")
        if tomllib.loads(text)["task"] == name:  # to load another one would compile what draws its people
            source = synthgen.load(spec)
            source.verify(source.row(0))
            source.entropy(estimates=False)
    if name == "igsm":
        synthgen.load("igsm-med-pq", params={"op": 55, "max_edge": 38})  # whether an op can be reached is tried
    for params in task.tiny:
        one = task(task.Params.model_validate(params), Keys(0), Path())
        one.rows(0, 1, new_tape())


def main() -> None:
    """Compile the tasks that are named, or the rest of them."""
    which = sys.argv[1:]
    rest = [name for name in task_names() if name not in LONG + LAST]
    for name in [*rest, *LAST] if which == ["rest"] else which:
        compile_task(name)


if __name__ == "__main__":
    main()

"""Ranks: which part of a build this process is to make, as told by the command line or by a batch system.

    sbatch --array=0-63 --wrap 'synthgen generate cfg3f --rows 4_000_000_000 --out /shared/cfg3f --rank auto'

Each of 64 tasks makes every 64th shard; a task that was preempted is simply run again; `synthgen finish` completes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from synthgen.errors import SynthgenError


@dataclass(frozen=True)
class _System:
    """Where a batch system tells a task its number, and how many there are or which is the first and the last."""

    name: str
    number: str
    count: str = ""
    first: str = ""
    last: str = ""
    step: str = ""
    base: int = 0  # what it numbers tasks from, where it does not say so


SYSTEMS = (
    _System(
        "Slurm array",
        "SLURM_ARRAY_TASK_ID",
        count="SLURM_ARRAY_TASK_COUNT",
        first="SLURM_ARRAY_TASK_MIN",
        last="SLURM_ARRAY_TASK_MAX",
        step="SLURM_ARRAY_TASK_STEP",
    ),
    _System("PBS array", "PBS_ARRAY_INDEX"),
    _System("PBS array", "PBS_ARRAYID"),
    _System(
        "Grid Engine array",
        "SGE_TASK_ID",
        first="SGE_TASK_FIRST",
        last="SGE_TASK_LAST",
        step="SGE_TASK_STEPSIZE",
        base=1,
    ),
    _System("LSF array", "LSB_JOBINDEX", last="LSB_JOBINDEX_END", step="LSB_JOBINDEX_STEP", base=1),
    _System("AWS Batch array", "AWS_BATCH_JOB_ARRAY_INDEX", count="AWS_BATCH_JOB_ARRAY_SIZE"),
    _System("Kubernetes indexed job", "JOB_COMPLETION_INDEX"),
    _System("MPI", "OMPI_COMM_WORLD_RANK", count="OMPI_COMM_WORLD_SIZE"),
    _System("MPI", "PMI_RANK", count="PMI_SIZE"),
    _System("torchrun", "RANK", count="WORLD_SIZE"),
    _System("Slurm", "SLURM_PROCID", count="SLURM_NTASKS"),
)
"""In order: arrays before what runs inside one of their tasks. A job that is no array has nothing or `undefined`."""


def rank_from(
    rank: str | int | None, world_size: int | None, environment: Mapping[str, str] | None = None
) -> tuple[int | None, int]:
    """Return (rank, world size) of what `--rank` and `--world-size` say; (None, 1) if neither does.

    `--rank auto`, and `--world-size` alone, take what is not said from the batch system. Raises SynthgenError where
    it does not say either.
    """
    environment = os.environ if environment is None else environment
    if rank is None and world_size is None:
        return None, 1
    if world_size is not None and world_size < 1:
        raise SynthgenError(f"--world-size {world_size}: must be at least 1")
    if rank is not None and rank != "auto":
        if not re.fullmatch("-?[0-9]{1,9}", str(rank)):
            raise SynthgenError(f"--rank {rank}: give a number from 0, or `auto`")
        number = int(rank)
        if world_size is None:
            raise SynthgenError(f"--rank {rank}: say of how many with --world-size W, or use --rank auto")
        return number, world_size
    for system in SYSTEMS:
        if _number(environment, system.number) is not None:
            return _rank_of(system, world_size, environment)
    names = ", ".join(dict.fromkeys(system.number for system in SYSTEMS))
    raise SynthgenError(f"--rank auto: no batch system tells a rank here ({names}); give --rank R --world-size W")


def _number(environment: Mapping[str, str], variable: str) -> int | None:
    text = environment.get(variable, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _rank_of(system: _System, world_size: int | None, environment: Mapping[str, str]) -> tuple[int, int]:
    """Return (rank, world size) as `system` tells them.

    With a world size given, the task's number is its rank, so that `--array=5,7` runs two ranks of many again; without
    one, the array must be a whole one.
    """
    number = _number(environment, system.number) or 0
    if world_size is not None:
        rank, size = number - system.base, world_size
    else:
        count, last = (_number(environment, name) for name in (system.count, system.last))
        first = _number(environment, system.first) if system.first else None
        first, step = system.base if first is None else first, _number(environment, system.step) or 1
        whole = None if last is None else (last - first) // step + 1
        if count is None and whole is None:
            raise SynthgenError(
                f"--rank auto: {system.name} does not tell how many tasks there are; add --world-size W"
            )
        if count is not None and whole is not None and count != whole:
            raise SynthgenError(
                f"--rank auto: {count} tasks numbered {first} to {last} are a part of an array; "
                "add the --world-size W of the whole"
            )
        size = count or whole or 0
        rank, rest = divmod(number - first, step)
        rank = -1 if rest else rank
    if not 0 <= rank < size:
        raise SynthgenError(
            f"--rank auto: task {number} is none of {size} ranks; number the tasks of the {system.name} "
            f"from {system.base} to {size - 1 + system.base}, or give --rank"
        )
    return rank, size

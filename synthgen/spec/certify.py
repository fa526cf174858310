"""Making certificates of entropy, and drawing parts of them again; see `synthgen.task.certificates`."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from synthgen.errors import SynthgenError
from synthgen.exact.samples import Sums, users_file
from synthgen.spec.source import Source
from synthgen.task.certificates import SHIPPED, Plan, Run, Sampling, certificates, runs_in
from synthgen.task.files import write_whole

CHUNKS = 64
"""Parts of a run whose sums stand each for itself, so that it can be drawn again."""

FITTED = 1024
"""Rows that a plan is fitted to, at most: a sixteenth of the run where that is less."""

ROWS, MOST_ROWS = 200_000, 10**12
"""Rows of a run where nobody says how many, and at most."""


def samplings(source: Source) -> dict[str, Sampling]:
    """Return what certificates a spec's splits need, by digest."""
    return {one.digest: one for split in source.splits for one in source.task(split).samplings()}


def certify(
    source: Source,
    rows: int,
    workers: int = 1,
    progress: Callable[[int], None] = lambda _: None,
    only: Collection[str] | None = None,
    name: str = "",
    in_package: bool = False,
) -> dict[str, Run]:
    """Make a run of `rows` rows (rounded up to a multiple of CHUNKS) for each mean that a spec's entropy needs.

    `only` some of them, by digest, where that is given; `name` is what the runs say they are of, by default the spec's.
    Means that have a certificate of as many rows already (`in_package`: a shipped one) are left alone. Raises
    SynthgenError for a spec whose entropy needs none, and for a number of rows that no run has.
    """
    if not 2 <= rows <= MOST_ROWS:
        raise SynthgenError(f"rows = {rows:,}: a run has 2 to {MOST_ROWS:,}")
    needed, known = samplings(source), runs_in(SHIPPED) if in_package else certificates()
    wanted = {digest: one for digest, one in needed.items() if digest not in known or known[digest].sums.n < rows}
    if only is not None:
        wanted = {digest: one for digest, one in wanted.items() if digest in only}
    if not needed:
        raise SynthgenError(f"{source.spec.name}: its entropy needs no certificate: no figure of it is sampled")
    if not wanted:
        return {}
    size = -(-rows // CHUNKS)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        fitted = min(FITTED, max(32, rows // 16))
        plans = {digest: Plan.of(sampling, fitted, size * CHUNKS) for digest, sampling in wanted.items()}
        chunks = []
        for chunk in pool.map(partial(_chunk, source, plans, size), range(CHUNKS)):
            chunks.append(chunk)
            progress(size)
    name = name or source.spec.name
    return {digest: Run(plan, [chunk[digest] for chunk in chunks], name) for digest, plan in plans.items()}


def _chunk(source: Source, plans: Mapping[str, Plan], size: int, number: int) -> dict[str, Sums]:
    """Draw a chunk for each plan; means of the same rows take turns, so that those are made once."""
    known = samplings(source)
    return {digest: plan.sums(known[digest], number * size, (number + 1) * size) for digest, plan in plans.items()}


def keep(runs: Mapping[str, Run], in_package: bool = False) -> None:
    """Write runs beside those there are of other laws: for this user, or into the package.

    Raises SynthgenError where that cannot be.
    """
    file = SHIPPED if in_package else users_file()
    if not file.is_absolute():
        raise SynthgenError("no home folder is known to keep certificates in; set XDG_DATA_HOME")
    entries = {digest: run.to_json() for digest, run in (runs_in(file) | dict(runs)).items()}
    lines = ",\n".join(f"{json.dumps(digest)}: {json.dumps(entries[digest])}" for digest in sorted(entries))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SynthgenError(f"{file.parent}: cannot be made: {error.strerror}; set XDG_DATA_HOME") from None
    write_whole(file, f"{{\n{lines}\n}}\n")
    certificates.cache_clear()


def differences(source: Source, part: int = 0) -> Iterator[tuple[str, bool, str]]:
    """Draw a chunk of each certificate of a spec again: yield (spec it was made for, whether it agrees, figures)."""
    for digest, sampling in samplings(source).items():
        run = sampling.certified()
        if run is None:
            continue
        which = part % len(run.chunks)
        kept = run.chunks[which]
        again = _chunk(source, {digest: run.plan}, kept.n, which)[digest]
        figures = f"{kept.n:,} of {run.sums.n:,} rows drawn again: mean {again.mean:.6f}, certified {kept.mean:.6f}"
        yield run.spec, _close(kept, again), figures


def _close(one: Sums, other: Sums) -> bool:
    return all(abs(a - b) <= 1e-9 * max(1.0, abs(a)) for a, b in zip(one, other, strict=True))

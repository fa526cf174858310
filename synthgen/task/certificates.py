"""Certificates of entropy: means that no formula gives, from long runs made once and shipped with the package.

A task that needs such a mean says how its values are drawn (`Sampling`). The mean then comes from the shipped run of
the same law, or from a few rows drawn on the spot, and has two ends. The file is keyed by a digest of the law alone:
all that decides the distribution, and no seed, world, format or name. It keeps a run's sums chunk by chunk, so that any
part of it can be drawn again and compared.

Values may come with *controls*, figures of the same row whose means are known to be 0. What of a value they foretell (a
linear function, fitted to other rows) is taken off, which leaves the mean as it is and makes the spread less.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from synthgen.exact.bits import Bits
from synthgen.exact.samples import LEVEL, Cumulant, Sums, bet_for, users_file
from synthgen.task.files import exists
from synthgen.task.foreign import read_json

SHIPPED = Path(__file__).with_name("certificates.json")


ROUNDING = 1e-6
"""Bits that a value may lie outside its proved ends, by rounding."""

BEYOND = 0.25
"""How far beyond the rows that a plan is fitted to values are cut, as a multiple of the width of those."""

Ends = tuple[float, float]


@dataclass(frozen=True)
class Sampling:
    """A mean over the rows of a stream of its own, and how they are drawn.

    `law` is all that decides the distribution, as JSON; `version` goes up whenever the stream's rows change.
    `draw(first, stop)` returns the value of each of those rows and its controls, (rows, 1 + controls) float64; `ends`
    are the least and the greatest each can be. `few` rows are drawn where no certificate is shipped.

    `cumulant(weights, theta)`, where there is one, bounds what lies between those ends: ln E[exp(theta w . m)], where m
    is the controls behind a figure of the row that its value never exceeds, if values are never below 0.
    """

    law: Mapping[str, Any]
    version: int
    draw: Callable[[int, int], np.ndarray]
    ends: Sequence[Ends]
    few: int
    cumulant: Callable[[Sequence[float], float], float] | None = None

    @functools.cached_property
    def digest(self) -> str:
        """The key of the law, hex digits."""
        stated = {"law": self.law, "version": self.version}
        return hashlib.sha256(json.dumps(stated, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:32]

    def certified(self) -> Run | None:
        """Return the long run of this law; none, where there is none, or it took off other controls than there are."""
        run = certificates().get(self.digest)
        return run if run is not None and len(run.plan.coefficients) == len(self.ends) - 1 else None

    def mean(self, reason: str, draw: bool = True) -> Bits | None:
        """Return the mean between two ends; None where there is no certificate and nothing shall be drawn."""
        run = self.certified() or (_drawn_now(self) if draw else None)
        if run is None:
            return None
        plan = run.plan
        return run.sums.bracket(plan.cuts, plan.ends(self), reason, bets=plan.bets, tails=plan.tails(self))


@dataclass(frozen=True)
class Plan:
    """What of the controls is taken off the values, and where these are then cut; fitted to the first `fitted` rows.

    `bets` are laid on the values behind those, see `synthgen.exact.samples.betted`; (0, 0) in runs of older versions.
    """

    fitted: int
    coefficients: tuple[float, ...]
    cuts: Ends
    bets: Ends = (0.0, 0.0)

    @classmethod
    def of(cls, sampling: Sampling, rows: int, run: int) -> Plan:
        """Fit the plan of a `run` of so many rows to the first rows of its stream.

        The cuts are BEYOND times as far off as those first rows lie apart.
        """
        drawn = sampling.draw(0, rows)
        design = np.column_stack([np.ones(rows), drawn[:, 1:]])
        solved = np.linalg.lstsq(design, drawn[:, 0], rcond=None)[0][1:]
        coefficients = tuple(round(float(c), 6) for c in solved)
        rest = drawn[:, 0] - drawn[:, 1:] @ np.array(coefficients)
        apart = BEYOND * float(rest.max() - rest.min()) + 1e-3
        plan = cls(rows, coefficients, (0.0, 0.0))
        low, high = plan.ends(sampling)
        cuts = max(low, round(float(rest.min()) - apart, 3)), min(high, round(float(rest.max()) + apart, 3))
        mean, spread = float(rest.mean()), float(rest.std())
        near, far = (
            float(f"{bet_for(way, spread, run, (1 - LEVEL) / 4):.4g}") for way in (mean - cuts[0], cuts[1] - mean)
        )
        return cls(rows, coefficients, cuts, (near, far))

    def ends(self, sampling: Sampling) -> Ends:
        """Return the least and the greatest that a value can be, less what is taken off."""
        (low, high), *controls = sampling.ends
        for c, ends in zip(self.coefficients, controls, strict=True):
            low, high = low - max(c * end for end in ends), high - min(c * end for end in ends)
        return low, high

    def tails(self, sampling: Sampling) -> tuple[Cumulant, Cumulant] | None:
        """Return the cumulants of figures that are never less than minus a value, and than the value."""
        cumulant, taken = sampling.cumulant, self.coefficients
        if cumulant is None:
            return None
        least, most = (0.0, *taken), (1.0, *(-c for c in taken))
        return functools.partial(cumulant, least), functools.partial(cumulant, most)

    def sums(self, sampling: Sampling, first: int, stop: int) -> Sums:
        """Draw rows [first, stop), counted behind those of the fit, and sum them up."""
        drawn = sampling.draw(self.fitted + first, self.fitted + stop)
        values = drawn[:, 0] - drawn[:, 1:] @ np.array(self.coefficients)
        low, high = self.ends(sampling)
        inside = (values >= low - ROUNDING) & (values <= high + ROUNDING)
        if not inside.all():  # of what is not a number, too
            raise AssertionError(f"a value of {values[~inside][0]} lies outside its proved ends, {low} and {high}")
        return Sums.of(values, self.cuts, self.bets)


_Chunk = Annotated[list[float], Field(min_length=5, max_length=len(Sums._fields))]  # 5 without bets
_Bets = Annotated[list[Annotated[float, Field(ge=0)]], Field(min_length=2, max_length=2)]


class _Entry(BaseModel):
    """A run, as the file holds it."""

    model_config = ConfigDict(allow_inf_nan=False)

    spec: str
    fitted: int = Field(ge=2)
    coefficients: list[float]
    cuts: Annotated[list[float], Field(min_length=2, max_length=2)]
    bets: _Bets = [0.0, 0.0]
    chunks: list[_Chunk] = Field(min_length=1)


@dataclass(frozen=True)
class Run:
    """A run: its plan, and the sums of its chunks in order, which are of equally many rows."""

    plan: Plan
    chunks: Sequence[Sums]
    spec: str = ""

    @functools.cached_property
    def sums(self) -> Sums:
        """The sums of all chunks."""
        return Sums.together(self.chunks)

    def to_json(self) -> dict[str, Any]:
        """Return the mapping that the file holds."""
        plan = {"fitted": self.plan.fitted, "coefficients": self.plan.coefficients, "cuts": self.plan.cuts}
        if not all(self.plan.bets):
            return {"spec": self.spec, **plan, "chunks": [list(chunk[:5]) for chunk in self.chunks]}
        return {"spec": self.spec, **plan, "bets": self.plan.bets, "chunks": [list(chunk) for chunk in self.chunks]}

    @classmethod
    def from_json(cls, table: _Entry | Mapping[str, Any]) -> Run:
        """Read a run of the file. Raises pydantic's ValidationError for what is none."""
        entry = _Entry.model_validate(table)
        plan = Plan(
            entry.fitted, tuple(entry.coefficients), (entry.cuts[0], entry.cuts[1]), (entry.bets[0], entry.bets[1])
        )
        sums = [
            Sums(int(n), total, squares, int(under), int(over), *won)
            for n, total, squares, under, over, *won in entry.chunks
        ]
        return cls(plan, sums, entry.spec)


@functools.cache
def certificates() -> Mapping[str, Run]:
    """Return the runs there are, by the digest of their law: the shipped one, or one made here of more rows.

    Raises SynthgenError for a file that holds anything else.
    """
    runs = runs_in(SHIPPED)
    made_here = runs_in(users_file())
    return runs | {key: run for key, run in made_here.items() if key not in runs or run.sums.n > runs[key].sums.n}


def runs_in(file: Path) -> dict[str, Run]:
    """Return the runs that a file holds, none if it is not there. Raises SynthgenError that names the file."""
    fix = "so these are no certificates: remove the file"
    entries: dict[str, _Entry] = read_json(file, dict[str, _Entry], fix) if exists(file) else {}
    return {digest: Run.from_json(entry) for digest, entry in entries.items()}


_now: dict[str, Run] = {}


def _drawn_now(sampling: Sampling) -> Run:
    """Draw the few rows of a law, once in a process: a quarter of them for the plan."""
    if sampling.digest not in _now:
        fitted = max(2, sampling.few // 4)
        rows = max(2, sampling.few - fitted)
        plan = Plan.of(sampling, fitted, rows)
        _now[sampling.digest] = Run(plan, [plan.sums(sampling, 0, rows)])
    return _now[sampling.digest]

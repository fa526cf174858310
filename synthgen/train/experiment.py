"""Experiments: a finding of the papers as one TOML file, with the data, the model, the budget and the claims.

    title = "Capacity: two bits a parameter"
    finding = "..."
    [model]                        # what all arms share; an arm's own tables win
    [train]
    [[arm]]
    name = "stored"
    [[arm.data]]
    spec = "worlds/people.toml"
    [arm.measures.capacity]
    kind = "capacity"
    [[claim]]
    holds = "stored.capacity.R > 1.9"
    [size.ci.train]                # what the sizes ci, desk and gpu change; the file itself is the size laptop
    [[size.gpu.arm]]               # or arms of its own, which the file's own params do not reach

A claim compares a figure (arm.measure.figure) with a number, with another figure, or with `number * figure`. One that
holds for a model without any training is no finding, and says so: it is a control.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from synthgen.errors import SynthgenError, nearest
from synthgen.spec.spec import specs_folder
from synthgen.task.files import is_file
from synthgen.task.foreign import read_toml
from synthgen.task.written import Written
from synthgen.train.measures import MeasureSettings
from synthgen.train.settings import DataSettings, ModelSettings, RunSettings, TrainSettings

Size = Literal["ci", "laptop", "desk", "gpu"]
SIZES: tuple[Size, ...] = ("ci", "laptop", "desk", "gpu")
"""ci runs and claims nothing; laptop takes minutes, desk hours, on two cores; gpu is the paper's own recipe."""

NUMBER = r"-?\d+(?:\.\d+)?"
CLAIM = re.compile(rf"(?P<left>\S+) (?P<sign>[<>]) (?:(?P<factor>{NUMBER}) \* )?(?P<right>\S+)")


class Claim(Written):
    """One assertion with its margin."""

    holds: str = Field(description="such as `canon.hops.query.1 > 0.9`, or `a.b.c > 8 * d.b.c`")
    paper: str = Field("", description="the paper's figure")
    chance: float | None = Field(None, description="what guessing gives")
    control: bool = Field(
        False, description="it holds for an untrained model too: it guards another claim, and is no finding by itself"
    )

    def check(self, figures: Mapping[str, float]) -> Outcome:
        """Compare. Raises SynthgenError for a figure that no arm has."""
        match = CLAIM.fullmatch(self.holds)
        if match is None:
            raise SynthgenError(f"claim {self.holds!r}: write FIGURE > NUMBER, FIGURE < FIGURE or FIGURE > 8 * FIGURE")
        left = self._value(match["left"], figures)
        right = float(match["factor"] or 1) * self._value(match["right"], figures)
        return Outcome(match["left"], left, right, left > right if match["sign"] == ">" else left < right)

    def _value(self, term: str, figures: Mapping[str, float]) -> float:
        if re.fullmatch(NUMBER, term):
            return float(term)
        if term not in figures:
            raise SynthgenError(f"claim {self.holds!r}: no figure {term!r}{nearest(term, figures, 30)}")
        return figures[term]


@dataclass(frozen=True)
class Outcome:
    """A claim, compared: the figure on its left, what it is compared with, and whether it holds."""

    figure: str
    left: float
    right: float
    holds: bool


class Arm(Written):
    """One training run of an experiment and what is measured of it."""

    name: str = Field(pattern=r"[a-z0-9-]+", description="the arm's name in claims")
    data: tuple[DataSettings, ...] = Field((), description="the streams of a batch; by default the experiment's")
    model: dict[str, Any] = Field(default_factory=dict, description="model settings that differ")
    train: dict[str, Any] = Field(default_factory=dict, description="training settings that differ")
    packing: Literal["", "row", "chop", "cut", "left", "pad"] = Field("", description="by default the experiment's")
    init: str = Field("", description="the arm whose finished model this one begins with (a second stage)")
    measures: dict[str, MeasureSettings] = Field(default_factory=dict, description="measures, by name")


class Experiment(Written):
    """A whole experiment, at one size."""

    title: str = Field(description="one line for people")
    paper: str = Field(description="arXiv number")
    finding: str = Field(description="what the paper found, in a sentence")
    verdict: Literal["required", "tried"] = Field(
        "required", description="required: every claim must hold; tried: reported, whatever it is"
    )
    held: str = Field("", description="over which seeds the claims held, and where they were tried")
    screened: tuple[int, ...] = Field((), description="seeds that the design was tuned on: no verdict comes from them")
    hours: dict[Size, float] = Field(
        default_factory=dict, description="hours of one core that a seed takes, all arms together, measured or reckoned"
    )
    params: dict[str, Any] = Field(default_factory=dict, description="params of every stream's spec")
    model: dict[str, Any] = Field(default_factory=dict, description="model settings of every arm")
    train: dict[str, Any] = Field(default_factory=dict, description="training settings of every arm")
    data: tuple[DataSettings, ...] = Field((), description="the streams of every arm that has none of its own")
    packing: Literal["row", "chop", "cut", "left", "pad"] = Field("row", description="as in RunSettings")
    neighbours: Literal["", "refuse", "allow"] = Field("", description="as in RunSettings")
    arm: tuple[Arm, ...] = Field(min_length=1, description="the arms, in order")
    claim: tuple[Claim, ...] = Field((), description="the claims")

    @model_validator(mode="after")
    def _begun(self) -> Experiment:
        names = [arm.name for arm in self.arm]
        for place, arm in enumerate(self.arm):
            if names.index(arm.name) < place:
                raise ValueError(f"two arms are named {arm.name!r}")
            if arm.init and arm.init not in names[:place]:
                raise ValueError(f"arm {arm.name!r}: init = {arm.init!r} is no arm before it")
        return self

    def seeds(self, number: int) -> list[int]:
        """Return the first so many seeds that the design was not tuned on."""
        return list(itertools.islice((seed for seed in itertools.count() if seed not in self.screened), number))

    def run_of(self, arm: Arm, seed: int) -> RunSettings:
        """Return the settings of an arm's run under a seed: of the weights, the rows and the world."""
        streams = []
        for data in arm.data or self.data:
            streams.append(data.model_copy(update={"params": self.params | data.params, "seed": seed}))
        return RunSettings(
            data=tuple(streams),
            packing=arm.packing or self.packing,
            neighbours=self.neighbours,
            model=ModelSettings.model_validate(self.model | arm.model),
            train=TrainSettings.model_validate({"save_every": 250} | self.train | arm.train | {"seed": seed}),
        )


def experiments_folder() -> Path:
    """Return the folder of the shipped experiments."""
    return specs_folder() / "experiments"


def shipped_experiments() -> list[str]:
    """Return the names of the shipped experiments."""
    return sorted(path.stem for path in experiments_folder().glob("*.toml"))


def sizes_of(name: str) -> list[str]:
    """Return the sizes an experiment comes in."""
    table, _ = _read(name)
    return [size for size in SIZES if size == "laptop" or size in table.get("size", {})]


def load_experiment(name: str, size: str = "laptop") -> tuple[Experiment, Path]:
    """Return an experiment at a size, and the folder its spec files are relative to.

    Raises SynthgenError for an unknown name or size, or anything wrong with the file.
    """
    table, path = _read(name)
    sizes = table.pop("size", {})
    if size != "laptop":
        if size not in sizes:
            raise SynthgenError(f"{path}: no size {size!r}{nearest(size, ['laptop', *sizes])}")
        if "arm" in sizes[size] and not isinstance(sizes[size]["arm"], Mapping):
            table.pop("params", None)  # arms of its own have params of their own
        _overlay(table, sizes[size])
    try:
        return Experiment.model_validate(table), path.parent
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        what = f"{where} = {first['input']!r}: " if where else ""  # without a place it is about several fields
        raise SynthgenError(f"{path}: {what}{first['msg'].removeprefix('Value error, ')}") from None


def _overlay(table: dict[str, Any], changes: Mapping[str, Any], in_arm: bool = False) -> None:
    """Change a table in place: tables are merged, `arm` by the arms' names; all else, and an arm's params, replaced."""
    for key, value in changes.items():
        if key == "arm" and isinstance(value, Mapping):
            for arm in table["arm"]:
                _overlay(arm, value.get(arm["name"], {}), in_arm=True)
        elif isinstance(value, Mapping) and isinstance(table.get(key), dict) and not (in_arm and key == "params"):
            _overlay(table[key], value, in_arm)
        else:
            table[key] = value


def _read(name: str) -> tuple[dict[str, Any], Path]:
    path = Path(name) if name.endswith(".toml") else experiments_folder() / f"{name}.toml"
    if not is_file(path):
        known = nearest(name, shipped_experiments(), 30)
        raise SynthgenError(f"no experiment named {name!r}{known}; see `synthgen reproduce --list`")
    return read_toml(path), path

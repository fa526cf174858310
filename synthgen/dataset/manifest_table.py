"""What `manifest.json` must look like, so that no reader stumbles; what its values must be, `check` derives.

Keys that are not here are left alone: a later version may write more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from synthgen.dataset.containers import CONTAINERS
from synthgen.dataset.shards import Shard
from synthgen.spec.spec import SHARDS_MAX, SPLIT_NAME
from synthgen.task.foreign import shaped


class _Strict(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


ENDINGS = "|".join(dict.fromkeys(container.ending for container in CONTAINERS.values()))


class Numbered(BaseModel):
    """What says which version of synthgen reads it."""

    format: Any
    versions: Any = None


class ShardTable(_Strict):
    """A shard's record, in a manifest and wherever else it is kept."""

    path: str = Field(pattern=rf"^data/{SPLIT_NAME.pattern}\.({ENDINGS})$")  # nowhere else, whatever it says
    split: str = Field(pattern=rf"^{SPLIT_NAME.pattern}$")
    rows: int = Field(gt=0, lt=2**62)
    bytes: int = Field(ge=0, lt=2**62)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    content: str = Field(pattern="^[0-9a-f]{64}$")
    bits: dict[str, float | None]  # None: of some row unknown
    sizes: dict[str, int] = Field(default_factory=dict)  # of mixtures

    def shard(self) -> Shard:
        """Return the record itself."""
        return Shard(**dict(self))


class _Figure(_Strict):
    """Bits, and how they are known: what `stated_bits` and its like read."""

    bits: float
    status: str
    low: float = 0.0
    high: float | None = None
    level: float = 1.0
    method: str | None = None
    n: int | None = None
    se: float | None = None
    reason: str = ""


class _Book(_Figure):
    scope: str


class _Text(_Strict):
    low: float
    value: float
    high: float | None
    level: float = 1.0
    method: str | None = None
    n: int | None = None


class EntropyTable(_Strict):
    """What a split's entropy must look like to be shown; `check` compares it whatever it looks like."""

    bits: float
    status: str
    reason: str = ""
    se: float | None = None
    text: _Text | None = None  # since version 0.2
    floor: dict[str, _Figure | None] = Field(default_factory=dict)
    books: dict[str, _Book]
    facts: dict[str, Any]

    @field_validator("facts")
    @classmethod
    def _figures(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and {"bits", "status"} <= value.keys():
            shaped(_Figure, value, "entropy.facts")
        elif isinstance(value, Mapping | list):
            for item in value.values() if isinstance(value, Mapping) else value:
                cls._figures(item)
        return value


class _Versions(_Strict):
    synthgen: str
    task: int


class _SplitTable(_Strict):
    rows: int = Field(gt=0, lt=2**62)
    shards: int = Field(gt=0, le=SHARDS_MAX)
    complete: bool | None
    split_by: str
    params: dict[str, Any]
    entropy: dict[str, Any]
    component_rows: dict[str, int] | None = None  # of mixtures

    def entry(self) -> dict[str, Any]:
        """Return the entry as a manifest holds it."""
        return {k: v for k, v in self if k != "component_rows" or v is not None}


class _Vocab(_Strict):
    size: int = Field(gt=0, lt=2**32)
    bos: int
    eos: int
    pad: int
    names: dict[Annotated[str, Field(pattern="^[0-9]{1,18}$")], str]


class Table(_Strict):
    """All of it."""

    format: int
    name: str
    content_id: str
    identity: dict[str, Any]
    versions: dict[str, Any]
    spec: dict[str, Any]
    container: Literal[tuple(CONTAINERS)]  # type: ignore[valid-type]
    columns: list[str]
    vocab: dict[str, Any] | None
    splits: dict[Annotated[str, Field(pattern=rf"^{SPLIT_NAME.pattern}$")], _SplitTable]
    totals: dict[str, Any]
    shards: list[ShardTable]

    @model_validator(mode="after")
    def _named(self) -> Table:
        if not isinstance(self.spec.get("name"), str):
            raise ValueError("spec.name is missing")
        shaped(_Versions, self.versions, "versions")
        if self.vocab is not None:
            shaped(_Vocab, self.vocab, "vocab")
        return self

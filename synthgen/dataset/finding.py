"""What one check of a folder came to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """The result of one check: what was looked at, whether it holds, and the figure or the fault."""

    check: str
    subject: str
    ok: bool
    detail: str

    def to_json(self) -> dict[str, Any]:
        """Return the mapping that `synthgen check --json` prints."""
        return asdict(self)

"""A push's journal: what a killed push knows when it goes on. It holds no token; the repository has the last word."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from synthgen.task.files import exists, write_whole
from synthgen.task.foreign import read_json


@dataclass
class PushJournal:
    """The state of one push into one repository."""

    push: str  # names this push alone; it stands in the pull request's title
    repo: str
    digest: str  # of what is pushed
    tag: str
    base: str  # the commit of main it starts from
    pull_request: int | None = None
    head: str = ""  # the last commit of the pull request that is known to be ours
    done: list[str] = field(default_factory=list)  # paths committed

    def save(self, path: Path) -> None:
        """Write the journal, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> PushJournal | None:
        """Read a journal; None if there is none. Raises SynthgenError for a damaged one."""
        return (
            read_json(path, cls, "damaged: remove it and push again; what is published is safe")
            if exists(path)
            else None
        )


def journal_path(work: Path, repo: str) -> Path:
    """Return where the journal of pushes into `repo` lies."""
    return work / f"{repo.replace('/', '--')}.json"

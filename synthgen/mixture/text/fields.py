"""What a mixture says of a component of real text, and what synthgen writes beside it."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, NamedTuple

from pydantic import Field

from synthgen.errors import SynthgenError
from synthgen.task.written import NEWER, TOLD, Written

HUB = "hub:"
"""What stands before the name of a dataset repository."""

REPOSITORY = re.compile(r"([\w.-]+/[\w.-]+)(?:@(.*))?")
COMMIT = re.compile(r"[0-9a-f]{40}")


class TextFields(Written):
    """Real text: which rows of which dataset. The last three are written by synthgen, and can be stated to pin them."""

    text: Annotated[str, TOLD, NEWER] = Field(
        "",
        description="real text in the place of a spec: a file beside this one (.parquet, .jsonl, .arrow), a folder of "
        "them or of `datasets`, or hub:OWNER/NAME@COMMIT",
    )
    column: Annotated[str, NEWER] = Field("text", description="with `text`: the column that holds it")
    files: Annotated[str, TOLD, NEWER] = Field(
        "", description="with `text`: which files of a folder or repository, as data/train-*; by default all"
    )
    start: Annotated[int, TOLD, NEWER] = Field(0, ge=0, lt=2**40, description="with `text`: rows left out before")
    rows: Annotated[int | None, NEWER] = Field(
        None, gt=0, lt=2**40, description="with `text`: how many rows are used; by default all"
    )
    repeat: Annotated[bool, NEWER] = Field(
        False, description="with `text`: go round when its rows are used up; otherwise the mixture ends there"
    )
    licence: Annotated[str, TOLD, NEWER] = Field(
        "",
        pattern=r"^([a-z0-9]+([.-][a-z0-9]+)*)?$",
        description="with `text`: its licence, as the Hub names it; `push` asks for one",
    )
    digest: Annotated[str, NEWER] = Field(
        "", pattern="^([0-9a-f]{64})?$", description="with `text`: of the rows used, so that other rows are refused"
    )
    bytes: Annotated[int, NEWER] = Field(0, ge=0, lt=2**62, description="with `text`: of the rows used, in UTF-8")
    commit: Annotated[str, NEWER] = Field(
        "", pattern="^([0-9a-f]{40})?$", description="with `text`: the Hub's commit, for the content id"
    )


class Repository(NamedTuple):
    """A dataset repository on the Hub, pinned to a commit."""

    name: str
    commit: str


def repository_of(text: str) -> Repository | None:
    """Return the repository that `text` names; None for a file or folder. Raises SynthgenError where none is pinned."""
    if not text.startswith(HUB):
        return None
    named = REPOSITORY.fullmatch(text.removeprefix(HUB))
    if not named or not COMMIT.fullmatch(named[2] or ""):
        raise SynthgenError(
            f"params.component: text = {text!r}: write hub:OWNER/NAME@COMMIT with the 40 hex digits of a commit, since "
            "main and tags move; the page `Files` of the repository has them under `History`"
        )
    return Repository(named[1], named[2])


def origin_of(text: str) -> str:
    """Return what manifests and cards call it: a repository with its commit, or a file's name without its folder."""
    return text if text.startswith(HUB) else PurePosixPath(text).name or text


def component_name(text: str) -> str:
    """Return what a component is called that has no name: the file's or the repository's."""
    return PurePosixPath(text.removeprefix(HUB).partition("@")[0]).name.split(".")[0]

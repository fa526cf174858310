"""Collections: which repositories belong together, in what words, as a TOML file that is pushed to the Hub.

    title = "..."
    [[item]]
    repo = "cfg3f"      # ORG/NAME, or a NAME of the organisation that it is pushed to
    note = "..."

`cards/collection.toml` is that of all shipped specs; `make pages` writes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import tomli_w
from pydantic import Field

from synthgen.publish.papers import PAPERS
from synthgen.spec.spec import shipped_specs, specs_folder
from synthgen.task.files import shipped
from synthgen.task.foreign import read_toml, shaped
from synthgen.task.written import Written

NOTE, TITLE, DESCRIPTION = 500, 59, 150
"""Most characters of a note, a title and a description, as the Hub has it."""

GALLERY = "synthgen-gallery"
"""The Space of the gallery, as the shipped collection calls it."""


class Item(Written):
    """A repository of a collection, or a paper (by its arXiv number)."""

    repo: str = Field(pattern=r"^[\w.-]+(/[\w.-]+)?$", description="ORG/NAME, or NAME of the collection's own ORG")
    kind: Literal["dataset", "model", "space", "paper"] = Field("dataset", description="what it is")
    note: str = Field("", max_length=NOTE, description="what the collection says of it")

    def address(self, org: str) -> str:
        """Return what the Hub calls it, in a collection of `org`."""
        return self.repo if "/" in self.repo or self.kind == "paper" else f"{org}/{self.repo}"


class Collection(Written):
    """A collection file."""

    title: str = Field(min_length=1, max_length=TITLE, description="by which the Hub finds it again")
    description: str = Field("", max_length=DESCRIPTION, description="one sentence below the title")
    item: list[Item] = Field(min_length=1, max_length=1000, description="what is in it, in order")

    def to_toml(self) -> str:
        """Return the file."""
        return tomli_w.dumps(self.model_dump(exclude_defaults=True))


def read_collection(path: Path) -> Collection:
    """Read a collection file. Raises SynthgenError that names the file, the field and the fix."""
    collection: Collection = shaped(Collection, read_toml(path), str(path), "see `cards/collection.toml`")
    return collection


def shipped_collection_file() -> Path:
    """Return the file of the collection of all shipped specs."""
    return shipped("cards") / "collection.toml"


def collection_of(specs: Iterable[str]) -> Collection:
    """Return the collection of shipped specs: the papers, the gallery, and a repository for each spec, by its name."""
    papers = [Item(repo=paper.arxiv, kind="paper", note=paper.full_title) for paper in PAPERS.values()]
    gallery = Item(repo=GALLERY, kind="space", note="Rows of every family, with their bits and spans, to look at.")
    titles = {name: str(read_toml(specs_folder() / f"{name}.toml").get("title", "")) for name in specs}
    datasets = [Item(repo=name, note=_note(title)) for name, title in titles.items()]
    return Collection(
        title="Physics of Language Models: synthetic data",
        description="Pretraining data for controlled experiments, every bit of it known. Made by synthgen.",
        item=[*papers, gallery, *datasets],
    )


def _note(title: str) -> str:
    return title if len(title) <= NOTE else f"{title[: NOTE - 3]}..."


def write_shipped() -> None:
    """Write the file of the collection of all shipped specs."""
    shipped_collection_file().write_text(collection_of(shipped_specs()).to_toml(), encoding="utf-8")

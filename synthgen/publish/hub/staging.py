"""Staging: the files of a push, made and checked before anything is sent.

A dataset folder is copied to `DIR/.push/FORMAT/` in its published form, with its card, and this copy is checked: what
is sent is what passed. Shards already copied are kept, so a killed push does not begin anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, Field

from synthgen.dataset.containers import CONTAINERS
from synthgen.dataset.folder import asset_paths, is_made
from synthgen.dataset.manifest import Manifest
from synthgen.dataset.plain_text import in_markdown
from synthgen.dataset.readme import size_category
from synthgen.errors import SynthgenError
from synthgen.publish.card import Address, read_front_matter, write_card
from synthgen.publish.croissant import CROISSANT
from synthgen.publish.parquet import copy_definition, to_parquet
from synthgen.publish.pictures import PICTURES
from synthgen.spec.spec import load_spec
from synthgen.task.files import exists, file_sha256, write_whole
from synthgen.task.foreign import Unreadable, read_bytes, read_json, read_text, shaped

FORMATS = tuple(sorted(CONTAINERS, reverse=True))
WORK = ".push"
"""The folder in a dataset folder where pushes keep copies and journals; remove it freely when no push is under way."""


@dataclass(frozen=True)
class LocalFile:
    """A file to be published: its path in the repository, where it is, and what the listing must say of it."""

    path: str
    source: Path
    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: str, source: Path, sha256: str = "") -> LocalFile:
        """Return the file at `source`, hashed if `sha256` is not known."""
        return cls(path, source, source.stat().st_size, sha256 or file_sha256(source))

    def blob_id(self) -> str:
        """Return the id git gives to the file's bytes; listings have it for files too small for LFS."""
        data = read_bytes(self.source)
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@dataclass(frozen=True)
class Staged:
    """A dataset folder in its published form: where it lies, its config's name, and its manifest."""

    folder: Path
    config: str
    manifest: Manifest

    @property
    def prefix(self) -> str:
        """What stands before its paths in the repository."""
        return "" if self.config == "default" else f"{self.config}/"

    def shards(self) -> list[LocalFile]:
        """Return the files of its shards."""
        return [
            LocalFile.of(self.prefix + shard.path, self.folder / shard.path, shard.sha256)
            for shard in self.manifest.shards
        ]

    def other_files(self) -> list[LocalFile]:
        """Return the other files: spec, assets, pictures, card, and the manifest last."""
        named = ["spec.toml", "README.md", CROISSANT, "manifest.json"]
        paths = [*asset_paths(load_spec(self.folder / "spec.toml")), *self._picture(), *named]
        return [LocalFile.of(self.prefix + path, self.folder / path) for path in paths]

    def _picture(self) -> list[str]:
        return [path for path in PICTURES.values() if (self.folder / path).is_file()]


def configs_of(folders: Sequence[Path], named: Sequence[str]) -> dict[str, Path]:
    """Return the folder of each config: as named, `default` for one folder, else by the datasets' own names."""
    if named and len(named) != len(folders):
        raise SynthgenError(f"--config is given {len(named)} times for {len(folders)} folders; give one for each")
    names = list(named) or (["default"] if len(folders) == 1 else [Manifest.read(folder).name for folder in folders])
    for name in names:
        if not name.replace("-", "").replace("_", "").replace(".", "").isalnum() or name in (
            "data",
            "assets",
            "pictures",
        ):
            raise SynthgenError(
                f"--config {name!r}: use letters, digits, '-', '_' and '.', and not the name of a folder"
            )
    if len(set(names)) < len(names) or (len(names) > 1 and "default" in names):
        raise SynthgenError(f"configs {', '.join(names)}: each folder needs a name of its own, and none is 'default'")
    return dict(zip(names, folders, strict=True))


def digest_of(folders: Mapping[str, Path], container: str) -> str:
    """Return a hash of what is pushed: configs, content ids, and the content hash of every shard."""
    parts = []
    for config, folder in folders.items():
        manifest = Manifest.read(folder)
        shards = [[Path(shard.path).stem, shard.content] for shard in manifest.shards]
        parts.append([config, manifest.content_id, shards])
    return hashlib.sha256(json.dumps([container, parts]).encode()).hexdigest()


def stage(
    folder: Path,
    config: str,
    container: str,
    repo: str,
    tag: str,
    licence: str,
    pictures: bool,
    on_rows: Callable[[int], None] | None,
) -> Staged:
    """Make the published form of a dataset folder and its card, or what is missing of them.

    Raises CheckFailed if its values are not what its manifest says, or the copy does not pass its check.
    """
    if container not in FORMATS:
        raise SynthgenError(f"--format {container!r}: choose one of {', '.join(FORMATS)}")
    source = Manifest.read(folder)
    out = folder / WORK / container
    wanted = {
        "repo": repo,
        "tag": tag,
        "config": config,
        "licence": licence,
        "pictures": pictures,
        "source": [shard.to_json() for shard in source.shards],
        "spec": dict(source.spec),
    }
    record = out / "staged.json"
    if not (_is_staged(record, wanted) and _is_whole(out)):
        record.unlink(missing_ok=True)
        if container == source.container:
            manifest = _link(folder, out, source)
        elif container == "parquet":
            manifest = to_parquet(folder, out, on_rows)
        else:
            raise SynthgenError(
                f"{folder}: its shards are {source.container}; push it with --format {source.container} or parquet"
            )
        _remove_strangers(out, manifest)
        write_card(out, licence=licence, address=Address(repo, tag, config), pictures=pictures, on_rows=on_rows)
        write_whole(record, json.dumps(wanted))
    return Staged(out, config, Manifest.read(out))


def _is_whole(out: Path) -> bool:
    """Say whether what was staged is still there: the record alone does not know."""
    there = all((out / name).is_file() for name in ("manifest.json", CROISSANT))
    return there and all(is_made(out, shard) for shard in Manifest.read(out).shards)


def _is_staged(record: Path, wanted: Mapping[str, Any]) -> bool:
    """Say whether what is wanted was staged before; what is damaged is staged anew."""
    try:
        return exists(record) and read_json(record) == wanted
    except Unreadable:
        return False


def _link(folder: Path, out: Path, manifest: Manifest) -> Manifest:
    """Stage shards that are in the published form already: by hard links, or copies on another file system."""
    (out / "data").mkdir(parents=True, exist_ok=True)
    for shard in manifest.shards:
        target = out / shard.path
        target.unlink(missing_ok=True)
        try:
            os.link(os.path.realpath(folder / shard.path), target)  # not a link to it, where it is one itself
        except OSError:
            shutil.copyfile(folder / shard.path, target)
    copy_definition(folder, out)
    manifest.write(out)
    return manifest


def _remove_strangers(out: Path, manifest: Manifest) -> None:
    """Remove shards of an earlier version of the dataset from the staged copy."""
    listed = {shard.path for shard in manifest.shards}
    for path in (out / "data").iterdir():
        if f"data/{path.name}" not in listed:
            path.unlink()


def root_card(name: str, there: str, staged: Sequence[Staged]) -> str:
    """Return the README of a repository with named configs: `there` is the one it has, whose other configs stay."""
    old = read_front_matter(there, f"{name}: README.md")
    ours = {one.config: read_front_matter(read_text(one.folder / "README.md"), str(one.folder)) for one in staged}
    origin, fix = f"{name}: README.md", "mend the card there, or push to another repository"
    infos = {info["config_name"]: info for info in _listed(old.get("dataset_info"), _Info, origin, fix)}
    configs = {config["config_name"]: config for config in _listed(old.get("configs"), _Config, origin, fix)}
    for config, matter in ours.items():
        files = [{**file, "path": f"{config}/{file['path']}"} for file in matter["configs"][0]["data_files"]]
        configs[config] = {"config_name": config, "data_files": files}
        infos[config] = {"config_name": config, **matter["dataset_info"]}
    first = next(iter(ours.values()))
    rows = sum(split["num_examples"] for info in infos.values() for split in info["splits"])
    matter = {
        **{key: value for key, value in first.items() if key not in ("configs", "dataset_info")},
        "license": _licences([matter["license"] for matter in ours.values()]),
        "pretty_name": name.split("/")[1],
        "size_categories": [size_category(rows)],
        "configs": [configs[config] for config in sorted(configs)],
        "dataset_info": [infos[config] for config in sorted(infos)],
    }
    lines = "\n".join(
        f"| [{config}]({config}/README.md) | "
        + ", ".join(f"{in_markdown(split['name'])} {split['num_examples']:,}" for split in infos[config]["splits"])
        + " |"
        for config in sorted(infos)
    )
    return (
        f"---\n{yaml.safe_dump(matter, sort_keys=False, allow_unicode=True)}---\n# {name.split('/')[1]}\n\n"
        "Synthetic pretraining data for controlled experiments, made by synthgen. Each config is a dataset of its own, "
        f"with its card, manifest and spec in its folder.\n\n| config | rows |\n|---|---|\n{lines}\n"
    )


def _licences(stated: Sequence[str | list[str]]) -> str | list[str]:
    """Return the licences of all configs, as the Hub writes them: a name, or a list."""
    names = list(dict.fromkeys(n for one in stated for n in ([one] if isinstance(one, str) else one)))
    return names[0] if len(names) == 1 else names


class _Config(BaseModel):
    """What is read of a config in a card's metadata."""

    config_name: str = Field(pattern=r"^[\w.-]+$")


class _Split(BaseModel):
    name: str
    num_examples: int = Field(ge=0)


class _Info(_Config):
    """What is read of what a config holds."""

    splits: list[_Split]


def _listed(value: Any, shape: type[BaseModel], origin: str, fix: str) -> list[dict[str, Any]]:
    """Return the entries with a config's name in a list of metadata. Raises SynthgenError for one of another shape."""
    entries = value if isinstance(value, list) else []
    named = [entry for entry in entries if isinstance(entry, dict) and "config_name" in entry]
    for entry in named:
        shaped(shape, entry, origin, fix)
    return named

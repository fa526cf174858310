"""The README of a dataset folder: front matter that makes `load_dataset` work, and a few lines for people.

`synthgen card` writes the full dataset card in its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import yaml

from synthgen.dataset.containers import CONTAINERS
from synthgen.dataset.manifest import Manifest
from synthgen.dataset.plain_text import in_markdown
from synthgen.exact.bits import stated_bits
from synthgen.exact.entropy import text_entry
from synthgen.spec.spec import split_label
from synthgen.task.arrow import features_of
from synthgen.task.contract import Task

ARXIV_NUMBER = re.compile(r"\d{4}\.\d{5}")
TEXT_COLUMNS = ("text", "prompt", "completion")

SIZES: tuple[tuple[int, str], ...] = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
)
LARGER: tuple[tuple[int, str], ...] = (
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
    (10**10, "1B<n<10B"),
    (10**11, "10B<n<100B"),
)


def size_category(rows: int) -> str:
    """Return the Hub's size category of a number of rows."""
    return next((name for limit, name in SIZES + LARGER if rows < limit), "n>100B")


def licences_of(licence: str, task: Task) -> str | list[str]:
    """Return the licence of rows as the Hub writes it: a list, where texts of others come with their own."""
    others = [source.licence or "unknown" for source in task.text_sources()]
    names = list(dict.fromkeys([licence, *others]))
    return names if len(names) > 1 else licence


def front_matter(manifest: Manifest, schema: pa.Schema, task: Task) -> dict[str, Any]:
    """Return the metadata the Hub and `datasets` read; `schema` and `task` are of the manifest's rows."""
    ending = CONTAINERS[manifest.container].ending
    splits: list[dict[str, Any]] = []
    for name in manifest.splits:
        shards = [shard for shard in manifest.shards if shard.split == name]
        size = sum(shard.bytes for shard in shards)
        splits.append(
            {"name": split_label(name), "num_bytes": size, "num_examples": sum(shard.rows for shard in shards)}
        )
    total = sum(shard.bytes for shard in manifest.shards)
    features = yaml_features({f.name: features_of(schema)[f.name] for f in schema if f.name in manifest.columns})
    files = [{"split": split_label(name), "path": f"data/{name}-?????-of-?????.{ending}"} for name in manifest.splits]
    paper = str(manifest.spec.get("paper") or task.paper)
    title = str(manifest.spec.get("title") or "").rstrip(".")
    plain = title.isprintable() and not re.search(r"[<>\[\]`|\\]", title)  # others' text is no markup here either
    in_text = any(name in manifest.columns for name in TEXT_COLUMNS)
    return {
        "pretty_name": title if title and plain else manifest.name,
        "license": licences_of("cc0-1.0", task),
        **({"language": [task.natural_language]} if task.natural_language and in_text else {}),
        "task_categories": list(task.task_categories),
        "annotations_creators": ["machine-generated"],
        "language_creators": ["machine-generated", *["found"] * bool(task.text_sources())],
        "size_categories": [size_category(manifest.totals["rows"])],
        "tags": [
            "synthetic",
            "synthgen",
            f"synthgen-{task.name}",
            "physics-of-language-models",
            *(f"arxiv:{number}" for number in ARXIV_NUMBER.findall(paper)),
        ],
        "configs": [{"config_name": "default", "default": True, "data_files": files}],
        "dataset_info": {"features": features, "splits": splits, "download_size": total, "dataset_size": total},
    }


def yaml_features(features: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return features in the form `dataset_info` holds them: a list of {name, dtype | list | struct}."""
    return [{"name": name, **_yaml_feature(feature)} for name, feature in features.items()]


def _yaml_feature(feature: Mapping[str, Any]) -> dict[str, Any]:
    if feature.get("_type") == "Value":
        return {"dtype": feature["dtype"]}
    if feature.get("_type") == "List":
        item = _yaml_feature(feature["feature"])
        return {"list": item.get("dtype", item.get("struct", item))}
    return {"struct": yaml_features(feature)}


def short_readme(manifest: Manifest, schema: pa.Schema, task: Task) -> str:
    """Return the README that `generate` writes."""
    totals = manifest.totals
    title = in_markdown(str(manifest.spec.get("title") or "Synthetic pretraining data."))
    rows = "\n".join(
        f"| {name} | {split['rows']:,} | {split['shards']} | "
        f"{stated_bits(text_entry(manifest.entropy(name)))} ({manifest.entropy(name)['status']}) |"
        for name, split in manifest.splits.items()
    )
    return f"""---
{yaml.safe_dump(front_matter(manifest, schema, task), sort_keys=False, allow_unicode=True)}---
# {in_markdown(manifest.name)}

{title} Made by synthgen {manifest.versions["synthgen"]};
content id `{manifest.content_id[:16]}`. `synthgen card` writes the full dataset card here.

| split | rows | shards | bits a row |
|---|---|---|---|
{rows}

{totals["rows"]:,} rows, {totals["bytes"]:,} bytes. `manifest.json` has every shard's SHA-256; `spec.toml` makes the
same data again: `synthgen generate spec.toml --out DIR`.
"""

"""The dataset card: all that a reader of the data should know, filled into `cards/template.md` from the folder itself.

    synthgen card DIR         # checks DIR, then writes DIR/README.md, DIR/croissant.json and DIR/pictures/

The card states what was checked, so it is written only for a folder that passes. It holds nothing that the manifest,
the spec and the rows do not say: the same folder gives the same card.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pyarrow as pa
import tomli_w
import yaml

from synthgen.dataset.check import check_folder
from synthgen.dataset.containers import CONTAINERS
from synthgen.dataset.finding import Finding
from synthgen.dataset.manifest import Manifest
from synthgen.dataset.plain_text import fence_of, in_json, in_markdown, shown
from synthgen.dataset.readme import front_matter, licences_of
from synthgen.dataset.shards import read_batches
from synthgen.errors import CheckFailed
from synthgen.exact.bits import stated_bits, stated_status
from synthgen.exact.entropy import text_entry
from synthgen.exact.glossary import book_words, told_facts
from synthgen.publish.croissant import CROISSANT, croissant_text
from synthgen.publish.drawing.scene import Scene
from synthgen.publish.howto import lessons
from synthgen.publish.papers import papers_of
from synthgen.publish.pictures import PICTURES, SplitLengths, constant, draw_pictures, read_folder, scenes
from synthgen.spec.latents import signs_of
from synthgen.spec.source import Source
from synthgen.spec.spec import load_spec, split_label
from synthgen.task.arrow import CONTENT_COLUMNS
from synthgen.task.contract import SplitBy, Task
from synthgen.task.files import shipped, write_whole
from synthgen.task.foreign import yaml_of

LICENCES = {
    "cc0-1.0": "The data is dedicated to the public domain: "
    "[CC0 1.0](https://creativecommons.org/publicdomain/zero/1.0/).",
}
"""What the card says of a licence that is more than a name."""

OF_FILES = ("content id", "shards listed", "no other file", "hash", "schema", "rows", "content hash", "bits", "entropy")
"""Checks of files, which a card counts; of the others it gives the figures."""

LONGEST_LIST = 24
LONGEST_TEXT = 1200
MOST_BOOK_TABLES = 4
MOST_FACTS = 24

MEANINGS = {
    "id": "the row's index in its split",
    "text": "the document",
    "prompt": "what a model is given",
    "completion": "what it should say; training text is prompt + completion with nothing between",
    "input_ids": "the tokens, without begin- and end-of-document marks, which packers add",
    "completion_mask": "which tokens are trained on",
    "bits": "bits of information in the row: the total, and by book",
    "latent": "what the row was made from; `spans` are half-open, in code points of the text or in tokens",
    "epoch": "how often the corpus has gone round",
}


@dataclass(frozen=True)
class Address:
    """Where a published dataset is found: repository, the tag that pins it, and its config."""

    repo: str
    revision: str
    config: str = "default"


def write_card(
    folder: str | Path,
    *,
    licence: str = "cc0-1.0",
    address: Address | None = None,
    pictures: bool = True,
    sample: float | None = None,
    note: str = "",
    on_rows: Callable[[int], None] | None = None,
) -> list[Finding]:
    """Check a dataset folder, write its card and pictures, and return what the check found.

    Raises CheckFailed, with nothing written, for a folder that does not pass.
    """
    folder = Path(folder)
    manifest = Manifest.read(folder)
    findings = check_folder(folder, sample, on_rows)
    faults = [finding for finding in findings if not finding.ok]
    if faults:
        first = faults[0]
        raise CheckFailed(
            f"{folder}: {len(faults)} checks failed, so there is no card; the first: {first.check}: {first.subject}: "
            f"{first.detail}; see `synthgen check {folder}`"
        )
    source = Source(load_spec(folder / "spec.toml"))
    lengths = read_folder(folder, manifest)
    images: dict[str, Scene] = {}
    if pictures:
        example = _example(folder, manifest, lengths)
        images = scenes(manifest, source.task(example.split), lengths, next(iter(manifest.splits)), example.row)
        draw_pictures(folder, images)
    card = render(folder, manifest, source, lengths, findings, licence, address, images, note)
    write_whole(folder / "README.md", card)
    url = f"https://huggingface.co/datasets/{address.repo}" if address else ""
    write_whole(folder / CROISSANT, croissant_text(folder, manifest, source, licence, url))
    return findings


def render(
    folder: Path,
    manifest: Manifest,
    source: Source,
    lengths: Sequence[SplitLengths],
    findings: Sequence[Finding],
    licence: str = "cc0-1.0",
    address: Address | None = None,
    pictures: Mapping[str, Scene] | None = None,
    note: str = "",
) -> str:
    """Return the card of a dataset folder: front matter and text. `pictures`: those that stand beside it, by name."""
    spec, task = source.spec, source.task()
    schema = pa.schema([source.schema_with(manifest.columns).field(name) for name in manifest.columns])
    first = next(iter(manifest.splits))
    example = _example(folder, manifest, lengths)
    row = example.row
    shortened = _shorten(row)
    content = [name for name in CONTENT_COLUMNS if name in manifest.columns]
    groups = _books(manifest)
    readable = shown(_shorten(source.task(example.split).readable(row))) if "input_ids" in row else ""
    templates = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    measured = {
        split_lengths.rows
        for split_lengths in lengths
        if split_lengths.rows < manifest.splits[split_lengths.split]["rows"]
    }
    text = templates.from_string(template()).render(
        name=in_markdown(manifest.name),
        title=in_markdown(_sentence(spec.title or "Synthetic pretraining data")),
        note=note,
        papers=papers_of(spec.paper or task.paper),
        task=spec.task,
        family=in_markdown(spec.suite or task.family),
        notes=task.card_notes(),
        versions=manifest.versions,
        rows=f"{manifest.totals['rows']:,}",
        shards=len(manifest.shards),
        bytes=f"{manifest.totals['bytes']:,}",
        container=CONTAINERS[manifest.container].words,
        row_format=manifest.spec["row_format"],
        seed=manifest.spec["seed"],
        world=manifest.spec["world"],
        content_id=manifest.content_id,
        licence=licence,
        load_arguments=_load_arguments(address),
        pull=_pull_command(address),
        lessons=lessons(spec, "DIR", first),
        example=example.label,
        first=first,
        first_label=split_label(first),
        content_python=" + ".join(f'row["{name}"]' for name in content) or "row",
        params=shown(tomli_w.dumps({"params": manifest.spec["params"]})),
        columns=[
            {"name": field.name, "type": _type(field.type), "meaning": _meaning(field.name, task, row)}
            for field in schema
        ],
        row=",\n".join(
            f" {json.dumps(name)}: {in_json(json.dumps(value, ensure_ascii=False))}"
            for name, value in shortened.items()
        ),
        shortened="in all)" in json.dumps(shortened),
        readable=readable,
        fence=fence_of(readable),
        books=groups[:MOST_BOOK_TABLES],
        more_books=f"The manifest has the books of {len(groups) - MOST_BOOK_TABLES} more groups of splits."
        if len(groups) > MOST_BOOK_TABLES
        else "",
        splits=[_split(manifest, split_lengths) for split_lengths in lengths],
        unit=lengths[0].unit,
        difficulty=task.difficulty,
        measured=f"{max(measured):,}" if measured else "",
        pictures={name: (in_markdown(scene.caption), PICTURES[name]) for name, scene in (pictures or {}).items()},
        alike=_alike(lengths, task.difficulty),
        differs=[what for what in ("difficulty", "length") if constant(lengths, what) is None],
        guarantee=_guarantee(manifest),
        findings=_found(findings),
        deviations=[*task.stated_deviations(), *spec.deviations],
        licence_sentence=" ".join([LICENCES.get(licence, f"The licence of the data: `{licence}`."), *_texts(task)]),
        address_note=f"; {address.repo} at {address.revision}" if address else "",
    )
    matter = front_matter(manifest, schema, task) | {"license": licences_of(licence, task)}
    return f"---\n{yaml.safe_dump(matter, sort_keys=False, allow_unicode=True)}---\n{text}"


def template() -> str:
    """Return the card template."""
    return (shipped("cards") / "template.md").read_text(encoding="utf-8")


def _texts(task: Task) -> list[str]:
    """Return under which licences texts of others stand in rows, in sentences."""
    return [
        f"Not so the texts of component {_code(source.component)}, which are of {_code(source.origin)}: "
        + (f"their licence is `{source.licence}`." if source.licence else "their licence is not stated.")
        for source in task.text_sources()
    ]


def _code(text: str) -> str:
    """Return a text as code within a line; without backticks, which would end it."""
    without = shown(text).replace("`", "'")
    return f"`{without}`"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _guarantee(manifest: Manifest) -> str:
    if len(manifest.splits) == 1:
        return "There is one split. `synthgen generate --split fresh:NAME` makes another, independent one."
    return " ".join(SplitBy(by).sentence for by in dict.fromkeys(s["split_by"] for s in manifest.splits.values()))


def _alike(lengths: Sequence[SplitLengths], difficulty: str) -> str:
    """Return what is the same in all rows, as a sentence."""
    length, hard = constant(lengths, "length"), constant(lengths, "difficulty")
    parts = [f"{length:,} {lengths[0].unit}"] if length is not None else []
    parts += [f"difficulty {hard:,} ({difficulty})"] if hard is not None else []
    return f"Every row has {' and '.join(parts)}." if parts else ""


def _load_arguments(address: Address | None) -> str:
    if address is None:
        return '"DIR"'
    config = "" if address.config == "default" else f'"{address.config}", '
    return f'"{address.repo}", {config}revision="{address.revision}"'


def _pull_command(address: Address | None) -> str:
    if address is None:
        return ""
    config = "" if address.config == "default" else f" --config {address.config}"
    return f"synthgen pull {address.repo} DIR --revision {address.revision}{config}"


def _meaning(column: str, task: Task, row: Mapping[str, Any]) -> str:
    """Return what a column holds; of tokens, what the signs mean that stand in a row."""
    if column == "difficulty":
        return task.difficulty
    meaning = MEANINGS.get(column, "see the task's params")
    if column == "input_ids" and task.vocab:
        names = (task.vocab.names.get(i, "") for i in row[column])
        meaning += "".join(f"; `{sign}`: {words}" for sign, words in signs_of(names, task.glossary).items())
    return meaning


def _type(kind: pa.DataType) -> str:
    """Return an Arrow type in short: nested fields are left to the front matter."""
    if pa.types.is_struct(kind):
        names = [field.name for field in kind]
        return "struct of " + ", ".join(names[:6]) + (" ..." if len(names) > 6 else "")
    if pa.types.is_list(kind):
        return f"list of {_type(kind.value_type)}"
    return str(kind)


@dataclass(frozen=True)
class _Example:
    """The row that a card shows."""

    split: str
    number: int
    typical: bool  # of median difficulty, where rows differ in it
    row: dict[str, Any]

    @property
    def label(self) -> str:
        if not self.number:
            return f"The first row of `{self.split}`"
        return f"Row {self.number} of `{self.split}`{', the first of median difficulty' * self.typical}"


def _example(folder: Path, manifest: Manifest, lengths: Sequence[SplitLengths]) -> _Example:
    """Return the first row of median difficulty: of the first split, or of the hardest where the first has but one.

    A first row may be the easiest that there is, and hide what its spec is for.
    """
    of = lengths[0]
    if len(of.difficulty) == 1:
        of = max(lengths, key=lambda split: split.quantiles("difficulty")[2] if split.difficulty else 0)
    middle = of.quantiles("difficulty")[2] if len(of.difficulty) > 1 else None
    number = 0
    for shard in (shard for shard in manifest.shards if shard.split == of.split):
        for batch in read_batches(folder / shard.path):
            hard = batch.column("difficulty").to_numpy() if middle is not None else np.zeros(batch.num_rows)
            places = np.flatnonzero(hard == (middle or 0))
            if len(places):
                place = int(places[0])
                return _Example(of.split, number + place, middle is not None, batch.slice(place, 1).to_pylist()[0])
            number += batch.num_rows
    raise AssertionError("a row of median difficulty was measured")


def _shorten(value: Any) -> Any:
    """Return a value with long lists and texts cut, saying how much was left out."""
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"{value[:LONGEST_TEXT]} ... ({len(value):,} characters in all)"
    if isinstance(value, list) and len(value) > LONGEST_LIST:
        return [*(_shorten(item) for item in value[: LONGEST_LIST // 2]), f"... ({len(value):,} in all)"]
    if isinstance(value, list):
        return [_shorten(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _shorten(item) for key, item in value.items()}
    return round(value, 6) if isinstance(value, float) else value


def _books(manifest: Manifest) -> list[dict[str, Any]]:
    """Return tables of books, one for all splits that share one."""
    groups: dict[str, list[str]] = {}
    for name, split in manifest.splits.items():
        shared = {key: value for key, value in split["entropy"].items() if key != "split"}
        groups.setdefault(json.dumps(shared, sort_keys=True), []).append(name)
    tables = []
    for text, names in groups.items():
        entropy = json.loads(text)
        stated = manifest.entropy(names[0])  # in its order, which the key of the group has not
        paid = [
            (f"for a {what}", f"{stated_bits(bits)} bits")
            for what, bits in stated.get("floor", {}).items()
            if bits and bits != stated["floor"]["row"]
        ]
        facts = {"a perfect model that knows the world pays": paid} | told_facts(stated["facts"], "card")
        tables.append(
            {
                "splits": _listed([f"`{name}`" for name in names]),
                "splits_html": f"Bits of {_listed([f'<code>{html.escape(shown(name))}</code>' for name in names])}",
                "books": [
                    {
                        "name": in_markdown(book_words(name)),
                        "scope": in_markdown(book["scope"]),
                        "bits": stated_bits(book),
                        "status": in_markdown(stated_status(book)),
                    }
                    for name, book in stated["books"].items()
                ],
                "booked": f"{stated['bits']:,.4f}" if text_entry(stated)["bits"] != stated["bits"] else "",
                "bits": stated_bits(text_entry(entropy)),
                "status": in_markdown(stated_status(text_entry(entropy))),
                "facts": [
                    {"group": in_markdown(group), "name": in_markdown(words), "value": in_markdown(value)}
                    for group, of_group in facts.items()
                    for words, value in of_group
                ][:MOST_FACTS],
            }
        )
    return tables


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")


def _split(manifest: Manifest, split_lengths: SplitLengths) -> dict[str, Any]:
    stated = manifest.splits[split_lengths.split]
    entropy = stated["entropy"]
    booked = manifest.mean_bits(split_lengths.split)
    whole = {True: " (all there are)", False: " (the first)"}.get(stated["complete"], "")

    def three(what: str) -> str:
        if not getattr(split_lengths, what):
            return "-"
        least, mean, _, most = split_lengths.quantiles(what)
        return f"{least:,}, {mean:,.2f}, {most:,}"

    return {
        "name": split_lengths.split,
        "rows": f"{stated['rows']:,}{whole}",
        "params": ", ".join(_code(f"{name} = {json.dumps(value)}") for name, value in stated["params"].items()),
        "shards": stated["shards"],
        "formula": f"{entropy['bits']:,.4f}" if "text" in entropy and booked is not None else stated_bits(entropy),
        "ledger": "-" if "bits" not in manifest.columns else "unknown" if booked is None else f"{booked:,.4f}",
        "difficulty": three("difficulty"),
        "length": three("length"),
    }


def _found(findings: Sequence[Finding]) -> list[str]:
    """Return the findings of a passed check as lines: one a kind, with the detail where a split's matters."""
    lines = []
    for check in dict.fromkeys(finding.check for finding in findings):
        of_check = [finding for finding in findings if finding.check == check]
        if check not in OF_FILES:
            lines += [f"{check}: {finding.subject}: {finding.detail}" for finding in of_check[:12]]
            if len(of_check) > 12:
                lines.append(f"{check}: {len(of_check) - 12} more, all passed")
        else:
            lines.append(f"{check}: {len(of_check)} passed")
    return lines


def read_front_matter(card: str, origin: str) -> dict[str, Any]:
    """Return a card's metadata, empty where it has none. Raises SynthgenError for metadata that is no YAML."""
    if not card.startswith("---\n"):
        return {}
    matter = yaml_of(card[4:].split("\n---", 1)[0], origin)
    return matter if isinstance(matter, dict) else {}

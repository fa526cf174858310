"""The gallery: the card of every shipped spec at a small size, under `cards/gallery/`, so that people can leaf through.

    python -m synthgen.publish.gallery              # all specs; `make gallery`
    python -m synthgen.publish.gallery cfg3f        # some

`fresh.json` there holds, for each spec, a digest of what its card is made from; a test compares it in milliseconds.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

from synthgen.dataset import readme
from synthgen.dataset.build import generate
from synthgen.publish import card, drawing, papers, pictures
from synthgen.publish.card import template, write_card
from synthgen.spec.source import Source, load
from synthgen.spec.spec import shipped_specs, specs_folder
from synthgen.task.files import write_whole
from synthgen.task.foreign import read_json

ROWS = 256
"""Rows of each split of a card in the gallery."""

FRESH = "fresh.json"


def gallery_folder() -> Path:
    """Return the gallery of a checkout."""
    return specs_folder().parent / "cards" / "gallery"


def digest(name: str) -> str:
    """Return a hash of what a spec's card is made from: the spec, its task's version, the template and the code."""
    taken = hashlib.sha256(template().encode())
    taken.update((specs_folder() / f"{name}.toml").read_bytes())
    taken.update(load(name).spec.content_id.encode())
    for module in (card, papers, pictures, readme):
        taken.update(Path(str(module.__file__)).read_bytes())
    for file in sorted(Path(str(drawing.__file__)).parent.glob("*.py")):
        taken.update(file.read_bytes())
    return taken.hexdigest()


def render_card(name: str, folder: Path, with_pictures: bool = True) -> None:
    """Write the card of a shipped spec at a small size to `folder/README.md`, and its pictures beside it."""
    source = load(name)
    with tempfile.TemporaryDirectory() as temporary:
        data = Path(temporary) / name
        for split in source.splits:
            generate(name, data, splits=[split], rows=_rows(source, split), shards=1, workers=1)
        size = ", ".join(f"{split} {_full(source, split)}" for split in source.splits)
        write_card(
            data,
            pictures=with_pictures,
            note=f"A card of the gallery: its files hold {ROWS} rows of each split. As shipped, the spec has more: "
            f"{size}; `synthgen generate {name} --out DIR` makes them.",
        )
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(data / "README.md", folder / "README.md")
        if with_pictures:
            shutil.rmtree(folder / "pictures", ignore_errors=True)
            shutil.copytree(data / "pictures", folder / "pictures")


def _rows(source: Source, split: str) -> int:
    return min(ROWS, source.rows_max(split) or ROWS)


def _full(source: Source, split: str) -> str:
    rows = source.spec.splits[split].rows or source.rows_max(split)
    return f"{rows:,}" if rows else "without end"


def main(names: list[str]) -> None:
    """Write the cards of some specs, or of all, and remove those of specs that are gone."""
    out = gallery_folder()
    out.mkdir(parents=True, exist_ok=True)
    fresh = read_json(out / FRESH, dict[str, str]) if (out / FRESH).exists() else {}
    for name in names or shipped_specs():
        render_card(name, out / name)
        fresh[name] = digest(name)
        write_whole(out / FRESH, json.dumps(fresh, indent=1) + "\n")  # so that what is done is not done again
        print(f"{out / name}/README.md")
    for stale in {path.name for path in out.iterdir() if path.is_dir()} - set(shipped_specs()):
        shutil.rmtree(out / stale)
    fresh = {name: fresh[name] for name in sorted(fresh) if name in shipped_specs()}
    write_whole(out / FRESH, json.dumps(fresh, indent=1) + "\n")
    write_whole(out / "README.md", _index(list(fresh)))


def _index(names: list[str]) -> str:
    lines = "\n".join(f"| [{name}]({name}/README.md) | {load(name).spec.title} |" for name in names)
    return (
        "# Gallery\n\n"
        f"The dataset card of every shipped spec, at {ROWS} rows a split. `make gallery` renders them anew.\n\n"
        f"| spec | what it is |\n|---|---|\n{lines}\n"
    )


if __name__ == "__main__":
    main(sys.argv[1:])

"""The main job on an embedded default: two datasets generated, checked, opened, and told in figures.

    make demo          # or: python examples/demo.py [FOLDER]

It makes all 200,000 rows of `bios-multi5-permute` with 40,000 people, and 100,000 rows of `cfg3f`, under build/.
"""

import sys
import time
from pathlib import Path

import datasets

import synthgen
from synthgen.cli.display import Progress
from synthgen.dataset.check import check_folder
from synthgen.task.files import file_sha256

datasets.disable_progress_bars()

JOBS = (
    ("bios-multi5-permute", {"params": {"people": 40_000}, "rows": 200_000, "shards": 4}),
    ("cfg3f", {"splits": ["train"], "rows": 100_000, "shards": 4}),
)


def build(name: str, options: dict, folder: Path) -> None:
    """Generate one dataset, check it, open it both ways, and print what it is."""
    with Progress("rows") as progress:
        manifest = synthgen.generate(
            name, folder, **options, on_plan=lambda plan, todo: progress.expect(todo), on_rows=progress.add
        )
    rows, seconds = progress.rate()
    print(f"\n{name} -> {folder}")

    findings = check_folder(folder, sample=0.01)  # the texts of one row in a hundred are read back
    faults = [finding for finding in findings if not finding.ok]
    for fault in faults:
        print(f"  FAIL {fault.check}: {fault.subject}: {fault.detail}")
    if faults:
        sys.exit(1)
    print(f"  checked: {len(findings)} checks passed, {findings[-1].detail if findings else ''}")

    mapped = synthgen.open(folder)["train"]
    loaded = datasets.load_dataset(str(folder), split="train")
    assert loaded[len(mapped) - 1] == mapped[len(mapped) - 1], "datasets reads what was written"
    first = next(iter(datasets.load_dataset(str(folder), split="train", streaming=True)))
    assert first == mapped[0], "and so it does when streaming"

    content = "input_ids" if "input_ids" in mapped.column_names else "text"
    sizes = mapped.data.column(content)
    amount = (
        sum(len(chunk.flatten()) for chunk in sizes.chunks) if content == "input_ids" else sum(map(len, mapped["text"]))
    )
    print(f"  {len(mapped):,} rows, {amount:,} {'tokens' if content == 'input_ids' else 'characters'}", end="")
    print(f", {manifest.totals['bytes'] / 1e6:.1f} MB in {len(manifest.shards)} shards")

    entropy = synthgen.load(name, params=options.get("params")).entropy("train", len(mapped))
    books = {book: sum(shard.bits[book] for shard in manifest.shards) / len(mapped) for book in manifest.shards[0].bits}
    for book, mean in books.items():
        stated = entropy.booked if book == "total" else entropy.books[book].bits
        print(
            f"  bits {book:<11} {mean:10.4f} a row in the ledger, {stated.value:10.4f} by the formula ({stated.status})"
        )
    print(f"  the text of a row: {entropy.text} bits ({entropy.status})")
    for book, entry in entropy.books.items():
        if entry.scope == "world":
            print(f"  world {book:<10} {entry.bits.value:14,.1f} bits ({entry.bits.status})")
    print(f"  {rows / seconds:,.0f} rows a second" if rows else "  was there already; nothing to do")
    print(f"  first shard {manifest.shards[0].path} {file_sha256(folder / manifest.shards[0].path)[:16]}")
    text = first["text"] if content == "text" else " ".join(map(str, first["input_ids"][:60])) + " ..."
    print(f"  row 0: {text}")


def main() -> None:
    """Build both datasets below the folder that is named, or build/."""
    start = time.perf_counter()
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "build")
    for name, options in JOBS:
        build(name, options, target / name)
    print(f"\nall done in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()

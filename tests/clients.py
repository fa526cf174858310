"""Other people's readers on our shards: `make clients` prints the figures of docs/tables.md, with versions and date.

A client is a file `clients/NAME.txt` of pinned packages, which get a venv of their own under `build/clients`. What it
runs are the one-liners of the page, in every container; each must give the very rows that `synthgen` has.
"""

import datetime
import glob
import hashlib
import importlib
import importlib.util
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOME = ROOT / "build/clients"
CONTAINERS = ("arrow", "arrow-file", "parquet")
COMPARED = 5_000
"""Rows whose every value is compared with ours; of all, their number is."""

SPECS = {"bios-multi5": "text", "cfg3f": "tokens"}
MODULES = {"pa": "pyarrow", "pads": "pyarrow.dataset", "pl": "polars", "pd": "pandas"}
"""What the page's one-liners call by a shorter name."""


def one_liners():
    """Return {(client, container): code} of the page's table; a cell without code is left out."""
    page = (ROOT / "docs/tables.md").read_text("utf-8")
    table = page.split("| reader |")[1].split("\n\n")[0]
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table.splitlines()[2:]]
    lines = ((row[0], container, cell) for row in cells for container, cell in zip(CONTAINERS, row[1:], strict=True))
    return {(name.split()[0], container): cell.strip("` ") for name, container, cell in lines if "`" in cell}


# ---------------------------------------------------------------------------------------------------------------------
# In the client's own Python.


def read(code, folder, times=3):
    """Evaluate a one-liner on a folder's split `train`; return rows, a digest of their values, and least CPU seconds."""
    names = {"folder": folder, "files": sorted(glob.glob(f"{folder}/data/train-*"))}
    for name in set(re.findall(r"\b([a-z]\w*)\.", code)) & {*MODULES, "datasets", "duckdb", "synthgen"}:
        names[name] = importlib.import_module(MODULES.get(name, name))
    seconds = []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as cache:
            if "datasets" in names:  # what it has in its cache it does not read again
                names["datasets"].config.HF_DATASETS_CACHE = Path(cache)
            began = time.process_time()
            table = whole(eval(code, names))
            seconds.append(time.process_time() - began)
    return {"rows": len(table), "digest": digest_of(first_of(table)), "seconds": min(seconds)}


def digest_of(rows):
    """Return a hash of mappings of plain values, and of numpy's arrays of them."""
    return hashlib.sha256(json.dumps(rows, sort_keys=True, default=lambda value: value.tolist()).encode()).hexdigest()


def whole(table):
    """Return a table with all its columns in memory, where it was only a promise."""
    for get in ("collect", "to_arrow_table", "to_table"):  # a relation of DuckDB has the last, which is another thing
        if hasattr(table, get):
            return getattr(table, get)()
    return table


def first_of(table):
    """Return the first rows of any reader's table as mappings."""
    if hasattr(table, "iloc"):
        return table.iloc[:COMPARED].to_dict("records")
    if not hasattr(table, "slice"):
        return list(table.take(COMPARED))
    table = table.slice(0, COMPARED)
    return table.to_pylist() if hasattr(table, "to_pylist") else table.to_dicts()


# ---------------------------------------------------------------------------------------------------------------------
# Here.


def python_of(client):
    """Return the Python that has a client: of its own venv, or this one; None where neither has it."""
    own = HOME / client / "bin/python"
    if own.is_file():
        return str(own)
    return sys.executable if importlib.util.find_spec(client) else None


def install(client):
    """Make a client's venv from its pinned packages, unless it is there; return what went wrong, or ""."""
    place, pins = HOME / client, (ROOT / f"clients/{client}.txt").read_text()
    ready = place / "pins.txt"
    if ready.is_file() and ready.read_text() == pins:
        return ""
    venv.create(place, with_pip=True, clear=True)
    command = [place / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check", *pins.split()]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return f"cannot be installed: {done.stderr.strip().splitlines()[-1]}"
    ready.write_text(pins)
    return ""


def read_by(python, code, folder):
    """Run `read` in another Python. Raises AssertionError with what it wrote if it fails."""
    done = subprocess.run(
        [python, __file__, code, str(folder)],
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"},
    )
    assert done.returncode == 0, f"{code}: {done.stderr[-2000:]}"
    return json.loads(done.stdout)


def expected(folder):
    """Return what `read` must of a folder's split `train`: by what this package reads."""
    from synthgen.dataset.shards import read_batches

    shards = sorted(Path(folder, "data").glob("train-*"))
    batches = [batch for shard in shards for batch in read_batches(shard)]
    rows = (row for batch in batches for row in batch.to_pylist())
    count = sum(batch.num_rows for batch in batches)
    return {"rows": count, "digest": digest_of(list(itertools.islice(rows, COMPARED)))}


def written(spec, rows, container):
    """Make a folder; return it, its bytes a row, and the CPU seconds that its rows and its writing took."""
    import synthgen

    folder = HOME / "data" / f"{spec}-{container}"
    shutil.rmtree(folder, ignore_errors=True)
    synthgen.load(spec).batch(0, 1)  # compiled before it is timed
    began = time.process_time()
    manifest = synthgen.generate(spec, folder, splits=["train"], rows=rows, shards=2, format=container, workers=1)
    return folder, manifest.totals["bytes"] / rows, time.process_time() - began


def main(rows):
    """Print the table of a spec of text and of one of tokens; return how many one-liners failed."""
    lines, failed = one_liners(), 0
    clients = {name: install(name) for name in sorted({client for client, _ in lines} - {"synthgen"})}
    versions = {}
    for client, fault in clients.items():
        code = f"import importlib.metadata; print(importlib.metadata.version({client!r}))"
        python = str(HOME / client / "bin/python")
        versions[client] = fault or subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip()
    print(", ".join(f"{name} {version}" for name, version in versions.items()), datetime.date.today())
    for spec, content in SPECS.items():
        print(f"\n| {spec}: {content}, {rows:,} rows | " + " | ".join(CONTAINERS) + " |\n|---|---|---|---|")
        folders = {container: written(spec, rows, container) for container in CONTAINERS}
        right = expected(folders["arrow"][0])
        print("| bytes a row | " + " | ".join(f"{size:.0f}" for _, size, _ in folders.values()) + " |")
        print("| made and written | " + " | ".join(f"{seconds:.2f} s" for *_, seconds in folders.values()) + " |")
        for client in dict.fromkeys(client for client, _ in lines):
            cells = []
            for container, (folder, *_) in folders.items():
                code = lines.get((client, container))
                if code is None or clients.get(client):
                    cells.append("-")
                    continue
                python = sys.executable if client == "synthgen" else str(HOME / client / "bin/python")
                outcome = read_by(python, code, folder)
                same = {key: outcome[key] for key in right} == right
                failed += not same
                cells.append(f"{outcome['seconds']:.2f} s" if same else "OTHER ROWS")
            print(f"| {client} | " + " | ".join(cells) + " |", flush=True)
    return failed


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(read(*sys.argv[1:])))
    else:
        sys.exit(1 if main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000) else 0)

"""Other people's packages on what we make: `make clients` runs each, and writes the table of docs/clients/index.md.

A client is a file `clients/NAME.txt` of pinned packages, which get a venv of their own under `build/clients`. A reader
of tables runs the one-liners of docs/tables.md, in every container, whose figures are printed; each must give the very
rows that `synthgen` has. Any other client has a script, `clients/NAME.py`, which runs the code of its page
`docs/clients/NAME.md`, asserts what came out, and prints as its last line what it did; by hand it is run by
`build/clients/NAME/bin/python -P clients/NAME.py`:

    {"client": NAME, "versions": {package: version}, "glue": lines that a user writes, "did": "what was checked"}

    tests/clients.py [--rows N] [NAME ...]      all clients, or some
"""

import argparse
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

TABLE = ROOT / "docs/clients/index.md"
HEAD = "| client | versions | run on | lines of glue | what was run and checked |\n|---|---|---|---|---|\n"
LONGEST = 1800
"""Seconds after which a script is stopped."""


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


def scripted():
    """Return the names of the clients that have a script, sorted; one without pins is what others share."""
    return sorted(path.stem for path in (ROOT / "clients").glob("*.py") if path.with_suffix(".txt").is_file())


def install(client):
    """Make a client's venv from its pinned packages, unless it is there; return what went wrong, or "".

    What has a script needs this package beside them, which is installed as it lies here.
    """
    place, pins = HOME / client, ROOT / f"clients/{client}.txt"
    wanted = ["-r", pins] + ["-e", ROOT] * (client in scripted())
    stated = pins.read_text() + (ROOT / "pyproject.toml").read_text() * (client in scripted())
    ready = place / "pins.txt"
    if ready.is_file() and ready.read_text() == stated:
        return ""
    venv.create(place, with_pip=True, clear=True)
    command = [place / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check", *wanted]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        return f"cannot be installed: {errors[0].removeprefix('ERROR: ')}"
    ready.write_text(stated)
    return ""


def read_by(python, code, folder):
    """Run `read` in another Python. Raises AssertionError with what it wrote if it fails."""
    done = subprocess.run(
        [python, __file__, "--read", code, str(folder)],
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


def read_tables(rows, clients):
    """Print the tables of a spec of text and of one of tokens; return the clients' outcomes, and how many reads failed.

    clients: the names of readers.
    """
    lines, failed = one_liners(), dict.fromkeys(clients, 0)
    faults = {name: install(name) for name in clients}
    versions = {name: fault or version_of(name) for name, fault in faults.items()}
    print(", ".join(f"{name} {version}" for name, version in versions.items()), datetime.date.today())
    for spec, content in SPECS.items():
        print(f"\n| {spec}: {content}, {rows:,} rows | " + " | ".join(CONTAINERS) + " |\n|---|---|---|---|")
        folders = {container: written(spec, rows, container) for container in CONTAINERS}
        right = expected(folders["arrow"][0])
        print("| bytes a row | " + " | ".join(f"{size:.0f}" for _, size, _ in folders.values()) + " |")
        print("| made and written | " + " | ".join(f"{seconds:.2f} s" for *_, seconds in folders.values()) + " |")
        for client in ["synthgen", *clients]:
            cells = []
            for container, (folder, *_) in folders.items():
                code = lines.get((client, container))
                if code is None or faults.get(client):
                    cells.append("-")
                    continue
                python = sys.executable if client == "synthgen" else str(HOME / client / "bin/python")
                outcome = read_by(python, code, folder)
                same = {key: outcome[key] for key in right} == right
                failed[client] = failed.get(client, 0) + (not same)
                cells.append(f"{outcome['seconds']:.2f} s" if same else "OTHER ROWS")
            print(f"| {client} | " + " | ".join(cells) + " |", flush=True)
    did = f"{len(CONTAINERS)} containers read, {rows:,} rows each, the first {COMPARED:,} value by value"
    outcomes = [
        {"client": name, "fault": fault or "OTHER ROWS" * bool(failed[name]), "versions": {name: versions[name]},
         "glue": 1, "did": did}
        for name, fault in faults.items()
    ]  # fmt: skip
    return outcomes, sum(failed.values())


def version_of(client):
    """Return the version of a client's package in its venv."""
    code = f"import importlib.metadata; print(importlib.metadata.version({client!r}))"
    return subprocess.run([HOME / client / "bin/python", "-c", code], capture_output=True, text=True).stdout.strip()


def run_script(client):
    """Install a client and run its script; return what that printed as its last line, or {"client", "fault"}."""
    if fault := install(client):
        return {"client": client, "fault": fault}
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    # -P, since the script may be called as the package that it imports, and stands in the folder that Python looks in
    command = [HOME / client / "bin/python", "-P", ROOT / f"clients/{client}.py"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        return {"client": client, "fault": f"not over after {LONGEST} s"}
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
        return {"client": client, "fault": "FAILS: " + (done.stderr.strip().splitlines() or ["no word"])[-1]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def row_of(outcome, date):
    """Return the line of the table that an outcome is."""
    client = outcome["client"]
    page = f"{client}.md" if client in scripted() else "../tables.md"
    if outcome.get("fault"):
        return f"| [{client}]({page}) | - | {date} | - | {outcome['fault'].replace('|', '/')} |\n"
    versions = ", ".join(f"{name} {version}" for name, version in outcome["versions"].items())
    return f"| [{client}]({page}) | {versions} | {date} | {outcome['glue']} | {outcome['did']} |\n"


def with_outcomes(page, outcomes, date):
    """Return the page of clients with the lines of these outcomes in its table; other clients' lines stay."""
    before, behind = page.split(HEAD)
    lines = lines_of(page) | {outcome["client"]: row_of(outcome, date) for outcome in outcomes}
    behind = re.sub(r"\A(\|.*\n)*", "", behind)
    return before + HEAD + "".join(lines[name] for name in sorted(lines)) + behind


def lines_of(page):
    """Return the lines of the page's table, by client."""
    body = re.match(r"(\|.*\n)*", page.split(HEAD)[1])[0]
    return {re.match(r"\| \[([\w.-]+)\]", line)[1]: line for line in body.splitlines(keepends=True)}


def main(rows, names=()):
    """Run clients, by default all; write the table, and return how many failed. What cannot be installed is none."""
    readers = sorted({client for client, _ in one_liners()} - {"synthgen"})
    if unknown := sorted({*names} - {*readers, *scripted()}):
        sys.exit(f"no such client: {', '.join(unknown)} (known: {', '.join([*readers, *scripted()])})")
    outcomes, failed = [], 0
    if asked := [name for name in readers if name in names or not names]:
        outcomes, failed = read_tables(rows, asked)
    for client in scripted():
        if client in names or not names:
            outcomes.append(run_script(client))
            print(json.dumps(outcomes[-1]), flush=True)
            fault = outcomes[-1].get("fault", "")
            failed += bool(fault) and not fault.startswith("cannot be installed")
    TABLE.write_text(with_outcomes(TABLE.read_text("utf-8"), outcomes, datetime.date.today()), "utf-8")
    return failed


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        print(json.dumps(read(*sys.argv[2:])))
    else:
        asked = argparse.ArgumentParser(description="Other people's packages on what we make.")
        asked.add_argument("--rows", type=int, default=100_000, help="rows of the tables that readers read")
        asked.add_argument("names", nargs="*", metavar="NAME", help="clients; by default all")
        asked = asked.parse_args()
        sys.exit(1 if main(asked.rows, asked.names) else 0)

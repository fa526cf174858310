"""Plant small faults in kernels, books and readers, and see which ones the tests find: `make mutants`.

A mutant is one comparison turned, one sign turned or one small number raised, at a place drawn by a seed, in a copy of
the tree under `build/mutants`. The fast tests of its group run against it. What survives is printed with its place, for
somebody to judge: it changes nothing that can be seen (a wider buffer, a shortcut), or a test is missing.
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parents[1]
COPY = HERE / "build" / "mutants"
DEADLINE = 1_200
"""Seconds that tests may take on a mutant: a loop without end is found by them."""


class Group(NamedTuple):
    """Files to plant faults in, the test files that ought to find them, and specs whose contract is tested."""

    files: tuple[str, ...]
    tests: tuple[str, ...]
    specs: str


GROUPS = {
    "exact": Group(
        ("exact/draw.py", "exact/ledger.py", "exact/bijection.py", "exact/samples.py", "exact/wide.py"),
        ("draw", "ledger", "bijection", "samples", "wide", "tape", "entropy"),
        "copy or mano",
    ),
    "copy": Group(("tasks/copy.py", "tasks/recall.py", "task/kit/recollection.py"), ("playground",), "copy or recall"),
    "mano": Group(("tasks/mano/*.py",), ("mano",), "mano"),
    "depo": Group(("tasks/depo/*.py",), ("depo",), "depo"),
    "brevo": Group(("tasks/brevo/*.py", "tasks/brevo/*/*.py"), ("brevo", "brevo_text"), "brevo1"),
    "chain": Group(("tasks/chain/*.py", "task/kit/retries.py"), ("retries",), "chain"),
    "stories": Group(("tasks/stories/*.py", "tasks/stories/*/*.py"), ("stories",), "stories"),
    "cfg": Group(
        ("tasks/cfg/*.py", "tasks/cfg/*/*.py"), ("cfg", "cfg_chart", "cfg_variants", "text_entropy"), "cfg3b or english"
    ),
    "bios": Group(
        ("tasks/bios/world/*.py", "tasks/bios/world/*/*.py", "tasks/bios/biographies/*/*.py"),
        ("bios", "bios_variants", "certificate"),
        "bios-single or bios-reverse1",
    ),
    "questions": Group(
        ("tasks/bios/questions/*.py", "tasks/bios/questions/*/*.py"), ("questions", "surprisals"), "know-compare or qa"
    ),
    "relations": Group(
        ("tasks/bios/relations/*/*.py", "tasks/bios/hops/*/*.py", "tasks/bios/birthyear/*.py"),
        ("relations", "birthyear"),
        "relations or hops or birthyear",
    ),
    "igsm": Group(
        ("tasks/igsm/*.py", "tasks/igsm/*/*.py"),
        ("igsm", "igsm_graphs", "igsm_open", "igsm_templates"),
        "igsm-med-pq or igsm-open",
    ),
}

SIGNS = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
}
"""How a sign is written, and what stands in its place."""
UNSEEN = ("picture.py", "fidelity.py", "__init__.py")
"""Files whose numbers are looks or words."""


class Fault(NamedTuple):
    """A line of a file, numbered from 0, and what stands there instead."""

    file: str
    line: int
    before: str
    after: str


def places(source: str) -> list[tuple[int, int, int, str]]:
    """Return (line, first byte, last byte, text to put there) of everything in functions that can be turned."""
    lines = [line.encode() for line in source.split("\n")]  # columns of the syntax tree are bytes of UTF-8
    turns = []
    for function in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)):
        for node in ast.walk(function):
            match node:
                case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in SIGNS:
                    pass
                case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as sign, right=right):
                    pass
                case ast.Constant(value=0 | 1 | 2 as value) if type(value) is int:
                    turns.append((node.lineno - 1, node.col_offset, node.end_col_offset, str(value + 1)))
                    continue
                case _:
                    continue
            if left.end_lineno == right.lineno:  # between them are the sign, spaces and brackets that close and open
                before, after = SIGNS[type(sign)]
                first = lines[right.lineno - 1].index(before.encode(), left.end_col_offset)
                turns.append((right.lineno - 1, first, first + len(before), after))
    return sorted(set(turns))


def drawn_faults(group: Group, number: int, rng: random.Random) -> list[Fault]:
    """Return `number` faults at places of a group's files, each place as likely as any other."""
    files = sorted({path for pattern in group.files for path in (HERE / "synthgen").glob(pattern)})
    every = [
        (str(path.relative_to(HERE)), place)
        for path in files
        if path.name not in UNSEEN
        for place in places(path.read_text())
    ]
    faults = []
    for file, (line, first, last, text) in rng.sample(every, number):
        before = (HERE / file).read_text().split("\n")[line].encode()
        faults.append(Fault(file, line, before.decode(), (before[:first] + text.encode() + before[last:]).decode()))
    return faults


def first_failure(group: Group) -> str:
    """Return the first of a group's tests that fails in the copy; "" if all pass. Its own kernels are compiled anew."""
    tests = [f"tests/test_{name}.py" for name in group.tests]
    environment = os.environ | {"NUMBA_CACHE_DIR": str(COPY / "kernels"), "PYTHONPATH": str(COPY / "tree")}
    for which in (tests, ["tests/test_contract.py", "-k", group.specs]):
        options = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "-m"]
        command = [sys.executable, "-m", "pytest", *options, "not slow and not alone"]
        try:
            run = subprocess.run(
                command + which, cwd=COPY / "tree", env=environment, capture_output=True, text=True, timeout=DEADLINE
            )
        except subprocess.TimeoutExpired:
            return f"no end within {DEADLINE} s"
        failed = [line for line in run.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        if run.returncode:
            return failed[0] if failed else f"exit code {run.returncode}: {(run.stdout + run.stderr)[-300:]}"
    return ""


def main() -> None:
    """Plant the faults one by one and print what became of each; exit code 1 if the tree as it is fails."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("groups", nargs="*", help=f"{', '.join(GROUPS)}; default: all")
    arguments.add_argument("--number", type=int, default=3, help="faults a group")
    arguments.add_argument("--seed", type=int, default=0)
    chosen = arguments.parse_args()
    if unknown := set(chosen.groups) - GROUPS.keys():
        arguments.error(f"no group {', '.join(sorted(unknown))}: there are {', '.join(GROUPS)}")

    shutil.rmtree(COPY / "tree", ignore_errors=True)
    files = subprocess.run(["git", "ls-files", "-z"], cwd=HERE, capture_output=True, text=True, check=True).stdout
    for file in files.rstrip("\0").split("\0"):
        (COPY / "tree" / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(HERE / file, COPY / "tree" / file)

    survivors = []
    for name in chosen.groups or GROUPS:
        group = GROUPS[name]
        if failure := first_failure(group):
            sys.exit(f"{name}: the tests fail without a fault: {failure}")
        for fault in drawn_faults(group, chosen.number, random.Random(f"{chosen.seed} {name}")):
            path = COPY / "tree" / fault.file
            whole = path.read_text()
            lines = whole.split("\n")
            lines[fault.line] = fault.after
            path.write_text("\n".join(lines))
            failure = first_failure(group)
            path.write_text(whole)
            print(f"{fault.file}:{fault.line + 1}\n  - {fault.before.strip()}\n  + {fault.after.strip()}")
            print(f"  {'found by ' + failure[:150] if failure else 'SURVIVED'}", flush=True)
            survivors += [] if failure else [f"{fault.file}:{fault.line + 1}"]
    print(f"\n{len(survivors)} survived{': ' + ', '.join(survivors) if survivors else ''}")


if __name__ == "__main__":
    main()

"""The house: rooms and who may enter them. Read off the sources, without running them."""

import ast
import functools
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import networkx
import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "synthgen"
FILES = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
MOST_ROOMS, MOST_ARROWS = 18, 73
ONE_FILE = {"copy", "recall"}
"""Tasks of a hundred lines, whose two sides are functions of one file."""


def dotted(path):
    parts = path.removesuffix(".py").split("/")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {dotted(path): path for path in FILES}
TREES = {path: ast.parse(text) for path, text in FILES.items()}


def arrows():
    """Yield (file, file it imports) wherever an import stands, in functions and for type checkers too."""
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                full = [f"{node.module}.{alias.name}" for alias in node.names]
                names = [name if name in NAMES else node.module for name in full]
            yield from ((path, NAMES[name]) for name in names if name in NAMES and NAMES[name] != path)


def rooms_of(one, other):
    """Return the two rooms, as deep as the files' folders part."""
    a, b = one.removesuffix(".py").split("/"), other.removesuffix(".py").split("/")
    depth = next(i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y) + 1
    return "/".join(a[:depth]), "/".join(b[:depth])


def circles(pairs):
    return [sorted(c) for c in networkx.strongly_connected_components(networkx.DiGraph(pairs)) if len(c) > 1]


def test_no_files_and_no_rooms_import_each_other():
    pairs = list(arrows())
    assert circles(pairs) == []
    assert circles(rooms_of(a, b) for a, b in pairs) == [], "at any depth"


def test_there_are_few_rooms_and_few_ways_between_them():
    room = lambda path: path.removesuffix(".py").split("/")[1]  # noqa: E731
    rooms = {room(path) for path in FILES}
    between = {(room(a), room(b)) for a, b in arrows() if room(a) != room(b)}
    assert len(rooms) <= MOST_ROOMS, sorted(rooms)
    assert len(between) <= MOST_ARROWS, len(between)


def test_every_room_says_what_it_is_for():
    for path, tree in TREES.items():
        assert ast.get_docstring(tree), f"{path} has no docstring"


def test_every_task_has_both_sides():
    """A task's folder, or a folder of a family's task, has a `reading` and a `writing`, file or folder."""
    homes = {Path(path).parent for path in FILES if Path(path).name == "task.py"}
    assert len(homes) >= 10
    for home in homes:
        for side in ("reading", "writing"):
            assert f"{home}/{side}.py" in FILES or f"{home}/{side}/__init__.py" in FILES, f"{home} has no {side}"
    single = {Path(path).stem for path in FILES if Path(path).parent.name == "tasks"} - {"__init__"}
    assert single == ONE_FILE


PLANTED = {
    "a reader that looks at a sampler": ("tasks/mano/reading.py", "synthgen.tasks.mano.writing"),
    "a reader two folders deep, by way of a function": (
        "tasks/bios/world/reading/registry.py",
        "synthgen.tasks.bios.world.writing.people",
    ),
    "a task that knows another": ("tasks/igsm/reading/steps.py", "synthgen.tasks.chain.symbols"),
    "a task that knows what stands above": ("tasks/cfg/task.py", "synthgen.spec.spec"),
    "torch outside of train": ("windowing/lanes.py", "torch"),
    "the face, from inside": ("publish/card.py", "synthgen"),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("house")
    shutil.copytree(PACKAGE, folder / "synthgen", ignore=shutil.ignore_patterns("__pycache__", "*.txt"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint(folder):
    code = "from importlinter.cli import lint_imports_command as run; run()"
    command = [sys.executable, "-c", code, "--no-cache"]
    env = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


def test_planted_violations_are_caught(copy):
    """All of them at once, each by its own contract or its own line."""
    done = lint(copy)
    assert done.returncode == 0, done.stdout
    for file, module in PLANTED.values():
        path = copy / "synthgen" / file
        path.write_text(
            path.read_text() + f"\n\ndef _planted():\n    import {module} as planted\n\n    return planted\n"
        )
    done = lint(copy)
    assert done.returncode == 1
    said = " ".join(done.stdout.split())
    for what, (file, module) in PLANTED.items():
        assert f"{dotted(f'synthgen/{file}')} -> {module} (l." in said, what


VAGUE = {"own", "found", "made"}
"""Words for whatever is at hand: a variable has the noun that says what it holds."""


def variables(tree):
    """Yield (line, name) of whatever is bound: assignments, loops, comprehensions, arguments, imports apart."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.lineno, node.name


def test_variables_say_what_they_hold():
    vague = [f"{path}:{line} {name}" for path, tree in TREES.items() for line, name in variables(tree)
             if name in VAGUE]  # fmt: skip
    assert vague == []


ABOVE = [path for path in FILES if path.split("/")[1] not in ("task", "tasks", "mixture", "tokens")]
"""Files above the tasks. A mixture and a tokenized task are tasks themselves, and know their own fields."""

ENVELOPE = {"latent", "spans"}


@functools.cache
def task_classes():
    """Return the names of all classes below a task's: the contract itself may be asked for, no single task."""
    bases = {}
    for tree in TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = {base.id for base in node.bases if isinstance(base, ast.Name)}
    known = {"Task"}
    while more := {name for name, above in bases.items() if above & known} - known:
        known |= more
    return known - {"Task"}


def keys_read(tree):
    """Yield (line, what, key) wherever something is looked up by a constant string: x["key"], x.get, x.field, ..."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            yield node.lineno, ast.unparse(node.value), node.slice.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            constant = isinstance(node.args[0], ast.Constant)
            if constant and node.func.attr in ("get", "field", "column", "pop"):
                yield node.lineno, ast.unparse(node.func.value), node.args[0].value


def knows_a_task(tree):
    """Return what a file above the tasks may not do: ask for a task's class, its latents or its facts by name."""
    faults = []
    for node in ast.walk(tree):
        called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        if called in ("isinstance", "issubclass"):
            asked = {name.id for name in ast.walk(node.args[1]) if isinstance(name, ast.Name)}
            faults += [(node.lineno, name) for name in asked & task_classes()]
        elif called == "dict" and ast.unparse(node) == "dict(locals())":
            faults.append((node.lineno, "dict(locals())"))
    for line, what, key in keys_read(tree):
        if isinstance(key, str) and key not in ENVELOPE and ("latent" in what or "facts" in what):
            faults.append((line, f"{what}[{key!r}]"))
    return faults


def test_nothing_above_the_contract_knows_a_task():
    assert {path: faults for path in ABOVE if (faults := knows_a_task(TREES[path]))} == {}
    assert {"Mixture", "Tokenized", "Igsm", "Copy"} <= task_classes()


@pytest.mark.parametrize(
    "planted",
    [
        "if isinstance(task, Mixture): pass",
        "if isinstance(task, (str, Igsm)): pass",
        'op = row["latent"]["op"]',
        'kind = batch.column("latent").field("kind")',
        'bits = entropy.facts.get("floor_bits")',
        "settings = dict(locals())",
    ],
)
def test_a_file_that_knows_a_task_is_told(planted):
    assert knows_a_task(ast.parse(planted))


def closure(name, extras=("",), sizes=None):
    """Return the bytes of an installed package and of all that it requires, by name; Python files count twice.

    For pip compiles them, to about as much again.
    """
    sizes = {} if sizes is None else sizes
    if (key := re.sub("[-_.]+", "-", name).lower()) not in sizes:
        package = importlib.metadata.distribution(name)
        places = [Path(file.locate()) for file in package.files or () if file.suffix != ".pyc"]
        sizes[key] = sum((1 + (one.suffix == ".py")) * one.stat().st_size for one in places if one.is_file())
        for requirement in map(Requirement, package.requires or ()):
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
                closure(requirement.name, tuple(requirement.extras) or ("",), sizes)
    return sizes


def test_the_package_without_extras_weighs_at_most_650_megabytes():
    """What `pip install synthgen-lm` brings, with the package itself as its wheel has it."""
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"][
        "wheel"
    ]
    sizes = closure("synthgen-lm")
    places = [PACKAGE, *(ROOT / place for place in wheel.get("force-include", {}))]
    files = [file for place in places for file in ([place] if place.is_file() else place.rglob("*")) if file.is_file()]
    sizes["synthgen-lm"] = sum(
        (1 + (file.suffix == ".py")) * file.stat().st_size for file in files if file.suffix != ".pyc"
    )
    assert {"numba", "llvmlite", "pyarrow", "pandas"} <= sizes.keys() and "torch" not in sizes
    assert sum(sizes.values()) <= 650_000_000, sorted(sizes.items(), key=lambda entry: -entry[1])[:8]

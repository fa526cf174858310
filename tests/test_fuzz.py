"""A little junk for everything that reads; `make fuzz` feeds ten minutes of it. Nothing in a data file is ever run."""

import ast
import json
import os
from pathlib import Path

import fuzz
import pytest
from helpers import files, run

import synthgen
from synthgen.errors import SynthgenError

SLOW_ONES = ("spec_files", "manifests", "word_lists", "journals")


@pytest.mark.parametrize("name", fuzz.TARGETS)
def test_junk_is_an_error_and_never_a_traceback(name):
    fuzz.fuzz(name, 2 if name.startswith(SLOW_ONES) else 6)


@pytest.mark.slow
def test_ten_minutes_of_junk():
    minutes = float(os.environ.get("SYNTHGEN_FUZZ_MINUTES", "10"))
    findings = {}
    for name in fuzz.TARGETS:
        fed, fault = fuzz.in_child(name, 60 * minutes / len(fuzz.TARGETS))
        assert fed or fault, f"{name} was fed nothing"
        if fault:
            findings[name] = fault
    assert not findings, "\n".join(findings.values())


@pytest.mark.parametrize(
    "path", ["../evil.arrow", "data/../../evil.arrow", "/etc/passwd", "data/sub/x.arrow", "manifest.json", "data/x.exe"]
)
def test_a_manifest_cannot_name_a_file_outside_of_data(tmp_path, path):
    out = tmp_path / "data"
    synthgen.generate("cfg3b", out, splits=["test"], rows=40)
    table = json.loads((out / "manifest.json").read_text())
    table["shards"][0]["path"] = path
    (out / "manifest.json").write_text(json.dumps(table))
    before = files(tmp_path)
    for command in (("check", out), ("generate", "cfg3b", "--split", "test", "--rows", 40, "--out", out)):
        done = run(*command)
        assert done.returncode == 2
        assert "shards.0.path" in done.stderr
        assert "Traceback" not in done.stderr
    assert files(tmp_path) == before


@pytest.mark.parametrize("name", ["../g.toml", "/etc/passwd", "a/../../g.toml"])
@pytest.mark.parametrize("field", ["grammar", "lists"])
def test_a_spec_cannot_name_a_file_above_itself(tmp_path, name, field):
    task = {"grammar": "cfg", "lists": "bios"}[field]
    (tmp_path / "spec.toml").write_text(f'task = "{task}"\n[params]\n{field} = "{name}"\n')
    with pytest.raises(SynthgenError, match=r"beside or below the spec|no grammar named"):
        synthgen.load(tmp_path / "spec.toml")


def test_no_reader_can_run_what_it_reads():
    """No pickle, eval or shell anywhere in the package, and yaml written only."""
    banned = {"eval", "exec", "compile", "__import__", "system", "popen", "unsafe_load", "full_load"}
    modules = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "subprocess", "runpy", "code"}
    package = Path(synthgen.__file__).parent
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path.relative_to(package)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Call):
                function = node.func
                if isinstance(function, ast.Name):
                    assert function.id not in banned, where
                elif isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
                    owner = function.value.id
                    assert (owner, function.attr) not in {("yaml", "load"), ("os", "system"), ("os", "popen")}, where
            if isinstance(node, ast.Import):
                assert not modules & {alias.name.split(".")[0] for alias in node.names}, where
            if isinstance(node, ast.ImportFrom) and not node.level:
                assert (node.module or "").split(".")[0] not in modules, where

"""The documents are true: what is generated is fresh, what is named is there, what is shown runs."""

import ast
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from synthgen.cli.listing import shipped_listing
from synthgen.task import contract
from synthgen.task.family import Family
from synthgen.train.experiment import load_experiment

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
ARCHITECTURE = (DOCS / "architecture.md").read_text("utf-8")
PAGES = [*sorted(DOCS.rglob("*.md")), *sorted(ROOT.glob("*.md"))]


def script(name):
    """Return a script of docs as a module."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def generate():
    """The script of `make docs`, as a module."""
    return script("generate")


@pytest.fixture(scope="module")
def scoreboard():
    """The script that writes the findings, as a module."""
    return script("scoreboard")


# -- generated pages ----------------------------------------------------------------------------------------------------


def test_generated_pages_are_fresh(generate):
    pages = {
        "specs": generate.specs_page(shipped_listing()),
        "api": generate.api_page(),
        "contract": generate.contract_page(),
    }
    for name, text in pages.items():
        assert (DOCS / f"{name}.md").read_text("utf-8") == text, f"docs/{name}.md: run `make docs`"


def test_the_scoreboard_is_fresh_and_shows_its_pictures(scoreboard):
    page, drawn = (DOCS / "findings.md").read_text("utf-8"), scoreboard.pictures()
    assert page == scoreboard.page(), "run `make pages`"
    assert {path.stem: path.read_text("utf-8") for path in (DOCS / "findings").glob("*.svg")} == drawn
    assert set(re.findall(r"\]\(findings/([\w-]+)\.svg\)", page)) == set(drawn)
    for name, picture in drawn.items():
        classes = set(" ".join(re.findall(r'class="([^"]*)"', picture)).split())
        unknown = {one for one in classes if f".{one}{{" not in picture and f".{one}." not in picture}
        assert not unknown, f"{name}: nothing says what {unknown} looks like"
    known = len(re.findall(r"^\|[^|]*\| (?:yes|\*\*no\*\* \(\d of \d\)) \|", page, re.M))
    assert f"Of {known} claims that were run, {len(re.findall(r'^[|][^|]*[|] yes [|]', page, re.M))} hold" in page


def test_designs_are_fresh_and_have_a_figure_or_a_blank_for_every_column():
    designs = script("designs")
    page = (DOCS / "designs.md").read_text("utf-8")
    assert page == designs.page(), "run `python docs/designs.py`"
    for question in designs.questions():
        assert page.count(f"## {question.asks}\n") == 1
        for design in question.design:
            assert bool(design.record) != bool(design.source), f"{design.says}: a record, or where its figures are from"
    with pytest.raises(ValueError, match="other: 1 figures for 2 columns"):
        designs._row(designs.Design(says="other", source="a study", given=(0.5,)), 2)
    with pytest.raises(ValueError, match=r"records/retry-laptop has no clean\.x"):
        designs._row(designs.Design(says="other", record="records/retry-laptop", figures=("clean.x",)), 1)


def test_screening_runs_that_a_design_names_are_taken_over(tmp_path):
    designs = script("designs")
    figures = {"with.asked.rows": 0.5, "with.train.seconds": 9.0}
    for experiment in ("compare-long", "canon"):
        folder = tmp_path / "out" / experiment / "laptop"
        folder.mkdir(parents=True)
        table = {"experiment": experiment, "size": "laptop", "figures": {"0": figures}}
        (folder / "screening.json").write_text(json.dumps(table))
    (file,) = designs.gather(tmp_path / "out", tmp_path / "into")
    assert file == tmp_path / "into" / "screened" / "compare-long-laptop.json"
    means = designs.Means.model_validate_json(file.read_text())
    assert means.seeds == [0] and means.figures == {"with.asked.rows": {"mean": 0.5, "least": 0.5, "greatest": 0.5}}


def test_every_headline_is_tried_by_claims_or_says_why_not(scoreboard):
    table = scoreboard.headlines()
    assert sum(not one.extra for one in table.headline) == 39
    assert len({one.name for one in table.headline}) == len(table.headline)
    for one in table.headline:
        assert one.part in table.parts and bool(one.why) != bool(one.experiment), one.name
        assert bool(one.claims) == bool(one.experiment), f"{one.name}: without its claims there is no verdict"
        if one.claims:
            experiment, _ = load_experiment(one.experiment, one.size)
            assert set(one.claims) <= {claim.holds for claim in experiment.claim}, one.name
            figures = {f"{arm.name}.{measure}" for arm in experiment.arm for measure in arm.measures}
            assert {".".join(figure.split(".")[:2]) for _, _, figure in one.bars} <= figures, one.name


def test_a_verdict_takes_three_seeds_and_the_claims_as_they_were_run(scoreboard, tmp_path):
    """Of a headline of two claims: what is run under fewer seeds, or claims that were changed, is no verdict."""
    headline = scoreboard.Headline(name="x", part="1", says="-", experiment="canon", claims=("a.b.c > 1", "a.b.d > 1"))

    def after(held, seeds=(1, 2, 3), claims=("a.b.c > 1", "a.b.d > 1")):
        results = {
            "experiment": "canon",
            "size": "laptop",
            "figures": {seed: {"a.b.c": float(seed), "a.train.seconds": 1.0} for seed in seeds},
            "seconds": {seed: 60.0 * seed for seed in seeds},
            "claims": [{"claim": c, "held": h} for c, h in zip(claims, held, strict=True)],
        }
        folder = tmp_path / "out" / "canon" / "laptop"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "results.json").write_text(json.dumps(results))
        (file,) = scoreboard.gather(tmp_path / "out", tmp_path)
        return scoreboard.Record.model_validate_json(file.read_text())

    every, two = [True] * 3, [True, False, True]
    record = after([every, every])
    assert record.seconds == 120 and record.figures["a.b.c"] == scoreboard.Spread(mean=2, least=1, greatest=3)
    assert list(record.figures) == ["a.b.c"]
    assert scoreboard.verdict_of(headline, record) == "**holds**"
    assert scoreboard.verdict_of(headline, after([every, two])) == "does not hold (1 of 2 claims)"
    few = scoreboard.verdict_of(headline, after([[True], [True]], seeds=(1,)))
    assert few == "2 of 2 claims on 1 seed: no verdict yet" and not scoreboard.has_verdict(few)
    changed = scoreboard.verdict_of(headline, after([every, every], claims=("a.b.c > 0.5", "a.b.d > 1")))
    assert changed.startswith("claims changed after the runs (1 of 2)") and not scoreboard.has_verdict(changed)
    assert scoreboard.verdict_of(headline, None) == "not run yet"


def test_pictures_of_cards_are_told_as_the_cards_tell_them(generate):
    """Words for who cannot see a picture are of the very row that it shows."""
    assert {path: path.read_text("utf-8") for path in generate.told_as_cards()} == generate.told_as_cards()
    shown = re.compile(r"^!\[(.*)\]\((?:\.\./)+cards/gallery/([\w-]+)/(pictures/\w+\.svg)\)$", re.M)
    told = [(path, *found) for path in DOCS.rglob("*.md") for found in shown.findall(path.read_text("utf-8"))]
    assert len(told) > 30
    for path, words, name, picture in told:
        card = (ROOT / "cards" / "gallery" / name / "README.md").read_text("utf-8")
        assert f"![{words}]({picture})" in card, f"{path.name}: {name}"


def members_by_block():
    """Return the public members of `Task` under the comments that divide its source into blocks."""
    source = Path(contract.__file__).read_text("utf-8")
    heads = [
        (number, line.split()[2].rstrip(":")) for number, line in enumerate(source.splitlines(), 1) if "# -- " in line
    ]
    (task,) = [n for n in ast.parse(source).body if isinstance(n, ast.ClassDef) and n.name == "Task"]
    members = {block: [] for _, block in heads}
    for node in task.body:
        name = node.target.id if isinstance(node, ast.AnnAssign) else getattr(node, "name", "_")
        if not name.startswith("_"):
            members[[block for number, block in heads if number < node.lineno][-1]].append(name)
    return members


def test_the_docstring_of_a_task_lists_its_members_block_by_block(generate):
    """None is left out, none is invented, and each stands in the block whose comment it stands under."""
    listed, there = generate.blocks(), members_by_block()
    assert list(listed) == list(there) == ["declares", "makes", "knows", "reads", "offers"]
    for block, names in listed.items():
        assert len(names) == len(set(names)), block
        assert set(names) == set(there[block]), block
    inherited = {name for name in dir(contract.Task) if not name.startswith("_")}
    assert inherited <= {name for names in listed.values() for name in names}


# -- architecture -------------------------------------------------------------------------------------------------------


def test_the_floors_are_those_of_the_import_contract():
    (picture,) = re.findall(r"```text\n(.*?)```", ARCHITECTURE, flags=re.S)
    floors = [re.split(r" {2,}", line)[0] for line in picture.splitlines()]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert floors == next(one["layers"] for one in contracts if one["type"] == "layers")
    rooms = {
        path.stem for path in (ROOT / "synthgen").iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    assert {room for floor in floors for room in floor.split(" | ")} == rooms - {"__init__"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_paths_that_pages_name_exist(page):
    """Paths in backticks that begin with a folder of ours, and links between pages."""
    text = page.read_text("utf-8")
    named = re.findall(r"`((?:synthgen|tests|docs|specs|cards|examples)/[\w./*-]+)(?:::(\w+))?`", text)
    for path, test in named:
        assert list(ROOT.glob(path)), f"{page.name} names {path}"
        if test:
            assert f"def {test}(" in (ROOT / path).read_text("utf-8"), f"{page.name} names {path}::{test}"
    for link in re.findall(r"\]\(([\w./-]+)\)", text):
        assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_every_wish_has_a_place():
    table = ARCHITECTURE.split("## I want to")[1].split("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 20
    for row in rows:
        assert re.search(r"\| `(synthgen|tests|specs|cards|examples)/", row), row


def test_short_paths_of_rooms_exist():
    """`spec/source.py` and its like, as the prose of the architecture has them."""
    for path in re.findall(r"`((?!synthgen|tests|docs|specs/|cards)\w+/\w+\.py)`", ARCHITECTURE):
        assert (ROOT / "synthgen" / path).is_file(), path


# -- examples -----------------------------------------------------------------------------------------------------------


def examples():
    text = (DOCS / "evaluate.md").read_text("utf-8")
    return [
        pytest.param(code, id=title) for title, code in re.findall(r"## (\w+).*?```python\n(.*?)```", text, flags=re.S)
    ]


@pytest.mark.parametrize("code", examples())
def test_the_examples_of_evaluation_run(code, tmp_path):
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_make_targets_that_pages_name_exist():
    makefile = (ROOT / "Makefile").read_text()
    for page in PAGES:
        for targets in re.findall(r"`make ([a-z ]+)`", page.read_text("utf-8")):
            for target in targets.split():
                assert re.search(rf"^{target}:", makefile, flags=re.M), (page.name, target)


def test_every_family_has_a_page_that_leads_to_its_tasks():
    pages = {page.read_text("utf-8").splitlines()[0]: page for page in (DOCS / "families").glob("*.md")}
    assert set(pages) == {f"# {family}" for family in Family if family != Family.FURTHER}
    for entry in shipped_listing():
        page = pages[f"# {entry['family']}"].read_text("utf-8")
        assert f"](../specs.md#{entry['task']})" in page, entry["name"]

"""The page of designs: docs/designs.md, what was tried where a finding did not show at first, and what it teaches.

    python docs/designs.py reproductions       # take over what screening runs came to, and write the page
    python docs/designs.py                     # write the page

What designs name stands in docs/designs.toml; figures come from findings/records (verdicts, of `docs/scoreboard.py`)
and findings/screened, or are given there with where they come from.
"""

import json
import sys
import textwrap
from pathlib import Path

from pydantic import BaseModel

from synthgen.task.foreign import read_json, read_toml
from synthgen.task.written import Written

DOCS = Path(__file__).parent
DESIGNS, FINDINGS = DOCS / "designs.toml", DOCS / "findings"

INTRODUCTION = """
Where a finding of the papers did not show at first, these designs were tried: what each came to, and what that teaches.
A line is a design; *screened* is one run on the seed that designs are tuned on, from which no verdict comes. Verdicts
over three seeds are on the page of [findings](findings.md).
"""


class Design(Written):
    """One thing that was tried."""

    says: str
    record: str = ""
    figures: tuple[str, ...] = ()
    source: str = ""
    given: tuple[float, ...] = ()


class Question(Written):
    """What the designs of a table try to answer."""

    name: str
    asks: str
    columns: tuple[str, ...]
    teaches: str
    design: tuple[Design, ...]


class Designs(Written):
    """The file of designs."""

    question: tuple[Question, ...]


class Means(BaseModel):
    """What is read of a record: the seeds, and each figure's mean, least and greatest."""

    seeds: list[int]
    figures: dict[str, dict[str, float]]


def questions() -> tuple[Question, ...]:
    """Return what was tried, by question."""
    return Designs.model_validate(read_toml(DESIGNS)).question


def gather(folder: Path, into: Path = FINDINGS) -> list[Path]:
    """Take over those screening runs of a folder of reproductions that a design names; return the files written."""
    written = []
    wanted = {design.record for question in questions() for design in question.design}
    for file in sorted(folder.glob("*/*/screening.json")):
        table = json.loads(file.read_text("utf-8"))
        name = f"screened/{table['experiment']}-{table['size']}"
        if name not in wanted:
            continue
        ((seed, figures),) = table["figures"].items()
        spreads = {
            name: dict.fromkeys(("mean", "least", "greatest"), figure)
            for name, figure in figures.items()
            if name.split(".")[1] != "train"
        }
        target = into / f"{name}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps({"seeds": [int(seed)], "figures": spreads}, indent=1) + "\n", encoding="utf-8")
        written.append(target)
    return written


def page() -> str:
    """Return docs/designs.md."""
    lines = [
        "# Designs that were tried\n",
        "<!-- Written by docs/designs.py from designs.toml, findings/records and findings/screened; do not edit. -->\n",
        _paragraph(INTRODUCTION),
    ]
    for question in questions():
        lines += [f"## {question.asks}\n", *(_paragraph(text) for text in question.teaches.strip().split("\n\n"))]
        lines += [
            f"| design | {' | '.join(question.columns)} | of |",
            f"|---|{'---:|' * len(question.columns)}---|",
            *(_row(design, len(question.columns)) for design in question.design),
            "",
        ]
    return "\n".join(lines)


def _row(design: Design, columns: int) -> str:
    """Return a line of a table. Raises ValueError for a design with other figures than the table has columns."""
    said, where = [_share(figure) for figure in design.given], design.source
    if design.record:
        means = read_json(
            FINDINGS / f"{design.record}.json", Means, "it is written by docs/designs.py or scoreboard.py"
        )
        missing = [name for name in design.figures if name and name not in means.figures]
        if missing:
            raise ValueError(f"docs/designs.toml: {design.record} has no {missing[0]}")
        said = [_share(means.figures[name]["mean"]) if name else "" for name in design.figures]
        where = f"{len(means.seeds)} seeds" if len(means.seeds) > 1 else "screened"
    if len(said) != columns:
        raise ValueError(f"docs/designs.toml: {design.says}: {len(said)} figures for {columns} columns")
    return f"| {design.says} | {' | '.join(said)} | {where} |"


def _share(figure: float) -> str:
    return f"{100 * figure:.1f} %"


def _paragraph(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 120, break_long_words=False, break_on_hyphens=False) + "\n"


if __name__ == "__main__":
    for path in gather(Path(sys.argv[1])) if len(sys.argv) > 1 else ():
        print(path.relative_to(DOCS.parent))
    (DOCS / "designs.md").write_text(page(), encoding="utf-8")

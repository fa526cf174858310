"""The scoreboard: docs/findings.md and its pictures, from headlines.toml, the experiments and what runs came to.

    synthgen reproduce --all --size laptop --seeds 3      # goes on where it was stopped
    python docs/scoreboard.py reproductions               # take over its results, write the page
    python docs/scoreboard.py --memory                    # compute anew what the papers' recipes take on a GPU

What runs came to stands in docs/findings/records, a file an experiment and size. Those of the first twelve experiments
were taken over from the table that stood on the page before; nothing there is written by hand.
"""

import json
import statistics
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, Field

from synthgen.publish.drawing.scene import Box, Scene, Shape, Words
from synthgen.publish.drawing.scene import Path as Line
from synthgen.publish.drawing.sheet import framed
from synthgen.publish.drawing.style import SMALL, width_of
from synthgen.publish.drawing.svg import svg
from synthgen.task.foreign import read_json, read_toml
from synthgen.task.written import Written
from synthgen.train.experiment import Experiment, load_experiment, shipped_experiments, sizes_of
from synthgen.train.memory import Memory, memory

DOCS = Path(__file__).parent
HEADLINES, RECORDS, PICTURES = DOCS / "headlines.toml", DOCS / "findings" / "records", DOCS / "findings"

MEMORY = PICTURES / "memory.json"

VOCABULARY = 50_257
"""Ids that memory is computed for: GPT-2's, as the papers have them for text; our words and tokens are fewer."""

SEEDS = 3
"""Seeds that make a verdict."""

NARROW, ROW = 420.0, 30.0
"""Width of a picture, and height of a pair of bars."""

NOT_RUN, NOT_TRIED = "not run yet", "not tried yet"


INTRODUCTION = """
Of {headlines} headlines of the seven papers, {tried} have a verdict from runs over three seeds: {holding} hold and
{failing} do not; {others}. A verdict is a claim with its margin, written down before the runs, that holds under every
seed or does not: a failure counts as much.

`synthgen reproduce NAME --seeds 3` makes the data, trains, measures and compares; `--all --size laptop` does so for all
experiments, minutes each, and goes on where it was stopped. `--size desk` takes hours on two cores, `gpu` is the
paper's own recipe (dry-run in the slow tests, not run here), and `ci` is a smoke run that claims nothing. Then `python
docs/scoreboard.py reproductions` writes this page. A seed decides the weights, the rows and the world; newer designs
are tuned on a seed that no verdict comes from.

What was tried where a finding did not show at first is on the page of [designs](designs.md).

In pictures the paper's figure is grey, ours blue: the mean, with the least and the greatest seed in orange. The papers'
models are some thousand times as large, so what compares is the pattern, and not the figure.
"""

CONTROLS = """
Of {total} claims that were run, {held} hold under every seed. *Control*: it holds for an untrained model too, and
guards another claim; all others fail before training, which the slow tests show.
"""

HOURS = """
Hours that a seed takes on one core by the clock, all arms together: measured where it was run, else reckoned from some
steps or from experiments of the same shape. Two experiments go side by side on two cores, each with
`OMP_NUM_THREADS=1`; where three or more did, as those of transfer, the clock says more than the core worked.
"""

GPU = """
Computed, and not measured on any GPU, for GPT-2's 50,257 ids (our vocabularies are smaller, so this is the most):
weights, gradients and moments in float32, and what backward keeps of a micro-batch of one window (`train.accumulate`
divides a batch into such parts), in float32 and with attention matrices that fused kernels do not keep. With bfloat16
it is less.
"""


class Headline(Written):
    """What a paper says in a sentence, and how it is tried here."""

    name: str
    part: str
    says: str
    extra: bool = False  # not one of the papers' headlines that are counted
    experiment: str = ""
    size: str = "laptop"
    claims: tuple[str, ...] = ()
    bars: tuple[tuple[str, float, str], ...] = ()
    scale: float = 1.0  # the value of a bar as long as the picture
    why: str = ""


class Headlines(Written):
    """The file of headlines."""

    parts: dict[str, str]
    about: dict[str, str] = Field(default_factory=dict)
    headline: tuple[Headline, ...]


class Spread(BaseModel):
    """A figure over seeds."""

    mean: float
    least: float
    greatest: float


class Record(BaseModel):
    """What an experiment came to at a size."""

    experiment: str
    size: str
    seeds: list[int]
    seconds: float  # of a seed: the median, since one of them may have waited for others
    claims: dict[str, int]  # the claim as it was when it was run -> the seeds under which it held
    figures: dict[str, Spread]


class Taken(BaseModel):
    """What training the papers' recipes takes, in bytes, with micro-batches of one window."""

    experiments: list[str]
    parameters: int
    context: int
    state: int
    kept: int


class Bar(NamedTuple):
    """A pair of bars: the paper's figure (None: it has none) and ours."""

    label: str
    paper: float | None
    ours: Spread | None


# -- what runs came to ------------------------------------------------------------------------------------------------


def records() -> dict[tuple[str, str], Record]:
    """Return what was run, by experiment and size."""
    read = [read_json(file, Record, "it is written by docs/scoreboard.py") for file in sorted(RECORDS.glob("*.json"))]
    return {(record.experiment, record.size): record for record in read}


def gather(folder: Path, into: Path = RECORDS) -> list[Path]:
    """Take over the results in a folder of reproductions, but for those of the size ci; return the records' files."""
    written = []
    for file in sorted(folder.glob("*/*/results.json")):
        table = json.loads(file.read_text("utf-8"))
        if table["size"] == "ci":
            continue
        seeds = sorted(map(int, table["figures"]))
        by_name = {
            name: [table["figures"][str(seed)][name] for seed in seeds] for name in table["figures"][str(seeds[0])]
        }
        record = Record(
            experiment=table["experiment"],
            size=table["size"],
            seeds=seeds,
            seconds=statistics.median(table["seconds"].values()),
            claims={line["claim"]: sum(line["held"]) for line in table["claims"]},
            figures={
                name: Spread(mean=sum(values) / len(values), least=min(values), greatest=max(values))
                for name, values in by_name.items()
                if name.split(".")[1] != "train"
            },
        )
        target = into / f"{record.experiment}-{record.size}.json"
        target.write_text(json.dumps(record.model_dump(), indent=1) + "\n", encoding="utf-8")
        written.append(target)
    return written


# -- verdicts ---------------------------------------------------------------------------------------------------------


def verdict_of(headline: Headline, record: Record | None) -> str:
    """Return what is known of a headline, in a few words."""
    if not headline.experiment:
        return NOT_TRIED
    if record is None or not headline.claims:
        return NOT_RUN
    missing = [claim for claim in headline.claims if claim not in record.claims]
    if missing:
        return f"claims changed after the runs ({len(missing)} of {len(headline.claims)}): to be run again"
    seeds = len(record.seeds)
    held = sum(record.claims[claim] == seeds for claim in headline.claims)
    if seeds < SEEDS:
        return f"{held} of {len(headline.claims)} claims on {seeds} seed{'s' * (seeds > 1)}: no verdict yet"
    return "**holds**" if held == len(headline.claims) else f"does not hold ({held} of {len(headline.claims)} claims)"


def has_verdict(verdict: str) -> bool:
    """Say whether runs over all seeds stand behind it."""
    return verdict == "**holds**" or verdict.startswith("does not hold")


# -- pictures ---------------------------------------------------------------------------------------------------------


def bars_of(headline: Headline, record: Record | None) -> list[Bar]:
    """Return the pairs of bars of a headline; none where neither side has a figure."""
    figures = record.figures if record else {}
    bars = [Bar(label, None if paper < 0 else paper, figures.get(ours)) for label, paper, ours in headline.bars]
    return [bar for bar in bars if bar.paper is not None or bar.ours is not None]


def scene_of(headline: Headline, bars: Sequence[Bar]) -> Scene:
    """Return a headline's picture: for each label the paper's figure above ours, with our least and greatest."""
    side, right = max(width_of(bar.label) for bar in bars) + 12, NARROW - 52
    at = lambda value: side + (right - side) * min(1.0, max(0.0, value) / headline.scale)  # noqa: E731
    shapes: list[Shape] = []
    for number, bar in enumerate(bars):
        y = number * ROW
        shapes.append(Words(side - 8, y + 17, bar.label, SMALL, "end"))
        if bar.paper is not None:
            shapes.append(Box(side, y + 2, max(1.5, at(bar.paper) - side), 9, "grey", 1))
            shapes.append(Words(right + 6, y + 10, _written(bar.paper, headline.scale), SMALL, ink="quiet"))
        if bar.ours is not None:
            shapes.append(Box(side, y + 13, max(1.5, at(bar.ours.mean) - side), 9, "blue", 1))
            shapes.append(
                Line([(at(bar.ours.least), y + 17.5), (at(bar.ours.greatest), y + 17.5)], "orange", bold=True)
            )
            shapes.append(Words(right + 6, y + 22, _written(bar.ours.mean, headline.scale), SMALL))
    return framed(headline.name, shapes, len(bars) * ROW, caption_of(headline, bars), NARROW)


def caption_of(headline: Headline, bars: Sequence[Bar]) -> str:
    """Return a picture in words."""
    said = []
    for bar in bars:
        figures = [] if bar.ours is None else [f"ours {_written(bar.ours.mean, headline.scale)}"]
        figures += [] if bar.paper is None else [f"the paper's {_written(bar.paper, headline.scale)}"]
        said.append(f"{bar.label}: {', '.join(figures)}")
    return f"{headline.name}. {'; '.join(said)}."


def _written(value: float, scale: float) -> str:
    return f"{100 * value:.1f} %" if scale <= 1 else f"{value:.2f}"


def pictures() -> dict[str, str]:
    """Return the picture (SVG) of each headline that has figures, by name."""
    known, drawn = records(), {}
    for headline in headlines().headline:
        bars = bars_of(headline, known.get((headline.experiment, headline.size)))
        if any(bar.ours is not None for bar in bars):
            drawn[headline.name] = svg(scene_of(headline, bars))
    return drawn


# -- the page ---------------------------------------------------------------------------------------------------------


def headlines() -> Headlines:
    """Return the headlines."""
    return Headlines.model_validate(read_toml(HEADLINES))


def page() -> str:
    """Return docs/findings.md."""
    table, known = headlines(), records()
    verdicts = {one.name: verdict_of(one, known.get((one.experiment, one.size))) for one in table.headline}
    counted = [verdicts[one.name] for one in table.headline if not one.extra]
    tried, holding = sum(map(has_verdict, counted)), sum(verdict == "**holds**" for verdict in counted)
    waiting = sum(verdict not in (NOT_TRIED,) and not has_verdict(verdict) for verdict in counted)
    untried = len(counted) - tried - waiting
    counts = {"headlines": len(counted), "tried": tried, "holding": holding, "failing": tried - holding}
    others = f"{waiting} wait for their runs" + f", and {untried} for an experiment" * bool(untried)
    lines = [
        "# Findings of the papers, in models that a laptop or a desk trains\n",
        "<!-- Written by docs/scoreboard.py from headlines.toml and findings/records; do not edit. -->\n",
        *(_paragraph(text.format(**counts, others=others)) for text in INTRODUCTION.split("\n\n")),
    ]
    for part, title in table.parts.items():
        lines += [f"## {title}\n", "| headline | verdict | the paper, and ours |", "|---|---|---|"]
        for one in (headline for headline in table.headline if headline.part == part):
            lines.append(_row(one, verdicts[one.name], known.get((one.experiment, one.size))))
        lines.append("")
    return "\n".join([*lines, *_claims(known), *_costs(known), *_memory(), *_about(table)])


def _paragraph(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 120, break_long_words=False, break_on_hyphens=False) + "\n"


def _row(headline: Headline, verdict: str, record: Record | None) -> str:
    where = f"`{headline.experiment}`, {headline.size}" if headline.experiment else ""
    told = [
        verdict,
        headline.why,
        where,
        f"{len(record.seeds)} seeds, {_minutes(record.seconds)} each" if record else "",
    ]
    bars = bars_of(headline, record)
    drawn = any(bar.ours is not None for bar in bars)
    picture = f"![{caption_of(headline, bars)}](findings/{headline.name}.svg)" if drawn else ""
    return f"| **{headline.name}** {headline.says} | {'<br>'.join(filter(None, told))} | {picture} |"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _claims(known: Mapping[tuple[str, str], Record]) -> list[str]:
    lines = ["## Claims\n"]
    held = sum(count == len(record.seeds) for record in known.values() for count in record.claims.values())
    total = sum(len(record.claims) for record in known.values())
    lines += [
        _paragraph(CONTROLS.format(total=total, held=held)),
        "| experiment | holds | claim | the paper | mean | least to greatest | chance |",
        "|---|---|---|---|---:|---:|---:|",
    ]
    for (name, size), record in known.items():
        experiment, _ = load_experiment(name, size)
        for number, claim in enumerate(experiment.claim):
            spread = record.figures.get(claim.holds.split()[0])
            if claim.holds not in record.claims:
                says = "not run"
            elif record.claims[claim.holds] == len(record.seeds):
                says = "yes"
            else:
                says = f"**no** ({record.claims[claim.holds]} of {len(record.seeds)})"
            cells = [
                f"{name}, {size}" if number == 0 else "",
                says,
                f"`{claim.holds}`" + (" *control*" if claim.control else ""),
                claim.paper,
                f"{spread.mean:.3g}" if spread else "",
                f"{spread.least:.3g} to {spread.greatest:.3g}" if spread else "",
                "" if claim.chance is None else f"{claim.chance:.3g}",
            ]
            lines.append("| " + " | ".join(cells) + " |")
        for claim in set(record.claims) - {claim.holds for claim in experiment.claim}:
            lines.append(f"| | changed after the runs | `{claim}` | | | | |")
    return [*lines, ""]


def _costs(known: Mapping[tuple[str, str], Record]) -> list[str]:
    lines = [
        "## What it costs\n",
        _paragraph(HOURS),
        "| experiment | size | hours a seed | |",
        "|---|---|---:|---|",
    ]
    total = 0.0
    for name, size, hours, measured in costs(known):
        total += SEEDS * hours
        lines.append(f"| {name} | {size} | {hours:.2f} | {'measured' if measured else 'reckoned'} |")
    lines += [f"\nOver three seeds that is {total:.0f} hours of one core, or {total / 2:.0f} of two.\n"]
    return lines


def costs(known: Mapping[tuple[str, str], Record]) -> list[tuple[str, str, float, bool]]:
    """Return what stands behind the page: experiment, size, hours of a core a seed, and whether these are measured."""
    table = headlines()
    pairs = dict.fromkeys(
        (one.experiment, one.size) for one in table.headline if one.experiment in shipped_experiments()
    )
    lines = []
    for name, size in sorted(pairs):
        record, experiment = known.get((name, size)), _loaded(name, size)
        hours = record.seconds / 3600 if record else experiment.hours.get(size, 0.0)  # type: ignore[call-overload]
        lines.append((name, size, hours, record is not None))
    return lines


def _loaded(name: str, size: str) -> Experiment:
    if size not in sizes_of(name):
        raise ValueError(f"docs/headlines.toml: {name} has no size {size}")
    return load_experiment(name, size)[0]


def _memory() -> list[str]:
    lines = [
        "## Memory of the papers' recipes\n",
        _paragraph(GPU),
        "| experiments | parameters | window | weights and moments | a micro-batch | in all |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for one in read_json(MEMORY, list[Taken], "it is written by docs/scoreboard.py --memory"):
        sizes = [f"{size / 2**30:.1f} GiB" for size in (one.state, one.kept, one.state + one.kept)]
        lines.append(f"| {', '.join(one.experiments)} | {one.parameters:,} | {one.context:,} | {' | '.join(sizes)} |")
    return [*lines, ""]


def remember_memory() -> None:
    """Compute what the papers' recipes take, and note it."""
    noted: dict[str, Taken] = {}
    counted: dict[str, Memory] = {}
    for name in (one for one in shipped_experiments() if "gpu" in sizes_of(one)):
        experiment, _ = load_experiment(name, "gpu")
        for arm in experiment.arm:
            settings = experiment.run_of(arm, 0)
            if str(settings.model) not in counted:
                counted[str(settings.model)] = memory(settings.model, VOCABULARY)
            taken = counted[str(settings.model)]
            here = Taken(
                experiments=[],
                parameters=taken.parameters,
                context=settings.model.context,
                state=taken.state,
                kept=taken.kept,
            )
            known = noted.setdefault(f"{taken.parameters} {settings.model.context}", here)
            if name not in known.experiments:
                known.experiments.append(name)
    table = [taken.model_dump() for taken in sorted(noted.values(), key=lambda taken: -taken.state - taken.kept)]
    MEMORY.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def _about(table: Headlines) -> list[str]:
    return ["## What the claims stand for\n", *(f"- **{name}**: {text}" for name, text in table.about.items()), ""]


def write() -> None:
    """Write the page and its pictures, and remove pictures that no headline has any more."""
    drawn = pictures()
    for file in PICTURES.glob("*.svg"):
        if file.stem not in drawn:
            file.unlink()
    for name, text in drawn.items():
        (PICTURES / f"{name}.svg").write_text(text, encoding="utf-8")
    (DOCS / "findings.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        if argument == "--memory":
            remember_memory()
            continue
        for file in gather(Path(argument)):
            print(file.relative_to(DOCS.parent))
    write()

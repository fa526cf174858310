"""A short run that logs to a tracker, for the scripts of the trackers: what its page says, run, compared and told."""

import importlib.metadata
import json
import re
import tempfile
from pathlib import Path

from synthgen.train.loop import train
from synthgen.train.settings import DataSettings, ModelSettings, RunSettings, TrainSettings
from synthgen.train.trackers import figures_of

PAGES = Path(__file__).parents[1] / "docs/clients"
SETTINGS = RunSettings(
    data=(DataSettings(spec="copy-tiny", rows=4),),
    model=ModelSettings(layers=1, width=16, heads=2, context=80),
    train=TrainSettings(steps=50, warmup=5, eval_rows=10),
)


def glue_of(client: str) -> str:
    """Return the code of a tracker's page."""
    (glue,) = re.findall(r"```python\n(.*?)```", (PAGES / f"{client}.md").read_text("utf-8"), flags=re.S)
    return glue


def tracked(client: str) -> Path:
    """Train 50 steps of copy-tiny by the code of a tracker's page; return the run's folder."""
    run = Path(tempfile.mkdtemp()) / "copy"
    exec(glue_of(client), {"run": run, "settings": SETTINGS, "train": train})
    return run


def compare(run: Path, logged: dict[str, dict[int, float]]) -> None:
    """Hold what a tracker has, by name and step, against `metrics.jsonl`. Raises AssertionError for another figure."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [20, 40, 50]
    for line in lines:
        figures = figures_of(line)
        assert {"loss_bits", "floor_bits", "lr", "norm"} <= set(figures)
        for name, value in figures.items():
            there = logged[name][line["step"]]
            assert abs(there - value) <= 1e-5 * max(1.0, abs(value)), (name, line["step"], there, value)


def tell(client: str, did: str) -> None:
    """Print the line that `make clients` reads."""
    versions = {name: importlib.metadata.version(name) for name in (client, "torch")}
    glue = len([line for line in glue_of(client).splitlines() if line.strip()])
    print(json.dumps({"client": client, "versions": versions, "glue": glue, "did": did}))

"""Pictures: loss against the floor, and the claims of an experiment. Needs matplotlib (extra `train`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synthgen.errors import missing
from synthgen.train.runs import read_metrics


def _pyplot() -> Any:
    try:
        import matplotlib
    except ImportError:
        raise missing("train", "a picture of runs") from None
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def plot_runs(
    folders: Mapping[str, Path], file: Path, title: str, bars: Sequence[tuple[str, float, float]] = ()
) -> None:
    """Draw the curves of runs (bits a token, the floor dashed) and, beside them, figures against their bounds."""
    plt = _pyplot()
    figure, axes = plt.subplots(1, 2 if bars else 1, figsize=(13 if bars else 7, 4.2), squeeze=False)
    curve = axes[0][0]
    for name, folder in folders.items():
        lines = read_metrics(folder)
        if not lines:
            continue
        steps = [line["step"] for line in lines]
        (drawn,) = curve.plot(steps, [line["loss_bits"] for line in lines], label=name)
        floors = [(line["step"], line["floor_bits"]) for line in lines if "floor_bits" in line]
        if floors:
            curve.plot(*zip(*floors, strict=True), linestyle="--", color=drawn.get_color(), linewidth=0.8)
    curve.set(xlabel="step", ylabel="bits a token (dashed: the floor of fresh rows)", yscale="log", title=title)
    curve.legend(fontsize=8)
    if bars:
        axis = axes[0][1]
        places = range(len(bars))
        axis.barh(places, [value for _, value, _ in bars], color="tab:blue", height=0.5)
        for place, (_, _, bound) in zip(places, bars, strict=True):
            axis.plot([bound, bound], [place - 0.35, place + 0.35], color="tab:red")
        axis.set_yticks(places, [name for name, _, _ in bars], fontsize=7)
        axis.invert_yaxis()
        axis.set_title("figures (mean over seeds), and the bounds claimed (red)", fontsize=9)
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    plt.close(figure)

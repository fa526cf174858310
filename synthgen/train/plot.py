"""Pictures: loss against the floor, and the claims of an experiment. Needs matplotlib (extra `train`)."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synthgen.errors import missing
from synthgen.train.runs import read_metrics

BETWEEN = 11
"""Points between the names of two lines, at least."""

COLOURS = ("#0072b2", "#a86400", "#00795a", "#a8487f", "#857800", "#c04a00", "#3a86b0", "#59636e")
"""Told apart by the colour-blind, too (Okabe and Ito, Color Universal Design, 2008); darker, for a white page."""

TICKS = ((8.0, (1, 2, 5)), (2.5, (1, 1.5, 2, 3, 4, 5, 7)))
"""From which ratio of a log axis's ends its ticks are so many times powers of ten; below, they are evenly apart."""


def plot_runs(
    folders: Mapping[str, Path], file: Path, title: str, bars: Sequence[tuple[str, float, float]] = ()
) -> None:
    """Draw the curves of runs, the floor of each as a band, and, beside them, figures against their bounds."""
    picture_of_runs({name: read_metrics(folder) for name, folder in folders.items()}, title, bars).savefig(
        file, dpi=110
    )


def picture_of_runs(
    runs: Mapping[str, Sequence[Mapping[str, Any]]], title: str, bars: Sequence[tuple[str, float, float]] = ()
) -> Any:
    """Return the picture of `plot_runs` as a matplotlib Figure; runs: each one's lines of metrics, by its name."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise missing("train", "a picture of runs") from None
    figure = Figure(figsize=(13 if bars else 7.5, 4.2), layout="constrained")
    axes = figure.subplots(1, 2 if bars else 1, squeeze=False)[0]
    _draw_curves(axes[0], {name: lines for name, lines in runs.items() if lines}, title)
    if bars:
        _draw_bars(axes[1], bars)
    return figure


def _draw_curves(axes: Any, runs: Mapping[str, Sequence[Mapping[str, Any]]], title: str) -> None:
    ends = []
    axes.set_prop_cycle(color=COLOURS)
    for name, lines in runs.items():
        steps, losses = [line["step"] for line in lines], [line["loss_bits"] for line in lines]
        marker = "o" if len(steps) == 1 else ""  # a line of one point is none
        (drawn,) = axes.plot(steps, losses, marker=marker, clip_on=False)
        floors = [line["floor_bits"] for line in lines if "floor_bits" in line]
        if floors:  # of each step's own rows: it scatters as they do
            middle, spread = statistics.fmean(floors), statistics.pstdev(floors)
            axes.axhspan(middle - spread, middle + spread, color=drawn.get_color(), alpha=0.2, linewidth=0)
            axes.axhline(middle, color=drawn.get_color(), linewidth=0.6)
            if len(runs) == 1:  # of several, the label of the axis says what bands are
                ends.append(("floor", steps[-1], middle, drawn.get_color()))
        ends.append((name, steps[-1], losses[-1], drawn.get_color()))
    axes.set(xlabel="step", ylabel="bits a token (bands: the floor)", yscale="log", title=title)
    axes.spines[["top", "right"]].set_visible(False)  # names stand there
    axes.set_xlim(0, max((step for _, step, *_ in ends), default=1))
    _number_plainly(axes)
    _name_beside(axes, ends)


def _number_plainly(axes: Any) -> None:
    """Number the log axis and the steps as people write numbers: 0.5, 2, 10,000."""
    from matplotlib.ticker import LogLocator, MaxNLocator, StrMethodFormatter

    low, high = axes.get_ylim()
    subs = next((subs for ratio, subs in TICKS if high > ratio * low), None)
    axes.yaxis.set_major_locator(LogLocator(subs=subs) if subs else MaxNLocator(6))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.minorticks_off()
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def _name_beside(axes: Any, ends: Sequence[tuple[str, float, float, str]]) -> None:
    """Write each line's name to the right of its end, apart from the names around it."""
    height = axes.figure.get_figheight() * 72 * 0.75  # points, about
    low, high = axes.transData.transform([(0, y) for y in axes.get_ylim()])[:, 1]
    before = float("-inf")
    for name, step, loss, colour in sorted(ends, key=lambda end: end[2]):
        y = (axes.transData.transform((step, loss))[1] - low) / (high - low) * height
        place = max(y, before + BETWEEN)
        axes.annotate(
            name, (step, loss), (6, place - y), textcoords="offset points", color=colour, fontsize=8, va="center",
            annotation_clip=False,
        )  # fmt: skip
        before = place


def _draw_bars(axes: Any, bars: Sequence[tuple[str, float, float]]) -> None:
    places = range(len(bars))
    axes.barh(places, [value for _, value, _ in bars], color=COLOURS[0], height=0.5)
    for place, (_, value, bound) in zip(places, bars, strict=True):
        axes.plot([bound, bound], [place - 0.35, place + 0.35], color=COLOURS[5], linewidth=2.5)
        end = max(value, bound, 0.0)
        axes.annotate(f"{value:.3g}", (end, place), (6, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(places, [name for name, _, _ in bars], fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.12)  # for the figures behind the bars
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title("Figures (means over seeds), claimed bounds in red", fontsize=10)

"""Pictures of runs: numbers as people write them, names that can be read, floors, and runs of one point."""

import itertools

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from synthgen.train.plot import picture_of_runs


def run_of(start, floor, steps=(100, 200, 20_000)):
    return [
        {"step": step, "loss_bits": floor + start / (i + 1), "floor_bits": floor + 0.01 * (i % 2)}
        for i, step in enumerate(steps)
    ]


def drawn(runs, bars=()):
    figure = picture_of_runs(runs, "a title", bars)
    FigureCanvasAgg(figure).draw()
    return figure


@pytest.mark.parametrize("start", [0.01, 0.4, 30.0])
def test_ticks_are_plain_numbers(start):
    axes = drawn({"a": run_of(start, 1.0)}).axes[0]
    shown = [label.get_text() for label in axes.get_yticklabels() if label.get_text()]
    low, high = axes.get_ylim()
    assert sum(low <= float(text) <= high for text in shown) >= 2, "and some of them stand in the picture"
    assert "20,000" in [label.get_text() for label in axes.get_xticklabels()]


def test_names_stand_beside_their_lines_and_apart():
    runs = {f"run {i}": run_of(0.4 + 0.001 * i, 1.0) for i in range(5)}
    figure = drawn(runs)
    names = figure.axes[0].texts
    boxes = [name.get_window_extent() for name in names]
    assert {name.get_text() for name in names} == set(runs)
    assert figure.axes[0].get_legend() is None
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    width = figure.get_figwidth() * figure.dpi
    assert all(box.x1 <= width for box in boxes), "nothing is cut off"


def test_floors_are_bands_and_one_point_is_seen():
    axes = drawn({"a": run_of(0.5, 1.0), "b": run_of(0.5, 2.0, steps=(100,))}).axes[0]
    bands = [(box.y0, box.y1) for box in (patch.get_path().get_extents() for patch in axes.patches)]
    assert len(axes.patches) == 2
    assert bands
    markers = {line.get_marker() for line in axes.lines if len(line.get_xdata()) == 1}
    assert markers == {"o"}


def test_ticks_of_one_point_are_different_numbers():
    axes = drawn({"a": run_of(0.5, 1.0, steps=(30,))}).axes[0]
    shown = [label.get_text() for label in axes.get_xticklabels()]
    assert len(set(shown)) == len(shown)
    assert shown[0] == "0"
    assert {name.get_text() for name in axes.texts} == {"a", "floor"}


def test_figures_stand_beside_the_curves():
    figure = drawn({"a": run_of(0.5, 1.0)}, [("claim", 0.5, 0.4)])
    assert [label.get_text() for label in figure.axes[1].get_yticklabels()] == ["claim"]
    assert [text.get_text() for text in figure.axes[1].texts] == ["0.5"]
    for axes in figure.axes:
        assert axes.title.get_window_extent().x1 <= figure.get_figwidth() * figure.dpi, "no title is cut off"

"""What a row looks like, as plain data: words, what points at what, what stands where. Nothing of how it is drawn.

A task says what there is to see (`Task.picture`); `synthgen.publish.drawing` knows fonts, colours and places. A
`Picture` has panels of four sorts: a `Graph` of nodes and links, a `Parse` of a string (bars over its leaves), a
`Passage` of text with spans, and a `Table`. `kinds` is the legend of all of them: what a node, link, bar, span or cell
is, and its colour.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Tone = Literal["plain", "faint", "blue", "orange", "green", "pink", "yellow", "red", "sky", "grey"]
"""Colours by what they are for: `faint` steps back (and has a broken outline), the rest are told apart by anybody."""

TONES: tuple[Tone, ...] = ("blue", "orange", "green", "pink", "yellow", "red", "sky", "grey")
"""The tones of things that are only told apart, in the order in which they are taken."""


@dataclass(frozen=True)
class Kind:
    """An entry of the legend: what it is in words, and its tone."""

    words: str
    tone: Tone = "plain"


@dataclass(frozen=True)
class Node:
    """A node of a graph: the text inside of it, its kind, and a number where the order of nodes says something.

    In a graph of `rows`, `row` is the row it stands in, from 0 at the top. `mark` is a remark of some letters on its
    upper right corner, in the colour of the kind `mark_kind`.
    """

    text: str
    kind: str = ""
    number: int | None = None
    row: int = 0
    mark: str = ""
    mark_kind: str = ""


@dataclass(frozen=True)
class Link:
    """An arrow between two nodes, by their places in the list, or a line where `arrow` is not set.

    `text` says what it is, and stands on it (in `layers` and `chain`).
    """

    start: int
    end: int
    kind: str = ""
    arrow: bool = True
    text: str = ""


@dataclass(frozen=True)
class Graph:
    """Nodes and what points at what. The shape says what their places mean.

    layers: what a node points at stands below it; rows: nodes stand in the rows they name, from left to right in the
    order of the list; ring: node i + 1 is the next one around, and the first follows on the last; chain: node i + 1
    stands to the right of node i, which may point at it and at no other.
    """

    title: str
    nodes: Sequence[Node]
    links: Sequence[Link] = ()
    shape: Literal["layers", "rows", "ring", "chain"] = "layers"


@dataclass(frozen=True)
class Bar:
    """A bar over the leaves [start, end) of a string, `level` levels above them."""

    start: int
    end: int
    level: int
    text: str
    kind: str = ""


@dataclass(frozen=True)
class Parse:
    """A string with the tree above it: a bar for every inner node, over the leaves that it makes."""

    title: str
    leaves: Sequence[str]
    bars: Sequence[Bar]


@dataclass(frozen=True)
class Span:
    """Characters [start, end) of a passage that are of a kind."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Passage:
    """A text with spans, none of which overlap. The first `given` characters are the prompt."""

    title: str
    text: str
    spans: Sequence[Span] = ()
    given: int = 0


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its text, and its kind."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells below their heads, all of them as long as these."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]


Panel = Graph | Parse | Passage | Table


@dataclass(frozen=True)
class Picture:
    """What a row looks like: a sentence that says it to whoever cannot see it, panels, and the legend.

    `kinds` may have kinds of the row's spans that no panel shows: where the text stands beside the picture, they have
    these colours there.
    """

    caption: str
    panels: Sequence[Panel]
    kinds: Mapping[str, Kind] = field(default_factory=dict)


def passage_of(row: Mapping[str, Any], names: Mapping[int, str]) -> Passage:
    """Return the content of any row as a passage: its text, or its tokens by name, with the spans of its latent."""
    spans = (row.get("latent") or {}).get("spans") or {}
    if "input_ids" not in row:
        prompt = row.get("prompt", "")
        text = row["text"] if "text" in row else prompt + row["completion"]
        return Passage("", text, list(_apart(spans)), len(prompt))
    words = [names.get(i, str(i)) for i in row["input_ids"]]
    starts = [0]
    for word in words:
        starts.append(starts[-1] + len(word) + 1)
    trained = row.get("completion_mask") or [True]
    given = starts[trained.index(True)] if any(trained) else 0
    placed = [Span(starts[span.start], starts[span.end] - 1, span.kind) for span in _apart(spans)]
    return Passage("", " ".join(words), placed, given)


def _apart(spans: Mapping[str, Iterable[Mapping[str, int]]]) -> Iterator[Span]:
    """Yield spans in order, without those that begin inside of another."""
    behind = 0
    every = [(s["start"], -s["end"], kind) for kind, of_kind in spans.items() for s in of_kind or ()]
    for start, end, kind in sorted(every):
        if start >= behind and -end > start:
            yield Span(start, -end, kind)
            behind = -end


BACK = Kind("begun too early and taken back: before which step", "red")
"""The legend of marks by `backs_of`."""
MOST_BACKS = 3

STEPS = {"step": Kind("a step of the solution", "green"), "retry": Kind("a step that is taken back", "red")}
"""The spans of a solution, in the colours of what is needed and of what is taken back."""


def backs_of(steps: Iterable[tuple[Any, bool]]) -> dict[Any, str]:
    """Return the marks of what is taken back on the way: an arrow, and the steps before which that happens.

    `steps` are (what, whether it is taken back), in order; steps that stand are counted from 1.
    """
    places: dict[Any, list[int]] = {}
    step = 1
    for what, back in steps:
        if back:
            places.setdefault(what, []).append(step)
        else:
            step += 1
    few = {what: list(dict.fromkeys(every)) for what, every in places.items()}
    return {
        what: f"↺ {', '.join(map(str, every[:MOST_BACKS]))}{' …' * (len(every) > MOST_BACKS)}"
        for what, every in few.items()
    }


def kinds_of(names: Iterable[str]) -> dict[str, Kind]:
    """Return a legend for kinds that have names and no more, each in a tone of its own as long as there are any."""
    return {name: Kind(name.replace("_", " "), TONES[i % len(TONES)]) for i, name in enumerate(dict.fromkeys(names))}

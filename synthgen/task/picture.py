"""What a row looks like, as plain data: words, what points at what, what stands where. Nothing of how it is drawn.

A task says what there is to see (`Task.picture`); `synthgen.publish.drawing` knows fonts, colours and places. A
`Picture` has panels of four sorts: a `Graph` of nodes and links, a `Parse` of a string (bars over its leaves), a
`Passage` of text with spans, and a `Table`. `kinds` is the legend of all of them: what a node, link, bar, span or cell
is, and its colour.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
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

    In a graph of `rows`, `row` is the row it stands in, from 0 at the top, and `column` its place there, from 0 at the
    left; by default it stands beside the one before. `mark` is a remark of some letters on its
    upper right corner, in the colour of the kind `mark_kind`.
    """

    text: str
    kind: str = ""
    number: int | None = None
    row: int = 0
    column: int | None = None
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

    `note` is what stands below the panels: sentences, in lines of their own.
    `kinds` may have kinds of the row's spans that no panel shows: where the text stands beside the picture, they have
    these colours there.
    """

    caption: str
    panels: Sequence[Panel]
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    note: str = ""

    @property
    def told(self) -> str:
        """All that is said of it in sentences."""
        return " ".join([self.caption, *self.note.split("\n")]).strip()


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


ASKED: Tone = "orange"
PASSED: Tone = "yellow"
NEEDED: Tone = "blue"
ANSWER: Tone = "green"
"""The tones of what a row asks about, what is met on the way, what is worked out for it, and the answer, everywhere."""
BACK_MARK, BACK = "↺", Kind("↺ begun and taken back", "red")
"""The mark of what is taken back on the way, and its legend."""
MOST_TOLD = 6
"""Things that are taken back, and steps of one, that a note names."""


def backs_of(steps: Iterable[tuple[Any, bool]]) -> dict[Any, list[int]]:
    """Return what is taken back on the way, with the steps before which that happens.

    `steps` are (what, whether it is taken back), in order; steps that stand are counted from 1.
    """
    places: dict[Any, dict[int, None]] = {}
    step = 1
    for what, back in steps:
        if back:
            places.setdefault(what, {})[step] = None
        else:
            step += 1
    return {what: list(every) for what, every in places.items()}


def backs_told(backs: Mapping[Any, Sequence[int]], names: Mapping[Any, str], needed: Container[Any]) -> str:
    """Return what is taken back (`backs_of`) in sentences: what is begun too early, and what is never needed."""
    early = [f"{names[what]} (before {_steps(steps)})" for what, steps in backs.items() if what in needed]
    vain = [f"{names[what]} (before {_steps(steps)})" for what, steps in backs.items() if what not in needed]
    told = [f"Begun too early and taken back: {_few(early)}."] if early else []
    return "\n".join([*told, f"Begun and taken back, and never needed: {_few(vain)}."] if vain else told)


def _steps(steps: Sequence[int]) -> str:
    return f"step{'s' * (len(steps) > 1)} {_few(list(map(str, steps)))}"


def _few(items: Sequence[str]) -> str:
    """Return a list in words: the first, and how many more there are."""
    if len(items) > MOST_TOLD:
        return f"{', '.join(items[:MOST_TOLD])} and {len(items) - MOST_TOLD} more"
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else items[0]


def question_and_answer(question: str, answer: str, asked: str = "") -> Passage:
    """Return a question with its answer behind it: marked are `asked`, or all of the question, and the answer."""
    start = question.find(asked) if asked else 0
    spans = [Span(start, start + len(asked or question), "asked")]
    text = f"{question} {answer}"
    return Passage("", text, [*spans, Span(len(text) - len(answer), len(text), "answer")])


def kinds_of(names: Iterable[str]) -> dict[str, Kind]:
    """Return a legend for kinds that have names and no more, each in a tone of its own as long as there are any."""
    return {name: Kind(name.replace("_", " "), TONES[i % len(TONES)]) for i, name in enumerate(dict.fromkeys(names))}

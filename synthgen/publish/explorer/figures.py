"""What the explorer says of a whole: books, splits and what they guarantee, and how a run went."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from synthgen.dataset.manifest import Manifest
from synthgen.exact.bits import Status
from synthgen.exact.entropy import Entropy
from synthgen.exact.glossary import book_words, told_facts
from synthgen.publish.drawing.charts import books_scene
from synthgen.publish.drawing.curves import loss_scene, shares_scene
from synthgen.publish.drawing.scene import Scene
from synthgen.publish.drawing.svg import inline
from synthgen.spec.source import Source
from synthgen.task.contract import SplitBy, Task

MOST_SPLITS = 40
"""Splits that are told; of more, the first."""
MOST_DIFFICULTIES = 40
KNOWN: dict[Status, str] = {
    "exact": "exactly",
    "bracket": "between these ends",
    "estimate": "by an estimate",
    "unknown": "not",
}
"""How a figure is known, in words."""
TEMPLATE = "template"
DIVIDED = {SplitBy.PERSON: "person", SplitBy.LATENT: "latent"}
"""What splits that are apart do not share."""
WORDS = {
    "person": "A person: whom a question is about.",
    "latent": "A latent: what a row is made from.",
    TEMPLATE: "A template: a row without its names and numbers.",
}
"""What is not shared, for who does not know the word."""


def drawing(scene: Scene) -> Markup:
    """Return a scene for a template: our own SVG, all of whose text is escaped."""
    return Markup(inline(scene))


def books_of(source: Source) -> list[dict[str, Any]]:
    """Return the bits of every split, one entry for all splits that share them: bar, books, facts."""
    groups: dict[str, tuple[Entropy, list[str]]] = {}
    for split in _splits(source):
        entropy = source.entropy(split, estimates=False)
        same = json.dumps({key: value for key, value in entropy.to_json().items() if key != "split"}, sort_keys=True)
        groups.setdefault(same, (entropy, []))[1].append(split)
    paid = [name for entropy, _ in groups.values() for name, bits in _of_rows(entropy).items() if bits > 0]
    return [_books(entropy, names, paid) for entropy, names in groups.values()]


def _of_rows(entropy: Entropy) -> dict[str, float]:
    return {book_words(name): book.bits.value for name, book in entropy.books.items() if book.scope == "row"}


def _books(entropy: Entropy, names: Sequence[str], paid: Sequence[str]) -> dict[str, Any]:
    books = entropy.books.items()
    return {
        "splits": names,
        "bar": drawing(books_scene(_of_rows(entropy), "Bits drawn to make a row, on average, by book", paid)),
        "books": [(book_words(name), book.scope, str(book.bits), KNOWN[book.bits.status]) for name, book in books],
        "booked": (str(entropy.booked), KNOWN[entropy.booked.status]),
        "text": (str(entropy.text), KNOWN[entropy.status]),
        "less": entropy.text != entropy.booked,
        "why": _why(entropy),
        "facts": [
            (f"{group}: {words}", value)
            for group, facts in told_facts(entropy.facts, "card").items()
            for words, value in facts
        ],
    }


def _why(entropy: Entropy) -> list[tuple[str, str]]:
    """Return (reason, which figures are not exact for it); a text's reasons are its books' too."""
    reasons: dict[str, list[str]] = {}
    figures = [(book_words(name), book.bits.reason) for name, book in entropy.books.items()]
    for name, reason in [*figures, ("the text", entropy.text.reason)]:
        for one in filter(None, reason.split("; ")):
            reasons.setdefault(one, []).append(name)
    return [(reason, ", ".join(names)) for reason, names in reasons.items()]


def totals_of(source: Source, splits: Iterable[str], folder: Path | None) -> dict[str, int | None]:
    """Return how many rows there are of each split: in a folder, or by the spec; None where they do not end."""
    if folder:
        written = Manifest.read(folder).splits
        return {split: written[split]["rows"] for split in splits}
    return {split: _rows(source, split) for split in splits}


def _rows(source: Source, split: str) -> int | None:
    table = source.spec.splits.get(split)
    return (table.rows if table else None) or source.rows_max(split)


def _splits(source: Source) -> list[str]:
    return (source.splits or ["train"])[:MOST_SPLITS]


def splits_of(source: Source) -> list[dict[str, Any]]:
    """Return the splits of a spec: rows, what differs in their params, and what is held out of which others."""
    names = _splits(source)
    tasks = {name: source.task(name) for name in names}
    out = []
    for name in names:
        table = source.spec.splits.get(name)
        rows = _rows(source, name)
        out.append(
            {
                "name": name,
                "rows": f"{rows:,}" if rows else "without end",
                "params": ", ".join(f"{k} = {json.dumps(v)}" for k, v in (table.params if table else {}).items()),
                "apart": _apart(name, tasks),
                "held_out": name != names[0] and bool(_shares_no(tasks[name], tasks[names[0]])),
            }
        )
    return out


def _apart(name: str, tasks: Mapping[str, Task]) -> list[tuple[str, str]]:
    """Return (what, splits): no row of the split has a person, a template, ... that a row of these others has."""
    others: dict[str, list[str]] = {}
    for other in tasks:
        for what in _shares_no(tasks[name], tasks[other]) if other != name else ():
            others.setdefault(what, []).append(other)
    every = len(tasks) - 1
    return [(what, "any other split" if len(of) == every > 1 else ", ".join(of)) for what, of in others.items()]


def _shares_no(one: Task, other: Task) -> list[str]:
    """Return what no two rows of two splits share."""
    divided = [DIVIDED[one.split_by]] if one.split_by in DIVIDED and one.apart(other) else []
    halves = {one.template_half, other.template_half}
    return divided + [TEMPLATE] * (len(halves) == 2 and "" not in halves)


def guarantees_of(source: Source) -> list[str]:
    """Return what the splits guarantee, a sentence for each way in which they are divided."""
    sentences = (source.task(name).split_by.sentence.replace("`", "") for name in _splits(source))
    return list(dict.fromkeys(sentences))


def run_of(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a run went, as the template has it; `run` is what `synthgen.train.shown` returns."""
    scores = run.get("scores") or {}
    table: dict[str, Any] = {name: run[name] for name in ("name", "facts", "answers", "noted")}
    table["loss"] = drawing(loss_scene(run["loss"], run["floor"])) if run["loss"] else ""
    for field, title in (("by_difficulty", "Accuracy by difficulty of rows"), ("by_query", "Accuracy by query")):
        of = scores.get(field) or {}
        alike = field == "by_query" and of == scores.get("by_difficulty")  # a row that asks one thing
        entries = [] if alike else list(of.items())[:MOST_DIFFICULTIES]
        shares = [(name, entry["accuracy"], entry["low"], entry["high"], entry["n"]) for name, entry in entries]
        bars = [share[:4] for share in shares]
        table[field] = (
            {"title": title, "shares": shares, "bars": drawing(shares_scene(title, bars))} if shares else None
        )
    table["accuracy"] = table["judged"] = ""
    if scores:
        rows = scores["rows"]
        right, several = sum(answer["correct"] for answer in run["answers"]), len(run["answers"])
        table["judged"] = (
            f"The first {several:,} of {rows['n']:,} rows that were asked are shown, of which {right:,} are answered "
            f"right; of all, {round(rows['accuracy'] * rows['n']):,} are."
        )
        table["accuracy"] = f"{rows['accuracy']:.4f} ({rows['low']:.4f} to {rows['high']:.4f}) of {rows['n']:,} rows"
    table["why"] = run.get("why", "")
    return table

"""What the explorer says of a whole: books, splits and what they guarantee, and how a run went."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from synthgen.exact.entropy import Entropy
from synthgen.exact.glossary import told_facts
from synthgen.exact.keys import worded
from synthgen.publish.drawing.charts import books_scene
from synthgen.publish.drawing.curves import loss_scene, shares_scene
from synthgen.publish.drawing.scene import Scene
from synthgen.publish.drawing.svg import inline
from synthgen.spec.source import Source

MOST_SPLITS = 40
"""Splits that are told; of more, the first."""
MOST_DIFFICULTIES = 40


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
    return [_books(entropy, names) for entropy, names in groups.values()]


def _books(entropy: Entropy, names: Sequence[str]) -> dict[str, Any]:
    row = {name: book.bits.value for name, book in entropy.books.items() if book.scope == "row"}
    return {
        "splits": names,
        "bar": drawing(books_scene(row, "What a row pays by book, on average")),
        "books": [(worded(name), book.scope, str(book.bits), book.bits.status) for name, book in entropy.books.items()],
        "text": (str(entropy.text), entropy.status, entropy.text.reason),
        "facts": [
            (f"{group}: {words}", value)
            for group, facts in told_facts(entropy.facts, "card").items()
            for words, value in facts
        ],
    }


def _splits(source: Source) -> list[str]:
    return (source.splits or ["train"])[:MOST_SPLITS]


def splits_of(source: Source) -> list[dict[str, Any]]:
    """Return the splits of a spec: rows, what differs in their params, and what they share with others or do not."""
    names = _splits(source)
    tasks = {name: source.task(name) for name in names}
    out = []
    for name in names:
        table = source.spec.splits.get(name)
        rows = (table.rows if table else None) or source.rows_max(name)
        apart = [other for other in names if other != name and tasks[name].apart(tasks[other])]
        out.append(
            {
                "name": name,
                "rows": f"{rows:,}" if rows else "without end",
                "params": ", ".join(f"{k} = {json.dumps(v)}" for k, v in (table.params if table else {}).items()),
                "templates": tasks[name].template_half or "all",
                "apart": "all others" if len(apart) == len(names) - 1 > 0 else ", ".join(apart) or "none",
            }
        )
    return out


def guarantees_of(source: Source) -> list[str]:
    """Return what the splits guarantee, a sentence for each way in which they are divided."""
    sentences = (source.task(name).split_by.sentence.replace("`", "") for name in _splits(source))
    return list(dict.fromkeys(sentences))


def run_of(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a run went, as the template has it; `run` is what `synthgen.train.shown` returns."""
    scores = run.get("scores") or {}
    table: dict[str, Any] = {"name": run["name"], "facts": run["facts"], "answers": run["answers"]}
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
    table["accuracy"] = ""
    if scores:
        rows = scores["rows"]
        table["accuracy"] = f"{rows['accuracy']:.4f} ({rows['low']:.4f} to {rows['high']:.4f}) of {rows['n']:,} rows"
    table["why"] = run.get("why", "")
    return table

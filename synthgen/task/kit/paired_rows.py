"""Pictures of rows whose second half points at their first: copying and recall."""

from collections.abc import Mapping
from typing import Any

from synthgen.task.picture import ANSWER, ASKED, PASSED, Cell, Graph, Kind, Link, Node, Panel, Picture, Table

MOST_COPIED, MOST_PAIRS, MOST_ASKED = 14, 7, 6
"""Tokens of a copy, pairs, and queries, that a picture shows."""


def copy_picture(task: Any, row: Mapping[str, Any]) -> Picture:
    """Return the tokens and the mark above and the copies below, each beneath what it points at."""
    n, names = task.params.tokens, task.vocab.names
    words = [names[i] for i in row["input_ids"]]
    shown, left = words[: min(n, MOST_COPIED)], max(0, n - MOST_COPIED)
    rest = [Node("…", "left")] if left else []
    upper = [*(Node(word, "given") for word in shown), *rest, Node(words[n], "mark")]
    lower = [Node(word, "copied", row=1) for word in words[n + 1 : n + 1 + len(shown)]]
    links = [Link(len(upper) + i, i, "copy") for i in range(len(shown))]
    lower += [Node(one.text, one.kind, row=1) for one in rest]
    kinds = {
        "given": Kind("a token of the row's first half", "blue"),
        "mark": Kind("the mark: from here on copy", ASKED),
        "copied": Kind("its copy in the second half", ANSWER),
        "copy": Kind(f"is the token {n + 1} places before", ANSWER),
        "left": Kind(f"{left} more", "faint"),
    }
    caption = f"Copy: {n} different tokens in mixed order, a mark, and the same tokens again."
    return Picture(caption, [Graph("", [*upper, *lower], links, "rows")], kinds)


def recall_picture(task: Any, row: Mapping[str, Any]) -> Picture:
    """Return the first query below the pairs, of which few are drawn, and a table of the first queries."""
    n, names = task.params.pairs, task.vocab.names
    words = [names[i] for i in row["input_ids"]]
    keys, values, queries = words[0 : 2 * n : 2], words[1 : 2 * n : 2], words[2 * n :: 2]
    asked = keys.index(queries[0])
    most = n if n <= MOST_PAIRS + 2 else MOST_PAIRS  # those left out would take the room of two
    first = max(0, min(asked - most // 2, n - most))
    shown = range(first, first + most)
    before = [Node(f"… {first} more", "other")] if first else []
    behind = [Node(f"… {n - shown.stop} more", "other")] if shown.stop < n else []
    pairs = [Node(f"{keys[i]} {values[i]}", "holds" if i == asked else "pair") for i in shown]
    upper = [*before, *pairs, *behind]
    at = len(before) + asked - first
    lower = [  # beneath the pair, to its left and to its right
        Node(queries[0], "asked", row=1, column=max(0, at - 1)),
        Node(values[asked], "answer", row=1, column=at + 1),
    ]
    table = [
        [
            Cell(str(number)),
            Cell(key, "asked"),
            Cell(f"{keys.index(key) + 1} of {n}"),
            Cell(f"{key} {values[keys.index(key)]}", "holds"),
            Cell(values[keys.index(key)], "answer"),
        ]
        for number, key in enumerate(queries[:MOST_ASKED], 1)
    ]
    links = [Link(len(upper), at, "same"), Link(at, len(upper) + 1, "recalled")]
    kinds = {
        "pair": Kind("a key and its value", "blue"),
        "holds": Kind("the pair with the key that is asked for", PASSED),
        "asked": Kind("the key that is asked for", ASKED),
        "answer": Kind("the answer: the value behind it", ANSWER),
        "same": Kind("the same key stands there", ASKED),
        "recalled": Kind("its value is the answer", ANSWER),
        "other": Kind("pairs that are not drawn", "faint"),
    }
    more = f"The first {len(table)} of the {len(queries)} queries" if len(table) < len(queries) else "All queries"
    panels: list[Panel] = [
        Graph("The first query, and the pairs around the one it asks for", [*upper, *lower], links, "rows"),
        Table(more, ["query", "key asked for", "its pair is", "the pair", "answer"], table),
    ]
    caption = f"Recall: {n} pairs of a key and a value, then every key again in another order, with its value."
    return Picture(caption, panels, kinds)

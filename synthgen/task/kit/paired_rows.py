"""Pictures of rows whose second half points at their first: copying and recall."""

from collections.abc import Mapping
from typing import Any

from synthgen.task.picture import Graph, Kind, Link, Node, Picture

MOST_COPIED, MOST_ASKED = 20, 12
"""Tokens of a copy, and queries, that a picture shows."""


def copy_picture(task: Any, row: Mapping[str, Any]) -> Picture:
    """Return the tokens above and their copies below, each beneath what it points at."""
    n, names = task.params.tokens, task.vocab.names
    words = [names[i] for i in row["input_ids"]]
    shown, left = words[: min(n, MOST_COPIED)], max(0, n - MOST_COPIED)
    rest = [Node("…", "mark")] if left else []
    upper = [Node(word, "given") for word in shown] + rest
    lower = [Node(word, "copied", row=1) for word in words[n + 1 : n + 1 + len(shown)]]
    links = [Link(len(upper) + i, i, "copy") for i in range(len(shown))]
    kinds = {
        "given": Kind("a token of the row's first half", "blue"),
        "copied": Kind("its copy in the second half", "green"),
        "copy": Kind(f"is the token {n + 1} places before", "green"),
        "mark": Kind(f"{left} more", "faint"),
    }
    caption = f"Copy: {n} different tokens in mixed order, a mark, and the same tokens again."
    return Picture(caption, [Graph("", [*upper, *lower], links, "rows")], kinds)


def recall_picture(task: Any, row: Mapping[str, Any]) -> Picture:
    """Return pairs above and queries below, each answer pointing at the value behind the same key."""
    n, names = task.params.pairs, task.vocab.names
    words = [names[i] for i in row["input_ids"]]
    keys, asked = words[0 : 2 * n : 2], words[2 * n :: 2][:MOST_ASKED]
    shown = [i for i in range(n) if keys[i] in asked]
    upper = [Node(f"{keys[i]} {words[2 * i + 1]}", "pair") for i in shown]
    answers = zip(asked, words[2 * n + 1 :: 2], strict=False)
    lower = [Node(f"{key} {value}", "query", row=1) for key, value in answers]
    links = [Link(len(upper) + i, shown.index(keys.index(key)), "recalled") for i, key in enumerate(asked)]
    kinds = {
        "pair": Kind("a key and its value, as the row gives them", "blue"),
        "query": Kind("a key that is asked for, and the value recalled", "green"),
        "recalled": Kind("is the value behind the same key", "green"),
    }
    part = f" ({len(shown)} of them drawn)" if len(shown) < n else ""
    caption = f"Recall: {n} pairs of a key and a value{part}, then every key again in another order, with its value."
    return Picture(caption, [Graph("", [*upper, *lower], links, "rows")], kinds)

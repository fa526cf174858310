"""Where Mano, as it is described (Part 4.1, 2512.17351) and as it is released, and these rows differ."""

from __future__ import annotations

from synthgen.task.fidelity import PAPER, RELEASED, Deviation

DEVIATIONS = (
    Deviation(
        "operations and marks",
        "one token each",
        lambda params: RELEASED if params.has_twins else PAPER,
        "two ids each, drawn by a fair coin",
        ("twins", "fidelity"),
    ),
    Deviation(
        "operations in use",
        "+, - and *",
        lambda params: "" if params.signs == "+-*" else f"those of `{params.signs}`",
        "+, - and *, with / in its numbering",
        ("signs",),
    ),
    Deviation(
        "tokens with a loss",
        "all",
        lambda params: "the answer alone" if params.trained == "answer" else "",
        decided_by=("trained",),
    ),
    Deviation(
        "ids of tokens",
        "no numbers",
        lambda params: "numbers without gaps, for small models" if params.numbering == "compact" else RELEASED,
        "values from 5000 on",
        ("numbering",),
    ),
)

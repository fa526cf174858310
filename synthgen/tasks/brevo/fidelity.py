"""Where Brevo, as it is described (Part 4.1, 2512.17351) and as it is released, and these rows differ."""

from __future__ import annotations

from synthgen.task.fidelity import PAPER, RELEASED, Deviation

DEVIATIONS = (
    Deviation(
        "graphs",
        "each node after the leaves has parents among the earlier ones",
        lambda params: "layered graphs of our own, whose every bit is exact" if params.law == "open" else "",
        decided_by=("law",),
    ),
    Deviation(
        "the node that is asked for",
        "any of the last quarter",
        lambda params: "" if params.law == "open" else PAPER if params.quarter else RELEASED,
        "the last one created",
        ("query", "fidelity"),
    ),
    Deviation(
        "the most leaves, (n - 1) / 4 + 1",
        "rounded up",
        lambda params: "" if params.law == "open" else PAPER if params.round_up else RELEASED,
        "rounded down",
        ("leaves", "fidelity"),
    ),
    Deviation(
        "the listing",
        "in a random valid order",
        lambda params: "layer by layer and name by name" if params.sorted else "",
        decided_by=("listing",),
    ),
    Deviation(
        "the mark behind a listing",
        "an end mark",
        lambda params: "an end mark, with the id 9996 of our own",
        "the answer mark again, 9998",
    ),
    Deviation(
        "ids of tokens",
        "no numbers",
        lambda params: "numbers without gaps, for small models" if params.numbering == "compact" else RELEASED,
        "marks near 9,998",
        ("numbering",),
    ),
)

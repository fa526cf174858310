"""Where chains stand for the paper's problems (Part 2.2, 2408.16293)."""

from __future__ import annotations

from synthgen.task.fidelity import PAPER, RELEASED, Deviation

DEVIATIONS = (
    Deviation(
        "the problems",
        "those of iGSM, in sentences",
        lambda params: "chains of definitions as tokens, a small task of our own",
    ),
    Deviation(
        "what a weak retry takes back",
        "what a later sentence defines, never the next one",
        lambda params: "" if params.retry.kind != "weak" else RELEASED if params.retry.next_counts else PAPER,
        "what the next sentence or a later one defines",
        ("retry.next_counts",),
    ),
)

"""Where the birth years in context of Part 4.1 (2512.17351, section 8), of the released code and these differ."""

from __future__ import annotations

from synthgen.task.fidelity import PAPER, RELEASED, Deviation
from synthgen.tasks.bios.world.fidelity import LISTS

DEVIATIONS = (
    Deviation(
        "what stands around the facts",
        "sentences of Wikipedia, as many tokens as a tokenizer counts",
        lambda params: "sentences of other people's biographies, and counted themselves" if params.junk else PAPER,
        decided_by=("junk",),
    ),
    Deviation(
        "who is asked about",
        "not told",
        lambda params: RELEASED if params.asked == "first" else "anybody of the last group",
        "the first of the last group, who with one hop is named first",
        ("asked",),
    ),
    LISTS,
)

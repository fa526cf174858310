"""Where the biographies of the papers (Parts 3.1 to 3.3), of the released script and these differ."""

from __future__ import annotations

from synthgen.task.fidelity import PAPER, RELEASED, Deviation
from synthgen.tasks.bios.world.changes import NOT_PUBLISHED
from synthgen.tasks.bios.world.fidelity import DOCUMENTS

DEVIATIONS = (
    *DOCUMENTS,
    Deviation(
        "the canonical order",
        "the employer before its city",
        lambda params: RELEASED if params.city_first else PAPER,
        "the city before its employer, by default",
        ("city_first",),
    ),
    Deviation(
        "sentences of couple-M entries",
        "not told to be drawn once or anew",
        lambda params: (
            {"once": "drawn once for a person", "entry": "drawn anew for each entry"}[params.sentences]
            if params.order == "couple"
            else ""
        ),
        "no such entries",
        ("sentences",),
    ),
    Deviation(
        "how often people are told of",
        "all as often, in each group of people",
        lambda params: f"by a power law of exponent {params.power:g}, one entry at least" if params.power else "",
        decided_by=("power",),
    ),
    NOT_PUBLISHED,
    Deviation(
        "targets of probes named first",
        "the first token of a value, by GPT-2's tokenizer",
        lambda params: "its first word, so that no tokenizer decides",
    ),
)

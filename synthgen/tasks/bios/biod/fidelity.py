"""Where bioD of the paper (Part 3.3, 2404.05405) and these rows differ. No bioD is released."""

from __future__ import annotations

from synthgen.task.fidelity import Deviation

DEVIATIONS = (
    Deviation(
        "sentences",
        'English, "Anya Briar Forger\'s ID 7 is ..., Her ID 2 is ..."',
        lambda params: "tokens in row format `tokens`: who, which attribute, its value",
        decided_by=("row_format",),
    ),
    Deviation("ids of tokens and their layout", "not told", lambda params: "our own"),
)

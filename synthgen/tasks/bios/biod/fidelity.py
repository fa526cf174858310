"""Where bioD of the paper (Part 3.3, 2404.05405) and these rows differ. No bioD is released."""

from __future__ import annotations

from synthgen.task.fidelity import Deviation

DEVIATIONS = (
    Deviation(
        "sentences",
        'English, "Anya Briar Forger\'s ID 7 is ..., Her ID 2 is ..."',
        lambda params: (
            'the same with a full stop and "Their" in `biod-english`; tokens for these (who, which, value) else'
        ),
    ),
    Deviation(
        "ids of tokens, and how values are spelt",
        "not told",
        lambda params: "our own",
    ),
)

"""Where the rewrites of the paper (bioR, Part 3.1) and these differ."""

from __future__ import annotations

from synthgen.task.fidelity import Deviation
from synthgen.tasks.bios.world.fidelity import PRONOUNS, WORLD

TOKENS = {1: 68.1, 3: 67.8}
"""By edition: GPT-2's tokens of a rewrite of `bios-rewrite5`, on average (`tests/spot_checks.py`)."""

DEVIATIONS = (
    *WORLD,
    PRONOUNS,
    Deviation(
        "who words a biography",
        "a language model (LLaMA), 72.3 tokens on average",
        lambda params: (
            "a language model whose texts are in `texts`; where one is lacking, a grammar of clauses"
            if params.texts
            else f"a grammar of clauses, so that all bits are known; {TOKENS[params.edition]} tokens on average"
        ),
        "prompts for a model",
        ("texts", "edition"),
    ),
    Deviation(
        "what a biography may add",
        "whatever the model invents beside the six facts",
        lambda params: "no fact beside the six",
        "50 to 199 words asked for, which leaves room for invention",
    ),
)

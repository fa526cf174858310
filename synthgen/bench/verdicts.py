"""How fast rows and answers are verified: on one core, and many at a time on all of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from synthgen.spec.judges import Judges
from synthgen.spec.source import load

ROWS, MANY = 1000, 20_000
"""Rows of a round on one core, and on all."""


def verify_contenders() -> dict[str, Callable[[], int]]:
    """Return contenders that verify rows of iGSM; the first writes as many as JSON, which all know."""
    clean, retry = load("igsm-med-pq"), load("igsm-med-retry50")
    rows, solved = clean.batch(0, ROWS).to_pylist(), retry.batch(0, ROWS).to_pylist()
    many: Any = clean.batch(0, MANY)
    prompts, completions = (retry.batch(0, MANY).column(name).to_pylist() for name in ("prompt", "completion"))
    judges, others = Judges(clean), Judges(retry)
    return {
        "a row written as JSON": lambda: len([json.dumps(row) for row in rows]),
        "igsm-med-pq: whole rows": lambda: sum(clean.verify(row).correct for row in rows),
        "igsm-med-retry50: whole rows": lambda: sum(retry.verify(row).correct for row in solved),
        "igsm-med-retry50: completions": lambda: sum(
            retry.verify(row["prompt"], row["completion"]).correct for row in solved
        ),
        "igsm-med-pq: whole rows, all cores": lambda: sum(said.correct for said in judges.verify(many)),
        "igsm-med-retry50: scores, all cores": lambda: round(sum(others.reward(prompts, completions))),
    }

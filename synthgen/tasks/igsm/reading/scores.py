"""Scores: how a model's solutions did, by number of operations, and labels of where it might regret what it began.

task = source.task("op20")
judged = [(row["difficulty"], source.verify(row["prompt"], said)) for row, said in zip(rows, completions)]
scores(judged)["20"]["retries"]           # definitions taken back, a solution (Part 2.2, section 4)
regret_labels(task.reader, prompt, said)  # can_next behind every name that the solution begins to define (section 3)
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from synthgen.task.verdict import Verdict
from synthgen.tasks.igsm.reading.problem import Parameter
from synthgen.tasks.igsm.reading.solution_reader import SolutionReader

COUNTS = ("retries", "needless", "unknown")


def scores(judged: Iterable[tuple[int, Verdict]]) -> dict[str, dict[str, float]]:
    """Return figures of judged solutions, given as (operations of the problem, verdict), by operations and of `all`.

    solutions: how many; accuracy: the share that is right; unreadable: the share with a fault of form; retries,
    needless, unknown: definitions taken back, in vain, or of nothing that exists, a readable solution; redundant:
    parameters that the answer does not need, a right solution.
    """
    groups: dict[str, list[Verdict]] = {"all": []}
    for op, verdict in judged:
        groups.setdefault(str(op), []).append(verdict)
        groups["all"].append(verdict)
    return {name: _figures(groups[name]) for name in sorted(groups, key=lambda name: (name == "all", name.zfill(9)))}


def _figures(verdicts: list[Verdict]) -> dict[str, float]:
    read = [verdict for verdict in verdicts if verdict.parts]
    right = [verdict for verdict in verdicts if verdict.correct]
    return {
        "solutions": len(verdicts),
        "accuracy": len(right) / max(1, len(verdicts)),
        "unreadable": 1 - len(read) / max(1, len(verdicts)),
        **{name: sum(verdict.parts[-1][name] for verdict in read) / max(1, len(read)) for name in COUNTS},
        "redundant": sum(verdict.parts[-1]["redundant"] for verdict in right) / max(1, len(right)),
    }


def regret_labels(reader: SolutionReader, prompt: str, completion: str) -> dict[str, np.ndarray]:
    """Return labels of each step, those taken back too: what a probe for regret should find behind the step's name.

    end: (steps,) where the name ends, in characters of the completion; can_next: (steps,) bool, whether what it names
    exists, is not defined yet and can be computed now; nece: (steps,) bool, whether the answer needs it; back:
    (steps,) bool, whether it is taken back. Raises ValueError for text that is no solution, or has no names.
    """
    problem, (steps, _, _) = reader.problem(prompt), reader.steps(completion)
    needed = problem.needed()
    defined: set[Parameter] = set()
    ends, can_next, nece, back = [], [], [], []
    for step in steps:
        if step.parameter is None:
            raise ValueError("this level of detail shows no names")
        ends.append(step.name[1])
        exists = problem.exists(step.parameter)
        can_next.append(exists and step.parameter not in defined and defined.issuperset(problem.needs(step.parameter)))
        nece.append(step.parameter in needed)
        back.append(step.back)
        if not step.back:
            defined.add(step.parameter)
    labels = {"can_next": can_next, "nece": nece, "back": back}
    return {"end": np.array(ends)} | {name: np.array(values, np.bool_) for name, values in labels.items()}

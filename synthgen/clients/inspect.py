"""Inspect, of the UK AI Security Institute: a task made from a spec, judged by its task's verifier.

    from inspect_ai import eval
    from synthgen.clients.inspect import task

    eval(task("igsm-med-pq", rows=100), model="openai/...")

A result has the accuracy of all samples and of each difficulty, and `chance`, what guessing gets, where the spec's task
states it; the metadata of Inspect's task say in words whose guess that is, or that there is none.
"""

from __future__ import annotations

from typing import Any

from synthgen.clients.chance import chance_of
from synthgen.clients.questions import questions
from synthgen.errors import missing
from synthgen.spec.source import load

try:
    import inspect_ai
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.scorer import (
        CORRECT,
        INCORRECT,
        Metric,
        SampleScore,
        Score,
        Scorer,
        Target,
        accuracy,
        grouped,
        metric,
        scorer,
        stderr,
    )
    from inspect_ai.solver import TaskState, generate
except ImportError:
    raise missing("inspect", "synthgen.clients.inspect") from None


@inspect_ai.task
def task(
    spec: str,
    split: str | None = None,
    rows: int | None = None,
    mode: str = "answer",
    worded: bool = False,
    seed: int | None = None,
    world: int | None = None,
    params: dict[str, Any] | None = None,
) -> inspect_ai.Task:
    """Return the first rows of a split as a task of Inspect.

    spec: a shipped spec's name, or the path of a TOML file, with overrides as `synthgen.load` has them; split: by
    default the first one for tests; rows: by default as many as it has, up to 1,000; mode: how answers are judged, as
    `Source.verify` does; worded: with the rules in words, for models that never saw the data. Raises SynthgenError as
    `synthgen.load` and `Questions` do.
    """
    source = load(spec, seed=seed, world=world, params=params)
    asked = questions(source, split, rows, mode, worded)
    samples = [
        Sample(input=one.prompt, target=one.completion, id=one.id, metadata={"difficulty": one.difficulty})
        for one in asked
    ]
    name, chance = f"{source.spec.name}-{asked.split}", chance_of(source, asked.split)
    told = {
        "content_id": source.spec.content_id,
        "split": asked.split,
        "mode": mode,
        "worded": worded,
        "difficulty": source.task(asked.split).difficulty,
        "chance": chance.words,
        "chance_figures": dict(chance.figures),
    }
    return inspect_ai.Task(
        dataset=MemoryDataset(samples, name=name),
        solver=generate(),
        scorer=verifier(spec, asked.split, mode, seed, world, params),
        metrics=[
            accuracy(),
            stderr(),
            grouped(accuracy(), "difficulty", all=False, name_template="accuracy_difficulty_{group_name}"),
            *([guessing(chance.value)] if chance.value is not None else ()),
        ],
        name=name,
        version=source.spec.task_class.version,
        metadata=told,
    )


@metric(name="chance")
def guessing(value: float) -> Metric:
    """Return a metric that is the same for all answers: what guessing gets."""

    def chance(scores: list[SampleScore]) -> float:
        return value

    return chance


@scorer(metrics=[accuracy(), stderr()])
def verifier(
    spec: str,
    split: str,
    mode: str = "answer",
    seed: int | None = None,
    world: int | None = None,
    params: dict[str, Any] | None = None,
) -> Scorer:
    """Return the scorer of a spec's answers: right or not, with the verdict's reason and its score, a share."""
    source = load(spec, seed=seed, world=world, params=params)

    async def score(state: TaskState, target: Target) -> Score:
        said = state.output.completion
        verdict = source.verify(state.input_text, said, split=split, mode=mode)
        value = CORRECT if verdict.correct else INCORRECT
        return Score(value=value, answer=said, explanation=verdict.reason, metadata={"score": verdict.score})

    return score

"""Answers as models of today write them, from a set written by somebody who had not seen the judge.

`tests/judge/models` has, of six families, answers in whole texts, and wrappings that all families share; `right` and
`wrong` is what their writer meant, not what the judge says.
"""

import functools
import json
import tomllib
from pathlib import Path

import pytest

import synthgen

FOLDER = Path(__file__).parent / "judge/models"
FAMILIES = ("igsm", "stories", "bios", "mano", "depo", "brevo")
STEPPED = {"igsm", "stories", "brevo"}  # they have the mode `steps`; a listing of Brevo is its own steps


@functools.cache
def source_of(name, params):
    return synthgen.load(name, params=dict(params))


def filled(wrapping, problem, family):
    """Return a wrapping with a problem's answers in it, as text, as LaTeX and as JSON."""
    text = wrapping
    for mark in "AWV":
        answer = problem[mark]
        number = answer.isdigit()
        text = text.replace(f"@B{mark}", answer if number else rf"\text{{{answer}}}")
        text = text.replace(f"@J{mark}", answer if number else json.dumps(answer))
        text = text.replace(f"@{mark}", answer)
    return text


def layouts(family, kind):
    """Yield (problem, modes, text): each layout of a family, in what modes it must be judged so."""
    shared, given = (tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8")) for name in ("shared", family))
    modes = ["answer", "steps"] if family in STEPPED else ["answer"]
    for layout in given[kind]:
        problem = given["problems"][layout["of"]]
        yield problem | {"spec": problem.get("spec", given.get("spec"))}, layout.get("modes", modes), layout["text"]
    answered = [problem for problem in given["problems"].values() if "A" in problem]
    silent = shared["silent"] if kind == "wrong" else []
    for number, wrapping in enumerate(shared[kind] + silent):
        problem = answered[number % len(answered)]
        problem = problem | {"spec": problem.get("spec", given.get("spec"))}
        text = filled(wrapping, problem, family)
        yield problem, ["answer"] if "steps" in problem else modes, text
        if "steps" in problem and wrapping not in silent:
            yield problem, modes, f"{problem['steps'].strip()}\n\n{text}"


@pytest.mark.parametrize("kind", ["right", "wrong"])
@pytest.mark.parametrize("family", FAMILIES)
def test_answers_as_models_write_them(family, kind):
    """At least forty of each kind are judged as they were meant, in a chat as in plain texts."""
    judged = list(layouts(family, kind))
    assert len(judged) >= 40
    amiss = []
    for problem, modes, text in judged:
        source = source_of(problem["spec"], tuple(problem.get("params", {}).items()))
        for mode in modes:
            split = problem.get("split", "test")
            plain = source.verify(problem["prompt"], text, split=split, mode=mode)
            asked, said = [{"role": "user", "content": problem["prompt"]}], [{"role": "assistant", "content": text}]
            chat = source.verify(asked, said, split=split, mode=mode)
            assert (chat.correct, chat.reason) == (plain.correct, plain.reason), text
            if plain.correct != (kind == "right"):
                amiss.append(f"--- {mode}: {plain.reason}\n{text}")
    assert not amiss, f"{len(amiss)} of {len(judged)}\n" + "\n".join(amiss)

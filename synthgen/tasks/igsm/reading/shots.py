"""Prompts for models that never saw the data: what problems take for granted, in a paragraph, and solved examples.

    background(problem)                     # "There are 2 kinds of Tree: Oak and Yew. ... Each Oak can have Robin."
    few_shot(task.reader, row, examples)    # five solved problems, and then this one
    worded(task.reader, row["prompt"])      # all rules in words, and what an answer should look like

Part 2.1, appendix G, asks GPT-4 so: problems modulo 5, with a paragraph of the structure and five shots. The wording is
our own. `modulus = 5` and `sizes` of a spec make such problems.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synthgen.tasks.igsm.reading.problem import Problem
from synthgen.tasks.igsm.reading.solution_reader import SolutionReader

SHOTS = 5
"""Examples that the paper shows."""


def background(problem: Problem) -> str:
    """Return the structure of a problem in words: which things are of which category, and what can be in what."""
    layers = sorted({problem.layer[name] for name in problem.layer if name not in problem.categories})
    category = {problem.layer[name]: name for name in problem.categories}
    items = {
        layer: [name for name in problem.layer if name not in problem.categories and problem.layer[name] == layer]
        for layer in layers
    }
    said = []
    for layer in layers:
        kinds = "is 1 kind" if len(items[layer]) == 1 else f"are {len(items[layer])} kinds"
        said.append(f"There {kinds} of {category[layer]}: {_listed(sorted(items[layer]))}.")
    for layer in layers[:-1]:
        for item in sorted(items[layer]):
            children = sorted(problem.children.get(item, ()))
            has = f"can have {_listed(children)}" if children else f"has no {category[layer + 1]}"
            said.append(f"Each {item} {has}.")
    return " ".join(said)


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def instructions(modulus: int) -> str:
    """Return what a model is told before all examples."""
    numbers = f"All numbers are counted modulo {modulus}. " if modulus else ""
    return (
        "Each problem is about things that hold other things, as its background says. "
        f"{numbers}The number of a category in a thing is the number of all its things that this one holds, at once or "
        "within others. Solve the last problem step by step, in the form of the examples."
    )


def worded(reader: SolutionReader, prompt: str) -> str:
    """Return a problem as anybody can be asked it: the rules in words, its background, and what to write.

    Answers are judged with this as their prompt, in the mode "steps" or "answer". Raises ValueError for what is no
    problem.
    """
    problem = reader.problem(prompt)
    modulus, (item, target) = reader.modulus, problem.query
    if reader.family == "paper":
        asked, name = f"{item}'s {target}", "{0}'s {1}"
    else:
        asked, name = f"the {reader.problems.plural(target)} in each {item}", "the {1}s in each {0}"

    def named(owner: str, thing: str) -> str:
        return name.format(owner, thing)

    rules = [
        f"'{named('Crate', 'Pen')}' is how many Pens each Crate has. What no sentence gives, there is none of.",
        "A kind of things is all of its things together. If Pen and Cup are the kinds of Gift that a Crate can have, "
        f"then {named('Crate', 'Gift')} = {named('Crate', 'Pen')} + {named('Crate', 'Cup')}.",
        "What is further within is multiplied first: if Crate and Bag are the kinds of Parcel that a Shelf can have, "
        f"then {named('Shelf', 'Gift')} = {named('Shelf', 'Crate')} * {named('Crate', 'Gift')} + "
        f"{named('Shelf', 'Bag')} * {named('Bag', 'Gift')}.",
    ]
    if modulus:
        last = f"take the remainder of the division by {modulus}, from 0 to {modulus - 1}"
        rules.insert(0, f"All numbers are counted modulo {modulus}: after every step {last}.")
    numbered = "\n".join(f"{number}. {rule}" for number, rule in enumerate(rules, 1))
    return (
        f"Solve a problem about things that hold other things. The rules:\n{numbered}\n\n"
        f"Background: {background(problem)}\nProblem: {prompt}\n\n"
        "Find every number that is needed, each on a line of its own, as NAME = CALCULATION = NUMBER. The last one is\n"
        f"{asked} = ...\n"
        "Then write: Answer: NUMBER"
    )


def few_shot(reader: SolutionReader, row: Mapping[str, Any], examples: Sequence[Mapping[str, Any]]) -> str:
    """Return a prompt: instructions, solved examples (rows of another split), and the problem of `row` to be solved.

    Every problem stands behind its background. What a model answers is judged as ever: `source.verify(row["prompt"],
    answer)`.
    """
    solved = [f"{_asked(reader, example)}{example['completion']}" for example in examples]
    return "\n\n".join([instructions(reader.modulus), *solved, _asked(reader, row)])


def _asked(reader: SolutionReader, row: Mapping[str, Any]) -> str:
    return f"Background: {background(reader.problem(row['prompt']))}\nProblem: {row['prompt']}\nSolution:"

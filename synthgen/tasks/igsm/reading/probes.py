"""Probes: what a model may know of a problem's parameters, and the rows that ask it (Part 2.1, section 4, appendix B).

problem = task.reader.problem(row["prompt"])
probing_labels(problem, solution)                       # of the parameters that exist
probing_labels(problem, solution, universe="released")  # of all that the released code asks about
pair_labels(partial_problem(problem, 3))                # dep and neighbour behind three sentences of the problem
probe_rows(task.reader, row, "dep")                     # "... [START] Oak's Wren [MID] Yew's Bird [END]", and the label
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from synthgen.errors import SynthgenError
from synthgen.exact.draw import Draw, Keys
from synthgen.task.probing import Glimpse, Probing
from synthgen.tasks.igsm.reading.problem import Parameter, Problem, solve
from synthgen.tasks.igsm.reading.scores import regret_labels
from synthgen.tasks.igsm.reading.solution_reader import SolutionReader

Universe = Literal["existing", "released"]
"""Which parameters are asked about. existing: those with a sentence, and every abstract one. released: beside these all
pairs of things in neighbouring layers, of which most do not exist; the papers' guesses are of these."""

PAIRS = ("dep", "neighbour")
"""Labels of two parameters, known where the problem ends, before its question if that comes last."""

ONCE = ("nece",)
"""Labels of one parameter, known where the prompt ends."""

NEXT = ("can_next", "nece_next")
STEPS = ("known", "value", *NEXT)
"""Labels of one parameter behind some sentences of the solution; those of what is next, where another one follows."""

MOST_CHOICES = 10
"""Choices a problem that the paper probes, at most (appendix B)."""


def universe_of(problem: Problem, universe: Universe = "existing") -> list[Parameter]:
    """Return the parameters that are asked about, in the order of all labels.

    Things that no sentence mentions (a top layer's without anything in it) are in neither universe: no text shows them.
    """
    parameters = problem.parameters()
    if universe == "existing":
        return parameters
    items = [name for name in problem.layer if name not in problem.categories]
    pairs = [(a, b) for a, b in itertools.product(items, items) if problem.layer[a] + 1 == problem.layer[b]]
    return [*parameters, *(pair for pair in pairs if pair not in problem.sentences)]


def pair_labels(problem: Problem, universe: Universe = "existing") -> dict[str, Any]:
    """Return labels of two parameters: `parameters`, and dep, neighbour, (n, n) bool each.

    neighbour[a, b]: a is computed from b at once; dep[a, b]: from b, directly or not.
    """
    parameters = universe_of(problem, universe)
    number = {parameter: i for i, parameter in enumerate(parameters)}
    neighbour = np.zeros((len(parameters), len(parameters)), np.bool_)
    for parameter in parameters:
        for other in _needs(problem, parameter):
            if other in number:  # a partial problem may cite what it does not tell of yet
                neighbour[number[parameter], number[other]] = True
    dep = neighbour.copy()
    while (further := dep | (dep.astype(np.int64) @ dep.astype(np.int64) > 0)).sum() > dep.sum():
        dep = further
    return {"parameters": parameters, "dep": dep, "neighbour": neighbour}


def _needs(problem: Problem, parameter: Parameter) -> Sequence[Parameter]:
    return problem.needs(parameter) if problem.exists(parameter) else []


def partial_problem(problem: Problem, sentences: int) -> Problem:
    """Return what the first sentences of a problem tell (released: `partial`): its query is not among them yet."""
    stated = dict(itertools.islice(problem.sentences.items(), sentences))
    mentioned = itertools.chain(stated, *(sentence.cites for sentence in stated.values()))
    named = dict.fromkeys(name for parameter in mentioned for name in parameter)
    deepest = max((problem.layer[name] for name in named), default=0)
    categories = {category for category in problem.categories if problem.layer[category] <= deepest}
    layer = {name: problem.layer[name] for name in named} | {name: problem.layer[name] for name in categories}
    children: dict[str, list[str]] = {}
    for owner, target in stated:
        children.setdefault(owner, []).append(target)
    spans = problem.spans[:sentences]
    return Problem(stated, problem.query, spans, problem.question, children, layer, categories, deepest)


def probing_labels(
    problem: Problem, solution: list[Parameter], modulus: int = 23, universe: Universe = "existing"
) -> dict[str, Any]:
    """Return the papers' probing labels: at step t, t parameters of the solution are computed.

    parameters: the n parameters, in the order of all that follows; nece: (n,) bool, whether the answer needs it; dep,
    neighbour: (n, n) bool, whether a depends on b, and directly; dep_nece, dep_unnece: the rows of dep whose a is
    necessary, or not; known, can_next, nece_next: (steps + 1, n) bool; value: (steps + 1, n) int, `modulus` where not
    known yet. Pairs that do not exist need nothing, so that they could be computed next, as in the released code.
    """
    labels = pair_labels(problem, universe)
    parameters, direct = labels["parameters"], labels["neighbour"]
    number = {parameter: i for i, parameter in enumerate(parameters)}
    values, needed = solve(problem, modulus, problem.parameters()), problem.needed()
    n, steps = len(parameters), len(solution)
    nece = np.array([parameter in needed for parameter in parameters])
    known = np.zeros((steps + 1, n), np.bool_)
    for t, parameter in enumerate(solution):
        known[t + 1 :, number[parameter]] = True
    ready = np.array([~(direct & ~known[t]).any(axis=1) for t in range(steps + 1)])
    can_next = ready & ~known
    value = np.where(known, np.array([values.get(parameter, modulus) for parameter in parameters]), modulus)
    return {
        "parameters": parameters,
        "nece": nece,
        "dep": labels["dep"],
        "neighbour": direct,
        "dep_nece": labels["dep"][nece],
        "dep_unnece": labels["dep"][~nece],
        "known": known,
        "can_next": can_next,
        "nece_next": can_next & nece,
        "value": value,
    }


class ProbeRow(NamedTuple):
    """One question to a probe: the text up to [END], behind which a head looks, and what it should find."""

    text: str
    label: int
    parameters: tuple[Parameter, ...]
    step: int
    """Sentences of the solution in the text; 0 where it ends with the prompt, or before."""
    place: int
    """Where the row's own text ends, and [START] stands."""


def probe_rows(
    reader: SolutionReader,
    row: Mapping[str, Any],
    what: str,
    seed: int = 0,
    most: int = MOST_CHOICES,
    universe: Universe = "released",
) -> list[ProbeRow]:
    """Return the rows that V-probing makes of a row of text: at most ten choices of place and parameters a problem.

    The text is cut where the paper looks: before the question for pairs of parameters (where it comes last), behind it
    for `nece`, and behind t sentences of the solution for the rest; pairs are of two different parameters. Behind it
    stands [START] A [END], or [START] A [MID] B [END].
    Choices are drawn without replacement, by `seed` and the row's id. Raises SynthgenError for an unknown label.
    """
    if what not in (*PAIRS, *ONCE, *STEPS):
        raise SynthgenError(f"label {what!r}: take one of {', '.join((*PAIRS, *ONCE, *STEPS))}")
    prompt, problem = row["prompt"], reader.problem(row["prompt"])
    steps = [step for step in reader.steps(row["completion"])[0] if not step.back]
    solution = [step.parameter for step in steps if step.parameter is not None]
    labels = probing_labels(problem, solution, reader.modulus, universe)
    parameters, table = labels["parameters"], labels[what][:-1] if what in NEXT else labels[what]
    choices = np.argwhere(~np.eye(len(table), dtype=np.bool_) if what in PAIRS else np.ones(table.shape, np.bool_))
    draw, rows = Draw(Keys(seed).split(f"probe {what}"), entity=row["id"]), []
    for chosen in draw.subset(len(choices), min(most, len(choices))):
        where = tuple(choices[chosen].tolist())
        asked = where if what in PAIRS else where[-1:]
        step = where[0] if what in STEPS else 0
        place = problem.spans[-1][1] if what in PAIRS else len(prompt)
        if step:
            place += steps[step - 1].span[1] + 1
        named = tuple(parameters[i] for i in asked)
        text = f"{(prompt + row['completion'])[:place]} [START] {' [MID] '.join(map(_named, named))} [END]"
        rows.append(ProbeRow(text, int(table[where]), named, step, place))
    return rows


def _named(parameter: Parameter) -> str:
    """Return what a parameter is called in a question to a probe."""
    return "'s ".join(parameter)


ABOUT = {
    "nece": "whether the answer needs a parameter, behind the prompt",
    "dep": "whether a parameter is computed from another, behind the problem",
    "neighbour": "whether it is so at once, behind the problem",
    "known": "whether a parameter is computed, behind some steps",
    "can_next": "whether a parameter can be computed next, behind some steps",
    "nece_next": "whether it can and is needed, behind some steps",
    "value": "the value of a parameter, or that it has none yet, behind some steps",
}
"""What V-probing looks for."""

REGRET = "regret"
"""What the probe of Part 2.2, section 3, is called."""

V_RANK = 8
"""Rank of V-probing's update of the embedding (Part 2.1, section 4)."""


def probings_of(reader: SolutionReader, retries: bool) -> dict[str, Probing]:
    """Return what can be looked for in rows; with `retries`, regret too. `value` goes with numbers of a modulus."""
    probings = {
        what: Probing(about, {what: 2 if what != "value" else reader.modulus + 1}, V_RANK)
        for what, about in ABOUT.items()
        if what != "value" or reader.modulus
    }
    if retries:
        about = "whether a parameter can be computed, behind its name where a step begins"
        probings[REGRET] = Probing(about, {REGRET: 2})
    return probings


def glimpses_of(reader: SolutionReader, row: Mapping[str, Any], probing: str) -> list[Glimpse]:
    """Return where a probe looks in a row of text; V-probing asks about parameters that exist."""
    if probing == REGRET:
        labels, start = regret_labels(reader, row["prompt"], row["completion"]), len(row["prompt"])
        ends, regrets = labels["end"].tolist(), (~labels["can_next"]).tolist()
        return [Glimpse(start + end, {REGRET: int(regret)}) for end, regret in zip(ends, regrets, strict=True)]
    asked = probe_rows(reader, row, probing, universe="existing")
    return [Glimpse(one.place, {probing: one.label}, tuple(map(_named, one.parameters))) for one in asked]

"""The verifier: solutions judged, and what a row's text shows of its latents, from the text and the names alone.

Each step says which parameter it defines and how (`synthgen.tasks.igsm.reading.judge`).
"""

from __future__ import annotations

import functools
import hashlib
import math
from typing import Any

from synthgen.task.verdict import Verdict
from synthgen.tasks.igsm.reading.calculations import formula_size
from synthgen.tasks.igsm.reading.judge import Judge, sides_of
from synthgen.tasks.igsm.reading.problem import BARE, TIMES, Parameter, Problem, ProblemReader, depths, solve
from synthgen.tasks.igsm.reading.retractions import TakenBack, taken_back
from synthgen.tasks.igsm.reading.steps import BACK, LITERAL, Step, StepReader
from synthgen.tasks.igsm.worlds import World

PREFIX = b"synthgen igsm template 1 "
"""What the bytes behind a template's hash begin with."""


_SMALL = "abcdefghijklmnopqrstuvwxyz"
SYMBOLS = [*_SMALL, *_SMALL.upper()] + [a + b for a in _SMALL.upper() for b in _SMALL]
"""What symbols are called in a sketch, in the order in which they come up."""


class SolutionReader:
    """Reads, solves and judges the texts of one world, family of wording, level of detail and modulus.

    Definitions that are taken back are held against a kind of mistake (`synthgen.tasks.igsm.reading.retractions`).
    """

    def __init__(
        self,
        world: World,
        family: str,
        modulus: int,
        detail: int = 0,
        form: str = "pq",
        kind: str = "perfect",
        next_counts: bool = True,
        marked: bool = False,
        retracts: bool = True,
    ) -> None:
        """`kind`, `next_counts`: of what mistakes; `retracts`: whether the data know of retries."""
        self.problems = ProblemReader(world, family, modulus, form, marked)
        self.kind, self.next_counts, self.retracts = kind, next_counts, retracts
        self.family, self.modulus = family, modulus
        self.form = StepReader(family, detail, self.problems.singular, marked, self.problems.said)
        self.problem = functools.lru_cache(maxsize=64)(self.problems.read)
        self._known: tuple[str, tuple[list[Step], int, tuple[int, int]]] | None = None  # what was read last

    def __reduce__(self) -> Any:
        raise TypeError("a SolutionReader is made anew where it is needed, not sent")

    def steps(self, completion: Any) -> tuple[list[Step], int, tuple[int, int]]:
        """Return the steps of a solution, its answer, and where that stands. Raises ValueError for a fault of form."""
        known = self._known
        return known[1] if known and completion is known[0] else self._read(completion)

    def _read(self, completion: Any) -> tuple[list[Step], int, tuple[int, int]]:
        """Read a solution anew; it is asked about several times where a whole row is verified."""
        steps = self.form.read(completion)
        self._known = completion, steps
        return steps

    # -- judging ------------------------------------------------------------------------------------------------------

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        """Judge a completion of a prompt. `parts` holds a verdict for every step, then counts of the whole.

        What is taken back does not make a solution wrong, whatever it names: it is labelled `back` (a mistake of the
        reader's kind), `needless` (none) or `unknown` (the problem has no such thing), and counted. But only so much
        may be taken back (`first_too_much`), and all but nothing where `retracts` is not set.
        """
        try:
            problem = self.problem(prompt)
            needed = problem.needed()
            hidden = self.form.no_symbols or self.form.names == 1  # then nothing but values shows if a step is right
            values = solve(problem, self.modulus, problem.parameters()) if hidden else {}
        except (ValueError, TypeError) as error:
            return Verdict.wrong(f"format: the problem cannot be read: {error}", step=0)
        try:
            steps, answer, _ = self._read(completion)
        except ValueError as error:
            return Verdict.wrong(f"format: {error}", step=0)
        mistakes = (self.kind, self.next_counts)
        return Judge(problem, self.form, self.modulus, values, needed, mistakes, self.retracts).verdict(steps, answer)

    def longest(self, prompt: Any) -> int:
        """Return a bound of the characters of a right solution. Raises ValueError for what is no problem.

        Every parameter may be defined, in as many operations as its formula has numbers and parameters, after as many
        retractions as there are parameters left. An operation has three names or letters twice, and three numbers.
        """
        problem = self.problem(prompt)
        parameters = problem.parameters()
        name = max(len(owner) + len(target) for owner, target in parameters) + 40  # "Let .. be the .. in each ..; "
        letter = name if self.form.names == 2 else 2
        number = (
            len(str(self.modulus))
            if self.modulus
            else 1 + len(str(max(map(abs, solve(problem, 0, parameters).values()))))
        )
        operations = sum(formula_size(problem, parameter) for parameter in parameters)
        retractions = len(parameters) * (len(parameters) + 1) // 2 if self.retracts else 0
        return (len(parameters) + retractions) * (name + 4) + operations * 3 * (letter + number + 4) + number + 40

    # -- what the text shows ------------------------------------------------------------------------------------------

    def latent(self, prompt: Any, completion: Any) -> dict[str, Any]:
        """Return what a row's text shows of its latents, and its spans. Raises ValueError on junk."""
        problem = self.problem(prompt)
        steps, answer, where = self.steps(completion)
        shown = [step for step in steps if not step.back]
        depth = depths(problem)  # of all that the answer needs
        abstract = len(depth.keys() - problem.sentences.keys())
        layer = problem.layer
        top = min([layer[owner] for owner in problem.children])
        necessary = [step for step in shown if step.parameter is None or step.parameter in depth]
        sketch = self.sketch(problem, shown)
        offset = len(prompt)
        return {
            "op": sum([len(step.operations) for step in necessary]),
            "layers": problem.deepest - top + 1,
            "edges": len(problem.sentences),
            "necessary": len(depth),
            "necessary_abstract": abstract,
            "unnecessary": len(problem.sentences) - len(depth) + abstract,
            "solution_depth": depth[problem.query],
            "query_abstract": problem.is_abstract(problem.query),
            "answer": answer,
            "bin": None if sketch is None else int(hashlib.sha256(sketch).hexdigest(), 16) % 23,
            "template": None if sketch is None else hashlib.blake2b(PREFIX + sketch, digest_size=16).hexdigest(),
            "spans": {
                "sentence": problem.spans,
                "question": [problem.question],
                "step": [(offset + start, offset + end) for start, end in (step.span for step in shown)],
                **self._retry_spans(offset, [step for step in steps if step.back]),
                "answer": [(offset + where[0], offset + where[1])],
            },
        }

    def _retry_spans(self, offset: int, steps: list[Step]) -> dict[str, list[tuple[int, int]]]:
        """Return the spans of sentences that are taken back: up to BACK, and the names alone."""
        names = [(offset + step.name[0], offset + step.name[1]) for step in steps]
        whole = [(offset + step.span[0], offset + step.span[1] - len(BACK)) for step in steps]
        return {"retry": whole if self.family == "paper" else names, "retry_name": names}

    def retries(self, prompt: str, completion: str) -> list[TakenBack]:
        """Return, for each right step, what was taken back before it, and the candidates by the kind's definition."""
        return taken_back(self.problem(prompt), self.steps(completion)[0], self.kind, self.next_counts)

    def sketch(self, problem: Problem, steps: list[Step]) -> bytes | None:
        """Return the published sketch of a solution; None where the level of detail does not show it."""
        if self.form.no_symbols or self.form.names == 1:
            return None
        renamed: dict[str, str] = {}

        def name(symbol: str) -> str:
            known = renamed.get(symbol)
            if known is None:
                known = renamed[symbol] = SYMBOLS[len(renamed)]
            return known

        text, abstract = [], problem.is_abstract
        for step in steps:
            assert step.parameter is not None
            text.append(f" Define {'Inter' if abstract(step.parameter) else 'Inst'} as {name(step.letter)}.")
            for letter, symbols, _, _ in step.operations:
                so = "so " if letter == step.letter else ""
                result = name(letter)
                operands, sign = sides_of(symbols) if symbols else ([], "")
                if sign:
                    left, right = ["0" if LITERAL.fullmatch(side) else name(side) for side in operands]
                    text.append(f" {so}{result} = {left} {sign} {right} = 0 {sign} 0 = 0.")
                elif symbols:
                    text.append(f" {so}{result} = {name(symbols)} = 0.")
                else:
                    text.append(f" {so}{result} = 0.")
        return "".join(text).encode()

    def lines(self, prompt: str, completion: str) -> list[tuple[int, int, int, tuple[int, ...]]]:
        """Return a solution's template: (1 if abstract, literal, minus, places of what it is computed from) a step."""
        problem, (steps, _, _) = self.problem(prompt), self.steps(completion)
        place: dict[Parameter, int] = {}
        lines: list[tuple[int, int, int, tuple[int, ...]]] = []
        for step in steps:
            if step.back or step.parameter is None:
                continue
            cited = tuple(place[other] for other in problem.needs(step.parameter))
            sentence = problem.sentences.get(step.parameter)
            place[step.parameter] = len(lines)
            form = (0, sentence.literal, int(sentence.minus)) if sentence else (1, 0, 0)
            lines.append((*form, cited))
        return lines

    def bits(
        self,
        prompt: str,
        completion: str,
        widths: list[int],
        sizes: tuple[int, int, int, int],
        stated: int,
        as_sets: bool,
    ) -> dict[str, float]:
        """Return the bits of the books that the text settles: names, values, sentence_order, letters.

        `stated`: how many numbers a sentence may state.
        """
        problem, (steps, _, _) = self.problem(prompt), self.steps(completion)
        kinds = [sentence.literal for sentence in problem.sentences.values()]
        times, bare = kinds.count(TIMES), kinds.count(BARE)
        values = (len(kinds) - times - bare) * math.log2(stated) + times * math.log2(max(1, stated - 1))
        lettered = sum([len(step.operations) for step in steps])
        if self.form.names == 2:  # then the last operation of a step has no letter of its own
            lettered -= sum([operation[0] == step.letter for step in steps for operation in step.operations])
        return {
            "names": _name_bits(tuple(widths), sizes, as_sets),
            "values": values,
            "sentence_order": _order_bits(len(kinds)),
            "letters": _letter_bits(sizes[3], lettered),
        }


@functools.lru_cache(maxsize=1 << 10)
def _name_bits(widths: tuple[int, ...], sizes: tuple[int, int, int, int], as_sets: bool) -> float:
    """Return the bits of the names of items, given how many there are in each layer."""
    chains, groups, names, _ = sizes
    bits = math.log2(chains) + math.log2(5 - len(widths)) + len(widths) * math.log2(groups)
    return bits + sum(math.log2(math.comb(names, w) if as_sets else math.perm(names, w)) for w in widths)


@functools.lru_cache(maxsize=1 << 10)
def _letter_bits(single: int, lettered: int) -> float:
    return math.log2(math.perm(single, min(single, lettered))) + math.log2(math.perm(676, max(0, lettered - single)))


@functools.lru_cache(maxsize=1 << 10)
def _order_bits(sentences: int) -> float:
    return math.log2(math.factorial(sentences))

"""Judging solutions step by step, from the text and the names alone.

Each step says which parameter it defines and how. Right is what is computed from exactly what the problem names, with
its operators and its number, from values as they were found; the order of addends and of steps is free. The released
checker compares neither operators nor numbers with the problem, and so lets faults through that leave the answer alone.
"""

from __future__ import annotations

import functools
import hashlib
import math
import re
from dataclasses import dataclass
from typing import Any

from synthgen.task import Verdict
from synthgen.tasks.igsm.markers import MARKERS
from synthgen.tasks.igsm.reader import ADDED, CONSTANT, MAX_TEXT, NAME, TIMES, Parameter, Problem, ProblemReader, solve
from synthgen.tasks.igsm.retractions import TakenBack, label, taken_back
from synthgen.tasks.igsm.worlds import World

FAULTS = (
    "wrong operand", "wrong operator", "wrong literal", "wrong reference value", "wrong arithmetic", "not ready",
    "unknown", "redefinition", "wrong target", "wrong answer", "format",
)  # fmt: skip
"""What a step or a solution can be found guilty of; a verdict's reason begins with one of these."""

_SMALL = "abcdefghijklmnopqrstuvwxyz"
LETTERS = {*_SMALL, *_SMALL.upper()} | {a + b for a in _SMALL.upper() for b in _SMALL}
"""What variables may be called."""
OPERATION = re.compile(r"(.+?) ([+*-]) (.+)")
PAPER_STEP = re.compile(rf"Define ({NAME})'s ({NAME}) as (\w+)")
COUNT_STEP = re.compile(rf"Let (\w+) be the ({NAME}) in each ({NAME})")
PAPER_NAME = re.compile(rf"({NAME})'s ({NAME})")
COUNT_NAME = re.compile(rf"the ({NAME}) in each ({NAME})")
BACK = "BACK"
"""The word that takes a definition back (Part 2.2)."""

MAX_WAYS = 256
"""Explanations of steps without names that are followed at a time."""

Tree = Any
"""A calculation: ("#", number), ("@", item, target), or (sign, parts) with the parts of sums and products sorted."""


class Fault(Exception):
    """A step that is wrong; the message begins with one of FAULTS."""


@dataclass(slots=True)
class Step:
    """A step as read: what it defines, its operations in order of the text, and what it was found to be."""

    parameter: Parameter | None
    letter: str
    operations: list[tuple[str, str | None, str | None, int]]  # letter, symbols, numbers, result
    span: tuple[int, int]
    name: tuple[int, int]  # where the parameter's name stands; empty where it is not shown
    back: bool = False


def leaf(parameter: Parameter) -> Tree:
    """Return a calculation that is one parameter."""
    return ("@", *parameter)


def number(value: int) -> Tree:
    """Return a calculation that is one number."""
    return ("#", value)


def combine(sign: str, parts: list[Tree]) -> Tree:
    """Return a calculation in its one form: sums and products are flat and sorted."""
    if sign == "-":
        return (sign, tuple(parts))
    flat: list[Tree] = []
    for part in parts:
        if part[0] == sign:
            flat += part[1]
        else:
            flat.append(part)
    flat.sort()
    return flat[0] if len(flat) == 1 else (sign, tuple(flat))


def formula(problem: Problem, parameter: Parameter) -> Tree:
    """Return how the problem says a parameter is computed."""
    sentence = problem.sentences.get(parameter)
    if sentence is None:
        needs = [leaf(other) for other in problem.needs(parameter)]
        if not needs:
            return number(0)
        if problem.layer[parameter[1]] - problem.layer[parameter[0]] == 1:
            return combine("+", needs)
        return combine("+", [combine("*", [a, b]) for a, b in zip(needs[::2], needs[1::2], strict=True)])
    if sentence.literal == CONSTANT:
        return number(sentence.number)
    whole = combine("-" if sentence.minus else "+", [leaf(other) for other in sentence.cites])
    if sentence.literal == ADDED:
        return combine("+", [number(sentence.number), whole])
    return combine("*", [number(sentence.number), whole]) if sentence.literal == TIMES else whole


def leaves(tree: Tree) -> tuple[list[Parameter], list[int]]:
    """Return the parameters and the numbers in a calculation."""
    if tree[0] == "@":
        return [(tree[1], tree[2])], []
    if tree[0] == "#":
        return [], [tree[1]]
    parameters, numbers = [], []
    for part in tree[1]:
        more, others = leaves(part)
        parameters += more
        numbers += others
    return parameters, numbers


def rename(tree: Tree, names: dict[str, Parameter]) -> Tree:
    """Return a calculation over letters as one over the parameters they stand for."""
    if tree[0] == "@":
        return leaf(names[tree[1]])
    if tree[0] == "#":
        return tree
    return combine(tree[0], [rename(part, names) for part in tree[1]])


class Reader:
    """Reads, solves and judges the texts of one world, family of wording, level of detail and modulus.

    Definitions that are taken back are held against a kind of mistake (`synthgen.tasks.igsm.retractions`).
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
    ) -> None:
        self.problems = ProblemReader(world, family, modulus, form, marked)
        self.kind, self.next_counts = kind, next_counts
        self.family, self.modulus = family, modulus
        self.names, self.no_symbols, self.no_numbers = detail % 3, detail // 3 % 2 == 1, detail // 6 == 1
        so, answer = ("so ", " Answer: ") if family == "paper" else ("hence ", " So the answer is ")
        self.words = (so, f"{MARKERS[2]} " if marked else answer)
        self.stop = "" if marked else "."
        self._end = re.compile(re.escape(f".{self.words[1]}") + r"(-?\d+)" + re.escape(self.stop))
        self.problem = functools.lru_cache(maxsize=64)(self.problems.read)

    def __reduce__(self) -> Any:
        raise TypeError("a Reader is made anew where it is needed, not sent")

    # -- reading ------------------------------------------------------------------------------------------------------

    def steps(self, completion: Any) -> tuple[list[Step], int, tuple[int, int]]:
        """Return the steps of a solution, its answer, and where that stands. Raises ValueError for a fault of form."""
        if not isinstance(completion, str) or len(completion) > MAX_TEXT:
            raise ValueError(f"a completion is a text of at most {MAX_TEXT:,} characters")
        cut = completion.rfind("." + self.words[1])
        end = self._end.fullmatch(completion, cut) if cut >= 0 else None
        if end is None or not completion.startswith(" ") or self.words[1] in completion[:cut]:
            ending = f"{self.words[1].lstrip()}NUMBER{self.stop}"
            raise ValueError(f"a completion begins with a space and ends with {ending}")
        steps, at = [], 1
        for text in completion[1:cut].split(". "):
            steps.append(self._step(text, at))
            at += len(text) + 2
        return steps, int(end[1]), end.span(1)

    def _step(self, text: str, at: int) -> Step:
        head, *parts = text.split("; ")
        parameter, letter, (start, end) = self._head(head)
        span, name = (at, at + len(text)), (at + start, at + end)
        if letter == BACK and not parts:
            return Step(parameter, letter, [], span, name, back=True)
        if not parts or not parts[-1].startswith(self.words[0]):
            raise ValueError(f"{text[:80]!r} does not say what is so")
        parts[-1] = parts[-1][len(self.words[0]) :]
        operations = [self._operation(part) for part in parts]
        if operations[-1][0] != letter:
            raise ValueError(f"{text[:80]!r} defines one thing and computes another")
        return Step(parameter, letter, operations, span, name)

    def _head(self, head: str) -> tuple[Parameter | None, str, tuple[int, int]]:
        """Return what a step defines, its letter, and where the name stands in the head."""
        paper = self.family == "paper"
        if self.names == 2:
            return self._named(head), head, (0, len(head))
        if self.names == 1:
            letter = head.removeprefix("Define ") if paper else head.removeprefix("Let ").removesuffix(" be next")
            if head != (f"Define {letter}" if paper else f"Let {letter} be next"):
                raise ValueError(f"{head[:80]!r} defines nothing")
            return None, letter, (0, 0)
        match = (PAPER_STEP if paper else COUNT_STEP).fullmatch(head)
        if match is None:
            raise ValueError(f"{head[:80]!r} defines nothing")
        if paper:
            return (match[1], match[2]), match[3], (match.start(1), match.end(2))
        name = (match.start(2) - len("the "), match.end(3))
        return (match[3], self.problems.singular.get(match[2], match[2])), match[1], name

    def _named(self, text: str) -> Parameter:
        match = (PAPER_NAME if self.family == "paper" else COUNT_NAME).fullmatch(text)
        if match is None:
            raise ValueError(f"{text[:80]!r} is no parameter")
        if self.family == "paper":
            return match[1], match[2]
        return match[2], self.problems.singular.get(match[1], match[1])

    def _operation(self, text: str) -> tuple[str, str | None, str | None, int]:
        parts = text.split(" = ")
        try:
            result = int(parts[-1])
        except ValueError:
            raise ValueError(f"{text[:80]!r} has no result") from None
        if str(result) != parts[-1] or not 2 <= len(parts) <= 4:
            raise ValueError(f"{text[:80]!r} is no calculation")
        middle = parts[1:-1]
        symbols = middle.pop(0) if middle and not self.no_symbols else None
        numbers = middle.pop(0) if middle and not self.no_numbers else None
        if middle or (self.names != 2 and parts[0] not in LETTERS):
            raise ValueError(f"{text[:80]!r} is no calculation")
        return parts[0], symbols, numbers, result

    # -- judging ------------------------------------------------------------------------------------------------------

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        """Judge a completion of a prompt. `parts` holds a verdict for every step, then counts of the whole.

        What is taken back does not make a solution wrong, whatever it names: it is labelled `back` (a mistake of the
        reader's kind), `needless` (none) or `unknown` (the problem has no such thing), and counted.
        """
        try:
            problem = self.problem(prompt)
            needed = problem.needed()
            hidden = self.no_symbols or self.names == 1  # then values are all that shows whether a step is right
            values = solve(problem, self.modulus, problem.parameters()) if hidden else {}
        except (ValueError, TypeError) as error:
            return Verdict.wrong(f"format: the problem cannot be read: {error}", step=0)
        try:
            steps, answer, _ = self.steps(completion)
        except ValueError as error:
            return Verdict.wrong(f"format: {error}", step=0)
        return _Judge(self, problem, values, needed).verdict(steps, answer)

    # -- what the text shows ------------------------------------------------------------------------------------------

    def latent(self, prompt: Any, completion: Any) -> dict[str, Any]:
        """Return what a row's text shows of its latents, and its spans. Raises ValueError on junk."""
        problem = self.problem(prompt)
        steps, answer, where = self.steps(completion)
        shown = [step for step in steps if not step.back]
        needed = solve(problem, self.modulus, [problem.query])
        abstract = sum(problem.is_abstract(parameter) for parameter in needed)
        top = min(problem.layer[owner] for owner, _ in problem.sentences)
        depth: dict[Parameter, int] = {}
        for parameter in needed:  # solved in an order in which each comes after all it needs
            depth[parameter] = 1 + max((depth[other] for other in problem.needs(parameter)), default=0)
        sketch = self.sketch(problem, shown)
        own = len(prompt)
        return {
            "op": sum(len(step.operations) for step in shown),
            "layers": problem.deepest - top + 1,
            "edges": len(problem.sentences),
            "necessary": len(needed),
            "necessary_abstract": abstract,
            "unnecessary": len(problem.sentences) - len(needed) + abstract,
            "solution_depth": depth[problem.query],
            "query_abstract": problem.is_abstract(problem.query),
            "answer": answer,
            "bin": None if sketch is None else int(hashlib.sha256(sketch).hexdigest(), 16) % 23,
            "template": None if sketch is None else hashlib.blake2b(PREFIX + sketch, digest_size=16).hexdigest(),
            "spans": {
                "sentence": problem.spans,
                "question": [problem.question],
                "step": [(own + start, own + end) for start, end in (step.span for step in shown)],
                **self._retry_spans(own, [step for step in steps if step.back]),
                "answer": [(own + where[0], own + where[1])],
            },
        }

    def _retry_spans(self, own: int, steps: list[Step]) -> dict[str, list[tuple[int, int]]]:
        """Return the spans of sentences that are taken back: up to BACK, and the names alone."""
        names = [(own + step.name[0], own + step.name[1]) for step in steps]
        whole = [(own + step.span[0], own + step.span[1] - len(BACK)) for step in steps]
        return {"retry": whole if self.family == "paper" else names, "retry_name": names}

    def retries(self, prompt: str, completion: str) -> list[TakenBack]:
        """Return, for each right step, what was taken back before it, and the candidates by the kind's definition."""
        return taken_back(self.problem(prompt), self.steps(completion)[0], self.kind, self.next_counts)

    def sketch(self, problem: Problem, steps: list[Step]) -> bytes | None:
        """Return the published sketch of a solution; None where the level of detail does not show it."""
        if self.no_symbols or self.names == 1:
            return None
        alphabet = "abcdefghijklmnopqrstuvwxyz"
        alphabet += alphabet.upper()
        renamed: dict[str, str] = {}

        def name(symbol: str) -> str:
            if symbol not in renamed:
                count = len(renamed)
                long = alphabet[26 + (count - 52) // 26] + alphabet[(count - 52) % 26]
                renamed[symbol] = alphabet[count] if count < 52 else long
            return renamed[symbol]

        text = []
        for step in steps:
            assert step.parameter is not None
            kind = "Inter" if problem.is_abstract(step.parameter) else "Inst"
            text.append(f" Define {kind} as {name(step.letter)}.")
            for letter, symbols, _, _ in step.operations:
                parts = [("so " if letter == step.letter else "") + name(letter)]
                match = OPERATION.fullmatch(symbols) if symbols else None
                if match:
                    sides = ["0" if side.isdigit() else name(side) for side in (match[1], match[3])]
                    parts += [f"{sides[0]} {match[2]} {sides[1]}", f"0 {match[2]} 0"]
                elif symbols:
                    parts.append(name(symbols))
                text.append(f" {' = '.join(parts)} = 0.")
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
            own = (0, sentence.literal, int(sentence.minus)) if sentence else (1, 0, 0)
            lines.append((*own, cited))
        return lines

    def bits(
        self, prompt: str, completion: str, widths: list[int], sizes: tuple[int, int, int, int], as_sets: bool
    ) -> dict[str, float]:
        """Return the bits of the books that the text settles: names, values, sentence_order, letters."""
        chains, groups, names, single = sizes
        problem, (steps, _, _) = self.problem(prompt), self.steps(completion)
        kinds = [sentence.literal for sentence in problem.sentences.values()]
        values = sum(kind in (ADDED, CONSTANT) for kind in kinds) * math.log2(self.modulus)
        values += kinds.count(TIMES) * math.log2(max(1, self.modulus - 1))
        named = math.log2(chains) + math.log2(5 - len(widths)) + len(widths) * math.log2(groups)
        named += sum(math.log2(math.comb(names, w) if as_sets else math.perm(names, w)) for w in widths)
        lettered = sum(1 for s in steps for operation in s.operations if self.names != 2 or operation[0] != s.letter)
        letters = math.log2(math.perm(single, min(single, lettered)))
        letters += math.log2(math.perm(676, max(0, lettered - single)))
        order = math.log2(math.factorial(len(kinds)))
        return {"names": named, "values": values, "sentence_order": order, "letters": letters}


PREFIX = b"synthgen igsm template 1 "
"""What the bytes behind a template's hash begin with."""


class _Judge:
    """The state of judging one solution: which letters stand for what, and what was found."""

    def __init__(self, reader: Reader, problem: Problem, values: dict[Parameter, int], needed: set[Parameter]) -> None:
        self.reader, self.problem, self.values, self.needed = reader, problem, values, needed
        self.found: dict[str, tuple[Parameter | None, int]] = {}  # a letter's parameter (None: partial) and value
        self.defined: dict[Parameter, int] = {}
        self.parts: list[dict[str, Any]] = []
        self.labels: list[str] = []  # of the definitions that are taken back
        self.unnamed: list[tuple[str, Tree, int]] = []  # steps without a name: letter, calculation, result

    def verdict(self, steps: list[Step], answer: int) -> Verdict:
        first: tuple[int, str] | None = None
        last: Parameter | None = None
        if BACK in [step.letter for step in steps]:
            places = taken_back(self.problem, steps, self.reader.kind, self.reader.next_counts)
            self.labels = [label(self.problem, wrong, own) for own in places for wrong in own.wrong]
        labels = iter(self.labels)
        for i, step in enumerate(steps):
            if step.back:
                self.parts.append({"step": i, "parameter": step.parameter, "verdict": next(labels)})
                continue
            fault = ""
            try:
                last = self._define(step)
            except Fault as error:
                fault, last = str(error), step.parameter
            if fault and first is None:
                first = (i, fault)
            self.parts.append({"step": i, "parameter": step.parameter or last, "verdict": fault or "ok"})
        if first is None and self.unnamed:
            first, last = self._name()
        count = len(steps) - len(self.labels)
        redundant = len(self.defined.keys() - self.needed)
        operations = sum([len(step.operations) for step in steps])
        whole = {"steps": count, "operations": operations, "redundant": redundant, "retries": len(self.labels)}
        whole |= {"needless": self.labels.count("needless"), "unknown": self.labels.count("unknown")}
        if first is None and (steps[-1].back or last != self.problem.query):
            first = (len(steps) - 1, "wrong target: the last step does not define what is asked")
        if first is None and answer != self.defined[self.problem.query]:
            first = (len(steps), f"wrong answer: {answer}, the last step found {self.defined[self.problem.query]}")
        if first is None:
            return Verdict.right([*self.parts, whole])
        return Verdict.wrong(first[1], first[0], parts=[*self.parts, whole])

    def _name(self) -> tuple[tuple[int, str] | None, Parameter | None]:
        """Find out what steps without names define: every way in which the problem explains them, up to MAX_WAYS.

        Returns the first step that has no explanation, and what the last step defines. Where calculations are not shown
        either, only the last value is looked at.
        """
        query, places = self.problem.query, range(len(self.unnamed))
        if self.reader.no_symbols:
            result = self.unnamed[-1][2]
            self.defined = {query: result}
            if result != self.values[query]:
                return (places[-1], f"wrong arithmetic: {result}, but it is {self.values[query]}"), query
            return None, query
        ways: list[dict[str, Parameter]] = [{}]
        formulas = {parameter: formula(self.problem, parameter) for parameter in self.values}
        for place, (letter, tree, _) in enumerate(self.unnamed):
            further = []
            for way in ways:
                taken, named = set(way.values()), rename(tree, way)
                for parameter, wanted in formulas.items():
                    if parameter not in taken and wanted == named:
                        further.append({**way, letter: parameter})
            if not further:
                return (place, "wrong operand: no parameter that is left is computed so"), None
            further.sort(key=lambda way: sum(parameter not in self.needed for parameter in way.values()))
            ways = further[:MAX_WAYS]
        last = self.unnamed[-1][0]
        best = next((way for way in ways if way[last] == query), ways[0])
        self.defined = {best[letter]: result for letter, _, result in self.unnamed}
        return None, best[last]

    def _define(self, step: Step) -> Parameter | None:
        problem, parameter = self.problem, step.parameter
        if parameter is not None:
            if not problem.exists(parameter):
                raise Fault(f"unknown: the problem has no {parameter[0]}'s {parameter[1]}")
            if parameter in self.defined:
                raise Fault(f"redefinition: {parameter[0]}'s {parameter[1]} is known already")
            for other in problem.needs(parameter):
                if other not in self.defined:
                    raise Fault(f"not ready: {parameter[0]}'s {parameter[1]} needs {other[0]}'s {other[1]}")
        trees: dict[str, Tree] = {}
        for place, operation in enumerate(step.operations):
            letter = operation[0]
            final = place == len(step.operations) - 1
            if letter in self.found or letter in trees or (letter == step.letter and not final):
                raise Fault(f"redefinition: {letter} stands for something already")
            trees[letter] = self._calculate(operation, trees)
            if not final:
                self.found[letter] = (None, operation[3])
        result = step.operations[-1][3]
        tree = trees[step.letter]
        if parameter is None:
            parameter = (step.letter, "")
            self.unnamed.append((step.letter, tree, result))
        elif not self.reader.no_symbols:
            self._compare(parameter, tree)
        if parameter in self.values and result != self.values[parameter]:
            raise Fault(f"wrong arithmetic: {result}, but it is {self.values[parameter]}")
        self.defined[parameter] = result
        self.found[step.letter] = (parameter, result)
        return parameter

    def _calculate(self, operation: tuple[str, str | None, str | None, int], trees: dict[str, Tree]) -> Tree:
        """Check one operation by itself; return its calculation in parameters and numbers."""
        _, symbols, numbers, result = operation
        reader = self.reader
        if reader.no_symbols:
            self._check_numbers(numbers, result)
            return None
        if symbols is None:
            return number(result)
        sides, sign = self._sides(symbols)
        operands: list[Tree] = []
        values: list[int] = []
        for side in sides:
            if side.isdigit():
                operands.append(number(int(side)))
                values.append(int(side))
            elif side in trees:
                operands.append(trees[side])
                values.append(self.found[side][1])
            elif side in self.found and self.found[side][0] is not None:
                other, value = self.found[side]
                operands.append(leaf(other or (side, "")))
                values.append(value)
            else:
                raise Fault(f"unknown: {side[:40]} stands for nothing that this step may use")
        if not sign:
            if numbers is not None or sides[0].isdigit():
                raise Fault(f"format: {symbols[:40]} is no calculation")
            if result != values[0]:
                raise Fault(f"wrong reference value: {sides[0][:40]} is {values[0]}, not {result}")
            return operands[0]
        right = f"{values[0]} {sign} {values[1]}"
        if not reader.no_numbers and numbers != right:
            raise Fault(f"wrong reference value: {symbols[:60]} is {right}, not {str(numbers)[:40]}")
        self._check(values[0], sign, values[1], result)
        return combine(sign, operands)

    def _sides(self, symbols: str) -> tuple[list[str], str]:
        """Return the operands of a calculation in symbols, and its sign; "" where there is but one."""
        words = symbols.split(" ")
        if len(words) == 3 and words[1] in ("+", "-", "*"):
            return [words[0], words[2]], words[1]
        match = OPERATION.fullmatch(symbols) if len(words) > 1 else None
        return ([match[1], match[3]], match[2]) if match else ([symbols], "")

    def _check(self, a: int, sign: str, b: int, result: int) -> None:
        expected = a + b if sign == "+" else a - b if sign == "-" else a * b
        if result != (expected % self.reader.modulus if self.reader.modulus else expected):
            raise Fault(f"wrong arithmetic: {a} {sign} {b} is not {result}")

    def _check_numbers(self, numbers: str | None, result: int) -> None:
        if numbers is None:
            return
        match = re.fullmatch(r"(-?\d+) ([+*-]) (-?\d+)", numbers)
        if match is None:
            raise Fault(f"format: {numbers[:40]} is no calculation")
        self._check(int(match[1]), match[2], int(match[3]), result)

    def _compare(self, parameter: Parameter, tree: Tree) -> None:
        """See that a calculation is the one the problem states, and say what differs."""
        wanted = formula(self.problem, parameter)
        if tree == wanted:
            return
        (own, numbers), (others, stated) = leaves(tree), leaves(wanted)
        if sorted(own) != sorted(others):
            raise Fault(f"wrong operand: {parameter[0]}'s {parameter[1]} is computed from other parameters")
        if sorted(numbers) != sorted(stated):
            raise Fault(f"wrong literal: {parameter[0]}'s {parameter[1]} has {stated}, not {numbers}")
        raise Fault(f"wrong operator: {parameter[0]}'s {parameter[1]} is computed otherwise")

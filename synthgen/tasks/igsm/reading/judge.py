"""A solution held against its problem, step by step: what each defines, how, and what is wrong with it.

Right is what is computed from exactly what the problem names, with its operators and its number, from values as they
were found; the order of addends and of steps is free. The released checker compares neither operators nor numbers with
the problem, and so lets faults through that leave the answer alone.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from synthgen.task.kit.retries import TOO_MUCH_BACK, first_too_much
from synthgen.task.verdict import Verdict
from synthgen.tasks.igsm.reading.calculations import (
    Tree,
    combine,
    formula,
    formula_size,
    leaf,
    leaves,
    number,
    rename,
    size,
)
from synthgen.tasks.igsm.reading.problem import ADDED, BARE, TIMES, Parameter, Problem
from synthgen.tasks.igsm.reading.retractions import labels
from synthgen.tasks.igsm.reading.steps import BACK, LITERAL, NUMBER, Step, StepReader

FAULTS = (
    "wrong operand", "wrong operator", "wrong literal", "wrong reference value", "wrong arithmetic", "not ready",
    "unknown", "redefinition", "wrong target", "wrong answer", "format",
)  # fmt: skip
"""What a step or a solution can be found guilty of; a verdict's reason begins with one of these."""

OPERATION = re.compile(r"(.+?) ([+*-]) (.+)")
NUMBERS = re.compile(rf"({NUMBER}) ([+*-]) ({NUMBER})")

MAX_WAYS = 256
"""Explanations of steps without names that are followed at a time."""


def sides_of(symbols: str) -> tuple[list[str], str]:
    """Return the operands of a calculation in symbols, and its sign; "" where there is but one."""
    words = symbols.split(" ")
    if len(words) == 3 and words[1] in ("+", "-", "*"):
        return [words[0], words[2]], words[1]
    match = OPERATION.fullmatch(symbols) if len(words) > 1 else None
    return ([match[1], match[3]], match[2]) if match else ([symbols], "")


class Fault(Exception):
    """A step that is wrong; the message begins with one of FAULTS."""


class Judge:
    """The state of judging one solution: which letters stand for what, and what was found."""

    def __init__(
        self,
        problem: Problem,
        form: StepReader,
        modulus: int,
        values: dict[Parameter, int],
        needed: set[Parameter],
        mistakes: tuple[str, bool],
        retracts: bool = True,
    ) -> None:
        """`values`: of all parameters, where nothing else shows; `mistakes`: their kind, and if what is next counts;
        `retracts`: whether the data know of retries."""
        self.problem, self.form, self.modulus, self.values, self.needed = problem, form, modulus, values, needed
        self.mistakes, self.retracts = mistakes, retracts
        self.letters: dict[str, tuple[Parameter | None, int]] = {}  # a letter's parameter (None: partial) and value
        self.defined: dict[Parameter, int] = {}
        self.shown = not (form.no_symbols or form.no_numbers or form.names)  # as the papers write: nothing is left out
        self.spelt: dict[Parameter, str] = {}  # the letter of each that is defined
        self.parts: list[dict[str, Any]] = []
        self.labels: list[str] = []  # of the definitions that are taken back
        self.unnamed: list[tuple[str, Tree, int]] = []  # steps without a name: letter, calculation, result

    def verdict(self, steps: list[Step], answer: int) -> Verdict:
        """Judge all steps and the answer; call it once."""
        first: tuple[int, str] | None = None
        last: Parameter | None = None
        if BACK in [step.letter for step in steps]:
            self.labels = labels(self.problem, steps, *self.mistakes)
            back, known = [step.back for step in steps], len(self.problem.parameters())
            if (number := first_too_much(back, known, self.retracts)) is not None:
                return Verdict.wrong(TOO_MUCH_BACK, number)
        said = iter(self.labels)
        for i, step in enumerate(steps):
            if step.back:
                self.parts.append({"step": i, "parameter": step.parameter, "verdict": next(said)})
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
        if self.form.no_symbols:
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
        if parameter is not None and self.shown and self._is_as_stated(step, parameter):
            return parameter
        if parameter is not None:
            if not problem.exists(parameter):
                raise Fault(f"unknown: the problem has no {parameter[0]}'s {parameter[1]}")
            if parameter in self.defined:
                raise Fault(f"redefinition: {parameter[0]}'s {parameter[1]} is known already")
            for other in problem.needs(parameter):
                if other not in self.defined:
                    raise Fault(f"not ready: {parameter[0]}'s {parameter[1]} needs {other[0]}'s {other[1]}")
        trees: dict[str, Tree] = {}
        wanted = None if parameter is None or self.form.no_symbols else formula(problem, parameter)
        most = self._longest_formula if wanted is None else size(wanted)
        for place, operation in enumerate(step.operations):
            letter = operation[0]
            final = place == len(step.operations) - 1
            if letter in self.letters or letter in trees or (letter == step.letter and not final):
                raise Fault(f"redefinition: {letter} stands for something already")
            trees[letter] = self._calculate(operation, trees, most)
            if not final:
                self.letters[letter] = (None, operation[3])
        result = step.operations[-1][3]
        tree = trees[step.letter]
        if parameter is None:
            parameter = (step.letter, "")
            self.unnamed.append((step.letter, tree, result))
        elif wanted is not None:
            self._compare(parameter, tree, wanted)
        if parameter in self.values and result != self.values[parameter]:
            raise Fault(f"wrong arithmetic: {result}, but it is {self.values[parameter]}")
        self._keep(step.letter, parameter, result)
        return parameter

    def _keep(self, letter: str, parameter: Parameter, result: int) -> None:
        self.defined[parameter] = result
        self.letters[letter] = (parameter, result)
        self.spelt[parameter] = letter

    def _is_as_stated(self, step: Step, parameter: Parameter) -> bool:
        """Keep a step that computes what the problem states in its very order, as most do; else do nothing.

        Only what is written in another order, or wrong, is then taken apart, which takes thrice the time.
        """
        problem, letters, defined, spelt, modulus = self.problem, self.letters, self.defined, self.spelt, self.modulus
        sentence, operations = problem.sentences.get(parameter), step.operations
        if sentence is not None:
            literal, stated, minus, cites = sentence
        elif problem.exists(parameter) and problem.layer[parameter[1]] - problem.layer[parameter[0]] == 1:
            literal, stated, minus, cites = BARE, 0, False, tuple(problem.needs(parameter))
        else:
            return False
        if parameter in defined or len(operations) != max(1, len(cites) - 1 + (literal in (ADDED, TIMES))):
            return False
        for other in cites:
            if other not in defined:
                return False
        new = {operation[0] for operation in operations}
        if len(new) < len(operations) or not letters.keys().isdisjoint(new):
            return False
        left, value = (spelt[cites[0]], defined[cites[0]]) if cites else ("", stated)
        place, sign = 0, "-" if minus else "+"
        for other in cites[1:]:
            letter, symbols, numbers, result = operations[place]
            more = defined[other]
            if symbols != f"{left} {sign} {spelt[other]}" or numbers != f"{value} {sign} {more}":
                return False
            value = value - more if minus else value + more
            value = value % modulus if modulus else value
            if result != value:
                return False
            left, place = letter, place + 1
        if place < len(operations):  # a number comes last; or else there is but one thing
            _, symbols, numbers, result = operations[place]
            if literal in (ADDED, TIMES):
                sign = "+" if literal == ADDED else "*"
                if symbols != f"{stated} {sign} {left}" or numbers != f"{stated} {sign} {value}":
                    return False
                value = value + stated if literal == ADDED else value * stated
                value = value % modulus if modulus else value
            elif symbols != (left or None) or numbers is not None:
                return False
            if result != value:
                return False
        for letter, _, _, result in operations[:-1]:
            letters[letter] = (None, result)
        self._keep(step.letter, parameter, value)
        return True

    @functools.cached_property
    def _longest_formula(self) -> int:
        """The parameters and numbers of the longest formula: what a step without a name may put together."""
        return max((formula_size(self.problem, parameter) for parameter in self.values), default=0)

    def _calculate(self, operation: tuple[str, str | None, str | None, int], trees: dict[str, Tree], most: int) -> Tree:
        """Check one operation by itself; return its calculation, of at most `most` parameters and numbers."""
        _, symbols, numbers, result = operation
        if self.form.no_symbols:
            self._check_numbers(numbers, result)
            return None
        if symbols is None:
            return number(result)
        sides, sign = sides_of(symbols)
        operands: list[Tree] = []
        values: list[int] = []
        for side in sides:
            if LITERAL.fullmatch(side):
                operands.append(number(int(side)))
                values.append(int(side))
            elif side in trees:
                operands.append(trees[side])
                values.append(self.letters[side][1])
            elif side in self.letters and self.letters[side][0] is not None:
                other, value = self.letters[side]
                operands.append(leaf(other or (side, "")))
                values.append(value)
            else:
                raise Fault(f"unknown: {side[:40]} stands for nothing that this step may use")
        if not sign:
            if numbers is not None or LITERAL.fullmatch(sides[0]):
                raise Fault(f"format: {symbols[:40]} is no calculation")
            if result != values[0]:
                raise Fault(f"wrong reference value: {sides[0][:40]} is {values[0]}, not {result}")
            return operands[0]
        right = f"{values[0]} {sign} {values[1]}"
        if not self.form.no_numbers and numbers != right:
            raise Fault(f"wrong reference value: {symbols[:60]} is {right}, not {str(numbers)[:40]}")
        self._check(values[0], sign, values[1], result)
        if sum(map(size, operands)) > most:
            raise Fault(f"wrong operand: {symbols[:40]} puts together more than the problem does")
        return combine(sign, operands)

    def _check(self, a: int, sign: str, b: int, result: int) -> None:
        expected = a + b if sign == "+" else a - b if sign == "-" else a * b
        if result != (expected % self.modulus if self.modulus else expected):
            raise Fault(f"wrong arithmetic: {a} {sign} {b} is not {result}")

    def _check_numbers(self, numbers: str | None, result: int) -> None:
        if numbers is None:
            return
        match = NUMBERS.fullmatch(numbers)
        if match is None:
            raise Fault(f"format: {numbers[:40]} is no calculation")
        self._check(int(match[1]), match[2], int(match[3]), result)

    def _compare(self, parameter: Parameter, tree: Tree, wanted: Tree) -> None:
        """See that a calculation is the one the problem states, and say what differs."""
        if tree == wanted:
            return
        (cited, numbers), (others, stated) = leaves(tree), leaves(wanted)
        if sorted(cited) != sorted(others):
            raise Fault(f"wrong operand: {parameter[0]}'s {parameter[1]} is computed from other parameters")
        if sorted(numbers) != sorted(stated):
            raise Fault(f"wrong literal: {parameter[0]}'s {parameter[1]} has {stated}, not {numbers}")
        raise Fault(f"wrong operator: {parameter[0]}'s {parameter[1]} is computed otherwise")

"""Reading Mano rows back, from the tokens alone; shares nothing with the sampler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Node = int | tuple[str, "Node", "Node"]


@dataclass(frozen=True)
class Marks:
    """What a reader of Mano must know: what each symbol number means."""

    modulus: int
    values: dict[int, int]
    operations: dict[int, str]
    lengths: dict[int, int]  # the marks before an expression -> its number of operations
    answers: dict[int, int]  # the marks behind it -> the same


@dataclass(frozen=True)
class ParsedMano:
    """A row taken apart."""

    operations: int
    tree: Node
    answer: int

    def value(self, modulus: int) -> int:
        """Return the value of the expression, by Python's own arithmetic. Raises ValueError where it divides by 0."""
        return evaluate(self.tree, modulus)

    def infix(self) -> str:
        """Return the expression as people write it."""
        return _infix(self.tree)


def evaluate(tree: Node, modulus: int) -> int:
    """Return the value of an expression modulo a prime. Raises ValueError where it divides by 0."""
    if isinstance(tree, int):
        return tree
    operation, left, right = tree
    a, b = evaluate(left, modulus), evaluate(right, modulus)
    if operation == "/":
        return a * pow(b, -1, modulus) % modulus
    return (a + b if operation == "+" else a - b if operation == "-" else a * b) % modulus


def sizes(tree: Node) -> list[int]:
    """Return the number of operations below and at every operation of a tree."""
    if isinstance(tree, int):
        return []
    left, right = sizes(tree[1]), sizes(tree[2])
    return [1 + len(left) + len(right), *left, *right]


def _infix(tree: Node) -> str:
    if isinstance(tree, int):
        return str(tree)
    return f"({_infix(tree[1])} {tree[0]} {_infix(tree[2])})"


def read(numbers: Sequence[int], marks: Marks) -> ParsedMano:
    """Take a row apart. Raises ValueError, naming the token, where it is no Mano row."""
    if not numbers or numbers[0] not in marks.lengths:
        raise ValueError("token 0 should say how many operations there are")
    operations = marks.lengths[numbers[0]]
    end = 2 + 2 * operations
    if len(numbers) < end + 2:
        raise ValueError(f"there are {len(numbers)} tokens; an expression of {operations} operations needs {end + 2}")
    if marks.answers.get(numbers[end]) != operations:
        raise ValueError(f"token {end} should be the answer mark of {operations} operations")
    stack: list[Node] = []
    for place in range(end - 1, 0, -1):
        number = numbers[place]
        if number in marks.values:
            stack.append(marks.values[number])
        elif number in marks.operations and len(stack) >= 2:
            stack.append((marks.operations[number], stack.pop(), stack.pop()))
        else:
            raise ValueError(f"token {place} is neither a value nor an operation with two sides")
    if len(stack) != 1:
        raise ValueError("the tokens are more than one expression")
    if numbers[end + 1] not in marks.values:
        raise ValueError(f"token {end + 1} should be a value")
    if len(numbers) > end + 2:
        raise ValueError(f"token {end + 2} stands after the answer")
    return ParsedMano(operations, stack[0], marks.values[numbers[end + 1]])

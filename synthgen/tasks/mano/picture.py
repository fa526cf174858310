"""A row of Mano as a picture: the tree of the expression with the value of every part."""

from __future__ import annotations

from synthgen.task.picture import ANSWER, Graph, Kind, Link, Node, Picture
from synthgen.tasks.mano.reading import Node as Expression
from synthgen.tasks.mano.reading import ParsedMano, evaluate

KINDS = {
    "answer": Kind("the whole expression: the answer", ANSWER),
    "operation": Kind("an operation, and what it gives", "blue"),
    "value": Kind("a number, as the row gives it", "grey"),
}
SIGNS = {"*": "×", "-": "−", "/": "÷"}


def picture_of(reading: ParsedMano, modulus: int) -> Picture:
    """Return the tree of an expression, from the top down."""
    nodes: list[Node] = []
    links: list[Link] = []

    def grow(tree: Expression) -> int:
        number = len(nodes)
        if isinstance(tree, int):
            nodes.append(Node(str(tree), "value"))
            return number
        kind = "operation" if number else "answer"
        nodes.append(Node(f"{SIGNS.get(tree[0], tree[0])}\n= {evaluate(tree, modulus)}", kind))
        for side in tree[1:]:
            links.append(Link(number, grow(side), arrow=False))
        return number

    grow(reading.tree)
    operations = f"{reading.operations} operation{'s' if reading.operations > 1 else ''}"
    caption = (
        f"Mano: an expression of {operations} in prefix order, to be worked out in one step modulo {modulus}. "
        f"Its value is {reading.answer}."
    )
    return Picture(caption, [Graph("", nodes, links)], KINDS)

"""Strings read again: their tokens, what is wrong with them, and what a row states of its derivation and its bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synthgen.exact.ledger import log2_units
from synthgen.task.ids import WrongKind, ids_of
from synthgen.task.verdict import TOLERANCE, Misread, Verdict
from synthgen.tasks.cfg.rules import DERIVATION, TOKENS, Rules


def tokens_of(grammar: Rules, content: Any) -> list[int]:
    """Return the ids behind a list of ids or a text of token names. Raises ValueError for junk."""
    if isinstance(content, str):
        words = content.split(" ")[1:] if content.startswith(" ") else content.split(" ") if content else []
        known = {grammar.symbol(t): t for t in grammar.terminals}
        unknown = next((word for word in words if word not in known), None)
        if unknown is not None:
            raise ValueError(f"{unknown[:40]!r} is no token of the grammar")
        return [known[word] for word in words]
    try:
        return ids_of(content)
    except WrongKind:
        raise ValueError("neither a text nor a list of token ids") from None


def judged(ids: Sequence[int], first_error: int | None) -> Verdict:
    """Return the verdict on a string whose first error stands at a place; behind its last token if it is unfinished."""
    if first_error is None:
        return Verdict.right()
    if first_error == len(ids):
        return Verdict.wrong("the string is not at its end", first_error)
    return Verdict.wrong(f"token {first_error} is in no string that begins so", first_error)


def expand(grammar: Rules, choices: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the tokens of a leftmost derivation and its ledger units by book, by walking the rules.

    Raises StopIteration and IndexError where choices are missing, none that there is, or left over.
    """
    steps, tokens, units, stack = iter(choices), [], [0] * (TOKENS + 1), [grammar.root]
    while stack:
        symbol = stack.pop()
        rules = grammar.rules.get(symbol)
        if rules is None:
            tokens.append(symbol)
            continue
        rule = rules[next(steps)]
        total = sum(r.weight for r in rules)
        uneven = len({r.weight for r in rules}) > 1
        cost = log2_units(total) - log2_units(rule.weight) if uneven else log2_units(len(rules))
        units[grammar.books.get(symbol, DERIVATION)] += int(cost)
        stack.extend(reversed(rule.children))
    if next(steps, None) is not None:
        raise IndexError("choices are left over")
    return tokens, units


def tree_of(grammar: Rules, choices: Sequence[int]) -> Any:
    """Return the nltk.Tree of a leftmost derivation, its symbols by name, its leaves the tokens of the string.

    Raises StopIteration and IndexError as `expand` does.
    """
    from nltk import Tree

    expand(grammar, choices)
    steps = iter(choices)
    root = Tree(grammar.symbol(grammar.root), [])
    todo = [(root, grammar.root)]
    while todo:  # leftmost first, and without recursion: grammars may be deep
        node, symbol = todo.pop()
        inner = []
        for child in grammar.rules[symbol][next(steps)].children:
            name = grammar.symbol(child)
            node.append(Tree(name, []) if child in grammar.rules else name)
            inner += [(node[-1], child)] if child in grammar.rules else []
        todo.extend(reversed(inner))
    return root


def check_text_bits(row: Mapping[str, Any], bits: float) -> None:
    """Raise Misread where the stated bits of a text are not `bits`, or those of its tokens do not add up to them."""
    if not abs(row["text_bits"] - bits) <= TOLERANCE:
        raise Misread(f"text_bits is {row['text_bits']}, the chart gives {bits}")
    if not abs(sum(row["token_bits"]) - row["text_bits"]) <= TOLERANCE:
        raise Misread("token_bits do not sum to text_bits")

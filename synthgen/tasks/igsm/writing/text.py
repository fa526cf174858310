"""Text: problem, question, solution and answer as phrase numbers, in two families of wording.

    paper   The number of each Oak's Robin equals 3 more than each Yew's Bird. How many Robins does each Oak have?
            Define Oak's Robin as x; so x = 3 + b = 3 + 4 = 7. Answer: 7.
    count   To count the Robins in each Oak, add 3 to the Birds in each Yew. How many Robins are in each Oak?
            Let x be the Robins in each Oak; hence x = 3 + b = 3 + 4 = 7. So the answer is 7.

A level of detail is case0 + 3 case1 + 6 case2: case0 1 hides what a letter stands for, 2 has names in place of letters;
case1 leaves out the symbols of a calculation, case2 its numbers. The papers use level 0.

In the layout with markers, the answer is a part of its own:

    <|problem|> The number of ... have?<|solution|> Define ... = 7.<|answer|> 7
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba.extending import register_jitable

from synthgen.task.phrases import PhraseTable, closing, opening
from synthgen.tasks.igsm.markers import MARKERS
from synthgen.tasks.igsm.worlds import CATEGORIES, GROUPS, NAMES, World
from synthgen.tasks.igsm.writing.integers import THOUSAND
from synthgen.tasks.igsm.writing.problem import ADDED, BARE, NUMBER, TIMES

KINDS = ("sentence", "question", "step", "answer")
RETRY_KINDS = ("retry", "retry_name")
SENTENCE, QUESTION, STEP, ANSWER, RETRY, RETRY_NAME = range(6)
"""The kinds of spans: a problem sentence, the question, a step of the solution, the answer's number; with retries: a
sentence that is taken back, up to the word BACK, and the name in it (the two masks of Part 2.2).
"""

CODES = 1 << 18
"""Phrase codes a problem may take, with every mistake that can be made."""

PAPER, COUNT = 0, 1

PAGE = np.dtype(
    [
        ("at", "i8"),
        ("codes", "i4", CODES),
        ("family", "i8"),
        ("question_first", "i8"),
        ("detail0", "i8"),
        ("detail1", "i8"),
        ("detail2", "i8"),
        ("names", "i8"),  # the phrase of the first name; further ones follow
        ("plurals", "i8"),
        ("categories", "i8"),
        ("category_plurals", "i8"),
        ("numbers", "i8"),
        ("whole", "i8"),  # 1: results are whole numbers
        ("minus", "i8"),  # a sign, then the thousands of whole numbers: the first, and those behind it
        ("leading", "i8"),
        ("further", "i8"),
        ("letters", "i8"),
        ("words", "i8"),  # the phrase of the family's first fragment
        ("markers", "i8"),  # the phrase of the first marker; -1 where the layout has none
        ("space", "i8"),  # the phrase that is a space
    ]
)

FRAGMENTS = {
    "paper": (
        "The number of each ", " equals ", "each ", "'s ", " more than ", " times as much as ",
        "the sum of ", "the difference of ", " and ", ", ", "How many ", " does each ", " have?",
        "Define ", " as ", "; ", "so ", " = ", " + ", " - ", " * ", ". ", ".", " ", " Answer: ",
        "BACK",
    ),
    "count": (
        "To count the ", " in each ", ", ", "the ", "There are ", "There is ", "count ", "add ", " to ", "multiply ",
        " by ", "add up ", " and ", "take ", " away from ", "then add ", "then multiply by ", "How many ",
        " are in each ", "?", "Let ", " be ", "; ", "hence ", " = ", " + ", " - ", " * ", ". ", ".", " ",
        "next", " So the answer is ", "BACK",
    ),
}  # fmt: skip
"""The fixed words of each family. The kernels below number them in this order."""

(
    P_NUMBER_OF, P_EQUALS, P_EACH, P_OF, P_MORE, P_TIMES, P_SUM, P_DIFFERENCE, P_AND, P_COMMA, P_HOW_MANY, P_DOES,
    P_HAVE, P_DEFINE, P_AS, P_SEMICOLON, P_SO, P_IS, P_PLUS, P_MINUS, P_STAR, P_NEXT, P_STOP, P_SPACE, P_ANSWER,
    P_BACK,
) = range(26)  # fmt: skip
(
    C_TO_COUNT, C_IN_EACH, C_COMMA, C_THE, C_ARE, C_IS_ONE, C_COUNT, C_ADD, C_TO, C_MULTIPLY, C_BY, C_ADD_UP, C_AND,
    C_TAKE, C_FROM, C_THEN_ADD, C_THEN_TIMES, C_HOW_MANY, C_ARE_IN, C_HAVE, C_DEFINE, C_AS, C_SEMICOLON, C_SO, C_IS,
    C_PLUS, C_MINUS, C_STAR, C_NEXT, C_STOP, C_SPACE, C_UNNAMED, C_ANSWER,
    C_BACK,
) = range(34)  # fmt: skip


@dataclass(frozen=True)
class Wording:
    """A phrase table, and a page for kernels that knows where its phrases are."""

    table: PhraseTable
    page: Any


def letter_names() -> list[str]:
    """Return the names of variables: single letters, then a capital and a small letter."""
    small = "abcdefghijklmnopqrstuvwxyz"
    return [*small, *small.upper()] + [a + b for a in small.upper() for b in small]


def make_wording(
    world: World,
    family: str,
    question_first: bool,
    detail: int,
    modulus: int,
    marked: bool = False,
    integers: bool = False,
) -> Wording:
    """Return the phrases and the page for one family, order, level of detail and layout."""
    table, page = PhraseTable(), np.zeros(1, np.dtype((np.record, PAGE)))[0]
    names, categories = world.flat(), [category for chain in world.categories for category in chain]
    page.names = table.extend(name for name, _ in names)
    page.plurals = table.extend(many for _, many in names)
    page.categories = table.extend(name for name, _ in categories)
    page.category_plurals = table.extend(many for _, many in categories)
    page.numbers = table.extend(str(number) for number in range(modulus))
    if integers:
        page.whole, page.minus = 1, table.extend(["-"])
        page.leading = table.extend(str(number) for number in range(THOUSAND))
        page.further = table.extend(f"{number:03}" for number in range(THOUSAND))
    page.letters = table.extend(letter_names())
    page.words = table.extend(FRAGMENTS[family])
    page.space = page.words + FRAGMENTS[family].index(" ")
    page.markers = table.extend(MARKERS) if marked else -1
    page.family = list(FRAGMENTS).index(family)
    page.question_first = question_first
    page.detail0, page.detail1, page.detail2 = detail % 3, detail // 3 % 2, detail // 6
    return Wording(table, page)


@register_jitable
def _code(page, code):
    page.codes[page.at] = code
    page.at += 1


@register_jitable
def _word(page, fragment):
    _code(page, page.words + fragment)


@register_jitable
def _item(page, p, item, many):
    """Write an item's name, singular or plural."""
    layer = p.layer[item]
    which = ((p.chain * CATEGORIES + p.start + layer) * GROUPS + p.group[layer]) * NAMES + p.name[item]
    _code(page, (page.plurals if many else page.names) + which)


@register_jitable
def _target(page, p, x, many):
    """Write what a parameter counts: an item's name or a category."""
    if x < p.edges:
        _item(page, p, p.target[x], many)
    else:
        which = p.chain * CATEGORIES + p.start + p.target[x]
        _code(page, (page.category_plurals if many else page.categories) + which)


@register_jitable
def write_parameter(page, p, x, cited):
    """Write a parameter: "Oak's Wren" ("each Oak's Wren" where cited), or "the Wrens in each Oak"."""
    if page.family == PAPER:
        if cited:
            _word(page, P_EACH)
        _item(page, p, p.owner[x], False)
        _word(page, P_OF)
        _target(page, p, x, False)
    else:
        _word(page, C_THE)
        _target(page, p, x, True)
        _word(page, C_IN_EACH)
        _item(page, p, p.owner[x], False)


@register_jitable
def _cite_all(page, p, x, comma, conjunction):
    for r in range(p.refs[x]):
        if r > 0:
            _word(page, conjunction if r == p.refs[x] - 1 else comma)
        write_parameter(page, p, p.ref[x, r], True)


@register_jitable
def _paper_sentence(page, p, x):
    _word(page, P_NUMBER_OF)
    _item(page, p, p.owner[x], False)
    _word(page, P_OF)
    _target(page, p, x, False)
    _word(page, P_EQUALS)
    if p.literal[x] != BARE:
        _code(page, page.numbers + p.number[x])
    if p.refs[x] > 0 and p.literal[x] != BARE:
        _word(page, P_TIMES if p.literal[x] == TIMES else P_MORE)
    if p.refs[x] > 1:
        _word(page, P_DIFFERENCE if p.refs[x] == 2 and p.minus[x] else P_SUM)
    _cite_all(page, p, x, P_COMMA, P_AND)
    _word(page, P_STOP)


@register_jitable
def _count_sentence(page, p, x):
    refs, literal = p.refs[x], p.literal[x]
    number = page.numbers + p.number[x]
    if refs == 0:
        one = p.number[x] == 1
        _word(page, C_IS_ONE if one else C_ARE)
        _code(page, number)
        _word(page, C_SPACE)
        _target(page, p, x, not one)
        _word(page, C_IN_EACH)
        _item(page, p, p.owner[x], False)
        _word(page, C_STOP)
        return
    _word(page, C_TO_COUNT)
    _target(page, p, x, True)
    _word(page, C_IN_EACH)
    _item(page, p, p.owner[x], False)
    _word(page, C_COMMA)
    if refs == 1:
        if literal == ADDED:
            _word(page, C_ADD)
            _code(page, number)
            _word(page, C_TO)
        else:
            _word(page, C_MULTIPLY if literal == TIMES else C_COUNT)
        write_parameter(page, p, p.ref[x, 0], True)
        if literal == TIMES:
            _word(page, C_BY)
            _code(page, number)
    else:
        if refs == 2 and p.minus[x]:
            _word(page, C_TAKE)
            write_parameter(page, p, p.ref[x, 1], True)
            _word(page, C_FROM)
            write_parameter(page, p, p.ref[x, 0], True)
        else:
            _word(page, C_ADD_UP)
            _cite_all(page, p, x, C_COMMA, C_AND)
        if literal != BARE:
            _word(page, C_COMMA)
            _word(page, C_THEN_TIMES if literal == TIMES else C_THEN_ADD)
            _code(page, number)
    _word(page, C_STOP)


@register_jitable
def write_problem(page, p):
    """Write the problem's sentences, with a space between them."""
    for i in range(p.edges):
        if i > 0:
            _code(page, page.space)
        _code(page, opening(SENTENCE))
        if page.family == PAPER:
            _paper_sentence(page, p, p.sentence[i])
        else:
            _count_sentence(page, p, p.sentence[i])
        _code(page, closing(SENTENCE))


@register_jitable
def write_question(page, p):
    """Write what is asked."""
    query = p.order[p.steps - 1]
    paper = page.family == PAPER
    _code(page, opening(QUESTION))
    _word(page, P_HOW_MANY if paper else C_HOW_MANY)
    _target(page, p, query, True)
    _word(page, P_DOES if paper else C_ARE_IN)
    _item(page, p, p.owner[query], False)
    _word(page, P_HAVE if paper else C_HAVE)
    _code(page, closing(QUESTION))


@register_jitable
def write_prompt(page, p):
    """Write problem and question, in the page's order; with markers, up to that of the solution."""
    if page.markers >= 0:
        _code(page, page.markers)
        _code(page, page.space)
    if page.question_first:
        write_question(page, p)
        _code(page, page.space)
    write_problem(page, p)
    if not page.question_first:
        _code(page, page.space)
        write_question(page, p)
    if page.markers >= 0:
        _code(page, page.markers + 1)


@register_jitable
def _symbol(page, p, symbol):
    """Write a symbol: its letter, or the parameter it stands for."""
    if page.detail0 == 2 and p.meaning[symbol] >= 0:
        write_parameter(page, p, p.meaning[symbol], False)
    else:
        _code(page, page.letters + p.spelling[symbol])


@register_jitable
def _result(page, p, symbol):
    """Write a symbol's result."""
    if not page.whole:
        _code(page, page.numbers + p.result[symbol])
        return
    if p.negative[symbol]:
        _code(page, page.minus)
    size = p.length[symbol]
    _code(page, page.leading + (p.thousand[symbol, size - 1] if size > 0 else 0))
    for i in range(size - 2, -1, -1):
        _code(page, page.further + p.thousand[symbol, i])


@register_jitable
def _calculation(page, p, symbol, number):
    """Write "x = a + b = 3 + 4 = 7", as much of it as the level of detail has."""
    equals = P_IS if page.family == PAPER else C_IS
    plus = P_PLUS if page.family == PAPER else C_PLUS
    _symbol(page, p, symbol)
    _word(page, equals)
    for numbers in range(2):
        if p.operands[symbol] < 1 + numbers or (page.detail2 if numbers else page.detail1):
            continue
        for side in range(p.operands[symbol]):
            if side == 1:
                _word(page, plus + p.sign[symbol])
            operand = p.left[symbol] if side == 0 else p.right[symbol]
            if operand == NUMBER:
                _code(page, page.numbers + number)
            elif numbers:
                _result(page, p, operand)
            else:
                _symbol(page, p, operand)
        _word(page, equals)
    _result(page, p, symbol)


@register_jitable
def write_step(page, p, i):
    """Write step i of the solution: "Define Oak's Wren as x; ...; so x = a + b = 3 + 4 = 7", without a full stop."""
    x = p.order[i]
    result = p.symbol[x]
    last = p.op if i + 1 == p.steps else p.symbol[p.order[i + 1]]
    paper = page.family == PAPER
    number = p.number[x] if x < p.edges else 0
    if page.detail0 == 2:
        write_parameter(page, p, x, False)
    else:
        _word(page, P_DEFINE if paper else C_DEFINE)
        if paper:
            if page.detail0 == 0:
                write_parameter(page, p, x, False)
                _word(page, P_AS)
            _symbol(page, p, result)
        else:
            _symbol(page, p, result)
            _word(page, C_AS)
            if page.detail0 == 0:
                write_parameter(page, p, x, False)
            else:
                _word(page, C_UNNAMED)
    for symbol in range(result + 1, last):
        _word(page, P_SEMICOLON if paper else C_SEMICOLON)
        _calculation(page, p, symbol, number)
    _word(page, P_SEMICOLON if paper else C_SEMICOLON)
    _word(page, P_SO if paper else C_SO)
    _calculation(page, p, result, number)


@register_jitable
def write_retry(page, p, x):
    """Write a definition that is taken back: "Define Oak's Wren as BACK. ", "Let BACK be the Wrens in each Oak. "."""
    paper = page.family == PAPER
    if paper:
        _code(page, opening(RETRY))
        _word(page, P_DEFINE)
    else:
        _word(page, C_DEFINE)
        _word(page, C_BACK)
        _word(page, C_AS)
        _code(page, opening(RETRY))
    _code(page, opening(RETRY_NAME))
    write_parameter(page, p, x, False)
    _code(page, closing(RETRY_NAME))
    if paper:
        _word(page, P_AS)
        _code(page, closing(RETRY))
        _word(page, P_BACK)
    else:
        _code(page, closing(RETRY))
    _word(page, P_NEXT if paper else C_NEXT)


@register_jitable
def write_solution(page, p, mistakes):
    """Write all steps, mistakes before them, and the answer. Begins with a space."""
    paper = page.family == PAPER
    _code(page, page.space)
    for i in range(p.steps):
        if i > 0:
            _word(page, P_NEXT if paper else C_NEXT)
        if mistakes.on:
            for wrong in range(mistakes.ends[i - 1] if i > 0 else 0, mistakes.ends[i]):
                write_retry(page, p, mistakes.wrong[wrong])
        _code(page, opening(STEP))
        write_step(page, p, i)
        _code(page, closing(STEP))
    _word(page, P_STOP if paper else C_STOP)
    if page.markers >= 0:
        _code(page, page.markers + 2)
        _code(page, page.space)
    else:
        _word(page, P_ANSWER if paper else C_ANSWER)
    _code(page, opening(ANSWER))
    _result(page, p, p.symbol[p.order[p.steps - 1]])
    _code(page, closing(ANSWER))
    if page.markers < 0:
        _word(page, P_STOP if paper else C_STOP)

"""Text packs: the words in which a graph is told. A pack is one TOML file in `packs`, and no code.

A pack has 32 names, what a thing is called ("the {name} box"), and sentences for both kinds of stories: `numbers`,
whose things have values, and `order`, where all that counts is what comes before what. What sentences are filled with:

    {thing} {Thing}   a thing; the same at the beginning of a sentence
    {things}          what a line names: "the red box", "the red box and the tin box", with a comma before a third
    {amount} {more}   a value with its unit, and the constant of a line: "3 marbles", "3 more marbles"
    {m}               the modulus, of which `rule` tells before all lines: why sums stay below it, in that world's words

`given` says of a thing that it needs nothing, `one` and `many` what it needs, `question` asks; of these there are two
wordings. `step` is a sentence of the solution, `back` one that begins like a step and is taken back.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, model_validator

from synthgen.errors import SynthgenError
from synthgen.task.contract import TaskParams
from synthgen.task.foreign import read_toml

FOLDER = Path(__file__).with_name("packs")
PACKS = ("boxes", "recipes", "travel", "money", "machines", "family", "plants", "code")
"""The packs there are. No two share a word that says anything."""

NAMES, WORDINGS = 32, 2
"""Names of a pack, and wordings of each sentence of a statement or a question."""

GIVEN, ONE, MANY, QUESTION, STEP, BACK = KINDS = ("given", "one", "many", "question", "step", "back")
"""Kinds of sentences."""

SLOTS = ("thing", "Thing", "things", "amount", "more")
"""What sentences are filled with."""

_SLOT = re.compile(r"\{(\w+)\}")

Pair = tuple[str, str]


class Sentences(TaskParams):
    """The sentences of one kind of stories."""

    amount: Pair = Field(("", ""), description="a value with its unit, of 1 and of any other number {n}")
    more: Pair = Field(("", ""), description="the constant of a line with its unit")
    rule: str = Field("", description="that values count modulo {m}; nothing in stories about order")
    given: Pair
    one: Pair
    many: Pair
    question: Pair
    step: str
    back: str

    def of(self, kind: str) -> tuple[str, ...]:
        """Return the wordings of a kind of sentences."""
        said = getattr(self, kind)
        return (said,) if isinstance(said, str) else said

    @model_validator(mode="after")
    def _readable(self) -> Sentences:
        for kind in KINDS:
            for sentence in self.of(kind):
                if unknown := set(_SLOT.findall(sentence)) - set(SLOTS):
                    raise ValueError(f"{kind}: nothing is called {{{unknown.pop()}}}")
                ends = "?" if kind == QUESTION else "."
                if not sentence.endswith(ends) or re.search("[.?]", sentence[:-1]):
                    raise ValueError(f"{kind}: {sentence!r} is not one sentence that ends with {ends}")
        if self.rule and not re.fullmatch(r"[^.?{}]*(\{m\}[^.?{}]*)+\.", self.rule):
            raise ValueError(f"rule: {self.rule!r} is not one sentence with {{m}} that ends with .")
        return self


class PackFile(TaskParams):
    """A pack as its file has it."""

    thing: str
    names: list[str] = Field(min_length=NAMES, max_length=NAMES)
    numbers: Sentences
    order: Sentences

    @model_validator(mode="after")
    def _different(self) -> PackFile:
        if not self.numbers.rule or self.order.rule:
            raise ValueError("numbers need a rule, and order has none")
        if len(set(self.names)) < NAMES or not all(re.fullmatch("[A-Za-z]+", name) for name in self.names):
            raise ValueError("names are different words of letters alone")
        return self


@dataclass(frozen=True)
class Pack:
    """The words of one kind of stories: what things and numbers are called, and sentences by kind, in pieces."""

    name: str
    things: tuple[str, ...]
    sentences: Sentences

    def amount(self, value: int) -> str:
        """Return a value with its unit."""
        return self.sentences.amount[value != 1].format(n=value)

    def more(self, constant: int) -> str:
        """Return the constant of a line with its unit."""
        return self.sentences.more[constant != 1].format(n=constant)

    def rule(self, modulus: int) -> str:
        """Return the sentence that says how values count, with a space behind it; nothing in stories about order."""
        return self.sentences.rule and self.sentences.rule.format(m=modulus) + " "

    def pieces(self, kind: str, wording: int = 0) -> list[str]:
        """Return a sentence in pieces: texts and, in their places, slots as "{thing}"."""
        return [piece for piece in re.split(r"(\{\w+\})", self.sentences.of(kind)[wording]) if piece]


def capital(thing: str) -> str:
    """Return a thing as a sentence begins with it."""
    return thing[0].upper() + thing[1:]


@functools.cache
def pack_of(name: str, order: bool) -> Pack:
    """Return a pack's words for stories about order, or about numbers. Raises SynthgenError for an unknown name."""
    if name not in PACKS:
        raise SynthgenError(f"there is no text pack {name!r}; there are {', '.join(PACKS)}")
    file = PackFile.model_validate(read_toml(FOLDER / f"{name}.toml"))
    things = tuple(file.thing.format(name=one) for one in file.names)
    return Pack(name, things, file.order if order else file.numbers)

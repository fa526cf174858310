"""Rewrites by a language model: what it is asked, which answers are accepted, and the file that rows are made from.

An answer is untrusted text. It is accepted only if every value of the person stands in it exactly once and as it is
written in the lists, the full name comes first, and nothing that the closed lists know, no other date and no other
pronoun is in it: so no fact is lost, changed or added as far as the lists reach.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field

from synthgen.errors import SynthgenError
from synthgen.task.assets import cached_by_contents
from synthgen.task.foreign import read_json_lines, shaped
from synthgen.tasks.bios.world.lists import ATTRIBUTES, MONTHS, Lists

PROMPT_VERSION = 1
"""Goes up whenever `messages` asks differently: answers to other questions are not taken from the cache."""

SHORTEST, LONGEST = 60, 3000
"""Characters of an acceptable answer."""

FORMS = {"he": {"he", "his", "him", "himself"}, "she": {"she", "her", "hers", "herself"}}
FORMS |= {"they": {"they", "their", "theirs", "them", "themself", "themselves"}}

REFUSALS = re.compile(
    r"(?i)^\s*(sure|certainly|of course|here(?: i|')s (?:the|your|my)|i(?: a|')m sorry|i can(?:no|')t|as an ai)\b"
)


@dataclass(frozen=True)
class Request:
    """One rewrite that is wanted: the text it starts from, and what must be in it."""

    row: int
    source: str
    name: str
    pronoun: str
    values: Mapping[str, str]  # by attribute


def messages(request: Request, missing: tuple[str, ...]) -> list[dict[str, str]]:
    """Return the chat messages that ask for a rewrite; `missing` are the faults of the attempt before."""
    ask = (
        "Rewrite the biography below in your own words: other sentences, another order, another tone. "
        f"Begin with the full name, {request.name}, and use '{request.pronoun}' for later mentions. "
        "State each of the six facts exactly once, written exactly as here, and no other fact, name, place or date: "
        + "; ".join(request.values.values())
        + ". Answer with the rewritten biography alone.\n\n"
        + request.source
    )
    if missing:
        ask += "\n\nThe last attempt was not accepted: " + "; ".join(missing) + "."
    return [{"role": "user", "content": ask}]


def tidy(text: str) -> str:
    """Return an answer in NFC, with plain quotes and single spaces, without what a reader can't see."""
    text = unicodedata.normalize("NFC", text).translate({0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"'})
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


class RewriteJudge:
    """Judges answers against the closed lists."""

    def __init__(self, lists: Lists) -> None:
        self.lists = lists

    @functools.cached_property
    def _values(self) -> re.Pattern[str]:
        known = [*self.lists.birth_city, *self.lists.university, *self.lists.major, *self.lists.employer]
        known += [*self.lists.cities]
        return re.compile("|".join(rf"(?<!\w){re.escape(v)}(?!\w)" for v in sorted(known, key=len, reverse=True)))

    @functools.cached_property
    def _last_names(self) -> frozenset[str]:
        return frozenset(self.lists.last_names)

    def faults(self, text: str, request: Request) -> tuple[str, ...]:
        """Return what is wrong with a tidied answer; nothing if it is accepted. Never raises, time linear in `text`."""
        if not SHORTEST <= len(text) <= LONGEST:
            return (f"it has {len(text):,} characters, not {SHORTEST} to {LONGEST:,}",)
        faults = []
        if REFUSALS.search(text):
            faults.append("it begins with talk about the task")
        values = set(request.values.values())
        for value in values:
            count = len(re.findall(rf"(?<!\w){re.escape(value)}(?!\w)", text))
            if count != 1:
                faults.append(f"'{value}' stands there {count} times, not once")
        rest = text
        for value in sorted(values, key=len, reverse=True):
            rest = rest.replace(value, " ")
        strange = [*self._values.findall(rest), *re.findall(rf"\b(?:{'|'.join(MONTHS)})\b", rest)]
        strange += re.findall(r"\d+", rest)
        faults += [f"'{stray}' is not a fact of this person" for stray in dict.fromkeys(strange)]
        parts = request.name.split(" ")
        if request.name not in text:
            faults.append(f"the full name '{request.name}' is missing")
        elif min((text.find(part) for part in (parts[0], parts[2])), default=0) < text.find(request.name):
            faults.append("a part of the name stands before the full name")
        words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", rest.replace(request.name, " "))
        other = (set(words) & self._last_names) - set(parts)
        faults += [f"'{name}' is somebody else's name" for name in sorted(other)]
        wrong = set().union(*(forms for pronoun, forms in FORMS.items() if pronoun != request.pronoun))
        if request.pronoun != "they":
            wrong -= FORMS["they"]  # "they" may be the parents
        faults += [f"'{word}' is not {request.pronoun}" for word in sorted({w.lower() for w in words} & wrong)]
        return tuple(faults)


def spans_of(text: str, request: Request) -> dict[str, list[tuple[int, int]]]:
    """Return where the full name (all mentions) and each value stand in an accepted text."""
    spans = {"name": [match.span() for match in re.finditer(re.escape(request.name), text)]}
    for attribute in ATTRIBUTES:
        value = re.escape(request.values[attribute])
        spans[attribute] = [match.span() for match in re.finditer(rf"(?<!\w){value}(?!\w)", text)]
    return spans


@dataclass(frozen=True)
class ModelTexts:
    """The rewrites of a corpus: by row the accepted text, and its bits if the endpoint told log-probabilities."""

    about: Mapping[str, Any]
    texts: Mapping[int, str]
    bits: Mapping[int, float]
    rows: int


class _Begun(BaseModel):
    """The first line of a file of rewrites: how they were asked for."""

    rewrites: dict[str, Any]


class _Rewrite(BaseModel):
    """Any other line: the accepted text of a row, or null where the grammar's own stays."""

    row: int
    text: str | None
    bits: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None


@cached_by_contents(2)
def read_texts(path: Path) -> ModelTexts:
    """Read what `synthgen rewrite` wrote. Raises SynthgenError that names the line."""
    texts: dict[int, str] = {}
    bits: dict[int, float] = {}
    about: Mapping[str, Any] = {}
    number = 0
    again = "make the file again with `synthgen rewrite`"
    lines: Iterator[tuple[int, Any]] = read_json_lines(path, Any, again)
    for number, (line, entry) in enumerate(lines):
        where = f"{path}, line {line}"
        if number == 0:
            about = shaped(_Begun, entry, where, again).rewrites
            continue
        rewrite: _Rewrite = shaped(_Rewrite, entry, where, again)
        if rewrite.row != number - 1:
            raise SynthgenError(f"{where}: row {rewrite.row} where {number - 1} belongs; {again}")
        if rewrite.text is not None:
            texts[number - 1] = rewrite.text
            if rewrite.bits is not None:
                bits[number - 1] = rewrite.bits
    return ModelTexts(about, texts, bits, number)

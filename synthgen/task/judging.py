"""How an answer is judged: in which mode, and which final answer a text in any layout gives.

    final_answer("So, **Answer:** 7 Robins", NUMBER)  # "7"

What a final answer is, is read without knowing which one is right: however much a text says, it names one, or none. So
no text can win more than one guess.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from synthgen.task.markup import BLANKS, QUOTED, plain
from synthgen.task.verdict import Verdict

STRICT, STEPS, ANSWER = MODES = ("strict", "steps", "answer")
"""As rows are written; every step, in any order and layout; the final answer alone."""
STEPLESS = (STRICT, ANSWER)
"""The modes of tasks whose answers have no steps."""

MOST_FREE = 25_000
"""Characters that are read of a text in a layout of its own, thoughts not counted."""

NUMBER = re.compile(r"(?<![\w.,+-])-?(?:0|[1-9][0-9]{0,999})(?![\w]|[.,][0-9])")
"""A whole number, no part of another, nor of a name."""


@dataclass(frozen=True)
class Final:
    """What the final answer to a prompt looks like, and the judge of one; perhaps another, of the steps before it."""

    looks: re.Pattern[str]
    """One answer, right or not; of a listing, one of its items. To match takes steps by the text's length, at most."""
    judge: Callable[[str], Verdict]
    """Told an answer, or the items of a listing with spaces between them."""
    listing: bool = False
    written: Callable[[str], str] | None = None
    """Told what `looks` matches, gives it as rows write it: what differs in that alone is the same."""
    steps: Callable[[str], Verdict] | None = None
    """Told a text without its markup (`plain`); None where the answer is all of a solution."""


class Unclear(ValueError):
    """Raised for a text that gives no final answer, or more than one; says which."""


# -- the final answer --------------------------------------------------------------------------------------------------

_V = "\ue000"  # stands for a value
_CUE = re.compile(r"(?i)\b(?:answer|result)\b|^ *####|^ *a *:|\ue001", re.M)
_FILL = re.compile(
    r"(?i)(?:[ :=(\[\"'#,.\-⇒]+|\b(?:is|was|be|will|would|should|to|the|this|above|question|problem|therefore|thus|then"
    r"|hence|so|simply|just|equals?|as|follows|indeed|that|there|are|it|exactly|number|value|of|final|answer|result|s)\b"
    r"|\ue001)*"
)
_DENIED = re.compile(
    r"(?i)\b(?:not|never|no|nor|neither|wrong|false|incorrect|cannot|unclear|unknown|unsure|but)\b|n't\b|\bn't"
)
_HEDGED = re.compile(
    r"(?i)\b(?:or|either|maybe|perhaps|possibly|possible|could|might|may|candidates?|guess|about|approximately|roughly"
    r"|between|least|most|less|more|fewer|than|any|around|if|whether|doubt\w*|impossible|unlikely|uncertain|supposedly"
    r"|allegedly)\b|\.\.\."
)
_TAKEN_BACK = re.compile(
    r"(?i)\b(?:wait|not|no|cannot|unsure|unclear|unknown|wrong|incorrect|mistake|mistaken|false|sorry|correction"
    r"|disagree)\b|n't\b"
)
_BECAUSE = re.compile(r"(?i)\b(?:since|because|as|for|where)\b")
_ENDS = re.compile(r"[.!?](?= |$)|\n")
_BULLET = re.compile(r"(?m)^ *(?:[-+]|(?:Step )?[0-9]{1,4}[.):]|\([0-9a-z]\)) +(?=\S)")
_HEADING = re.compile(r"(?m)^ *#{1,6} +(?=[A-Za-z])")
_APART = re.compile(
    r"(?i)(?:[\s.,;⇒\"'\[\]-]"
    r"|\b(?:and|then|next|first|second|third|finally|lastly|afterwards|after (?:that|this|it))\b)*"
)


def final_answer(
    text: str, looks: re.Pattern[str], listing: bool = False, written: Callable[[str], str] | None = None
) -> str:
    """Return the one final answer that a text gives. Raises Unclear where there is none, or more than one.

    It is what stands behind "answer", "result", "####" or in a box; without such, a value alone on its line, or the
    only one of the last sentence that has any. Takes steps by the text's length.
    """
    masked = _masked(_HEADING.sub("", plain(text, looks)), looks, listing, written)
    if not masked.values:
        raise Unclear("no answer of the kind that is asked for stands there")
    said, end = _behind_cues(masked)
    if not said:
        said, end = _alone(masked) or _concluded(masked)
    if len(set(said)) > 1:
        raise Unclear(f"two final answers: {said[0][:40]} and {next(one for one in said if one != said[0])[:40]}")
    rest, others = masked.text[end:], set(masked.within(end, len(masked.text))) - set(said)
    if _TAKEN_BACK.search(rest) or (others and (_HEDGED.search(rest) or _DENIED.search(rest))):
        raise Unclear("what stands behind the answer takes it back")
    return said[0]


@dataclass(frozen=True)
class _Masked:
    """A text with a sign in the place of each value; the values, and the places of their signs, in order."""

    text: str
    values: list[str]
    places: list[int]

    def within(self, start: int, end: int) -> list[str]:
        """Return the values between two places."""
        return self.values[bisect.bisect_left(self.places, start) : bisect.bisect_left(self.places, end)]

    def sentences(self) -> list[tuple[int, int]]:
        """Return where sentences begin and end; the sign at an end belongs to it."""
        ends = [match.end() for match in _ENDS.finditer(self.text)] + [len(self.text)]
        return [(start, end) for start, end in zip([0, *ends], ends, strict=False) if start < end]


def _masked(text: str, looks: re.Pattern[str], listing: bool, written: Callable[[str], str] | None) -> _Masked:
    text = _BULLET.sub("", text) if listing else text
    parts: list[str] = []
    values: list[list[str]] = []
    at = 0
    for match in looks.finditer(text):
        gap = text[at : match.start()]
        value = match[0] if written is None else written(match[0])
        if listing and values and _APART.fullmatch(gap):
            values[-1].append(value)
        else:
            parts += [gap, _V]
            values.append([value])
        at = match.end()
    masked = "".join([*parts, text[at:]])
    return _Masked(masked, [" ".join(value) for value in values], [sign.start() for sign in re.finditer(_V, masked)])


def _behind_cues(masked: _Masked) -> tuple[list[str], int]:
    """Return the values behind every cue, and where the last of them ends. Raises Unclear for a cue that is denied."""
    said: list[str] = []
    end, spans = 0, masked.sentences()
    for (start, stop), (_, after) in zip(spans, [*spans[1:], (0, 0)], strict=True):
        sentence = masked.text[start:stop]
        cues = list(_CUE.finditer(sentence))
        if not cues:
            continue
        if not masked.within(start, stop):
            heads = sentence.endswith("\n") and _FILL.fullmatch(sentence.rstrip("\n"), cues[0].end())
            if heads and _bare(masked.text[stop:after]):  # a heading, or a colon: the answer is the next line
                said += masked.within(stop, after)
                end = after
            continue
        slots = []
        for cue, until in zip(cues, [*(cue.start() for cue in cues[1:]), len(sentence)], strict=True):
            if inside := masked.within(start + cue.end(), start + until):
                slots.append(_slot(sentence[cue.end() : until], inside))
        if slots:
            if sentence.rstrip(BLANKS).endswith("?"):
                raise Unclear("the answer is asked for, not given")
            if _DENIED.search(sentence) or _HEDGED.search(_BECAUSE.split(sentence)[0]):
                raise Unclear("the answer is denied, or one of several")
            said += slots
            end = stop
    return said, end


def _slot(text: str, values: Sequence[str]) -> str:
    """Return the value that stands behind a cue, or at the end of a calculation there. Raises Unclear for another."""
    before = _BECAUSE.split(text)[0]
    text = before if _V in before else text
    number, last = text.count(_V), text.rfind("=")
    if _V in text[: max(last, 0)] and text.count(_V, last) == 1:
        return values[number - 1]
    if len(set(values[:number])) > 1 or re.match(r" *[+*/=-] *[\w(]", text.rpartition(_V)[2]):
        raise Unclear("several values stand in the place of the answer")
    return values[0]


def _bare(line: str) -> bool:
    """Say whether a line has one value, and but signs around it."""
    return line.count(_V) == 1 and not re.search(r"[\w?]", line.replace(_V, ""))


def _alone(masked: _Masked) -> tuple[list[str], int] | None:
    """Return the values that stand alone on their lines, and where the last one ends; None without any."""
    said, at, end = [], 0, 0
    for line in masked.text.split("\n"):
        if _bare(line):
            end = at + len(line)
            said += masked.within(at, end)
        at += len(line) + 1
    return (said, end) if said else None


def _concluded(masked: _Masked) -> tuple[list[str], int]:
    """Return the only value of the last sentence with any, and where that ends. Raises Unclear for another ending."""
    start, stop = next(span for span in reversed(masked.sentences()) if masked.within(*span))
    inside, sentence = masked.within(start, stop), QUOTED.sub(" ", masked.text[start:stop])
    if sentence.count(_V) != len(inside):
        raise Unclear("the answer stands in a quotation alone")
    if sentence.rstrip(BLANKS).endswith("?") or _DENIED.search(sentence) or _HEDGED.search(sentence):
        raise Unclear("the last sentence asks, denies, or leaves open")
    return [_slot(sentence, inside)], stop

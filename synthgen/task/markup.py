"""Markup: what stands around an answer and within it, and is no part of it.

edges_of("```\\nAnswer: 7.\\n```</s>")  # "Answer: 7."
plain("**Answer:** $7$", NUMBER)       # "Answer: 7"
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

# -- edges -------------------------------------------------------------------------------------------------------------

BLANKS = " \t\r\n"
END_MARKS = (
    "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end|>", "<|end_of_text|>", "<|return|>", "</s>", "<eos>",
    "<end_of_turn>", "<｜end▁of▁sentence｜>", "[EOS]", "<pad>", "[PAD]", "<|pad|>",
)  # fmt: skip
"""What tokenizers of chat models leave behind an answer."""
FENCE = "```"
_FENCED = re.compile(r"```[A-Za-z0-9+-]{0,20} *")


def edges_of(text: str) -> str:
    """Return a text without what stands around it: blanks, end marks, one fence of code."""
    end, cut = len(text), 1
    while cut:
        last = text[end - 1 : end]
        cut = 1 if last and last in BLANKS else 0
        if last and last in ">]":
            cut = max((len(mark) for mark in END_MARKS if text.endswith(mark, 0, end)), default=0)
        end -= cut
    text = text[:end].lstrip(BLANKS)
    head, line, rest = text.partition("\n")
    if line and _FENCED.fullmatch(head) and rest.endswith(FENCE) and rest.count(FENCE) == 1:
        return rest.removesuffix(FENCE).strip(BLANKS)
    return text


def dressed(text: str, edges: tuple[str, str]) -> str:
    """Return a text between the edges that rows have, where it has not got them already: those of its `edges_of`."""
    bare, (before, behind) = edges_of(text), edges
    if not bare:
        return ""
    return f"{before}{bare}" if bare.endswith(behind) else f"{before}{bare}{behind}"


# -- markup ------------------------------------------------------------------------------------------------------------

THOUGHTS = ("think", "thinking", "thought", "reasoning", "scratchpad")
ANSWER_TAG = "answer"

_GONE = re.compile(
    r"\\(?:text|textbf|mathbf|mathrm|mathit|operatorname|displaystyle|left|right|quad)\b|\\[\[\]()!,;: ]|[`${}]"
    r"|\\(?:begin|end)\{[a-z]{1,20}\*?\}|&+(?= *=)"
    r"|\*{2,}|\*(?![ 0-9(])|(?<![ 0-9)])\*|(?<= )\*(?=[0-9(])|(?<=[0-9)])\*(?= )"  # all stars but those of products
    r"|[\u2600-\u27bf\ufe0f\U0001f300-\U0001faff]"
)
_SIGNS = str.maketrans(
    {"×": "*", "·": "*", "⋅": "*", "−": "-", "–": "-", "≡": "=", "→": " ⇒ ", "➜": " ⇒ ", "“": '"', "”": '"', "’": "'",
     "\u00a0": " ", "\u202f": " ", "•": "-", "\t": " ", "\r": "\n", "\ue000": "", "\ue001": ""}
)  # fmt: skip
_NAMED = {"times": "*", "cdot": "*", "equiv": "=", "pmod": "mod", "bmod": "mod", "to": "⇒", "rightarrow": "⇒"}
_NAMED |= {"implies": "⇒", "boxed": "\ue001"}
_COMMAND = re.compile(r"\\(times|cdot|equiv|pmod|bmod|to|rightarrow|implies|boxed)(?![A-Za-z])")
_BROKEN = re.compile(r"\\\\(?=\s|&|$)")  # where LaTeX breaks a line
_UNSEEN = re.compile(r"<!--.*?(?:-->|$(?!\n))", re.S)
_MODULO = re.compile(r"\( *mod(?:ulo)? *[0-9]{1,9} *\)|\bmod(?:ulo)? *[0-9]{1,9}\b")
QUOTED = re.compile(r'"([^"\n]*)"')
_RULED = re.compile(r"[ |:+-]+")


def plain(text: str, looks: re.Pattern[str]) -> str:
    """Return the lines of a text without thoughts, quotations and markup; a table's cells are apart by "="."""
    text = _BROKEN.sub("\n", _unfold(_UNSEEN.sub("\n", thoughtless(edges_of(text)))))
    text = _COMMAND.sub(lambda match: f" {_NAMED[match[1]]} ", text)
    text = _GONE.sub("", text.translate(_SIGNS))
    text = _MODULO.sub(" ", text.replace("->", " ⇒ ").replace("=>", " ⇒ "))
    lines = []
    for line in text.split("\n"):
        line = QUOTED.sub(lambda match: match[0] if looks.fullmatch(match[1].strip(" .,")) else " ", line.strip(" "))
        if line.startswith("|"):
            cells = [cell.strip(" =") for cell in line.strip(" |").split("|")]
            line = "" if _RULED.fullmatch(line) else " = ".join(cells)
        if line and not line.startswith(">"):
            lines.append(line)
    return "\n".join(lines)


def thoughtless(text: str) -> str:
    """Return what stands outside of thoughts: one that nothing begins is all before its end, an open one the rest."""
    for name in THOUGHTS:
        said: list[str] = []
        thinking = False
        for part in re.split(f"(</?{name}>)", text):
            if part == f"</{name}>":
                said, thinking = said if thinking else [], False
            elif part == f"<{name}>":
                thinking = True
            elif not thinking:
                said.append(part)
        text = "\n".join(said)
    return text


def _unfold(text: str) -> str:
    """Return a text; of JSON a line for each entry, and of a tagged answer one that says so."""
    bare = edges_of(text)
    if bare[:1] + bare[-1:] in ("{}", "[]"):
        try:
            said = json.loads(bare, object_pairs_hook=_Pairs)
        except (ValueError, RecursionError):
            said = None
        if isinstance(said, _Pairs | list):
            return "\n".join(_entries("", said))
    if f"<{ANSWER_TAG}>" in bare:
        first, *rest = bare.split(f"<{ANSWER_TAG}>")
        for part in rest:
            said, _, behind = part.partition(f"</{ANSWER_TAG}>")
            first += f"\nAnswer: {said.strip(BLANKS)}\n{behind}"
        return first
    return text


class _Pairs(list[tuple[str, Any]]):
    """An object of JSON, with entries that stand in it twice."""


def _entries(key: str, value: Any) -> Iterator[str]:
    lead = f"{key.replace('_', ' ')} = " if key else ""
    if isinstance(value, _Pairs):
        for name, inner in value:
            yield from _entries(name, inner)
    elif isinstance(value, list) and not any(isinstance(one, list) for one in value):
        if lead and all(isinstance(one, str | int) for one in value) and "answer" in lead.lower():
            yield lead + ", ".join(map(str, value))
        else:
            for one in value:
                yield from _entries("", one)
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield f"{lead}{value}"

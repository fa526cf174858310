"""Compact questions: the same plans as tokens, in the vocabulary of the compact biographies with more behind it.

A prompt is one token for the wording (behind the name, where the wording begins with it), three for a name, one for a
value, and a control token where the spec has some; a completion is the hint's and the answer's tokens. The ids do not
depend on which forms a spec asks for, so all tasks on one set of lists share them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from synthgen.task.contract import Tokens, Vocab
from synthgen.task.phrases import SPANS, closing, opening, span_lists
from synthgen.tasks.bios.biographies.compact import BOS, EOS, PAD, CompactVocab
from synthgen.tasks.bios.questions.forms import Form
from synthgen.tasks.bios.questions.writing.programs import (
    KINDS,
    SLOTS,
    Item,
    Programs,
    Words,
    compile_programs,
    largest_number,
)
from synthgen.tasks.bios.world.lists import FIRST_YEAR, MONTHS, Lists

CONTROLS = ("<direct>", "<recall>")
"""The tokens that stand for `direct_token` and `hint_token`."""


@dataclass(frozen=True)
class QuestionVocab:
    """The ids of compact questions, by what they say; `blocks` maps a kind to (first id, its texts)."""

    blocks: Mapping[str, tuple[int, Sequence[str]]]
    date: tuple[str, ...]  # the kinds of a birth date's tokens
    size: int

    @classmethod
    def of(cls, lists: Lists, questions: Mapping[str, Sequence[str]]) -> QuestionVocab:
        """Lay out the ids behind those of the biographies."""
        compact = CompactVocab.of(lists)
        months, days, years = lists.dates
        parts = {
            "month": MONTHS[:months],
            "day": [str(day + 1) for day in range(days)],
            "year": [str(FIRST_YEAR + year) for year in range(years)],
        }
        names = (lists.first_names, lists.middle_names, lists.last_names)
        values = (lists.birth_city, lists.university, lists.major, lists.employer, lists.cities)
        kinds = ("first_", "middle_", "last", "birth_city", "university", "major", "employer", "company_city")
        firsts = (*compact.names, *compact.values)
        blocks: dict[str, tuple[int, Sequence[str]]] = {
            kind: (first, own) for kind, first, own in zip(kinds, firsts, (*names, *values), strict=True)
        }
        at = compact.size
        date = tuple(parts)
        if compact.date_tokens == 1:
            date = ("date",)
            blocks["date"] = compact.date[0], [lists.date(i) for i in range(months * days * years)]
        else:
            blocks |= {kind: (first, parts[kind]) for kind, first in zip(parts, compact.date, strict=True)}
        largest = largest_number(lists)
        more: dict[str, Sequence[str]] = {
            **(parts if compact.date_tokens == 1 else {}),
            "verdict": ("No", "Yes"),
            "number": [str(number) for number in range(-largest, largest + 1)],
            "control": CONTROLS,
            "question": [f"<{key} {place}>" for key, own in questions.items() for place in range(len(own))],
        }
        for kind, texts in more.items():
            blocks[kind] = at, texts
            at += len(texts)
        return cls(blocks, date, at)

    def vocab(self, lists: Lists) -> Vocab:
        """Return the vocabulary, with a name for every id."""
        names = dict(CompactVocab.of(lists).vocab(lists).names)
        for first, texts in self.blocks.values():
            names |= {first + i: text for i, text in enumerate(texts)}
        return Vocab(self.size, BOS, EOS, PAD, names)

    def id(self, kind: str, text: str) -> int:
        """Return the id of a text of a kind."""
        first, texts = self.blocks[kind]
        return first + list(texts).index(text)


def token_programs(
    vocab: QuestionVocab,
    lists: Lists,
    forms: Sequence[Form],
    questions: Sequence[Sequence[str]],
    everything: Mapping[str, Sequence[str]],
    controls: Sequence[bool],
) -> Programs:
    """Compile the wordings of each form as tokens; `controls` says which control tokens are used."""
    same = {"first": "first_", "month_day": "month"}
    slots = [vocab.blocks.get(same.get(slot, slot), (0, ()))[0] for slot in SLOTS]
    no, numbers = vocab.blocks["verdict"][0], vocab.blocks["number"][0]
    words = Words(
        np.array(slots, np.int64), np.array([no, no + 1, numbers + largest_number(lists)], np.int64), vocab.date
    )
    prompts: list[list[list[Item]]] = []
    for form, wordings in zip(forms, questions, strict=True):
        prompts.append([])
        for wording in wordings:
            token = vocab.id("question", f"<{form.key} {everything[form.key].index(wording)}>")
            items: list[Item] = list(re.findall(r"\{([^}]*)\}", wording))
            items.insert(int(wording.startswith("{")), token)
            prompts[-1].append(items)
    endings = [[vocab.id("control", text)] if used else [] for text, used in zip(CONTROLS, controls, strict=True)]
    return compile_programs(forms, prompts, endings, ((), (), ()), words)


def to_tokens(codes: np.ndarray, ends: np.ndarray) -> tuple[Tokens, pa.StructArray]:
    """Return what a kernel emitted, in prompts and completions by turns, as token rows with their spans."""
    said = codes >= 0
    position = np.concatenate([[0], np.cumsum(said)])  # of each code among the tokens
    cuts = position[ends]
    trained = np.repeat(np.arange(ends.size) % 2 == 1, np.diff(cuts, prepend=0))
    row_ends = ends[1::2]
    row_starts = np.concatenate([[0], cuts[1::2][:-1]])
    fields = []
    for kind in range(len(KINDS)):
        opened, closed = np.flatnonzero(codes == opening(kind)), np.flatnonzero(codes == closing(kind))
        rows = np.searchsorted(row_ends, opened, side="right")
        offsets = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=row_ends.size))])
        shift = row_starts[rows]
        edges = [(position[places] - shift).astype(np.int32) for places in (opened, closed)]
        fields.append(span_lists(offsets, *edges))
    spans = pa.StructArray.from_arrays(fields, fields=[pa.field(kind, SPANS, nullable=False) for kind in KINDS])
    return Tokens(codes[said], cuts[1::2], trained), spans


class CompactScribe:
    """Writes compact rows out as text, from the vocabulary and the wordings: what one then reads is the text."""

    def __init__(
        self,
        vocab: QuestionVocab,
        forms: Sequence[Form],
        questions: Sequence[Sequence[str]],
        everything: Mapping[str, Sequence[str]],
        endings: Sequence[str],
        controls: Sequence[bool],
    ) -> None:
        self._vocab, self._endings, self._controls = vocab, endings, controls
        self._kinds = sorted(((first, kind) for kind, (first, _) in vocab.blocks.items()), reverse=True)
        self._wordings = {
            f"<{form.key} {everything[form.key].index(wording)}>": (form, wording)
            for form, own in zip(forms, questions, strict=True)
            for wording in own
        }

    def _say(self, token: int) -> tuple[str, str]:
        """Return the kind and the text of an id. Raises ValueError if it has no place in a question."""
        for first, kind in self._kinds:
            if first <= token:
                texts = self._vocab.blocks[kind][1]
                if token - first < len(texts):
                    return kind, texts[token - first]
                break
        raise ValueError(f"id {token} has no place in a question")

    def row(self, ids: list[int], mask: list[bool]) -> tuple[str, str, dict[str, list[tuple[int, int]]]]:
        """Return a row's prompt and completion as text, and its spans in tokens. Raises ValueError on junk."""
        cut = mask.index(True)
        if mask != [place >= cut for place in range(len(ids))]:
            raise ValueError("the completion mask does not begin once and last to the end")
        form, prompt, spans = self.prompt(ids[:cut])
        completion, behind = self.completion(form, ids[cut:])
        return prompt, completion, spans | {kind: [(a + cut, b + cut) for a, b in own] for kind, own in behind.items()}

    def prompt(self, ids: Sequence[int]) -> tuple[Form, str, dict[str, list[tuple[int, int]]]]:
        """Return a prompt's form, its text, and its spans in tokens. Raises ValueError on junk."""
        said = [self._say(int(token)) for token in ids]
        places = [place for place, (kind, _) in enumerate(said) if kind == "question"]
        if len(places) != 1 or said[places[0]][1] not in self._wordings:
            raise ValueError("the prompt has no token of a question that is asked here")
        form, wording = self._wordings[said[places[0]][1]]
        spans: dict[str, list[tuple[int, int]]] = {"name": [], "given": []}
        control = None
        if said[-1][0] == "control":
            control = CONTROLS.index(said.pop()[1])
        at = 0
        text = wording
        for place, marker in enumerate(re.findall(r"\{([^}]*)\}", wording)):
            if place == int(wording.startswith("{")):
                at = self._expect_question(said, at)
            part, stop = self._fact("full" if marker in ("A", "B") else marker, said, at)
            spans["name" if marker in ("A", "B") else "given"].append((at, stop))
            text, at = text.replace("{" + marker + "}", part), stop
        if at in places:
            at = self._expect_question(said, at)
        if at != len(said):
            raise ValueError("tokens stand behind the question")
        hinted = [number for number, used in enumerate(self._controls) if used]
        wanted = {None} if not hinted else ({0, 1} if len(hinted) == 2 else {hinted[0], None})
        if control not in wanted:
            raise ValueError("the prompt does not end with a control token of this spec")
        ending = next(n for n in (0, 1) if (n if self._controls[n] else None) == control)
        return form, text + self._endings[ending], spans

    def _expect_question(self, said: Sequence[tuple[str, str]], at: int) -> int:
        if at >= len(said) or said[at][0] != "question":
            raise ValueError(f"token {at} is not the question's")
        return at + 1

    def _fact(self, fact: str, said: Sequence[tuple[str, str]], at: int) -> tuple[str, int]:
        """Return the text of a fact that begins at token `at`, and where it ends."""
        kinds: Sequence[tuple[str, ...]] = {
            "full": (("first_",), ("middle_",), ("last",)),
            "first": (("first_",),),
            "birth_date": tuple((kind,) for kind in self._vocab.date),
            "result": (("verdict", "number"),),
        }.get(fact, ((fact,),))
        own = said[at : at + len(kinds)]
        if len(own) < len(kinds) or any(kind not in allowed for (kind, _), allowed in zip(own, kinds, strict=True)):
            raise ValueError(f"no {fact} at token {at}")
        texts = [text for _, text in own]
        if fact == "birth_date" and len(texts) == 3:
            return f"{texts[0]} {texts[1]}, {texts[2]}", at + 3
        return " ".join(texts), at + len(kinds)

    def completion(self, form: Form, ids: Sequence[int]) -> tuple[str, dict[str, list[tuple[int, int]]]]:
        """Return a completion's text, and its spans in tokens from its own start. Raises ValueError on junk."""
        said = [self._say(int(token)) for token in ids]
        hints = [(fact, "hint") for _ in range(1 + form.pair) for fact in form.hint]
        answers = [(fact, "answer") for fact in form.answer]
        width: Callable[[str], int] = lambda f: {"full": 3, "birth_date": len(self._vocab.date)}.get(f, 1)  # noqa: E731
        plan = answers if len(said) == sum(width(fact) for fact, _ in answers) else hints + answers
        spans: dict[str, list[tuple[int, int]]] = {"hint": [], "answer": []}
        parts, at = [], 0
        for fact, kind in plan:
            part, stop = self._fact(fact, said, at)
            spans[kind].append((at, stop))
            parts.append(part)
            at = stop
        if at != len(said):
            raise ValueError("tokens stand behind the answer")
        return f" {'; '.join(parts)}.", spans

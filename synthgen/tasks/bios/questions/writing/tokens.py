"""Tokens: wordings compiled for the kernel as ids, and what it emitted as token rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from synthgen.task.phrases import SPANS, closing, opening, span_lists
from synthgen.task.rows import Tokens
from synthgen.tasks.bios.questions.compact import CONTROLS, QuestionVocab
from synthgen.tasks.bios.questions.forms import SPAN_KINDS, Form, largest_number
from synthgen.tasks.bios.questions.writing.programs import SLOTS, Item, Programs, Words, compile_programs
from synthgen.tasks.bios.world.lists import Lists


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
    return compile_programs(forms, prompts, endings, ((), (), (), ()), words)


def to_tokens(codes: np.ndarray, ends: np.ndarray) -> tuple[Tokens, pa.StructArray]:
    """Return what a kernel emitted, in prompts and completions by turns, as token rows with their spans."""
    said = codes >= 0
    position = np.concatenate([[0], np.cumsum(said)])  # of each code among the tokens
    cuts = position[ends]
    trained = np.repeat(np.arange(ends.size) % 2 == 1, np.diff(cuts, prepend=0))
    row_ends = ends[1::2]
    row_starts = np.concatenate([[0], cuts[1::2][:-1]])
    fields = []
    for span_kind in range(len(SPAN_KINDS)):
        opened, closed = np.flatnonzero(codes == opening(span_kind)), np.flatnonzero(codes == closing(span_kind))
        rows = np.searchsorted(row_ends, opened, side="right")
        offsets = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=row_ends.size))])
        shift = row_starts[rows]
        edges = [(position[places] - shift).astype(np.int32) for places in (opened, closed)]
        fields.append(span_lists(offsets, *edges))
    spans = pa.StructArray.from_arrays(
        fields, fields=[pa.field(span_kind, SPANS, nullable=False) for span_kind in SPAN_KINDS]
    )
    return Tokens(codes[said], cuts[1::2], trained), spans

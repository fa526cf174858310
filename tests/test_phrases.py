"""Phrases: text and spans equal what plain Python string work gives, for any alphabet."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.task.columns import flags
from synthgen.task.phrases import Codes, PhraseTable, assemble, closing, opening


@given(st.lists(st.booleans(), max_size=40))
def test_flags_are_arrows_own_bits(values):
    made = flags(np.array(values, np.bool_))
    assert made.to_pylist() == values
    assert made.buffers()[1].to_pybytes() == np.packbits(np.array(values, np.bool_), bitorder="little").tobytes()


PHRASES = st.lists(st.text(max_size=40), min_size=1, max_size=8)


def plainly(phrases, codes, ends, kinds, parts):
    """Return the texts and spans by string work."""
    texts, spans, start = [], [], 0
    for text_number, end in enumerate(ends):
        if text_number % parts == 0:
            position, row, opened = 0, {kind: [] for kind in range(kinds)}, {}
            spans.append(row)
        text = ""
        for code in codes[start:end]:
            if code >= 0:
                text += phrases[code]
                position += len(phrases[code])
            elif code % 2:
                opened[(-code - 1) // 2] = position
            else:
                row[-code // 2 - 1].append((opened[-code // 2 - 1], position))
        texts.append(text)
        start = end
    return [texts[part::parts] for part in range(parts)], spans


@given(st.data())
def test_texts_and_spans_equal_string_work(data):
    phrases = data.draw(PHRASES)
    parts, kinds = data.draw(st.sampled_from([1, 2])), data.draw(st.integers(0, 3))
    codes, ends = [], []
    for _ in range(parts * data.draw(st.integers(1, 4))):
        for _ in range(data.draw(st.integers(0, 6))):
            phrase = data.draw(st.integers(0, len(phrases) - 1))
            if kinds and data.draw(st.booleans()):
                kind = data.draw(st.integers(0, kinds - 1))
                codes += [opening(kind), phrase, closing(kind)]
            else:
                codes.append(phrase)
        ends.append(len(codes))
    table = PhraseTable()
    table.extend(phrases)
    names = [f"kind{kind}" for kind in range(kinds)]
    columns, spans = assemble(Codes(table, np.array(codes, np.int32), np.array(ends), names, parts))
    texts, wanted = plainly(phrases, codes, ends, kinds, parts)
    assert [column.to_pylist() for column in columns] == texts
    for column in columns:
        column.validate(full=True)
    if kinds:
        found = [[[(s["start"], s["end"]) for s in row[name]] for name in names] for row in spans.to_pylist()]
        assert found == [[row[kind] for kind in range(kinds)] for row in wanted]
        spans.validate(full=True)
    else:
        assert spans is None


def test_numbers_of_phrases():
    table = PhraseTable(["a", "b"])
    assert table.add("a") == 0
    assert table.add("c") == 2
    assert table.extend(["a", "d"]) == 3, "a block is consecutive, whether its phrases are known or not"
    assert [table[i] for i in range(len(table))] == ["a", "b", "c", "a", "d"]


def test_a_batch_too_large_for_arrow_is_refused():
    table = PhraseTable(["x" * 10_000_000])
    with pytest.raises(OverflowError, match="fewer rows"):
        assemble(Codes(table, np.zeros(300, np.int32), np.array([300])))

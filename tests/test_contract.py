"""The contract test: one for every task and every shipped spec. A task declares what it promises; this demands it."""

import copy
import hashlib
import json
import math
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pytest
from equality import equal
from helpers import loaded

import synthgen
from synthgen.cli.entropies import ENTROPIES, entropy_in, entry_of
from synthgen.dataset.remaking import difference
from synthgen.dataset.shards import Summary
from synthgen.dataset.trust import changed_rows, trusted_fields
from synthgen.exact.draw import Keys, new_state
from synthgen.exact.entropy import disagreement
from synthgen.exact.tape import enumerate_tapes
from synthgen.spec.source import INDEX_MAX
from synthgen.spec.spec import shipped_specs
from synthgen.task.arrow import schema_of, to_batch
from synthgen.tasks import task_class, task_names

SPECS = shipped_specs()
ROWS = 64
LEDGER_ROWS = 2000
CAPABILITIES = {"exact", "injective", "enumerable", "parses"}
GOLDEN = Path(__file__).with_name("golden.json")
GOLDEN_ROWS = 16


@pytest.fixture(params=SPECS)
def source(request):
    """A shipped spec's source, made once for all tests: what one of them leaves in it must not show in another."""
    return loaded(request.param)


def rows_of(source, split, n=ROWS):
    limit = source.rows_max(split)
    return n if limit is None else min(n, limit)


def content(batch):
    return batch.select([name for name in batch.schema.names if name in ("text", "prompt", "completion", "input_ids")])


# -- every shipped spec ---------------------------------------------------------------------------------------------


def test_rows_do_not_depend_on_the_batch(source):
    for split in source.splits:
        n = rows_of(source, split)
        whole = source.batch(0, n, split)
        cuts = [0, 1, 2, 5, n // 2, n]
        parts = [source.batch(a, b, split) for a, b in zip(cuts, cuts[1:], strict=False) if a < b]
        assert pa.Table.from_batches(parts).combine_chunks().equals(pa.Table.from_batches([whole]))
        assert source.row(n - 1, split) == whole.to_pylist()[n - 1]
        assert synthgen.load(source.spec.name).batch(0, n, split).equals(whole), "a second source makes the same rows"


def test_rows_have_the_schema_and_the_features(source):
    batch = source.batch(0, 2)
    assert batch.schema.equals(source.schema, check_metadata=True)
    batch.validate(full=True)
    features = datasets.Features.from_arrow_schema(source.schema)
    assert json.loads(source.schema.metadata[b"huggingface"])["info"]["features"] == features.to_dict()
    assert [field.name for field in batch.schema.field("bits").type] == ["total", *source.task().books]


def test_ids_difficulty_and_bits_add_up(source):
    for split in source.splits:
        n = rows_of(source, split)
        for index, row in enumerate(source.batch(0, n, split).to_pylist()):
            assert row["id"] == index
            assert row["difficulty"] >= 0
            books = [value for name, value in row["bits"].items() if name != "total"]
            assert all(value >= 0 for value in books)
            # beyond 2^13 bits, units of 2^-40 bit have more digits than a float
            assert math.isclose(row["bits"]["total"], math.fsum(books), rel_tol=2**-52)


def test_verify_accepts_every_row(source):
    for split in source.splits:
        rows = rows_of(source, split) if split == source.splits[0] else rows_of(source, split, 16)
        for row in source.batch(0, rows, split).to_pylist():
            verdict = source.verify(row, split=split)
            assert verdict.correct, verdict.reason
            assert verdict.score == 1.0


def mutations(row):
    """Yield (what, row) with one fault each."""
    for field in [name for name in ("text", "completion") if name in row]:
        for what, text in (("cut", row[field][:-3]), ("doubled", row[field] * 2), ("swapped", row[field][::-1])):
            yield f"{field} {what}", {**row, field: text}
    if "input_ids" in row:
        ids = row["input_ids"]
        yield "token dropped", {**row, "input_ids": ids[:-1]}
        yield "token added", {**row, "input_ids": [*ids, ids[0]]}
        yield "tokens strange", {**row, "input_ids": [65_000, *ids[1:]]}
    yield "difficulty", {**row, "difficulty": row["difficulty"] + 1}
    for book in row["bits"]:
        yield f"bits.{book}", {**row, "bits": {**row["bits"], book: row["bits"][book] + 2**-20}}
    for kind, spans in (row.get("latent", {}).get("spans") or {}).items():
        if spans:
            fault = copy.deepcopy(row)
            fault["latent"]["spans"][kind][0]["end"] += 1
            yield f"span {kind}", fault
    yield "empty", {}
    yield "junk", dict.fromkeys(row, "\x00junk")


def test_verify_rejects_every_mutation(source):
    for row in source.batch(0, min(8, rows_of(source, "train"))).to_pylist():
        for what, fault in mutations(row):
            verdict = source.verify(fault)
            assert not verdict.correct, f"{source.spec.name}: {what} was accepted"
            assert verdict.reason
            assert 0 <= verdict.score < 1


def leaves(kind, array, path):
    """Yield the path of every field below an array that holds a value anywhere."""
    array = array.drop_null()
    if pa.types.is_struct(kind) and len(array):
        for field, part in zip(kind, array.flatten(), strict=True):
            yield from leaves(field.type, part, f"{path}.{field.name}")
    elif pa.types.is_list(kind):
        yield from leaves(kind.value_type, array.flatten(), f"{path}[]")
    elif len(array):
        yield path


def test_a_change_in_any_field_is_found_by_making_the_row_anew(source):
    batch = source.batch(0, rows_of(source, "train"))
    assert difference(source, "train", 0, batch) == ""
    changed = set()
    for index, row in enumerate(batch.to_pylist()):
        for path, fault in changed_rows(row, batch.schema):
            if path not in changed:
                changed.add(path)
                found = difference(source, "train", index, pa.RecordBatch.from_pylist([fault], batch.schema))
                assert found.startswith(f"row {index}: "), path
                assert re.sub(r"\[\d+\]", "[]", found).count(f"{path} is "), f"{path}: {found}"
    every = {path for field in batch.schema for path in leaves(field.type, batch.column(field.name), field.name)}
    assert changed == every, "a field that no test changes"


def test_what_readers_take_on_trust_is_no_content(source):
    """What a reader sees is judged, and so is what is counted in it (a token may have a twin that is as right)."""
    trusted = trusted_fields(source, "train", source.batch(0, min(2, rows_of(source, "train"))).to_pylist())
    seen = {"text", "prompt", "completion", "completion_mask[]"}
    assert not (seen | {"bits.total", "difficulty"}) & set(trusted)


def test_spans_and_masks_lie_inside(source):
    for row in source.batch(0, rows_of(source, "train")).to_pylist():
        text = row.get("text", row.get("prompt", "") + row.get("completion", ""))
        length = len(row["input_ids"]) if "input_ids" in row else len(text)
        for kind, spans in (row.get("latent", {}).get("spans") or {}).items():
            for span in spans:
                assert 0 <= span["start"] < span["end"] <= length, kind
        if "completion_mask" in row:
            assert len(row["completion_mask"]) == length
            assert any(row["completion_mask"])


def ledger_agrees(source, split):
    n = rows_of(source, split, LEDGER_ROWS)
    entropy = source.entropy(split, n, estimates=False)
    bits = source.batch(0, n, split).column("bits")
    values = {field.name: bits.field(field.name).to_numpy() for field in bits.type}
    sums = {name: float(v.sum()) for name, v in values.items()}
    squares = {name: float((v * v).sum()) for name, v in values.items()}
    assert disagreement(entropy.books, sums, squares, n) == []
    if entropy.tokens is not None:
        lengths = np.diff(source.batch(0, n, split).column("input_ids").offsets.to_numpy()) + 1
        assert abs(lengths.mean() - entropy.tokens) <= 5 * lengths.std() / math.sqrt(n) + 1e-9
        assert entropy.floor.token.value == pytest.approx(entropy.floor.document.value / entropy.tokens)
    if "exact" in source.task().capabilities:
        assert all(book.bits.status == "exact" for book in entropy.books.values() if book.scope == "row")


def some_splits(source):
    """The first splits and the last; those between differ in size alone."""
    return source.splits[:3] + source.splits[3:][-1:]


def test_the_ledger_agrees_with_the_formula(source):
    for split in some_splits(source):
        ledger_agrees(source, split)


@pytest.mark.slow
def test_the_ledger_of_further_splits_agrees_too(source):
    for split in source.splits:
        if split not in some_splits(source):
            ledger_agrees(source, split)


def entropy_is_complete(source, split, estimates):
    entropy = source.entropy(split, estimates=estimates)
    table = json.loads(json.dumps(entropy.to_json()))
    assert set(table) >= {"spec", "split", "bits", "status", "reason", "text", "books", "facts"}
    assert table["status"] in ("exact", "bracket"), "what is known of a text is known between two ends"
    assert table["text"]["low"] <= table["text"]["value"] <= table["text"]["high"] <= entropy.booked.high + 1e-9
    if table["status"] == "exact":
        assert table["text"]["low"] == table["text"]["high"]
    row_books = [name for name, book in entropy.books.items() if book.scope == "row"]
    assert row_books == list(source.task(split).books)
    for book in table["books"].values():
        assert set(book) >= {"bits", "status", "scope"}
        assert book["status"] == "exact" or book["reason"]
    if estimates:  # what the command tells of a first split at once
        laws = [sampling.digest for sampling in source.task(split).samplings()]
        entry = json.loads(json.dumps(entry_of(entropy, laws)))
        equal(entry, json.loads(ENTROPIES.read_text("utf-8"))[source.spec.name], source.spec.name)
        equal(json.loads(json.dumps(entropy_in(entry).to_json())), table)


def test_entropy_is_complete_and_fit_for_json(source):
    for split in source.splits:
        entropy_is_complete(source, split, split == source.splits[0] and "perturb" not in source.spec.name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SPECS if "perturb" in name])
def test_the_estimates_of_noise_are_complete_too(name):
    entropy_is_complete(loaded(name), "train", True)  # the chart of a noisy string takes up to 70 ms


def test_parse_gives_the_latent_back(source):
    if "parses" not in source.task().capabilities:
        pytest.skip(f"task {source.task().name} does not promise that its rows parse")
    for row in source.batch(0, rows_of(source, "train")).to_pylist():
        parsed = source.task().parse(row)
        for field, value in parsed.items():
            if value is not None and field != "spans":
                assert row["latent"][field] == value, field
    with pytest.raises(ValueError):
        source.task().parse({"text": "Junk.", "prompt": "Junk", "completion": " junk", "input_ids": [1, 1, 1]})


def test_splits_are_streams_of_their_own(source):
    n = rows_of(source, "train", 32)
    prints = {}
    for split in [*source.splits, "a-fresh-split"]:
        table = content(source.batch(0, min(n, rows_of(source, split)), split)).to_pylist()
        for other, rows in prints.items():
            assert rows != table[: len(rows)], f"{split} repeats {other}"
        prints[split] = table


def test_construction_and_far_rows_cost_nothing(source):
    limit = source.rows_max()
    far = source.row(10**12 if limit is None else limit - 1)
    assert source.verify(far).correct
    with pytest.raises(IndexError):
        source.row(INDEX_MAX if limit is None else limit)
    with pytest.raises(IndexError):
        source.row(-1)


def golden(source, split):
    batch = source.batch(0, rows_of(source, split, GOLDEN_ROWS), split)
    summary = Summary(batch.schema)
    summary.add(batch)
    return summary.content[:32]


def test_golden_rows_are_unchanged(source):
    """The first rows of every shipped spec are pinned; a change needs a higher version of its task.

    After raising a version, `python tests/golden.py` writes the file anew.
    """
    pinned = json.loads(GOLDEN.read_text())
    name = source.spec.name
    assert name in pinned, f"{name} is not in {GOLDEN.name}: run `python tests/golden.py`"
    version = source.spec.task_class.version
    assert pinned[name]["version"] == version, f"the version changed: run `python tests/golden.py {name}`"
    for split in source.splits:
        assert golden(source, split) == pinned[name][split], (
            f"rows of {name}/{split} changed, but not the task's version"
        )


# -- every task -----------------------------------------------------------------------------------------------------


@pytest.fixture(params=task_names())
def task(request):
    return task_class(request.param)


def test_a_task_declares_itself(task):
    assert task.capabilities <= CAPABILITIES
    assert task.version >= 1
    assert task.row_formats
    assert task.difficulty
    assert task.__doc__
    missing = sorted(CAPABILITIES - task.capabilities)
    print(f"{task.name} does not promise: {', '.join(missing) or 'nothing is left out'}")


def test_every_choice_of_a_tiny_configuration(task):
    """The probabilities of all choice sequences sum to 1, and give exactly the entropy that the formulas state."""
    if "enumerable" not in task.capabilities:
        pytest.skip(f"task {task.name} does not promise that a tiny configuration can be enumerated")
    for params in task.tiny:
        one = task(task.Params.model_validate(params), Keys(0), Path())
        rows, schema = one.rows_max or 1, schema_of(one, one.row_formats[0])

        def run(tape, one=one, rows=rows, schema=schema):
            batch = to_batch(one, schema, one.rows(0, rows, tape), 0)
            books = {book: batch.column("bits").field(book).to_pylist() for book in one.books}
            return json.dumps(content(batch).to_pylist()), {book: math.fsum(v) for book, v in books.items()}

        law, booked, total = Counter(), Counter(), 0
        for (text, bits), probability in enumerate_tapes(run):
            law[text] += probability
            total += probability
            for book, value in bits.items():
                booked[book] += float(probability) * value
        assert total == 1
        entropy = one.entropy()
        for book in one.books:
            formula = entropy.books[book].bits
            if formula.status == "exact":
                assert math.isclose(booked[book] / rows, formula.value, abs_tol=1e-9), (task.name, book)
        text_bits = -math.fsum(float(p) * math.log2(p) for p in law.values())
        world = entropy.world_in_order
        if "injective" in task.capabilities:
            assert math.isclose(text_bits, world + rows * entropy.bits, abs_tol=1e-9), task.name
        else:
            assert text_bits <= world + rows * entropy.text.high + 1e-9
            if rows == 1 and not world:
                assert entropy.text.low - 1e-9 <= text_bits, "the text of a row lies between its ends"


def specs_of(task):
    return [name for name in SPECS if loaded(name).spec.task == task.name]


def digests(names, rows):
    """Return a hash of some rows of every spec named."""
    return {name: hashlib.sha256(loaded(name).batch(5, 5 + rows).serialize()).hexdigest() for name in names}


@pytest.mark.parametrize(
    "environment",
    [{"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2"}, {"NUMBA_DISABLE_JIT": "1"}],
    ids=lambda environment: next(iter(environment)),
)
def test_rows_depend_on_neither_hash_seed_nor_compiler(environment):
    """Two specs of every task give the same rows in a process with another hash seed, and in plain Python."""
    some = [name for task in task_names() for name in two(specs_of(task_class(task))) if name not in LONG_IN_PYTHON]
    same_rows_in(environment, some)


@pytest.mark.slow
def test_nor_do_those_that_take_long_in_plain_python():
    same_rows_in({"NUMBA_DISABLE_JIT": "1"}, LONG_IN_PYTHON)


def same_rows_in(environment, some):
    code = f"import json, test_contract; print(json.dumps(test_contract.digests({some!r}, 3)))"
    env = {**os.environ, **environment, "PYTHONPATH": f"{Path(__file__).parent}:{os.environ.get('PYTHONPATH', '')}"}
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == digests(some, 3)


LONG_IN_PYTHON = ["history-questions", "bios-junk-domain"]
"""Whose facts change is drawn for 100,000 people first: half a minute without a compiler; a mixture takes seconds."""


def two(names):
    return names[:: max(1, len(names) // 2)][:2]


def test_rows_hold_no_memory_between_batches(task):
    """A state or source that was used before gives the same rows as a fresh one."""
    if not specs_of(task):
        pytest.skip(f"no shipped spec is of task {task.name}")
    source = synthgen.load(specs_of(task)[0])
    first = source.batch(0, 8)
    source.batch(8, 40)
    source._state = new_state()
    source._state.block[:] = np.uint64(7)
    assert source.batch(0, 8).equals(first)

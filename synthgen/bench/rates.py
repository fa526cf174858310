"""Benchmarks: rates on one core, always as a ratio to something familiar measured in the same run."""

from __future__ import annotations

import importlib.util
import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa

from synthgen.bench.disk import disk_contenders
from synthgen.bench.feeds import feed_contenders
from synthgen.bench.race import Rate, race, rate_of
from synthgen.bench.scaling import (
    CONTROLS,
    WORKERS,
    build_contenders,
    index_contenders,
    known_specs,
    workers_rates,
)
from synthgen.bench.verdicts import verify_contenders
from synthgen.dataset.shards import BATCH_ROWS, write_shard
from synthgen.errors import SynthgenError, nearest
from synthgen.exact.bijection import permuted
from synthgen.exact.draw import Keys, begin, below, new_state
from synthgen.exact.jit import kernel
from synthgen.spec.source import Source, load
from synthgen.spec.spec import load_spec
from synthgen.task.phrases import Codes, assemble
from synthgen.tasks.bios.biographies.baseline import PlainWriter
from synthgen.tasks.bios.questions.baseline import PlainAsker
from synthgen.tasks.bios.questions.forms import read_questions
from synthgen.tasks.cfg.baseline import sample_plainly


@kernel
def _draws(state, key, n):
    begin(state, key, 0, 0)
    total = 0
    for _ in range(n):
        total += below(state, 6)
    return total


@kernel
def _names(state, key, n):
    total = 0
    for i in range(n):
        total += permuted(state, key, 0, 160_000_000, i)
    return total


def bench_draw() -> list[Rate]:
    """`below(6)` with its ledger, and a permutation of 160 million names, against `random` and numpy."""
    key, generator, plain = Keys(0).split("bench"), np.random.Generator(np.random.Philox(0)), random.Random(0)

    def ours() -> int:
        _draws(new_state(), key, 20_000_000)
        return 20_000_000

    def bijection() -> int:
        _names(new_state(), key, 1_000_000)
        return 1_000_000

    def randrange() -> int:
        for _ in range(300_000):
            plain.randrange(6)
        return 300_000

    def integers() -> int:
        return int(generator.integers(6, size=20_000_000).size)

    return race(
        {
            "random.randrange(6)": randrange,
            "numpy Generator.integers(6), in bulk": integers,
            "below(6), addressed and booked": ours,
            "permuted(160,000,000)": bijection,
        },
        unit="draws",
    )


def make_content(source: Source, batches: int, split: str = "train") -> int:
    """Make the content of whole batches, without Arrow rows around it; return tokens, or rows of text."""
    task, state, units = source.task(split), new_state(), 0
    for batch in range(batches):
        content = task.rows(batch * BATCH_ROWS, (batch + 1) * BATCH_ROWS, state).content
        if isinstance(content, Codes):
            units += len(assemble(content)[0][0])
        else:
            units += content.ids.size
    return units


def make_batches(source: Source, batches: int, split: str = "train") -> int:
    """Make whole batches with all columns, in memory; return tokens, or rows of text."""
    units = 0
    for batch in range(batches):
        units += _tokens_or_rows(source.batch(batch * BATCH_ROWS, (batch + 1) * BATCH_ROWS, split))
    return units


def _tokens_or_rows(batch: pa.RecordBatch) -> int:
    return len(batch.column("input_ids").values) if "input_ids" in batch.schema.names else batch.num_rows


def make_shard(source: Source, batches: int) -> int:
    """Write one shard of whole batches with all columns and hashes; return tokens, or rows of text."""
    units = 0

    def batches_of_rows() -> Any:
        nonlocal units
        for batch in range(batches):
            one = source.batch(batch * BATCH_ROWS, (batch + 1) * BATCH_ROWS)
            units += _tokens_or_rows(one)
            yield one

    with TemporaryDirectory(dir=_memory_or_disk()) as folder:
        write_shard(batches_of_rows(), source.schema, Path(folder, "shard.arrow"), "", "train")
    return units


def _memory_or_disk() -> str | None:
    """Return a folder in memory where there is one: a benchmark of the code, not of the disk."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def bench_cfg() -> list[Rate]:
    """cfg3f: tokens sampled with their ledger, and into shards, against naive recursion in Python."""
    source, generator = load("cfg3f"), random.Random(0)
    grammar = source.task().grammar  # type: ignore[attr-defined]
    strings = [ids for ids, _ in grammar.sampled(new_state(), Keys(0).split("bench"), 3000)]

    def rows_with_text_bits() -> int:
        return len(load("cfg3f", params={"text_bits": True}).batch(0, 3000).column("text_bits")) * 250

    contenders = {
        "plain Python recursion": lambda: sum(len(sample_plainly(grammar, generator)) for _ in range(1500)),
        "sampled, with ledger": lambda: make_content(source, 20),
        "batches, all columns": lambda: make_batches(source, 20),
        "into shards, all columns": lambda: make_shard(source, 20),
        "into batches with text_bits and token_bits": rows_with_text_bits,
        "inside probability, read back": lambda: sum(ids.size for ids in strings if grammar.log2_probability(ids) < 0),
    }
    return race(contenders, unit="tokens")


def bench_parse() -> list[Rate]:
    """Strings of cfg3f and cfg3k judged: nltk's chart parser and lark's Earley (if there) beside the chart."""
    contenders: dict[str, Callable[[], int]] = {}
    cfg3f = load("cfg3f").task().grammar  # type: ignore[attr-defined]
    few = [ids for ids in cfg3f.sample(40) if len(ids) < 300][:8]
    contenders |= other_parsers(cfg3f, few)
    for name in ("cfg3f", "cfg3k"):
        grammar = load(name).task().grammar  # type: ignore[attr-defined]
        strings = [np.array(ids) for ids in grammar.sample(1000)]
        contenders[f"{name}: membership"] = partial(_judge, grammar.contains, strings)
        contenders[f"{name}: inside probability"] = partial(_judge, grammar.log2_probability, strings)
        contenders[f"{name}: number of parses"] = partial(_judge, grammar.parses, strings)
        contenders[f"{name}: next-token table"] = partial(_judge, grammar.next_token, strings)
    return race(contenders, unit="strings")


def _judge(judge: Callable[[Any], Any], strings: list[np.ndarray]) -> int:
    return len([judge(ids) for ids in strings])


def other_parsers(grammar: Any, strings: list[list[int]]) -> dict[str, Callable[[], int]]:
    """Return contenders that judge a few strings with nltk and, where it is installed, with lark."""
    import nltk

    parser = nltk.ChartParser(grammar.to_nltk())
    words = [[str(token) for token in ids] for ids in strings]
    contenders: dict[str, Callable[[], int]] = {
        "cfg3f: nltk ChartParser": lambda: sum(next(iter(parser.parse(w)), None) is not None for w in words)
    }
    if importlib.util.find_spec("lark"):
        import lark

        rules = "\n".join(
            f"r{a}: "
            + " | ".join(" ".join(f"r{c}" if c in grammar.rules else f'"{c}"' for c in r.children) for r in ways)
            for a, ways in grammar.rules.items()
        )
        earley = lark.Lark(f"start: r{grammar.root}\n{rules}", parser="earley", lexer="basic", ambiguity="forest")
        contenders["cfg3f: lark Earley"] = lambda: sum(bool(earley.parse("".join(w))) for w in words)
    return contenders


def bench_bios() -> list[Rate]:
    """bios-multi5-permute: rows of text, and into shards with spans and latents, against `random` and `join`."""
    source, generator = load("bios-multi5-permute"), random.Random(0)
    task: Any = source.task()
    writer = PlainWriter(task.lists, task.params.pronouns)
    contenders = {
        "plain Python": lambda: sum(bool(writer.write(generator)) for _ in range(20_000)),
        "text rendered": lambda: make_content(source, 40),
        "into shards, all columns": lambda: make_shard(source, 40),
    }
    compact = load(load_spec("bios-multi5-permute", sets={"row_format": "tokens"}))
    rewrites = load("bios-rewrite5")
    contenders |= {
        "compact tokens": lambda: make_content(compact, 40) // len(compact.row(0)["input_ids"]),
        "rewrites": lambda: make_content(rewrites, 10),
        "rewrites into shards": lambda: make_shard(rewrites, 10),
    }
    return race(contenders, unit="rows")


def bench_igsm() -> list[Rate]:
    """Problems of text: igsm-med-pq, op32 of igsm-hard-pq, igsm-open; beside the verifier, which is plain Python."""
    med, hard, free = load("igsm-med-pq"), load("igsm-hard-pq"), load("igsm-open")
    rows = med.batch(0, 2000).select(["prompt", "completion"]).to_pylist()

    def judge() -> int:
        return sum(med.verify(row["prompt"], row["completion"]).correct for row in rows)

    contenders: dict[str, Callable[[], int]] = {
        "judged, step by step, in plain Python": judge,
        "igsm-med-pq/train": lambda: make_content(med, 5),
        "igsm-hard-pq/op32": lambda: make_content(hard, 2, "op32"),
        "igsm-open/train": lambda: make_content(free, 5),
        "igsm-med-pq, batches, all columns": lambda: make_batches(med, 5),
        "igsm-hard-pq/op32, batches, all columns": lambda: make_batches(hard, 2, "op32"),
        "igsm-open, batches, all columns": lambda: make_batches(free, 5),
        "igsm-med-pq into shards, all columns": lambda: make_shard(med, 3),
        "stories-boxes": partial(make_content, load("stories-boxes"), 5),
        "stories-packs": partial(make_content, load("stories-packs"), 5),
    }
    return race(contenders, unit="problems")


def bench_retry() -> list[Rate]:
    """Problems with retries beside the clean ones of the same seed: what the detour costs (Part 2.2)."""
    contenders: dict[str, Callable[[], int]] = {
        "igsm-med-pq, clean": partial(make_content, load("igsm-med-pq"), 5),
        "igsm-med-retry20": partial(make_content, load("igsm-med-retry20"), 5),
        "igsm-med-retry50": partial(make_content, load("igsm-med-retry50"), 5),
        "igsm-med-pq into shards": partial(make_shard, load("igsm-med-pq"), 3),
        "igsm-med-retry50 into shards": partial(make_shard, load("igsm-med-retry50"), 3),
    }
    return race(contenders, unit="problems")


def bench_qa() -> list[Rate]:
    """qa-extract and other questions: prompts and completions, and into shards, against `random` and `format`."""
    source, generator = load("qa-extract"), random.Random(0)
    asker = PlainAsker(source.task().lists, read_questions(None, 3), 50_000)  # type: ignore[attr-defined]
    contenders: dict[str, Callable[[], int]] = {
        "plain Python, people at hand": lambda: sum(bool(asker.ask(generator)) for _ in range(50_000))
    }
    names = ("qa-extract", "know-classify-month", "know-compare-month", "know-inverse-name")
    for name in (*names, "relations", "relations-bios", "relations-3hop", "birthyear-3-2"):
        contenders[f"{name}: text"] = partial(make_content, load(name), 60)
    contenders["relations-3hop, three hops: text"] = partial(make_content, load("relations-3hop"), 60, "test_3hop")
    contenders["qa-extract: into shards, all columns"] = lambda: make_shard(source, 60)
    contenders["relations-3hop: into shards, all columns"] = partial(make_shard, load("relations-3hop"), 60)
    return race(contenders, unit="rows")


def bench_playground() -> list[Rate]:
    """Depo, Brevo, Mano, copy and recall in their published sizes: tokens with their ledgers, and with all columns.

    All against Depo in plain Python.
    """
    from synthgen.tasks.depo.baseline import write_plainly

    generator = random.Random(0)
    contenders: dict[str, Callable[[], int]] = {
        "Depo1, N = 225, plain Python": lambda: sum(len(write_plainly(225, 8, 50, generator)) for _ in range(300))
    }
    names = ("depo1-n225", "depo1-n375", "depo2-n125", "brevo1-n110", "brevo2-n50", "brevo-open", "mano-l10")
    for name in (*names, "copy", "recall"):
        contenders[name] = partial(make_content, load(name), 4)
        contenders[f"{name}, batches, all columns"] = partial(make_batches, load(name), 4)
    contenders["depo1-n225, into shards, all columns"] = partial(make_shard, load("depo1-n225"), 4)
    return race(contenders, unit="tokens")


TEXT_BITS = (
    "cfg3f", "lano-tiny", "brevo1-tiny", "brevo2-n50", "brevo1-n70", "know-inverse-name", "igsm-open", "igsm-med-pq",
    "igsm-hard-pq",
)  # fmt: skip
"""Specs whose texts have bits that are dear to know, and one that books them."""

TOKEN_BITS = (
    "cfg3b", "cfg3f", "copy", "recall", "mano-l10", "depo1-n225", "depo2-n75", "chain-retry50", "igsm-open",
    "brevo1-tiny", "brevo2-n50", "bios-multi5-permute", "bios-rewrite5", "qa-extract", "relations-2hop",
)  # fmt: skip
"""Specs with bits for each token, one of a kind."""


def bench_bits() -> list[Rate]:
    """What a text has in bits, whole (`row_text_bits`) and token by token (`surprisals`), beside a row that is made."""
    problems = load("igsm-med-pq")
    contenders = {"igsm-med-pq: a row, made": lambda: len([problems.row(index) for index in range(200)])}
    for method, names in (("row_text_bits", TEXT_BITS), ("surprisals", TOKEN_BITS)):
        for name in names:
            contenders[f"{name}: {method}"] = partial(_bits_of_rows, getattr(load(name), method))
    return race(contenders, unit="rows")


def _bits_of_rows(bits_of: Callable[[int], Any], seconds: float = 0.5) -> int:
    """Ask for the bits of one row after the other, for half a second; return of how many they were told."""
    start, rows = time.perf_counter(), 0
    while rows == 0 or time.perf_counter() - start < seconds:
        bits_of(rows)
        rows += 1
    return rows


def bench_windows() -> list[Rate]:
    """Training windows of cfg3f: as they are packed, and through `datasets`, in batches and one by one."""
    return race(feed_contenders(), unit="windows")


def bench_index() -> list[Rate]:
    """Rows at index 0, 10^9 and 10^15: a row costs the same wherever it stands."""
    return [rate for spec in known_specs() for rate in race(index_contenders(spec), unit="rows")]


def bench_workers() -> list[Rate]:
    """Two local workers beside one, and two processes that only count beside one: what the machine allows."""
    rates = []
    for spec in known_specs():
        measured = workers_rates(spec, _memory_or_disk())
        for name, speeds in measured.items():
            baseline = CONTROLS[0] if name in CONTROLS else f"{spec}: {WORKERS[0]}"
            rates.append(rate_of(name, speeds, "rows", measured[baseline]))
    return rates + [
        rate
        for spec in known_specs()
        for seconds in (3, 10)
        for rate in race(build_contenders(spec, seconds, _memory_or_disk()), unit="rows")
    ]


def bench_verify() -> list[Rate]:
    """Rows and solutions of iGSM, verified one by one on one core, and many at a time on all; beside JSON."""
    return race(verify_contenders(), unit="rows")


def bench_disk() -> list[Rate]:
    """Whole builds of 1 and 2 workers into the current folder, beside `dd conv=fdatasync` into the same."""
    return race(disk_contenders(Path.cwd()), unit="bytes")


def bench_trainer() -> list[Rate]:
    """A training step on one thread beside that of transformers' GPT-2 and Llama of the same size, in the same loop."""
    from synthgen.train.rivals import KINDS, SHAPES, step_contenders

    return [
        rate
        for shape in SHAPES
        for kind in KINDS
        for rate in race(step_contenders(shape, kind), unit="tokens", rounds=7)
    ]


BENCHMARKS = {
    "draw": bench_draw,
    "cfg": bench_cfg,
    "parse": bench_parse,
    "bios": bench_bios,
    "qa": bench_qa,
    "igsm": bench_igsm,
    "retry": bench_retry,
    "playground": bench_playground,
    "bits": bench_bits,
    "verify": bench_verify,
    "windows": bench_windows,
    "index": bench_index,
    "trainer": bench_trainer,
    "workers": bench_workers,
    "disk": bench_disk,
}

ALONE = ("trainer", "workers", "disk")
"""Benchmarks that need the whole machine, or a library of their own, and so are run by name only."""


def run_benchmarks(name: str | None = None) -> dict[str, list[Rate]]:
    """Run one benchmark, or all that need one core. Raises SynthgenError for an unknown name."""
    if name is not None and name not in BENCHMARKS:
        raise SynthgenError(f"no benchmark named {name!r}{nearest(name, BENCHMARKS)}")
    chosen = [name] if name else [key for key in BENCHMARKS if key not in ALONE]
    return {key: BENCHMARKS[key]() for key in chosen}

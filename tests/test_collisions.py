"""What is called exact, held against how often texts come: of every shipped spec whose text is exact, in a small law.

A spec's own params are kept, but for what makes its law large. Of some thousand rows

- equal texts have equal bits, and are of one component: bits are a figure of the text;
- so many pairs have the same text as their bits say: the chance of each other row is 2^-bits;
- the entropy of the sample (Miller 1955: what is seen, and what few rows leave out) is the one that is stated;
- the chances of all texts that were seen sum to 1, less what was not seen (Good 1953: as much as what came once).

Where the law is so small that every text came again, the last one leaves nothing to chance: bits that are a figure of
the text and whose chances sum to 1 are the text's own, and the stated entropy is the mean of them, to the last digit.
"""

import dataclasses
import functools
import json
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from helpers import loaded

import synthgen
from synthgen.exact.draw import Keys, new_state
from synthgen.spec.spec import load_spec
from synthgen.task.arrow import said_in, schema_of, to_batch
from synthgen.tasks import task_class
from synthgen.tasks.bios.world.population import tiny_sizes

LISTING = Path(synthgen.__file__).with_name("cli") / "listing.json"
UNEVEN = {"bios-power", "capo-tiny-power"}
"""People who are not told of alike: tests/test_exposures.py walks how often each of them is."""
EXACT = [
    row["name"] for row in json.loads(LISTING.read_text()) if row["status"] == "exact" and row["name"] not in UNEVEN
]
"""Shipped specs whose text is exact, as `synthgen list` has them."""

ROWS, STREAMS = 3000, 150
"""Rows of a stream; and streams, of a row each, where a corpus says everything but once."""

TWO_PEOPLE = {"people": 2, "entries": "online", "pronouns": ["they"]}
CHANGING = {"universities": 2, "majors": 2, "employers": 2}
"""Values of facts that change to another."""
SMALL = {
    "biod": {"N": 2, "K": 2, "C": 1, "D": 2, "L": 1, "T": 2, "names": [1, 1, 3], "entries": ROWS},
    "bios": TWO_PEOPLE | {"sizes": tiny_sizes(templates=2)},
    "birthyear": {"people": 2, "years": 2, "sizes": tiny_sizes(last_names=3)},
    "brevo": {"nodes": 3, "degree": 2},
    "cfg": {},
    "chain": {"steps": [1, 2], "others": [0, 1], "modulus": 2, "names": 3},
    "copy": {"tokens": 5},
    "depo": {"nodes": 3, "smallest": 3, "hops": 2, "queries": 1, "name_tokens": [1, 2], "vocabulary": 2},
    "history": {"people": 4, "sizes": tiny_sizes(**CHANGING)},
    "hops": {"people": 4, "bosses": 2, "sizes": tiny_sizes()},
    "igsm": task_class("igsm").tiny[0] | {"bins": "all"},
    "mano": {"operations": 2, "modulus": 3},
    "qa": {"people": 8},
    "recall": {"pairs": 2, "keys": 3, "values": 2},
    "relations": TWO_PEOPLE | {"people": 4, "bosses": 2, "sizes": tiny_sizes()},
    "rewrites": TWO_PEOPLE | {"sizes": tiny_sizes(), "clauses": 1, "sentence_facts": 1, "references": ["last", "full"]},
    "stories": {"needed": [2, 3], "others": [0, 1], "modulus": 2, "names": 4, "wordings": 1},
}
"""What makes a task's law small: few people, values and words."""

WITHIN = {"exactly": 2, "junk": 1, "changed": 0.5}
"""Params that would be out of range in a small law."""

SHARED = {"people": 40, "sizes": tiny_sizes(first_names=4, last_names=10, days=2, birth_cities=2)}
"""People of whom many have the same facts, for questions that several of them may be meant by."""


def small(task, params):
    """Return the params of a spec in a small law."""
    if task == "mixture":
        return params | {"component": [small_component(*one) for one in enumerate(params["component"])]}
    own = SHARED if params.get("forms") == ["inverse"] else {}
    if params.get("changed") and task == "bios":
        own = {"sizes": tiny_sizes(**CHANGING)}
    if params.get("order") in ("entry", "person"):
        own = {"sizes": tiny_sizes()}  # six sentences in 720 orders are enough
    if params.get("references") == ["full"]:
        own = {"references": ["full"]}
    if isinstance(params.get("asked"), list):
        own = own | {"asked": [2]}
    return params | SMALL[task] | own | {name: WITHIN[name] for name in WITHIN if params.get(name)}


def small_component(number, component):
    """Return a component of a mixture whose people, if any, are its own two of one world."""
    spec = component["spec"]
    sizes = tiny_sizes(**(CHANGING if spec["params"].get("changed") else {}))
    apart = {"people": 2, "first_person": 2 * number, "sizes": sizes} if "people" in spec["params"] else {}
    if spec["task"] == "qa":
        apart["first_person"] = 0
    return component | {"weight": 1, "spec": spec | {"params": small(spec["task"], spec["params"]) | apart}}


def low(grammar):
    """Return the grammar below one of its symbols, whose strings are few."""
    root = grammar.levels[-3][0]
    below, rules = {root}, {}
    while below:
        rules |= {a: grammar.rules[a] for a in below if a in grammar.rules}
        below = {c for a in below for rule in grammar.rules.get(a, ()) for c in rule.children} - set(rules)
    return dataclasses.replace(grammar, root=root, rules=rules)


def task_of(spec, params, split):
    """Return the task of a split with other params than its spec says."""
    task = task_class(spec.task)
    one = task(task.Params.model_validate(params), Keys(spec.seed, spec.world, split), Path(), spec.row_format)
    if spec.task == "cfg" and isinstance(params["grammar"], str):
        one.base = one.grammar = low(one.grammar)
    return one


def drawn(spec, params, split, rows, streams):
    """Return rows of a small law, with the task that made them: so many in a row, or the first of so many streams.

    In a row, the first entry of everybody is left out: what is drawn once for all entries is paid for there.
    """
    one = task_of(spec, params, split)
    schema, state = schema_of(one, one.row_format), new_state()
    if not streams:
        first = params.get("people", params.get("N", 16))
        return one, [to_batch(one, schema, one.rows(first, first + rows, state), first)]
    firsts = (task_of(spec, params, f"{split}{k}").rows(0, 1, state) for k in range(streams))
    return one, [to_batch(one, schema, rows, 0) for rows in firsts]


def laws_of(task, batches):
    """Return what texts came of each component (a task that is no mixture is one): its task, texts and bits."""
    by_component = defaultdict(lambda: ([], []))
    for batch in batches:
        kinds = batch.column("latent").field("kind").to_pylist() if task.component_field else [0] * batch.num_rows
        bits = batch.column("bits").field("total").to_numpy()
        if task.component_field:  # how likely a component is, given its block so far, is not the text's
            bits = bits - batch.column("bits").field("kind").to_numpy()
        for kind, said, booked in zip(kinds, said_in(batch), bits.tolist(), strict=True):
            texts, all_bits = by_component[kind]
            texts.append(said if isinstance(said, str) else tuple(said))
            all_bits.append(booked)
    return [
        (task.components[kind].task if task.component_field else task, *both) for kind, both in by_component.items()
    ]


def holds(rows, task, texts, bits):
    """Hold the bits of texts that were drawn against how often they came; `rows` are what the stated entropy is of."""
    entropy, n, bits = task.entropy(rows, estimates=False), len(texts), np.array(bits)
    assert entropy.text.status == "exact"
    if entropy.hidden:  # what a text has is more likely than what was drawn for it
        of_text = {said: task.surprisals(said).sum() for said in set(texts)}
        assert all(of_text[said] <= booked + 1e-9 for said, booked in zip(texts, bits, strict=True))
        bits = np.array([of_text[said] for said in texts])
    bits = bits + entropy.unbooked
    seen, count = {}, defaultdict(int)
    for said, one in zip(texts, bits.tolist(), strict=True):
        assert seen.setdefault(said, one) == pytest.approx(one, abs=1e-9), f"{said!r} has {one} bits, and {seen[said]}"
        count[said] += 1
    chances, counts = 2.0**-bits, np.array(list(count.values()))

    expected = (n - 1) / 2 * chances.sum()
    spread = math.sqrt(n * chances.var()) * (n - 1) / 2
    pairs = (counts * (counts - 1) / 2).sum()
    assert pairs == pytest.approx(expected, abs=5 * math.hypot(spread, math.sqrt(expected)) + n / 1000)

    came_once = int((counts == 1).sum())
    total, stated = math.fsum(2.0**-one for one in seen.values()), entropy.text.value + entropy.unbooked
    assert total <= 1 + 1e-9
    assert 1 - total == pytest.approx(came_once / n, abs=5 * math.sqrt(came_once + 2 * (counts == 2).sum() + 1) / n)
    if not came_once:
        assert total == pytest.approx(1, abs=1e-9)
        assert math.fsum(one * 2.0**-one for one in seen.values()) == pytest.approx(stated, abs=1e-9)
    if came_once < n / 50:
        sample = -float((counts / n * np.log2(counts / n)).sum()) + (counts.size - 1) / (2 * n * math.log(2))
        error = math.hypot(float(bits.std()) / math.sqrt(n), math.sqrt(2 * counts.size) / (2 * n * math.log(2)))
        assert sample == pytest.approx(stated, abs=5 * error + came_once / n)
    assert expected > 20 or not came_once, "rows enough that texts come again"


@functools.cache
def split_agrees(name, split, stated, rows=ROWS, streams=0):
    """Hold a split of a spec in the small law with these params (JSON; of specs with the same one, one is enough)."""
    spec, params = load_spec(name), json.loads(stated)
    laws = laws_of(*drawn(spec, params, split, rows, streams))
    for place, (_, texts, _) in enumerate(laws):
        assert all(set(texts).isdisjoint(others) for _, others, _ in laws[:place]), "texts tell their component"
    for law in laws:
        holds(1 if streams else 10**12, *law)


FIRST = {}
"""The first spec of each small law."""


def of_first(name, split, changes=None, **options):
    """Hold a split; the law of several specs is held once, as the first one's."""
    spec = load_spec(name)
    params = small(spec.task, spec.params | spec.splits[split].params) | (changes or {})
    streams = STREAMS if spec.task == "qa" and params.get("questions") != "drawn" else 0
    law = json.dumps(params, sort_keys=True, default=list)
    first = FIRST.setdefault((spec.task, spec.row_format, law), (name, split))
    split_agrees(*first, law, **({"streams": streams} | options))


@pytest.mark.parametrize("name", EXACT)
def test_texts_come_as_often_as_their_bits_say(name):
    of_first(name, next(iter(loaded(name).splits)))


OTHERS = [(name, split) for name in EXACT for split in list(loaded(name).splits)[1:]]
OTHERS.remove(("know-inverse-name", "test"))  # of its 0 bits, once it is known who comes next, nothing can be hidden
OTHERS.remove(("history-questions", "test_changed"))  # of four people, nobody of its half has another major
OTHERS += [(name, "op15") for name in ("igsm-open", "igsm-open-boxes", "igsm-open-retry50")]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "split"), OTHERS)
def test_so_do_those_of_further_splits(name, split):
    of_first(name, split, rows=10_000)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bios-single-permute5", "bios-simple"])
def test_what_is_drawn_once_for_somebody_comes_as_often(name):
    """The first row of many streams, which pays for what all entries of a person share; of one person, as the first row
    of two is always about the first.
    """
    of_first(name, "train", {"people": 1}, streams=4000)


@pytest.mark.parametrize("bits_more", [0.05, -0.05, math.inf])
def test_a_false_exact_is_found(bits_more):
    """A twentieth of a bit too many or too few, or two choices that show as one (inf)."""
    params = json.dumps(small("copy", {}))
    task, texts, bits = laws_of(*drawn(load_spec("copy-tiny"), json.loads(params), "train", ROWS, 0))[0]
    holds(1, task, texts, bits)
    if bits_more == math.inf:
        one, other = sorted(set(texts[0]))[:2]
        texts = [tuple(other if symbol == one else symbol for symbol in text) for text in texts]
    else:
        bits = [one + bits_more for one in bits]
    with pytest.raises(AssertionError):
        holds(1, task, texts, bits)

"""Retries: the clean rows lie beneath, counts follow the truncated law, mistakes are mistakes, faults are found."""

import copy
import itertools
import math
import re
from collections import Counter

import numpy as np
import pytest
from helpers import loaded
from scipy.stats import chi2

import synthgen
from synthgen.errors import SynthgenError
from synthgen.exact.draw import begin
from synthgen.exact.ledger import to_bits
from synthgen.exact.tape import enumerate_tapes
from synthgen.spec.source import Source
from synthgen.spec.spec import load_spec
from synthgen.task.kit import retries
from synthgen.tasks.igsm.reading.retractions import Mistakes
from synthgen.tasks.igsm.reading.scores import regret_labels, scores

BACKS = {"paper": re.compile(r"Define [^.;]*'s [^.;]* as BACK\. "), "count": re.compile(r"Let BACK be the [^.;]*\. ")}
KINDS = ("perfect", "weak", "miss")
CONTENT_ID = "c628a07d415bac2a788f54a29f143187f22c21dca17a513acbeb9f80e6ef639a"
"""Of igsm-med-retry50, in version 1 of the task."""


def source_of(rate, kind="perfect", base="igsm-med-pq", **params):
    return synthgen.load(base, params={"bins": "train", "retry": {"rate": rate, "kind": kind}, **params})


# -- the law ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.5, 0.2, 0.75])
@pytest.mark.parametrize("candidates", [0, 1, 3])
def test_the_law_by_walking_every_choice(rate, candidates):
    """Probabilities, mean number and mean bits in closed form, against every tape of a small pool."""

    def run(tape):
        begin(tape, np.zeros(2, np.int64), 0, 0)
        out, pool = np.zeros(candidates + 1, np.int64), np.arange(candidates)
        end = retries.draw_wrong(tape, retries.odds(rate), pool, candidates, out, 0)
        return tuple(out[:end].tolist()), to_bits(tape.ledger)

    counts, seen, bits, total = np.zeros(candidates + 1), set(), 0.0, 0
    shares = Counter()
    for (wrong, booked), probability in enumerate_tapes(run):
        shares[wrong, booked] += probability
        total += probability
    assert total == 1
    for (wrong, booked), probability in shares.items():
        assert len(set(wrong)) == len(wrong)
        assert wrong not in seen, "one series of retries has one probability"
        seen.add(wrong)
        counts[len(wrong)] += probability
        bits += float(probability) * booked
        assert math.isclose(booked, -math.log2(probability), abs_tol=1e-9)
        assert math.isclose(booked, retries.shown_bits(rate, candidates, len(wrong)), abs_tol=1e-9)
    assert len(seen) == sum(math.perm(candidates, k) for k in range(candidates + 1))
    assert np.allclose(counts, retries.law(rate, candidates), atol=1e-12)
    assert math.isclose(retries.expected_number(rate, candidates), float(counts @ np.arange(candidates + 1)))
    assert math.isclose(retries.expected_bits(rate, candidates), bits, abs_tol=1e-9)


MANY = 6
"""From so many candidates on, the law is the same up to "as many or more"."""


def chi_square_of_counts(rows, rate):
    """Return the p-value of retries before each step, counted in the text, given how many candidates there were."""
    seen = {n: np.zeros(min(n, MANY) + 1) for n in range(MANY + 1)}
    for row in rows:
        counts, waiting = [], 0
        for sentence in row["completion"].split(". ")[:-1]:
            if sentence.endswith(" as BACK"):
                waiting += 1
            else:
                counts.append(waiting)
                waiting = 0
        for n, count in zip(row["latent"]["candidates"], counts, strict=False):
            seen[min(n, MANY)][min(count, MANY)] += 1
    statistic = freedom = 0
    for n, observed in seen.items():
        k = np.arange(n)
        expected = observed.sum() * np.append(rate**k * (1 - rate), rate**n)
        while len(expected) > 1 and expected[-1] < 5:
            expected = np.append(expected[:-2], expected[-2:].sum())
            observed = np.append(observed[:-2], observed[-2:].sum())
        if expected.min(initial=np.inf) >= 5:
            statistic += ((observed - expected) ** 2 / expected).sum()
            freedom += len(expected) - 1
    assert freedom >= 5
    return chi2.sf(statistic, freedom)


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("kind", KINDS)
def test_counts_fit_the_truncated_law(kind, rate, count=4000):
    rows = source_of(rate, kind).batch(0, count).select(["completion", "latent"]).to_pylist()
    assert chi_square_of_counts(rows, rate) > 0.001


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5])
def test_counts_fit_the_truncated_law_in_a_hundred_thousand_rows(rate):
    source = source_of(rate)
    rows = [r for at in range(0, 100_000, 10_000) for r in source.batch(at, at + 10_000).to_pylist()]
    assert chi_square_of_counts(rows, rate) > 0.001


def test_every_candidate_is_as_likely():
    """The first wrong start of each place, by the tenth of the candidates (in order of their names) it falls into."""
    source, observed, expected = source_of(0.5, op=8), np.zeros(10), np.zeros(10)
    reader = source.task().reader
    for row in source.batch(0, 1500).to_pylist():
        for wrong, candidates in reader.retries(row["prompt"], row["completion"]):
            if wrong and len(candidates) >= 10:
                observed[10 * sorted(candidates).index(wrong[0]) // len(candidates)] += 1
                expected += np.bincount(10 * np.arange(len(candidates)) // len(candidates)) / len(candidates)
    assert observed.sum() > 2000
    assert chi2.sf(((observed - expected) ** 2 / expected).sum(), 9) > 0.001


# -- paired data ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phrasing", ["paper", "count"])
@pytest.mark.parametrize("base", ["igsm-med-pq", "igsm-open"])
def test_without_what_is_taken_back_it_is_the_clean_row(base, phrasing):
    clean = synthgen.load(base, params={"phrasing": phrasing}).batch(0, 200).to_pylist()
    for kind in KINDS:
        rows = source_of(0.5, kind, base, phrasing=phrasing).batch(0, 200).to_pylist()
        assert sum(row["latent"]["retries"] for row in rows) > 400
        for row, other in zip(rows, clean, strict=True):
            shorter, found = BACKS[phrasing].subn("", row["completion"])
            assert row["prompt"] == other["prompt"]
            assert shorter == other["completion"]
            assert found == row["latent"]["retries"] == row["completion"].count("BACK")
            for field in ("op", "template", "solution", "graph", "answer", "bin"):
                assert row["latent"][field] == other["latent"][field]
            assert {k: v for k, v in row["bits"].items() if k not in ("retries", "total")} == {
                k: v for k, v in other["bits"].items() if k != "total"
            }


@pytest.mark.parametrize(
    "name, clean",
    [("igsm-med-retry20", "igsm-med-pq"), ("igsm-hard-retry50", "igsm-hard-pq"), ("igsm-open-retry50", "igsm-open")],
)
def test_shipped_specs_evaluate_on_the_clean_splits(name, clean):
    source, other = loaded(name), loaded(clean)
    assert set(source.splits) == set(other.splits)
    for split in source.splits:
        one, two = (s.batch(0, 16, split).select(["prompt", "completion"]).to_pylist() for s in (source, other))
        assert (one == two) == (split != "train")
        assert [row["prompt"] for row in one] == [row["prompt"] for row in two]


def test_masks_cover_the_wrong_parts():
    """`retry_name` is the name alone, `retry` all from Define up to the word BACK: the two published masks."""
    for phrasing, before in (("paper", "Define "), ("count", "Let BACK be ")):
        for row in source_of(0.5, phrasing=phrasing).batch(0, 50).to_pylist():
            text, spans = row["prompt"] + row["completion"], row["latent"]["spans"]
            assert len(spans["retry"]) == len(spans["retry_name"]) == row["latent"]["retries"]
            for whole, name in zip(spans["retry"], spans["retry_name"], strict=True):
                shown = text[name["start"] : name["end"]]
                assert text[: name["start"]].endswith(before)
                if phrasing == "paper":
                    assert text[whole["start"] : whole["end"]] == f"Define {shown} as "
                    assert text[whole["end"] :].startswith("BACK. ")
                else:
                    assert whole == name
                    assert text[name["end"] :].startswith(". ")


# -- mistakes are mistakes --------------------------------------------------------------------------------------------


class Dependencies:
    """What needs what, found anew: from the sentences by one pattern, and the categories of a world's names."""

    def __init__(self, world):
        self.category = {}
        for chain, categories in enumerate(world.categories):
            for layer, (name, _) in enumerate(categories):
                for group in world.names[chain][layer]:
                    self.category |= {one: name for one, _ in group}

    def read(self, prompt):
        self.cites, self.children = {}, {}
        for sentence in prompt.split(". "):
            match = re.fullmatch(r"The number of each ([^']+)'s ([\w ]+?) equals (.+?)\.?", sentence)
            if match:
                owner, target, rest = match.groups()
                self.cites[owner, target] = set(re.findall(r"each ([^']+)'s ([A-Z]\w*(?: [A-Z]\w*)*)", rest))
                self.children.setdefault(owner, []).append(target)

    def needs(self, owner, target):
        if (owner, target) in self.cites:
            return self.cites[owner, target]
        children = self.children.get(owner, [])
        deep = {(child, target) for child in children if self.category[child] != target}
        return deep | {(owner, child) for child in children}


def check_perfect(name, split, start, stop):
    """Return how many definitions were taken back; none of them could have been computed where it stands."""
    source, found = loaded(name), 0
    dependencies = Dependencies(source.task(split).world)
    for at in range(start, stop, 2000):
        for row in source.batch(at, min(stop, at + 2000), split).select(["prompt", "completion"]).to_pylist():
            dependencies.read(row["prompt"])
            known = set()
            for owner, target, letter in re.findall(r"Define ([^']+)'s ([^;.]+) as (\w+)", row["completion"]):
                needs = dependencies.needs(owner, target)
                if letter == "BACK":
                    found += 1
                    assert (owner, target) not in known
                    assert not needs <= known, (row["completion"], owner, target)
                else:
                    assert needs <= known
                    known.add((owner, target))
    return found


@pytest.mark.parametrize("name", ["igsm-med-retry50", "igsm-open-retry50"])
def test_perfect_never_takes_back_what_could_be_computed(name):
    assert check_perfect(name, "train", 0, 2000) > 7000


@pytest.mark.slow
@pytest.mark.parametrize("name", ["igsm-med-retry50", "igsm-hard-retry50", "igsm-open-retry50"])
def test_perfect_never_takes_back_what_could_be_computed_in_100_000_rows(name):
    assert check_perfect(name, "train", 0, 100_000) > 350_000


def test_weak_and_miss_take_back_what_they_say():
    right = re.compile(r"Define ([^']+'s [^;.]+) as (\w+)")
    first = Counter()
    for row in source_of(0.5, "weak").batch(0, 300).to_pylist():
        steps = right.findall(row["completion"])
        for i, (name, letter) in enumerate(steps):
            later = [other for other, shown in steps[i:] if shown != "BACK"]
            if letter == "BACK":
                assert name in later
                first[name == later[0]] += 1
    assert 0.35 < first[True] / first.total() < 0.6
    later = synthgen.load(
        "igsm-med-pq", params={"bins": "train", "retry": {"rate": 0.5, "kind": "weak", "next_counts": False}}
    )
    for row in later.batch(0, 300).to_pylist():
        steps = right.findall(row["completion"])
        for i, (name, letter) in enumerate(steps):
            following = [other for other, shown in steps[i:] if shown != "BACK"]
            assert letter != "BACK" or name in following[1:]
    by_the_paper = source_of(0.5, "weak", fidelity="paper")
    assert source_of(0.5, "weak").spec.params_of("train").retry.next_counts, "as in the released code"
    stated = {"rate": 0.5, "kind": "weak", "next_counts": True}
    told = synthgen.load("igsm-med-pq", params={"fidelity": "paper", "retry": stated})
    assert told.spec.params_of("train").retry.next_counts, "what is told goes before fidelity"
    assert not by_the_paper.spec.resolved()["params"]["retry"]["next_counts"], (
        "written out, for those who read it later"
    )
    taken_back = 0
    for row in by_the_paper.batch(0, 200).to_pylist():
        steps = right.findall(row["completion"])
        for i, (name, letter) in enumerate(steps):
            following = [other for other, shown in steps[i:] if shown != "BACK"]
            assert letter != "BACK" or name in following[1:], "a later sentence, never the next one"
            taken_back += letter == "BACK"
        assert by_the_paper.verify(row)
    assert taken_back > 100
    for row in source_of(0.5, "miss").batch(0, 300).to_pylist():
        known = set()
        for name, letter in right.findall(row["completion"]):
            owner, target = name.split("'s ")
            if letter == "BACK":
                assert name not in known
                asked = re.search(r"How many ([\w ]+) does each ([\w ]+) have", row["prompt"])
                assert name in row["prompt"] or (asked[2] == owner and asked[1].startswith(target[:3]))
            known.add(name if letter != "BACK" else "")


# -- what is trained on ------------------------------------------------------------------------------------------------


def in_words(trained):
    params = {"bins": "train", "retry": {"rate": 0.5}, "trained": trained}
    return Source(load_spec("igsm-med-pq", params=params, sets={"tokenizer": "words"}))


@pytest.mark.parametrize("trained", ["completion", "without-names", "without-retries"])
def test_what_is_taken_back_is_not_trained_on(trained):
    """The mask of Part 2.2: a prompt, then a completion but for the spans that `trained` leaves out."""
    source, kind = in_words(trained), {"without-names": "retry_name", "without-retries": "retry"}.get(trained)
    left_out = 0
    for row in source.batch(0, 24).to_pylist():
        mask, spans = row["completion_mask"], row["latent"]["spans"]
        first = spans["step"][0]["start"] if not row["latent"]["retries"] else None
        within = {k for span in (spans[kind] if kind else []) for k in range(span["start"], span["end"])}
        begin = min([spans["step"][0]["start"], *(span["start"] for span in spans["retry"])])
        assert mask == [k >= begin and k not in within for k in range(len(mask))]
        assert first in (None, begin)
        assert source.verify(row), source.verify(row).reason
        if within:
            worse = {**row, "completion_mask": [m or k == min(within) for k, m in enumerate(mask)]}
            assert "not trained on" in source.verify(worse).reason
        left_out += len(within)
    assert (left_out > 0) == (kind is not None)
    whole = in_words("completion").batch(0, 24)
    assert source.batch(0, 24).column("input_ids").equals(whole.column("input_ids")), "the rows are the same"


def test_windows_and_phrases_leave_out_what_is_taken_back():
    shares = {}
    for tokenizer in ("words", "phrases"):
        for trained in ("completion", "without-names", "without-retries"):
            params = {"bins": "train", "retry": {"rate": 0.5}, "trained": trained}
            made = synthgen.windows(
                "igsm-med-pq", 2048, params=params, tokenizer=tokenizer, loss="completion", packing="row", lanes=1
            )
            targets = np.concatenate([batch["targets"] for batch in itertools.islice(made, 8)])
            shares[tokenizer, trained] = int((targets != -100).sum())
        whole, no_names, no_retries = (
            shares[tokenizer, one] for one in ("completion", "without-names", "without-retries")
        )
        assert whole > no_names > no_retries, shares


def test_without_retries_nothing_is_left_out():
    with pytest.raises(SynthgenError, match="trained = 'without-names' leaves out what is taken back"):
        synthgen.load("igsm-med-pq", params={"trained": "without-names"})
    assert synthgen.load("igsm-med-retry50", params={"edition": 1}).spec.content_id == CONTENT_ID, (
        "a later field leaves content ids as they are"
    )


# -- faults -----------------------------------------------------------------------------------------------------------


def with_retry(row, names):
    """Return a copy of a row, wrong definitions put before its first step; its count is kept in step."""
    text = "".join(f"Define {name} as BACK. " for name in names)
    fault = copy.deepcopy(row)
    fault["completion"] = " " + text + row["completion"][1:]
    fault["latent"]["retries"] += len(names)
    return fault


def test_planted_faults_are_found():
    source, tried = synthgen.load("igsm-med-retry50"), Counter()
    for row in source.batch(0, 120).to_pylist():
        clean = BACKS["paper"].sub("", row["completion"])
        computable = re.match(r" Define ([^;.]+) as ", clean)[1]
        query = re.findall(r"Define ([^;.]+) as ", clean)[-1]
        verdict = source.verify(with_retry(row, [computable]))
        assert "is no mistake" in verdict.reason
        if query != computable:
            verdict = source.verify(with_retry(row, [query, query]))
            assert "taken back twice" in verdict.reason
            verdict = source.verify(with_retry(row, [query]))
            assert not verdict.correct, "one more mistake is another row: its bits and spans differ"
            tried["known"] += 1
        assert "is no mistake" in source.verify(with_retry(row, ["Qwx's Zzyzx"])).reason
        for field, value in (("retries", row["latent"]["retries"] + 1), ("candidates", [])):
            verdict = source.verify({**row, "latent": {**row["latent"], field: value}})
            assert f"latent.{field}" in verdict.reason
        if row["latent"]["retries"]:
            assert "without retries" in source.verify({**row, "id": 0}, split="test").reason
            tried["clean"] += 1
    assert min(tried.values()) > 60


@pytest.mark.parametrize(
    "retry, says",
    [
        ({"rate": -0.1}, "from 0 up to, but not including, 1"),
        ({"rate": 1.0}, "from 0 up to, but not including, 1"),
        ({"rate": 1.5}, "from 0 up to, but not including, 1"),
        ({"rate": float("nan")}, "from 0 up to, but not including, 1"),
        ({"rate": 0.12345678}, "six digits"),
        ({"rate": 0.5, "kind": "strong"}, "'perfect', 'weak' or 'miss'"),
        ({"rate": 0.5, "often": 1}, "often"),
    ],
)
def test_wrong_settings_are_refused_with_the_valid_range(retry, says):
    with pytest.raises(SynthgenError, match=re.escape(says)):
        synthgen.load("igsm-med-pq", params={"retry": retry})


def test_the_command_line_sets_a_rate():
    assert load_spec("igsm-med-retry50", sets={"retry.rate": "0.1"}) is not None
    with pytest.raises(SynthgenError, match="levels of detail"):
        synthgen.load("igsm-med-pq", params={"retry": {"rate": 0.5}, "detail": 1})


# -- a model's solutions ----------------------------------------------------------------------------------------------


def test_what_a_model_takes_back_is_labelled_and_its_solution_still_right():
    source = synthgen.load("igsm-med-retry50")
    judged = []
    for row in source.batch(0, 60, "op15").to_pylist():
        names = re.findall(r"Define ([^;.]+) as ", row["completion"])
        said = with_retry(row, [names[-1], names[0], "Qwx's Zzyzx"])["completion"]
        verdict = source.verify(row["prompt"], said)
        assert verdict.correct
        assert [part["verdict"] for part in verdict.parts[:4]] == ["back", "needless", "unknown", "ok"]
        assert {name: verdict.parts[-1][name] for name in ("retries", "needless", "unknown", "steps")} == {
            "retries": 3, "needless": 1, "unknown": 1, "steps": len(names),
        }  # fmt: skip
        labels = regret_labels(source.task("op15").reader, row["prompt"], said)
        assert labels["can_next"].tolist() == [False, True, False] + [True] * len(names)
        assert labels["back"].tolist() == [True] * 3 + [False] * len(names)
        assert labels["nece"].tolist() == [True, True, False] + [True] * len(names)
        shown = [said[:end] for end in labels["end"]]
        assert [text.rsplit("Define ", 1)[1] for text in shown] == [names[-1], names[0], "Qwx's Zzyzx", *names]
        judged.append((row["difficulty"], verdict))
        judged.append((20, source.verify(row["prompt"], said.replace("BACK", "BACK; so", 1))))
        judged.append((9, source.verify(row["prompt"], row["completion"])))
    table = scores(judged)
    assert list(table) == ["9", "15", "20", "all"]
    assert table["15"] == {
        "solutions": 60, "accuracy": 1, "unreadable": 0, "retries": 3, "needless": 1, "unknown": 1, "redundant": 0,
    }  # fmt: skip
    assert table["20"]["unreadable"] == 1
    assert table["20"]["accuracy"] == 0
    assert table["9"]["retries"] == 0
    assert table["all"]["solutions"] == 180


def test_the_expected_number_is_the_mean():
    source = synthgen.load("igsm-hard-retry50")
    facts = source.entropy().facts
    rows = source.batch(0, 4000).column("latent").field("retries").to_numpy()
    assert abs(rows.mean() - facts["retries_a_problem"]) < 6 * rows.std() / math.sqrt(2000)
    assert facts["retries_a_step"] < facts["retries_a_step_untruncated"] == 1


# -- chains: the same law, in tokens ----------------------------------------------------------------------------------


def chain(**params):
    """Return the source of chains with params of one's own in every split that the spec does not name."""
    return synthgen.load("chain-retry50", params={"trained": "all", **params})


def sentences(row):
    """Return the tokens of the prompt and the sentences of five behind it."""
    ids = row["input_ids"]
    prompt = ids.index(8) + 2  # "?" and a name
    return ids[:prompt], [ids[at : at + 5] for at in range(prompt, len(ids), 5)]


def joined(steps):
    return [token for step in steps for token in step]


@pytest.mark.parametrize("kind", KINDS)
def test_chains_without_what_is_taken_back_are_the_clean_ones(kind):
    clean = chain().batch(0, 300, "own").to_pylist()
    rows = chain(retry={"rate": 0.5, "kind": kind}).batch(0, 300, "own").to_pylist()
    for row, other in zip(rows, clean, strict=True):
        prompt, steps = sentences(row)
        assert sentences(other) == (prompt, [step for step in steps if step[3] != 11])
    assert sum(row["latent"]["retries"] for row in rows) > 1000


def test_chains_never_take_back_what_could_be_computed():
    for row in chain(retry={"rate": 0.5, "kind": "perfect"}).batch(0, 2000, "own").to_pylist():
        prompt, steps = sentences(row)
        ends = [-1, *(at for at, token in enumerate(prompt) if token == 7)]
        lines = [prompt[a + 1 : b] for a, b in zip(ends, ends[1:], strict=False)]
        needs = {line[0]: line[2] for line in lines if len(line) == 5}
        known = set()
        for _, name, _, what, _ in steps:
            if what == 11:
                assert name in needs
                assert needs[name] not in known
                assert name not in known
            else:
                assert needs.get(name) is None or needs[name] in known
                known.add(name)


@pytest.mark.parametrize("kind, rate", [("perfect", 0.5), ("weak", 0.2), ("miss", 0.75)])
def test_chains_have_the_expected_number_of_retries(kind, rate, count=20_000):
    source = chain(retry={"rate": rate, "kind": kind})
    retried = source.batch(0, count, "own").column("latent").field("retries").to_numpy()
    expected = source.entropy("own").facts["retries_a_row"]
    assert abs(retried.mean() - expected) < 5 * retried.std() / math.sqrt(count)


@pytest.mark.parametrize("trained", ["completion", "without-names", "without-retries"])
def test_masks_of_chains(trained):
    rows = chain(trained=trained, retry={"rate": 0.5}).batch(0, 50, "own")
    for row in rows.to_pylist():
        prompt, steps = sentences(row)
        mask = [False] * len(prompt)
        for step in steps:
            wrong = {
                "completion": [1, 1, 1, 1, 1],
                "without-names": [1, 0, 1, 1, 1],
                "without-retries": [0, 0, 0, 1, 1],
            }
            mask += [bool(own) for own in wrong[trained]] if step[3] == 11 else [True] * 5
        assert row["completion_mask"] == mask


def test_faults_of_chains():
    source = synthgen.load("chain-retry50")
    for row in source.batch(0, 60).to_pylist():
        prompt, steps = sentences(row)
        clean = [step for step in steps if step[3] != 11]

        def with_back(*names, row=row, prompt=prompt, steps=steps):
            put = [own for name in names for own in (6 + 3, name, 10, 11, 7)]
            return {**row, "input_ids": prompt + put + joined(steps)}

        first, last = clean[0][1], clean[-1][1]
        assert "no mistake" in source.verify(with_back(first)).reason
        if steps == clean:
            assert "twice" in source.verify(with_back(last, last)).reason
        unknown = next(name for name in range(35, 99) if name not in prompt)
        said = with_back(first, last, unknown)["input_ids"]
        verdict = source.verify(prompt, said[len(prompt) :])
        assert verdict.correct
        found = verdict.parts[0]
        assert (found["needless"], found["unknown"]) == (1, 1)
        assert found["retries"] == 3 + len(steps) - len(clean)
        for at, reason in ((1, "unknown"), (3, "wrong arithmetic")):
            wrong = [*clean[0]]
            wrong[at] = unknown if at == 1 else 12 + (wrong[at] - 11) % 23
            assert source.verify(prompt, wrong + joined(clean[1:])).reason.startswith(reason)
        assert source.verify(prompt, joined(clean[1:])).reason.startswith("not ready")
        assert source.verify(prompt, joined(clean[:-1])).reason.startswith(("wrong target", "format"))
    for junk in (None, 3, "define", [], [1, 2], [8, 8], [12] * 7, [True], prompt[:-1]):
        assert not source.verify({"input_ids": junk}).correct
        assert not source.verify(junk, junk).correct


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("next_counts", [True, False])
def test_all_mistakes_are_those_that_are_asked_for_one_by_one(kind, next_counts):
    """`all` keeps what is left of them from step to step; `in` looks at each anew."""
    source = source_of(0.5, kind)
    for row in source.batch(0, 40).to_pylist():
        problem, (steps, _, _) = (
            source.task().reader.problem(row["prompt"]),
            source.task().reader.steps(row["completion"]),
        )
        mistakes = Mistakes(problem, steps, kind, next_counts)
        for step in steps:
            if not step.back:
                assert mistakes.all() == {parameter for parameter in problem.parameters() if parameter in mistakes}
                mistakes.go_on(step.parameter)
        assert kind != "weak" or not mistakes.all()

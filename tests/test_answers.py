"""Answers that trainers hand over: of every kind, as long as they like, and saying what they like.

Rewards can be neither hung nor bought: what an answer costs is bounded by its prompt, what it scores by what was asked.
"""

import functools
import random
import re
import time
from pathlib import Path

import evaluators
import numpy as np
import pytest
import torch
from helpers import SPECS, loaded
from hypothesis import given, settings
from hypothesis import strategies as st

import synthgen
from synthgen.task.answers import MOST_CHARACTERS, MOST_TOKENS, ROOM, longest_read
from synthgen.task.ids import ids_of

JUDGED = (
    "copy-tiny", "recall-tiny", "mano-tiny", "depo1-tiny", "brevo1-tiny", "chain-retry50", "cfg3b", "cfg3f-cut50",
    "igsm-med-retry50", "igsm-med-qp", "know-classify-month", "cfg-curriculum",
    "relations-3hop", "history-questions", "birthyear-3-2", "stories-boxes",
)  # fmt: skip
"""A spec of every task whose answers are judged."""

FOREIGN = st.text() | st.text(alphabet="0123456789²٣１०一Ⅷ½-+*=.;: \u00a0\u2028\u202e\x00abcXYZ'", max_size=200)


@functools.cache
def asked(name):
    """Return a source, one of its splits, and a row's prompt and right answer."""
    source = loaded(name)
    split = next(iter(source.splits))
    row = source.row(0, split)
    prompt = evaluators.asked(row)
    return source, split, prompt, row["completion"] if "completion" in row else row["input_ids"][len(prompt) :]


def best_of_three(function):
    times = []
    for _ in range(3):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return min(times)


# -- kinds --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", JUDGED)
def test_an_answer_may_come_as_text_ids_arrays_or_messages(name):
    source, split, prompt, answer = asked(name)
    if isinstance(answer, str):
        talk = [{"role": "user", "content": "?"}, {"role": "assistant", "content": answer}]
        kinds = [(prompt, answer), (prompt, talk), ([{"role": "user", "content": prompt}], talk)]
    else:
        kinds = [(np.array(prompt), np.array(answer, np.uint16)), (tuple(prompt), torch.tensor(answer))]
        kinds += [(prompt, [*map(np.int64, answer)]), (torch.tensor(prompt), [torch.tensor(i) for i in answer])]
    for kind in kinds:
        assert source.verify(*kind, split=split).correct
        assert source.reward(*([one] for one in kind), split=split) == [1.0]


def test_a_message_may_have_parts_or_call_a_tool():
    """What else a chat model may give: parts of content, of which the texts count, and a call in the place of words."""
    source = synthgen.load("igsm-med-pq")
    row = source.row(0)
    half = len(row["completion"]) // 2
    parts = [{"type": "text", "text": row["completion"][:half]}, {"type": "image", "url": "x"}]
    parts += [{"type": "text", "text": row["completion"][half:]}]
    call = {"role": "assistant", "content": None, "tool_calls": [{"type": "function", "function": {"name": "f"}}]}
    said = [[{"role": "assistant", "content": parts}], [call], [{"role": "assistant", "content": parts[:2]}]]
    assert source.reward([row["prompt"]] * 3, said) == [1.0, 0.0, 0.0]
    with pytest.raises(ValueError, match="1 prompts and 3 completions: give one for each"):
        source.reward([row["prompt"]], said)


@pytest.mark.parametrize(
    "kind, says",
    [
        (None, "None"),
        (b" 1.", "a bytes"),
        (b" 1." * 10**6, "a bytes"),
        (7, "an int"),
        ({"content": " 1."}, "a dict"),
        (iter([1]), "a list_iterator"),
        (np.float64(1), "a float64"),
        (np.array(3), "a ndarray"),
        ([True], "a list with a bool at place 0"),
        ([1, 2.0], "a list with a float at place 1"),
        (np.array([True]), "a list with a bool at place 0"),
        ([np.bool_(True)], "a list with a bool at place 0"),
        (torch.tensor([0.5]), "a list with a float at place 0"),
        ([torch.tensor(True)], "a list with a Tensor at place 0"),
        ([3, "I do not know"], "a list with a str at place 1"),
        ([[1, 2]], "a list with a list at place 0"),
        ([{"role": "assistant"}], "a list of messages whose last one has None as its content"),
        ([{"content": [1]}], "a list of messages whose last one has a list as its content"),
    ],
)
def test_another_kind_is_named_and_never_a_silent_nothing(kind, says):
    for name in ("copy-tiny", "igsm-med-qp"):
        source, split, prompt, answer = asked(name)
        for part, pair in (("completion", (prompt, kind)), ("prompt", (kind, answer))):
            with pytest.raises(TypeError, match=re.escape(f"the {part} is {says}")):
                source.reward(*([one] for one in pair), split=split)
            if kind is not None:
                verdict = source.verify(*pair, split=split)
                assert not verdict.correct and verdict.score == 0 and says in verdict.reason
    with pytest.raises(TypeError, match="completions is a str"):
        synthgen.load("igsm-med-qp").reward(["a", "b"], "ab")
    with pytest.raises(ValueError):
        synthgen.load("igsm-med-qp").reward(["a", "b"], ["a"])


def test_the_columns_of_a_dataset_are_no_options():
    """TRL passes every column as a keyword, `split` and `self` too, each a list."""
    source, _, prompt, answer = asked("igsm-med-qp")
    columns = {
        "split": ["test"],
        "self": [1],
        "row": [0],
        "latent": [{}],
        "trainer_state": None,
        "completion_ids": [[5]],
    }
    assert source.reward(prompts=[prompt], completions=[answer], **columns) == [1.0]
    assert functools.partial(source.reward, split="op15")([prompt], [answer], split=["train"]) == [1.0]


# -- what answers say ---------------------------------------------------------------------------------------------------


def igsm_says(answer, name="igsm-med-qp"):
    source, split, prompt, _ = asked(name)
    return source.verify(prompt, answer, split=split)


def test_digits_are_ascii_digits_without_leading_noughts():
    source = synthgen.load("igsm-med-qp")
    tried = 0
    for row in source.batch(0, 30, "test").to_pylist():
        right = row["completion"]
        for match in re.finditer(r"[0-9]+", right):
            number = match[0]
            foreign = [number.translate({48 + d: base + d for d in range(10)}) for base in (0x660, 0xFF10, 0x966)]
            for other in (*foreign, "²", "0" + number, "+" + number, "-" + number, number + "_0", "1" * 5000):
                verdict = source.verify(
                    row["prompt"], right[: match.start()] + other + right[match.end() :], split="test"
                )
                assert not verdict.correct, (other, right)
                tried += 1
        for match in re.finditer(r"equals ([0-9]+)", row["prompt"]):
            other = row["prompt"].replace(match[0], "equals ٣")
            assert "cannot be read" in source.verify(other, right, split="test").reason
    assert tried > 1000


@pytest.mark.parametrize("name", [*JUDGED, "bios-multi5-permute", "biod"])
def test_foreign_answers_get_a_verdict_at_once(name):
    source, split, prompt, answer = asked_of(name)
    ids = st.lists(st.integers(-(2**70), 2**70) | st.integers(0, 70_000), max_size=200)

    @settings(max_examples=25, deadline=None, database=None, derandomize=True)
    @given(FOREIGN | ids, FOREIGN | ids)
    def feed(question, said):
        pairs = [(prompt, said), (question, answer), (question, said)]
        if isinstance(answer, str) and isinstance(said, str):
            at = len(answer) // 2
            pairs.append((prompt, answer[:at] + said + answer[at:]))
        for pair in pairs:
            verdict = source.verify(*pair, split=split)
            assert 0 <= verdict.score <= 1 and (verdict.correct or verdict.reason)
            assert source.reward(*([one] for one in pair), split=split) == [verdict.score]

    feed()


def asked_of(name):
    """Return `asked`, or for rows without prompts an answer that is the row."""
    if name in JUDGED:
        return asked(name)
    source = synthgen.load(name, params={"people": 20} if name.startswith("bios") else {"N": 20})
    row = source.row(0)
    return source, "train", "", row.get("text", row.get("input_ids"))


@pytest.mark.parametrize("name", JUDGED)
def test_rows_of_foreign_values_get_a_verdict(name):
    source, split, _, _ = asked(name)
    row = source.row(0, split)
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | FOREIGN | st.lists(st.integers(0, 2**70)),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    )

    @settings(max_examples=25, deadline=None, database=None, derandomize=True)
    @given(st.sampled_from([*row]), values, values)
    def feed(field, value, other):
        assert not source.verify(other, split=split).correct
        assert source.verify({**row, field: value}, split=split).reason or row[field] == value or field == "id"

    feed()


# -- what answers cost --------------------------------------------------------------------------------------------------


def long_ones(name, answer, size, prompt):
    """Return answers of about `size` characters or tokens that begin like right ones, and what is easy to say often."""
    times = size // len(answer) + 1
    if isinstance(answer, str):
        yield from ((answer * times)[:size], ("(" * size), (" " + "Define A's B as BACK. " * times)[:size])
        head, _, end = answer.rpartition(" Answer:")
        if head:
            step = " Define Qwx's Zz as {}; so {} = 1 + 1 = 1 + 1 = 2."
            letters = [a + b for a in "ABCDEFGHIJ" for b in "abcdefghij"]
            steps = "".join(step.format(letter, letter) for letter in letters * (size // 5000 + 1))
            yield f"{steps[: size - len(answer)]}{head} Answer:{end}"
            yield f"{head * (size // len(head) + 1)} Answer:{end}"
            doubled = [f"{b} = {a} + {a} = 2 + 2 = 4" for a, b in zip(letters, letters[1:] * 2, strict=False)]
            sums = "; ".join((["Aa = 1 + 1 = 1 + 1 = 2", *doubled] * (size // 2500 + 1))[: size // 26])
            yield answer.replace("; so", f"; {sums}; so", 1)
    else:
        yield from ((answer * times)[:size], answer[:1] * size, (answer[:-1] * times)[:size])
        if name.startswith("chain"):
            spam = [8 + 1, answer[1] if answer[0] == 9 else answer[0], 10, 11, 7]
            yield answer[-(len(answer) % 5) or len(answer) :] + spam * (size // 5) + answer


@pytest.mark.parametrize("name", JUDGED)
def test_long_answers_cost_little(name):
    """A guarded answer costs nothing beyond its cap, and a judge's work below it grows no faster than the answer."""
    source, split, prompt, answer = asked(name)
    task, text = source.task(split), isinstance(answer, str)
    most = longest_read(task, prompt, text)
    assert most >= max(ROOM * len(answer), MOST_CHARACTERS if text else MOST_TOKENS)
    for long in long_ones(name, answer, 10 * most, prompt):
        assert len(long) <= most or "are read" in source.verify(prompt, long, split=split).reason
    cases = zip(*(long_ones(name, answer, size, prompt) for size in (1000, 10_000, 100_000, most - 500)), strict=True)
    for case in cases:
        small, middle, large, full = (best_of_three(lambda a=a: task.judge(prompt, a)) for a in case)
        if not name.startswith("cfg"):  # theirs grows with a power that the chart states, and stops at a first error
            assert middle < 30 * small + 0.02 and large < 30 * middle + 0.1, (small, middle, large)
        assert full < 0.1, full


def test_a_step_puts_together_no_more_than_the_problem_does():
    """Doubling letter by letter makes a calculation of 2^25 numbers out of 656 characters."""
    source = synthgen.load("igsm-med-qp")
    letters = "abcdefghijklnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    value, operations = 2, ["a = 1 + 1 = 1 + 1 = 2"]
    for one, other in zip(letters, letters[1:26], strict=False):
        operations.append(f"{other} = {one} + {one} = {value} + {value} = {2 * value % 23}")
        value = 2 * value % 23
    row = source.row(0, "test")
    head = row["completion"].split(" as ")[0]
    said = f"{head} as m; {'; '.join(operations)}; so m = z + z = {value} + {value} = {2 * value % 23}. Answer: 15."
    for name, details in (("igsm-med-qp", range(12)), ("igsm-open", (0, 1))):
        for detail in details:
            hidden = synthgen.load(name, params={"detail": detail})
            for prompt in (row["prompt"], hidden.row(0, "test")["prompt"]):
                verify = functools.partial(hidden.verify, prompt, said, split="test")
                assert not verify().correct
                assert best_of_three(verify) < 0.1


# -- what answers score -------------------------------------------------------------------------------------------------


def test_queries_that_a_model_puts_to_itself_buy_nothing():
    source = synthgen.load("depo1-tiny")
    names = {name: token_id for token_id, name in source.vocab.names.items()}
    for row in source.batch(0, 40, "test").to_pylist():
        prompt, said = row["input_ids"], row["completion_mask"].index(True)
        prompt, said = prompt[:said], prompt[said:]
        tail, head = prompt[1:3] if prompt[0] == names["<edge>"] else prompt[:2]
        easy = [names["<1>"], tail, names["<ans>"], head]
        other = next(token for token in prompt[1:] if token in {*prompt[1:3], *prompt[4:6]} and token != said[1])
        wrong = [said[0], other]
        for times in (0, 1, 2, 200, 50_000):
            assert source.reward([prompt], [wrong + easy * times], split="test") == [0.0]
        assert (
            source.reward([prompt], [said[:2]], split="test") == source.reward([prompt], [said], split="test") == [1.0]
        )
        assert source.reward([prompt], [said[:2] + easy * 200], split="test") == [0.0]
        cut = prompt[: len(prompt) - 2]  # nothing is asked: then all of a row's queries must come
        assert source.verify(cut, [*prompt[-2:], *said], split="test").correct
        assert not source.verify(cut, easy, split="test").correct


def test_shares_are_shares_of_what_was_asked():
    copy, recall = synthgen.load("copy-tiny"), synthgen.load("recall-tiny")
    ids, n = copy.row(0)["input_ids"], copy.task().params.tokens
    assert copy.reward([ids[: n + 1]], [[*ids[n + 1 : -1], ids[0], *ids[:1] * 10**6]]) == [0.0]
    assert copy.reward([ids[: n + 1]], [[*ids[n + 1 :], ids[0]]]) == [0.0]
    assert copy.reward([ids[: n + 1]], [ids[n + 1 : n + 9]]) == [8 / n]
    assert copy.reward([ids[: n + 9]], [[]]) == [0.0], "what the prompt holds is nobody's merit"
    assert copy.reward([ids[: n + 9]], [ids[n + 9 : n + 11]]) == [2 / (n - 8)]
    ids, n = recall.row(0)["input_ids"], recall.task().params.pairs
    wrong = [*ids[:-1], next(value for value in ids[1 : 2 * n : 2] if value != ids[-1])]
    assert recall.reward([ids[: 2 * n]], [wrong[2 * n :]]) == [(n - 1) / n]
    assert recall.reward([ids[:-1]], [wrong[-1:]]) == [0.0]
    assert recall.reward([ids[:-3]], [wrong[-3:]]) == [0.5]


def test_junk_between_tokens_is_not_dropped():
    source, split, prompt, answer = asked("cfg-curriculum")
    for junk in ("I do not know", None, 1.5, True):
        mixed = [one for token in answer for one in (token, junk)]
        assert not source.verify(prompt, mixed, split=split).correct
        with pytest.raises(TypeError, match="at place 1"):
            source.reward([prompt], [mixed], split=split)


def test_taking_back_is_worth_nothing_without_retries_and_bounded_with_them():
    for name, most in (("igsm-med-qp", 1), ("igsm-med-retry50", 16)):
        source = loaded(name)
        row = source.row(0, "test")
        back = row["completion"].split(" as ")[0] + " as BACK."
        for times in (0, 1, 2, 16, 100, 20_000):
            verdict = source.verify(row["prompt"], back * times + row["completion"], split="test")
            assert (verdict.score == 1) == verdict.correct == (times <= most)
            assert verdict.correct or verdict.score == 0
        spread = row["completion"].replace(" Define", f"{back} Define")
        assert source.verify(row["prompt"], spread, split="test").correct == (most > 1)
    chains = Path(__file__).parents[1] / "specs/experiments/data/chains.toml"
    for source, most in ((synthgen.load(chains), 1), (synthgen.load("chain-retry50"), 16)):
        ids = source.row(0, "test")["input_ids"]
        cut = ids.index(8) + 2
        spam = [9, ids[cut - 1], 10, 11, 7]
        for times in (0, 1, 2, 16, 100, 20_000):
            assert source.verify(ids[:cut], spam * times + ids[cut:], split="test").correct == (times <= most)


def test_talk_before_an_answer_is_no_hint():
    source = synthgen.load("know-classify-month")
    for row in source.batch(0, 30).to_pylist():
        answer = row["completion"][1:-1].split("; ")[-1]
        assert source.verify(row["prompt"], f" {answer}.").correct
        for talk in ("Let me think", "٣", "", "January February", "x" * 9000):
            assert source.reward([row["prompt"]], [f" {talk}; {answer}."]) == [0.0]


# -- second evaluators --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", evaluators.EVALUATORS)
def test_verifiers_agree_with_second_evaluators(name):
    wrong, right = evaluators.disagreements(name, 40 if name.startswith("cfg") else 120)
    assert not wrong, wrong[:3]
    assert right >= 5


@pytest.mark.slow
def test_a_hundred_thousand_mutated_answers():
    """No disagreement; the seed is new every time, and told where there is one."""
    seed, fed = random.SystemRandom().randrange(10**6), 0
    for name in evaluators.EVALUATORS:
        number = 1000 if name.startswith("cfg") else 5250
        wrong, right = evaluators.disagreements(name, number, seed % 1000)
        assert not wrong, (seed, wrong[:3])
        assert right > number // 20
        fed += number
    assert fed >= 100_000


def test_ids_are_taken_as_they_are():
    assert ids_of(range(3)) == ids_of(np.arange(3)) == ids_of(torch.arange(3)) == [0, 1, 2]
    assert ids_of([]) == [] and ids_of([2**80]) == [2**80]
    assert set(JUDGED) & set(SPECS.values())

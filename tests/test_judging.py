"""Judging models that are not ours: layouts that chat models write, in the three modes, and what cannot be bought."""

import functools
import math
import time

import layouts
import pytest
from helpers import SPECS, loaded

import synthgen
from synthgen.errors import SynthgenError
from synthgen.spec.judges import PART, Judges
from synthgen.spec.spec import shipped_specs
from synthgen.task.answers import longest_read, prompt_of
from synthgen.task.judging import MOST_FREE, NUMBER, Unclear, final_answer
from synthgen.task.markup import edges_of
from synthgen.tasks.igsm.reading.shots import few_shot, worded

load = functools.cache(synthgen.load)


def first_split(source):
    return next(iter(source.splits))


def judged(name, kind, book, mode):
    """Return what each layout of a kind is judged, filled in from rows of a spec."""
    source = loaded(name)
    for prompt, said, layout in layouts.cases(name, kind, book):
        verdict = source.verify(prompt, said, split=first_split(source), mode=mode)
        assert verdict.mode == mode
        yield verdict, said, layout


# -- layouts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, kind", [(name, kinds[0]) for name, kinds in layouts.FAMILIES.items()])
def test_final_answers_in_any_layout(name, kind):
    """40 layouts of right answers or more, and as many of wrong ones; a listing is its own steps."""
    for mode in ("answer", "steps") if "brevo" in name else ("answer",):
        for book, right in ((layouts.RIGHT, True), (layouts.WRONG, False)):
            verdicts = list(judged(name, kind, book, mode))
            assert len(verdicts) >= 40
            for verdict, said, _ in verdicts:
                assert verdict.correct == right and (verdict.score == 1) == right, (said, verdict.reason)
                assert right or verdict.reason


@pytest.mark.parametrize("name", [name for name, kinds in layouts.FAMILIES.items() if "solution" in kinds])
def test_steps_in_any_order_and_layout(name):
    """A right answer behind wrong steps, or behind none, is right as an answer and wrong as a solution."""
    for verdict, said, _ in judged(name, "solution", layouts.RIGHT, "steps"):
        assert verdict.correct, (said, verdict.reason)
    for verdict, said, _ in judged(name, "solution", layouts.RIGHT, "answer"):
        assert verdict.correct, (said, verdict.reason)
    answered = 0
    for verdict, said, _ in judged(name, "solution", layouts.WRONG, "steps"):
        assert not verdict.correct and verdict.score == 0 and verdict.reason, said
    for verdict, _, layout in judged(name, "solution", layouts.WRONG, "answer"):
        answered += verdict.correct and "change" in layout
    assert answered >= 20, "most of the wrong solutions end in the right answer"


@pytest.mark.parametrize("name", sorted({*SPECS.values()}))
def test_what_is_right_is_right_in_every_mode_plain_and_in_a_chat(name):
    check_chat(loaded(name))


def check_chat(source):
    """Rows' answers, as they are and as a chat model's client hands them over: stripped, with end marks, as messages."""
    split = first_split(source)
    task = source.task(split)
    for row in source.batch(0, 3, split).to_pylist():
        if "prompt" in row:
            prompt, said = row["prompt"], row["completion"]
            if not prompt:  # a document, among questions
                continue
            text = said
        elif "completion_mask" in row:
            cut = row["completion_mask"].index(True)
            prompt, said = row["input_ids"][:cut], row["input_ids"][cut:]
            text = None if task.name in ("mixture", "qa") or task.encoded("") == "" else task.spelt(said)
        else:
            return
        ended = [*said, source.vocab.eos] if text is None else f"```\n{text.strip()}\n```<|im_end|>\n"
        kinds = [said, ended, [{"role": "user", "content": "?"}, {"role": "assistant", "content": ended}]]
        if text is not None:
            kinds += [
                text.strip(),
                [{"role": "assistant", "content": [{"type": "text", "text": text.strip() + "</s>"}]}],
            ]
        for kind in kinds if text is not None else kinds[:2]:
            for mode in task.modes:
                verdict = source.verify(prompt, kind, split=split, mode=mode)
                assert verdict.correct and verdict.mode == mode, (kind, mode, verdict.reason)
                assert source.reward([prompt], [kind], split=split, mode=mode) == [1.0]


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped_specs())
def test_chat_and_plain_are_equal_for_every_spec(name):
    check_chat(loaded(name))


# -- modes --------------------------------------------------------------------------------------------------------------


def test_a_mode_that_there_is_not_is_an_error_and_never_a_silent_nothing():
    igsm, mano = load("igsm-med-qp"), load("mano-tiny")
    row = mano.row(0)["input_ids"]
    for ask in (mano.verify, lambda *pair, mode: mano.reward(*([one] for one in pair), mode=mode)):
        with pytest.raises(SynthgenError, match="task 'mano' has no steps to judge; its modes are strict, answer"):
            ask(row[:-1], row[-1:], mode="steps")
        with pytest.raises(
            SynthgenError, match=r"mode 'anser': there is strict, steps, answer \(did you mean 'answer'"
        ):
            ask(row[:-1], row[-1:], mode="anser")
    with pytest.raises(SynthgenError, match="no final answer"):
        load("bios-single").verify("", "text", mode="answer")
    row = igsm.row(0)
    columns = {"split": ["test"], "mode": ["steps"]}
    assert igsm.reward([row["prompt"]], [row["completion"]], **columns) == [1.0], "a column is no option"
    assert igsm.verify(row["prompt"], 7, mode="answer").mode == "answer"
    assert igsm.verify(row).mode == "strict"


def test_strict_is_the_papers_text_but_for_its_edges():
    source = load("igsm-med-pq")
    for row in source.batch(0, 5).to_pylist():
        said, answer = row["completion"], row["latent"]["answer"]
        for edges in ("{}", "{}\n\n", "```\n{}\n```", "{}<|im_end|>", "\n {}</s>\n"):
            assert source.verify(row["prompt"], edges.format(said.strip())).correct
            assert source.verify(row["prompt"], edges.format(said.strip().removesuffix("."))).correct
        for other in (
            f"Answer: {answer}.",
            f"So:{said}",
            f"{said} Done.",
            said.replace(". ", ".\n"),
            f"{said}.",
            f"> {said}",
        ):
            assert not source.verify(row["prompt"], other).correct
        assert not source.verify({**row, "completion": said.strip()}).correct, "a row has its edges"


def test_anybody_can_be_asked_a_problem_and_is_told_its_rules():
    for name in ("igsm-med-pq", "igsm-open-boxes"):
        source = loaded(name)
        row, reader = source.row(3), source.task().reader
        asked = worded(reader, row["prompt"])
        assert (
            "modulo 23" in asked and "from 0 to 22" in asked and row["prompt"] in asked and "Background: There" in asked
        )
        shots = few_shot(reader, row, [source.row(5)])
        talk = [{"role": "system", "content": "You are helpful."}, {"role": "user", "content": asked}]
        for prompt in (asked, talk, shots):
            assert source.verify(prompt, row["completion"].strip()).correct
            assert source.verify(prompt, f"It is {row['latent']['answer']}.", mode="answer").correct
            assert not source.verify(prompt, f"It is {row['latent']['answer'] + 1}.", mode="answer").correct
        lines = [
            f"{name} = {numbers} = {value}" for name, _, _, numbers, value in layouts.igsm_steps(row["completion"])
        ]
        said = "\n".join([*lines, f"Answer: {row['latent']['answer']}"])
        assert source.verify(talk, [{"role": "assistant", "content": said}], mode="steps").correct
        asked_first = lines[-1].partition(" = ")[0]
        assert asked_first in asked, "the prompt names what it asks for as it is to be named"


# -- policies -----------------------------------------------------------------------------------------------------------

CHANCE = {
    "mano-tiny": ("guess_accuracy", 400),
    "igsm-med-qp": ("constant_guess", 150),
    "chain-retry50": ("uniform_guess_accuracy", 200),
    "depo1-tiny": ("guess_accuracy", 200),
    "birthyear-3-2": ("", 150),
    "qa-extract": ("", 60),
}
"""Facts with the exact chance of a guess, and how many rows are asked; 1 in the number of answers where none says so."""


@pytest.mark.parametrize("name", CHANCE)
def test_constant_and_guess_all_policies_score_no_more_than_chance(name):
    source = loaded(name)
    split, (fact, rows) = first_split(source), CHANCE[name]
    told = source.entropy(split).facts.get(fact, 0.0)
    chance = told["share"] if isinstance(told, dict) else told
    asked = [layouts.asked(source, row) for row in source.batch(0, rows, split).to_pylist()]
    prompts, answers = zip(*asked, strict=True)
    everything = sorted(set(answers))
    chance = chance or max(answers.count(one) for one in everything) / rows
    most = chance + 4 * math.sqrt(chance * (1 - chance) / rows)
    reward = functools.partial(source.reward, list(prompts), split=split, mode="answer")
    constant = max(everything, key=answers.count)
    for said in (constant, f"Answer: {constant}", f"\\boxed{{{constant}}}"):
        assert sum(reward([said] * rows)) / rows <= most
    for join, frame in (
        (" ", "{}"), (", ", "Answer: {}"), ("\n", "{}"), ("\nAnswer: ", "Answer: {}"), (" or ", "It is {}."),
        ("\\boxed{}", "{}"), ("</answer><answer>", "<answer>{}</answer>"), ('", "', '{{"answer": ["{}"]}}'),
        (". No, wait: ", "The answer is {}."), ("\n#### ", "#### {}"),
    ):  # fmt: skip
        assert sum(reward([frame.format(join.join(everything))] * rows)) == 0, (join, frame)


def test_what_is_said_is_read_without_knowing_what_is_right():
    """One text names one number, or none: so whatever it says, it is right for one answer at most."""
    assert final_answer("So, **Answer:** 7 Robins", NUMBER) == "7"
    assert final_answer("3 + 4 = 7", NUMBER) == final_answer("Total: 30 mod 23 = 7 (mod 23)", NUMBER) == "7"
    for said in (
        "7 or 8",
        "x7",
        "7.5",
        "7,5",
        "1/7",
        "07",
        "Answer: 3 4",
        "Is it 7?",
        "not 7",
        '"7" is what he said',
        "",
    ):
        with pytest.raises(Unclear):
            final_answer(said, NUMBER)
    assert edges_of("```\n Answer: 7.</s>\n```<|im_end|>") == "Answer: 7.</s>"


# -- cost ---------------------------------------------------------------------------------------------------------------


def costs(source, prompt, text, split, mode):
    """Return the seconds that a verdict takes; the least of three, where the first one is not far below the limit."""
    least = math.inf
    for _ in range(3):
        started = time.process_time()
        source.verify(prompt, text, split=split, mode=mode)
        least = min(least, time.process_time() - started)
        if least < 0.05:
            break
    return least


@pytest.mark.parametrize("name", ["igsm-med-qp", "relations-2hop", "brevo2-tiny", "stories-boxes"])
def test_hostile_texts_are_refused_at_once(name):
    source = loaded(name)
    split = first_split(source)
    task = source.task(split)
    row = source.row(0, split)
    prompt, answer = layouts.asked(source, row)
    said = answer if isinstance(answer, str) else " ".join(answer)
    pieces = [f"{said} ", f"answer {said} ", f"Answer: {said}\n", "answer is\n", "= ", "(", "(a ", "* ", "\\boxed{", "{", "[", '"',
              '"a', "<answer>", "<think>", "</think>", "```\n", "> ", "| a ", "|", ". ", "\n", " ", "(mod ", "mod 2 ", "isn't ", "$",
              "9 * ", "Let m be ", "A ", "Aa Bb's ", "Cc in each ", '{"a": ', "1. ", "- "]  # fmt: skip
    if name.startswith("igsm"):
        quantity = layouts.igsm_steps(row["completion"])[0][0]
        pieces += [f"{quantity} ", f"{quantity} = 1\n", f"a = {quantity} * a\n", f"{quantity} = 1 + ", "a = a * a\n"]
    most = longest_read(task, prompt if isinstance(prompt, str) else list(prompt), True)
    for piece in pieces:
        for size in {min(most, MOST_FREE), most}:
            for text in ((piece * size)[:size], f"{(piece * size)[: size - 40]}\nAnswer: {said}"[-size:]):
                for mode in task.modes[1:]:
                    assert costs(source, prompt, text, split, mode) < 0.1, (piece, mode, size)
    thought = f"<think>{'hm ' * 100_000}</think>Answer: {said}"
    assert source.verify(prompt, thought, split=split, mode="answer").correct


# -- many at a time -----------------------------------------------------------------------------------------------------


def test_many_are_judged_as_one_by_one():
    """By two processes, in order, whole rows and answers; some of them wrong."""
    source = load("copy-tiny")
    split = first_split(source)
    batch = source.batch(0, 2 * PART + 10, split)
    rows = batch.to_pylist()
    prompts = [prompt_of(row) for row in rows]
    said = [row["input_ids"][len(prompt) :] for row, prompt in zip(rows, prompts, strict=True)]
    said = [one if place % 3 else one[::-1] for place, one in enumerate(said)]
    with Judges(source, workers=2) as judges:
        assert judges.verify(batch, split=split) == [source.verify(row, split=split) for row in rows]
        verdicts = judges.verify(prompts, said, split=split)
        assert verdicts == [source.verify(*pair, split=split) for pair in zip(prompts, said, strict=True)]
        assert 0 < sum(verdict.correct for verdict in verdicts) < len(said)
        assert judges.reward(prompts, said, split=split) == source.reward(prompts, said, split=split)
        with pytest.raises(TypeError, match="None"):
            judges.reward(prompts, [*said[:-1], None], split=split)


def test_what_cannot_be_judged_is_told_before_a_process_starts():
    source = load("copy-tiny")
    with pytest.raises(SynthgenError, match="workers = 0"):
        Judges(source, workers=0)
    with Judges(source) as judges:
        with pytest.raises(ValueError, match="1,000 prompts and 999 completions"):
            judges.verify(["x"] * 1000, ["y"] * 999)
        with pytest.raises(SynthgenError, match="mode 'lenient'"):
            judges.verify(["x"] * 1000, ["y"] * 1000, mode="lenient")
        with pytest.raises(TypeError, match="completions is a str"):
            judges.reward(["x"], "y")
        assert judges._pool is None

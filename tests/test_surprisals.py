"""Bits for each token: they sum to those of the row, every law of the next token to 1, and enumeration agrees."""

import math
import random
from pathlib import Path

import numpy as np
import pytest
from helpers import loaded

import synthgen
from synthgen.errors import SynthgenError
from synthgen.exact.draw import Keys
from synthgen.exact.tape import enumerate_tapes
from synthgen.spec.spec import load_spec, shipped_specs
from synthgen.task.arrow import said_in, schema_of, to_batch
from synthgen.task.rows import Tokens
from synthgen.tasks import task_class

OFFERED = [name for name in shipped_specs() if not loaded(name).task().without_surprisals]
"""Specs whose law is known token by token."""


def said_of(row):
    return row["input_ids"] if "input_ids" in row else row.get("text") or row["prompt"] + row["completion"]


def prompt_of(task, row):
    """How many tokens of a row only have bits as a whole."""
    if not task.prompt_at_once:
        return 0
    return len(row["prompt"]) if "prompt" in row else row["completion_mask"].index(True)


def solution_bits(row):
    """What the ledger has of the completion of a row whose prompt has bits as a whole."""
    latent, bits = row["latent"], row["bits"]
    if "solution" in bits:
        return bits["solution"] + bits["retries"]
    return latent["solution_floor"] + bits.get("retries", 0.0) if "solution_floor" in latent else bits["answer"]


def law_sums_to_one(task, said, place, tokens, number=0):
    """What may stand at a place, and the end there, have the chances of all that may come next."""
    start = said[:place]
    total = 2.0 ** -task.surprisals(start, number)[-1]
    for token in tokens:
        more = start + token if isinstance(said, str) else [*start, token]
        total += 2.0 ** -task.surprisals(more, number)[place]
    assert math.isclose(total, 1, rel_tol=1e-9), (start, total)


def agrees_with_its_rows(name, rows):
    source = loaded(name)
    task, entropy = source.task(), source.entropy(estimates=False)
    mixed = "row_shares" in entropy.facts
    for row in source.batch(0, rows).to_pylist():
        bits, prompt = source.surprisals(row), prompt_of(task, row)
        assert bits.shape == (len(said_of(row)) + 1,)
        if prompt:
            assert (bits[: prompt - 1] == 0).all()
            completion = bits[prompt:].sum()
            assert math.isclose(completion, solution_bits(row), abs_tol=1e-9) or np.isnan(completion)
            if np.isnan(bits).any():  # rare: see docs/bits.md
                continue
        assert (bits >= 0).all()
        assert np.isfinite(bits).all()
        booked = row["bits"]["total"]
        if mixed:  # the component costs its share, where the ledger has what its block has left of it
            kind = row["latent"]["kind"]
            share = task.slots.stage_of(row["id"]).quotas[kind] / task.slots.block
            booked += task.components[kind].task.entropy(estimates=False).unbooked - math.log2(share)
            booked -= row["bits"]["kind"]
        elif task.exposure_field and task.exposure_field in row["latent"]:
            booked += math.log2(task.rows_max / row["latent"][task.exposure_field])
        else:
            booked += entropy.unbooked
        if entropy.hidden:
            assert bits.sum() <= booked + 1e-9, "all ways together are no less likely than one"
        else:
            assert math.isclose(bits.sum(), booked, abs_tol=1e-9)
    return task


@pytest.mark.parametrize("name", OFFERED)
def test_bits_of_tokens_sum_to_the_bits_of_the_row(name):
    agrees_with_its_rows(name, 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", OFFERED)
def test_bits_of_tokens_of_many_rows(name):
    task = agrees_with_its_rows(
        name, 20 if any(long in name for long in ("perturb", "depo2-n", "brevo1-n", "n50")) else 200
    )
    chance = random.Random(name)
    for row in loaded(name).batch(200, 204).to_pylist():
        said, prompt = said_of(row), prompt_of(task, row)
        if prompt and np.isnan(loaded(name).surprisals(row)[prompt:]).any():
            continue
        tokens = sorted(set(said)) if isinstance(said, str) else list(task.vocab.names)
        if isinstance(said, str):
            tokens = [chr(i) for i in range(32, 127)] + sorted(set(said) - set(map(chr, range(32, 127))))
        if len(tokens) < 5000:
            for place in chance.sample(range(prompt, len(said) + 1), 3):
                law_sums_to_one(task, said, place, tokens, row["id"])


TOKEN_SPECS = "copy-tiny recall-tiny mano-tiny cfg3b cfg3f-implicit cfg-curriculum depo2-tiny chain-retry50 brevo2-tiny"


@pytest.mark.parametrize("name", TOKEN_SPECS.split())
def test_the_law_of_the_next_token_sums_to_one(name):
    source = loaded(name)
    chance, task = random.Random(name), source.task()
    for row in source.batch(0, 2).to_pylist():
        for place in chance.sample(range(prompt_of(task, row), len(row["input_ids"]) + 1), 3):
            law_sums_to_one(task, row["input_ids"], place, list(task.vocab.names), row["id"])


def test_the_law_of_the_next_character_sums_to_one():
    """Of a grammar's text, in which names begin alike, and of a biography, at each place."""
    words = synthgen.load("cfg-english")
    task, letters = words.task(), sorted({c for row in words.batch(0, 200).column("text").to_pylist() for c in row})
    text = words.row(3)["text"]
    for place in range(len(text) + 1):
        law_sums_to_one(task, text, place, letters)
    people = synthgen.load("bios-reverse1", params={"people": 40, "order": "couple"})
    text = people.row(7)["text"]
    letters = sorted({c for row in people.batch(0, 200).column("text").to_pylist() for c in row})
    for place in (0, 1, 5, 40, 90, 130, 200, len(text)):
        law_sums_to_one(people.task(), text, place, letters)


def walked(task, params):
    """All rows of a tiny configuration: how likely each is, where its completion begins, and all beginnings."""
    one = task_class(task)(task_class(task).Params.model_validate(params), Keys(0), Path())
    schema = schema_of(one, one.row_format)
    law, prompts, begun = {}, {}, {}

    def run(tape):
        rows = one.rows(0, 1, tape)
        if isinstance(rows.content, Tokens):
            trained = rows.content.trained
            return tuple(rows.content.ids.tolist()), 0 if trained is None else trained.tolist().index(True)
        row = to_batch(one, schema, rows, 0).to_pylist()[0]
        return said_of(row), len(row["prompt"])

    for (said, prompt), probability in enumerate_tapes(run):
        law[said], prompts[said] = law.get(said, 0) + probability, prompt if one.prompt_at_once else 0
        for place in range(len(said) + 1):
            begun[said[:place]] = begun.get(said[:place], 0) + probability
    return one, law, prompts, begun


def agrees_with_enumeration(task, params):
    one, law, prompts, begun = walked(task, params)
    for said, probability in law.items():
        bits, prompt = one.surprisals(said if isinstance(said, str) else list(said)), prompts[said]
        assert math.isclose(2.0 ** -bits.sum(), probability, rel_tol=1e-9)
        assert math.isclose(2.0 ** -bits[:prompt].sum(), begun[said[:prompt]], rel_tol=1e-9)
        for place, part in enumerate(bits[prompt:-1], prompt):
            assert math.isclose(2.0**-part, begun[said[: place + 1]] / begun[said[:place]], rel_tol=1e-9)


SLOW = [
    ("stories", 2),
    ("stories", 3),
    ("chain", 0),
    ("chain", 1),
    ("chain", 2),
    ("depo", 0),
    ("depo", 1),
    ("brevo", 2),
    ("igsm", 0),
    ("igsm", 1),
]
"""Tiny configurations that take some seconds each, by task and place."""

TINY = [
    pytest.param(task, params, id=f"{task}-{place}", marks=[pytest.mark.slow] * ((task, place) in SLOW))
    for task in ("copy", "recall", "mano", "chain", "depo", "brevo", "igsm", "stories")
    for place, params in enumerate(task_class(task).tiny)
]


@pytest.mark.parametrize(("task", "params"), TINY)
def test_enumeration_of_a_tiny_configuration_agrees(task, params):
    """Every row's chance is that of all draws that give it, token by token, and so is that of every beginning."""
    agrees_with_enumeration(task, params)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"order": "entry", "full_name": True},
        {"order": "couple", "reverse": 2, "pronouns": ["he", "she"]},
        {"reverse": 6, "city_first": True},
    ],
)
@pytest.mark.parametrize("row_format", ["document", pytest.param("tokens", marks=pytest.mark.slow)])
def test_the_rows_of_a_small_world_have_all_chances(params, row_format):
    """Of 3 people with 2 sentences a fact, every text is seen, and the chances of all of them sum to 1."""
    sizes = {"templates": 2 if params.get("order") != "entry" else 1, "first_names": 2, "birth_cities": 2}
    params = {"people": 3, "order": "fixed", "sizes": sizes} | params
    source = synthgen.load(load_spec("bios-online", params=params, sets={"row_format": row_format}))
    task = source.task()
    seen = set()
    for batch in source.stream(stop=40_000):
        seen |= {said if isinstance(said, str) else tuple(said) for said in said_in(batch)}
    assert math.isclose(math.fsum(2.0 ** -task.surprisals(said).sum() for said in seen), 1, rel_tol=1e-9)


def test_all_rewrites_of_somebody_have_all_chances():
    """A corpus that has every plan once has every text; the chances of these by the other law sum to 1."""
    fewest = {"people": 1, "clauses": 1, "sentence_facts": 1, "references": ["last"]}
    plans = synthgen.load(load_spec("bios-rewrite5", params=fewest)).task().language.size
    every = synthgen.load(load_spec("bios-rewrite5", params=fewest | {"law": "uniform", "entries": plans}))
    texts = list(said_in(every.batch(0, plans)))
    assert len(set(texts)) == len(texts) == plans
    task = synthgen.load(load_spec("bios-rewrite5", params=fewest)).task()
    assert math.isclose(math.fsum(2.0 ** -task.surprisals(text).sum() for text in texts), 1, rel_tol=1e-9)


def test_even_rewrites_are_alike():
    """Whatever a plan is, by the law `uniform` its text is one of R; another person's is as likely."""
    source = synthgen.load(
        load_spec("bios-rewrite5", params={"law": "uniform", "people": 50, "pronouns": ["he", "they"]})
    )
    bits = math.log2(source.task().language.size) + math.log2(50)
    for row in source.batch(0, 5).to_pylist():
        assert math.isclose(source.surprisals(row).sum(), bits, abs_tol=1e-9)


WORDINGS = [
    {"format": "qp", "phrasing": "count", "layout": "markers"},
    {"detail": 2, "phrasing": "count", "format": "qp"},
    {"detail": 11, "layout": "markers"},
    {"detail": 3},
    {"retry": {"kind": "weak", "rate": 0.5, "next_counts": False}, "phrasing": "count"},
    {"retry": {"kind": "weak", "rate": 0.5}, "detail": 6},
    {"retry": {"kind": "miss", "rate": 0.5}, "sizes": {"letters": 6}},
    {"retry": {"kind": "perfect", "rate": 0.9}, "format": "qp"},
]


@pytest.mark.parametrize("params", WORDINGS)
def test_solutions_in_other_words(params):
    """A solution costs its orders, letters and retries, whatever the wording; what may come next sums to 1."""
    source = synthgen.load(load_spec("igsm-open", params={"bins": "all"} | params))
    chance, task = random.Random(0), source.task()
    for row in source.batch(0, 4).to_pylist():
        said, prompt, bits = said_of(row), len(row["prompt"]), source.surprisals(row)
        assert math.isclose(bits[prompt:].sum(), solution_bits(row), abs_tol=1e-9)
        assert math.isclose(bits.sum(), row["bits"]["total"], abs_tol=1e-9)
    letters = sorted(set(said) | set("BDabcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    open_places = [place for place in range(prompt, len(said)) if bits[place] > 0]
    for place in chance.sample(open_places, 2):
        law_sums_to_one(task, said, place, letters)


@pytest.mark.parametrize(
    "fields",
    [
        {"open_ends": 2, "constants": [1, 4]},
        {"distractor_kind": "independent", "answers": "uniform", "distractors": [2, 5]},
        {"distractor_kind": "constant", "distractors": [1, 3], "abstract": [0, 0], "references": 2},
    ],
)
def test_problems_of_other_shapes(fields):
    """The bits of a problem, counted from its text, and of its solution are those of the ledger."""
    source = synthgen.load(load_spec("igsm-open", params={"bins": "all", "op": [4, 6], "open": fields}))
    for row in source.batch(0, 5).to_pylist():
        assert math.isclose(source.surprisals(row).sum(), row["bits"]["total"], abs_tol=1e-9)


def test_problems_that_the_law_does_not_have_cost_endlessly_much():
    source = synthgen.load("igsm-open")
    row, task = next(row for row in source.batch(0, 50).to_pylist() if " 7" in row["prompt"]), source.task()
    text = said_of(row)
    sentence = row["prompt"].split(". ")[0] + ". "
    for wrong in ("", "a", text[:40], text[1:], sentence + text, text.replace(" 7", " 77"), text.replace(sentence, "")):
        bits = task.surprisals(wrong)
        assert bits.shape == (len(wrong) + 1,)
        assert (bits == np.inf).all(), wrong
    beyond = text[:-9] + "0" + text[-9:]
    bits = task.surprisals(beyond)
    assert math.isclose(bits[: len(text) - 9].sum(), row["bits"]["total"], abs_tol=1e-9)
    assert (bits[len(text) - 9 :] == np.inf).all()


def test_graphs_that_the_law_does_not_have_cost_endlessly_much():
    for name in ("brevo2-tiny", "brevo-open"):
        source = loaded(name)
        row, task = source.row(3), source.task()
        said, prompt = row["input_ids"], row["completion_mask"].index(True)
        for wrong in ([], said[: prompt - 1], said[1:], [*said[:4], -7, *said[4:]], [10**6, *said]):
            assert (task.surprisals(wrong) == np.inf).all()
        bits = task.surprisals([*said, said[0]])
        assert np.isfinite(bits[:-2]).all()
        assert (bits[-2:] == np.inf).all()


def test_graphs_of_many_sets():
    """Where a text is only known between two ends, NaN stands at the end of the prompt; so too a listing too wide."""
    source = synthgen.load("brevo1-n110")
    row = source.row(6)
    assert row["latent"]["nodes"] - row["latent"]["leaves"] > 62, "more than a word has bits"
    bits, prompt = source.surprisals(row), row["completion_mask"].index(True)
    assert np.flatnonzero(np.isnan(bits)).tolist() == [prompt - 1]
    assert math.isclose(bits[prompt:].sum(), row["bits"]["answer"], abs_tol=1e-9)
    row = source.row(2)
    bits, prompt = source.surprisals(row), row["completion_mask"].index(True)
    assert np.isnan(bits[prompt - 1 :]).all()


@pytest.mark.parametrize("row_format", ["prompt-completion", "tokens"])
@pytest.mark.parametrize(
    ("forms", "params"),
    [
        (["compare.month", "subtract.major"], {"hint": 0.25, "hint_token": "[h]", "weights": [1, 3]}),
        (["classify.month_6", "classify.month_2", "retrieve.day"], {"hint": 0.5, "hint_token": "[h]"}),
        (["inverse.first_date", "inverse.full_date"], {"sizes": {"years": 1, "months": 1, "days": 2}}),
    ],
)
def test_the_questions_of_a_small_world_have_all_chances(forms, params, row_format):
    """Of four people, every question is seen in either wording; those that several people share count once."""
    params = {"people": 8, "paraphrases": 2, "questions": "drawn", "forms": forms} | params
    source = synthgen.load(load_spec("qa-extract", params=params, sets={"row_format": row_format}))
    seen = set()
    for batch in source.stream(stop=5000):
        seen |= {said if isinstance(said, str) else tuple(said) for said in said_in(batch)}
    chances = [2.0 ** -source.task().surprisals(said).sum() for said in seen]
    assert math.isclose(math.fsum(chances), 1, rel_tol=1e-9)


@pytest.mark.parametrize(
    "name",
    [
        "copy-tiny",
        "recall-tiny",
        "mano-tiny",
        "cfg3b",
        "capo-tiny",
        "biod",
        "cfg-curriculum",
        "depo1-tiny",
        "chain-retry50",
    ],
)
def test_what_no_row_says_costs_endlessly_much(name):
    source = loaded(name)
    said, task = source.row(0)["input_ids"], source.task()
    for wrong in ([*said, said[0]], [], said[:-1], [10**6, *said], [*said[:3], -7, *said[3:]]):
        bits = task.surprisals(wrong)
        assert bits.shape == (len(wrong) + 1,)
        assert bits[-1] == np.inf or name.startswith("cfg")  # a string of a grammar may end earlier
        first = int(np.argmax(bits == np.inf))
        assert (bits[first:] == np.inf).all()


def test_the_column_there_is_on_request():
    source = synthgen.load("bios-single")
    batch = source.batch(0, 3, columns=["text", "token_bits"])
    assert batch.schema.names == ["text", "token_bits"]
    for number, bits in enumerate(batch.column("token_bits").to_pylist()):
        assert bits == source.surprisals(number).tolist()
    with pytest.raises(SynthgenError, match="igsm-med-pq has no bits for each token: the orders"):
        synthgen.load("igsm-med-pq").batch(0, 1, columns=["token_bits"])
    with pytest.raises(SynthgenError, match=r"params\.length"):
        synthgen.load("cfg3b", params={"length": 300}).surprisals(0)
    with pytest.raises(SynthgenError, match=r"params.people = 3,000,000: 2,000,000 at most"):
        synthgen.load("bios-single", params={"people": 3_000_000}).surprisals(0)


@pytest.mark.parametrize(("packing", "separator"), [("chop", "bos"), ("chop", "both"), ("cut", "eos"), ("pad", "both")])
def test_windows_have_them_beside_their_targets(packing, separator):
    """Row by row, the field holds what `surprisals` says of the next token, wherever a window begins."""
    fields, source = ("input_ids", "next_ids", "row_ids", "token_bits"), synthgen.load("cfg3b")
    windows = synthgen.windows("cfg3b", 300, packing=packing, separator=separator, fields=fields, batch_size=4, lanes=1)
    sums, shown = {}, {}
    for _, batch in zip(range(4), windows, strict=False):
        for row, bits in zip(batch["row_ids"].ravel(), batch["token_bits"].ravel(), strict=True):
            assert np.isnan(bits) == (row < 0)
            sums[row], shown[row] = sums.get(row, 0.0) + bits, shown.get(row, 0) + 1
    whole = [r for r in sums if r >= 0 and shown[r] == len(source.row(r)["input_ids"]) + 1 + (separator == "both")]
    assert len(whole) > 4
    for row in whole:
        assert math.isclose(sums[row], source.surprisals(int(row)).sum(), abs_tol=1e-3)


@pytest.mark.parametrize(
    ("name", "tokenizer"),
    [("cfg-english", "words"), ("cfg-english", "bytes"), ("bios-couple2", "words"), ("igsm-open", "words")],
)
def test_tokens_have_the_bits_of_the_characters_that_end_with_them(name, tokenizer):
    small = {"people": 300} if "people" in load_spec(name).params else {}
    plain = synthgen.load(name, params=small)
    source = synthgen.load(load_spec(name, params=small, sets={"tokenizer": tokenizer}))
    for number in range(2):
        row, whole = source.row(number), plain.surprisals(number)
        bits, of_characters = source.surprisals(row), whole
        assert bits.shape == (len(row["input_ids"]) + 1,)
        pieces = source.task().tokenizer.pieces(row["input_ids"])
        assert said_of(plain.row(number)).isascii()
        place = 0
        for token, piece in zip(bits, pieces, strict=False):
            assert math.isclose(token, of_characters[place : place + len(piece)].sum(), abs_tol=1e-9)
            place += len(piece)
        assert bits[-1] == whole[-1]
        assert math.isclose(bits.sum(), whole.sum(), abs_tol=1e-9)
        assert source.batch(number, number + 1, columns=["token_bits"]).column(0).to_pylist() == [bits.tolist()]


def test_characters_of_several_tokens_and_what_is_no_text():
    """All bits of a character stand at its last token; bytes that are no character are impossible, and their end."""
    lists = {"first_names": 2, "middle_names": 1, "last_names": 1}
    source = synthgen.load(
        load_spec(
            "bios-single",
            sets={"tokenizer": "bytes", "row_format": "tokens", "people": 2}
            | {f"sizes.{k}": n for k, n in lists.items()},
        )
    )
    task, said = source.task(), source.row(0)["input_ids"]
    bits = source.surprisals(0)
    assert np.isfinite(bits).all()
    dash = list("\u2013".encode())
    for wrong in ([*said[:5], 0xFF, *said[5:]], [*said[:5], 300, *said[5:]], [*said[:5], *dash, *said[5:]]):
        odd = task.surprisals(wrong)
        assert odd.shape == (len(wrong) + 1,)
        assert np.isclose(odd[:5], bits[:5]).all()
        assert (odd[5 + 2 * (wrong[5:8] == dash) :] == np.inf).all()
    cut = task.surprisals([*said[:5], *dash[:2]])
    assert np.isclose(cut[:7], [*bits[:5], 0, 0]).all()
    assert cut[7] == np.inf, "no row ends within a character"


def test_windows_of_text_cut_into_tokens_have_them_too():
    fields = ("input_ids", "row_ids", "token_bits")
    windows = synthgen.windows("cfg-english", 512, tokenizer="words", fields=fields, batch_size=2, lanes=1)
    batch, source = next(iter(windows)), synthgen.load("cfg-english")
    rows = np.unique(batch["row_ids"][0])
    for row in rows[1:-1].tolist():  # the first and the last may be cut
        here = batch["row_ids"][0] == row
        assert math.isclose(batch["token_bits"][0][here].sum(), source.surprisals(row).sum(), abs_tol=1e-3)
    assert len(rows) > 5


def test_a_split_without_a_law_is_refused_where_another_has_one(tmp_path):
    (tmp_path / "s.toml").write_text(
        'task = "cfg"\n[params]\ngrammar = "cfg3b"\n[splits.train]\nrows = 5\n'
        "[splits.long]\nrows = 5\nparams = { length = 300 }\n"
    )
    source = synthgen.load(tmp_path / "s.toml")
    assert source.batch(0, 2, columns=["token_bits"]).num_rows == 2
    for ask in (lambda: source.batch(0, 2, "long", ["token_bits"]), lambda: source.surprisals(0, "long")):
        with pytest.raises(SynthgenError, match=r"params\.length"):
            ask()


def test_a_mixture_of_a_curriculum_has_no_law(tmp_path):
    """Which of its grammars a row is of depends on the curriculum's own row, which the mixture's does not tell."""
    (tmp_path / "s.toml").write_text(
        'task = "mixture"\nrow_format = "tokens"\n[[params.component]]\nspec = "cfg-curriculum"\nweight = 1\n'
        '[[params.component]]\nspec = "cfg3f"\nweight = 1\n[splits.train]\nrows = 512\n'
    )
    with pytest.raises(SynthgenError, match="cfg_curriculum: its shares change along its own rows"):
        synthgen.load(tmp_path / "s.toml").surprisals(0)


def test_a_mixture_of_prompts_known_as_a_whole_has_no_law(tmp_path):
    (tmp_path / "s.toml").write_text(
        'task = "mixture"\nrow_format = "tokens"\n[[params.component]]\nspec = "brevo2-tiny"\nweight = 1\n'
        '[[params.component]]\nspec = "depo2-tiny"\nweight = 1\n[splits.train]\nrows = 512\n'
    )
    with pytest.raises(SynthgenError, match="brevo2_tiny: its prompts are known as a whole"):
        synthgen.load(tmp_path / "s.toml").surprisals(0)


@pytest.mark.parametrize(
    ("name", "params", "reason"),
    [
        ("igsm-med-pq", {}, "orders of a solution are not alike"),
        ("igsm-open", {"detail": 4}, r"params\.detail = 4: steps do not say"),
        ("chain-retry50", {"steps": [2, 50]}, "56 lines in all, and 40 can be weighed"),
    ],
)
def test_why_there_are_none(name, params, reason):
    with pytest.raises(SynthgenError, match=reason):
        synthgen.load(load_spec(name, params=params)).surprisals(0)

"""Questions: one world with the documents, people divided, answers right by other means, judges that can't be fooled."""

import copy
import json
import math
import re
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from helpers import manifest
from scipy.stats import chisquare

import synthgen
from synthgen.dataset.check import check_folder
from synthgen.dataset.shards import read_batches, write_shard
from synthgen.errors import SynthgenError
from synthgen.exact.draw import Keys, new_state
from synthgen.exact.tape import enumerate_tapes
from synthgen.spec.source import Source
from synthgen.spec.spec import spec_of_table
from synthgen.task.kit.editions import LATEST
from synthgen.tasks.bios.questions.forms import FORMS, GIVEN, read_questions
from synthgen.tasks.bios.questions.guessing import odds_of
from synthgen.tasks.bios.questions.task import Questions
from synthgen.tasks.bios.world.lists import MONTHS, Sizes, read_lists
from synthgen.tasks.bios.world.reading.registry import Registry
from synthgen.tasks.bios.world.writing.people import DAY, EMPLOYER, MAJOR, MONTH, YEAR, draw_person, field_sizes

FIGURES = json.loads(Path(__file__).with_name("published_knowledge.json").read_text())
LISTS = read_lists(None, Sizes(), LATEST)
QUESTIONS = read_questions(None, 2)
FAMILIES = ["extract", "retrieve", "classify", "compare", "subtract", "inverse"]
SMALL = {"people": 400, "forms": FAMILIES, "paraphrases": 4, "group": "all"}


def load(name="qa-extract", **params):
    return synthgen.load(name, params={"questions": "drawn", **params})


def documents(people, **options):
    """The facts of every person as documents state them: {person: (name, values in words)}."""
    source = synthgen.load("bios-single", params={"people": people}, **options)
    facts = {}
    for row in source.batch(0, people).to_pylist():
        name = " ".join(
            part[i]
            for part, i in zip(
                (LISTS.first_names, LISTS.middle_names, LISTS.last_names), row["latent"]["name"].values(), strict=True
            )
        )
        facts[row["latent"]["person"]] = (name, {a: LISTS.value(a, v) for a, v in row["latent"]["values"].items()})
    return facts


# -- one world, divided ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"seed": 5}, {"seed": 5, "world": 2}])
def test_the_world_of_the_documents(options):
    """Each half's people stand in the documents with the facts that the answers give, and no person is in both."""
    people = 301
    facts = documents(people, **options)
    source = synthgen.load("qa-extract", params={"people": people}, **options)
    seen = {}
    for split, number in (("train", 151), ("test", 150)):
        rows = source.batch(0, source.rows_max(split), split).to_pylist()
        assert len(rows) == 6 * number
        seen[split] = {row["latent"]["person"] for row in rows}
        assert len(seen[split]) == number
        for row in rows:
            name, values = facts[row["latent"]["person"]]
            assert name in row["prompt"]
            assert row["completion"] == f" {values[row['latent']['form'].removeprefix('extract.')]}."
        asked = Counter((row["latent"]["person"], row["latent"]["form"]) for row in rows)
        assert set(asked.values()) == {1}, "everybody is asked everything once"
    assert not seen["train"] & seen["test"]
    assert seen["train"] | seen["test"] == set(facts)


def test_halves_and_parts_of_them():
    def who(**params):
        return load(people=100, **params).task().persons

    assert (who(group="train"), who(group="test"), who(group="all")) == (range(50), range(50, 100), range(100))
    assert (who(train_people=10), who(group="test", train_people=10)) == (range(10), range(10, 100))
    assert (who(asked=7), who(group="test", asked=7)) == (range(7), range(50, 57))
    assert who(group="test", first_person=1000) == range(1050, 1100)
    source = load(people=100, first_person=1000, group="test")
    persons = set(source.batch(0, 600).column("latent").field("person").to_pylist())
    assert persons == set(range(1050, 1100))
    assert all(source.verify(row).correct for row in source.batch(0, 50).to_pylist())


def test_other_splits_ask_of_the_same_people_in_another_order():
    source = synthgen.load("know-classify-month", params={"people": 50})
    direct, hinted = (source.batch(0, 75, split).to_pylist() for split in ("test", "test_hint"))
    key = lambda row: (row["latent"]["person"], row["latent"]["form"])  # noqa: E731
    assert sorted(map(key, direct)) == sorted(map(key, hinted))
    assert list(map(key, direct)) != list(map(key, hinted))


@pytest.mark.parametrize("row_format", ["prompt-completion", "tokens"])
def test_prompts_and_hints_as_in_the_paper(row_format):
    """Part 3.2: no cue behind the question, "October; September. No." with a hint; the same questions otherwise."""
    forms = ["retrieve", "classify", "compare", "subtract"]
    params = {"people": 60, "group": "all", "forms": forms, "hint": 0.0, "questions": "each"}
    table = {"task": "qa", "row_format": row_format}
    sources = {
        fidelity: Source(spec_of_table(table | {"params": params | {"fidelity": fidelity}}, "mine", Path()))
        for fidelity in ("ours", "paper")
    }
    for ours, paper in zip(*(one.batch(0, 240).to_pylist() for one in sources.values()), strict=True):
        assert ours["latent"]["person"] == paper["latent"]["person"]
        assert sources["paper"].verify(paper), sources["paper"].verify(paper).reason
        if row_format == "tokens":
            assert ours == paper, "compact tokens have neither cue nor marks"
        else:
            assert ours["prompt"] == f"{paper['prompt']} Answer:"
            assert ours["completion"] == paper["completion"]
    pairs = {"people": 60, "forms": ["compare.month"], "hint": 1.0, "hint_token": "[h]", "fidelity": "paper"}
    source = Source(spec_of_table(table | {"params": pairs}, "mine", Path()))
    for row in source.batch(0, 100).to_pylist():
        assert source.verify(row), source.verify(row).reason
        assert len(row["latent"]["spans"]["hint"]) == 2
        if row_format == "tokens":
            continue
        assert row["prompt"].endswith("? [h]")
        one, other, answer = re.fullmatch(r" (\w+); (\w+)\. (Yes|No)\.", row["completion"]).groups()
        assert (answer == "Yes") == (MONTHS.index(one) > MONTHS.index(other))
        said = source.verify(row["prompt"], row["completion"])
        assert said.correct
        assert said.parts[0]["hint"] is True
        assert source.verify(row["prompt"], f" {answer}").correct
        wrong = "No" if answer == "Yes" else "Yes"
        assert not source.verify(row["prompt"], f" {one}; {other}. {wrong}.").correct
        assert not source.verify({**row, "completion": f" {one}; {other}; {answer}."}).correct
        assert source.verify(row["prompt"], f" {other}; {one}. {answer}.").parts[0]["hint"] is (one == other)


def test_what_has_no_cue_in_the_paper_is_not_asked_beside_what_has_one():
    with pytest.raises(SynthgenError, match="extraction ends with a cue, other forms do not"):
        load(forms=["extract.major", "retrieve.day"], fidelity="paper")
    with pytest.raises(SynthgenError, match="cue = 'So:': these questions end without one"):
        load("know-retrieve-year", fidelity="paper", cue="So:")
    assert load(fidelity="paper").row(0)["prompt"].endswith("? Answer:"), "Part 3.1 has it"
    assert load("know-retrieve-year", fidelity="paper").row(0)["prompt"].endswith("?")


def test_a_hint_is_paired_data():
    """With and without hints, the same rows ask the same people the same questions."""
    rows = [load("know-compare-month", hint=hint).batch(0, 200).to_pylist() for hint in (0.0, 0.5, 1.0)]
    for triple in zip(*rows, strict=True):
        assert len({(row["latent"]["person"], row["latent"]["other"]) for row in triple}) == 1
    assert [sum(row["latent"]["hint"] for row in own) for own in rows][::2] == [0, 200]


# -- right answers, by other means ----------------------------------------------------------------------------------

NUMBERED = {month: number for number, month in enumerate(MONTHS, 1)}


def oracle(form, facts, people, ranks):
    """The answer to a form about people, from the documents' facts alone."""
    values = [facts[person][1] for person in people]
    dates = [re.fullmatch(r"(\w+) (\d+), (\d+)", own["birth_date"]).groups() for own in values]
    numbers = {
        "month": [NUMBERED[month] for month, _, _ in dates],
        "day": [int(day) for _, day, _ in dates],
        "major": [ranks[own["major"]] for own in values],
    }
    family, name = form.split(".")
    if family == "extract":
        return values[0][name]
    if family == "retrieve":
        parts = dict(zip(("month", "day", "year"), dates[0], strict=True)) | values[0]
        two = re.fullmatch(r"(birth_city|company_city|university|major|employer)_(.+)", name)
        return "; ".join(parts[part] for part in ((name,) if name in parts else two.groups()))
    if family == "classify":
        what, modulus = name.split("_")
        number = numbers[what][0]
        if name == "month_2":
            return "Yes" if number in (2, 4, 6, 8, 10, 12) else "No"
        return str(number if name == "month_12" else number % int(modulus))
    if family == "compare":
        return "Yes" if numbers[name][0] > numbers[name][1] else "No"
    if family == "subtract":
        return str(numbers[name][0] - numbers[name][1])
    return facts[people[0]][0] if name.startswith("full") else facts[people[0]][0].split(" ")[0]


def test_answers_follow_from_the_documents():
    facts = documents(400)
    source = load(**SMALL)
    ranks = {}
    for row in load(forms=["classify.major_100"], people=400, group="all").batch(0, 3000).to_pylist():
        major = facts[row["latent"]["person"]][1]["major"]
        rank = int(row["completion"][1:-1])
        assert ranks.setdefault(major, rank) == rank, "a major has one rank"
    assert len(set(ranks.values())) == len(ranks) > 90, "and a rank one major"
    assert all(0 <= rank < 100 for rank in ranks.values())
    assert [ranks.get(major, place) for place, major in enumerate(LISTS.major)] != list(range(100))
    forms = Counter()
    for row in source.batch(0, 4000).to_pylist():
        latent = row["latent"]
        people = [latent["person"], *([latent["other"]] if latent["other"] is not None else [])]
        assert row["completion"] == f" {oracle(latent['form'], facts, people, ranks)}."
        family, name = latent["form"].split(".")
        fitting = []
        if family == "inverse":
            given = GIVEN[name.partition("_")[2]]
            own = facts[people[0]][1]
            fitting = sorted(p for p, (_, v) in facts.items() if all(v[fact] == own[fact] for fact in given))
            assert all(own[fact] in row["prompt"] for fact in given)
        else:
            assert all(facts[person][0] in row["prompt"] for person in people)
        assert latent["answers"] == fitting
        forms[latent["form"], latent["wording"]] += 1
    assert len(forms) == 4 * len(FORMS), "every wording of every form was asked"
    listed = load(forms=["classify.major_100"], major_ranks="listed").batch(0, 200).to_pylist()
    world = load(forms=["classify.major_100"], major_ranks="listed").task().reader.world
    for row in listed:
        assert LISTS.major[int(row["completion"][1:-1])] == world.person(row["latent"]["person"])["major"]


def test_hints_state_the_facts():
    facts = documents(200)
    source = load(forms=["retrieve.year", "classify", "compare", "subtract"], people=200, group="all", hint=0.5)
    shares = Counter()
    for row in source.batch(0, 4000).to_pylist():
        latent, (*hint, _) = row["latent"], row["completion"][1:-1].split("; ")
        shares[latent["hint"]] += 1
        form = FORMS[latent["form"]]
        wanted = []
        for person in [latent["person"], *([latent["other"]] if form.pair else [])]:
            values = facts[person][1]
            month, day = values["birth_date"].replace(",", "").split(" ")[:2]
            wanted += [{**values, "month": month, "day": day}[form.hint[0]]]
        assert hint == (wanted if latent["hint"] else [])
        text = row["prompt"] + row["completion"]
        spans = [text[span["start"] : span["end"]] for span in latent["spans"]["hint"]]
        assert spans == hint
    assert chisquare([shares[True], shares[False]]).pvalue > 1e-4


def test_control_tokens_say_what_is_wanted():
    source = synthgen.load("know-classify-month")
    for split, wanted in (("train", {True, False}), ("test", {False}), ("test_hint", {True})):
        rows = source.batch(0, 200, split).to_pylist()
        assert {row["latent"]["hint"] for row in rows} == wanted
        for row in rows:
            assert row["prompt"].endswith(f" [{'recall' if row['latent']['hint'] else 'direct'}] Answer:")
    bare = load(cue="", forms=["compare.day"], hint=0.25)
    for row in bare.batch(0, 100).to_pylist():
        assert row["prompt"].endswith("?")
        assert bare.verify(row).correct
    one_sided = load(direct_token="[now]", forms=["compare.day"], hint=0.25)
    for row in one_sided.batch(0, 100).to_pylist():
        assert ("[now]" in row["prompt"]) == (not row["latent"]["hint"])
        assert one_sided.verify(row).correct


def test_the_world_of_the_judge_is_that_of_the_kernels():
    """numpy's Philox and the definition of a draw give the facts that the samplers draw."""
    for seed, world in ((0, 0), (3, 11)):
        keys, state, fields = Keys(seed, world), new_state(), np.empty(11, np.int64)
        judge = Registry(keys, LISTS, 0, 10**6, True)
        for person in (*range(40), 999_999):
            draw_person(state, keys.world("names"), keys.world("people"), person, field_sizes(LISTS, 2), fields)
            facts = judge.person(person)
            assert facts["numbers"]["month"] == fields[MONTH] + 1
            assert facts["day"] == str(fields[DAY] + 1)
            assert facts["year"] == str(fields[YEAR] + 1900)
            assert facts["major"] == LISTS.major[fields[MAJOR]]
            assert facts["company_city"] == LISTS.cities[LISTS.company_city[fields[EMPLOYER]]]
            assert judge.who(judge.name(person)) == person


# -- laws -----------------------------------------------------------------------------------------------------------

PUBLISHED = {
    "retrieve.day": (4.807355, 1 / 28),
    "retrieve.year": (7.643856, 1 / 200),
    "retrieve.birth_city_employer": (15.682775, 1 / 52_600),
    "retrieve.university_major": (14.872675, 1 / 30_000),
    "retrieve.employer_company_city": (8.038919, 1 / 263),
    "classify.month_2": (1, 1 / 2),
    "classify.month_6": (2.584963, 1 / 6),
    "classify.month_12": (3.584963, 1 / 12),
    "classify.major_5": (2.321928, 1 / 5),
    "classify.major_20": (4.321928, 1 / 20),
    "classify.major_100": (6.643856, 1 / 100),
    "compare.month": (0.994985, 13 / 24),
    "compare.day": (0.999080, 29 / 56),
    "compare.major": (0.999928, 101 / 200),
    "subtract.month": (4.297176, 1 / 12),
    "subtract.day": (5.526765, 1 / 28),
    "subtract.major": (7.365021, 1 / 100),
    "inverse.first_date": (math.log2(400), 1 / 400),
}


@pytest.mark.parametrize("key", PUBLISHED)
def test_answers_have_the_published_bits_and_guesses(key):
    found = odds_of(FORMS[key], LISTS, 100_000)
    assert math.isclose(found.answer_bits, PUBLISHED[key][0], abs_tol=1e-6)
    assert math.isclose(found.guess, PUBLISHED[key][1])


def test_the_shares_of_real_answers_agree_with_the_laws():
    source = load(forms=["classify", "compare", "subtract"])
    rows = source.batch(0, 60_000)
    keys, answers = rows.column("latent").field("form").to_pylist(), rows.column("completion").to_pylist()
    facts = source.entropy().facts
    by_form = {}
    for key, answer in zip(keys, answers, strict=True):
        by_form.setdefault(key, Counter())[answer] += 1
    for key, counts in by_form.items():
        n, p = counts.total(), facts["constant_guess"][key]
        assert abs(max(counts.values()) / n - p) < 5 * math.sqrt(p / n) + 0.003, key


def test_what_inverse_questions_can_reach():
    facts = synthgen.load("know-inverse-name").entropy().facts
    published = {"date": 0.520, "date_city": 0.9963, "three": 0.9937, "four": 0.99997}
    for name, accuracy in published.items():
        assert math.isclose(facts["best_accuracy"][f"inverse.full_{name}"], accuracy, abs_tol=5e-4)
        assert math.isclose(facts["best_accuracy_in_this_world"][f"inverse.full_{name}"], accuracy, abs_tol=4e-3)
        for whole in ("full", "first"):
            key = f"inverse.{whole}_{name}"
            assert math.isclose(facts["determined"][key], facts["determined_in_this_world"][key], abs_tol=4e-3)
    assert math.isclose(facts["right_answers"]["inverse.full_date"], 1 + 99_999 / 67_200)
    expected = facts["answer_bits_given_the_world"]["inverse.full_date"]
    assert math.isclose(facts["answer_bits_in_this_world"]["inverse.full_date"], expected, rel_tol=0.02)
    million = odds_of(FORMS["inverse.full_date"], LISTS, 1_000_000)
    assert math.isclose(million.ceiling, 0.067, abs_tol=5e-4)


def test_the_reach_in_this_world_is_counted_right():
    people = 300
    sizes = {"first_names": 3, "months": 3, "days": 4, "years": 5}
    source = load(forms=["inverse.full_date", "inverse.first_date"], people=people, group="all", sizes=sizes)
    by_date, n = {}, 0
    world = source.task().reader.world
    for person in range(people):
        by_date.setdefault(world.person(person)["birth_date"], []).append(world.name(person).split(" ")[0])
    facts, n = source.entropy().facts, people
    alone = {"full": 0, "first": 0}
    best, bits = {"full": 0, "first": 0}, {"full": 0.0, "first": 0.0}
    for names in by_date.values():
        counts, size = Counter(names), len(names)
        alone["full"] += size == 1
        alone["first"] += size * (len(counts) == 1)
        best["full"] += 1
        best["first"] += max(counts.values())
        bits["full"] += size * math.log2(size)
        bits["first"] += sum(c * math.log2(size / c) for c in counts.values())
    for whole in ("full", "first"):
        key = f"inverse.{whole}_date"
        assert math.isclose(facts["determined_in_this_world"][key], alone[whole] / n)
        assert math.isclose(facts["best_accuracy_in_this_world"][key], best[whole] / n)
        assert math.isclose(facts["answer_bits_in_this_world"][key], bits[whole] / n)


TINY = dict.fromkeys(set(Sizes.model_fields) - {"templates"}, 1)
LAWS = [
    (["classify.month_2"], {"months": 3}, 1),
    (["classify.month_6"], {"months": 7}, 1),
    (["retrieve.major_university"], {"majors": 2, "universities": 3}, 1),
    (["extract.company_city"], {"employers": 12}, 1),
    (["retrieve.employer_company_city"], {"employers": 12}, 1),
    (["compare.month"], {"months": 3, "last_names": 2}, 2),
    (["subtract.day"], {"days": 3, "last_names": 2}, 2),
    (["inverse.full_date"], {"months": 2, "last_names": 3}, 3),
    (["inverse.full_three"], {"majors": 3, "last_names": 2}, 2),
    (["inverse.first_date"], {"days": 2, "first_names": 2, "last_names": 2}, 2),
    (["inverse.first_four"], {"majors": 2, "first_names": 2, "last_names": 2}, 3),
]


@pytest.mark.parametrize(("forms", "sizes", "people"), LAWS)
def test_laws_by_walking_every_world(forms, sizes, people):
    """All choices of tiny worlds and rows: probabilities sum to 1; answers, guesses and ceilings are as stated."""
    params = {"forms": forms, "people": people, "group": "all", "sizes": TINY | sizes}
    task = Questions(Questions.Params.model_validate(params), Keys(0), Path())
    answers, total, determined = Counter(), Fraction(0), Fraction(0)
    right, ceiling = Counter(), Fraction(0)

    def run(tape):
        rows = task.rows(0, 1, tape)
        names = task.rows(0, 1, tape).content
        text = "".join(names.table[code] for code in names.codes[names.ends[0] :] if code >= 0)
        return text, rows.latent["answers"].to_pylist()[0], rows.units.sum() / 2**40

    for (text, fitting, bits), probability in enumerate_tapes(run):
        answers[text] += probability
        total += probability
        right[len(fitting)] += probability
        assert math.isclose(bits, task.entropy().bits, abs_tol=1e-9)
        determined += probability * (len(fitting) <= 1)
        ceiling += probability / max(1, len(fitting))
    assert total == 1
    found = odds_of(FORMS[forms[0]], task.lists, people)
    assert math.isclose(max(answers.values()), found.guess)
    assert math.isclose(-sum(float(p) * math.log2(p) for p in answers.values()), found.answer_bits, abs_tol=1e-9)
    if forms[0].startswith("inverse.full"):
        assert math.isclose(determined, found.determined)
        assert math.isclose(ceiling, found.ceiling)
        assert math.isclose(sum(k * p for k, p in right.items()), found.answers)


def test_the_chance_of_one_first_name_by_walking_every_world():
    for people, cases, first, last in ((2, 2, 2, 2), (3, 2, 2, 2)):
        sizes = TINY | {"days": cases, "first_names": first, "last_names": last}
        lists = read_lists(None, Sizes.model_validate(sizes), LATEST)
        keys = Keys(0)

        def run(tape, people=people, lists=lists, keys=keys):
            fields, facts = np.empty(11, np.int64), []
            for person in range(people):
                draw_person(tape, keys.world("names"), keys.world("people"), person, field_sizes(lists, 1), fields)
                facts.append((int(fields[DAY]), int(fields[0])))
            return len({name for day, name in facts if day == facts[0][0]}) == 1

        alike = sum(probability for one, probability in enumerate_tapes(run) if one)
        assert math.isclose(alike, odds_of(FORMS["inverse.first_date"], lists, people).determined)


def test_rows_are_drawn_uniformly():
    source = load(people=40, forms=["extract", "compare.day"], paraphrases=4)
    latent = source.batch(0, 28_000).column("latent")
    for field, cells in (("person", 20), ("wording", 4)):
        assert chisquare(np.bincount(latent.field(field).to_numpy(), minlength=cells)).pvalue > 1e-4
    assert chisquare(list(Counter(latent.field("form").to_pylist()).values())).pvalue > 1e-4
    pairs = Counter(
        (a, b)
        for a, b in zip(*(latent.field(k).to_pylist() for k in ("person", "other")), strict=True)
        if b is not None
    )
    assert len(pairs) == 20 * 19, "all ordered pairs of two different people"
    assert chisquare(list(pairs.values())).pvalue > 1e-4
    weighted = load(forms=["compare"], weights=[1, 2, 5], people=40)
    counts = Counter(weighted.batch(0, 8000).column("latent").field("form").to_pylist())
    expected = [1000, 2000, 5000]
    assert chisquare([counts[f"compare.{name}"] for name in ("month", "day", "major")], expected).pvalue > 1e-4
    assert math.isclose(weighted.entropy().books["question"].bits.value, 1.298795, abs_tol=1e-6)


# -- English --------------------------------------------------------------------------------------------------------


def test_wordings_are_well_formed():
    assert set(QUESTIONS) == set(FORMS)
    assert len(FORMS) == 37
    seen = Counter()
    for key, wordings in QUESTIONS.items():
        assert len(wordings) == 4
        for wording in wordings:
            seen[wording] += 1
            assert re.fullmatch(r"[A-Z{][^|]*[?.]", wording), wording
            assert "  " not in wording
            assert wording.count("?") + wording.endswith(".") == 1, wording
        if not key.startswith("inverse"):
            assert sum(wording.startswith("{A}") for wording in wordings) >= 2, "a toy model reads the name first"
    assert set(seen.values()) == {1}


def test_no_value_stands_in_a_wording():
    text = "\n".join(wording for own in QUESTIONS.values() for wording in own)
    for value in (*LISTS.birth_city, *LISTS.cities, *LISTS.university, *LISTS.major, *LISTS.employer):
        assert value not in text
    words = set(re.findall(r"[A-Z][a-z]+", text))
    assert not words & {*LISTS.first_names, *LISTS.middle_names, *LISTS.last_names, *MONTHS}


def test_names_first():
    source = load(forms=["extract", "classify"], opening="name", paraphrases=2)
    facts = documents(10)
    names = {name for name, _ in facts.values()}
    rows = load(forms=["extract", "classify"], opening="name", paraphrases=2, people=10, group="all").batch(0, 200)
    assert all(any(prompt.startswith(name) for name in names) for prompt in rows.column("prompt").to_pylist())
    assert all(source.verify(row).correct for row in source.batch(0, 50).to_pylist())


# -- judging --------------------------------------------------------------------------------------------------------


def test_the_judge_takes_right_answers_and_no_others():
    source = load(**SMALL, hint_token="")
    rows = source.batch(0, 600).to_pylist()
    for row, other in zip(rows, rows[1:], strict=False):
        prompt, completion = row["prompt"], row["completion"]
        for right in (completion, completion.strip(), completion.strip(". "), completion + "\n"):
            verdict = source.verify(prompt, right)
            assert verdict.correct, (prompt, right, verdict.reason)
            assert verdict.parts[0]["query"] == row["latent"]["form"]
            assert verdict.parts[0]["difficulty"] == row["difficulty"]
        for wrong in ("", " ", "Perhaps.", completion * 2, completion[:-3], None, 5, "x" * 20_000, "; ; ;"):
            verdict = source.verify(prompt, wrong) if wrong is not None else source.task().judge(prompt, wrong)
            assert not verdict.correct
            assert verdict.reason
        if other["completion"] != completion and other["latent"]["form"] == row["latent"]["form"]:
            assert not source.verify(prompt, other["completion"]).correct
    for junk in ("", "Who?", None, 7, [], "Which major did Nobody At All study? Answer:", rows[0]["prompt"] * 2):
        assert not source.task().judge(junk, " Yes.").correct


def test_the_judge_tells_hint_from_answer():
    source = load("know-classify-month", forms=["classify.month_2"], cue="Answer:")
    row = next(row for row in source.batch(0, 50).to_pylist() if row["latent"]["hint"])
    month, answer = row["completion"][1:-1].split("; ")
    wrong = next(other for other in MONTHS if other != month)
    other = {"Yes": "No", "No": "Yes"}[answer]
    for said, correct, hint in (
        (f" {month}; {answer}.", True, True),
        (f" {answer}.", True, None),
        (f" {wrong}; {answer}.", True, False),
        (f" {month}; {other}.", False, True),
        (f" {other}.", False, None),
    ):
        verdict = source.verify(row["prompt"], said)
        assert (verdict.correct, verdict.parts[0]["hint"]) == (correct, hint), said
    assert not source.verify(row["prompt"], f" {month}; {month}; {answer}.").correct


def test_one_of_two_facts_is_half_an_answer():
    source = load("know-retrieve-dual")
    row = source.row(0)
    first, second = row["completion"][1:-1].split("; ")
    assert source.verify(row["prompt"], f" {first}; {second}.").score == 1
    assert source.verify(row["prompt"], f" {first}; Nowhere.").score == 0.5
    assert not source.verify(row["prompt"], f" {first}; Nowhere.").correct
    assert source.verify(row["prompt"], f" {second}; {first}.").score == 0


def test_any_of_the_people_who_fit_is_a_right_answer():
    source = load(forms=["inverse.full_date", "inverse.first_date"], people=20_000, sizes={"years": 20})
    world, shared = source.task().reader.world, 0
    for row in source.batch(0, 60).to_pylist():
        answers = row["latent"]["answers"]
        assert row["latent"]["person"] in answers
        shared += len(answers) > 1
        for person in answers:
            name = world.name(person)
            said = name if "full" in row["latent"]["form"] else name.split(" ")[0]
            assert source.verify(row["prompt"], f" {said}.").correct
        stranger = next(person for person in range(20_000) if person not in answers)
        assert not source.verify(row["prompt"], f" {world.name(stranger)}.").correct
        assert not source.verify(row["prompt"], " Nobody Of Note.").correct
    assert shared > 20


def row_faults(source, row):
    """Yield (what, row) with one fault each, texts and latents agreeing where they can."""
    form, latent = FORMS[row["latent"]["form"]], row["latent"]

    def changed(what, **fields):
        fault = copy.deepcopy(row)
        for field, value in fields.items():
            (fault["latent"] if field in latent else fault)[field] = value
        return what, fault

    yield changed("another form", form=next(key for key in FORMS if key != form.key))
    yield changed("another person", person=latent["person"] + 1)
    yield changed("another wording", wording=latent["wording"] + 1)
    yield changed("a hint claimed", hint=not latent["hint"])
    yield changed("answers", answers=[*latent["answers"], 10**6])
    if form.pair:
        yield changed("the other person", other=latent["other"] + 1)
        yield changed("nobody else", other=None)
    yield changed("the answer", completion=row["completion"].replace(".", "!"))
    yield changed("two answers", completion=row["completion"][:-1] + ";" + row["completion"])
    yield changed("no space", completion=row["completion"].strip())
    yield changed("no cue", prompt=row["prompt"].removesuffix(" Answer:"))
    yield changed("difficulty", difficulty=row["difficulty"] + 1)


def test_verify_finds_planted_faults():
    source = load(**SMALL)
    for row in source.batch(0, 300).to_pylist():
        assert source.verify(row).correct
        for what, fault in row_faults(source, row):
            verdict = source.verify(fault)
            assert not verdict.correct, (what, row)
            assert verdict.reason


def test_verify_finds_a_test_person_in_training():
    """A row of the other half is faultless but for whom it is about."""
    for name in ("qa-extract", "know-compare-month", "know-inverse-name"):
        train, test = (
            synthgen.load(name, params={"people": 200, "group": group, "questions": "drawn"})
            for group in ("train", "test")
        )
        for row in test.batch(0, 40).to_pylist():
            assert test.verify(row).correct
            verdict = train.verify(row)
            assert not verdict.correct
            assert "is not among those asked about in this split, 0 to 99" in verdict.reason


def replant(folder, change, split="train"):
    """Change the rows of a split's only shard and forge its manifest entry, hashes and all."""
    stated = manifest(folder)
    index = next(i for i, entry in enumerate(stated["shards"]) if entry["split"] == split)
    entry = stated["shards"][index]
    table = pa.Table.from_batches(read_batches(folder / entry["path"]))
    rows = table.to_pylist()
    change(rows)
    batches = pa.Table.from_pylist(rows, table.schema).to_batches()
    shard = write_shard(batches, table.schema, folder / entry["path"], entry["path"], split)
    stated["shards"][index] = shard.to_json()
    (folder / "manifest.json").write_text(json.dumps(stated))


@pytest.fixture
def folder(tmp_path):
    synthgen.generate("qa-extract", tmp_path / "qa", params={"people": 120})
    return tmp_path / "qa"


def faults(folder, sample):
    return [f"{f.check}: {f.subject}: {f.detail}" for f in check_folder(folder, sample=sample) if not f.ok]


def test_check_finds_a_test_person_in_a_training_question(folder):
    assert faults(folder, 1.0) == []
    stranger = synthgen.load("qa-extract", params={"people": 120}).row(0, "test")

    def plant(rows):
        rows[7] = {**stranger, "id": 7}

    replant(folder, plant)
    found = "\n".join(faults(folder, 1.0))
    who = stranger["latent"]["person"]
    assert f"re-derived: train: row 7: person {who} is not among those asked about" in found
    assert f"shared by person: train, test: 1 of 61 and 60, such as person {who}; must be 0" in found
    assert "shared rows: train, test: 1 (split by person); must be 0" in found
    assert f"people asked about: train: persons 0 to 59, 1 others, such as person {who}" in found
    assert "questions: train: 5 to 6 a person" in found
    assert len(faults(folder, 0.0)) == 5, "the seal, and all rows are looked at for this, whatever the sample"


def test_check_finds_a_changed_answer_and_a_changed_name(folder):
    def plant(rows):
        cities = [row for row in rows if row["latent"]["form"] == "extract.birth_city"]
        cities[0]["completion"], cities[1]["completion"] = cities[1]["completion"], cities[0]["completion"]
        majors = [row for row in rows if row["latent"]["form"] == "extract.major"]
        majors[0]["prompt"] = majors[0]["prompt"].replace("Which major", "Which Major")

    replant(folder, plant)
    found = "\n".join(faults(folder, 1.0))
    assert "re-derived: train" in found
    assert "the facts say" in found
    assert "has 0 readings" in found


def test_splits_of_one_half_may_share_people(tmp_path):
    synthgen.generate("know-classify-month", tmp_path / "qa", params={"people": 120}, splits=["test", "test_hint"])
    findings = check_folder(tmp_path / "qa", sample=0.1)
    assert all(finding.ok for finding in findings)
    (shared,) = [finding for finding in findings if finding.check == "shared by person"]
    assert shared.detail == "60 of 60 and 60, such as person 60"


# -- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"forms": ["extracts"]}, r"'extracts' is no form of question \(did you mean 'extract'"),
        ({"forms": ["extract", "extract.major"]}, "'extract.major' is named twice"),
        ({"forms": []}, "at least 1"),
        ({"hint": 0.5}, "extract.birth_date has no fact to state"),
        ({"forms": ["compare"], "hint": 0.1234567}, "at most six decimals"),
        ({"forms": ["compare"], "hint": 1.5}, "less than or equal to 1"),
        ({"weights": [1, 2]}, "need a whole number >= 1 for each of extract.birth_date"),
        ({"weights": [1, 1, 1, 1, 1, 1], "questions": "each"}, "weights are for questions = 'drawn'"),
        ({"hint_token": "<x>", "direct_token": "<x>"}, "must differ"),
        ({"cue": "Answer: "}, "no space around it"),
        ({"people": 10, "train_people": 11}, "train_people = 11: there are 10 people"),
        ({"people": 10, "asked": 6}, "'train' has 5 people, of whom 6 are asked about"),
        ({"people": 1, "group": "test"}, "'test' has 0 people"),
        ({"people": 2, "forms": ["compare"]}, "need at least 2"),
        ({"paraphrases": 5}, "paraphrases = 5: 4 wordings of extract.birth_date are known"),
        ({"forms": ["inverse"], "opening": "name"}, "0 wordings of inverse.first_date begin with a name"),
        ({"people": 160_000_001}, "more than the 160,000,000 full names"),
        ({"people": 50_000_001, "forms": ["inverse"]}, "at most 50,000,000 people"),
    ],
)
def test_bad_params_are_told(params, message):
    with pytest.raises(SynthgenError, match=message):
        load(**params)


def test_questions_of_ones_own(tmp_path):
    (tmp_path / "lists").mkdir()
    spec = tmp_path / "mine.toml"
    spec.write_text(
        "task = 'qa'\n[params]\npeople = 20\nlists = 'lists'\nforms = ['extract.major']\n[splits.train]\nrows = 5\n"
    )
    own = tmp_path / "lists/questions.toml"
    own.write_text("[extract]\nmajor = ['{A} read what?']\n")
    source = synthgen.load(spec)
    assert source.row(0)["prompt"].endswith(" read what? Answer:")
    assert source.verify(source.row(0)).correct
    for text, message in (
        ("[extract]\nmajors = ['{A}?']", r"'extract.majors' is no form of question \(did you mean 'extract.major'"),
        ("[extract]\nmajor = []", "extract.major needs a list"),
        ("[extract]\nmajor = ['Who studied?']", r"holds each of \{A\} once"),
        ("[extract]\nmajor = ['{A} or {B}?']", r"holds each of \{A\} once"),
        ("[extract]\nmajor = ['{A}']", "ends with"),
        ("[extract]\nmajor = ['{A}?', '{A}?']", "stands there twice"),
        ("[extract]\nmajor = ['{A} was born in which city?']", "extract.major and extract.birth_city are both worded"),
        ("major = ['{A}?']", "no form of question"),
        ("not toml", "not valid TOML"),
    ):
        own.write_text(text)
        with pytest.raises(SynthgenError, match=message):
            synthgen.load(spec)


def test_toy_worlds():
    """Sizes shrink the lists, as in the task `bios`: one toy world for both."""
    sizes = {"first_names": 8, "middle_names": 5, "last_names": 5, "majors": 6, "years": 4, "employers": 7}
    source = load(forms=FAMILIES, people=200, group="all", sizes=sizes)
    rows = source.batch(0, 500).to_pylist()
    assert all(source.verify(row).correct for row in rows)
    bios = synthgen.load("bios-single", params={"people": 200, "sizes": sizes}).batch(0, 200).to_pylist()
    texts = {row["latent"]["person"]: row["text"] for row in bios}
    for row in rows:
        if row["latent"]["form"].startswith("extract"):
            assert row["completion"][1:-1] in texts[row["latent"]["person"]]


# -- token rows -----------------------------------------------------------------------------------------------------

TOY = {"first_names": 40, "middle_names": 40, "last_names": 40, "months": 12, "days": 4, "years": 5, "majors": 64}


def in_tokens(tmp_path, task="qa", **params):
    path = tmp_path / f"{task}-tokens.toml"
    path.write_text(f"task = '{task}'\nrow_format = 'tokens'\n[splits.train]\nrows = 100\n")
    return synthgen.load(path, params={"edition": 3, **params})  # as the shipped specs say


@pytest.mark.parametrize("sizes", [TOY, {}])
def test_token_rows_are_the_same_questions(tmp_path, sizes):
    for forms, tokens in ((FAMILIES, {}), (["classify", "compare"], {"hint": 0.5, "direct_token": "[d]"})):
        for more in ({}, {"hint_token": "[h]"}):
            params = {**SMALL, "forms": forms, "sizes": sizes, "people": 300, **tokens, **more}
            source, text = in_tokens(tmp_path, **params), load(**params)
            assert source.entropy().bits == text.entropy().bits
            for row, same in zip(source.batch(0, 200).to_pylist(), text.batch(0, 200).to_pylist(), strict=True):
                verdict = source.verify(row)
                assert verdict.correct, verdict.reason
                for field in ("form", "person", "other", "wording", "hint", "answers"):
                    assert row["latent"][field] == same["latent"][field]
                assert row["bits"] == same["bits"]
                prompt, completion, shown = source.task()._texts(row)
                assert (prompt, completion) == (same["prompt"], same["completion"])
                cut = row["completion_mask"].index(True)
                assert source.verify(row["input_ids"][:cut], row["input_ids"][cut:]).correct
                assert all(len(spans) == len(same["latent"]["spans"][kind]) for kind, spans in shown["spans"].items())
                for span in row["latent"]["spans"]["answer"]:
                    assert cut <= span["start"] < span["end"] <= len(row["input_ids"])


def test_token_rows_share_the_ids_of_the_documents(tmp_path):
    sizes = {**TOY, "templates": 2}
    source, documents = (in_tokens(tmp_path, task, people=200, sizes=sizes) for task in ("qa", "bios"))
    names = documents.vocab.names
    assert all(source.vocab.names[token] == name for token, name in names.items())
    assert source.vocab.size > documents.vocab.size
    facts = {row["latent"]["person"]: set(row["input_ids"]) for row in documents.batch(0, 200).to_pylist()}
    for row in source.batch(0, 100).to_pylist():
        cut = row["completion_mask"].index(True)
        assert set(row["input_ids"][cut:]) <= facts[row["latent"]["person"]], "the answer stands in the biography"
        assert set(row["input_ids"][1:cut]) <= facts[row["latent"]["person"]], "and so does the name"
    other = in_tokens(tmp_path, people=200, sizes=sizes, forms=["inverse"])
    assert other.vocab.to_json() == source.vocab.to_json(), "whatever is asked, the ids are the same"


def test_names_first_in_tokens(tmp_path):
    row = in_tokens(tmp_path, people=200, opening="name", sizes=TOY).row(0)
    names = in_tokens(tmp_path, people=200, sizes=TOY).vocab.names
    assert re.fullmatch(r"<extract\.\w+ 1>", names[row["input_ids"][3]]), "the wording's token stands behind the name"


def test_faults_in_token_rows_are_found(tmp_path):
    source = in_tokens(tmp_path, **SMALL, sizes=TOY)
    for row in source.batch(0, 60).to_pylist():
        ids, mask = row["input_ids"], row["completion_mask"]
        cut = mask.index(True)
        faults = [
            (ids[:-1], mask[:-1]),
            ([*ids, ids[-1]], [*mask, True]),
            ([*ids[:-1], 0], mask),
            ([*ids[:-1], source.vocab.size], mask),
            ([*ids[:-1], ids[-1] + 1], mask),
            (ids[::-1], mask),
            (ids, [False] * len(ids)),
            (ids, [True, *mask[1:]]),
            ([ids[cut - 1], *ids[1 : cut - 1], ids[0], *ids[cut:]], mask),
        ]
        for tokens, trained in faults:
            verdict = source.verify({**row, "input_ids": tokens, "completion_mask": trained})
            assert not verdict.correct
            assert verdict.reason
        for kind, spans in row["latent"]["spans"].items():
            if spans:
                fault = copy.deepcopy(row)
                fault["latent"]["spans"][kind][0]["start"] += 1
                assert not source.verify(fault).correct
        for junk in ([], [0], [ids[0]] * 99, None, "text", [10**9]):
            assert not source.task().judge(junk, ids[cut:]).correct
            assert not source.task().judge(ids[:cut], junk).correct

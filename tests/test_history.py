"""A world that changes: every way it may is as likely, its bits are exact, documents and questions keep to one history."""

import math
import re
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

import synthgen
from synthgen.errors import SynthgenError
from synthgen.exact.draw import Keys
from synthgen.exact.tape import enumerate_tapes
from synthgen.spec.spec import load_spec
from synthgen.tasks.bios.biographies.task import Bios
from synthgen.tasks.bios.history.wordings import ASKS, TARGETS, read_wordings
from synthgen.tasks.bios.world.changes import CHANGING
from synthgen.tasks.bios.world.lists import ATTRIBUTES, OWN
from synthgen.tasks.bios.world.population import tiny_sizes
from synthgen.tasks.bios.world.writing.changes import change_person
from synthgen.tasks.bios.world.writing.people import EMPLOYER, FIELDS, LAST, MAJOR, draw_person

PEOPLE, CHANGED = 200, 50
WORLD = {"people": PEOPLE, "changed": 0.25}


def loaded(name, **params):
    return synthgen.load(load_spec(name, params=WORLD | params))


# -- bits -------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_history_of_a_tiny_world_is_gone_through():
    """The facts before, who changes and into what: their law is uniform, and has the bits booked."""
    sizes = tiny_sizes(last_names=1, majors=3, employers=2)
    params = {"people": 2, "changed": 0.5, "changing": ["employer", "major"], "pronouns": ["they"], "sizes": sizes}
    task = Bios(Bios.Params.model_validate(params), Keys(0), OWN)
    world, changes = task._world, task._changes

    def history(tape):
        people = []
        for person in range(2):
            fields = np.zeros(FIELDS, np.int64)
            draw_person(tape, world.names, world.people, person, world.sizes, fields)
            before = fields.tolist()
            change_person(tape, changes, 2, person, person, world.sizes, fields)
            changed = {field for field in range(FIELDS) if fields[field] != before[field]}
            assert changed <= {MAJOR, EMPLOYER}
            people.append((tuple(before[: LAST + 1]), tuple(before[MAJOR : EMPLOYER + 1]), tuple(fields[MAJOR:])))
        return frozenset(people)

    chances = Counter()
    for people, probability in enumerate_tapes(history):
        chances[people] += probability
    number = (3 * 2) ** 2 * (2 * 2) * (2 * 1)
    assert sum(chances.values()) == 1 and set(chances.values()) == {Fraction(1, number)} and len(chances) == number
    entropy = task.entropy()
    assert entropy.world.value == pytest.approx(math.log2(number), abs=1e-12)
    assert entropy.books["changes"].bits.value == pytest.approx(math.log2(2 * 2) + math.log2(2 * 1), abs=1e-12)
    assert entropy.facts["world_bits_at_one_time"] == pytest.approx(math.log2(36), abs=1e-12)


def test_the_bits_of_the_shipped_world_are_exact():
    entropy = synthgen.load("history-after").entropy()
    people, changed = 100_000, 20_000
    who = (math.lgamma(people + 1) - math.lgamma(changed + 1) - math.lgamma(people - changed + 1)) / math.log(2)
    into = changed * (math.log2(299) + math.log2(99) + math.log2(262))
    assert entropy.books["changes"].bits.value == pytest.approx(3 * who + into, rel=1e-9)
    assert {book.bits.status for book in entropy.books.values()} == {"exact"}
    plain = synthgen.load("bios-multi5").entropy()
    assert entropy.world.value == pytest.approx(plain.world.value + 3 * who + into, rel=1e-12)
    assert entropy.facts["world_bits_at_one_time"] == plain.facts["world_bits"]
    before, asked = synthgen.load("history-before").entropy(), synthgen.load("history-questions").entropy()
    assert before.world.value == entropy.world.value and before.facts == entropy.facts
    assert asked.world.value == pytest.approx(entropy.world.value - people, rel=1e-12), "questions show no pronoun"


def test_a_mixture_of_both_times_counts_the_world_and_its_changes_once():
    staged = synthgen.load("history-staged").entropy()
    alone = synthgen.load("history-after").entropy()
    world = {name: book.bits.value for name, book in staged.books.items() if book.scope == "world"}
    assert world == {name: book.bits.value for name, book in alone.books.items() if book.scope == "world"}
    assert staged.status == "exact", "a row says of which time it is"
    rows = synthgen.load("history-staged").batch(499_990, 500_010).to_pylist()
    assert all(row["text"].startswith("From the old records: ") for row in rows[:10])
    assert {row["text"].split(": ")[0] for row in rows[10:]} <= {f"From the {time} records" for time in ("old", "new")}


# -- documents --------------------------------------------------------------------------------------------------------


def told(source):
    """Return the facts that texts state, cut out at their spans: {name: {attribute: text}}."""
    people = {}
    for row in source.batch(0, PEOPLE).to_pylist():
        cut = {kind: row["text"][spans[0]["start"] : spans[0]["end"]] for kind, spans in row["latent"]["spans"].items()}
        people[cut.pop("name")] = cut
    return people


@pytest.fixture(scope="module")
def times():
    """What documents of before and of after say of everybody."""
    return told(loaded("history-before", entries=1)), told(loaded("history-after", entries=1))


def test_a_share_of_the_people_has_other_facts_afterwards(times):
    before, after = times
    assert set(before) == set(after) and len(before) == PEOPLE
    assert told(loaded("bios-multi5", entries=1, changed=0.0)) == before, "the world of every other spec"
    changed = {fact: {name for name in before if before[name][fact] != after[name][fact]} for fact in ATTRIBUTES}
    assert {fact: len(names) for fact, names in changed.items() if fact != "company_city"} == dict.fromkeys(
        ATTRIBUTES[:-1], 0
    ) | dict.fromkeys(CHANGING, CHANGED)
    assert changed["company_city"] <= changed["employer"] and changed["company_city"]
    assert len({frozenset(changed[fact]) for fact in CHANGING}) == 3, "each fact changes for people of its own"


def test_latents_hold_both_times_and_the_reader_works_them_out_anew():
    sources = {time: loaded(f"history-{time}", entries=2) for time in ("before", "after")}
    rows = {time: source.batch(0, 2 * PEOPLE).to_pylist() for time, source in sources.items()}
    history = {}
    for time, source in sources.items():
        reader = source.task().history
        for row in rows[time][:PEOPLE]:
            latent = row["latent"]
            assert latent["values"] == latent[f"values_{time}"]
            values = (latent["values_before"], latent["values_after"])
            assert history.setdefault(latent["person"], values) == values == reader.values(latent["person"])
        assert all(source.verify(row).correct for row in rows[time][:40])
    texts = [{row["text"] for row in rows[time]} for time in sources]
    assert len(texts[0] & texts[1]) == 0, "documents of after are worded anew"


def test_a_document_of_the_other_time_is_refused():
    before, after = loaded("history-before"), loaded("history-after")
    differ = [
        row
        for row in before.batch(0, 60).to_pylist()
        if row["latent"]["values_before"] != row["latent"]["values_after"]
    ]
    assert differ and all(before.verify(row).correct for row in differ)
    for row in differ:
        verdict = after.verify(row)
        assert not verdict.correct and re.search(r"the .* is not the person's after the change", verdict.reason)


def test_compact_tokens_tell_of_both_times():
    sources = [
        synthgen.load(load_spec("capo-tiny", params={"changed": 0.25, "time": time})) for time in ("before", "after")
    ]
    people = [{r["latent"]["person"]: r["latent"]["values"] for r in s.batch(0, 1000).to_pylist()} for s in sources]
    for fact in CHANGING:
        assert sum(people[0][one][fact] != people[1][one][fact] for one in range(1000)) == 250
    assert all(source.verify(source.row(7)).correct for source in sources)


# -- questions --------------------------------------------------------------------------------------------------------

WORDS = {"company_city": "city|Where", "employer": "compan|employer", "university": "universit"}
"""Words by which a question tells of which fact it is; without one of them it is about the major."""


def plainly(prompt, times):
    """Return (what is asked, of which fact, the answer) by what documents say and the words of the prompt."""
    name = next(name for name in times[0] if name in prompt)
    target = next((target for target, pattern in WORDS.items() if re.search(pattern, prompt)), "major")
    before, after = (people[name][target] for people in times)
    if re.match("Do |Does |Is ", prompt):
        return "whether", target, "No" if before == after else "Yes"
    then = "old records" in prompt
    return "before" if then else "after", target, before if then else after


def test_ten_thousand_answers_are_those_of_the_documents(times):
    source = loaded("history-questions", group="all")
    cases = Counter()
    for row in source.batch(0, 10_000).to_pylist():
        latent = row["latent"]
        ask, target, answer = plainly(row["prompt"], times)
        assert (ask, target) == (latent["ask"], latent["target"]), row["prompt"]
        assert row["completion"] == f" {answer}.", row["prompt"]
        cases[latent["ask"], latent["target"], latent["wording"]] += 1
    assert len(cases) == len(ASKS) * len(TARGETS) * 4


def test_splits_are_divided_by_people_and_by_what_changed():
    source = synthgen.load("history-questions")
    rows = {split: source.batch(0, 300, split).to_pylist() for split in source.splits}
    assert max(row["latent"]["person"] for row in rows["train"]) < 50_000
    for split in ("test", "test_changed", "test_kept"):
        assert min(row["latent"]["person"] for row in rows[split]) >= 50_000
        assert source.task("train").apart(source.task(split))
        assert all(source.verify(row, split=split).correct for row in rows[split][:20])
    differ = {split: [row["latent"]["before"] != row["latent"]["after"] for row in rows[split]] for split in rows}
    assert not any(differ["test_kept"])
    share = np.mean([d for d, row in zip(differ["test_changed"], rows["test_changed"], strict=True)
                     if row["latent"]["target"] != "company_city"])  # fmt: skip
    assert share == 1 and 0.1 < np.mean(differ["test"]) < 0.3
    number = source.entropy("test_changed").facts["asked"]
    assert all(9_700 < count < 10_300 for count in number.values()) and number["employer"] == number["company_city"]
    wrong = next(
        row for row, d in zip(rows["test"], differ["test"], strict=True) if not d and row["latent"]["target"] == "major"
    )
    assert "is not among those asked about the major" in source.verify(wrong, split="test_changed").reason


def test_answers_are_judged_by_what_they_say():
    source = loaded("history-questions", group="all", asks=["before", "after"])
    for row in source.batch(0, 40).to_pylist():
        verdict = source.verify(row["prompt"], row["completion"])
        assert verdict.correct and verdict.parts[0]["ask"] == row["latent"]["ask"]
        assert verdict.parts[0]["changed"] == (row["latent"]["before"] != row["latent"]["after"])
        assert source.verify(row["prompt"], row["completion"].strip(" .") + "\n").correct
        other = source.task().lists.value(row["latent"]["target"], row["latent"]["after"])
        right = row["latent"]["ask"] == "after" or not verdict.parts[0]["changed"]
        assert source.verify(row["prompt"], f" {other}.").correct == right
        assert not source.verify(row["prompt"], row["completion"] * 2).correct
    assert not source.reward(
        ["Who?", "Where did Nobody At All work, according to the new records? Answer:"], [" A.", " B."]
    )[0]


def test_the_rows_of_a_small_world_have_all_chances():
    source = synthgen.load(
        load_spec(
            "history-questions",
            params={"people": 8, "changed": 0.25, "paraphrases": 2, "targets": ["major", "employer"]},
        )
    )
    seen = {row["prompt"] + row["completion"] for row in source.batch(0, 1500).to_pylist()}
    chances = [2.0 ** -source.task().surprisals(said).sum() for said in seen]
    assert len(seen) == 4 * 3 * 2 * 2 and math.isclose(math.fsum(chances), 1, rel_tol=1e-9)
    assert source.task().surprisals(min(seen) + "x")[-1] == np.inf
    with pytest.raises(SynthgenError, match="each fact has people of its own"):
        synthgen.load("history-questions").surprisals(0, "test_kept")


# -- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "params", "message"),
    [
        ("history-after", {"changed": 0.0}, r"time = 'after': no fact changes; say how many do"),
        ("history-after", {"changed": 1e-6}, r"changed = 1e-06: of 100,000 people that is nobody"),
        ("history-after", {"changing": ["major", "major"]}, r"name each fact once"),
        ("history-after", {"changing": ["birth_city"]}, r"changing\.0 = 'birth_city': should be 'university', 'major' or 'employer'"),
        ("history-after", {"sizes": {"majors": 1}}, r"the lists have one value for major.*leave 'major' out"),
        ("history-questions", {"changing": ["major"], "targets": ["company_city"]}, r"'company_city' does not change; add 'employer'"),
        ("history-questions", {"asks": ["before", "before"]}, r"name each once"),
        ("history-questions", {"paraphrases": 5}, r"params\.paraphrases = 5: 4 wordings for before\.university"),
        ("history-questions", {"train_people": 200_000}, r"train_people = 200,000: there are 100,000 people"),
        ("history-questions", {"train_people": 0}, r"has nobody to be asked about"),
        ("history-questions", {"changed": 1.0, "about": "kept"}, r"of nobody in group 'train' the university has been kept"),
        ("history-questions", {"cue": " "}, r"no space around it"),
    ],
)  # fmt: skip
def test_params_that_do_not_go_together_are_told(spec, params, message):
    with pytest.raises(SynthgenError, match=message):
        synthgen.load(load_spec(spec, params=params)).task()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[before]", "[then]"), r"need the tables before, after, whether"),
        (("Which university did {A} attend, according to the old records?", "Who?"), r"before\.university: 'Who\?': a wording holds \{A\} once"),
        (("Which university did {A} attend, according to the old records?", "{A}."), r"a wording ends with \?"),
        (("Where did {A} work, according to the new records?", "Where did {A} work, according to the old records?"), r"it stands there twice"),
        (("major = [", "degree = ["), r"before: need lists for university, major, employer, company_city"),
    ],
)  # fmt: skip
def test_faults_of_a_list_of_questions_are_told(tmp_path, change, message):
    text = (OWN / "changes.toml").read_text()
    (tmp_path / "changes.toml").write_text(text)
    assert read_wordings(tmp_path) == read_wordings(None)
    (tmp_path / "changes.toml").write_text(text.replace(*change, 1))
    with pytest.raises(SynthgenError, match=message):
        read_wordings(tmp_path)

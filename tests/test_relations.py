"""Relations and hops: every law is uniform, its bits exact, its statements true, and answers those of plain dicts."""

import itertools
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
from synthgen.tasks.bios.relations.laws import LAWS, path_bits, relation_bits
from synthgen.tasks.bios.relations.wordings import FACT_NAMES, read_relations
from synthgen.tasks.bios.relations.writing.relatives import relative

PEOPLE = 200
WORLD = {"people": PEOPLE, "bosses": 8, "relations": ["friend", "mentor", "boss", "sibling"]}


def law_of(law, people, bosses=2):
    """Return how likely each way to lay a relation is, over every choice of the sampler."""
    key, chances = Keys(0).world("relation"), Counter()

    def laid(tape):
        return tuple(int(relative(tape, key, LAWS[law], bosses, people, person)) for person in range(people))

    for ways, probability in enumerate_tapes(laid):
        chances[ways] += probability
    return chances


@pytest.mark.parametrize(("law", "people", "number"), [("pairs", 2, 1), ("pairs", 4, 3), ("circle", 2, 1),
                                                       ("circle", 3, 2), ("circle", 4, 6), ("circle", 5, 24)])  # fmt: skip
def test_every_way_to_lay_a_relation_is_as_likely(law, people, number):
    chances = law_of(law, people)
    assert set(chances.values()) == {Fraction(1, number)} and len(chances) == number
    for ways in chances:
        assert sorted(ways) == list(range(people)) and all(other != one for one, other in enumerate(ways))
        if law == "pairs":
            assert all(ways[other] == one for one, other in enumerate(ways))
        else:
            assert round_of(ways) == people
    bits = relation_bits(law, people, 2)
    assert bits.status == "exact" and math.isclose(bits.value, math.log2(number), abs_tol=1e-12)


def round_of(ways):
    """Return after how many steps person 0 comes back to themselves."""
    steps, at = 1, ways[0]
    while at != 0:
        steps, at = steps + 1, ways[at]
    return steps


def entropy_of(chances):
    return -math.fsum(float(p) * math.log2(p) for p in chances.values())


@pytest.mark.parametrize(("people", "bosses"), [(2, 2), (3, 2), (4, 2), (3, 3)])
def test_bosses_are_few_and_everybody_has_one(people, bosses):
    chances = law_of("many", people, bosses)
    assert sum(chances.values()) == 1
    for ways in chances:
        assert len(set(ways)) <= bosses and all(other != one for one, other in enumerate(ways))
    assert chances == bosses_of_all_sets(people, bosses)
    bits = relation_bits("many", people, bosses)
    assert bits.status == "exact" and math.isclose(bits.value, entropy_of(chances), abs_tol=1e-12)


def bosses_of_all_sets(people, bosses):
    """Return how likely everybody's bosses are, over all sets of so many, and all choices from each."""
    chances = Counter()
    for few in itertools.combinations(range(people), bosses):
        ways = list(itertools.product(*([boss for boss in few if boss != one] for one in range(people))))
        for way in ways:
            chances[way] += Fraction(1, len(ways) * math.comb(people, bosses))
    return chances


@pytest.mark.parametrize(("people", "bosses"), [(4, 3), (5, 3), (6, 4), (5, 4)])
def test_the_bits_of_bosses_whom_nobody_has_lie_between_the_ends(people, bosses):
    bits, entropy = relation_bits("many", people, bosses), entropy_of(bosses_of_all_sets(people, bosses))
    assert bits.status == "bracket" and bits.low < bits.high
    assert bits.low - 1e-12 <= entropy <= bits.high + 1e-12


def test_the_bits_of_shipped_relations_are_exact():
    books = synthgen.load("relations").entropy().books
    people, bosses = 100_000, 1_000
    whole = math.lgamma(people + 1) / math.log(2)
    assert books["relation_mentor"].bits.value == pytest.approx(whole - math.log2(people), rel=1e-12)
    half = math.lgamma(people / 2 + 1) / math.log(2)
    assert books["relation_friend"].bits.value == pytest.approx(whole - people / 2 - half, rel=1e-12)
    few = sum(math.log2(people - i) - math.log2(i + 1) for i in range(bosses))
    few += (people - bosses) * math.log2(bosses) + bosses * math.log2(bosses - 1)
    assert books["relation_boss"].bits.value == pytest.approx(few, rel=1e-12)
    assert {book.bits.status for book in books.values()} == {"exact"}


@pytest.mark.parametrize(
    "laws", [["pairs"], ["circle", "many"], ["pairs", "circle"], ["pairs", "many", "pairs", "circle"]]
)
@pytest.mark.parametrize("steps", [0, 1, 2, 3, 4])
def test_paths_have_the_bits_of_all_paths_gone_through(laws, steps):
    if laws == ["pairs"] and steps > 1:
        return
    bits = 0.0
    for path in itertools.product(range(len(laws)), repeat=steps):
        back = [a == b and laws[a] == "pairs" for a, b in itertools.pairwise(path)]
        if not any(back):
            choices = [len(laws) - (place > 0 and laws[path[place - 1]] == "pairs") for place in range(steps)]
            bits += math.log2(math.prod(choices)) / math.prod(choices)
    assert math.isclose(path_bits(laws, steps), bits, abs_tol=1e-12)


# -- statements -------------------------------------------------------------------------------------------------------


def statements(**params):
    return synthgen.load(load_spec("relations", params=WORLD | {"entries": 1} | params))


@pytest.fixture(scope="module")
def stated():
    """Who is whose by the statements alone, split at their bars: {relation: {name: name}}."""
    source = statements(styles=["triple"])
    related = {}
    for text in source.batch(0, source.rows_max()).column("text").to_pylist():
        name, relation, other = text.split(" | ")
        assert name not in related.setdefault(relation, {})
        related[relation][name] = other
    return related


def test_statements_are_of_everybody_and_keep_the_laws(stated):
    assert set(stated) == {"best friend", "mentor", "boss", "sibling"}
    everybody = set(stated["mentor"])
    for related in stated.values():
        assert len(related) == PEOPLE and set(related) == everybody and set(related.values()) <= everybody
        assert all(name != other for name, other in related.items())
    for name in everybody:
        for relation in ("best friend", "sibling"):
            assert stated[relation][stated[relation][name]] == name
    numbers = {name: number for number, name in enumerate(everybody)}
    assert round_of([numbers[stated["mentor"][name]] for name in everybody]) == PEOPLE
    assert len(set(stated["boss"].values())) == 8
    assert stated["best friend"] != stated["sibling"]


def test_all_wordings_and_styles_state_the_same(stated):
    source = statements(entries=3, styles=["sentence", "triple", "json"], paraphrases=6)
    seen = set()
    for row in source.batch(0, 1500).to_pylist():
        spans, text = row["latent"]["spans"], row["text"]
        name, relation = (text[spans["name"][0]["start"] : spans["name"][0]["end"]], row["latent"]["relation"])
        ((start, end),) = [(span["start"], span["end"]) for span in spans[relation]]
        assert text[start:end] == stated[{"friend": "best friend"}.get(relation, relation)][name]
        assert name in text[:start] + text[end:]
        seen.add((relation, row["latent"]["style"], row["latent"]["wording"]))
    assert len(seen) == 4 * (6 + 1 + 1)


def test_behind_a_biography_stands_what_is_stated_alone(stated):
    params = {"people": PEOPLE, "entries": 2}
    biographies = synthgen.load(load_spec("bios-multi5", params=params))
    source = synthgen.load(load_spec("relations-bios", params=WORLD | {"entries": 2, "relations": ["boss", "friend"]}))
    assert source.rows_max() == 2 * PEOPLE
    texts = biographies.batch(0, 2 * PEOPLE).column("text").to_pylist()
    pronouns = Counter()
    for alone, row in zip(texts, source.batch(0, 2 * PEOPLE).to_pylist(), strict=True):
        assert row["text"].startswith(f"{alone} ")
        spans = row["latent"]["spans"]
        said = {kind: row["text"][span[0]["start"] : span[0]["end"]] for kind, span in spans.items()}
        assert said["boss"] == stated["boss"][said["name"]]
        assert said["friend"] == stated["best friend"][said["name"]]
        behind = row["text"][len(alone) + 1 :]
        assert behind.count(". ") == 1 and said["name"] not in behind
        pronouns.update(re.findall(r"\b(?:he|she|him|his|her)\b", behind.lower()))
    assert set(pronouns) == {"he", "she", "him", "his", "her"}


def test_capacity_counts_relations():
    for name in ("relations", "relations-bios", "relations-2hop"):
        source = synthgen.load(name)
        known, facts = source.task().knowledge(), source.entropy().facts
        pronouns = facts["people"] * (name == "relations-bios")
        assert known.bits + pronouns == pytest.approx(facts["world_bits"], rel=1e-12)
    assert synthgen.load("relations").task().knowledge().span_bits == facts_of_relations()


def facts_of_relations():
    facts = synthgen.load("relations").entropy().facts["relation_bits_a_person"]
    assert set(facts) == {"friend", "mentor", "boss"}
    return facts


# -- questions --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def facts():
    """What biographies say of everybody, by name, from their spans alone."""
    source = synthgen.load(load_spec("bios-single", params={"people": PEOPLE}))
    table = {}
    for row in source.batch(0, PEOPLE).to_pylist():
        said = {kind: row["text"][span[0]["start"] : span[0]["end"]] for kind, span in row["latent"]["spans"].items()}
        table[said.pop("name")] = said
    return table


def plainly(prompt, target, stated, facts):
    """Answer a question with dicts: who is named, and what is asked of them, is cut out of the prompt."""
    names = "|".join(stated)
    if prompt.startswith("{") or prompt.endswith("|"):
        steps = [
            step for step in re.split(r' \| |", "path": \["|", "|"\], "answer":|\{"person": "| \|', prompt) if step
        ]
        name, *steps = steps
    else:
        match = re.search(
            rf"(\S+ \S+ [^ ']+)((?:'s (?:{names}))*)", prompt[prompt.index(next(n for n in facts if n in prompt)) :]
        )
        name, steps = match[1].rstrip("?"), match[2].split("'s ")[1:]
    for step in steps:
        if step in stated:
            name = stated[step][name]
    return name if target == "person" else facts[name][target]


def asked(hops, **params):
    return synthgen.load(load_spec("relations-3hop", params=WORLD | {"hops": hops, "paraphrases": 4} | params))


def agrees(number, stated, facts):
    source = asked([1, 2, 3], styles=["sentence", "triple", "json"])
    cases = Counter()
    for row in source.batch(0, number).to_pylist():
        target, style = row["latent"]["target"], row["latent"]["style"]
        answer = plainly(row["prompt"], target, stated, facts)
        around = {"sentence": " {}.", "triple": " {}", "json": ' "{}"}}'}[style]
        assert row["completion"] == around.format(answer), row["prompt"]
        cases[row["difficulty"], target, style] += 1
    assert len(cases) == 3 * 7 * 3
    for hops in (1, 2, 3):
        share = sum(count for (distance, *_), count in cases.items() if distance == hops) / number
        assert abs(share - 1 / 3) < 5 * math.sqrt(2 / 9 / number)


def test_answers_are_those_of_plain_dicts(stated, facts):
    agrees(600, stated, facts)


@pytest.mark.slow
def test_ten_thousand_answers_are_those_of_plain_dicts(stated, facts):
    agrees(10_000, stated, facts)


def test_no_path_leads_back_at_once():
    source = asked([4], targets=["person"])
    paths = source.batch(0, 400).column("latent").field("path").to_pylist()
    pairs = {(a, b) for path in paths for a, b in itertools.pairwise(path)}
    assert ("mentor", "mentor") in pairs and ("boss", "boss") in pairs and ("friend", "sibling") in pairs
    assert ("friend", "friend") not in pairs and ("sibling", "sibling") not in pairs


def test_splits_are_divided_by_people_and_by_relation():
    source = synthgen.load("relations-2hop")
    rows = {split: source.batch(0, 500, split).column("latent") for split in source.splits}
    assert max(rows["train"].field("person").to_pylist()) < 50_000 <= min(rows["test"].field("person").to_pylist())
    followed = {split: set(itertools.chain(*latent.field("path").to_pylist())) for split, latent in rows.items()}
    assert followed == {"train": {"friend", "boss"}, "test": {"friend", "boss"}, "test_mentor": {"mentor"}}
    assert source.task("train").apart(source.task("test")) and not source.task("test").apart(source.task("test_mentor"))
    three = synthgen.load("relations-3hop")
    assert set(three.batch(0, 50, "test_3hop").column("difficulty").to_pylist()) == {3}


def test_answers_are_judged_by_what_they_say():
    source = asked([2], styles=["sentence", "triple", "json"])
    other = {"sentence": " Nobody.", "triple": " Nobody", "json": ' "Nobody"}'}
    for row in source.batch(0, 12).to_pylist():
        prompt, completion = row["prompt"], row["completion"]
        verdict = source.verify(prompt, completion)
        assert verdict.correct and verdict.parts[0]["hops"] == 2
        assert source.verify(prompt, f" {completion}\n").correct
        assert not source.verify(prompt, other[row["latent"]["style"]]).correct
        assert not source.verify(prompt, completion * 2).correct
    for junk in (
        "",
        "{",
        '{"person": 3, "path": [], "answer":',
        '{"person": "A", "path": 3, "answer":',
        " |",
        "Who is?",
        3,
    ):
        assert not source.reward([junk if isinstance(junk, str) else "x"], [" A"])[0]


# -- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "params", "message"),
    [
        ("relations", {"people": 99_999}, r"an odd number of people has no pairs; take one more or less"),
        ("relations", {"relations": ["freind"]}, r"'freind' is no relation of relations\.toml \(did you mean 'friend'"),
        ("relations", {"paraphrases": 7}, r"params\.paraphrases = 7: 6 sentences state 'friend'"),
        ("relations", {"people": 10, "bosses": 11}, r"people = 10, bosses = 11: need two people"),
        ("relations", {"relations": ["boss", "boss"]}, r"name each once"),
        ("relations-bios", {"styles": ["json"]}, r"biography = true: relations are told in sentences"),
        ("relations-3hop", {"relations": ["friend"], "hops": [3]}, r"'friend' followed twice leads back"),
        ("relations-3hop", {"paraphrases": 5}, r"params\.paraphrases = 5: 4 wordings ask for birth_date"),
        ("relations-3hop", {"train_people": 200_000}, r"train_people = 200,000: there are 100,000 people"),
        ("relations-3hop", {"train_people": 100_000, "group": "test"}, r"has nobody to be asked about"),
    ],
)
def test_params_that_do_not_go_together_are_told(spec, params, message):
    with pytest.raises(SynthgenError, match=message):
        synthgen.load(load_spec(spec, params=params)).task()


GOOD = (
    '[a]\nlaw = "many"\nname = "neighbour"\nstatements = ["{S} lives near {v}."]\n[questions]\nwho = ["Who is {A}?"]\n'
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("many", "some"), r"a: law = 'some': take one of pairs, circle, many"),
        (("neighbour", "Neighbour 2"), r"plain small letters"),
        (("neighbour", "birth city"), r"a fact is called so"),
        (("near {v}", "near"), r"a statement holds \{v\} once"),
        (("{S} lives near", "{S} has {his} neighbour"), r"its markers are"),
        (("{v}.", "{v}. Yes."), r"a statement is one sentence"),
        (('"]\n[q', '", "{S} {lives|live} near {v}."]\n[q'), r"says the same as one of a"),
        (("{A}?", "it?"), r"a wording holds \{A\} once"),
        (("who =", "whom ="), r"questions: need a table with who, and nothing else"),
        (('"many"', "3"), r"a\.law: need a text"),
        (("neighbour", "workplace"), r"the relation 'workplace' cannot be told from"),
    ],
)
def test_faults_of_a_list_of_relations_are_told(tmp_path, change, message):
    (tmp_path / "relations.toml").write_text(GOOD)
    assert read_relations(tmp_path, 2).relations["a"].name == "neighbour"
    (tmp_path / "relations.toml").write_text(GOOD.replace(*change))
    with pytest.raises(SynthgenError, match=message):
        read_relations(tmp_path, 2)


def test_names_with_marks_are_refused(tmp_path):
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/last_names.txt").write_text('Smith\nO"Neil\n')
    (tmp_path / "spec.toml").write_text('task = "relations"\n[params]\nlists = "lists"\npeople = 10\n[splits.train]\n')
    with pytest.raises(SynthgenError, match=r"""the lists have 'O"Neil'.* take out " and"""):
        synthgen.load(tmp_path / "spec.toml").task()


def test_facts_are_called_what_questions_call_them():
    assert FACT_NAMES["birth_city"] == "birth city" and len(FACT_NAMES) == 6
    assert np.all([name == name.lower() for name in FACT_NAMES.values()])


# -- token by token ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "params"),
    [
        ("relations", {"styles": ["sentence", "triple", "json"], "paraphrases": 3, "relations": ["boss", "friend"]}),
        ("relations-3hop", {"hops": [1, 3], "targets": ["person", "major"], "relations": ["mentor", "sibling"]}),
    ],
)
def test_the_rows_of_a_small_world_have_all_chances(spec, params):
    params = (
        {"people": 6, "bosses": 2} | params | ({"entries": "online"} if spec == "relations" else {"paraphrases": 2})
    )
    source = synthgen.load(load_spec(spec, params=params))
    seen = set()
    for row in source.batch(0, 6000).to_pylist():
        seen.add(row.get("text", row.get("prompt", "") + row.get("completion", "")))
    chances = [2.0 ** -source.task().surprisals(said).sum() for said in seen]
    assert math.isclose(math.fsum(chances), 1, rel_tol=1e-9)
    said = min(seen)
    for wrong in (said + "x", said[:-1], said[:9] + "%" + said[9:], ""):
        assert source.task().surprisals(wrong)[-1] == np.inf


def test_what_has_no_bits_for_each_token_says_why():
    for name, why in (
        ("relations-bios", "behind a biography half read"),
        ("birthyear-5-1", "the law of task 'birthyear'"),
    ):
        with pytest.raises(SynthgenError, match=why):
            synthgen.load(name).surprisals(0)


def test_a_mixture_counts_what_documents_and_questions_share_once(tmp_path):
    (tmp_path / "m.toml").write_text(
        'task = "mixture"\nrow_format = "prompt-completion"\n[[params.component]]\nspec = "relations-bios"\nweight = 1\n'
        'params = {entries = "online"}\n[[params.component]]\nspec = "relations-3hop"\nweight = 4\n[splits.train]\n'
    )
    books = synthgen.load(tmp_path / "m.toml").entropy().books
    alone = synthgen.load("relations-bios").entropy()
    world = {name: book.bits.value for name, book in books.items() if book.scope == "world"}
    assert world == {name: book.bits.value for name, book in alone.books.items() if book.scope == "world"}
    apart = synthgen.load(load_spec(tmp_path / "m.toml", sets={"world": 3})).entropy()
    assert apart.world.value == alone.world.value
    (tmp_path / "m.toml").write_text((tmp_path / "m.toml").read_text().replace('"online"}', '"online", bosses = 10}'))
    books = synthgen.load(tmp_path / "m.toml").entropy().books
    assert {name for name in books if "boss" in name} == {"relation_boss", "relations_3hop.relation_boss"}

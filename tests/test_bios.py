"""Biographies: one world for all specs, the papers' entropies, English that agrees, and texts that read back."""

import json
import math
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chisquare

import synthgen
from synthgen.errors import SynthgenError
from synthgen.exact.bijection import unpermute
from synthgen.exact.draw import Keys
from synthgen.task.kit.editions import LATEST
from synthgen.tasks.bios.biographies.writing.sentences import BY_NAME, BY_PRONOUN, NAME, VALUE, render, shows_pronoun
from synthgen.tasks.bios.world.lists import ATTRIBUTES, OWN, Sizes, read_lists

FIGURES = json.loads(Path(__file__).with_name("published_knowledge.json").read_text())
LISTS = read_lists(None, Sizes(), LATEST)
COUNTS = {"birth_date": 46, "birth_city": 49, "university": 49, "major": 52, "employer": 48, "company_city": 47}


def test_lists_have_the_published_sizes():
    assert (len(LISTS.first_names), len(LISTS.middle_names), len(LISTS.last_names)) == (400, 400, 1000)
    assert LISTS.names == 160_000_000
    assert LISTS.sizes() == {"birth_date": 67_200, "birth_city": 200, "university": 300, "major": 100, "employer": 263}
    assert {a: len(LISTS.templates[a]) for a in ATTRIBUTES} == COUNTS
    assert not set(LISTS.cities) & set(LISTS.birth_city), "no city is both a birth city and a company's"


@pytest.mark.parametrize("n", [1000, 10_000, 100_000, 1_000_000, 20_000_000])
def test_world_bits_are_the_published_ones(n):
    facts = synthgen.load("bios-single", params={"people": n}).entropy().facts
    figures = FIGURES["per_N"][str(n)]
    assert math.isclose(facts["names_set_bits"] / n, figures["name_bits_unordered_exact"], abs_tol=1e-6)
    assert math.isclose(facts["names_list_bits"] / n, figures["name_bits_ordered_exact"], abs_tol=1e-6)
    assert math.isclose(facts["names_paper_bits"] / n, figures["name_bits_paper_Rmax_log2_N0_over_N"], abs_tol=1e-6)
    assert math.isclose(facts["world_bits_a_person"], figures["total_per_person_with_pronoun"], abs_tol=1e-6)
    assert math.isclose(facts["attribute_bits_a_person"], 46.591623671891114, abs_tol=1e-9)


SURFACE = {
    "bios-single": 33.592973,
    "bios-multi5": 33.592973,
    "bios-multi5-permute": 43.084826,
    "bios-online": 43.084826,
}


@pytest.mark.parametrize("name", SURFACE)
def test_wording_bits_are_the_published_ones(name):
    assert math.isclose(synthgen.load(name).entropy().bits, SURFACE[name], abs_tol=1e-6)


def test_books_that_only_first_entries_pay():
    source = synthgen.load("bios-single", params={"people": 100, "entries": 5, "sentences": "once", "order": "entry"})
    assert math.isclose(source.entropy().bits * 5, FIGURES["surface"]["single+permute5"], abs_tol=1e-6)
    rows = source.batch(0, 500).to_pylist()
    assert math.isclose(
        sum(r["bits"]["total"] for r in rows) / 100, FIGURES["surface"]["single+permute5"], abs_tol=1e-6
    )
    assert math.isclose(source.entropy(rows=250).bits * 250, sum(r["bits"]["total"] for r in rows[:250]), abs_tol=1e-6)
    by_person = {}
    for row in rows:
        by_person.setdefault(row["latent"]["person"], []).append(row)
    for entries in by_person.values():
        assert len({str(e["latent"]["templates"]) for e in entries}) == 1, "the same sentences"
        assert len({str(e["latent"]["order"]) for e in entries}) > 1, "in other orders"


def facts_of(source, rows, split="train"):
    return {
        r["latent"]["person"]: (r["latent"]["name"], r["latent"]["values"])
        for r in source.batch(0, rows, split).to_pylist()
    }


def test_one_world_for_all_specs_splits_and_seeds():
    reference = facts_of(synthgen.load("bios-single", params={"people": 300}), 300)
    assert len(reference) == 300
    for name, options in [
        ("bios-multi5-permute", {}),
        ("bios-online", {}),
        ("bios-multi5-permute-fullname", {}),
        ("bios-single", {"seed": 99, "world": 0}),
    ]:
        source = synthgen.load(name, params={"people": 300}, **options)
        assert facts_of(source, 300) == reference, name
        assert facts_of(source, 300, "a-new-split") == reference
    other = facts_of(synthgen.load("bios-single", params={"people": 300}, world=1), 300)
    assert all(other[p] != reference[p] for p in reference)
    assert facts_of(synthgen.load("bios-single", params={"people": 300}, seed=1), 300) == other, "the world is the seed"
    texts = [synthgen.load("bios-single", params={"people": 300}, seed=s, world=0).row(0)["text"] for s in (0, 1)]
    assert texts[0] != texts[1], "a seed changes the wording"


def test_more_people_keep_the_first_ones():
    few = facts_of(synthgen.load("bios-single", params={"people": 50}), 50)
    many = facts_of(synthgen.load("bios-single", params={"people": 5000}), 5000)
    assert all(many[person] == few[person] for person in few)


def test_names_are_unique_and_lead_back_to_their_person():
    source = synthgen.load("bios-single", params={"people": 20_000})
    latent = source.batch(0, 20_000).column("latent")
    names = [tuple(n.values()) for n in latent.field("name").to_pylist()]
    assert len(set(names)) == 20_000
    key = Keys(0).world("names")
    for (first, middle, last), person in list(zip(names, latent.field("person").to_pylist(), strict=True))[:200]:
        assert unpermute(key, LISTS.names, (first * 400 + middle) * 1000 + last) == person


@pytest.mark.parametrize("attribute", ["birth_city", "university", "major", "employer"])
def test_attributes_are_uniform(attribute):
    source = synthgen.load("bios-single", params={"people": 30_000})
    values = source.batch(0, 30_000).column("latent").field("values").field(attribute).to_numpy()
    assert chisquare(np.bincount(values, minlength=LISTS.sizes()[attribute])).pvalue > 1e-4


@pytest.mark.parametrize("people", [1, 2, 3, 10, 101])
def test_every_entry_has_everybody_once_and_far_apart(people):
    source = synthgen.load("bios-multi5", params={"people": people})
    latent = source.batch(0, 5 * people).column("latent")
    persons, entries = latent.field("person").to_numpy(), latent.field("entry").to_numpy()
    for entry in range(5):
        assert sorted(persons[entries == entry]) == list(range(people))
    assert (np.diff(entries) >= 0).all()
    for person in range(people):
        places = np.flatnonzero(persons == person)
        assert (np.diff(places) > people // 2 - 1).all()
    if people > 50:
        assert persons[:people].tolist() != persons[people : 2 * people].tolist(), "entries have orders of their own"


def test_paired_data():
    """Fixed and drawn order share wordings: specs that share a stage share its draws."""
    fixed = synthgen.load("bios-multi5", params={"people": 40}).batch(0, 200).to_pylist()
    drawn = synthgen.load("bios-multi5-permute", params={"people": 40}).batch(0, 200).to_pylist()
    for a, b in zip(fixed, drawn, strict=True):
        assert a["latent"]["templates"] == b["latent"]["templates"]
        assert a["latent"]["order"] == [0, 1, 2, 3, 4, 5]


def test_orders_are_uniform():
    rows = (
        synthgen.load("bios-online", params={"people": 100})
        .batch(0, 14_400)
        .column("latent")
        .field("order")
        .to_pylist()
    )
    counts = Counter(map(tuple, rows))
    assert len(counts) == 720
    assert chisquare(list(counts.values())).pvalue > 1e-4


def test_spans_are_the_values():
    for name in ("bios-multi5-permute", "bios-multi5-permute-fullname"):
        for row in synthgen.load(name, params={"pronouns": ["he", "she", "they"]}).batch(0, 300).to_pylist():
            latent, text = row["latent"], row["text"]
            for attribute in ATTRIBUTES:
                (span,) = latent["spans"][attribute]
                assert text[span["start"] : span["end"]] == LISTS.value(attribute, latent["values"][attribute])
                assert text.count(text[span["start"] : span["end"]]) == 1, "a value stands once"
            parts = zip((LISTS.first_names, LISTS.middle_names, LISTS.last_names), latent["name"].values(), strict=True)
            full = " ".join(names[i] for names, i in parts)
            mentions = [text[s["start"] : s["end"]] for s in latent["spans"]["name"]]
            assert mentions == [full] * (6 if name.endswith("fullname") else 1)
            assert text.count(full) == len(mentions)


FORMS = [
    (template, pronoun, reference)
    for entries in LISTS.templates.values()
    for template in entries
    for pronoun in ("he", "she", "they")
    for reference in (BY_NAME, BY_PRONOUN)
]


def spoken(template, pronoun, reference):
    pieces = render(template, pronoun, reference)
    return "".join(p if isinstance(p, str) else {NAME: "Ada May Byron", VALUE: "XVALUEX"}[p] for p in pieces)


def test_every_form_of_every_sentence_is_well_formed():
    for template, pronoun, reference in FORMS:
        text = spoken(template, pronoun, reference)
        assert re.fullmatch(r"[A-Z][^{}|]*[.]", text), text
        assert "  " not in text
        assert text.count(".") == 1
        assert text.count("XVALUEX") == 1
        assert text.count("Ada May Byron") == (reference == BY_NAME)
        words = set(re.findall(r"[a-z]+", text.lower()))
        others = {
            "he": "she her hers herself they their them",
            "she": "he his him himself they their them",
            "they": "he his him himself she her herself",
        }
        assert not words & set(others[pronoun].split()), text
        plural = "was has is does celebrates owes remembers names hails comes calls considers feels holds keeps"
        if pronoun == "they":
            assert not re.search(rf"\bthey ({'|'.join(plural.split())})\b", text.lower()), text
        assert not re.search(r"\b(he|she|byron) (were|have|are|owe|name|hail|call|feel|hold|keep)\b", text.lower()), (
            text
        )
        if reference == BY_PRONOUN and pronoun == "they" and text.startswith("They "):
            verb = text.split()[1]
            assert verb not in {"was", "has", "is"}
            assert not verb.endswith("s") or verb in {"always"}, text


def test_wordings_are_injective():
    """No two templates have the same words around the value: what is read tells which was chosen."""
    for pronoun in ("he", "she", "they"):
        for reference in (BY_NAME, BY_PRONOUN):
            texts = [spoken(t, p, r) for t, p, r in FORMS if (p, r) == (pronoun, reference)]
            assert len(set(texts)) == len(texts) == sum(COUNTS.values())


def test_a_sentence_shows_the_pronoun_if_a_word_of_it_does():
    shown = [template for entries in LISTS.templates.values() for template in entries if shows_pronoun(template)]
    assert shown == [
        template
        for entries in LISTS.templates.values()
        for template in entries
        if re.search(r"\b(he|his|him|himself)\b", spoken(template, "he", BY_NAME), re.IGNORECASE)
    ]
    assert 0 < len(shown) < sum(map(len, LISTS.templates.values())) / 2


def test_hidden_pronouns_are_not_counted():
    shown = synthgen.load("bios-single").entropy().facts["pronoun_bits_a_person"]
    fullname = synthgen.load("bios-multi5-permute-fullname").entropy().facts["pronoun_bits_a_person"]
    assert shown == 1
    assert 0.9 < fullname < 1
    source = synthgen.load("bios-multi5-permute-fullname", params={"people": 1500})
    seen = {}
    for row in source.batch(0, 7500).to_pylist():
        person = row["latent"]["person"]
        seen[person] = seen.get(person, False) or bool(
            re.search(r"\b([Hh]e|[Hh]is|him|himself|[Ss]he|[Hh]er|herself)\b", row["text"])
        )
    share = sum(seen.values()) / 1500
    assert abs(share - fullname) < 5 * math.sqrt(max(fullname * (1 - fullname), 1e-4) / 1500)
    assert synthgen.load("bios-single", params={"pronouns": ["they"]}).entropy().facts["pronoun_bits_a_person"] == 0


def test_the_reader_refuses_what_is_no_biography():
    source = synthgen.load("bios-single")
    reader, row = source.task().reader, source.row(0)
    assert reader.read(row["text"])["name"] == row["latent"]["name"]
    for junk in (
        "",
        "He was born.",
        row["text"][:-40],
        row["text"] * 2,
        row["text"].replace("was", "is"),
        "." * 1000,
        "\x00" * 50,
        "a. " * 9000,
    ):
        with pytest.raises(ValueError):
            reader.read(junk)
    for junk in (None, 5, [], b"bytes"):
        with pytest.raises(ValueError):
            reader.read(junk)


@pytest.fixture
def folder(tmp_path):
    """A folder of word lists of one's own, beside a spec."""
    (tmp_path / "lists").mkdir()
    (tmp_path / "mine.toml").write_text("task = 'bios'\n[params]\npeople = 4\nlists = 'lists'\n[splits.train]\n")
    return tmp_path


def test_lists_of_ones_own(folder):
    (folder / "lists/majors.txt").write_text("Alchemy\nAstrology\n")
    source = synthgen.load(folder / "mine.toml")
    texts = " ".join(row["text"] for row in source.batch(0, 4).to_pylist())
    assert "Alchemy" in texts or "Astrology" in texts
    assert source.entropy().facts["attribute_bits"]["major"] == 1
    synthgen.generate(folder / "mine.toml", folder / "out")
    assert (folder / "out/assets/lists/majors.txt").read_text() == "Alchemy\nAstrology\n"
    assert synthgen.load(folder / "out/spec.toml").spec.content_id == source.spec.content_id


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("majors.txt", "Alchemy\nAlchemy\n", r"majors.txt: 'Alchemy' stands there twice \(entry 2\)"),
        ("majors.txt", "\n\n", "0 entries, but the spec needs 1"),
        ("majors.txt", "Art\nModern Art\n", "'Art' is a part of"),
        ("majors.txt", "born\n", "'born' is a part of"),
        ("employers.txt", "Acme Works\n", "write EMPLOYER; CITY"),
        ("employers.txt", "Acme Works; Ogden, UT\n", "'Ogden, UT' stands in two lists"),
        ("first_names.txt", "Mary Ann\n", "a name is one word"),
        ("first_names.txt", "May\n", "no month"),
        ("templates.toml", "major = ['{S} studied {v}.']", "birth_date needs a list"),
        ("templates.toml", "majors = []", r"unknown attribute 'majors' \(did you mean 'major'"),
        ("templates.toml", "not toml", "not valid TOML"),
    ],
)
def test_bad_lists_are_told(folder, file, text, message):
    (folder / "lists" / file).write_text(text)
    with pytest.raises(SynthgenError, match=message):
        synthgen.load(folder / "mine.toml")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{S} studied.", "holds {v} once"),
        ("{S} studied {v} and {v}.", "holds {v} once"),
        ("Somebody studied {v}.", "one of {S}"),
        ("{S} studied {v} with {hers} books.", "unknown marker {hers}"),
    ],
)
def test_bad_templates_are_told(folder, template, message):
    own = (OWN / "templates.toml").read_text()
    (folder / "lists/templates.toml").write_text(own.replace('"{S} majored in {v}."', json.dumps(template)))
    with pytest.raises(SynthgenError, match=re.escape(message)):
        synthgen.load(folder / "mine.toml").row(0)


def test_sizes_shrink_the_world():
    sizes = {"first_names": 5, "middle_names": 2, "last_names": 3, "years": 10, "templates": 4}
    facts = synthgen.load("bios-single", params={"people": 30, "sizes": sizes}).entropy().facts
    assert facts["full_names"] == 30
    assert math.isclose(facts["wording_bits"], 12)
    with pytest.raises(SynthgenError, match=r"people = 31, more than the 30 full names \(5 x 2 x 3\)"):
        synthgen.load("bios-single", params={"people": 31, "sizes": sizes})
    with pytest.raises(SynthgenError, match="400 entries, but the spec needs 401"):
        synthgen.load("bios-single", params={"sizes": {"first_names": 401}})


def test_a_person_of_a_hundred_million():
    source = synthgen.load("bios-single", params={"people": 100_000_000})
    row = source.row(99_999_999)
    assert source.verify(row).correct
    assert row["latent"]["person"] >= 50_000_000

"""Editions of the package's words: the third mends the first one for one, and each is read as it was written."""

import re

import pytest

import synthgen
from synthgen.errors import SynthgenError
from synthgen.spec.spec import load_spec
from synthgen.task.foreign import read_toml
from synthgen.tasks.bios.questions.forms import read_questions
from synthgen.tasks.bios.world import editions
from synthgen.tasks.bios.world.editions import FILE
from synthgen.tasks.bios.world.lists import Sizes, read_lists
from synthgen.tasks.igsm.worlds import FIRST, PACKS, read_world

WORDS = {new: old for table in read_toml(FILE).values() for new, old in table.items()}


def texts(edition):
    lists, questions = read_lists(None, Sizes(), edition), read_questions(None, edition)
    values = [*lists.first_names, *lists.middle_names, *lists.last_names, *lists.birth_city, *lists.university]
    values += [
        *lists.major,
        *lists.employer,
        *lists.cities,
        *(text for some in lists.templates.values() for text in some),
    ]
    return values + [wording for wordings in questions.values() for wording in wordings]


MENDED = [max(re.split(r"{[^}]*}", old), key=len).strip() for old in WORDS.values() if "{" in old]
"""The longest words in a row of each sentence that reads otherwise now."""


def test_old_words_are_read_once_however_long_the_lists_are(monkeypatch):
    reads = []
    monkeypatch.setattr(editions, "read_toml", lambda path: reads.append(path) or read_toml(path))
    editions.first_words.cache_clear()
    read_lists(None, Sizes(), 1)
    read_questions(None, 1)
    assert reads == [FILE]


def test_every_mended_word_has_the_place_of_the_old_one():
    first, third = texts(1), texts(3)
    changed = {new: old for new, old in zip(third, first, strict=True) if new != old}
    assert changed == WORDS and len(WORDS) == 128
    assert not set(WORDS.values()) & set(third)


def test_names_are_written_as_names_are():
    lists = read_lists(None, Sizes(), 3)
    assert len(set(lists.university)) == 300 and not [
        name for name in lists.university if name.startswith("University of ")
    ]
    assert not [name for name in lists.last_names if re.match(r"Mc[a-z]|O(brien|connell|donnell|keefe)$", name)]


def test_names_of_worlds_differ_in_six():
    assert {name for name, _ in read_world("boxes").flat()} >= {"Thermostat", "Shark Tooth"}
    assert ("Shark Tooth", "Shark Teeth") in read_world("boxes").flat()
    changed = [
        (new, old)
        for pack in PACKS
        for new, old in zip(read_world(pack, 3).flat(), read_world(pack, 1).flat(), strict=True)
        if new != old
    ]
    assert len(changed) == sum(map(len, FIRST.values())) == 6
    assert {new for new, _ in changed} == {
        ("Rebec", "Rebecs"),
        ("Thermostat", "Thermostats"),
        ("Shark Tooth", "Shark Teeth"),
        ("Domino", "Dominoes"),
        ("Table Tennis Bat", "Table Tennis Bats"),
        ("Pretzel Stick", "Pretzel Sticks"),
    }
    assert {old for _, old in changed} == {
        ("Double Bow", "Double Bows"),
        ("Flasktat", "Flasktats"),
        ("Shark Tooth", "Shark Tooths"),
        ("Domino", "Dominos"),
        ("Table Bat", "Table Bats"),
        ("Salt Stick", "Salt Sticks"),
    }


def test_what_no_edition_has_is_told():
    with pytest.raises(SynthgenError, match="2 was in no release, and some of its words have been mended since: say 3"):
        load_spec("qa-extract", params={"edition": 2})
    with pytest.raises(SynthgenError, match="world = 'zoo' came after edition 1: say edition = 3"):
        load_spec("igsm-open", params={"edition": 1, "world": "zoo"})
    assert load_spec("igsm-open", params={"world": "zoo"})


@pytest.mark.parametrize("name", ["bios-single", "bios-rewrite5", "qa-extract"])
def test_rows_differ_in_mended_words_alone_and_are_read_in_their_own_edition(name):
    first, third = (synthgen.load(load_spec(name, params={"edition": edition})) for edition in (1, 3))
    assert first.spec.content_id != third.spec.content_id
    assert "edition" not in first.spec.identity["params"] and third.spec.identity["params"]["edition"] == 3
    differing = 0
    for old, new in zip(first.batch(0, 60).to_pylist(), third.batch(0, 60).to_pylist(), strict=True):
        assert first.verify(old).correct and third.verify(new).correct
        assert old["bits"] == new["bits"]
        text = "text" if "text" in new else "completion"
        said = new[text] if text == "text" else new["prompt"] + new[text]
        before = old[text] if text == "text" else old["prompt"] + old[text]
        differing += said != before
        for one, other in WORDS.items():
            said = said.replace(one, other) if "{" not in one else said
        if not any(chunk in before for chunk in MENDED):
            assert said == before
        elif said != before:
            assert not third.verify(old).correct
    assert differing > 0

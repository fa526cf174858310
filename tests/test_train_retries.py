"""Retries in training: what has a loss, what may be said again, and what completions must cost."""

import numpy as np
import pytest
import torch

import synthgen
from synthgen.errors import SynthgenError
from synthgen.train.batches import RunData, retractions_of
from synthgen.train.decode import complete
from synthgen.train.language_model import FromLogits
from synthgen.train.measures import MeasureSettings, take
from synthgen.train.model import Transformer
from synthgen.train.settings import DataSettings, ModelSettings, RunSettings
from synthgen.windowing.retractions import Retractions, taken_back

torch.set_num_threads(1)

PARAMS = {"needed": [2, 4], "others": [0, 1], "names": 8, "retry": {"rate": 0.5, "kind": "near"}}
SMALL = ModelSettings(layers=1, width=8, heads=1, context=160)


def run_of(**changes):
    data = {"spec": "stories-order", "params": PARAMS, "rows": 8, "loss": "completion"} | changes
    return RunData(RunSettings(data=(DataSettings(**data),), model=SMALL))


@pytest.fixture(scope="module")
def run():
    return run_of(mistakes=False)


def test_marks_and_what_they_take_back_are_read_off_the_rows(run):
    found, names = retractions_of(run.sources[0]), run.vocabulary.names()
    assert [names[i] for i in np.flatnonzero(found.marks)] == ["-- no, too early."]
    things = {names[i] for i in np.flatnonzero(found.choices)}
    assert len(things) == 8 and all(thing.startswith("the ") and thing.endswith(" box") for thing in things)
    with pytest.raises(SynthgenError, match="take nothing back"):
        retractions_of(run_of(params=PARAMS | {"retry": {"rate": 0.0}}).sources[0])


def test_what_is_taken_back_has_no_loss_and_its_mark_has(run):
    """The same batch with a loss on mistakes has one token more for each of them."""
    without, whole = run.batch(0), run_of().batch(0)
    assert torch.equal(without.ids, whole.ids)
    mark = int(np.flatnonzero(retractions_of(run.sources[0]).marks)[0])
    spared = whole.trained & ~without.trained
    behind = torch.zeros_like(spared)
    behind[:, :-1] = whole.targets[:, 1:] == mark
    assert int(spared.sum()) == int((whole.targets == mark).sum()) > 0 and torch.equal(spared, behind & whole.trained)
    assert bool(without.trained[without.targets == mark].all())
    with pytest.raises(ValueError, match="mistakes = false goes with"):
        DataSettings(spec="stories-order", mistakes=False)


def repeated(said, found):
    """Count what is said again although it was taken back and nothing has stood since."""
    again = 0
    for ids in said:
        back, last = set(), -1
        for token in ids.tolist():
            if last >= 0 and found.choices[last]:
                if found.marks[token]:
                    back.add(last)
                else:
                    back = set()
            again += found.choices[token] and token in back
            last = token
    return again


def test_what_was_taken_back_is_not_said_again():
    """A model of eight ids that says anything: of these two are marks and four are choices."""
    torch.manual_seed(0)
    model = Transformer(ModelSettings(layers=1, width=8, heads=1, context=64), 8)
    found = Retractions(np.arange(8) < 2, (np.arange(8) >= 2) & (np.arange(8) < 6))
    prompts = [np.array([7, 6])] * 40
    free = complete(model, prompts, 7, 40, temperature=1.0)
    kept = complete(model, prompts, 7, 40, temperature=1.0, retractions=found)
    assert repeated(free, found) > 10 and repeated(kept, found) == 0
    assert sum(map(len, kept)) > 400, "it goes on saying things"
    assert taken_back(np.array([3, 0, 1, 4, 5]), found.marks).tolist() == [True, False, False, False, False]
    with pytest.raises(SynthgenError, match="not ours"):
        complete(FromLogits(model, 8, 64), prompts[:1], 7, 4, retractions=found)


@pytest.mark.parametrize("tokenizer", ["", "words"])
def test_the_floor_of_completions_is_what_the_rows_book_behind_the_prompt(tokenizer):
    """As phrases or as words: the text is the same, and so are the bits of its order."""
    data = run_of(params=PARAMS | {"retry": {"rate": 0.0}}, tokenizer=tokenizer)
    model = Transformer(SMALL, data.size).eval()
    figures = take(MeasureSettings(kind="completion", rows=20), model, data)
    rows = synthgen.load("stories-order", params=PARAMS | {"retry": {"rate": 0.0}}).batch(0, 20, "held-out").to_pylist()
    booked = np.mean([row["bits"]["solution"] + row["bits"]["retries"] for row in rows])
    assert figures["floor"] == pytest.approx(booked, abs=1e-9) and figures["excess"] > 0
    assert figures["bits"] == pytest.approx(figures["floor"] + figures["excess"])


def test_solutions_in_phrases_are_judged_as_text(run):
    """Sentences are phrases without the space between them; an untrained model's answers are judged, and wrong."""
    model = Transformer(SMALL, run.size).eval()
    asked = MeasureSettings(kind="generated", rows=10, repeats=False, params={"retry": {"rate": 0.0}})
    assert take(asked, model, run)["rows"] == 0.0

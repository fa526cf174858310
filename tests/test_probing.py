"""What probes look for: places and labels of each task against its latents and graphs; probes beside their controls."""

import itertools
import json
import math

import networkx as nx
import numpy as np
import pytest
import torch
from helpers import run

import synthgen
from synthgen.errors import SynthgenError
from synthgen.spec.source import Source
from synthgen.spec.spec import load_spec
from synthgen.tasks.igsm.reading.probes import probe_rows
from synthgen.train.batches import RunData
from synthgen.train.experiment import experiments_folder
from synthgen.train.floor import FRESH
from synthgen.train.loop import train
from synthgen.train.measures import MeasureSettings, take
from synthgen.train.model import Transformer
from synthgen.train.presets import PRESETS, settings_of
from synthgen.train.probe import Asked, MixedProbe, mixed_accuracies, train_mixed
from synthgen.train.probed import ProbeSettings, asked_of, probed, probing_of, rows_of
from synthgen.train.runs import load_run
from synthgen.train.settings import ModelSettings
from synthgen.windowing.phrases import Vocabulary
from synthgen.windowing.spec_rows import SpecRows

torch.set_num_threads(1)


def rows_in(name, **changes):
    """Return a spec's rows in phrase tokens, and the rows themselves."""
    corpus = SpecRows(synthgen.load(load_spec(name, **changes)), FRESH, vocabulary=Vocabulary())
    return corpus, corpus.source.batch(0, 12, FRESH).to_pylist()


# -- what tasks say ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bags", [{}, {"bags": {"vocabulary": 9, "weights": "rank"}}])
def test_ancestors_are_those_of_the_label_columns(bags):
    """Of every token and level, read off the derivation and not by the kernel that writes the columns."""
    source = synthgen.load(load_spec("cfg3b", params={"labels": True} | bags))
    levels = (source.task().base.levels or ())[:-1]
    for row in source.batch(0, 3).to_pylist():
        ends, tokens = (source.task().glimpses(row, probing) for probing in ("ends", "tokens"))
        assert [glimpse.place for glimpse in tokens] == list(range(1, len(row["input_ids"]) + 1))
        for level in range(2, len(levels) + 1):
            target, members = f"level{level}", levels[level - 1]
            symbols = [members[glimpse.classes[target]] for glimpse in tokens]
            assert symbols == row["ancestor"][target]
            told = [glimpse.place - 1 for glimpse in ends if target in glimpse.classes]
            assert told == np.flatnonzero(row["boundary"][target]).tolist()


def test_places_in_a_string_of_words_are_behind_the_words():
    assert synthgen.load("cfg-english").task().probings == {}, "a grammar without levels"
    source = synthgen.load(load_spec("cfg3b", sets={"row_format": "document"}))
    row = source.row(0)
    text = row["text"]
    glimpses = source.task().glimpses(row, "tokens")
    assert [text[: glimpse.place].count(" ") + 1 for glimpse in glimpses] == list(range(1, len(text.split()) + 1))
    assert all(text[: glimpse.place].split() == text.split()[: i + 1] for i, glimpse in enumerate(glimpses))


@pytest.mark.parametrize("tokens", ["phrases", "words"])
def test_a_probe_of_a_biography_sees_what_stands_before_a_value(tokens):
    spec = load_spec("bios-multi5-permute", params={"people": 12})
    texts = synthgen.load(spec).batch(0, 12).to_pylist()
    if tokens == "words":
        spec = load_spec("bios-multi5-permute", params={"people": 12}, sets={"tokenizer": "words"})
    corpus = SpecRows(Source(spec), vocabulary=Vocabulary())
    start, rows = corpus.vocab.bos, corpus.read(0, 12)
    for attribute in ("birth_date", "employer"):
        asked, people = asked_of(corpus, attribute, 0, 12, start, 512)
        assert people.tolist() == rows.subjects.tolist()
        for i, text in enumerate(texts):
            seen = asked.ids[asked.rows[i]][1 : asked.places[i] + 1]
            place = text["latent"]["spans"][attribute][0]["start"]
            said = corpus.spelt(seen) if tokens == "phrases" else corpus.task.tokenizer.decode(seen)
            assert "".join(said.split()) == "".join(text["text"][:place].split())
            assert asked.classes["university"][i] == text["latent"]["values"]["university"]
    asked, _ = asked_of(corpus, "name", 0, 12, start, 512)
    end = corpus.vocabulary.specials[1]
    for i, text in enumerate(texts):
        last = asked.places[i]
        assert asked.ids[i, last] == end, "the probe looks at the mark behind the name"
        seen = asked.ids[i, 1:last]
        said = corpus.spelt(seen) if tokens == "phrases" else corpus.task.tokenizer.decode(seen)
        span = text["latent"]["spans"]["name"][0]
        assert said.split() == text["text"][span["start"] : span["end"]].split()


def test_v_probing_asks_in_tokens_what_it_asks_in_text():
    corpus, rows = rows_in("igsm-open", params={"op": 6})
    end, reader = corpus.vocabulary.specials[1], corpus.task.reader
    for what in ("nece", "can_next", "dep"):
        asked, _ = asked_of(corpus, what, 0, 12, corpus.vocab.bos, 10_000)
        texts = [one for row in rows for one in probe_rows(reader, row, what, universe="existing")]
        assert asked.classes[what].tolist() == [one.label for one in texts]
        for row, place, one in zip(asked.ids, asked.places, texts, strict=True):
            pieces = np.split(row[1 : place + 1], np.flatnonzero(row[1 : place + 1] == end) + 1)
            said = ["".join(corpus.spelt(piece[piece != end]).split()) for piece in pieces[:-1]]
            text, named = one.text.removesuffix(" [END]").split(" [START] ")
            assert said == ["".join(part.split()) for part in (text, *named.split(" [MID] "))]


def test_regret_is_what_cannot_be_computed_yet():
    corpus, rows = rows_in("igsm-med-retry50", params={"op": 6})
    for row in rows:
        text = row["prompt"] + row["completion"]
        glimpses = corpus.task.glimpses(row, "regret")
        steps = corpus.task.reader.steps(row["completion"])[0]
        assert [glimpse.classes["regret"] for glimpse in glimpses] == [int(step.back) for step in steps]
        for glimpse, step in zip(glimpses, steps, strict=True):
            assert text[: glimpse.place].endswith(step.parameter[1])
    assert "regret" not in synthgen.load("igsm-open").task().probings
    assert synthgen.load(load_spec("igsm-open", params={"detail": 1})).task().probings == {}, "no names are shown"


@pytest.mark.parametrize("retry", [{}, {"retry": {"rate": 0.5}}])
def test_probes_of_stories_agree_with_their_graphs(retry):
    corpus, rows = rows_in("stories-boxes", params=retry)
    task = corpus.task
    for row in rows:
        graph, text = task.graph(row), row["prompt"] + row["completion"]
        above = {thing: nx.ancestors(graph, thing) for thing in graph}
        for glimpse in task.glimpses(row, "nece"):
            assert glimpse.place == len(row["prompt"])
            assert glimpse.classes["nece"] == graph.nodes[glimpse.behind[0]]["necessary"]
        for glimpse in task.glimpses(row, "dep"):
            assert glimpse.classes["dep"] == (glimpse.behind[1] in above[glimpse.behind[0]])
        for glimpse in task.glimpses(row, "can_next"):
            ends = sorted(span["end"] for span in row["latent"]["spans"]["step"])
            known = {thing for thing in graph if graph.nodes[thing]["solved"] is not None}
            step = sum(end <= glimpse.place for end in ends)
            known = {thing for thing in known if graph.nodes[thing]["solved"] < step}
            (thing,) = glimpse.behind
            assert glimpse.classes["can_next"] == (thing not in known and set(graph.predecessors(thing)) <= known)
        if retry:
            spans = row["latent"]["spans"]
            back = {span["start"] for span in spans["retry"]}
            starts = sorted(back | {span["start"] for span in spans["step"]})
            for glimpse, start in zip(task.glimpses(row, "regret"), starts, strict=True):
                assert glimpse.classes["regret"] == (start in back) and start < glimpse.place < len(text)
    assert ("regret" in task.probings) == bool(retry)


def test_the_chance_of_an_order_is_the_share_of_orders_that_work():
    """By walking every permutation of the needed things, of small stories."""
    corpus, rows = rows_in("stories-boxes", params={"needed": [2, 5]})
    for row in rows:
        graph = corpus.task.graph(row)
        needed = graph.subgraph([thing for thing in graph if graph.nodes[thing]["necessary"]])
        orders = itertools.permutations(needed)
        work = sum(all(order.index(a) < order.index(b) for a, b in needed.edges) for order in orders)
        chances = corpus.task.chances(row["prompt"])
        assert chances["order"] == work / math.factorial(len(needed)) and chances["answer"] == 1 / 7
        assert corpus.source.verify(row["prompt"], row["completion"]).parts[0]["ordered"] == 1


def test_answers_of_stories_say_whether_they_are_in_order():
    source = synthgen.load("stories-boxes")
    row = next(row for row in source.batch(0, 20).to_pylist() if len(row["latent"]["solution"]) > 2)
    sentences = row["completion"][1:].split(". ")
    swapped = " " + ". ".join([sentences[-1].rstrip("."), *sentences[1:-1], sentences[0]]) + "."
    assert source.verify(row["prompt"], swapped).parts[0]["ordered"] == 0
    assert source.verify(row["prompt"], " " + ". ".join(sentences[:-1]) + ".").parts[0]["ordered"] == 0


# -- probes -----------------------------------------------------------------------------------------------------------


def test_a_mixed_probe_reads_a_neighbours_state_if_it_may():
    torch.manual_seed(0)
    model = Transformer(ModelSettings(layers=1, width=32, heads=2, context=16), 12)
    ids = np.random.default_rng(0).integers(0, 6, (200, 8))
    rows, places = np.repeat(np.arange(200), 7), np.tile(np.arange(7), 200)
    asked = Asked(ids, places, {"next": ids[rows, places + 1]}, rows)  # what a causal state cannot know
    shares = {}
    for reach in (0, 1):
        torch.manual_seed(0)
        probe = MixedProbe(model, {"next": 6}, 8, heads=4, inner=16)
        train_mixed(probe, asked.of_rows(np.arange(120)), 150, lr=3e-2, reach=reach)
        shares[reach] = mixed_accuracies(probe, asked.of_rows(np.arange(120, 200)), reach)["next"].share
    assert shares[1] > 0.9 and shares[0] < 0.4


@pytest.fixture(scope="module")
def acquainted(tmp_path_factory):
    """A run that has met 120 people, of whom each university, major and employer is one of four."""
    folder = tmp_path_factory.mktemp("runs") / "people"
    spec = str(experiments_folder() / "data/people.toml")
    sizes = dict.fromkeys(("first_names", "middle_names", "last_names"), 40) | {"months": 4, "days": 4, "years": 1}
    sizes |= dict.fromkeys(("birth_cities", "universities", "majors", "employers"), 4) | {"templates": 1}
    changes = {"model.width": 32, "model.layers": 2, "model.heads": 2, "model.context": 32, "data.rows": 60}
    changes |= {"train.steps": 400, "train.warmup": 50, "train.lr": 6e-3}
    train(settings_of(spec, PRESETS["tiny"], {"people": 120, "sizes": sizes}, changes), folder)
    return folder


def test_probes_of_a_trained_model_are_far_above_their_controls(acquainted):
    """Just before a fact is told, a model that knows people knows it; all controls guess one of four."""
    model, data = load_run(acquainted)
    corpus = SpecRows(data.sources[0].source, "train", vocabulary=data.vocabulary)
    settings = ProbeSettings(taught=80, rows=40, steps=150, rank=0)
    scores = {score.name: score for score in probed(model, corpus, "major", settings)}
    score = scores["major.major"]
    assert score.classes == 4 and score.model.of == 40
    assert score.model.share > 0.9
    for control in (score.random, score.shuffled, score.constant):
        assert control.share < 0.6
    assert scores["major.employer"].model.share < 0.8, "what is told last is known less, two facts before"


@pytest.mark.slow
def test_a_grammar_stands_in_the_states_of_a_model_that_has_learnt_it(tmp_path):
    """The symbols of cfg3b's levels, where they end: far above a random model's and above shuffled labels."""
    spec = str(experiments_folder() / "data/floor-cfg3b.toml")
    changes = {"model.layers": 3, "model.context": 96, "data.rows": 48, "train.steps": 700, "train.warmup": 70}
    loop = train(settings_of(spec, PRESETS["tiny"], {}, changes), tmp_path / "run")
    corpus = SpecRows(loop.data.sources[0].source, FRESH, vocabulary=loop.data.vocabulary)
    scores = {score.name: score for score in probed(loop.model, corpus, "ends", ProbeSettings(taught=900, rows=300))}
    for level, beyond in (("ends.level4", 0.1), ("ends.level3", 0.2), ("ends.level2", 0.15)):  # a low one is near by:
        score = scores[level]  # random weights show a token's neighbours, and two or three of them tell level 4
        assert score.model.share > 0.97 and score.random.share < score.model.share - beyond, (level, score.figures())
        assert score.shuffled.share < score.constant.share + 0.15, (level, score.figures())


def test_a_random_model_knows_nobody():
    """Facts of people it has not met stand in no state: chance, of as many values as there are."""
    settings = settings_of("capo-tiny", PRESETS["tiny"], {"people": 300}, {"data.rows": 1})
    feed = RunData(settings)
    model = Transformer(ModelSettings(layers=1, width=16, heads=2, context=32), feed.size).eval()
    measure = MeasureSettings(kind="probe", split="train", rows=100, probings=("name",))
    measure = measure.model_copy(update={"probe": ProbeSettings(taught=200, steps=150)})
    figures = take(measure, model, feed)
    classes = feed.sources[0].task.probings["name"].targets
    for target in ("university", "employer"):
        chance = 1 / classes[target]
        most = chance + 5 * math.sqrt(chance * (1 - chance) / 100)
        assert figures[f"name.{target}"] <= most and figures[f"name.{target}.shuffled"] <= most


def test_who_was_learnt_about_is_not_asked_about_again():
    corpus = SpecRows(synthgen.load(load_spec("capo-tiny", params={"people": 30})), vocabulary=Vocabulary())
    assert rows_of(corpus, 20, 10) == (20, 10) and rows_of(corpus, 1000, 500) == (20, 10)
    model = Transformer(ModelSettings(layers=1, width=8, heads=1, context=32), corpus.vocab.size)
    scores = probed(model, corpus, "name", ProbeSettings(taught=20, rows=10, steps=2))
    assert {score.model.of for score in scores} == {10}
    twice = SpecRows(synthgen.load(load_spec("bios-multi5-permute", params={"people": 10})), vocabulary=Vocabulary())
    model = Transformer(ModelSettings(layers=1, width=8, heads=1, context=256), 100_000)
    with pytest.raises(SynthgenError, match="its rows have nothing that a probe looks for"):
        probing_of(SpecRows(synthgen.load("copy-tiny")), "name")
    with pytest.raises(SynthgenError, match="every person in the rows that test it"):
        probed(model, twice, "name", ProbeSettings(taught=20, rows=10, steps=2))
    with pytest.raises(SynthgenError, match="more than the 50 of"):
        probed(model, twice, "name", ProbeSettings(taught=50, rows=10, steps=2))
    with pytest.raises(SynthgenError, match="ask nothing that fits into a context of 4"):
        small = Transformer(ModelSettings(layers=1, width=8, heads=1, context=4), 100_000)
        probed(small, twice, "employer", ProbeSettings(taught=4, rows=2, steps=2))


# -- the command ------------------------------------------------------------------------------------------------------


def test_the_command_prints_probes_beside_their_controls(acquainted):
    quick = ("--taught", "40", "--rows", "30", "--steps", "5")
    done = run("probe", str(acquainted), "--probing", "major", "--split", "train", *quick)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert " ".join(lines[0].split()) == "probing and target classes model random shuffled constant asked"
    assert lines[1].split()[:2] == ["major.birth_month", "4"] and lines[1].split()[-1] == "30"
    assert max(map(len, lines[:12])) <= 80
    assert "major: the facts just before the major; 40 rows to learn from, 30 to be tested on" in done.stderr
    scores = json.loads(run("probe", str(acquainted), "--probing", "name", "--steps", "2", "--json").stdout)
    assert {score["probing"] for score in scores} == {"name"}
    assert scores[0]["model"]["n"] == scores[0]["constant"]["n"] == 40, "a third of the people"


def test_the_command_says_what_can_be_looked_for(acquainted):
    listed = run("probe", str(acquainted), "--list")
    assert listed.returncode == 0 and "name  the facts behind the name alone" in listed.stdout
    assert json.loads(run("probe", str(acquainted), "--list", "--json").stdout)["name"]["university"] == 4
    for arguments, message in (
        ((str(acquainted), "--probing", "majors"), "has none (did you mean 'major'?)"),
        (("nowhere",), "there is no such folder"),
    ):
        done = run("probe", *arguments)
        assert done.returncode == 2 and message in done.stderr, done.stderr

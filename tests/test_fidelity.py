"""Fidelity: what differs from the papers is declared, decided by params that exist, and said on cards and in the docs."""

import importlib.util
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from helpers import loaded
from spot_checks import BIOGRAPHIES, MEASURED, checks, shown

import synthgen
from synthgen.publish.papers import PAPERS
from synthgen.spec.source import Source
from synthgen.spec.spec import load_spec, shipped_specs, specs_folder
from synthgen.task.fidelity import PAPER, RELEASED, Deviation
from synthgen.task.foreign import read_toml
from synthgen.task.kit.editions import LATEST
from synthgen.tasks import task_class, task_names
from synthgen.tasks.bios.world import fidelity

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "fidelity.md").read_text("utf-8")
PARTS = tomllib.loads((ROOT / "docs" / "fidelity.toml").read_text("utf-8"))["part"]
DECLARED = [
    pytest.param(name, one, id=f"{name}-{one.subject.replace(' ', '-')}")
    for name in task_names()
    for one in task_class(name).deviations
]

AUDITED = {
    "depo": ("the names of Depo2", "the nodes that a row's queries start from", "the end of a row"),
    "brevo": ("the node that is asked for", "the most leaves, (n - 1) / 4 + 1", "the mark behind a listing"),
    "mano": ("operations and marks",),
    "bios": ("pronouns", "birth cities and the cities of employers", "targets of probes named first"),
    "rewrites": ("who words a biography", "what a biography may add"),
    "biod": ("sentences",),
    "igsm": ("questions", "what a weak retry takes back", "parameters that probes are asked about"),
    "qa": (
        "the end of prompts of Part 3.2",
        "what tells whether a hint is wanted",
        "what parts a hint from its answer",
        "the luckiness of majors",
    ),
    "cfg": ("rates of perturbed rows", "what a symbol is replaced by in noise of kind fixed"),
}
"""What an audit of papers, released code and rows found to differ, by task."""

AUDITED_PARTS = {
    "2305.13673": "cfg3b|cut50|first error|non-terminals: ancestor|at a token and around|implicit|perturbed|random "
    "grammars|corrupted prefix|Penn Treebank|cfg0, cfg7|solve_dp_noneq|BERT, DeBERTa",
    "2407.20311": "igsm-med-pq|reask|template bins|six probing labels|verifier|detail 0 to 11|names of the release|V-probing|"
    "background paragraph|perm_level|be_shortest|reduce_mod|neighbour|uniform, middle and heavy",
    "2408.16293": "perfect, weak and miss|clean tests|labels of regret|without loss on what is taken back|upon regret|beams",
    "2309.14316": "16 augmentations|couple|six questions|mixed by tokens|P- and Q-probing|five pairs of celebrities|LoRA|"
    "as LLaMA wrote it|books and Wikipedia|French|masked training",
    "2309.14402": "a part of a date|two facts at once|classification, comparison and subtraction|inverse|20 million|name the "
    "person late|LoRA|know-subtract-month|know-compare-day|know-retrieve-day",
    "2404.05405": "bioS|bioD|simple form|junk|capacity|8 or 4 bits|the same again and again|300, 600 and 1,000|mixtures of "
    "experts|forty rewrites",
    "2512.17351": "Depo1|Brevo1|Capo|Mano|Lano|copy|windows|K = 4|birth years|Babilong|GLA, Mamba2, GDN, ALiBi|any number of "
    "people",
}
"""What the same audit listed part by part as had, different or lacking beside params, in words of the page."""


def said(spec, **params):
    """Return the deviations on a spec's card, by subject."""
    told = synthgen.load(spec, params=params).task().stated_deviations()
    return {one.split(". ")[0].lower(): one for one in told}


@pytest.mark.parametrize(("name", "deviation"), DECLARED)
def test_what_decides_a_deviation_is_a_param(name, deviation):
    assert isinstance(deviation, Deviation), "our own tasks say what decides"
    for flag in deviation.decided_by:
        fields = task_class(name).Params.model_fields
        if flag == "row_format":
            continue
        table, _, field = flag.partition(".")
        assert table in fields, f"{name}: {flag}"
        if field:
            assert re.search(rf"\b{field}\b", str(task_class(name).Params.model_json_schema()["$defs"])), flag
    assert deviation.paper or deviation.released


@pytest.mark.parametrize("name", AUDITED)
def test_what_the_audit_found_is_declared(name):
    subjects = {one.subject for one in task_class(name).deviations}
    assert subjects >= set(AUDITED[name])


def test_the_page_lists_every_declaration_and_every_part():
    assert [part["arxiv"] for part in PARTS] == list(PAPERS)
    for name in task_names():
        for one in task_class(name).deviations:
            assert f"| {one.subject} | {one.paper or '-'} |" in PAGE, f"{name}: {one.subject}"
    for name in shipped_specs():
        for one in read_toml(specs_folder() / f"{name}.toml").get("deviations", ()):
            assert f"- `{name}`: {one}" in PAGE


@pytest.mark.parametrize("arxiv", AUDITED_PARTS)
def test_each_item_of_the_audit_stands_in_its_part(arxiv):
    (part,) = (str(part) for part in PARTS if part["arxiv"] == arxiv)
    assert not [item for item in AUDITED_PARTS[arxiv].split("|") if item not in part]


def test_what_is_had_is_there():
    for part in PARTS:
        for what, where in part["has"]:
            if isinstance(where, list):
                assert set(where) <= set(shipped_specs()), what
            elif ": " in where:
                task, params = where.split(": ")
                assert set(params.split(", ")) <= set(task_class(task).Params.model_fields), what
            else:
                assert (ROOT / where.strip("`")).is_file(), what


def test_the_page_is_fresh():
    script = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    generate = importlib.util.module_from_spec(script)
    script.loader.exec_module(generate)
    assert generate.fidelity_page() == PAGE, "docs/fidelity.md: run `make docs`"


def test_fidelity_decides_what_a_card_says():
    names = "the names of depo2"
    assert RELEASED in said("depo2-n75")[names]
    assert PAPER in said("depo2-n75", vocabulary=4)[names]
    assert "(`vocabulary`, else `fidelity` decides)" in said("depo2-n75")[names]
    assert "Here: 2 symbols" in said("depo2-n75", vocabulary=2)[names]
    assert names not in said("depo1-n225"), "Depo1 has other names"
    asked = "the node that is asked for"
    assert PAPER in said("brevo1-n70", query="last_quarter")[asked]
    assert asked not in said("brevo-open")
    assert RELEASED in said("mano-l10")["operations and marks"]
    assert PAPER in said("mano-l10", fidelity="paper")["operations and marks"]


def test_cards_of_part_3_2_say_how_prompts_end_and_what_stands_for_luckiness():
    wanted, end = "what tells whether a hint is wanted", "the end of prompts of part 3.2"
    for name in (name for name in shipped_specs() if name.startswith("know-")):
        told, params = said(name), loaded(name).task().params
        assert (PAPER if params.fidelity == "paper" else '"Answer:"') in told[end], name
        assert (wanted in told) == bool(params.hint_token)
        if params.hint_token:
            assert '"[recall]" for a hint, "[direct]" for the answer at once' in told[wanted]
        assert ("the luckiness of majors" in told) == ("major" in name and "rank" in load_spec(name).title), name
    assert "whatever the first name is" in said("bios-single")["pronouns"]
    assert "whatever" not in said("bios-single", pronouns=["they"])["pronouns"]


def test_a_mixture_says_what_its_components_say_and_a_spec_adds_its_own():
    source = synthgen.load("bios-celebrity")
    told = source.task().stated_deviations()
    assert len(set(told)) == len(told)
    assert told == list(synthgen.load("bios-multi5-permute").task().stated_deviations())
    (share,) = source.spec.deviations
    assert "5/6" in share
    assert "1/6" in share


def test_a_tokenized_task_says_what_its_text_says():
    words = Source(load_spec("igsm-med-pq", sets={"tokenizer": "words"}))
    assert words.spec.row_format == "tokens"
    assert words.task().stated_deviations() == synthgen.load("igsm-med-pq").task().stated_deviations()


# -- figures beside the papers' ------------------------------------------------------------------------------------------


def test_every_check_is_measured_and_every_measure_is_a_check():
    stated = [line["key"] for line in checks()]
    assert len(set(stated)) == len(stated)
    assert set(stated) - {"tokens", "tokens of rewrites"} == set(MEASURED), "tokens need GPT-2's file"


def test_the_length_of_a_biography_is_one_figure_in_every_place():
    """On cards, in the page and among the checks, for the words of today and for those of 0.1.0."""
    stated, lengths = {line["key"]: line["here"] for line in checks()}, fidelity.MEASURED
    assert (stated["tokens"], stated["words"]) == tuple(map(str, lengths[LATEST]))
    worded = said("bios-rewrite5")["who words a biography"]
    assert f"{stated['tokens of rewrites']} tokens on average" in worded
    for edition, (tokens, words) in lengths.items():
        texts = synthgen.load(load_spec("bios-single", params={"edition": edition})).batch(0, BIOGRAPHIES)
        assert shown(float(np.mean([len(text.as_py().split()) for text in texts.column("text")])), "0.0") == str(words)
        assert (
            f"Here: {tokens}, in {words} words"
            in said("bios-single", edition=edition)["tokens of a biography, by gpt-2's tokenizer"]
        )


@pytest.mark.parametrize("line", [line for line in checks() if line["key"] in MEASURED], ids=lambda line: line["key"])
def test_the_spot_checks(line):
    assert shown(MEASURED[line["key"]](), line["here"]) == line["here"]

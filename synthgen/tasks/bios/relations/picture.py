"""Rows about relations as pictures: the text, and below it whom an arrow leads to as what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from synthgen.task.picture import Graph, Kind, Link, Node, Passage, Picture, Tone
from synthgen.tasks.bios.relations.wordings import Relation
from synthgen.tasks.bios.world.lists import ATTRIBUTES

RELATION_TONES: tuple[Tone, ...] = ("pink", "yellow", "red", "sky", "orange", "green")
"""The tones of relations: people and facts have others, and so have questions and answers, as long as there are any."""


def statement_picture(
    passage: Passage, name: str, relation: Relation, other: str, relations: Sequence[Relation]
) -> Picture:
    """Return a statement, and the two people with an arrow that is called as the relation, one of `relations`."""
    style = "in JSON" if passage.text.startswith("{") else "as a triple" if " | " in passage.text else "in a sentence"
    nodes = [Node(name, "name"), Node(other, relation.key)]
    graph = Graph("What it says", nodes, [Link(0, 1, relation.key, text=relation.name)], "chain")
    caption = f"Relations: one row states one relation, here {style}. {name}'s {relation.name} is {other}."
    return Picture(caption, [passage, graph], _kinds(relations))


def biography_picture(
    passage: Passage, name: str, relatives: Mapping[str, str], relations: Sequence[Relation]
) -> Picture:
    """Return a biography, and its person with an arrow to each relative; `relatives` has names by relation."""
    spans = [replace(span, kind="fact") if span.kind in ATTRIBUTES else span for span in passage.spans]
    nodes = [Node(name, "name")] + [Node(relatives[relation.key], relation.key) for relation in relations]
    links = [Link(0, i, relation.key, text=relation.name) for i, relation in enumerate(relations, 1)]
    graph = Graph("The relations it states: an arrow leads from a person to who is theirs", nodes, links)
    caption = (
        f"Relations: a biography of {name} and, behind it, how {len(relations)} other people are related to them."
        if len(relations) > 1
        else f"Relations: a biography of {name} and, behind it, how somebody else is related to them."
    )
    return Picture(caption, [replace(passage, spans=spans), graph], _kinds(relations))


def _kinds(relations: Sequence[Relation]) -> dict[str, Kind]:
    tones = [RELATION_TONES[i % len(RELATION_TONES)] for i in range(len(relations))]
    kinds = {"name": Kind("whom the row is about", "blue"), "fact": Kind("a fact about them", "grey")}
    kinds |= {
        attribute: Kind("a fact about them", "grey") for attribute in ATTRIBUTES
    }  # as spans of the row are called
    return kinds | {one.key: Kind(f"their {one.name}", tone) for one, tone in zip(relations, tones, strict=True)}

"""Counting the bits of a story again, from what its text says."""

from __future__ import annotations

import math

from synthgen.exact.ledger import log2_units
from synthgen.task.kit.retries import odds
from synthgen.task.verdict import Misread
from synthgen.tasks.stories.law import CHOICES, GraphLaw, graph_law
from synthgen.tasks.stories.params import StoriesParams
from synthgen.tasks.stories.reading.stories import ParsedStory, layers_of


def _log2(n: int) -> int:
    return int(log2_units(n))


def _factorial(n: int) -> int:
    return sum(_log2(i) for i in range(2, n + 1))


def _of_weights(weights: tuple[int, ...], chosen: int) -> int:
    """Return the bits of one choice by weight. Raises Misread for one that cannot be."""
    if not 0 <= chosen < len(weights) or not weights[chosen]:
        raise Misread("no story of this spec has such a graph")
    return _log2(sum(weights)) - _log2(weights[chosen])


def prompt_units(story: ParsedStory, params: StoriesParams) -> dict[str, int]:
    """Return the bits of a prompt by book, in ledger units. Raises Misread for what no story of the spec is."""
    needed, things = story.needed, len(story.lines)
    others = set(story.lines) - needed
    for number, (low, high), what in ((len(needed), params.needed, "needed"), (len(others), params.others, "other")):
        if not low <= number <= high:
            raise Misread(f"there are {number} {what} things, the spec has {low} to {high}")
    law = graph_law(params.weights)
    parents = {name: line.parents for name, line in story.lines.items()}
    first, more = layers_of(parents, needed), layers_of(parents, others)
    graph = _layer_units(law, parents, first, 0)
    if others:
        graph += _of_weights(law.first(len(needed), len(others)), len(more[0]) - 1)
        graph += _layer_units(law, parents, more, len(needed))
    names, left = 0, params.names
    for layer in (*first, *more):
        names += _log2(math.comb(left, len(layer)))
        left -= len(layer)
    roots = sum(not line.parents for line in story.lines.values())
    values = 0
    if params.modulus > 1:
        values = roots * _log2(params.modulus) + (things - roots) * _log2(params.modulus - 1)
    return {
        "sizes": sum(_log2(high - low + 1) for low, high in (params.needed, params.others)),
        "graph": graph,
        "names": names,
        "values": values,
        "order": _factorial(things) + sum(_factorial(len(line.parents)) for line in story.lines.values()),
        "pack": _log2(len(params.packs)),
        "wording": (things + 1) * _log2(params.wordings),
    }


def _layer_units(law: GraphLaw, parents: dict[int, tuple[int, ...]], layers: list[list[int]], base: int) -> int:
    """Return the bits of the layers after the first one, and of everybody's parents."""
    units, left = 0, sum(map(len, layers))
    for layer, deeper_layer in zip(layers, [*layers[1:], []], strict=True):
        if deeper_layer:
            units += _of_weights(law.following(base, left, len(layer)), len(deeper_layer) - 1)
        deeper, lacking = base + left - len(layer), set(deeper_layer)
        for place, name in enumerate(layer):
            k, j = len(parents[name]), len(lacking.intersection(parents[name]))
            if k > max(CHOICES)[0]:
                raise Misread(f"something has {k} parents")
            weights = law.parents(deeper, len(lacking), len(layer) - place)
            units += _of_weights(weights, CHOICES.index((k, j)))
            free = deeper - len(lacking)
            units += _log2(math.comb(free, k - j)) + _log2(math.comb(len(lacking), j))
            lacking -= set(parents[name])
        left -= len(layer)
    return units


def solution_units(story: ParsedStory, params: StoriesParams) -> dict[str, int]:
    """Return the bits of a right solution by book, in ledger units. Raises Misread for retries that no row has."""
    no, whole = (int(weight) for weight in odds(params.retry.rate))
    stop = _log2(whole) - _log2(no)
    go = _log2(whole) - _log2(whole - no) if whole > no else 0
    known, solution, retries = set[int](), 0, 0
    for step, (wrong, name) in enumerate(story.places(), 1):
        candidates = story.mistakes(known, params.retry.kind, name)
        if not set(wrong) <= set(candidates) or (wrong and whole == no):
            raise Misread(f"what is taken back before step {step} is no mistake of kind {params.retry.kind!r}")
        if len(set(wrong)) < len(wrong):
            raise Misread(f"a thing is taken back twice before step {step}")
        retries += sum(go + _log2(len(candidates) - i) for i in range(len(wrong)))
        retries += stop * (len(wrong) < len(candidates))
        solution += _log2(len(story.ready(known)))
        known.add(name)
    return {"solution": solution, "retries": retries}

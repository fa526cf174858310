"""Recounting the bits of a Brevo row, from its text and, where the text hides it, the order of creation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from synthgen.exact.ledger import log2_units
from synthgen.task.kit.sizes import SizeLaw
from synthgen.task.kit.words import Words
from synthgen.tasks.brevo.reading.rows import Name, ParsedBrevo


def _log2(n: int) -> int:
    return int(log2_units(n))


def _factorial(n: int) -> int:
    return sum(_log2(i) for i in range(2, n + 1))


def name_units(reading: ParsedBrevo, params: Any, words: Words) -> int:
    """Return the bits of the names of a row's nodes, in ledger units."""
    lengths = [len(node) for node in reading.parents]
    low, high = params.name_tokens
    return words.set_units([lengths.count(length) for length in range(low, high + 1)]) + _factorial(len(lengths))


def order_units(reading: ParsedBrevo) -> int:
    """Return the bits of the order of a row's statements, in ledger units."""
    return _factorial(len(reading.statements))


def released_units(
    reading: ParsedBrevo, latent: Mapping[str, Any], params: Any, sizes: SizeLaw, words: Words
) -> list[int]:
    """Return the bits by book, in ledger units. Raises ValueError where latent and graph do not fit."""
    n, leaves, parents = latent["nodes"], latent["leaves"], reading.parents
    named = list(parents)
    created = [named[place] for place in latent["created"]]
    if len(created) != n - leaves or set(created) != {node for node in named if parents[node]}:
        raise ValueError("latent.created does not name the nodes that need others, once each")
    if not 1 <= leaves <= params.most_leaves(n) or leaves < len(named) - len(created):
        raise ValueError(f"there cannot be {leaves} leaves")
    children: dict[Name, int] = dict.fromkeys(named, 0)
    hidden = leaves - (len(named) - len(created))  # leaves that no node is below: they always have room
    present = [node for node in named if not parents[node]]
    graph = _log2(params.most_leaves(n))
    for node in created:
        if not parents[node] <= set(present):
            raise ValueError("a node was created before one it needs")
        room = hidden + sum(children[other] < params.degree for other in present)
        arity = len(parents[node])
        if arity > params.degree or any(children[parent] == params.degree for parent in parents[node]):
            raise ValueError("a node has too many parents or children")
        graph += _log2(min(params.degree, room)) - _factorial(arity) + sum(_log2(room - i) for i in range(arity))
        for parent in parents[node]:
            children[parent] += 1
        present.append(node)
    if reading.query not in created[-params.queries(n) :]:
        raise ValueError("the query is none of the nodes that may be asked for")
    answer = 0 if params.sorted else _greedy(reading)
    names = name_units(reading, params, words)
    return [sizes.units(n), graph, names, order_units(reading), _log2(params.queries(n)), answer]


def _greedy(reading: ParsedBrevo) -> int:
    """Return the bits of the published listing: from its end, log2 of how many nodes could stand there."""
    waiting = dict.fromkeys(reading.answer, 0)
    for node in reading.answer:
        for parent in reading.parents[node]:
            waiting[parent] += 1
    ready, units = 1, 0
    for node in reversed(reading.answer):
        units += _log2(ready)
        ready -= 1
        for parent in reading.parents[node]:
            waiting[parent] -= 1
            ready += waiting[parent] == 0
    return units


def open_units(reading: ParsedBrevo, latent: Mapping[str, Any], params: Any, sizes: SizeLaw, words: Words) -> list[int]:
    """Return the bits by book, in ledger units, from the text alone. Raises ValueError if the row is not of the law."""
    layer, n = reading.layers(), len(reading.parents)
    leaves = [node for node in layer if layer[node] == 0]
    if sorted(reading.leaves) != sorted(leaves) or latent["leaves"] != len(leaves) or latent["nodes"] != n:
        raise ValueError("the stated leaves, latent.leaves or latent.nodes do not fit the graph")
    if layer[reading.query] != max(layer.values()):
        raise ValueError("the query is not in the last layer")
    layers = [[node for node in layer if layer[node] == k] for k in range(max(layer.values()) + 1)]
    placed, above, graph, width = 0, 0, 0, params.most_leaves(n)
    for nodes in layers:
        graph += _log2(min(width, n - placed))
        if len(nodes) > width:
            raise ValueError("a layer has too many nodes")
        for node in nodes if placed else ():
            number = len(reading.parents[node])
            graph += _log2(min(params.degree, placed))
            graph += _log2(math.comb(placed, number) - math.comb(placed - above, number))
        placed, above = placed + len(nodes), len(nodes)
    names = name_units(reading, params, words) - sum(_factorial(len(nodes)) for nodes in layers)
    return [sizes.units(n), graph, names, order_units(reading), _log2(above), 0]

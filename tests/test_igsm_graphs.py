"""iGSM as graphs: networkx, probing labels, and template hashes that no order of sentences or steps changes."""

import random

import networkx as nx
import numpy as np

import synthgen
from synthgen.tasks.igsm.reading.graphs import dependency_graph, plot_graph, probing_labels, template_hashes

SOURCE = synthgen.load("igsm-med-pq", params={"op": [2, 12]})
TASK = SOURCE.task("graphs")
ROWS = SOURCE.batch(0, 150, "graphs").to_pylist()


def test_the_graph_is_the_latent_one():
    for row in ROWS:
        problem = TASK.reader.problem(row["prompt"])
        graph = dependency_graph(problem, 23)
        assert nx.is_directed_acyclic_graph(graph)
        latent = row["latent"]
        necessary = [node for node, own in graph.nodes.items() if own["necessary"]]
        assert len(necessary) == latent["necessary"]
        assert set(necessary) == nx.ancestors(graph, problem.query) | {problem.query}
        assert nx.dag_longest_path_length(graph.subgraph(necessary)) + 1 == latent["solution_depth"]
        assert graph.nodes[problem.query]["value"] == latent["answer"]
        inner = [node for node in graph if graph.in_degree(node)]
        assert sum(graph.in_degree(node) for node in inner) <= len(latent["graph"]), "unseen items are childless"


def test_probing_labels_follow_from_their_definitions():
    for row in ROWS[:60]:
        problem = TASK.reader.problem(row["prompt"])
        solution = [step.parameter for step in TASK.reader.steps(row["completion"])[0]]
        labels = probing_labels(problem, solution)
        graph, names = dependency_graph(problem, 23), labels["parameters"]
        for a, name in enumerate(names):
            ancestors = nx.ancestors(graph, name)
            assert {names[b] for b in np.flatnonzero(labels["dep"][a])} == ancestors
            for t in range(len(solution) + 1):
                done = set(solution[:t])
                assert labels["known"][t, a] == (name in done)
                assert labels["can_next"][t, a] == (name not in done and set(graph.predecessors(name)) <= done)
                assert labels["value"][t, a] == (graph.nodes[name]["value"] if name in done else 23)
        assert (labels["nece_next"] == labels["can_next"] & labels["nece"]).all()
        assert labels["nece_next"].any(axis=1).tolist() == [True] * len(solution) + [False]


def mixed(prompt, generator):
    """Return a problem with its sentences in another order and the operands of its sums in another order."""
    *sentences, question = prompt.replace("? ", "?. ").split(". ")
    swapped = []
    for sentence in sentences:
        head, is_sum, operands = sentence.partition("the sum of ")
        if is_sum:
            parts = operands.replace(" and ", ", ").split(", ")
            generator.shuffle(parts)
            operands = ", ".join(parts[:-1]) + " and " + parts[-1]
        swapped.append(head + is_sum + operands)
    generator.shuffle(swapped)
    return ". ".join([*swapped, question])


def test_template_hashes():
    generator, seen = random.Random(0), {}
    for row in ROWS:
        problem = TASK.reader.problem(row["prompt"])
        own = template_hashes(problem)
        other = template_hashes(TASK.reader.problem(mixed(row["prompt"], generator)))
        assert other["commutative"] == own["commutative"]
        assert seen.setdefault(row["latent"]["template"], own) == own, "one ordered template, one of each other form"
        if "the sum of" not in row["prompt"]:
            assert other == own
        for old, new in ((" more than", " times as much as"), ("the sum", "the difference")):
            fault = row["prompt"].replace(old, new)
            try:
                changed = TASK.reader.problem(fault)
            except ValueError:
                continue  # the difference of three is no sentence
            kinds = [changed.sentences[p] for p in changed.needed() if p in changed.sentences]
            if kinds != [problem.sentences[p] for p in problem.needed() if p in problem.sentences]:
                assert template_hashes(changed)["commutative"] != own["commutative"]


def test_a_picture(tmp_path):
    plot_graph(TASK.reader.problem(ROWS[0]["prompt"]), 23, tmp_path / "graph.png")
    assert (tmp_path / "graph.png").stat().st_size > 5000

"""iGSM as graphs: networkx, probing labels, and template hashes that no order of sentences or steps changes."""

import random
import re

import networkx as nx
import numpy as np
import pytest

import synthgen
from synthgen.errors import SynthgenError
from synthgen.tasks.igsm.reading.graphs import dependency_graph, template_hashes
from synthgen.tasks.igsm.reading.probes import pair_labels, partial_problem, probe_rows, probing_labels
from synthgen.tasks.igsm.reading.shots import SHOTS, background, few_shot

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


def labels_of(row, universe, source=TASK):
    problem = source.reader.problem(row["prompt"])
    solution = [step.parameter for step in source.reader.steps(row["completion"])[0]]
    return problem, probing_labels(problem, solution, universe=universe)


def test_the_released_universe_adds_pairs_that_do_not_exist():
    added = 0
    for row in ROWS[:60]:
        problem, existing = labels_of(row, "existing")
        _, released = labels_of(row, "released")
        n, names = len(existing["parameters"]), released["parameters"]
        assert names[:n] == existing["parameters"]
        items = {name for name in problem.layer if name not in problem.categories}
        pairs = {(a, b) for a in items for b in items if problem.layer[b] == problem.layer[a] + 1}
        assert set(names) == pairs | set(existing["parameters"])
        assert not any(map(problem.exists, names[n:]))
        for label in ("nece", "known", "can_next", "nece_next", "value"):
            assert (released[label][..., :n] == existing[label]).all()
        for label in ("dep", "neighbour"):
            assert (released[label][:n, :n] == existing[label]).all()
            assert not released[label][n:].any()
            assert not released[label][:, n:].any()
        assert released["can_next"][:, n:].all(), "the released code takes them for computable"
        assert not released["nece_next"][:, n:].any()
        assert (released["value"][:, n:] == 23).all()
        assert released["dep_nece"].shape[0] == released["nece"].sum() == row["latent"]["necessary"]
        assert len(released["dep_nece"]) + len(released["dep_unnece"]) == len(names)
        graph = dependency_graph(problem, 23)
        direct = {(names[a], names[b]) for a, b in zip(*np.nonzero(released["neighbour"]), strict=True)}
        assert direct == {(user, needed) for needed, user in graph.edges()}
        added += len(names) - n
    assert added > 60


def test_partial_labels_are_those_of_the_sentences_so_far():
    for row in ROWS[:40]:
        problem = TASK.reader.problem(row["prompt"])
        whole = pair_labels(problem, "released")
        last = pair_labels(partial_problem(problem, len(problem.sentences)), "released")
        assert set(last["parameters"]) <= set(whole["parameters"])
        before = set()
        for stated in range(1, len(problem.sentences) + 1):
            labels = pair_labels(partial_problem(problem, stated), "released")
            names = labels["parameters"]
            sentences = list(problem.sentences)[:stated]
            true = {(names[a], names[b]) for a, b in zip(*np.nonzero(labels["dep"]), strict=True)}
            plain = nx.DiGraph()
            plain.add_nodes_from(names)
            for name in names:
                owner, target = name
                if name in sentences:
                    needs = problem.sentences[name].cites
                elif target in problem.categories:
                    within = [b for a, b in sentences if a == owner]
                    deep = problem.layer[target] - problem.layer[owner] > 1
                    needs = [(owner, b) for b in within] + [(b, target) for b in within if deep]
                else:
                    needs = ()
                plain.add_edges_from((other, name) for other in needs if other in set(names))
            assert true == {(name, other) for name in names for other in nx.ancestors(plain, name)}
            assert before <= true, "what depends on something still does when more is told"
            before = true


def test_rows_for_probes():
    """[START] A [MID] B [END] behind the text up to where the paper looks; ten choices a problem at most."""
    seen = set()
    for row in ROWS[:30]:
        problem, labels = labels_of(row, "released")
        number = {name: i for i, name in enumerate(labels["parameters"])}
        question = row["prompt"][problem.question[0] :]
        for what in ("dep", "neighbour", "nece", "known", "value", "can_next", "nece_next"):
            rows = probe_rows(TASK.reader, row, what)
            assert rows == probe_rows(TASK.reader, row, what), "drawn by seed and row alone"
            n, steps = len(number), len(labels["known"])
            choices = {"nece": n, "dep": n * (n - 1), "neighbour": n * (n - 1), "known": n * steps, "value": n * steps}
            assert len(rows) == len(set(rows)) == min(10, choices.get(what, n * (steps - 1)))
            for one in rows:
                text, asked = one.text.split(" [START] ")
                assert asked == " [MID] ".join("'s ".join(name) for name in one.parameters) + " [END]"
                places = [number[name] for name in one.parameters]
                assert (
                    one.label
                    == labels[what][(*([one.step] if what not in ("dep", "neighbour", "nece") else []), *places)]
                )
                if what in ("dep", "neighbour"):
                    assert f"{text} {question}" == row["prompt"]
                else:
                    assert text.startswith(row["prompt"])
                    assert text.removeprefix(row["prompt"]).count("Define") == one.step
                    assert (row["prompt"] + row["completion"]).startswith(text)
                    assert text.endswith(("?", "."))
                seen.add((what, one.label > 0))
    assert len(seen) == 14, "true and false of each"
    with pytest.raises(SynthgenError, match="label 'deep': take one of dep"):
        probe_rows(TASK.reader, ROWS[0], "deep")


def test_prompts_for_models_that_never_saw_the_data():
    source = synthgen.load("igsm-med-pq", params={"modulus": 5, "op": [2, 6]})
    reader, examples = source.task("test").reader, source.batch(0, SHOTS, "train").to_pylist()
    for row in source.batch(0, 20, "test").to_pylist():
        problem = reader.problem(row["prompt"])
        told = background(problem)
        for owner, target in problem.sentences:
            (line,) = re.findall(rf"Each {owner} can have ([^.]*)\.", told)
            assert target in re.split(", | and ", line)
        kinds = re.findall(r"There (?:is|are) (\d+) kinds? of ([^:]+): ([^.]*)\.", told)
        for number, category, names in kinds:
            listed = re.split(", | and ", names)
            assert len(listed) == int(number)
            assert all(problem.layer[name] == problem.layer[category] for name in listed)
        for item, category in re.findall(r"Each ([^.]+) has no ([^.]+)\.", told):
            assert item not in problem.children
            assert problem.exists((item, category))
        prompt = few_shot(reader, row, examples)
        assert prompt.count("Background: ") == prompt.count("\nSolution:") == SHOTS + 1
        assert prompt.endswith(f"Problem: {row['prompt']}\nSolution:")
        assert all(example["completion"] in prompt for example in examples)
        assert "modulo 5" in prompt
        assert source.verify(row["prompt"], row["completion"], "test").correct


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

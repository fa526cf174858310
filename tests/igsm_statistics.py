"""Counts over many problems of the paper's sampler, in the form of published_igsm.json: by name, a histogram."""

from collections import Counter

import numpy as np

from synthgen.exact.draw import Keys, new_state
from synthgen.exact.jit import kernel
from synthgen.tasks.igsm.laws import PaperLaw
from synthgen.tasks.igsm.writing.paper.sampler import draw_problem
from synthgen.tasks.igsm.writing.problem import (
    BARE,
    TIMES,
    compile_solution,
    compute_results,
    depth_of,
    new_problem,
    predecessors,
)
from synthgen.tasks.igsm.writing.sketch import new_scratch
from synthgen.tasks.igsm.writing.surface import draw_values

COLUMNS = (
    "op", "d", "w0", "w1", "e", "items", "nece", "nece_inst", "nece_abs", "unnece_inst", "abs_listed_unnece",
    "edges_nece_noRNG", "depth", "q_type", "ans", "hash", "query_level", "chains", "cites", "citable", "first", "operand",
)  # fmt: skip
KINDS = ["const", "r1", "r2sum", "r2diff", "r3", "r4"]
KINDS += [f"{sign}_{kind}" for sign in ("add", "mul") for kind in ("r1", "r2sum", "r2diff", "r3")]


@kernel
def _count(state, keys, rows, p, w, law, op_sums, sizes, table, scratch, out, kinds, degrees):
    for row in range(rows):
        draw_problem(state, keys[0], row, p, w, law, op_sums, sizes, table, scratch)
        draw_values(state, keys[1], row, p, law.modulus)
        compile_solution(p)
        compute_results(p, law.modulus)
        query = p.order[p.steps - 1]
        instances, edges, listed = 0, 0, 0
        cites, first, wide = 0, 0, 0
        for i in range(p.steps):
            x = p.order[i]
            edges += predecessors(p, x, scratch.around)
            if x < p.edges:
                instances += 1
                if i > 0:
                    for r in range(p.refs[x]):
                        if p.ref[x, r] == p.order[i - 1]:
                            cites += 1
                            if p.refs[x] > 1:
                                wide += 1
                                first += 1 if r == 0 else 0
        for x in range(p.edges, p.params):
            if w.mentioned >> x & 1 and not p.solved[x]:
                listed += 1
        for x in range(p.edges):
            literal, refs = p.literal[x], p.refs[x]
            own = 0 if p.solved[x] else 1
            kind = 0 if refs == 0 else refs if refs == 1 else refs + 1 if refs > 2 else 3 if p.minus[x] else 2
            if literal != BARE and refs > 0:
                kind += 5 + (4 if literal == TIMES else 0)
            kinds[own, kind] += 1
            degrees[own, refs + (1 if literal != BARE else 0)] += 1
        figures = (
            p.op, p.layers, w.least, w.most, p.edges, p.first[p.layers], p.steps, instances,
            p.steps - instances, p.edges - instances, listed, edges, depth_of(p, scratch.depth, scratch.around),
            1 if query >= p.edges else 0, p.result[p.symbol[query]], w.bin,
            p.target[query] - p.layer[p.owner[query]] if query >= p.edges else 0,
            0, cites, instances - (1 if p.order[0] < p.edges else 0), first, wide,
        )  # fmt: skip
        for i in range(len(figures)):
            out[row, i] = figures[i]


def statistics(params, rows, seed=0):
    """Return {name: Counter} of `rows` problems with these params of the task."""
    tables = PaperLaw(params).tables()
    keys = Keys(seed, split="statistics")
    out = np.zeros((rows, len(COLUMNS)), np.int64)
    kinds, degrees = np.zeros((2, len(KINDS)), np.int64), np.zeros((2, 5), np.int64)
    stages = np.array([keys.split("structure"), keys.split("values")])
    _count(
        new_state(),
        stages,
        rows,
        new_problem(),
        tables.work,
        tables.law,
        tables.op_sums,
        tables.depth_sums,
        tables.bonus,
        new_scratch(),
        out,
        kinds,
        degrees,
    )
    column = dict(zip(COLUMNS, out.T, strict=True))
    found = {f"hist_{name}": Counter(column[name].tolist()) for name in COLUMNS[:17]}
    found["hist_indegree_necessary"] = Counter(dict(enumerate(degrees[0].tolist())))
    found["hist_indegree_unnecessary"] = Counter(dict(enumerate(degrees[1].tolist())))
    for own, letter in enumerate("nu"):
        found[f"sentence_types_{letter}"] = Counter(dict(zip(KINDS, kinds[own].tolist(), strict=True)))
    for name, yes, of in (("cites_previous", "cites", "citable"), ("previous_is_first_operand", "first", "operand")):
        total = int(column[of].sum())
        found[name] = Counter({1: int(column[yes].sum()), 0: total - int(column[yes].sum())})
    return found

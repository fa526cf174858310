"""Where iGSM, as it is described (Parts 2.1 and 2.2) and as it is released, and these rows differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from synthgen.task.fidelity import PAPER, RELEASED, Deviation


def _in_paper_law(what: Callable[[Any], str]) -> Callable[[Any], str]:
    """Return `what` for the law of the paper: the open law is another one altogether."""
    return lambda params: what(params) if params.sampler == "paper" else ""


def _preferred(params: Any) -> str:
    by_default = "fresh" if params.fidelity == "released" else "wanted"
    return RELEASED if (params.bonus or by_default) == "fresh" else PAPER


def _bins(params: Any) -> str:
    return {16: RELEASED, 17: PAPER}.get(params.bins_for_training, f"{params.bins_for_training} of 23")


def _weak(params: Any) -> str:
    if params.retry is None or params.retry.kind != "weak":
        return ""
    return RELEASED if params.retry.next_counts else PAPER


DEVIATIONS = (
    Deviation(
        "the law of problems",
        "the one of its appendix",
        lambda params: "an open law of our own, without rejection" if params.sampler == "open" else "",
        decided_by=("sampler",),
    ),
    Deviation(
        "names of categories and things",
        "four chains of four categories with 100 names each",
        lambda params: "names of our own, 100 in each",
        "1,553 names (91 organs, 94 cells and 68 bones among them)",
        ("world", "sizes"),
    ),
    Deviation(
        "questions",
        '"How many Robin does Oak have?", in the singular',
        lambda params: (
            '"How many Robins does each Oak have?", in the plural'
            if params.phrasing == "paper"
            else '"How many Robins are in each Oak?", of a second family of sentences'
        ),
        "the same as in the paper",
        ("phrasing",),
    ),
    Deviation(
        "what sentences refer to beyond need",
        "sooner what another sentence waits for",
        _in_paper_law(_preferred),
        "sooner what no sentence waits for",
        ("bonus", "fidelity"),
    ),
    Deviation(
        "the budget s of operations",
        "the op itself",
        _in_paper_law(lambda params: RELEASED if params.redrawn else PAPER),
        "drawn anew until the op comes out, where no op is given",
        ("steps", "fidelity"),
    ),
    Deviation(
        "template bins for training, of 23",
        "17",
        _in_paper_law(_bins),
        "16",
        ("train_bins", "fidelity"),
    ),
    Deviation(
        "the law of budgets and of the number of sentences",
        "the one that the released code calls light",
        lambda params: "" if params.style == "light" else f"the one that the released code calls {params.style}",
        "light, uniform, middle or heavy",
        ("style",),
    ),
    Deviation(
        "the law of operations",
        "the lesser of two uniform numbers (light), or a given number",
        lambda params: f"{params.op}, of the released code" if params.op in ("uniform", "middle", "heavy") else "",
        "light, uniform, middle or heavy, or a given number",
        ("op",),
    ),
    Deviation(
        "the order of a problem's sentences",
        "any, all alike",
        lambda params: "" if params.perm_level == 5 else f"perm_level {params.perm_level} of the released code",
        "perm_level 0 to 6, where 5 is any",
        ("perm_level",),
    ),
    Deviation(
        "steps of a solution",
        "what the answer needs, and no more",
        lambda params: "" if params.shortest else "needless ones too (be_shortest = False of the released code)",
        "the same, or needless ones too",
        ("shortest",),
    ),
    Deviation(
        "numbers",
        "counted modulo 23",
        lambda params: "whole numbers (reduce_mod = False of the released code)" if params.integers else "",
        "counted modulo 23, or whole numbers",
        ("integers",),
    ),
    Deviation(
        "what a weak retry takes back",
        "what a later sentence defines, never the next one",
        _weak,
        "what the next sentence or a later one defines",
        ("retry.next_counts", "fidelity"),
    ),
    Deviation(
        "what a retry of kind miss takes back",
        "anything the problem speaks of that is not defined yet",
        lambda params: PAPER if params.retry and params.retry.kind == "miss" else "",
        "no such retries",
        ("retry.kind",),
    ),
    Deviation(
        "a question that is asked again (reask)",
        "another parameter of the problem",
        lambda params: "another existing parameter, held against the template bins again" if params.reask else "",
        "any of a list that includes pairs which do not exist, and no bin is looked at",
        ("reask",),
    ),
    Deviation(
        "parameters that probes are asked about",
        "not told",
        lambda params: 'those that exist, or as in the released code (`probing_labels(..., universe="released")`)',
        "all pairs of neighbouring layers, existing or not",
    ),
)

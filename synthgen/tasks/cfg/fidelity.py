"""Where the grammars' rows of the papers (Part 1, 2305.13673; Part 4.1), the released code and these differ."""

from __future__ import annotations

from typing import Any

from synthgen.task.fidelity import Deviation


def _noise_rate(params: Any) -> str:
    noise = params.noise
    if noise is None:
        return ""
    return "those that two readers of the paper remember, not checked" if noise.rate is None else f"{noise.rate}"


def _fixed(params: Any) -> str:
    fixed = params.noise is not None and params.noise.kind == "fixed"
    drawn = fixed and params.noise.image == "permutation"
    return (
        "a permutation drawn for the world"
        if drawn
        else "the next symbol of the level, a cyclic shift"
        if fixed
        else ""
    )


DEVIATIONS = (
    Deviation(
        "ids of tokens",
        "terminals 1, 2 and 3",
        lambda params: "those, and numbers of our own for the marks (begin, end, mask, separator, pad)",
        "terminals 1, 2 and 3",
    ),
    Deviation("rates of perturbed rows", "rates that we could not read", _noise_rate, decided_by=("noise.rate",)),
    Deviation(
        "what a symbol is replaced by in noise of kind fixed",
        "its image under a fixed permutation",
        _fixed,
        decided_by=("noise.image",),
    ),
    Deviation(
        "what a corrupted prefix is",
        "a prefix of perturbed rows, of one of the three kinds of noise",
        lambda params: "tokens of the prompt replaced by others" if params.corrupt else "",
        decided_by=("corrupt", "noise"),
    ),
)

"""Where Depo, as it is described (Part 4.1, 2512.17351) and as it is released, and these rows differ."""

from __future__ import annotations

from typing import Any

from synthgen.task.fidelity import PAPER, RELEASED, Deviation

DEPO2_SYMBOLS = {4: PAPER, 3: RELEASED}


def _symbols(params: Any) -> str:
    long_names = params.name_tokens[1] > 2
    return DEPO2_SYMBOLS.get(params.symbols, f"{params.symbols} symbols") if long_names else ""


DEVIATIONS = (
    Deviation(
        "the names of Depo2",
        "of 4 symbols",
        _symbols,
        "of 3 symbols, the default of its class",
        ("vocabulary", "fidelity"),
    ),
    Deviation(
        "the nodes that a row's queries start from",
        "any, so that one may come twice",
        lambda params: RELEASED if params.distinct else PAPER,
        "all different",
        ("starts", "fidelity"),
    ),
    Deviation(
        "the end of a row",
        "an end mark (in its section 2.1; its appendix has none)",
        lambda params: "an end mark, with the id 9996 of our own" if params.ends else RELEASED,
        "no mark",
        ("end", "fidelity"),
    ),
    Deviation(
        "ids of tokens",
        "no numbers",
        lambda params: "numbers without gaps, for small models" if params.numbering == "compact" else RELEASED,
        "marks from 9000 on",
        ("numbering",),
    ),
)

"""The paper's sampler against the released generator's published counts: no difference, and the power to see one."""

import json
from pathlib import Path

import numpy as np
import pytest
from igsm_statistics import statistics
from scipy.stats import chi2

from synthgen.tasks.igsm.params import IgsmParams

PUBLISHED = json.loads(Path(__file__).with_name("published_igsm.json").read_text())
STRATA = ("med_none", "hard_none", "med_op5", "med_op10", "med_op15", "hard_op20", "hard_op30")
ROWS = 200_000
BOUND = 0.02
"""No cell of at least 1 % may differ by more than this share of all (the larger sample's error is below 0.001)."""


def params_of(stratum, **more):
    hard = stratum.startswith("hard")
    own = {"max_op": 21, "max_edge": 28} if hard else {}
    if "_op" in stratum:
        own["op"] = int(stratum.split("_op")[1])
    return IgsmParams(**own | more)


def compare(ours, theirs):
    """Return the p-value of a two-sample chi-square test, and the greatest difference of a cell of 1 % or more."""
    keys = sorted({*map(str, ours), *map(str, theirs)})
    a = np.array([{str(k): v for k, v in ours.items()}.get(key, 0) for key in keys], float)
    b = np.array([theirs.get(key, 0) for key in keys], float)
    rare = (a + b) * b.sum() / (a.sum() + b.sum()) < 5
    a, b = np.append(a[~rare], a[rare].sum()), np.append(b[~rare], b[rare].sum())
    a, b = a[a + b > 0], b[a + b > 0]
    share = (a + b) / (a.sum() + b.sum())
    statistic = sum((((x - share * x.sum()) ** 2) / (share * x.sum())).sum() for x in (a, b))
    large = np.maximum(a / a.sum(), b / b.sum()) >= 0.01
    return chi2.sf(statistic, max(1, a.size - 1)), np.abs(a / a.sum() - b / b.sum())[large].max()


def compare_all(strata, rows, **params):
    found = {}
    for stratum in strata:
        ours = statistics(params_of(stratum.removeprefix("sign_"), **params), rows)
        for name, theirs in PUBLISHED[stratum].items():
            if name != "n":
                found[stratum, name] = compare(ours[name], theirs)
    return found


def holm(found, level=0.01):
    """Return what differs, at a level for all tests together."""
    ordered = sorted((p, key) for key, (p, _) in found.items())
    differing = []
    for i, (p, key) in enumerate(ordered):
        if p > level / (len(ordered) - i):
            break
        differing.append((key, p))
    return differing


@pytest.mark.slow
def test_small_samples_agree_with_the_released_generator():
    found = compare_all(("med_op10", "hard_op20"), 4_000)
    assert holm(found) == []


@pytest.mark.slow
def test_equal_in_distribution_to_the_released_generator():
    found = compare_all(STRATA, ROWS)
    assert holm(found) == []
    assert max(difference for _, difference in found.values()) < BOUND
    print(f"{len(found)} tests, least p {min(p for p, _ in found.values()):.2g}, greatest difference of a cell "
          f"{max(d for _, d in found.values()):.4f}")  # fmt: skip


@pytest.mark.slow
def test_the_papers_bonus_is_told_from_the_released_one_and_is_ours():
    strata = ("sign_med_op10", "sign_hard_op20")
    differing = {key for key, _ in holm(compare_all(strata, ROWS))}
    assert {(s, name) for s in strata for name in ("cites_previous", "hist_depth")} <= differing
    assert holm(compare_all(strata, ROWS, bonus="wanted")) == []


@pytest.mark.slow
def test_fixed_steps_are_told_from_redrawn_ones():
    differing = holm(compare_all(("med_none",), ROWS, steps="fixed"))
    assert {name for (_, name), _ in differing} >= {"hist_e", "sentence_types_n"}
    found = compare_all(("med_forkfix",), ROWS, steps="fixed")
    assert holm(found) == []

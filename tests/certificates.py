"""Make all shipped certificates of entropy anew: `make certificates`; some three hours of one core. With names of runs,
those that are missing or have fewer rows.

A law that several specs share is run once, for the first of them. `test_text_entropy.py` draws parts of all again.
"""

import os
import sys
import time

import synthgen
from synthgen.spec import certify
from synthgen.task.certificates import SHIPPED, certificates

ROWS = {
    "cfg3f": 1_000_000,
    "cfg3g": 1_000_000,
    "cfg3h": 1_000_000,
    "cfg3i": 1_000_000,
    "cfg3j": 1_500_000,
    "cfg3k": 1_500_000,
    "cfg3k-uniform": 700_000,
    "cfg3e2": 1_000_000,
    "cfg-english": 2_000_000,
    "cfg3f-perturb-fixed": 100_000,
    "cfg3f-perturb-nt": 60_000,
    "cfg3f-perturb-t": 40_000,
    "igsm-med-pq": 200_000,
    "igsm-hard-pq": 200_000,
    "igsm-open-retry50": 200_000,
    "igsm-med-retry05": 100_000,
    "igsm-med-retry20": 100_000,
    "igsm-med-retry50": 100_000,
    "igsm-med-retry-weak20": 100_000,
    "igsm-med-retry-miss20": 100_000,
    "igsm-hard-retry50": 100_000,
    "igsm-released": 30_000,
    "igsm-med-pq/train": 100_000,
    "igsm-hard-pq/train": 150_000,
    "stories-retry30": 1_000_000,
    "brevo1-tiny": 40_000,
    "brevo2-n30": 10_000,
    "brevo2-n40": 6_000,
    "brevo2-n50": 40_000,
    "brevo1-n70": 12_000,
    "brevo1-n90": 12_000,
    "brevo1-n110": 12_000,
}
"""Rows of each run: grammars to 0.05 bits (1.5 bits under noise), the others as far as a quarter of an hour goes. With a
split, of what its texts show."""


def means_of(run):
    """Return the source of a run and its means: those of texts of its split, or all others of all splits."""
    name, _, split = run.partition("/")
    source = synthgen.load(name)
    all_means = certify.samplings(source)
    if split:
        return source, {one.digest for one in source.task(split).samplings() if "text" in one.law}
    return source, {digest for digest, one in all_means.items() if "text" not in one.law}


if __name__ == "__main__":
    names = sys.argv[1:]
    if not names:
        SHIPPED.unlink(missing_ok=True)
    for run in names or ROWS:
        certificates.cache_clear()
        start = time.monotonic()
        source, means = means_of(run)
        workers = 1 if names else len(os.sched_getaffinity(0))
        runs = certify.certify(source, ROWS[run], workers, only=means, name=run, in_package=True)
        certify.keep(runs, in_package=True)
        print(f"{run:<24}{ROWS[run]:>10,} rows{len(runs):>4} means{time.monotonic() - start:>8.0f} s", flush=True)

"""Spot checks: figures that the papers print or the released code gives, and the same of our rows.

    .venv/bin/python tests/spot_checks.py                            # all of them beside the papers', as a table
    .venv/bin/python tests/spot_checks.py --tokenizer gpt2.json      # also tokens a biography, by GPT-2's tokenizer

The table stands in `docs/fidelity.toml`, and from there in `docs/fidelity.md`; `tests/test_fidelity.py` measures again.
"""

import argparse
import functools
import math
import re
import tomllib
from collections import Counter
from pathlib import Path

import numpy as np

import synthgen
from synthgen.tasks.bios.world.lists import ATTRIBUTES, Sizes, read_lists
from synthgen.tasks.igsm.reading.probes import probing_labels
from synthgen.tokens.checked import read_tokenizer

TABLE = Path(__file__).parents[1] / "docs" / "fidelity.toml"
PROBLEMS = 300
BIOGRAPHIES = 1200
STEPS = re.compile(r"Define ([^;.]+'s [^;.]+) as (\w+)")


@functools.cache
def guesses(name: str, universe: str) -> tuple[float, float]:
    """Return how often all false is right, in %: for dep of two parameters, for nece_next where a sentence follows.

    Means over problems, as V-probing takes as many choices of each.
    """
    source = synthgen.load(name)
    reader, dep, following = source.task().reader, [], []
    for row in source.batch(0, PROBLEMS).to_pylist():
        problem = reader.problem(row["prompt"])
        solution = [step.parameter for step in reader.steps(row["completion"])[0]]
        labels = probing_labels(problem, solution, universe=universe)
        n = len(labels["parameters"])
        dep.append(1 - labels["dep"].sum() / (n * (n - 1)))
        following.append(1 - labels["nece_next"][:-1].mean())
    return 100 * float(np.mean(dep)), 100 * float(np.mean(following))


def backs(rate: float) -> float:
    """Return the mean number of BACKs a step of iGSM-med, perfect retries: a formula, given each step's candidates."""
    params = {"retry": {"rate": rate}, "bins": "train"}
    return synthgen.load("igsm-med-pq", params=params).entropy(estimates=False).facts["retries_a_step"]


def takes_back_the_next(fidelity: str) -> float:
    """Return how many of weak retries take back what the very next sentence defines, in %."""
    params = {"fidelity": fidelity, "retry": {"rate": 0.2, "kind": "weak"}, "bins": "train"}
    next_ones, all_ = 0, 0
    for row in synthgen.load("igsm-med-pq", params=params).batch(0, PROBLEMS).to_pylist():
        steps = STEPS.findall(row["completion"])
        for i, (name, letter) in enumerate(steps):
            if letter == "BACK":
                all_ += 1
                next_ones += name == next(other for other, shown in steps[i:] if shown != "BACK")
    return 100 * next_ones / all_


@functools.cache
def biographies(spec: str = "bios-single") -> list[str]:
    return synthgen.load(spec).batch(0, BIOGRAPHIES).column("text").to_pylist()


def facts(name: str, split: str = "train", **params) -> dict:
    return synthgen.load(name, params=params).entropy(split).facts


def templates() -> list[int]:
    lists = read_lists(None, Sizes(), 3)
    return [len(lists.templates[attribute]) for attribute in ATTRIBUTES]


def most_common_city() -> float:
    """Return the share of the most common city of employers, in %: what a constant guess of it gets."""
    lists = read_lists(None, Sizes(), 3)
    return 100 * max(Counter(lists.company_city).values()) / len(lists.employer)


MEASURED = {
    "dep, med": lambda: guesses("igsm-med-pq", "released")[0],
    "dep, hard": lambda: guesses("igsm-hard-pq", "released")[0],
    "dep, med, existing": lambda: guesses("igsm-med-pq", "existing")[0],
    "nece_next, med": lambda: guesses("igsm-med-pq", "released")[1],
    "nece_next, hard": lambda: guesses("igsm-hard-pq", "released")[1],
    "backs 0.05": lambda: backs(0.05),
    "backs 0.2": lambda: backs(0.2),
    "backs 0.5": lambda: backs(0.5),
    "weak next, released": lambda: takes_back_the_next("released"),
    "weak next, paper": lambda: takes_back_the_next("paper"),
    "words": lambda: float(np.mean([len(text.split()) for text in biographies()])),
    "templates": lambda: "/".join(map(str, templates())),
    "renderings": lambda: math.prod(templates()) * math.factorial(6) / 1e12,
    "company city": most_common_city,
    "attribute bits": lambda: facts("bios-single")["attribute_bits_a_person"] + 1,
    "name bits": lambda: facts("bios-single")["names_paper_bits"] / 100_000,
    "depo1 tokens": lambda: facts("depo1-n375", "test_k8")["expected_tokens"] + 1,
    "mano tokens": lambda: facts("mano-l16", "test")["expected_tokens"] + 1,
}
"""What is measured, by the key of its line in the table."""


def checks() -> list[dict]:
    """Return the lines of the table: key, what, paper, here, and perhaps why."""
    return tomllib.loads(TABLE.read_text("utf-8"))["check"]


def shown(value: float | str, stated: str) -> str:
    """Return a measured value with as many digits as the table states."""
    return value if isinstance(value, str) else f"{value:.{len(stated.partition('.')[2])}f}"


def main() -> None:
    """Print every check: what, the paper's figure, the table's, and what is measured now."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokenizer", type=Path, help="GPT-2's tokenizer, a tokenizers JSON file")
    tokenizer = parser.parse_args().tokenizer
    if tokenizer:
        read = read_tokenizer(tokenizer, "<|endoftext|>", ())
        for key, spec in (("tokens", "bios-single"), ("tokens of rewrites", "bios-rewrite5")):
            lengths = [len(ids) for ids, _ in read.encode(biographies(spec))]
            MEASURED[key] = functools.partial(float, np.mean(lengths))
    for line in checks():
        now = shown(MEASURED[line["key"]](), line["here"]) if line["key"] in MEASURED else "not measured"
        print(f"{line['what']:78} paper {line['paper']:>24}   stated {line['here']:>22}   now {now}")


if __name__ == "__main__":
    main()

"""Inspect, with its own model for tests: right answers, wrong ones, and some of each; what the page says comes out."""

import importlib.metadata
import json
import os
import re
import tempfile
from pathlib import Path

from inspect_ai import eval
from inspect_ai.log import EvalLog
from inspect_ai.model import Model, ModelOutput, ModelUsage, get_model

import synthgen
from synthgen.clients.inspect import task

PAGE = Path(__file__).parents[1] / "docs/clients/inspect.md"
os.environ["INSPECT_DISPLAY"] = "none"
os.chdir(tempfile.mkdtemp())


def model_of(answers: list[str]) -> Model:
    """Return Inspect's model for tests with these answers; their tokens are stated, to count them it would download."""
    outputs = [ModelOutput.from_content("mockllm/model", answer) for answer in answers]
    for output in outputs:
        output.usage = ModelUsage()
    return get_model("mockllm/model", custom_outputs=outputs, memoize=False)


def answered(answers: list[str], **asked) -> EvalLog:
    """Have these answers judged, in order."""
    (log,) = eval(task(**asked), model=model_of(answers), max_connections=1)
    return log


def metrics_of(log: EvalLog) -> dict[str, float]:
    """Return the metrics of a log, by name."""
    assert log.status == "success", log.error
    return {name: metric.value for score in log.results.scores for name, metric in score.metrics.items()}


glue, shown = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), flags=re.S)
names = {"model": model_of(["I do not know."] * 20)}
exec(glue, names)
assert metrics_of(names["logs"][0])["accuracy"] == 0, "a model that knows nothing"
exec(shown, names)

# a solution in words: right ones, final answers alone, and one of each
source = synthgen.load("igsm-med-pq", params={"op": 4})
rows = source.batch(0, 12, "test").to_pylist()
asked = {"spec": "igsm-med-pq", "split": "test", "rows": 12, "params": {"op": 4}}
by_mode = {}
for mode in ("strict", "steps", "answer"):
    log = answered([row["completion"] for row in rows], mode=mode, **asked)
    by_mode[mode] = metrics_of(log)
    assert by_mode[mode]["accuracy"] == 1, (mode, log.samples[0].scores)
    log = answered([f"I get\n\n**Answer:** {row['latent']['answer']}" for row in rows], mode=mode, **asked)
    assert metrics_of(log)["accuracy"] == float(mode == "answer"), mode
wrong = [f"Answer: {(row['latent']['answer'] + 1) % 23}" for row in rows]
log = answered(wrong, **asked)
assert metrics_of(log)["accuracy"] == 0 and all(score.explanation for s in log.samples for score in s.scores.values())

log = answered([row["completion"] for row in rows], worded=True, mode="steps", **asked)
assert metrics_of(log)["accuracy"] == 1 and log.eval.metadata["worded"]
assert [sample.input for sample in log.samples] == [source.task("test").worded(row["prompt"]) for row in rows]

half = [row["completion"] if number % 2 else wrong[number] for number, row in enumerate(rows)]
metrics = metrics_of(answered(half, **asked))
assert metrics["accuracy"] == 0.5
for difficulty in {row["difficulty"] for row in rows}:
    places = [number for number, row in enumerate(rows) if row["difficulty"] == difficulty]
    share = sum(number % 2 for number in places) / len(places)
    assert abs(metrics[f"accuracy_difficulty_{difficulty}"] - share) < 1e-9, difficulty

# rows of tokens, by name; the chance is the formula's
mano = synthgen.load("mano-tiny")
rows = mano.batch(0, 30, "test_l3").to_pylist()
said = [str(row["latent"]["answer"]) for row in rows]
log = answered(said, spec="mano-tiny", split="test_l3", rows=30)
metrics = metrics_of(log)
assert metrics["accuracy"] == metrics["accuracy_difficulty_3"] == 1
assert metrics["chance"] == mano.entropy("test_l3").facts["guess_accuracy"]
guess = str(mano.entropy("test_l3").facts["guess"])
constant = metrics_of(answered([guess] * 30, spec="mano-tiny", split="test_l3", rows=30))
assert abs(constant["accuracy"] - metrics["chance"]) < 4 * (0.2 * 0.8 / 30) ** 0.5

did = "igsm-med-pq and mano-tiny on mockllm: right, wrong and half of the answers in each mode; by difficulty, chance"
glue = len([line for line in glue.splitlines() if line.strip()])
versions = {"inspect-ai": importlib.metadata.version("inspect-ai")}
print(json.dumps({"client": "inspect", "versions": versions, "glue": glue, "did": did}))

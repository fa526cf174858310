"""verifiers, of Prime Intellect: a taskset of a spec's rows, rewarded by its task's verifier; a harness that asks once.

verifiers finds a taskset by the name of a module that exports one. A file of two lines is such a module, `rows.py`:

    from synthgen.clients.verifiers import Once, Rows

    __all__ = ["Once", "Rows"]

and then `vf-eval rows --env.taskset.spec igsm-med-pq --env.agent.runtime.type subprocess ...` evaluates a model, and
trainers load it by the same name. The reward, `verified`, is the verdict's score; the metrics are `correct`, the same
by difficulty, and `chance`, what guessing gets, where the task states it.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any

from pydantic import Field

from synthgen.clients.chance import chance_of
from synthgen.clients.questions import questions
from synthgen.errors import missing
from synthgen.spec.source import Source, load
from synthgen.task.foreign import json_of
from synthgen.task.verdict import Verdict

try:
    import httpx
    import verifiers.v1 as vf
except ImportError:
    raise missing("verifiers", "synthgen.clients.verifiers") from None


class RowsConfig(vf.TasksetConfig):
    """Which rows are asked: `--env.taskset.*`."""

    spec: str = ""
    """A shipped spec's name, or the path of a TOML file."""
    split: str | None = None
    """The split; by default the first one for tests."""
    rows: int | None = None
    """How many, from its first; by default as many as it has, up to 1,000."""
    mode: str = "answer"
    """How answers are judged: answer (the final one alone), steps or strict."""
    worded: bool = False
    """Whether prompts have their rules in words, for models that never saw the data."""
    seed: int | None = None
    world: int | None = None
    params: dict[str, Any] = Field(default_factory=dict)
    """Overrides of the spec, as `synthgen.load` takes them."""


class RowData(vf.TaskData):
    """What is asked, and all that judging an answer takes."""

    difficulty: int
    answer: str
    """What the row itself says."""
    spec: str
    """The spec and its overrides, as JSON."""
    split: str
    mode: str
    chance: float | None
    """What guessing gets of such rows; None where the task does not state it."""


class Row(vf.Task[RowData, vf.State]):
    """One row as a task: its prompt, and its verifier as the reward."""

    def judged(self, trace: vf.Trace) -> Verdict:
        """Return the verdict on what a model said last."""
        data = self.data
        return _source_of(data.spec).verify(data.prompt, trace.last_reply, split=data.split, mode=data.mode)

    @vf.reward
    async def verified(self, trace: vf.Trace) -> float:
        """The share of the answer that is right."""
        return self.judged(trace).score

    @vf.metric
    async def correct(self, trace: vf.Trace) -> dict[str, float]:
        """Whether the answer is right, also as one of its difficulty, and the chance."""
        right = float(self.judged(trace).correct)
        metrics = {"correct": right, f"correct_difficulty_{self.data.difficulty}": right}
        return metrics if self.data.chance is None else {**metrics, "chance": self.data.chance}


class Rows(vf.Taskset[Row, RowsConfig]):
    """The first rows of a split. Raises SynthgenError, when loaded, for what `synthgen.load` refuses."""

    def load(self) -> Iterator[Row]:
        """Yield a task a row."""
        config = self.config
        spec = json.dumps(
            {"spec": config.spec, "seed": config.seed, "world": config.world, "params": config.params}, sort_keys=True
        )
        source = _source_of(spec)
        asked = questions(source, config.split, config.rows, config.mode, config.worded)
        chance = chance_of(source, asked.split).value
        for one in asked:
            data = RowData(
                id=f"{asked.split}/{one.id}",
                prompt=one.prompt,
                difficulty=one.difficulty,
                answer=one.completion,
                spec=spec,
                split=asked.split,
                mode=config.mode,
                chance=chance,
            )
            yield Row(data, config.task)


@functools.lru_cache(maxsize=16)
def _source_of(spec: str) -> Source:
    return load(**json_of(spec, "spec of a row"))


class OnceConfig(vf.HarnessConfig):
    """Nothing but what every harness has."""


class Once(vf.Harness[OnceConfig]):
    """Asks the model once, in this process: a row takes one prompt and one answer, and no program around them."""

    APPENDS_SYSTEM_PROMPT = True
    EXECUTES_CODE = False
    NEEDS_CONTAINER = False

    async def launch(
        self,
        ctx: Any,
        trace: vf.Trace,
        runtime: vf.Runtime,
        endpoint: str,
        secret: str,
        mcp_urls: dict[str, str],
        data: vf.TaskData,
    ) -> vf.ProgramResult:
        """Send the prompt to the endpoint that verifiers records; return how that ended."""
        system, prompt = self.resolve_text_prompt(data)
        messages = [{"role": "system", "content": system}] if system else []
        messages.append({"role": "user", "content": prompt})
        async with httpx.AsyncClient(timeout=None) as client:
            reply = await client.post(
                f"{endpoint}/chat/completions",
                headers={"Authorization": f"Bearer {secret}"},
                json={"model": ctx.model, "messages": messages},
            )
        return vf.ProgramResult(0, reply.text, "") if reply.is_success else vf.ProgramResult(1, "", reply.text)


__all__ = ["Once", "Row", "RowData", "Rows", "RowsConfig"]

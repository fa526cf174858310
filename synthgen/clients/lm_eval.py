"""lm-eval, EleutherAI's LM Evaluation Harness: a folder of tasks for any spec, and what they call.

    synthgen export lm-eval mano-tiny tasks
    lm_eval run --include_path tasks --tasks synthgen_mano-tiny_test --model hf --model_args pretrained=...

A task is a YAML file; its rows lie beside it, and `synthgen_judge.py`, which leads here. The folder can be moved. A
result has `acc`, the share of right answers, `score` where answers can be right in part, `acc_difficulty_D` for each
difficulty, and `chance`, what guessing gets, where the task states it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from synthgen.clients.chance import Chance, chance_of
from synthgen.clients.questions import Questions, asked_splits, questions
from synthgen.dataset.folder import write_assets
from synthgen.errors import SynthgenError
from synthgen.spec.source import Source, load
from synthgen.spec.spec import Spec
from synthgen.task.files import temporary_name
from synthgen.task.foreign import read_json_lines

JUDGE = "synthgen_judge"
"""The module beside the tasks."""
SPEC = "spec.toml"
MODULE = '''"""Called by lm-eval, from the YAML files beside it: their rows, and the judge of what a model answers."""

from synthgen.clients.lm_eval import Exported

_exported = Exported(__file__, mode="{mode}")
rows, judged = _exported.rows, _exported.judged
'''
LEAST_GENERATED = 256
"""Tokens that a model may answer with at least; else as many as the longest answer has characters."""


class DocumentRow(BaseModel):
    """A line of a task's rows: what lm-eval calls a document."""

    id: int
    prompt: str
    completion: str
    difficulty: int
    split: str


@dataclass(frozen=True)
class ExportedTask:
    """One task that was written: what lm-eval calls it, its split and rows, how it is judged, what guessing gets."""

    name: str
    split: str
    rows: int
    mode: str
    worded: bool
    chance: Chance

    def to_json(self) -> dict[str, Any]:
        """Return the mapping that `synthgen export lm-eval --json` prints."""
        return asdict(self)


def export_tasks(
    spec: str | Spec,
    folder: str | Path,
    splits: Sequence[str] | None = None,
    rows: int | None = None,
    mode: str = "answer",
    worded: bool = False,
) -> list[ExportedTask]:
    """Write a task for each of some splits into a new or empty folder; return them. Whole or not at all.

    splits: by default all but `train`; rows: of each split, from its first, by default as many as it has, up to 1,000;
    worded: with their rules in words, for models that never saw the data. Raises SynthgenError as `load` and
    `Questions` do, for a split that is named twice, and for a folder that holds something.
    """
    source, folder = load(spec), Path(folder)
    splits = splits or asked_splits(source)
    if twice := next((split for split in splits if list(splits).count(split) > 1), None):
        raise SynthgenError(f"--split {twice}: is given twice")
    asked = [questions(source, split, rows, mode, worded) for split in splits]
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SynthgenError(f"{folder}: is there already, and not empty; take a new folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = temporary_name(folder.parent, folder.name)
    scratch.mkdir()
    try:
        tasks = [_write_task(scratch, one) for one in asked]
        (scratch / SPEC).write_text(source.spec.to_toml(), "utf-8")
        (scratch / f"{JUDGE}.py").write_text(MODULE.format(mode=mode), "utf-8")
        write_assets(scratch, source.spec, scratch)
        scratch.replace(folder)
    except BaseException:
        shutil.rmtree(scratch)
        raise
    return tasks


def _write_task(folder: Path, asked: Questions) -> ExportedTask:
    """Write a split's rows and its YAML file."""
    source, split = asked.source, asked.split
    name = f"synthgen_{source.spec.name}_{split.replace(':', '-')}"
    rows = [DocumentRow(**one._asdict(), split=split) for one in asked]
    lines = (json.dumps(row.model_dump(), ensure_ascii=False) + "\n" for row in rows)
    _rows_file(folder, split).write_text("".join(lines), "utf-8")
    longest = max(LEAST_GENERATED, *(len(row.completion) for row in rows))
    task = ExportedTask(name, split, len(rows), asked.mode, asked.worded, chance_of(source, split))
    table = _yaml_of(task, source, longest, sorted({row.difficulty for row in rows}))
    head = f"# {' '.join(source.spec.title.split())}\n# difficulty: {source.task(split).difficulty}\n"
    calls = f"custom_dataset: !function {JUDGE}.rows\nprocess_results: !function {JUDGE}.judged\n"
    text = yaml.safe_dump(table, sort_keys=False, width=120, allow_unicode=True)
    (folder / f"{name}.yaml").write_text(head + text + calls, "utf-8")
    return task


def _yaml_of(task: ExportedTask, source: Source, longest: int, difficulties: Iterable[int]) -> dict[str, Any]:
    """Return what a task's YAML file says, but for its functions."""
    metrics = ["acc", "score", *(_by_difficulty(difficulty) for difficulty in difficulties)]
    metrics += ["chance"] * (task.chance.value is not None)
    return {
        "task": task.name,
        "test_split": task.split,
        "fewshot_split": task.split,
        "output_type": "generate_until",
        "doc_to_text": "prompt",
        "doc_to_target": "completion",
        "target_delimiter": "",
        "generation_kwargs": {"until": [], "do_sample": False, "max_gen_toks": longest},
        "metric_list": [{"metric": name, "aggregation": "mean", "higher_is_better": True} for name in metrics],
        "metadata": {
            "version": source.spec.task_class.version,
            "content_id": source.spec.content_id,
            "split": task.split,
            "mode": task.mode,
            "worded": task.worded,
            "chance": task.chance.value,
            "chance_words": task.chance.words,
            "chance_figures": dict(task.chance.figures),
        },
    }


def _by_difficulty(difficulty: int) -> str:
    return f"acc_difficulty_{difficulty}"


def _rows_file(folder: Path, split: str) -> Path:
    return folder / f"{split.replace(':', '-')}.jsonl"


class Exported:
    """What the tasks of an exported folder call: `rows` for lm-eval's `custom_dataset`, `judged` for `process_results`.

    beside: a file in the folder.
    """

    def __init__(self, beside: str, mode: str) -> None:
        self._folder, self._mode = Path(beside).parent, mode
        self._source: Source | None = None
        self._chances: dict[str, float | None] = {}

    def rows(self, split: str, **others: Any) -> Any:
        """Return a split's rows as lm-eval takes them, a `datasets.DatasetDict`; other metadata are ignored."""
        import datasets

        file = _rows_file(self._folder, split)
        lines = [row.model_dump() for _, row in read_json_lines(file, DocumentRow, "export the tasks again")]
        return datasets.DatasetDict({split: datasets.Dataset.from_list(lines)})

    def judged(self, doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
        """Return the metrics of one answer: right or not, also as that of its difficulty; its score; and the chance."""
        split = doc["split"]
        verdict = self._loaded().verify(doc["prompt"], results[0], split=split, mode=self._mode)
        right = float(verdict.correct)
        metrics = {"acc": right, "score": verdict.score, _by_difficulty(doc["difficulty"]): right}
        if split not in self._chances:
            self._chances[split] = chance_of(self._loaded(), split).value
        chance = self._chances[split]
        return metrics if chance is None else {**metrics, "chance": chance}

    def _loaded(self) -> Source:
        if self._source is None:
            self._source = load(self._folder / SPEC)
        return self._source

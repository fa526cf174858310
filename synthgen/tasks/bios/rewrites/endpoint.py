"""The endpoint: a language model asked for rewrites, with a cache on disk, and one file as the result.

    OPENAI_BASE_URL=http://localhost:8000/v1 synthgen rewrite bios-rewrite5 --model some-model --out rewrites.jsonl
    synthgen generate bios-rewrite5 --set texts=rewrites.jsonl ...

Any OpenAI-compatible one will do. The address and the key come from OPENAI_BASE_URL and OPENAI_API_KEY; the key is sent
to that address and stands nowhere else. Every answer is kept in a SQLite cache under the hash of all that was asked, so
a run that was stopped goes on where it was, and `--offline` makes the same file from the cache alone. A row whose
attempts all fail keeps its rewrite by the grammar, and the file says so.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from synthgen.errors import SynthgenError, missing
from synthgen.task.contract import Task
from synthgen.task.files import exists, replacing
from synthgen.task.foreign import Unreadable, json_of, shaped, text_of
from synthgen.tasks.bios.rewrites.reading.model_text import (
    LONGEST,
    PROMPT_VERSION,
    Request,
    RewriteJudge,
    messages,
    tidy,
)
from synthgen.tasks.bios.rewrites.task import Rewrites

REPLY_MAX = 1 << 20
"""Bytes that are read of a reply at most."""

TRIES, WAIT, WAIT_MAX = 5, 0.5, 30.0
"""How often a request is sent if the endpoint is busy or broken, the first pause in seconds, and the longest."""

BATCH = 256
"""Rows asked for at a time."""


@dataclass(frozen=True)
class Sampling:
    """What is asked of the model besides the text; part of every cache key."""

    model: str
    temperature: float = 1.0
    seed: int = 0
    max_tokens: int = 600
    attempts: int = 3


@dataclass
class RewriteReport:
    """What a run did: rows by who wrote them, answers asked for and taken from the cache, and refused ones."""

    rows: int = 0
    by_model: int = 0
    by_grammar: int = 0
    asked: int = 0
    cached: int = 0
    refused: int = 0


class _Text(BaseModel):
    """An answer."""

    text: str
    bits: float | None


class _Fault(BaseModel):
    """A reply that was none."""

    fault: str


class _Message(BaseModel):
    content: Any = None


class _Choice(BaseModel):
    message: _Message
    logprobs: Any = None


class _Reply(BaseModel):
    """What is read of an endpoint's reply."""

    choices: list[_Choice] = Field(min_length=1)


class Cache:
    """Answers by the hash of what was asked, in one SQLite file; each is committed before it is used."""

    def __init__(self, path: Path) -> None:
        self._lock, self._path = threading.Lock(), path
        if exists(path) and not path.is_file():
            raise SynthgenError(f"{path}: is no file, so no cache of answers")
        try:
            self._base = sqlite3.connect(path, check_same_thread=False)
            self._base.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL)")
            self._base.commit()
        except sqlite3.Error as error:
            raise self._damaged(error) from None

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the answer under a key, or None. Raises SynthgenError for a damaged file."""
        try:
            with self._lock:
                row = self._base.execute("SELECT CAST(answer AS TEXT) FROM answers WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            raise self._damaged(error) from None
        if row is None:
            return None
        where = f"{self._path}: {key[:16]}"
        answer: _Fault | _Text = shaped(_Fault | _Text, json_of(str(row[0]), where), where, "remove the file")
        return answer.model_dump()

    def put(self, key: str, answer: dict[str, Any]) -> None:
        """Keep an answer. Raises SynthgenError where it cannot be kept."""
        try:
            with self._lock, self._base:
                self._base.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (key, json.dumps(answer)))
        except sqlite3.Error as error:
            raise self._damaged(error) from None

    def _damaged(self, error: sqlite3.Error) -> SynthgenError:
        return SynthgenError(f"{self._path}: cannot be used as a cache of answers: {error}; remove it, or name another")

    def close(self) -> None:
        """Close the file."""
        self._base.close()


class Endpoint:
    """An OpenAI-compatible chat endpoint, by its environment."""

    def __init__(self, timeout: float = 60.0) -> None:
        try:
            import httpx2
        except ImportError:
            raise missing("rewrite", "`synthgen rewrite`") from None
        base, key = os.environ.get("OPENAI_BASE_URL"), os.environ.get("OPENAI_API_KEY")
        if not base:
            raise SynthgenError("OPENAI_BASE_URL is not set: give the endpoint's address, such as http://host:8000/v1")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._errors = (httpx2.HTTPError, Unreadable, ValueError, KeyError, TypeError, OverflowError)
        self._client = httpx2.Client(base_url=base, headers=headers, timeout=timeout)

    def ask(self, sampling: Sampling, chat: list[dict[str, str]], seed: int) -> dict[str, Any]:
        """Return {"text", "bits"} of an answer, or {"fault"} of a reply that is none.

        Raises SynthgenError if the endpoint refuses the request or stays broken for TRIES tries.
        """
        body = {
            "model": sampling.model,
            "messages": chat,
            "temperature": sampling.temperature,
            "seed": seed,
            "max_tokens": sampling.max_tokens,
            "logprobs": True,
        }
        problem, wait = "", WAIT
        for attempt in range(TRIES):
            if attempt:
                time.sleep(min(wait, WAIT_MAX))
                wait *= 2
            try:
                with self._client.stream("POST", "chat/completions", json=body) as reply:
                    if reply.status_code == 429 or reply.status_code >= 500:
                        problem = f"HTTP {reply.status_code}"
                        with contextlib.suppress(ValueError):  # a date instead of seconds: our own pause is as good
                            wait = max(wait, float(reply.headers.get("retry-after", 0)))
                        continue
                    if reply.status_code >= 400:
                        raise SynthgenError(f"the endpoint refuses the request: HTTP {reply.status_code}")
                    data = b""
                    for chunk in reply.iter_bytes():
                        data += chunk
                        if len(data) > REPLY_MAX:
                            return {"fault": f"a reply of more than {REPLY_MAX:,} bytes"}
                reply_read: _Reply = shaped(_Reply, json_of(text_of(data, "its reply"), "its reply"), "its reply")
                choice = reply_read.choices[0]
                text = choice.message.content
                if not isinstance(text, str):
                    return {"fault": "no text (the model may have refused)"}
                if len(text) > 4 * LONGEST:
                    return {"fault": f"a text of {len(text):,} characters"}
                return {"text": text, "bits": _bits(choice.logprobs)}
            except self._errors as error:
                problem = type(error).__name__
        raise SynthgenError(f"the endpoint gave no usable reply in {TRIES} tries: {problem}")


def _bits(logprobs: Any) -> float | None:
    """Return -log2 of the probability of an answer, if the endpoint tells its tokens' log-probabilities."""
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(tokens, list) or not tokens:
        return None
    nats = -math.fsum(float(token["logprob"]) for token in tokens)
    return nats / math.log(2) if math.isfinite(nats) and nats >= 0 else None


def rewrite(
    task: Task,
    content_id: str,
    out: Path,
    sampling: Sampling,
    *,
    rows: int | None = None,
    cache: Path | None = None,
    offline: bool = False,
    parallel: int = 8,
    on_rows: Callable[[int], None] | None = None,
) -> RewriteReport:
    """Write the file of rewrites of a task's first `rows` rows (default: all); return what was done.

    `content_id` is that of the task's spec, for the file to say. Raises SynthgenError for another task than `rewrites`,
    an endless one without `rows`, an endpoint that stays broken (answers so far are in the cache), and with `offline`
    for an answer that the cache lacks.
    """
    if not isinstance(task, Rewrites) or task.params.texts:
        raise SynthgenError(f"task {task.name!r}: rewrites are made for specs of the task `rewrites` without texts")
    number = rows if rows is not None else task.rows_max
    if number is None or not 1 <= number <= (task.rows_max or number):
        raise SynthgenError(f"--rows {rows}: give a number of rows from 1 to {task.rows_max or 'as many as you like'}")
    report, judge, endpoint = RewriteReport(), RewriteJudge(task.lists), None if offline else Endpoint()
    answers = Cache(cache or out.with_suffix(".cache"))
    try:
        with ThreadPoolExecutor(parallel) as pool, replacing(out, only_writer=True) as file:
            about = {"spec": content_id, "prompt": PROMPT_VERSION, **sampling.__dict__}
            file.write(json.dumps({"rewrites": about}).encode() + b"\n")
            for start in range(0, number, BATCH):
                requests = list(task.requests(start, min(start + BATCH, number)))
                for line in pool.map(lambda r: _one(r, sampling, judge, answers, endpoint, report), requests):
                    file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
                if on_rows:
                    on_rows(len(requests))
    finally:
        answers.close()
    return report


_REPORTING = threading.Lock()


def _one(
    request: Request,
    sampling: Sampling,
    judge: RewriteJudge,
    answers: Cache,
    endpoint: Endpoint | None,
    report: RewriteReport,
) -> dict[str, Any]:
    """Return a row's line of the file: the first accepted answer, or null for the grammar's own rewrite."""
    line: dict[str, Any] = {"row": request.row, "text": None, "bits": None, "attempts": sampling.attempts}
    counts = {"rows": 1, "by_grammar": 1}
    for attempt, answer, faults in _answers(request, sampling, judge, answers, endpoint, counts):
        if not faults:
            line |= {"text": tidy(answer["text"]), "bits": answer["bits"], "attempts": attempt + 1}
            counts |= {"by_grammar": 0, "by_model": 1}
            break
        counts["refused"] = counts.get("refused", 0) + 1
    with _REPORTING:
        for name, count in counts.items():
            setattr(report, name, getattr(report, name) + count)
    return line


def _answers(
    request: Request,
    sampling: Sampling,
    judge: RewriteJudge,
    answers: Cache,
    endpoint: Endpoint | None,
    counts: dict[str, int],
) -> Iterator[tuple[int, dict[str, Any], tuple[str, ...]]]:
    faults: tuple[str, ...] = ()
    for attempt in range(sampling.attempts):
        chat, seed = messages(request, faults), sampling.seed + attempt
        asked = [PROMPT_VERSION, sampling.model, sampling.temperature, sampling.max_tokens, seed, request.row, chat]
        key = hashlib.sha256(json.dumps(asked).encode()).hexdigest()
        answer = answers.get(key)
        if answer is None and endpoint is None:
            raise SynthgenError(f"row {request.row:,}: the cache has no answer; run without --offline to ask for it")
        counts["asked" if answer is None else "cached"] = counts.get("asked" if answer is None else "cached", 0) + 1
        if answer is None:
            assert endpoint is not None
            answer = endpoint.ask(sampling, chat, seed)
            answers.put(key, answer)
        faults = (answer["fault"],) if "fault" in answer else judge.faults(tidy(answer["text"]), request)
        yield attempt, answer, faults

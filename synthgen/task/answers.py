"""Answers: what a model said, as text or token ids, and how much of it is read. The one guard before every judge.

A trainer hands over what it has: text, a list of ids, an array or tensor of them, or a conversation. `judge_answer`
turns that into text or plain ids, refuses what is longer than any right answer needs, and asks the task, in one of the
modes of `synthgen.task.judging`. So a judge is fed what it can read, and the work of a reward is bounded by the prompt,
whatever the answer says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from synthgen.errors import SynthgenError, nearest
from synthgen.task.ids import ids_of, kind_of, wrong_kind
from synthgen.task.judging import ANSWER, MODES, STEPS, STRICT
from synthgen.task.markup import thoughtless
from synthgen.task.verdict import UNREADABLE, Verdict

if TYPE_CHECKING:
    from synthgen.task.contract import Task

ROOM = 4
"""How many times as long as the longest right answer one may be: what is taken back takes room too."""
MOST_CHARACTERS, MOST_TOKENS = 10_000, 2_000
"""Answers up to these are read, however short the right ones are."""
MOST_UNTOLD = 1_000_000
"""Characters or tokens that are read where a task does not tell how long right answers are."""


def judge_answer(task: Task, prompt: Any, completion: Any, mode: str = STRICT) -> Verdict:
    """Judge a completion of a prompt. What it says raises nothing.

    Raises WrongKind for what nobody can read, SynthgenError for a mode that the task has not.
    """
    check_mode(task, mode)
    asked, said = _bare(prompt, "prompt"), _bare(completion, "completion")
    question = asked if isinstance(asked, str) else ids_of(asked, "the prompt")
    unit = "characters" if isinstance(said, str) else "tokens"
    if mode != STRICT and isinstance(said, str) and len(said) <= MOST_UNTOLD:
        said = thoughtless(said)
    least = MOST_CHARACTERS if isinstance(said, str) else MOST_TOKENS  # nobody asks the task about what is as short
    if len(said) > least and len(said) > (most := longest_read(task, question, isinstance(said, str))):
        reason = f"format: the completion has {len(said):,} {unit}; of this prompt's {most:,} are read"
        return replace(Verdict.wrong(reason, 0), mode=mode)
    answer = said if isinstance(said, str) else _ended(task, ids_of(said, "the completion"))
    try:
        verdict = task.judge_as(_read(task, question), answer, mode)
    except UNREADABLE as error:
        verdict = Verdict.wrong(f"format: cannot be read: {str(error) or type(error).__name__}", 0)
    return verdict if verdict.mode == mode else replace(verdict, mode=mode)


def prompt_of(row: Mapping[str, Any]) -> Any:
    """Return the prompt of a row: its column, or the ids before the first that is trained on, or else before an answer.

    Raises SynthgenError for a row without one.
    """
    if "prompt" in row:
        return row["prompt"]
    if "completion_mask" in row:
        return row["input_ids"][: row["completion_mask"].index(True)]
    answers = ((row.get("latent") or {}).get("spans") or {}).get("answer")
    if answers and "input_ids" in row:
        return row["input_ids"][: answers[0]["start"]]
    raise SynthgenError("these rows have no prompts: their text is one document")


def check_mode(task: Task, mode: str) -> None:
    """Raise SynthgenError for a mode that there is not, or that a task has not."""
    if mode not in MODES:
        raise SynthgenError(f"mode {mode!r}: there is {', '.join(MODES)}{nearest(mode, MODES)}")
    if mode not in task.modes:
        lacks = "no steps to judge" if ANSWER in task.modes or mode == STEPS else "no final answer apart from its text"
        raise SynthgenError(f"mode {mode!r}: task {task.name!r} has {lacks}; its modes are {', '.join(task.modes)}")


def check_pairs(prompts: Any, completions: Any) -> None:
    """Raise TypeError for what is no list of prompts or completions, ValueError for different numbers of them."""
    for name, values in (("prompts", prompts), ("completions", completions)):
        if isinstance(values, str | Mapping):
            raise TypeError(f"{name} is a {type(values).__name__}: give a list, one entry an answer")
    if len(prompts) != len(completions):
        raise ValueError(f"{len(prompts):,} prompts and {len(completions):,} completions: give one for each")


def _read(task: Task, question: str | list[int]) -> Any:
    """Return a prompt as the task's judge takes it: of token rows ids, where it came in their names."""
    return task.encoded(question) if isinstance(question, str) and task.vocab is not None else question


def _ended(task: Task, ids: list[int]) -> list[int]:
    """Return token ids without the marks behind them that a row's end and padding have."""
    marks = {task.vocab.eos, task.vocab.pad} if task.vocab else set()
    end = len(ids)
    while end and ids[end - 1] in marks:
        end -= 1
    return ids[:end]


def longest_read(task: Task, prompt: str | list[int], text: bool) -> int:
    """Return how many characters of an answer that is a text, or tokens of another, are read."""
    longest, least = longest_answer(task, prompt), MOST_CHARACTERS if text else MOST_TOKENS
    return MOST_UNTOLD if longest is None else max(least, ROOM * longest)


def longest_answer(task: Task, prompt: str | list[int]) -> int | None:
    """Return what the task says of the longest right answer; 0 for a prompt that it cannot read."""
    try:
        return task.longest_answer(_read(task, prompt))
    except UNREADABLE:  # its judge says what is wrong with the prompt
        return 0


def _bare(said: Any, part: str) -> Any:
    """Return a text or what must be ids, unread; of a list of messages the last one's content, as TRL has them."""
    if isinstance(said, str):
        return said
    if isinstance(said, list | tuple) and said and all(isinstance(message, Mapping) for message in said):
        content = _content(said[-1])
        if not isinstance(content, str):
            raise wrong_kind(f"the {part}", f"a list of messages whose last one has {kind_of(content)} as its content")
        return content
    if isinstance(said, bytes | bytearray | memoryview):  # however long: no answer, so no long one either
        raise wrong_kind(f"the {part}", kind_of(said))
    if hasattr(said, "__len__") and (isinstance(said, Sequence) or hasattr(said, "tolist")):
        try:
            len(said)
        except TypeError:  # an array of no dimension
            raise wrong_kind(f"the {part}", kind_of(said)) from None
        return said
    raise wrong_kind(f"the {part}", kind_of(said))


def _content(message: Mapping[str, Any]) -> Any:
    """Return what a message says: its parts of text in one, nothing where it calls a tool, or else its content."""
    content = message.get("content")
    if content is None and message.get("tool_calls"):
        return ""
    if isinstance(content, list | tuple) and content and all(isinstance(part, Mapping) for part in content):
        texts = [part.get("text") for part in content if part.get("type") == "text"]
        return "".join(texts) if all(isinstance(text, str) for text in texts) else content
    return content

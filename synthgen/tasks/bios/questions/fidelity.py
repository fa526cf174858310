"""Where the questions of the papers (Parts 3.1 and 3.2) and these differ. No questions are released."""

from __future__ import annotations

from typing import Any

from synthgen.task.fidelity import FIDELITY, PAPER, Deviation
from synthgen.tasks.bios.questions.forms import chosen_forms
from synthgen.tasks.bios.world.fidelity import WORLD


def _manipulates(params: Any) -> bool:
    return any(form.family != "extract" for form in chosen_forms(params.forms))


def _cue(params: Any) -> str:
    if not _manipulates(params):
        return ""
    return f'the words "{params.last_words}"' if params.last_words else PAPER


def _control(params: Any) -> str:
    tokens = {"a hint": params.hint_token, "the answer at once": params.direct_token}
    named = ", ".join(f'"{token}" for {what}' for what, token in tokens.items() if token)
    before = f', before "{params.last_words}"' * bool(params.last_words)
    return named and f"a word behind the question{before}: {named}"


def _hints(params: Any) -> str:
    if not params.hint:
        return ""
    return PAPER if params.fidelity == "paper" else 'one semicolon more, "October; September; No."'


def _ranks(params: Any) -> str:
    counted = any(form.number == "major" for form in chosen_forms(params.forms))
    drawn = {"drawn": "a permutation drawn for the world", "listed": "their order in the list"}
    return f'{drawn[params.major_ranks]}, called the "rank" of a major' if counted else ""


DEVIATIONS = (
    *WORLD,
    Deviation(
        "the wording of questions",
        'such as "Which university did X study?"',
        lambda params: "our own, after the same forms",
        decided_by=("lists", "paraphrases"),
    ),
    Deviation("the end of prompts of Part 3.2", "nothing behind the question", _cue, decided_by=("cue", FIDELITY)),
    Deviation(
        "what tells whether a hint is wanted",
        "special tokens",
        _control,
        decided_by=("hint_token", "direct_token"),
    ),
    Deviation(
        "what parts a hint from its answer",
        'a full stop, "October; September. No."',
        _hints,
        decided_by=(FIDELITY,),
    ),
    Deviation(
        "the luckiness of majors",
        "a fixed table, of which three entries are printed",
        _ranks,
        decided_by=("major_ranks",),
    ),
)

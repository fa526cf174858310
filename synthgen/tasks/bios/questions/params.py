"""The params of the task `qa`: which questions are asked, about whom, and how."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from synthgen.task.written import NEWER
from synthgen.tasks.bios.questions.forms import EXTRACT, chosen_forms
from synthgen.tasks.bios.world.population import WorldParams


class QuestionsParams(WorldParams):
    """Params of the task `qa`. Pronouns are not asked for: they are the documents' and change nothing here."""

    forms: tuple[str, ...] = Field(
        ("extract",), min_length=1, description="forms of question (extract.major), or families of them (extract)"
    )
    weights: tuple[int, ...] = Field((), description="how often each form is drawn, in proportion; by default alike")
    questions: Literal["drawn", "each"] = Field(
        "drawn",
        description="drawn: person and form drawn anew for each row, for ever; each: everybody asked for every form "
        "once, in keyed order (where a form needs two people, the second is drawn)",
    )
    group: Literal["train", "test", "all"] = Field("train", description="which part of the people is asked about")
    train_people: int | None = Field(None, ge=0, description="people in the train group, the first; default: half")
    asked: int | None = Field(None, ge=1, description="ask about so many of the group, the first; default: all")
    hint: float = Field(0.0, ge=0, le=1, description="probability that facts are stated before the answer")
    hint_token: str = Field("", description="stands in the prompt where a hint is to follow")
    direct_token: str = Field("", description="stands in the prompt where the answer is to follow at once")
    cue: str = Field(
        "Answer:",
        description="the last words of every prompt; with fidelity = 'paper' of extraction alone",
    )
    fidelity: Annotated[Literal["ours", "paper"], NEWER] = Field(
        "ours",
        description="paper: questions of Part 3.2 end without a cue, and a full stop parts a hint from its answer "
        '("October; September. No."); ours: a cue, and semicolons between all parts',
    )
    paraphrases: int = Field(1, ge=1, description="wordings of each form, drawn from; the first ones of the file")
    opening: Literal["any", "name"] = Field("any", description="name: only wordings that begin with the person's name")
    major_ranks: Literal["drawn", "listed"] = Field(
        "drawn", description="majors are ranked by a permutation drawn for the world, or as they stand in the list"
    )

    @property
    def last_words(self) -> str:
        """What a prompt ends with before its tokens of control: the cue, or nothing (Part 3.2, by the paper)."""
        extracts = {form.family for form in chosen_forms(self.forms)} == {EXTRACT}
        return self.cue if extracts or self.fidelity == "ours" else ""

    @field_validator("forms")
    @classmethod
    def _known(cls, forms: tuple[str, ...]) -> tuple[str, ...]:
        chosen_forms(forms)
        return forms

    @field_validator("hint")
    @classmethod
    def _decimal(cls, hint: float) -> float:
        if Fraction(str(hint)).denominator > 10**6:
            raise ValueError("give at most six decimals: the coin is an exact fraction")
        return hint

    @field_validator("hint_token", "direct_token", "cue")
    @classmethod
    def _tight(cls, text: str) -> str:
        if text != text.strip():
            raise ValueError("no space around it: one is put between the parts of a prompt")
        return text

    @model_validator(mode="after")
    def _fit_together(self) -> QuestionsParams:
        forms = chosen_forms(self.forms)
        if self.weights and (len(self.weights) != len(forms) or min(self.weights) < 1 or sum(self.weights) >= 2**31):
            keys = ", ".join(form.key for form in forms)
            raise ValueError(f"weights = {list(self.weights)}: need a whole number >= 1 for each of {keys}")
        if self.weights and self.questions == "each":
            raise ValueError("weights are for questions = 'drawn': with 'each', all forms are asked equally often")
        without = [form.key for form in forms if not form.hint]
        if self.hint and without:
            raise ValueError(f"hint = {self.hint}: {without[0]} has no fact to state before its answer")
        families = {form.family for form in forms}
        if self.fidelity == "paper" and EXTRACT in families and len(families) > 1:
            raise ValueError(
                "fidelity = 'paper': extraction ends with a cue, other forms do not: ask for them in two specs"
            )
        if self.fidelity == "paper" and EXTRACT not in families and self.cue != "Answer:":
            raise ValueError(f"cue = {self.cue!r}: these questions end without one, as fidelity = 'paper' says")
        if self.hint_token and self.hint_token == self.direct_token:
            raise ValueError("hint_token and direct_token must differ")
        return self

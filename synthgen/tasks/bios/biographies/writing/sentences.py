"""Sentences: templates, inflected for every pronoun and reference, as sequences of phrase numbers.

The little language of the templates is told in `lists/templates.toml`. A sentence is known in 3 x pronouns forms: about
somebody by full name, by pronoun, or as "the person", who is named later.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from synthgen.errors import SynthgenError
from synthgen.task.phrases import PhraseTable

PRONOUNS = {
    "he": {"he": "he", "his": "his", "him": "him", "himself": "himself"},
    "she": {"he": "she", "his": "her", "him": "her", "himself": "herself"},
    "they": {"he": "they", "his": "their", "him": "them", "himself": "themselves"},
}
"""The forms of each pronoun, by the name they have in templates."""

VALUE, NAME = -1, -2
"""Pieces of a sentence that a row fills in."""

BY_NAME, BY_PRONOUN, BY_PERSON = 0, 1, 2
"""How a sentence refers to its person."""

REFERENCES = 3

CLOSING = "The name of this person is {S}."
"""The sentence that names the person at the end of a reversed biography (Part 3.2's reverse6)."""


@dataclass(frozen=True)
class Sentences:
    """All forms of all templates; form f is pieces[starts[f] : starts[f + 1]].

    Template t of an attribute, pronoun p and reference r have form ((first[attribute] + t) * pronouns + p) * 3 + r; the
    last form of all is the closing sentence.
    """

    pieces: np.ndarray  # (total,) int32: phrase numbers, VALUE or NAME
    starts: np.ndarray  # (forms + 1,) int64
    first: np.ndarray  # (attributes,) int64: the number of an attribute's first template
    counts: np.ndarray  # (attributes,) int64: templates of an attribute
    pronouns: int

    @property
    def longest(self) -> int:
        """The most pieces of any form."""
        return int(np.diff(self.starts).max())


def compile_sentences(
    templates: dict[str, tuple[str, ...]], pronouns: tuple[str, ...], table: PhraseTable
) -> Sentences:
    """Compile templates by attribute; their phrases are added to `table`."""
    pieces: list[int] = []
    starts = [0]
    forms = [
        render(template, pronoun, reference)
        for entries in templates.values()
        for template in entries
        for pronoun in pronouns
        for reference in range(REFERENCES)
    ]
    for form in [*forms, render(CLOSING, pronouns[0], BY_NAME)]:
        pieces += [piece if isinstance(piece, int) else table.add(piece) for piece in form]
        starts.append(len(pieces))
    counts = np.array([len(entries) for entries in templates.values()], np.int64)
    first = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
    return Sentences(np.array(pieces, np.int32), np.array(starts, np.int64), first, counts, len(pronouns))


def render(template: str, pronoun: str, reference: int) -> list[str | int]:
    """Return one form of a template: literal texts, VALUE and NAME. Raises SynthgenError for an unknown marker.

    >>> render("On {v}, {S} {was|were} born.", "they", BY_PRONOUN)
    ['On ', -1, ', they were born.']
    """
    forms = PRONOUNS[pronoun]
    plural = pronoun == "they"
    pieces: list[str | int] = []

    def say(text: str) -> None:
        if pieces and isinstance(pieces[-1], str):
            pieces[-1] += text
        elif text:
            pieces.append(text)

    def refer(form: str) -> None:
        text = forms[form]
        say(text if pieces else text.capitalize())

    for marker, literal in re.findall(r"\{([^}]*)\}|([^{]+)", template):
        if literal:
            say(literal)
        elif marker == "v":
            pieces.append(VALUE)
        elif marker in ("S", "S's", "O"):
            if reference == BY_NAME:
                pieces.append(NAME)
                say("'s" if marker == "S's" else "")
            elif reference == BY_PERSON:
                say(("the person" if pieces else "The person") + ("'s" if marker == "S's" else ""))
            else:
                refer({"S": "he", "S's": "his", "O": "him"}[marker])
        elif marker in forms:
            refer(marker)
        elif "|" in marker:
            follows_pronoun = marker.startswith("he:")
            singular_form, plural_form = marker.removeprefix("he:").split("|", 1)
            say(plural_form if plural and (follows_pronoun or reference == BY_PRONOUN) else singular_form)
        else:
            raise SynthgenError(f"template {template!r}: unknown marker {{{marker}}}")
    return pieces


def shows_pronoun(template: str) -> bool:
    """Say whether a sentence about somebody by full name still shows the pronoun."""
    return render(template, "he", BY_NAME) != render(template, "she", BY_NAME)

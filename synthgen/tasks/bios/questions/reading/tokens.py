"""Tokens: compact questions put into words again, so that one judge reads both."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from synthgen.task.ids import ids_of
from synthgen.tasks.bios.questions.compact import CONTROLS, QuestionVocab
from synthgen.tasks.bios.questions.forms import Form


class CompactScribe:
    """Writes compact rows out as text, from the vocabulary and the wordings: what one then reads is the text."""

    def __init__(
        self,
        vocab: QuestionVocab,
        forms: Sequence[Form],
        questions: Sequence[Sequence[str]],
        everything: Mapping[str, Sequence[str]],
        endings: Sequence[str],
        controls: Sequence[bool],
        parted: str,
    ) -> None:
        """`parted`: what stands between a hint and its answer, in words."""
        self._vocab, self._endings, self._controls, self._parted = vocab, endings, controls, parted
        self._kinds = sorted(((first, kind) for kind, (first, _) in vocab.blocks.items()), reverse=True)
        self._wordings = {
            f"<{form.key} {everything[form.key].index(wording)}>": (form, wording)
            for form, wordings in zip(forms, questions, strict=True)
            for wording in wordings
        }

    def _say(self, token: int) -> tuple[str, str]:
        """Return the kind and the text of an id. Raises ValueError if it has no place in a question."""
        for first, kind in self._kinds:
            if first <= token:
                texts = self._vocab.blocks[kind][1]
                if token - first < len(texts):
                    return kind, texts[token - first]
                break
        raise ValueError(f"id {token} has no place in a question")

    def row(self, ids: list[int], mask: list[bool]) -> tuple[str, str, dict[str, list[tuple[int, int]]]]:
        """Return a row's prompt and completion as text, and its spans in tokens. Raises ValueError on junk."""
        cut = mask.index(True)
        if mask != [place >= cut for place in range(len(ids))]:
            raise ValueError("the completion mask does not begin once and last to the end")
        form, prompt, spans = self.prompt(ids[:cut])
        completion, behind = self.completion(form, ids[cut:])
        return (
            prompt,
            completion,
            spans | {span_kind: [(a + cut, b + cut) for a, b in places] for span_kind, places in behind.items()},
        )

    def prompt(self, ids: Sequence[int]) -> tuple[Form, str, dict[str, list[tuple[int, int]]]]:
        """Return a prompt's form, its text, and its spans in tokens. Raises ValueError on junk."""
        said = [self._say(token) for token in ids_of(ids)]
        places = [place for place, (kind, _) in enumerate(said) if kind == "question"]
        if len(places) != 1 or said[places[0]][1] not in self._wordings:
            raise ValueError("the prompt has no token of a question that is asked here")
        form, wording = self._wordings[said[places[0]][1]]
        spans: dict[str, list[tuple[int, int]]] = {"name": [], "given": []}
        control = None
        if said[-1][0] == "control":
            control = CONTROLS.index(said.pop()[1])
        at = 0
        text = wording
        for place, marker in enumerate(re.findall(r"\{([^}]*)\}", wording)):
            if place == int(wording.startswith("{")):
                at = self._expect_question(said, at)
            part, stop = self._fact("full" if marker in ("A", "B") else marker, said, at)
            spans["name" if marker in ("A", "B") else "given"].append((at, stop))
            text, at = text.replace("{" + marker + "}", part), stop
        if at in places:
            at = self._expect_question(said, at)
        if at != len(said):
            raise ValueError("tokens stand behind the question")
        hinted = [number for number, used in enumerate(self._controls) if used]
        wanted = {None} if not hinted else ({0, 1} if len(hinted) == 2 else {hinted[0], None})
        if control not in wanted:
            raise ValueError("the prompt does not end with a control token of this spec")
        ending = next(n for n in (0, 1) if (n if self._controls[n] else None) == control)
        return form, text + self._endings[ending], spans

    def _expect_question(self, said: Sequence[tuple[str, str]], at: int) -> int:
        if at >= len(said) or said[at][0] != "question":
            raise ValueError(f"token {at} is not the question's")
        return at + 1

    def _fact(self, fact: str, said: Sequence[tuple[str, str]], at: int) -> tuple[str, int]:
        """Return the text of a fact that begins at token `at`, and where it ends."""
        kinds: Sequence[tuple[str, ...]] = {
            "full": (("first_",), ("middle_",), ("last",)),
            "first": (("first_",),),
            "birth_date": tuple((kind,) for kind in self._vocab.date),
            "result": (("verdict", "number"),),
        }.get(fact, ((fact,),))
        pieces = said[at : at + len(kinds)]
        if len(pieces) < len(kinds) or any(
            kind not in allowed for (kind, _), allowed in zip(pieces, kinds, strict=True)
        ):
            raise ValueError(f"no {fact} at token {at}")
        texts = [text for _, text in pieces]
        if fact == "birth_date" and len(texts) == 3:
            return f"{texts[0]} {texts[1]}, {texts[2]}", at + 3
        return " ".join(texts), at + len(kinds)

    def completion(self, form: Form, ids: Sequence[int]) -> tuple[str, dict[str, list[tuple[int, int]]]]:
        """Return a completion's text, and its spans in tokens from its own start. Raises ValueError on junk."""
        said = [self._say(token) for token in ids_of(ids)]
        hints = [(fact, "hint") for _ in range(1 + form.pair) for fact in form.hint]
        answers = [(fact, "answer") for fact in form.answer]
        width: Callable[[str], int] = lambda f: {"full": 3, "birth_date": len(self._vocab.date)}.get(f, 1)  # noqa: E731
        plan = answers if len(said) == sum(width(fact) for fact, _ in answers) else hints + answers
        spans: dict[str, list[tuple[int, int]]] = {"hint": [], "answer": []}
        parts: dict[str, list[str]] = {"hint": [], "answer": []}
        at = 0
        for fact, kind in plan:
            part, stop = self._fact(fact, said, at)
            spans[kind].append((at, stop))
            parts[kind].append(part)
            at = stop
        if at != len(said):
            raise ValueError("tokens stand behind the answer")
        told = "; ".join(parts["hint"]) + self._parted if parts["hint"] else ""
        return f" {told}{'; '.join(parts['answer'])}.", spans

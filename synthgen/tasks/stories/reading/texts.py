"""Texts of stories taken apart, by the sentences of their pack alone."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from synthgen.tasks.stories.packs import BACK, GIVEN, KINDS, MANY, ONE, QUESTION, STEP, Pack, capital, pack_of
from synthgen.tasks.stories.reading.stories import Line, ParsedStory, Sentence

_BETWEEN = re.compile(r"(?<=[.?]) ")


class PackReader:
    """Reads the sentences of one pack: each is of one kind at most, and says one thing."""

    def __init__(self, pack: Pack, names: int, modulus: int, wordings: int) -> None:
        self.pack = pack
        self._things = {thing: name for name, thing in enumerate(pack.things[:names])}
        self._things |= {capital(thing): name for thing, name in self._things.items()}
        self._amounts = {pack.amount(value): value for value in range(modulus)}
        self._more = {pack.more(value): value for value in range(1, modulus)}
        self._wordings, self._modulus = wordings, modulus
        self.rule = pack.rule(modulus)
        self._forms = {kind: [re.compile(form) for form in self._patterns(kind)] for kind in KINDS}

    def _patterns(self, kind: str) -> Iterator[str]:
        low = "|".join(map(re.escape, sorted(self.pack.things, key=len, reverse=True)))
        high = "|".join(map(re.escape, sorted(map(capital, self.pack.things), key=len, reverse=True)))
        several = f"(?:(?:{low}), )?(?:{low}) and (?:{low})" if kind == MANY else low
        numbers = {name: "|".join(map(re.escape, table)) for name, table in self._numbers.items()}
        slots = {"{thing}": f"(?P<thing>{low})", "{Thing}": f"(?P<thing>{high})", "{things}": f"(?P<things>{several})"}
        slots |= {f"{{{name}}}": f"(?P<{name}>{table or '(?!)'})" for name, table in numbers.items()}
        for wording in range(min(self._wordings, len(self.pack.sentences.of(kind)))):
            pieces = self.pack.pieces(kind, wording)
            yield "".join(slots.get(piece, re.escape(piece)) for piece in pieces)

    @property
    def _numbers(self) -> dict[str, dict[str, int]]:
        return {"amount": self._amounts, "more": self._more}

    def name(self, thing: str) -> int:
        """Return the number of a thing's name. Raises ValueError for none that stories draw from."""
        if thing not in self._things:
            raise ValueError(f"unknown: {thing!r} is none of the things that stories speak of")
        return self._things[thing]

    def match(self, sentence: str, kinds: tuple[str, ...]) -> tuple[str, re.Match[str]]:
        """Return the kind of a sentence, one of some. Raises ValueError for what is none of them."""
        for kind in kinds:
            for form in self._forms[kind]:
                if match := form.fullmatch(sentence):
                    return kind, match
        raise ValueError(f"format: {sentence[:80]!r} is no {' or '.join(kinds)} of the pack {self.pack.name}")

    def line(self, sentence: str) -> tuple[int, Line]:
        """Return the thing that a line is about, and what it says. Raises ValueError for what is no line."""
        kind, match = self.match(sentence, (GIVEN, ONE, MANY))
        said = match.groupdict()
        parents = [] if kind == GIVEN else re.split(", | and ", said["things"])
        number = self._amounts.get(said.get("amount") or "", 0) or self._more.get(said.get("more") or "", 0)
        return self.name(said["thing"]), Line(tuple(map(self.name, parents)), number)

    def answer(self, sentence: str) -> Sentence:
        """Return what a sentence of a solution says. Raises ValueError for what is none."""
        kind, match = self.match(sentence, (STEP, BACK))
        said = match.groupdict()
        return Sentence(self.name(said["thing"]), self._amounts.get(said.get("amount") or "", 0), kind == BACK)

    def asked(self, sentence: str) -> int:
        """Return the thing that a question asks for. Raises ValueError for what is no question."""
        return self.name(self.match(sentence, (QUESTION,))[1]["thing"])

    def answer_place(self, sentence: str) -> tuple[int, int]:
        """Return where the amount of a step stands in it."""
        return self.match(sentence, (STEP,))[1].span("amount")


@functools.lru_cache(maxsize=256)
def reader_of(pack: str, order: bool, names: int, modulus: int, wordings: int) -> PackReader:
    """Return the reader of a pack."""
    return PackReader(pack_of(pack, order), names, modulus, wordings)


class StoryReader:
    """Reads stories of some packs."""

    def __init__(self, packs: tuple[str, ...], names: int, modulus: int, wordings: int) -> None:
        self._readers = [reader_of(pack, modulus == 1, names, modulus, wordings) for pack in packs]
        self._modulus = modulus

    def of_pack(self, name: str) -> PackReader:
        """Return the reader of a pack."""
        return next(reader for reader in self._readers if reader.pack.name == name)

    def prompt(self, prompt: str) -> ParsedStory:
        """Return what a prompt says. Raises ValueError for what is none."""
        sentences = _split(prompt)
        reader = self._asker(sentences[-1])
        rule = reader.rule
        if not prompt.startswith(rule):
            raise ValueError(f"format: a story of the pack {reader.pack.name} begins with {rule.strip()!r}")
        sentences = sentences[bool(rule) :]
        story = ParsedStory(reader.pack.name, query=reader.asked(sentences[-1]))
        for sentence in sentences[:-1]:
            name, line = reader.line(sentence)
            if name in story.lines:
                raise ValueError(f"two lines speak of {reader.pack.things[name]}")
            if len(set(line.parents)) < len(line.parents):
                raise ValueError(f"a line names one thing twice: {sentence[:80]}")
            story.lines[name] = line
        named = {parent for line in story.lines.values() for parent in line.parents} | {story.query}
        if lost := named - set(story.lines):
            raise ValueError(f"no line speaks of {reader.pack.things[min(lost)]}")
        return story

    def _asker(self, question: str) -> PackReader:
        for reader in self._readers:
            try:
                reader.asked(question)
            except ValueError:
                continue
            return reader
        raise ValueError(f"format: {question[:80]!r} is no question of {', '.join(r.pack.name for r in self._readers)}")

    def solved(self, prompt: str, completion: str) -> ParsedStory:
        """Return what a prompt and its solution say. Raises ValueError for what is none."""
        story = self.prompt(prompt)
        if not completion.startswith(" "):
            raise ValueError("format: a solution begins with a space")
        reader, at = self.of_pack(story.pack), len(prompt) + 1
        story.spans = {"step": [], "retry": [], "answer": []}
        for said in _split(completion[1:]):
            sentence = reader.answer(said)
            story.sentences.append(sentence)
            story.spans["retry" if sentence.back else "step"].append((at, at + len(said)))
            at += len(said) + 1
        if self._modulus > 1 and not story.sentences[-1].back:
            place = at - 1 - len(said)
            start, end = reader.answer_place(said)
            story.spans["answer"] = [(place + start, place + end)]
        return story


def _split(text: str) -> list[str]:
    """Return the sentences of a text, which stand behind one another with a space between. Raises ValueError if not."""
    if not isinstance(text, str):
        raise ValueError("format: not a text")
    sentences = _BETWEEN.split(text)
    if not sentences[-1].endswith((".", "?")):
        raise ValueError("format: give sentences that end with a full stop or a question mark, and a space between")
    return sentences

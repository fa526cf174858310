"""The task `mixture`: rows of several specs in one dataset, in exact quotas, perhaps changing along the way.

    [[params.component]]
    spec = "bios-multi5-permute"       # five entries a person
    [[params.component]]
    spec = "bios-single"               # one

A row of the mixture is a row of one component, unchanged but for the component's control text. It says which in
`latent.kind` and `latent.row`, and holds the component's own latent under the component's name.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synthgen.errors import SynthgenError
from synthgen.exact.bits import Bits, at_most, total
from synthgen.exact.draw import Keys, new_state
from synthgen.exact.entropy import Book, Entropy
from synthgen.exact.ratios import whole
from synthgen.mixture.components import ComponentParams, component_of, written_out
from synthgen.mixture.gather import Component, Phrasebook, merged_codes, merged_spans, merged_tokens
from synthgen.mixture.params import MixtureParams
from synthgen.mixture.slots import Slots, exact_slots, nearest_slots
from synthgen.mixture.worlds import speak_apart, world_books
from synthgen.task.answers import judge_answer, longest_answer
from synthgen.task.certificates import Sampling
from synthgen.task.contract import SplitBy, Task, WindowComponent
from synthgen.task.judging import MODES, STRICT
from synthgen.task.kit.capacity import Knowledge
from synthgen.task.kit.surprisal import mixed
from synthgen.task.phrases import Codes
from synthgen.task.picture import Picture
from synthgen.task.rows import Rows, TextSource, Tokens, Vocab
from synthgen.task.verdict import Misread, Reread, Verdict

KIND = "kind"
"""The row book of the arrangement: which component comes next."""

OWN_LATENT = ("kind", "row", "person", "spans")
NAMED = {KIND: "component", "row": "row of the component"}
"""The glossary of what every mixture has."""

ENDLESS = 2**62
"""The rows of what has no end, where a number is wanted."""

MEASURED_ROWS = 1024
"""Rows of a component whose mean length turns shares of tokens into shares of rows."""


def _tiny(templates: int) -> dict[str, Any]:
    names = ("first_names", "middle_names", "last_names", "months", "days", "years", "birth_cities", "universities")
    sizes = dict.fromkeys((*names, "majors", "employers"), 1) | {"templates": templates}
    return {"task": "bios", "params": {"people": 1, "pronouns": ["they"], "sizes": sizes}}


class Mixture(Task):
    """Rows of several specs, in exact quotas of every block."""

    name = "mixture"
    component_field = KIND
    version = 1
    paper = "2309.14316"
    row_formats = ("document", "prompt-completion", "tokens")
    difficulty = "what the row's component counts"
    capabilities = frozenset({"enumerable"})
    Params: ClassVar = MixtureParams
    tiny: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {
            "component": [
                {"name": "plain", "spec": _tiny(1), "split": "a"},
                {"name": "worded", "spec": _tiny(2), "split": "b", "domain": "* "},
            ]
        },
    )

    def __init__(self, params: MixtureParams, keys: Keys, files: Path, row_format: str = "") -> None:
        super().__init__(params, keys, files, row_format)
        self.components = [component_of(one, files, self.row_format, keys) for one in params.component]
        tasks = [component.task for component in self.components]
        self.family = tasks[0].family
        self.glossary = dict(NAMED) | {key: words for task in tasks for key, words in task.glossary.items()}
        self.natural_language = next((task.natural_language for task in tasks if task.natural_language), "")
        self.task_categories = tuple(dict.fromkeys(name for task in tasks for name in task.task_categories))
        names = [component.name for component in self.components]
        for name in names:
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in OWN_LATENT or names.count(name) > 1:
                raise SynthgenError(
                    f"params.component: name {name!r}: give each its own name, of a-z, 0-9 and _, none of "
                    f"{', '.join(OWN_LATENT)}"
                )
        if any(component.task.subject_field for component in self.components):
            self.subject_field = "person"  # type: ignore[misc]
        _ = self.untrained  # components at odds are told at once
        self.books = (*dict.fromkeys(book for component in self.components for book in component.task.books), KIND)
        self.uncounted = tuple(
            dict.fromkeys(book for component in self.components for book in component.task.uncounted)
        )
        self._limits = [component.task.rows_max for component in self.components]
        self.slots = self._slots()
        self._key = keys.split("mixture")

    @classmethod
    def resolve(cls, params: Mapping[str, Any], files: Path) -> Mapping[str, Any]:
        """Write each component's spec out, so that the mixture stands for itself."""
        stated = params.get("component")
        if not isinstance(stated, list):
            return params
        return {**params, "component": [written_out(one, files) for one in stated]}

    def _slots(self) -> Slots:
        params = self.params
        weights: list[Any] = [one.weight for one in params.component]
        starts = [0, *(stage.start for stage in params.stage)]
        if None in weights:
            missing = [
                component.name for component, weight in zip(self.components, weights, strict=True) if weight is None
            ]
            endless = [
                component.name for component, limit in zip(self.components, self._limits, strict=True) if limit is None
            ]
            if endless or len(missing) < len(weights) or params.unit != "rows":
                raise SynthgenError(
                    f"params.component: {missing[0]!r} has no weight; leave all of them out (each finite corpus once, "
                    f"unit = 'rows'){f': {endless[0]!r} is endless' if endless else ''}, or give one to each"
                )
            rows = [limit or 0 for limit in self._limits]
            return exact_slots([whole(rows)], starts, params.block, sum(rows))
        stages = [weights, *(stage.weights for stage in params.stage)]
        if params.unit == "rows":
            return exact_slots([whole(stage) for stage in stages], starts, params.block)
        sizes = self.sizes
        shares = [[Fraction(str(w)) / size for w, size in zip(stage, sizes, strict=True)] for stage in stages]
        return nearest_slots(shares, starts, params.block)

    @property
    def shares(self) -> list[Fraction]:
        """The components' weights, as exact fractions; where they are left out, their quotas."""
        weights = [one.weight for one in self.params.component]
        return [Fraction(str(q if w is None else w)) for w, q in zip(weights, self.slots.stages[0].quotas, strict=True)]

    def _alone(self, number: int) -> tuple[ComponentParams, ...]:
        """Return the components with all the weight on one."""
        numbered = enumerate(self.params.component)
        return tuple(one.model_copy(update={"weight": int(c == number)}) for c, one in numbered)

    def window_components(self) -> list[WindowComponent]:
        if self.params.unit != "windows":
            return []
        return [self._window_component(c, share) for c, share in enumerate(self.shares)]

    def _window_component(self, number: int, share: Fraction) -> WindowComponent:
        """Return a number as a mixture that is all of it: its rows are as they are in this one."""
        component, limit = self.components[number], self._limits[number]
        quota, block = self.slots.stages[0].quotas[number], self.slots.block
        alone = self.params.model_copy(update={"component": self._alone(number)})

        def rows_within(rows: int) -> int:
            count = self.component_rows(rows)[component.name]
            return count if limit is None else min(count, limit)

        def range_of(start: int, stop: int) -> range:
            return range(start // quota * block, -(-stop // quota) * block)

        task = Mixture(alone, self.keys, self.files, self.row_format)
        return WindowComponent(component.name, share, task, rows_within, range_of)

    def component_rows(self, rows: int) -> dict[str, int]:
        """Return how many of the mixture's first rows are of each component, exactly."""
        begun = rows - rows % self.slots.block
        turns = np.zeros(0, np.int64)
        if begun < rows:
            turns, _, _ = self.slots.arranged(new_state(), self._key, begun, rows)
        more = np.bincount(turns, minlength=len(self.components))
        return {p.name: n + int(m) for p, n, m in zip(self.components, self.slots.taken(begun), more, strict=True)}

    @functools.cached_property
    def sizes(self) -> list[Fraction]:
        """The mean length of each component's first rows: tokens, or bytes of text."""
        return [Fraction(*component.size(MEASURED_ROWS)) for component in self.components]

    # -- what the contract asks for -----------------------------------------------------------------------------------

    @property
    def split_by(self) -> SplitBy:
        ways = {component.task.split_by for component in self.components}
        return ways.pop() if len(ways) == 1 else SplitBy.FRESH

    def knowledge(self) -> Knowledge | None:
        """That of the component which all rows are of; None where there are several."""
        quotas = self.slots.stages[-1].quotas
        alone = [component for component, quota in zip(self.components, quotas, strict=True) if quota]
        return alone[0].task.knowledge() if len(alone) == 1 else None

    @property
    def rows_max(self) -> int | None:
        """The rows before a component runs out; beside an endless one, finite ones go round, if they may."""
        used = [any(stage.quotas[c] for stage in self.slots.stages) for c in range(len(self.components))]
        limits = [None if component.goes_round else component.task.rows_max for component in self.components]
        if any(limit is None and used[c] for c, limit in enumerate(limits)):
            limits = [n if one.goes_round is False else None for one, n in zip(self.components, limits, strict=True)]
        if all(limit is None or not used[c] for c, limit in enumerate(limits)):
            return None
        return max(1, self.slots.rows_within([ENDLESS if limit is None else limit for limit in limits]))

    @property
    def ending(self) -> str:
        ends = [component.name for component in self.components if component.goes_round is False]
        return f"real text is used once: repeat = true lets {ends[0]} go round" if ends else ""

    def make_ready(self) -> None:
        for component in self.components:
            component.task.make_ready()

    @property
    def without_rows(self) -> str:
        reasons = ((component.name, component.task.without_rows) for component in self.components)
        return next((f"{name}: {reason}" for name, reason in reasons if reason), "")

    @property
    def free_text(self) -> bool:
        return any(component.task.free_text for component in self.components)

    def text_sources(self) -> list[TextSource]:
        named = ((one.name, source) for one in self.components for source in one.task.text_sources())
        return [replace(s, component=f"{name}.{s.component}".rstrip(".")) for name, s in named]

    @property
    def masked(self) -> bool:
        return self.row_format == "tokens" and any(component.task.masked for component in self.components)

    @functools.cached_property
    def vocab(self) -> Vocab | None:
        """The vocabularies one after the other (one, if all are the same), and then the domain tokens."""
        if self.row_format != "tokens":
            return None
        vocabularies = [component.task.vocab for component in self.components]
        size = 0
        names: dict[int, str] = {}
        for component, vocab, offset in zip(self.components, vocabularies, self._offsets, strict=True):
            assert vocab is not None
            shared = offset == 0
            names |= {offset + i: name if shared else f"{component.name}:{name}" for i, name in vocab.names.items()}
            size = max(size, offset + vocab.size)
        for domain in self._domains:
            names[size] = domain
            size += 1
        assert vocabularies[0] is not None
        return Vocab(size, vocabularies[0].bos, vocabularies[0].eos, vocabularies[0].pad, names)

    @functools.cached_property
    def _domains(self) -> list[str]:
        return list(dict.fromkeys(component.domain for component in self.components if component.domain))

    @functools.cached_property
    def _offsets(self) -> list[int]:
        """What is added to each component's token ids."""
        vocabs = [component.task.vocab.to_json() for component in self.components if component.task.vocab is not None]
        if all(vocab == vocabs[0] for vocab in vocabs):
            return [0] * len(vocabs)
        return [sum(vocab["size"] for vocab in vocabs[:k]) for k in range(len(vocabs))]

    @functools.cached_property
    def _domain_ids(self) -> list[int]:
        """The token of each component's domain; -1 for none."""
        first = self.vocab.size - len(self._domains) if self.vocab else 0
        return [
            first + self._domains.index(component.domain) if component.domain else -1 for component in self.components
        ]

    @property
    def span_kinds(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(kind for component in self.components for kind in component.task.span_kinds))

    @functools.cached_property
    def untrained(self) -> tuple[str, ...]:
        """Those of the components. Raises SynthgenError where one trains on what another one does not."""
        left_out = tuple(dict.fromkeys(kind for component in self.components for kind in component.task.untrained))
        for component in self.components:
            if trained := [k for k in left_out if k in {*component.task.span_kinds} - {*component.task.untrained}]:
                raise SynthgenError(
                    f"params.component: {component.name} trains on spans of kind {trained[0]!r}, and another one does "
                    "not: give both the same `trained`"
                )
        return left_out

    @property
    def latent_fields(self) -> list[pa.Field]:
        fields = [pa.field("kind", pa.int8()), pa.field("row", pa.int64())]
        if self.subject_field:
            fields.append(pa.field(self.subject_field, pa.int64()))
        return fields + [
            pa.field(component.name, component.latent) for component in self.components if component.latent.num_fields
        ]

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        turns, places, units = self.slots.arranged(state, self._key, start, stop)
        for c, limit in enumerate(self._limits):
            if limit is not None:
                places[turns == c] %= limit
        drawn, taken = [], np.empty(stop - start, np.int64)
        for c, component in enumerate(self.components):
            here = np.flatnonzero(turns == c)
            if here.size:
                drawn.append((c, component.rows_at(places[here], state)))
                taken[here] = np.arange(here.size)
        return self._gathered(turns, places, units, taken, dict(drawn))

    def _gathered(
        self, turns: np.ndarray, places: np.ndarray, units: np.ndarray, taken: np.ndarray, drawn: Mapping[int, Rows]
    ) -> Rows:
        """Put the components' rows in the order of their slots; row i is row taken[i] of component turns[i]."""
        booked = np.zeros((turns.size, len(self.books)), np.int64)
        booked[:, -1] = units
        difficulty = np.empty(turns.size, np.int32)
        latent: dict[str, Any] = {"kind": pa.array(turns.astype(np.int8)), "row": pa.array(places)}
        subjects = np.full(turns.size, -1, np.int64)
        for c, component in enumerate(self.components):
            here = turns == c
            latent[component.name] = pa.nulls(turns.size, component.latent)
            if c not in drawn:
                continue
            rows, its_rows = drawn[c], taken[here]
            difficulty[here] = rows.difficulty[its_rows]
            for k, book in enumerate(component.task.books):
                booked[here, self.books.index(book)] = rows.units[its_rows, k]
            if fields := list(component.latent):
                struct = pa.StructArray.from_arrays([rows.latent[field.name] for field in fields], fields=fields)
                latent[component.name] = struct.take(pa.array(np.where(here, taken, 0), mask=~here))
            if component.task.subject_field:
                row_subjects = pc.fill_null(rows.latent[component.task.subject_field], -1)
                subjects[here] = row_subjects.to_numpy(zero_copy_only=False)[its_rows]
        latent[self.subject_field] = pa.array(subjects, mask=subjects < 0)
        if self.row_format == "tokens":
            if self.span_kinds:
                shifts = [int(mark >= 0) for mark in self._domain_ids]
                latent["spans"] = merged_spans(self.span_kinds, drawn, turns, taken, shifts)
            content: Tokens | Codes = merged_tokens(
                drawn, turns, taken, self._offsets, self._domain_ids, self.vocab.size if self.vocab else 0, self.masked
            )
        else:
            texts = 2 if self.row_format == "prompt-completion" else 1
            content = merged_codes(self._book, self.components, drawn, turns, taken, self.span_kinds, texts)
        names = [field.name for field in self.latent_fields] + ["spans"] * ("spans" in latent)
        return Rows(content, difficulty, booked, {name: latent[name] for name in names})

    @functools.cached_property
    def _book(self) -> Phrasebook:
        """The phrases of all components, whichever rows are made first; before them, their control texts."""
        book = Phrasebook([component.domain for component in self.components])
        for component in self.components:
            content = component.task.rows(0, 1, new_state()).content
            assert isinstance(content, Codes)
            book.shift(content.table)
        return book

    # -- entropy ------------------------------------------------------------------------------------------------------

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        rows = rows or self.rows_max
        stage = self.slots.stages[-1]
        counts = self.slots.taken(rows) if rows else stage.quotas
        shares = [count / sum(counts) for count in counts]
        entropies = []
        for component, limit, count in zip(self.components, self._limits, counts, strict=True):
            seen = max(1, count if limit is None else min(limit, count)) if rows else None
            entropies.append(component.task.entropy(seen, estimates))
        books: dict[str, Book] = {}
        for book in self.books[:-1]:
            shares_of_book = [
                e.books[book].bits.times(s) for e, s in zip(entropies, shares, strict=True) if book in e.books and s
            ]
            books[book] = Book(total(shares_of_book))
        books[KIND] = Book(Bits(self.slots.bits(rows)))
        books |= world_books(self.components, entropies)
        alike = self._alike(entropies)
        hidden = "; ".join(dict.fromkeys(reason for reason in [*(e.hidden for e in entropies), alike] if reason))
        text = total(e.text.times(share) for e, share in zip(entropies, shares, strict=True) if share)
        text += at_most(books[KIND].bits.value, alike) if alike else books[KIND].bits
        facts: dict[str, Any] = {
            "block": self.slots.block,
            "quotas": {component.name: quota for component, quota in zip(self.components, stage.quotas, strict=True)},
            "row_shares": {component.name: share for component, share in zip(self.components, shares, strict=True)},
            "size_shares": self._size_shares(shares),
            "components": {
                component.name: {"bits": e.bits, "status": e.status}
                for component, e in zip(self.components, entropies, strict=True)
            },
        }
        if shares.count(0) == len(shares) - 1:  # a mixture that is all of one component is what that is
            facts = {**entropies[shares.index(1)].facts, **facts}
        unbooked = math.fsum(share * e.unbooked for share, e in zip(shares, entropies, strict=True))
        if len(self.slots.stages) > 1:
            facts["stages"] = {f"from row {s.start}": list(s.quotas) for s in self.slots.stages}
        tokens = [
            share * (e.tokens + bool(component.domain)) if e.tokens else math.nan
            for share, e, component in zip(shares, entropies, self.components, strict=True)
            if share
        ]
        known = None if math.isnan(sum(tokens)) else math.fsum(tokens)
        return Entropy(books, facts, hidden=hidden, unbooked=unbooked, shown=text if hidden else None, tokens=known)

    def samplings(self) -> list[Sampling]:
        return [sampling for component in self.components for sampling in component.task.samplings()]

    def _size_shares(self, shares: Sequence[float]) -> dict[str, float]:
        """Return the expected shares of tokens, or of bytes of text, by the mean length of each component's rows."""
        sizes = [share * float(size) for share, size in zip(shares, self.sizes, strict=True)]
        return {component.name: size / sum(sizes) for component, size in zip(self.components, sizes, strict=True)}

    def _alike(self, entropies: Sequence[Entropy]) -> str:
        """Return which two components could make the same row, which then does not show its kind; "" if no two."""
        if self.uncounted:
            return ""  # the bits of its text are unknown anyway
        numbered = [c for c in range(len(self.components)) if any(stage.quotas[c] for stage in self.slots.stages)]
        for a, b in itertools.combinations(numbered, 2):
            if not (self._looks_apart(a, b) or speak_apart(entropies[a], entropies[b])):
                names = f"{self.components[a].name} and {self.components[b].name}"
                return f"{names} are not proved to make different rows, which then do not show their {KIND}"
        return ""

    def _looks_apart(self, a: int, b: int) -> bool:
        """Return whether rows of two components differ by what stands before them, or by their tokens."""
        if self.row_format == "tokens":
            return self._offsets[a] != self._offsets[b] or self._domain_ids[a] != self._domain_ids[b]
        one, other = self.components[a], self.components[b]
        if one.row_format != other.row_format:  # a document's prompt is empty, and no other is
            return True
        return not (one.domain.startswith(other.domain) or other.domain.startswith(one.domain))

    @property
    def without_surprisals(self) -> str:
        reasons = ((component.name, component.task.without_surprisals) for component in self.components)
        staged = (c.name for c in self.components if isinstance(c.task, Mixture) and len(c.task.slots.stages) > 1)
        whole = (component.name for component in self.components if component.task.prompt_at_once)
        known = [f"{name}: {reason}" for name, reason in reasons if reason]
        known += [f"{name}: its shares change along its own rows" for name in staged]
        known += [f"{name}: its prompts are known as a whole, and not token by token" for name in whole]
        return next(iter(known), "")

    def surprisals(self, said: Sequence[int] | str, number: int = 0) -> np.ndarray:
        """Each component's bits, weighed by its share of the row's stage and by how likely it has made what was said.

        Where rows of components differ, what tells them apart pays the component, by its share; the ledger has what
        the block's quotas leave of that.
        """
        quotas = self.slots.stage_of(number).quotas
        shares = [quota / sum(quotas) for quota in quotas]
        taken = [(component, c) for c, component in enumerate(self.components) if quotas[c]]
        bits = []
        for component, c in taken:
            if isinstance(said, str):
                bits.append(component.surprisals(said, component.domain))
            else:
                domain = [self._domain_ids[c]] if component.domain else []
                bits.append(component.surprisals(said, domain, self._offsets[c]))
        return mixed(bits, [shares[c] for _, c in taken])

    # -- checking -----------------------------------------------------------------------------------------------------

    def reread(self, row: Mapping[str, Any]) -> Reread:
        """Have the row's component judge what is its own, and see that the slot is one of it."""
        latent, kind = row["latent"], row["latent"]["kind"]
        if type(kind) is not int or not 0 <= kind < len(self.components):
            raise Misread(f"latent.kind is {kind!r}; there are {len(self.components)} components")
        turns, places, units = self.slots.arranged(new_state(), self._key, row["id"], row["id"] + 1)
        limit = self._limits[kind]
        place = int(places[0]) % limit if limit else int(places[0])
        if (kind, latent["row"]) != (int(turns[0]), place):
            raise Misread(f"latent: slot {row['id']} is of component {int(turns[0])}, row {place}")
        component = self.components[kind]
        for other in self.components:
            if other is not component and latent.get(other.name) is not None:
                raise Misread(f"latent.{other.name} is not empty in a row of {component.name}")
        for span_kind, spans in (latent.get("spans") or {}).items():
            if spans and span_kind not in component.task.span_kinds:
                raise Misread(f"latent.spans.{span_kind}: {component.name} knows none")
        component_row = self._component_row(row)
        bits = {book: 0 for book in self.books if book not in component.task.books} | {KIND: int(units[0])}
        shown = {}
        if self.subject_field:
            shown[self.subject_field] = component_row["latent"].get(component.task.subject_field)
        return Reread(row["difficulty"], bits, shown, verdict=component.task.verify(component_row))

    def _component_row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row as its component makes it: without domain and offset, and with its latents alone."""
        kind, tokens = row["latent"]["kind"], self.row_format == "tokens"
        domain, offset = (self._domain_ids[kind], self._offsets[kind]) if tokens else (-1, 0)
        return self.components[kind].component_row(row, self.row_format, domain, offset)

    @property
    def modes(self) -> tuple[str, ...]:
        """Those of any component; one without is not asked in it."""
        return tuple(mode for mode in MODES if any(mode in component.task.modes for component in self.components))

    def encoded(self, text: str) -> str:
        """Return the text: it is no component's yet."""
        return text

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        return self.judge_as(prompt, completion, STRICT)

    def judge_as(self, prompt: Any, completion: Any, mode: str) -> Verdict:
        """Judge a completion by the component that thinks best of it: a prompt does not say whose it is."""
        ids = not isinstance(completion, str)
        verdicts = [
            judge_answer(component.task, question, self._ids_of(c, completion) if ids else completion, mode)
            for c, component, question in self._asked(prompt)
            if mode in component.task.modes and (self.vocab or isinstance(question, str) == (not ids))
        ]
        return max(verdicts, key=lambda v: (v.correct, v.score), default=super().judge(prompt, completion))

    def longest_answer(self, prompt: Any) -> int | None:
        most = [longest_answer(component.task, question) for _, component, question in self._asked(prompt)]
        return None if None in most else max((longest for longest in most if longest is not None), default=0)

    def _asked(self, prompt: Any) -> Iterator[tuple[int, Component, Any]]:
        """Yield each component that may be asked, by number, and the prompt as it knows it: no domain, no offset."""
        for c, component in enumerate(self.components):
            if isinstance(prompt, str):
                if component.row_format == "prompt-completion":
                    yield c, component, prompt.removeprefix(component.domain)
            elif self.vocab:
                domain = self._domain_ids[c]
                yield c, component, self._ids_of(c, prompt[1:] if domain >= 0 and prompt[:1] == [domain] else prompt)

    def _ids_of(self, c: int, ids: Sequence[int]) -> list[int]:
        """Return token ids as component `c` numbers them."""
        return [token_id - self._offsets[c] for token_id in ids]

    def card_notes(self) -> list[str]:
        """Those of the components, each once, and whose texts are no program's."""
        notes = dict.fromkeys(note for component in self.components for note in component.task.card_notes())
        texts = (
            f"but rows of {s.component} are texts of {s.origin}, as people wrote them" for s in self.text_sources()
        )
        return [*notes, *texts]

    def stated_deviations(self) -> list[str]:
        """Those of the components, each once."""
        return list(dict.fromkeys(one for component in self.components for one in component.task.stated_deviations()))

    def readable(self, row: Mapping[str, Any]) -> str:
        names = self.vocab.names if self.vocab else {}
        return " ".join(names.get(i, str(i)) for i in row["input_ids"])

    def picture(self, row: Mapping[str, Any]) -> Picture:
        """Return what the row's component looks like, with the component's name before what it says."""
        component = self.components[row["latent"]["kind"]]
        picture = component.task.picture(self._component_row(row))
        caption = f"A mixture of {len(self.components)}: this row is of {component.name}. {picture.caption}"
        return replace(picture, caption=caption)

    def decode(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        component = self.components[row["latent"]["kind"]]
        about = {"kind": component.name, "row": row["latent"]["row"]}
        return {**about, **component.task.decode(self._component_row(row))}

    def tree(self, row: Mapping[str, Any]) -> Any:
        return self.components[row["latent"]["kind"]].task.tree(self._component_row(row))

    def graph(self, row: Mapping[str, Any]) -> Any:
        return self.components[row["latent"]["kind"]].task.graph(self._component_row(row))

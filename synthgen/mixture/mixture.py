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
import math
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, model_validator

from synthgen.errors import SynthgenError
from synthgen.exact.draw import Keys, new_state
from synthgen.exact.entropy import Bits, Book, Entropy, total
from synthgen.exact.ratios import whole
from synthgen.mixture.components import Component, component_spec, identifier, written_out
from synthgen.mixture.gather import Part, Phrasebook, merged_codes, merged_spans, merged_tokens
from synthgen.mixture.slots import Slots, exact_slots, nearest_slots
from synthgen.task.contract import SplitBy, Task, TaskParams, WindowComponent
from synthgen.task.kit.capacity import Knowledge
from synthgen.task.phrases import Codes
from synthgen.task.rows import Rows, Tokens, Vocab
from synthgen.task.verdict import Misread, Reread, Verdict

KIND = "kind"
"""The row book of the arrangement: which component comes next."""

OWN_LATENT = ("kind", "row", "person", "spans")
SAMPLE_ROWS = 1024
"""Rows of a component whose mean length turns shares of tokens into shares of rows."""


class StageParams(BaseModel):
    """A stage of a curriculum."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: int = Field(gt=0, lt=2**62, description="the row from which on the weights hold; a multiple of the block")
    weights: tuple[float | int, ...] = Field(description="one weight a component")


class MixtureParams(TaskParams):
    """Params of the task `mixture`."""

    component: tuple[Component, ...] = Field(min_length=1, max_length=64, description="what is mixed")
    unit: Literal["rows", "tokens", "windows"] = Field(
        "rows",
        description="what weights count: rows; tokens (bytes of text); or windows: tokens, and training windows are "
        "of one component each",
    )
    block: int = Field(0, ge=0, le=2**16, description="rows in which the quotas are exact; 0 chooses it")
    stage: tuple[StageParams, ...] = Field((), description="a curriculum: other weights from some row on")

    @model_validator(mode="after")
    def _together(self) -> MixtureParams:
        for stage in self.stage:
            if len(stage.weights) != len(self.component):
                raise ValueError(f"stage {stage.start}: give {len(self.component)} weights, one a component")
        for weights in [[c.weight for c in self.component], *(stage.weights for stage in self.stage)]:
            given = [weight for weight in weights if weight is not None]
            if given and (min(given) < 0 or not any(given)):
                raise ValueError("weights must be 0 or more, and not all 0")
        if self.stage and self.unit == "windows":
            raise ValueError("stages count rows, so they go with unit = 'rows' or 'tokens'")
        return self


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
        seed, world, split = keys.address
        self.parts: list[Part] = []
        specs = [component_spec(one, files, self.row_format, seed, world) for one in params.component]
        for one, spec in zip(params.component, specs, strict=True):
            task = spec.task_of(one.split or split)
            self.parts.append(Part(one.name or identifier(spec.name), task, spec.row_format, one.domain))
        names = [part.name for part in self.parts]
        for name in names:
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in OWN_LATENT or names.count(name) > 1:
                raise SynthgenError(
                    f"params.component: name {name!r}: give each its own name, of a-z, 0-9 and _, none of "
                    f"{', '.join(OWN_LATENT)}"
                )
        if any(part.task.subject_field for part in self.parts):
            self.subject_field = "person"  # type: ignore[misc]
        self.books = (*dict.fromkeys(book for part in self.parts for book in part.task.books), KIND)
        self._limits = [part.task.rows_max for part in self.parts]
        self.slots = self._slots()
        self._key = keys.split("mixture")

    @classmethod
    def resolve(cls, params: Mapping[str, Any], files: Path) -> Mapping[str, Any]:
        """Write each component's spec out, so that the mixture stands for itself."""
        components = params.get("component")
        if not isinstance(components, list):
            return params
        return {**params, "component": [written_out(one, files) for one in components]}

    def _slots(self) -> Slots:
        params = self.params
        weights: list[Any] = [one.weight for one in params.component]
        starts = [0, *(stage.start for stage in params.stage)]
        if None in weights:
            missing = [part.name for part, weight in zip(self.parts, weights, strict=True) if weight is None]
            endless = [part.name for part, limit in zip(self.parts, self._limits, strict=True) if limit is None]
            if endless or len(missing) < len(weights) or params.unit != "rows":
                raise SynthgenError(
                    f"params.component: {missing[0]!r} has no weight; leave all of them out (each finite corpus once, "
                    f"unit = 'rows'){f': {endless[0]!r} is endless' if endless else ''}, or give one to each"
                )
            rows = [limit or 0 for limit in self._limits]
            return exact_slots([whole(rows)], starts, params.block, sum(rows))
        stages = [weights, *(stage.weights for stage in params.stage)]
        if params.unit == "rows":
            return exact_slots([whole(own) for own in stages], starts, params.block)
        sizes = self.sizes
        shares = [[Fraction(str(w)) / size for w, size in zip(own, sizes, strict=True)] for own in stages]
        return nearest_slots(shares, starts, params.block)

    @property
    def shares(self) -> list[Fraction]:
        """The components' weights, as exact fractions; where they are left out, their quotas."""
        weights = [one.weight for one in self.params.component]
        return [Fraction(str(q if w is None else w)) for w, q in zip(weights, self.slots.stages[0].quotas, strict=True)]

    def _alone(self, component: int) -> tuple[Component, ...]:
        """Return the components with all the weight on one."""
        components = enumerate(self.params.component)
        return tuple(one.model_copy(update={"weight": int(c == component)}) for c, one in components)

    def window_components(self) -> list[WindowComponent]:
        if self.params.unit != "windows":
            return []
        return [self._window_component(c, share) for c, share in enumerate(self.shares)]

    def _window_component(self, component: int, share: Fraction) -> WindowComponent:
        """Return a component as a mixture that is all of it: its rows are as they are in this one."""
        part, limit = self.parts[component], self._limits[component]
        quota, block = self.slots.stages[0].quotas[component], self.slots.block
        alone = self.params.model_copy(update={"component": self._alone(component)})

        def rows_within(rows: int) -> int:
            count = self.component_rows(rows)[part.name]
            return count if limit is None else min(count, limit)

        def range_of(start: int, stop: int) -> range:
            return range(start // quota * block, -(-stop // quota) * block)

        task = Mixture(alone, self.keys, self.files, self.row_format)
        return WindowComponent(part.name, share, task, rows_within, range_of)

    def component_rows(self, rows: int) -> dict[str, int]:
        """Return how many of the mixture's first rows are of each component, exactly."""
        begun = rows - rows % self.slots.block
        kinds = np.zeros(0, np.int64)
        if begun < rows:
            kinds, _, _ = self.slots.arranged(new_state(), self._key, begun, rows)
        more = np.bincount(kinds, minlength=len(self.parts))
        return {p.name: n + int(m) for p, n, m in zip(self.parts, self.slots.taken(begun), more, strict=True)}

    @functools.cached_property
    def sizes(self) -> list[Fraction]:
        """The mean length of each component's first rows: tokens, or bytes of text."""
        return [Fraction(*part.size(SAMPLE_ROWS)) for part in self.parts]

    # -- what the contract asks for -----------------------------------------------------------------------------------

    @property
    def split_by(self) -> SplitBy:
        ways = {part.task.split_by for part in self.parts}
        return ways.pop() if len(ways) == 1 else SplitBy.FRESH

    def knowledge(self) -> Knowledge | None:
        """That of the component which all rows are of; None where there are several."""
        quotas = self.slots.stages[-1].quotas
        alone = [part for part, quota in zip(self.parts, quotas, strict=True) if quota]
        return alone[0].task.knowledge() if len(alone) == 1 else None

    @property
    def rows_max(self) -> int | None:
        if any(limit is None and any(s.quotas[c] for s in self.slots.stages) for c, limit in enumerate(self._limits)):
            return None
        return max(1, self.slots.rows_within([limit or 0 for limit in self._limits]))

    @property
    def masked(self) -> bool:
        return self.row_format == "tokens" and any(part.task.masked for part in self.parts)

    @functools.cached_property
    def vocab(self) -> Vocab | None:
        """The vocabularies one after the other (one, if all are the same), and then the domain tokens."""
        if self.row_format != "tokens":
            return None
        own = [part.task.vocab for part in self.parts]
        size = 0
        names: dict[int, str] = {}
        for part, vocab, offset in zip(self.parts, own, self._offsets, strict=True):
            assert vocab is not None
            shared = offset == 0
            names |= {offset + i: name if shared else f"{part.name}:{name}" for i, name in vocab.names.items()}
            size = max(size, offset + vocab.size)
        for domain in self._domains:
            names[size] = domain
            size += 1
        assert own[0] is not None
        return Vocab(size, own[0].bos, own[0].eos, own[0].pad, names)

    @functools.cached_property
    def _domains(self) -> list[str]:
        return list(dict.fromkeys(part.domain for part in self.parts if part.domain))

    @functools.cached_property
    def _offsets(self) -> list[int]:
        """What is added to each component's token ids."""
        vocabs = [part.task.vocab.to_json() for part in self.parts if part.task.vocab is not None]
        if all(vocab == vocabs[0] for vocab in vocabs):
            return [0] * len(vocabs)
        return [sum(vocab["size"] for vocab in vocabs[:k]) for k in range(len(vocabs))]

    @functools.cached_property
    def _domain_ids(self) -> list[int]:
        """The token of each component's domain; -1 for none."""
        first = self.vocab.size - len(self._domains) if self.vocab else 0
        return [first + self._domains.index(part.domain) if part.domain else -1 for part in self.parts]

    @property
    def span_kinds(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(kind for part in self.parts for kind in part.task.span_kinds))

    @property
    def latent_fields(self) -> list[pa.Field]:
        fields = [pa.field("kind", pa.int8()), pa.field("row", pa.int64())]
        if self.subject_field:
            fields.append(pa.field(self.subject_field, pa.int64()))
        return fields + [pa.field(part.name, part.latent) for part in self.parts if part.latent.num_fields]

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        kinds, places, units = self.slots.arranged(state, self._key, start, stop)
        for c, limit in enumerate(self._limits):
            if limit is not None:
                places[kinds == c] %= limit
        pools, taken = [], np.empty(stop - start, np.int64)
        for c, part in enumerate(self.parts):
            own = np.flatnonzero(kinds == c)
            if own.size:
                pools.append((c, part.pool(places[own], state)))
                taken[own] = np.arange(own.size)
        return self._gathered(kinds, places, units, taken, dict(pools))

    def _gathered(
        self, kinds: np.ndarray, places: np.ndarray, units: np.ndarray, taken: np.ndarray, pools: Mapping[int, Rows]
    ) -> Rows:
        """Put rows of the pools in the order of their slots; row i is row taken[i] of the pool kinds[i]."""
        booked = np.zeros((kinds.size, len(self.books)), np.int64)
        booked[:, -1] = units
        difficulty = np.empty(kinds.size, np.int32)
        latent: dict[str, Any] = {"kind": pa.array(kinds.astype(np.int8)), "row": pa.array(places)}
        subjects = np.full(kinds.size, -1, np.int64)
        for c, part in enumerate(self.parts):
            here = kinds == c
            if c not in pools:
                latent[part.name] = pa.nulls(kinds.size, part.latent)
                continue
            made, own = pools[c], taken[here]
            difficulty[here] = made.difficulty[own]
            for k, book in enumerate(part.task.books):
                booked[here, self.books.index(book)] = made.units[own, k]
            struct = pa.StructArray.from_arrays(
                [made.latent[field.name] for field in part.latent], fields=list(part.latent)
            )
            latent[part.name] = struct.take(pa.array(np.where(here, taken, 0), mask=~here))
            if part.task.subject_field:
                own_subjects = pc.fill_null(made.latent[part.task.subject_field], -1)
                subjects[here] = own_subjects.to_numpy(zero_copy_only=False)[own]
        latent[self.subject_field] = pa.array(subjects, mask=subjects < 0)
        if self.row_format == "tokens":
            if self.span_kinds:
                shifts = [int(mark >= 0) for mark in self._domain_ids]
                latent["spans"] = merged_spans(self.span_kinds, pools, kinds, taken, shifts)
            content: Tokens | Codes = merged_tokens(
                pools, kinds, taken, self._offsets, self._domain_ids, self.vocab.size if self.vocab else 0, self.masked
            )
        else:
            parts = 2 if self.row_format == "prompt-completion" else 1
            content = merged_codes(self._book, self.parts, pools, kinds, taken, self.span_kinds, parts)
        names = [field.name for field in self.latent_fields] + ["spans"] * ("spans" in latent)
        return Rows(content, difficulty, booked, {name: latent[name] for name in names})

    @functools.cached_property
    def _book(self) -> Phrasebook:
        """The phrases of all components, whichever rows are made first; before them, their control texts."""
        book = Phrasebook([part.domain for part in self.parts])
        for part in self.parts:
            content = part.task.rows(0, 1, new_state()).content
            assert isinstance(content, Codes)
            book.shift(content.table)
        return book

    # -- entropy ------------------------------------------------------------------------------------------------------

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        rows = rows or self.rows_max
        stage = self.slots.stages[-1]
        counts = self.slots.taken(rows) if rows else stage.quotas
        shares = [count / sum(counts) for count in counts]
        own = []
        for part, limit, count in zip(self.parts, self._limits, counts, strict=True):
            seen = max(1, count if limit is None else min(limit, count)) if rows else None
            own.append(part.task.entropy(seen, estimates))
        books: dict[str, Book] = {}
        for book in self.books[:-1]:
            parts = [e.books[book].bits.times(s) for e, s in zip(own, shares, strict=True) if book in e.books and s]
            books[book] = Book(total(parts))
        books[KIND] = Book(Bits(self.slots.bits(rows)))
        books |= self._world_books(own)
        hidden = "; ".join(dict.fromkeys(e.hidden for e in own if e.hidden))
        facts: dict[str, Any] = {
            "block": self.slots.block,
            "quotas": {part.name: quota for part, quota in zip(self.parts, stage.quotas, strict=True)},
            "row_shares": {part.name: share for part, share in zip(self.parts, shares, strict=True)},
            "size_shares": self._size_shares(shares),
            "components": {
                part.name: {"bits": e.bits, "status": e.status} for part, e in zip(self.parts, own, strict=True)
            },
        }
        if shares.count(0) == len(shares) - 1:  # a mixture that is all of one component is what that is
            facts = {**own[shares.index(1)].facts, **facts}
        unbooked = math.fsum(share * e.unbooked for share, e in zip(shares, own, strict=True))
        if unbooked:
            floors = [share * e.floor for share, e in zip(shares, own, strict=True)]
            facts["floor_bits"] = math.fsum([books[KIND].bits.value, *floors])
        if len(self.slots.stages) > 1:
            facts["stages"] = {f"from row {s.start}": list(s.quotas) for s in self.slots.stages}
        return Entropy(books, facts, hidden=hidden, unbooked=unbooked)

    def _size_shares(self, shares: Sequence[float]) -> dict[str, float]:
        """Return the expected shares of tokens, or of bytes of text, by the mean length of each component's rows."""
        sizes = [share * float(size) for share, size in zip(shares, self.sizes, strict=True)]
        return {part.name: size / sum(sizes) for part, size in zip(self.parts, sizes, strict=True)}

    def _world_books(self, own: Sequence[Entropy]) -> dict[str, Book]:
        """Return the components' world books; what two components share stands once.

        They share a book of equal name and bits if they are about the same people, or name none. People that are in
        two components, though neither has all of the other's, are counted twice: then the book is an upper bound.
        """
        books: dict[str, Book] = {}
        seen: list[tuple[str, float, range | None]] = []
        for part, entropy in zip(self.parts, own, strict=True):
            crowd = part.task.entities()
            for name, book in entropy.books.items():
                if book.scope != "world" or (name, book.bits.value, crowd) in seen:
                    continue
                if name in books and book.bits.value == 0:
                    continue
                others = [other for known, _, other in seen if known == name]
                bits = book.bits
                if any(a is None or crowd is None or (a.start < crowd.stop and crowd.start < a.stop) for a in others):
                    bits = Bits(bits.value, "upper", "components share a part of their worlds") if bits.value else bits
                books[name if name not in books else f"{part.name}.{name}"] = Book(bits, "world")
                seen.append((name, book.bits.value, crowd))
        return books

    # -- checking -----------------------------------------------------------------------------------------------------

    def reread(self, row: Mapping[str, Any]) -> Reread:
        """Have the row's component judge what is its own, and see that the slot is one of it."""
        latent, kind = row["latent"], row["latent"]["kind"]
        if type(kind) is not int or not 0 <= kind < len(self.parts):
            raise Misread(f"latent.kind is {kind!r}; there are {len(self.parts)} components")
        kinds, places, units = self.slots.arranged(new_state(), self._key, row["id"], row["id"] + 1)
        limit = self._limits[kind]
        place = int(places[0]) % limit if limit else int(places[0])
        if (kind, latent["row"]) != (int(kinds[0]), place):
            raise Misread(f"latent: slot {row['id']} is of component {int(kinds[0])}, row {place}")
        part = self.parts[kind]
        for other in self.parts:
            if other is not part and latent.get(other.name) is not None:
                raise Misread(f"latent.{other.name} is not empty in a row of {part.name}")
        for span_kind, spans in (latent.get("spans") or {}).items():
            if spans and span_kind not in part.task.span_kinds:
                raise Misread(f"latent.spans.{span_kind}: {part.name} knows none")
        domain = self._domain_ids[kind] if self.row_format == "tokens" else -1
        offset = self._offsets[kind] if self.row_format == "tokens" else 0
        own = part.own_row(row, self.row_format, domain, offset)
        bits = {book: 0 for book in self.books if book not in part.task.books} | {KIND: int(units[0])}
        shown = {}
        if self.subject_field:
            shown[self.subject_field] = own["latent"].get(part.task.subject_field)
        return Reread(row["difficulty"], bits, shown, verdict=part.task.verify(own))

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        """Judge a completion by the component that thinks best of it: a prompt does not say whose it is."""
        verdicts = []
        for c, part in enumerate(self.parts):
            if isinstance(prompt, str) and part.row_format == "prompt-completion":
                verdicts.append(part.task.judge(prompt.removeprefix(part.domain), completion))
            elif isinstance(prompt, list | tuple) and isinstance(completion, list | tuple) and self.vocab:
                domain, offset = self._domain_ids[c], self._offsets[c]
                bare = prompt[1:] if domain >= 0 and list(prompt[:1]) == [domain] else prompt
                own = [[i - offset for i in ids if type(i) is int] for ids in (bare, completion)]
                verdicts.append(part.task.judge(*own))
        return max(verdicts, key=lambda v: (v.correct, v.score), default=super().judge(prompt, completion))

    def readable(self, row: Mapping[str, Any]) -> str:
        names = self.vocab.names if self.vocab else {}
        return " ".join(names.get(i, str(i)) for i in row["input_ids"])

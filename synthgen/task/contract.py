"""The task contract: what a task is. Every room above asks a task through these members and knows none by name.

A task turns (params, keys) into rows. It is made once for each split of a spec, cheaply and in O(1) memory, and never
remembers a row. It takes all its randomness from `keys` (see `synthgen.exact.draw`), and its draws are addressed by
what they are about, so `rows` gives the same bytes whatever the batch. Outside packages add tasks by an entry point in
the group `synthgen.tasks`. A task must have what stands under *declares* without a default, and `rows`, `entropy` and
`reread`; `parse` goes with the capability `parses`; all else has a default that promises nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import pyarrow as pa

from synthgen.errors import SynthgenError
from synthgen.exact.bits import Status
from synthgen.exact.draw import Keys
from synthgen.exact.entropy import Entropy
from synthgen.task.certificates import Sampling
from synthgen.task.family import Family
from synthgen.task.fidelity import Deviation, stated
from synthgen.task.judging import MOST_FREE, STEPS, STRICT, Final, Unclear, final_answer
from synthgen.task.kit.capacity import Knowledge
from synthgen.task.markup import dressed, edges_of, plain
from synthgen.task.picture import Picture, kinds_of, passage_of
from synthgen.task.probing import Glimpse, Probing
from synthgen.task.rows import Rows, TextSource, Vocab, bits_of
from synthgen.task.verdict import UNREADABLE, Misread, Reread, Verdict, held_against
from synthgen.task.written import Written


class TaskParams(Written):
    """Base of every task's params: unknown keys are refused, values are checked, nothing changes afterwards."""


class SplitBy(StrEnum):
    """What the splits of a spec are divided by; `sentence` says what that guarantees."""

    FRESH = "fresh"
    LATENT = "latent"
    PERSON = "person"

    @property
    def sentence(self) -> str:
        """What a dataset card says of it."""
        return _SENTENCES[self]


_SENTENCES = {
    SplitBy.FRESH: "Splits are independent streams of one law, not disjoint sets: where rows can repeat, some may "
    "stand in two splits, and `synthgen check` counts them.",
    SplitBy.LATENT: "Splits share no latent (what a row is made from): disjoint by construction, and checked.",
    SplitBy.PERSON: "Splits speak of one world, whose people are divided between their questions: disjoint by "
    "construction.",
}


class Certificate(Protocol):
    """What `Task.certificate` returns: it is shown all rows of a split in order, and says what holds of them."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Take in the next rows, with all columns."""

    def findings(self) -> Iterable[tuple[str, bool, str]]:
        """Return (what, whether it holds, the figures) for each thing that is certified."""


@dataclass(frozen=True)
class WindowComponent:
    """A component of a split's rows that makes training windows of its own."""

    name: str
    share: Fraction
    """Its share of all windows."""
    task: Task
    """Makes this component's rows, numbered 0, 1, ... as the split has them."""
    rows_within: Callable[[int], int]
    """Given n: how many of the split's first n rows belong to this component, each of its rows counted once."""
    range_of: Callable[[int, int], range]
    """Given start and stop: the rows of the split among which this component's rows [start, stop) are."""


class Task:
    """What a task has, in five blocks. See each member for what it returns and promises.

    declares    name, version, paper, family, natural_language, task_categories, row_formats, books, uncounted,
                difficulty, capabilities, deviations, Params, tiny, resolve, latent_fields, glossary, span_kinds,
                untrained, extra_fields, masked, vocab, free_text, markers, edges, modes, assets, sidecars,
                tokenizer_files, component_field, subject_field, exposure_field, template_field, text_sources
    makes       rows, token_rows, rows_max, ending, make_ready, without_rows, component_rows, window_components
    knows       entropy, samplings, row_floor, row_floor_status, without_surprisals, prompt_at_once, surprisals,
                without_row_text_bits, row_text_bits, knowledge, entities, split_by, apart, subjects, template_half
    reads       reread, verify, parse, judge, judge_as, final, worded, spelt, encoded, longest_answer, certificate
    offers      readable, decode, tree, graph, rank, unrank, picture, chances, probings, glimpses, card_notes,
                stated_deviations

    `capabilities` promises more than rows, and the contract test demands what it names:

    exact       every row book's formula is exact, and equals the ledger's mean
    injective   different choices of one row give different rows
    enumerable  `tiny` is small enough that every choice sequence can be walked
    parses      `parse` gives the latent back from what a reader sees
    """

    def __init__(self, params: Any, keys: Keys, files: Path, row_format: str = "") -> None:
        """Make the task for one split. `files` is the folder that file names in params are relative to."""
        self.params, self.keys, self.files = params, keys, files
        self.row_format = row_format or self.row_formats[0]

    # -- declares: what it is, and what its rows hold -----------------------------------------------------------------

    name: ClassVar[str]
    """What specs call it."""
    version: ClassVar[int] = 1
    """Goes up whenever any row would change."""
    paper: ClassVar[str] = ""
    """The arXiv number whose data it makes."""
    family: str = Family.FURTHER
    """What its specs are listed under: one of `Family`, or a name of its own."""
    natural_language: str = ""
    """The language of its rows of text, as the Hub writes it ("en"); "" for rows of symbols. Tokens have none."""
    task_categories: tuple[str, ...] = ("text-generation",)
    """The Hub's categories of what a model learns from its rows."""
    row_formats: ClassVar[tuple[str, ...]]
    """The formats it can make, its default first: document, prompt-completion (no prompt is empty), tokens."""
    books: tuple[str, ...]
    """Names of the row books, in the order of the ledger."""
    uncounted: tuple[str, ...] = ()
    """The row books that nobody can count (`UNKNOWN` units): null in the rows that pay them, as is their total."""
    difficulty: ClassVar[str]
    """What the column `difficulty` counts, in words."""
    capabilities: frozenset[str] = frozenset()
    """What it promises beyond rows; see above."""
    deviations: ClassVar[tuple[Deviation | str, ...]] = ()
    """Where its data, the paper and the released code differ, and what decides it; a text holds of all params."""
    Params: ClassVar[type[TaskParams]]
    """A pydantic model of its params (extra keys forbidden); field descriptions are the documentation."""
    tiny: ClassVar[tuple[Mapping[str, Any], ...]] = ()
    """Params of configurations small enough to enumerate."""
    component_field: ClassVar[str] = ""
    """The latent field with a row's component, as its number in the spec's list; "" for what is no mixture."""
    subject_field: ClassVar[str] = ""
    """The latent field with what a row is about (a person's number): rows of one subject should not share a window.

    `subjects` reads it, or another, where splits divide subjects; `entities` says which the whole split may speak of.
    """
    exposure_field: ClassVar[str] = ""
    """The latent field with how many rows the whole split has about a row's subject, where not all have as many.

    Rows that lack the field are of a split whose subjects are alike.
    """
    template_field: ClassVar[str] = ""
    """The latent field with the hash of a row's template (hex digits), where templates are divided between splits."""

    @classmethod
    def resolve(cls, params: Mapping[str, Any], files: Path) -> Mapping[str, Any]:
        """Return a spec's params with whatever they refer to written out; `files` is the spec's folder."""
        return params

    @property
    def latent_fields(self) -> list[pa.Field]:
        """The fields of the struct `latent`, without its spans."""
        return []

    glossary: Mapping[str, str] = {}
    """What latent fields are called for people, by name; of the others, and of spans, the name with spaces is shown.

    Signs in rows of tokens, too, by what they mean: "<pronoun>"; "<aN>" stands for all of a number, <a0> and <a1>.
    """

    @property
    def span_kinds(self) -> tuple[str, ...]:
        """The kinds of spans in `latent.spans`, as the task's `Codes` name them."""
        return ()

    @property
    def untrained(self) -> tuple[str, ...]:
        """The kinds of spans within completions that are not trained on, where texts become tokens."""
        return ()

    @property
    def extra_fields(self) -> list[pa.Field]:
        """Columns beyond those every task has."""
        return []

    @property
    def masked(self) -> bool:
        """Whether token rows carry a `completion_mask`: only a part of them is trained on."""
        return False

    @property
    def vocab(self) -> Vocab | None:
        """The vocabulary of token rows; None for text."""
        return None

    @property
    def free_text(self) -> bool:
        """Whether its texts are put together from no list of phrases, so that there is no list of words either."""
        return False

    @property
    def markers(self) -> tuple[str, ...]:
        """Words of its texts that a tokenizer turns into one token each."""
        return ()

    @property
    def edges(self) -> tuple[str, str] | None:
        """What completions, as texts, begin and end with: answers that lack it get it. None: judged as they are."""
        return None

    @property
    def modes(self) -> tuple[str, ...]:
        """How its answers can be judged: "strict", and of "steps" and "answer" what `final` knows of."""
        return (STRICT,)

    @property
    def assets(self) -> Mapping[str, Path]:
        """The files or folders that params name, by param: hashed into the content id, and copied beside the data."""
        return {}

    def sidecars(self) -> Mapping[str, str]:
        """Return files that stand beside the shards, text by name."""
        return {}

    def tokenizer_files(self) -> Mapping[str, str]:
        """Return the files of the tokenizer that makes its tokens, text by name; none, where it writes ids itself."""
        return {}

    def text_sources(self) -> Sequence[TextSource]:
        """Return whose texts stand in its rows as they are; none, where a program writes all of them."""
        return ()

    # -- makes: rows --------------------------------------------------------------------------------------------------

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        """Return the rows [start, stop), drawn with `state` (from `draw.new_state`) or replayed from a tape."""
        raise NotImplementedError

    def token_rows(self, start: int, stop: int, state: np.record) -> Rows:
        """Return token rows for windows, which have no use for spans: those may be left out."""
        return self.rows(start, stop, state)

    @property
    def rows_max(self) -> int | None:
        """How many rows there are in all; None for an endless task."""
        return None

    @property
    def ending(self) -> str:
        """Why there are no more rows than `rows_max`, and how to have more, as a clause; "" where that is plain."""
        return ""

    def make_ready(self) -> None:
        """Fetch what rows need from elsewhere; a build asks for it before it begins. Raises SynthgenError."""

    @property
    def without_rows(self) -> str:
        """Why rows cannot be made on this machine, as a clause for people; "" where they can."""
        return ""

    def component_rows(self, rows: int) -> Mapping[str, int]:
        """Return how many of the split's first rows are of each component, by name, where rows are of several."""
        return {}

    def window_components(self) -> Sequence[WindowComponent]:
        """Return the components whose windows are their own; none, where windows are of all rows as they come."""
        return ()

    # -- knows: bits, and what is shared or divided -------------------------------------------------------------------

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        """Return the bits of a row by book, the world's bits, and what else is known of this split.

        `rows` is how many rows of a finite corpus the split holds (None: all), for books that not every row pays.
        Without `estimates`, facts that need a sample of rows, which may take a second, are left at their bound.
        """
        raise NotImplementedError

    def samplings(self) -> Sequence[Sampling]:
        """Return the means that `entropy` takes from sampled rows, for certificates; none, where all are formulas."""
        return ()

    def row_floor(self, rows: Rows) -> np.ndarray:
        """Return the bits that a perfect model pays for each of some rows, (rows,) float64; NaN where it is unknown."""
        return bits_of(rows.units)[:, 0]

    @cached_property
    def _at_once(self) -> Entropy:
        """What is known of the split without any sample."""
        return self.entropy(estimates=False)

    @cached_property
    def row_floor_status(self) -> Status:
        """What kind of number `row_floor` is: of rows that hide some of what is booked, no more than an upper end."""
        if self.uncounted:
            return "unknown"
        entropy = self._at_once
        return "bracket" if entropy.hidden else entropy.status

    @property
    def without_surprisals(self) -> str:
        """Why `surprisals` cannot be had of these params, as a clause for people; "" where it can."""
        known = type(self).surprisals is not Task.surprisals
        return "" if known else f"the law of task {self.name!r} is not known token by token"

    @property
    def prompt_at_once(self) -> bool:
        """Whether `surprisals` tells what a prompt has in all, and only the completion token by token.

        The bits of the prompt stand at its last token then, and its other tokens have 0; what does not begin with a
        whole prompt is inf throughout.
        """
        return False

    def surprisals(self, said: Sequence[int] | str, number: int = 0) -> np.ndarray:
        """Return the bits that a perfect model pays for each token of a row, and for its end, (tokens + 1,) float64.

        Entry i is -log2 of the probability of said[i] behind said[:i], the last one that of the end behind `said`. What
        is said is token ids, or a text (prompt and completion in one), whose tokens are its characters; it may be the
        beginning of a row, or junk: from the first token on that no row has there, entries are inf. What takes too long
        to be known is NaN. The model knows the law and the world, and no other row. `number` is the row's, for laws
        that change along a split. Only where `without_surprisals` is ""; see `prompt_at_once`.
        """
        raise NotImplementedError

    @cached_property
    def without_row_text_bits(self) -> str:
        """Why `row_text_bits` cannot be had of these params, as a clause for people; "" where it can."""
        if self.uncounted:
            return f"nobody can count what is booked as {self.uncounted[0]}"
        hidden, summed_up = self._at_once.hidden, not self.without_surprisals and not self.prompt_at_once
        return "" if summed_up and not self._at_once.unbooked else hidden

    def row_text_bits(self, row: Mapping[str, Any]) -> tuple[float, float]:
        """Return what the text of a row has in bits, where it is known which entity comes next: at least, and at most.

        `row` is one that this task made, with its `id`. Both are the same where they are known exactly: what is booked,
        where the row shows it all, or what its tokens have (`surprisals`). Elsewhere they are two figures of which,
        on average over rows, the first is too low and the second too high; of a single row they may even cross. Only
        where `without_row_text_bits` is "".
        """
        bits = row["bits"]["total"]
        if self._at_once.hidden:
            texts = [row[name] for name in ("text", "prompt", "completion") if name in row]
            said = "".join(texts) if texts else row["input_ids"]
            bits = float(self.surprisals(said, row["id"]).sum())
        return bits, bits

    def knowledge(self) -> Knowledge | None:
        """Return what there is to know of the world that rows speak of; None for a task without one."""
        return None

    def entities(self) -> range | None:
        """Return which of the world's entities (people) rows speak of; None for a task without a world."""
        return None

    @property
    def split_by(self) -> SplitBy:
        """What splits guarantee."""
        return SplitBy.FRESH

    def apart(self, other: Task) -> bool:
        """Return whether this split and `other`, one of the same spec, promise to share no subject (see `subjects`).

        Then they share no row either, unless rows do not show what they are about (see `Entropy.hidden`). By default
        every pair of splits promises it, or none does, as `split_by` says.
        """
        return self.split_by != SplitBy.FRESH

    def subjects(self, batch: pa.RecordBatch) -> np.ndarray | None:
        """Return what a batch's rows are about (int64), where splits divide that (people, keys); None elsewhere."""
        return None

    @property
    def template_half(self) -> str:
        """The part of all templates that this split draws from, by a name of the task's own ("train", "test"). Two
        names share no template; "" is all templates.
        """
        return ""

    # -- reads: from what a reader has --------------------------------------------------------------------------------

    def reread(self, row: Mapping[str, Any]) -> Reread:
        """Return what a reader finds in a row: its verdict on the content, and what the row must state of itself.

        May raise whatever junk raises, and `Misread` for what can be read and is wrong.
        """
        raise NotImplementedError

    def verify(self, row: Mapping[str, Any]) -> Verdict:
        """Judge a whole row by what a reader has: reread it, and hold its statements against that. Never raises."""
        try:
            reread = self.reread(row)
            fault = held_against(row, reread) if reread.verdict.correct else ""
        except Misread as error:
            return Verdict.wrong(str(error))
        except UNREADABLE as error:
            return Verdict.wrong(f"the row cannot be read: {str(error) or type(error).__name__}")
        return Verdict.wrong(fault) if fault else reread.verdict

    def parse(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the latent (without spans) from the row's text or tokens alone; raises ValueError on junk."""
        raise NotImplementedError

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        """Judge a completion of a prompt, each a text or a list of ids; may raise what junk raises.

        The work grows at most linearly with the completion. Scores are shares of what the prompt asks, never of parts
        whose number the completion chooses. Ask `Source.verify` or `Source.reward`: they guard what is handed over.
        """
        return Verdict.wrong(f"task {self.name!r} has no prompts: verify a whole row instead")

    def judge_as(self, prompt: Any, completion: Any, mode: str) -> Verdict:
        """Judge a completion in one of the task's `modes`, whatever stands at its edges; may raise what junk raises.

        What is right as rows are written is right in every mode; else the final answer counts, and perhaps its steps.
        """
        try:
            strict = self.judge(prompt, self._as_rows(completion))
        except UNREADABLE as error:
            if mode == STRICT:
                raise
            strict = Verdict.wrong(str(error), 0)
        if mode == STRICT or strict.correct:
            return strict
        final, said = self.final(prompt), completion if isinstance(completion, str) else self.spelt(completion)
        if len(said) > MOST_FREE:
            return Verdict.wrong(f"format: {len(said):,} characters; of a layout of its own {MOST_FREE:,} are read", 0)
        try:
            verdict = final.judge(final_answer(said, final.looks, final.listing, final.written))
        except Unclear as error:
            return Verdict.wrong(f"format: {error}", 0)
        if mode == STEPS and final.steps is not None and verdict.correct:
            return final.steps(plain(said, final.looks))
        return verdict

    def _as_rows(self, completion: Any) -> Any:
        """Return a completion with the edges that rows have; a text of the names of tokens as ids."""
        if not isinstance(completion, str):
            return completion
        if self.vocab is not None:
            return self.encoded(edges_of(completion))
        return completion if self.edges is None else dressed(completion, self.edges)

    def final(self, prompt: Any) -> Final:
        """Return what a final answer to a prompt looks like, and its judge. Raises ValueError where there is none."""
        raise ValueError(f"task {self.name!r} has no final answers")

    def worded(self, prompt: str) -> str:
        """Return a prompt as a model can be asked it that never saw the data: its rules in words. `judge` takes it too.

        Raises SynthgenError where the task has no such wording, ValueError for what is no prompt.
        """
        raise SynthgenError(f"task {self.name!r} has no wording of its prompts for models that never saw the data")

    def spelt(self, ids: Sequence[int]) -> str:
        """Return token ids as a text: their names, with spaces between them."""
        names = self.vocab.names if self.vocab else {}
        return " ".join(names.get(token_id, str(token_id)) for token_id in ids)

    def encoded(self, text: str) -> Any:
        """Return a text in the names of tokens as `judge` takes it, ids. Raises ValueError for what is no name."""
        ids = {name: token_id for token_id, name in self.vocab.names.items()} if self.vocab else {}
        if unknown := next((word for word in text.split() if word not in ids), None):
            raise ValueError(f"{unknown[:40]!r} is the name of no token")
        return [ids[word] for word in text.split()]

    def longest_answer(self, prompt: Any) -> int | None:
        """Return how long a right answer to a prompt (a text or a list of ids) is at most, or a bound; None: unknown.

        Counted as rows are, in tokens or characters. Four times as much is read, and what is longer is refused unread.
        May raise what junk raises.
        """
        return None

    def certificate(self, rows: int) -> Certificate | None:
        """Return what certifies a split of `rows` rows as a whole, for `check`; None if there is nothing to say."""
        return None

    # -- offers: to people --------------------------------------------------------------------------------------------

    def readable(self, row: Mapping[str, Any]) -> str:
        """Return a token row as `show` prints it."""
        names = self.vocab.names if self.vocab else {}
        return " ".join(names.get(i, str(i)) for i in row["input_ids"])

    def picture(self, row: Mapping[str, Any]) -> Picture:
        """Return what a row looks like, as plain data (`synthgen.task.picture`): by default its text with its spans.

        Made from what a reader has, and from its latent. May raise what junk raises.
        """
        passage = passage_of(row, self.vocab.names if self.vocab else {})
        kinds = kinds_of(span.kind for span in passage.spans)
        says = f", with {', '.join(kind.words for kind in kinds.values())} marked" if kinds else ""
        return Picture(f"A row of task {self.name}{says}.", [passage], kinds)

    def decode(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what a row was made from, for people: its latents, in words where they are numbers of something.

        Values are numbers, texts, and lists and mappings of them; there are no spans. May raise what junk raises.
        """
        return {name: value for name, value in (row.get("latent") or {}).items() if name != "spans"}

    def tree(self, row: Mapping[str, Any]) -> Any:
        """Return the tree behind a row as an `nltk.Tree`. May raise what junk raises."""
        raise SynthgenError(f"task {self.name!r}: its rows have no tree")

    def graph(self, row: Mapping[str, Any]) -> Any:
        """Return the graph that a row speaks of as a `networkx.DiGraph`, whose nodes are called as in its text.

        An edge goes from what is needed to what needs it. May raise what junk raises.
        """
        raise SynthgenError(f"task {self.name!r}: its rows have no graph")

    def rank(self, row: Mapping[str, Any]) -> int:
        """Return the number of what a row says among all that can be said, from 0. May raise what junk raises."""
        raise SynthgenError(f"task {self.name!r}: its rows have no rank")

    def unrank(self, number: int) -> Mapping[str, Any]:
        """Return the row that has a rank, as far as the rank says it: its content, and its latent if it needs one.

        Raises SynthgenError for a number that no row has.
        """
        raise SynthgenError(f"task {self.name!r}: its rows have no rank")

    def chances(self, prompt: Any) -> Mapping[str, float]:
        """Return how often guesses are right that know all but what is named, exactly; none, where nobody says.

        `prompt` is one that this task has written: a text or a list of ids.
        """
        return {}

    @property
    def probings(self) -> Mapping[str, Probing]:
        """What a probe can look for in a model's states when it reads these rows, by name; none, where nothing is."""
        return {}

    def glimpses(self, row: Mapping[str, Any], probing: str) -> Sequence[Glimpse]:
        """Return where a probe looks in a row, one that this task has written, and what it should find there."""
        raise SynthgenError(f"task {self.name!r}: nothing is looked for in its rows")

    def card_notes(self) -> Sequence[str]:
        """Return what a dataset card must say of these params beside what it says of every dataset."""
        return ()

    def stated_deviations(self) -> Sequence[str]:
        """Return where rows of these params, the paper and its released code differ, in sentences for the card."""
        return stated(self.deviations, self.params)

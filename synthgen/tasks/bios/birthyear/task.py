"""Birth years in context, N people and k hops, among sentences of no use (Part 4.1, 2512.17351, section 8).

N people are told their birth years, all different. Every further group of N shares the years of the group before it,
one each, in an order drawn anew. The question is about the last group: k = 1 takes one look, k = 2 two.

    synthgen show birthyear-3-2 -n 2
    synthgen show birthyear-5-1 --split junk_1k
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field, field_validator, model_validator

from synthgen.errors import SynthgenError
from synthgen.exact.bits import Bits
from synthgen.exact.draw import Keys
from synthgen.exact.entropy import Book, Entropy, log2_binomial, log2_factorial, log2_falling
from synthgen.exact.ledger import log2_units
from synthgen.task.assets import read_asset
from synthgen.task.columns import list_column
from synthgen.task.contract import Task, TaskParams
from synthgen.task.family import Family
from synthgen.task.judging import NUMBER, STEPLESS, Final
from synthgen.task.kit.editions import EditionField
from synthgen.task.phrases import Codes, PhraseTable
from synthgen.task.picture import Picture
from synthgen.task.rows import Rows
from synthgen.task.verdict import Misread, Reread, Verdict
from synthgen.tasks.bios.birthyear.fidelity import DEVIATIONS
from synthgen.tasks.bios.birthyear.picture import picture_of
from synthgen.tasks.bios.birthyear.reading import YearReader
from synthgen.tasks.bios.birthyear.wording import JUNK, junk_templates, junk_values
from synthgen.tasks.bios.birthyear.writing import (
    BOOKS,
    SPAN_KINDS,
    Layout,
    Phrases,
    Problems,
    Stages,
    write_problems,
)
from synthgen.tasks.bios.world.lists import Sizes, read_lists
from synthgen.tasks.bios.world.population import tiny_sizes


class BirthYearParams(TaskParams):
    """Params of the task `birthyear`."""

    people: int = Field(5, ge=2, le=60, description="N, the people of each group")
    hops: int = Field(1, ge=1, le=8, description="k, the groups: years are told to the first, shared by all others")
    first_year: int = Field(1950, ge=1000, le=9000, description="the first birth year")
    years: int = Field(60, ge=2, le=999, description="how many birth years there are, from the first on")
    junk: int = Field(
        0, ge=0, le=1000, description="sentences of other biographies around the facts, some 16 tokens each"
    )
    asked: Literal["first", "any"] = Field(
        "first", description="who of the last group is asked about: its first, as released, or anybody"
    )
    instruction: str = Field("", description="what stands before everything else, if anything")
    lists: str = Field("", description="a folder of word lists and templates; files it lacks are the package's own")
    sizes: Sizes = Field(Sizes(), description="how much of each list is used; by default all")
    edition: EditionField = 1

    @field_validator("instruction")
    @classmethod
    def _tight(cls, text: str) -> str:
        if text != text.strip():
            raise ValueError("no space around it: an empty line is put behind it")
        return text

    @model_validator(mode="after")
    def _enough_years(self) -> BirthYearParams:
        if self.years < self.people:
            raise ValueError(f"years = {self.years}: {self.people} people are born in different ones; take more")
        return self


class BirthYear(Task):
    """Multi-hop retrieval in context: birth years that are told, or shared with somebody else, among junk."""

    name = "birthyear"
    version = 1
    paper = "2512.17351"
    family = Family.PLAYGROUND
    natural_language = "en"
    task_categories = ("text-generation", "question-answering")
    row_formats = ("prompt-completion",)
    glossary: Mapping[str, str] = {"links": "whose years are shared", "asked": "asked about"}
    books = BOOKS
    difficulty = "hops to the answer"
    span_kinds = SPAN_KINDS
    deviations = DEVIATIONS
    capabilities = frozenset({"exact", "injective", "enumerable", "parses"})
    Params: ClassVar = BirthYearParams
    tiny: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"people": 2, "hops": 2, "years": 2, "sizes": tiny_sizes(), "asked": "any"},
        {"people": 2, "years": 2, "junk": 1, "sizes": tiny_sizes(first_names=3, last_names=1)},
    )

    def __init__(self, params: BirthYearParams, keys: Keys, files: Path, row_format: str = "") -> None:
        super().__init__(params, keys, files, row_format)
        self.lists = read_lists(self.assets.get("lists"), params.sizes, params.edition)
        needed = self._facts + (params.junk > 0)
        if needed > self.lists.names:
            raise SynthgenError(
                f"params.people x hops = {self._facts}: the lists have {self.lists.names} full names, {needed} are "
                "needed; take fewer people or longer lists"
            )
        self._templates, self._values = junk_templates(self.lists), junk_values(self.lists)
        if params.junk and not all(self._templates.values()):
            bare = next(attribute for attribute, texts in self._templates.items() if not texts)
            raise SynthgenError(f"params.junk = {params.junk}: no sentence for {bare} is without a pronoun; add one")
        self._stages = Stages.of(keys)
        self._layout = Layout(params.people, params.hops, params.junk, params.years, int(params.asked == "any"))

    @property
    def _facts(self) -> int:
        return self.params.people * self.params.hops

    @property
    def assets(self) -> Mapping[str, Path]:
        return {"lists": read_asset(self.files, self.params.lists, "params.lists")} if self.params.lists else {}

    @property
    def latent_fields(self) -> list[pa.Field]:
        kinds = {"names": pa.list_(pa.int64()), "years": pa.list_(pa.int16()), "links": pa.list_(pa.int16())}
        kinds |= {"asked": pa.int16(), "answer": pa.int16()}
        return [pa.field(name, kind) for name, kind in kinds.items()]

    # -- rows ---------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def _phrases(self) -> tuple[PhraseTable, Phrases]:
        table, params = PhraseTable(), self.params
        return table, Phrases.of(table, self.lists, params.instruction, params.first_year, params.years)

    def rows(self, start: int, stop: int, state: np.record) -> Rows:
        params, layout, (table, phrases), rows = self.params, self._layout, self._phrases, stop - start
        out = Problems.new(rows, layout, phrases.longest(layout))
        used = write_problems(state, start, stop, self._stages, layout, phrases, out)
        years = (out.years + params.first_year).astype(np.int16)
        ends = np.arange(1, rows + 1)
        latent = {
            "names": list_column(ends * out.names.shape[1], out.names.reshape(-1), pa.int64()),
            "years": list_column(ends * params.people, years.reshape(-1), pa.int16()),
            "links": list_column(ends * out.links.shape[1], out.links.astype(np.int16).reshape(-1), pa.int16()),
            "asked": pa.array(out.asked[:, 0].astype(np.int16)),
            "answer": pa.array((out.asked[:, 1] + params.first_year).astype(np.int16)),
        }
        content = Codes(table, out.codes[:used], out.ends, SPAN_KINDS, parts=2)
        return Rows(content, np.full(rows, params.hops, np.int32), out.units, latent)

    # -- entropy ------------------------------------------------------------------------------------------------------

    def entropy(self, rows: int | None = None, estimates: bool = True) -> Entropy:
        params, facts, every = self.params, self._facts, self.lists.names
        kinds = [math.log2(len(self._templates[a])) + math.log2(len(self._values[a])) for a in JUNK if params.junk]
        sentence = math.log2(len(JUNK)) + math.fsum(kinds) / len(JUNK) + math.log2(every - facts) if kinds else 0.0
        bits = {
            "names": log2_falling(every, facts),
            "years": log2_falling(params.years, params.people),
            "links": (params.hops - 1) * log2_factorial(params.people),
            "question": math.log2(params.people) * (params.asked == "any"),
            "places": log2_binomial(facts + params.junk, facts) if params.junk else 0.0,
            "junk": params.junk * sentence,
        }
        known = {
            "answer_bits": math.log2(params.years),
            "answer_bits_given_the_text": 0.0,
            "guess_among_those_told": 1 / params.people,
            "uniform_guess_accuracy": 1 / params.years,
            "sentences": facts + params.junk,
        }
        return Entropy({name: Book(Bits(value)) for name, value in bits.items()}, known)

    # -- checking -----------------------------------------------------------------------------------------------------

    @functools.cached_property
    def reader(self) -> YearReader:
        """The judge, made from the lists alone."""
        return YearReader(self.lists, self.params.instruction)

    def decode(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        latent, people = super().decode(row), self.params.people
        names = [self.reader.name(number) for number in latent["names"]]
        shared = [names[place // people * people + link] for place, link in enumerate(latent["links"])]
        return {**latent, "names": names, "links": shared, "asked": names[latent["asked"] - people]}

    def picture(self, row: Mapping[str, Any]) -> Picture:
        """Return a table of whose birth year is whose, with the one that is asked for."""
        return picture_of(self.reader.read(row["prompt"], junk=True), self.params.people)

    def parse(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the latent that the prompt shows."""
        return self.reader.problem(row["prompt"], self.params.people)[1]

    def judge(self, prompt: Any, completion: Any) -> Verdict:
        return self.reader.judge(prompt, completion)

    modes, edges = STEPLESS, (" ", "")

    def final(self, prompt: Any) -> Final:
        """The year."""
        return Final(NUMBER, lambda said: self.judge(prompt, said))

    def longest_answer(self, prompt: Any) -> int:
        return len(" 2009.")

    def reread(self, row: Mapping[str, Any]) -> Reread:
        """Read every sentence, follow the links, and count what was drawn for it."""
        params, prompt, completion = self.params, row["prompt"], row["completion"]
        problem, shown = self.reader.problem(prompt, params.people)
        year, facts = shown["answer"], len(problem.facts)
        if completion != f" {year}.":
            raise Misread(f"the completion is {completion[:80]!r}, the birth year is {year}")
        if facts != self._facts or len(problem.junk) != params.junk:
            raise Misread(
                f"{facts} facts and {len(problem.junk)} sentences of junk, not {self._facts} and {params.junk}"
            )
        if any(not 0 <= told - params.first_year < params.years for told in shown["years"]):
            raise Misread("somebody is born in another century")
        if params.asked == "first" and shown["asked"]:
            raise Misread("the person asked about is not the first of the last group")
        every, units = self.lists.names, lambda number: int(log2_units(number))
        sentences = facts + params.junk
        junk = [len(JUNK), every - facts] if params.junk else []
        books = {
            "names": sum(units(every - k) for k in range(facts)),
            "years": sum(units(params.years - k) for k in range(params.people)),
            "links": (params.hops - 1) * sum(units(k) for k in range(2, params.people + 1)),
            "question": units(params.people) * (params.asked == "any"),
            "places": sum(units(sentences - k) for k in range(facts)) - sum(units(k) for k in range(2, facts + 1)),
            "junk": params.junk * sum(map(units, junk))
            + sum(units(len(self._templates[a])) + units(len(self._values[a])) for a, _ in problem.junk),
        }
        start = len(prompt) + 1
        spans = {"fact": [place for *_, place in problem.facts], "answer": [(start, start + len(str(year)))]}
        return Reread(params.hops, books, shown, spans)

"""Relations as people may give them: their law, their name, and the sentences that state them (`lists/relations.toml`).

All are linted when they are read: no two say the same, and no name of a relation stands where a wording would end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthgen.errors import SynthgenError, nearest
from synthgen.task.assets import cached_by_contents
from synthgen.task.entries import unseen
from synthgen.task.foreign import read_toml
from synthgen.task.kit.editions import Edition
from synthgen.tasks.bios.questions.forms import read_questions
from synthgen.tasks.bios.relations.laws import LAWS
from synthgen.tasks.bios.world.lists import ATTRIBUTES, path_of

FILE = "relations.toml"
QUESTIONS, WHO = "questions", "who"

STYLES = ("sentence", "triple", "json")
"""How a row may be worded: in sentences, as `A | mentor | B`, or as JSON."""
SENTENCE, TRIPLE, JSON = range(len(STYLES))

PERSON = "person"
"""What a question asks for that ends at somebody and not at a fact of theirs."""

TARGETS = (*ATTRIBUTES, PERSON)

FACT_NAMES = {attribute: attribute.replace("_", " ") for attribute in ATTRIBUTES}
"""What facts are called in triples and in JSON."""


@dataclass(frozen=True)
class Relation:
    """A relation between people."""

    key: str  # what specs call it
    law: str  # one of LAWS
    name: str
    statements: tuple[str, ...]


@dataclass(frozen=True)
class RelationLists:
    """All relations by key, the wordings of "who is it?", and those of questions for facts, by attribute."""

    relations: dict[str, Relation]
    who: tuple[str, ...]
    facts: dict[str, tuple[str, ...]]

    def questions(self, target: str) -> tuple[str, ...]:
        """Return the wordings of the question for a target, with {A} for whom it is about."""
        return self.who if target == PERSON else self.facts[target]

    def chosen(self, keys: tuple[str, ...]) -> tuple[Relation, ...]:
        """Return the relations of some keys. Raises SynthgenError for one that no list has."""
        for key in keys:
            if key not in self.relations:
                hint = nearest(key, self.relations)
                raise SynthgenError(f"params.relations: {key!r} is no relation of {FILE}{hint}")
        return tuple(self.relations[key] for key in keys)


@cached_by_contents(32)
def read_relations(folder: Path | None, edition: Edition) -> RelationLists:
    """Read and lint the relations of a folder of lists, or else ours; the questions for facts are those of `qa`.

    Raises SynthgenError that names the file, the relation and the sentence.
    """
    path = path_of(folder, FILE)
    table = read_toml(path)
    who = _texts(path, QUESTIONS, table.pop(QUESTIONS, {}), (WHO,))[WHO]
    for wording in who:
        if re.findall(r"\{[^}]*\}", wording) != ["{A}"] or not wording.endswith(("?", ".")) or "{A}'s" in wording:
            raise SynthgenError(f"{path}: {QUESTIONS}: {wording!r}: a wording holds {{A}} once and ends with ? or .")
    relations = {}
    shapes: dict[str, str] = {}
    for key, entry in table.items():
        given = _texts(path, key, entry, ("law", "name", "statements"))
        (law, *_), (name, *_) = given["law"], given["name"]
        if law not in LAWS:
            raise SynthgenError(f"{path}: {key}: law = {law!r}: take one of {', '.join(LAWS)}")
        if not re.fullmatch(r"[a-z]+( [a-z]+)*", name) or not re.fullmatch(r"[a-z][a-z_]*", key):
            raise SynthgenError(f"{path}: {key}: a relation's key and name ({name!r}) are plain small letters")
        if key in ("name", *TARGETS) or name in FACT_NAMES.values():
            raise SynthgenError(f"{path}: {key}: a fact is called so; give the relation another key and name")
        for statement in given["statements"]:
            shape = _lint_statement(path, key, statement)
            if shape in shapes:
                raise SynthgenError(f"{path}: {key}: {statement!r} says the same as one of {shapes[shape]}")
            shapes[shape] = key
        relations[key] = Relation(key, law, name, given["statements"])
    names = [relation.name for relation in relations.values()]
    if len(set(names)) < len(names):
        raise SynthgenError(f"{path}: two relations are called alike")
    facts = {attribute: read_questions(folder, edition)[f"extract.{attribute}"] for attribute in ATTRIBUTES}
    for wording in (*who, *(wording for wordings in facts.values() for wording in wordings)):
        if clash := [name for name in names if f"}}'s {name}" in wording]:
            raise SynthgenError(f"{path}: the relation {clash[0]!r} cannot be told from {wording!r}; call it otherwise")
    return RelationLists(relations, who, facts)


def _texts(path: Path, key: str, entry: Any, fields: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return the texts of a table's fields, a single one as a list of one."""
    if not isinstance(entry, dict) or set(entry) != set(fields):
        raise SynthgenError(f"{path}: {key}: need a table with {', '.join(fields)}, and nothing else")
    texts = {}
    for field in fields:
        value = entry[field] if field in ("statements", WHO) else [entry[field]]
        if not isinstance(value, list) or not value or not all(isinstance(text, str) and text for text in value):
            raise SynthgenError(f"{path}: {key}.{field}: need {'texts' if value is entry[field] else 'a text'}")
        if len(set(value)) < len(value):
            raise SynthgenError(f"{path}: {key}.{field}: one stands there twice")
        for text in value:
            if fault := unseen(text):
                raise SynthgenError(f"{path}: {key}.{field}: {text!r}: {fault}")
        texts[field] = tuple(value)
    return texts


def _lint_statement(path: Path, key: str, statement: str) -> str:
    """Return how a statement reads of somebody by name: two that read the same could not be told apart."""
    markers = re.findall(r"\{([^}]*)\}", statement)
    people = [marker for marker in markers if marker in ("S", "S's", "O")]
    if markers.count("v") != 1 or len(people) != 1:
        fault = "a statement holds {v} once and one of {S}, {S's}, {O} once"
    elif any(not re.fullmatch(r"v|S|S's|O|[^:|]*\|[^|]*", marker) for marker in markers):
        fault = "its markers are {S}, {S's}, {O}, {v} and forms such as {has|have}"
    elif statement != statement.strip() or not statement.endswith(".") or ". " in statement or ".." in statement:
        fault = "a statement is one sentence, ends with its only full stop, and has no space around it"
    else:
        return re.sub(r"\{([^}|]*)[^}]*\}", lambda m: {"S": "A", "S's": "A's", "O": "A"}.get(m[1], m[1]), statement)
    raise SynthgenError(f"{path}: {key}: {statement!r}: {fault}")

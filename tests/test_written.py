"""Tables that people write, written out again: which fields are left out, and what an interruption becomes."""

import re
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

import synthgen
from synthgen.errors import Terminated
from synthgen.task.written import IDENTITY, NEWER, TOLD, Written


class Leaf(Written):
    old: int = 1
    newer: Annotated[int, NEWER] = 2
    told: Annotated[str, TOLD] = "-"


class Plain(BaseModel):
    leaf: Leaf = Leaf()


class Tree(Written):
    leaf: Leaf = Leaf(newer=3)
    leaves: tuple[Leaf, ...] = (Leaf(), Leaf(newer=3))
    named: dict[str, Leaf] = Field(default_factory=lambda: {"a": Leaf()})
    plain: Plain = Plain()
    either: Leaf | Plain | None = None
    anything: Any = ({"newer": 2}, [2])


@pytest.mark.parametrize("mode", ["python", "json"])
def test_fields_are_left_out_wherever_their_model_stands(mode):
    sequence = tuple if mode == "python" else list
    table = {
        "leaf": {"old": 1, "newer": 3, "told": "-"},
        "leaves": sequence([{"old": 1, "told": "-"}, {"old": 1, "newer": 3, "told": "-"}]),
        "named": {"a": {"old": 1, "told": "-"}},
        "plain": {"leaf": {"old": 1, "told": "-"}},
        "either": None,
        "anything": sequence([{"newer": 2}, [2]]),
    }
    assert Tree().model_dump(mode=mode) == table
    assert Tree(either=Leaf()).model_dump(mode=mode, include={"either"}) == {"either": {"old": 1, "told": "-"}}
    assert Tree().model_dump(mode=mode, include={"leaf"}, context=IDENTITY) == {"leaf": {"old": 1, "newer": 3}}
    assert Tree().model_dump(mode=mode, exclude_defaults=True) == {}


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), Terminated(), MemoryError("1 TiB")])
@pytest.mark.parametrize("table", [Leaf(), Tree()])
def test_what_is_raised_while_a_table_is_written_out_is_what_arrives(monkeypatch, raised, table):
    """Ctrl-C comes between any two steps of Python, and pydantic hides what its serializers raise."""

    class Raising(type(Leaf.model_fields["old"])):
        @property
        def metadata(self):
            raise raised

        @metadata.setter
        def metadata(self, value):
            """Fields set it as they are made."""

    monkeypatch.setitem(Leaf.model_fields, "old", Raising(default=1))
    with pytest.raises(type(raised)) as caught:
        table.model_dump()
    assert caught.value is raised


def test_no_model_has_python_that_pydantic_calls_to_write_it_out():
    package = Path(synthgen.__file__).parent
    hides = r"model_serializer|field_serializer|computed_field|PlainSerializer|WrapSerializer|model_dump_json"
    assert [file for file in package.rglob("*.py") if re.search(hides, file.read_text("utf-8"))] == []

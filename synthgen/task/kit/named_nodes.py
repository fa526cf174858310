"""Named nodes: how many nodes a row has and what they are called, for tasks about graphs of named nodes (Part 4.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from synthgen.errors import SynthgenError
from synthgen.task.kit.sizes import SizeLaw, SizeLawName
from synthgen.task.kit.words import Words


class NodeParams(Protocol):
    """What the params of such a task say."""

    @property
    def nodes(self) -> int:
        """The most nodes of a row."""
        ...

    @property
    def smallest(self) -> int:
        """The fewest nodes of a row."""
        ...

    @property
    def size(self) -> SizeLawName:
        """The law of the number of nodes."""
        ...

    @property
    def symbols(self) -> int:
        """How many symbols names are made of."""
        ...

    @property
    def name_tokens(self) -> tuple[int, int]:
        """The fewest and the most tokens of a name."""
        ...


@dataclass(frozen=True)
class NamedNodes:
    """The law of the number of nodes, and of their names."""

    sizes: SizeLaw
    words: Words

    @classmethod
    def of(cls, params: NodeParams) -> NamedNodes:
        """Return the laws that params ask for. Raises SynthgenError where there are too few names, or too many."""
        try:
            words = Words.of(params.symbols, *params.name_tokens, params.nodes)
        except ValueError as error:
            raise SynthgenError(f"params.nodes, name_tokens, vocabulary: {error}") from None
        return cls(SizeLaw.of(params.size, params.smallest, params.nodes), words)

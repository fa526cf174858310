"""The worlds behind a mixture: what its components share is counted once, and whom only one of them speaks of."""

from __future__ import annotations

from collections.abc import Sequence

from synthgen.exact.bits import Bits, at_most
from synthgen.exact.entropy import Book, Draws, Entropy, log2_binomial
from synthgen.mixture.gather import Component


def world_books(components: Sequence[Component], entropies: Sequence[Entropy]) -> dict[str, Book]:
    """Return the components' world books; what two components share stands once.

    They share a book of equal draws and bits if they are about the same people, or name none. Other people's draws
    from the same urn are counted after those before: it has so many values less. People that are in two components,
    though neither has all of the other's, are counted twice: then the book is an upper bound.
    """
    books: dict[str, Book] = {}
    seen: list[tuple[Draws, float]] = []
    for component, entropy in zip(components, entropies, strict=True):
        for name, book in entropy.books.items():
            draws, bits = book.draws or Draws(name, component.task.entities()), book.bits
            if book.scope != "world" or (draws, bits.value) in seen or (name in books and bits.value == 0):
                continue
            if bits.value and any(draws.overlaps(other) for other, _ in seen):
                bits = at_most(bits.value, "components share a part of their worlds")
            elif draws.urn and draws.entities is not None:
                before = sum(len(other.entities or ()) for other, _ in seen if other.name == draws.name)
                bits = Bits(log2_binomial(draws.urn - before, len(draws.entities)))
            books[name if name not in books else f"{component.name}.{name}"] = Book(bits, "world", draws)
            seen.append((draws, book.bits.value))
    return books


def speak_apart(one: Entropy, other: Entropy) -> bool:
    """Return whether rows show of which entities they are, and those of the two are different ones of one urn."""
    if one.hidden or other.hidden:
        return False
    drawn = [[book.draws for book in entropy.books.values() if book.draws] for entropy in (one, other)]
    return any(a.urn and a.name == b.name and not a.overlaps(b) for a in drawn[0] for b in drawn[1])

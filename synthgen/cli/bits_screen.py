"""What `synthgen entropy` shows: bits by book, how each figure is known, and the facts in groups."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from synthgen.cli.console import print_lines, print_pairs, stdout
from synthgen.exact.bits import Bits
from synthgen.exact.entropy import Entropy
from synthgen.exact.glossary import book_words, told_facts


def print_entropy(entropy: Entropy) -> None:
    """Print bits by book, of the text and what a perfect model pays, each with how it is known; why; and the facts."""
    console = stdout()
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column, justify in (("", "left"), ("bits", "right"), ("known", "left")):
        table.add_column(column, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    reasons: dict[str, list[str]] = {}
    for heading, figures in _figures(entropy).items():
        table.add_row(heading, "", "", style="bold")
        for name, bits in figures.items():
            table.add_row(f"  {book_words(name)}", str(bits), _known(bits))
            if bits.reason and name != BOOKED and not name.startswith(PAID):
                reasons.setdefault(bits.reason, []).append(book_words(name))
    console.print(Text(f"{entropy.spec}, split {entropy.split}", style="bold"))
    console.print(table)
    if reasons or entropy.text.level < 1:
        console.print(Text("why not exact", style="bold"))
        for reason, names in reasons.items():
            print_lines(console, Text(f"{', '.join(names)}: {reason}"), 2)
        if entropy.text.level < 1:
            chance = f"{1 - entropy.text.level:.0e}".replace("e-0", "e-")
            print_lines(console, Text(f"{TEXT} is between its two ends but for a chance of {chance}"), 2)
    for group, facts in told_facts(entropy.facts, "screen").items():
        console.print(Text(group, style="bold"))
        print_pairs(console, facts)


TEXT, BOOKED, PAID = "its text", "all that was drawn", "for a "


def _figures(entropy: Entropy) -> dict[str, dict[str, Bits]]:
    """Return the figures by heading and name."""
    of_row = {name: book.bits for name, book in entropy.books.items() if book.scope == "row"}
    if entropy.text != entropy.booked:
        of_row[BOOKED] = entropy.booked
    figures = {"a row, on average": {**of_row, TEXT: entropy.text}}
    floor = {f"{PAID}{name}": bits for name, bits in entropy.floor._asdict().items() if bits is not None}
    if floor and (entropy.unbooked or entropy.floor.token is not None):
        figures["a perfect model that knows the world pays"] = floor
    if world := {name: book.bits for name, book in entropy.books.items() if book.scope == "world"}:
        figures["the world, once"] = {**world, "all of it": entropy.world}
    return figures


def _known(bits: Bits) -> str:
    """Return how a figure is known, in a few words."""
    if bits.status != "bracket":
        return bits.status
    return f"{bits.n:,} rows" if bits.n else "bound"

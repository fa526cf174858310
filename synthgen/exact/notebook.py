"""What a notebook shows of an object: a small table, in which every text is text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any


def html_table(caption: str, header: Sequence[str], rows: Iterable[Sequence[Any]], note: str = "") -> str:
    """Return a table as HTML that takes its colours and fonts from the notebook; numbers stand to the right."""
    head = "".join(f'<th style="text-align: left">{escape(name)}</th>' for name in header)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    below = f'<div style="opacity: 0.7">{escape(note)}</div>' if note else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f"<div><div><strong>{escape(caption)}</strong></div>{table}{below}</div>"


def _cell(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        text = f"{value:,}" if isinstance(value, int) else f"{value:,.4f}"
        return f'<td style="text-align: right">{text}</td>'
    return f'<td style="text-align: left; white-space: pre-wrap">{escape(str(value))}</td>'

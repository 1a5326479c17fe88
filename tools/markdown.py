"""The few pieces of Markdown that generated pages are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import fill

NOTE = "Written from the code by `tools/reference.py`; do not edit."


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; bars inside cells are escaped, line ends become spaces."""

    def line(cells: Sequence[object]) -> str:
        shown = (" ".join(str(cell).split()).replace("|", r"\|") for cell in cells)
        return "| " + " | ".join(shown) + " |"

    return "\n".join([line(head), "|" + "---|" * len(head), *(line(row) for row in rows)])


def page(title: str, *parts: str) -> str:
    """A page; a part that is one long line is prose and is wrapped."""
    wrapped = (part if "\n" in part else fill(part, 110) for part in parts)
    return "\n\n".join([f"# {title}", NOTE, *wrapped]) + "\n"


def code(words: Iterable[str], none: str = "") -> str:
    return ", ".join(f"`{each}`" for each in words) or none

"""Finds the lines that the source writes to the log, without importing anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.trees import tree_of

LEVELS = ("debug", "info", "warning", "error", "exception", "critical")
OUTSIDE = ("app/demo", "simulation/")
"""Towns that are played: their lines come from nobody's node."""


@dataclass(frozen=True, slots=True)
class Line:
    """One event of the log: all levels and fields with which it is written, and by which files."""

    name: str
    levels: tuple[str, ...]
    fields: tuple[str, ...]
    where: str


def log_lines(source: Path) -> list[Line]:
    """Every event, by name; those of one name in several files are one."""
    found: dict[str, tuple[set[str], set[str], set[str]]] = {}
    for path in sorted(source.rglob("*.py")):
        where = str(path.relative_to(source))
        if where.startswith(OUTSIDE):
            continue
        for name, level, fields in _of(tree_of(path)):
            levels, named, places = found.setdefault(name, (set(), set(), set()))
            levels.add(level)
            named.update(fields)
            places.add(where)
    return [
        Line(name, tuple(sorted(levels)), tuple(sorted(fields)), ", ".join(sorted(places)))
        for name, (levels, fields, places) in sorted(found.items())
    ]


def _of(tree: ast.Module) -> Iterator[tuple[str, str, list[str]]]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="log"), attr=level),
                args=[ast.Constant(value=str(name)), *_],
                keywords=keywords,
            ) if level in LEVELS:
                yield name, level, [each.arg for each in keywords if each.arg]
            case _:
                pass

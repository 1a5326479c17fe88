"""Finds the named limits of the source with their reasons, without importing anything."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.trees import tree_of

NAMED = re.compile(r"^[A-Z][A-Z0-9_]*$")
BOUNDS = re.compile(
    r"(_MAX|_MIN|_LIMIT|_BYTES|_BATCH|_LENGTH|_PATIENCE|_TOLERANCE|_WINDOW|_EVERY|_S|_MS|_PX"
    r"|_PIXELS|_BUDGET|_RESERVE|_CHUNK|_KEPT)$|_MAX_|LIMIT|BACKLOG|PREFETCH|ATTEMPTS|QUALITY"
)


OUTSIDE = ("app/demo", "simulation/")
"""Towns that are played: their numbers bound nobody's node."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One constant: its value as written, its file, and why it is so ("" where nobody says)."""

    name: str
    value: str
    where: str
    reason: str


def named_limits(source: Path) -> list[Limit]:
    """Every public upper-case constant of a module that bounds something, in order of files."""
    return [
        limit
        for path in sorted(source.rglob("*.py"))
        if not str(path.relative_to(source)).startswith(OUTSIDE)
        for limit in _of(path, source)
    ]


def _of(path: Path, source: Path) -> Iterator[Limit]:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    body = tree_of(path).body
    for place, node in enumerate(body):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name, value = node.target.id, node.value
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, node.value
        else:
            continue
        if value is None or not NAMED.match(name) or not BOUNDS.search(name):
            continue
        if not _is_amount(value):
            continue
        after = body[place + 1] if place + 1 < len(body) else None
        reason = _docstring(after) or _comment(lines[(node.end_lineno or node.lineno) - 1])
        yield Limit(
            name, ast.unparse(value), str(path.relative_to(source)), " ".join(reason.split())
        )


def _is_amount(value: ast.expr) -> bool:
    """A number, a product of numbers, or a span of time."""
    if isinstance(value, ast.Call):
        return ast.unparse(value.func) in ("timedelta", "datetime.timedelta")
    if isinstance(value, ast.BinOp):
        return _is_amount(value.left) and _is_amount(value.right)
    return isinstance(value, ast.Constant) and isinstance(value.value, int | float)


def _docstring(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return node.value.value if isinstance(node.value.value, str) else ""
    return ""


def _comment(line: str) -> str:
    _, mark, words = line.partition("  # ")
    return words if mark else ""

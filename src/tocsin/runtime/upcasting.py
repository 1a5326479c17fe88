"""Old journal entries read as today's: pure functions from one JSON object to another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Upcaster = Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]

UPCASTERS: dict[str, Upcaster] = {}
"""By retired name. Each takes the stored fields and gives the name that follows and its fields;
each has a golden file in tests/golden/upcasts."""


def upcast(name: str, fields: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Follow retired names to a living one. Raises KeyError for a name that never existed."""
    while name in UPCASTERS:
        name, fields = UPCASTERS[name](fields)
        if name not in UPCASTERS:
            return name, fields
    raise KeyError(f"unknown journal name {name!r}")

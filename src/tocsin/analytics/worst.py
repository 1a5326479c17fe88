"""Which devices make too much of the load: those get a work order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tocsin.analytics.scorecard import TOP, Row, Window, counted, sources
from tocsin.kernel.shared import AssetId

WORST_MIN: Final = 10
"""Announcements in the span under which no source is among the worst."""


def worst(rows: Iterable[Row], window: Window, limit: int) -> list[tuple[AssetId, int]]:
    """Devices that make too much of the load, the worst first: of the ten most frequent those with
    at least `WORST_MIN` announcements in the window."""
    ranked = sources(counted(rows), window)[:TOP]
    return [(asset, count) for asset, count in ranked if asset and count >= WORST_MIN][:limit]

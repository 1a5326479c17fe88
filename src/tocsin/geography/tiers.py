"""One area of the place tree: county, town, village or community, grid cell."""

from __future__ import annotations

from dataclasses import dataclass

from shapely import MultiPolygon, Polygon

from tocsin.kernel.shared import TIERS, AreaId, Tier

Names = tuple[tuple[str, str], ...]
"""(language tag, name) pairs, one a language, sorted by tag: ("en", "Old Town"), ("zh-CN", …)."""

Outline = Polygon | MultiPolygon


class AtlasError(ValueError):
    """The areas do not make a place tree. The text says which area and why; safe to show."""


@dataclass(frozen=True, slots=True)
class Area:
    """A piece of ground with a name, and the area it is part of.

    `polygon` is in degrees, WGS84. `parent` is None for a county only. Equality and hash go by
    value, the polygon's coordinates included.
    """

    id: AreaId
    tier: Tier
    name: Names
    parent: AreaId | None
    polygon: Outline

    def name_in(self, lang: str) -> str:
        """The name in a language; else in English, else in any, else the id."""
        names = dict(self.name)
        return names.get(lang) or names.get("en") or next(iter(names.values()), self.id)


def names_of(**by_lang: str) -> Names:
    """`Names` from keywords; `zh_CN` becomes `zh-CN`."""
    return tuple(sorted((lang.replace("_", "-"), name) for lang, name in by_lang.items()))


def tier_above(tier: Tier) -> Tier | None:
    """The tier that owns this one; None above the county."""
    rank = TIERS.index(tier)
    return TIERS[rank - 1] if rank else None

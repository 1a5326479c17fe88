"""Areas to and from a GeoJSON FeatureCollection (RFC 7946), as plain dicts; reading no file.

Each feature's properties: `id`, `tier`, `parent` (null for a county) and `name.<language>`, one
for each language, such as `name.en` and `name.zh-CN`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import shapely
from shapely.geometry import mapping, shape

from tocsin.geography.checks import MAX_AREAS
from tocsin.geography.tiers import Area, AtlasError, Names, Outline
from tocsin.kernel.shared import TIERS, AreaId

NAME_PREFIX = "name."


def to_geojson(areas: Iterable[Area]) -> dict[str, Any]:
    """A FeatureCollection in the given order; `from_geojson` gives back equal areas."""
    return {"type": "FeatureCollection", "features": [_feature(area) for area in areas]}


def from_geojson(document: Mapping[str, Any]) -> tuple[Area, ...]:
    """The areas of a FeatureCollection, in its order.

    Raises `AtlasError` naming the feature by its position. Whether the areas fit together is for
    the `Atlas` to check.
    """
    features = document.get("features")
    if document.get("type") != "FeatureCollection" or not isinstance(features, list):
        raise AtlasError("not a GeoJSON FeatureCollection")
    listed = cast("list[object]", features)
    if len(listed) > MAX_AREAS:
        raise AtlasError(f"{len(listed)} features; the limit is {MAX_AREAS}")
    return tuple(_area(feature, position) for position, feature in enumerate(listed))


class GeometryError(ValueError):
    """A GeoJSON that holds no areas. The text says what is wrong; safe to show."""


def geometries_of(document: object) -> tuple[Outline, ...]:
    """The polygons of a FeatureCollection without names or tiers, in its order. GeometryError."""
    held = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    features = held.get("features")
    if held.get("type") != "FeatureCollection" or not isinstance(features, list):
        raise GeometryError("not a GeoJSON FeatureCollection")
    found: list[Outline] = []
    for position, feature in enumerate(cast("list[Any]", features)):
        try:
            outline = shape(feature["geometry"])
        except (TypeError, KeyError, IndexError, ValueError, AttributeError, shapely.GEOSException):
            outline = None
        if outline is None or outline.geom_type not in ("Polygon", "MultiPolygon"):
            raise GeometryError(f"feature {position} has no polygon")
        if not outline.is_valid:
            raise GeometryError(f"feature {position} crosses itself")
        found.append(cast(Outline, outline))
    return tuple(found)


def _feature(area: Area) -> dict[str, Any]:
    properties: dict[str, str | None] = {
        "id": area.id,
        "tier": area.tier,
        "parent": area.parent,
    }
    properties |= {NAME_PREFIX + lang: name for lang, name in area.name}
    return {
        "type": "Feature",
        "id": area.id,
        "properties": properties,
        "geometry": _plain(mapping(area.polygon)),
    }


def _plain(geometry: Mapping[str, Any]) -> dict[str, Any]:
    """Tuples as lists, so that the dict equals itself after a trip through JSON."""

    def lists(value: object) -> object:
        if isinstance(value, list | tuple):
            return [lists(part) for part in cast("Sequence[object]", value)]
        return value

    return {"type": geometry["type"], "coordinates": lists(geometry["coordinates"])}


def _area(feature: object, position: int) -> Area:
    where = f"feature {position}"
    properties = _object(_object(feature, where).get("properties"), f"{where}, properties")
    area_id, tier, parent = (properties.get(key) for key in ("id", "tier", "parent"))
    if not isinstance(area_id, str):
        raise AtlasError(f"{where} has no id")
    if tier not in TIERS:
        raise AtlasError(f"{where}: tier must be one of {', '.join(TIERS)}")
    if parent is not None and not isinstance(parent, str):
        raise AtlasError(f"{where}: parent must be an id or null")
    return Area(
        id=AreaId(area_id),
        tier=tier,
        name=_names(properties, where),
        parent=None if parent is None else AreaId(parent),
        polygon=_outline(_object(feature, where).get("geometry"), where),
    )


def _names(properties: Mapping[str, Any], where: str) -> Names:
    names: list[tuple[str, str]] = []
    for key, name in sorted(properties.items()):
        if key.startswith(NAME_PREFIX):
            if not isinstance(name, str):
                raise AtlasError(f"{where}: {key} must be a text")
            names.append((key.removeprefix(NAME_PREFIX), name))
    return tuple(names)


def _outline(geometry: object, where: str) -> Outline:
    kind = _object(geometry, f"{where}, geometry").get("type")
    if kind not in ("Polygon", "MultiPolygon"):
        raise AtlasError(f"{where}: geometry must be a Polygon or MultiPolygon")
    try:
        outline = shape(cast("Any", geometry))
    # shapely reports bad coordinates by whatever its parts raise; all of them mean the same.
    except (ValueError, TypeError, KeyError, IndexError, shapely.errors.ShapelyError) as error:
        raise AtlasError(f"{where}: unreadable coordinates") from error
    assert isinstance(outline, shapely.Polygon | shapely.MultiPolygon), "by its type"
    return outline


def _object(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise AtlasError(f"{where}: must be an object")
    return cast("dict[str, Any]", value)

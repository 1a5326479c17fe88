"""From what somebody writes to a place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tocsin.geography.areas import Outside
from tocsin.geography.gazetteer import QUERY_CHARS_MAX, Found
from tocsin.geography.word_index import fold
from tocsin.kernel.shared import Place
from tocsin.runtime.catchments import gazetteer_of
from tocsin.runtime.services import Services

SPOTS_MAX: Final = 5
"""Places offered for an address: more is a search, not a question."""
_POINT = re.compile(r"^\s*(-?\d{1,3}\.\d+)\s*[,，\s]\s*(-?\d{1,3}\.\d+)\s*$")


@dataclass(frozen=True, slots=True)
class Spot:
    """A place that an address may mean."""

    value: str
    label: str
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Spots:
    """What an address may mean; `outside` names the nearest area when all of it lies outside."""

    inside: tuple[Spot, ...] = ()
    outside: str = ""


def read_point(lon: str, lat: str) -> Place | None:
    """A point from two fields; None when they hold none."""
    try:
        place = Place(float(lon), float(lat))
    except ValueError:
        return None
    return place if -180 <= place.lon <= 180 and -90 <= place.lat <= 90 else None


def typed_point(address: str) -> Place | None:
    """Coordinates that were typed as an address, latitude first."""
    match = _POINT.match(address)
    return read_point(match[2], match[1]) if match else None


def outside(place: Place, services: Services, language: str) -> str:
    """The name of the nearest area when a place lies in none; empty when it lies inside."""
    found = services.atlas.locate(place.lon, place.lat)
    if isinstance(found, Outside):
        return services.atlas.area(found.nearest).name_in(language)
    return ""


async def spots_of(address: str, services: Services, language: str) -> Spots:
    """The places of the town's map that an address may mean, the likeliest first."""
    known = await gazetteer_of(services)
    if known is None or not address.strip():
        return Spots()
    found = known.search(address[:QUERY_CHARS_MAX], SPOTS_MAX)
    inside: list[Spot] = []
    away = ""
    for each in found:
        path = services.atlas.locate(each.lon, each.lat)
        if isinstance(path, Outside):
            away = away or services.atlas.area(path.nearest).name_in(language)
            continue
        area = services.atlas.area(path.village).name_in(language)
        value = f"{each.lon:.6f},{each.lat:.6f}"
        inside.append(Spot(value, f"{each.label}, {area}", _is_exact(each, address)))
    if inside or not away or found[0].kind != "address":
        return Spots(tuple(inside))
    return Spots((), away)


def _is_exact(found: Found, address: str) -> bool:
    """Whether the words name this house, crossing or point and nothing else."""
    if found.kind == "point":
        return True
    return found.kind in ("address", "crossing") and fold(found.label) == fold(address.strip())


__all__ = ["Spot", "Spots", "outside", "read_point", "spots_of"]

"""How a published case is placed for everybody: the name of its area and one point of many homes.

Which point is decided in `runtime/catchments`, for these pages and for Open311 alike.
"""

from __future__ import annotations

from dataclasses import dataclass

from tocsin.intakes.open311.listing import is_located
from tocsin.kernel.cases.state import Case
from tocsin.runtime.catchments import Catchments, public_point
from tocsin.runtime.services import Services


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """A catchment by name, and the one point of it."""

    name: str
    lon: float
    lat: float


def neighbourhood(
    case: Case, services: Services, known: Catchments, language: str
) -> Neighbourhood | None:
    """Where a published case is shown; None while nobody has found its place."""
    if case.areas is None or not is_located(case, services.reception.desk):
        return None
    atlas = services.atlas
    point = public_point(case.areas, atlas, known)
    village, town = atlas.area(case.areas.village), atlas.area(case.areas.town)
    name = f"{village.name_in(language)}, {town.name_in(language)}"
    return Neighbourhood(name, point.lon, point.lat)


__all__ = ["Neighbourhood", "neighbourhood"]

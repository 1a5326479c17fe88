"""Finding a place by what people call it, from the town's own map."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from tocsin.geography.areas import Outside
from tocsin.geography.gazetteer import QUERY_CHARS_MAX, Found, Gazetteer
from tocsin.web.api.common import STAFF, AccessArg, json, router, shown
from tocsin.web.gate import Access
from tocsin.web.shapes import Filter, Latitude, Longitude, like
from tocsin.web.views import View

routes: APIRouter = router("places")

PLACES_MAX: Final = 50
"""Places in one answer: a list somebody reads while talking has ten."""

EXAMPLE: Final[dict[str, Any]] = {
    "kind": "crossing",
    "label": "Aleksanterinkatu / Fabianinkatu",
    "lon": 24.9486,
    "lat": 60.1689,
    "area": "Kluuvi",
}


class PlaceFoundView(View):
    """A place with its label. `point` stands for coordinates that were typed; `area` is the
    village or community it lies in, null outside of the county."""

    kind: Literal["address", "crossing", "street", "name", "point"]
    label: str
    lon: float
    lat: float
    area: str | None


class PlacesView(View):
    """What was found, the likeliest first. Without a map there is nothing to search in."""

    model_config = like({"places": [EXAMPLE], "has_map": True})

    places: tuple[PlaceFoundView, ...]
    has_map: bool


class NearView(View):
    """What people would call the point; null where the map says nothing."""

    model_config = like({"place": EXAMPLE, "has_map": True})

    place: PlaceFoundView | None
    has_map: bool


class PlaceQuery(Filter):
    """Words, a crossing (`A / B`) or coordinates (latitude first)."""

    q: Annotated[
        str,
        Query(
            max_length=QUERY_CHARS_MAX,
            pattern=r"^[^\x00]*$",
            description="What the caller says: a street and number, a crossing, a name, or "
            "coordinates.",
            examples=["Aleksanterinkatu / Fabianinkatu"],
        ),
    ]
    limit: Annotated[int, Query(ge=1, le=PLACES_MAX)] = 10


class NearQuery(Filter):
    """A point in degrees, WGS84."""

    lon: Annotated[Longitude, Query(examples=[24.9486])]
    lat: Annotated[Latitude, Query(examples=[60.1689])]


@routes.get(
    "/places",
    operation_id="place.search",
    summary="Find places by words: addresses, crossings, streets, names, coordinates.",
    **shown(PlacesView, *STAFF),
)
async def search(query: Annotated[PlaceQuery, Query()], access: AccessArg) -> Response:
    known = await _gazetteer(access)
    if known is None:
        return json({"places": [], "has_map": False})
    found = known.search(query.q, query.limit)
    return json({"places": [_view(each, access) for each in found], "has_map": True})


@routes.get(
    "/places/near",
    operation_id="place.near",
    summary="What people would call a point.",
    **shown(NearView, *STAFF),
)
async def near(query: Annotated[NearQuery, Query()], access: AccessArg) -> Response:
    known = await _gazetteer(access)
    found = known.near(query.lon, query.lat) if known is not None else None
    shown_place = _view(found, access) if found is not None else None
    return json({"place": shown_place, "has_map": known is not None})


async def _gazetteer(access: Access) -> Gazetteer | None:
    """In memory since the first call, which reads it beside the loop."""
    folder = access.services.map
    if folder is None:
        return None
    if folder.knows_places:
        return folder.gazetteer()
    return await asyncio.to_thread(folder.gazetteer)


def _view(found: Found, access: Access) -> dict[str, Any]:
    atlas = access.services.atlas
    path = atlas.locate(found.lon, found.lat)
    area = None
    if not isinstance(path, Outside):
        area = atlas.area(path.village).name_in(access.language)
    return {**found._asdict(), "area": area}

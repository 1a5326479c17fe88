"""What was published: kinds, states, days and neighbourhoods. No words of anybody, no addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.responses import Response

from tocsin.intakes.open311.listing import shown_codes, shown_type
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import CaseId
from tocsin.runtime.catchments import Catchments, catchments_of
from tocsin.runtime.ports import CaseQuery
from tocsin.web.problems import Problem
from tocsin.web.public.neighbourhoods import neighbourhood
from tocsin.web.public.page import Asked
from tocsin.web.telling import status_text

ROWS: Final = 25
"""Cases on one page: what a reader scrolls through."""
MAP_ROWS: Final = 1_000
"""Cases on the map: the newest ones."""
_ID: Final = re.compile(r"^[\w.-]{1,80}$", re.ASCII)
_CURSOR: Final = re.compile(r"^[\x21-\x7e]{1,200}$")


@dataclass(frozen=True, slots=True)
class Shown:
    """All that is told of a published case."""

    id: str
    kind: str
    state: str
    area: str
    opened: str
    closed: str
    lon: float | None
    lat: float | None


async def listing(asked: Asked) -> Response:
    """The list, newest first, a page at a time."""
    after = asked.request.query_params.get("after", "")
    if after and not _CURSOR.match(after):
        raise Problem("bad_cursor")
    rows, following = await _find(asked, after or None, ROWS)
    return asked.page(
        "published.html",
        title=asked.say["published"],
        shows_map=True,
        rows=rows,
        following=following,
        is_first=not after,
        bounds=",".join(f"{each:.5f}" for each in asked.services.atlas.bounds),
    )


async def places(asked: Asked) -> Response:
    """The same for a map: one entry for each neighbourhood with its cases."""
    rows, _ = await _find(asked, None, MAP_ROWS)
    found: dict[tuple[float, float], dict[str, Any]] = {}
    for row in rows:
        if row.lon is None or row.lat is None:
            continue
        entry = found.setdefault(
            (row.lon, row.lat), {"lon": row.lon, "lat": row.lat, "area": row.area, "cases": []}
        )
        entry["cases"].append({"case": row.id, "kind": row.kind, "state": row.state})
    body = msgspec.json.encode({"places": list(found.values())})
    headers = {"content-language": asked.language, "vary": "accept-language"}
    return Response(body, headers=headers, media_type="application/json")


async def one(asked: Asked) -> Response:
    """One published case."""
    name = str(asked.request.path_params["case"])
    row = await asked.services.store.case(CaseId(name)) if _ID.match(name) else None
    if row is None or not row.case.published or shown_type(asked.services.pack, row.case) is None:
        return asked.page("not_published.html", 404, title=asked.say["case"])
    shown = _shown(asked, row.case, await catchments_of(asked.services))
    return asked.page("published_case.html", title=asked.say["case"], row=shown)


async def _find(asked: Asked, after: str | None, limit: int) -> tuple[list[Shown], str]:
    codes = shown_codes(asked.services.pack)
    query = CaseQuery(
        published_only=True, case_types=codes, order="opened", after=after, limit=limit
    )
    page = await asked.services.store.cases(query)
    known = await catchments_of(asked.services)
    return [_shown(asked, row.case, known) for row in page.rows], page.next or ""


def _shown(asked: Asked, case: Case, known: Catchments) -> Shown:
    case_type = asked.services.pack.case_types[case.case_type]
    around = neighbourhood(case, asked.services, known, asked.language)
    return Shown(
        id=case.id,
        kind=asked.words(case_type.title),
        state=status_text(case.status, asked.language),
        area=around.name if around is not None else asked.say["area_unknown"],
        opened=asked.day(case.opened_at),
        closed=asked.day(case.closed_at) if case.closed_at else "",
        lon=around.lon if around is not None else None,
        lat=around.lat if around is not None else None,
    )

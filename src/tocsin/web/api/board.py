"""The board of a screen: all open cases in small, and the words for what they hold."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema
from starlette.responses import Response

from tocsin.kernel.shared import AreaId
from tocsin.packs.words import catalogue
from tocsin.runtime.ports import CaseQuery
from tocsin.stores.querying import LIMIT_MAX, BadCursor, read_cursor
from tocsin.web.api.common import STAFF, AccessArg, json, router, shown
from tocsin.web.api.lists import Cursor, IdFilter, whole_number
from tocsin.web.gate import Access
from tocsin.web.items import BoardItem, item_of
from tocsin.web.problems import Problem
from tocsin.web.regions import list_cases, regions_of
from tocsin.web.shapes import Filter, like
from tocsin.web.views import CASE_EXAMPLE, View

routes: APIRouter = router("board")

CHUNK: Final = 500
"""Cases read at a time: some tens of milliseconds of the one thread."""

ITEM_EXAMPLE: dict[str, Any] = {
    "case": CASE_EXAMPLE["id"],
    "version": 3,
    "status": "filed",
    "type": "street-light-out",
    "profile": "routine",
    "priority": 3,
    "areas": ["county", "t0", "t0v0", "t0v0-0000"],
    "opened_at": "2026-11-22T01:30:00+00:00",
    "updated_at": "2026-11-22T01:32:00+00:00",
    "expects": {"action": "dispatch", "who": "dispatcher", "agency": None},
    "due_at": "2026-11-22T05:30:00+00:00",
    "due_clock": "dispatch",
    "clock_started_at": "2026-11-22T01:32:00+00:00",
    "reports": 1,
    "lon": 24.945,
    "lat": 60.17,
}
Limit = Annotated[
    int,
    BeforeValidator(whole_number),
    Field(ge=1, le=LIMIT_MAX),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "examples": [100]}),
]


class BoardView(View):
    """Open cases, those due first; `seq` is where the live stream goes on from, `now` the node's
    time. Members at their default are left out of a row."""

    model_config = like(
        {"rows": [ITEM_EXAMPLE], "next": None, "seq": 7, "now": "2026-11-22T01:33:00+00:00"}
    )
    rows: tuple[dict[str, Any], ...]
    next: str | None
    seq: int
    now: datetime


class BoardFilter(Filter):
    """Where, and which page."""

    area: IdFilter | None = None
    after: Cursor | None = None
    limit: Limit = 100


class WordsView(View):
    """Names by kind, code and language."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [{"statuses": {"filed": {"en": "Filed", "zh-CN": "已立案"}}, "verbs": {}}]
        },
    )


@routes.get(
    "/board",
    operation_id="board.list",
    summary="The open cases within one's scope as a board shows them.",
    **shown(BoardView, *STAFF, 404, 409),
)
async def board(access: AccessArg, query: Annotated[BoardFilter, Query()]) -> Response:
    services = access.services
    if query.area is not None and query.area not in services.atlas.areas:
        raise Problem("unknown_area")
    if query.after is not None:
        try:
            read_cursor(query.after)
        except BadCursor:
            raise Problem("bad_cursor") from None
    # Before the rows: what is committed meanwhile comes again on the stream, and nothing is missed.
    seq = await services.store.last_seq()
    rows, following = await _items(access, query)
    return json({"rows": rows, "next": following, "seq": seq, "now": services.clock.now()})


async def _items(access: Access, query: BoardFilter) -> tuple[list[BoardItem], str | None]:
    """The rows, read in small pages: thousands at once would hold up everybody else's stream."""
    services = access.services
    area = AreaId(query.area) if query.area is not None else None
    regions = regions_of(access.rule, access.who, services.atlas)
    found: dict[str, BoardItem] = {}
    left, after = query.limit, query.after
    while left > 0:
        asked = CaseQuery(area=area, open_only=True, after=after, limit=min(left, CHUNK))
        page = await list_cases(services.store, asked, regions, services.atlas)
        # A case whose deadline moved meanwhile may come twice: the later one holds.
        found.update(
            (row.case.id, item_of(row.case, row.version, row.updated_at)) for row in page.rows
        )
        left, after = left - len(page.rows), page.next
        if after is None:
            break
    return list(found.values()), after


_KINDS = {
    "statuses": "status",
    "clocks": "clock",
    "roles": "role",
    "reasons": "choice",
    "dispositions": "disposition",
    "holds": "hold_reason",
    "verbs": "verb",
    "events": "event",
    "purposes": "purpose",
    "needs": "need",
    "fields": "field",
    "sources": "source",
    "tasks": "task_status",
    "tiers": "tier",
    "profiles": "profile",
    "parts": "likeness",
    "conditions": "condition",
    "why": "why",
    "unit_statuses": "unit_status",
    "unit_shares": "unit_share",
    "unit_kinds": "unit_kind",
    "travels": "travel",
}


@routes.get(
    "/words",
    operation_id="words.list",
    summary="The names of statuses, clocks, roles and so on in every language.",
    **shown(WordsView, *STAFF),
)
async def words(access: AccessArg) -> Response:
    known = catalogue()
    return json({kind: known.get(name, {}) for kind, name in _KINDS.items()})

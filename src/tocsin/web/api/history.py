"""The last day of the town, to be replayed on a map: told from the journal and the stories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from tocsin.analytics.story import Story
from tocsin.kernel.cases.machine import MACHINE
from tocsin.kernel.cases.state import ENDS, Case, Status
from tocsin.kernel.cases.vocabulary import CaseUnmerged, DeadlineMissed
from tocsin.kernel.shared import AreaId, CaseId, Instant
from tocsin.runtime.codec import name_of
from tocsin.runtime.ports import CaseQuery, JournalEntry
from tocsin.web.api.common import STAFF, AccessArg, json, router, shown
from tocsin.web.api.lists import IdFilter
from tocsin.web.gate import Access
from tocsin.web.problems import Problem
from tocsin.web.regions import regions_of, sees
from tocsin.web.shapes import Filter, InstantText, like
from tocsin.web.views import View

routes: APIRouter = router("board")

SPAN: Final = timedelta(hours=24)
STEPS_MAX: Final = 20_000
"""Entries of the journal replayed at once: a busy county's day."""
OLDEST: Final = timedelta(days=120)
"""How long before the span a case that is still open may have been opened."""
BUCKETS: Final = 96
"""Bars of the strip: a quarter of an hour each in a day."""
CHUNK: Final = 500

_STEP: dict[str, Any] = {
    "case": "01hx",
    "type": "street-light-out",
    "priority": 3,
    "status": "filed",
    "lon": 24.945,
    "lat": 60.17,
    "late": False,
}


class HistoryView(View):
    """`start` are the cases open at `from`, `steps` what changed after, `buckets` the counts of
    equal spans. `is_whole` is false when there was more than can be replayed at once."""

    model_config = like(
        {
            "from": "2026-11-21T01:30:00+00:00",
            "to": "2026-11-22T01:30:00+00:00",
            "is_whole": True,
            "start": [_STEP],
            "steps": [{**_STEP, "at": "2026-11-21T02:00:00+00:00", "event": "case_filed"}],
            "buckets": [{"at": "2026-11-21T01:30:00+00:00", "opened": 1, "closed": 0, "missed": 0}],
        }
    )
    since: Annotated[datetime, Field(alias="from")]
    until: Annotated[datetime, Field(alias="to")]
    is_whole: bool
    start: tuple[dict[str, Any], ...]
    steps: tuple[dict[str, Any], ...]
    buckets: tuple[dict[str, Any], ...]


class HistoryFilter(Filter):
    """Which span, by default the last day, and where."""

    since: InstantText | None = None
    until: InstantText | None = None
    area: IdFilter | None = None


@routes.get(
    "/history",
    operation_id="history.show",
    summary="What changed on the board within a day, for a replay on the map.",
    **shown(HistoryView, *STAFF, 404, 409),
)
async def history(access: AccessArg, query: Annotated[HistoryFilter, Query()]) -> Response:
    services = access.services
    if services.stories is None:
        raise Problem("unavailable", headers={"retry-after": "60"})
    if query.area is not None and query.area not in services.atlas.areas:
        raise Problem("unknown_area")
    until = query.until or services.clock.now()
    since = query.since or until - SPAN
    if not timedelta() < until - since <= SPAN:
        raise Problem("bad_time", "at most 24 hours")
    area = AreaId(query.area) if query.area else None
    told = await services.stories.select(since - OLDEST, until, area=area)
    stories = {each.case_id: each for each in _seen(access, told)}
    entries = await services.store.between(since, until, STEPS_MAX + 1)
    moved = {entry.case_id for entry in entries}
    wanted = [each for each in stories.values() if _is_open(each, since) or each.case_id in moved]
    cases = await _cases(access, [each.case_id for each in wanted])
    start = {
        each.case_id: _dot(cases[each.case_id], _status(each, since), False)
        for each in wanted
        if each.case_id in cases and _is_open(each, since)
    }
    steps = _steps(entries[:STEPS_MAX], cases, start)
    return json(
        {
            "from": since,
            "to": until,
            "is_whole": len(entries) <= STEPS_MAX,
            "start": list(start.values()),
            "steps": steps,
            "buckets": _buckets(since, until, steps),
        }
    )


def _seen(access: Access, stories: Iterable[Story]) -> list[Story]:
    regions = regions_of(access.rule, access.who, access.services.atlas)
    return [
        story
        for story in stories
        if story.areas is not None
        and any(sees(each, story.areas, (story.lead,) if story.lead else ()) for each in regions)
    ]


def _is_open(story: Story, at: Instant) -> bool:
    opened, closed = story.opened_at, story.closed_at
    return opened is not None and opened < at and (closed is None or closed >= at)


def _status(story: Story, at: Instant) -> Status:
    """The stage a case had reached by then. A case sent back and forth is told by its first way."""
    reached: Status = "received"
    stages: tuple[tuple[Instant | None, Status], ...] = (
        (story.accepted_at, "accepted"),
        (story.filed_at, "filed"),
        (story.dispatched_at, "dispatched"),
        (story.claimed_at, "claimed_done"),
    )
    for instant, status in stages:
        if instant is not None and instant <= at:
            reached = status
    return reached


async def _cases(access: Access, ids: Sequence[CaseId]) -> Mapping[CaseId, Case]:
    found: dict[CaseId, Case] = {}
    for first in range(0, len(ids), CHUNK):
        batch = tuple(ids[first : first + CHUNK])
        page = await access.services.store.cases(CaseQuery(ids=batch, limit=len(batch)))
        found.update((row.case.id, row.case) for row in page.rows)
    return found


def _dot(case: Case, status: Status, late: bool) -> dict[str, Any]:
    place = case.place
    return {
        "case": case.id,
        "type": case.case_type,
        "priority": case.priority,
        "status": status,
        "lon": place.lon if place else None,
        "lat": place.lat if place else None,
        "late": late,
    }


def _steps(
    entries: Iterable[JournalEntry],
    cases: Mapping[CaseId, Case],
    start: Mapping[CaseId, dict[str, Any]],
) -> list[dict[str, Any]]:
    """One step for each event that changes a status or misses a promise, in order."""
    now: dict[CaseId, tuple[Status, bool]] = {
        case_id: (dot["status"], dot["late"]) for case_id, dot in start.items()
    }
    found: list[dict[str, Any]] = []
    for entry in entries:
        case = cases.get(entry.case_id)
        if case is None:
            continue
        for event in entry.events:
            status, late = now.get(case.id, ("received", False))
            step = MACHINE.steps.get(type(event))
            after: Status = step.to if step is not None and step.to is not None else status
            if isinstance(event, CaseUnmerged):
                after = "accepted"
            is_miss = isinstance(event, DeadlineMissed)
            is_first = case.id not in now
            if after == status and not is_miss and not is_first:
                continue
            now[case.id] = after, (late or is_miss) and after not in ENDS
            dot = _dot(case, after, now[case.id][1])
            found.append({**dot, "at": entry.at, "event": name_of(event)})
    return found


def _buckets(
    since: datetime, until: datetime, steps: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    width = (until - since) / BUCKETS
    counts = [{"opened": 0, "closed": 0, "missed": 0} for _ in range(BUCKETS)]
    for step in steps:
        bucket = counts[min(BUCKETS - 1, int((step["at"] - since) / width))]
        if step["event"] == "case_opened":
            bucket["opened"] += 1
        elif step["event"] == "deadline_missed":
            bucket["missed"] += 1
        elif step["status"] in ENDS:
            bucket["closed"] += 1
    return [{"at": since + width * number, **each} for number, each in enumerate(counts)]

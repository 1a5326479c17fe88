"""The last day of the town, to be replayed on a map: told from the journal and the stories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from tocsin.analytics.story import Story
from tocsin.kernel.cases.machine import MACHINE
from tocsin.kernel.cases.state import ENDS, Case, Status
from tocsin.kernel.cases.vocabulary import (
    CaseOpened,
    CaseReopened,
    CaseUnmerged,
    ClockStopped,
    DeadlineMissed,
    Event,
)
from tocsin.kernel.shared import AreaId, CaseId, Instant
from tocsin.runtime.codec import name_of
from tocsin.runtime.ports import BoardRow, CaseQuery, JournalEntry, Page
from tocsin.web.api.common import STAFF, AccessArg, json, router, shown
from tocsin.web.api.lists import IdFilter
from tocsin.web.gate import Access
from tocsin.web.problems import Problem
from tocsin.web.regions import list_cases, regions_of
from tocsin.web.shapes import Filter, InstantText, like
from tocsin.web.views import View

routes: APIRouter = router("board")

SPAN: Final = timedelta(hours=24)
STEPS_MAX: Final = 20_000
"""Entries of the journal replayed at once: a busy county's day."""
BUCKETS: Final = 96
"""Bars of the strip: a quarter of an hour each in a day."""
CHUNK: Final = 500
"""Cases or entries read at a time: some tens of milliseconds of the one thread."""

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

    since: Annotated[InstantText | None, Field(alias="from")] = None
    until: Annotated[InstantText | None, Field(alias="to")] = None
    area: IdFilter | None = None


@dataclass(frozen=True, slots=True)
class _Stand:
    """How a case stands at one instant of the replay."""

    status: Status
    missed: frozenset[str] = frozenset()
    """Keys of the clocks that ran out and still run."""


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
    entries = await _entries(access, since, until)
    rows = await _rows(access, query, since, until)
    stood = await _stood(access, rows, entries, since)
    cases = {case_id: row.case for case_id, row in rows.items()}
    steps = _steps(entries[:STEPS_MAX], cases, stood)
    start = [_dot(cases[case_id], stand) for case_id, stand in stood.items()]
    return json(
        {
            "from": since,
            "to": until,
            "is_whole": len(entries) <= STEPS_MAX,
            "start": start,
            "steps": steps,
            "buckets": _buckets(since, until, steps),
        }
    )


async def _entries(access: Access, since: Instant, until: Instant) -> list[JournalEntry]:
    """The journal of the span, at most one entry more than can be replayed; read in small pages,
    so that everybody else's stream goes on."""
    found: list[JournalEntry] = []
    while (left := STEPS_MAX + 1 - len(found)) > 0:
        after = found[-1].seq if found else 0
        limit = min(left, CHUNK)
        page = await access.services.store.between(since, until, limit, after)
        found += page
        if len(page) < limit:
            break
    return found


async def _rows(
    access: Access, query: HistoryFilter, since: Instant, until: Instant
) -> dict[CaseId, BoardRow]:
    """The cases the span may be about: open now, or ended since it began."""
    services = access.services
    regions = regions_of(access.rule, access.who, services.atlas)
    area = AreaId(query.area) if query.area else None
    wanted = (
        CaseQuery(area=area, open_only=True, opened_to=until, order="opened", limit=CHUNK),
        CaseQuery(
            area=area,
            statuses=ENDS,
            updated_from=since,
            opened_to=until,
            order="updated",
            limit=CHUNK,
        ),
    )
    found: dict[CaseId, BoardRow] = {}
    for asked in wanted:
        page = Page((), "")
        while page.next is not None:
            page = await list_cases(
                services.store, replace(asked, after=page.next or None), regions, services.atlas
            )
            found.update((row.case.id, row) for row in page.rows)
    return found


async def _stood(
    access: Access,
    rows: Mapping[CaseId, BoardRow],
    entries: Sequence[JournalEntry],
    since: Instant,
) -> dict[CaseId, _Stand]:
    """The cases that were open when the span began. One that was not touched since stood as it
    stands; for the others their stories know which stage they had reached."""
    moved = [row.case for row in rows.values() if row.updated_at >= since and _is_older(row, since)]
    stories = await _stories(access, [case.id for case in moved])
    late, ended = _before(entries, since)
    found: dict[CaseId, _Stand] = {}
    for row in rows.values():
        case = row.case
        missed = {c.key for c in case.clocks if c.missed and c.due_at <= since}
        if not _is_older(row, since):
            continue
        if row.updated_at < since:
            if case.is_open:
                found[case.id] = _Stand(case.status, frozenset(missed))
            continue
        story = stories.get(case.id)
        if story is None or case.id in ended:
            continue
        if story.closed_at is None or story.closed_at >= since:
            stand = _Stand(_status(story, since), frozenset(missed | late.get(case.id, set())))
            found[case.id] = stand
    return found


async def _stories(access: Access, ids: Sequence[CaseId]) -> dict[CaseId, Story]:
    found: dict[CaseId, Story] = {}
    for first in range(0, len(ids), CHUNK):
        assert access.services.stories is not None
        found.update(await access.services.stories.load(ids[first : first + CHUNK]))
    return found


def _before(
    entries: Iterable[JournalEntry], since: Instant
) -> tuple[dict[CaseId, set[str]], set[CaseId]]:
    """What the span tells of the time before it: clocks that had run out, and cases that had
    ended and came back."""
    late: dict[CaseId, set[str]] = {}
    ended: set[CaseId] = set()
    seen: set[CaseId] = set()
    for entry in entries:
        for event in entry.events:
            if isinstance(event, ClockStopped) and not event.kept and event.due_at <= since:
                late.setdefault(entry.case_id, set()).add(event.key)
            step = MACHINE.steps.get(type(event))
            if step is None or (step.to is None and not step.restores):
                continue
            if entry.case_id not in seen and isinstance(event, CaseReopened | CaseUnmerged):
                ended.add(entry.case_id)
            seen.add(entry.case_id)
    return late, ended


def _is_older(row: BoardRow, since: Instant) -> bool:
    return row.case.opened_at is not None and row.case.opened_at < since


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
        if instant is not None and instant < at:
            reached = status
    return reached


def _dot(case: Case, stand: _Stand) -> dict[str, Any]:
    place = case.place
    return {
        "case": case.id,
        "type": case.case_type,
        "priority": case.priority,
        "status": stand.status,
        "lon": place.lon if place else None,
        "lat": place.lat if place else None,
        "late": bool(stand.missed),
    }


def _steps(
    entries: Iterable[JournalEntry],
    cases: Mapping[CaseId, Case],
    stood: Mapping[CaseId, _Stand],
) -> list[dict[str, Any]]:
    """One step for each event after which a case stands otherwise, in order."""
    now = dict(stood)
    found: list[dict[str, Any]] = []
    for entry in entries:
        case = cases.get(entry.case_id)
        if case is None:
            continue
        for event in entry.events:
            before = now.get(case.id)
            if before is None and not isinstance(event, _COMES):
                # Said of a case that is not on the map: a vote, say, after its end.
                continue
            after = now[case.id] = _moved(before or _Stand("received"), event)
            if isinstance(event, DeadlineMissed) or _shows(before, after):
                found.append({**_dot(case, after), "at": entry.at, "event": name_of(event)})
            if after.status in ENDS:
                del now[case.id]
    return found


_COMES: Final = (CaseOpened, CaseReopened, CaseUnmerged)
"""What brings a case to the map that was not there."""


def _shows(before: _Stand | None, after: _Stand) -> bool:
    if before is None:
        return True
    return before.status != after.status or bool(before.missed) != bool(after.missed)


def _moved(stand: _Stand, event: Event) -> _Stand:
    step = MACHINE.steps.get(type(event))
    status = step.to if step is not None and step.to is not None else stand.status
    missed = stand.missed
    if isinstance(event, CaseUnmerged):
        # Where it stood before the merge is in the case alone; any open stage serves a replay.
        status = "accepted"
    elif isinstance(event, DeadlineMissed):
        missed |= {event.key}
    elif isinstance(event, ClockStopped):
        missed -= {event.key}
    return _Stand(status, frozenset() if status in ENDS else missed)


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

"""Measures: what was promised and kept, each with its formula, and the cases behind each number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response

from tocsin.analytics.measures import MEASURES, Measure, Reading, read, stage_times
from tocsin.analytics.story import Story
from tocsin.kernel.shared import AgencyId, AreaId, CaseId
from tocsin.web.api.common import STAFF_ONE, AccessArg, json, router, shown
from tocsin.web.api.lists import IdFilter
from tocsin.web.gate import Access
from tocsin.web.problems import Problem
from tocsin.web.regions import regions_of, sees
from tocsin.web.shapes import WORD, Filter, InstantText, like
from tocsin.web.views import View

routes: APIRouter = router("measures")

DEFAULT_SPAN: Final = timedelta(days=30)
SPAN_MAX: Final = timedelta(days=366)
"""A year of a county is some hundred thousand stories: seconds, not minutes."""
CASES_MAX: Final = 1_000
"""Cases of one page behind a number."""

CodeArg = Annotated[str, Path(pattern=WORD, max_length=40, examples=["accepted_in_time"])]


class MeasureQuery(Filter):
    """Which cases: those opened in [opened_from, opened_to), by default the last 30 days."""

    opened_from: InstantText | None = None
    opened_to: InstantText | None = None
    area: IdFilter | None = None
    agency: IdFilter | None = None
    case_type: IdFilter | None = None


class BehindQuery(MeasureQuery):
    """Which cases, and which of them."""

    part: Literal["numerator", "denominator", "rest"] = "denominator"
    offset: Annotated[str, Field(pattern=r"^[0-9]{1,8}$")] = "0"


READING_EXAMPLE: dict[str, Any] = {
    "code": "accepted_in_time",
    "title": "Accepted in time",
    "formula": "cases whose “accept” clock was never missed / cases whose clock has ended",
    "excluded": "void cases and cases merged into another",
    "numerator": 41,
    "denominator": 43,
    "share": 0.9535,
}


class ReadingView(View):
    """One measure. `share` is null when there is nothing to divide by."""

    model_config = like(READING_EXAMPLE)

    code: str
    title: str
    formula: str
    excluded: str
    numerator: int
    denominator: int
    share: float | None


class StageView(View):
    """How long a stage took, over the cases that finished it. Seconds of elapsed time."""

    model_config = like({"stage": "accept", "cases": 41, "median_s": 182.0, "p90_s": 903.0})

    stage: str
    cases: int
    median_s: float | None
    p90_s: float | None


class MeasuresView(View):
    """Every measure over the same cases. Numbers may lag behind the board by a second."""

    model_config = like(
        {
            "opened_from": "2026-10-23T00:00:00+00:00",
            "opened_to": "2026-11-22T00:00:00+00:00",
            "cases": 57,
            "measures": [READING_EXAMPLE],
            "stages": [{"stage": "accept", "cases": 41, "median_s": 182.0, "p90_s": 903.0}],
        }
    )

    opened_from: datetime
    opened_to: datetime
    cases: int
    measures: tuple[ReadingView, ...]
    stages: tuple[StageView, ...]


class BehindView(View):
    """The cases behind one number, in the order of opening. `next` is the offset of more."""

    model_config = like({"code": "accepted_in_time", "count": 1, "cases": ["01hx"], "next": None})

    code: str
    count: int
    cases: tuple[str, ...]
    next: int | None


@routes.get(
    "/measures",
    operation_id="measure.list",
    summary="Every measure over the cases opened in a span, in the areas one may see.",
    **shown(MeasuresView, *STAFF_ONE, 409),
)
async def measures(access: AccessArg, query: Annotated[MeasureQuery, Query()]) -> Response:
    opened_from, opened_to, stories = await _stories(access, query)
    return json(
        {
            "opened_from": opened_from,
            "opened_to": opened_to,
            "cases": len(stories),
            "measures": [_view(each, read(each, stories), access.language) for each in MEASURES],
            "stages": stage_times(stories),
        }
    )


@routes.get(
    "/measures/{code}/cases",
    operation_id="measure.cases",
    summary="The cases behind a number: its numerator, its denominator, or those in between.",
    **shown(BehindView, *STAFF_ONE, 409),
)
async def behind(
    access: AccessArg,
    code: CodeArg,
    query: Annotated[BehindQuery, Query()],
) -> Response:
    measure = next((each for each in MEASURES if each.code == code), None)
    if measure is None:
        raise Problem("unknown_path")
    _, _, stories = await _stories(access, query)
    cases = _part(read(measure, stories), query.part)
    offset = int(query.offset)
    following = offset + CASES_MAX
    return json(
        {
            "code": code,
            "count": len(cases),
            "cases": cases[offset:following],
            "next": following if following < len(cases) else None,
        }
    )


def _part(reading: Reading, part: str) -> Sequence[CaseId]:
    if part == "numerator":
        return reading.numerator
    if part == "denominator":
        return reading.denominator
    counted = set(reading.numerator)
    return [case_id for case_id in reading.denominator if case_id not in counted]


async def _stories(
    access: Access, query: MeasureQuery
) -> tuple[datetime, datetime, Sequence[Story]]:
    """The stories asked for that lie in the asker's own regions."""
    services = access.services
    if services.stories is None:
        raise Problem("unavailable", headers={"retry-after": "60"})
    if query.area is not None and query.area not in services.atlas.areas:
        raise Problem("unknown_area")
    until = query.opened_to or services.clock.now()
    since = query.opened_from or until - DEFAULT_SPAN
    if not timedelta() < until - since <= SPAN_MAX:
        raise Problem("bad_time", "at most a year")
    found = await services.stories.select(
        since,
        until,
        area=AreaId(query.area) if query.area else None,
        agency=AgencyId(query.agency) if query.agency else None,
        case_type=query.case_type,
    )
    regions = regions_of(access.rule, access.who, services.atlas)
    seen = [
        story
        for story in found
        if story.areas is not None
        and any(sees(each, story.areas, (story.lead,) if story.lead else ()) for each in regions)
    ]
    return since, until, seen


def _view(measure: Measure, reading: Reading, language: str) -> dict[str, Any]:
    return {
        "code": measure.code,
        "title": dict(measure.title)[language],
        "formula": dict(measure.formula)[language],
        "excluded": dict(measure.excluded)[language],
        "numerator": len(reading.numerator),
        "denominator": len(reading.denominator),
        "share": reading.share,
    }

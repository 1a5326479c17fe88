"""Reports that staff take down for others, and that integrators send in."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field, StringConstraints
from starlette.responses import Response

from tocsin.geography.areas import Outside
from tocsin.geography.datums import Datum, to_wgs84
from tocsin.kernel.shared import Actor, AreaPath, Place
from tocsin.runtime.reception import ANSWERS_LIMIT, IncomingReport, Photo, Received
from tocsin.web.api.common import (
    WRITES,
    AccessArg,
    CaseIdArg,
    KeyArg,
    checked,
    json,
    router,
    shown,
)
from tocsin.web.gate import Access
from tocsin.web.problems import Problem
from tocsin.web.shapes import (
    NO_NUL,
    InstantText,
    Latitude,
    Line,
    Longitude,
    Strict,
    Text,
    Word,
    like,
)
from tocsin.web.views import View

routes: APIRouter = router("reports")

FieldCode = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=NO_NUL)]
Values = Annotated[tuple[Line, ...], Field(strict=False, max_length=20)]


class PlaceBody(Strict):
    """A point on the ground; other datums than WGS84 are converted on arrival."""

    lon: Longitude
    lat: Latitude
    datum: Datum = "wgs84"


class ContactBody(Strict):
    """How to reach the reporter. Sealed on arrival."""

    name: Line | None = None
    phone: Line | None = None
    email: Line | None = None


class ReportBody(Strict):
    """One report. `source` says by which way it came in, such as `phone`."""

    model_config = like(
        {
            "source": "phone",
            "case_type": "street-light-out",
            "text": "The lamp in front of the school has been dark for a week.",
            "place": {"lon": 24.945, "lat": 60.17, "datum": "wgs84"},
            "contact": {"name": "A. Resident", "phone": "+358 40 0000000"},
            "language": "en",
            "consent": False,
            "dispatch_now": False,
        }
    )
    source: Word = "phone"
    case_type: Word
    text: Text
    place: PlaceBody | None = None
    address: Line | None = None
    contact: ContactBody | None = None
    answers: Annotated[dict[FieldCode, Values], Field(max_length=ANSWERS_LIMIT)] = Field(
        default_factory=dict[str, tuple[str, ...]]
    )
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$")] = "en"
    consent: bool = False
    seen_at: InstantText | None = None
    dispatch_now: bool = False


RECEIPT_EXAMPLE: dict[str, Any] = {
    "case_id": "01hx",
    "report_id": "01hx-r1",
    "code": "7K3MP9XQ2HVD",
    "case_type": "street-light-out",
    "promised_at": "2026-11-25T01:30:00+00:00",
    "repeated": False,
}


class ReceivedView(View):
    """The receipt, with the tracking code for the reporter."""

    model_config = like(RECEIPT_EXAMPLE)

    case_id: str
    report_id: str
    code: str
    case_type: str
    promised_at: str | None
    repeated: bool


def incoming_of(
    body: ReportBody, key: str | None, access: Access, photos: tuple[Photo, ...] = ()
) -> IncomingReport:
    """The report as the reception takes it."""
    contact = body.contact.model_dump(exclude_none=True) if body.contact else {}
    return IncomingReport(
        source=body.source,
        case_type=body.case_type,
        text=body.text,
        place=_wgs84(body.place) if body.place else None,
        address=body.address or "",
        contact=contact,
        answers=body.answers,
        photos=photos,
        language=body.language,
        consent=body.consent,
        seen_at=body.seen_at,
        key=key,
        dispatch_now=body.dispatch_now,
    )


def _wgs84(place: PlaceBody) -> Place:
    return to_wgs84(place.lon, place.lat, place.datum)


def reporter_of(body: ReportBody, access: Access) -> Actor:
    """Who takes it down: only where their roles reach. A report without a place goes to the
    county's desk and needs a role there."""
    atlas = access.services.atlas
    if body.place is None:
        county = atlas.tier("county")[0].id
        found = AreaPath(county, county, county, county)
    else:
        place = _wgs84(body.place)
        found = atlas.locate(place.lon, place.lat)
    if isinstance(found, Outside):
        name = atlas.area(found.nearest).name_in(access.language)
        raise Problem("outside", f"{name}, {found.distance_m:.0f} m away")
    actor = access.actor(found)
    who = access.who
    if body.dispatch_now and who.kind == "integration" and "reports:trusted" not in who.scopes:
        raise Problem("key_scope_missing", "dispatch_now needs reports:trusted")
    return actor


@routes.post(
    "/reports",
    operation_id="report.create",
    summary="Open a case from a report. 201 means it is on disk.",
    **shown(ReceivedView, *WRITES, ok=201, what="The receipt."),
)
async def create(body: ReportBody, access: AccessArg, key: KeyArg = None) -> Response:
    actor = reporter_of(body, access)
    incoming = incoming_of(body, key, access)
    received = checked(await access.services.reception.receive(incoming, actor))
    access.web.metrics.commits.labels("open_case").inc()
    return _receipt(received)


@routes.post(
    "/cases/{case_id}/attach-report",
    operation_id="case.attach_report",
    summary="Another report of the same matter joins the case.",
    **shown(ReceivedView, *WRITES, ok=201, what="The receipt of this reporter."),
)
async def attach(
    case_id: CaseIdArg, body: ReportBody, access: AccessArg, key: KeyArg = None
) -> Response:
    row, actor = await access.case(case_id)
    incoming = incoming_of(body, key, access)
    received = checked(await access.services.reception.attach(row.case.id, incoming, actor))
    access.web.metrics.commits.labels("attach_report").inc()
    return _receipt(received)


def _receipt(received: Received) -> Response:
    body = {
        "case_id": received.case_id,
        "report_id": received.report_id,
        "code": received.code,
        "case_type": received.case_type,
        "promised_at": received.promised_at,
        "repeated": received.repeated,
    }
    return json(body, 201, {"location": f"/api/cases/{received.case_id}"})

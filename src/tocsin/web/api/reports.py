"""Reports that staff take down for others, and that integrators send in."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError
from starlette.datastructures import UploadFile
from starlette.responses import Response

from tocsin.kernel.shared import Actor, AreaPath
from tocsin.runtime.reception import MEDIA_LIMIT, IncomingReport, Photo, Received
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
from tocsin.web.api.insight import located
from tocsin.web.gate import Access
from tocsin.web.photos import develop
from tocsin.web.problems import Problem
from tocsin.web.shapes import (
    Answers,
    InstantText,
    Line,
    PlaceBody,
    Strict,
    Text,
    Word,
    like,
    wgs84,
)
from tocsin.web.views import View

routes: APIRouter = router("reports")


class ContactBody(Strict):
    """How to reach the reporter. Sealed on arrival."""

    name: Line | None = None
    phone: Line | None = None
    email: Line | None = None


BODY_EXAMPLE: dict[str, Any] = {
    "source": "phone",
    "case_type": "street-light-out",
    "text": "The lamp in front of the school has been dark for a week.",
    "place": {"lon": 24.945, "lat": 60.17, "datum": "wgs84"},
    "contact": {"name": "A. Resident", "phone": "+358 40 0000000"},
    "language": "en",
    "consent": False,
    "dispatch_now": False,
}


class ReportBody(Strict):
    """One report. `source` says by which way it came in, such as `phone`."""

    model_config = like(BODY_EXAMPLE)

    source: Word = "phone"
    case_type: Word
    text: Text
    place: PlaceBody | None = None
    address: Line | None = None
    contact: ContactBody | None = None
    answers: Answers = Field(default_factory=dict[str, tuple[str, ...]])
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
        place=wgs84(body.place) if body.place else None,
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


def reporter_of(body: ReportBody, access: Access) -> Actor:
    """Who takes it down: only where their roles reach. A report without a place goes to the
    county's desk and needs a role there."""
    atlas = access.services.atlas
    if body.place is None:
        county = atlas.tier("county")[0].id
        found = AreaPath(county, county, county, county)
    else:
        found = located(body.place, access)
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


UPLOAD_SCHEMA: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["report"],
                "additionalProperties": False,
                "properties": {
                    "report": {"$ref": "#/components/schemas/ReportBody"},
                    "photos": {
                        "type": "array",
                        "maxItems": MEDIA_LIMIT,
                        "items": {"type": "string", "format": "binary"},
                    },
                },
            },
            "encoding": {"report": {"contentType": "application/json"}},
            "example": {"report": BODY_EXAMPLE, "photos": []},
        }
    },
}
PART_LIMIT = 256 * 1024
"""Bytes of the report's own part: the longest text in the longest script, and a hundred answers."""


@routes.post(
    "/reports/upload",
    operation_id="report.upload",
    summary="Open a case from a report with photos.",
    openapi_extra={"requestBody": UPLOAD_SCHEMA},
    **shown(ReceivedView, *WRITES, ok=201, what="The receipt."),
)
async def upload(request: Request, access: AccessArg, key: KeyArg = None) -> Response:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Problem("wrong_media_type", "multipart/form-data")
    async with request.form(max_files=MEDIA_LIMIT, max_fields=1, max_part_size=PART_LIMIT) as form:
        if set(form) - {"report", "photos"}:
            raise Problem("invalid", errors=[{"where": "body", "what": "unknown part"}])
        body = _report_part(form.get("report"))
        given = form.getlist("photos")
        if not all(isinstance(each, UploadFile) for each in given):
            raise Problem("invalid", errors=[{"where": "body.photos", "what": "not a file"}])
        actor = reporter_of(body, access)
        files = [each.file for each in given if isinstance(each, UploadFile)]
        photos = await develop(access.web.darkroom, files)
    incoming = incoming_of(body, key, access, photos)
    received = checked(await access.services.reception.receive(incoming, actor))
    access.web.metrics.commits.labels("open_case").inc()
    return _receipt(received)


def _report_part(part: UploadFile | str | None) -> ReportBody:
    if not isinstance(part, str):
        raise Problem("invalid", errors=[{"where": "body.report", "what": "missing"}])
    try:
        return ReportBody.model_validate_json(part)
    except ValidationError as error:
        raise RequestValidationError(
            [{**each, "loc": ("body", "report", *each["loc"])} for each in error.errors()]
        ) from None


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

"""For reporters, without an account: how it stands, what was promised, and their own answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import Response

from tocsin.web import receipts
from tocsin.web.api.common import (
    PUBLIC,
    PUBLIC_WRITES,
    AccessArg,
    KeyArg,
    json,
    router,
    shown,
)
from tocsin.web.gate import Access
from tocsin.web.shapes import Strict, Text, like
from tocsin.web.views import View

routes: APIRouter = router("receipts")

CodeArg = Annotated[
    str,
    Path(
        pattern=r"^[0-9A-Za-z -]{8,40}$",
        max_length=40,
        description="The tracking code; blanks, dashes and case do not matter.",
        examples=["7K3MP9XQ2HVD"],
    ),
]


class MovedView(View):
    """The promise moved, and why."""

    at: datetime
    was: datetime
    now: datetime
    why: str


class ToldView(View):
    """One message to the reporter."""

    at: datetime
    text: str


class AskedView(View):
    """A question that waits for the reporter's answer."""

    asked_at: datetime
    text: str


class OpeningView(View):
    """Who opened what of the report, and why. `by_two`: a second person agreed. `name` only where
    the town says so."""

    at: datetime
    who: str
    role: str | None
    agency: str | None
    purpose: str
    why: str
    fields: tuple[str, ...]
    by_two: bool
    name: str | None


class ReceiptView(View):
    """How a report stands, in plain words."""

    model_config = like(
        {
            "status": "in_work",
            "words": "Work is under way.",
            "case_type": "street-light-out",
            "title": "Street light out",
            "reported_at": "2026-11-22T01:30:00+00:00",
            "promised_at": "2026-11-25T01:30:00+00:00",
            "moves": [],
            "messages": [{"at": "2026-11-22T01:30:00+00:00", "text": "We have your report."}],
            "question": None,
            "solved": None,
            "treated_well": None,
            "consent": False,
            "openings": [
                {
                    "at": "2026-11-22T01:31:00+00:00",
                    "who": "Agency handler, Lighting",
                    "role": "agency_handler",
                    "agency": "lighting@county",
                    "purpose": "handling",
                    "why": "To handle the case",
                    "fields": ["description"],
                    "by_two": False,
                    "name": None,
                }
            ],
        }
    )
    status: str
    words: str
    case_type: str
    title: str
    reported_at: datetime
    promised_at: datetime | None
    moves: tuple[MovedView, ...]
    messages: tuple[ToldView, ...]
    question: AskedView | None
    solved: bool | None
    treated_well: bool | None
    consent: bool
    openings: tuple[OpeningView, ...]


class FeedbackBody(Strict):
    """Solved? Treated well?"""

    model_config = like({"solved": True, "treated_well": True, "comment": "Thank you."})

    solved: bool
    treated_well: bool
    comment: Text | None = None


class AnswerBody(Strict):
    """The answer to the open question."""

    model_config = like({"text": "It is the lamp on the left."})

    text: Text


class ConsentBody(Strict):
    """Whether the description may be published."""

    model_config = like({"consent": True})

    consent: bool


@routes.get(
    "/receipts/{code}",
    operation_id="receipt.show",
    summary="How a report stands.",
    **shown(ReceiptView, *PUBLIC),
)
async def show(code: CodeArg, access: AccessArg) -> Response:
    return await _receipt(await receipts.hold(code, access.services), access)


async def _receipt(held: receipts.Held, access: Access) -> Response:
    found = await receipts.standing(held, access.services)
    told = await receipts.receipt(
        found, access.services, access.language, access.web.accounts.store
    )
    return json(told, headers={"content-language": access.language})


async def _command(
    name: str, held: receipts.Held, members: dict[str, Any], key: str | None, access: Access
) -> Response:
    await receipts.command(name, held, members, key, access.services)
    access.web.metrics.commits.labels(name).inc()
    return await _receipt(held, access)


@routes.post(
    "/receipts/{code}/feedback",
    operation_id="receipt.feedback",
    summary="The reporter says whether it is solved. Not solved, in time, reopens it.",
    **shown(ReceiptView, *PUBLIC_WRITES),
)
async def feedback(
    code: CodeArg, body: FeedbackBody, access: AccessArg, key: KeyArg = None
) -> Response:
    held = await receipts.hold(code, access.services)
    members = {"report": held.report_id, **body.model_dump()}
    return await _command("give_feedback", held, members, key, access)


@routes.post(
    "/receipts/{code}/answer",
    operation_id="receipt.answer",
    summary="The reporter answers the open question.",
    **shown(ReceiptView, *PUBLIC_WRITES),
)
async def answer(
    code: CodeArg, body: AnswerBody, access: AccessArg, key: KeyArg = None
) -> Response:
    held = await receipts.hold(code, access.services)
    return await _command("answer_question", held, body.model_dump(), key, access)


@routes.post(
    "/receipts/{code}/consent",
    operation_id="receipt.consent",
    summary="The reporter agrees to publication, or takes it back.",
    **shown(ReceiptView, *PUBLIC_WRITES),
)
async def consent(
    code: CodeArg, body: ConsentBody, access: AccessArg, key: KeyArg = None
) -> Response:
    held = await receipts.hold(code, access.services)
    members = {"report": held.report_id, **body.model_dump()}
    return await _command("set_consent", held, members, key, access)

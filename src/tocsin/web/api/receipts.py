"""For reporters, without an account: how it stands, what was promised, and their own answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import Response

from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import Actor, ActorId, CaseId, Refused, ReportId
from tocsin.packs.words import word
from tocsin.runtime.reception import Reception
from tocsin.web.api.cases import VERBS_BY_NAME
from tocsin.web.api.common import (
    PUBLIC,
    PUBLIC_WRITES,
    AccessArg,
    KeyArg,
    json,
    problem_of,
    router,
    shown,
)
from tocsin.web.commands import Asked, build, fingerprint
from tocsin.web.gate import Access
from tocsin.web.problems import Problem
from tocsin.web.shapes import Strict, Text, like
from tocsin.web.telling import status_text, tell
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
LINKS_MAX = 5
"""How far a merged report is followed; merges do not chain."""


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


@dataclass(frozen=True, slots=True)
class _Held:
    """A report that a tracking code stands for."""

    case_id: CaseId
    report_id: ReportId
    code: str

    @property
    def actor(self) -> Actor:
        return Actor(ActorId(self.report_id), "reporter")


async def _held(code: str, access: Access) -> _Held:
    found = await access.services.store.receipt(Reception.code_hash(code))
    if found is None:
        raise Problem("receipt_unknown")
    return _Held(found[0], found[1], access.services.reception.code(found[1]))


@routes.get(
    "/receipts/{code}",
    operation_id="receipt.show",
    summary="How a report stands.",
    **shown(ReceiptView, *PUBLIC),
)
async def show(code: CodeArg, access: AccessArg) -> Response:
    return await _receipt(await _held(code, access), access)


async def _receipt(held: _Held, access: Access) -> Response:
    case = await _case(held.case_id, access)
    leading = case
    for _ in range(LINKS_MAX):
        if leading.links.merged_into is None:
            break
        leading = await _case(leading.links.merged_into, access)
    report = next(each for each in case.reports if each.id == held.report_id)
    pack, language = access.services.pack, access.language
    case_type = pack.case_types.get(leading.case_type)
    thread = await access.services.store.thread(held.report_id)
    return json(
        {
            "status": leading.status,
            "words": status_text(leading.status, language),
            "case_type": leading.case_type,
            "title": pack.in_language(case_type.title, language) if case_type else "",
            "reported_at": report.at,
            "promised_at": leading.promised_at,
            "moves": [
                {
                    "at": each.at,
                    "was": each.was,
                    "now": each.now,
                    "why": word("why", each.why, language),
                }
                for each in leading.moves
            ],
            "messages": [
                {
                    "at": each.at,
                    "text": tell(pack, each.template, language, leading, held.code),
                }
                for each in thread
            ],
            "question": await _question(held, case, access),
            "solved": report.solved,
            "treated_well": report.treated_well,
            "consent": report.consent,
        },
        headers={"content-language": language},
    )


async def _case(case_id: CaseId, access: Access) -> Case:
    row = await access.services.store.case(case_id)
    if row is None:
        raise Problem("receipt_unknown")
    return row.case


async def _question(held: _Held, case: Case, access: Access) -> dict[str, Any] | None:
    asked = case.question
    if asked is None or asked.report != held.report_id:
        return None
    opened = await access.services.vault.open([asked.text], by=held.actor, purpose="own_receipt")
    if asked.text not in opened:
        return None
    return {"asked_at": asked.asked_at, "text": opened[asked.text][0].decode(errors="replace")}


async def _command(
    name: str, held: _Held, members: dict[str, Any], key: str | None, access: Access
) -> Response:
    verb = VERBS_BY_NAME[name]
    case = await _case(held.case_id, access)
    body = verb.body.model_validate(members)
    built = build(verb, body, Asked(access.services, case, held.actor))
    outcome = await access.services.engine.handle(
        held.case_id,
        built.command,
        by=held.actor,
        key=f"receipt:{held.report_id}:{key}" if key else None,
        fingerprint=fingerprint(name, held.case_id, body) if key else "",
        sealed=built.sealed,
        answer={"case_id": held.case_id},
    )
    if isinstance(outcome, Refused):
        raise problem_of(outcome)
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
    held = await _held(code, access)
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
    held = await _held(code, access)
    case = await _case(held.case_id, access)
    if case.question is None or case.question.report != held.report_id:
        raise Problem("no_question")
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
    held = await _held(code, access)
    members = {"report": held.report_id, **body.model_dump()}
    return await _command("set_consent", held, members, key, access)

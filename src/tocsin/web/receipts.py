"""What a tracking code opens: how the report stands, and what its reporter may say about it.

Used by the API of receipts and by the residents' pages: both tell the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from tocsin.kernel.cases.state import Case, Report
from tocsin.kernel.cases.vocabulary import CaseVerified
from tocsin.kernel.shared import Actor, ActorId, CaseId, Instant, Refused, ReportId
from tocsin.packs.words import word
from tocsin.runtime.reception import Reception
from tocsin.runtime.services import Services
from tocsin.web.commands import VERBS, Asked, build, fingerprint
from tocsin.web.problems import Problem, refuse
from tocsin.web.telling import status_text, tell

LINKS_MAX: Final = 5
"""How far a merged report is followed; merges do not chain."""


@dataclass(frozen=True, slots=True)
class Held:
    """A report that a tracking code stands for."""

    case_id: CaseId
    report_id: ReportId
    code: str

    @property
    def actor(self) -> Actor:
        return Actor(ActorId(self.report_id), "reporter")


@dataclass(frozen=True, slots=True)
class Standing:
    """The report in its own case, and the case that leads (another one after a merge)."""

    held: Held
    case: Case
    leading: Case
    report: Report


@dataclass(frozen=True, slots=True)
class Proof:
    """What proves the close: who looked, when, and whether a photo was taken. The photo itself is
    sealed and stays so."""

    by: Literal["colleague", "reporter"]
    at: Instant
    has_photo: bool


async def hold(code: str, services: Services) -> Held:
    """The report of a tracking code. Raises `receipt_unknown`."""
    found = await services.store.receipt(Reception.code_hash(code))
    if found is None:
        raise Problem("receipt_unknown")
    return Held(found[0], found[1], services.reception.code(found[1]))


async def standing(held: Held, services: Services) -> Standing:
    """The report as it stands now."""
    case = await _case(held.case_id, services)
    leading = case
    for _ in range(LINKS_MAX):
        if leading.links.merged_into is None:
            break
        leading = await _case(leading.links.merged_into, services)
    report = next(each for each in case.reports if each.id == held.report_id)
    return Standing(held, case, leading, report)


async def _case(case_id: CaseId, services: Services) -> Case:
    row = await services.store.case(case_id)
    if row is None:
        raise Problem("receipt_unknown")
    return row.case


async def receipt(found: Standing, services: Services, language: str) -> dict[str, Any]:
    """The receipt in plain words: the members of the API's `ReceiptView`."""
    pack, leading, report = services.pack, found.leading, found.report
    case_type = pack.case_types.get(leading.case_type)
    thread = await services.store.thread(report.id)
    return {
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
                "text": tell(pack, each.template, language, leading, found.held.code),
            }
            for each in thread
        ],
        "question": await _question(found, services),
        "solved": report.solved,
        "treated_well": report.treated_well,
        "consent": report.consent,
    }


async def _question(found: Standing, services: Services) -> dict[str, Any] | None:
    asked, held = found.case.question, found.held
    if asked is None or asked.report != held.report_id:
        return None
    opened = await services.vault.open([asked.text], by=held.actor, purpose="own_receipt")
    if asked.text not in opened:
        return None
    return {"asked_at": asked.asked_at, "text": opened[asked.text][0].decode(errors="replace")}


async def proof(found: Standing, services: Services) -> Proof | None:
    """What proves that the leading case is done; None while nobody has verified it."""
    if found.leading.status != "verified":
        return None
    for entry in reversed(await services.store.journal(found.leading.id)):
        for event in entry.events:
            if isinstance(event, CaseVerified):
                by = "reporter" if entry.by.kind == "reporter" else "colleague"
                return Proof(by, event.at, bool(event.evidence))
    return None


async def command(
    name: str, held: Held, members: Mapping[str, Any], key: str | None, services: Services
) -> None:
    """Carry out one of the reporter's commands, durably. Raises `Problem`."""
    verb = next(each for each in VERBS if each.name == name)
    case = await _case(held.case_id, services)
    if name == "answer_question" and (
        case.question is None or case.question.report != held.report_id
    ):
        raise Problem("no_question")
    body = verb.body.model_validate(dict(members))
    built = build(verb, body, Asked(services, case, held.actor))
    outcome = await services.engine.handle(
        held.case_id,
        built.command,
        by=held.actor,
        key=f"receipt:{held.report_id}:{key}" if key else None,
        fingerprint=fingerprint(name, held.case_id, body) if key else "",
        sealed=built.sealed,
        answer={"case_id": held.case_id},
    )
    if isinstance(outcome, Refused):
        raise refuse(outcome)

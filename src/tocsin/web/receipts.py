"""What a tracking code opens: how the report stands, and what its reporter may say about it.

Used by the API of receipts and by the residents' pages: both tell the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from tocsin.kernel.cases.state import Case, Report
from tocsin.kernel.cases.vocabulary import CaseVerified
from tocsin.kernel.shared import Actor, ActorId, CaseId, Instant, Refused, ReportId, SealedRef
from tocsin.packs.words import word
from tocsin.runtime.account_ports import AccountStore
from tocsin.runtime.onlooking import Onlooker, look_as
from tocsin.runtime.ports import Reading
from tocsin.runtime.reception import Reception
from tocsin.runtime.seeing import see
from tocsin.runtime.services import Services
from tocsin.runtime.sight import KINDS
from tocsin.web.commands import VERBS, Asked, build, fingerprint
from tocsin.web.problems import Problem, refuse
from tocsin.web.telling import status_text, tell

OPENINGS_MAX: Final = 200
"""Openings on one receipt, the newest: a page that a person can read."""
PURPOSE_WORDS: Final = frozenset(KINDS)
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
    # The code opens its own report: its case, and what was told to who reported it.
    look_as(Onlooker(cases=frozenset({found[0]}), desks=frozenset({found[1]})))
    return Held(found[0], found[1], services.reception.code(found[1]))


async def standing(held: Held, services: Services) -> Standing:
    """The report as it stands now."""
    case = await _case(held.case_id, services)
    leading = case
    for _ in range(LINKS_MAX):
        if leading.links.merged_into is None:
            break
        # The report follows its case: what leads it now is what is told.
        into = leading.links.merged_into
        look_as(Onlooker(cases=frozenset({held.case_id, into}), desks=frozenset({held.report_id})))
        leading = await _case(into, services)
    report = next(each for each in case.reports if each.id == held.report_id)
    return Standing(held, case, leading, report)


async def _case(case_id: CaseId, services: Services) -> Case:
    row = await services.store.case(case_id)
    if row is None:
        raise Problem("receipt_unknown")
    return row.case


async def receipt(
    found: Standing, services: Services, language: str, accounts: AccountStore
) -> dict[str, Any]:
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
        "openings": await openings(found, services, language, accounts),
    }


async def openings(
    found: Standing, services: Services, language: str, accounts: AccountStore
) -> list[dict[str, Any]]:
    """Who opened what of this report, and why, the newest first: role, agency and purpose in words.
    Names only where the pack says so. What the machine compared, and what everybody may read, is
    told once for each permit; what the reporter opened alone is left out."""
    report = found.report
    kinds: dict[SealedRef, str] = {
        ref: kind
        for ref, kind in (
            (report.description, "description"),
            (report.contact, "contact"),
            (report.address, "address"),
            *((ref, "media") for ref in report.media),
        )
        if ref is not None
    }
    told: list[dict[str, Any]] = []
    for reading in await services.vault.readings(tuple(kinds)):
        if reading.kind == "reporter":
            continue
        fields = dict.fromkeys(kinds[ref] for ref in reading.refs if ref in kinds)
        told.append(
            {
                "at": reading.at,
                "who": _who(reading, services, language),
                "role": reading.role or None,
                "agency": reading.agency,
                "purpose": reading.purpose,
                "why": word("purpose", reading.purpose, language)
                if reading.purpose in PURPOSE_WORDS
                else reading.purpose,
                "fields": [word("field", each, language) for each in fields],
                "by_two": reading.second is not None,
                "name": await _name(reading, services, accounts),
            }
        )
    return told[::-1][:OPENINGS_MAX]


async def _name(reading: Reading, services: Services, accounts: AccountStore) -> str | None:
    if not services.pack.sight.shows_names or reading.purpose in ("likeness", "publication"):
        return None
    account = await accounts.account(reading.by)
    return account.name if account is not None else None


def _who(reading: Reading, services: Services, language: str) -> str:
    zh = language.startswith("zh")
    if reading.purpose == "likeness":
        return "系统" if zh else "The machine"
    if reading.purpose == "publication":
        return "公众" if zh else "Everybody"
    if reading.kind == "integration":
        return "接口程序" if zh else "A program of the town"
    role = word("role", reading.role, language) if reading.role else ("工作人员" if zh else "Staff")
    agency = reading.agency.partition("@")[0] if reading.agency else ""
    known = services.pack.agencies.get(agency)
    if known is None:
        return role
    name = services.pack.in_language(known.name, language)
    return f"{name}{role}" if zh else f"{role}, {name}"


async def _question(found: Standing, services: Services) -> dict[str, Any] | None:
    asked, held = found.case.question, found.held
    if asked is None or asked.report != held.report_id:
        return None
    wanted = {held.case_id: (asked.text,)}
    opened = await see(wanted, {}, by=held.actor, purpose="own_receipt", vault=services.vault)
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

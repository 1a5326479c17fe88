"""Messages of the pack in words, for an inbox or a reporter's thread."""

from __future__ import annotations

from typing import Final

from tocsin.kernel.cases.state import Case, Status
from tocsin.kernel.shared import Instant
from tocsin.packs.model import Pack
from tocsin.packs.words import word

SHORT_ID: Final = 8
"""Letters of a case's id that are told: 40 random bits, enough among the cases of a desk."""
STATUS_TEXTS: Final[dict[Status, tuple[str, str]]] = {
    "absent": ("Not known.", "未知。"),
    "received": ("Received. It will be looked at.", "已收到，等待查看。"),
    "accepted": ("Accepted. The body in charge is being chosen.", "已受理，正在确定责任单位。"),
    "filed": ("Registered. It will be sent to the body in charge.", "已立案，即将派遣。"),
    "dispatched": ("Sent to the body in charge.", "已派遣至责任单位。"),
    "in_work": ("Work is under way.", "正在处置。"),
    "claimed_done": ("Reported as done. It is being checked.", "已报告完成，正在核查。"),
    "verified": ("Done and checked.", "已完成并经核查。"),
    "refused": ("Closed without work.", "未予受理，已关闭。"),
    "void": ("Closed: it was opened by mistake.", "误立，已关闭。"),
    "merged": ("Handled together with another report.", "与其他上报一并处理。"),
}
"""How a case stands, for the person who reported it."""


def status_text(status: Status, language: str) -> str:
    """A status in plain words."""
    english, chinese = STATUS_TEXTS[status]
    return chinese if language.startswith("zh") else english


def when(at: Instant | None, pack: Pack) -> str:
    """An instant on the wall clock of the pack's zone, to the minute."""
    if at is None:
        return "–"
    zone = pack.calendar.zone if pack.calendar is not None else None
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def tell(pack: Pack, template: str, language: str, case: Case | None, code: str = "") -> str:
    """The message `template` about a case; its name where the pack has no such message (the pack
    of a case that was opened long ago may have had it)."""
    known = template in pack.parsed.messages
    if not known:
        return template
    slots: dict[str, str] = {"code": code} if code else {}
    if case is not None:
        # Tracking codes are the reporters' own; staff know a case by the end of its id.
        slots.setdefault("code", case.id[-SHORT_ID:].upper())
        slots["promised_at"] = when(case.promised_at, pack)
        slots["status"] = word("status", case.status, language)
        slots["agency"] = _agency(pack, case.lead, language)
        if case.moves:
            slots["was"] = when(case.moves[-1].was, pack)
            slots["now"] = when(case.moves[-1].now, pack)
            slots["reason"] = word("why", case.moves[-1].why, language)
        if case.disposition:
            slots["reason"] = word("disposition", case.disposition, language)
    case_type = case.case_type if case is not None else None
    return pack.text(template, language, case_type=case_type, **slots)


def _agency(pack: Pack, agency: str | None, language: str) -> str:
    """The name of an agency ("lighting@county"), without its area."""
    if agency is None:
        return "–"
    found = pack.agencies.get(agency.partition("@")[0])
    return pack.in_language(found.name, language) if found is not None else agency

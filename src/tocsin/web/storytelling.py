"""The story of a case in sentences: its journal, the messages it sent, and who opened what.

Only what the journal keeps in the open is told; what people wrote stays behind its reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from tocsin.dispatching.wording import clock, told
from tocsin.kernel.cases import vocabulary as said
from tocsin.kernel.cases.state import Case
from tocsin.kernel.cases.vocabulary import Event
from tocsin.kernel.shared import ActorId, Choice, Instant, SealedRef
from tocsin.packs.words import catalogue, keys, word
from tocsin.runtime.codec import name_of
from tocsin.runtime.ports import JournalEntry, Message, Reading
from tocsin.runtime.services import Services
from tocsin.web.telling import tell, when

QUIET: Final = frozenset(
    {"clock_started", "clock_paused", "clock_escalated", "child_recorded", "case_claimed_done"}
)
"""What follows from something that is told anyway."""
_KINDS: Final[Mapping[str, str]] = {
    "case_opened": "report",
    "report_attached": "report",
    "feedback_given": "report",
    "question_answered": "report",
    "note_added": "note",
    "case_merged": "merge",
    "case_unmerged": "merge",
    "duplicate_absorbed": "merge",
    "duplicate_released": "merge",
    "deadline_missed": "clock",
    "clock_stopped": "clock",
    "clock_moved": "clock",
}
_REASON_KINDS: Final = ("choice", "refusal", "hold_reason", "why", "disposition", "reason")


class Names:
    """Who is who in a story: colleagues by name, reporters never."""

    def __init__(self, names: Mapping[ActorId, str], language: str) -> None:
        self._names = names
        self._zh = language.startswith("zh")

    def of(self, actor: str, kind: str) -> str:
        """The name to show."""
        if kind == "reporter":
            return "报告人" if self._zh else "a reporter"
        if kind == "system":
            return "系统" if self._zh else "the clock"
        if kind == "integration":
            return "接口" if self._zh else "an interface"
        return self._names.get(ActorId(actor), "同事" if self._zh else "a colleague")


def story_of(
    case: Case,
    journal: Sequence[JournalEntry],
    messages: Iterable[Message],
    readings: Iterable[Reading],
    names: Names,
    services: Services,
    language: str,
) -> list[dict[str, Any]]:
    """The entries of `StoryView`, oldest first."""
    found: list[tuple[Instant, int, dict[str, Any]]] = []
    for entry in journal:
        by = {
            "id": entry.by.id if entry.by.kind != "reporter" else "",
            "kind": entry.by.kind,
            "name": names.of(entry.by.id, entry.by.kind),
        }
        for event in entry.events:
            name = name_of(event)
            if name in QUIET or _is_plain_stop(event):
                continue
            found.append((entry.at, entry.seq, _entry(entry, event, name, by, services, language)))
    last = journal[-1].seq if journal else 0
    for message, desks in _together(messages):
        told = _message(message, desks, case, services, language)
        found.append((message.at, last, told))
    for reading in readings:
        found.append((reading.at, last, _reading(reading, names, language)))
    found.sort(key=lambda each: (each[0], each[1]))
    return [shown for _, _, shown in found]


def _is_plain_stop(event: Event) -> bool:
    """A clock that was stopped because the case moved on in time says nothing new; kept promises
    to the reporter and handling are told."""
    return isinstance(event, said.ClockStopped) and event.name not in ("close", "handle", "verify")


def _entry(
    entry: JournalEntry,
    event: Event,
    name: str,
    by: dict[str, str],
    services: Services,
    language: str,
) -> dict[str, Any]:
    reason = str(getattr(event, "disposition", "") or getattr(event, "reason", "") or "")
    agency = _agency_of(event)
    return {
        "seq": entry.seq,
        "at": entry.at,
        "by": by,
        "kind": _kind(event, name),
        "event": name,
        "words": _sentence(event, name, reason, agency, services, language),
        "reason": reason or None,
        "agency": agency,
        "refs": _refs(event),
        "stage": _stage(event),
        "clock": _clock(event),
        "delivered": None,
    }


def _kind(event: Event, name: str) -> str:
    if getattr(event, "evidence", ()):
        return "photo"
    return _KINDS.get(name, "decision")


def _sentence(
    event: Event, name: str, reason: str, agency: str | None, services: Services, language: str
) -> str:
    zh = language.startswith("zh")
    parts = [word("event", name, language)]
    if isinstance(event, said.ClockStopped | said.DeadlineMissed):
        clock = word("clock", event.name, language)
        due = when(event.due_at, services.pack)
        if isinstance(event, said.DeadlineMissed):
            return f"{clock}：已超时（应于 {due} 前完成）" if zh else f"{clock}: late, due {due}"
        kept = event.kept
        told = ("按时完成", "in time") if kept else ("未按时", "not in time")
        return f"{clock}：{told[0]}" if zh else f"{clock}: {told[1]}, due {due}"
    if isinstance(event, said.ClockMoved):
        clock = word("clock", event.key.partition("/")[0], language)
        was, now = when(event.was_due_at, services.pack), when(event.due_at, services.pack)
        why = word("why", event.why, language)
        return f"{clock}：由 {was} 改为 {now}，{why}" if zh else f"{clock}: {was} to {now}. {why}"
    if isinstance(event, said.FeedbackGiven):
        solved = ("已解决", "solved") if event.solved else ("未解决", "not solved")
        well = ("满意", "treated well") if event.treated_well else ("不满意", "not treated well")
        parts.append(f"{solved[0]}，{well[0]}" if zh else f"{solved[1]}, {well[1]}")
    if isinstance(event, said.CaseMerged):
        likeness = f"{event.likeness:.0%}"
        told = [word("likeness", each, language) for each in event.reasons]
        why = ("、" if zh else ", ").join(told)
        parts.append(f"相似度 {likeness}，{why}" if zh else f"likeness {likeness}: {why}")
    if isinstance(event, said.UnitSent | said.UnitReported | said.UnitReleased):
        parts.append(event.name)
    if isinstance(event, said.UnitSent) and event.choice is not None:
        parts += choice_words(event.choice, language)
    if isinstance(event, said.UnitReported):
        parts.append(word("unit_share", event.status, language))
    if isinstance(event, said.UnitReported | said.UnitReleased) and event.stated_at is not None:
        pressed = when(event.stated_at, services.pack)
        parts.append(f"按下时间 {pressed}，联网后送达" if zh else f"pressed {pressed}, sent later")
    if agency is not None:
        parts.append(_agency_name(agency, services, language))
    if reason and reason not in ("accepted", "routine", "by_hand"):
        parts.append(reason_word(reason, language))
    return (
        ("：" if zh else ": ").join([parts[0], ("；" if zh else "; ").join(parts[1:])])
        if parts[1:]
        else parts[0]
    )


def choice_words(choice: Choice, language: str) -> list[str]:
    """How a unit that was sent stood in the recommendation: how soon, and in which place."""
    eta = "eta_unknown" if choice.eta_s is None else "eta"
    if choice.eta_p90_s is None and choice.eta_s is not None:
        eta = "eta_alone"
    facts: dict[str, str | float] = {"count": choice.ranked_count, "first": choice.first}
    facts |= {"rank": choice.rank or 0, "time_s": choice.eta_s or 0.0}
    facts |= {"p90": clock(choice.eta_p90_s or 0.0), "saved_s": choice.first_saved_s or 0.0}
    return [told("sent_by_advice", code, facts, language) for code in (eta, _standing(choice))]


def _standing(choice: Choice) -> str:
    if choice.rank is None:
        return "not_ranked"
    if choice.rank == 1:
        return "first"
    if choice.is_recommended:
        return "recommended"
    return "faster" if (choice.first_saved_s or 0.0) >= 1.0 else "not_first"


def reason_word(code: str, language: str) -> str:
    """A reason code in words, whichever list it is from."""
    for kind in _REASON_KINDS:
        if code in catalogue().get(kind, {}):
            return word(kind, code, language)
    return code.replace("_", " ")


def _agency_of(event: Event) -> str | None:
    if isinstance(event, said.CaseFiled):
        return event.route.lead
    if isinstance(event, said.TaskAdded):
        return event.task.agency
    if isinstance(event, said.CaseDispatched):
        return next((task.agency for task in event.tasks if task.role == "lead"), None)
    if isinstance(event, said.CaseArbitrated):
        return event.lead
    return None


def _agency_name(agency: str, services: Services, language: str) -> str:
    found = services.pack.agencies.get(agency.partition("@")[0])
    return services.pack.in_language(found.name, language) if found is not None else agency


def _refs(event: Event) -> list[SealedRef]:
    report = getattr(event, "report", None)
    found = [*getattr(event, "evidence", ()), *getattr(report, "media", ())]
    for name in ("note", "text", "comment"):
        ref = getattr(event, name, None)
        if ref:
            found.append(ref)
    return found


def _stage(event: Event) -> str | None:
    if isinstance(event, said.TaskClaimedDone | said.CaseVerified | said.CheckFailed):
        return "after" if event.evidence else None
    if isinstance(event, said.CaseOpened | said.ReportAttached):
        return "before" if event.report.media else None
    return None


def _clock(event: Event) -> dict[str, Any] | None:
    if isinstance(event, said.ClockStopped):
        return {"name": event.name, "due_at": event.due_at, "kept": event.kept}
    if isinstance(event, said.DeadlineMissed):
        return {"name": event.name, "due_at": event.due_at, "kept": False}
    return None


def _together(messages: Iterable[Message]) -> list[tuple[Message, list[str]]]:
    """Each message once, with the desks it went to: an escalation tells several the same."""
    found: dict[tuple[Instant, str, bool], tuple[Message, list[str]]] = {}
    for message in messages:
        key = message.at, message.template, message.report is not None
        _, desks = found.setdefault(key, (message, []))
        if message.report is None:
            desks.append(message.audience)
    return list(found.values())


def _desk(address: str, services: Services, language: str) -> str:
    """A directory address in words: "role:dispatcher@county", "agency:lighting@county"."""
    kind, _, rest = address.partition(":")
    if kind == "unit":
        return "力量单元" if language.startswith("zh") else "the unit's crew"
    if kind == "role":
        return word("role", rest.partition("@")[0], language)
    name = _agency_name(rest, services, language)
    if kind == "agency_supervisor":
        chief = word("role", "supervisor", language)
        return f"{name}{chief}" if language.startswith("zh") else f"{chief} of {name}"
    return name


def _message(
    message: Message, desks: Sequence[str], case: Case, services: Services, language: str
) -> dict[str, Any]:
    zh = language.startswith("zh")
    named = dict.fromkeys(_desk(each, services, language) for each in desks)
    whom = ("、" if zh else ", ").join(named) or ("报告人" if zh else "the reporter")
    text = tell(services.pack, message.template, language, case)
    return {
        "seq": 0,
        "at": message.at,
        "by": {"id": "", "kind": "system", "name": ""},
        "kind": "message",
        "event": "message_sent",
        "words": f"致{whom}：{text}" if zh else f"To {whom}: {text}",
        "reason": None,
        "agency": None,
        "refs": [],
        "stage": None,
        "clock": None,
        # It lies in the desk's inbox, or in the reporter's thread, where the receipt shows it.
        "delivered": "inbox" if desks else "shown",
    }


def _reading(reading: Reading, names: Names, language: str) -> dict[str, Any]:
    purpose = reading.purpose
    known = purpose in keys("purpose")
    told = word("purpose", purpose, language) if known else purpose.replace("_", " ")
    opened = word("event", "sealed_opened", language)
    return {
        "seq": 0,
        "at": reading.at,
        "by": {
            "id": reading.by if reading.kind != "reporter" else "",
            "kind": reading.kind,
            "name": names.of(reading.by, reading.kind),
        },
        "kind": "sealed",
        "event": "sealed_opened",
        "words": f"{opened}：{told}" if language.startswith("zh") else f"{opened}: {told}",
        "reason": purpose,
        "agency": None,
        "refs": list(reading.refs),
        "stage": None,
        "clock": None,
        "delivered": None,
    }

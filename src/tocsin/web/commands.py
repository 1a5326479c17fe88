"""Every command on a case as one row: its verb, its body made from its fields, its sealed texts.

The body of a verb follows from the fields of its command: `_FIELDS` says how each field name is
asked for. Free text becomes a sealed value, photos become sealed evidence, a route that is left
out is chosen by the pack.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Annotated, Any, Final, cast

import msgspec
from pydantic import BaseModel, create_model
from pydantic import Field as PydanticField

from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.policy import Profile
from tocsin.kernel.cases.state import Case
from tocsin.kernel.cases.vocabulary import Command, Route, SplitChild
from tocsin.kernel.shared import Actor, AgencyId, AreaPath, CaseId, Refused, SealedRef
from tocsin.runtime.ports import SealedKind, SealedValue
from tocsin.runtime.reception import Photo, each_once
from tocsin.runtime.services import Services
from tocsin.web.problems import Problem, refuse
from tocsin.web.shapes import (
    Id,
    InstantText,
    Level,
    Percent,
    Photos,
    PlaceBody,
    PriorityNumber,
    Score,
    Strict,
    Text,
    Word,
    wgs84,
)


class RouteBody(Strict):
    """Who leads and who assists. `rule` names the rule of the pack, or `by_hand`."""

    rule: Word = "by_hand"
    lead: Id
    assisting: Annotated[tuple[Id, ...], PydanticField(strict=False, max_length=20)] = ()


Children = Annotated[
    tuple[RouteBody, ...], PydanticField(strict=False, min_length=1, max_length=20)
]

_ROUTE_EXAMPLE: Final[dict[str, Any]] = {"rule": "by_hand", "lead": "roads@county", "assisting": []}

_FIELDS: Final[dict[str, tuple[Any, Any]]] = {
    "reason": (Word, "duplicate_report"),
    "disposition": (Word, "repaired"),
    "case_type": (Word, "street-light-out"),
    "profile": (Profile, "routine"),
    "priority": (PriorityNumber, 3),
    "agency": (Id, "roads@county"),
    "lead": (Id, "roads@county"),
    "task": (Id, "01hx-1"),
    "to": (Id, "01hw"),
    "report": (Id, "01hx-r1"),
    "duplicate": (Id, "01hy"),
    "urge": (Id, "01hz"),
    "until": (InstantText, "2026-11-24T09:00:00+08:00"),
    "percent": (Percent, 50),
    "score": (Score, 85),
    "level": (Level, 1),
    "approve": (bool, True),
    "uphold": (bool, False),
    "solved": (bool, True),
    "treated_well": (bool, True),
    "consent": (bool, True),
    "publish": (bool, True),
    "note": (Text, "The lamp in front of the school."),
    "text": (Text, "Which of the two lamps is it?"),
    "comment": (Text, "It works again."),
    "route": (RouteBody, _ROUTE_EXAMPLE),
    "place": (PlaceBody, {"lon": 24.9451, "lat": 60.1702, "datum": "wgs84"}),
    "children": (Children, [_ROUTE_EXAMPLE]),
}
"""How each field of a command is asked for, and what it looks like."""
_RENAMED: Final = {"evidence": "photos"}
_COMPUTED: Final = frozenset({"likeness", "reasons", "areas"})
"""Looked up by the node, never claimed by the caller."""
_SEALED: Final[Mapping[str, SealedKind]] = {"note": "note", "text": "note", "comment": "comment"}


@dataclass(frozen=True, slots=True)
class Verb:
    """One row. `subject` says whose words a sealed text is: the account's, or the reporter's."""

    name: str
    command: type[Command]
    summary: str
    kind: SealedKind = "note"
    of_reporter: bool = False
    body: type[BaseModel] = Strict

    @property
    def path(self) -> str:
        return self.name.replace("_", "-")


@dataclass(frozen=True, slots=True)
class Built:
    """A command ready to be handled, with what must be sealed with it."""

    command: Command
    sealed: tuple[SealedValue, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a verb is built from: the case as read, who acts, the photos already re-encoded."""

    services: Services
    case: Case
    by: Actor
    photos: tuple[Photo, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Computed fields: the likeness of two cases and its reasons."""


def _is_optional(each: Field[Any]) -> bool:
    return each.default is not MISSING or each.default_factory is not MISSING


def _body(name: str, command: type[Command]) -> type[BaseModel]:
    members: dict[str, Any] = {}
    example: dict[str, Any] = {}
    for each in fields(command):
        if each.name in _COMPUTED:
            continue
        if each.name == "evidence":
            members["photos"] = (Photos, ())
            example["photos"] = []
            continue
        asked: tuple[Any, Any] = _FIELDS[each.name]
        shape, example[each.name] = asked
        # A route that is not given is chosen by the pack.
        optional = _is_optional(each) or each.name == "route"
        members[each.name] = (shape | None, None) if optional else (shape, ...)
    title = "".join(part.capitalize() for part in name.split("_"))
    base = type(f"{title}Base", (Strict,), {})
    base.model_config = {**Strict.model_config, "json_schema_extra": {"examples": [example]}}
    made = cast(Any, create_model)(f"{title}Body", __base__=base, **members)
    return cast(type[BaseModel], made)


def _verbs() -> Iterator[Verb]:
    def verb(
        name: str,
        command: type[Command],
        summary: str,
        kind: SealedKind = "note",
        of_reporter: bool = False,
    ) -> Verb:
        return Verb(name, command, summary, kind, of_reporter, _body(name, command))

    yield verb("accept", words.AcceptCase, "Accept a received case.")
    yield verb("refuse", words.RefuseCase, "Refuse it, with a reason the reporter is told.")
    yield verb("file", words.FileCase, "Register it and fix its route.")
    yield verb("dispatch", words.DispatchCase, "Send it to the agencies of its route.")
    yield verb("triage", words.TriageCase, "Change type, profile or priority.")
    yield verb("void", words.VoidCase, "Opened by mistake: it counts nowhere.")
    yield verb("add_task", words.AddTask, "Bring in one more agency.")
    yield verb("cancel_task", words.CancelTask, "An agency's share is not needed.")
    yield verb("acknowledge_task", words.AcknowledgeTask, "The agency has seen it.")
    yield verb("assign_task", words.AssignTask, "Give the task to a person.")
    yield verb("start_task", words.StartTask, "Work has begun.")
    yield verb("claim_task_done", words.ClaimTaskDone, "The agency says it is done.")
    yield verb("return_task", words.ReturnTask, "The agency says it is not theirs.")
    yield verb("arbitrate", words.ArbitrateCase, "The arbiter names the lead; it binds.")
    yield verb("verify", words.VerifyCase, "Someone else saw that it is done.")
    yield verb("fail_check", words.FailCheck, "Someone else saw that it is not done.")
    yield verb("ask_reporter", words.AskReporter, "Ask; clocks pause.", "question", True)
    yield verb("answer_question", words.AnswerQuestion, "The answer.", "comment", True)
    yield verb("withdraw_question", words.WithdrawQuestion, "The question is not needed.")
    yield verb("request_hold", words.RequestHold, "Ask to wait, with a reason.")
    yield verb("decide_hold", words.DecideHold, "Grant or refuse the hold.")
    yield verb("end_hold", words.EndHold, "Work goes on.")
    yield verb("request_extension", words.RequestExtension, "Ask for more time, once.")
    yield verb("decide_extension", words.DecideExtension, "Grant or refuse more time.")
    yield verb("reopen", words.ReopenCase, "Open a verified case again.")
    yield verb("give_feedback", words.GiveFeedback, "A reporter's vote.", "comment", True)
    yield verb("set_consent", words.SetConsent, "A reporter's consent to publication.")
    yield verb("publish", words.PublishCase, "Make the description public, or not.")
    yield verb("add_note", words.AddNote, "A note for those who handle it.")
    yield verb("correct_place", words.CorrectPlace, "Put it where it really is.")
    yield verb("evaluate", words.EvaluateCase, "Score how it was handled.")
    yield verb("appeal_evaluation", words.AppealEvaluation, "The agency disagrees.")
    yield verb("decide_appeal", words.DecideAppeal, "Decide the appeal.")
    yield verb("report_up", words.ReportUp, "Offer it to the tier above.")
    yield verb("hand_down", words.HandDown, "Offer it to the tier below.")
    yield verb("take_over", words.TakeOver, "The offered tier takes it.")
    yield verb("decline_ownership", words.DeclineOwnership, "The offered tier does not.")
    yield verb("urge", words.UrgeCase, "Ask why it is not done.")
    yield verb("answer_urge", words.AnswerUrge, "Answer an urging.")
    yield verb("merge", words.MergeCase, "Merge a duplicate into this case.")
    yield verb("unmerge", words.UnmergeCase, "Take a duplicate out again.")
    yield verb("split", words.SplitCase, "Open children of this case.")


VERBS: Final[tuple[Verb, ...]] = tuple(_verbs())
NOT_VERBS: Final[tuple[type[Command], ...]] = (
    words.OpenCase,  # POST /api/reports
    words.AttachReport,  # POST /api/cases/{case_id}/attach-report, through the reception
    words.WakeUp,  # the clocks' own
    words.RecordChild,  # between cases
    words.BreakGlass,  # POST /api/sight/asks/{ask}/approve, by the second person
    words.NoteAlarmCancel,  # POST /api/alarms/{alarm_id}/cancel, or a keypad at the site
)


def build(verb: Verb, body: BaseModel, asked: Asked) -> Built:
    """The command that a body asks for. Raises `Problem`."""
    given = {name: getattr(body, name) for name in type(body).model_fields}
    stem = f"{asked.case.id}.{asked.services.ids.new()}"
    sealed: list[SealedValue] = []

    def seal(name: str, kind: SealedKind, value: bytes, media_type: str) -> SealedRef:
        ref = SealedRef(f"{stem}.{name}")
        subject = _subject(verb, given, asked)
        sealed.append(SealedValue(ref, asked.case.id, subject, kind, value, media_type))
        return ref

    values: dict[str, Any] = {}
    for each in fields(verb.command):
        name = each.name
        if name in asked.extra:
            values[name] = asked.extra[name]
        elif name == "evidence":
            values[name] = tuple(
                seal(f"photo-{photo.digest[:32]}", "media", photo.data, photo.media_type)
                for photo in each_once(asked.photos)
            )
        elif name in _SEALED:
            text: str | None = given[name]
            values[name] = text and seal(
                name, verb.kind, _lines(text).encode(), "text/plain; charset=utf-8"
            )
        elif name == "route":
            values[name] = _route(given[name], verb, asked)
        elif name == "place":
            values[name] = wgs84(given[name])
        elif name == "areas":
            values[name] = _areas(given["place"], asked)
        elif name == "children":
            values[name] = tuple(_child(each, asked) for each in given[name])
        else:
            values[name] = given[name]
    make = cast(Callable[..., Command], verb.command)
    return Built(make(**values), tuple(sealed))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _subject(verb: Verb, given: Mapping[str, Any], asked: Asked) -> str:
    """Whose words these are: they are erased with that person."""
    if not verb.of_reporter:
        return asked.by.id
    report = given.get("report")
    if report is None and asked.case.question is not None:
        report = asked.case.question.report
    return report or asked.by.id


def _route(body: RouteBody | None, verb: Verb, asked: Asked) -> Route | None:
    if body is not None:
        return _given_route(body)
    case = asked.case
    # A filed case is dispatched on the route it was filed with.
    if verb.command is words.DispatchCase and case.status not in ("received", "accepted"):
        return None
    assert case.areas is not None, "a case on the board lies somewhere"
    pack, now = asked.services.pack, asked.services.clock.now()
    answers = dict(case.reports[0].answers) if case.reports else {}
    choice = pack.choose_route(case.case_type, case.areas, now, answers)
    if choice is None:
        raise Problem("no_route")
    return choice.route


def _given_route(body: RouteBody) -> Route:
    assisting = tuple(AgencyId(each) for each in body.assisting)
    return Route(body.rule, AgencyId(body.lead), assisting)


def _areas(body: PlaceBody, asked: Asked) -> AreaPath:
    found = asked.services.reception.locate(wgs84(body))
    if isinstance(found, Refused):
        raise refuse(found)
    return found


def _child(body: RouteBody, asked: Asked) -> SplitChild:
    return SplitChild(CaseId(asked.services.ids.new()), _given_route(body))


def fingerprint(verb: str, case_id: str, body: BaseModel) -> str:
    """The same wish gives the same fingerprint."""
    data = msgspec.json.encode((verb, case_id, body.model_dump_json()))
    return hashlib.blake2b(data, digest_size=16).hexdigest()

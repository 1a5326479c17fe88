"""What one person may do with a case now, and what they may answer where a reason is asked for.

Nothing is decided here: each command is tried on the state as it is, through the kernel itself,
with placeholders for what the person has yet to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Any, Final, Literal

from tocsin.kernel.cases.expecting import expected_of
from tocsin.kernel.cases.policy import CasePolicy
from tocsin.kernel.cases.state import LIVE_TASKS, Case, Task
from tocsin.kernel.cases.vocabulary import Route
from tocsin.kernel.shared import Actor, ActorId, AgencyId, CaseId, Refused, ReportId, SealedRef
from tocsin.packs.words import keys, word
from tocsin.runtime.services import Services
from tocsin.web.commands import VERBS, Verb
from tocsin.web.permissions import VERBS as ROLES
from tocsin.web.texts import text_of

ALONE: Final = frozenset({"merge", "unmerge", "split", "triage", "correct_place"})
"""Commands that cannot be tried with placeholders: they depend on what is chosen. Offered
wherever the state takes them."""
LEFT_OUT: Final = frozenset({"give_feedback", "set_consent"})
"""Said by the reporter; staff enter them on the receipt's own page."""
OF_TASKS: Final = frozenset(
    {"acknowledge_task", "assign_task", "start_task", "claim_task_done", "return_task"}
    | {"cancel_task"}
)
FORGIVEN: Final = frozenset(
    {"photo_required", "bad_value", "hold_over_cap", "score_out_of_range", "unknown_report"}
    | {"agency_has_task", "hold_reason_unknown", "urge_level_unknown", "route_required"}
)
"""Refusals of a placeholder, not of the person: what they will say may well be right."""

CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "dispatch": ("routine", "urgent"),
    "triage": ("sorted_wrong", "grown_worse", "by_hand"),
    "void": ("opened_by_mistake", "test"),
    "add_task": ("help_needed", "by_law"),
    "cancel_task": ("not_needed", "opened_by_mistake"),
    "return_task": ("not_ours", "wrong_place", "no_means"),
    "arbitrate": ("by_law", "by_agreement"),
    "fail_check": ("not_done", "done_in_part", "wrong_spot", "poor_quality"),
    "withdraw_question": ("answered_otherwise", "not_needed"),
    "decide_hold": ("granted", "not_granted"),
    "end_hold": ("work_goes_on",),
    "request_extension": ("more_work", "waiting_for_others"),
    "decide_extension": ("granted", "not_granted"),
    "reopen": ("came_back", "found_open"),
    "evaluate": ("good_work", "some_faults"),
    "appeal_evaluation": ("facts_wrong",),
    "decide_appeal": ("granted", "not_granted"),
    "report_up": ("too_large", "not_ours"),
    "hand_down": ("within_reach",),
    "decline_ownership": ("not_ours", "no_means"),
    "urge": ("late", "no_progress"),
    "unmerge": ("not_the_same", "opened_by_mistake"),
    "split": ("several_agencies",),
}
"""What staff choose as the reason of a command; the words are `choice` of the words file."""


def actions_for(
    case: Case, by: Actor, roles: frozenset[str], services: Services, language: str
) -> dict[str, Any]:
    """The commands of a case for one person: `next` and `actions`, as `ActionsView` shows them."""
    policy = services.engine.policies.policy(case.pack_version, case.case_type)
    found: list[dict[str, Any]] = []
    for verb in VERBS:
        if verb.name in LEFT_OUT or not roles & set(ROLES[verb.name]):
            continue
        for task in _tasks(verb, case, by):
            refused = _try(verb, task, case, by, services)
            if refused is False or (refused and refused.reason == "not_from_here"):
                continue
            found.append(_action(verb, task, case, by, policy, refused, language))
    return {"next": _next(case, found), "actions": found}


def _tasks(verb: Verb, case: Case, by: Actor) -> tuple[Task | None, ...]:
    if verb.name not in OF_TASKS:
        return (None,)
    live = [each for each in case.tasks if each.status in LIVE_TASKS]
    mine = [each for each in live if by.agency in (None, each.agency)]
    return tuple(mine or live[:1])


def _try(
    verb: Verb, task: Task | None, case: Case, by: Actor, services: Services
) -> Refused | Literal[False] | None:
    """None: it may be done. False: there is nothing to do."""
    values = _placeholders(task, case, services)
    given = {each.name: values[each.name] for each in fields(verb.command) if each.name in values}
    refused = services.engine.consider(case, verb.command(**given), by=by)
    if isinstance(refused, bool):
        # What it is already is the placeholder of these; it is not what they would choose.
        return None if refused or verb.name in ALONE else False
    if refused.reason in FORGIVEN:
        return None
    if verb.name in ALONE and refused.reason not in ("not_from_here", "not_your_role"):
        return None
    return refused


def _placeholders(task: Task | None, case: Case, services: Services) -> dict[str, Any]:
    at = services.clock.now()
    lead = case.lead or AgencyId("nobody@nowhere")
    first = case.reports[0].id if case.reports else ReportId("none")
    report = case.question.report if case.question else first
    open_urges = [each.id for each in case.urges if each.answered_at is None]
    return {
        "reason": "by_hand",
        "disposition": "solved",
        "case_type": case.case_type,
        "profile": case.profile,
        "priority": case.priority,
        "agency": AgencyId("placeholder@nowhere"),
        "lead": lead,
        "task": task.id if task else "none",
        "to": ActorId("placeholder"),
        "report": report,
        "duplicate": CaseId("placeholder"),
        "urge": open_urges[0] if open_urges else "none",
        "until": at + timedelta(hours=1),
        "percent": 1,
        "score": 50,
        "level": 1,
        "approve": True,
        "uphold": True,
        "publish": not case.published,
        "text": SealedRef("placeholder"),
        "evidence": (SealedRef("placeholder"),),
        "route": Route("by_hand", lead),
        "place": case.place,
        "areas": case.areas,
        "likeness": 1.0,
        "reasons": (),
        "children": (),
    }


def _action(
    verb: Verb,
    task: Task | None,
    case: Case,
    by: Actor,
    policy: CasePolicy | None,
    refused: Refused | None,
    language: str,
) -> dict[str, Any]:
    names = [each.name for each in fields(verb.command)]
    return {
        "verb": verb.name,
        "task": task.id if task else None,
        "agency": task.agency if task else None,
        "label": word("verb", verb.name, language),
        "may": refused is None,
        "why": text_of(refused.reason, language) if refused else None,
        "reasons": [
            {"code": code, "label": word(kind, code, language)}
            for kind, code in _reasons(verb, policy)
        ],
        "needs": [name for name in verb.body.model_fields if name in names or name == "photos"],
    }


def _reasons(verb: Verb, policy: CasePolicy | None) -> list[tuple[str, str]]:
    if verb.name == "verify":
        return [("disposition", code) for code in keys("disposition")]
    if verb.name == "refuse":
        return [("refusal", code) for code in keys("refusal")]
    if verb.name == "request_hold":
        return [("hold_reason", code) for code in (policy.hold_reasons if policy else ())]
    return [("choice", code) for code in CHOICES.get(verb.name, ())]


def _next(case: Case, actions: list[dict[str, Any]]) -> dict[str, Any] | None:
    """What this person can do that brings the case on: the expected step, else the first that
    moves it."""
    wanted = expected_of(case)
    may = [each for each in actions if each["may"]]
    for name in (wanted.action, *_BESIDE.get(wanted.action, ())):
        for each in may:
            is_wanted = name == wanted.action and wanted.task in (None, each["task"])
            if each["verb"] == name and (is_wanted or name != wanted.action):
                return {"verb": name, "task": each["task"]}
    return None


_BESIDE: Final[Mapping[str, tuple[str, ...]]] = {
    "accept": ("dispatch",),
    "acknowledge_task": ("start_task", "claim_task_done"),
    "start_task": ("claim_task_done",),
    "verify": ("fail_check",),
    "end_hold": ("claim_task_done",),
}
"""What also brings it on, where the expected step is not this person's."""

"""Rules from the first report to the dispatch, and for what may be said at any time."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from tocsin.kernel.cases import clocks as reckoning
from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.draft import Draft
from tocsin.kernel.cases.permits import find_report
from tocsin.kernel.cases.policy import CaseFacts, CasePolicy, ClockName
from tocsin.kernel.cases.state import LIVE_TASKS, Status, Task, TaskRole
from tocsin.kernel.shared import AgencyId, Refused, TaskId

CANCELLED: Final = "cancelled_with_code"
"""Why a case is lowered or closed whose alarm was taken back at the site."""
FAST_PATH: Final = "fast_path"
"""The reason each step of the fast path gives."""

GLASS_MAX: Final = timedelta(hours=1)
"""How long what two people opened stays open; then they decide anew."""


def open_case(draft: Draft, body: words.OpenCase, facts: CaseFacts) -> Refused | None:
    policy = facts.policy
    if body.route is not None and not policy.fast_path:
        return Refused("fast_path_not_allowed", f"{policy.case_type} is sent step by step")
    draft.take(
        words.CaseOpened(
            draft.at,
            policy.case_type,
            policy.pack_version,
            policy.profile,
            policy.priority,
            body.place,
            body.areas,
            body.owner_tier,
            body.report,
            draft.who,
            body.parent,
            body.is_silent,
            body.is_drill,
        )
    )
    if body.route is not None:
        pass_on(draft, body.route, FAST_PATH)
    return None


def pass_on(draft: Draft, route: words.Route, reason: str) -> None:
    """Every step from where the case is to dispatched, each with its reason."""
    if draft.case.status == "received":
        draft.take(words.CaseAccepted(draft.at, draft.who, reason))
    if draft.case.status == "accepted":
        draft.take(words.CaseFiled(draft.at, draft.who, route, reason))
    dispatch(draft, reason)


def dispatch(draft: Draft, reason: str) -> None:
    """One task for the filed lead and one for each assisting agency."""
    case = draft.case
    assert case.lead is not None, "a filed case has a lead"
    agencies = dict.fromkeys((case.lead, *case.assisting))
    tasks = tuple(
        new_task(draft, agency, "lead" if number == 1 else "assisting", number)
        for number, agency in enumerate(agencies, 1)
    )
    draft.take(
        words.CaseDispatched(draft.at, draft.who, reason, tasks),
        agency=case.lead,
        but_not=("acknowledge",),
    )
    for task in tasks:
        draft.start("acknowledge", part=task.id, agency=task.agency)


def new_task(draft: Draft, agency: AgencyId, role: TaskRole, number: int) -> Task:
    return Task(TaskId(f"{draft.new_id}-t{number}"), agency, role, "dispatched", draft.at)


def attach_report(draft: Draft, body: words.AttachReport, facts: CaseFacts) -> Refused | None:
    for report in draft.case.reports:
        if report == body.report:
            return None
        if report.id == body.report.id:
            return Refused("already_exists", "another report has this id")
    if len(draft.case.reports) >= REPORTS_LIMIT:
        return Refused("bad_value", f"a case has at most {REPORTS_LIMIT} reports")
    draft.say(words.ReportAttached(draft.at, body.report))
    return None


def accept_case(draft: Draft, body: words.AcceptCase, facts: CaseFacts) -> None:
    draft.take(words.CaseAccepted(draft.at, draft.who, "accepted", body.note))


def note_alarm_cancel(
    draft: Draft, body: words.NoteAlarmCancel, facts: CaseFacts
) -> Refused | None:
    case, links = draft.case, draft.case.links
    effect = body.effect
    is_busy = any(each.released_at is None for each in case.units)
    if effect == "close" and (is_busy or links.absorbed or links.open_children):
        effect = "lower"
    if not case.is_open or (effect == "lower" and body.priority <= case.priority):
        effect = "note"
    draft.say(words.AlarmCancelNoted(draft.at, draft.who, body.alarm, effect))
    if effect == "close":
        draft.take(words.CaseVoided(draft.at, draft.who, CANCELLED))
    elif effect == "lower":
        lower = words.TriageCase(case.case_type, case.profile, body.priority, CANCELLED)
        return triage_case(draft, lower, facts)
    return None


def refuse_case(draft: Draft, body: words.RefuseCase, facts: CaseFacts) -> Refused | None:
    if draft.case.links.open_children:
        return Refused("children_open", "its children are still open")
    draft.take(words.CaseRefused(draft.at, draft.who, body.reason))
    return None


def void_case(draft: Draft, body: words.VoidCase, facts: CaseFacts) -> Refused | None:
    links = draft.case.links
    if links.absorbed:
        return Refused("has_absorbed", "take the merged duplicates out first: they are real")
    if links.open_children:
        return Refused("children_open", "its children are still open")
    draft.take(words.CaseVoided(draft.at, draft.who, body.reason))
    return None


def _bound_elsewhere(draft: Draft, route: words.Route) -> Refused | None:
    bound = draft.case.bound
    if bound is not None and route.lead != bound:
        return Refused("decision_binds", f"an arbiter named {bound}")
    return None


def file_case(draft: Draft, body: words.FileCase, facts: CaseFacts) -> Refused | None:
    case, route = draft.case, body.route
    if case.arbitration_since is not None:
        return Refused("arbitration_open", "the arbiter decides where it goes")
    bound = _bound_elsewhere(draft, route)
    if bound is not None:
        return bound
    is_same = (case.lead, case.assisting, case.route_rule) == (
        route.lead,
        route.assisting,
        route.rule,
    )
    if case.status == "filed" and is_same:
        return None
    draft.take(words.CaseFiled(draft.at, draft.who, route, route.rule))
    return None


def dispatch_case(draft: Draft, body: words.DispatchCase, facts: CaseFacts) -> Refused | None:
    case, route = draft.case, body.route
    if case.arbitration_since is not None:
        return Refused("arbitration_open", "the arbiter decides where it goes")
    if route is not None:
        bound = _bound_elsewhere(draft, route)
        if bound is not None:
            return bound
    if case.status != "filed":
        if route is None:
            return Refused("route_required", "on the fast path the route comes along")
        pass_on(draft, route, body.reason or FAST_PATH)
        return None
    if route is not None:
        draft.take(words.CaseFiled(draft.at, draft.who, route, route.rule))
    dispatch(draft, body.reason)
    return None


# -- triage ----------------------------------------------------------------------------


def triage_case(draft: Draft, body: words.TriageCase, facts: CaseFacts) -> Refused | None:
    case, old = draft.case, draft.policy
    is_same = (body.case_type, body.profile, body.priority) == (
        case.case_type,
        case.profile,
        case.priority,
    )
    if is_same:
        return None
    new = old if body.case_type == case.case_type else facts.next  # the version stays pinned
    if new is None:
        return Refused("policy_missing", f"no policy for {body.case_type}")
    if new.case_type != body.case_type or body.priority not in (1, 2, 3, 4):
        return Refused("bad_value", "case type and policy differ, or no such priority")
    draft.take(
        words.CaseTriaged(
            draft.at,
            draft.who,
            body.case_type,
            new.pack_version,
            body.profile,
            body.priority,
            body.reason,
        )
    )
    _restart_clocks(draft, old, new)
    draft.policy = new
    _start_missing(draft)
    return None


def _restart_clocks(draft: Draft, old: CasePolicy, new: CasePolicy) -> None:
    """Every running clock under the new policy, counted from its original start.

    What was missed stays missed. Rungs that have fired do not fire again.
    """
    for clock in draft.case.clocks:
        before = reckoning.policy_of(old, draft.case, clock.name, clock.key)
        after = reckoning.policy_of(new, draft.case, clock.name, clock.key)
        if after is None:
            draft.stop(clock.name, clock.key.partition("/")[2])
            continue
        if before is None or clock.missed or before == after or clock.name in _OWN_TIME:
            continue
        ladder = reckoning.ladder_of(clock.name, after)
        rungs = tuple(percent for percent in ladder if percent > clock.fired)
        draft.policy = new
        draft.move(
            clock,
            after,
            reckoning.recounted(before, after, clock),
            "triaged",
            allowance=after.allowance,
            rungs=rungs,
        )
        draft.policy = old


_OWN_TIME: Final[tuple[ClockName, ...]] = ("answer", "hold")
"""Clocks whose time was agreed in the case: another type does not change it."""

_STAGE: Final[dict[Status, tuple[ClockName, ...]]] = {
    "received": ("accept",),
    "accepted": ("file",),
    "filed": ("dispatch",),
    "dispatched": ("handle",),
    "in_work": ("handle",),
    "claimed_done": ("verify",),
}


def _start_missing(draft: Draft) -> None:
    """Clocks that only the new policy has, for the stage the case is in."""
    case = draft.case
    for name in _STAGE.get(case.status, ()):
        if not (name == "dispatch" and case.arbitration_since is not None):
            draft.start(name, agency=case.lead if name == "handle" else None)
    draft.start("close", why="triaged", since=case.opened_at)
    for task in case.tasks:
        if task.status == "dispatched":
            draft.start("acknowledge", part=task.id, agency=task.agency)


# -- at any time -----------------------------------------------------------------------


def add_note(draft: Draft, body: words.AddNote, facts: CaseFacts) -> None:
    draft.say(words.NoteAdded(draft.at, draft.who, body.text))


def break_glass(draft: Draft, body: words.BreakGlass, facts: CaseFacts) -> Refused | None:
    if body.asker == draft.who:
        return Refused("second_is_asker", "another person agrees")
    if not draft.at < body.until <= draft.at + GLASS_MAX:
        return Refused("bad_value", "it ends within the hour")
    draft.say(words.GlassBroken(draft.at, body.asker, draft.who, body.reason, body.until))
    return None


def correct_place(draft: Draft, body: words.CorrectPlace, facts: CaseFacts) -> Refused | None:
    """Refused while another tier has yet to answer: its area would no longer be the case's."""
    case = draft.case
    if (case.place, case.areas) == (body.place, body.areas):
        return None
    if case.ownership is not None and case.ownership.offered_tier is not None:
        return Refused("ownership_offered", "another tier has not answered yet")
    draft.say(words.PlaceCorrected(draft.at, draft.who, body.place, body.areas))
    return None


def set_consent(draft: Draft, body: words.SetConsent, facts: CaseFacts) -> Refused | None:
    report = find_report(draft.case, body.report)
    if isinstance(report, Refused):
        return report
    if report.consent != body.consent:
        draft.say(words.ConsentSet(draft.at, body.report, body.consent))
        if draft.case.published and not draft.case.reports[0].consent:
            draft.say(words.PublicationSet(draft.at, draft.who, published=False))
    return None


def publish_case(draft: Draft, body: words.PublishCase, facts: CaseFacts) -> Refused | None:
    case = draft.case
    if body.publish == case.published:
        return None
    if body.publish and case.is_silent:
        return Refused("case_silent", "nothing of it is said in public")
    if body.publish and case.is_drill:
        return Refused("case_drill", "an exercise is no news")
    if body.publish and facts.policy.sealed:
        return Refused("sealed_type", f"{case.case_type} is confidential")
    if body.publish and not case.reports[0].consent:
        return Refused("no_consent", "the first reporter has not agreed")
    draft.say(words.PublicationSet(draft.at, draft.who, body.publish))
    return None


def add_task(draft: Draft, body: words.AddTask, facts: CaseFacts) -> Refused | None:
    if any(t.agency == body.agency and t.status in LIVE_TASKS for t in draft.case.tasks):
        return Refused("agency_has_task", f"{body.agency} already has a task here")
    if len(draft.case.tasks) >= TASKS_LIMIT:
        return Refused("bad_value", f"a case has at most {TASKS_LIMIT} tasks")
    task = new_task(draft, body.agency, "assisting", 1)
    draft.take(
        words.TaskAdded(draft.at, draft.who, task, body.reason), part=task.id, agency=task.agency
    )
    return None


REPORTS_LIMIT: Final = 1_000
"""Of one case: its row is rewritten with every command; a flood is merged from cases instead."""
TASKS_LIMIT: Final = 200
"""Returned and cancelled ones included: beyond this something loops."""

__all__ = [
    "accept_case",
    "add_note",
    "add_task",
    "attach_report",
    "dispatch_case",
    "file_case",
    "open_case",
    "pass_on",
    "publish_case",
    "refuse_case",
    "set_consent",
    "triage_case",
    "void_case",
]

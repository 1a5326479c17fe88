"""Decisions that need more than one thing at once: merge, un-merge, split, and a unit with its
cases. The kernel's front door.

A merge puts the duplicate's status and clocks into its stash and takes nothing else from it, so
that un-merge restores it exactly, whatever became of the primary meanwhile. There are no chains: a
case that has absorbed others is not merged until they are taken out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tocsin.kernel.cases import sending
from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.decide import decide as decide_one
from tocsin.kernel.cases.decide import drafted
from tocsin.kernel.cases.draft import Draft, Taken
from tocsin.kernel.cases.intake import pass_on
from tocsin.kernel.cases.machine import MACHINE
from tocsin.kernel.cases.permits import permitted
from tocsin.kernel.cases.policy import CaseFacts, CasePolicy
from tocsin.kernel.cases.state import Case, Report, next_wake
from tocsin.kernel.shared import CaseId, Refused, ReportId, Stamped
from tocsin.kernel.units import vocabulary as units
from tocsin.kernel.units.decide import REDISPATCHED
from tocsin.kernel.units.decide import decide as decide_one_unit
from tocsin.kernel.units.state import Unit, UnitFacts

CHILDREN_LIMIT: Final = 20
"""Children of one split: they are opened in one transaction."""

Decision = Mapping[CaseId, tuple[words.Event, ...]] | Refused


def involved(target: CaseId, command: words.Command) -> tuple[CaseId, ...]:
    """The cases a command needs, the target first, without repeats."""
    match command:
        case words.MergeCase() | words.UnmergeCase():
            return tuple(dict.fromkeys((target, command.duplicate)))
        case words.SplitCase():
            return tuple(dict.fromkeys((target, *(child.id for child in command.children))))
        case _:
            return (target,)


def decide(
    cases: Mapping[CaseId, Case],
    target: CaseId,
    command: Stamped[words.Command, CaseFacts],
) -> Decision:
    """Decide any command: events for each case it touches, or a refusal that changes nothing.

    `cases` holds every case of `involved` (unknown ones with status "absent").
    """
    body = command.body
    if not isinstance(body, words.MergeCase | words.UnmergeCase | words.SplitCase):
        events = decide_one(cases[target], command)
        return events if isinstance(events, Refused) else {target: events}
    draft = drafted(cases[target], command)
    answer = permitted(draft, MACHINE.rules[type(body)])
    if isinstance(answer, Refused):
        return answer
    match body:
        case words.MergeCase():
            return _merge(cases, draft, body, command)
        case words.UnmergeCase():
            return _unmerge(cases, draft, body)
        case words.SplitCase():
            return _split(cases, draft, body, command)


# -- merge -----------------------------------------------------------------------------


def _merge(
    cases: Mapping[CaseId, Case],
    draft: Draft,
    body: words.MergeCase,
    command: Stamped[words.Command, CaseFacts],
) -> Decision:
    primary, duplicate = draft.case, cases[body.duplicate]
    if duplicate.id == primary.id:
        return Refused("same_case", "a case is not its own duplicate")
    if duplicate.links.merged_into == primary.id:
        return {primary.id: draft.events, duplicate.id: ()}
    refused = _unfit(duplicate) or _unlike(primary, duplicate)
    if refused is not None:
        return refused
    policy = _policy_of(duplicate, primary, command.facts)
    wake = next_wake(duplicate)
    if policy is None and wake is not None and wake <= draft.at:
        return Refused("policy_missing", "a clock of the duplicate is due: wake it first")
    other = Draft(duplicate, policy or draft.policy, draft.at, draft.by, draft.new_id)
    other.catch_up(draft.at)
    other.say(words.CaseMerged(draft.at, draft.who, primary.id, body.likeness, body.reasons))
    reports = tuple(report.id for report in duplicate.reports)
    draft.say(words.DuplicateAbsorbed(draft.at, draft.who, duplicate.id, reports))
    return {primary.id: draft.events, duplicate.id: other.events}


def _unlike(primary: Case, duplicate: Case) -> Refused | None:
    """Why two cases are never one: an exercise and what is real, or a silent one in a loud one."""
    if primary.is_drill != duplicate.is_drill:
        return Refused("drill_and_real", "an exercise is never joined to what is real")
    if duplicate.is_silent and not primary.is_silent:
        return Refused("case_silent", "join the other one into the silent one")
    return None


def _unfit(duplicate: Case) -> Refused | None:
    """Why a case cannot be merged away."""
    if duplicate.status == "absent":
        return Refused("not_found", "there is no case with the duplicate's id")
    if duplicate.status == "merged":
        return Refused("already_merged", f"merged into {duplicate.links.merged_into}")
    if duplicate.status not in (MACHINE.steps[words.CaseMerged].sources or ()):
        return Refused("not_from_here", f"the duplicate is {duplicate.status}")
    if duplicate.arbitration_since is not None:
        return Refused("arbitration_open", "the arbiter decides first")
    if duplicate.links.absorbed:
        return Refused("has_absorbed", "no chains: take its own duplicates out first")
    if duplicate.links.open_children:
        return Refused("children_open", "its children are still open")
    return None


def _policy_of(duplicate: Case, primary: Case, facts: CaseFacts) -> CasePolicy | None:
    for case_id, policy in facts.others:
        if case_id == duplicate.id:
            return policy
    pinned = (duplicate.case_type, duplicate.pack_version)
    return facts.policy if pinned == (primary.case_type, primary.pack_version) else None


def _unmerge(cases: Mapping[CaseId, Case], draft: Draft, body: words.UnmergeCase) -> Decision:
    """Nothing is caught up on the duplicate: it is exactly what it was. Clocks that came due
    meanwhile speak with its next wake-up."""
    primary, duplicate = draft.case, cases[body.duplicate]
    is_here = duplicate.status == "merged" and duplicate.links.merged_into == primary.id
    if not is_here:
        return Refused("not_merged_here", "that case is not merged into this one")
    draft.say(words.DuplicateReleased(draft.at, draft.who, duplicate.id))
    unmerged = words.CaseUnmerged(draft.at, draft.who, primary.id, body.reason)
    return {primary.id: draft.events, duplicate.id: (unmerged,)}


# -- split -----------------------------------------------------------------------------


def _split(
    cases: Mapping[CaseId, Case],
    draft: Draft,
    body: words.SplitCase,
    command: Stamped[words.Command, CaseFacts],
) -> Decision:
    parent = draft.case
    ids = tuple(child.id for child in body.children)
    if not ids:
        return Refused("no_children", "a split needs at least one child")
    if len(ids) > CHILDREN_LIMIT or len(set(ids)) < len(ids) or parent.id in ids:
        return Refused("bad_value", f"1 to {CHILDREN_LIMIT} children with fresh, distinct ids")
    if any(cases[child].status != "absent" for child in ids):
        return Refused("already_exists", "a child's id is taken")
    draft.take(words.CaseSplit(draft.at, draft.who, ids, body.reason))
    decision = {parent.id: draft.events}
    for child in body.children:
        decision[child.id] = _child(cases[child.id], parent, child, draft, command.facts)
    return decision


def _child(
    case: Case, parent: Case, child: words.SplitChild, draft: Draft, facts: CaseFacts
) -> tuple[words.Event, ...]:
    """A child goes straight to its agency: the parent was already accepted."""
    assert parent.place is not None and parent.areas is not None, "an open case has a place"
    assert parent.ownership is not None, "an open case has an owner"
    first = parent.reports[0]
    report = Report(
        id=ReportId(f"{child.id}-r1"),
        at=draft.at,
        source="split",
        description=first.description,
        media=first.media,
        language=first.language,
    )
    opening = Draft(case, facts.policy, draft.at, draft.by, child.id)
    opening.take(
        words.CaseOpened(
            draft.at,
            parent.case_type,
            parent.pack_version,
            parent.profile,
            parent.priority,
            parent.place,
            parent.areas,
            parent.ownership.tier,
            report,
            draft.who,
            parent.id,
            parent.is_silent,
            parent.is_drill,
        )
    )
    pass_on(opening, child.route, "split")
    return opening.events


# -- units -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JointFacts:
    """What was looked up for a unit and its cases: `policies` are the pinned ones by case."""

    unit: UnitFacts = UnitFacts()
    policies: tuple[tuple[CaseId, CasePolicy], ...] = ()


@dataclass(frozen=True, slots=True)
class JointDecision:
    """Events on one unit and on the cases that it changes with it; `taken` are those of the cases
    with the case before and after each."""

    unit: tuple[units.Event, ...]
    taken: Mapping[CaseId, tuple[Taken, ...]]

    @property
    def cases(self) -> Mapping[CaseId, tuple[words.Event, ...]]:
        """The events on each case."""
        return {key: tuple([each.event for each in taken]) for key, taken in self.taken.items()}


def cases_of(unit: Unit, command: units.Command) -> tuple[CaseId, ...]:
    """The cases a command on a unit needs: those the unit is on and the one it names."""
    named = (getattr(command, name, None) for name in ("case", "from_case", "to_case"))
    found = (*(each.case for each in unit.cases), *(each for each in named if each))
    return tuple(dict.fromkeys(found))


def decide_unit(
    unit: Unit,
    cases: Mapping[CaseId, Case],
    command: Stamped[units.Command, JointFacts],
) -> JointDecision | Refused:
    """Decide a command on a unit together with the cases it concerns (`cases_of`), so that a
    status changes once and the case sees it; or a refusal that changes neither."""
    about = Stamped(command.body, command.at, command.by, command.new_id, command.facts.unit)
    events = decide_one_unit(unit, about)
    if isinstance(events, Refused):
        return events
    refused = _lost_already(cases, command.body) if events else None
    if refused is not None:
        return refused
    policies = dict(command.facts.policies)
    drafts: dict[CaseId, Draft] = {}
    for event in events:
        case_id: CaseId | None = getattr(event, "case", None)
        if case_id is None:
            continue
        if cases[case_id].status == "absent":
            return Refused("case_unknown", "there is no case with this id")
        policy = policies.get(case_id)
        if policy is None:
            return Refused("policy_missing", "the pack of the case is not on this node")
        if case_id not in drafts:
            draft = Draft(cases[case_id], policy, command.at, command.by, command.new_id)
            draft.catch_up(command.at)
            drafts[case_id] = draft
        is_sent = isinstance(event, units.UnitDispatched | units.UnitStacked)
        if is_sent and cases[case_id].is_drill and not is_confirmed(command.body):
            return Refused("drill_unconfirmed", "this is an exercise: say again that it drives")
        refused = _tell_case(drafts[case_id], unit, event)
        if refused is not None:
            return refused
    for draft in drafts.values():
        draft.catch_up(command.at, late=True)
    return JointDecision(events, {key: tuple(draft.taken) for key, draft in drafts.items()})


def is_confirmed(body: units.Command) -> bool:
    """Whether somebody said again that a real unit is to drive to an exercise."""
    return bool(getattr(body, "is_drill_confirmed", False))


def _lost_already(cases: Mapping[CaseId, Case], body: units.Command) -> Refused | None:
    """A case loses a unit to a more urgent one once: a second time nobody would ever come."""
    if not isinstance(body, units.RedispatchUnit):
        return None
    shares = cases[body.from_case].units
    if any(each.released_why == REDISPATCHED for each in shares):
        return Refused("lost_a_unit_already", "this case has lost a unit to another before")
    return None


def _tell_case(draft: Draft, unit: Unit, event: units.Event) -> Refused | None:
    """The case's half of one event of a unit."""
    assert unit.agency is not None, "a unit that is on a case was added"
    match event:
        case units.UnitDispatched() | units.UnitStacked():
            is_stacked = isinstance(event, units.UnitStacked)
            return sending.send(
                draft,
                unit.id,
                unit.name,
                unit.agency,
                event.reason,
                is_stacked=is_stacked,
                choice=None if isinstance(event, units.UnitStacked) else event.choice,
            )
        case units.UnitTurned():
            sending.report(draft, unit.id, unit.name, "dispatched")
        case units.StatusReported(status=("en_route" | "on_scene" | "transporting") as status):
            sending.report(draft, unit.id, unit.name, status, event.stated_at)
        case units.UnitCleared():
            sending.release(draft, unit.id, unit.name, "clear", event.stated_at)
        case units.UnitRecalled():
            sending.release(draft, unit.id, unit.name, event.reason)
        case _:
            pass
    return None


__all__ = [
    "CHILDREN_LIMIT",
    "Decision",
    "JointDecision",
    "JointFacts",
    "cases_of",
    "decide",
    "decide_unit",
    "involved",
]

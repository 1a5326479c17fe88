"""Every rule about what may happen next to a unit, entered here by the command's type.

A decision that touches a case as well goes through `kernel/coordination.py`, which decides both
at once; this is the unit's half of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, get_args

from tocsin.kernel.shared import Actor, AgencyId, Instant, Refused, Stamped
from tocsin.kernel.units import vocabulary as words
from tocsin.kernel.units.evolve import evolve
from tocsin.kernel.units.machine import ANYONE, MOVES, RULES
from tocsin.kernel.units.state import ON_CASE, Unit, UnitFacts, UnitStatus

ALMOST_THERE_S: Final = 60.0
"""A unit that arrives sooner than this is not turned to another case: it is as good as there."""
REDISPATCHED: Final = "redispatched"
"""Why a unit left a case that lost it to a more urgent one."""
STACK_LIMIT: Final = 3
"""Cases of one unit, the one it is on included: a longer queue is a plan, not a crew's next job."""
NAME_LIMIT: Final = 40
"""Characters of a call sign: it is said over the radio."""
CREW_LIMIT: Final = 60
"""People of one unit: a coach full of helpers."""
CAPABILITIES_LIMIT: Final = 30
"""Of one unit beside those of its kind; a crew knows no more by heart."""
STAND_INS: Final = ("dispatcher", "supervisor", "administrator")
"""Roles that may press a crew's buttons for it, as after a word over the radio."""

_STATUSES: Final[dict[str, UnitStatus]] = {each: each for each in get_args(UnitStatus)}

Command = Stamped[words.Command, UnitFacts]
Events = tuple[words.Event, ...]


def decide(unit: Unit, command: Command) -> Events | Refused:
    """What follows of a command on one unit: events, `()` for nothing to do, or a refusal that
    changes nothing. `unit.status` is "absent" for an id that is not taken."""
    body = command.body
    refused = _permitted(unit, command.by, body)
    if isinstance(refused, Refused):
        return refused
    is_sent_again = isinstance(body, words.SendUnit) and unit.case == body.case
    if is_sent_again or unit.status in RULES[type(body)].repeats:
        return ()
    return _DECIDERS[type(body)](unit, body, command)


def _permitted(unit: Unit, by: Actor, body: words.Command) -> Refused | None:
    """What the machine's table says about this command now."""
    rule = RULES[type(body)]
    if by.kind not in ANYONE:
        return Refused("not_your_unit", f"not for an actor of kind {by.kind}")
    if unit.status == "absent" and "absent" not in rule.sources:
        return Refused("unit_unknown", "there is no unit with this id")
    agency = body.agency if isinstance(body, words.AddUnit) else unit.agency
    if not _acts_for(by, agency):
        return Refused("not_your_unit", f"this is for {agency}")
    if unit.status in rule.sources or unit.status in rule.repeats:
        return None
    if isinstance(body, words.SendUnit) and unit.case == body.case:
        return None
    if rule.sources == ("absent",):
        return Refused("unit_exists", "this id is taken")
    if unit.status in ON_CASE:
        return Refused("unit_on_case", f"it is on {unit.case}: clear or recall it first")
    allowed = ", ".join(rule.sources)
    return Refused("unit_not_ready", f"the unit is {unit.status}; allowed from: {allowed}")


def _acts_for(by: Actor, agency: AgencyId | None) -> bool:
    """Of that agency; or a rule, an integration or a stand-in role acting for it."""
    if by.agency is not None and by.agency == agency:
        return True
    if by.kind in ("system", "integration"):
        return by.agency is None
    return any(role in STAND_INS for role in by.roles)


# -- what it is ------------------------------------------------------------------------


def _unfit(body: words.AddUnit | words.ChangeUnit, facts: UnitFacts) -> Refused | None:
    if all(kind.code != body.kind for kind in facts.kinds):
        known = ", ".join(kind.code for kind in facts.kinds)
        return Refused("unit_kind_unknown", f"the pack knows: {known}")
    if not 0 < len(body.name.strip()) <= NAME_LIMIT:
        return Refused("bad_value", f"a call sign has 1 to {NAME_LIMIT} characters")
    if not 0 <= body.crew_size <= CREW_LIMIT:
        return Refused("bad_value", f"a crew has 0 to {CREW_LIMIT} people")
    if len(body.capabilities) > CAPABILITIES_LIMIT:
        return Refused("bad_value", f"at most {CAPABILITIES_LIMIT} capabilities")
    if not body.areas:
        return Refused("bad_value", "a unit is at home somewhere")
    return None


def _add(unit: Unit, body: words.AddUnit, command: Command) -> Events | Refused:
    refused = _unfit(body, command.facts)
    if refused is not None:
        return refused
    return (
        words.UnitAdded(
            command.at,
            command.by.id,
            body.name.strip(),
            body.agency,
            body.areas,
            body.kind,
            body.post,
            tuple(sorted(set(body.capabilities))),
            body.crew_size,
            body.shift,
        ),
    )


def _change(unit: Unit, body: words.ChangeUnit, command: Command) -> Events | Refused:
    refused = _unfit(body, command.facts)
    if refused is not None:
        return refused
    event = words.UnitChanged(
        command.at,
        command.by.id,
        body.name.strip(),
        body.areas,
        body.kind,
        body.post,
        tuple(sorted(set(body.capabilities))),
        body.crew_size,
        body.shift,
    )
    return () if evolve(unit, event) == unit else (event,)


# -- duty ------------------------------------------------------------------------------


def _start_duty(unit: Unit, body: words.StartDuty, command: Command) -> Events | Refused:
    crew_size = unit.crew_size if body.crew_size is None else body.crew_size
    shift = unit.shift if body.shift is None else body.shift
    if not 0 <= crew_size <= CREW_LIMIT:
        return Refused("bad_value", f"a crew has 0 to {CREW_LIMIT} people")
    is_signed_on = unit.is_on_duty and unit.signed_on_by == command.by.id
    is_same = (crew_size, shift) == (unit.crew_size, unit.shift)
    if is_signed_on and is_same and unit.alerts_since is not None:
        return ()
    return (words.DutyStarted(command.at, command.by.id, crew_size, shift),)


def _end_duty(unit: Unit, body: words.EndDuty, command: Command) -> Events:
    ended = words.DutyEnded(command.at, command.by.id, body.reason)
    return (*_revoke(unit, body, command), ended)


def _revoke(unit: Unit, body: words.RevokeAlerts | words.EndDuty, command: Command) -> Events:
    if unit.alerts_since is None:
        return ()
    return (words.AlertsRevoked(command.at, command.by.id, body.reason),)


# -- on a case -------------------------------------------------------------------------


def _status_of(said: str, facts: UnitFacts) -> tuple[UnitStatus, str] | Refused:
    """The status that a word stands for, and the word where it is the agency's own."""
    for name, status in facts.customs:
        if name == said:
            return status, name
    known = _STATUSES.get(said)
    if known is not None:
        return known, ""
    return Refused("unit_status_unknown", "neither a status nor a name its agency gave to one")


def _report(unit: Unit, body: words.ReportStatus, command: Command) -> Events | Refused:
    found = _status_of(body.status, command.facts)
    if isinstance(found, Refused):
        return found
    status, called = found
    if body.case is not None and body.case != unit.case:
        return Refused("unit_not_on_case", f"it is on {unit.case or 'no case'} now")
    if (status, called) == (unit.status, unit.called):
        return ()
    # Two names of an agency may stand for one status: going from one to the other is news.
    if status != unit.status and status not in MOVES[unit.status]:
        allowed = ", ".join(MOVES[unit.status])
        return Refused("unit_not_ready", f"the unit is {unit.status}; it may become: {allowed}")
    stated = _stated(body, command)
    if unit.case is not None and status == "clear":
        cleared = words.UnitCleared(command.at, command.by.id, unit.case, called, stated)
        return _turning(unit, cleared, command)
    return (words.StatusReported(command.at, command.by.id, status, called, unit.case, stated),)


def _stated(body: words.ReportStatus, command: Command) -> Instant | None:
    """When the crew says that it pressed. A clock that runs ahead of ours says nothing of when:
    what cannot have been is left out, and the press counts all the same."""
    if body.stated_at is None or body.stated_at >= command.at:
        return None
    return body.stated_at


def _turning(unit: Unit, over: words.UnitCleared | words.UnitRecalled, command: Command) -> Events:
    """With what follows when a case is over for the unit: the next stacked one is its case."""
    after = evolve(unit, over)
    if unit.case == over.case and after.case is not None:
        return over, words.UnitTurned(command.at, command.by.id, after.case)
    return (over,)


def _send(unit: Unit, body: words.SendUnit, command: Command) -> Events | Refused:
    at, by = command.at, command.by.id
    return (words.UnitDispatched(at, by, body.case, body.reason, body.choice),)


def _stack(unit: Unit, body: words.StackUnit, command: Command) -> Events | Refused:
    if any(each.case == body.case for each in unit.cases):
        return Refused("case_stacked_already", "it has this case already")
    if len(unit.cases) >= STACK_LIMIT:
        return Refused("stack_full", f"a unit has at most {STACK_LIMIT} cases")
    return (words.UnitStacked(command.at, command.by.id, body.case, body.reason),)


def _recall(unit: Unit, body: words.RecallUnit, command: Command) -> Events:
    if all(each.case != body.case for each in unit.cases):
        return ()
    recalled = words.UnitRecalled(command.at, command.by.id, body.case, body.reason)
    return _turning(unit, recalled, command)


def _redispatch(unit: Unit, body: words.RedispatchUnit, command: Command) -> Events | Refused:
    if body.from_case == body.to_case:
        return Refused("bad_value", "from one case to another")
    if unit.case == body.to_case:
        return ()
    if unit.case != body.from_case:
        return Refused("unit_not_on_case", f"it is on {unit.case or 'no case'} now")
    if len(unit.cases) > 1:
        return Refused("unit_on_case", "cases wait for it: recall those first")
    if body.arrives_in_s is not None and body.arrives_in_s <= ALMOST_THERE_S:
        return Refused("almost_there", f"it arrives in {body.arrives_in_s:.0f} s")
    at, by = command.at, command.by.id
    return (
        words.UnitRecalled(at, by, body.from_case, REDISPATCHED),
        words.UnitDispatched(at, by, body.to_case, body.reason),
    )


def _move(unit: Unit, body: words.MoveUnit, command: Command) -> Events | Refused:
    if not body.name.strip():
        return Refused("bad_value", "a post has a name, to be said to the crew")
    if unit.move_up is not None and unit.move_up.place == body.post:
        return ()
    return (words.UnitMoved(command.at, command.by.id, body.post, body.name, body.reason),)


_DECIDERS: Final[dict[type[words.Command], Callable[[Unit, Any, Command], Events | Refused]]] = {
    words.AddUnit: _add,
    words.ChangeUnit: _change,
    words.StartDuty: _start_duty,
    words.EndDuty: _end_duty,
    words.RevokeAlerts: _revoke,
    words.ReportStatus: _report,
    words.SendUnit: _send,
    words.StackUnit: _stack,
    words.RecallUnit: _recall,
    words.RedispatchUnit: _redispatch,
    words.MoveUnit: _move,
}

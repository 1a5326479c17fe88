"""The only way a unit changes: one function for each event, found by the event's type."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

from tocsin.kernel.changing import changed
from tocsin.kernel.shared import CaseId, Instant
from tocsin.kernel.units import vocabulary as words
from tocsin.kernel.units.machine import STEPS
from tocsin.kernel.units.state import MoveUp, OnCase, Unit, UnitStatus


def evolve(unit: Unit, event: words.Event) -> Unit:
    """The unit after `event`. Raises KeyError for an event without an entry (our bug)."""
    return EVOLVERS[type(event)](unit, event)


def fold(unit: Unit, events: Iterable[words.Event]) -> Unit:
    """The unit after all events, in order."""
    for event in events:
        unit = EVOLVERS[type(event)](unit, event)
    return unit


def _to(event: words.Event) -> UnitStatus:
    status = STEPS[type(event)].to
    assert status is not None, "the machine names the status after this event"
    return status


def _added(unit: Unit, event: words.UnitAdded) -> Unit:
    return changed(
        unit,
        status=_to(event),
        since=event.at,
        name=event.name,
        agency=event.agency,
        areas=event.areas,
        kind=event.kind,
        post=event.post,
        capabilities=event.capabilities,
        crew_size=event.crew_size,
        shift=event.shift,
    )


def _changed(unit: Unit, event: words.UnitChanged) -> Unit:
    return changed(
        unit,
        name=event.name,
        areas=event.areas,
        kind=event.kind,
        post=event.post,
        capabilities=event.capabilities,
        crew_size=event.crew_size,
        shift=event.shift,
    )


def _duty_started(unit: Unit, event: words.DutyStarted) -> Unit:
    signed = changed(
        unit,
        signed_on_by=event.by,
        alerts_since=event.at,
        crew_size=event.crew_size,
        shift=event.shift,
    )
    if unit.is_on_duty:
        return signed
    return changed(signed, status=_to(event), called="", since=event.at, duty_started_at=event.at)


def _duty_ended(unit: Unit, event: words.DutyEnded) -> Unit:
    return changed(
        unit,
        status=_to(event),
        called="",
        since=event.at,
        duty_started_at=None,
        signed_on_by=None,
        move_up=None,
    )


def _alerts_revoked(unit: Unit, event: words.AlertsRevoked) -> Unit:
    return changed(unit, alerts_since=None)


def _reported(unit: Unit, event: words.StatusReported) -> Unit:
    # Available while moved is "I wait there"; whatever else it says, it waits there no more.
    move_up = unit.move_up if event.status == "available" else None
    return changed(unit, status=event.status, called=event.called, since=event.at, move_up=move_up)


def _dispatched(unit: Unit, event: words.UnitDispatched) -> Unit:
    cases = (*unit.cases, OnCase(event.case, event.at))
    return changed(unit, status=_to(event), called="", since=event.at, cases=cases, move_up=None)


def _stacked(unit: Unit, event: words.UnitStacked) -> Unit:
    return changed(unit, cases=(*unit.cases, OnCase(event.case, event.at, is_stacked=True)))


def _turned(unit: Unit, event: words.UnitTurned) -> Unit:
    cases = tuple(
        replace(each, is_stacked=False) if each.case == event.case else each for each in unit.cases
    )
    return changed(unit, status=_to(event), called="", since=event.at, cases=cases)


def _cleared(unit: Unit, event: words.UnitCleared) -> Unit:
    return _off(unit, event.case, _to(event), event.called, event.at)


def _recalled(unit: Unit, event: words.UnitRecalled) -> Unit:
    return _off(unit, event.case, _to(event), "", event.at)


def _moved(unit: Unit, event: words.UnitMoved) -> Unit:
    move_up = MoveUp(event.post, event.name, event.at)
    return changed(unit, status=_to(event), called="", since=event.at, move_up=move_up)


def _off(unit: Unit, case: CaseId, status: UnitStatus, called: str, at: Instant) -> Unit:
    """Without that case; the status only changes with the case the unit is on now."""
    cases = tuple(each for each in unit.cases if each.case != case)
    if unit.case != case:
        return changed(unit, cases=cases)
    return changed(unit, status=status, called=called, since=at, cases=cases)


EVOLVERS: Final[dict[type[words.Event], Callable[[Unit, Any], Unit]]] = {
    words.UnitAdded: _added,
    words.UnitChanged: _changed,
    words.DutyStarted: _duty_started,
    words.DutyEnded: _duty_ended,
    words.AlertsRevoked: _alerts_revoked,
    words.StatusReported: _reported,
    words.UnitDispatched: _dispatched,
    words.UnitStacked: _stacked,
    words.UnitTurned: _turned,
    words.UnitCleared: _cleared,
    words.UnitRecalled: _recalled,
    words.UnitMoved: _moved,
}

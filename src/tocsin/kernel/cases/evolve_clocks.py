"""How the clocks of a case change, and the promise to the reporter with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.copying import changed
from tocsin.kernel.cases.state import Case, Clock, Move
from tocsin.kernel.shared import Instant

# -- clocks ----------------------------------------------------------------------------


def _clocks(case: Case, key: str, change: Callable[[Clock], Clock]) -> tuple[Clock, ...]:
    return tuple([change(clock) if clock.key == key else clock for clock in case.clocks])


def _promise(case: Case, at: Instant, now: Instant, why: str) -> dict[str, Any]:
    """The promise to the reporter, and the evidence when an earlier one moved."""
    was = case.promised_at
    if was is None or was == now:
        return {"promised_at": now}
    return {"promised_at": now, "moves": (*case.moves, Move(at, was, now, why))}


def clock_started(case: Case, event: words.ClockStarted) -> Case:
    clock = event.clock
    clocks = (*case.clocks, clock)
    if clock.name == "close":
        promise = _promise(case, event.at, clock.due_at, event.why or "restarted")
        return changed(case, clocks=clocks, **promise)
    return changed(case, clocks=clocks)


def clock_stopped(case: Case, event: words.ClockStopped) -> Case:
    return changed(case, clocks=tuple([c for c in case.clocks if c.key != event.key]))


def clock_paused(case: Case, event: words.ClockPaused) -> Case:
    def pause(clock: Clock) -> Clock:
        return changed(clock, paused_at=event.at, paused_left=event.left, next_at=None)

    return changed(case, clocks=_clocks(case, event.key, pause))


def clock_moved(case: Case, event: words.ClockMoved) -> Case:
    def move(clock: Clock) -> Clock:
        return changed(
            clock,
            due_at=event.due_at,
            rungs=event.rungs,
            next_at=event.next_at,
            allowance=event.allowance or clock.allowance,
            paused_at=clock.paused_at if event.left is not None else None,
            paused_left=event.left,
            moved=True,
        )

    clocks = _clocks(case, event.key, move)
    if event.key == "close":
        return changed(case, clocks=clocks, **_promise(case, event.at, event.due_at, event.why))
    return changed(case, clocks=clocks)


def clock_escalated(case: Case, event: words.ClockEscalated) -> Case:
    def climb(clock: Clock) -> Clock:
        return changed(clock, rungs=clock.rungs[1:], next_at=event.next_at, fired=event.percent)

    return changed(case, clocks=_clocks(case, event.key, climb))


def deadline_missed(case: Case, event: words.DeadlineMissed) -> Case:
    def miss(clock: Clock) -> Clock:
        return changed(clock, rungs=clock.rungs[1:], next_at=event.next_at, fired=100, missed=True)

    return changed(
        case,
        clocks=_clocks(case, event.key, miss),
        counts=changed(case.counts, missed=case.counts.missed + 1),
    )

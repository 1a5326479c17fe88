"""A decision being written: events are taken one by one, and each does its step on the clocks.

A draft lives inside one call of `decide` and is thrown away on a refusal, so that a refusal
changes nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, NamedTuple

from tocsin.kernel.cases import clocks as reckoning
from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.evolve import EVOLVERS
from tocsin.kernel.cases.machine import (
    MACHINE,
    PAUSABLE,
    REFUSAL_PERCENT,
    REFUSING,
    SELF_ENDING,
)
from tocsin.kernel.cases.policy import Audience, CasePolicy, ClockName, ClockPolicy
from tocsin.kernel.cases.state import Case, Clock
from tocsin.kernel.changing import changed
from tocsin.kernel.deadlines import Allowance, due, remaining, resume
from tocsin.kernel.shared import SYSTEM, Actor, ActorId, AgencyId, Instant


class Taken(NamedTuple):
    """One event of a draft, with the case before and after it."""

    before: Case
    event: words.Event
    after: Case


class Draft:
    """The case as it will be, and the events that lead there.

    `at` is the instant of what is being decided: the command's, or during the catching up the
    instant of the milestone.
    """

    __slots__ = ("at", "by", "case", "new_id", "policy", "taken")

    def __init__(self, case: Case, policy: CasePolicy, at: Instant, by: Actor, new_id: str) -> None:
        self.case = case
        self.policy = policy
        self.at = at
        self.by = by
        self.new_id = new_id
        self.taken: list[Taken] = []

    @property
    def who(self) -> ActorId:
        return self.by.id

    # -- events ------------------------------------------------------------------------

    def say(self, event: words.Event) -> None:
        """Append an event without a step of its own."""
        before = self.case
        self.case = after = EVOLVERS[type(event)](before, event)
        self.taken.append(Taken(before, event, after))

    @property
    def events(self) -> tuple[words.Event, ...]:
        """What happened, in order."""
        return tuple([each.event for each in self.taken])

    def take(
        self,
        event: words.Event,
        *,
        part: str = "",
        agency: AgencyId | None = None,
        but_not: tuple[ClockName, ...] = (),
    ) -> None:
        """Append an event and do its step: stop, pause, resume and start what the machine says.

        `part` names which of several clocks of a name is meant ("acknowledge/<part>"); `but_not`
        are clocks of the step that this time do not start, since the step allows either.
        """
        step = MACHINE.steps[type(event)]
        if step.ends:
            self.close_small_machines("case_ended")
        self.say(event)
        if step.ends:
            for clock in self.case.clocks:
                self._stop(clock)
            return
        for name in step.stops:
            self.stop(name, part)
        if step.pauses:
            self._pause_all(_why(event))
        if step.resumes:
            self._resume_all(_why(event))
        for name in step.starts:
            if name not in but_not:
                self.start(name, part=part, agency=agency, why=_why(event))

    def close_small_machines(self, why: Literal["case_ended", "claimed_done", "returned"]) -> None:
        """End what is still open beside the machine: question, hold, extension, offer."""
        case, at = self.case, self.at
        # At an end all clocks stop with it: none is resumed, and no promise moves once more.
        take = self.say if why == "case_ended" else self.take
        if case.question is not None and why != "returned":
            take(words.QuestionWithdrawn(at, SYSTEM.id, why))
        if case.hold is not None:
            over = words.HoldRefused if case.hold.granted_at is None else words.HoldEnded
            take(over(at, SYSTEM.id, why))
        if case.extension is not None and case.extension.decided == "open":
            take(words.ExtensionDecided(at, SYSTEM.id, approve=False, reason=why))
        offered = case.ownership is not None and case.ownership.offered_tier is not None
        if offered and why == "case_ended":
            take(words.OwnershipDeclined(at, SYSTEM.id, why))

    # -- clocks ------------------------------------------------------------------------

    def clock(self, key: str) -> Clock | None:
        for clock in self.case.clocks:
            if clock.key == key:
                return clock
        return None

    def rules_of(self, name: ClockName, key: str) -> ClockPolicy | None:
        return reckoning.policy_of(self.policy, self.case, name, key)

    def start(
        self,
        name: ClockName,
        *,
        part: str = "",
        agency: AgencyId | None = None,
        why: str = "",
        since: Instant | None = None,
    ) -> None:
        """Start a clock if the pack promises it; a running one of the same key is kept."""
        key = f"{name}/{part}" if name in _IN_PARTS else name
        policy = self.rules_of(name, key)
        if policy is None or self.clock(key) is not None:
            return
        clock = reckoning.started(
            name, policy, since or self.at, key=key, agency=agency, allowance=self._own(name)
        )
        self.say(words.ClockStarted(self.at, clock, why if name == "close" else ""))
        if name in PAUSABLE and self.is_paused:
            self._pause(clock, "case_paused")

    def _own(self, name: ClockName) -> Allowance | None:
        """Allowances that come from the case instead of the pack."""
        hold = self.case.hold
        if name == "hold" and hold is not None:
            seconds = -(-(hold.until - self.at) // _SECOND)
            return Allowance("urgent_hours", seconds)
        if name == "answer":
            policy = self.rules_of(name, name)
            assert policy is not None, "answer has a fallback"
            left_s = self.policy.ask_cap_s - self.case.counts.ask_s
            capped = Allowance("urgent_hours", max(0, left_s))
            promised = due(policy.calendar, self.at, policy.allowance)
            if due(policy.calendar, self.at, capped) < promised:
                return capped
        return None

    def stop(self, name: ClockName, part: str = "") -> None:
        """Stop the clock of that name (and part); nothing happens when it does not run."""
        key = f"{name}/{part}" if part and name in _IN_PARTS else name
        for clock in self.case.clocks:
            if clock.key == key:
                self._stop(clock)

    def _stop(self, clock: Clock) -> None:
        self.say(
            words.ClockStopped(
                self.at,
                clock.key,
                clock.name,
                clock.started_at,
                clock.due_at,
                # Without a miss it was kept; an answer that never came was not late, nor kept.
                not clock.missed and (clock.name != "answer" or self.at < clock.due_at),
                clock.agency,
            )
        )

    @property
    def is_paused(self) -> bool:
        hold = self.case.hold
        return self.case.question is not None or (hold is not None and hold.granted_at is not None)

    def _pause_all(self, why: str) -> None:
        for clock in self.case.clocks:
            if clock.name in PAUSABLE and clock.paused_at is None and not clock.missed:
                self._pause(clock, why)

    def _pause(self, clock: Clock, why: str) -> None:
        policy = self.rules_of(clock.name, clock.key)
        if policy is None:
            return
        left = reckoning.left_of(policy.calendar, clock, self.at)
        self.say(words.ClockPaused(self.at, clock.key, left, why))

    def _resume_all(self, why: str) -> None:
        if self.is_paused:  # another pause still holds
            return
        for clock in self.case.clocks:
            policy = self.rules_of(clock.name, clock.key)
            if clock.paused_left is not None and policy is not None:
                due_at = resume(policy.calendar, self.at, clock.paused_left)
                running = changed(clock, paused_at=None, paused_left=None)
                self.move(running, policy, max(due_at, clock.due_at), why)

    def move(
        self,
        clock: Clock,
        policy: ClockPolicy,
        due_at: Instant,
        why: str,
        *,
        allowance: Allowance | None = None,
        rungs: tuple[int, ...] | None = None,
    ) -> None:
        """Move a promise and keep the old one as evidence. A paused clock stays paused, with
        what is left reckoned from the instant of the pause."""
        rungs = clock.rungs if rungs is None else rungs
        after = changed(
            clock, due_at=due_at, rungs=rungs, moved=True, allowance=allowance or clock.allowance
        )
        left = next_at = None
        if clock.paused_at is not None:
            left = remaining(policy.calendar, clock.paused_at, due_at, after.allowance.kind)
        else:
            next_at = reckoning.next_rung(policy.calendar, after, rungs, self.at)
        self.say(
            words.ClockMoved(
                self.at,
                clock.key,
                clock.due_at,
                due_at,
                rungs,
                next_at,
                why,
                left,
                allowance,
            )
        )

    # -- catching up -------------------------------------------------------------------

    def catch_up(self, until: Instant, *, late: bool = False) -> None:
        """Let every clock speak whose instant lies at or before `until`, in order of time.

        What follows of itself (a hold that ends) happens at the milestone's own instant, so the
        outcome is the same however late the timer comes; with `late` (milestones that a command
        has just moved into the past) it happens at `until`.
        """
        at = self.at
        while True:
            ready = [
                (clock.next_at, clock.key, clock)
                for clock in self.case.clocks
                if clock.next_at is not None and clock.next_at <= until
            ]
            if not ready:
                break
            next_at, _, clock = min(ready, key=lambda entry: entry[:2])
            self.at = until if late else next_at
            self._fire(clock)
        self.at = at

    def _fire(self, clock: Clock) -> None:
        percent, rest = clock.rungs[0], clock.rungs[1:]
        policy = self.rules_of(clock.name, clock.key)
        tell: tuple[Audience, ...] = ("owner_supervisor",)
        next_at = None
        if policy is not None:
            tell = next((r.tell for r in policy.ladder if r.percent == percent), ())
            next_at = reckoning.next_rung(policy.calendar, clock, rest, self.at)
        if percent == 100 and clock.name not in SELF_ENDING:
            self.say(
                words.DeadlineMissed(
                    self.at, clock.key, clock.name, clock.due_at, tell, next_at, clock.agency
                )
            )
            return
        self.say(
            words.ClockEscalated(
                self.at, clock.key, clock.name, percent, tell, next_at, clock.agency
            )
        )
        if percent == 100 and clock.name == "answer":
            self.take(words.QuestionWithdrawn(self.at, SYSTEM.id, "no_answer"))
        elif percent == 100 and clock.name == "hold":
            self.take(words.HoldEnded(self.at, SYSTEM.id, "hold_over"))
        elif percent >= REFUSAL_PERCENT and clock.name in REFUSING:
            self._refuse_unanswered(clock.name)

    def _refuse_unanswered(self, name: ClockName) -> None:
        if name == "hold_approval":
            self.take(words.HoldRefused(self.at, SYSTEM.id, "not_decided_in_time"))
        else:
            self.take(
                words.ExtensionDecided(
                    self.at, SYSTEM.id, approve=False, reason="not_decided_in_time"
                )
            )


_SECOND = timedelta(seconds=1)
_IN_PARTS: tuple[ClockName, ...] = ("acknowledge", "urge")

_WHY: dict[type[words.Event], str] = {
    words.ReporterAsked: "question",
    words.QuestionAnswered: "question_answered",
    words.QuestionWithdrawn: "question_withdrawn",
    words.HoldGranted: "hold",
    words.HoldEnded: "hold_over",
    words.CaseReopened: "reopened",
}


def _why(event: words.Event) -> str:
    return _WHY.get(type(event), "")

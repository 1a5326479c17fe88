"""Whose day has come: what is destroyed, by which rule, and what a legal hold keeps.

Pure but for the port. A rule knows a class of the table of column classes and a span; what is due
is named by a case, an alarm, an account or a table, never by a person.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta, tzinfo
from typing import Final, Literal, Protocol

from tocsin.kernel.shared import Actor, ActorId, CaseId, Instant
from tocsin.runtime.ports import Clock

HoldReason = Literal["court", "investigation", "audit", "claim"]
HoldAnswer = Literal["confirmed", "denied", "ended"]
NEXT_WORD: Final[Mapping[HoldAnswer, tuple[HoldAnswer | None, ...]]] = {
    "confirmed": (None,),
    "denied": (None,),
    "ended": ("confirmed",),
}
"""After which word on a hold which may be said."""
HoldStanding = Literal["waiting", "standing", "released"]
"""waiting: it holds, and no second person has spoken · standing: confirmed, and it holds ·
released: it holds no more, for whichever reason."""
UNCONFIRMED_HOLDS: Final = timedelta(days=14)
"""So long a hold holds before a second person has spoken."""
HOLD_DAYS_MAX: Final = 1_096
"""Three years; a longer need is asked for again."""
RUN_LATE: Final = timedelta(hours=49)
"""Without a whole run for so long, the health says so: two nights and an hour."""
NIGHT_HOUR: Final = 4
"""The hour of the town at which the nightly run begins: one after that of the alarms' card."""
RULES: Final[Mapping[str, str]] = {
    "case.sealed": "sealed",
    "case.contact": "sealed",
    "case.photo": "sealed",
    "case.code": "record",
    "alarm.sealed": "sealed",
    "account.gone": "account",
    "errand.dead": "short",
    "telemetry": "short",
    "position": "short",
    "session": "short",
    "repeat_key": "short",
    "road_change": "short",
    "alert_chain": "short",
    "signal_seen": "short",
}
"""Every rule, and the class of retention that it carries out."""
KEEPER: Final = Actor(ActorId("retention"), "system")
"""In whose name things go whose day has come."""


@dataclass(frozen=True, slots=True)
class Due:
    """Something whose day has come. `what` is a case, an alarm, an account or a table; `count` are
    values or rows; `due_at` is the day, for a table the instant before which rows go."""

    rule: str
    what: str
    due_at: Instant
    count: int

    @property
    def kept_as(self) -> str:
        """The class of retention."""
        return RULES[self.rule]

    def __str__(self) -> str:
        return f"{self.rule} {self.what} due {self.due_at:%Y-%m-%d}: {self.count}"


@dataclass(frozen=True, slots=True)
class LegalHold:
    """Nothing of the case is destroyed until then. `answer` is the last word on it, None while
    nobody but the asker has spoken."""

    id: int
    at: Instant
    actor: ActorId
    case_id: CaseId
    reason: HoldReason
    until: Instant
    answer: HoldAnswer | None = None

    def holds(self, now: Instant) -> bool:
        """Whether it protects the case."""
        if now >= self.until or self.answer in ("denied", "ended"):
            return False
        return self.answer == "confirmed" or now < self.at + UNCONFIRMED_HOLDS

    def standing(self, now: Instant) -> HoldStanding:
        """In which of the three lists it is now."""
        if not self.holds(now):
            return "released"
        return "standing" if self.answer == "confirmed" else "waiting"


class Retention(Protocol):
    """What is kept for a while only, and its end."""

    def plan(self, now: Instant) -> AsyncIterator[Due]:
        """All that is due, in the order in which a run destroys it. Writes nothing."""
        ...

    async def destroy(self, due: Due, now: Instant) -> int | None:
        """Destroys one thing and signs that it was done, in one transaction; returns how many
        values or rows went. None, and nothing is written, where it is not due any more."""
        ...

    async def ended(self, now: Instant, gone: int) -> None:
        """A run came to its end."""
        ...

    async def sweep(self) -> None:
        """No byte of what went is left in the store's own files. May make everybody wait."""
        ...

    async def last_run(self) -> Instant | None:
        """When a run last came to its end."""
        ...


class Holds(Protocol):
    """Legal holds. The second person is not the asker, by a constraint of the database."""

    async def ask(
        self, case_id: CaseId, reason: HoldReason, until: Instant, *, by: Actor
    ) -> LegalHold:
        """Holds at once, for `UNCONFIRMED_HOLDS` until somebody else confirms it."""
        ...

    async def answer(self, hold: int, answer: HoldAnswer, *, by: Actor) -> LegalHold | None:
        """Another person's word; None where there is no such hold, or it was said already.
        Raises SamePerson."""
        ...

    async def of(self, cases: Sequence[CaseId] | None = None) -> Sequence[LegalHold]:
        """The holds on these cases, or all, oldest first."""
        ...

    async def listed(
        self, standing: HoldStanding, after: int | None, limit: int
    ) -> Sequence[LegalHold]:
        """At most so many holds of that standing now, behind the one with the number `after`: what
        waits with the oldest first, whose time is over first, the others with the newest first."""
        ...


class SamePerson(ValueError):
    """Whoever asked for a hold can not be its second person."""


@dataclass(slots=True)
class RetentionDesk:
    """Runs the retention of a node, at night and when asked, and knows whether it is late."""

    retention: Retention
    holds: Holds
    clock: Clock
    zone: tzinfo
    last: Instant | None = None
    began: Instant | None = None

    def __post_init__(self) -> None:
        self.began = self.clock.now()

    async def due(self) -> list[Due]:
        """What a run would destroy now."""
        return [due async for due in self.retention.plan(self.clock.now())]

    async def run(self, tell: Callable[[Due], None] = lambda due: None) -> int:
        """Destroys what is due; returns how many things went. Each of them is told once it is
        gone. A run that ends in the middle is gone on with by the next."""
        now, things = self.clock.now(), 0
        async for due in self.retention.plan(now):
            gone = await self.retention.destroy(due, now)
            if gone is not None:
                things += 1
                tell(replace(due, count=gone))
        await self.retention.ended(now, things)
        self.last = now
        return things

    async def keep_up(self) -> int | None:
        """A run, if it is night in the town and there was none since last midnight there."""
        self.last = await self.retention.last_run()
        local = self.clock.now().astimezone(self.zone)
        last = self.last.astimezone(self.zone).date() if self.last is not None else None
        if local.hour < NIGHT_HOUR or (last is not None and last >= local.date()):
            return None
        return await self.run()

    def state(self) -> str:
        """`ok`, or `late` when no run came to its end for two nights."""
        since = self.last or self.began
        late = since is not None and self.clock.now() - since > RUN_LATE
        return "late" if late else "ok"


def day_of(closed_at: Instant | None, days: int) -> Instant | None:
    """When what hangs on a close is due; None while it is not closed."""
    return None if closed_at is None else closed_at + timedelta(days=days)


def latest(days: Sequence[Instant | None]) -> Instant | None:
    """The day of several that need the same values: the last one; None while one is open."""
    found: list[Instant] = []
    for day in days:
        if day is None:
            return None
        found.append(day)
    return max(found, default=None)


__all__ = [
    "HOLD_DAYS_MAX",
    "KEEPER",
    "NEXT_WORD",
    "RULES",
    "RUN_LATE",
    "UNCONFIRMED_HOLDS",
    "Due",
    "HoldAnswer",
    "HoldReason",
    "HoldStanding",
    "Holds",
    "LegalHold",
    "Retention",
    "RetentionDesk",
    "SamePerson",
    "day_of",
    "latest",
]

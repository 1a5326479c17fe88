"""Positions of duty units on their way in and out: taken only on duty, shown only with their age.

Nothing here knows anybody but a unit: no account, no device, and no earlier position.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from tocsin.kernel.shared import Instant, Place, Refused, UnitId
from tocsin.kernel.units.state import Unit
from tocsin.runtime.onlooking import as_node
from tocsin.runtime.ports import Clock, Position, Store

KEEP_S: Final = 48 * 3_600.0
"""How long a position is kept unless the node's setting says otherwise."""
STALE_S: Final = 120.0
"""Older than this a position says that it is stale: a car at 50 km/h is more than 1.5 km on."""
AHEAD_S: Final = 60.0
"""How far a receiver's clock may be ahead of ours; more is a wrong clock, not a position."""
TEXT_MAX: Final = 64
"""Characters of a unit's key that are looked at; ours have 43."""

REASONS: tuple[str, ...] = (
    "unit_key_unknown",
    "unit_off_duty",
    "position_too_old",
    "position_from_future",
)
"""What a position is refused with, beside the reasons of the intake that read it."""


@dataclass(frozen=True, slots=True)
class IncomingPosition:
    """One position as an intake read it: degrees WGS84, metres, degrees from north, m/s."""

    at: Instant
    place: Place
    accuracy_m: float | None = None
    heading_deg: float | None = None
    speed_mps: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A position as it is shown: never without its age."""

    position: Position
    age_s: float
    is_stale: bool


Listener = Callable[[Unit, Seen], None]


@dataclass(slots=True)
class PositionDesk:
    """The one way in and out of positions. `listeners` are told of each that was taken."""

    store: Store
    clock: Clock
    keep_s: float = KEEP_S
    listeners: list[Listener] = field(default_factory=list[Listener])

    async def receive(self, unit_id: UnitId, incoming: IncomingPosition) -> Refused | None:
        """Keeps it as the unit's newest, if the unit is on duty and was when it was measured."""
        now = self.clock.now()
        if incoming.at > now + timedelta(seconds=AHEAD_S):
            return Refused("position_from_future", "the receiver's clock is wrong")
        at = min(incoming.at, now)
        if at < now - timedelta(seconds=self.keep_s):
            return Refused("position_too_old", f"older than {self.keep_s:.0f} s")
        position = Position(
            unit_id,
            at,
            now,
            incoming.place,
            incoming.accuracy_m,
            incoming.heading_deg,
            incoming.speed_mps,
        )
        if not await self.store.put_position(position):
            return Refused("unit_off_duty", "positions are taken on duty only")
        if self.listeners:
            with as_node():  # the listeners hand it on to those who may see the unit
                row = await self.store.unit(unit_id)
            if row is not None and row.unit.is_on_duty:
                for tell in self.listeners:
                    tell(row.unit, self.seen(position))
        return None

    def seen(self, position: Position) -> Seen:
        """The position with its age now."""
        age_s = max(0.0, (self.clock.now() - position.at).total_seconds())
        return Seen(position, age_s, age_s > STALE_S)

    async def now(self) -> Mapping[UnitId, Seen]:
        """Where every unit on duty was last, by unit. A unit that sends nothing is not in it."""
        since = self.clock.now() - timedelta(seconds=self.keep_s)
        return {each.unit: self.seen(each) for each in await self.store.positions(since)}

    async def forget(self) -> int:
        """Deletes what has expired; returns how many."""
        return await self.store.forget_positions(self.clock.now() - timedelta(seconds=self.keep_s))

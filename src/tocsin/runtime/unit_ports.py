"""What the runtime needs of a store for units and their positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tocsin.kernel.shared import Actor, Instant, Place, UnitId
from tocsin.kernel.units.state import Unit
from tocsin.kernel.units.vocabulary import Command as UnitCommand
from tocsin.kernel.units.vocabulary import Event as UnitEvent


@dataclass(frozen=True, slots=True)
class UnitRow:
    """One unit as read from the board."""

    unit: Unit
    version: int
    updated_at: Instant


@dataclass(frozen=True, slots=True)
class UnitEntry:
    """One entry of the journal on one unit; `seq` is of the same order as that of cases."""

    seq: int
    unit_id: UnitId
    version: int
    at: Instant
    by: Actor
    command: UnitCommand
    events: tuple[UnitEvent, ...]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a duty unit is: only the newest is kept. Degrees WGS84, metres, metres a second.

    `at` is the instant its receiver gave, `received_at` ours; ages are counted from the older.
    """

    unit: UnitId
    at: Instant
    received_at: Instant
    place: Place
    accuracy_m: float | None = None
    heading_deg: float | None = None
    speed_mps: float | None = None


class UnitStore(Protocol):
    """Units, their journal and their positions: the part of `ports.Store` that is about units."""

    async def unit(self, unit_id: UnitId) -> UnitRow | None: ...
    async def units(self) -> Sequence[UnitRow]:
        """Every unit, by id: a county has hundreds, not millions."""
        ...

    async def unit_journal(self, unit_id: UnitId) -> Sequence[UnitEntry]: ...
    # -- positions of duty units: never in the journal
    async def put_position(self, position: Position) -> bool:
        """Keeps it as the unit's newest. False, and nothing is kept, unless the unit is on duty
        since before the position; one that is older than what is there changes nothing."""
        ...

    async def positions(self, since: Instant) -> Sequence[Position]:
        """The newest position of each unit on duty, if it was received since then, by unit."""
        ...

    async def forget_positions(self, before: Instant) -> int:
        """Deletes positions received before that. That of a unit which goes off duty is deleted
        in the same transaction."""
        ...

    async def set_unit_key(self, unit_id: UnitId, key_hash: bytes | None) -> None:
        """The one key under which the unit's positions are taken; None revokes it."""
        ...

    async def unit_of_key(self, key_hash: bytes) -> UnitId | None: ...

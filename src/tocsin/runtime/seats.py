"""Who sits at a listener for devices, and who gets up for a newcomer.

A seat is for whoever has shown that it is a device: a panel whose frame was acknowledged, a client
whose secret was right. Until then it is lent. When all seats are taken, or all of one address, the
one that was lent for the longest is given to the newcomer; a device is turned away only where
nothing but devices sit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")
LEAST: Final = 8
"""Seats of a listener however few descriptors there are."""
RESERVE: Final = 256
"""Descriptors that are no seats: database, files, the event loop, what is taken at once."""


class Seats(Generic[T]):
    """Of one listener: `most` in all and `per_address` from one. `give_up` hangs up on the one that
    it is called with, and may `leave` at once or later."""

    def __init__(self, most: int, per_address: int, give_up: Callable[[T], None]) -> None:
        self.most = most
        self.addresses: dict[str, int] = {}
        self._per_address = per_address
        self._give_up = give_up
        self._taken: dict[T, str] = {}
        # Dictionaries keep the order of entry: the first was lent its seat before all others.
        self._lent: dict[T, None] = {}
        self._lent_at: dict[str, dict[T, None]] = {}

    def __len__(self) -> int:
        return len(self._taken)

    def take(self, who: T, address: str) -> bool:
        """A seat for a newcomer, lent. False where only devices sit and there is no room."""
        if self.addresses.get(address, 0) >= self._per_address:
            if not self._free(self._lent_at.get(address, {})):
                return False
        elif len(self._taken) >= self.most and not self._free(self._lent):
            return False
        self._taken[who] = address
        self.addresses[address] = self.addresses.get(address, 0) + 1
        self._lent[who] = None
        self._lent_at.setdefault(address, {})[who] = None
        return True

    def prove(self, who: T) -> None:
        """It is a device: the seat is its own. Harmless to repeat, and for one that left."""
        if who in self._lent:
            self._end_loan(who, self._taken[who])

    def leave(self, who: T) -> None:
        """Its seat is free; harmless to repeat."""
        address = self._taken.pop(who, None)
        if address is None:
            return
        self._end_loan(who, address)
        self.addresses[address] -= 1
        if not self.addresses[address]:
            del self.addresses[address]

    def _free(self, lent: dict[T, None]) -> bool:
        first = next(iter(lent), None)
        if first is None:
            return False
        self.leave(first)
        self._give_up(first)
        return True

    def _end_loan(self, who: T, address: str) -> None:
        self._lent.pop(who, None)
        lent = self._lent_at.get(address)
        if lent is not None:
            lent.pop(who, None)
            if not lent:
                del self._lent_at[address]


def shared_seats(descriptors: int, people: int, listeners: int) -> tuple[int, int]:
    """How many connections HTTP may have, which wants `people`, and how many each of the listeners
    for devices at the most, where a process has so many descriptors: half of them are for people
    where there are too few for all."""
    room = descriptors - RESERVE
    if not listeners:
        return max(LEAST, min(people, room)), 0
    ours = max(LEAST, min(people, room // 2))
    return ours, max(LEAST, (room - ours) // listeners)


__all__ = ["Seats", "shared_seats"]

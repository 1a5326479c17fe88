"""Expected coverage of one kind of unit as arrays: what the live code counts, for years of calls.

All units of a kind are alike and share one busy fraction q, so that a zone that n of them cover is
covered with 1 - q**n. Units on their way to a post count at the post, or where they are, as asked.
Held to the live functions by differential tests.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from tocsin.simulation.dispatch.calls import DAY_S, HOUR_S
from tocsin.simulation.dispatch.ground import SimGround
from tocsin.simulation.dispatch.state import State
from tocsin.simulation.dispatch.zones import period_of

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

Q_MIN: Final = 1e-9
"""As in `dispatching/cover`: stands for a unit that is never busy."""


class CoverMap:
    """The zones of a kind, and from which places each is reached within `cover_s`."""

    def __init__(self, ground: SimGround, kind: int, cover_s: float, start_s: float) -> None:
        zones = ground.zones[kind]
        self.kind = kind
        self.cover_s = cover_s
        self.start_s = start_s
        self.places = np.asarray(zones.places, dtype=np.int64)
        totals = zones.weights.sum(axis=1, keepdims=True)
        self.shares = zones.weights / np.where(totals > 0, totals, 1.0)
        self.table = np.asarray(ground.times_s)
        self.posts = ground.posts
        self._rows: dict[int, Bools] = {}
        self.from_posts = (
            np.stack([self.row(post) for post in ground.posts])
            if ground.posts
            else np.zeros((0, len(self.places)), dtype=np.bool_)
        )
        self.as_numbers = self.from_posts.astype(np.float64)

    def row(self, place: int) -> Bools:
        """Which zones are reached in time from a place."""
        found = self._rows.get(place)
        if found is None:
            found = self.table[place, self.places] <= self.cover_s
            self._rows[place] = found
        return found

    def share_now(self, now_s: float) -> Floats:
        """The shares of the zones at this time of day."""
        return self.shares[period_of((self.start_s + now_s) % DAY_S / HOUR_S)]

    def rows_now(self, state: State, units: list[int], now_s: float) -> Bools:
        """Which zones (columns) each unit reaches in time from where it is now."""
        found = np.empty((len(units), len(self.places)), dtype=np.bool_)
        for at, unit in enumerate(units):
            if state.home_s[unit] <= now_s or state.is_lost(unit, now_s):
                found[at] = self.row(state.home[unit])
            else:
                found[at] = self.times_now(state, unit, now_s) <= self.cover_s
        return found

    def times_now(self, state: State, unit: int, now_s: float) -> Floats:
        """Seconds to every zone from where the free unit is now."""
        total = np.zeros(len(self.places))
        if state.is_lost(unit, now_s):
            return total + self.table[state.home[unit], self.places]
        for place, weight in state.where(unit, now_s):
            if weight > 0.0:
                total = total + weight * self.table[place, self.places]
        return total

    def rows_at_posts(self, state: State, units: list[int]) -> Bools:
        """Which zones each unit reaches from its post."""
        if not units:
            return np.zeros((0, len(self.places)), dtype=np.bool_)
        return np.stack([self.row(state.home[unit]) for unit in units])

    def lost(self, rows: Bools, q: float, now_s: float) -> Floats:
        """For each unit of `rows` the share of demand that is lost if it goes."""
        q = max(q, Q_MIN)
        count = rows.sum(axis=0)
        value = self.share_now(now_s) * (1.0 - q) * q ** np.maximum(count - 1, 0)
        return rows @ value

    def gains(self, others: Bools, q: float, now_s: float) -> Floats:
        """For each post the share of demand that one more unit there would add."""
        value = self.share_now(now_s) * (1.0 - q) * max(q, Q_MIN) ** others.sum(axis=0)
        return self.as_numbers @ value

    def move_gains(self, rows: Bools, q: float, now_s: float) -> Floats:
        """(units x posts): what coverage gains if that unit waited at that post instead."""
        low = max(q, Q_MIN)
        value = self.share_now(now_s) * (1.0 - q) * low ** rows.sum(axis=0)
        without = value * np.where(rows, 1.0 / low, np.ones(1))
        now = np.multiply(without, rows).sum(axis=1)
        return without @ self.as_numbers.T - now[:, None]


def map_of(maps: dict[int, CoverMap], state: State, kind: int, cover_s: float) -> CoverMap:
    """The map of a kind, made once."""
    found = maps.get(kind)
    if found is None:
        found = CoverMap(state.ground, kind, cover_s, state.calls.pattern.start_s)
        maps[kind] = found
    return found

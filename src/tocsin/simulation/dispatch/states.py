"""Who was idle where and when, rebuilt from a log.

A unit is busy from its dispatch until it is available again, whether or not it ever arrived. While
idle it is at its home, except shortly after it cleared: then it is where it was.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tocsin.simulation.dispatch.form import LogForm
from tocsin.simulation.dispatch.log import Log, LogRow

JUST_CLEARED_S: Final = 120.0
"""How long after clearing a unit still counts as where it was: it rolls up its hoses, and a call
that comes in then finds it there. Afterwards it is reckoned at home."""

Position = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Busy:
    """One stretch of work of a unit, [start_s, end_s), and the place where it ended."""

    start_s: float
    end_s: float
    call: str
    place: Position


@dataclass(frozen=True, slots=True)
class Fleet:
    """Each unit's work in order of start; homes of those that have one; what had to be mended."""

    busy: Mapping[str, tuple[Busy, ...]]
    kinds: Mapping[str, str]
    homes: Mapping[str, Position]
    notes: Mapping[str, int]

    def is_idle(self, unit: str, at_s: float) -> bool:
        """Whether the unit is on no call at that instant."""
        return all(not each.start_s <= at_s < each.end_s for each in self._near(unit, at_s))

    def place(self, unit: str, at_s: float) -> Position | None:
        """Where it is while idle: where it just cleared, else home; None if unknown."""
        last = self.cleared(unit, at_s)
        return self.homes.get(unit) if last is None else last

    def cleared(self, unit: str, at_s: float) -> Position | None:
        """The place where the unit cleared within the last `JUST_CLEARED_S`; else None."""
        recent = [
            each
            for each in self._near(unit, at_s)
            if each.end_s <= at_s < each.end_s + JUST_CLEARED_S
        ]
        return max(recent, key=lambda each: each.end_s).place if recent else None

    def _near(self, unit: str, at_s: float) -> tuple[Busy, ...]:
        """The stretches that began by then; at most the last `OVERLAPS` of them."""
        stretches = self.busy[unit]
        stop = bisect_right(stretches, at_s, key=lambda each: each.start_s)
        return stretches[max(0, stop - OVERLAPS) : stop]


OVERLAPS: Final = 8
"""A unit is at times on two calls at once; never on more than a few."""


def fleet_of(log: Log, form: LogForm, stations: Mapping[str, Position]) -> Fleet:
    """The fleet as the log shows it. Homes are the stations whose number the unit bears, for the
    kinds of which the form says so; ambulances' numbers give none."""
    rows: defaultdict[str, list[LogRow]] = defaultdict(list)
    for row in log.rows:
        rows[row.unit].append(row)
    notes: Counter[str] = Counter()
    busy: dict[str, tuple[Busy, ...]] = {}
    kinds: dict[str, str] = {}
    homes: dict[str, Position] = {}
    for unit in sorted(rows):
        members = sorted(rows[unit], key=lambda row: (row.dispatched_s, row.call))
        busy[unit] = _stretches(members, form, notes)
        kinds[unit] = members[0].kind
        if kinds[unit] in form.homes_by_number:
            home = stations.get(number_of(unit))
            if home is None:
                notes["no_home"] += 1
            else:
                homes[unit] = home
    return Fleet(busy, kinds, homes, dict(sorted(notes.items())))


def number_of(unit: str) -> str:
    """The digits at the end of a unit's name without leading zeros: `E05` gives `5`."""
    digits = unit[len(unit.rstrip("0123456789")) :]
    return digits.lstrip("0")


def _stretches(rows: list[LogRow], form: LogForm, notes: Counter[str]) -> tuple[Busy, ...]:
    found: list[Busy] = []
    for index, row in enumerate(rows):
        following = rows[index + 1] if index + 1 < len(rows) else None
        end_s = row.available_s
        if end_s is None:
            # Nobody wrote when it was free: at its last known instant, or later if it was sent
            # nowhere else, but never longer than the cap.
            notes["end_guessed"] += 1
            end_s = _last_s(row)
        lasted_s = form.clipped_s("busy", end_s - row.dispatched_s)
        if lasted_s != end_s - row.dispatched_s:
            notes["busy_clipped"] += 1
        end_s = row.dispatched_s + lasted_s
        if following is not None and following.dispatched_s < end_s:
            notes["sent_while_busy"] += 1
        found.append(Busy(row.dispatched_s, end_s, row.call, (row.lon, row.lat)))
    return tuple(found)


def _last_s(row: LogRow) -> float:
    """The last instant the row knows."""
    known = (
        row.dispatched_s, row.en_route_s, row.on_scene_s, row.transport_s, row.hospital_s,
    )  # fmt: skip
    return max(each for each in known if each is not None)

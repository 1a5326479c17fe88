"""Deadlines by brute force: look at the wall clock minute by minute, and count.

The oracle shares no code with `tocsin.kernel.deadlines`. It writes down, for every UTC minute of a
window, which date the zone's wall clock shows and whether the office is open, and then walks those
minutes. Offsets of the windows' years are whole minutes, so every minute is open or closed as a
whole and the walk is exact; instants are counted in centiseconds since 1970, since a percentage of
whole seconds is a whole number of those.

    python -m tests.kernel.deadline_oracle --cases 100000 --seed 1
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from tests.kernel.deadline_cases import Setting, allowance, mix, settings
from tocsin.kernel import deadlines
from tocsin.kernel.deadlines import KINDS, Allowance, Calendar, Kind, Left

__all__ = ["Candidate", "campaign", "mix"]

MINUTE_CS = 6_000
DAY_MIN = 1_440
PERCENTS = (0, 1, 33, 50, 75, 99, 100, 101, 150)


@dataclass(frozen=True, slots=True)
class Candidate:
    """The functions on trial; a planted bug replaces one of them."""

    due: Callable[[Calendar, datetime, Allowance], datetime] = deadlines.due
    elapsed: Callable[[Calendar, datetime, datetime, Kind], int] = deadlines.elapsed
    milestone: Callable[[Calendar, datetime, Allowance, int], datetime] = deadlines.milestone
    remaining: Callable[[Calendar, datetime, datetime, Kind], Left] = deadlines.remaining
    resume: Callable[[Calendar, datetime, Left], datetime] = deadlines.resume


@dataclass(frozen=True, slots=True)
class Wall:
    """What the wall clock of an office shows, minute by minute from `origin` (minutes of 1970)."""

    origin: int
    open_flags: bytearray
    dates: array[int]
    last_open: dict[int, int]
    """Date ordinal -> minute after its last open minute."""
    first_shown: dict[int, int]
    """Date ordinal -> index of the first minute that shows it."""
    last_shown: dict[int, int]
    """Date ordinal -> minute after the last one that shows it."""
    jumps: tuple[int, ...]
    """Minutes at which the wall clock does not move on by one."""
    edges: tuple[int, ...]
    """Minutes at which the office opens or closes."""


@lru_cache(maxsize=32)
def wall(setting: Setting) -> Wall:
    """The written-down window of a setting, a day wider than asked on both sides."""
    calendar, zone = setting.calendar, setting.calendar.zone
    origin = int(datetime.combine(setting.first, datetime.min.time(), UTC).timestamp()) // 60
    origin -= DAY_MIN
    flags, dates = bytearray(), array("i")
    last_open: dict[int, int] = {}
    first_shown: dict[int, int] = {}
    last_shown: dict[int, int] = {}
    jumps: list[int] = []
    edges: list[int] = []
    masks: dict[int, bytes] = {}
    before = -1
    for index in range((setting.days + 2) * DAY_MIN):
        local = datetime.fromtimestamp((origin + index) * 60, zone)
        ordinal, minute = local.toordinal(), local.hour * 60 + local.minute
        assert local.second == 0, "the window's offsets are whole minutes"
        if ordinal not in masks:
            masks[ordinal] = _mask(calendar, local)
            first_shown[ordinal] = index
        is_open = masks[ordinal][minute]
        if before >= 0 and minute != (before + 1) % DAY_MIN:
            jumps.append(origin + index)
        if flags and flags[-1] != is_open:
            edges.append(origin + index)
        flags.append(is_open)
        dates.append(ordinal)
        last_shown[ordinal] = origin + index + 1
        if is_open:
            last_open[ordinal] = origin + index + 1
        before = minute
    return Wall(
        origin, flags, dates, last_open, first_shown, last_shown, tuple(jumps), tuple(edges)
    )


def _mask(calendar: Calendar, local: datetime) -> bytes:
    day = local.date()
    spans = calendar.weekly[day.weekday()]
    if day in calendar.holidays:
        spans = ()
    if day in calendar.workdays:
        spans = calendar.makeup_hours
    return bytes(any(start <= m < end for start, end in spans) for m in range(DAY_MIN))


def walk(seen: Wall, flags: bytearray | bytes, start: int, need: int) -> int:
    """The first centisecond by which `need` centiseconds of flagged minutes have passed."""
    if need == 0:
        return start
    minute, into = divmod(start, MINUTE_CS)
    index = minute - seen.origin
    if flags[index]:
        if need <= MINUTE_CS - into:
            return start + need
        need -= MINUTE_CS - into
    index += 1
    while flags.count(1, index, index + DAY_MIN) * MINUTE_CS < need:
        need -= flags.count(1, index, index + DAY_MIN) * MINUTE_CS
        index += DAY_MIN
        assert index < len(flags), "the window is too short for this promise"
    while True:
        if flags[index]:
            if need <= MINUTE_CS:
                return (seen.origin + index) * MINUTE_CS + need
            need -= MINUTE_CS
        index += 1


def counted(seen: Wall, start: int, end: int) -> int:
    """Open centiseconds between two instants."""
    (first, into_first), (last, into_last) = divmod(start, MINUTE_CS), divmod(end, MINUTE_CS)
    first, last = first - seen.origin, last - seen.origin
    total = seen.open_flags.count(1, first, last) * MINUTE_CS
    return total - seen.open_flags[first] * into_first + seen.open_flags[last] * into_last


def date_at(seen: Wall, instant: int) -> int:
    return seen.dates[instant // MINUTE_CS - seen.origin]


def day_ends(seen: Wall, kind: Kind) -> dict[int, int]:
    return seen.last_open if kind == "work_days" else seen.last_shown


def oracle_due(seen: Wall, start: int, kind: Kind, amount: int) -> int:
    if kind == "urgent_hours":
        return start + amount * 100
    if kind == "work_hours":
        return walk(seen, seen.open_flags, start, amount * 100)
    ends, today = day_ends(seen, kind), date_at(seen, start)
    if amount == 0:
        return min(end * MINUTE_CS for end in ends.values() if end * MINUTE_CS > start)
    following = [day for day in sorted(ends) if day > today]
    return ends[following[amount - 1]] * MINUTE_CS


def oracle_elapsed(seen: Wall, start: int, end: int, kind: Kind) -> int:
    if end <= start:
        return 0
    if kind == "urgent_hours":
        return (end - start) // 100
    if kind == "work_hours":
        return counted(seen, start, end) // 100
    today = date_at(seen, start)
    return sum(
        1 for day, over in day_ends(seen, kind).items() if day > today and over * MINUTE_CS <= end
    )


def oracle_milestone(seen: Wall, start: int, kind: Kind, amount: int, percent: int) -> int | None:
    """None where a whole number of centiseconds does not say it (parts of a zero-day promise)."""
    if kind == "urgent_hours":
        return start + amount * percent
    if kind == "work_hours":
        return walk(seen, seen.open_flags, start, amount * percent)
    if amount == 0:
        return oracle_due(seen, start, kind, 0) if percent == 100 else None
    if percent == 0:
        return start
    whole, part = divmod(amount * percent, 100)
    if part == 0:
        return oracle_due(seen, start, kind, whole)
    day = [d for d in sorted(day_ends(seen, kind)) if d > date_at(seen, start)][whole]
    first = seen.first_shown[day]
    window = range(first, first + 2 * DAY_MIN)  # a date is over within two days
    flags = bytes(first) + bytes(
        seen.dates[index] == day and (kind == "calendar_days" or bool(seen.open_flags[index]))
        for index in window
    )
    return walk(seen, flags, (seen.origin + first) * MINUTE_CS, flags.count(1) * 60 * part)


def oracle_resumed(seen: Wall, start: int, kind: Kind, amount: int, pause: int, back: int) -> int:
    """The deadline of a promise that was paused from `pause` to `back`, before it was due."""
    if kind == "urgent_hours":
        return start + amount * 100 + back - pause
    if kind == "work_hours":
        return walk(seen, seen.open_flags, back, amount * 100 - counted(seen, start, pause))
    ends = day_ends(seen, kind)
    received, paused, resumed = (date_at(seen, at) for at in (start, pause, back))
    if amount == 0:  # received after the day's hours, it is a promise of one day
        last = min(day for day, end in ends.items() if end * MINUTE_CS > start)
        amount = 1 if last > received else 0
    used = sum(1 for day in ends if received < day <= paused)
    left = amount - used
    if left <= 0:
        return min(end * MINUTE_CS for end in ends.values() if end * MINUTE_CS > back)
    return ends[[day for day in sorted(ends) if day > resumed][left - 1]] * MINUTE_CS


def compare(candidate: Candidate, setting: Setting, draw: random.Random) -> str | None:
    """One random case, every function; the first difference in words, or None."""
    calendar, seen = setting.calendar, wall(setting)
    promise = allowance(draw, calendar, draw.choice(KINDS))
    kind, amount = promise.kind, promise.amount
    start = draw_start(setting, seen, draw)
    at = instant(start)
    case = f"{calendar.name} {at.isoformat()} {kind} {amount}"

    expected = oracle_due(seen, start, kind, amount)
    got = candidate.due(calendar, at, promise)
    if got != instant(expected):
        return f"{case}: due {got.isoformat()}, oracle {instant(expected).isoformat()}"

    for end in (expected, expected - 100, start + draw.randrange(0, 60 * 8_640_000)):
        number = candidate.elapsed(calendar, at, instant(end), kind)
        if number != oracle_elapsed(seen, start, end, kind):
            return f"{case}: elapsed until {instant(end).isoformat()} is {number}"

    percent = draw.choice(PERCENTS)
    rung = oracle_milestone(seen, start, kind, amount, percent)
    got = candidate.milestone(calendar, at, promise, percent)
    if rung is not None and got != instant(rung):
        return f"{case}: {percent} % at {got.isoformat()}, oracle {instant(rung).isoformat()}"

    if expected > start:
        pause = start + draw.randrange(0, expected - start, 100)
        back = pause + draw.randrange(0, draw.choice((1, 3, 20)) * 8_640_000, 100)
        left = candidate.remaining(calendar, instant(pause), instant(expected), kind)
        got = candidate.resume(calendar, instant(back), left)
        moved = instant(oracle_resumed(seen, start, kind, amount, pause, back))
        if got != moved:
            stop = f"paused {instant(pause).isoformat()} to {instant(back).isoformat()}"
            return f"{case}: {stop}: due {got.isoformat()}, oracle {moved.isoformat()}"
    return None


def draw_start(setting: Setting, seen: Wall, draw: random.Random) -> int:
    """A whole second: anywhere, around a jump of the clock, or around an opening or closing."""
    first = (seen.origin + DAY_MIN) * MINUTE_CS
    last = first + setting.start_days * DAY_MIN * MINUTE_CS
    anywhere = draw.randrange(first, last, 100)
    place = draw.random()
    if place < 0.25 and seen.jumps:
        near = draw.choice(seen.jumps) * MINUTE_CS + 100 * draw.randint(-300_000, 90_000)
    elif place < 0.5:
        near = draw.choice(seen.edges or (anywhere // MINUTE_CS,)) * MINUTE_CS
        near += 100 * draw.choice((-61, -60, -1, 0, 0, 1, 60))
    else:
        near = anywhere
    return near if first <= near < last else anywhere


def instant(centiseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=10 * centiseconds)


def campaign(
    cases: int, seed: int, candidate: Candidate | None = None, only: str = ""
) -> Iterator[str]:
    """The differences found in `cases` random cases, all settings in turn or `only` one of them.

    The same for the same seed; lazy, so that a test of a planted bug stops at the first.
    """
    trial = candidate or Candidate()
    draw = random.Random(seed)
    places = [place for place in settings() if only in ("", place.calendar.name)]
    for index in range(cases):
        difference = compare(trial, places[index % len(places)], draw)
        if difference is not None:
            yield difference


def _share(cases: int, seed: int) -> list[str]:
    return list(campaign(cases, seed))


def main() -> int:
    parser = argparse.ArgumentParser(description="Deadlines against the minute-by-minute oracle.")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args()
    began = time.perf_counter()
    shares = [chosen.cases // chosen.processes] * chosen.processes
    shares[0] += chosen.cases % chosen.processes
    seeds = [chosen.seed * 1_000 + number for number in range(chosen.processes)]
    with ProcessPoolExecutor(chosen.processes) as pool:
        found = [line for lines in pool.map(_share, shares, seeds) for line in lines]
    for line in found[:20]:
        print(line)
    took_s = time.perf_counter() - began
    print(f"{chosen.cases} cases, seed {chosen.seed}: {len(found)} differences, {took_s:.0f} s")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

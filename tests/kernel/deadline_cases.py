"""Calendars and random promises that the deadline tests, the oracle and the benchmark share."""

from __future__ import annotations

import random
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tocsin.kernel.deadlines import KINDS, Allowance, Calendar, Kind, checked

CALENDARS = Path(__file__).resolve().parents[2] / "packs" / "calendars"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Setting:
    """A calendar and the days over which the oracle walks it; starts come from the first part."""

    calendar: Calendar
    first: date
    days: int
    start_days: int


def hours(text: str) -> tuple[int, int]:
    start, end = text.split("-")
    return minutes(start), minutes(end)


def minutes(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def load(name: str) -> Calendar:
    """A calendar file as data, without the pack loader: the oracle must not depend on it."""
    content: dict[str, Any] = tomllib.loads((CALENDARS / f"{name}.toml").read_text("utf-8"))
    return checked(
        Calendar(
            name=content["name"],
            zone=ZoneInfo(content["zone"]),
            weekly=tuple(tuple(hours(h) for h in content["weekly"][day]) for day in WEEKDAYS),
            holidays=frozenset(entry["date"] for entry in content["holidays"]),
            workdays=frozenset(entry["date"] for entry in content["workdays"]),
            makeup_hours=tuple(hours(h) for h in content["makeup_hours"]),
        )
    )


def made(
    name: str,
    zone: str,
    week: list[str],
    holidays: tuple[date, ...] = (),
    workdays: tuple[date, ...] = (),
    makeup: str = "",
) -> Calendar:
    """A calendar from seven texts such as "08:00-12:00 13:00-17:00", Monday first."""
    return checked(
        Calendar(
            name,
            ZoneInfo(zone),
            tuple(tuple(hours(part) for part in day.split()) for day in week),
            frozenset(holidays),
            frozenset(workdays),
            tuple(hours(part) for part in makeup.split()),
        )
    )


def _usual(calendar: Calendar) -> Setting:
    return Setting(calendar, date(2026, 1, 1), days=470, start_days=330)


@lru_cache(maxsize=1)
def settings() -> tuple[Setting, ...]:
    """China's and Finland's year, and zones chosen for their oddities."""
    office, night = "08:00-12:00 13:00-17:00", "22:00-24:00"
    return (
        _usual(load("china-2026")),
        _usual(load("finland-2026")),
        # Hours that the spring gap (02:00-03:00) cuts and the autumn fold (01:00-02:00) repeats.
        _usual(
            made(
                "new-york-nights",
                "America/New_York",
                ["00:00-06:00 " + night] * 5 + [night, "00:30-01:30 01:45-02:30 02:45-06:00"],
            )
        ),
        # Half an hour of daylight saving, at 02:00.
        _usual(
            made(
                "lord-howe",
                "Australia/Lord_Howe",
                [office] * 4 + ["00:00-24:00", "22:30-24:00", "01:40-01:50 01:55-02:10"],
            )
        ),
        # A quarter-hour offset, and a week from Sunday to Friday.
        _usual(
            made(
                "kathmandu",
                "Asia/Kathmandu",
                ["10:00-17:00"] * 4 + ["10:00-15:00", "", office],
                holidays=(date(2026, 4, 14), date(2026, 10, 20), date(2026, 10, 21)),
            )
        ),
        # Apia went over the date line: 30 December 2011 does not exist there.
        Setting(
            made(
                "apia-2011",
                "Pacific/Apia",
                [office] * 5 + ["09:00-12:30", ""],
                holidays=(date(2011, 12, 26),),
            ),
            date(2011, 9, 1),
            days=300,
            start_days=150,
        ),
        # Havana's clocks change at midnight: some days begin at 01:00, some see 00:xx twice.
        _usual(made("havana", "America/Havana", ["00:00-01:30 23:00-24:00"] * 7)),
        _usual(made("helsinki-always", "Europe/Helsinki", ["00:00-24:00"] * 7)),
        # Hardly ever open, but for two make-up days.
        _usual(
            made(
                "sparse",
                "Europe/Lisbon",
                ["", "", "10:00-10:05", "", "", "", ""],
                holidays=(date(2026, 5, 6), date(2026, 5, 13)),
                workdays=(date(2026, 5, 9), date(2026, 10, 25)),
                makeup="00:30-03:00",
            )
        ),
    )


def allowance(draw: random.Random, calendar: Calendar, kind: Kind, weeks: float = 8) -> Allowance:
    """A promise that ends within about `weeks` weeks: short ones, long ones, and zero."""
    open_min = sum(end - start for day in calendar.weekly for start, end in day)
    most = {
        "urgent_hours": weeks * 7 * 86_400,
        "work_hours": weeks * open_min * 60,
        "work_days": weeks * sum(1 for day in calendar.weekly if day),
        "calendar_days": weeks * 7,
    }[kind]
    share = draw.choice((0.02, 0.1, 0.3, 1.0))
    amount = draw.randint(0, max(1, int(most * share)))
    if kind.endswith("hours") and draw.random() < 0.5:
        amount -= amount % 1_800  # packs promise round times, which end on openings and closings
    return Allowance(kind, amount)


def mix(seed: int, n: int) -> list[tuple[Calendar, datetime, Allowance]]:
    """`n` promises over all calendars and kinds, for benchmarks; the same for the same seed."""
    draw = random.Random(seed)
    promises: list[tuple[Calendar, datetime, Allowance]] = []
    for _ in range(n):
        setting = draw.choice(settings())
        start = datetime.combine(setting.first, datetime.min.time(), UTC) + timedelta(
            seconds=draw.randrange(86_400, setting.start_days * 86_400)
        )
        kind = draw.choice(KINDS)
        promises.append((setting.calendar, start, allowance(draw, setting.calendar, kind)))
    return promises

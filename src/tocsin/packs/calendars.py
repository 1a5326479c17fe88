"""Working calendars from TOML: weekly hours, holidays, make-up working days."""

from __future__ import annotations

from datetime import date
from typing import cast
from zoneinfo import ZoneInfo

from tocsin.kernel.deadlines import Calendar, Hours, checked
from tocsin.packs.conditions import MINUTES_PER_DAY, WEEKDAYS
from tocsin.packs.reading import Reader, Table


def read_calendar(reader: Reader) -> Calendar | None:
    """The calendar of a table, or None when it is unsound; findings are made in the reader."""
    before = len(reader.findings)
    name = reader.text("name")
    zone_name = reader.text("zone")
    reader.text("source", "")
    weekly_reader = reader.table("weekly")
    weekly = tuple(read_hours(weekly_reader, day) for day in WEEKDAYS)
    weekly_reader.close()
    holidays = _dates(reader, "holidays")
    workdays = _dates(reader, "workdays")
    makeup = read_hours(reader, "makeup_hours")
    reader.close()
    try:
        zone = ZoneInfo(zone_name)
    except (KeyError, ValueError, OSError):
        reader.find("zone", "bad_value", f"{zone_name!r} is no time zone")
        return None
    if len(reader.findings) > before:
        return None
    try:
        return checked(Calendar(name, zone, weekly, holidays, workdays, makeup))
    except ValueError as error:
        reader.find("", "bad_value", str(error))
        return None


def read_hours(reader: Reader, key: str) -> Hours:
    """`["08:30-12:00", "14:00-17:30"]` as minutes of the day."""
    spans: list[tuple[int, int]] = []
    for text in reader.texts(key):
        start, _, end = text.partition("-")
        try:
            spans.append((_minute(start), _minute(end)))
        except ValueError:
            reader.find(key, "bad_value", f'{text}: must read like "08:30-12:00"')
    return tuple(spans)


def _minute(text: str) -> int:
    hour, minute = text.strip().split(":")
    total = int(hour) * 60 + int(minute)
    if not 0 <= total <= MINUTES_PER_DAY or not 0 <= int(minute) < 60:
        raise ValueError(text)
    return total


def _dates(reader: Reader, key: str) -> frozenset[date]:
    """Dates, or tables with a date and its name; dates come as ISO texts from `plain`."""
    rows: object = reader.value(key)
    found: list[date] = []
    if rows is not None and not isinstance(rows, list):
        reader.find(key, "bad_value", "must be a list of dates")
    for row in cast(list[object], rows) if isinstance(rows, list) else []:
        value = cast(Table, row).get("date") if isinstance(row, dict) else row
        try:
            found.append(date.fromisoformat(str(value)))
        except ValueError:
            reader.find(key, "bad_value", f"{value!r} is no date")
    if len(found) != len(set(found)):
        reader.find(key, "duplicate", "names a date twice")
    return frozenset(found)

"""Calendars come from TOML as they were written, and a broken one says where."""

import json
from datetime import date
from typing import Any

import pytest

from tocsin.kernel.deadlines import Allowance
from tocsin.packs.calendars import read_calendar
from tocsin.packs.durations import allowance
from tocsin.packs.find import packs_folder
from tocsin.packs.load import read_toml
from tocsin.packs.reading import Finding, Reader

GOOD: dict[str, Any] = {
    "name": "x",
    "zone": "Europe/Helsinki",
    "weekly": {"mon": ["08:00-12:00", "13:00-16:15"], "tue": ["00:00-24:00"]},
    "holidays": [{"date": "2026-01-01", "name": {"en": "New Year"}}, "2026-12-25"],
    "workdays": ["2026-01-03"],
    "makeup_hours": ["09:00-15:00"],
}


def read(table: dict[str, Any]) -> tuple[Any, list[Finding]]:
    findings: list[Finding] = []
    return read_calendar(Reader(table, "calendars/x.toml", findings)), findings


def test_a_calendar_is_read_as_written() -> None:
    calendar, findings = read(GOOD)
    assert findings == []
    assert calendar.weekly[0] == ((480, 720), (780, 975))
    assert calendar.weekly[1] == ((0, 1_440),)
    assert calendar.weekly[6] == ()
    assert calendar.holidays == {date(2026, 1, 1), date(2026, 12, 25)}
    assert calendar.hours_on(date(2026, 1, 3)) == ((540, 900),)
    assert str(calendar.zone) == "Europe/Helsinki"


@pytest.mark.parametrize(
    "change",
    [
        {"zone": "Mars/Olympus"},
        {"zone": "../etc/passwd"},
        {"zone": 7},
        {"weekly": {"mon": ["8-12"]}},
        {"weekly": {"mon": ["12:00-08:00"]}},
        {"weekly": {"mon": ["08:00-25:00"]}},
        {"weekly": {"mnday": ["08:00-12:00"]}},
        {"weekly": {}},
        {"holidays": ["2026-02-30"]},
        {"holidays": ["2026-01-01", "2026-01-01"]},
        {"holidays": "2026-01-01"},
        {"holidays": ["2026-01-03"]},
        {"makeup_hours": []},
        {"color": "red"},
    ],
)
def test_a_broken_calendar_says_so(change: dict[str, Any]) -> None:
    calendar, findings = read(json.loads(json.dumps(GOOD)) | change)
    assert findings
    assert calendar is None or "color" in change
    assert all(finding.where.startswith("calendars/x.toml") for finding in findings)


def test_the_shared_calendars_are_sound() -> None:
    paths = sorted((packs_folder() / "calendars").glob("*.toml"))
    assert {path.stem for path in paths} >= {"china-2026", "finland-2026"}
    for path in paths:
        bad: list[Finding] = []
        calendar, findings = read(dict(read_toml(path, bad)))
        assert bad + findings == []
        assert calendar.name == path.stem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15 minutes", Allowance("urgent_hours", 900)),
        ("1 minute", Allowance("urgent_hours", 60)),
        ("4 hours", Allowance("urgent_hours", 14_400)),
        ("4 work hours", Allowance("work_hours", 14_400)),
        ("90 work minutes", Allowance("work_hours", 5_400)),
        ("5 work days", Allowance("work_days", 5)),
        ("0 work days", Allowance("work_days", 0)),
        ("30 calendar days", Allowance("calendar_days", 30)),
        ("5 days", None),
        ("-1 hours", None),
        ("999999 work days", None),
        ("1.5 hours", None),
        ("4  hours", None),
        ("", None),
    ],
)
def test_lengths_read_like_people_write_them(text: str, expected: Allowance | None) -> None:
    assert allowance(text) == expected

"""The conventions of deadlines, as examples a duty officer could check on a paper calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.kernel.deadline_cases import load, made
from tocsin.kernel.deadlines import (
    KINDS,
    MAX_SECONDS,
    Allowance,
    Calendar,
    Kind,
    Left,
    checked,
    due,
    elapsed,
    milestone,
    remaining,
    resume,
)

CHINA = load("china-2026")
FINLAND = load("finland-2026")
OFFICE = "08:00-12:00 13:00-17:00"
NEW_YORK_NIGHTS = made("nights", "America/New_York", ["00:00-24:00"] * 7)


def wall(calendar: Calendar, instant: datetime) -> str:
    return instant.astimezone(calendar.zone).strftime("%a %d %b %H:%M:%S")


def at(calendar: Calendar, text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=calendar.zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("calendar", "start", "kind", "amount", "expected"),
    [
        (CHINA, "2026-02-14T17:00", "urgent_hours", 7_200, "Sat 14 Feb 19:00:00"),
        # 14 February is a make-up Saturday; then nine days of Spring Festival.
        (CHINA, "2026-02-14T17:00", "work_hours", 3_600, "Tue 24 Feb 09:00:00"),
        (CHINA, "2026-02-14T17:00", "work_days", 1, "Tue 24 Feb 17:30:00"),
        (CHINA, "2026-02-24T09:00", "work_days", 4, "Sat 28 Feb 17:30:00"),
        (CHINA, "2026-02-14T17:00", "calendar_days", 3, "Wed 18 Feb 00:00:00"),
        # Lunch is not counted, and a promise that ends at a closing ends there.
        (CHINA, "2026-03-10T11:00", "work_hours", 7_200, "Tue 10 Mar 15:00:00"),
        (CHINA, "2026-03-10T11:00", "work_hours", 3_600, "Tue 10 Mar 12:00:00"),
        (CHINA, "2026-03-10T12:30", "work_hours", 1, "Tue 10 Mar 14:00:01"),
        # Zero days: by the end of the day of receipt, if its hours are not over.
        (CHINA, "2026-03-10T11:00", "work_days", 0, "Tue 10 Mar 17:30:00"),
        (CHINA, "2026-03-10T17:30", "work_days", 0, "Wed 11 Mar 17:30:00"),
        (CHINA, "2026-03-10T23:59", "calendar_days", 0, "Wed 11 Mar 00:00:00"),
        (CHINA, "2026-03-10T12:30", "work_hours", 0, "Tue 10 Mar 12:30:00"),
        # Good Friday and Easter Monday; Vappu; Midsummer Eve.
        (FINLAND, "2026-04-02T15:15", "work_hours", 7_200, "Tue 07 Apr 09:00:00"),
        (FINLAND, "2026-04-30T10:00", "work_days", 1, "Mon 04 May 16:15:00"),
        (FINLAND, "2026-06-18T10:00", "work_days", 2, "Tue 23 Jun 16:15:00"),
        # The spring night of 29 March is 23 hours long, the autumn one of 25 October 25.
        (FINLAND, "2026-03-28T12:00", "urgent_hours", 86_400, "Sun 29 Mar 13:00:00"),
        (FINLAND, "2026-10-24T12:00", "urgent_hours", 86_400, "Sun 25 Oct 11:00:00"),
        (FINLAND, "2026-03-28T12:00", "calendar_days", 1, "Mon 30 Mar 00:00:00"),
    ],
)
def test_promises(calendar: Calendar, start: str, kind: Kind, amount: int, expected: str) -> None:
    promise = Allowance(kind, amount)
    received = at(calendar, start)
    deadline = due(calendar, received, promise)
    assert wall(calendar, deadline) == expected
    assert deadline.tzinfo is UTC
    if amount:
        assert elapsed(calendar, received, deadline, kind) == amount
        assert elapsed(calendar, received, deadline - timedelta(microseconds=1), kind) < amount


def test_hours_that_the_gap_skips_are_not_worked_and_those_of_the_fold_twice() -> None:
    night = made("night", "Europe/Helsinki", [""] * 6 + ["03:30-05:00"])
    # 29 March: 03:00 becomes 04:00, so the office opens at the instant after the gap.
    spring = at(night, "2026-03-28T12:00")
    assert wall(night, due(night, spring, Allowance("work_hours", 1))) == "Sun 29 Mar 04:00:01"
    assert elapsed(night, spring, spring + timedelta(days=2), "work_hours") == 3_600
    # 25 October: 04:00 becomes 03:00, so 03:30-04:00 is worked in both passes.
    autumn = at(night, "2026-10-24T12:00")
    assert elapsed(night, autumn, autumn + timedelta(days=2), "work_hours") == 2 * 3_600
    first = due(night, autumn, Allowance("work_hours", 1))
    assert first == datetime(2026, 10, 25, 0, 30, 1, tzinfo=UTC)
    last = due(night, autumn, Allowance("work_days", 1))
    assert last == datetime(2026, 10, 25, 3, 0, tzinfo=UTC)


def test_a_closing_inside_the_fold_is_its_last_pass() -> None:
    night = made("night", "America/New_York", [""] * 6 + ["00:00-01:30"])
    received = at(night, "2026-10-31T12:00")
    deadline = due(night, received, Allowance("work_days", 1))
    assert deadline == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)  # 01:30 standard time


def test_a_date_that_the_zone_skips_is_no_day() -> None:
    apia = made("apia", "Pacific/Apia", [OFFICE] * 7)
    received = at(apia, "2011-12-29T10:00")
    kinds: tuple[Kind, ...] = ("work_days", "calendar_days")
    for kind in kinds:
        deadline = due(apia, received, Allowance(kind, 1))
        assert wall(apia, deadline - timedelta(seconds=1)).startswith("Sat 31 Dec")


def test_milestones_of_days_fall_within_days() -> None:
    received = at(CHINA, "2026-03-09T10:00")  # a Monday
    three = Allowance("work_days", 3)
    rungs = [wall(CHINA, milestone(CHINA, received, three, p)) for p in (0, 50, 75, 100, 150)]
    assert rungs == [
        "Mon 09 Mar 10:00:00",
        "Wed 11 Mar 12:00:00",  # one day and a half: the second day's morning
        "Thu 12 Mar 10:15:00",
        "Thu 12 Mar 17:30:00",
        "Mon 16 Mar 12:00:00",
    ]


def test_a_pause_moves_the_deadline_by_what_was_counted_in_it() -> None:
    received = at(CHINA, "2026-03-09T10:00")
    deadline = due(CHINA, received, Allowance("work_days", 5))
    assert wall(CHINA, deadline) == "Mon 16 Mar 17:30:00"
    left = remaining(CHINA, at(CHINA, "2026-03-10T11:00"), deadline, "work_days")
    assert left == Left("work_days", 0, 4, is_spent=False)
    assert resume(CHINA, at(CHINA, "2026-03-10T16:00"), left) == deadline
    assert wall(CHINA, resume(CHINA, at(CHINA, "2026-03-12T09:00"), left)) == "Wed 18 Mar 17:30:00"

    deadline = due(CHINA, received, Allowance("work_hours", 4 * 3_600))
    left = remaining(CHINA, at(CHINA, "2026-03-09T11:00"), deadline, "work_hours")
    assert left == Left("work_hours", 3 * 3_600 * 1_000_000, 0, is_spent=False)
    # Saturday counts nothing: the clock starts again on Monday morning.
    assert wall(CHINA, resume(CHINA, at(CHINA, "2026-03-14T09:00"), left)) == "Mon 16 Mar 11:30:00"


def test_a_pause_on_the_last_day_gives_the_next_days_end_once_that_day_is_over() -> None:
    received = at(CHINA, "2026-03-12T10:00")
    deadline = due(CHINA, received, Allowance("work_days", 1))
    left = remaining(CHINA, at(CHINA, "2026-03-13T11:00"), deadline, "work_days")
    assert left.days == 0
    assert resume(CHINA, at(CHINA, "2026-03-13T17:00"), left) == deadline
    assert wall(CHINA, resume(CHINA, at(CHINA, "2026-03-13T18:00"), left)) == "Mon 16 Mar 17:30:00"


def test_a_spent_promise_stays_spent() -> None:
    deadline = at(CHINA, "2026-03-09T10:00")
    for kind in KINDS:
        left = remaining(CHINA, deadline, deadline, kind)
        assert left.is_spent
        later = deadline + timedelta(days=3)
        assert resume(CHINA, later, left) == later


def test_fractions_of_a_second_are_kept() -> None:
    received = at(CHINA, "2026-03-09T10:00").replace(microsecond=123_457)
    promises: tuple[tuple[Kind, int], ...] = (("urgent_hours", 5_400), ("work_hours", 144_000))
    for kind, amount in promises:
        deadline = due(CHINA, received, Allowance(kind, amount))
        assert deadline.microsecond == 123_457
        pause = received + timedelta(seconds=1_234, microseconds=7)
        assert resume(CHINA, pause, remaining(CHINA, pause, deadline, kind)) == deadline


def test_promises_cross_years() -> None:
    received = at(CHINA, "2026-12-31T16:30")
    assert wall(CHINA, due(CHINA, received, Allowance("work_hours", 7_200))) == (
        "Fri 01 Jan 09:30:00"  # the 2026 calendar does not know 2027's holidays
    )
    far = due(CHINA, received, Allowance("work_days", 1_000))
    assert elapsed(CHINA, received, far, "work_days") == 1_000
    year = Allowance("work_hours", 2_000 * 3_600)
    assert elapsed(CHINA, received, due(CHINA, received, year), "work_hours") == year.amount


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"weekly": ((),) * 7}, "no weekday has open hours"),
        ({"weekly": (((480, 960),),) * 6}, "needs 7 days"),
        ({"weekly": (((960, 480),),) * 7}, "out of order"),
        ({"weekly": (((480, 700), (690, 960)),) * 7}, "out of order"),
        ({"weekly": (((480, 1_441),),) * 7}, "outside the day"),
        ({"workdays": frozenset({date(2026, 5, 9)})}, "without makeup_hours"),
        (
            {
                "holidays": frozenset({date(2026, 5, 9)}),
                "workdays": frozenset({date(2026, 5, 9)}),
                "makeup_hours": ((480, 960),),
            },
            "both a holiday and",
        ),
        (
            {"holidays": frozenset(date(2026, 1, 1) + timedelta(days=n) for n in range(420))},
            "closed for over 400 days",
        ),
    ],
)
def test_broken_calendars_are_refused(change: dict[str, object], reason: str) -> None:
    usual: dict[str, object] = {
        "name": "broken",
        "zone": ZoneInfo("Europe/Helsinki"),
        "weekly": (((480, 960),),) * 7,
    }
    checked(Calendar(**usual))  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=reason):
        checked(Calendar(**(usual | change)))  # pyright: ignore[reportArgumentType]


def test_a_calendar_that_never_opens_ends_in_an_error_not_in_a_loop() -> None:
    never = Calendar("never", ZoneInfo("Europe/Helsinki"), ((),) * 7)
    for promise in (
        Allowance("work_hours", 1),
        Allowance("work_days", 1),
        Allowance("work_days", 0),
    ):
        with pytest.raises(ValueError, match="never: "):
            due(never, datetime(2026, 1, 1, tzinfo=UTC), promise)


def test_bad_arguments_are_named() -> None:
    good = Allowance("work_hours", 60)
    with pytest.raises(ValueError, match="needs a time zone"):
        due(CHINA, datetime(2026, 1, 1), good)  # noqa: DTZ001
    for year in (1969, 2300):
        with pytest.raises(ValueError, match=f"year {year}"):
            due(CHINA, datetime(year, 6, 1, tzinfo=UTC), good)
    for amount in (-1, MAX_SECONDS + 1):
        with pytest.raises(ValueError, match="outside 0"):
            Allowance("urgent_hours", amount)
    with pytest.raises(ValueError, match="unknown kind"):
        Allowance("weeks", 1)  # pyright: ignore[reportArgumentType]
    for percent in (-1, 1_001):
        with pytest.raises(ValueError, match="outside 0"):
            milestone(CHINA, datetime(2026, 1, 1, tzinfo=UTC), good, percent)


def test_every_offset_is_understood_as_the_same_instant() -> None:
    received = at(FINLAND, "2026-06-10T14:00")
    promise = Allowance("work_hours", 9 * 3_600)
    assert due(FINLAND, received.astimezone(CHINA.zone), promise) == due(FINLAND, received, promise)


def test_the_2026_calendars_have_the_days_counted_by_hand() -> None:
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    assert sum(1 for day in days if day.weekday() < 5) == 261
    # China: 19 holidays from Monday to Friday, six make-up days at weekends.
    assert len(CHINA.holidays) == 33
    assert all(day.weekday() >= 5 for day in CHINA.workdays)
    assert sum(1 for day in days if CHINA.hours_on(day)) == 261 - 19 + 6
    # Finland: nine holidays from Monday to Friday; Midsummer Eve and Christmas Eve are of them.
    assert sum(1 for day in days if FINLAND.hours_on(day)) == 261 - 9

"""Online rates, batteries and due dates by their stated rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.analytics.upkeep import (
    READINGS_MIN,
    Watched,
    battery_forecast,
    due_works,
    online_rates,
)
from tocsin.kernel.shared import AssetId

START = datetime(2026, 3, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)
spans = st.lists(st.tuples(st.integers(-20, 80), st.integers(0, 30)), max_size=4)


@settings(max_examples=150, deadline=None)
@given(spans, spans, spans)
def test_the_rate_is_what_counting_seconds_says(
    service: list[tuple[int, int]], silent: list[tuple[int, int]], ours: list[tuple[int, int]]
) -> None:
    """A second counts if it is in service and we listened; it is heard unless it is silent."""

    def within(second: int, found: list[tuple[int, int]]) -> bool:
        return any(a <= second < a + n for a, n in found)

    seconds = [s for s in range(60) if within(s, service) and within(s, ours)]
    heard = [s for s in seconds if not within(s, silent)]

    def flat(found: list[tuple[int, int]]):
        return tuple((START + a * SECOND, START + (a + n) * SECOND) for a, n in found)

    watched = Watched(AssetId("d"), "gauge", flat(service), flat(silent))
    (rate,) = online_rates([watched], flat(ours), START, START + 60 * SECOND)
    assert (rate.heard_s, rate.service_s) == (len(heard), len(seconds))
    assert rate.rate == (len(heard) / len(seconds) if seconds else None)


def test_what_lasts_counts_to_the_end_and_groups_add_up() -> None:
    end = START + timedelta(hours=10)
    one = Watched(AssetId("a"), "gauge", ((START, None),), ((end - timedelta(hours=1), None),))
    two = Watched(AssetId("b"), "gauge", ((START, None),), ())
    (rate,) = online_rates([one, two], [(START, end)], START, end)
    assert (rate.devices, rate.rate) == (2, 0.95)
    (away,) = online_rates([one], [], START, end)
    assert away.rate is None, "who did not listen knows nothing"


def days(*values: float, every: int = 1) -> dict[date, float]:
    return {date(2026, 3, 1) + timedelta(days=n * every): v for n, v in enumerate(values)}


def test_a_line_needs_readings_and_says_so() -> None:
    few = battery_forecast(days(*[90.0 - n for n in range(READINGS_MIN - 1)], every=5), 15)
    assert few.state == "not_enough_readings" and few.empty_on is None and few.readings == 6
    short = battery_forecast(days(*[90.0 - n for n in range(10)]), 15)
    assert short.state == "not_enough_readings", "ten days are no two weeks"
    assert battery_forecast({}, 15).state == "not_enough_readings"


def test_a_falling_battery_is_dated_and_nonsense_does_not_move_it() -> None:
    clean = days(*[90.0 - 0.5 * n for n in range(31)])
    found = battery_forecast(clean, 15)
    assert found.state == "falls" and found.empty_on == date(2026, 3, 1) + timedelta(days=150)
    wild = dict(clean)
    for n in (3, 9, 14, 20, 26):
        wild[date(2026, 3, 1) + timedelta(days=n)] -= 9.0
    moved = battery_forecast(wild, 15)
    assert moved.empty_on is not None and found.empty_on is not None
    assert abs((moved.empty_on - found.empty_on).days) <= 5
    assert battery_forecast(days(*[80.0] * 31), 15).state == "lasts"
    assert battery_forecast(days(*[40.0 - n for n in range(31)]), 15).state == "low"


def test_a_new_battery_begins_anew() -> None:
    old = [50.0 - n for n in range(20)]
    changed = battery_forecast(days(*old, *[99.0 - 0.1 * n for n in range(6)]), 15)
    assert changed.state == "not_enough_readings" and changed.readings == 6


def test_due_works_are_by_date_then_by_name() -> None:
    today = date(2026, 3, 1)
    late = datetime(2026, 2, 1, tzinfo=UTC)
    found = due_works(
        [
            (AssetId("b"), "battery", date(2026, 3, 20)),
            (AssetId("a"), "inspection", late),
            (AssetId("c"), "certificate", date(2026, 6, 1)),
            (AssetId("d"), "certificate", None),
        ],
        today,
        timedelta(days=30),
    )
    assert [(each.asset, each.what) for each in found] == [("a", "inspection"), ("b", "battery")]

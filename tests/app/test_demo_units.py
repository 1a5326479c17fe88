"""The way of a unit of the demo: from where it is to where it is sent, at one speed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tocsin.app.demo_units import Leg
from tocsin.geography.distance import short_distance_m
from tocsin.kernel.shared import Place

BEGUN = datetime(2026, 11, 24, 6, tzinfo=UTC)
START, END = Place(24.94, 60.17), Place(24.96, 60.17)


def test_a_unit_is_between_both_ends_and_stays_at_the_last() -> None:
    leg = Leg(START, END, BEGUN, BEGUN + timedelta(minutes=4))
    assert leg.at(BEGUN - timedelta(minutes=1))[0] == START
    half, speed_mps = leg.at(BEGUN + timedelta(minutes=2))
    assert (half.lon, half.lat) == pytest.approx((24.95, 60.17))
    length_m = short_distance_m(START.lon, START.lat, END.lon, END.lat)
    assert speed_mps == pytest.approx(length_m / 240.0)
    assert leg.at(BEGUN + timedelta(minutes=4)) == (END, 0.0)
    assert leg.course_deg == pytest.approx(90.0, abs=0.1)


def test_a_way_of_no_time_is_driven() -> None:
    assert Leg(START, END, BEGUN, BEGUN).at(BEGUN) == (END, 0.0)

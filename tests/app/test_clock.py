"""Identifiers sort by time and are never the same; the clock never runs backwards."""

from __future__ import annotations

import time

import pytest

from tocsin.app.clock import LETTERS, STEP_S, SteadyClock, TimeIds


def test_identifiers_sort_by_the_time_of_their_making(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = TimeIds()
    made: list[str] = []
    for at_ms in (0, 1, 31, 32, 1_000, 1_799_999_999_999, 1_800_000_000_000, 2**48 - 1):
        monkeypatch.setattr(time, "time_ns", lambda at=at_ms: at * 1_000_000)
        made.append(ids.new())
    assert made == sorted(made)
    assert all(len(each) == 26 and set(each) <= set(LETTERS) for each in made)
    # The head is the time alone: what stood there before this way of making it was the same.
    number = 0
    for each in made[5][:10]:
        number = number * 32 + LETTERS.index(each)
    assert number == 1_799_999_999_999


def test_no_two_are_the_same_and_each_letter_comes() -> None:
    made = [TimeIds().new() for _ in range(2_000)]
    assert len(set(made)) == len(made)
    for place in range(10, 26):
        assert {each[place] for each in made} == set(LETTERS)


def test_the_clock_follows_small_corrections_and_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SteadyClock()
    wall, steady = time.time(), time.monotonic()
    seen = [clock.now()]
    for later_s, off_s in ((1, 0.5), (2, -0.5), (3, -STEP_S - 5), (4, 3_600), (5, 0.2)):
        monkeypatch.setattr(time, "time", lambda now=wall + later_s + off_s: now)
        monkeypatch.setattr(time, "monotonic", lambda now=steady + later_s: now)
        seen.append(clock.now())
    assert seen == sorted(seen)
    ran = [each.timestamp() - wall for each in seen[1:]]
    assert ran == pytest.approx([1.5, 2.5, 3.5, 4.5, 5.5], abs=0.1)

"""Where a unit that came free should wait: the definition, ties, and what is not known."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.dispatching.demand import Demand, Zone
from tocsin.dispatching.posting import PostLimits, advise_post
from tocsin.dispatching.problem import Problem, UnitNow
from tocsin.kernel.shared import UnitId

AT = datetime(2026, 3, 2, tzinfo=UTC)
ME = UnitId("u0")


def problem(
    weights: list[float],
    post_times: list[list[float]],
    posts_of: list[int | None],
    drives: list[float],
    q: float = 0.5,
) -> Problem:
    """Zones by weight; units u0 (free, where it is far from all), u1... at posts."""
    names = [f"p{at}" for at in range(len(post_times))]
    units = [UnitNow(ME, "ambulance", ("care",), busy_fraction=q)]
    units += [
        UnitNow(
            UnitId(f"u{at}"), "ambulance", ("care",), busy_fraction=q,
            post=None if post is None else names[post],
        )
        for at, post in enumerate(posts_of, 1)
    ]  # fmt: skip
    far = np.full((len(units), len(weights)), 9_999.0)
    to_posts = np.full((len(units), len(names)), 100.0)
    to_posts[0] = drives
    zones = tuple(Zone(f"z{at}", weight, "care", 300.0) for at, weight in enumerate(weights))
    demand = Demand(zones, far, tuple(names), np.asarray(post_times), to_posts)
    return Problem(AT, tuple(units), (), np.zeros((len(units), 0)), demand=demand)


def test_it_goes_where_it_adds_most() -> None:
    # p0 covers the larger zone, but u1 is there already: half of 60 % is less than 40 %.
    asked = problem([6.0, 4.0], [[60.0, 999.0], [999.0, 60.0]], [0], [50.0, 500.0])
    first, second = advise_post(asked, ME)
    assert (first.post, first.gain) == ("p1", pytest.approx(0.2))
    assert (second.post, second.gain) == ("p0", pytest.approx(0.15))


def test_a_far_post_must_be_worth_its_way_and_a_tie_goes_to_the_nearer() -> None:
    asked = problem([6.0, 4.0], [[60.0, 999.0], [999.0, 60.0]], [0], [50.0, 900.0])
    assert advise_post(asked, ME, PostLimits(drive_s=10_000.0))[0].post == "p0"
    even = problem([5.0, 5.0], [[60.0, 999.0], [999.0, 60.0]], [], [80.0, 70.0])
    assert advise_post(even, ME)[0].post == "p1"


def test_without_posts_or_without_the_unit_there_is_no_advice() -> None:
    asked = problem([1.0], [[60.0]], [], [10.0])
    assert advise_post(asked, UnitId("nobody")) == ()
    bare = Problem(AT, asked.units, (), np.zeros((1, 0)))
    assert advise_post(bare, ME) == ()
    cut_off = problem([1.0], [[60.0]], [], [float("inf")])
    assert advise_post(cut_off, ME) == ()


@given(
    weights=st.lists(st.integers(0, 9).map(float), min_size=1, max_size=5),
    data=st.data(),
    q=st.floats(0.0, 0.95),
)
def test_the_gain_is_that_of_the_definition(
    weights: list[float], data: st.DataObject, q: float
) -> None:
    count = data.draw(st.integers(1, 4))
    times = st.sampled_from([60.0, 299.0, 301.0, 999.0])
    table = [[data.draw(times) for _ in weights] for _ in range(count)]
    posts_of = data.draw(st.lists(st.integers(0, count - 1), max_size=4))
    found = advise_post(problem(weights, table, list(posts_of), [10.0] * count, q), ME)
    total = sum(weights)
    for each in found:
        row = table[int(each.post[1:])]
        gain = 0.0
        for zone, weight in enumerate(weights):
            if row[zone] <= 300.0 and total > 0:
                others = sum(table[post][zone] <= 300.0 for post in posts_of)
                gain += weight / total * (1.0 - q) * max(q, 1e-9) ** others
        assert each.gain == pytest.approx(gain, abs=1e-9)
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)

"""Stations are placed as well as by trying every set of candidates."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tocsin.dispatching.siting import solving
from tocsin.dispatching.siting.problem import QUESTIONS, NoAnswer, Question, Sited, Siting
from tocsin.dispatching.siting.solving import Found, site

INF = float("inf")
TARGET_S = 240.0
NO_CHECKS = list(HealthCheck)


@st.composite
def towns(draw: st.DrawFn) -> Siting:
    """Up to six candidates and seven demands; many ties, places without a way, kept stations."""
    candidates, demands = draw(st.integers(1, 6)), draw(st.integers(1, 7))
    time_s = st.sampled_from([0.0, 60.0, 239.999, 240.0, 240.001, 300.0, 555.5, INF])
    row = st.lists(time_s, min_size=demands, max_size=demands)
    weight = st.sampled_from([0.0, 1.0, 1.0, 2.5, 7.0, 1000.0])
    return Siting(
        tuple(f"s{n}" for n in range(candidates)),
        tuple(f"d{n}" for n in range(demands)),
        tuple(draw(st.lists(weight, min_size=demands, max_size=demands))),
        np.array(draw(st.lists(row, min_size=candidates, max_size=candidates))),
        tuple(draw(st.sets(st.integers(0, candidates - 1), max_size=2))),
    )


def best_by_trying(siting: Siting, question: Question, p: int | None) -> float | None:
    """The best value of all sets of candidates; None where no set will do."""
    times_s, weights = siting.times_s, np.array(siting.weights)
    can = (times_s <= (TARGET_S if question == "lscp" else 1e9)).any(axis=0)
    times_s, weights = times_s[:, can], weights[can]
    found: list[float] = []
    everybody = range(len(siting.candidates))
    for size in everybody if p is None else [p]:
        for chosen in combinations(everybody, size):
            if not set(siting.keep) <= set(chosen):
                continue
            closest = times_s[list(chosen)].min(axis=0, initial=INF)
            if question == "mclp":
                found.append(-float(weights[closest <= TARGET_S].sum()))
            elif question == "lscp":
                found += [float(size)] if (closest <= TARGET_S).all() else []
            elif np.isfinite(closest).all():
                mean = float((weights * closest).sum()) / (float(weights.sum()) or 1.0)
                found.append(mean if question == "p-median" else float(closest.max(initial=0.0)))
    if question == "lscp":
        # Every candidate open covers all that can be covered.
        found.append(float(len(siting.candidates)))
    return min(found, default=None)


def compare(siting: Siting, question: Question, p: int) -> None:
    wanted = best_by_trying(siting, question, None if question == "lscp" else p)
    try:
        answer = site(siting, question, stations=p, target_s=TARGET_S)
    except NoAnswer:
        assert wanted is None
        return
    value = -answer.value if question == "mclp" else answer.value
    assert wanted is not None
    assert value == pytest.approx(wanted, abs=1e-6)
    assert answer.is_optimal
    assert {siting.candidates[row] for row in siting.keep} <= set(answer.stations)
    if question != "lscp":
        assert len(answer.stations) == p
    said(siting, question, answer)


def said(siting: Siting, question: Question, answer: Sited) -> None:
    """What is told of each demand is true, and none is passed over in silence."""
    rows = [siting.candidates.index(name) for name in answer.stations]
    named = {each.demand: each for each in answer.served}
    lost = {each.demand: each.cause for each in answer.unserved}
    for column, demand in enumerate(siting.demands):
        closest = siting.times_s[rows, column].min(initial=INF)
        assert (demand in named) == np.isfinite(closest)
        if demand in named:
            assert named[demand].time_s == closest
        if not np.isfinite(siting.times_s[:, column]).any():
            assert lost[demand] == "no_way"
        elif question == "lscp" and siting.times_s[:, column].min() > TARGET_S:
            assert lost[demand] == "too_far"
        else:
            assert demand not in lost


@pytest.mark.parametrize("question", QUESTIONS)
@given(data=st.data())
@settings(max_examples=120, deadline=None, suppress_health_check=NO_CHECKS)
def test_nothing_better_exists(question: Question, data: st.DataObject) -> None:
    siting = data.draw(towns())
    compare(siting, question, data.draw(st.integers(1, len(siting.candidates))))


def forgotten_keep(patch: pytest.MonkeyPatch) -> None:
    real = solving._solved
    patch.setattr(solving, "_solved", lambda c, n, keep, *rest: real(c, n, keep & False, *rest))


def too_early(patch: pytest.MonkeyPatch) -> None:
    real = solving.most
    patch.setattr(
        solving, "most", lambda covers, weights, *rest: real(covers, np.ones_like(weights), *rest)
    )


def dear_first(patch: pytest.MonkeyPatch) -> None:
    real = solving.nearest
    patch.setattr(solving, "nearest", lambda times, w, *rest: real(times, np.ones_like(w), *rest))


def one_too_far(patch: pytest.MonkeyPatch) -> None:
    real = solving.centre

    def coarse(times_s: Any, keep: Any, p: int, limit_s: float) -> Found:
        found = real(np.ceil(times_s / 300.0) * 300.0, keep, p, limit_s)
        return Found(found.is_open, 0.0)

    patch.setattr(solving, "centre", coarse)


def greedy_cover(patch: pytest.MonkeyPatch) -> None:
    def greedy(covers: Any, keep: Any, _limit_s: float) -> Found:
        is_open = keep.copy()
        while not (held := covers[is_open].any(axis=0)).all():
            is_open[int((covers & ~held).sum(axis=1).argmax())] = True
        return Found(is_open, float(is_open.sum()))

    patch.setattr(solving, "fewest", greedy)


@pytest.mark.parametrize(
    ("question", "plant"),
    [
        ("lscp", forgotten_keep),
        ("mclp", too_early),
        ("p-median", dear_first),
        ("p-centre", one_too_far),
        ("lscp", greedy_cover),
    ],
)
def test_a_planted_bug_is_found(
    question: Question,
    plant: Callable[[pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plant(monkeypatch)

    @settings(
        max_examples=5_000,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=NO_CHECKS,
    )
    @given(st.data())
    def search(data: st.DataObject) -> None:
        siting = data.draw(towns())
        compare(siting, question, data.draw(st.integers(1, len(siting.candidates))))

    with pytest.raises(AssertionError):
        search()


def three_in_a_row(keep: tuple[int, ...] = ()) -> Siting:
    """Stations and villages along one road, a minute apart; an island that none can reach."""
    times_s = np.array([[0, 60, 120, INF], [60, 0, 60, INF], [120, 60, 0, INF]], dtype=np.float64)
    return Siting(("a", "b", "c"), ("A", "B", "C", "island"), (5, 1, 1, 2), times_s, keep)


def test_an_island_is_named_and_not_counted() -> None:
    answer = site(three_in_a_row(), "lscp", target_s=60)
    assert answer.stations == ("b",)
    assert [(each.demand, each.weight, each.cause) for each in answer.unserved] == [
        ("island", 2, "no_way")
    ]
    assert answer.covered == pytest.approx(7 / 9)


def test_each_question_has_its_own_best_place() -> None:
    town = three_in_a_row()
    assert site(town, "p-median", stations=1).stations == ("a",)
    assert site(town, "p-centre", stations=1).stations == ("b",)
    assert site(town, "mclp", stations=1, target_s=0).stations == ("a",)
    kept = three_in_a_row((2,))
    assert site(kept, "p-median", stations=2).stations == ("a", "c")


def test_what_can_not_be_answered_is_said() -> None:
    with pytest.raises(NoAnswer, match="too_many_kept"):
        site(three_in_a_row((0, 1)), "mclp", stations=1, target_s=60)
    apart = Siting(("a", "b"), ("A", "B"), (1, 1), np.array([[0, INF], [INF, 0]]))
    for question in ("p-median", "p-centre"):
        with pytest.raises(NoAnswer, match="too_few"):
            site(apart, question, stations=1)
    with pytest.raises(ValueError, match="stations"):
        site(apart, "p-median", stations=3)
    with pytest.raises(ValueError, match="target_s"):
        site(apart, "lscp")

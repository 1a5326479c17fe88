"""Cases in the loop: the same runs to the last bit, and each case is what its events fold to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.simulation.dispatch.towns import town
from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.draft import Taken
from tocsin.kernel.cases.evolve import fold
from tocsin.kernel.cases.state import Case, next_wake
from tocsin.kernel.shared import CaseId
from tocsin.simulation.dispatch import engine
from tocsin.simulation.dispatch.casebook import Casebook
from tocsin.simulation.dispatch.crews import RefusedByKernel
from tocsin.simulation.dispatch.measures import measure
from tocsin.simulation.dispatch.world import World

POLICIES = ("closest", "coverage+posts+moves", "closest+redispatch")


class Recording(Casebook):
    """Keeps what was taken, case by case."""

    kept: dict[CaseId, list[Taken]]

    def __init__(self, *parts: object) -> None:
        self.kept = {}
        super().__init__(*parts)  # type: ignore[arg-type]

    def _take(self, key: CaseId, taken: Sequence[Taken]) -> None:
        self.kept.setdefault(key, []).extend(taken)
        super()._take(key, taken)


def recorded(world: World, monkeypatch: pytest.MonkeyPatch) -> Recording:
    books: list[Recording] = []

    def book(*parts: object) -> Recording:
        books.append(Recording(*parts))
        return books[-1]

    monkeypatch.setattr(engine, "Casebook", book)
    replace(world, with_cases=True).play("closest+redispatch", 5)
    return books[0]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("seed", (1, 2, 3))
def test_with_and_without_cases_the_same_units_are_sent(policy: str, seed: int) -> None:
    world = town(seed, units=6, has_shifts=seed == 2)
    calls, without = world.play(policy, seed)
    _, with_cases = replace(world, with_cases=True).play(policy, seed)
    assert without.to_bytes() == with_cases.to_bytes()
    assert with_cases.counts.alerts == without.counts.alerts
    served = np.ones(len(calls), dtype=bool)
    owner = np.repeat(np.arange(len(calls)), np.diff(calls.first_slot))
    served[owner[~np.isfinite(without.sent_s)]] = False
    assert with_cases.counts.verified == served.sum() > 50


def test_the_same_seed_tells_and_escalates_the_same() -> None:
    world = replace(town(4), with_cases=True)
    (calls, first), (_, second) = (world.play("closest", 4) for _ in range(2))
    assert first.counts == second.counts
    found = measure(world, calls, first)
    assert found["errands_a_call"] > 1 and found["rungs_a_call"] > 0
    assert "errands_a_call" not in measure(replace(world, with_cases=False), calls, first)


def test_every_case_is_what_its_events_fold_to_and_no_clock_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book = recorded(town(5, units=3), monkeypatch)
    assert len(book.kept) > 100
    for key, taken in book.kept.items():
        assert fold(Case(key), [each.event for each in taken]) == taken[-1].after
        assert all(a.after is b.before for a, b in zip(taken, taken[1:], strict=False))
        instants = [each.event.at for each in taken]
        assert instants == sorted(instants)
        assert taken[-1].after.status == "verified" and next_wake(taken[-1].after) is None
    kinds = {type(each.event) for taken in book.kept.values() for each in taken}
    assert {words.DeadlineMissed, words.ClockEscalated, words.TaskStarted} <= kinds
    assert {words.UnitReleased, words.CaseVerified} <= kinds


def test_a_clock_speaks_at_its_own_instant(monkeypatch: pytest.MonkeyPatch) -> None:
    book = recorded(town(5, units=1), monkeypatch)
    events = [each.event for taken in book.kept.values() for each in taken]
    missed = [each for each in events if isinstance(each, words.DeadlineMissed)]
    assert len(missed) > 10
    assert all(each.at == each.due_at for each in missed)


def test_a_case_that_is_not_there_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted bug: a book that opens no cases."""

    def forget(self: Casebook, call: int, at_s: float, now_s: float) -> None:
        del self, call, at_s, now_s

    monkeypatch.setattr(Casebook, "asks", forget)
    with pytest.raises((RefusedByKernel, KeyError)):
        replace(town(1), with_cases=True).play("closest", 1)

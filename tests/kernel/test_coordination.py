"""Several cases at once: un-merge is the identity, whatever was played before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings

from tests.kernel.players import GAMES, POLICIES, Move, opened, play
from tests.kernel.towns import (
    DISPATCHER,
    FIRE_ALARM,
    HANDLER,
    PARKS,
    REPORTER,
    STREET_LIGHT,
    VERIFIER,
    Town,
)
from tocsin.kernel import coordination
from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.policy import CaseFacts, CasePolicy
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import CaseId, Refused, ReportId, Stamped

C1, C2 = CaseId("c1"), CaseId("c2")
MERGE = words.MergeCase(C2, 0.8, ("distance",))
UNMERGE = words.UnmergeCase(C2, "not the same")
PLENTY = settings(
    deadline=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    derandomize=True,
)


def _merged(policy: CasePolicy, game: list[Move]) -> tuple[Town, Case, Case]:
    """A game on both cases, both caught up to the instant, then merged; and what they were."""
    town = opened(policy)
    for number, move in enumerate(game):
        play(town, move, "c1" if number % 2 else "c2")
    for name in ("c1", "c2"):
        town.wake(name)
    primary, duplicate = town.case("c1"), town.case("c2")
    refused = town.press(MERGE)
    assume(refused is None and town.case("c2").stash is not None)
    assume(duplicate.status != "merged")
    return town, primary, duplicate


@PLENTY
@given(POLICIES, GAMES)
def test_unmerge_restores_both_exactly(policy: CasePolicy, game: list[Move]) -> None:
    town, primary, duplicate = _merged(policy, game)
    assert town.press(UNMERGE) is None
    assert town.case("c1") == primary
    assert town.case("c2") == duplicate


@PLENTY
@given(POLICIES, GAMES, GAMES)
def test_unmerge_restores_the_duplicate_whatever_the_primary_did(
    policy: CasePolicy, game: list[Move], later: list[Move]
) -> None:
    town, _, duplicate = _merged(policy, game)
    for move in later:
        play(town, move, "c1")
        if town.case("c2").status != "merged":
            break
    else:
        assert town.press(UNMERGE) is None
    assert town.case("c2") == duplicate


def test_a_merge_that_forgets_the_clocks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from tocsin.kernel.cases import evolve

    real = evolve.EVOLVERS[words.CaseMerged]

    def forgetful(case: Case, event: words.CaseMerged) -> Case:
        after = real(case, event)
        assert after.stash is not None
        return replace(after, stash=replace(after.stash, clocks=()))

    monkeypatch.setitem(evolve.EVOLVERS, words.CaseMerged, forgetful)
    town = opened(STREET_LIGHT)
    duplicate = town.case("c2")
    town.press(MERGE)
    town.press(UNMERGE)
    assert town.case("c2") != duplicate


def test_a_reporter_of_a_merged_case_keeps_the_thread_consent_and_vote() -> None:
    town = opened(STREET_LIGHT)
    town.press(MERGE)
    town.to_work()
    town.press(words.SetConsent(ReportId("c2-r1"), True), REPORTER, "c2")
    town.press(words.ClaimTaskDone(town.lead()), HANDLER)
    town.press(words.VerifyCase("fixed"), VERIFIER)
    assert town.told()[-2:] == ["c1-r1: reporter_verified", "c2-r1: reporter_verified"]
    town.press(words.GiveFeedback(ReportId("c2-r1"), False, True), REPORTER, "c2")
    assert town.told()[-1] == "dispatchers: merged_reporter_unsatisfied"
    mine, theirs = town.case("c2").reports[0], town.case("c1").reports[0]
    assert (mine.consent, mine.solved) == (True, False)
    assert (theirs.consent, theirs.solved) == (False, None)
    town.press(UNMERGE)
    assert town.case("c2").reports[0] == mine
    assert town.case("c1").links.absorbed_reports == ()


def test_what_cannot_be_merged() -> None:
    town = opened(STREET_LIGHT)
    town.press(words.MergeCase(CaseId("c3"), 0.8, ()), on="c2")

    def reason(body: words.Command, on: str = "c1") -> str | None:
        refused = town.press(body, DISPATCHER, on)
        return refused.reason if refused is not None else None

    assert reason(words.MergeCase(C1, 1.0, ())) == "same_case"
    assert reason(MERGE) == "has_absorbed"
    assert reason(words.MergeCase(CaseId("c3"), 0.8, ())) == "already_merged"
    assert reason(UNMERGE) == "not_merged_here"
    assert reason(words.MergeCase(C1, 0.8, ()), "c3") == "not_from_here"
    assert reason(words.UnmergeCase(CaseId("c3"), "no"), "c2") is None
    children = (words.SplitChild(CaseId("c4"), words.Route("r", PARKS)),)
    town.press(words.AcceptCase(), DISPATCHER, "c2")
    assert reason(words.SplitCase("two", children), "c2") is None
    assert reason(MERGE) == "children_open"
    assert reason(words.VoidCase("test"), "c2") == "children_open"
    town.to_work(on="c3")
    town.press(words.ClaimTaskDone(town.lead("c3")), HANDLER, "c3")
    assert reason(words.MergeCase(CaseId("c3"), 0.8, ())) == "not_from_here"


def test_a_duplicate_of_another_type_is_caught_up_by_its_own_policy() -> None:
    """Without that policy, and with a clock due, the merge waits for the wake-up."""
    town = Town(STREET_LIGHT)
    town.open(on="c1")
    town.policy = FIRE_ALARM
    town.open(on="c2")
    town.wait(minutes=5)

    def merge(facts: CaseFacts) -> coordination.Decision:
        command = Stamped(MERGE, town.now, DISPATCHER, "n", facts)
        return coordination.decide(town.cases, C1, command)

    refused = merge(CaseFacts(STREET_LIGHT))
    assert isinstance(refused, Refused) and refused.reason == "policy_missing"
    merged = merge(CaseFacts(STREET_LIGHT, others=((C2, FIRE_ALARM),)))
    assert not isinstance(merged, Refused)
    assert [type(event).__name__ for event in merged[C2]] == ["DeadlineMissed", "CaseMerged"]
    town.wake("c2")
    assert not isinstance(merge(CaseFacts(STREET_LIGHT)), Refused)


def test_a_split_needs_fresh_children() -> None:
    town = opened(STREET_LIGHT)
    town.press(words.AcceptCase())
    route = words.Route("r", PARKS)

    def reason(*ids: str) -> str | None:
        children = tuple(words.SplitChild(CaseId(id_), route) for id_ in ids)
        refused = town.press(words.SplitCase("two", children))
        return refused.reason if refused is not None else None

    assert reason() == "no_children"
    assert reason("c1") == "bad_value"
    assert reason("c7", "c7") == "bad_value"
    assert reason(*(f"x{n}" for n in range(coordination.CHILDREN_LIMIT + 1))) == "bad_value"
    assert reason("c7", "c2") == "already_exists"
    assert reason("c7", "c8") is None
    child = town.case("c7")
    assert child.links.parent == C1
    assert (child.status, child.lead) == ("dispatched", PARKS)
    assert child.reports[0].contact is None, "a child has no reporter of its own"
    assert town.case("c1").links.open_children == (CaseId("c7"), CaseId("c8"))


def test_involved_names_every_case_once() -> None:
    children = tuple(words.SplitChild(CaseId(x), words.Route("r", PARKS)) for x in ("a", "b"))
    assert coordination.involved(C1, MERGE) == (C1, C2)
    assert coordination.involved(C2, MERGE) == (C2,)
    assert coordination.involved(C1, UNMERGE) == (C1, C2)
    assert coordination.involved(C1, words.SplitCase("", children)) == (C1, "a", "b")
    assert coordination.involved(C1, words.WakeUp()) == (C1,)

"""Each expected "no" that random games seldom meet, and the limits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.kernel.towns import (
    AREAS,
    BY_REPORTER,
    DISPATCHER,
    EVALUATOR,
    FIRE,
    FIRE_ALARM,
    FIREFIGHTER,
    HANDLER,
    PARKS,
    PLACE,
    REPORTER,
    ROADS,
    SECOND_SUPERVISOR,
    STREET_LIGHT,
    STRICT,
    SUPERVISOR,
    VERIFIER,
    WITH_PHOTO,
    Town,
    ref,
    report,
    staff,
    timedelta,
)
from tocsin.kernel.cases import intake, tiers
from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.shared import SYSTEM, Actor, ActorId, AgencyId, ReportId, TaskId

FIRST = ReportId("c1-r1")
NOBODY = ReportId("nobody")
NO_TASK = TaskId("none")
ROUTE = words.Route("r", ROADS)


def reason(town: Town, body: words.Command, by: Actor = DISPATCHER) -> str | None:
    refused = town.press(body, by)
    return None if refused is None else refused.reason


def at_work(policy: object = STREET_LIGHT) -> Town:
    town = Town(policy)  # type: ignore[arg-type]
    town.open()
    town.to_work()
    return town


def closed() -> Town:
    town = at_work()
    town.press(words.ClaimTaskDone(town.lead(), (ref("p"),)), HANDLER)
    town.press(words.VerifyCase("ok"), VERIFIER)
    return town


def test_the_fast_path_is_for_packs_that_allow_it() -> None:
    opening = words.OpenCase(report(), PLACE, AREAS, "cell", ROUTE)
    assert reason(Town(), opening) == "fast_path_not_allowed"
    town = Town(FIRE_ALARM)
    town.open()
    assert reason(town, words.DispatchCase("now")) == "route_required"
    assert reason(town, opening) == "already_exists"


def test_reporters_and_rules_do_not_do_what_people_must() -> None:
    town = at_work()
    assert reason(town, words.AcceptCase(), REPORTER) == "not_your_role"
    town.press(words.ClaimTaskDone(town.lead(), (ref("p"),)), HANDLER)
    assert reason(town, words.VerifyCase("ok"), SYSTEM) == "not_your_role"
    assert reason(town, words.VerifyCase("ok"), REPORTER) == "not_your_role"


def test_unknown_parts() -> None:
    town = at_work()
    for body, expected in (
        (words.StartTask(NO_TASK), "unknown_task"),
        (words.AcknowledgeTask(NO_TASK), "unknown_task"),
        (words.AssignTask(NO_TASK, ActorId("x")), "unknown_task"),
        (words.ClaimTaskDone(NO_TASK), "unknown_task"),
        (words.ReturnTask(NO_TASK, "no"), "unknown_task"),
        (words.CancelTask(NO_TASK, "no"), "unknown_task"),
        (words.AskReporter(NOBODY, ref("q")), "unknown_report"),
        (words.GiveFeedback(NOBODY, True, True), "unknown_report"),
        (words.SetConsent(NOBODY, True), "unknown_report"),
        (words.AnswerUrge("none", ref("a")), "not_found"),
    ):
        assert reason(town, body) == expected


def test_agencies_keep_to_their_tasks() -> None:
    town = at_work()
    lead = town.lead()
    outsider = replace(HANDLER, agency=PARKS)
    assert reason(town, words.ClaimTaskDone(lead), outsider) == "not_your_agency"
    assert reason(town, words.RequestHold("weather", town.now), outsider) == "not_your_agency"
    assert reason(town, words.CancelTask(lead, "no")) == "lead_task_needed"
    assert reason(town, words.AddTask(ROADS, "help")) == "agency_has_task"
    assert reason(town, words.StartTask(lead), DISPATCHER) is None, "a stand-in may"


def test_the_photo_is_the_leads_to_bring() -> None:
    town = at_work(WITH_PHOTO)
    town.press(words.AddTask(PARKS, "help"))
    assert reason(town, words.ClaimTaskDone(town.lead()), HANDLER) == "photo_required"
    assisting = town.case().tasks[-1].id
    assert reason(town, words.ClaimTaskDone(assisting)) is None
    assert reason(town, words.ClaimTaskDone(town.lead(), (ref("p"),)), HANDLER) is None
    assert town.case().status == "claimed_done"


def test_holds_have_reasons_ends_and_a_cap() -> None:
    town = at_work()
    now = town.now
    assert reason(town, words.RequestHold("tired", now)) == "hold_reason_unknown"
    assert reason(town, words.RequestHold("weather", now)) == "bad_value"
    assert reason(town, words.RequestHold("weather", now.replace(year=2027))) == "hold_over_cap"
    assert reason(town, words.EndHold("over")) == "no_hold"
    asked = words.RequestHold("weather", now + timedelta(hours=1))
    assert reason(town, asked, SUPERVISOR) is None
    assert reason(town, words.DecideHold(True, "me"), SUPERVISOR) == "own_request"
    town.wait(hours=2)
    assert reason(town, words.DecideHold(True, "late"), SECOND_SUPERVISOR) == "too_late"


def test_caps_of_all_pauses_together() -> None:
    town = at_work(STRICT)
    for answered in (None, "no_question"):  # at the cap the clock has withdrawn the question
        assert reason(town, words.AskReporter(FIRST, ref("q"))) is None
        assert reason(town, words.AskReporter(FIRST, ref("q"))) is None, "a repeated press"
        assert reason(town, words.AskReporter(FIRST, ref("q2"))) == "question_open"
        town.wait(hours=12)
        assert reason(town, words.AnswerQuestion(ref("a"))) == answered
    town.wake()
    assert reason(town, words.AskReporter(FIRST, ref("q"))) == "pause_over_cap"
    assert town.case().counts.ask_s == STRICT.ask_cap_s
    hold = words.RequestHold("weather", town.now + timedelta(days=2))
    assert reason(town, hold) is None
    town.wait(days=2)
    assert reason(town, words.RequestHold("weather", town.now + timedelta(hours=1))) == (
        "hold_over_cap"
    )


def test_a_question_never_waits_longer_than_its_cap() -> None:
    town = at_work(STRICT)
    town.press(words.AskReporter(FIRST, ref("q")))
    answer = next(clock for clock in town.case().clocks if clock.name == "answer")
    assert answer.due_at == town.now + timedelta(seconds=STRICT.ask_cap_s)


def test_extensions_are_bounded_and_not_after_the_miss() -> None:
    town = at_work(STRICT)
    assert reason(town, words.RequestExtension(0, "no")) == "bad_value"
    assert reason(town, words.RequestExtension(41, "no")) == "bad_value"
    assert reason(town, words.RequestExtension(40, "yes"), SUPERVISOR) is None
    assert reason(town, words.DecideExtension(True, "me"), SUPERVISOR) == "own_request"
    fire = Town(FIRE_ALARM)
    fire.open(route=words.Route("r", FIRE))
    assert reason(fire, words.RequestExtension(10, "no"), FIREFIGHTER) == "extension_not_allowed"
    late = at_work()
    late.wait(days=6)
    assert reason(late, words.RequestExtension(10, "no"), HANDLER) == "too_late"
    asked = at_work()
    asked.wait(days=4, hours=8)  # half an hour before the handling deadline
    assert reason(asked, words.RequestExtension(10, "yes"), HANDLER) is None
    asked.wait(hours=2)
    assert reason(asked, words.DecideExtension(True, "late"), SUPERVISOR) == "too_late"
    assert reason(asked, words.DecideExtension(False, "late"), SUPERVISOR) is None


def test_after_the_close() -> None:
    town = closed()
    assert reason(town, words.StartTask(town.lead()), HANDLER) == "not_from_here"
    assert reason(town, words.EvaluateCase(101, "no"), EVALUATOR) == "score_out_of_range"
    assert reason(town, words.AppealEvaluation("no"), HANDLER) == "not_evaluated"
    assert reason(town, words.DecideAppeal(True, "no"), SUPERVISOR) == "not_evaluated"
    assert reason(town, words.EvaluateCase(50, "so"), EVALUATOR) is None
    assert reason(town, words.EvaluateCase(50, "so"), EVALUATOR) is None, "a repeated press"
    assert reason(town, words.EvaluateCase(60, "so"), EVALUATOR) == "already_exists"
    assert reason(town, words.DecideAppeal(True, "no"), SUPERVISOR) == "no_appeal"
    town.wait(days=5, seconds=1)
    assert reason(town, words.AppealEvaluation("no"), HANDLER) == "too_late"


def test_triage_needs_a_policy_and_keeps_the_pinned_version() -> None:
    town = at_work()
    unknown = words.TriageCase("unheard_of", "routine", 3, "no")
    assert reason(town, unknown) == "policy_missing"
    wrong = words.TriageCase("street_light", "routine", 9, "no")  # type: ignore[arg-type]
    assert reason(town, wrong) == "bad_value"
    before = town.case()
    assert reason(town, words.TriageCase("street_light", "routine", 1, "school nearby")) is None
    after = town.case()
    assert (after.priority, after.pack_version) == (1, "1")
    assert after.clocks == before.clocks
    assert (after.tasks, after.reports) == (before.tasks, before.reports)


def test_publication() -> None:
    town = Town(STRICT)
    town.open()
    town.press(words.SetConsent(FIRST, True), REPORTER)
    assert reason(town, words.PublishCase(True)) == "sealed_type"


def test_the_arbiter_may_be_an_agency() -> None:
    town = at_work(STRICT)
    town.press(words.ReturnTask(town.lead(), "not ours"), HANDLER)
    assert town.case().arbitration_since is not None
    assert reason(town, words.FileCase(ROUTE)) == "arbitration_open"
    judge = staff("judge", "agency_handler", agency=AgencyId("court"))
    assert reason(town, words.ArbitrateCase(PARKS, "theirs"), HANDLER) == "not_your_role"
    assert reason(town, words.ArbitrateCase(PARKS, "theirs"), judge) is None
    assert reason(town, words.ArbitrateCase(PARKS, "theirs"), judge) is None, "a repeated press"
    assert reason(town, words.FileCase(ROUTE)) == "decision_binds"


def test_the_second_person_comes_after_the_reporter() -> None:
    town = at_work(BY_REPORTER)
    town.press(words.ClaimTaskDone(town.lead(), (ref("p"),)), HANDLER)
    assert reason(town, words.VerifyCase("ok"), VERIFIER) == "reporter_first"
    town.wait(days=4)
    assert reason(town, words.VerifyCase("ok"), HANDLER) == "same_person"
    assert reason(town, words.VerifyCase("ok"), VERIFIER) is None


def test_a_claimants_vote_does_not_close_the_case() -> None:
    town = at_work(BY_REPORTER)
    town.press(words.ClaimTaskDone(town.lead(), (ref("p"),)), HANDLER)
    assert reason(town, words.GiveFeedback(FIRST, True, True), HANDLER) is None
    assert town.case().status == "claimed_done"
    assert town.case().reports[0].solved is True


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "REPORTS_LIMIT", 2)
    monkeypatch.setattr(intake, "TASKS_LIMIT", 1)
    monkeypatch.setattr(tiers, "URGES_LIMIT", 1)
    town = at_work()
    assert reason(town, words.AttachReport(report(2, town.now))) is None
    assert reason(town, words.AttachReport(report(2, town.now, language="zh-CN"))) == (
        "already_exists"
    )
    assert reason(town, words.AttachReport(report(3, town.now))) == "bad_value"
    assert reason(town, words.AddTask(PARKS, "help")) == "bad_value"
    assert reason(town, words.UrgeCase(1, "why"), SUPERVISOR) is None
    assert reason(town, words.UrgeCase(1, "why"), SECOND_SUPERVISOR) == "bad_value"

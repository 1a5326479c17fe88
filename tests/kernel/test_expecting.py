"""Who is expected to act next, and that the machine would let them."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings

from tests.kernel import towns
from tests.kernel.players import GAMES, POLICIES, Move, opened, play
from tests.kernel.towns import FIRE, HANDLER, ROADS, SUPERVISOR, VERIFIER, Town, ref
from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.expecting import NOBODY, Expected, expected_of
from tocsin.kernel.cases.machine import MACHINE

_COMMANDS: dict[str, type[words.Command]] = {
    "accept": words.AcceptCase,
    "file": words.FileCase,
    "dispatch": words.DispatchCase,
    "acknowledge_task": words.AcknowledgeTask,
    "start_task": words.StartTask,
    "claim_task_done": words.ClaimTaskDone,
    "verify": words.VerifyCase,
    "arbitrate": words.ArbitrateCase,
    "answer_question": words.AnswerQuestion,
    "decide_hold": words.DecideHold,
    "end_hold": words.EndHold,
    "decide_extension": words.DecideExtension,
}


def expected(town: Town) -> Expected:
    return expected_of(town.case())


def test_the_usual_way_goes_from_desk_to_desk() -> None:
    town = Town()
    assert expected(town) == NOBODY, "a case that nobody opened"
    town.open()
    assert expected(town) == Expected("accept", "call_taker")
    town.press(words.AcceptCase())
    assert expected(town) == Expected("file", "dispatcher")
    town.press(words.FileCase(words.Route("lights to roads", ROADS)))
    assert expected(town) == Expected("dispatch", "dispatcher")
    town.press(words.DispatchCase("routine"))
    lead = town.lead()
    assert expected(town) == Expected("acknowledge_task", "agency", ROADS, lead)
    town.press(words.AcknowledgeTask(lead), HANDLER)
    assert expected(town) == Expected("start_task", "agency", ROADS, lead)
    town.press(words.StartTask(lead), HANDLER)
    assert expected(town) == Expected("claim_task_done", "agency", ROADS, lead)
    town.press(words.ClaimTaskDone(lead, (ref("photo"),)), HANDLER)
    assert expected(town) == Expected("verify", "verifier")
    town.press(words.FailCheck("not_done"), VERIFIER)
    assert expected(town) == Expected("claim_task_done", "agency", ROADS, lead)
    town.press(words.ClaimTaskDone(lead, (ref("photo"),)), HANDLER)
    town.press(words.VerifyCase("solved"), VERIFIER)
    assert town.case().status == "verified" and expected(town) == NOBODY


def test_the_share_that_is_least_far_is_expected_first() -> None:
    town = Town()
    town.open()
    town.to_work()
    town.press(words.AddTask(FIRE, "help_needed"))
    found = expected(town)
    assert (found.action, found.agency) == ("acknowledge_task", FIRE)


def test_a_question_waits_for_the_reporter_and_hides_the_work() -> None:
    town = Town()
    town.open()
    town.to_work()
    town.press(words.AskReporter(town.case().reports[0].id, ref("question")))
    assert expected(town) == Expected("answer_question", "reporter")
    town.press(words.WithdrawQuestion("not_needed"))
    assert expected(town).action == "claim_task_done"


def test_a_hold_and_an_extension_wait_for_a_decision() -> None:
    town = Town()
    town.open()
    town.to_work()
    town.press(words.RequestHold("weather", town.now + timedelta(days=1)), HANDLER)
    assert expected(town) == Expected("decide_hold", "supervisor")
    assert town.press(words.DecideHold(True, "granted"), SUPERVISOR) is None
    assert expected(town) == Expected("end_hold", "agency")
    assert town.press(words.EndHold("work_goes_on"), HANDLER) is None
    assert town.press(words.RequestExtension(20, "more_work"), HANDLER) is None
    assert expected(town) == Expected("decide_extension", "supervisor")
    assert town.press(words.DecideExtension(False, "not_granted"), SUPERVISOR) is None
    assert expected(town).action == "claim_task_done"


@settings(deadline=None)
@given(POLICIES, GAMES)
def test_what_is_expected_may_be_given_from_there(
    policy: towns.CasePolicy, moves: list[Move]
) -> None:
    town = opened(policy)
    for move in moves:
        play(town, move)
        case = town.case()
        found = expected_of(case)
        if not case.is_open:
            assert found == NOBODY
            continue
        assert found.action, f"an open case waits for somebody: {case.status}"
        rule = MACHINE.rules[_COMMANDS[found.action]]
        assert case.status in rule.sources
        if found.task is not None:
            task = next(each for each in case.tasks if each.id == found.task)
            assert task.agency == found.agency

"""Whom the node owes a word, and that each word has a template."""

from __future__ import annotations

from typing import get_args

from hypothesis import HealthCheck, given, settings

from tests.kernel.players import GAMES, POLICIES, Move, opened, play
from tests.kernel.towns import (
    AMBULANCE,
    DISPATCHER,
    FIRE,
    FIRE_ALARM,
    HANDLER,
    PARKS,
    VERIFIER,
    Town,
    ref,
    report,
)
from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.policy import Audience, CasePolicy
from tocsin.kernel.cases.react import (
    REPORTER_TEMPLATES,
    TEMPLATES,
    EndAlarms,
    MoveAlarms,
    Send,
    Tell,
)
from tocsin.kernel.shared import CaseId, ReportId


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)
@given(POLICIES, GAMES)
def test_every_message_has_a_template_and_somebody_to_read_it(
    policy: CasePolicy, game: list[Move]
) -> None:
    town = opened(policy)
    for move in game:
        play(town, move)
    for case_id, errand in town.errands:
        if isinstance(errand, EndAlarms | MoveAlarms):
            continue  # for the alarms of a case, where it has any: no message
        if isinstance(errand, Send):
            assert isinstance(errand.command, words.RecordChild)
            continue
        assert errand.template in TEMPLATES
        assert errand.audience in get_args(Audience)
        assert (errand.report is not None) == (errand.template in REPORTER_TEMPLATES)
        if errand.report is not None:
            mine = {r.id for r in town.case(case_id).reports}
            assert errand.report in mine or errand.report[:2] in ("c1", "c2", "c3")


def test_each_audience_of_a_missed_deadline_is_told_once() -> None:
    town = Town(FIRE_ALARM)
    town.open(route=words.Route("r", FIRE, (AMBULANCE,)))
    town.wait(minutes=3)
    for _ in range(3):
        town.wake()
    missed = [e for _, e in town.errands if isinstance(e, Tell) and e.template == "deadline_missed"]
    assert sorted((e.audience, e.agency) for e in missed) == [
        ("agency_supervisor", AMBULANCE),
        ("agency_supervisor", FIRE),
        ("owner", AMBULANCE),
        ("owner", FIRE),
    ]


def test_a_moved_promise_is_told_to_every_reporter() -> None:
    town = Town()
    town.open()
    town.press(words.AttachReport(report(2, town.now)))
    town.to_work()
    town.press(words.AskReporter(ReportId("c1-r2"), ref("q")), HANDLER)
    assert town.told()[-1] == "c1-r2: reporter_question"
    town.wait(days=2)
    town.press(words.AnswerQuestion(ref("a")), DISPATCHER)
    assert town.told()[-3:] == [
        "agency: question_answered",
        "c1-r1: reporter_promise_moved",
        "c1-r2: reporter_promise_moved",
    ]


def test_a_pause_without_loss_of_time_is_no_news() -> None:
    town = Town()
    town.open()
    town.to_work()
    town.press(words.AskReporter(ReportId("c1-r1"), ref("q")), HANDLER)
    town.wait(hours=1)
    town.press(words.AnswerQuestion(ref("a")), DISPATCHER)
    assert "c1-r1: reporter_promise_moved" not in town.told()
    assert town.case().moves == ()


def test_a_child_tells_its_parent() -> None:
    town = Town()
    town.open()
    town.to_work()
    child = words.SplitChild(CaseId("c9"), words.Route("r", PARKS))
    town.press(words.SplitCase("two", (child,)))
    town.press(words.ClaimTaskDone(town.lead("c9")), DISPATCHER, "c9")
    town.press(words.VerifyCase("done"), VERIFIER, "c9")
    sends = [e for _, e in town.errands if isinstance(e, Send)]
    assert sends == [Send(CaseId("c1"), words.RecordChild(CaseId("c9"), is_open=False))]
    town.deliver()
    town.sent = 0
    town.deliver()  # may arrive twice
    assert town.case().links.open_children == ()

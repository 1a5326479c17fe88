"""Days' logs that a duty officer can review. Inline, so that a changed rule shows as a changed
story."""

from __future__ import annotations

from dataclasses import replace

from inline_snapshot import snapshot

from tests.kernel import towns
from tests.kernel.towns import (
    AMBULANCE,
    BY_REPORTER,
    DISPATCHER,
    EVALUATOR,
    FIRE,
    FIRE_ALARM,
    FIREFIGHTER,
    GARDENER,
    HANDLER,
    PARAMEDIC,
    PARKS,
    REPORTER,
    ROADS,
    SECOND_SUPERVISOR,
    SUPERVISOR,
    VERIFIER,
    Town,
    ref,
)
from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.shared import CaseId, ReportId

FIRST = ReportId("c1-r1")


def test_a_street_light() -> None:
    town = Town()
    town.open()
    town.wait(minutes=40)
    town.press(words.AcceptCase())
    town.press(words.FileCase(words.Route("lights to roads", ROADS)))
    town.wait(minutes=15)
    town.press(words.DispatchCase("routine"))
    town.wait(hours=1)
    town.press(words.AcknowledgeTask(town.lead()), HANDLER)
    town.wait(days=1)
    town.press(words.StartTask(town.lead()), HANDLER)
    town.wait(hours=3)
    town.press(words.ClaimTaskDone(town.lead(), (ref("photo"),)), HANDLER)
    town.press(words.VerifyCase("fixed"), HANDLER)
    town.wait(hours=2)
    town.press(words.VerifyCase("fixed"), VERIFIER)
    town.wait(hours=4)
    town.press(words.GiveFeedback(FIRST, True, True), REPORTER)
    assert town.story() == snapshot("""\
Mon 02 08:00 cai: OpenCase
    CaseOpened
    ClockStarted accept, due Mon 02 10:00
    ClockStarted close, due Wed 11 17:00
Mon 02 08:40 dora: AcceptCase
    CaseAccepted [accepted]
    ClockStopped accept, kept
    ClockStarted file, due Mon 02 12:40
Mon 02 08:40 dora: FileCase
    CaseFiled [lights to roads]
    ClockStopped file, kept
    ClockStarted dispatch, due Mon 02 12:40
Mon 02 08:55 dora: DispatchCase
    CaseDispatched roads (lead) [routine]
    ClockStopped dispatch, kept
    ClockStarted handle, due Fri 06 17:00
    ClockStarted acknowledge/n4-t1, due Mon 02 12:55
Mon 02 09:55 hugo: AcknowledgeTask
    TaskAcknowledged
    ClockStopped acknowledge/n4-t1, kept
Tue 03 09:55 hugo: StartTask
    TaskStarted
Tue 03 12:55 hugo: ClaimTaskDone
    TaskClaimedDone
    CaseClaimedDone
    ClockStopped handle, kept
    ClockStarted verify, due Thu 05 17:00
Tue 03 12:55 hugo: VerifyCase -> refused: same_person
Tue 03 14:55 vera: VerifyCase
    CaseVerified
    ClockStopped close, kept
    ClockStopped verify, kept
Tue 03 18:55 receipt: GiveFeedback
    FeedbackGiven\
""")
    assert town.told() == snapshot(
        [
            "c1-r1: reporter_accepted",
            "roads: task_dispatched",
            "c1-r1: reporter_dispatched",
            "verifiers: verification_needed",
            "c1-r1: reporter_claimed_done",
            "c1-r1: reporter_verified",
        ]
    )


def test_a_fire_is_sent_in_one_command() -> None:
    town = Town(FIRE_ALARM)
    town.open(route=words.Route("fires to the brigade", FIRE, (AMBULANCE,)))
    town.wait(seconds=30)
    town.press(words.AcknowledgeTask("c1-t1"), FIREFIGHTER)  # type: ignore[arg-type]
    town.wait(seconds=50)
    town.wake()
    town.press(words.StartTask("c1-t2"), PARAMEDIC)  # type: ignore[arg-type]
    town.wait(minutes=50)
    town.press(words.ClaimTaskDone("c1-t1"), FIREFIGHTER)  # type: ignore[arg-type]
    town.press(words.CancelTask("c1-t2", "nobody hurt"))  # type: ignore[arg-type]
    town.press(words.VerifyCase("fire out"), SUPERVISOR)
    assert town.story() == snapshot("""\
Mon 02 08:00 cai: OpenCase
    CaseOpened
    ClockStarted accept, due Mon 02 08:01
    ClockStarted close, due Tue 03 08:00
    CaseAccepted [fast_path]
    ClockStopped accept, kept
    ClockStarted file, due Mon 02 08:01
    CaseFiled [fast_path]
    ClockStopped file, kept
    ClockStarted dispatch, due Mon 02 08:01
    CaseDispatched fire (lead), ambulance (assisting) [fast_path]
    ClockStopped dispatch, kept
    ClockStarted handle, due Mon 02 12:00
    ClockStarted acknowledge/c1-t1, due Mon 02 08:02
    ClockStarted acknowledge/c1-t2, due Mon 02 08:02
Mon 02 08:00 fiona: AcknowledgeTask
    TaskAcknowledged
    ClockStopped acknowledge/c1-t1, kept
Mon 02 08:01 system: WakeUp
    ClockEscalated acknowledge/c1-t2 50 % -> agency
Mon 02 08:01 paul: StartTask
    TaskAcknowledged
    ClockStopped acknowledge/c1-t2, kept
    TaskStarted
Mon 02 08:51 fiona: ClaimTaskDone
    TaskStarted
    TaskClaimedDone
Mon 02 08:51 dora: CancelTask
    TaskCancelled [nobody hurt]
    CaseClaimedDone
    ClockStopped handle, kept
    ClockStarted verify, due Mon 02 20:51
Mon 02 08:51 sam: VerifyCase
    CaseVerified
    ClockStopped close, kept
    ClockStopped verify, kept\
""")


def test_a_silent_agency_is_escalated_once() -> None:
    town = Town()
    town.open()
    for body in (
        words.AcceptCase(),
        words.FileCase(words.Route("lights to roads", ROADS)),
        words.DispatchCase("routine"),
    ):
        town.press(body)
    for _ in range(4):
        town.wait(hours=2)
        town.wake()
        town.wake()
    town.press(words.AcknowledgeTask(town.lead()), HANDLER)
    assert town.story() == snapshot("""\
Mon 02 08:00 cai: OpenCase
    CaseOpened
    ClockStarted accept, due Mon 02 10:00
    ClockStarted close, due Wed 11 17:00
Mon 02 08:00 dora: AcceptCase
    CaseAccepted [accepted]
    ClockStopped accept, kept
    ClockStarted file, due Mon 02 12:00
Mon 02 08:00 dora: FileCase
    CaseFiled [lights to roads]
    ClockStopped file, kept
    ClockStarted dispatch, due Mon 02 12:00
Mon 02 08:00 dora: DispatchCase
    CaseDispatched roads (lead) [routine]
    ClockStopped dispatch, kept
    ClockStarted handle, due Fri 06 17:00
    ClockStarted acknowledge/n4-t1, due Mon 02 12:00
Mon 02 10:00 system: WakeUp
    ClockEscalated acknowledge/n4-t1 50 % -> agency
Mon 02 10:00 system: WakeUp
Mon 02 12:00 system: WakeUp
    ClockEscalated acknowledge/n4-t1 75 % -> agency, agency_supervisor
    DeadlineMissed acknowledge/n4-t1, due Mon 02 12:00 -> agency_supervisor, owner
Mon 02 12:00 system: WakeUp
Mon 02 14:00 system: WakeUp
    ClockEscalated acknowledge/n4-t1 150 % -> county_supervisor
Mon 02 14:00 system: WakeUp
Mon 02 16:00 system: WakeUp
Mon 02 16:00 system: WakeUp
Mon 02 16:00 hugo: AcknowledgeTask
    TaskAcknowledged
    ClockStopped acknowledge/n4-t1, not kept\
""")
    assert [line for line in town.told() if "missed" in line] == snapshot(
        ["roads: deadline_missed", "roads: deadline_missed", "roads: deadline_long_missed"]
    )


def test_a_question_and_a_hold_stop_the_clocks() -> None:
    town = Town()
    town.open()
    town.to_work()
    town.wait(days=1)
    town.press(words.AskReporter(FIRST, ref("which lamp")), HANDLER)
    town.wait(hours=6)
    town.press(words.RequestHold("waiting_for_parts", town.now + towns.timedelta(days=2)), HANDLER)
    town.wait(hours=1)
    town.press(words.DecideHold(True, "parts are ordered"), HANDLER)
    town.press(words.DecideHold(True, "parts are ordered"), SUPERVISOR)
    town.wait(hours=1)
    town.press(words.AnswerQuestion(ref("the third one")), REPORTER)
    town.wait(days=3)
    town.wake()
    town.press(words.ClaimTaskDone(town.lead()), HANDLER)
    assert town.story() == snapshot("""\
Mon 02 08:00 cai: OpenCase
    CaseOpened
    ClockStarted accept, due Mon 02 10:00
    ClockStarted close, due Wed 11 17:00
Mon 02 08:00 dora: AcceptCase
    CaseAccepted [accepted]
    ClockStopped accept, kept
    ClockStarted file, due Mon 02 12:00
Mon 02 08:00 dora: FileCase
    CaseFiled [rule]
    ClockStopped file, kept
    ClockStarted dispatch, due Mon 02 12:00
Mon 02 08:00 dora: DispatchCase
    CaseDispatched roads (lead) [routine]
    ClockStopped dispatch, kept
    ClockStarted handle, due Fri 06 17:00
    ClockStarted acknowledge/n4-t1, due Mon 02 12:00
Mon 02 08:00 hugo: StartTask
    TaskAcknowledged
    ClockStopped acknowledge/n4-t1, kept
    TaskStarted
Tue 03 08:00 hugo: AskReporter
    ReporterAsked
    ClockPaused close (question)
    ClockPaused handle (question)
    ClockStarted answer, due Sat 07 00:00
Tue 03 14:00 hugo: RequestHold
    HoldRequested [waiting_for_parts]
    ClockStarted hold_approval, due Wed 04 13:00
Tue 03 15:00 hugo: DecideHold -> refused: not_your_role
Tue 03 15:00 sam: DecideHold
    HoldGranted [parts are ordered]
    ClockStopped hold_approval, kept
    ClockStarted hold, due Thu 05 14:00
Tue 03 16:00 receipt: AnswerQuestion
    QuestionAnswered
    ClockStopped answer, kept
Fri 06 16:00 system: WakeUp
    ClockEscalated hold 100 % -> agency
    HoldEnded [hold_over]
    ClockStopped hold, kept
    ClockMoved close, Wed 11 17:00 -> Fri 13 17:00 (hold_over)
    ClockMoved handle, Fri 06 17:00 -> Tue 10 17:00 (hold_over)
Fri 06 16:00 hugo: ClaimTaskDone
    TaskClaimedDone
    CaseClaimedDone
    ClockStopped handle, kept
    ClockStarted verify, due Tue 10 17:00\
""")


def test_nobody_answers() -> None:
    town = Town()
    town.open()
    town.to_work()
    town.press(words.AskReporter(FIRST, ref("which lamp")), HANDLER)
    town.wait(days=5)
    town.press(words.RequestHold("weather", town.now + towns.timedelta(days=20)), HANDLER)
    town.wait(days=4)
    town.wake()
    assert town.story() == snapshot("""\
Mon 02 08:00 cai: OpenCase
    CaseOpened
    ClockStarted accept, due Mon 02 10:00
    ClockStarted close, due Wed 11 17:00
Mon 02 08:00 dora: AcceptCase
    CaseAccepted [accepted]
    ClockStopped accept, kept
    ClockStarted file, due Mon 02 12:00
Mon 02 08:00 dora: FileCase
    CaseFiled [rule]
    ClockStopped file, kept
    ClockStarted dispatch, due Mon 02 12:00
Mon 02 08:00 dora: DispatchCase
    CaseDispatched roads (lead) [routine]
    ClockStopped dispatch, kept
    ClockStarted handle, due Fri 06 17:00
    ClockStarted acknowledge/n4-t1, due Mon 02 12:00
Mon 02 08:00 hugo: StartTask
    TaskAcknowledged
    ClockStopped acknowledge/n4-t1, kept
    TaskStarted
Mon 02 08:00 hugo: AskReporter
    ReporterAsked
    ClockPaused close (question)
    ClockPaused handle (question)
    ClockStarted answer, due Fri 06 00:00
Sat 07 08:00 hugo: RequestHold
    ClockEscalated answer 50 % -> reporters
    ClockEscalated answer 100 % -> agency
    QuestionWithdrawn [no_answer]
    ClockStopped answer, not kept
    ClockMoved close, Wed 11 17:00 -> Tue 17 17:00 (question_withdrawn)
    ClockMoved handle, Fri 06 17:00 -> Thu 12 17:00 (question_withdrawn)
    HoldRequested [weather]
    ClockStarted hold_approval, due Mon 09 16:00
Wed 11 08:00 system: WakeUp
    DeadlineMissed hold_approval, due Mon 09 16:00 -> owner_supervisor
    ClockEscalated hold_approval 150 % -> nobody
    HoldRefused [not_decided_in_time]
    ClockStopped hold_approval, not kept
    ClockEscalated handle 50 % -> agency\
""")


def test_an_extension_is_given_once() -> None:
    town = Town()
    town.open()
    town.to_work()
    town.press(words.RequestExtension(50, "crane needed"), HANDLER)
    town.press(words.DecideExtension(True, "granted"), SUPERVISOR)
    town.press(words.RequestExtension(50, "crane still needed"), HANDLER)
    assert town.story() == snapshot("""\
Mon 02 08:00 cai: OpenCase
    CaseOpened
    ClockStarted accept, due Mon 02 10:00
    ClockStarted close, due Wed 11 17:00
Mon 02 08:00 dora: AcceptCase
    CaseAccepted [accepted]
    ClockStopped accept, kept
    ClockStarted file, due Mon 02 12:00
Mon 02 08:00 dora: FileCase
    CaseFiled [rule]
    ClockStopped file, kept
    ClockStarted dispatch, due Mon 02 12:00
Mon 02 08:00 dora: DispatchCase
    CaseDispatched roads (lead) [routine]
    ClockStopped dispatch, kept
    ClockStarted handle, due Fri 06 17:00
    ClockStarted acknowledge/n4-t1, due Mon 02 12:00
Mon 02 08:00 hugo: StartTask
    TaskAcknowledged
    ClockStopped acknowledge/n4-t1, kept
    TaskStarted
Mon 02 08:00 hugo: RequestExtension
    ExtensionRequested [crane needed]
    ClockStarted extension_approval, due Tue 03 08:00
Mon 02 08:00 sam: DecideExtension
    ExtensionDecided [granted]
    ClockStopped extension_approval, kept
    ClockMoved handle, Fri 06 17:00 -> Tue 10 17:00 (extended)
    ClockMoved close, Wed 11 17:00 -> Fri 13 17:00 (extended)
Mon 02 08:00 hugo: RequestExtension -> refused: extension_used\
""")
    assert [
        f"{m.was:%a %d %H:%M} -> {m.now:%a %d %H:%M}: {m.why}" for m in town.case().moves
    ] == snapshot(["Wed 11 17:00 -> Fri 13 17:00: extended"])


def test_returned_twice_then_the_arbiter() -> None:
    town = Town()
    town.open()
    town.press(words.AcceptCase())
    town.press(words.FileCase(words.Route("lights to roads", ROADS)))
    for agency, handler in ((ROADS, HANDLER), (PARKS, GARDENER), (ROADS, HANDLER)):
        town.press(words.DispatchCase("sent", words.Route("by hand", agency)))
        town.wait(minutes=30)
        town.press(words.ReturnTask(town.lead(), "not ours"), handler)
    town.press(words.DispatchCase("sent", words.Route("by hand", PARKS)))
    town.press(words.ArbitrateCase(PARKS, "the lamp stands in the park"), DISPATCHER)
    town.press(words.ArbitrateCase(PARKS, "the lamp stands in the park"), SUPERVISOR)
    town.press(words.DispatchCase("sent", words.Route("by hand", ROADS)))
    town.press(words.DispatchCase("sent"))
    town.press(words.ReturnTask(town.lead(), "not ours"), GARDENER)
    assert town.story() == snapshot("""\
Mon 02 08:00 cai: OpenCase
    CaseOpened
    ClockStarted accept, due Mon 02 10:00
    ClockStarted close, due Wed 11 17:00
Mon 02 08:00 dora: AcceptCase
    CaseAccepted [accepted]
    ClockStopped accept, kept
    ClockStarted file, due Mon 02 12:00
Mon 02 08:00 dora: FileCase
    CaseFiled [lights to roads]
    ClockStopped file, kept
    ClockStarted dispatch, due Mon 02 12:00
Mon 02 08:00 dora: DispatchCase
    CaseFiled [by hand]
    CaseDispatched roads (lead) [sent]
    ClockStopped dispatch, kept
    ClockStarted handle, due Fri 06 17:00
    ClockStarted acknowledge/n4-t1, due Mon 02 12:00
Mon 02 08:30 hugo: ReturnTask
    ClockStopped acknowledge/n4-t1, kept
    TaskReturned [not ours]
    ClockStopped handle, kept
    ClockStarted dispatch, due Mon 02 12:30
Mon 02 08:30 dora: DispatchCase
    CaseFiled [by hand]
    CaseDispatched parks (lead) [sent]
    ClockStopped dispatch, kept
    ClockStarted handle, due Fri 06 17:00
    ClockStarted acknowledge/n6-t1, due Mon 02 12:30
Mon 02 09:00 gert: ReturnTask
    ClockStopped acknowledge/n6-t1, kept
    TaskReturned [not ours]
    ClockStopped handle, kept
    ClockStarted dispatch, due Mon 02 13:00
Mon 02 09:00 dora: DispatchCase
    CaseFiled [by hand]
    CaseDispatched roads (lead) [sent]
    ClockStopped dispatch, kept
    ClockStarted handle, due Fri 06 17:00
    ClockStarted acknowledge/n8-t1, due Mon 02 13:00
Mon 02 09:30 hugo: ReturnTask
    ClockStopped acknowledge/n8-t1, kept
    TaskReturned [not ours]
    ClockStopped handle, kept
    ClockStarted arbitrate, due Thu 05 09:30
Mon 02 09:30 dora: DispatchCase -> refused: arbitration_open
Mon 02 09:30 dora: ArbitrateCase -> refused: not_your_role
Mon 02 09:30 sam: ArbitrateCase
    CaseArbitrated [the lamp stands in the park]
    ClockStopped arbitrate, kept
    ClockStarted dispatch, due Mon 02 13:30
Mon 02 09:30 dora: DispatchCase -> refused: decision_binds
Mon 02 09:30 dora: DispatchCase
    CaseDispatched parks (lead) [sent]
    ClockStopped dispatch, kept
    ClockStarted handle, due Fri 06 17:00
    ClockStarted acknowledge/n14-t1, due Mon 02 13:30
Mon 02 09:30 gert: ReturnTask -> refused: decision_binds\
""")


def test_rework_after_a_failed_check() -> None:
    town = Town()
    town.open()
    town.to_work()
    for _ in range(2):
        town.press(words.ClaimTaskDone(town.lead()), HANDLER)
        town.wait(hours=1)
        town.press(words.FailCheck("still dark"), VERIFIER)
    assert town.story() == snapshot("""\
Mon 02 08:00 cai: OpenCase
    CaseOpened
    ClockStarted accept, due Mon 02 10:00
    ClockStarted close, due Wed 11 17:00
Mon 02 08:00 dora: AcceptCase
    CaseAccepted [accepted]
    ClockStopped accept, kept
    ClockStarted file, due Mon 02 12:00
Mon 02 08:00 dora: FileCase
    CaseFiled [rule]
    ClockStopped file, kept
    ClockStarted dispatch, due Mon 02 12:00
Mon 02 08:00 dora: DispatchCase
    CaseDispatched roads (lead) [routine]
    ClockStopped dispatch, kept
    ClockStarted handle, due Fri 06 17:00
    ClockStarted acknowledge/n4-t1, due Mon 02 12:00
Mon 02 08:00 hugo: StartTask
    TaskAcknowledged
    ClockStopped acknowledge/n4-t1, kept
    TaskStarted
Mon 02 08:00 hugo: ClaimTaskDone
    TaskClaimedDone
    CaseClaimedDone
    ClockStopped handle, kept
    ClockStarted verify, due Wed 04 17:00
Mon 02 09:00 vera: FailCheck
    CheckFailed [still dark]
    ClockStopped verify, kept
    ClockStarted handle, due Fri 06 17:00
Mon 02 09:00 hugo: ClaimTaskDone
    TaskClaimedDone
    CaseClaimedDone
    ClockStopped handle, kept
    ClockStarted verify, due Wed 04 17:00
Mon 02 10:00 vera: FailCheck
    CheckFailed [still dark]
    ClockStopped verify, kept
    ClockStarted handle, due Fri 06 17:00\
""")
    assert town.told()[-2:] == snapshot(["roads: check_failed", "owner_supervisor: rework_alarm"])


def test_the_reporter_verifies_and_reopens() -> None:
    town = Town(BY_REPORTER)
    town.open()
    town.to_work()
    town.press(words.ClaimTaskDone(town.lead()), HANDLER)
    town.press(words.VerifyCase("quiet"), VERIFIER)
    town.wait(hours=2)
    town.press(words.GiveFeedback(FIRST, True, True), REPORTER)
    town.wait(days=2)
    town.press(words.GiveFeedback(FIRST, False, True), REPORTER)
    town.press(words.ClaimTaskDone(town.lead()), HANDLER)
    town.wait(days=5)
    town.press(words.VerifyCase("quiet"), VERIFIER)
    town.wait(days=16)
    town.press(words.GiveFeedback(FIRST, False, False), REPORTER)
    town.press(words.ReopenCase("complaint"), SUPERVISOR)
    assert town.story() == snapshot("""\
Mon 02 08:00 cai: OpenCase
    CaseOpened
    ClockStarted accept, due Mon 02 10:00
    ClockStarted close, due Wed 11 17:00
Mon 02 08:00 dora: AcceptCase
    CaseAccepted [accepted]
    ClockStopped accept, kept
    ClockStarted file, due Mon 02 12:00
Mon 02 08:00 dora: FileCase
    CaseFiled [rule]
    ClockStopped file, kept
    ClockStarted dispatch, due Mon 02 12:00
Mon 02 08:00 dora: DispatchCase
    CaseDispatched roads (lead) [routine]
    ClockStopped dispatch, kept
    ClockStarted handle, due Fri 06 17:00
    ClockStarted acknowledge/n4-t1, due Mon 02 12:00
Mon 02 08:00 hugo: StartTask
    TaskAcknowledged
    ClockStopped acknowledge/n4-t1, kept
    TaskStarted
Mon 02 08:00 hugo: ClaimTaskDone
    TaskClaimedDone
    CaseClaimedDone
    ClockStopped handle, kept
    ClockStarted verify, due Wed 04 17:00
Mon 02 08:00 vera: VerifyCase -> refused: reporter_first
Mon 02 10:00 receipt: GiveFeedback
    FeedbackGiven
    CaseVerified
    ClockStopped close, kept
    ClockStopped verify, kept
Wed 04 10:00 receipt: GiveFeedback
    FeedbackGiven
    CaseReopened [reporter_says_not_solved]
    ClockStarted handle, due Tue 10 17:00
    ClockStarted close, due Fri 13 17:00
Wed 04 10:00 hugo: ClaimTaskDone
    TaskClaimedDone
    CaseClaimedDone
    ClockStopped handle, kept
    ClockStarted verify, due Fri 06 17:00
Mon 09 10:00 vera: VerifyCase
    DeadlineMissed verify, due Fri 06 17:00 -> verifiers
    CaseVerified
    ClockStopped close, kept
    ClockStopped verify, not kept
Wed 25 10:00 receipt: GiveFeedback
    FeedbackGiven
Wed 25 10:00 sam: ReopenCase -> refused: too_late\
""")


def test_an_appeal_runs_after_the_close() -> None:
    town = Town()
    town.open()
    town.to_work()
    town.press(words.ClaimTaskDone(town.lead()), HANDLER)
    town.press(words.VerifyCase("fixed"), VERIFIER)
    town.press(words.EvaluateCase(40, "slow"), EVALUATOR)
    town.press(words.AppealEvaluation("it was the weather"), GARDENER)
    town.press(words.AppealEvaluation("it was the weather"), HANDLER)
    town.press(words.DecideAppeal(True, "agreed"), EVALUATOR)
    town.wait(days=6)
    town.press(words.DecideAppeal(True, "agreed"), SUPERVISOR)
    town.press(words.AppealEvaluation("again"), HANDLER)
    assert town.story() == snapshot("""\
Mon 02 08:00 cai: OpenCase
    CaseOpened
    ClockStarted accept, due Mon 02 10:00
    ClockStarted close, due Wed 11 17:00
Mon 02 08:00 dora: AcceptCase
    CaseAccepted [accepted]
    ClockStopped accept, kept
    ClockStarted file, due Mon 02 12:00
Mon 02 08:00 dora: FileCase
    CaseFiled [rule]
    ClockStopped file, kept
    ClockStarted dispatch, due Mon 02 12:00
Mon 02 08:00 dora: DispatchCase
    CaseDispatched roads (lead) [routine]
    ClockStopped dispatch, kept
    ClockStarted handle, due Fri 06 17:00
    ClockStarted acknowledge/n4-t1, due Mon 02 12:00
Mon 02 08:00 hugo: StartTask
    TaskAcknowledged
    ClockStopped acknowledge/n4-t1, kept
    TaskStarted
Mon 02 08:00 hugo: ClaimTaskDone
    TaskClaimedDone
    CaseClaimedDone
    ClockStopped handle, kept
    ClockStarted verify, due Wed 04 17:00
Mon 02 08:00 vera: VerifyCase
    CaseVerified
    ClockStopped close, kept
    ClockStopped verify, kept
Mon 02 08:00 eve: EvaluateCase
    CaseEvaluated [slow]
Mon 02 08:00 gert: AppealEvaluation -> refused: not_your_agency
Mon 02 08:00 hugo: AppealEvaluation
    EvaluationAppealed [it was the weather]
    ClockStarted appeal, due Sat 07 08:00
Mon 02 08:00 eve: DecideAppeal -> refused: same_person
Sun 08 08:00 sam: DecideAppeal
    DeadlineMissed appeal, due Sat 07 08:00 -> county_supervisor
    AppealDecided [agreed]
    ClockStopped appeal, not kept
Sun 08 08:00 hugo: AppealEvaluation -> refused: appeal_used\
""")


def test_merged_and_taken_out_again() -> None:
    town = Town()
    town.open(on="c1")
    town.wait(minutes=10)
    town.open(on="c2")
    town.press(words.MergeCase(CaseId("c2"), 0.9, ("distance", "type")), DISPATCHER)
    town.press(words.AcceptCase(), DISPATCHER, "c2")
    town.press(words.MergeCase(CaseId("c2"), 0.9, ("distance", "type")), DISPATCHER)
    town.press(words.VoidCase("test"), DISPATCHER)
    town.press(words.AcceptCase(), DISPATCHER)
    town.press(words.UnmergeCase(CaseId("c2"), "another lamp"), DISPATCHER)
    town.press(words.AcceptCase(), DISPATCHER, "c2")
    assert town.story() == snapshot("""\
Mon 02 08:00 cai: OpenCase
    CaseOpened
    ClockStarted accept, due Mon 02 10:00
    ClockStarted close, due Wed 11 17:00
Mon 02 08:10 cai: OpenCase
    CaseOpened
    ClockStarted accept, due Mon 02 10:10
    ClockStarted close, due Wed 11 17:00
Mon 02 08:10 dora: MergeCase
    DuplicateAbsorbed
    [c2] CaseMerged
Mon 02 08:10 dora: AcceptCase -> refused: not_from_here
Mon 02 08:10 dora: MergeCase
Mon 02 08:10 dora: VoidCase -> refused: has_absorbed
Mon 02 08:10 dora: AcceptCase
    CaseAccepted [accepted]
    ClockStopped accept, kept
    ClockStarted file, due Mon 02 12:10
Mon 02 08:10 dora: UnmergeCase
    DuplicateReleased
    [c2] CaseUnmerged [another lamp]
Mon 02 08:10 dora: AcceptCase
    CaseAccepted [accepted]
    ClockStopped accept, kept
    ClockStarted file, due Mon 02 12:10\
""")
    assert town.told() == snapshot(
        [
            "c2-r1: reporter_merged",
            "c1-r1: reporter_accepted",
            "c2-r1: reporter_accepted",
            "c2-r1: reporter_unmerged",
            "c2-r1: reporter_accepted",
        ]
    )


def test_triage_up_to_an_emergency() -> None:
    town = Town()
    town.open()
    town.wait(minutes=2)
    town.press(words.DispatchCase("sparks", words.Route("fires", FIRE)))
    town.press(words.TriageCase("building_fire", "emergency", 1, "sparks from the lamp"))
    town.press(words.DispatchCase("sparks", words.Route("fires", FIRE)))
    town.press(words.StartTask(town.lead()), FIREFIGHTER)
    town.press(words.TriageCase("street_light", "routine", 3, "no fire"))
    assert town.story() == snapshot("""\
Mon 02 08:00 cai: OpenCase
    CaseOpened
    ClockStarted accept, due Mon 02 10:00
    ClockStarted close, due Wed 11 17:00
Mon 02 08:02 dora: DispatchCase -> refused: fast_path_not_allowed
Mon 02 08:02 dora: TriageCase
    CaseTriaged [sparks from the lamp]
    ClockMoved accept, Mon 02 10:00 -> Mon 02 08:01 (triaged)
    ClockMoved close, Wed 11 17:00 -> Tue 03 08:00 (triaged)
    DeadlineMissed accept, due Mon 02 08:01 -> dispatchers
Mon 02 08:02 dora: DispatchCase
    CaseAccepted [sparks]
    ClockStopped accept, not kept
    ClockStarted file, due Mon 02 08:03
    CaseFiled [sparks]
    ClockStopped file, kept
    ClockStarted dispatch, due Mon 02 08:03
    CaseDispatched fire (lead) [sparks]
    ClockStopped dispatch, kept
    ClockStarted handle, due Mon 02 12:02
    ClockStarted acknowledge/n4-t1, due Mon 02 08:04
Mon 02 08:02 fiona: StartTask
    TaskAcknowledged
    ClockStopped acknowledge/n4-t1, kept
    TaskStarted
Mon 02 08:02 dora: TriageCase
    CaseTriaged [no fire]
    ClockMoved close, Tue 03 08:00 -> Wed 11 17:00 (triaged)
    ClockMoved handle, Mon 02 12:02 -> Fri 06 17:00 (triaged)\
""")


def test_up_and_down_the_tiers_and_urged() -> None:
    town = Town()
    town.open()
    town.press(words.HandDown("local"))
    town.press(words.ReportUp("too big for us"))
    town.press(words.ReportUp("too big for us"))
    town.wait(days=2)
    town.wake()
    town.press(words.TakeOver(), SUPERVISOR)
    town.press(words.UrgeCase(2, "why"), SUPERVISOR)
    town.press(words.UrgeCase(1, "why"), VERIFIER)
    town.press(words.UrgeCase(1, "why"), SUPERVISOR)
    town.wait(hours=30)
    town.press(words.AnswerUrge(town.case().urges[0].id, ref("because")))
    assert town.story() == snapshot("""\
Mon 02 08:00 cai: OpenCase
    CaseOpened
    ClockStarted accept, due Mon 02 10:00
    ClockStarted close, due Wed 11 17:00
Mon 02 08:00 dora: HandDown -> refused: no_tier_below
Mon 02 08:00 dora: ReportUp
    OwnershipOffered [too big for us]
    ClockStarted ownership, due Tue 03 08:00
Mon 02 08:00 dora: ReportUp
Wed 04 08:00 system: WakeUp
    DeadlineMissed accept, due Mon 02 10:00 -> dispatchers
    DeadlineMissed ownership, due Tue 03 08:00 -> tier_above
Wed 04 08:00 sam: TakeOver
    OwnershipTaken
    ClockStopped ownership, not kept
Wed 04 08:00 sam: UrgeCase -> refused: urge_level_unknown
Wed 04 08:00 vera: UrgeCase -> refused: not_your_role
Wed 04 08:00 sam: UrgeCase
    CaseUrged [why]
    ClockStarted urge/n8, due Wed 04 09:00
Thu 05 14:00 dora: AnswerUrge
    DeadlineMissed urge/n8, due Wed 04 09:00 -> dispatchers
    UrgeAnswered
    ClockStopped urge/n8, not kept\
""")
    assert town.case().ownership is not None and town.case().ownership.tier == "village"


def test_a_split_case_waits_for_its_children() -> None:
    town = Town()
    town.open()
    town.to_work()
    children = (words.SplitChild(CaseId("c9"), words.Route("branches to parks", PARKS)),)
    town.press(words.SplitCase("the lamp and the branch", children))
    town.press(words.ClaimTaskDone(town.lead()), HANDLER)
    town.press(words.VerifyCase("fixed"), VERIFIER)
    town.press(words.ClaimTaskDone(town.lead("c9")), GARDENER, "c9")
    town.press(words.VerifyCase("sawn"), VERIFIER, "c9")
    town.deliver()
    town.press(words.VerifyCase("fixed"), VERIFIER)
    town.press(words.ReopenCase("not sawn"), SECOND_SUPERVISOR, "c9")
    town.deliver()
    assert town.story() == snapshot("""\
Mon 02 08:00 cai: OpenCase
    CaseOpened
    ClockStarted accept, due Mon 02 10:00
    ClockStarted close, due Wed 11 17:00
Mon 02 08:00 dora: AcceptCase
    CaseAccepted [accepted]
    ClockStopped accept, kept
    ClockStarted file, due Mon 02 12:00
Mon 02 08:00 dora: FileCase
    CaseFiled [rule]
    ClockStopped file, kept
    ClockStarted dispatch, due Mon 02 12:00
Mon 02 08:00 dora: DispatchCase
    CaseDispatched roads (lead) [routine]
    ClockStopped dispatch, kept
    ClockStarted handle, due Fri 06 17:00
    ClockStarted acknowledge/n4-t1, due Mon 02 12:00
Mon 02 08:00 hugo: StartTask
    TaskAcknowledged
    ClockStopped acknowledge/n4-t1, kept
    TaskStarted
Mon 02 08:00 dora: SplitCase
    CaseSplit [the lamp and the branch]
    [c9] CaseOpened
    [c9] ClockStarted accept, due Mon 02 10:00
    [c9] ClockStarted close, due Wed 11 17:00
    [c9] CaseAccepted [split]
    [c9] ClockStopped accept, kept
    [c9] ClockStarted file, due Mon 02 12:00
    [c9] CaseFiled [split]
    [c9] ClockStopped file, kept
    [c9] ClockStarted dispatch, due Mon 02 12:00
    [c9] CaseDispatched parks (lead) [split]
    [c9] ClockStopped dispatch, kept
    [c9] ClockStarted handle, due Fri 06 17:00
    [c9] ClockStarted acknowledge/c9-t1, due Mon 02 12:00
Mon 02 08:00 hugo: ClaimTaskDone
    TaskClaimedDone
    CaseClaimedDone
    ClockStopped handle, kept
    ClockStarted verify, due Wed 04 17:00
Mon 02 08:00 vera: VerifyCase -> refused: children_open
Mon 02 08:00 gert: ClaimTaskDone
    TaskAcknowledged
    ClockStopped acknowledge/c9-t1, kept
    TaskStarted
    TaskClaimedDone
    CaseClaimedDone
    ClockStopped handle, kept
    ClockStarted verify, due Wed 04 17:00
Mon 02 08:00 vera: VerifyCase
    CaseVerified
    ClockStopped close, kept
    ClockStopped verify, kept
Mon 02 08:00 system: RecordChild
    ChildRecorded
Mon 02 08:00 vera: VerifyCase
    CaseVerified
    ClockStopped close, kept
    ClockStopped verify, kept
Mon 02 08:00 suzy: ReopenCase
    CaseReopened [not sawn]
    ClockStarted handle, due Fri 06 17:00
    ClockStarted close, due Wed 11 17:00
Mon 02 08:00 system: RecordChild
    ChildRecorded\
""")


def test_consent_publication_and_notes() -> None:
    town = Town(replace(towns.STREET_LIGHT))
    town.open()
    town.press(words.PublishCase(True))
    town.press(words.SetConsent(FIRST, True), REPORTER)
    town.press(words.PublishCase(True))
    town.press(words.AddNote(ref("note")))
    town.press(words.SetConsent(FIRST, False), REPORTER)
    assert town.story() == snapshot("""\
Mon 02 08:00 cai: OpenCase
    CaseOpened
    ClockStarted accept, due Mon 02 10:00
    ClockStarted close, due Wed 11 17:00
Mon 02 08:00 dora: PublishCase -> refused: no_consent
Mon 02 08:00 receipt: SetConsent
    ConsentSet
Mon 02 08:00 dora: PublishCase
    PublicationSet
Mon 02 08:00 dora: AddNote
    NoteAdded
Mon 02 08:00 receipt: SetConsent
    ConsentSet
    PublicationSet\
""")
    assert not town.case().published

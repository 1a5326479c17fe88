"""The life of an alarm: a night that a duty officer could review, and what holds in every life."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.kernel.alarms import decide as rules
from tocsin.kernel.alarms import vocabulary as words
from tocsin.kernel.alarms.decide import AlarmFacts, Mute, decide, decided
from tocsin.kernel.alarms.evolve import EVOLVERS, evolve, fold
from tocsin.kernel.alarms.machine import RULES, STEPS, lint
from tocsin.kernel.alarms.policy import AlarmPolicy, Limit, crossed
from tocsin.kernel.alarms.state import About, Alarm, Seen, Signalled
from tocsin.kernel.assets import machine as asset_machine
from tocsin.kernel.shared import Actor, ActorId, AlarmId, AssetId, CaseId, Refused, Stamped

START = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
DEVICE = Actor(ActorId("panel"), "integration")
OFFICER = Actor(ActorId("officer"), "staff", ("supervisor",))
CASE = CaseId("case-1")
SMOKE = AlarmPolicy(
    "smoke", "p", 1, True, latching=True, opens="at_once", case_type="fire",
    shelve_s=(("supervisor", 3_600),), realarm_s=600,
)  # fmt: skip
WATER = AlarmPolicy("water", "p", on_delay_s=20, off_delay_s=60, opens="from_level", case_type="w")
DOOR = AlarmPolicy("intrusion", "p", 2, fleeting_s=5, shelve_s=(("supervisor", 60),))
BUTTON = AlarmPolicy("panic", "p", 1, True, momentary=True, opens="at_once", case_type="school")


def signal(session: str = "", key: str = "", drill: bool = False) -> Signalled:
    return Signalled("sia-dc09", session=session, key=key, is_drill=drill)


@dataclass
class Night:
    """One alarm of one policy, minute by minute."""

    policy: AlarmPolicy
    alarm: Alarm = field(default_factory=lambda: Alarm(AlarmId("a")))
    at: datetime = START
    journal: list[words.Event] = field(default_factory=list[words.Event])
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    decide: Callable[..., Any] = decide
    decided: Callable[..., Any] = decided

    def do(self, command: words.Command, by: Actor = OFFICER, **facts: Any) -> Any:
        given = AlarmFacts(self.policy, **{"opening": CASE, **self.facts, **facts})
        before = self.alarm
        outcome = self.decide(self.alarm, Stamped(command, self.at, by, "id", given))
        if isinstance(outcome, Refused):
            assert self.alarm == before
            return outcome
        for event in outcome:
            self.alarm = evolve(self.alarm, event)
        if self.decide is decide:
            # What a store may keep without folding the events once more.
            after = self.decided(before, Stamped(command, self.at, by, "id", given))
            assert after == (outcome, self.alarm), "the state is what the journal says"
        self.journal += outcome
        return [type(event).__name__ for event in outcome]

    def raised(self, session: str = "", key: str = "", drill: bool = False, **facts: Any) -> Any:
        about = About(
            AssetId("d"), self.policy.kind, "p", 1, self.policy.is_life_safety,
            self.policy.momentary,
        )  # fmt: skip
        return self.do(words.RaiseAlarm(about, signal(session, key, drill)), DEVICE, **facts)

    def cleared(self) -> Any:
        return self.do(words.ClearAlarm(signal()), DEVICE)

    def wait(self, seconds: float, **facts: Any) -> Any:
        """Time passes; the clock speaks where it promised to."""
        until = self.at + timedelta(seconds=seconds)
        said: list[str] = []
        while (wake := self.alarm.next_wake) is not None and wake <= until:
            self.at = max(self.at, wake)
            told = self.do(words.WakeAlarm(), Actor(ActorId("system"), "system"), **facts)
            assert told, f"it woke for nothing: {self.alarm}"
            said += told
        self.at = until
        return said


def test_the_tables_are_sound() -> None:
    assert lint() == [] and asset_machine.lint() == []
    assert set(EVOLVERS) == set(STEPS) and set(RULES) == set(rules._DECIDERS)  # pyright: ignore[reportPrivateUsage]


def test_a_fire_from_the_signal_to_the_close() -> None:
    night = Night(SMOKE)
    assert night.raised() == ["AlarmOpened", "AlarmRaised", "AlarmCaseOpened"]
    assert night.alarm.is_announced and night.alarm.is_latched
    assert night.do(words.AcknowledgeAlarm()) == ["AlarmAcknowledged"]
    assert night.do(words.AcknowledgeAlarm()) == []
    assert night.wait(601) == ["AlarmReannounced"], "acknowledged, and it still burns"
    assert night.cleared() == ["AlarmCleared"]
    refused = night.do(words.ResetAlarm())
    assert refused.reason == "alarm_case_open"
    assert night.do(words.RecordAlarmOutcome(CASE, "real")) == [
        "AlarmOutcomeRecorded",
        "AlarmClosed",
    ]
    assert (night.alarm.condition, night.alarm.outcome) == ("closed", "real")


def test_a_case_that_ends_before_the_fire_is_told_again_and_opens_none() -> None:
    night = Night(SMOKE)
    night.raised()
    told = night.do(words.RecordAlarmOutcome(CASE, "false"))
    assert told == ["AlarmOutcomeRecorded", "AlarmReannounced"]
    assert night.alarm.is_announced and night.alarm.case is None
    assert night.do(words.ResetAlarm()).reason == "alarm_still_active"


def test_delays_and_what_is_gone_within_them() -> None:
    night = Night(WATER)
    assert night.raised() == ["AlarmOpened"] and night.alarm.condition == "pending"
    assert night.cleared() == ["AlarmLapsed"] and night.alarm.is_fleeting
    night = Night(WATER)
    night.raised()
    assert night.wait(20) == ["AlarmRaised"], "and no case before somebody looked"
    assert night.cleared() == ["AlarmClearing"]
    night.at += timedelta(seconds=30)
    assert night.raised() == ["AlarmRaisedAgain"] and night.alarm.clearing_until is None
    night.cleared()
    assert night.wait(60) == ["AlarmCleared"]
    assert night.do(words.AcknowledgeAlarm()) == ["AlarmAcknowledged", "AlarmClosed"]


def test_verification_opens_the_case_from_its_level() -> None:
    night = Night(WATER)
    night.raised()
    night.wait(20)
    assert night.do(words.VerifyAlarm(1, "call_back")) == ["AlarmVerified"]
    assert night.do(words.VerifyAlarm(2, "key_holder")) == ["AlarmVerified", "AlarmCaseOpened"]
    assert night.do(words.VerifyAlarm(9, "on_site")).reason == "alarm_level_unknown"
    second = Night(WATER)
    second.raised(is_confirmed=True, site_case=CaseId("theirs"))
    assert second.wait(20, site_case=CaseId("theirs")) == ["AlarmRaised", "AlarmCaseJoined"]


def test_a_shelf_has_a_role_a_reason_and_an_end() -> None:
    night = Night(SMOKE)
    night.raised(opening=None, unplaced="place_missing")
    assert night.alarm.case_missing == "place_missing"
    taker = Actor(ActorId("t"), "staff", ("call_taker",))
    assert night.do(words.ShelveAlarm(60, "works"), taker).reason == "shelf_not_allowed"
    assert night.do(words.ShelveAlarm(7_200, "works")).reason == "shelf_too_long"
    assert night.do(words.ShelveAlarm(60, " ")).reason == "reason_needed"
    assert night.do(words.ShelveAlarm(60, "works")) == ["AlarmMuted"]
    assert not night.alarm.is_announced
    assert night.wait(61) == ["AlarmUnmuted", "AlarmCaseOpened"], "it still burns"
    assert night.do(words.UnshelveAlarm()).reason == "alarm_not_shelved"


def test_chatter_is_told_once_and_never_for_life_safety() -> None:
    door = Night(DOOR)
    for _ in range(6):
        door.raised()
        door.at += timedelta(seconds=2)
        door.cleared()
    names = [type(event).__name__ for event in door.journal]
    assert names.count("AlarmChattered") == 1 and door.alarm.occurrences == 6
    quiet = [e.is_quiet for e in door.journal if isinstance(e, words.AlarmRaisedAgain)]
    assert quiet == [False, True, True, True, True] and door.alarm.is_fleeting
    fire = Night(SMOKE)
    for _ in range(6):
        fire.raised()
    assert not fire.alarm.is_chattering


def test_a_drill_is_never_real_and_a_real_one_is_never_a_drill() -> None:
    night = Night(BUTTON)
    assert night.raised(drill=True) == ["AlarmOpened", "AlarmMuted", "AlarmRaised"]
    assert night.alarm.is_drill and night.alarm.case is None
    told = night.raised()
    assert told == ["AlarmUnmuted", "AlarmRaisedAgain", "AlarmCaseOpened"]
    assert night.raised(drill=True) == ["AlarmCounted"] and not night.alarm.is_drill


def test_on_test_nobody_is_sent_and_a_button_does_not_stay() -> None:
    mute = Mute("on_test", START + timedelta(hours=1), "test")
    button = Night(BUTTON)
    assert button.raised(mute=mute)[-2:] == ["AlarmCleared", "AlarmClosed"]
    smoke = Night(SMOKE)
    smoke.raised(mute=mute)
    assert smoke.alarm.case is None and not smoke.alarm.is_announced
    assert smoke.wait(3_601) == ["AlarmUnmuted", "AlarmCaseOpened"], "the test ended; it burns"


def test_planned_work_mutes_the_recovery_too() -> None:
    mute = Mute("planned_work", START + timedelta(hours=2), "battery")
    night = Night(replace(SMOKE, is_life_safety=False, latching=False))
    night.raised(mute=mute)
    assert night.cleared() == ["AlarmCleared", "AlarmClosed"]


def test_members_are_folded_under_their_cause_and_end_with_its_case() -> None:
    gone = AlarmPolicy("supervision", "p", opens="at_once", case_type="fault")
    night = Night(gone)
    told = night.raised(cause=AssetId("gateway"), site_case=CASE)
    assert told == ["AlarmOpened", "AlarmGrouped", "AlarmMuted", "AlarmRaised", "AlarmCaseJoined"]
    assert night.cleared() == ["AlarmCleared"], "it ends with the case, with all the others"
    assert night.do(words.RecordAlarmOutcome(CASE, "real"))[-1] == "AlarmClosed"
    still = Night(gone)
    still.raised(cause=AssetId("gateway"), site_case=CASE)
    told = still.do(words.RecordAlarmOutcome(CASE, "real"))
    assert told == ["AlarmOutcomeRecorded", "AlarmUnmuted", "AlarmReannounced"]
    fire = Night(SMOKE)
    fire.raised(cause=AssetId("gateway"))
    assert fire.alarm.is_announced and fire.alarm.cause is not None


def test_a_dead_band_makes_one_alarm_of_an_edge() -> None:
    limit, is_over, turns = Limit("x", above=3.0, dead_band=0.5), False, 0
    for value in (2.9, 3.1, 2.9, 3.1, 2.6, 3.0, 2.4):
        now = crossed(limit, is_over, value)
        turns, is_over = turns + (now != is_over), now
    assert turns == 2 and not is_over


# -- repeats, and the planted bug ------------------------------------------------------


def second_fire(night: Night) -> bool:
    """A panel reports, is switched off and on, and reports another fire under the same number. The
    store finds the first by what it remembers; whether the second is announced."""
    night.raised("run-1", "1")
    night.do(words.AcknowledgeAlarm())
    night.at += timedelta(hours=3)
    night.raised("run-1", "1", earlier=Seen(AlarmId("a"), START))
    return night.alarm.occurrences == 2 and night.alarm.is_announced


def test_the_same_message_late_is_a_second_fire() -> None:
    assert second_fire(Night(replace(SMOKE, momentary=True, latching=False)))


def test_planted_deduplication_for_ever_swallows_the_second_fire(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rules, "is_repeat", lambda signal, earlier, at: earlier is not None)
    assert not second_fire(Night(replace(SMOKE, momentary=True, latching=False)))


@given(st.booleans(), st.floats(0, 100_000))
def test_a_repeat_is_one_only_within_its_window(has_session: bool, later_s: float) -> None:
    at = START + timedelta(seconds=later_s)
    window_s = rules.REPEAT_S if has_session else rules.REPEAT_BLIND_S
    found = rules.is_repeat(signal("s" if has_session else ""), Seen(AlarmId("a"), START), at)
    assert found == (at - START <= timedelta(seconds=window_s))
    assert not rules.is_repeat(signal("s"), None, at)


# -- what holds in every life ----------------------------------------------------------

MOVES = st.sampled_from(
    ["raise", "raise_drill", "raise_muted", "raise_caused", "clear", "ack", "reset", "shelve",
     "unshelve", "verify0", "verify4", "group", "outcome", "follow", "wait", "wait_long"]
)  # fmt: skip
POLICIES = st.builds(
    AlarmPolicy,
    st.just("k"),
    st.just("p"),
    is_life_safety=st.booleans(),
    momentary=st.booleans(),
    latching=st.booleans(),
    on_delay_s=st.sampled_from([0, 10]),
    off_delay_s=st.sampled_from([0, 10]),
    realarm_s=st.sampled_from([0, 100]),
    opens=st.sampled_from(["at_once", "from_level", "never"]),
    chatter_count=st.sampled_from([0, 2, 3]),
    shelve_s=st.just((("supervisor", 1_000),)),
)


def play(night: Night, move: str) -> None:
    match move:
        case "raise":
            night.raised()
        case "raise_drill":
            night.raised(drill=True)
        case "raise_muted":
            night.raised(mute=Mute("on_test", night.at + timedelta(seconds=50)))
        case "raise_caused":
            night.raised(cause=AssetId("g"), site_case=CaseId("site"))
        case "clear":
            night.cleared()
        case "ack":
            night.do(words.AcknowledgeAlarm())
        case "reset":
            night.do(words.ResetAlarm())
        case "shelve":
            night.do(words.ShelveAlarm(60, "why"))
        case "unshelve":
            night.do(words.UnshelveAlarm())
        case "verify0":
            night.do(words.VerifyAlarm(0, "call_back"))
        case "verify4":
            night.do(words.VerifyAlarm(4, "on_site"))
        case "group":
            night.do(words.GroupAlarm(AssetId("g")))
        case "outcome":
            night.do(words.RecordAlarmOutcome(night.alarm.case or CASE, "false"))
        case "follow":
            night.do(words.FollowAlarmCase(CaseId("primary")))
        case "wait":
            night.wait(7)
        case _:
            night.wait(500)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(POLICIES, st.lists(MOVES, max_size=25))
def test_every_life_folds_keeps_its_promises_and_can_be_closed(
    policy: AlarmPolicy, moves: list[str]
) -> None:
    night = Night(policy)
    for move in moves:
        if night.alarm.condition == "closed":
            break
        play(night, move)
        assert fold(Alarm(AlarmId("a")), night.journal) == night.alarm
        assert not (night.alarm.is_muted and night.alarm.is_announced)
        wake = night.alarm.next_wake
        assert wake is None or night.alarm.is_open
    if night.alarm.condition in ("absent", "closed"):
        return
    night.wait(1_000)
    if night.alarm.case is not None:
        night.do(words.RecordAlarmOutcome(night.alarm.case, "real"))
    if not policy.momentary:
        night.cleared()
    night.wait(1_000)
    night.do(words.ResetAlarm())
    assert night.alarm.condition == "closed", night.alarm


def test_a_decision_that_keeps_what_it_does_not_say_is_found() -> None:
    def forgetful(alarm: Alarm, command: Any) -> Any:
        outcome = decided(alarm, command)
        if isinstance(outcome, Refused):
            return outcome
        return outcome[0], replace(outcome[1], occurrences=outcome[1].occurrences + 1)

    with pytest.raises(AssertionError, match="what the journal says"):
        Night(SMOKE, decided=forgetful).raised()

"""Decisions about a device: its asset, its alarms and the case they open, all at once.

One message of a device is one decision and one transaction: there is no moment at which an alarm
is on the board and its case is not, and none at which one of them could come twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from tocsin.kernel import coordination
from tocsin.kernel.alarms import vocabulary as alarm_words
from tocsin.kernel.alarms.decide import AlarmFacts, Mute, shelf_refused
from tocsin.kernel.alarms.decide import decided as decide_alarm_alone
from tocsin.kernel.alarms.evolve import fold as fold_alarm
from tocsin.kernel.alarms.policy import AlarmPolicy
from tocsin.kernel.alarms.state import Alarm, Outcome, Seen
from tocsin.kernel.alarms.vocabulary import FollowAlarmCase as _Follow
from tocsin.kernel.assets import vocabulary as asset_words
from tocsin.kernel.assets.decide import decide as decide_asset_alone
from tocsin.kernel.assets.evolve import fold as fold_asset
from tocsin.kernel.assets.state import GRACE_S, Asset, AssetFacts
from tocsin.kernel.cases import vocabulary as case_words
from tocsin.kernel.cases.intake import CANCELLED
from tocsin.kernel.cases.policy import CaseFacts, CasePolicy, Priority
from tocsin.kernel.cases.state import Case
from tocsin.kernel.changing import quick
from tocsin.kernel.shared import AlarmId, AssetId, CaseId, Instant, Refused, Stamped

FALSE_DISPOSITIONS: Final = ("false_alarm", "nothing_found", CANCELLED)
"""How a case ends whose alarm was none; the words are the pack's list of dispositions."""
UNDECIDED: Final = ("", "void")

Command = alarm_words.Command | asset_words.Command
Ended = tuple[str, str]
"""(status, disposition) of a case that is over."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A case that can be opened for an alarm: its id and everything `open` needs."""

    case: CaseId
    command: case_words.OpenCase
    facts: CaseFacts


@quick
@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What was looked up before. `policies` are those of the kinds at hand; `find` registers an
    asset that is not there yet; `cause` explains the alarm; `case_policy` is that of the case that
    the order named."""

    policies: tuple[AlarmPolicy, ...] = ()
    assets: AssetFacts = AssetFacts()
    find: asset_words.FindAsset | None = None
    opening: Opening | None = None
    unplaced: str = ""
    cause: AssetId | None = None
    case_policy: CasePolicy | None = None

    def policy(self, kind: str) -> AlarmPolicy | None:
        return next((each for each in self.policies if each.kind == kind), None)


@quick
@dataclass(frozen=True, slots=True)
class Scene:
    """What the store found and locked: the asset, its open alarms and the alarm in question
    (`target`, "absent" for a new one), the same message as it was kept before, the open case of
    the site, whether another device of the site has an open alarm of that kind, and the cases that
    the order named."""

    asset: Asset
    target: AlarmId | None = None
    alarms: Mapping[AlarmId, Alarm] = field(default_factory=dict[AlarmId, Alarm])
    earlier: Seen | None = None
    site_case: CaseId | None = None
    is_confirmed: bool = False
    ended: Mapping[CaseId, Ended] = field(default_factory=dict[CaseId, Ended])
    """The cases of those alarms, and those that the order asks about, that are over."""
    cases: Mapping[CaseId, Case] = field(default_factory=dict[CaseId, Case])


@quick
@dataclass(frozen=True, slots=True)
class DeviceDecision:
    """Events on the asset, on its alarms, and on the case that was opened."""

    asset: tuple[asset_words.Event, ...] = ()
    alarms: Mapping[AlarmId, tuple[alarm_words.Event, ...]] = field(
        default_factory=dict[AlarmId, tuple[alarm_words.Event, ...]]
    )
    cases: Mapping[CaseId, tuple[case_words.Event, ...]] = field(
        default_factory=dict[CaseId, tuple[case_words.Event, ...]]
    )
    after: Mapping[AlarmId, Alarm] = field(default_factory=dict[AlarmId, Alarm])
    """Alarms as their events leave them, where deciding had to know; of the others the events are
    folded."""


def decide_device(scene: Scene, command: Stamped[Command, DeviceFacts]) -> DeviceDecision | Refused:
    """Decide a command on an asset or on one of its alarms; or a refusal that changes nothing."""
    if isinstance(command.body, alarm_words.Command):
        return _decide_alarm(scene, command.body, command)
    return _decide_asset(scene, command.body, command)


def mute_of(asset: Asset, kind: str, at: Instant) -> Mute | None:
    """Why alarms of that kind of the asset are not announced now; the firmest reason first."""
    if asset.status == "out_of_service":
        return Mute("out_of_service", None, asset.work_order)
    if asset.is_on_test(at):
        return Mute("on_test", asset.test_until, "test")
    window = asset.window_at(at)
    if window is not None:
        until = window.ends_at + timedelta(seconds=GRACE_S)
        return Mute("planned_work", until, window.reason)
    shelf = asset.shelf_of(kind, at)
    return Mute("shelved", shelf.until, shelf.reason) if shelf is not None else None


def outcome_of(status: str, disposition: str) -> Outcome:
    """What the end of a case says about the alarms that it came from."""
    if disposition in FALSE_DISPOSITIONS or status == "refused":
        return "false"
    return "unknown" if disposition in UNDECIDED or status == "void" else "real"


def _ended(scene: Scene, case: CaseId | None) -> Outcome | None:
    """How a case ended; None while it is open, and where it went on in another."""
    status, disposition = scene.ended.get(case, ("", "")) if case is not None else ("", "")
    return outcome_of(status, disposition) if status not in ("", "merged") else None


# -- on an alarm -----------------------------------------------------------------------


def _decide_alarm(
    scene: Scene, body: alarm_words.Command, command: Stamped[Command, DeviceFacts]
) -> DeviceDecision | Refused:
    if scene.target is None:
        assert isinstance(body, alarm_words.ClearAlarm), "a command on an alarm names it"
        # A restore of what never was: the device is there, and there is nothing to end.
        found, _ = _found(scene.asset, command)
        return found if isinstance(found, Refused) else DeviceDecision(found)
    alarm = scene.alarms[scene.target]
    kind = alarm.about.kind if alarm.about is not None else ""
    if isinstance(body, alarm_words.RaiseAlarm):
        kind = body.about.kind
    found, asset = _found(scene.asset, command)
    if isinstance(found, Refused):
        return found
    policy = command.facts.policy(kind)
    if policy is None:
        # A clear for a point without an alarm, or a pack that forgot a kind: nothing is lost.
        return DeviceDecision(found)
    mute = mute_of(asset, kind, command.at)
    if isinstance(body, alarm_words.RaiseAlarm) and body.about.is_drill:
        drill = asset.drill_at(command.at)
        if mute is not None or drill is None:
            return Refused("drill_over", "no exercise covers it now")
        mute = Mute("drill", drill.until, drill.id)
    facts = AlarmFacts(
        policy,
        mute=mute,
        cause=command.facts.cause,
        is_confirmed=scene.is_confirmed,
        earlier=scene.earlier,
        site_case=scene.site_case,
        opening=command.facts.opening.case if command.facts.opening is not None else None,
        unplaced=command.facts.unplaced,
        ended=_ended(scene, body.case if isinstance(body, _Follow) else alarm.case),
    )
    outcome = _with_case(alarm, body, facts, command)
    if isinstance(outcome, Refused):
        return outcome
    events, cases, after = outcome
    known = {scene.target: after}
    if isinstance(body, alarm_words.CancelAlarm):
        taken = _take_back(scene, alarm, policy, events, command)
        if isinstance(taken, Refused):
            return taken
        events, cases = taken
        known = {}  # what is told of the cancelling was changed
    beside = _beside(asset, kind, body, events, command)
    if isinstance(beside, Refused):
        return beside
    return DeviceDecision((*found, *beside), {scene.target: events}, cases, known)


def _take_back(
    scene: Scene,
    alarm: Alarm,
    policy: AlarmPolicy,
    events: tuple[alarm_words.Event, ...],
    command: Stamped[Command, DeviceFacts],
) -> tuple[tuple[alarm_words.Event, ...], Mapping[CaseId, tuple[case_words.Event, ...]]] | Refused:
    """What an alarm that was taken back does to its case; told with what became of it."""
    said = next((e for e in events if isinstance(e, alarm_words.AlarmCancelled)), None)
    if said is None or alarm.case is None:
        return events, {}
    case, case_policy = scene.cases.get(alarm.case), command.facts.case_policy
    if case is None or case_policy is None:
        return Refused("stale_version", "the alarm came to another case meanwhile")
    note = case_words.NoteAlarmCancel(alarm.id, said.effect, _priority(policy.cancel_priority))
    told = coordination.decide(
        {case.id: case},
        case.id,
        Stamped(note, command.at, command.by, command.new_id, CaseFacts(case_policy)),
    )
    if isinstance(told, Refused):
        return told
    done = next(e for e in told[case.id] if isinstance(e, case_words.AlarmCancelNoted))
    # Where the case was only noted, the alarm has let go of it nevertheless if it was asked to.
    effect = done.effect if said.effect != "note" and done.effect != "note" else said.effect
    changed = tuple(replace(e, effect=effect) if e is said else e for e in events)
    return changed, told


def _priority(number: int) -> Priority:
    return 1 if number <= 1 else 2 if number == 2 else 3 if number == 3 else 4


def _with_case(
    alarm: Alarm,
    body: alarm_words.Command,
    facts: AlarmFacts,
    command: Stamped[Command, DeviceFacts],
) -> (
    tuple[tuple[alarm_words.Event, ...], Mapping[CaseId, tuple[case_words.Event, ...]], Alarm]
    | Refused
):
    """The events of the alarm and of the case it opens, and the alarm after them. A case that the
    rules refuse to open does not take the alarm with it: then the alarm stands without, and says
    why."""
    stamped = Stamped(body, command.at, command.by, command.new_id, facts)
    outcome = decide_alarm_alone(alarm, stamped)
    if isinstance(outcome, Refused):
        return outcome
    events, after = outcome
    opening = command.facts.opening
    if opening is None or not any(isinstance(e, alarm_words.AlarmCaseOpened) for e in events):
        return events, {}, after
    opened = coordination.decide(
        {opening.case: Case(opening.case)},
        opening.case,
        Stamped(opening.command, command.at, command.by, opening.case, opening.facts),
    )
    if not isinstance(opened, Refused):
        return events, opened, after
    without = replace(facts, opening=None, unplaced=opened.reason)
    outcome = decide_alarm_alone(alarm, replace(stamped, facts=without))
    return outcome if isinstance(outcome, Refused) else (outcome[0], {}, outcome[1])


def _found(
    asset: Asset, command: Stamped[Command, DeviceFacts]
) -> tuple[tuple[asset_words.Event, ...] | Refused, Asset]:
    """The registration of an asset that speaks for the first time."""
    if asset.status != "absent" or command.facts.find is None:
        return (), asset
    find = Stamped(command.facts.find, command.at, command.by, command.new_id, command.facts.assets)
    events = decide_asset_alone(asset, find)
    return events, asset if isinstance(events, Refused) else fold_asset(asset, events)


def _beside(
    asset: Asset,
    kind: str,
    body: alarm_words.Command,
    events: tuple[alarm_words.Event, ...],
    command: Stamped[Command, DeviceFacts],
) -> tuple[asset_words.Event, ...] | Refused:
    """What the asset keeps of it: a shelf, so that the next alarm of that kind lies there; and
    that it answered, where it was pressed on test or in an exercise."""
    match body:
        case alarm_words.RaiseAlarm() if events and (
            body.about.is_drill or asset.is_on_test(command.at)
        ):
            about: asset_words.Command = asset_words.RecordAssetTest()
        case alarm_words.ShelveAlarm():
            about = asset_words.ShelveAssetKind(kind, body.for_s, body.reason)
        case alarm_words.UnshelveAlarm():
            about = asset_words.UnshelveAssetKind(kind)
        case _:
            return ()
    stamped = Stamped(about, command.at, command.by, command.new_id, command.facts.assets)
    return decide_asset_alone(asset, stamped)


# -- on an asset -----------------------------------------------------------------------


def _decide_asset(
    scene: Scene, body: asset_words.Command, command: Stamped[Command, DeviceFacts]
) -> DeviceDecision | Refused:
    if isinstance(body, asset_words.ShelveAssetKind):
        policy = command.facts.policy(body.kind)
        if policy is None:
            return Refused("shelf_not_allowed", "the pack knows no such kind of alarm")
        refused = shelf_refused(policy, command.by.roles, body.for_s, body.reason)
        if refused is not None:
            return refused
    stamped = Stamped(body, command.at, command.by, command.new_id, command.facts.assets)
    events = decide_asset_alone(scene.asset, stamped)
    if isinstance(events, Refused):
        return events
    after = fold_asset(scene.asset, events)
    told = {
        alarm_id: _restood(alarm, after, command)
        for alarm_id, alarm in sorted(scene.alarms.items())
        if alarm.is_open
    }
    return DeviceDecision(events, {key: value for key, value in told.items() if value})


def _restood(
    alarm: Alarm, asset: Asset, command: Stamped[Command, DeviceFacts]
) -> tuple[alarm_words.Event, ...]:
    """How an open alarm stands now that its asset changed: muted for another reason, or announced
    again; then it asks for its case with the next wake-up."""
    assert alarm.about is not None, "an open alarm is about something"
    at, who = command.at, command.by.id
    mute = mute_of(asset, alarm.about.kind, at)
    if alarm.is_drill and alarm.about.is_drill and alarm.standing_until is not None:
        # The exercise ended before its time: what it raised ends with the next wake-up.
        is_over = asset.drill_at(at) is None and at < alarm.standing_until
        reason = alarm.standing_reason
        return (alarm_words.AlarmMuted(at, who, "drill", at, reason),) if is_over else ()
    if alarm.standing in ("drill", "suppressed"):
        return ()
    if mute is None and alarm.is_muted:
        unmuted = alarm_words.AlarmUnmuted(at, who, "asset")
        policy = command.facts.policy(alarm.about.kind)
        after = fold_alarm(alarm, (unmuted,))
        is_wanted = after.condition == "active" and after.case is None
        if policy is not None and is_wanted and policy.wants_case(after.level):
            return unmuted, alarm_words.AlarmCaseWanted(at, who)
        return (unmuted,)
    is_same = mute is not None and (mute.standing, mute.until) == (
        alarm.standing,
        alarm.standing_until,
    )
    if mute is None or is_same or (alarm.case is not None and not alarm.is_muted):
        # What people are on their way to is not muted by a test that begins meanwhile.
        return ()
    muted = alarm_words.AlarmMuted(at, who, mute.standing, mute.until, mute.reason)
    return (muted,)


__all__ = [
    "DeviceDecision",
    "DeviceFacts",
    "Opening",
    "Scene",
    "decide_device",
    "mute_of",
    "outcome_of",
]

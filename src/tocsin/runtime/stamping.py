"""Commands with their instant and their fresh id, waiting for the states they are decided on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from tocsin.kernel import coordination
from tocsin.kernel.alarming import DeviceDecision, DeviceFacts, Scene, decide_device
from tocsin.kernel.alarms.vocabulary import Command as AlarmCommand
from tocsin.kernel.alarms.vocabulary import RaiseAlarm
from tocsin.kernel.assets.vocabulary import Command as AssetCommand
from tocsin.kernel.cases.policy import CaseFacts
from tocsin.kernel.cases.state import Case
from tocsin.kernel.cases.vocabulary import Command, TriageCase
from tocsin.kernel.changing import changed
from tocsin.kernel.coordination import JointDecision, JointFacts
from tocsin.kernel.shared import Actor, CaseId, Refused, Stamped
from tocsin.kernel.units.state import Unit
from tocsin.kernel.units.vocabulary import Command as UnitCommand
from tocsin.runtime.ports import Clock, Decision, Ids, Policies


class Stamping(Protocol):
    """What stamps: the engine."""

    policies: Policies
    clock: Clock
    ids: Ids


MOVED_ON = Refused("stale_version", "the unit is on another case by now")
"""Known by identity: the rows of the unit's cases were not locked, so it is planned anew."""


class CaseStamp:
    """One command with its instant and fresh id, waiting for the state that names its policy."""

    def __init__(self, engine: Stamping, target: CaseId, command: Command, by: Actor) -> None:
        self._policies = engine.policies
        self._target = target
        self._command = command
        self._by = by
        self._id = engine.ids.new()
        self.at = engine.clock.now()

    def plan(self, cases: Mapping[CaseId, Case]) -> Decision:
        case = cases[self._target]
        if case.status == "absent":
            return Refused("case_unknown", "there is no case with this id")
        policy = self._policies.policy(case.pack_version, case.case_type)
        if policy is None:
            return Refused("policy_missing", f"pack {case.pack_version} is not on this node")
        following = None
        if isinstance(self._command, TriageCase):
            following = self._policies.current(self._command.case_type)
        others = [
            (other, pinned)
            for other, case in cases.items()
            if other != self._target
            and (pinned := self._policies.policy(case.pack_version, case.case_type)) is not None
        ]
        facts = CaseFacts(policy, following, tuple(others))
        stamped = Stamped(self._command, self.at, self._by, self._id, facts)
        return coordination.decide(cases, self._target, stamped)


class DeviceStamp:
    """A command on a device with its instant and fresh id, waiting for the states."""

    def __init__(
        self, engine: Stamping, command: AlarmCommand | AssetCommand, facts: DeviceFacts, by: Actor
    ) -> None:
        self._policies = engine.policies
        self._command = command
        self._facts = facts
        self._by = by
        self._id = engine.ids.new()
        self.at = engine.clock.now()

    def plan(self, scene: Scene) -> DeviceDecision | Refused:
        opened = {
            alarm.about.kind: alarm.about.pack_version
            for alarm in scene.alarms.values()
            if alarm.about is not None
        }
        named = getattr(self._command, "kind", "")
        if isinstance(self._command, RaiseAlarm):
            named = self._command.about.kind
        kinds = dict.fromkeys((*sorted(opened), *((named,) if named else ())))
        policies = tuple(
            policy
            for kind in kinds
            if (policy := self._policies.alarm_policy(kind, opened.get(kind, ""))) is not None
        )
        assets = self._policies.asset_facts()
        facts = changed(self._facts, policies=policies, assets=assets)
        for case in scene.cases.values():
            if case.status != "absent":
                pinned = self._policies.policy(case.pack_version, case.case_type)
                facts = changed(facts, case_policy=pinned)
        stamped = Stamped(self._command, self.at, self._by, self._id, facts)
        return decide_device(scene, stamped)


class UnitStamp:
    """A command on a unit with its instant and fresh id, waiting for the states."""

    def __init__(self, engine: Stamping, command: UnitCommand, by: Actor) -> None:
        self._policies = engine.policies
        self._command = command
        self._by = by
        self._id = engine.ids.new()
        self.at = engine.clock.now()

    def plan(self, cases: Mapping[CaseId, Case], unit: Unit) -> JointDecision | Refused:
        if any(each not in cases for each in coordination.cases_of(unit, self._command)):
            return MOVED_ON
        pinned = tuple(
            (case_id, policy)
            for case_id, case in cases.items()
            if (policy := self._policies.policy(case.pack_version, case.case_type)) is not None
        )
        agency = getattr(self._command, "agency", None) or unit.agency
        facts = JointFacts(self._policies.unit_facts(agency), pinned)
        stamped = Stamped(self._command, self.at, self._by, self._id, facts)
        return coordination.decide_unit(unit, cases, stamped)

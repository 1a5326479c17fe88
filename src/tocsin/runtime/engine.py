"""The one loop: stamp, load, decide, evolve, commit. Live, replay and simulation all run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace as with_

from tocsin.kernel import coordination
from tocsin.kernel.alarming import DeviceDecision, DeviceFacts, Opening, Scene
from tocsin.kernel.alarms.state import DRILL_SITE, Alarm
from tocsin.kernel.alarms.vocabulary import Command as AlarmCommand
from tocsin.kernel.alarms.vocabulary import DeclareAlarmReal, FollowAlarmCase, RaiseAlarm
from tocsin.kernel.assets.vocabulary import Command as AssetCommand
from tocsin.kernel.cases.policy import CaseFacts
from tocsin.kernel.cases.state import Case
from tocsin.kernel.cases.vocabulary import Command, OpenCase, WakeUp
from tocsin.kernel.shared import (
    SYSTEM,
    Actor,
    AssetId,
    CaseId,
    Instant,
    Refused,
    ReportId,
    Stamped,
    UnitId,
)
from tocsin.kernel.units.state import Unit
from tocsin.kernel.units.vocabulary import Command as UnitCommand
from tocsin.runtime.chaos import CALM, Chaos
from tocsin.runtime.lanes import is_life_safety
from tocsin.runtime.onlooking import as_node
from tocsin.runtime.ports import (
    Clock,
    Committed,
    Decision,
    DeviceOrder,
    Ids,
    Order,
    Policies,
    SealedValue,
    Store,
    StoreState,
    Unavailable,
)
from tocsin.runtime.stamping import MOVED_ON, CaseStamp, DeviceStamp, UnitStamp

UNIT_TRIES = 3
"""How often a command on a unit is planned anew when the unit came to another case meanwhile."""

REASONS: tuple[str, ...] = ("stale_version", "key_reused", "case_unknown", "policy_missing")
"""What the runtime itself refuses with, beside the kernel's reasons."""


@dataclass(frozen=True, slots=True)
class RefusedByStore:
    """The last write, where it could not be done: why and when."""

    state: StoreState
    at: Instant


class Engine:
    """Hands stamped commands to the kernel and its answer to the store, one transaction each."""

    def __init__(
        self, store: Store, policies: Policies, clock: Clock, ids: Ids, chaos: Chaos = CALM
    ) -> None:
        self.chaos = chaos
        self.store = store
        self.policies = policies
        self.clock = clock
        self.ids = ids
        self.refused: RefusedByStore | None = None
        """What the health says of the store when reads still go well."""

    async def handle(
        self,
        target: CaseId,
        command: Command,
        *,
        by: Actor,
        key: str | None = None,
        earlier_keys: Sequence[str] = (),
        fingerprint: str = "",
        sealed: Sequence[SealedValue] = (),
        expected_version: int | None = None,
        answer: Mapping[str, Any] | None = None,
        receipts: Sequence[tuple[bytes, ReportId]] = (),
    ) -> Committed | Refused:
        """Apply one command to one case (and to those it involves), durably.

        Returns what was committed, or the refusal; `Committed` means it is on disk. With `key`
        the same command may be sent again safely. Raises `Unavailable` when the store cannot
        answer; then nothing was acknowledged and the same call may be repeated.
        """
        if isinstance(command, OpenCase):
            return Refused("bad_value", "a case is opened through `open`")
        stamped = CaseStamp(self, target, command, by)
        return await self._commit(
            Order(
                cases=coordination.involved(target, command),
                target=target,
                command=command,
                at=stamped.at,
                by=by,
                plan=stamped.plan,
                key=key,
                earlier_keys=tuple(earlier_keys),
                fingerprint=fingerprint,
                sealed=tuple(sealed),
                receipts=tuple(receipts),
                expected_version=expected_version,
                is_urgent=by.kind == "staff",
                answer=answer or {},
            )
        )

    def consider(self, case: Case, command: Command, *, by: Actor) -> Refused | bool:
        """What the kernel would say to a command on this state: the refusal, or whether anything
        would happen at all (False: it is done already). Nothing is written. A second case that
        the command involves is taken as not there."""
        stamped = CaseStamp(self, case.id, command, by)
        others = {each: Case(each) for each in coordination.involved(case.id, command)}
        outcome = stamped.plan({**others, case.id: case})
        return outcome if isinstance(outcome, Refused) else any(outcome.values())

    async def open(
        self,
        case_id: CaseId,
        command: OpenCase,
        facts: CaseFacts,
        *,
        by: Actor,
        key: str | None = None,
        earlier_keys: Sequence[str] = (),
        fingerprint: str = "",
        sealed: Sequence[SealedValue] = (),
        receipts: Sequence[tuple[bytes, ReportId]] = (),
        answer: Mapping[str, Any] | None = None,
    ) -> Committed | Refused:
        """Open a case under a fresh id from its first report. Promises as `handle`."""
        at = self.clock.now()
        stamped = Stamped(command, at, by, case_id, facts)

        def plan(cases: Mapping[CaseId, Case]) -> Decision:
            return coordination.decide(cases, case_id, stamped)

        return await self._commit(
            Order(
                cases=(case_id,),
                target=case_id,
                command=command,
                at=at,
                by=by,
                plan=plan,
                opens=True,
                is_urgent=facts.policy.profile == "emergency" or by.kind == "staff",
                is_life_safety=is_life_safety(facts.policy),
                key=key,
                earlier_keys=tuple(earlier_keys),
                fingerprint=fingerprint,
                sealed=tuple(sealed),
                receipts=tuple(receipts),
                answer=answer or {},
            )
        )

    async def handle_unit(
        self,
        unit_id: UnitId,
        command: UnitCommand,
        *,
        by: Actor,
        key: str | None = None,
        fingerprint: str = "",
        expected_version: int | None = None,
        answer: Mapping[str, Any] | None = None,
    ) -> Committed | Refused:
        """Apply one command to one unit and to the cases it concerns, durably and at once.

        Promises as `handle`; `Committed.unit` is the unit after it.
        """
        for _ in range(UNIT_TRIES):
            with as_node():  # the unit is decided about; who may ask is asked before
                row = await self.store.unit(unit_id)
            await self.chaos.pause("engine.unit_read")
            known = row.unit if row is not None else Unit(unit_id)
            stamped = UnitStamp(self, command, by)
            outcome = await self._commit(
                Order(
                    cases=coordination.cases_of(known, command),
                    target=CaseId(""),
                    command=command,
                    at=stamped.at,
                    by=by,
                    plan=_never,
                    unit=unit_id,
                    joint=stamped.plan,
                    key=key,
                    fingerprint=fingerprint,
                    expected_version=expected_version,
                    is_urgent=True,
                    answer=answer or {},
                )
            )
            if outcome is not MOVED_ON:
                return outcome
        return Refused("stale_version", "the unit went from case to case meanwhile")

    async def handle_alarm(
        self,
        alarm: Alarm,
        command: AlarmCommand,
        *,
        by: Actor,
        opening: Opening | None = None,
        unplaced: str = "",
        case: CaseId | None = None,
        key: str | None = None,
        fingerprint: str = "",
        expected_version: int | None = None,
        answer: Mapping[str, Any] | None = None,
    ) -> Committed | Refused:
        """Apply one command to an alarm that is there, durably. `alarm` is as it was read: what it
        is about never changes. `case` is the one it changes with the alarm, where it does.
        Promises as `handle`; `Committed.alarms` has it afterwards."""
        about = alarm.about
        if about is None:
            return Refused("alarm_unknown", "there is no alarm with this id")
        facts = DeviceFacts(opening=opening, unplaced=unplaced)
        # What leaves a drill looks for company among what is real.
        is_declared = isinstance(command, DeclareAlarmReal)
        site = about.site.removesuffix(DRILL_SITE) if is_declared else about.site
        asks = (command.case,) if isinstance(command, FollowAlarmCase) else ()
        device = DeviceOrder(
            about.asset, _none, alarm=alarm.id, kind=about.kind, site=site, asks=asks
        )
        return await self.commit_device(
            device,
            command,
            facts,
            by=by,
            case=case,
            key=key,
            fingerprint=fingerprint,
            expected_version=expected_version,
            answer=answer,
        )

    async def handle_asset(
        self,
        asset_id: AssetId,
        command: AssetCommand,
        *,
        by: Actor,
        key: str | None = None,
        fingerprint: str = "",
        expected_version: int | None = None,
        answer: Mapping[str, Any] | None = None,
        is_urgent: bool = True,
    ) -> Committed | Refused:
        """Apply one command to an asset and to what it changes of its open alarms, durably."""
        described = getattr(command, "about", None)
        wires = described.wires if described is not None else ()
        return await self.commit_device(
            DeviceOrder(asset_id, _none, wires=wires),
            command,
            DeviceFacts(),
            by=by,
            key=key,
            fingerprint=fingerprint,
            expected_version=expected_version,
            answer=answer,
            is_urgent=is_urgent,
        )

    async def commit_device(
        self,
        device: DeviceOrder,
        command: AlarmCommand | AssetCommand,
        facts: DeviceFacts,
        *,
        by: Actor,
        key: str | None = None,
        fingerprint: str = "",
        sealed: Sequence[SealedValue] = (),
        expected_version: int | None = None,
        answer: Mapping[str, Any] | None = None,
        is_urgent: bool = True,
        case: CaseId | None = None,
    ) -> Committed | Refused:
        """One order to a device. `device.plan` is made here: the policies are those under which
        each alarm was opened, looked up once its state is known."""
        stamped = DeviceStamp(self, command, facts, by)
        opening = facts.opening
        return await self._commit(
            Order(
                cases=(opening.case,) if opening is not None else (case,) if case else (),
                target=opening.case if opening is not None else case or CaseId(""),
                command=command,
                at=stamped.at,
                by=by,
                plan=_never,
                device=with_(device, plan=stamped.plan),
                is_life_safety=isinstance(command, RaiseAlarm) and command.about.is_life_safety,
                opens=opening is not None,
                key=key,
                fingerprint=fingerprint,
                sealed=tuple(sealed),
                expected_version=expected_version,
                is_urgent=is_urgent,
                answer=answer or {},
            )
        )

    async def wake(self, case_id: CaseId) -> Committed | Refused:
        """Let the clocks of one case speak."""
        return await self.handle(case_id, WakeUp(), by=SYSTEM)

    async def _commit(self, order: Order) -> Committed | Refused:
        await self.chaos.pause("engine.stamped")
        try:
            outcome = await self.store.commit(order)
        except Unavailable as trouble:
            self.refused = RefusedByStore(trouble.state, self.clock.now())
            raise
        self.refused = None
        if order.key is not None and self.chaos.strikes("engine.again"):
            outcome = await self.store.commit(order)
        await self.chaos.pause("engine.committed")
        return outcome


def _never(cases: Mapping[CaseId, Case]) -> Decision:
    raise AssertionError("an order to a unit is decided by its joint plan")


def _none(scene: Scene) -> DeviceDecision:
    raise AssertionError("the engine makes the plan of an order to a device")

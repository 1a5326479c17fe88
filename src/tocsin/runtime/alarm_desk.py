"""Where every message of a device comes in: checked, known again, on disk, and only then answered.

Two lanes. What raises or clears an alarm goes with the first group of the store's next commit;
signs of life and readings have a queue and a connection of their own, and no alarm waits for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from msgspec.structs import replace

from tocsin.kernel.alarming import DeviceFacts, mute_of
from tocsin.kernel.alarms import vocabulary as words
from tocsin.kernel.alarms.policy import AlarmPolicy, crossed
from tocsin.kernel.alarms.state import About
from tocsin.kernel.assets import vocabulary as asset_words
from tocsin.kernel.assets.state import Asset
from tocsin.kernel.shared import (
    Actor,
    AlarmId,
    AssetId,
    Instant,
    Place,
    Refused,
)
from tocsin.packs.model import Pack
from tocsin.runtime.alarm_checks import signalled, wrong_with
from tocsin.runtime.alarm_commands import AlarmCommands
from tocsin.runtime.alarm_opening import Prepared, is_life_safety, site_name
from tocsin.runtime.alarm_ports import (
    AlarmReceived,
    IncomingAlarm,
)
from tocsin.runtime.device_book import DOWN_KINDS, SUPERVISION, digest_of, found_id
from tocsin.runtime.engine import Engine
from tocsin.runtime.onlooking import as_node
from tocsin.runtime.ports import AlarmQuery, Committed, DeviceOrder, Sign, Unavailable
from tocsin.runtime.reception import Reception

FLUSH_EVERY_S: Final = 1.0
"""How old the signs of life are that come with alarms, on disk; nothing was promised of them."""
FOUND_MAX: Final = 10_000
"""Unregistered devices whose signs of life are kept: more is a wrong wire, or an attack. What
they raise is kept always."""

Listener = Callable[[AssetId, Instant], None]


class AlarmDesk(AlarmCommands):
    """The one way in for messages of devices, and what wakes alarms. Fulfils `AlarmTaker`.

    `listeners` are told of every device that was heard, with the instant.
    """

    def __init__(self, engine: Engine, pack: Pack, reception: Reception) -> None:
        super().__init__(engine, pack, reception)
        self.listeners: list[Listener] = []
        self._limits = [
            (kind, limit)
            for kind, policy in sorted(pack.alarm_policies.items())
            for limit in policy.limits
        ]
        self._unsaved: set[AssetId] = set()

    # -- in ----------------------------------------------------------------------------

    async def receive(self, incoming: IncomingAlarm, by: Actor) -> AlarmReceived | Refused:
        """See `alarm_ports.AlarmTaker.receive`."""
        wrong = wrong_with(incoming)
        if wrong is not None:
            return Refused("alarm_bad_value", wrong)
        if not self.is_loaded:
            await self.load()
        device = incoming.sender if incoming.vouched else incoming.device
        asset = self._asset_of(incoming.source, device)
        counter = asset
        if incoming.sender and incoming.sender != incoming.device:
            counter = await self._sender(incoming, by)
        match incoming.signal:
            case "cancelled" if incoming.vouched:
                return await self._cancel_by_panel(incoming, asset, counter, by)
            case "heard":
                return await self._hear(incoming, asset, counter, by)
            case "tested":
                outcome = await self._tested(asset, by)
            case "cleared":
                outcome = await self._clear(incoming, asset, by)
            case "cancelled":
                outcome = await self._cancel(incoming, asset, by)
            case _:
                outcome = await self._raise(incoming, asset, by)
        if isinstance(outcome, Refused):
            return outcome
        await self.engine.chaos.pause("desk.kept")
        self.learn(outcome)
        lost = self._note(incoming, asset, counter)
        await self._recover(asset, incoming, by)
        alarm = outcome.alarms.get(outcome.alarm) if outcome.alarm is not None else None
        named = alarm.alarm.id if alarm is not None and alarm.version > 0 else ""
        return AlarmReceived(named, asset, outcome.seen_before, lost)

    def _asset_of(self, source: str, address: str) -> AssetId:
        return self.book.wires.get((source, address)) or found_id(source, address)

    async def _sender(self, incoming: IncomingAlarm, by: Actor) -> AssetId:
        """Who counts the message; registered as found where nobody knows it."""
        sender = self._asset_of(incoming.source, incoming.sender)
        if sender not in self.book.assets and len(self.book.assets) < FOUND_MAX:
            find = asset_words.FindAsset(incoming.source, incoming.sender)
            outcome = await self.engine.handle_asset(sender, find, by=by)
            if isinstance(outcome, Committed):
                self.learn(outcome)
        return sender

    def _note(self, incoming: IncomingAlarm, asset: AssetId, counter: AssetId) -> int:
        """The sign of life that every message is; how many are missing before it."""
        now = self.engine.clock.now()
        lost = self.book.track(counter).missing(incoming.session, incoming.sequence)
        self.book.track(counter).note(now, incoming.session, incoming.sequence)
        if counter != asset:
            self.book.track(asset).note(now, "", None)
        for each in {asset, counter}:
            self._unsaved.add(each)
            for tell in self.listeners:
                tell(each, now)
        return lost

    # -- signs of life -----------------------------------------------------------------

    async def _hear(
        self, incoming: IncomingAlarm, asset: AssetId, counter: AssetId, by: Actor
    ) -> AlarmReceived | Refused:
        if asset not in self.book.assets:
            if len(self.book.assets) >= FOUND_MAX:
                return AlarmReceived()
            outcome = await self.engine.handle_asset(
                asset, self._find(incoming, counter, asset), by=by, is_urgent=False
            )
            if isinstance(outcome, Refused):
                return outcome
            self.learn(outcome)
        lost = self._note(incoming, asset, counter)
        self.book.track(asset).readings.update(incoming.values)
        heard = sorted({asset, counter})
        self._unsaved.difference_update(heard)
        for kind, signal in self._crossed(asset, incoming):
            told = IncomingAlarm(
                incoming.source,
                incoming.device,
                kind,
                signal,
                incoming.session,
                incoming.sequence,
                incoming.key,
                incoming.at,
                incoming.zone,
                place=incoming.place,
                is_drill=incoming.is_drill,
            )
            act = self._raise if signal == "raised" else self._clear
            outcome = await act(told, asset, by)
            if isinstance(outcome, Committed):
                self.learn(outcome)
        await self._recover(asset, incoming, by)
        await self.engine.store.put_signs(self._signs(heard))
        return AlarmReceived(asset=asset, lost=lost)

    def _crossed(self, asset: AssetId, incoming: IncomingAlarm) -> list[tuple[str, Any]]:
        """(kind, signal) for every limit of a reading that was crossed, or came back."""
        found: list[tuple[str, Any]] = []
        for kind, limit in self._limits:
            value = incoming.values.get(limit.reading)
            if value is None:
                continue
            was_over = (asset, kind) in self.book.open
            is_over = crossed(limit, was_over, value)
            if is_over and not was_over:
                found.append((kind, "raised"))
            elif was_over and not is_over:
                found.append((kind, "cleared"))
        return found

    async def _recover(self, asset: AssetId, incoming: IncomingAlarm, by: Actor) -> None:
        """What is heard is not silent: its alarm of supervision is over."""
        if SUPERVISION not in self.book.down.get(asset, ()) or incoming.kind == SUPERVISION:
            return
        told = IncomingAlarm(SUPERVISION, asset, SUPERVISION, "cleared")
        outcome = await self._clear(told, asset, by)
        if isinstance(outcome, Committed):
            self.learn(outcome)

    async def flush(self) -> int:
        """Keeps the signs of life that came with alarms. Returns how many."""
        unsaved, self._unsaved = sorted(self._unsaved), set()
        if unsaved:
            await self.engine.chaos.pause("desk.unsaved")
            try:
                await self.engine.store.put_signs(self._signs(unsaved))
            except Unavailable:
                self._unsaved.update(unsaved)
                raise
        return len(unsaved)

    def _signs(self, assets: Sequence[AssetId]) -> list[Sign]:
        """Of those that are heard by the book: it may have been read anew meanwhile."""
        return [self.book.sign(e) for e in assets if self.book.track(e).heard_at is not None]

    # -- alarms ------------------------------------------------------------------------

    def _find(
        self, incoming: IncomingAlarm, counter: AssetId, asset: AssetId
    ) -> asset_words.FindAsset:
        gateway = counter if counter != asset else None
        return asset_words.FindAsset(incoming.source, incoming.device, gateway, incoming.place)

    async def _tested(self, asset: AssetId, by: Actor) -> Committed | Refused:
        return await self.engine.handle_asset(asset, asset_words.RecordAssetTest(), by=by)

    async def _clear(
        self, incoming: IncomingAlarm, asset: AssetId, by: Actor
    ) -> Committed | Refused:
        kind = self.pack.alarm_kind(incoming.source, incoming.kind)
        device = DeviceOrder(asset, _none, kind=kind)
        command = words.ClearAlarm(signalled(incoming, None))
        return await self.engine.commit_device(device, command, DeviceFacts(), by=by)

    async def _cancel(
        self, incoming: IncomingAlarm, asset: AssetId, by: Actor
    ) -> Committed | Refused:
        kind = self.pack.alarm_kind(incoming.source, incoming.kind)
        with as_node():  # which alarm the device means
            rows = await self.engine.store.alarms(
                AlarmQuery(open_only=True, kinds=(kind,), asset=asset, limit=1)
            )
        if not rows:
            return await self._clear(incoming, asset, by)  # nothing to take back; it lives
        return await self.take_back(rows[0], incoming.code, by=by)

    async def _cancel_by_panel(
        self, incoming: IncomingAlarm, asset: AssetId, counter: AssetId, by: Actor
    ) -> AlarmReceived | Refused:
        """A panel says that its user took back what it had reported; besides, it was heard."""
        told = await self.take_back_below(incoming, by=by)
        heard = replace(incoming, kind="", signal="heard", device=incoming.sender)
        alive = await self._hear(heard, asset, counter, by)
        return alive if isinstance(alive, Refused) else replace(alive, alarm=told)

    async def _raise(
        self, incoming: IncomingAlarm, asset: AssetId, by: Actor
    ) -> Committed | Refused:
        outcome = await self._raise_once(incoming, asset, by)
        if isinstance(outcome, Refused) and outcome.reason == "asset_wire_taken":
            # It was registered elsewhere meanwhile: the book is old.
            await self.reload()
            asset = self._asset_of(incoming.source, incoming.device)
            outcome = await self._raise_once(incoming, asset, by)
        if isinstance(outcome, Refused) and outcome.reason == "drill_over":
            # The drill ended while this was on its way: it is real, whatever the book says.
            outcome = await self._raise_once(incoming, asset, by, may_drill=False)
        if isinstance(outcome, Committed):
            await self.tell_mates(outcome)
        return outcome

    async def raise_of(
        self, asset: AssetId, incoming: IncomingAlarm, *, by: Actor
    ) -> Committed | Refused:
        """An alarm about an asset that we know ourselves, such as its silence."""
        outcome = await self._raise(incoming, asset, by)
        if isinstance(outcome, Committed):
            self.learn(outcome)
        return outcome

    async def _raise_once(
        self, incoming: IncomingAlarm, asset_id: AssetId, by: Actor, may_drill: bool = True
    ) -> Committed | Refused:
        now = self.engine.clock.now()
        kind = self.pack.alarm_kind(incoming.source, incoming.kind)
        policy = self.pack.alarm_policies[kind]
        known = self.book.assets.get(asset_id)
        asset = known or Asset(asset_id)
        fresh = AlarmId(self.engine.ids.new())
        place = incoming.place or asset.about.place
        said = incoming.text
        if kind != incoming.kind and self.pack.alarm_policies.get(incoming.kind) is None:
            said = f"{incoming.kind} {said}".strip()
        sealed = self.openings.sealed(fresh, asset, kind, incoming.zone, said)
        is_silent = policy.silent or asset.about.is_silent
        in_drill = (
            may_drill
            and policy.drill
            and asset.drill_at(now) is not None
            and mute_of(asset, kind, now) is None
        )
        prepared = Prepared()
        if in_drill or not incoming.is_drill:
            prepared = self.openings.prepare(
                policy, place, sealed.ref, now, is_silent=is_silent, is_drill=in_drill
            )
        cause = self.book.cause_of(asset_id) if kind in DOWN_KINDS else None
        sender = self._asset_of(incoming.source, incoming.sender or incoming.device)
        # What nobody registered hangs on what speaks for it.
        at_site = self.book.site_of(asset_id, cause) if known or cause else sender
        site = site_name(policy.case_type, at_site, is_silent, in_drill)
        about = self._about(policy, asset, place, prepared, site, is_silent)
        wires = () if known else ((incoming.source, incoming.device),)
        find = self._find(incoming, sender, asset_id) if known is None else None
        await self.engine.chaos.pause("desk.prepared")
        return await self.engine.commit_device(
            DeviceOrder(
                asset_id,
                _none,
                kind=kind,
                fresh=fresh,
                seen=digest_of(incoming, kind),
                is_new=incoming.is_new,
                site=about.site,
                wires=wires,
            ),
            words.RaiseAlarm(about, signalled(incoming, sealed.ref)),
            DeviceFacts(
                find=find, opening=prepared.opening, unplaced=prepared.unplaced, cause=cause
            ),
            by=by,
            sealed=(sealed,),
        )

    def _about(
        self,
        policy: AlarmPolicy,
        asset: Asset,
        place: Place | None,
        prepared: Prepared,
        site: str,
        is_silent: bool,
    ) -> About:
        areas = asset.about.areas
        if not areas and prepared.opening is not None:
            areas = tuple(reversed(prepared.opening.command.areas))
        if not areas:
            # Nobody knows where: whoever looks after the county sees it.
            areas = (self.openings.county,)
        return About(
            asset.id,
            policy.kind,
            policy.pack_version,
            policy.priority,
            is_life_safety(self.pack, policy, asset),
            policy.momentary,
            place,
            areas,
            site,
            is_silent,
        )


def _none(scene: Any) -> Any:
    raise AssertionError("the engine makes the plan of an order to a device")


__all__ = ["AlarmDesk"]

"""What the desk knows by heart of every device: its address, what it is, when it was heard.

A copy of the store's rows for quick answers; whatever is decided is decided on the rows
themselves, in their transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tocsin.kernel.alarms.state import Alarm
from tocsin.kernel.assets.state import Asset
from tocsin.kernel.shared import AssetId, Instant
from tocsin.runtime.alarm_ports import IncomingAlarm
from tocsin.runtime.ports import AssetQuery, AssetRow, Sign, Store, Wire

PAGE: Final = 5_000
"""Assets read at a time."""
JUMP_MAX: Final = 10_000
"""A step of the count beyond this is another count, and no loss."""
SUPERVISION: Final = "supervision"
"""The alarm kind of a device that gives no sign of life."""
DOWN_KINDS: Final = (SUPERVISION, "power")
"""Alarms that explain the silence of whatever hangs on their asset."""


@dataclass(slots=True)
class Track:
    """What was heard of one device, or of a sender that counts for many."""

    heard_at: Instant | None = None
    session: str = ""
    sequence: int | None = None
    messages: int = 0
    lost: int = 0
    readings: dict[str, float] = field(default_factory=dict[str, float])

    def missing(self, session: str, sequence: int | None) -> int:
        """How many messages are missing before this one, by the count of its session."""
        if sequence is None or self.sequence is None or session != self.session:
            return 0
        step = sequence - self.sequence
        return step - 1 if 1 < step <= JUMP_MAX else 0

    def note(self, at: Instant, session: str, sequence: int | None) -> None:
        """One message of it. A lower number of the same session is one that was late."""
        self.lost += self.missing(session, sequence)
        self.heard_at = max(at, self.heard_at or at)
        self.messages += 1
        is_late = (
            sequence is not None
            and self.sequence is not None
            and session == self.session
            and self.sequence - JUMP_MAX < sequence < self.sequence
        )
        if sequence is not None and not is_late:
            self.session, self.sequence = session, sequence


class DeviceBook:
    """Addresses, descriptions, signs of life, and which devices are down."""

    def __init__(self) -> None:
        self.wires: dict[Wire, AssetId] = {}
        self.assets: dict[AssetId, Asset] = {}
        self.behind: dict[AssetId, set[AssetId]] = {}
        self.tracks: dict[AssetId, Track] = {}
        self.down: dict[AssetId, set[str]] = {}
        """Kinds of `DOWN_KINDS` that are open, by asset."""
        self.drilled: set[AssetId] = set()
        """Those a drill covers, or did a moment ago."""
        self.open: set[tuple[AssetId, str]] = set()
        """(asset, kind) of every open alarm."""

    async def load(self, store: Store) -> None:
        """Everything from the store."""
        self.__init__()
        after: AssetId | None = None
        while rows := await store.assets(AssetQuery(after=after, limit=PAGE)):
            self.learn_all(rows)
            after = rows[-1].asset.id
        self.wires.update(await store.wires())
        for sign in await store.signs():
            self.tracks[sign.asset] = _track(sign)

    def learn_all(self, rows: Iterable[AssetRow]) -> None:
        for row in rows:
            self.learn(row.asset)

    def learn(self, asset: Asset) -> None:
        """One asset as it is now."""
        known = self.assets.get(asset.id)
        if known is asset:
            return
        if known is not None:
            for each in (known.about.gateway, known.about.power):
                if each is not None:
                    self.behind[each].discard(asset.id)
            for wire in known.about.wires:
                if self.wires.get(wire) == asset.id:
                    del self.wires[wire]
        self.assets[asset.id] = asset
        if asset.drill is not None:
            self.drilled.add(asset.id)
        else:
            self.drilled.discard(asset.id)
        for each in (asset.about.gateway, asset.about.power):
            if each is not None:
                self.behind.setdefault(each, set()).add(asset.id)
        if asset.status != "retired":
            self.wires.update(dict.fromkeys(asset.about.wires, asset.id))

    def learn_alarm(self, alarm: Alarm) -> None:
        """One alarm as it is now."""
        about = alarm.about
        if about is None:
            return
        point = (about.asset, about.kind)
        kinds = self.down.setdefault(about.asset, set())
        if alarm.is_open:
            self.open.add(point)
        else:
            self.open.discard(point)
        is_down = alarm.condition in ("pending", "active") and about.kind in DOWN_KINDS
        if is_down:
            kinds.add(about.kind)
        else:
            kinds.discard(about.kind)
        if not kinds:
            del self.down[about.asset]

    def is_below(self, asset: AssetId, source: str, address: str) -> bool:
        """Whether an asset speaks under an address of an intake, or under one below it."""
        known = self.assets.get(asset)
        wires = known.about.wires if known is not None else ()
        return any(
            each == source and (wire == address or wire.startswith(f"{address}/"))
            for each, wire in wires
        )

    def track(self, asset: AssetId) -> Track:
        return self.tracks.setdefault(asset, Track())

    def sign(self, asset: AssetId) -> Sign:
        """What the store keeps of a device that was heard."""
        track = self.track(asset)
        assert track.heard_at is not None, "it was heard"
        return Sign(
            asset,
            track.heard_at,
            track.session,
            track.sequence,
            track.messages,
            track.lost,
            dict(track.readings),
        )

    def cause_of(self, asset: AssetId) -> AssetId | None:
        """The nearest asset that this one hangs on and that is down itself."""
        found, seen = self.assets.get(asset), {asset}
        while found is not None:
            ahead = [each for each in (found.about.gateway, found.about.power) if each is not None]
            down = [each for each in ahead if each in self.down]
            if down:
                return down[0]
            following = next((each for each in ahead if each not in seen), None)
            if following is None:
                return None
            seen.add(following)
            found = self.assets.get(following)
        return None

    def sites_of(self, asset: AssetId) -> tuple[AssetId, ...]:
        """The asset and what it hangs on by its gateway, the nearest first."""
        found = [asset]
        while True:
            known = self.assets.get(found[-1])
            ahead = known.about.gateway if known is not None else None
            if ahead is None or ahead in found:
                return tuple(found)
            found.append(ahead)

    def site_name(self, asset: AssetId) -> str:
        """The name of what it hangs on; empty where it stands by itself."""
        site = self.sites_of(asset)[-1]
        known = self.assets.get(site)
        return known.about.name if known is not None and site != asset else ""

    def members_of(self, site: AssetId) -> tuple[AssetId, ...]:
        """A site and whatever hangs on it by its gateway, by id."""
        found, todo = {site}, [site]
        while todo:
            for each in self.behind.get(todo.pop(), ()):
                if each not in found and self.assets[each].about.gateway in found:
                    found.add(each)
                    todo.append(each)
        return tuple(sorted(found))

    def site_of(self, asset: AssetId, cause: AssetId | None) -> AssetId:
        """Where alarms of one matter meet: at their cause, else at what the asset hangs on; one on
        which others hang is a site of its own."""
        if cause is not None:
            return cause
        known = self.assets.get(asset)
        if known is None or self.behind.get(asset):
            return asset
        return known.about.gateway or asset


def found_id(source: str, address: str) -> AssetId:
    """The id of what speaks under an address that nobody registered: always the same one."""
    digest = hashlib.blake2b(f"{source}\0{address}".encode(), digest_size=12)
    return AssetId(f"found-{digest.hexdigest()}")


def digest_of(incoming: IncomingAlarm, kind: str) -> bytes | None:
    """By what a message sent again is known, within its session; None where nothing tells."""
    if incoming.key:
        told = f"k{incoming.key}"
    elif incoming.sequence is not None:
        told = f"n{incoming.sequence}"
    elif incoming.at is not None:
        told = f"t{incoming.at.isoformat()}"
    else:
        return None
    parts = (incoming.source, incoming.sender, incoming.device, incoming.session, kind)
    text = "\0".join((*parts, incoming.signal, told))
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _track(sign: Sign) -> Track:
    readings: Mapping[str, float] = sign.readings
    return Track(
        sign.heard_at, sign.session, sign.sequence, sign.messages, sign.lost, dict(readings)
    )


__all__ = ["DOWN_KINDS", "SUPERVISION", "DeviceBook", "Track", "digest_of", "found_id"]

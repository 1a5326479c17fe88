"""From a message to the desk, and what may be said of it then. Two lanes: a message that only has
readings is counted against its connection's share, one with an alarm never is.

What one device says is kept in the order in which it was said; different devices do not wait for
each other. Once something of a connection could not be kept, nothing that followed it there is
kept either: it all comes again in its order.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog
from msgspec.structs import replace

from tocsin.intakes.mqtt.effects import (
    NOT_AUTHORISED,
    NOT_READ,
    PAYLOAD_INVALID,
    QUOTA_EXCEEDED,
    Message,
    Outcome,
)
from tocsin.intakes.mqtt.parse import NOT_READ as UNREAD
from tocsin.intakes.mqtt.parse import Topics
from tocsin.kernel.shared import Actor, ActorId, Refused
from tocsin.runtime.alarm_ports import TEXT_MAX, AlarmTaker, IncomingAlarm
from tocsin.runtime.ports import Unavailable

log = structlog.get_logger("tocsin.intakes.mqtt")

SOURCE: Final = "mqtt"
BY: Final = Actor(ActorId(SOURCE), "integration")
UNCLEAR: Final = "unclear"
"""The kind of what could not be taken: a person looks."""
NOTES_MAX: Final = 20
"""Refusals of one sender that are put on its page within an hour."""
NOTE_WINDOW_S: Final = 3_600.0
"""Within which notes of one sender are counted."""
NOTED_MAX: Final = 10_000
"""Messages that are remembered as noted."""
WELL_AFTER_S: Final = 600.0
"""After so long without a refusal the next message that is taken ends the note."""
STATES_MAX: Final = 100_000
"""Conditions whose last state is remembered: four of each of 25,000 devices."""
STATE_AGAIN_S: Final = 3_600.0
"""A state that is told again and again is told to the desk once in this time."""
BURST_S: Final = 10
"""Seconds of readings that may come at once."""
RETRY_S: Final = 1.0
"""Between two attempts to keep what a broker holds for us."""
NOTES: Final = {
    NOT_AUTHORISED: (
        "MQTT: this device may not use the topic {topic}",
        "MQTT：该设备无权使用主题 {topic}",
    ),
    QUOTA_EXCEEDED: (
        "MQTT: more readings than are taken of one connection, at {topic}",
        "MQTT：单个连接的读数超过上限，主题 {topic}",
    ),
    PAYLOAD_INVALID: (
        "MQTT: a message under {topic} could not be read",
        "MQTT：主题 {topic} 下的消息无法识别",
    ),
}


@dataclass(slots=True)
class Share:
    """What one connection has left of its readings, and whether it is of use still."""

    per_s: float
    left: float = field(init=False)
    at: float = 0.0
    is_dead: bool = False

    def __post_init__(self) -> None:
        self.left = self.per_s * BURST_S

    def take(self, now: float) -> bool:
        """Whether one more reading is within the share."""
        if now > self.at:
            self.left = min(self.per_s * BURST_S, self.left + (now - self.at) * self.per_s)
            self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


@dataclass(slots=True)
class Job:
    """What is to be kept of one message, and after which others."""

    alarms: tuple[IncomingAlarm, ...]
    share: Share
    message: Message
    refusal: Outcome | None = None
    """What is said once the note is kept, where the message is refused."""
    after: list[asyncio.Future[None]] = field(default_factory=list[asyncio.Future[None]])
    done: asyncio.Future[None] | None = None
    devices: tuple[str, ...] = ()


class Keeper:
    """Between the machine and the desk. Figures: `counts` by what became of messages."""

    def __init__(self, topics: Topics, desk: AlarmTaker) -> None:
        self.topics = topics
        self.desk = desk
        self.counts: dict[str, int] = {}
        self._tails: dict[str, asyncio.Future[None]] = {}
        self._noted: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._notes: dict[str, tuple[float, int]] = {}
        self._unwell: dict[str, float] = {}
        self._states: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()

    def begin(self, message: Message, share: Share, now: float) -> Outcome | Job:
        """Reads a message: what is said of it at once, or what has to be kept first."""
        found = self.topics.read(message)
        if isinstance(found, Refused):
            if found.reason == UNREAD:
                self._count("unread")
                return Outcome(NOT_READ)
            log.warning("mqtt_refused", reason=found.reason, sender=message.sender)
            return self.refuse(message, share, PAYLOAD_INVALID, now)
        alarms = found.alarms
        if found.is_state:
            alarms = tuple(self._news(each, now) for each in alarms)
        if not alarms:
            return Outcome()
        if all(each.signal == "heard" for each in alarms):
            if not share.take(now):
                return self.refuse(message, share, QUOTA_EXCEEDED, now)
            return Job(alarms, share, message)
        devices = tuple(sorted({each.device for each in alarms}))
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        after = [self._tails[each] for each in devices if each in self._tails]
        self._tails.update(dict.fromkeys(devices, done))
        return Job(alarms, share, message, None, after, done, devices)

    def refuse(self, message: Message, share: Share, code: int, now: float) -> Outcome | Job:
        """A refusal, with a note on the device's page if there is room for one."""
        self._count("refused")
        told = hashlib.blake2b(message.topic.encode() + message.payload, digest_size=8)
        mark = message.sender, f"{code}-{told.hexdigest()}"
        if mark in self._noted:
            return Outcome(code, is_noted=code == PAYLOAD_INVALID)
        begun, count = self._notes.get(message.sender, (now, 0))
        if now - begun > NOTE_WINDOW_S:
            begun, count = now, 0
        if count >= NOTES_MAX or (code == QUOTA_EXCEEDED and count):
            return Outcome(code)
        self._notes[message.sender] = begun, count + 1
        english, chinese = (each.format(topic=message.topic[:200]) for each in NOTES[code])
        note = IncomingAlarm(
            SOURCE, message.sender, UNCLEAR, "trouble", key=mark[1],
            text=f"{english} · {chinese}"[:TEXT_MAX],
        )  # fmt: skip
        self._unwell[message.sender] = now
        return Job((note,), share, message, Outcome(code))

    async def keep(
        self, job: Job, now: Callable[[], float], again: Callable[[], bool] | None = None
    ) -> Outcome:
        """Keeps the alarms of a message in their order. Where the desk is down: no answer, or with
        `again` another attempt for as long as it says so."""
        try:
            for each in job.after:
                if not each.done():
                    await asyncio.wait([each])
            outcome = await self._keep(job, now, again)
        finally:
            if job.done is not None and not job.done.done():
                job.done.set_result(None)
            for device in job.devices:
                if self._tails.get(device) is job.done:
                    del self._tails[device]
        return outcome

    async def _keep(
        self, job: Job, now: Callable[[], float], again: Callable[[], bool] | None
    ) -> Outcome:
        for each in job.alarms:
            while True:
                if job.share.is_dead:
                    return Outcome(is_down=True)
                try:
                    kept = await self.desk.receive(each, BY)
                    break
                except Unavailable:
                    self._count("unavailable")
                    if again is None or not again():
                        job.share.is_dead = True
                        return Outcome(is_down=True)
                    await asyncio.sleep(RETRY_S)
            if isinstance(kept, Refused):
                log.warning("mqtt_refused", reason=kept.reason, sender=job.message.sender)
                return Outcome(PAYLOAD_INVALID)
            self._remember(each, now())
        if job.refusal is not None:
            return self._after_note(job, now())
        self._count("kept")
        await self._end_note(job.message.sender, now())
        return Outcome()

    def _after_note(self, job: Job, now: float) -> Outcome:
        assert job.refusal is not None
        self._noted[job.message.sender, job.alarms[0].key] = now
        if len(self._noted) > NOTED_MAX:
            self._noted.popitem(last=False)
        return job.refusal

    async def _end_note(self, sender: str, now: float) -> None:
        """A sender that is well again: its note is over."""
        if sender not in self._unwell or now - self._unwell[sender] < WELL_AFTER_S:
            return
        del self._unwell[sender]
        try:
            await self.desk.receive(IncomingAlarm(SOURCE, sender, UNCLEAR, "cleared"), BY)
        except Unavailable:
            self._unwell[sender] = now

    # -- states that are told again and again

    def _news(self, each: IncomingAlarm, now: float) -> IncomingAlarm:
        """A state as it was told before is a sign of life."""
        known = self._states.get((each.device, each.kind))
        if each.signal == "heard" or known is None:
            return each
        signal, at = known
        if signal != each.signal or (signal == "raised" and now - at > STATE_AGAIN_S):
            return each
        return replace(each, kind="", signal="heard")

    def _remember(self, each: IncomingAlarm, now: float) -> None:
        if each.signal == "heard" or each.is_drill:
            return
        mark = each.device, each.kind
        self._states.pop(mark, None)
        self._states[mark] = each.signal, now
        if len(self._states) > STATES_MAX:
            self._states.popitem(last=False)

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1


__all__ = ["BY", "Job", "Keeper", "Share"]

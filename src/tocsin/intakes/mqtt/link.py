"""One connection: packets in, effects out. What it may not answer by itself waits for `settle`.

Answers to messages go out in the order in which the messages came (MQTT 5, 4.6), however the
keeping of them ends.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from tocsin.intakes.mqtt import codec
from tocsin.intakes.mqtt.codec import PROTOCOL_ERROR, Disconnect, Publish, Reader, Unreadable
from tocsin.intakes.mqtt.effects import (
    NOT_AUTHORISED,
    Again,
    Close,
    Effect,
    Keep,
    Message,
    Note,
    Outcome,
    Send,
)
from tocsin.intakes.mqtt.greeting import greet
from tocsin.intakes.mqtt.hall import Hall, Rights
from tocsin.intakes.mqtt.rights import is_filter, is_topic
from tocsin.intakes.mqtt.session import SUBSCRIPTIONS_MAX, Session

TURN_MAX: Final = 64
"""Packets of one connection that are worked before others have their turn."""
KEEP_ALIVES: Final = 1.5
"""How many keep-alives a device may be silent (MQTT 5, 3.1.2.10)."""

SERVER_BUSY: Final = 0x89
KEEP_ALIVE_TIMEOUT: Final = 0x8D
TAKEN_OVER: Final = 0x8E
FILTER_INVALID: Final = 0x8F
TOPIC_INVALID: Final = 0x90
TOPIC_ALIAS_INVALID: Final = 0x94
QUOTA: Final = 0x97
RETAIN_UNSUPPORTED: Final = 0x9A
SHARED_UNSUPPORTED: Final = 0x9E
IDENTIFIERS_UNSUPPORTED: Final = 0xA1
NOT_SUBSCRIBED: Final = 0x11
WITH_WILL: Final = 0x04
BIRTH_TOPIC: Final = "homeassistant/status"
"""Who subscribes to it is told "online", and then describes its entities anew: what they are is
in memory only."""


@dataclass(slots=True)
class _Pending:
    """One message that waits for its answer."""

    message: Message
    outcome: Outcome | None = None
    is_settled: bool = False


class Link:
    """One connection of a device."""

    __slots__ = (
        "_begun", "_heard", "_loose", "_machine", "_next", "_pending", "_reader", "_tickets",
        "is_closed", "keep_alive_s", "rights", "session", "will",
    )  # fmt: skip

    def __init__(self, machine: Hall, now: float) -> None:
        self._machine = machine
        self._reader = Reader(machine.limits.packet_bytes)
        self._pending: deque[_Pending] = deque()
        self._tickets: dict[int, _Pending] = {}
        self._loose: dict[int, Message] = {}
        self._next = 0
        self._heard = self._begun = now
        self.session: Session | None = None
        self.rights: Rights | None = None
        self.will: Any = None
        self.keep_alive_s = 0.0
        self.is_closed = False

    # -- what the sockets tell

    @property
    def machine(self) -> Hall:
        return self._machine

    @property
    def version(self) -> codec.Version:
        return self._reader.version or "3.1.1"

    @property
    def in_work(self) -> int:
        """Messages that are being kept."""
        return len(self._pending) + len(self._loose)

    @property
    def is_full(self) -> bool:
        """Whether nothing more is read until something was kept."""
        return self.in_work >= self._machine.limits.in_flight

    def feed(self, data: bytes, now: float) -> None:
        """Bytes that came."""
        if not self._reader.is_waiting:
            self._begun = now
        self._reader.feed(data)
        self.advance(now)

    def advance(self, now: float) -> None:
        """Works what lies here, as much as may be in work at once, and one turn of it."""
        for _ in range(TURN_MAX):
            if self.is_closed or self.is_full:
                return
            try:
                packet = self._reader.next()
            except Unreadable as error:
                if self.session is None and error.code == codec.VERSION_UNSUPPORTED:
                    self.emit(Send(b"\x20\x02\x00\x01"))  # as 3.1.1 says it, to whoever it is
                    self.close()
                else:
                    self.fail(error.code)
                return
            if packet is None:
                return
            self._begun = self._heard = now
            self._take(packet, now)
        if not self.is_closed and self._reader.is_waiting:
            self.emit(Again())

    def lost(self, now: float) -> None:
        """The connection is gone, whoever ended it."""
        self.is_closed = True
        session, will = self.session, self.will
        self.session = self.will = None
        self._machine.leave(self, session, will, now)

    def is_late(self, now: float) -> bool:
        """Whether it was silent, or slow in one packet, for longer than is waited."""
        limits = self._machine.limits
        if self.session is None:
            return now - self._begun > limits.connect_s or now - self._heard > limits.connect_s
        if self._reader.is_waiting and not self.is_full and now - self._begun > limits.packet_s:
            return True
        return not self.in_work and now - self._heard > KEEP_ALIVES * self.keep_alive_s

    def expire(self) -> None:
        self.fail(KEEP_ALIVE_TIMEOUT)

    # -- effects

    def emit(self, effect: Effect) -> None:
        self._machine.effects.append((self, effect))

    def send(self, packet: Any) -> None:
        self.emit(Send(codec.encode(packet, self.version)))

    def close(self) -> None:
        """Hang up after what was sent; `lost` follows."""
        if not self.is_closed:
            self.is_closed = True
            self.emit(Close())

    def fail(self, code: int) -> None:
        """End it for a reason, which MQTT 5 can say."""
        if self.is_closed:
            return
        if self.version == "5.0" and self.session is not None:
            self.send(Disconnect(reason_code=code))
        self.close()

    def taken_over(self) -> None:
        """The same device connected anew: it lives, so this connection leaves no will."""
        self.will = None
        self.fail(TAKEN_OVER)
        session, self.session = self.session, None
        if session is not None:
            session.link = None
            session.forget_unanswered()

    # -- packets

    def _take(self, packet: Any, now: float) -> None:
        match packet:
            case codec.Connect():
                greet(self, packet, now)
            case Publish():
                self._publish(packet)
            case codec.Subscribe():
                self._subscribe(packet)
            case codec.Unsubscribe():
                self._unsubscribe(packet)
            case codec.PingReq():
                self.send(codec.PingResp())
            case codec.PubRel():
                self._release(packet)
            case codec.PubAck() | codec.PubComp():
                self._done(packet.packet_id)
            case codec.PubRec():
                self._half_done(packet)
            case Disconnect():
                if packet.reason_code != WITH_WILL:
                    self.will = None
                self.close()
            case _:
                self.fail(PROTOCOL_ERROR)

    def _publish(self, packet: Publish) -> None:
        session, rights = self.session, self.rights
        assert session is not None and rights is not None, "the first packet is CONNECT"
        pid, qos = packet.packet_id, int(packet.qos)
        alias = packet.properties.topic_alias if packet.properties is not None else None
        if alias is not None:
            return self.fail(TOPIC_ALIAS_INVALID)
        if pid == 0:
            return self.fail(PROTOCOL_ERROR)
        if not is_topic(packet.topic):
            return self.fail(TOPIC_INVALID)
        if packet.retain and self.version == "5.0":
            return self.fail(RETAIN_UNSUPPORTED)
        if qos == 2 and pid in session.held:
            if session.held[pid]:
                self.send(codec.PubRec(packet_id=pid))
            return None  # else it is being kept, and the answer follows
        if qos == 1 and packet.dup and self._is_in_work(packet):
            return None  # sent again while it is being kept
        is_new = session.is_new(pid, packet.dup, packet.topic, packet.payload)
        message = Message(rights.name, packet.topic, packet.payload, qos, pid, is_new)
        if not rights.may_publish(packet.topic):
            self.emit(Note(rights.name, NOT_AUTHORISED, packet.topic))
            if qos:
                self._pending.append(_Pending(message, Outcome(NOT_AUTHORISED), True))
                self._answer()
            return None
        if qos == 2 and pid is not None:
            session.held[pid] = False
        self._next += 1
        if qos:
            self._tickets[self._next] = pending = _Pending(message)
            self._pending.append(pending)
        else:
            self._loose[self._next] = message
        self.emit(Keep(self._next, message))
        return None

    def _is_in_work(self, packet: Publish) -> bool:
        given = packet.packet_id, packet.topic, packet.payload
        found = (each.message for each in self._pending)
        return any((each.pid, each.topic, each.payload) == given for each in found)

    def settle(self, ticket: int, outcome: Outcome, now: float) -> None:
        """What became of a message. Goes on with what had to wait for it."""
        was_full = self.is_full
        pending = self._tickets.pop(ticket, None)
        message = pending.message if pending is not None else self._loose.pop(ticket, None)
        if message is None:
            return
        if outcome.code < 0x80 and not outcome.is_down:
            key = self.session.key if self.session is not None else ("", "")
            self._machine.relay(message.topic, message.payload, message.qos, key)
        if pending is not None:
            pending.outcome, pending.is_settled = outcome, True
            self._answer()
        if was_full and not self.is_closed:
            self.advance(now)

    def _answer(self) -> None:
        """Sends the answers that have their turn."""
        while self._pending and self._pending[0].is_settled and not self.is_closed:
            pending = self._pending.popleft()
            outcome, message = pending.outcome, pending.message
            assert outcome is not None and message.pid is not None and self.session is not None
            is_refused = outcome.code >= 0x80
            is_mute = is_refused and self.version != "5.0" and not outcome.is_noted
            if outcome.is_down or is_mute:
                self.fail(SERVER_BUSY)
                return
            code = outcome.code if self.version == "5.0" else 0
            if message.qos == 1:
                self.send(codec.PubAck(packet_id=message.pid, reason_code=code))
                continue
            if is_refused:
                self.session.held.pop(message.pid, None)
            else:
                self.session.held[message.pid] = True
            self.send(codec.PubRec(packet_id=message.pid, reason_code=code))

    def _release(self, packet: codec.PubRel) -> None:
        assert self.session is not None
        is_known = self.session.held.pop(packet.packet_id, None) is not None
        code = 0 if is_known or self.version != "5.0" else 0x92
        self.send(codec.PubComp(packet_id=packet.packet_id, reason_code=code))

    # -- subscriptions, and what is owed

    def _subscribe(self, packet: codec.Subscribe) -> None:
        if packet.properties is not None and packet.properties.subscription_identifier is not None:
            return self.fail(IDENTIFIERS_UNSUPPORTED)
        if not packet.subscriptions:
            return self.fail(PROTOCOL_ERROR)
        codes = [self._subscribe_one(each) for each in packet.subscriptions]
        if self.version != "5.0":
            codes = [each if each <= 2 else 0x80 for each in codes]
        self.send(codec.SubAck(packet_id=packet.packet_id, return_codes=tuple(codes)))
        for each, code in zip(packet.subscriptions, codes, strict=True):
            if each.topic_filter == BIRTH_TOPIC and code <= 2 and self.session is not None:
                self.session.push(BIRTH_TOPIC, b"online", code)
        return self.pump()

    def _subscribe_one(self, wanted: codec.SubscriptionRequest) -> int:
        session, rights = self.session, self.rights
        assert session is not None and rights is not None
        text = wanted.topic_filter
        if text.startswith("$share/"):
            return SHARED_UNSUPPORTED
        if not is_filter(text):
            return FILTER_INVALID
        if not rights.may_subscribe(text):
            self.emit(Note(rights.name, NOT_AUTHORISED, text))
            return NOT_AUTHORISED
        if text not in session.subscriptions and len(session.subscriptions) >= SUBSCRIPTIONS_MAX:
            return QUOTA
        self._machine.subscribe(session, text, int(wanted.qos), wanted.no_local)
        return int(wanted.qos)

    def _unsubscribe(self, packet: codec.Unsubscribe) -> None:
        assert self.session is not None
        codes = tuple(
            0 if self._machine.unsubscribe(self.session, each) else NOT_SUBSCRIBED
            for each in packet.topic_filters
        )
        self.send(codec.UnsubAck(packet_id=packet.packet_id, reason_codes=codes))

    def _done(self, pid: int) -> None:
        assert self.session is not None
        self.session.acknowledged(pid)
        self.pump()

    def _half_done(self, packet: codec.PubRec) -> None:
        assert self.session is not None
        if packet.reason_code >= 0x80:
            return self._done(packet.packet_id)
        self.session.received(packet.packet_id)
        self.send(codec.PubRel(packet_id=packet.packet_id))
        return None

    def pump(self) -> None:
        """Sends what the session owes and the device can take."""
        if self.session is not None and not self.is_closed:
            for each in self.session.pump():
                self.send(each)

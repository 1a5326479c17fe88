"""What outlives a connection: subscriptions, what is owed to the device, and which message it sent
last under each number. In memory only: a node that starts anew knows no session and says so, and
the device sends again what was not acknowledged.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Any, Final, Protocol

from tocsin.intakes.mqtt.codec import Publish, PubRel, QoS
from tocsin.intakes.mqtt.rights import matches

OUTGOING_MAX: Final = 100
"""Messages that wait for one device; the oldest is dropped for a newer one."""
SENT_MAX: Final = 20
"""Messages to a device that it has not acknowledged; fewer where it says so."""
SUBSCRIPTIONS_MAX: Final = 20
"""Filters of one session."""
LAST_MAX: Final = 1_024
"""Numbers whose last message is remembered: twice what may be in flight."""

Key = tuple[str, str]
"""(user, client): nobody takes over the session of another user."""


class Connected(Protocol):
    """The connection of a session."""

    def pump(self) -> None: ...
    def taken_over(self) -> None: ...


class Session:
    """One session. Its link is None while the device is away."""

    __slots__ = (
        "_last", "_next", "dropped", "ends_at", "expiry_s", "held", "key", "link", "receive_max",
        "sent", "subscriptions", "waiting", "will", "will_at",
    )  # fmt: skip

    def __init__(self, key: Key, expiry_s: int) -> None:
        self.key = key
        self.expiry_s = expiry_s
        self.link: Connected | None = None
        self.ends_at = 0.0
        self.will: Any = None
        self.will_at = 0.0
        self.subscriptions: dict[str, tuple[int, bool]] = {}
        """(granted QoS, whether its own messages are left out) by filter."""
        self.held: dict[int, bool] = {}
        """Numbers of QoS 2 messages not released yet; true where PUBREC went out."""
        self.waiting: deque[tuple[str, bytes, int]] = deque()
        self.sent: OrderedDict[int, Publish | None] = OrderedDict()
        """Messages by number that the device has to acknowledge; None: it has to say PUBCOMP."""
        self.receive_max = SENT_MAX
        self.dropped = 0
        self._last: OrderedDict[int, bytes] | None = None
        self._next = 0

    # -- in

    def is_new(self, pid: int | None, is_again: bool, topic: str, payload: bytes) -> bool:
        """Whether a message was never sent before, as far as the session can tell: the device says
        so, or the last one under its number was another. One that the session does not know is
        not new: it may have been kept before this node started."""
        if pid is None:
            return False
        digest = hashlib.blake2b(topic.encode() + b"\0" + payload, digest_size=12).digest()
        if self._last is None:
            self._last = OrderedDict()
        before = self._last.pop(pid, None)
        self._last[pid] = digest
        if len(self._last) > LAST_MAX:
            self._last.popitem(last=False)
        return not is_again or (before is not None and before != digest)

    def forget_unanswered(self) -> None:
        """The link is gone: what had no PUBREC is as if it never came."""
        self.held = {pid: True for pid, is_answered in self.held.items() if is_answered}

    # -- out

    def wants(self, topic: str, sender: Key) -> int | None:
        """The highest QoS at which it subscribed to a topic; None where it did not."""
        found = [
            qos
            for each, (qos, leaves_own) in self.subscriptions.items()
            if matches(each, topic) and not (leaves_own and sender == self.key)
        ]
        return max(found, default=None)

    def push(self, topic: str, payload: bytes, qos: int) -> None:
        """Owes the device a message. Without a connection only what it would be sent again."""
        if self.link is None and (qos == 0 or not self.expiry_s):
            return
        if len(self.waiting) >= OUTGOING_MAX:
            self.waiting.popleft()
            self.dropped += 1
        self.waiting.append((topic, payload, qos))

    def pump(self) -> Iterator[Publish]:
        """What may go out now."""
        while self.waiting:
            topic, payload, qos = self.waiting[0]
            if qos and len(self.sent) >= min(SENT_MAX, self.receive_max):
                return
            self.waiting.popleft()
            pid = self._number() if qos else None
            packet = Publish(
                topic=topic, payload=payload, qos=QoS(qos), retain=False, dup=False, packet_id=pid
            )
            if pid is not None:
                self.sent[pid] = packet
            yield packet

    def again(self) -> Iterator[Publish | PubRel]:
        """What was sent and not acknowledged, for a new connection."""
        for pid, packet in self.sent.items():
            if packet is None:
                yield PubRel(packet_id=pid)
            else:
                yield Publish(
                    topic=packet.topic, payload=packet.payload, qos=packet.qos, retain=False,
                    dup=True, packet_id=pid,
                )  # fmt: skip

    def acknowledged(self, pid: int) -> None:
        """PUBACK or PUBCOMP, or a refusal: it is done."""
        self.sent.pop(pid, None)

    def received(self, pid: int) -> None:
        """PUBREC: the message itself is not sent again."""
        if pid in self.sent:
            self.sent[pid] = None

    def _number(self) -> int:
        while True:
            self._next = self._next % 65_535 + 1
            if self._next not in self.sent:
                return self._next

"""What one connection needs of all the others, and what it is to them: names without imports in a
circle."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tocsin.intakes.mqtt.effects import Effect
from tocsin.intakes.mqtt.rights import may
from tocsin.intakes.mqtt.session import Key, Session


@dataclass(frozen=True, slots=True)
class Rights:
    """Who a device is, and what it may use; patterns without `%u` any more."""

    name: str
    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()

    def may_publish(self, topic: str) -> bool:
        return may(self.publish, topic)

    def may_subscribe(self, wanted: str) -> bool:
        return may(self.subscribe, wanted)


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one connection; see `settings`."""

    packet_bytes: int
    in_flight: int
    idle_s: int
    session_s: int
    connect_s: float
    packet_s: float


Check = Callable[[str, bytes], Rights | None]
"""User name and secret to rights; None for a stranger. Microseconds, no I/O."""


class Hall(Protocol):
    """The machine, as a connection sees it."""

    check: Check
    limits: Limits
    chance: Callable[[int], bytes]
    effects: deque[tuple[Any, Effect]]
    shut_until: float

    def begin(self, key: Key, is_clean: bool, expiry_s: int) -> tuple[Session, bool]: ...
    def leave(self, link: Any, session: Session | None, will: Any, now: float) -> None: ...
    def subscribe(self, session: Session, wanted: str, qos: int, leaves_own: bool) -> None: ...
    def unsubscribe(self, session: Session, wanted: str) -> bool: ...
    def relay(self, topic: str, payload: bytes, qos: int, sender: Key = ...) -> int: ...

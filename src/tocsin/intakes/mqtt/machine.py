"""The server's side of MQTT over all connections: sessions, take-over, wills, who gets what.

Without sockets and clocks: calls come with the time in seconds, and what is to be done lies in
`effects`, in its order, for whoever has the sockets. A message is answered by `Link.settle` only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from tocsin.intakes.mqtt.codec import Will
from tocsin.intakes.mqtt.effects import Effect, Keep, Message
from tocsin.intakes.mqtt.hall import Check, Limits, Rights
from tocsin.intakes.mqtt.link import Link
from tocsin.intakes.mqtt.session import Key, Session

SESSIONS_MAX: Final = 20_000
"""Sessions that are kept; beyond, a device that leaves has none."""
UNANNOUNCED: Final = -1
"""The ticket of a message nobody waits for."""


class Machine:
    """All links and sessions. `chance(n)` gives n random bytes, for names of nameless clients."""

    def __init__(self, check: Check, limits: Limits, chance: Callable[[int], bytes]) -> None:
        self.check = check
        self.limits = limits
        self.chance = chance
        self.effects: deque[tuple[Link | None, Effect]] = deque()
        self.sessions: dict[Key, Session] = {}
        self.links: set[Link] = set()
        self.shut_until = 0.0
        """Until then nobody is let in: nothing can be kept."""
        self._exact: dict[str, set[Key]] = {}
        self._wild: set[Key] = set()

    def link(self, now: float) -> Link:
        """A connection that was opened."""
        made = Link(self, now)
        self.links.add(made)
        return made

    def drain(self) -> Iterator[tuple[Link | None, Effect]]:
        """Everything that is to be done, once."""
        while self.effects:
            yield self.effects.popleft()

    # -- sessions

    def begin(self, key: Key, is_clean: bool, expiry_s: int) -> tuple[Session, bool]:
        """The session of a device that connects, and whether it is one that was there."""
        known = self.sessions.get(key)
        if known is not None and known.link is not None:
            known.link.taken_over()
        if known is not None and is_clean:
            self.end(known)
            known = None
        session = known or Session(key, expiry_s)
        session.expiry_s, session.will = expiry_s, None
        self.sessions[key] = session
        return session, known is not None

    def end(self, session: Session) -> None:
        """The session is over: nothing is owed any more."""
        for each in list(session.subscriptions):
            self.unsubscribe(session, each)
        self.sessions.pop(session.key, None)

    def leave(self, link: Link, session: Session | None, will: Will | None, now: float) -> None:
        """A connection is gone; `session` is the one it had, `will` what it left behind."""
        self.links.discard(link)
        if session is None or session.link is not link:
            return
        session.link = None
        session.forget_unanswered()
        session.ends_at = now + session.expiry_s
        delay = (will.properties.will_delay_interval or 0) if will and will.properties else 0
        if will is not None and delay and session.expiry_s:
            session.will, session.will_at = will, now + min(delay, session.expiry_s)
        elif will is not None:
            self.speak(session, will)
        if not session.expiry_s or len(self.sessions) > SESSIONS_MAX:
            self.end(session)

    def speak(self, session: Session, will: Will) -> None:
        """The last will of a device: kept like any message of it."""
        session.will = None
        told = Message(session.key[0], will.topic, will.payload, int(will.qos), is_will=True)
        self.effects.append((None, Keep(UNANNOUNCED, told)))

    def tick(self, now: float) -> None:
        """Once a second or so: silent links, wills that are due, sessions that are over."""
        for link in [each for each in self.links if each.is_late(now)]:
            link.expire()
        for session in [each for each in self.sessions.values() if each.link is None]:
            if session.will is not None and session.will_at <= now:
                self.speak(session, session.will)
            if session.ends_at <= now:
                self.end(session)

    # -- who gets what

    def subscribe(self, session: Session, wanted: str, qos: int, leaves_own: bool) -> None:
        session.subscriptions[wanted] = qos, leaves_own
        if "+" in wanted or "#" in wanted:
            self._wild.add(session.key)
        else:
            self._exact.setdefault(wanted, set()).add(session.key)

    def unsubscribe(self, session: Session, wanted: str) -> bool:
        """Whether it was subscribed."""
        if session.subscriptions.pop(wanted, None) is None:
            return False
        keys = self._exact.get(wanted)
        if keys is not None:
            keys.discard(session.key)
            if not keys:
                del self._exact[wanted]
        if not any("+" in each or "#" in each for each in session.subscriptions):
            self._wild.discard(session.key)
        return True

    def relay(self, topic: str, payload: bytes, qos: int, sender: Key = ("", "")) -> int:
        """Sends a message to all that subscribed to it; how many."""
        keys = self._exact.get(topic, set()) | self._wild
        found = 0
        for key in sorted(keys):
            session = self.sessions[key]
            granted = session.wants(topic, sender)
            if granted is None:
                continue
            found += 1
            session.push(topic, payload, min(qos, granted))
            if session.link is not None:
                session.link.pump()
        return found


__all__ = ["UNANNOUNCED", "Check", "Limits", "Machine", "Rights"]

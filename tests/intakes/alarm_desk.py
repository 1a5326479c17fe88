"""A desk that keeps alarms in a list: what an intake needs to be held to, without a database."""

from __future__ import annotations

from dataclasses import dataclass, field

from tocsin.kernel.shared import Actor, Refused
from tocsin.runtime.alarm_ports import AlarmReceived, IncomingAlarm
from tocsin.runtime.ports import Unavailable


@dataclass
class KeptDesk:
    """Keeps what it receives; `is_down`: it cannot, as without a database. A repeat is what the
    contract says it is, with no window."""

    kept: list[IncomingAlarm] = field(default_factory=list[IncomingAlarm])
    repeats: int = 0
    is_down: bool = False
    refuses: str = ""
    is_broken: bool = False
    """It has a bug."""

    async def receive(self, incoming: IncomingAlarm, by: Actor) -> AlarmReceived | Refused:
        if self.is_down:
            raise Unavailable("down", retry_after_s=7)
        assert not self.is_broken
        if self.refuses:
            return Refused(self.refuses, "planted")
        if not incoming.is_new and any(same(incoming, each) for each in self.kept):
            self.repeats += 1
            return AlarmReceived(repeated=True)
        self.kept.append(incoming)
        return AlarmReceived(alarm=f"a-{len(self.kept)}")

    @property
    def told(self) -> list[tuple[str, str, str]]:
        """Device, kind and signal of all that is kept, in its order."""
        return [(each.device, each.kind, each.signal) for each in self.kept]


def same(one: IncomingAlarm, other: IncomingAlarm) -> bool:
    """Whether two messages are one that was sent again."""

    def named(each: IncomingAlarm) -> tuple[object, ...]:
        return each.source, each.device, each.session, each.key

    return bool(one.key) and named(one) == named(other)

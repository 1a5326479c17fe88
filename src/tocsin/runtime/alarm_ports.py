"""What an intake hands to the alarm desk, and what the desk says to it.

The whole contract of a way in for alarms: parse bytes into `IncomingAlarm`, await
`AlarmTaker.receive`, and only then acknowledge on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, Protocol, get_args

import msgspec

from tocsin.kernel.shared import Actor, Instant, Place, Refused

Signal = Literal["raised", "cleared", "tested", "heard", "trouble", "cancelled"]
"""`raised` and `cleared`: the condition is there, or over. `tested`: the same on purpose, by a
person at the device. `heard`: it lives, and perhaps has readings. `trouble`: the device itself is
not well (its battery, its case, its line); `kind` says how. `cancelled`: somebody at the site takes
it back, with the `code` of the site; or a panel says so of its user (`vouched`)."""

SIGNALS: Final[tuple[Signal, ...]] = get_args(Signal)

Vouched = Literal["", "said", "proven"]
"""Whether a panel says that its own user took an alarm back: no; in clear, so that anybody could
have sent it; or under its key."""

CODE_MAX: Final = 64
"""Characters of `source`, `kind` and `zone`."""
DEVICE_MAX: Final = 200
"""Characters of `device`: a topic of a broker may be long."""
KEY_MAX: Final = 128
"""Characters of `session` and `key`; longer ones are hashed by the intake."""
TYPED_MAX: Final = 128
"""Characters of `code`."""
TEXT_MAX: Final = 1_000
"""Characters of `text`: what a panel prints."""
VALUES_MAX: Final = 32
"""Readings in one message."""


class IncomingAlarm(msgspec.Struct, frozen=True):
    """One message of a device as an intake read it. Nothing in it names a person.

    A repeat is a repeat only with the same `source`, `device`, `session` and `key`, and only
    within the desk's window; without a `key` the sequence number, and without that the instant
    `at`, takes its place. A message with none of them is never a repeat.
    """

    source: str
    """Code of the intake: "sia-dc09", "cap", "cloudevents"."""
    device: str
    """The device's address in that intake: account and zone, topic, sender and identifier."""
    kind: str
    """An alarm kind of the pack, or the intake's own code, which the pack maps to one by
    `source`. Empty only for `heard`."""
    signal: Signal
    session: str = ""
    """One run of the sender: a restarted panel is another session."""
    sequence: int | None = None
    """The sender's own count within its session; a step of more than one is kept as a gap."""
    key: str = ""
    """The same for a message that was sent again."""
    at: Instant | None = None
    """As the device says; ours is stamped beside it and all rules go by ours."""
    zone: str = ""
    text: str = ""
    """Free words of the device. They are sealed."""
    place: Place | None = None
    """Where, if the message says; else the place of the asset."""
    values: Mapping[str, float] = msgspec.field(default_factory=dict[str, float])
    """Readings by name, SI units."""
    is_drill: bool = False
    """It opens no real case and says so on every screen."""
    code: str = ""
    """What somebody typed to take an alarm back. It is compared and dropped, never kept."""
    sender: str = ""
    """Who counts `sequence` and bears `session`, where it is not the device itself: the account
    of a zone, the gateway of a sensor. An address of the same kind as `device`."""
    vouched: Vouched = ""
    """For `cancelled`: the word of a panel. `kind` is then its own code for that, `device` what its
    user meant: the account, or one of its areas as `ACCOUNT/AREA`."""
    is_new: bool = False
    """The sender's protocol says that it never sent this one before: it is no repeat, whatever
    was kept under its key. A later one that is not new may be a repeat of it."""

    def __repr__(self) -> str:
        """Without the code: it stands in no log."""
        told = ((each, getattr(self, each)) for each in self.__struct_fields__ if each != "code")
        return f"IncomingAlarm({', '.join(f'{name}={value!r}' for name, value in told)})"


class AlarmReceived(msgspec.Struct, frozen=True):
    """It is on disk: the intake may acknowledge. For `heard` no alarm is named."""

    alarm: str = ""
    asset: str = ""
    repeated: bool = False
    """The same message was kept before; nothing more was done."""
    lost: int = 0
    """Messages that are missing between this one and the last of the session: possibly lost."""


REASONS: tuple[str, ...] = ("alarm_bad_value", "alarm_source_unknown")
"""What the desk refuses a message with. A device or a kind that nobody knows is no reason: it is
kept, and a person looks."""


class AlarmTaker(Protocol):
    """The desk as the intakes see it."""

    async def receive(self, incoming: IncomingAlarm, by: Actor) -> AlarmReceived | Refused:
        """Keep one message. When this returns `AlarmReceived` it is committed and flushed; many
        callers at once share a flush. A refusal is final: sending it again changes nothing.

        Raises `ports.Unavailable` when the store cannot answer: then no acknowledgement may be
        given, and the sender keeps the message.
        """
        ...

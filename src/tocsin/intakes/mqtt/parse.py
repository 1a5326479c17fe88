"""One message to the alarms it tells, or a reason why not. It never raises, whatever the bytes.

The allow-list is here: a topic that no route reads is not looked into, and of the others only the
members, fields and device classes that are named are read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from tocsin.intakes.mqtt.chirpstack import Runs, read_event
from tocsin.intakes.mqtt.discovery import Discovery
from tocsin.intakes.mqtt.effects import Message
from tocsin.intakes.mqtt.frigate import read_frigate
from tocsin.intakes.mqtt.meanings import STATEFUL, Meanings, built_in
from tocsin.intakes.mqtt.plain import read_availability, read_json
from tocsin.intakes.mqtt.rights import is_topic
from tocsin.intakes.mqtt.senml import read_senml
from tocsin.intakes.mqtt.settings import PACKET_BYTES_MAX, Route
from tocsin.kernel.shared import Refused
from tocsin.runtime.alarm_ports import DEVICE_MAX, IncomingAlarm

NOT_READ: Final = "topic_unread"
RETAINED: Final = "retained"
"""The session of what a broker had kept and sends to everyone who comes: how it is, not news."""

Found = tuple[IncomingAlarm, ...]


@dataclass(slots=True)
class Read:
    """What one message became. `is_state`: it says how it is, so the same again is no news."""

    alarms: Found
    is_state: bool = False


@dataclass
class Topics:
    """Reads messages by their topics; remembers entities and counters between them."""

    meanings: Meanings = field(default_factory=built_in)
    runs: Runs = field(default_factory=Runs)
    discovery: Discovery = field(init=False)

    def __post_init__(self) -> None:
        self.discovery = Discovery(self.meanings.binary_sensor, self.meanings.sensor)

    def read(self, message: Message) -> Read | Refused:
        """The alarms of a message; `topic_unread` where nothing reads its topic."""
        sender, topic = message.sender, message.topic
        if self.discovery.listens(sender, topic):
            found = self.discovery.told(sender, topic, message.payload)
            return Read(self._named(message, found), is_state=True)
        route = self.meanings.route(topic)
        if route is None:
            return Refused(NOT_READ, "")
        alarms = self._by(route, message)
        if alarms is None:
            return Refused(NOT_READ, "")
        if isinstance(alarms, Refused):
            return alarms
        return Read(self._named(message, alarms), route.mapping in STATEFUL)

    def _by(self, route: Route, message: Message) -> Found | Refused | None:
        payload, topic = message.payload, message.topic
        name = wild_part(route.filter, topic) or message.sender
        match route.mapping:
            case "availability":
                return read_availability(name, payload)
            case "senml" | "senml-cbor":
                is_cbor = route.mapping == "senml-cbor"
                return read_senml(payload, is_cbor, name, self.meanings.fields)
            case "chirpstack":
                prefix = f"{message.sender}/"
                return read_event(topic, payload, self.meanings.fields, self.runs, prefix)
            case "frigate":
                return read_frigate(topic, payload)
            case "homeassistant":
                refused = self.discovery.describe(message.sender, topic, payload)
                return refused if refused is not None else ()
            case _:
                return read_json(self.meanings.mappings[route.mapping], route, name, payload)

    def _named(self, message: Message, alarms: Found) -> Found:
        """Addresses under the sender's name, and by what each is known when it comes again."""
        digest = ""
        made: list[IncomingAlarm] = []
        for place, each in enumerate(alarms):
            sender = _address(message.sender, each.sender) if each.sender else ""
            each = replace(each, device=_address(message.sender, each.device), sender=sender)
            is_own = bool(each.key) or bool(each.session and each.sequence is not None)
            if not is_own and each.signal != "heard":
                digest = digest or _digest(message)
                each = _known_by(message, each, f"{digest}-{place}")
            made.append(each)
        return tuple(made)


def _known_by(message: Message, each: IncomingAlarm, digest: str) -> IncomingAlarm:
    """A message without an identity of its own has that of its delivery: the number under which
    it came, with what it says. One that is not sent again has none."""
    if message.is_retained:
        return replace(each, key=digest, session=RETAINED)
    if message.pid is None:
        return replace(each, is_new=True)
    session = "broker" if message.from_broker else ""
    return replace(each, key=f"{message.pid}-{digest}", session=session, is_new=message.is_new)


def _digest(message: Message) -> str:
    told = message.topic.encode("utf-8", "replace") + b"\0" + message.payload
    return hashlib.blake2b(told, digest_size=12).hexdigest()


def _address(sender: str, name: str) -> str:
    """Devices of different senders are different: nobody can speak for another's."""
    full = name if name == sender else f"{sender}/{name}"
    return full if len(full) <= DEVICE_MAX else hashlib.sha256(full.encode()).hexdigest()


def wild_part(pattern: str, topic: str) -> str:
    """The levels of a topic that a filter leaves open, the last but one after `#` included."""
    given, found = topic.split("/"), list[str]()
    for place, level in enumerate(pattern.split("/")):
        if level == "#":
            found += given[place:]
        elif level == "+" and place < len(given):
            found.append(given[place])
    return "/".join(each for each in found if each)


def parse(data: bytes, headers: Mapping[str, str]) -> Found | Refused:
    """The alarms of one payload. `topic` is where it came, `sender` whose device it was; what an
    entity described before comes as `config-topic` and `config`."""
    topic, sender = headers.get("topic", ""), headers.get("sender", "gate")
    if not is_topic(topic) or not sender or len(data) > PACKET_BYTES_MAX:
        return Refused("unreadable", "no topic, or too large")
    topics = Topics()
    if "config" in headers:
        config = headers["config"].encode("utf-8", "replace")
        topics.read(Message(sender, headers.get("config-topic", ""), config))
    pid = 1 if headers.get("qos", "1") != "0" else None
    outcome = topics.read(Message(sender, topic, data, qos=1, pid=pid, is_new=True))
    return outcome if isinstance(outcome, Refused) else outcome.alarms

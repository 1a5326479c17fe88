"""What an operator sets for MQTT: where to listen, devices, brokers, and what topics mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tocsin.intakes.mqtt.fields import Field
from tocsin.intakes.mqtt.rights import is_filter
from tocsin.intakes.mqtt.secrets import is_hash
from tocsin.runtime.alarm_ports import Signal
from tocsin.runtime.json_mapping import JsonMapping

PORT: Final = 1_883
"""What IANA registered for MQTT; over TLS it is 8883."""
CONNECTIONS_MAX: Final = 4_000
"""Devices that are connected at once."""
PER_ADDRESS_MAX: Final = 500
"""Of them from one address: the devices of a large site may share one."""
CONNECT_S: Final = 10.0
"""How long a connection may be open before it has said who it is."""
PACKET_S: Final = 20.0
"""A packet that has begun must end within this time."""
IDLE_S: Final = 1_200
"""The longest keep-alive: a device that asks for more, or for none, is heard at least so often."""
PACKET_BYTES_MAX: Final = 65_536
"""Bytes of one packet: an alarm has a thousand, an uplink of many gateways ten."""
IN_FLIGHT_MAX: Final = 512
"""Messages of one connection that are being kept: twice what one commit takes."""
READINGS_MAX: Final = 200
"""Readings a second of one connection, over ten seconds: a gateway of two thousand sensors that
report every ten seconds. Alarms are not counted."""
SESSION_S: Final = 86_400
"""How long the session of a device that is away is kept, at most."""
FAILURES_MAX: Final = 20
"""Wrong secrets from one address within a minute; then it is refused unread for that long."""
NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$"
OWN: Final = ("tocsin/%u/#",)

Name = Annotated[str, Meta(pattern=NAME)]
Filters = tuple[Annotated[str, Meta(min_length=1, max_length=512)], ...]


class Device(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[mqtt.device]]`: its name is its user name. In the patterns `%u` is that name."""

    name: Name
    secret: str
    publish: Filters = OWN
    subscribe: Filters = OWN

    def __post_init__(self) -> None:
        if not is_hash(self.secret):
            raise ValueError("secret is made by: tocsin mqtt NAME")
        _check_filters((*self.publish, *self.subscribe))

    def __repr__(self) -> str:
        return f"Device({self.name!r})"


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[mqtt.topic]]`: how messages under a filter are read. `mapping` is one of ours or the
    name of a `[[mqtt.mapping]]`; `signal` is what a message without one says."""

    filter: Annotated[str, Meta(min_length=1, max_length=512)]
    mapping: Annotated[str, Meta(min_length=1, max_length=64)]
    signal: Signal = "raised"

    def __post_init__(self) -> None:
        _check_filters((self.filter,))


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[mqtt.mapping]]`: where the parts of a message in JSON stand."""

    name: Name
    json: JsonMapping


class Broker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[mqtt.broker]]`: a broker of the town's that this node is a client of. `session_s` is
    how long the broker is asked to keep what comes while this node is away."""

    name: Name
    host: Annotated[str, Meta(min_length=1, max_length=253)]
    subscribe: Annotated[Filters, Meta(min_length=1, max_length=100)]
    port: Annotated[int, Meta(ge=1, le=65535)] = PORT
    client: Annotated[str, Meta(min_length=1, max_length=64)] = "tocsin"
    user: str = ""
    password: str = ""
    version: Annotated[str, Meta(pattern=r"^(3\.1\.1|5)$")] = "3.1.1"
    tls: bool = False
    authorities: str = ""
    session_s: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 7 * 86_400

    def __post_init__(self) -> None:
        _check_filters(self.subscribe)

    def __repr__(self) -> str:
        return f"Broker({self.name!r})"


class MqttSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[mqtt]`. `port` 0 takes any; `listen = false` is a node that is a client only.
    `tls_port` with `certificate` and `key` (PEM files) adds TLS; then `port` may be -1: none."""

    host: str = "0.0.0.0"
    listen: bool = True
    port: Annotated[int, Meta(ge=-1, le=65535)] = PORT
    tls_port: Annotated[int, Meta(ge=0, le=65535)] | None = None
    certificate: Path | None = None
    key: Path | None = None
    connections: Annotated[int, Meta(ge=1)] = CONNECTIONS_MAX
    per_address: Annotated[int, Meta(ge=1)] = PER_ADDRESS_MAX
    connect_s: Annotated[float, Meta(gt=0)] = CONNECT_S
    packet_s: Annotated[float, Meta(gt=0)] = PACKET_S
    idle_s: Annotated[int, Meta(ge=1, le=65535)] = IDLE_S
    packet_bytes: Annotated[int, Meta(ge=1_024, le=1_048_576)] = PACKET_BYTES_MAX
    in_flight: Annotated[int, Meta(ge=1, le=65_535)] = IN_FLIGHT_MAX
    readings: Annotated[int, Meta(ge=1)] = READINGS_MAX
    session_s: Annotated[int, Meta(ge=0)] = SESSION_S
    device: tuple[Device, ...] = ()
    broker: tuple[Broker, ...] = ()
    topic: tuple[Route, ...] = ()
    mapping: tuple[Mapping, ...] = ()
    fields: dict[str, Field] = {}

    def __post_init__(self) -> None:
        for what in (self.device, self.broker, self.mapping):
            names = [each.name for each in what]
            if len(set(names)) != len(names):
                raise ValueError("a name is there twice")
        if self.tls_port is not None and (self.certificate is None or self.key is None):
            raise ValueError("tls_port needs certificate and key")


def _check_filters(filters: Filters) -> None:
    if not all(is_filter(each) for each in filters):
        raise ValueError("a filter has + or # as whole levels, # as the last, 512 bytes at most")

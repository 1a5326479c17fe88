"""How a connection begins: who it is, which session it takes up, and what it is told of us."""

from __future__ import annotations

from typing import Any, Final, Protocol

from tocsin.intakes.mqtt.codec import ConnAck, ConnAckProperties, Connect, Version
from tocsin.intakes.mqtt.hall import Hall, Rights
from tocsin.intakes.mqtt.rights import is_topic
from tocsin.intakes.mqtt.session import SENT_MAX, Connected, Session

CLIENT_MAX: Final = 128
"""Characters of a client identifier."""
BAD_METHOD: Final = 0x8C
BAD_IDENTIFIER: Final = 0x85
BAD_SECRET: Final = 0x86
NOT_AUTHORISED: Final = 0x87
UNAVAILABLE: Final = 0x88
BAD_TOPIC: Final = 0x90
NO_RETAIN: Final = 0x9A
_OLD: Final = {BAD_IDENTIFIER: 2, UNAVAILABLE: 3, BAD_SECRET: 4, NOT_AUTHORISED: 5}
"""What 3.1.1 says for it; what it cannot say is "not authorised"."""


class Caller(Connected, Protocol):
    """A connection that has not said yet who it is."""

    rights: Rights | None
    session: Session | None
    will: Any
    keep_alive_s: float

    @property
    def machine(self) -> Hall: ...
    @property
    def version(self) -> Version: ...
    def send(self, packet: Any) -> None: ...
    def close(self) -> None: ...


def greet(link: Caller, packet: Connect, now: float) -> None:
    """Answers CONNECT."""
    machine = link.machine
    properties = packet.properties
    if properties is not None and properties.authentication_method is not None:
        return refuse(link, BAD_METHOD)
    if machine.shut_until > now:
        return refuse(link, UNAVAILABLE)
    rights = machine.check(packet.username or "", packet.password or b"")
    if rights is None:
        return refuse(link, BAD_SECRET)
    client, is_new = packet.client_id, link.version == "5.0" or packet.clean_session
    if len(client) > CLIENT_MAX or "\0" in client or not (client or is_new):
        return refuse(link, BAD_IDENTIFIER)
    link.rights = rights
    wrong = _wrong_will(link, packet.will)
    if wrong:
        return refuse(link, wrong)
    assigned = None if client else f"auto-{machine.chance(9).hex()}"
    asked_s = _expiry(link, packet)
    expiry_s = min(asked_s, machine.limits.session_s)
    session, was_there = machine.begin(
        (rights.name, client or assigned or ""), packet.clean_session, expiry_s
    )
    session.link, link.session, link.will = link, session, packet.will
    session.receive_max = SENT_MAX
    if properties is not None and properties.receive_maximum is not None:
        session.receive_max = max(1, properties.receive_maximum)
    idle_s = machine.limits.idle_s
    link.keep_alive_s = packet.keepalive or idle_s
    told = None
    if link.version == "5.0":
        is_long = not packet.keepalive or packet.keepalive > idle_s
        link.keep_alive_s = min(link.keep_alive_s, idle_s)
        told = ConnAckProperties(
            session_expiry_interval=expiry_s if expiry_s != asked_s else None,
            receive_maximum=machine.limits.in_flight,
            maximum_packet_size=machine.limits.packet_bytes,
            retain_available=False,
            assigned_client_identifier=assigned,
            subscription_identifier_available=False,
            shared_subscription_available=False,
            server_keep_alive=idle_s if is_long else None,
        )
    link.send(ConnAck(session_present=was_there, return_code=0, properties=told))
    for each in session.again():
        link.send(each)
    link.pump()
    return None


def refuse(link: Caller, code: int) -> None:
    """CONNACK with a reason, and nothing more."""
    is_old = link.version != "5.0"
    link.send(ConnAck(session_present=False, return_code=_OLD.get(code, 5) if is_old else code))
    link.close()


def _wrong_will(link: Caller, will: Any) -> int:
    """Why a last will cannot be kept; 0 where it can, or there is none."""
    assert link.rights is not None
    if will is None:
        return 0
    if not is_topic(will.topic):
        return BAD_TOPIC
    if will.retain and link.version == "5.0":
        return NO_RETAIN
    return 0 if link.rights.may_publish(will.topic) else NOT_AUTHORISED


def _expiry(link: Caller, packet: Connect) -> int:
    """How long the session should outlive the connection, in seconds."""
    if link.version == "5.0":
        given = packet.properties.session_expiry_interval if packet.properties else None
        return given or 0
    return 0 if packet.clean_session else link.machine.limits.session_s

"""The machine of MQTT without sockets: strangers' bytes, rights, sessions, QoS 2, by properties."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.intakes.mqtt_help import SECRET
from tocsin.intakes.mqtt import codec
from tocsin.intakes.mqtt.codec import PubAck, PubComp, Publish, PubRec, PubRel, QoS, Reader
from tocsin.intakes.mqtt.effects import Close, Keep, Message, Outcome, Send
from tocsin.intakes.mqtt.link import Link
from tocsin.intakes.mqtt.machine import Limits, Machine, Rights
from tocsin.intakes.mqtt.rights import covers, is_filter, is_topic, matches, may, own

LIMITS = Limits(65_536, 8, 1_200, 86_400, 10.0, 20.0)
TOPIC = "tocsin/d/alarm"


def rights_of(user: str, secret: bytes) -> Rights | None:
    patterns = own(("tocsin/%u/#",), user)
    return Rights(user, patterns, patterns) if secret == SECRET.encode() else None


class Talk:
    """A machine and one device that talks to it."""

    def __init__(self, machine: Machine | None = None) -> None:
        self.machine = machine or Machine(rights_of, LIMITS, lambda n: b"x" * n)
        self.kept: list[tuple[Link | None, Keep]] = []
        self.said: list[Any] = []
        self.is_closed = False
        self.version: codec.Version = "3.1.1"

    def connect(self, version: codec.Version = "3.1.1", **more: Any) -> Talk:
        self.version, self.is_closed = version, False
        self.link = self.machine.link(0.0)
        given = {"client_id": "c", "clean_session": False, "keepalive": 60, "username": "d",
                 "password": SECRET.encode()} | more  # fmt: skip
        if version == "5.0" and "properties" not in given:
            from zmqtt._internal.packets import ConnectProperties

            given["properties"] = ConnectProperties(session_expiry_interval=600)
        return self.say(codec.Connect(**given))

    def say(self, packet: Any, now: float = 0.0) -> Talk:
        self.link.feed(codec.encode(packet, self.version), now)
        return self.act()

    def act(self) -> Talk:
        for link, effect in self.machine.drain():
            if isinstance(effect, Keep):
                self.kept.append((link, effect))
            elif link is self.link and isinstance(effect, Send):
                found = codec.decode_any(effect.data, self.version)
                assert found is not None
                self.said.append(found[0])
            elif link is self.link and isinstance(effect, Close):
                self.is_closed = True
        return self

    def publish(self, payload: bytes, pid: int, qos: int = 1, dup: bool = False) -> Talk:
        return self.say(
            Publish(topic=TOPIC, payload=payload, qos=QoS(qos), retain=False, dup=dup,
                    packet_id=pid)
        )  # fmt: skip

    def settle(self, which: int = 0, outcome: Outcome | None = None) -> Talk:
        link, keep = self.kept.pop(which)
        if link is not None:
            link.settle(keep.ticket, outcome or Outcome(), 0.0)
        return self.act()

    def drop(self, now: float = 0.0) -> Talk:
        self.link.lost(now)
        return self.act()

    def heard(self) -> list[Any]:
        said, self.said = self.said, []
        return said


# -- bytes of strangers


def real_packets() -> list[bytes]:
    hello = codec.Connect(client_id="c", clean_session=True, keepalive=5, username="d",
                          password=SECRET.encode())  # fmt: skip
    publish = Publish(topic=TOPIC, payload=b"x", qos=QoS(1), retain=False, dup=False, packet_id=1)
    asked = codec.Subscribe(
        packet_id=2,
        subscriptions=(codec.SubscriptionRequest(topic_filter="tocsin/d/#", qos=QoS(1)),),
    )
    return [
        codec.encode(each, version)
        for version in ("3.1.1", "5.0")
        for each in (hello, publish, asked, PubRel(packet_id=1), codec.PingReq())
    ]


PACKETS = real_packets()


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Real packets in any order, with some bytes changed, cut out or put in."""
    data = bytearray(b"".join(draw(st.lists(st.sampled_from(PACKETS), min_size=1, max_size=4))))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        cut = draw(st.integers(0, 3))
        data[place : place + cut] = draw(st.binary(max_size=4))
    return bytes(data)


@settings(max_examples=600, deadline=None)
@given(st.lists(st.binary(max_size=80) | damaged(), max_size=6), st.booleans())
def test_no_bytes_raise_or_are_kept_without_end(pieces: list[bytes], is_greeted: bool):
    talk = Talk()
    if is_greeted:
        talk.connect()
    else:
        talk.link = talk.machine.link(0.0)
    for piece in pieces:
        if not talk.link.is_closed:
            talk.link.feed(piece, 0.0)
        for link, effect in talk.machine.drain():
            if isinstance(effect, Keep) and link is not None:
                assert link.rights is not None and link.rights.may_publish(effect.message.topic)
                link.settle(effect.ticket, Outcome(), 0.0)
    talk.link.lost(1.0)
    assert not talk.machine.links


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PACKETS), max_size=5), st.lists(st.integers(1, 40), max_size=30))
def test_packets_are_the_same_however_they_are_cut(packets: list[bytes], cuts: list[int]):
    def read(pieces: list[bytes]) -> list[Any]:
        reader, found = Reader(65_536), list[Any]()
        try:
            for piece in pieces:
                reader.feed(piece)
                while (packet := reader.next()) is not None:
                    found.append(packet)
        except codec.Unreadable as error:
            found.append(error.code)
        return found

    data, pieces, at = b"".join(packets), list[bytes](), 0
    for cut in cuts:
        pieces.append(data[at : at + cut])
        at += cut
    assert read([*pieces, data[at:]]) == read([data])


def test_a_packet_that_is_too_large_is_refused_by_its_header():
    reader = Reader(1_024)
    reader.feed(codec.encode(codec.Connect(client_id="c", clean_session=True, keepalive=0), "5.0"))
    assert reader.next() is not None
    reader.feed(b"\x30\xff\x7f")
    with pytest.raises(codec.Unreadable) as error:
        reader.next()
    assert error.value.code == codec.PACKET_TOO_LARGE


def test_another_version_is_told_so_in_the_oldest_way():
    talk = Talk()
    talk.link = talk.machine.link(0.0)
    old = b"\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x01c"
    talk.link.feed(bytes([0x10, len(old)]) + old, 0.0)
    sent = [effect.data for _, effect in talk.machine.drain() if isinstance(effect, Send)]
    assert sent == [b"\x20\x02\x00\x01"] and talk.link.is_closed


# -- topics and rights

LEVEL = st.sampled_from(["a", "b", "", "$s"])
TOPICS = st.lists(LEVEL, min_size=1, max_size=4).map("/".join)
FILTERS = st.tuples(
    st.lists(LEVEL | st.just("+"), min_size=1, max_size=4), st.booleans()
).map(lambda each: "/".join([*each[0], "#"] if each[1] else each[0]))  # fmt: skip


@settings(max_examples=500)
@given(FILTERS, FILTERS, TOPICS)
def test_a_filter_that_is_covered_has_no_topic_of_its_own(wide: str, narrow: str, topic: str):
    if covers(wide, narrow) and matches(narrow, topic):
        assert matches(wide, topic)
    assert covers(wide, wide) or wide.startswith("$")


@pytest.mark.parametrize(
    ("pattern", "topic", "expected"),
    [
        ("sport/tennis/#", "sport/tennis", True),
        ("sport/+", "sport", False),
        ("sport/+", "sport/", True),
        ("+/+", "/finance", True),
        ("#", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True),
        ("a/+", "a/b/c", False),
    ],
)
def test_filters_match_as_the_standard_says(pattern: str, topic: str, expected: bool):
    assert matches(pattern, topic) is expected


def test_what_is_a_topic_and_what_a_filter():
    assert [is_topic(each) for each in ("a/b", "a/+", "#", "$SYS/a", "", "a\0b")] == [
        True, False, False, False, False, False,
    ]  # fmt: skip
    assert [is_filter(each) for each in ("#", "a/#", "a/#/b", "a+/b", "+/a", "")] == [
        True, True, False, False, True, False,
    ]  # fmt: skip
    assert may(own(("tocsin/%u/#",), "d1"), "tocsin/d1/alarm")
    assert not may(own(("tocsin/%u/#",), "d1"), "tocsin/d2/alarm")
    assert not may(own(("tocsin/%u/#",), "d1"), "#")


# -- answers


def test_answers_come_in_order_whatever_is_kept_first():
    talk = Talk().connect()
    talk.heard()
    for pid in (3, 1, 2):
        talk.publish(b"%d" % pid, pid)
    talk.settle(2)
    assert talk.heard() == []
    talk.settle(0).settle(0)
    assert talk.heard() == [PubAck(packet_id=3), PubAck(packet_id=1), PubAck(packet_id=2)]


def test_nothing_is_answered_behind_what_could_not_be_kept():
    talk = Talk().connect("5.0")
    talk.heard()
    for pid in (1, 2, 3):
        talk.publish(b"x%d" % pid, pid)
    talk.settle(2).settle(1, Outcome(is_down=True)).settle(0)
    assert talk.heard() == [PubAck(packet_id=1), codec.Disconnect(reason_code=0x89)]
    assert talk.is_closed


def test_more_than_may_be_in_flight_waits_and_goes_on():
    talk = Talk().connect()
    for pid in range(1, 21):
        talk.publish(b"x", pid)
    assert len(talk.kept) == LIMITS.in_flight and talk.link.is_full
    for _ in range(20):
        talk.settle()
    assert [each.packet_id for each in talk.heard()[1:]] == list(range(1, 21))


@pytest.mark.parametrize("version", ["3.1.1", "5.0"])
def test_qos_2_is_kept_once_over_a_lost_connection(version: codec.Version):
    talk = Talk().connect(version)
    talk.heard()
    talk.publish(b"x", 7, qos=2).publish(b"x", 7, qos=2, dup=True)
    assert len(talk.kept) == 1
    talk.settle()
    assert talk.heard() == [PubRec(packet_id=7)]
    talk.drop().connect(version)
    assert talk.heard()[0].session_present
    talk.publish(b"x", 7, qos=2, dup=True)
    assert talk.kept == [] and talk.heard() == [PubRec(packet_id=7)]
    talk.say(PubRel(packet_id=7)).say(PubRel(packet_id=7))
    done = talk.heard()
    assert done[0] == PubComp(packet_id=7)
    assert done[1].reason_code == (0x92 if version == "5.0" else 0)
    talk.publish(b"y", 7, qos=2)
    assert len(talk.kept) == 1


def news(talk: Talk) -> bool:
    is_new = talk.kept[0][1].message.is_new
    talk.settle()
    return is_new


def test_only_what_is_sent_again_under_its_number_is_not_new():
    talk = Talk().connect()
    assert news(talk.publish(b"on", 1))
    assert not news(talk.drop().connect().publish(b"on", 1, dup=True))
    assert news(talk.publish(b"off", 1))
    assert news(talk.publish(b"on", 1)), "the same again, but said to be new: a second fire"
    assert news(talk.publish(b"off", 1, dup=True)), "the last under this number was another"
    assert not news(talk.publish(b"on", 9, dup=True)), "it may have been kept before a restart"
    # A device that was restarted begins a session of its own.
    talk.drop().connect(clean_session=True)
    assert not talk.heard()[-1].session_present
    assert news(talk.publish(b"on", 1))


# -- sessions


def test_a_take_over_ends_the_other_connection_and_leaves_no_will():
    will = codec.Will(topic=TOPIC, payload=b"gone", qos=QoS(1), retain=False)
    first = Talk().connect("5.0", will=will)
    second = Talk(first.machine).connect("5.0")
    first.link.lost(0.0)
    assert second.heard()[0].session_present
    assert first.machine.effects == second.machine.effects
    second.act()
    assert second.kept == [] and first.link.is_closed and not second.link.is_closed


def test_nobody_takes_over_the_session_of_another_user():
    first = Talk().connect()
    second = Talk(first.machine).connect(username="e")
    assert not second.heard()[0].session_present and not first.link.is_closed


def test_a_will_waits_as_long_as_it_asked_and_not_when_the_device_is_back():
    from zmqtt._internal.packets import WillProperties

    will = codec.Will(
        topic=TOPIC, payload=b"gone", qos=QoS(1), retain=False,
        properties=WillProperties(will_delay_interval=10),
    )  # fmt: skip
    talk = Talk().connect("5.0", will=will).drop(now=100.0)
    talk.machine.tick(105.0)
    assert talk.act().kept == []
    talk.connect("5.0", will=will)
    talk.machine.tick(120.0)
    assert talk.act().kept == []
    talk.drop(now=200.0).machine.tick(210.0)
    talk.act()
    assert [keep.message for _, keep in talk.kept] == [
        Message("d", TOPIC, b"gone", 1, is_will=True)
    ]


def test_a_will_under_another_devices_topic_is_refused():
    will = codec.Will(topic="tocsin/e/alarm", payload=b"x", qos=QoS(0), retain=False)
    assert Talk().connect("5.0", will=will).heard()[0].return_code == 0x87
    kept = codec.Will(topic=TOPIC, payload=b"x", qos=QoS(0), retain=True)
    assert Talk().connect("5.0", will=kept).heard()[0].return_code == 0x9A


def test_what_is_owed_is_sent_again_until_it_is_acknowledged():
    talk = Talk().connect()
    asked = codec.SubscriptionRequest(topic_filter="tocsin/d/command", qos=QoS(1))
    other = codec.SubscriptionRequest(topic_filter="tocsin/e/command", qos=QoS(1))
    talk.say(codec.Subscribe(packet_id=1, subscriptions=(asked, other)))
    assert talk.heard()[-1].return_codes == (1, 0x80)
    talk.machine.relay("tocsin/d/command", b"1", 2)
    (sent,) = talk.act().heard()
    assert (sent.payload, sent.qos, sent.dup) == (b"1", 1, False)
    talk.drop()
    talk.machine.relay("tocsin/d/command", b"2", 1)
    talk.machine.relay("tocsin/d/command", b"lost", 0)
    _, again, more = talk.connect().heard()
    assert (again.payload, again.dup, more.payload, more.dup) == (b"1", True, b"2", False)
    talk.say(PubAck(packet_id=again.packet_id)).say(PubAck(packet_id=more.packet_id))
    talk.drop().connect()
    assert len(talk.heard()) == 1
    talk.drop(now=0.0).machine.tick(LIMITS.session_s + 1.0)
    assert talk.machine.sessions == {}


def test_what_this_server_does_not_do_it_says():
    talk = Talk().connect("5.0")
    told = talk.heard()[0].properties
    assert (told.retain_available, told.shared_subscription_available) == (False, False)
    shared = codec.SubscriptionRequest(topic_filter="$share/g/tocsin/d/x", qos=QoS(0))
    talk.say(codec.Subscribe(packet_id=1, subscriptions=(shared,)))
    assert talk.heard()[0].return_codes == (0x9E,)
    talk.say(Publish(topic=TOPIC, payload=b"x", qos=QoS(0), retain=True, dup=False))
    assert talk.heard() == [codec.Disconnect(reason_code=0x9A)]


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["publish", "again", "settle", "down", "drop"]), st.integers(1, 4)),
    max_size=40,
)


def wrong_answers(operations: list[tuple[str, int]], qos: int, is_early: bool) -> list[int]:
    """Numbers that were acknowledged more often than something under them was kept, over a run of
    sending, keeping, failing and losing connections."""
    talk, wrong = Talk().connect(), list[int]()
    kept, told = dict[int, int](), dict[int, int]()
    for count, (what, pid) in enumerate(operations):
        if talk.is_closed or what == "drop":
            talk.drop().connect()
        if what in ("publish", "again"):
            talk.publish(struct.pack("!I", count), pid, qos, dup=what == "again")
            if is_early:
                talk.said.append(PubAck(packet_id=pid))
        elif what in ("settle", "down") and talk.kept:
            place = pid % len(talk.kept)
            message = talk.kept[place][1].message
            if what == "settle" and message.pid is not None:
                kept[message.pid] = kept.get(message.pid, 0) + 1
            talk.settle(place, Outcome(is_down=what == "down"))
        for packet in talk.heard():
            if isinstance(packet, PubAck):
                told[packet.packet_id] = told.get(packet.packet_id, 0) + 1
            elif isinstance(packet, PubRec):  # it may be said again
                told[packet.packet_id] = 1
        wrong += [each for each, said in told.items() if said > kept.get(each, 0)]
    return wrong


@settings(max_examples=300, deadline=None)
@given(OPERATIONS, st.sampled_from([1, 2]))
def test_an_answer_means_that_it_was_kept(operations: list[tuple[str, int]], qos: int):
    assert wrong_answers(operations, qos, is_early=False) == []


def test_an_answer_before_it_was_kept_is_found():
    assert wrong_answers([("publish", 1), ("settle", 1), ("publish", 1)], 1, is_early=True)

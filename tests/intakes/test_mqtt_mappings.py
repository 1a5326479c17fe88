"""What messages mean: mappings, and that whatever speaks of people is dropped where it is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.test_intakes import oversized
from tests.intakes.alarm_desk import KeptDesk
from tests.intakes.node import make_services
from tocsin.intakes.mqtt import discovery, frigate
from tocsin.intakes.mqtt.effects import Message, Outcome
from tocsin.intakes.mqtt.keeping import BY, Job, Keeper, Share
from tocsin.intakes.mqtt.meanings import built_in, meanings_of
from tocsin.intakes.mqtt.parse import Read, Topics
from tocsin.intakes.mqtt.settings import Mapping, MqttSettings, Route
from tocsin.kernel.assets.state import About
from tocsin.kernel.assets.vocabulary import AddAsset
from tocsin.kernel.shared import AreaId, AssetId, Refused
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.runtime.alarm_ports import IncomingAlarm
from tocsin.runtime.json_mapping import JsonMapping

EUI = "0101010101010101"
COUNTY = load_pack(builtin("county"))


def message(topic: str, payload: object, **more: Any) -> Message:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Message("gate", topic, data, **({"qos": 1, "pid": 1, "is_new": True} | more))


def alarms(topics: Topics, topic: str, payload: object, **more: Any) -> tuple[IncomingAlarm, ...]:
    found = topics.read(message(topic, payload, **more))
    assert isinstance(found, Read), found
    return found.alarms


def uplink(count: int, address: str = "aa", key: str = "", **fields: object) -> dict[str, object]:
    return {
        "deduplicationId": key or f"k-{address}-{count}",
        "deviceInfo": {"devEui": EUI},
        "devAddr": address,
        "fCnt": count,
        "object": fields,
    }


UP = f"application/7/device/{EUI}/event/up"


def describe(topics: Topics, component: str, device_class: str | None, **more: Any) -> None:
    config = {"stat_t": "site/x", "dev_cla": device_class, "uniq_id": "u-1"} | more
    topics.read(message(f"homeassistant/{component}/u-1/config", config))


# -- nothing of people

CLASSES = (
    "battery battery_charging carbon_monoxide cold connectivity door garage_door gas heat light "
    "lock moisture motion moving occupancy opening plug power presence problem running safety "
    "smoke sound tamper update vibration window"
).split()
COMPONENTS = (
    "alarm_control_panel binary_sensor button camera climate cover device_automation "
    "device_tracker event fan humidifier image lawn_mower light lock notify number scene select "
    "sensor siren switch tag text update vacuum valve water_heater"
).split()
SAFE = frozenset(
    "smoke gas carbon_monoxide heat moisture door safety tamper problem battery".split()
)
PEOPLE: tuple[tuple[str, object], ...] = (
    ("frigate/events", {"type": "new", "after": {"label": "person", "sub_label": "Ada Canary"}}),
    ("frigate/front/person", 1),
    ("frigate/front/person/snapshot", "Ada Canary"),
    ("frigate/tracked_object_update", {"type": "lpr", "plate": "CANARY1", "name": "Ada Canary"}),
    ("frigate/tracked_object_update", {"type": "face", "name": "Ada Canary"}),
    ("owntracks/ada/phone", {"_type": "location", "lat": 60.1, "lon": 24.9, "tid": "Canary"}),
    ("room_presence/hall", {"id": "Ada Canary", "distance": 1.2}),
    ("doubletake/matches/ada", {"name": "Ada Canary", "confidence": 99}),
    (f"application/7/device/{EUI}/event/location", {"location": {"latitude": 24.9}}),
    ("tocsin/gate/alarm", {"kind": "smoke", "plate": "CANARY1", "face": {"name": "Ada Canary"}}),
    ("tocsin/gate/reading", {"values": {"person": 1, "face_match": 0.9, "plate": 7}}),
    ("tocsin/gate/senml", [{"n": "plate", "vs": "CANARY1"}, {"n": "face", "vs": "Ada Canary"}]),
    (UP, uplink(1, smoke=1, wearer="Ada Canary", plate="CANARY1", person={"smoke_of": "Canary"})),
)


FRIGATE = (
    "events reviews triggers tracked_object_update stats restart onConnect camera_activity "
    "audio_detections notifications/set front/person front/person/snapshot front/all front/motion "
    "front/motion/set front/detect/state front/recordings/state front/snapshots/state front/ptz "
    "front/audio/dBFS front/audio/speech front/audio/transcription front/review_status "
    "front/review_descriptions/state front/object_descriptions/state front/enabled/state "
    "front/classification/dog front/birdseye_mode/state porch/person/active hall/face hall/plate "
    "available/set front/status front/status/face front/status/detect/person status/detect "
).split()
"""What Frigate publishes besides the health of its streams, and what it might."""


def read_of_frigate(make: Callable[[], Topics]) -> list[str]:
    """Its topics of which a mapper reads more than whether a stream is there."""
    words = (b"online", b"3", b"ON", b'{"label": "person", "sub_label": "Ada Canary"}')
    found = [
        topic
        for topic in FRIGATE
        for word in words
        if isinstance(read := make().read(message(f"frigate/{topic}", word)), Read) and read.alarms
    ]
    for word in words[1:]:
        for topic in ("frigate/available", "frigate/front/status/detect"):
            read = make().read(message(topic, word))
            found += [topic] if isinstance(read, Read) and read.alarms else []
    return sorted(set(found))


def test_of_frigate_the_health_is_read_and_nothing_else():
    assert read_of_frigate(Topics) == []
    for topic, device in (
        ("available", "gate/frigate"),
        ("front/status/detect", "gate/front/detect"),
        ("front/status/record", "gate/front/record"),
    ):
        topics = Topics()
        for word, signal in ((b"online", "cleared"), (b"offline", "trouble")):
            (told,) = alarms(topics, f"frigate/{topic}", word)
            assert (told.device, told.kind, told.signal) == (device, "supervision", signal)
        assert alarms(topics, f"frigate/{topic}", b"disabled") == ()


def test_a_route_or_a_mapping_that_reads_more_of_frigate_is_found(monkeypatch: Any):
    careless = replace(built_in(), routes=(Route("frigate/#", "availability"),))
    assert {"front/motion", "front/enabled/state"} <= set(read_of_frigate(lambda: Topics(careless)))
    # The operator's own route with our mapping reads no more than ours does.
    wide = replace(built_in(), routes=(Route("frigate/#", "frigate"),))
    assert read_of_frigate(lambda: Topics(wide)) == []
    monkeypatch.setattr(frigate, "ROLES", ("audio", "detect", "face", "record"))
    assert read_of_frigate(Topics) == ["front/status/face"]


async def test_a_camera_that_frigate_has_lost_is_an_asset_that_is_not_well():
    services, topics = make_services(COUNTY), Topics()
    about = About("Front", "camera", (AreaId("county"),), wires=(("mqtt", "gate/front/detect"),))
    made = await services.engine.handle_asset(AssetId("cam"), AddAsset(about), by=BY)
    assert not isinstance(made, Refused)
    for word, is_down in ((b"offline", True), (b"online", False)):
        for each in alarms(topics, "frigate/front/status/detect", word, is_retained=True):
            answer = await services.alarms.receive(each, BY)
            assert not isinstance(answer, Refused) and answer.asset == "cam"
        assert ("cam" in services.alarms.book.down) == is_down


def seen_people(make: Callable[[], Topics]) -> list[str]:
    """The classes and topics of people that came through a mapper."""
    found: list[str] = []
    for component in COMPONENTS:
        for device_class in (*CLASSES, None):
            topics = make()
            describe(topics, component, device_class)
            read = topics.read(message("site/x", b"ON"))
            is_safe = component == "binary_sensor" and device_class in SAFE
            if isinstance(read, Read) and read.alarms and not is_safe:
                found.append(f"{component} {device_class}")
    for topic, payload in PEOPLE:
        read = make().read(message(topic, payload))
        told = repr(read).lower()
        if any(each in told for each in ("ada", "canary", "plate", "face", "person", "24.9")):
            found.append(topic)
    return found


def test_nothing_of_people_comes_through():
    assert seen_people(Topics) == []
    for each in SAFE:
        topics = Topics()
        describe(topics, "binary_sensor", each)
        assert alarms(topics, "site/x", b"ON")[0].signal == "raised", each


def test_a_mapper_that_lets_any_class_through_is_found():
    class Everything(dict[str, str]):
        def get(self, key: str, default: Any = None) -> str:
            return "unclear"

    def careless() -> Topics:
        topics = Topics()
        topics.discovery = discovery.Discovery(Everything(), {})
        return topics

    assert {"binary_sensor motion", "binary_sensor presence"} <= set(seen_people(careless))


def test_a_route_that_reads_every_topic_is_found():
    every = JsonMapping(kind="/after/label", device="=x", text="/after/sub_label")
    routes = (Route("frigate/#", "all"),)
    careless = replace(built_in(), routes=routes, mappings={"all": every})
    assert "frigate/events" in seen_people(lambda: Topics(careless))


def test_every_kind_that_is_built_in_is_one_of_the_county_pack():
    ours = built_in()
    kinds = {each.kind for each in ours.fields.values()} | set(ours.binary_sensor.values())
    assert {each for each in kinds if each} <= COUNTY.alarm_kinds.keys() | {"unclear"}


# -- ChirpStack


def test_a_counter_that_goes_back_is_another_session():
    topics = Topics()
    sessions = [
        alarms(topics, UP, uplink(count, address))[0].session
        for count, address in ((5, "aa"), (6, "aa"), (1, "aa"), (2, "aa"), (0, "bb"), (1, "bb"))
    ]
    assert sessions[0] == sessions[1] != sessions[2] == sessions[3] != sessions[4] == sessions[5]


async def test_a_gap_of_a_counter_is_counted_as_possibly_lost_and_a_restart_is_not():
    services = make_services(COUNTY)
    topics, lost = Topics(), list[int]()
    for count in (1, 2, 5, 6, 1, 2):
        answer = [
            await services.alarms.receive(each, BY) for each in alarms(topics, UP, uplink(count))
        ]
        assert not isinstance(answer[-1], Refused)
        lost.append(answer[-1].lost)
    assert lost == [0, 0, 2, 0, 0, 0]


async def test_a_second_fire_of_a_restarted_device_is_a_second_fire():
    services, topics = make_services(COUNTY), Topics()

    async def say(**how: Any) -> bool:
        (alarm,) = alarms(topics, "tocsin/gate/alarm", {"kind": "smoke", "device": "hall"}, **how)
        answer = await services.alarms.receive(alarm, BY)
        assert not isinstance(answer, Refused)
        return answer.repeated

    said = [await say(), await say(is_new=False), await say(), await say(is_new=False)]
    assert said == [False, True, False, True]
    assert not await say(pid=2, is_new=False)


# -- Home Assistant


def test_an_entity_speaks_by_its_description():
    topics = Topics()
    config = {
        "~": "zigbee2mqtt/hall", "stat_t": "~", "dev_cla": "moisture", "uniq_id": "u-1",
        "val_tpl": "{{ value_json['water_leak'] }}", "pl_on": True, "pl_off": False,
        "avty": [{"topic": "~/availability", "value_template": "{{ value_json.state }}"}],
        "dev": {"identifiers": ["0x77"]},
    }  # fmt: skip
    topic = "homeassistant/binary_sensor/0x77/water_leak/config"
    assert alarms(topics, topic, config) == ()
    (wet,) = alarms(topics, "zigbee2mqtt/hall", {"water_leak": True, "occupancy": True})
    assert (wet.device, wet.kind, wet.signal, wet.zone) == (
        "gate/0x77",
        "water",
        "raised",
        "water_leak",
    )
    (dry,) = alarms(topics, "zigbee2mqtt/hall", {"water_leak": False})
    assert dry.signal == "cleared"
    (gone,) = alarms(topics, "zigbee2mqtt/hall/availability", {"state": "offline"})
    assert (gone.device, gone.kind, gone.signal) == ("gate/0x77", "supervision", "trouble")
    assert alarms(topics, topic, b"") == ()  # the entity is taken away
    assert topics.read(message("zigbee2mqtt/hall", {"water_leak": True})) == Refused(
        "topic_unread", ""
    )


def test_a_description_of_a_whole_device_and_a_gateway_of_many():
    topics = Topics()
    parts = {
        "a": {"p": "binary_sensor", "dev_cla": "smoke", "stat_t": "s/a", "uniq_id": "a"},
        "b": {"p": "binary_sensor", "dev_cla": "motion", "stat_t": "s/b", "uniq_id": "b"},
        "c": {"p": "sensor", "dev_cla": "battery", "stat_t": "s/c", "uniq_id": "c"},
    }
    for each in ("d1", "d2"):
        config = {"dev": {"ids": each}, "cmps": parts, "avty_t": "bridge/state"}
        alarms(topics, f"homeassistant/device/{each}/config", config)
    assert {each.device for each in alarms(topics, "s/a", b"ON")} == {"gate/d1", "gate/d2"}
    assert topics.read(message("s/b", b"ON")) == Refused("topic_unread", "")
    assert alarms(topics, "s/c", b"41.5")[0].values == {"battery_percent": 41.5}
    (gone,) = alarms(topics, "bridge/state", b"offline")
    assert gone.device == "gate/bridge/state"


def test_nobody_describes_the_entities_of_another_sender():
    topics = Topics()
    describe(topics, "binary_sensor", "smoke")
    other = Message("other", "site/x", b"ON", 1, 1)
    assert topics.read(other) == Refused("topic_unread", "")


# -- states, retained messages, mappings of the operator


async def test_a_state_that_is_told_again_is_a_sign_of_life():
    desk, now = KeptDesk(), [0.0]
    keeper, share = Keeper(Topics(), desk), Share(100)

    async def say(smoke: int, count: int) -> None:
        work = keeper.begin(message(UP, uplink(count, smoke=smoke)), share, now[0])
        assert isinstance(work, Job)
        assert await keeper.keep(work, lambda: now[0]) == Outcome()

    for count, smoke in enumerate((0, 0, 1, 1, 1, 0, 0, 1)):
        await say(smoke, count)
    told = [each.signal for each in desk.kept if each.signal != "heard"]
    assert told == ["cleared", "raised", "cleared", "raised"]
    now[0] = 4_000.0
    await say(1, 9)  # still there an hour later: told once more
    assert [each.signal for each in desk.kept if each.signal == "raised"] == ["raised"] * 3


def test_what_a_broker_had_retained_is_known_again():
    topics, payload = Topics(), {"kind": "smoke"}
    one, two = (
        alarms(topics, "tocsin/a/alarm", payload, is_retained=True, pid=pid)[0] for pid in (1, 9)
    )
    assert (one.key, one.session, one.is_new) == (two.key, "retained", False)


def test_an_operators_mapping_and_fields_come_first():
    lift = JsonMapping(kind="=entrapment", signal="/state", signals={"stuck": "raised"})
    given_settings = MqttSettings(
        topic=(Route("lifts/+/state", "lift"), Route("tocsin/+/alarm", "lift")),
        mapping=(Mapping("lift", lift),),
    )
    topics = Topics(meanings_of(given_settings))
    (alarm,) = alarms(topics, "lifts/7/state", {"state": "stuck"})
    assert (alarm.device, alarm.kind) == ("gate/7", "entrapment")
    assert alarms(topics, "tocsin/a/alarm", {"state": "stuck"})[0].kind == "entrapment"


# -- no bytes raise

JSONISH = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)
KEYS = st.sampled_from(
    "kind device signal values bn n v vb vs bt t u deviceInfo devEui devAddr fCnt object smoke "
    "stat_t dev_cla val_tpl avty ids dev cmps p ~ batteryLevel time".split()
)
DOCUMENTS = st.dictionaries(
    KEYS, JSONISH | st.sampled_from(["smoke", EUI, "site/x", True]), max_size=8
)
TOPICS = st.sampled_from(
    ["tocsin/a/alarm", "tocsin/a/reading", "tocsin/a/status", "tocsin/a/senml",
     "tocsin/a/senml-cbor", UP, UP[:-2] + "status", UP[:-2] + "join", "site/x",
     "homeassistant/binary_sensor/x/config", "homeassistant/device/x/config"]
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(
    st.lists(
        st.tuples(TOPICS, DOCUMENTS | st.lists(DOCUMENTS, max_size=3), st.booleans()), max_size=5
    )
)
def test_no_message_raises_or_becomes_more_than_the_desk_takes(said: list[Any]):
    topics = Topics()
    for topic, document, is_cbor in said:
        data = cbor2.dumps(document) if is_cbor else json.dumps(document).encode()
        found = topics.read(message(topic, data))
        if isinstance(found, Read):
            for each in found.alarms:
                assert oversized(each) == []


@settings(max_examples=300, deadline=None)
@given(TOPICS, st.binary(max_size=200))
def test_no_bytes_raise(topic: str, data: bytes):
    assert isinstance(Topics().read(message(topic, data)), Read | Refused)


@pytest.mark.parametrize("depth", [50, 5_000])
def test_a_pack_that_is_deep_is_refused(depth: int):
    for data in (b"\x81" * depth + b"\x00", b"[" * depth + b"]" * depth, b"\xc1" * depth + b"\x00"):
        for topic in ("tocsin/a/senml-cbor", "tocsin/a/senml", "tocsin/a/alarm"):
            assert isinstance(Topics().read(message(topic, data)), Refused)

"""Home Assistant's discovery: entities that describe themselves, and then say how they are.

Read are binary sensors of the classes on the list, and readings of batteries. What detects people
(motion, occupancy, presence, cameras, trackers) is dropped where it is read, as is every topic of
an entity that was dropped. Templates are no programs here: the plain ones that name one member are
understood, and an entity with another one is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from tocsin.intakes.mqtt.plain import decoded, told_there
from tocsin.intakes.mqtt.rights import is_topic
from tocsin.kernel.shared import Refused
from tocsin.runtime.alarm_ports import CODE_MAX, IncomingAlarm, Signal
from tocsin.runtime.json_mapping import at_path, clean, number_of

SOURCE: Final = "mqtt"
ENTITIES_MAX: Final = 20_000
"""Entities that are remembered: a town of five thousand detectors with four each."""
PARTS_MAX: Final = 50
"""Entities in one description of a device, and topics of availability of one entity."""
PATH_MAX: Final = 100
"""Characters of the path of a member."""
SHORT: Final = {
    "stat_t": "state_topic", "dev_cla": "device_class", "uniq_id": "unique_id",
    "avty_t": "availability_topic", "avty": "availability", "avty_tpl": "availability_template",
    "pl_on": "payload_on", "pl_off": "payload_off", "pl_avail": "payload_available",
    "pl_not_avail": "payload_not_available", "dev": "device", "val_tpl": "value_template",
    "t": "topic", "ids": "identifiers", "cmps": "components", "p": "platform",
}  # fmt: skip
"""Abbreviations of the members that are read."""
MEMBER: Final = re.compile(r"^\{\{\s*value_json((?:\.\w+|\[['\"][^'\"\]]+['\"]\])+)\s*\}\}$")
STEP: Final = re.compile(r"\.(\w+)|\[['\"]([^'\"\]]+)['\"]\]")
WHOLE: Final = re.compile(r"^(\{\{\s*value\s*\}\})?$")


@dataclass(frozen=True, slots=True)
class There:
    """One topic of availability."""

    topic: str
    path: str
    on: str
    off: str


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity that is read: a condition (`kind`) or a reading."""

    device: str
    name: str
    topic: str
    path: str
    kind: str = ""
    reading: str = ""
    on: str = "ON"
    off: str = "OFF"
    there: tuple[There, ...] = ()


class Discovery:
    """Entities by the topic that described them, for each sender apart."""

    def __init__(self, binary_sensor: Mapping[str, str], sensor: Mapping[str, str]) -> None:
        self._kinds = binary_sensor
        self._readings = sensor
        self._known: dict[tuple[str, str], tuple[Entity, ...]] = {}
        self._by_topic: dict[tuple[str, str], dict[str, Entity]] = {}
        self._there: dict[tuple[str, str], dict[str, tuple[Entity, There]]] = {}

    def listens(self, sender: str, topic: str) -> bool:
        """Whether an entity that is read speaks under a topic."""
        return (sender, topic) in self._by_topic or (sender, topic) in self._there

    def describe(self, sender: str, topic: str, payload: bytes) -> Refused | None:
        """One message under `homeassistant/`; None also for what is not read."""
        levels = topic.split("/")
        if len(levels) not in (4, 5) or levels[-1] != "config":
            return None
        component = levels[1]
        if component not in ("binary_sensor", "sensor", "device"):
            return None
        self._forget(sender, topic)
        if not payload:  # the entity is gone
            return None
        document = decoded(payload)
        if isinstance(document, Refused) or not isinstance(document, dict):
            return Refused("unreadable", "not a description")
        found: list[Entity] = []
        for kind, name, config in _parts(component, levels[-2], cast(dict[str, Any], document)):
            entity = self._entity(kind, name, config)
            if isinstance(entity, Refused):
                return entity
            if entity is not None:
                found.append(entity)
        if found and len(self._known) < ENTITIES_MAX:
            self._learn(sender, topic, tuple(found))
        return None

    def told(self, sender: str, topic: str, payload: bytes) -> tuple[IncomingAlarm, ...]:
        """What a message says of the entities that listen on its topic."""
        found: list[IncomingAlarm] = []
        for _, entity in sorted(self._by_topic.get((sender, topic), {}).items()):
            word = _word(payload, entity.path)
            if (alarm := _state(entity, word)) is not None:
                found.append(alarm)
        gone: dict[str, bool] = {}
        for _, (entity, there) in sorted(self._there.get((sender, topic), {}).items()):
            word = _word(payload, there.path)
            if word in (there.on, there.off):
                gone[entity.device] = word == there.on
        # Many devices behind one topic: it is their gateway that speaks of itself.
        if len(gone) > 1:
            gone = {topic: next(iter(gone.values()))}
        return (*found, *(told_there(each, is_there=is_on) for each, is_on in gone.items()))

    def _entity(
        self, component: str, name: str, config: Mapping[str, Any]
    ) -> Entity | Refused | None:
        """What is read of a description; None for what is not on the lists."""
        device_class = config.get("device_class")
        if not isinstance(device_class, str):
            return None
        kind = self._kinds.get(device_class, "") if component == "binary_sensor" else ""
        reading = self._readings.get(device_class, "") if component == "sensor" else ""
        if not kind and not reading:
            return None
        topic = _joined(config, config.get("state_topic"))
        path = _path(config.get("value_template"))
        if path is None:
            return Refused("template_unread", "a template that is not one member")
        if not topic:
            return Refused("mapping_misses", "state_topic")
        return Entity(
            _device(config, name), clean(name)[:CODE_MAX], topic, path, kind, reading,
            _said(config.get("payload_on"), "ON"), _said(config.get("payload_off"), "OFF"),
            tuple(_availability(config)),
        )  # fmt: skip

    def _learn(self, sender: str, topic: str, entities: tuple[Entity, ...]) -> None:
        self._known[sender, topic] = entities
        for number, each in enumerate(entities):
            mark = f"{topic}#{number}"
            self._by_topic.setdefault((sender, each.topic), {})[mark] = each
            for there in each.there:
                self._there.setdefault((sender, there.topic), {})[mark] = each, there

    def _forget(self, sender: str, topic: str) -> None:
        for number, each in enumerate(self._known.pop((sender, topic), ())):
            mark = f"{topic}#{number}"
            _drop(self._by_topic, (sender, each.topic), mark)
            for there in each.there:
                _drop(self._there, (sender, there.topic), mark)


def _drop(table: dict[tuple[str, str], dict[str, Any]], key: tuple[str, str], mark: str) -> None:
    found = table.get(key, {})
    found.pop(mark, None)
    if not found:
        table.pop(key, None)


def _parts(
    component: str, name: str, document: dict[str, Any]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(component, name, description) of every entity; abbreviations are written out."""
    config = _spelt(document)
    if component != "device":
        yield component, name, config
        return
    parts = config.get("components")
    if not isinstance(parts, dict):
        return
    shared = {key: value for key, value in config.items() if key != "components"}
    for each, part in sorted(cast(dict[str, Any], parts).items())[:PARTS_MAX]:
        if isinstance(part, dict):
            own = _spelt(cast(dict[str, Any], part))
            platform = own.get("platform")
            yield platform if isinstance(platform, str) else "", each, {**shared, **own}


def _spelt(config: Mapping[str, Any]) -> dict[str, Any]:
    return {SHORT.get(key, key): value for key, value in config.items()}


def _device(config: Mapping[str, Any], name: str) -> str:
    """The device an entity belongs to: its first identifier, else the entity itself."""
    device = config.get("device")
    found: object = None
    if isinstance(device, dict):
        found = _spelt(cast(dict[str, Any], device)).get("identifiers")
    if isinstance(found, list) and found:
        found = cast(list[object], found)[0]
    if not isinstance(found, str) or not found:
        found = config.get("unique_id")
    return clean(found) if isinstance(found, str) and clean(found) else clean(name) or "entity"


def _joined(config: Mapping[str, Any], topic: object) -> str:
    """A topic with `~` written out; nothing where it is none."""
    if not isinstance(topic, str):
        return ""
    base = config.get("~")
    if isinstance(base, str):
        if topic.startswith("~"):
            topic = base + topic[1:]
        elif topic.endswith("~"):
            topic = topic[:-1] + base
    return topic if is_topic(topic) else ""


def _path(template: object) -> str | None:
    """The path of the one member a template names, "" for the whole; None for any other one."""
    if template is None or (isinstance(template, str) and WHOLE.match(template.strip())):
        return ""
    found = MEMBER.match(template.strip()) if isinstance(template, str) else None
    if found is None:
        return None
    steps = [one or other for one, other in STEP.findall(found[1])]
    path = "".join("/" + each.replace("~", "~0").replace("/", "~1") for each in steps)
    return path if len(path) <= PATH_MAX else None


def _availability(config: Mapping[str, Any]) -> Iterator[There]:
    listed = config.get("availability")
    rows = cast(list[object], listed) if isinstance(listed, list) else [listed]
    if config.get("availability_topic") is not None:
        rows = [
            {
                "topic": config["availability_topic"],
                "value_template": config.get("availability_template"),
                "payload_available": config.get("payload_available"),
                "payload_not_available": config.get("payload_not_available"),
            }
        ]
    for row in rows[:PARTS_MAX]:
        if not isinstance(row, dict):
            continue
        one = _spelt(cast(dict[str, Any], row))
        topic, path = _joined(config, one.get("topic")), _path(one.get("value_template"))
        if topic and path is not None:
            on = _said(one.get("payload_available"), "online")
            yield There(topic, path, on, _said(one.get("payload_not_available"), "offline"))


def _said(value: object, otherwise: str) -> str:
    """A payload as a template would print it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value.lower() if value in ("True", "False") else value
    return str(value) if isinstance(value, int) else otherwise


def _word(payload: bytes, path: str) -> str:
    if not path:
        return clean(payload[:PATH_MAX].decode("utf-8", "replace"))
    document = decoded(payload)
    if isinstance(document, Refused):
        return ""
    found = at_path(document, path)
    return repr(found) if isinstance(found, float) else _said(found, "")


def _state(entity: Entity, word: str) -> IncomingAlarm | None:
    if entity.reading:
        try:
            number = number_of(float(word))
        except ValueError:
            return None
        if number is None:
            return None
        return IncomingAlarm(SOURCE, entity.device, "", "heard", values={entity.reading: number})
    signal: Signal
    if word == entity.on:
        signal = "raised"
    elif word == entity.off:
        signal = "cleared"
    else:
        return None
    return IncomingAlarm(SOURCE, entity.device, entity.kind, signal, zone=entity.name)


__all__ = ["Discovery", "Entity"]

"""The meaning of topics and fields as data: what is built in, and what an operator adds to it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from tocsin.intakes.mqtt.fields import Field
from tocsin.intakes.mqtt.rights import matches
from tocsin.intakes.mqtt.settings import MqttSettings, Route
from tocsin.runtime.intake_settings import IntakeError
from tocsin.runtime.json_mapping import JsonMapping

CODE: Final = "mqtt"
FORMATS: Final = (
    "json", "availability", "senml", "senml-cbor", "chirpstack", "homeassistant", "frigate",
)  # fmt: skip
"""The mappings that are ours."""
STATEFUL: Final = ("senml", "senml-cbor", "chirpstack", "homeassistant", "frigate")
"""Those whose messages say how it is, again and again, and not what just happened."""


@dataclass(frozen=True)
class Meanings:
    """Routes in their order, mappings by name, fields by name, device classes by component."""

    routes: tuple[Route, ...]
    mappings: dict[str, JsonMapping]
    fields: dict[str, Field]
    binary_sensor: dict[str, str]
    sensor: dict[str, str]

    def route(self, topic: str) -> Route | None:
        """How messages under a topic are read; None where they are not."""
        return next((each for each in self.routes if matches(each.filter, topic)), None)


@cache
def built_in() -> Meanings:
    """What stands in `meanings.toml`."""
    table: dict[str, Any] = tomllib.loads(
        Path(__file__).with_name("meanings.toml").read_text(encoding="utf-8")
    )
    return Meanings(
        tuple(msgspec.convert(table["topic"], list[Route])),
        {"json": msgspec.convert(table["json"], JsonMapping)},
        msgspec.convert(table["fields"], dict[str, Field]),
        table["binary_sensor"],
        table["sensor"],
    )


def meanings_of(settings: MqttSettings) -> Meanings:
    """The built-in meanings under those of the operator. Raises IntakeError for a topic whose
    mapping does not exist."""
    ours = built_in()
    mappings = ours.mappings | {each.name: each.json for each in settings.mapping}
    for route in settings.topic:
        if route.mapping not in mappings and route.mapping not in FORMATS:
            raise IntakeError("bad_value", CODE, f"there is no mapping {route.mapping!r}")
    fields = {name.lower(): each for name, each in settings.fields.items()}
    return Meanings(
        (*settings.topic, *ours.routes), mappings, ours.fields | fields,
        ours.binary_sensor, ours.sensor,
    )  # fmt: skip

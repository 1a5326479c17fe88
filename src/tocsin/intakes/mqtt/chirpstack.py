"""Events of ChirpStack v4 in JSON: uplinks, joins, states. Pure but for the runs of counters.

Read are the device, its counter, when, and those decoded fields that are on the list. Positions,
gateways, tags and names are not.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Any, Final, cast

from tocsin.intakes.mqtt.fields import Fields, condition_of, reading_of
from tocsin.intakes.mqtt.plain import decoded
from tocsin.kernel.shared import Refused
from tocsin.runtime.alarm_ports import CODE_MAX, VALUES_MAX, IncomingAlarm, Signal
from tocsin.runtime.json_mapping import at_path, instant_of, number_of, short, word_of

SOURCE: Final = "mqtt"
EUI: Final = re.compile(r"^[0-9a-f]{16}$")
DEPTH_MAX: Final = 4
"""Levels of a decoded uplink that are looked at."""
FIELDS_MAX: Final = 200
"""Fields of a decoded uplink that are looked at."""
RUNS_MAX: Final = 50_000
"""Devices whose counter is remembered; the one unheard longest is forgotten first."""
READ: Final = ("up", "join", "status")
"""The events that are read. `location` says where a device is, which may be with a person."""


class Runs:
    """Which run of its counter each device is in: a counter that goes back began anew."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, tuple[str, int, str]] = OrderedDict()

    def session(self, device: str, address: str, count: int, key: str) -> str:
        """The session of an uplink: its network address, and the first message of the run where
        the counter went back under the same address."""
        known = self._runs.pop(device, None)
        run = known[2] if known is not None and known[0] == address else ""
        last = known[1] if known is not None and known[0] == address else -1
        if count < last:
            run = key
        self._runs[device] = address, count, run
        if len(self._runs) > RUNS_MAX:
            self._runs.popitem(last=False)
        return short(f"{address}-{run}" if run else address)


def read_event(
    topic: str, payload: bytes, fields: Fields, runs: Runs, prefix: str
) -> tuple[IncomingAlarm, ...] | Refused | None:
    """The alarms of an event and its sign of life; None for an event that is not read."""
    levels = topic.split("/")
    event = levels[-1]
    if event not in READ:
        return None
    document = decoded(payload)
    if isinstance(document, Refused):
        return document
    eui = word_of(at_path(document, "/deviceInfo/devEui")).lower()
    if not EUI.match(eui) or (len(levels) >= 3 and levels[-3].lower() != eui):
        return Refused("mapping_misses", "devEui")
    key = short(word_of(at_path(document, "/deduplicationId")))
    at = instant_of(at_path(document, "/time"))
    if event == "join":
        return (IncomingAlarm(SOURCE, eui, "", "heard", key=key, at=at),)
    if event == "status":
        values = _status(document)
        return (IncomingAlarm(SOURCE, eui, "", "heard", key=key, at=at, values=values),)
    count = number_of(at_path(document, "/fCnt"))
    if count is None or not 0 <= count < 2**32 or count != int(count):
        return Refused("mapping_misses", "fCnt")
    address = word_of(at_path(document, "/devAddr"))
    session = runs.session(f"{prefix}{eui}", address, int(count), key)
    found, readings = _decoded_fields(at_path(document, "/object"), fields)
    alarms = [
        IncomingAlarm(
            SOURCE, eui, kind, signal, session=session, sequence=int(count), zone=leaf[:CODE_MAX],
            key=short(f"{key}-{leaf}") if key else "", at=at,
        )
        for kind, signal, leaf in found
    ]  # fmt: skip
    heard = IncomingAlarm(
        SOURCE, eui, "", "heard", session=session, sequence=int(count), key=key, at=at,
        values=readings,
    )  # fmt: skip
    return (*alarms, heard)


def _status(document: object) -> dict[str, float]:
    level = number_of(at_path(document, "/batteryLevel"))
    is_none = at_path(document, "/batteryLevelUnavailable") is True
    is_mains = at_path(document, "/externalPowerSource") is True
    if level is None or is_none or is_mains or not 0 <= level <= 100:
        return {}
    return {"battery_percent": level}


def _decoded_fields(
    found: object, fields: Fields
) -> tuple[list[tuple[str, Signal, str]], dict[str, float]]:
    """Conditions (kind, signal, field) and readings of what a codec made of the payload."""
    conditions: list[tuple[str, Signal, str]] = []
    readings: dict[str, float] = {}
    waiting: list[tuple[object, int]] = [(found, 0)]
    looked = 0
    while waiting:
        here, depth = waiting.pop()
        if not isinstance(here, dict) or depth >= DEPTH_MAX:
            continue
        for name, value in sorted(
            (each for each in cast(dict[Any, object], here).items() if isinstance(each[0], str)),
            key=lambda each: each[0],
        ):
            looked += 1
            if looked > FIELDS_MAX:
                return conditions, readings
            field = fields.get(name.lower())
            if isinstance(value, dict):
                waiting.append((cast(object, value), depth + 1))
            elif field is not None and field.kind:
                if (signal := condition_of(value)) is not None:
                    conditions.append((field.kind, signal, name))
            elif field is not None and len(readings) < VALUES_MAX:
                number = reading_of(field, value)
                if number is not None:
                    readings[field.reading] = number
    return conditions, readings

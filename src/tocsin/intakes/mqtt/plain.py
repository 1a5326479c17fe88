"""Messages in JSON by a mapping, and words of availability. Pure; never raises."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec.structs import replace

from tocsin.intakes.mqtt.settings import Route
from tocsin.kernel.shared import Refused
from tocsin.runtime.alarm_ports import IncomingAlarm, Signal
from tocsin.runtime.json_mapping import JsonMapping, at_path, clean, mapped

SOURCE: Final = "mqtt"
SUPERVISION: Final = "supervision"
"""The kind of a device that is not there: its own broker or its last will says so."""
HERE: Final = ("online", "on", "true", "1", "connected", "ready", "alive")
GONE: Final = ("offline", "off", "false", "0", "disconnected", "lost", "dead")
WORD_MAX: Final = 64
"""Bytes of a word of availability."""


def decoded(payload: bytes) -> object | Refused:
    """A payload as JSON."""
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Refused("unreadable", "not JSON")


def read_json(
    mapping: JsonMapping, route: Route, name: str, payload: bytes
) -> tuple[IncomingAlarm, ...] | Refused:
    """The alarms of a message. A message that does not name its device is of the one in the topic,
    one that does not say a signal has that of the route."""
    document = decoded(payload)
    if isinstance(document, Refused):
        return document
    if not mapping.items:
        if at_path(document, mapping.device) is None:
            mapping = replace(mapping, device=f"={name}")
        if at_path(document, mapping.signal) is None:
            mapping = replace(mapping, signal=f"={route.signal}")
    return mapped(mapping, SOURCE, document)


def read_availability(name: str, payload: bytes) -> tuple[IncomingAlarm, ...] | Refused:
    """Whether a device is there: one word, or JSON with it under `state`."""
    word = word_in(payload)
    if word in HERE:
        return (told_there(name, is_there=True),)
    if word in GONE:
        return (told_there(name, is_there=False),)
    return Refused("unreadable", "neither online nor offline")


def told_there(name: str, *, is_there: bool) -> IncomingAlarm:
    """What a word of availability becomes."""
    signal: Signal = "cleared" if is_there else "trouble"
    return IncomingAlarm(SOURCE, name, SUPERVISION, signal)


def word_in(payload: bytes) -> str:
    """One word in small letters; of JSON what stands under `state`. Nothing for anything else."""
    if len(payload) > WORD_MAX:
        return ""
    text = clean(payload.decode("utf-8", "replace")).strip().strip('"').lower()
    if not text.startswith("{"):
        return text
    document = decoded(payload)
    found = at_path(document, "/state") if not isinstance(document, Refused) else None
    return found.strip().lower() if isinstance(found, str) else ""

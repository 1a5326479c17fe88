"""CloudEvents 1.0 over HTTP: structured, in batches, and binary. Pure; it never raises.

What an event says: `source` and `subject` are the device, `type` the kind, `id` the message, `time`
the instant. Of its data only `text`, `zone`, `lon`, `lat` and numbers in `values` are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast
from urllib.parse import unquote

import msgspec

from tocsin.kernel.shared import Refused
from tocsin.runtime.alarm_ports import (
    CODE_MAX,
    DEVICE_MAX,
    SIGNALS,
    TEXT_MAX,
    IncomingAlarm,
)
from tocsin.runtime.json_mapping import (
    ITEMS_MAX,
    SEQUENCE_MAX,
    at_path,
    instant_of,
    numbers_of,
    place_of,
    short,
    word_of,
)

SOURCE: Final = "cloudevents"
BODY_MAX: Final = 262_144
"""Bytes of one request: events are meant to be under 64 kB each, and come in small batches."""
STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
_VERSION: Final = "1.0"


def parse(data: bytes, headers: Mapping[str, str]) -> tuple[IncomingAlarm, ...] | Refused:
    """The alarms of one request, in their order."""
    if len(data) > BODY_MAX:
        return Refused("too_large", f"more than {BODY_MAX} bytes")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == BATCH:
            events: object = msgspec.json.decode(data)
        elif kind == STRUCTURED:
            events = [msgspec.json.decode(data)]
        else:
            events = [_binary(data, headers, kind)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Refused("unreadable", "not JSON")
    if not isinstance(events, list):
        return Refused("unreadable", "a batch is a list")
    rows = cast(list[object], events)
    if len(rows) > ITEMS_MAX:
        return Refused("too_many", f"more than {ITEMS_MAX} events")
    made: list[IncomingAlarm] = []
    for each in rows:
        alarm = _alarm(each)
        if isinstance(alarm, Refused):
            return alarm
        made.append(alarm)
    return tuple(made)


def _binary(data: bytes, headers: Mapping[str, str], kind: str) -> dict[str, Any]:
    """An event whose attributes are headers (`ce-…`, percent-encoded), its data the body."""
    event: dict[str, Any] = {
        name[3:].lower(): unquote(value)
        for name, value in headers.items()
        if name.lower().startswith("ce-")
    }
    if data and kind.endswith(("/json", "+json")):
        event["data"] = msgspec.json.decode(data)
    return event


def _alarm(event: object) -> IncomingAlarm | Refused:
    def word(name: str) -> str:
        return word_of(at_path(event, f"/{name}"))

    if word("specversion") != _VERSION:
        return Refused("version_unread", "specversion is 1.0")
    for name in ("id", "source", "type"):
        if not word(name):
            return Refused("mapping_misses", name)
    device = word("source") + (f"#{word('subject')}" if word("subject") else "")
    kind, signal = _kind(word("type"), word("signal"))
    if signal not in SIGNALS:
        return Refused("mapping_misses", "signal")
    if len(device) > DEVICE_MAX:
        return Refused("mapping_misses", "source")
    if not kind or len(kind) > CODE_MAX:
        return Refused("mapping_misses", "type")
    sequence = word("sequence")
    is_count = sequence.isascii() and sequence.isdigit() and len(sequence) < 16
    return IncomingAlarm(
        source=SOURCE,
        device=device,
        kind=kind,
        signal=signal,
        session=short(word("session")),
        sequence=int(sequence) if is_count and int(sequence) < SEQUENCE_MAX else None,
        key=short(word("id")),
        at=instant_of(word("time")),
        zone=word_of(at_path(event, "/data/zone"))[:CODE_MAX],
        text=word_of(at_path(event, "/data/text"))[:TEXT_MAX],
        place=place_of(at_path(event, "/data/lon"), at_path(event, "/data/lat")),
        values=numbers_of(at_path(event, "/data/values")),
        is_drill=word("drill") == "true",
        sender=word("source")[:DEVICE_MAX] if sequence else "",
    )


def _kind(type_name: str, said: str) -> tuple[str, str]:
    """The kind and the signal: by the extension `signal`, else by the last word of the type
    (`org.town.smoke.cleared`), else raised."""
    if said:
        return type_name, said
    start, _, last = type_name.rpartition(".")
    return (start, last) if start and last in SIGNALS else (type_name, "raised")

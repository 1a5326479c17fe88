"""SenML (RFC 8428) in JSON and CBOR: records to readings and conditions. Pure; never raises.

Only names on the list of fields are read. A name is what a record's `n` follows its `bn`; the
field is its last part, the device what stands before it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, Final, cast

import cbor2
import msgspec

from tocsin.intakes.mqtt.fields import Fields, condition_of, reading_of
from tocsin.kernel.shared import Instant, Refused
from tocsin.runtime.alarm_ports import CODE_MAX, VALUES_MAX, IncomingAlarm, Signal
from tocsin.runtime.json_mapping import EARLIEST_S, LATEST_S, number_of

SOURCE: Final = "mqtt"
RECORDS_MAX: Final = 200
"""Records of one pack."""
DEPTH_MAX: Final = 8
"""Levels of a pack in CBOR: records are two deep."""
VERSION_MAX: Final = 10
"""The version of RFC 8428; a pack that asks for more is not read (4.4)."""
RELATIVE_BELOW_S: Final = 2**28
"""Times below are relative to when the pack came (RFC 8428, 4.5.3)."""
LABELS: Final = {
    -1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs",
    0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t", 7: "ut", 8: "vd",
}  # fmt: skip
"""RFC 8428, table 4."""
KNOWN: Final = frozenset(LABELS.values())
NAME: Final = re.compile(r"^[A-Za-z0-9][A-Za-z0-9:./_-]*$")
SPLIT: Final = re.compile(r"^(.*?)[:/.]?([A-Za-z0-9_-]+)$")


def read_senml(
    payload: bytes, is_cbor: bool, name: str, fields: Fields
) -> tuple[IncomingAlarm, ...] | Refused:
    """Conditions as alarms, in the order of the records, then one sign of life for each device
    with its newest readings."""
    records = _records(payload, is_cbor)
    if isinstance(records, Refused):
        return records
    base: dict[str, Any] = {}
    alarms: list[IncomingAlarm] = []
    readings: dict[str, dict[str, float]] = {}
    for record in records:
        if any(key.endswith("_") and key not in KNOWN for key in record):
            return Refused("unreadable", "a field that must be understood")
        base.update({key: value for key, value in record.items() if key.startswith("b")})
        if (number_of(base.get("bver")) or VERSION_MAX) > VERSION_MAX:
            return Refused("version_unread", "a later version of SenML")
        resolved = _resolved(base, record, name)
        if resolved is None:
            return Refused("unreadable", "a record without a name")
        device, leaf = resolved
        values = readings.setdefault(device, {})
        field = fields.get(leaf.lower())
        if field is None or (field.unit and _unit(base, record) not in ("", field.unit)):
            continue
        value = _value(base, record)
        if field.reading:
            number = reading_of(field, value)
            if number is not None and len(values) < VALUES_MAX:
                values[field.reading] = number
        elif (signal := condition_of(value)) is not None:
            alarms.append(_alarm(device, field.kind, signal, _at(base, record), leaf))
    heard = [IncomingAlarm(SOURCE, each, "", "heard", values=v) for each, v in readings.items()]
    return (*alarms, *heard)


def _alarm(device: str, kind: str, signal: Signal, at: Instant | None, leaf: str) -> IncomingAlarm:
    return IncomingAlarm(SOURCE, device, kind, signal, at=at, zone=leaf[:CODE_MAX])


def _records(payload: bytes, is_cbor: bool) -> list[dict[str, Any]] | Refused:
    try:
        if is_cbor:
            found: object = cbor2.CBORDecoder(BytesIO(payload), max_depth=DEPTH_MAX).decode()
        else:
            found = msgspec.json.decode(payload)
    except Exception:  # of strangers' bytes: the decoder of CBOR raises many kinds
        return Refused("unreadable", "neither JSON nor CBOR")
    if not isinstance(found, list) or not found:
        return Refused("unreadable", "a pack is a list of records")
    rows = cast(list[object], found)
    if len(rows) > RECORDS_MAX:
        return Refused("too_many", f"more than {RECORDS_MAX}")
    records: list[dict[str, Any]] = []
    for row in rows:
        if not isinstance(row, dict):
            return Refused("unreadable", "a record is a map")
        labelled: dict[str, Any] = {}
        for key, value in cast(dict[object, Any], row).items():
            label = LABELS.get(key) if isinstance(key, int) else key
            if isinstance(label, str):
                labelled[label] = value
        records.append(labelled)
    return records


def _resolved(base: dict[str, Any], record: dict[str, Any], name: str) -> tuple[str, str] | None:
    """(device, field) of a record; where its name is the field alone, the device of the topic."""
    start, end = base.get("bn", ""), record.get("n", "")
    if not isinstance(start, str) or not isinstance(end, str):
        return None
    found = SPLIT.match(start + end) if NAME.match(start + end) else None
    return (found[1] or name, found[2]) if found is not None else None


def _unit(base: dict[str, Any], record: dict[str, Any]) -> str:
    found = record.get("u", base.get("bu", ""))
    return found if isinstance(found, str) else ""


def _value(base: dict[str, Any], record: dict[str, Any]) -> object:
    if "vb" in record:
        return record["vb"] if isinstance(record["vb"], bool) else None
    if "vs" in record:
        return record["vs"] if isinstance(record["vs"], str) else None
    own, start = number_of(record.get("v")), number_of(base.get("bv"))
    if own is None and start is None:
        return None
    return (own or 0.0) + (start or 0.0)


def _at(base: dict[str, Any], record: dict[str, Any]) -> Instant | None:
    """When, as the device says; a relative time is not the device's clock and tells nothing."""
    seconds = (number_of(base.get("bt")) or 0.0) + (number_of(record.get("t")) or 0.0)
    is_absolute = seconds >= RELATIVE_BELOW_S and EARLIEST_S <= seconds <= LATEST_S
    return datetime.fromtimestamp(seconds, UTC) if is_absolute else None

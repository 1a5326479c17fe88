"""Which members of a sender's JSON say what: an alarm by a mapping that is data.

A member is named by its path (RFC 6901, `/station/id`), a fixed word begins with `=`. Only what is
named is read: everything else in a message, and whoever it may speak of, is dropped here.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Final, cast
from unicodedata import category

import msgspec
from msgspec import Meta

from tocsin.kernel.shared import Instant, Place, Refused
from tocsin.runtime.alarm_ports import (
    CODE_MAX,
    DEVICE_MAX,
    KEY_MAX,
    SIGNALS,
    TEXT_MAX,
    TYPED_MAX,
    VALUES_MAX,
    IncomingAlarm,
    Signal,
)

ITEMS_MAX: Final = 100
"""Alarms of one message."""
SEQUENCE_MAX: Final = 2**53
"""The largest count that JSON carries exactly."""
EARLIEST_S: Final = 946_684_800
"""Seconds since 1970 of the year 2000; a clock that says less was never set."""
LATEST_S: Final = 4_102_444_800
"""The year 2100."""

Path = Annotated[str, Meta(pattern=r"^(/.*|=.*)?$", max_length=200)]


class JsonMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where each part of an alarm stands. `items` is where a list of alarms stands; the other
    paths then begin at each of them. `kinds` and `signals` translate the sender's words; a signal
    that is not translated must be one of ours, and without one it is `raised`. Times are RFC 3339
    or seconds since 1970; places degrees in WGS84; readings as the sender has them."""

    device: Path = "/device"
    kind: Path = "/kind"
    signal: Path = "/signal"
    session: Path = "/session"
    sequence: Path = "/sequence"
    key: Path = "/key"
    at: Path = "/at"
    zone: Path = "/zone"
    text: Path = "/text"
    lon: Path = "/lon"
    lat: Path = "/lat"
    drill: Path = "/drill"
    code: Path = ""
    items: Path = ""
    kinds: dict[str, str] = {}
    signals: dict[str, Signal] = {}
    values: dict[str, Path] = {}


def mapped(
    mapping: JsonMapping, source: str, document: object
) -> tuple[IncomingAlarm, ...] | Refused:
    """The alarms of a decoded message, in their order. Never raises."""
    items: list[object] = [document]
    if mapping.items:
        found = at_path(document, mapping.items)
        if not isinstance(found, list):
            return Refused("mapping_misses", "items")
        items = cast(list[object], found)
        if len(items) > ITEMS_MAX:
            return Refused("too_many", f"more than {ITEMS_MAX}")
    made: list[IncomingAlarm] = []
    for item in items:
        alarm = _alarm(mapping, source, item)
        if isinstance(alarm, Refused):
            return alarm
        made.append(alarm)
    return tuple(made)


def at_path(document: object, path: str) -> object:
    """What stands at a path; None where nothing does."""
    if path.startswith("="):
        return path[1:]
    here = document
    for name in _parts(path):
        if isinstance(here, dict):
            here = cast(dict[str, object], here).get(name)
        elif isinstance(here, list) and name.isascii() and name.isdigit() and len(name) < 6:
            row = cast(list[object], here)
            here = row[int(name)] if int(name) < len(row) else None
        else:
            return None
    return here


@lru_cache(1_000)
def _parts(path: str) -> tuple[str, ...]:
    """The names in a path: a mapping has a dozen, and every message is read by them."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:])


def _alarm(mapping: JsonMapping, source: str, item: object) -> IncomingAlarm | Refused:
    def word(path: str) -> str:
        return word_of(at_path(item, path)) if path else ""

    device, kind, said = word(mapping.device), word(mapping.kind), word(mapping.signal)
    signal = mapping.signals.get(said, said or "raised")
    if signal not in SIGNALS:
        return Refused("mapping_misses", "signal")
    if not device or len(device) > DEVICE_MAX:
        return Refused("mapping_misses", "device")
    kind = mapping.kinds.get(kind, kind)
    if len(kind) > CODE_MAX or (not kind and signal != "heard"):
        return Refused("mapping_misses", "kind")
    sequence = number_of(at_path(item, mapping.sequence)) if mapping.sequence else None
    readings = {name: number_of(at_path(item, path)) for name, path in mapping.values.items()}
    return IncomingAlarm(
        source=source,
        device=device,
        kind=kind,
        signal=signal,
        session=short(word(mapping.session)),
        sequence=int(sequence) if sequence is not None and 0 <= sequence < SEQUENCE_MAX else None,
        key=short(word(mapping.key)),
        at=instant_of(at_path(item, mapping.at)) if mapping.at else None,
        zone=word(mapping.zone)[:CODE_MAX],
        text=word(mapping.text)[:TEXT_MAX],
        place=place_of(at_path(item, mapping.lon), at_path(item, mapping.lat)),
        values={name: each for name, each in sorted(readings.items()) if each is not None},
        is_drill=at_path(item, mapping.drill) is True or word(mapping.drill) == "true",
        code=word(mapping.code)[:TYPED_MAX],
    )


def word_of(value: object) -> str:
    """A member as a word: text as it is, whole numbers in digits, anything else nothing."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) and abs(value) < SEQUENCE_MAX else ""


def clean(text: str) -> str:
    """A text without what is no text (NULs, controls, halves of characters): a stray byte is no
    reason to refuse an alarm."""
    if text.isprintable():
        return text.strip()
    kept = (each for each in text if each in "\n\t" or category(each) not in ("Cc", "Cs"))
    return "".join(kept).strip()


def number_of(value: object) -> float | None:
    """A member as a number; None for what is none, infinite or true."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and abs(value) > SEQUENCE_MAX:
        return None
    return float(value) if math.isfinite(value) else None


def place_of(lon: object, lat: object) -> Place | None:
    """A place from degrees in WGS84; None where either is missing or off the map."""
    east, north = number_of(lon), number_of(lat)
    if east is None or north is None or abs(east) > 180 or abs(north) > 90:
        return None
    return Place(east, north)


def instant_of(value: object) -> Instant | None:
    """RFC 3339 with an offset, or seconds since 1970; None for anything else."""
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
            return at.astimezone(UTC) if at.tzinfo is not None else None
        seconds = number_of(value)
        if seconds is None or not EARLIEST_S <= seconds <= LATEST_S:
            return None
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError):
        return None


def short(text: str) -> str:
    """A session or key that the desk takes: long ones are hashed."""
    return text if len(text) <= KEY_MAX else hashlib.sha256(text.encode()).hexdigest()


def numbers_of(found: object) -> Mapping[str, float]:
    """The readings in an object of numbers; others are left out."""
    if not isinstance(found, dict):
        return {}
    readings = {
        clean(name)[:CODE_MAX]: number
        for name, value in sorted(cast(dict[Any, object], found).items())
        if isinstance(name, str) and (number := number_of(value)) is not None
    }
    return dict(list(readings.items())[:VALUES_MAX])

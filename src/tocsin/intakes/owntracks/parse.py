"""One OwnTracks message: bytes to a position, or a reason why not.

OwnTracks sends much that is nobody's business (names of networks, battery, waypoints, an id of the
telephone). Only place, time, accuracy, course and speed are read; the rest is never kept.
Format: https://owntracks.org/booklet/tech/json/ (`_type` location: `lat`, `lon`, `tst`; `acc` in
metres, `cog` in degrees, `vel` in km/h).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from tocsin.kernel.shared import Place, Refused
from tocsin.runtime.positions import IncomingPosition

BODY_MAX: Final = 16_384
"""Bytes of one message: a location has a few hundred, one with regions some thousand."""
KMH_PER_MPS: Final = 3.6
EARLIEST_S: Final = 946_684_800
"""Seconds since 1970 of the year 2000: a receiver without a fix gives 1970 or 1980."""
LATEST_S: Final = 4_102_444_800
"""The year 2100, so that every instant between can be written down."""
ACCURACY_MAX_M: Final = 100_000.0
"""A worse circle says nothing about where a unit is."""
SPEED_MAX_KMH: Final = 1_000.0
"""No unit is faster; more is noise of the receiver."""


class Kind(msgspec.Struct):
    """What every OwnTracks message says of itself."""

    kind: str = msgspec.field(name="_type")


class Location(msgspec.Struct):
    """The members of a location that are read."""

    lat: float
    lon: float
    tst: float
    acc: float | None = None
    cog: float | None = None
    vel: float | None = None


_kind = msgspec.json.Decoder(Kind)
_location = msgspec.json.Decoder(Location)


def parse(data: bytes, headers: Mapping[str, str]) -> IncomingPosition | Refused:
    """The position of a message; `not_a_position` for its other kinds. Never raises."""
    if len(data) > BODY_MAX:
        return Refused("unreadable", f"more than {BODY_MAX} bytes")
    try:
        if _kind.decode(data).kind != "location":
            return Refused("not_a_position", "only _type location is read")
        found = _location.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Refused("unreadable", "not an OwnTracks message in JSON with lat, lon and tst")
    if not (-180 <= found.lon <= 180 and -90 <= found.lat <= 90):
        return Refused("bad_coordinates", "lat is -90 to 90, lon -180 to 180")
    if not EARLIEST_S <= found.tst <= LATEST_S:
        return Refused("bad_time", "tst is in seconds since 1970")
    speed_kmh = _within(found.vel, 0.0, SPEED_MAX_KMH)
    return IncomingPosition(
        datetime.fromtimestamp(found.tst, UTC),
        Place(found.lon, found.lat),
        _within(found.acc, 0.0, ACCURACY_MAX_M),
        _within(found.cog, 0.0, 360.0),
        speed_kmh / KMH_PER_MPS if speed_kmh is not None else None,
    )


def _within(value: float | None, low: float, high: float) -> float | None:
    """The value, or None where it is none: a place is worth keeping without its course."""
    return value if value is not None and low <= value <= high else None

"""JSON of a sender's own, read by a mapping that is data, and its signature. Pure; never raises."""

from __future__ import annotations

import hashlib
import hmac
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from tocsin.kernel.shared import Refused
from tocsin.runtime.alarm_ports import DEVICE_MAX, IncomingAlarm
from tocsin.runtime.json_mapping import JsonMapping, mapped

SOURCE: Final = "signed-json"
BODY_MAX: Final = 262_144
"""Bytes of one message: a hundred alarms."""
STAMP_HEADER: Final = "x-tocsin-timestamp"
SIGNATURE_HEADER: Final = "x-tocsin-signature"
WINDOW_S: Final = 300
"""How far a message's timestamp may be from our clock: what is older may be a recording."""


def default_mapping() -> JsonMapping:
    """The mapping of the manifest, for senders that have none of their own."""
    manifest = tomllib.loads(Path(__file__).with_name("manifest.toml").read_text("utf-8"))
    return msgspec.convert(manifest["mapping"], JsonMapping)


_DEFAULT: Final = default_mapping()


def parse(data: bytes, headers: Mapping[str, str]) -> tuple[IncomingAlarm, ...] | Refused:
    """The alarms of a message by the mapping of the manifest."""
    return read(data, _DEFAULT, "")


def read(data: bytes, mapping: JsonMapping, sender: str) -> tuple[IncomingAlarm, ...] | Refused:
    """The alarms of a message by a sender's mapping. Devices of different senders are different:
    the name of the sender stands before theirs. A message without keys is known by its digest."""
    if len(data) > BODY_MAX:
        return Refused("too_large", f"more than {BODY_MAX} bytes")
    try:
        document: object = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Refused("unreadable", "not JSON")
    found = mapped(mapping, SOURCE, document)
    if isinstance(found, Refused):
        return found
    digest = hashlib.sha256(data).hexdigest()
    start = f"{sender}/" if sender else ""
    return tuple(
        replace(each, device=_device(f"{start}{each.device}"), key=each.key or f"{digest}-{place}")
        for place, each in enumerate(found)
    )


def _device(name: str) -> str:
    return name if len(name) <= DEVICE_MAX else hashlib.sha256(name.encode()).hexdigest()


def sign(secret: str, stamp: str, body: bytes) -> str:
    """The signature of a message: HMAC-SHA256 over `STAMP.BODY` (RFC 2104), in hexadecimal."""
    given = stamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), given, hashlib.sha256).hexdigest()


def wrong_signature(
    secret: str, body: bytes, headers: Mapping[str, str], now_s: float
) -> Refused | None:
    """Why a message is not the sender's, or not of now; None when it is."""
    stamp = headers.get(STAMP_HEADER, "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        return Refused("signature_wrong", "")
    given = headers.get(SIGNATURE_HEADER, "").encode("utf-8", "replace")
    if not hmac.compare_digest(sign(secret, stamp, body).encode(), given):
        return Refused("signature_wrong", "")
    if abs(now_s - int(stamp)) > WINDOW_S:
        return Refused("signature_old", f"{WINDOW_S} s")
    return None

"""What a message of a device may look like, and what of it the journal keeps."""

from __future__ import annotations

import math

from tocsin.kernel.alarms.state import Signalled
from tocsin.kernel.shared import SealedRef
from tocsin.runtime.alarm_ports import (
    CODE_MAX,
    DEVICE_MAX,
    KEY_MAX,
    SIGNALS,
    TEXT_MAX,
    TYPED_MAX,
    VALUES_MAX,
    IncomingAlarm,
)


def wrong_with(incoming: IncomingAlarm) -> str | None:
    """What is wrong with a message; None where nothing is. Says no word of the message."""
    codes = (incoming.source, incoming.kind, incoming.zone)
    keys = (incoming.session, incoming.key)
    texts = (
        *codes,
        *keys,
        incoming.code,
        incoming.device,
        incoming.sender,
        incoming.text,
        *incoming.values,
    )
    if incoming.signal not in SIGNALS:
        return "the signal is none of the six"
    if not incoming.source or not incoming.device:
        return "it names no source or no device"
    if not incoming.kind and incoming.signal not in ("heard", "tested"):
        return "it names no kind"
    if any(len(each) > CODE_MAX for each in codes) or any(len(each) > KEY_MAX for each in keys):
        return f"a code is at most {CODE_MAX}, a key {KEY_MAX} characters long"
    if max(len(incoming.device), len(incoming.sender)) > DEVICE_MAX:
        return f"an address is at most {DEVICE_MAX} characters long"
    if len(incoming.code) > TYPED_MAX:
        return f"a code is at most {TYPED_MAX} characters long"
    if len(incoming.text) > TEXT_MAX or len(incoming.values) > VALUES_MAX:
        return f"at most {TEXT_MAX} characters and {VALUES_MAX} readings"
    if not _is_text("".join(texts)):
        return "a text holds characters that are not text"
    if incoming.sequence is not None and not 0 <= incoming.sequence < 2**63:
        return "a sequence number is a whole number from 0"
    if not all(math.isfinite(each) for each in incoming.values.values()):
        return "a reading is no number"
    place = incoming.place
    if place is not None and not (abs(place.lon) <= 180 and abs(place.lat) <= 90):
        return "this is not a place on earth"
    return None


def _is_text(value: str) -> bool:
    try:
        return b"\0" not in value.encode()
    except UnicodeEncodeError:
        return False


def signalled(incoming: IncomingAlarm, text: SealedRef | None) -> Signalled:
    """What the journal keeps of a message: references and codes, no words."""
    return Signalled(
        incoming.source,
        incoming.at,
        incoming.session,
        incoming.sequence,
        incoming.key,
        incoming.zone,
        text,
        incoming.is_drill,
    )

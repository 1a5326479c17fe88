"""What a device answers to the question whether it is there. Pure; it never raises."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from tocsin.kernel.shared import Refused
from tocsin.runtime.alarm_ports import DEVICE_MAX, IncomingAlarm
from tocsin.runtime.json_mapping import clean

SOURCE: Final = "device-probe"
DEVICE_HEADER: Final = "device"
"""Where a caller says which device was asked."""
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?(?:\r?\n|$)")


def parse(data: bytes, headers: Mapping[str, str]) -> tuple[IncomingAlarm, ...] | Refused:
    """A sign of life from the head of an answer, or from Frigate's word; of everything else in it
    nothing is read."""
    device = clean(headers.get(DEVICE_HEADER, ""))[:DEVICE_MAX]
    found = _STATUS.match(data)
    word = data.strip().lower()
    if not device or (found is None and word not in (b"online", b"offline")):
        return Refused("unreadable", "neither the head of an answer nor online or offline")
    if word == b"offline" or (found is not None and found[1][:1] == b"5"):
        return Refused("not_well", "")
    return (IncomingAlarm(SOURCE, device, "", "heard"),)

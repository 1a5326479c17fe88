"""The webhook of a Prometheus Alertmanager, version 4. Pure; it never raises.

Of labels only `alertname`, `instance`, `device` and `drill` are read, of annotations `summary` and
`description`. An alert named `Watchdog` fires always: it is a sign of life and no alarm.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from tocsin.kernel.shared import Refused
from tocsin.runtime.alarm_ports import CODE_MAX, DEVICE_MAX, TEXT_MAX, IncomingAlarm, Signal
from tocsin.runtime.json_mapping import clean, instant_of, short

SOURCE: Final = "alertmanager"
BODY_MAX: Final = 4 * 2**20
"""Bytes of one request; a group of a thousand alerts is about one million."""
ALERTS_MAX: Final = 1_000
"""Alerts of one group; `max_alerts` of the receiver should be no more."""
ALIVE: Final = ("Watchdog", "DeadMansSwitch")
"""Names of the alert that fires always, to show that the chain works."""


class Alert(msgspec.Struct):
    """The members of an alert that are read."""

    status: str
    labels: dict[str, str]
    fingerprint: str
    annotations: dict[str, str] = {}
    starts_at: str = msgspec.field(name="startsAt", default="")
    ends_at: str = msgspec.field(name="endsAt", default="")


class Message(msgspec.Struct):
    """The members of a message that are read."""

    version: str
    alerts: list[Alert]


_decoder = msgspec.json.Decoder(Message)


def parse(data: bytes, headers: Mapping[str, str]) -> tuple[IncomingAlarm, ...] | Refused:
    """The alarms of one message, in their order."""
    if len(data) > BODY_MAX:
        return Refused("too_large", f"more than {BODY_MAX} bytes")
    try:
        message = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Refused("unreadable", "not a message of an Alertmanager")
    if message.version != "4":
        return Refused("version_unread", "version 4 is read")
    if len(message.alerts) > ALERTS_MAX:
        return Refused("too_many", f"more than {ALERTS_MAX} alerts")
    made: list[IncomingAlarm] = []
    for each in message.alerts:
        alarm = _alarm(each)
        if isinstance(alarm, Refused):
            return alarm
        made.append(alarm)
    return tuple(made)


def _alarm(alert: Alert) -> IncomingAlarm | Refused:
    kind, mark = clean(alert.labels.get("alertname", "")), clean(alert.fingerprint)
    if not kind or len(kind) > CODE_MAX:
        return Refused("mapping_misses", "alertname")
    if not mark or len(mark) > CODE_MAX:
        return Refused("mapping_misses", "fingerprint")
    if alert.status not in ("firing", "resolved"):
        return Refused("mapping_misses", "status")
    signal: Signal = "raised" if alert.status == "firing" else "cleared"
    # Two alerts of one name on one machine (two disks) end each for itself: the fingerprint parts
    # them, unless the rule names the device.
    instance = clean(alert.labels.get("instance", ""))
    device = clean(alert.labels.get("device", "")) or (f"{instance}/{mark}" if instance else mark)
    at = instant_of(alert.starts_at if signal == "raised" else alert.ends_at)
    words = (alert.annotations.get("summary", ""), alert.annotations.get("description", ""))
    if kind in ALIVE:
        signal = "heard"
    return IncomingAlarm(
        source=SOURCE,
        device=device if len(device) <= DEVICE_MAX else mark,
        kind=kind,
        signal=signal,
        key=short(clean(f"{mark}-{alert.status}-{alert.starts_at}")),
        at=at,
        text=clean("\n".join(each for each in words if each))[:TEXT_MAX],
        is_drill=alert.labels.get("drill") == "true",
    )

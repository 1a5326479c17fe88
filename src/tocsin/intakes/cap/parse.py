"""One CAP message, or a feed with whole messages in it: bytes to alarms. Pure; it never raises."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Final

from shapely.geometry import Point, Polygon

from tocsin.intakes.cap.reading import (
    ALERT_BYTES_MAX,
    FEED_BYTES_MAX,
    LEVELS,
    Alert,
    Info,
    Reference,
    document,
    read_alert,
    read_feed,
)
from tocsin.kernel.shared import Place, Refused
from tocsin.runtime.alarm_ports import CODE_MAX, DEVICE_MAX, TEXT_MAX, IncomingAlarm
from tocsin.runtime.json_mapping import clean

SOURCE: Final = "cap"

Root = Callable[[Reference], str]
"""The device under which the chain of an earlier message is known."""


def parse(data: bytes, headers: Mapping[str, str]) -> tuple[IncomingAlarm, ...] | Refused:
    """What a message, or each message inside a feed, raises and clears. A feed that only points
    at messages says nothing by itself."""
    root = document(data, FEED_BYTES_MAX)
    if isinstance(root, Refused):
        return root
    if root.tag.endswith("}feed"):
        entries = read_feed(root)
        if isinstance(entries, Refused):
            return entries
        found = [each.alert for each in entries if isinstance(each.alert, Alert)]
        return tuple(alarm for each in found for alarm in alarms(each))
    if len(data) > ALERT_BYTES_MAX:
        return Refused("too_large", f"more than {ALERT_BYTES_MAX} bytes")
    alert = read_alert(root)
    if isinstance(alert, Refused):
        return alert
    if alert.status == "Draft" or alert.kind in ("Ack", "Error"):
        return Refused("not_an_alert", alert.status if alert.status == "Draft" else alert.kind)
    return alarms(alert)


def device_of(sender: str, identifier: str) -> str:
    """The device of a message: who and which, in the form of CAP's references; long ones hashed."""
    name = f"{sender},{identifier}"
    if len(name) <= DEVICE_MAX:
        return name
    return hashlib.sha256(name.encode()).hexdigest()


def _own_name(reference: Reference) -> str:
    return device_of(reference.sender, reference.identifier)


def chain_of(alert: Alert, root: Root = _own_name) -> tuple[str, ...]:
    """The devices this message is about: first the one its chain is known by, which is that of
    the earliest message it names, then the others it names. `root` knows earlier chains."""
    if alert.kind == "Alert" or not alert.references:
        return (device_of(alert.sender, alert.identifier),)
    earlier = sorted(alert.references, key=lambda each: (each.sent, each.sender, each.identifier))
    return tuple(dict.fromkeys(root(each) for each in earlier))


def alarms(alert: Alert, root: Root = _own_name) -> tuple[IncomingAlarm, ...]:
    """An alert raises; an update raises what it updates; a cancel, and an update that says all
    clear, ends it. Other messages that an update names besides are ended by it."""
    if alert.status == "Draft" or alert.kind in ("Ack", "Error"):
        return ()
    chain = chain_of(alert, root)
    is_over = alert.kind == "Cancel" or any("AllClear" in each.responses for each in alert.infos)
    made = [_alarm(alert, chain[0], "cleared" if is_over else "raised")]
    made += [_alarm(alert, each, "cleared") for each in chain[1:]]
    return tuple(made)


def _alarm(alert: Alert, device: str, signal: str) -> IncomingAlarm:
    info = alert.infos[0] if alert.infos else None
    key = f"{alert.sender},{alert.identifier},{alert.sent.isoformat()}"
    values: dict[str, float] = {}
    if info is not None:
        weights = dict(zip(LEVELS, info.levels, strict=True))
        values = {name: float(each) for name, each in weights.items()}
        values["signed"] = float(alert.is_signed)
    if alert.status == "System":
        signal = "heard"
    return IncomingAlarm(
        source=SOURCE,
        device=device,
        kind=kind_of(info),
        signal="cleared" if signal == "cleared" else "heard" if signal == "heard" else "raised",
        key=hashlib.sha256(key.encode()).hexdigest(),
        at=alert.sent,
        text=clean(_words(info))[:TEXT_MAX],
        place=place_of(alert),
        values=values,
        is_drill=alert.status in ("Exercise", "Test"),
    )


def kind_of(info: Info | None) -> str:
    """The event in small letters with dashes, `flash-flood-watch`: what the pack maps."""
    event = info.event if info is not None else ""
    return re.sub(r"\W+", "-", event.lower()).strip("-")[:CODE_MAX] or "alert"


def _words(info: Info | None) -> str:
    if info is None:
        return ""
    parts = (info.headline or info.event, "; ".join(info.areas), info.description)
    return "\n".join(each for each in parts if each)


def place_of(alert: Alert) -> Place | None:
    """A point inside the first area that has a form: for the map, not for who is meant."""
    for info in alert.infos:
        for ring in info.polygons:
            shape = Polygon(ring)
            point = shape.representative_point() if shape.is_valid else Point(ring[0])
            return Place(point.x, point.y)
        for lon, lat, _ in info.circles:
            return Place(lon, lat)
    return None

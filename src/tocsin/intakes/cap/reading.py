"""XML to a CAP alert, checked (OASIS CAP 1.2 and 1.1); and an Atom feed to what it points at.

What makes a message no message (who, which, when, how meant, for whom) is refused. A fault in what
only describes it is named and the rest is kept: a warning is not thrown away for a broken polygon.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from tocsin.kernel.shared import Instant, Refused

ALERT_BYTES_MAX: Final = 2**20
"""Bytes of one alert; those with many polygons have 100 kB, pictures inside are not read."""
FEED_BYTES_MAX: Final = 16 * 2**20
"""Bytes of one feed: a continent's 163 alerts are 276 kB, with whole alerts inside some MB."""
TAG_BYTES: Final = 20
"""Bytes of a document for each of its tags, at least; an honest alert has 30 and more. A megabyte
of `<a>` is a tree of 50 MB, and everybody waits while it grows."""
ELEMENTS_MAX: Final = 200_000
"""Elements of one document."""
DEPTH_MAX: Final = 32
"""Elements in one another: a feed that holds whole alerts has nine."""
INFOS_MAX: Final = 64
"""Blocks of one alert, one for each language or event."""
AREAS_MAX: Final = 500
"""Areas of one block."""
POINTS_MAX: Final = 5_000
"""Corners of one polygon."""
REFERENCES_MAX: Final = 100
"""Earlier messages that one names; a storm of three days names some dozens."""
ENTRIES_MAX: Final = 2_000
"""Entries of one feed that are looked at."""

VERSIONS: Final = ("urn:oasis:names:tc:emergency:cap:1.2", "urn:oasis:names:tc:emergency:cap:1.1")
ATOM: Final = "http://www.w3.org/2005/Atom"
SIGNATURE: Final = "{http://www.w3.org/2000/09/xmldsig#}Signature"
LEVELS: Final[dict[str, tuple[str, ...]]] = {
    "urgency": ("Unknown", "Past", "Future", "Expected", "Immediate"),
    "severity": ("Unknown", "Minor", "Moderate", "Severe", "Extreme"),
    "certainty": ("Unknown", "Unlikely", "Possible", "Likely", "Observed"),
}
"""The words of CAP, the weightiest last."""
STATUSES: Final = ("Actual", "Exercise", "System", "Test", "Draft")
KINDS: Final = ("Alert", "Update", "Cancel", "Ack", "Error")
SCOPES: Final = ("Public", "Restricted", "Private")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[+-]\d\d:\d\d|Z)")

Ring = tuple[tuple[float, float], ...]
"""Corners as (lon, lat), the first again at the end."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An earlier message: who, which, when."""

    sender: str
    identifier: str
    sent: str


@dataclass(frozen=True, slots=True)
class Info:
    """One block. `levels` are places in LEVELS; circles are (lon, lat, radius in km)."""

    language: str
    category: str
    event: str
    levels: tuple[int, int, int]
    responses: tuple[str, ...]
    expires: Instant | None
    headline: str
    description: str
    event_codes: tuple[tuple[str, str], ...]
    areas: tuple[str, ...]
    polygons: tuple[Ring, ...]
    circles: tuple[tuple[float, float, float], ...]
    geocodes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Alert:
    """One message. `faults` are the parts that were not used, by their names. A signature is
    noted and not verified: canonical forms and certificates of the world are not ours to judge."""

    identifier: str
    sender: str
    sent: Instant
    status: str
    kind: str
    scope: str
    references: tuple[Reference, ...]
    infos: tuple[Info, ...]
    is_signed: bool
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a feed: a link to an alert, or the alert itself."""

    id: str
    updated: str
    link: str
    alert: Alert | Refused | None


def document(data: bytes, most: int) -> Element | Refused:
    """The root of a document. A DTD, and with it every entity, is forbidden."""
    if len(data) > most:
        return Refused("too_large", f"more than {most} bytes")
    if data.count(b"<") > most // TAG_BYTES:
        return Refused("too_large", f"more than {most // TAG_BYTES} tags")
    try:
        root = _tree(data)
    except DefusedXmlException:
        return Refused("dtd_forbidden", "a DTD or an entity")
    except (ParseError, ValueError, LookupError) as error:
        error.__traceback__ = None  # it holds the frame that made the error, and that the document
        return Refused("unreadable", "not XML")
    if _elements(root) > ELEMENTS_MAX:
        return Refused("too_large", f"more than {ELEMENTS_MAX} elements")
    return root


def _elements(root: Element) -> int:
    """How many there are. Not by `iter`, which goes as deep as the document does."""
    count, left = 0, [root]
    while left:
        count += 1
        left.extend(left.pop())
    return count


class _Shallow(TreeBuilder):
    """Builds no tree that is deeper than any alert: what nests for ever stops as it is read."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise ValueError(f"more than {DEPTH_MAX} elements in one another")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def _tree(data: bytes) -> Element:
    parser: Any = XMLParser(target=_Shallow(), forbid_dtd=True)
    try:
        parser.feed(data)
        return parser.close()
    finally:
        # A parser and what it calls hold one another, and megabytes of half a tree with them, until
        # the collector of circles comes by. That is seldom (`app/memory.py`).
        parser.__dict__.clear()


def read_alert(root: Element) -> Alert | Refused:
    """The alert of a root element."""
    space, _, name = root.tag.rpartition("}")
    if name != "alert":
        return Refused("unreadable", "the root is no alert")
    space = space.lstrip("{")
    if space not in VERSIONS:
        return Refused("version_unread", "neither CAP 1.1 nor 1.2")
    return _Reader(space).alert(root)


def read_feed(root: Element) -> tuple[Entry, ...] | Refused:
    """The entries of an Atom feed, in their order."""
    if root.tag != f"{{{ATOM}}}feed":
        return Refused("unreadable", "neither an alert nor an Atom feed")
    return tuple(_entry(each) for each in root.findall(f"{{{ATOM}}}entry")[:ENTRIES_MAX])


def _entry(entry: Element) -> Entry:
    def text(name: str) -> str:
        return (entry.findtext(f"{{{ATOM}}}{name}") or "").strip()

    link = ""
    for each in entry.findall(f"{{{ATOM}}}link"):
        kind = each.get("type", "")
        if not link or "cap+xml" in kind:
            link = each.get("href", "").strip()
    inside = next((each for each in entry.iter() if each.tag.endswith("}alert")), None)
    alert = read_alert(inside) if inside is not None else None
    return Entry(text("id") or link, text("updated"), link, alert)


class _Reader:
    """Reads one alert of one version and collects its faults."""

    def __init__(self, space: str) -> None:
        self._space = space
        self._faults: list[str] = []

    def alert(self, root: Element) -> Alert | Refused:
        must = {name: self._text(root, name) for name in ("identifier", "sender", "sent")}
        for name, value in must.items():
            if not value or len(value) > 500 or re.search(r"[\s,<&]", value):
                return Refused("element_wrong", name)
        sent = moment(must["sent"])
        if sent is None:
            return Refused("element_wrong", "sent")
        words = {"status": STATUSES, "msgType": KINDS, "scope": SCOPES}
        for name, allowed in words.items():
            if self._text(root, name) not in allowed:
                return Refused("element_wrong", name)
        references = self._references(self._text(root, "references"))
        kind = self._text(root, "msgType")
        if kind in ("Update", "Cancel") and not references:
            return Refused("references_missing", kind)
        infos = tuple(self._info(each) for each in self._all(root, "info", INFOS_MAX))
        return Alert(
            must["identifier"],
            must["sender"],
            sent,
            self._text(root, "status"),
            kind,
            self._text(root, "scope"),
            references,
            infos,
            root.find(SIGNATURE) is not None,
            tuple(dict.fromkeys(self._faults)),
        )

    def _info(self, info: Element) -> Info:
        areas = list(self._all(info, "area", AREAS_MAX))
        expires = self._text(info, "expires")
        event = self._text(info, "event")
        if not event:
            self._faults.append("event")
        return Info(
            self._text(info, "language") or "en-US",
            self._text(info, "category"),
            event,
            (self._level(info, "urgency"), self._level(info, "severity"),
             self._level(info, "certainty")),
            tuple((each.text or "").strip() for each in self._all(info, "responseType", 16)),
            self._moment("expires", expires) if expires else None,
            self._text(info, "headline"),
            self._text(info, "description"),
            tuple(self._pairs(info, "eventCode")),
            tuple(self._text(each, "areaDesc") for each in areas),
            tuple(ring for area in areas for ring in self._rings(area)),
            tuple(circle for area in areas for circle in self._circles(area)),
            tuple(pair for area in areas for pair in self._pairs(area, "geocode")),
        )  # fmt: skip

    # -- parts

    def _text(self, parent: Element, name: str) -> str:
        return (parent.findtext(f"{{{self._space}}}{name}") or "").strip()

    def _all(self, parent: Element, name: str, most: int) -> Iterator[Element]:
        found = parent.findall(f"{{{self._space}}}{name}")
        if len(found) > most:
            self._faults.append(name)
        yield from found[:most]

    def _pairs(self, parent: Element, name: str) -> Iterator[tuple[str, str]]:
        for each in self._all(parent, name, 1_000):
            yield self._text(each, "valueName"), self._text(each, "value")

    def _level(self, info: Element, name: str) -> int:
        word = self._text(info, name)
        # CAP 1.0 said "Very Likely"; some senders still do.
        word = "Likely" if word == "Very Likely" else word
        if word in LEVELS[name]:
            return LEVELS[name].index(word)
        self._faults.append(name)
        return 0

    def _moment(self, name: str, text: str) -> Instant | None:
        at = moment(text)
        if at is None:
            self._faults.append(name)
        return at

    def _references(self, text: str) -> tuple[Reference, ...]:
        found: list[Reference] = []
        for each in text.split()[:REFERENCES_MAX]:
            parts = each.split(",")
            if len(parts) == 3 and all(parts) and moment(parts[2]) is not None:
                found.append(Reference(*parts))
            else:
                self._faults.append("references")
        return tuple(found)

    def _rings(self, area: Element) -> Iterator[Ring]:
        for each in self._all(area, "polygon", AREAS_MAX):
            ring = ring_of((each.text or "").strip())
            if ring is None:
                self._faults.append("polygon")
            else:
                yield ring

    def _circles(self, area: Element) -> Iterator[tuple[float, float, float]]:
        for each in self._all(area, "circle", AREAS_MAX):
            point, _, radius = (each.text or "").strip().partition(" ")
            place, km = _pair(point), _number(radius)
            if place is None or km is None or not 0 <= km <= 20_000:
                self._faults.append("circle")
            else:
                yield (*place, km)


def moment(text: str) -> Instant | None:
    """An instant as CAP writes it, with an offset; None for anything else."""
    if not _MOMENT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def ring_of(text: str) -> Ring | None:
    """A polygon: at least four pairs `lat,lon`, the last the first again (CAP 1.2, 3.2.4)."""
    words = text.split()
    if not 4 <= len(words) <= POINTS_MAX:
        return None
    found: list[tuple[float, float]] = []
    for word in words:
        pair = _pair(word)
        if pair is None:
            return None
        found.append(pair)
    return tuple(found) if found[0] == found[-1] and len(set(found)) >= 3 else None


def _pair(text: str) -> tuple[float, float] | None:
    parts = text.split(",")
    if len(parts) != 2:
        return None
    lat, lon = _number(parts[0]), _number(parts[1])
    if lat is None or lon is None or abs(lat) > 90 or abs(lon) > 180:
        return None
    return lon, lat


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[+-]?\d{1,5}(\.\d{0,15})?", text) else None

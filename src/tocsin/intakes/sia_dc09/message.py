"""The body of a frame: its header, its content once it is in clear, and the events in that.

Header: `"id"seq[Rreceiver][Lprefix]#account[`. Content: data up to the first bracket, extended
data in brackets of their own, and `_HH:MM:SS,MM-DD-YYYY` in UTC (DC-09, 5.5.1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from tocsin.intakes.sia_dc09.codes import Meaning, contact_id, sia
from tocsin.kernel.shared import Instant, Place

EVENTS_MAX: Final = 32
"""Events of one message; a panel packs a handful."""

_HEADER: Final = re.compile(
    r'"(?P<star>\*?)(?P<id>[A-Za-z0-9-]{2,10})"(?P<sequence>\d{4})'
    r"(?:[Rr](?P<receiver>[0-9A-Fa-f]{1,6}))?(?:[Ll](?P<prefix>[0-9A-Fa-f]{1,6}))?"
    r"(?:#(?P<account>[0-9A-Za-z]{1,16}))?\["
)
_CONTENT: Final = re.compile(
    r"(?P<data>[^\]]*)\](?P<extra>(?:\[[^\[\]]*\])*)(?:_(?P<stamp>[0-9:,-]*))?[\x00 ]*", re.DOTALL
)
_EXTRA: Final = re.compile(r"\[([A-Za-z])([^\[\]]*)\]", re.DOTALL)
_CONTACT_ID: Final = re.compile(r"([136])([0-9A-Fa-f]{3}) ?([0-9A-Fa-f]{2}) ?([0-9A-Fa-f]{3})")
_MODIFIER: Final = re.compile(r"(da|ti|id|ri|pi|ai|ph|lv|va|pt|rg|ss)([0-9:.-]*)", re.I)
_CODE: Final = re.compile(r"([A-Za-z_]{2})([0-9A-Fa-f]*)(?:\*[^\^/]*)?")
_WORDS: Final = re.compile(r"\^([^\^]*)\^?")
_ANGLE: Final = re.compile(r"(\d{1,3})([NSEW])(\d{1,2}(?:\.\d{1,9})?)", re.I)


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the content. Texts are as they came, for the answer repeats them."""

    kind: str
    is_encrypted: bool
    sequence: str
    receiver: str | None
    prefix: str | None
    account: str
    content: bytes
    """What follows the bracket; digits when it is encrypted."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a message. `area` and `zone` are digits as the panel writes them, "" where it
    names none."""

    meaning: Meaning
    area: str = ""
    zone: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """A message in clear. `data` is what a repeat has in common with the first."""

    account: str
    data: str
    events: tuple[Event, ...]
    stamp: Instant | None
    has_stamp: bool
    occurred: Instant | None = None
    words: tuple[str, ...] = ()
    place: Place | None = None
    extra: Mapping[str, str] = field(default_factory=dict[str, str])


def header(body: bytes) -> Header | None:
    """The header of a body; None when it has none."""
    text = body.decode("latin-1")
    found = _HEADER.match(text)
    if found is None:
        return None
    return Header(
        found["id"].upper(),
        bool(found["star"]),
        found["sequence"],
        found["receiver"],
        found["prefix"],
        found["account"] or "",
        body[found.end() :],
    )


def content(kind: str, clear: bytes) -> Content | None:
    """The content of a message of this id; None when it cannot be read. `events` is empty for a
    poll; for other ids it never is."""
    text = _decoded(clear)
    found = _CONTENT.fullmatch(text)
    if found is None:
        return None
    stamp = moment(found["stamp"] or "")
    extra = {name.upper(): value for name, value in _EXTRA.findall(found["extra"])}
    account, blocks = _blocks(found["data"])
    if kind in ("NULL", "XNM"):
        events: tuple[Event, ...] = ()
    elif kind == "ADM-CID":
        events = _adm_cid(blocks)
    elif kind == "SIA-DCS":
        events = _sia_dcs(blocks)
    else:
        return None
    if kind not in ("NULL", "XNM") and not events:
        return None
    return Content(
        account,
        found["data"] + found["extra"],
        events,
        stamp,
        bool(found["stamp"]),
        moment(extra.get("H", "")),
        # Alarm text, location, room, building, site. Hardware addresses, links to pictures,
        # programming data and requests for keys are not read.
        tuple(extra[each] for each in "ILROS" if extra.get(each)),
        _place(extra.get("X", ""), extra.get("Y", "")),
        extra,
    )


def moment(stamp: str) -> Instant | None:
    """`HH:MM:SS,MM-DD-YYYY` in UTC; None for anything else."""
    try:
        return datetime.strptime(stamp, "%H:%M:%S,%m-%d-%Y").replace(tzinfo=UTC)
    except ValueError:
        return None


def stamp_of(at: Instant) -> str:
    """An instant as panels read it."""
    return at.astimezone(UTC).strftime("%H:%M:%S,%m-%d-%Y")


def _decoded(clear: bytes) -> str:
    try:
        return clear.decode("utf-8")
    except UnicodeDecodeError:
        return clear.decode("latin-1")


def _blocks(data: str) -> tuple[str, list[str]]:
    """The account in the data ("" when there is none) and the blocks after it."""
    account = ""
    blocks: list[str] = []
    for block in data.split("|"):
        if block.startswith("#") and not account:
            account = block[1:].strip()[:16]
        elif block:
            blocks.append(block)
    return account, blocks


def _adm_cid(blocks: list[str]) -> tuple[Event, ...]:
    events: list[Event] = []
    for block in blocks[:EVENTS_MAX]:
        found = _CONTACT_ID.fullmatch(block.strip())
        if found is None:
            return ()
        qualifier, code, area, zone = found.groups()
        events.append(_event(contact_id(qualifier, code.upper()), area, zone, ()))
    return tuple(events)


def _sia_dcs(blocks: list[str]) -> tuple[Event, ...]:
    events: list[Event] = []
    words: list[str] = []
    for block in blocks:
        function, rest = block[0].upper(), block[1:]
        if function in "NO" and _is_packets(rest):
            events += _packets(rest)
        elif function == "A":  # text that goes with the event
            words.append(rest)
        elif not events and _is_packets(block):  # without its function letter, as some send it
            events += _packets(block)
    if words and events:
        last = events[-1]
        events[-1] = Event(last.meaning, last.area, last.zone, (*last.words, *words))
    return tuple(events[:EVENTS_MAX])


def _is_packets(text: str) -> bool:
    return _MODIFIER.match(text) is not None or _CODE.match(text) is not None


def _packets(text: str) -> list[Event]:
    """The events of a block: modifiers hold for those that follow, `/` parts them, `^` encloses
    words."""
    events: list[Event] = []
    area = ""
    is_small = text.islower()
    at = 0
    while at < len(text) and len(events) < EVENTS_MAX:
        modifier = _MODIFIER.match(text, at)
        if modifier is not None and (is_small or modifier[1].islower()):
            if modifier[1].lower() == "ri":
                area = modifier[2]
            at = modifier.end()
        else:
            code = _CODE.match(text, at)
            if code is None:
                at = _after_slash(text, at)
                continue
            at = code.end()
            words = _WORDS.match(text, at)
            said = (words[1].strip(),) if words is not None and words[1].strip() else ()
            events.append(_event(sia(code[1].upper()), area, code[2], said))
            at = _after_slash(text, words.end() if words is not None else at)
            continue
        if text[at : at + 1] == "/":
            at += 1
    return events


def _after_slash(text: str, at: int) -> int:
    found = text.find("/", at)
    return found + 1 if found >= 0 else len(text)


def _event(meaning: Meaning, area: str, zone: str, words: tuple[str, ...]) -> Event:
    """An event without what would name a person: the number and the words of a user."""
    if meaning.is_personal:
        return Event(meaning, _number(area))
    return Event(meaning, _number(area), _number(zone), words)


def _number(digits: str) -> str:
    """`001` and `1` are one zone; `000` is none."""
    return digits.lstrip("0").upper()


def _place(lon: str, lat: str) -> Place | None:
    """From degrees and minutes, `006E07.7777777` and `49N06.6666666`."""
    found = [_ANGLE.fullmatch(each.strip()) for each in (lon, lat)]
    if found[0] is None or found[1] is None:
        return None
    degrees: list[float] = []
    for each, sides, most in ((found[0], "EW", 180.0), (found[1], "NS", 90.0)):
        side = each[2].upper()
        value = int(each[1]) + float(each[3]) / 60
        if side not in sides or value > most:
            return None
        degrees.append(-value if side in "WS" else value)
    return Place(degrees[0], degrees[1])

"""One DC-09 frame: bytes to what it reports, or a reason why not. Pure; it never raises."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from tocsin.intakes.sia_dc09.cipher import decrypt, keys_of
from tocsin.intakes.sia_dc09.frames import FRAME_MAX, Frame, Splitter
from tocsin.intakes.sia_dc09.message import Content, Event, Header, content, header
from tocsin.kernel.shared import Refused
from tocsin.runtime.alarm_ports import TEXT_MAX, IncomingAlarm
from tocsin.runtime.json_mapping import clean

SOURCE: Final = "sia-dc09"
KEY_HEADER: Final = "panel-key"
"""Where a caller without accounts of its own gives the key of the panel, as it is written."""
READ: Final = ("ADM-CID", "SIA-DCS", "NULL", "XNM")
"""The ids that are read; every other one is refused, so that the panel turns to its next way."""


def parse(data: bytes, headers: Mapping[str, str]) -> tuple[IncomingAlarm, ...] | Refused:
    """What one frame reports, in its order."""
    frame = only_frame(data)
    if frame is None:
        return Refused("unreadable", "not one frame of DC-09")
    if not frame.is_sound:
        return Refused("bad_crc", "the CRC does not fit the body")
    head = header(frame.body)
    if head is None:
        return Refused("unreadable", "the body has no header of DC-09")
    clear = head.content
    if head.is_encrypted:
        opened = decrypt(keys_of(headers.get(KEY_HEADER, "")), head.content)
        if opened is None:
            return Refused("bad_key", "no key opens the message")
        clear = opened[1]
    read = read_content(head, clear)
    if isinstance(read, Refused):
        return read
    return alarms(head, read, is_proven=head.is_encrypted)


def only_frame(data: bytes) -> Frame | None:
    """The frame that these bytes are; None when they are none, or more than one."""
    if len(data) > FRAME_MAX:
        return None
    frames = Splitter().feed(data)
    return frames[0] if len(frames) == 1 else None


def read_content(head: Header, clear: bytes) -> Content | Refused:
    """The content in clear, if its id is one that is read and what it says can be."""
    if head.kind not in READ:
        return Refused("format_unread", "neither ADM-CID nor SIA-DCS nor a poll")
    found = content(head.kind, clear)
    if found is None:
        return Refused("unreadable", "the content is cut off or has no event")
    if not (head.account or found.account):
        return Refused("unreadable", "no account")
    return found


def account_of(head: Header, read: Content) -> str:
    """The account by which all events of one panel are one device's. A prefix that is not zero is
    part of it: two stations may give the same number under different prefixes."""
    return with_prefix(head.prefix, head.account or read.account)


def with_prefix(prefix: str | None, account: str) -> str:
    """`PREFIX-ACCOUNT`, or the account alone where the prefix is zero or missing."""
    start = (prefix or "").lstrip("0").upper()
    return f"{start}-{account.upper()}" if start else account.upper()


def alarms(
    head: Header,
    read: Content,
    session: str = "",
    count: int | None = None,
    *,
    is_proven: bool = False,
) -> tuple[IncomingAlarm, ...]:
    """What a message reports, event by event; a poll, that its account lives.

    The number of the message is the account's, whatever zone it speaks of. `count` is that number
    carried over 9999. `is_proven`: it came under the key of its panel.
    """
    account = account_of(head, read)
    if not read.events:
        return (IncomingAlarm(SOURCE, account, "", "heard", session),)
    sequence = count if count is not None else int(head.sequence)
    key = repeat_key(head, read)
    found: list[IncomingAlarm] = []
    for event in read.events:
        for code in event.meaning.codes:
            part = f"{key}-{len(found)}"
            made = _alarm(account, read, event, code, (session, sequence, part))
            if made.signal == "cancelled":
                where = f"{account}/{event.area}" if event.area else account
                said = "proven" if is_proven else "said"
                made = replace(made, device=where, vouched=said)
            found.append(made)
    return tuple(found)


def repeat_key(head: Header, read: Content) -> str:
    """The same for a message that is sent again: its number and its data. Padding and timestamp
    are new each time and are not in it."""
    digest = hashlib.sha256(f"{head.kind} {read.data}".encode()).hexdigest()[:32]
    return f"{head.sequence}-{digest}"


def _alarm(
    account: str, read: Content, event: Event, code: str, message: tuple[str, int, str]
) -> IncomingAlarm:
    meaning = event.meaning
    session, sequence, key = message
    words = " · ".join(each.strip() for each in (*event.words, *read.words) if each.strip())
    return IncomingAlarm(
        source=SOURCE,
        device=f"{account}/{event.area or '0'}/{event.zone}" if event.zone else account,
        kind=code,
        signal=meaning.signal,
        session=session,
        sequence=sequence,
        key=key,
        at=read.occurred or read.stamp,
        zone=event.zone,
        text="" if meaning.is_personal else clean(words)[:TEXT_MAX],
        place=read.place,
        sender=account,
    )

"""Kernel values to JSON and back. Event and command names are stable strings, never paths.

A field may only be added, and only as optional; anything else is a new name and an upcaster
(`runtime/upcasting.py`). `tests/golden` holds one example of every name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast, get_args

import msgspec

from tocsin.kernel.alarms import vocabulary as alarm_words
from tocsin.kernel.alarms.state import Alarm
from tocsin.kernel.assets import vocabulary as asset_words
from tocsin.kernel.assets.state import Asset
from tocsin.kernel.cases import react as errands
from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import Actor
from tocsin.kernel.units import vocabulary as unit_words
from tocsin.kernel.units.react import Alert
from tocsin.kernel.units.state import Unit
from tocsin.runtime.errand_ports import Unreadable
from tocsin.runtime.upcasting import upcast


def _stable(cls: type) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


Command = words.Command | unit_words.Command | alarm_words.Command | asset_words.Command
Event = words.Event | unit_words.Event | alarm_words.Event | asset_words.Event
Errand = errands.Errand | Alert

COMMANDS: dict[str, type[Command]] = {
    _stable(cls): cls for cls in cast(tuple[type[Command], ...], get_args(Command))
}
EVENTS: dict[str, type[Event]] = {
    _stable(cls): cls for cls in cast(tuple[type[Event], ...], get_args(Event))
}
NAMES: dict[type, str] = {cls: name for names in (COMMANDS, EVENTS) for name, cls in names.items()}

_encoder = msgspec.json.Encoder()
_events = msgspec.json.Decoder(list[tuple[str, msgspec.Raw]])
_decoders: dict[str, msgspec.json.Decoder[Any]] = {
    name: msgspec.json.Decoder(cls) for names in (COMMANDS, EVENTS) for name, cls in names.items()
}
_case = msgspec.json.Decoder(Case)
_unit = msgspec.json.Decoder(Unit)
_alarm = msgspec.json.Decoder(Alarm)
_asset = msgspec.json.Decoder(Asset)
_actor = msgspec.json.Decoder(Actor)


def name_of(value: Command | Event) -> str:
    """The stable name of a command or an event."""
    return NAMES[type(value)]


def encode_case(case: Case) -> bytes:
    return _encoder.encode(case)


def decode_case(data: bytes | str) -> Case:
    return _case.decode(data)


def encode_unit(unit: Unit) -> bytes:
    return _encoder.encode(unit)


def decode_unit(data: bytes | str) -> Unit:
    return _unit.decode(data)


def encode_alarm(alarm: Alarm) -> bytes:
    return _encoder.encode(alarm)


def decode_alarm(data: bytes | str) -> Alarm:
    return _alarm.decode(data)


def encode_asset(asset: Asset) -> bytes:
    return _encoder.encode(asset)


def decode_asset(data: bytes | str) -> Asset:
    return _asset.decode(data)


def encode_actor(actor: Actor) -> bytes:
    return _encoder.encode(actor)


def decode_actor(data: bytes | str) -> Actor:
    return _actor.decode(data)


def encode_command(command: Command) -> bytes:
    return _encoder.encode((NAMES[type(command)], command))


def decode_command(data: bytes | str) -> Command:
    """The command of an entry: of a case, or of the unit that changed the case with itself."""
    name, body = msgspec.json.decode(data, type=tuple[str, msgspec.Raw])
    return cast(Command, _decode(name, body))


def encode_events(events: Sequence[Event]) -> bytes:
    return _encoder.encode([(NAMES[type(event)], event) for event in events])


def decode_events(data: bytes | str) -> tuple[words.Event, ...]:
    return tuple(cast(words.Event, _decode(name, body)) for name, body in _events.decode(data))


def decode_unit_events(data: bytes | str) -> tuple[unit_words.Event, ...]:
    """The events of an entry on a unit."""
    found = (_decode(name, body) for name, body in _events.decode(data))
    return tuple(cast(unit_words.Event, each) for each in found)


def decode_alarm_events(data: bytes | str) -> tuple[alarm_words.Event, ...]:
    """The events of an entry on an alarm."""
    found = (_decode(name, body) for name, body in _events.decode(data))
    return tuple(cast(alarm_words.Event, each) for each in found)


def decode_asset_events(data: bytes | str) -> tuple[asset_words.Event, ...]:
    """The events of an entry on an asset."""
    found = (_decode(name, body) for name, body in _events.decode(data))
    return tuple(cast(asset_words.Event, each) for each in found)


def _decode(name: str, body: msgspec.Raw) -> object:
    decoder = _decoders.get(name)
    if decoder is not None:
        return decoder.decode(body)
    name, fields = upcast(name, msgspec.json.decode(body))
    living: type[object] = {**EVENTS, **COMMANDS}[name]
    return msgspec.convert(fields, type=living)


def encode_errand(errand: Errand) -> tuple[str, bytes]:
    """(kind, body)."""
    match errand:
        case Alert():
            return "alert", _encoder.encode(errand)
        case errands.EndAlarms():
            return "end_alarms", _encoder.encode(errand)
        case errands.MoveAlarms():
            return "move_alarms", _encoder.encode(errand)
        case errands.StandDown():
            return "stand_down", _encoder.encode(errand)
        case errands.Tell():
            return "tell", _encoder.encode(errand)
        case errands.Send():
            sent = {"to": errand.to, "command": msgspec.Raw(encode_command(errand.command))}
            return "send", _encoder.encode(sent)


def read_errand(kind: str, body: bytes | str) -> Errand | Unreadable:
    """What is owed, or why this version can not tell. Never raises: errands are read many at once,
    and one that a newer version left behind must not keep the others from being done."""
    try:
        return decode_errand(kind, body)
    except KeyError:
        return Unreadable(kind, "errand_unknown")
    except Exception:
        # Whatever goes wrong while decoding is in the row, not in us.
        return Unreadable(kind, "errand_damaged")


def decode_errand(kind: str, body: bytes | str) -> Errand:
    """Raises KeyError for a kind, or a command to be sent, that this version does not know, and
    ValueError for a body that is damaged."""
    if kind == "alert":
        return msgspec.json.decode(body, type=Alert)
    if kind == "stand_down":
        return msgspec.json.decode(body, type=errands.StandDown)
    if kind == "end_alarms":
        return msgspec.json.decode(body, type=errands.EndAlarms)
    if kind == "move_alarms":
        return msgspec.json.decode(body, type=errands.MoveAlarms)
    if kind == "send":
        sent = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        return errands.Send(
            msgspec.json.decode(sent["to"], type=errands.CaseId),
            cast(words.Command, decode_command(bytes(sent["command"]))),
        )
    if kind == "tell":
        return msgspec.json.decode(body, type=errands.Tell)
    raise KeyError(kind)

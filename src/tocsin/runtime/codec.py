"""Kernel values to JSON and back. Event and command names are stable strings, never paths.

A field may only be added, and only as optional; anything else is a new name and an upcaster
(`runtime/upcasting.py`). `tests/golden` holds one example of every name.
"""

from __future__ import annotations

import re
from typing import Any, cast, get_args

import msgspec

from tocsin.kernel.cases import react as errands
from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import Actor
from tocsin.runtime.upcasting import upcast


def _stable(cls: type) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


COMMANDS: dict[str, type[words.Command]] = {
    _stable(cls): cls for cls in cast(tuple[type[words.Command], ...], get_args(words.Command))
}
EVENTS: dict[str, type[words.Event]] = {
    _stable(cls): cls for cls in cast(tuple[type[words.Event], ...], get_args(words.Event))
}
NAMES: dict[type, str] = {cls: name for names in (COMMANDS, EVENTS) for name, cls in names.items()}

_encoder = msgspec.json.Encoder()
_events = msgspec.json.Decoder(list[tuple[str, msgspec.Raw]])
_decoders: dict[str, msgspec.json.Decoder[Any]] = {
    name: msgspec.json.Decoder(cls) for names in (COMMANDS, EVENTS) for name, cls in names.items()
}
_case = msgspec.json.Decoder(Case)
_actor = msgspec.json.Decoder(Actor)


def name_of(value: words.Command | words.Event) -> str:
    """The stable name of a command or an event."""
    return NAMES[type(value)]


def encode_case(case: Case) -> bytes:
    return _encoder.encode(case)


def decode_case(data: bytes | str) -> Case:
    return _case.decode(data)


def encode_actor(actor: Actor) -> bytes:
    return _encoder.encode(actor)


def decode_actor(data: bytes | str) -> Actor:
    return _actor.decode(data)


def encode_command(command: words.Command) -> bytes:
    return _encoder.encode((NAMES[type(command)], command))


def decode_command(data: bytes | str) -> words.Command:
    name, body = msgspec.json.decode(data, type=tuple[str, msgspec.Raw])
    return cast(words.Command, _decode(name, body))


def encode_events(events: tuple[words.Event, ...]) -> bytes:
    return _encoder.encode([(NAMES[type(event)], event) for event in events])


def decode_events(data: bytes | str) -> tuple[words.Event, ...]:
    return tuple(cast(words.Event, _decode(name, body)) for name, body in _events.decode(data))


def _decode(name: str, body: msgspec.Raw) -> object:
    decoder = _decoders.get(name)
    if decoder is not None:
        return decoder.decode(body)
    name, fields = upcast(name, msgspec.json.decode(body))
    living: type[object] = {**EVENTS, **COMMANDS}[name]
    return msgspec.convert(fields, type=living)


def encode_errand(errand: errands.Errand) -> tuple[str, bytes]:
    """(kind, body)."""
    match errand:
        case errands.Tell():
            return "tell", _encoder.encode(errand)
        case errands.Send():
            sent = {"to": errand.to, "command": msgspec.Raw(encode_command(errand.command))}
            return "send", _encoder.encode(sent)


def decode_errand(kind: str, body: bytes | str) -> errands.Errand:
    if kind == "send":
        sent = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        return errands.Send(
            msgspec.json.decode(sent["to"], type=errands.CaseId),
            decode_command(bytes(sent["command"])),
        )
    assert kind == "tell", f"unknown errand {kind!r}"
    return msgspec.json.decode(body, type=errands.Tell)

"""One example of every journal name, made from the types: every optional field filled.

Run `python -m tests.golden.samples` to write examples for names that have none. It never touches
an example that exists: what was once written must stay readable.
"""

from __future__ import annotations

import sys
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from tocsin.runtime import codec

FOLDER = Path(__file__).parent
INSTANT = datetime(2026, 3, 29, 1, 30, 15, 250_000, tzinfo=UTC)


def sample(kind: Any, name: str = "value") -> Any:
    """A value of that type, the same each time."""
    while hasattr(kind, "__supertype__"):  # a NewType
        kind = kind.__supertype__
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return arguments[0]
    if origin in (Union, UnionType):
        return sample(next(part for part in arguments if part is not type(None)), name)
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return (sample(arguments[0], name),)
        return tuple(sample(part, name) for part in arguments)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{f.name: sample(hints[f.name], f.name) for f in fields(kind)})
    if isinstance(kind, type) and issubclass(kind, tuple):
        hints = get_type_hints(kind)
        return kind(**{field: sample(hint, field) for field, hint in hints.items()})
    plain: dict[Any, Any] = {
        str: name, int: 50, bool: True, float: 60.25, datetime: INSTANT, bytes: b"bytes",
    }  # fmt: skip
    return plain[kind]


def path_of(group: Literal["commands", "events"], name: str) -> Path:
    return FOLDER / group / f"{name}.json"


def encoded(group: Literal["commands", "events"], name: str) -> bytes:
    if group == "commands":
        return codec.encode_command(sample(codec.COMMANDS[name]))
    return codec.encode_events((sample(codec.EVENTS[name]),))


def names(group: Literal["commands", "events"]) -> list[str]:
    return sorted(codec.COMMANDS if group == "commands" else codec.EVENTS)


class Written(NamedTuple):
    group: str
    name: str


def write_missing() -> list[Written]:
    """Write an example for each name that has none."""
    written: list[Written] = []
    for group in ("commands", "events"):
        (FOLDER / group).mkdir(exist_ok=True)
        for name in names(group):
            path = path_of(group, name)
            if not path.exists():
                path.write_bytes(encoded(group, name) + b"\n")
                written.append(Written(group, name))
    return written


if __name__ == "__main__":
    for entry in write_missing():
        sys.stdout.write(f"{entry.group}/{entry.name}\n")

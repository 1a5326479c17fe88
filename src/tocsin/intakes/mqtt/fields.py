"""The one list of fields that are read of SenML and of decoded uplinks. What is not on it is not
read: fields may speak of people, and a device's maker adds them without asking. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tocsin.runtime.alarm_ports import Signal
from tocsin.runtime.json_mapping import number_of

TRUE_WORDS: Final = ("on", "true", "alarm", "1", "yes", "active", "detected", "leak")
FALSE_WORDS: Final = ("off", "false", "normal", "0", "no", "inactive", "clear", "ok")


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a field says: with `kind` a condition (true is raised, false is cleared), with `reading`
    a number under that name, times `factor`; `unit`, where SenML gives one, must be as it says."""

    kind: Annotated[str, Meta(max_length=64)] = ""
    reading: Annotated[str, Meta(max_length=64)] = ""
    factor: float = 1.0
    unit: str = ""

    def __post_init__(self) -> None:
        if bool(self.kind) == bool(self.reading):
            raise ValueError("a field has either a kind or a reading")


Fields = Mapping[str, Field]


def condition_of(value: object) -> Signal | None:
    """Whether a condition is there; None for what says neither."""
    if isinstance(value, bool):
        return "raised" if value else "cleared"
    if isinstance(value, str):
        word = value.strip().lower()
        if word in TRUE_WORDS:
            return "raised"
        return "cleared" if word in FALSE_WORDS else None
    number = number_of(value)
    if number in (0.0, 1.0):
        return "raised" if number else "cleared"
    return None


def reading_of(field: Field, value: object) -> float | None:
    """A reading in the unit of its name; None for what is no number."""
    number = number_of(value)
    return number_of(number * field.factor) if number is not None else None

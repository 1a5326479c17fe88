"""Durations as people write them: "15 minutes", "4 work hours", "5 work days"."""

from __future__ import annotations

import re

from tocsin.kernel.deadlines import Allowance
from tocsin.packs.reading import Reader

_PATTERN = re.compile(r"(\d{1,6}) (minute|hour|work minute|work hour|work day|calendar day|day)s?")
_MINUTE = 60
_HOUR = 3_600
_DAY = 86_400
HINT = (
    'must read like "15 minutes", "4 hours" (run always), "4 work hours", "5 work days" '
    'or "30 calendar days"'
)
SPAN_HINT = 'must read like "15 minutes", "4 hours" or "30 days"'


def allowance(text: str) -> Allowance | None:
    """The promise a text stands for, or None when it is not one."""
    match = _PATTERN.fullmatch(text)
    if match is None:
        return None
    amount = int(match[1])
    try:
        match match[2]:
            case "minute":
                return Allowance("urgent_hours", amount * _MINUTE)
            case "hour":
                return Allowance("urgent_hours", amount * _HOUR)
            case "work minute":
                return Allowance("work_hours", amount * _MINUTE)
            case "work hour":
                return Allowance("work_hours", amount * _HOUR)
            case "work day":
                return Allowance("work_days", amount)
            case "calendar day":
                return Allowance("calendar_days", amount)
            case _:
                return None  # a bare "day" does not say which days count
    except ValueError:
        return None


def span_s(reader: Reader, key: str, default: int) -> int:
    """Elapsed seconds under `key` ("30 days"): caps and periods, not promises."""
    text = reader.text(key, "-")
    if text == "-":
        return default
    match = _PATTERN.fullmatch(text)
    unit = {"minute": _MINUTE, "hour": _HOUR, "day": _DAY}.get(match[2]) if match else None
    if match is None or unit is None:
        reader.find(key, "bad_value", SPAN_HINT)
        return default
    return int(match[1]) * unit

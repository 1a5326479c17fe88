"""Deadlines: four kinds of promise, working calendars, and the instants they come to.

A deadline is computed once, in `decide`, and kept as a UTC instant. This package is pure: the zone
of a calendar is handed in, and nothing here reads a clock or a file.
"""

from tocsin.kernel.deadlines.calendars import Calendar, Hours, checked
from tocsin.kernel.deadlines.pauses import remaining, resume, resume_ladder
from tocsin.kernel.deadlines.reckoning import due, elapsed, milestone
from tocsin.kernel.deadlines.terms import (
    KINDS,
    MAX_DAYS,
    MAX_PERCENT,
    MAX_SECONDS,
    Allowance,
    Kind,
    Left,
)

__all__ = [
    "KINDS",
    "MAX_DAYS",
    "MAX_PERCENT",
    "MAX_SECONDS",
    "Allowance",
    "Calendar",
    "Hours",
    "Kind",
    "Left",
    "checked",
    "due",
    "elapsed",
    "milestone",
    "remaining",
    "resume",
    "resume_ladder",
]

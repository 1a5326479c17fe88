"""Whether one condition can only hold when another does: how unreachable rules are found.

Sound, not complete: `True` is certain, `False` may mean "not seen". Good enough for a warning to
the author, and never a false alarm.
"""

from __future__ import annotations

from tocsin.packs.conditions import (
    MINUTES_PER_DAY,
    AllOf,
    Answer,
    AnyOf,
    AtTier,
    Condition,
    Hours,
    InArea,
    Not,
    Weekday,
    Workday,
)


def implies(narrow: Condition | None, wide: Condition | None) -> bool:
    """Whether `wide` holds whenever `narrow` does. None is the condition that always holds."""
    if wide is None or narrow == wide:
        return True
    if narrow is None:
        return _always(wide)
    match narrow, wide:
        case AnyOf(parts), _:
            return all(implies(part, wide) for part in parts)
        case _, AllOf(parts):
            return all(implies(narrow, part) for part in parts)
        case _, AnyOf(parts) if any(implies(narrow, part) for part in parts):
            return True
        case AllOf(parts), _:
            return any(implies(part, wide) for part in parts)
        case Not(inner), Not(outer):
            return implies(outer, inner)
        case _:
            return _leaf_implies(narrow, wide)


def _leaf_implies(narrow: Condition, wide: Condition) -> bool:
    match narrow, wide:
        case InArea(small), InArea(large):
            return small <= large
        case AtTier(_, small), InArea(large):
            return small <= large
        case AtTier(one, small), AtTier(other, large):
            return one == other and small <= large
        case Hours(), Hours():
            return _minutes(narrow) <= _minutes(wide)
        case Weekday(small), Weekday(large):
            return small <= large
        case Workday(one), Workday(other):
            return one == other
        case Answer() as one, Answer() as other:
            return _answer_implies(one, other)
        case _:
            return False


def _answer_implies(narrow: Answer, wide: Answer) -> bool:
    if narrow.field != wide.field:
        return False
    if narrow.values and wide.values:
        return narrow.values <= wide.values
    if narrow.low is None or narrow.high is None or wide.low is None or wide.high is None:
        return False
    return wide.low <= narrow.low and narrow.high <= wide.high


def _always(condition: Condition) -> bool:
    """Whether a condition holds at every moment, whatever it looks like."""
    match condition:
        case Hours():
            return len(_minutes(condition)) == MINUTES_PER_DAY
        case Weekday(days):
            return len(days) == 7
        case AllOf(parts):
            return all(_always(part) for part in parts)
        case AnyOf(parts):
            return any(_always(part) for part in parts)
        case _:
            return False


def _minutes(hours: Hours) -> frozenset[int]:
    found: set[int] = set()
    for start, end in hours.spans:
        if end >= start:
            found.update(range(start, end))
        else:
            found.update(range(start, MINUTES_PER_DAY), range(end))
    return frozenset(found)

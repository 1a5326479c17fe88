"""A changed copy of a frozen value, as `dataclasses.replace` makes it, in a tenth of the time.

A case has forty fields, an alarm thirty, and each changes a dozen times in one decision: what
`replace` spends on giving each field to a constructor was a third of what keeping an alarm cost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, Final, TypeVar

Value = TypeVar("Value")
Setters = dict[str, Callable[[Any, Any], None]]

_new: Final = object.__new__
_put: Final = object.__setattr__  # frozen binds the users of a value, not its maker


def changed(value: Value, **changes: Any) -> Value:
    """A copy with some fields changed; the value itself stays as it is.

    For frozen dataclasses with two fields or more and nothing to do after construction. One
    without slots is copied in a seventh of the time of one with them, and takes more room: what
    changes often has none, what lies about in hundreds of thousands has them. Raises TypeError for
    a field that is none.
    """
    kind = type(value)
    made = _new(kind)
    kept = getattr(value, "__dict__", None)
    if kept is not None:
        own = kept | changes
        if len(own) != len(kept):
            raise TypeError(f"{kind.__name__} has not all of the fields {', '.join(changes)}")
        _put(made, "__dict__", own)
        return made
    read, setters = _fields_of(kind)
    for put, each in zip(setters.values(), read(value), strict=True):
        put(made, each)
    for name, each in changes.items():
        if name not in setters:
            raise TypeError(f"{kind.__name__} has no field {name}")
        setters[name](made, each)
    return made


@cache
def _fields_of(kind: type[Any]) -> tuple[Callable[[Any], tuple[Any, ...]], Setters]:
    names = [each.name for each in fields(kind)]
    assert len(names) > 1 and not hasattr(kind, "__post_init__"), f"{kind} is a plain value"
    return attrgetter(*names), {name: getattr(kind, name).__set__ for name in names}

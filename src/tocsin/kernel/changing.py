"""Frozen values, made and changed quickly: what `dataclasses` does with them, in less of the time.

A case has forty fields, an alarm thirty, and each changes a dozen times in one decision: what
`replace` spends on giving each field to a constructor was a third of what keeping an alarm cost,
and what the constructor of a frozen value spends on looking up each field by its name a twentieth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from functools import cache
from operator import attrgetter
from typing import Any, Final, TypeVar

Value = TypeVar("Value")
Setters = dict[str, Callable[[Any, Any], None]]

_new: Final = object.__new__
_put: Final = object.__setattr__  # frozen binds the users of a value, not its maker
_ABSENT: Final = object()


def quick(kind: type[Value]) -> type[Value]:
    """Gives a frozen dataclass with slots a constructor of half the price, and the same otherwise.

    Each field is written through its slot, which `object.__setattr__` would look up by its name
    first. For values that are made with every command; nothing else needs it. Raises TypeError for
    a class without slots, or with something to do after construction.
    """
    parts = fields(kind)  # pyright: ignore[reportArgumentType]
    if "__slots__" not in vars(kind) or hasattr(kind, "__post_init__"):
        raise TypeError(f"{kind.__name__} is no plain value with slots")
    known: dict[str, Any] = {"_absent": _ABSENT}
    takes, writes = ["self"], list[str]()
    for each in parts:
        name = each.name
        known[f"_put_{name}"] = getattr(kind, name).__set__
        given = name
        if each.default_factory is not MISSING:
            known[f"_make_{name}"] = each.default_factory
            takes.append(f"{name}=_absent")
            given = f"_make_{name}() if {name} is _absent else {name}"
        elif each.default is not MISSING:
            known[f"_default_{name}"] = each.default
            takes.append(f"{name}=_default_{name}")
        else:
            takes.append(name)
        writes.append(f"    _put_{name}(self, {given})")
    body = "\n".join(writes) or "    pass"
    exec(f"def __init__({', '.join(takes)}):\n{body}", known)  # names of fields are identifiers
    made = known["__init__"]
    made.__qualname__ = f"{kind.__qualname__}.__init__"
    made.__annotations__ = {each.name: each.type for each in parts}
    setattr(kind, "__init__", made)  # noqa: B010  (a class of ours, while it is made)
    return kind


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

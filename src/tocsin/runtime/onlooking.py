"""For whom something is read: what a store may show, said once for each request.

The first wall is the web's: it asks for what its caller may see. This is what the second one goes
by: whatever is read while somebody looks, the store holds to their onlooker, also where the web
forgot to ask. Where nobody looks (the loops of the node) everything is read. A request begins with
NOBODY, who sees nothing, so that what was forgotten shows nothing.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Final

from tocsin.kernel.shared import ActorId, AgencyId, AreaId, AssetId, CaseId


@dataclass(frozen=True, slots=True)
class Onlooker:
    """What may be seen. Two onlookers that are equal see the same, whoever they are."""

    areas: frozenset[AreaId] = frozenset()
    """Every case, unit and device in these areas."""
    posts: frozenset[tuple[AreaId, AgencyId]] = frozenset()
    """What lies in the area and has that agency at work, or leads there."""
    cases: frozenset[CaseId] = frozenset()
    """These very cases: of a tracking code, or of a permit that two people gave."""
    types: frozenset[str] = frozenset()
    """Every case of these types: what everybody may know of."""
    desks: frozenset[str] = frozenset()
    """What was told to these addresses."""
    assets: frozenset[AssetId] = frozenset()
    """The alarms of these very assets, wherever each stood when it spoke."""
    published: bool = False
    """Every case that was published."""
    account: ActorId | None = None
    """What they asked a second person for themselves, and, with a record of their own, the sealed
    values they opened. Said only where that is read, so that all who see the same stay one."""


NOBODY: Final = Onlooker()
NO_AREA: Final = AreaId("~nowhere")
"""Where a device lies that was found and is not registered: whoever has the county has this as
well. No pack and no map has an area of that name."""

_now: ContextVar[Onlooker | None] = ContextVar("onlooker", default=None)


def onlooker() -> Onlooker | None:
    """Who looks now; None while the node does its own work."""
    return _now.get()


def look_as(who: Onlooker) -> None:
    """From here on in this task, and in those that it starts, `who` looks."""
    _now.set(who)


@contextmanager
def looking_as(who: Onlooker) -> Generator[None]:
    """For a while `who` looks."""
    before = _now.set(who)
    try:
        yield
    finally:
        _now.reset(before)


@contextmanager
def seeing_also(
    cases: Iterable[CaseId] = (),
    desks: Iterable[str] = (),
    assets: Iterable[AssetId] = (),
    account: ActorId | None = None,
) -> Generator[None]:
    """For a while the onlooker sees these as well: what a permit, a code or an address opens beyond
    their reach, what an asset in reach has said elsewhere, and what is an account's own. Whoever
    calls it has proved it."""
    who = onlooker()
    if who is not None:
        who = replace(
            who,
            cases=who.cases | set(cases),
            desks=who.desks | set(desks),
            assets=who.assets | set(assets),
            account=account or who.account,
        )
    before = _now.set(who)
    try:
        yield
    finally:
        _now.reset(before)


@contextmanager
def as_node() -> Generator[None]:
    """For a while the node reads for itself, and what it finds it does not show: a rule needs it,
    or it is compared and only the answer goes out. Each use says beside it which."""
    before = _now.set(None)
    try:
        yield
    finally:
        _now.reset(before)


__all__ = [
    "NOBODY",
    "NO_AREA",
    "Onlooker",
    "as_node",
    "look_as",
    "looking_as",
    "onlooker",
    "seeing_also",
]

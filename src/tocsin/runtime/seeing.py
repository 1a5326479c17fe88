"""The one way to sealed words for everybody who is no member of staff: a permit for each case, then
the reading. Staff pass through `web/sealed.py`, which asks for a second person where one is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tocsin.kernel.cases.react import ALARM_SOURCE
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import Actor, CaseId, SealedRef
from tocsin.runtime.alarm_opening import scope_of
from tocsin.runtime.onlooking import as_node
from tocsin.runtime.ports import Store, Vault
from tocsin.runtime.sight_ports import NotPermitted, SecondPerson, Wish

PARENTS_MAX = 5
"""How far a split is followed up: what was split off a part again is a part of the first."""


async def holders_of(case: Case, store: Store) -> tuple[CaseId, ...]:
    """In whose names the values lie that the case shows: its own; those of the case it was split
    off, whose first report it shows; and those of its alarms, whose words are sealed before there
    is a case."""
    found: list[CaseId] = []
    here: Case | None = case
    for _ in range(PARENTS_MAX):
        if here is None or here.id in found:
            break
        found.append(here.id)
        found += [
            scope_of(report.description)
            for report in here.reports
            if report.source == ALARM_SOURCE and report.description is not None
        ]
        parent = here.links.parent
        with as_node():  # only its number, under which the values lie
            row = await store.case(parent) if parent is not None else None
        here = row.case if row is not None else None
    return tuple(dict.fromkeys(found))


async def see(
    wanted: Mapping[CaseId, Sequence[SealedRef]],
    holders: Mapping[CaseId, tuple[CaseId, ...]],
    *,
    by: Actor,
    purpose: str,
    vault: Vault,
) -> Mapping[SealedRef, tuple[bytes, str]]:
    """(value, media type) by ref, for a purpose in which no second person has a part."""
    refs = [ref for some in wanted.values() for ref in some]
    if not refs:
        return {}
    wishes = [
        Wish(case_id, holders.get(case_id, (case_id,))) for case_id, some in wanted.items() if some
    ]
    permits = await vault.permit(wishes, by=by, purpose=purpose)
    if isinstance(permits, SecondPerson):
        raise NotPermitted
    return await vault.read(refs, [permit.id for permit in permits], by=by)


__all__ = ["holders_of", "see"]

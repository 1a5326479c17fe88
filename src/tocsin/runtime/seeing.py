"""The one way to sealed words for everybody who is no member of staff: a permit for each case, then
the reading. Staff pass through `web/sealed.py`, which asks for a second person where one is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import Actor, CaseId, SealedRef
from tocsin.runtime.ports import BoardRow, Store, Vault
from tocsin.runtime.sight_ports import NotPermitted, SecondPerson, Wish

PARENTS_MAX = 5
"""How far a split is followed up: what was split off a part again is a part of the first."""


async def holders_of(case: Case, store: Store) -> tuple[CaseId, ...]:
    """The case, and those it was split off: a part shows the words of the first report, which stay
    sealed in the name of its parent."""
    found = [case.id]
    parent = case.links.parent
    while parent is not None and parent not in found and len(found) <= PARENTS_MAX:
        found.append(parent)
        row: BoardRow | None = await store.case(parent)
        parent = row.case.links.parent if row is not None else None
    return tuple(found)


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

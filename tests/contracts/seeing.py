"""How tests look into a vault: through the door that everybody uses, a permit first."""

from collections.abc import Sequence

from tocsin.kernel.shared import Actor, CaseId, SealedRef
from tocsin.runtime.ports import Vault
from tocsin.runtime.sight_ports import NotPermitted, SecondPerson, Wish


async def permit_for(vault: Vault, case_id: CaseId, *, by: Actor, purpose: str = "handling") -> int:
    """The number of a permit that holds."""
    found = await vault.permit([Wish(case_id, (case_id,), "test")], by=by, purpose=purpose)
    assert not isinstance(found, SecondPerson)
    return found[0].id


async def look(
    vault: Vault, refs: Sequence[SealedRef], case_id: CaseId, *, by: Actor
) -> dict[SealedRef, tuple[bytes, str]]:
    """What the values are, opened to handle the case, and contacts to reach the reporter."""
    handling = await permit_for(vault, case_id, by=by)
    contact = await permit_for(vault, case_id, by=by, purpose="contact_reporter")
    found: dict[SealedRef, tuple[bytes, str]] = {}
    for ref in dict.fromkeys(refs):
        try:
            found |= await vault.read([ref], [handling], by=by)
        except NotPermitted:
            found |= await vault.read([ref], [contact], by=by)
    return found

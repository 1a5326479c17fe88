"""Rules of the three administrators: who keeps the accounts, who guards the ways in, who watches.

No one holds two of the roles, no one changes their own rights, and what gives or takes one of the
three needs a second person. The database holds the same rules once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tocsin.kernel.shared import ActorId, Refused
from tocsin.runtime.accounts import Account, Grant, Role
from tocsin.runtime.sign_in import Proposal

THREE: Final[tuple[Role, ...]] = (
    "administrator",
    "security_administrator",
    "audit_administrator",
)
DECIDERS: Final[tuple[Role, ...]] = ("administrator", "security_administrator")
"""Who may be the second person; the audit administrator reads only."""
OPERATOR: Final = ActorId("operator")
"""Whoever may start a program on the node's machine: the second person of last resort."""


def strong_grants(account: Account | None) -> frozenset[Grant]:
    """The account's grants of the three roles, while it is active."""
    if account is None or not account.is_active:
        return frozenset()
    return frozenset(each for each in account.grants if each.role in THREE)


def check_grants(grants: Sequence[Grant]) -> Refused | None:
    """`roles_apart` when one account would hold two of the three, or the audit administrator
    anything beside: whoever watches has no case and no rights of their own to watch."""
    held = {each.role for each in grants} & set(THREE)
    alone = "audit_administrator" in held and len({each.role for each in grants}) > 1
    if len(held) > 1 or alone:
        return Refused("roles_apart", "")
    return None


def check_change(before: Account, after: Account, by: ActorId) -> Refused | None:
    """Whether `by` may wish the change at all: `own_rights`, `roles_apart`."""
    changes = before.grants != after.grants or before.is_active != after.is_active
    if changes and by == before.id:
        return Refused("own_rights", "")
    return check_grants(after.grants)


def needs_second(before: Account | None, after: Account) -> bool:
    """Whether a change gives or takes one of the three roles."""
    return strong_grants(before) != strong_grants(after)


def check_decider(proposal: Proposal, decider: Account | None, by: ActorId) -> Refused | None:
    """Whether `by` is the second person: neither who proposed it nor whom it is about, and one who
    holds a deciding role now. The machine's operator is nobody's account."""
    if by in (proposal.by, proposal.account):
        return Refused("rights_take_two", "")
    if by == OPERATOR:
        return None
    if not any(each.role in DECIDERS for each in strong_grants(decider)):
        return Refused("role_missing", "")
    return None


def stands_alone(holders: Sequence[Account], by: ActorId) -> bool:
    """Whether `by` is the only one with any of the three roles. There is no second person yet,
    so the first who is named is named by one alone; the record of changes tells it apart."""
    return [each.id for each in holders] == [by]

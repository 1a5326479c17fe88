"""Who may act: accounts, sessions, links and API keys. The port that keeps them is
`runtime.account_ports`.

Plain rows, each written together with a `Change` in one transaction. Tokens are known by hash
only; what a person may do follows from grants and the one policy table of the web rim.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from tocsin.kernel.shared import ActorId, AgencyId, AreaId, Instant

Role = Literal[
    "call_taker",
    "dispatcher",
    "grid_worker",
    "agency_handler",
    "verifier",
    "supervisor",
    "evaluator",
    "arbiter",
    "administrator",
    "security_administrator",
    "audit_administrator",
]
ROLES: tuple[Role, ...] = get_args(Role)

How = Literal["password", "passkey", "sign_on", "link"]
"""With what a session was opened; `sign_on` is the town's own provider of identities."""

KeyScope = Literal[
    "reports:write",
    "reports:trusted",
    "cases:read",
    "cases:write",
    "sealed:read",
    "measures:read",
]
KEY_SCOPES: tuple[KeyScope, ...] = get_args(KeyScope)
"""What an API key may be made for; `reports:trusted` may ask for dispatch at once."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A role over an area and all that lies below it.

    With an `agency` it reaches only cases in which that agency has a part.
    """

    role: Role
    area: AreaId
    agency: AgencyId | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A member of staff. `login` is folded (`fold_login`); `password` is an argon2id hash."""

    id: ActorId
    login: str
    name: str
    language: str
    grants: tuple[Grant, ...]
    created_at: Instant
    is_active: bool = True
    password: str | None = field(default=None, repr=False)
    version: int = 1


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in browser, known by the hash of its token. `id` names it in lists.

    `grants` are those it was opened or renewed with: what the account gains later takes effect
    with the next token only, what it loses at once."""

    id: str
    hash: bytes = field(repr=False)
    account: ActorId
    started_at: Instant
    seen_at: Instant
    expires_at: Instant
    grants: tuple[Grant, ...] = ()
    how: How = "password"


@dataclass(frozen=True, slots=True)
class Link:
    """A one-time link. Without an account it makes the first administrator; with one it sets
    that account's password."""

    hash: bytes = field(repr=False)
    account: ActorId | None
    expires_at: Instant


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An integrator's key, known by hash. Scopes say which operations, grants where and as
    whom."""

    id: ActorId
    name: str
    hash: bytes = field(repr=False)
    scopes: tuple[KeyScope, ...]
    grants: tuple[Grant, ...]
    created_at: Instant
    revoked_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What was changed about an account or a key, and by whom. `detail` holds no names."""

    at: Instant
    by: ActorId
    what: str
    subject: str
    detail: str = ""


__all__ = [
    "KEY_SCOPES",
    "ROLES",
    "Account",
    "ApiKey",
    "Change",
    "Grant",
    "How",
    "KeyScope",
    "Link",
    "Role",
    "Session",
]

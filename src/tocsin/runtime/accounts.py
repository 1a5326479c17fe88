"""Who may act: accounts, sessions, links and API keys, and the port that keeps them.

Plain rows, each written together with a `Change` in one transaction. Tokens are known by hash
only; what a person may do follows from grants and the one policy table of the web rim.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

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
    "auditor",
]
ROLES: tuple[Role, ...] = get_args(Role)

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
    """One signed-in browser, known by the hash of its token. `id` names it in lists."""

    id: str
    hash: bytes = field(repr=False)
    account: ActorId
    started_at: Instant
    seen_at: Instant
    expires_at: Instant


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


class AccountStore(Protocol):
    """Keeps accounts. Writes are committed with their change; raises `Unavailable`."""

    async def account(self, account: ActorId) -> Account | None: ...
    async def by_login(self, login: str) -> Account | None: ...
    async def accounts(self, after: str, limit: int) -> Sequence[Account]:
        """In the order of logins, after that login."""
        ...

    async def has_administrator(self) -> bool:
        """Whether any active account holds the role."""
        ...

    async def insert(self, account: Account, link: Link | None, change: Change) -> bool:
        """False, and nothing written, when the login is taken."""
        ...

    async def update(self, account: Account, change: Change, *, end_sessions: bool) -> bool:
        """Write `account` (its version already raised) over the version before it; False when
        that is not what is stored."""
        ...

    async def put_link(self, link: Link, change: Change) -> None:
        """Replaces the open link of the same account, or of none."""
        ...

    async def link(self, hash: bytes) -> Link | None: ...
    async def use_link(self, hash: bytes, account: Account, change: Change) -> bool:
        """Delete the link and insert or update the account, at once; False when the link is
        gone or the login is taken. Ends the account's sessions."""
        ...

    async def put_session(self, session: Session, ends: bytes | None, change: Change) -> None:
        """Add one and end another (rotation) in one step."""
        ...

    async def session(self, hash: bytes) -> tuple[Session, Account] | None: ...
    async def touch_session(self, hash: bytes, seen_at: Instant) -> None: ...
    async def sessions(self, account: ActorId) -> Sequence[Session]: ...
    async def end_session(self, account: ActorId, session: str, change: Change) -> bool: ...
    async def prune_sessions(self, seen_before: Instant, now: Instant) -> int:
        """Forget the sessions and links that have run out."""
        ...

    async def keys(self) -> Sequence[ApiKey]: ...
    async def key(self, hash: bytes) -> ApiKey | None: ...
    async def put_key(self, key: ApiKey, change: Change) -> None: ...
    async def revoke_key(self, key: ActorId, at: Instant, change: Change) -> bool: ...
    async def changes(self, before: int | None, limit: int) -> Sequence[tuple[int, Change]]:
        """Latest first, with their numbers."""
        ...


__all__ = [
    "KEY_SCOPES",
    "ROLES",
    "Account",
    "AccountStore",
    "ApiKey",
    "Change",
    "Grant",
    "KeyScope",
    "Link",
    "Role",
    "Session",
]

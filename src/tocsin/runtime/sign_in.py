"""Ways of signing in beside the password, and rights that two persons give: rows and their port."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol
from urllib.parse import urlsplit

from tocsin.kernel.shared import ActorId, Instant
from tocsin.runtime.accounts import Account, Change, Grant

LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
Left = Literal["done", "unknown", "last"]
"""What became of taking away a way in: `last` when nobody could come in without it."""


@dataclass(frozen=True, slots=True)
class Passkey:
    """A public key whose private half never leaves its holder's authenticator."""

    id: str
    account: ActorId
    credential: bytes = field(repr=False)
    public_key: bytes = field(repr=False)
    sign_count: int
    name: str
    made_at: Instant
    used_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class Challenge:
    """A question that is answered once and soon. `content` is what its asker must remember."""

    hash: bytes = field(repr=False)
    kind: Literal["register", "sign_in", "sign_on"]
    account: ActorId | None
    content: str = field(repr=False)
    expires_at: Instant


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a provider calls `subject`: that person signs in to the account, and to no other."""

    issuer: str
    subject: str
    account: ActorId
    made_at: Instant


@dataclass(frozen=True, slots=True)
class KnownBrowser:
    """A browser in which an account was signed in before: slowed down by nobody else's tries."""

    hash: bytes = field(repr=False)
    account: ActorId
    expires_at: Instant


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one administrator wishes and another must decide: rights, or a link for a password."""

    id: str
    kind: Literal["rights", "link"]
    account: ActorId
    before: tuple[Grant, ...]
    """The account's rights as the proposer saw them; they must still be those."""
    was_active: bool
    grants: tuple[Grant, ...]
    is_active: bool
    by: ActorId
    at: Instant
    expires_at: Instant
    decided_by: ActorId | None = None
    decided_at: Instant | None = None
    outcome: Literal["granted", "declined"] | None = None


def is_safe_address(url: str, issuer: str) -> bool:
    """https, or plain http on this machine when the issuer itself is there (tests)."""
    if url.startswith("https://"):
        return True
    hosts = (urlsplit(url).hostname, urlsplit(issuer).hostname)
    return url.startswith("http://") and all(each in LOOPBACK for each in hosts)


class SignInStore(Protocol):
    """Part of `account_ports.AccountStore`. Writes come with their change; raises `Unavailable`."""

    async def passkeys(self, account: ActorId) -> Sequence[Passkey]: ...
    async def passkey(self, credential: bytes) -> Passkey | None: ...
    async def has_passkeys(self) -> bool:
        """Whether any account has one."""
        ...

    async def add_passkey(self, passkey: Passkey, change: Change) -> bool:
        """False when the credential is known already."""
        ...

    async def rename_passkey(
        self, account: ActorId, id: str, name: str, change: Change
    ) -> bool: ...

    async def remove_passkey(self, account: ActorId, id: str, change: Change) -> Left: ...
    async def use_passkey(self, id: str, sign_count: int, at: Instant) -> bool:
        """Write the new count down; False when it has not grown (a copy of the key is about). Keys
        that do not count say 0 for ever."""
        ...

    async def put_challenge(self, challenge: Challenge) -> None: ...
    async def take_challenge(self, hash: bytes) -> Challenge | None:
        """Read and delete, at once: two takers never both have it."""
        ...

    async def identities(self, account: ActorId) -> Sequence[Identity]: ...
    async def by_identity(self, issuer: str, subject: str) -> Account | None: ...
    async def put_identity(self, identity: Identity, change: Change) -> bool:
        """False when it belongs to an account already."""
        ...

    async def remove_identity(
        self, account: ActorId, issuer: str, subject: str, change: Change
    ) -> Left: ...
    async def put_browser(self, browser: KnownBrowser) -> None: ...
    async def browser(self, hash: bytes) -> KnownBrowser | None: ...

    async def end_others(self, account: ActorId, keep: str | None, change: Change) -> int:
        """End every session of an account but one; how many."""
        ...

    async def living(
        self, sessions: Collection[str], seen_after: Instant, now: Instant
    ) -> set[str]:
        """Those of the sessions that have not ended and whose account is active."""
        ...

    async def holders(self) -> Sequence[Account]:
        """Active accounts with one of the three administrators' roles, in the order of ids."""
        ...

    async def put_proposal(self, proposal: Proposal, change: Change) -> None: ...
    async def proposal(self, id: str) -> Proposal | None: ...
    async def proposals(self, now: Instant) -> Sequence[Proposal]:
        """Those that wait, the oldest first."""
        ...

    async def decide(self, decided: Proposal, account: Account | None, change: Change) -> bool:
        """Write the decision and, with it, the account, whose sessions and open links end. False,
        and nothing written, when it was decided before or the account has changed since."""
        ...


__all__ = [
    "Challenge",
    "Identity",
    "KnownBrowser",
    "Left",
    "Passkey",
    "Proposal",
    "SignInStore",
    "is_safe_address",
]

"""The reference store of passkeys, identities, challenges and proposals."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from tocsin.kernel.shared import ActorId, Instant
from tocsin.runtime.accounts import Account, Change, Link, Session
from tocsin.runtime.rights import strong_grants
from tocsin.runtime.sign_in import (
    Challenge,
    Identity,
    KnownBrowser,
    Left,
    Passkey,
    Proposal,
)


class MemorySignIn:
    """`runtime.sign_in.SignInStore` in memory: for tests and simulation."""

    def __init__(self) -> None:
        self._accounts: dict[ActorId, Account] = {}
        self._sessions: dict[bytes, Session] = {}
        self._changes: list[Change] = []
        self._links: dict[bytes, Link] = {}
        self._passkeys: dict[str, Passkey] = {}
        self._challenges: dict[bytes, Challenge] = {}
        self._identities: dict[tuple[str, str], Identity] = {}
        self._browsers: dict[bytes, KnownBrowser] = {}
        self._proposals: dict[str, Proposal] = {}

    async def passkeys(self, account: ActorId) -> Sequence[Passkey]:
        found = [each for each in self._passkeys.values() if each.account == account]
        return sorted(found, key=lambda each: (each.made_at, each.id))

    async def passkey(self, credential: bytes) -> Passkey | None:
        found = (each for each in self._passkeys.values() if each.credential == credential)
        return next(found, None)

    async def has_passkeys(self) -> bool:
        return bool(self._passkeys)

    async def add_passkey(self, passkey: Passkey, change: Change) -> bool:
        if await self.passkey(passkey.credential) is not None:
            return False
        self._passkeys[passkey.id] = passkey
        self._changes.append(change)
        return True

    async def rename_passkey(self, account: ActorId, id: str, name: str, change: Change) -> bool:
        found = self._passkeys.get(id)
        if found is None or found.account != account:
            return False
        self._passkeys[id] = replace(found, name=name)
        self._changes.append(change)
        return True

    async def remove_passkey(self, account: ActorId, id: str, change: Change) -> Left:
        found = self._passkeys.get(id)
        if found is None or found.account != account:
            return "unknown"
        if self._ways(account) <= 1:
            return "last"
        del self._passkeys[id]
        self._changes.append(change)
        return "done"

    async def use_passkey(self, id: str, sign_count: int, at: Instant) -> bool:
        found = self._passkeys.get(id)
        if found is None or not (
            found.sign_count < sign_count or found.sign_count == sign_count == 0
        ):
            return False
        self._passkeys[id] = replace(found, sign_count=sign_count, used_at=at)
        return True

    async def put_challenge(self, challenge: Challenge) -> None:
        self._challenges[challenge.hash] = challenge

    async def take_challenge(self, hash: bytes) -> Challenge | None:
        return self._challenges.pop(hash, None)

    async def put_browser(self, browser: KnownBrowser) -> None:
        self._browsers[browser.hash] = browser

    async def browser(self, hash: bytes) -> KnownBrowser | None:
        return self._browsers.get(hash)

    async def identities(self, account: ActorId) -> Sequence[Identity]:
        found = [each for each in self._identities.values() if each.account == account]
        return sorted(found, key=lambda each: (each.made_at, each.issuer, each.subject))

    async def by_identity(self, issuer: str, subject: str) -> Account | None:
        found = self._identities.get((issuer, subject))
        return None if found is None else self._accounts[found.account]

    async def put_identity(self, identity: Identity, change: Change) -> bool:
        if (identity.issuer, identity.subject) in self._identities:
            return False
        self._identities[identity.issuer, identity.subject] = identity
        self._changes.append(change)
        return True

    async def remove_identity(
        self, account: ActorId, issuer: str, subject: str, change: Change
    ) -> Left:
        found = self._identities.get((issuer, subject))
        if found is None or found.account != account:
            return "unknown"
        if self._ways(account) <= 1:
            return "last"
        del self._identities[issuer, subject]
        self._changes.append(change)
        return "done"

    def _ways(self, account: ActorId) -> int:
        owned = (*self._passkeys.values(), *self._identities.values())
        ways = sum(each.account == account for each in owned)
        return ways + (self._accounts[account].password is not None)

    async def end_others(self, account: ActorId, keep: str | None, change: Change) -> int:
        gone = [h for h, s in self._sessions.items() if s.account == account and s.id != keep]
        for hash in gone:
            del self._sessions[hash]
        self._changes.append(change)
        return len(gone)

    async def living(
        self, sessions: Collection[str], seen_after: Instant, now: Instant
    ) -> set[str]:
        return {
            each.id
            for each in self._sessions.values()
            if each.id in sessions
            and each.expires_at > now
            and each.seen_at > seen_after
            and self._accounts[each.account].is_active
        }

    async def holders(self) -> Sequence[Account]:
        found = [each for each in self._accounts.values() if strong_grants(each)]
        return sorted(found, key=lambda each: each.id)

    async def put_proposal(self, proposal: Proposal, change: Change) -> None:
        self._proposals[proposal.id] = proposal
        self._changes.append(change)

    async def proposal(self, id: str) -> Proposal | None:
        return self._proposals.get(id)

    async def proposals(self, now: Instant) -> Sequence[Proposal]:
        found = [
            each
            for each in self._proposals.values()
            if each.outcome is None and each.expires_at > now
        ]
        return sorted(found, key=lambda each: (each.at, each.id))

    async def decide(self, decided: Proposal, account: Account | None, change: Change) -> bool:
        open_one = self._proposals.get(decided.id)
        if open_one is None or open_one.outcome is not None:
            return False
        if account is not None:
            if self._accounts[account.id].version != account.version - 1:
                return False
            self._accounts[account.id] = account
            self._end_all(account.id)
            self._links = {h: e for h, e in self._links.items() if e.account != account.id}
        self._proposals[decided.id] = decided
        self._changes.append(change)
        return True

    def _end_all(self, account: ActorId) -> None:
        # In place: both halves of the store hold the same table.
        for hash in [h for h, each in self._sessions.items() if each.account == account]:
            del self._sessions[hash]

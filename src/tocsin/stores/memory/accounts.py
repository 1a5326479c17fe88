"""The reference store of accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tocsin.kernel.shared import ActorId, Instant
from tocsin.runtime.accounts import Account, ApiKey, Change, Link, Session
from tocsin.stores.memory.sign_in import MemorySignIn


class MemoryAccounts(MemorySignIn):
    """`runtime.account_ports.AccountStore` in memory: for tests and simulation."""

    def __init__(self) -> None:
        super().__init__()
        self._keys: dict[ActorId, ApiKey] = {}

    async def account(self, account: ActorId) -> Account | None:
        return self._accounts.get(account)

    async def by_login(self, login: str) -> Account | None:
        return next((each for each in self._accounts.values() if each.login == login), None)

    async def accounts(self, after: str, limit: int) -> Sequence[Account]:
        found = sorted(self._accounts.values(), key=lambda each: each.login)
        return [each for each in found if each.login > after][:limit]

    async def has_administrator(self) -> bool:
        return any(
            each.is_active and any(grant.role == "administrator" for grant in each.grants)
            for each in self._accounts.values()
        )

    async def insert(self, account: Account, link: Link | None, change: Change) -> bool:
        if await self.by_login(account.login) is not None:
            return False
        self._accounts[account.id] = account
        if link is not None:
            self._links[link.hash] = link
        self._changes.append(change)
        return True

    async def update(self, account: Account, change: Change, *, end_sessions: bool) -> bool:
        stored = self._accounts.get(account.id)
        if stored is None or stored.version != account.version - 1:
            return False
        self._accounts[account.id] = account
        if end_sessions:
            self._end_all(account.id)
        self._changes.append(change)
        return True

    async def put_link(self, link: Link, change: Change) -> None:
        self._links = {
            hash: each for hash, each in self._links.items() if each.account != link.account
        }
        self._links[link.hash] = link
        self._changes.append(change)

    async def link(self, hash: bytes) -> Link | None:
        return self._links.get(hash)

    async def use_link(self, hash: bytes, account: Account, change: Change) -> bool:
        taken = await self.by_login(account.login)
        if hash not in self._links or (taken is not None and taken.id != account.id):
            return False
        del self._links[hash]
        self._accounts[account.id] = account
        self._end_all(account.id)
        self._changes.append(change)
        return True

    async def put_session(self, session: Session, ends: bytes | None, change: Change) -> None:
        if ends is not None:
            self._sessions.pop(ends, None)
        self._sessions[session.hash] = session
        self._changes.append(change)

    async def session(self, hash: bytes) -> tuple[Session, Account] | None:
        session = self._sessions.get(hash)
        return None if session is None else (session, self._accounts[session.account])

    async def touch_session(self, hash: bytes, seen_at: Instant) -> None:
        session = self._sessions.get(hash)
        if session is not None:
            self._sessions[hash] = replace(session, seen_at=seen_at)

    async def sessions(self, account: ActorId) -> Sequence[Session]:
        found = [each for each in self._sessions.values() if each.account == account]
        return sorted(found, key=lambda each: (each.started_at, each.id))

    async def end_session(self, account: ActorId, session: str, change: Change) -> bool:
        for hash, each in self._sessions.items():
            if each.account == account and each.id == session:
                del self._sessions[hash]
                self._changes.append(change)
                return True
        return False

    async def prune_sessions(self, seen_before: Instant, now: Instant) -> int:
        gone = [
            hash
            for hash, each in self._sessions.items()
            if each.expires_at <= now or each.seen_at <= seen_before
        ]
        for hash in gone:
            del self._sessions[hash]
        self._links = {h: each for h, each in self._links.items() if each.expires_at > now}
        self._browsers = {h: each for h, each in self._browsers.items() if each.expires_at > now}
        old = [h for h, each in self._challenges.items() if each.expires_at <= now]
        for hash in old:
            del self._challenges[hash]
        return len(gone)

    async def keys(self) -> Sequence[ApiKey]:
        return sorted(self._keys.values(), key=lambda each: (each.created_at, each.id))

    async def key(self, hash: bytes) -> ApiKey | None:
        return next((each for each in self._keys.values() if each.hash == hash), None)

    async def put_key(self, key: ApiKey, change: Change) -> None:
        self._keys[key.id] = key
        self._changes.append(change)

    async def revoke_key(self, key: ActorId, at: Instant, change: Change) -> bool:
        stored = self._keys.get(key)
        if stored is None or stored.revoked_at is not None:
            return False
        self._keys[key] = replace(stored, revoked_at=at)
        self._changes.append(change)
        return True

    async def changes(self, before: int | None, limit: int) -> Sequence[tuple[int, Change]]:
        numbered = list(enumerate(self._changes, start=1))
        return [each for each in reversed(numbered) if before is None or each[0] < before][:limit]

"""Everything about who may act, in one object: sign-in, sessions, links, passkeys, rights, keys."""

from __future__ import annotations

from collections.abc import Collection

from tocsin.web.keys import Keys
from tocsin.web.passkeys import Passkeys
from tocsin.web.signing import SignedIn


class Accounts(Passkeys, Keys):
    """Implements `runtime.ports.KeyRing`.

    Raises `passwords.Busy` when too many passwords wait, `Unavailable` with the store.
    """

    async def living_holders(self, holders: Collection[str]) -> set[str]:
        """Those of the sessions and keys, by their ids, that still open anything."""
        sessions = await self.living(holders)
        return sessions | await self.living_keys(set(holders) - sessions)


__all__ = ["Accounts", "SignedIn"]

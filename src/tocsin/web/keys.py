"""API keys of integrators: made, revoked, and known for some seconds."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from typing import Final

from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import Actor, ActorId, Refused
from tocsin.runtime.accounts import ApiKey, Change, Grant, KeyScope
from tocsin.runtime.board import parties_of
from tocsin.web.account_parts import Part, in_words
from tocsin.web.permissions import RULES, Principal, reach
from tocsin.web.tokens import KEY_PREFIX, TOKEN_BYTES, token_hash

KEYS_KNOWN_MAX: Final = 10_000
"""Keys remembered, made-up ones too: a few megabytes."""


class Keys(Part):
    """Implements `runtime.ports.KeyRing`."""

    async def create_key(
        self, name: str, scopes: Sequence[KeyScope], grants: Sequence[Grant], by: ActorId
    ) -> tuple[ApiKey, str]:
        """A new key and its text, which is shown this once."""
        secret = KEY_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
        now = self._clock.now()
        key = ApiKey(
            id=ActorId(self._ids.new()),
            name=name,
            hash=token_hash(secret),
            scopes=tuple(dict.fromkeys(scopes)),
            grants=tuple(grants),
            created_at=now,
        )
        detail = " ".join((*key.scopes, in_words(grants)))
        await self.store.put_key(key, Change(now, by, "key_made", key.id, detail))
        return key, secret

    async def revoke_key(self, key: ActorId, by: ActorId) -> bool:
        """From now on here, and within `keys_known_for_s` on other nodes, it opens nothing."""
        now = self._clock.now()
        done = await self.store.revoke_key(key, now, Change(now, by, "key_revoked", key))
        self._known.clear()
        return done

    async def living_keys(self, ids: Collection[str]) -> set[str]:
        """Those of the keys that are not revoked."""
        if not ids:
            return set()
        keys = await self.store.keys()
        return {str(each.id) for each in keys if each.revoked_at is None and each.id in ids}

    async def by_key(self, api_key: str) -> Principal | None:
        """Who a key acts as, when it is live."""
        key = await self._key(api_key)
        if key is None:
            return None
        return Principal(key.id, "integration", key.grants, frozenset(key.scopes))

    async def actor(self, api_key: str, scope: str) -> Actor | None:
        """See `runtime.ports.KeyRing.actor`."""
        key = await self._key(api_key)
        if key is None or scope not in key.scopes:
            return None
        roles = tuple(dict.fromkeys(grant.role for grant in key.grants))
        agency = next((grant.agency for grant in key.grants if grant.agency is not None), None)
        return Actor(key.id, "integration", roles, agency)

    async def actor_at(self, api_key: str, scope: str, case: Case) -> Actor | None:
        """See `runtime.ports.KeyRing.actor_at`. What a note at the case takes is the least."""
        key = await self._key(api_key)
        if key is None or scope not in key.scopes or case.areas is None:
            return None
        who = Principal(key.id, "integration", key.grants, frozenset(key.scopes))
        found = reach(RULES["case.add_note"], who, case.areas, parties_of(case))
        return None if isinstance(found, Refused) else found

    async def _key(self, api_key: str) -> ApiKey | None:
        hash = token_hash(api_key)
        now = self._clock.now().timestamp()
        known = self._known.get(hash)
        if known is not None and known[0] > now:
            return known[1]
        key = await self.store.key(hash)
        if key is not None and key.revoked_at is not None:
            key = None
        if len(self._known) >= KEYS_KNOWN_MAX:
            self._known.clear()
        self._known[hash] = (now + self.options.keys_known_for_s, key)
        return key

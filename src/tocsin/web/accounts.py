"""Accounts in their first form: sign-in, sessions, one-time links, API keys."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from tocsin.kernel.shared import Actor, ActorId, AreaId, Refused
from tocsin.runtime.accounts import (
    Account,
    AccountStore,
    ApiKey,
    Change,
    Grant,
    KeyScope,
    Link,
    Session,
)
from tocsin.runtime.ports import Clock, Ids
from tocsin.web.limits import Buckets, address_key
from tocsin.web.options import AccountOptions, WebOptions
from tocsin.web.passwords import Passwords, is_strong
from tocsin.web.permissions import Principal

TOKEN_BYTES: Final = 32
"""256 bits: not to be guessed."""
KEY_PREFIX: Final = "tok_"
"""Lets a scanner recognise a key that was published by mistake."""
TOUCH_EVERY: Final = timedelta(seconds=60)
"""A session's last use is written down at most this often."""
KEYS_KNOWN_MAX: Final = 10_000
LOGIN_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh session: the token for the cookie (shown once) and who it is."""

    token: str
    account: Account
    session: Session
    csrf: str


def fold_login(login: str) -> str:
    """Login names do not differ by case, width or spaces around them."""
    return unicodedata.normalize("NFKC", login).strip().casefold()[:LOGIN_MAX]


def token_hash(token: str) -> bytes:
    """What the store knows a token by; tokens are random, so a fast hash is enough."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


def csrf_of(token: str) -> str:
    """The session's CSRF token: derived, so it needs no store and ends with the session."""
    return hmac.digest(token.encode(errors="replace"), b"tocsin csrf", "sha256").hex()


class Accounts:
    """Everything about who may act. Implements `runtime.ports.KeyRing`.

    Raises `passwords.Busy` when too many passwords wait, `Unavailable` with the store.
    """

    def __init__(
        self,
        store: AccountStore,
        clock: Clock,
        ids: Ids,
        options: AccountOptions | None = None,
        web: WebOptions | None = None,
    ) -> None:
        self.store = store
        self.options = options or AccountOptions()
        limits = web or WebOptions()
        self._clock = clock
        self._ids = ids
        self._passwords = Passwords(self.options)
        self._by_login = Buckets(limits.login_per_minute, limits.login_burst)
        self._by_address = Buckets(limits.login_address_per_minute, limits.login_address_burst)
        self._known: dict[bytes, tuple[float, ApiKey | None]] = {}

    def close(self) -> None:
        """Stop the password threads."""
        self._passwords.close()

    # -- the first start ---------------------------------------------------------------

    async def first_link(self) -> str | None:
        """The path of the one-time page that makes the first administrator, or None when there
        is one. The token is in the fragment, which no server logs. Each call ends the last."""
        if await self.store.has_administrator():
            return None
        return f"/first#{await self._make_link(None, ActorId('system'))}"

    async def make_link(self, account: ActorId, by: ActorId) -> str | Refused:
        """The path of a one-time page on which the account's owner chooses a password."""
        if await self.store.account(account) is None:
            return Refused("unknown_account", "")
        return f"/password#{await self._make_link(account, by)}"

    async def _make_link(self, account: ActorId | None, by: ActorId) -> str:
        token = secrets.token_urlsafe(TOKEN_BYTES)
        now = self._clock.now()
        link = Link(token_hash(token), account, now + self.options.link_lives)
        await self.store.put_link(link, Change(now, by, "link_made", account or "first"))
        return token

    async def use_first_link(
        self, token: str, login: str, name: str, password: str, county: AreaId
    ) -> Account | Refused:
        """Make the first administrator, over the whole county."""
        login = fold_login(login)
        link = await self._open_link(token)
        if link is None or link.account is not None or await self.store.has_administrator():
            return Refused("link_used", "")
        if not is_strong(password, login):
            return Refused("password_weak", "")
        now = self._clock.now()
        account = Account(
            id=ActorId(self._ids.new()),
            login=login,
            name=name,
            language="en",
            grants=(Grant("administrator", county),),
            created_at=now,
            password=await self._passwords.hash(password),
        )
        change = Change(now, account.id, "first_administrator_made", account.id)
        made = await self.store.use_link(link.hash, account, change)
        return account if made else Refused("link_used", "")

    async def use_password_link(self, token: str, password: str) -> Account | Refused:
        """Set the password of the link's account; its sessions end."""
        link = await self._open_link(token)
        account = await self.store.account(link.account) if link and link.account else None
        if link is None or account is None or not account.is_active:
            return Refused("link_used", "")
        if not is_strong(password, account.login):
            return Refused("password_weak", "")
        hashed = await self._passwords.hash(password)
        changed = replace(account, password=hashed, version=account.version + 1)
        change = Change(self._clock.now(), account.id, "password_set", account.id)
        made = await self.store.use_link(link.hash, changed, change)
        return changed if made else Refused("link_used", "")

    async def _open_link(self, token: str) -> Link | None:
        link = await self.store.link(token_hash(token))
        return link if link is not None and link.expires_at > self._clock.now() else None

    # -- sessions ----------------------------------------------------------------------

    async def sign_in(
        self, login: str, password: str, address: str, old_token: str | None = None
    ) -> SignedIn | Refused:
        """A fresh session, or `wrong_login`, or `too_many_requests` with the seconds to wait as
        its detail. A session the browser brought along ends (rotation)."""
        login = fold_login(login)
        place = address_key(address)
        wait = max(self._by_address.take(place), self._by_login.take(login))
        if wait:
            return Refused("too_many_requests", str(wait))
        account = await self.store.by_login(login)
        stored = account.password if account is not None and account.is_active else None
        is_right = await self._passwords.check(stored, password)
        if account is None or not is_right:
            return Refused("wrong_login", "")
        self._by_login.give_back(login)
        self._by_address.give_back(place)
        if stored is not None and self._passwords.is_outdated(stored):
            account = await self._rehash(account, password)
        return await self._open_session(account, old_token)

    async def _rehash(self, account: Account, password: str) -> Account:
        hashed = await self._passwords.hash(password)
        changed = replace(account, password=hashed, version=account.version + 1)
        change = Change(self._clock.now(), account.id, "password_rehashed", account.id)
        done = await self.store.update(changed, change, end_sessions=False)
        return changed if done else account

    async def _open_session(self, account: Account, old_token: str | None) -> SignedIn:
        token = secrets.token_urlsafe(TOKEN_BYTES)
        now = self._clock.now()
        session = Session(
            id=self._ids.new(),
            hash=token_hash(token),
            account=account.id,
            started_at=now,
            seen_at=now,
            expires_at=now + self.options.session_absolute,
        )
        ends = token_hash(old_token) if old_token else None
        change = Change(now, account.id, "signed_in", account.id)
        await self.store.put_session(session, ends, change)
        return SignedIn(token, account, session, csrf_of(token))

    async def by_session(self, token: str) -> Principal | None:
        """Who the cookie's token stands for, while the session lives."""
        found = await self.store.session(token_hash(token))
        if found is None:
            return None
        session, account = found
        now = self._clock.now()
        idle_until = session.seen_at + self.options.session_idle
        if now >= session.expires_at or now >= idle_until or not account.is_active:
            return None
        if now - session.seen_at >= TOUCH_EVERY:
            await self.store.touch_session(session.hash, now)
        return Principal(
            id=account.id,
            kind="staff",
            grants=account.grants,
            language=account.language,
            session=session.id,
            csrf=csrf_of(token),
        )

    async def end_session(self, account: ActorId, session: str, by: ActorId) -> bool:
        """Sign out one browser. False when there is no such session."""
        change = Change(self._clock.now(), by, "session_ended", account)
        return await self.store.end_session(account, session, change)

    async def prune(self) -> int:
        """Forget what has run out; the app calls it now and then."""
        now = self._clock.now()
        return await self.store.prune_sessions(now - self.options.session_idle, now)

    # -- accounts ----------------------------------------------------------------------

    async def create(
        self,
        login: str,
        name: str,
        grants: Sequence[Grant],
        by: ActorId,
        *,
        language: str = "en",
        password: str | None = None,
    ) -> Account | Refused:
        """A new account; without a password its owner needs a link."""
        login = fold_login(login)
        if password is not None and not is_strong(password, login):
            return Refused("password_weak", "")
        now = self._clock.now()
        account = Account(
            id=ActorId(self._ids.new()),
            login=login,
            name=name,
            language=language,
            grants=tuple(grants),
            created_at=now,
            password=None if password is None else await self._passwords.hash(password),
        )
        change = Change(now, by, "account_created", account.id, _in_words(grants))
        made = await self.store.insert(account, None, change)
        return account if made else Refused("login_taken", "")

    async def change(self, changed: Account, by: ActorId) -> Account | Refused:
        """Write a changed account (made by `replace` from the one read). Its sessions end when
        it is switched off or loses grants."""
        before = await self.store.account(changed.id)
        if before is None:
            return Refused("unknown_account", "")
        if _is_administrator(before) and not _is_administrator(changed):
            others = await self._administrators()
            if others <= {changed.id}:
                return Refused("last_administrator", "")
        ends = not changed.is_active or not set(before.grants) <= set(changed.grants)
        change = Change(
            self._clock.now(),
            by,
            "account_changed" if changed.is_active else "account_switched_off",
            changed.id,
            _in_words(changed.grants),
        )
        following = replace(changed, version=changed.version + 1)
        if not await self.store.update(following, change, end_sessions=ends):
            return Refused("stale_version", "the account was changed meanwhile")
        return following

    async def _administrators(self) -> set[ActorId]:
        found: set[ActorId] = set()
        after = ""
        while page := await self.store.accounts(after, 500):
            found |= {each.id for each in page if _is_administrator(each)}
            after = page[-1].login
        return found

    async def change_password(
        self, account: ActorId, old: str, new: str, address: str
    ) -> Refused | None:
        """The owner's own change; every session ends."""
        wait = self._by_address.take(address_key(address))
        if wait:
            return Refused("too_many_requests", str(wait))
        stored = await self.store.account(account)
        if stored is None or not await self._passwords.check(stored.password, old):
            return Refused("wrong_login", "")
        if not is_strong(new, stored.login):
            return Refused("password_weak", "")
        hashed = await self._passwords.hash(new)
        changed = replace(stored, password=hashed, version=stored.version + 1)
        change = Change(self._clock.now(), account, "password_set", account)
        if not await self.store.update(changed, change, end_sessions=True):
            return Refused("stale_version", "the account was changed meanwhile")
        return None

    # -- keys --------------------------------------------------------------------------

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
        detail = " ".join((*key.scopes, _in_words(grants)))
        await self.store.put_key(key, Change(now, by, "key_made", key.id, detail))
        return key, secret

    async def revoke_key(self, key: ActorId, by: ActorId) -> bool:
        """From now on here, and within `keys_known_for_s` on other nodes, it opens nothing."""
        now = self._clock.now()
        done = await self.store.revoke_key(key, now, Change(now, by, "key_revoked", key))
        self._known.clear()
        return done

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


def _is_administrator(account: Account) -> bool:
    return account.is_active and any(grant.role == "administrator" for grant in account.grants)


def _in_words(grants: Sequence[Grant]) -> str:
    return ", ".join(
        f"{grant.role}@{grant.area}" + (f" of {grant.agency}" if grant.agency else "")
        for grant in grants
    )

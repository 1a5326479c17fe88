"""Signing in and what follows: sessions that rotate, end and never carry more than they were
opened with; one-time links; one's own password."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import structlog

from tocsin.kernel.shared import ActorId, Refused
from tocsin.runtime.accounts import Account, Change, How, Link, Session
from tocsin.runtime.sign_in import KnownBrowser
from tocsin.web.account_parts import Part
from tocsin.web.permissions import Principal
from tocsin.web.tokens import TOKEN_BYTES, csrf_of, fold_login, token_hash

log = structlog.get_logger("tocsin.sign_in")

TOUCH_EVERY: Final = timedelta(seconds=60)
"""A session's last use is written down at most this often."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh session: the tokens for the cookies (shown once) and who it is. `browser` is the
    one that makes the browser known; None where the old one stays."""

    token: str
    account: Account
    session: Session
    csrf: str
    browser: str | None = None


class Signing(Part):
    """Sessions, links and passwords."""

    # -- coming in ---------------------------------------------------------------------

    async def sign_in(
        self,
        login: str,
        password: str,
        address: str,
        old_token: str | None = None,
        browser: str | None = None,
    ) -> SignedIn | Refused:
        """A fresh session, or `wrong_login`, or `too_many_requests` with the seconds to wait as
        its detail. `browser` is the token of a browser that was signed in before. A session the
        browser brought along ends (rotation)."""
        login = fold_login(login)
        account = await self.store.by_login(login)
        known = await self._known_browser(account, browser)
        wait = self.slowing.wait_s(login, address, known)
        who = None if account is None else account.id
        if wait:
            log.info("sign_in_refused", reason="too_many_requests", account=who)
            return Refused("too_many_requests", str(wait))
        stored = account.password if account is not None and account.is_active else None
        is_known = known is not None or self.slowing.is_own(address)
        is_right = await self._passwords.check(stored, password, is_known=is_known)
        if account is None or not is_right:
            log.info("sign_in_refused", reason="wrong_login", account=who)
            return Refused("wrong_login", "")
        self.slowing.was_right(login, address, known)
        if stored is not None and self._passwords.is_outdated(stored):
            account = await self._rehash(account, password)
        return await self.open_session(account, "password", old_token, browser)

    async def _known_browser(self, account: Account | None, browser: str | None) -> bytes | None:
        """The hash of the browser's token, when this very account was signed in there before."""
        if not browser:
            return None
        found = await self.store.browser(token_hash(browser))
        is_own = found is not None and account is not None and found.account == account.id
        return found.hash if found and is_own and found.expires_at > self._clock.now() else None

    async def _rehash(self, account: Account, password: str) -> Account:
        hashed = await self._passwords.hash(password)
        changed = replace(account, password=hashed, version=account.version + 1)
        change = Change(self._clock.now(), account.id, "password_rehashed", account.id)
        done = await self.store.update(changed, change, end_sessions=False)
        return changed if done else account

    async def open_session(
        self, account: Account, how: How, old_token: str | None, browser: str | None
    ) -> SignedIn:
        """A session for whom a way in has proven; what the browser brought along ends."""
        now = self._clock.now()
        token = secrets.token_urlsafe(TOKEN_BYTES)
        session = Session(
            id=self._ids.new(),
            hash=token_hash(token),
            account=account.id,
            started_at=now,
            seen_at=now,
            expires_at=now + self.options.session_absolute,
            grants=account.grants,
            how=how,
        )
        ends = token_hash(old_token) if old_token else None
        change = Change(now, account.id, "signed_in", account.id, how)
        await self.store.put_session(session, ends, change)
        log.info("signed_in", account=account.id, how=how)
        made = None
        if await self._known_browser(account, browser) is None:
            made = secrets.token_urlsafe(TOKEN_BYTES)
            until = now + self.options.browser_known_for
            await self.store.put_browser(KnownBrowser(token_hash(made), account.id, until))
        return SignedIn(token, account, session, csrf_of(token), made)

    # -- sessions ----------------------------------------------------------------------

    async def by_session(self, token: str) -> Principal | None:
        """Who the cookie's token stands for, while the session lives. Rights that the account
        gained since are not in it: `renew` brings them, with a new token."""
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
            grants=tuple(each for each in account.grants if each in session.grants),
            language=account.language,
            session=session.id,
            csrf=csrf_of(token),
            is_renewal_due=not set(account.grants) <= set(session.grants),
            is_fresh=now - session.started_at < self.options.fresh_for,
        )

    async def renew(self, token: str) -> SignedIn | None:
        """The same session under a new token and with today's rights; the old token ends. When it
        began and when it ends stay as they were. None when it is over."""
        found = await self.store.session(token_hash(token))
        if found is None or await self.by_session(token) is None:
            return None
        session, account = found
        now = self._clock.now()
        fresh = secrets.token_urlsafe(TOKEN_BYTES)
        renewed = replace(
            session, id=self._ids.new(), hash=token_hash(fresh), seen_at=now, grants=account.grants
        )
        change = Change(now, account.id, "session_renewed", account.id)
        await self.store.put_session(renewed, session.hash, change)
        return SignedIn(fresh, account, renewed, csrf_of(fresh))

    async def end_session(self, account: ActorId, session: str, by: ActorId) -> bool:
        """Sign out one browser. False when there is no such session."""
        change = Change(self._clock.now(), by, "session_ended", account)
        return await self.store.end_session(account, session, change)

    async def end_sessions(self, account: ActorId, by: ActorId, keep: str | None = None) -> int:
        """Sign out every browser, or every one but `keep`; how many."""
        change = Change(self._clock.now(), by, "sessions_ended", account)
        return await self.store.end_others(account, keep, change)

    async def living(self, sessions: Collection[str]) -> set[str]:
        """Those of the sessions that have not ended by any of the ways to end."""
        now = self._clock.now()
        return await self.store.living(sessions, now - self.options.session_idle, now)

    async def prune(self) -> int:
        """Forget what has run out; the app calls it now and then."""
        now = self._clock.now()
        return await self.store.prune_sessions(now - self.options.session_idle, now)

    # -- one-time links ----------------------------------------------------------------

    async def put_link(
        self, account: ActorId | None, by: ActorId, what: str, lives: timedelta
    ) -> str:
        """A fresh one-time token; an older one of the same account ends."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        now = self._clock.now()
        link = Link(token_hash(token), account, now + lives)
        await self.store.put_link(link, Change(now, by, what, account or "first"))
        return token

    async def use_password_link(self, token: str, password: str) -> Account | Refused:
        """Set the password of the link's account; its sessions end."""
        link = await self.open_link(token)
        account = await self.store.account(link.account) if link and link.account else None
        if link is None or account is None or not account.is_active:
            return Refused("link_used", "")
        refused = await self._passwords.weakness(password, account.login, account.name)
        if refused is not None:
            return refused
        hashed = await self._passwords.hash(password)
        changed = replace(account, password=hashed, version=account.version + 1)
        change = Change(self._clock.now(), account.id, "password_set", account.id)
        made = await self.store.use_link(link.hash, changed, change)
        return changed if made else Refused("link_used", "")

    async def open_link(self, token: str) -> Link | None:
        """The link of a token, while it may be used."""
        link = await self.store.link(token_hash(token))
        return link if link is not None and link.expires_at > self._clock.now() else None

    # -- one's own password ------------------------------------------------------------

    async def change_password(
        self, account: ActorId, old: str, new: str, address: str, keep: str
    ) -> Refused | None:
        """The owner's own change; every session but `keep` ends, and that one is renewed by
        whoever asked."""
        wait = self.slowing.wait_of_address(address)
        if wait:
            return Refused("too_many_requests", str(wait))
        stored = await self.store.account(account)
        if stored is None or not await self._passwords.check(stored.password, old, is_known=True):
            return Refused("wrong_login", "")
        refused = await self._passwords.weakness(new, stored.login, stored.name)
        if refused is not None:
            return refused
        hashed = await self._passwords.hash(new)
        changed = replace(stored, password=hashed, version=stored.version + 1)
        change = Change(self._clock.now(), account, "password_set", account)
        if not await self.store.update(changed, change, end_sessions=False):
            return Refused("stale_version", "the account was changed meanwhile")
        await self.end_sessions(account, account, keep)
        return None

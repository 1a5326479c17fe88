"""Accounts made and changed, and rights of administrators that one wishes and another grants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tocsin.kernel.shared import ActorId, AreaId, Refused
from tocsin.runtime.accounts import Account, Change, Grant
from tocsin.runtime.rights import (
    OPERATOR,
    THREE,
    check_change,
    check_decider,
    check_grants,
    needs_second,
    stands_alone,
    strong_grants,
)
from tocsin.runtime.sign_in import Proposal
from tocsin.web.account_parts import in_words
from tocsin.web.signing import Signing
from tocsin.web.tokens import fold_login


@dataclass(frozen=True, slots=True)
class Changed:
    """The account as it is now, and what of the wish waits for a second person."""

    account: Account
    proposal: Proposal | None = None


class Rights(Signing):
    """Accounts and who may grant what."""

    # -- the first start ---------------------------------------------------------------

    async def first_link(self) -> str | None:
        """The path of the one-time page that makes the first administrator, or None when there
        is one. The token is in the fragment, which no server logs. Each call ends the last."""
        if await self.store.has_administrator():
            return None
        lives = self.options.link_lives
        return f"/first#{await self.put_link(None, ActorId('system'), 'link_made', lives)}"

    async def use_first_link(
        self, token: str, login: str, name: str, password: str, county: AreaId
    ) -> Account | Refused:
        """Make the first administrator, over the whole county."""
        login = fold_login(login)
        link = await self.open_link(token)
        if link is None or link.account is not None or await self.store.has_administrator():
            return Refused("link_used", "")
        refused = await self._passwords.weakness(password, login, name)
        if refused is not None:
            return refused
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
        """A new account with these very rights; without a password its owner needs a link. Who
        asks has checked by `start` that no second person is needed, or is the machine itself."""
        login = fold_login(login)
        refused = check_grants(grants)
        if refused is not None:
            return refused
        if password is not None:
            refused = await self._passwords.weakness(password, login, name)
            if refused is not None:
                return refused
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
        change = Change(now, by, "account_created", account.id, in_words(grants))
        made = await self.store.insert(account, None, change)
        return account if made else Refused("login_taken", "")

    async def start(
        self, login: str, name: str, grants: Sequence[Grant], by: ActorId, language: str
    ) -> Changed | Refused:
        """A new account, wished by `by`; a role of the three waits for a second person."""
        refused = check_grants(grants)
        if refused is not None:
            return refused
        waits = any(each.role in THREE for each in grants)
        at_once = () if waits else grants
        made = await self.create(login, name, at_once, by, language=language)
        if isinstance(made, Refused) or not waits:
            return made if isinstance(made, Refused) else Changed(made)
        return await self.change(replace(made, grants=tuple(grants)), by)

    async def change(self, changed: Account, by: ActorId) -> Changed | Refused:
        """Write a changed account (made by `replace` from the one read). Its sessions end when
        it is switched off or loses grants; what it gains takes effect with its next token. What
        gives or takes a role of the three becomes a proposal, and name and language are written."""
        before = await self.store.account(changed.id)
        if before is None:
            return Refused("unknown_account", "")
        refused = await self._last(before, changed) or check_change(before, changed, by)
        if refused is not None:
            return refused
        if not needs_second(before, changed):
            return await self._write(before, changed, by)
        if stands_alone(await self.store.holders(), by):
            return await self._write(before, changed, by, alone=True)
        return await self._propose(before, changed, by)

    async def _last(self, before: Account, changed: Account) -> Refused | None:
        if _is_administrator(before) and not _is_administrator(changed):
            others = {each.id for each in await self.store.holders() if _is_administrator(each)}
            if others <= {changed.id}:
                return Refused("last_administrator", "")
        return None

    async def _write(
        self, before: Account, changed: Account, by: ActorId, *, alone: bool = False
    ) -> Changed | Refused:
        what = "account_changed" if changed.is_active else "account_switched_off"
        change = Change(
            self._clock.now(), by, f"{what}_alone" if alone else what, changed.id,
            in_words(changed.grants),
        )  # fmt: skip
        ends = not changed.is_active or not set(before.grants) <= set(changed.grants)
        following = replace(changed, version=changed.version + 1)
        if not await self.store.update(following, change, end_sessions=ends):
            return Refused("stale_version", "the account was changed meanwhile")
        return Changed(following)

    # -- by two persons ----------------------------------------------------------------

    async def _propose(self, before: Account, wished: Account, by: ActorId) -> Changed | Refused:
        now_is = replace(before, name=wished.name, language=wished.language)
        if now_is != before:
            written = await self._write(before, replace(now_is, version=wished.version), by)
            if isinstance(written, Refused):
                return written
            now_is = written.account
        elif wished.version != before.version:
            return Refused("stale_version", "the account was changed meanwhile")
        proposal = self._proposal(now_is, by, wished.grants, wished.is_active)
        words = in_words(wished.grants) if wished.is_active else "switched off"
        change = Change(proposal.at, by, "rights_proposed", wished.id, words)
        await self.store.put_proposal(proposal, change)
        return Changed(now_is, proposal)

    def _proposal(
        self, account: Account, by: ActorId, grants: tuple[Grant, ...], is_active: bool,
        kind: str = "rights",
    ) -> Proposal:  # fmt: skip
        now = self._clock.now()
        return Proposal(
            id=self._ids.new(),
            kind="link" if kind == "link" else "rights",
            account=account.id,
            before=account.grants,
            was_active=account.is_active,
            grants=grants,
            is_active=is_active,
            by=by,
            at=now,
            expires_at=now + self.options.proposal_lives,
        )

    async def make_link(self, account_id: ActorId, by: ActorId) -> str | Proposal | Refused:
        """The path of a one-time page on which the account's owner chooses a password. For an
        account with a role of the three it takes a second person: a link is the account."""
        account = await self.store.account(account_id)
        if account is None:
            return Refused("unknown_account", "")
        if strong_grants(account) and not stands_alone(await self.store.holders(), by):
            if by == account.id:
                return Refused("own_rights", "")
            wish = self._proposal(account, by, account.grants, account.is_active, "link")
            await self.store.put_proposal(wish, Change(wish.at, by, "link_proposed", account.id))
            return wish
        lives = self.options.link_lives
        return f"/password#{await self.put_link(account.id, by, 'link_made', lives)}"

    async def first_password(self, account: ActorId, by: ActorId) -> str | Refused:
        """The link of an account that was just made: nobody's account yet, whatever it will be."""
        lives = self.options.link_lives
        return f"/password#{await self.put_link(account, by, 'link_made', lives)}"

    async def decide(self, id: str, by: ActorId, *, grant: bool) -> Decided | Refused:
        """The second person's word. Declining is open to the proposer too, who takes it back."""
        now = self._clock.now()
        proposal = await self.store.proposal(id)
        if proposal is None or proposal.outcome is not None or proposal.expires_at <= now:
            return Refused("unknown_proposal", "")
        if grant or by != proposal.by:
            refused = check_decider(proposal, await self.store.account(by), by)
            if refused is not None:
                return refused
        account = await self.store.account(proposal.account)
        assert account is not None, "accounts are never deleted"
        outcome = "granted" if grant else "declined"
        decided = replace(proposal, decided_by=by, decided_at=now, outcome=outcome)
        change = Change(now, by, f"{proposal.kind}_{outcome}", account.id,
                        in_words(proposal.grants))  # fmt: skip
        if (account.grants, account.is_active) != (proposal.before, proposal.was_active):
            return Refused("stale_version", "the account's rights were changed meanwhile")
        written: Account | None = None
        if grant and proposal.kind == "rights":
            wished = replace(account, grants=proposal.grants, is_active=proposal.is_active)
            last = check_grants(wished.grants) or await self._last(account, wished)
            if last is not None:
                return last
            written = replace(wished, version=account.version + 1)
        if not await self.store.decide(decided, written, change):
            return Refused("stale_version", "the account was changed meanwhile")
        link: str | None = None
        if grant and proposal.kind == "link":
            lives = self.options.link_lives
            link = f"/password#{await self.put_link(account.id, by, 'link_made', lives)}"
        return Decided(decided, link)

    async def unlock(self, login: str) -> str | Refused:
        """For the machine's operator: the path of a one-time page that signs the account in with a
        new password, past every allowance. It lives for half an hour."""
        account = await self.store.by_login(fold_login(login))
        if account is None or not account.is_active:
            return Refused("unknown_account", "")
        lives = self.options.link_alone_lives
        token = await self.put_link(account.id, OPERATOR, "unlocked_on_the_machine", lives)
        return f"/password#{token}"


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided; the link when one was granted, shown this once."""

    proposal: Proposal
    link: str | None


def _is_administrator(account: Account) -> bool:
    return account.is_active and any(grant.role == "administrator" for grant in account.grants)

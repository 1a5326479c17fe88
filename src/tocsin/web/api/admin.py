"""Accounts, API keys and dead letters: the administrator's part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from pydantic import Field, StringConstraints
from starlette.responses import Response

from tocsin.kernel.shared import ActorId, AgencyId, AreaId
from tocsin.packs.words import word
from tocsin.runtime.accounts import Account, ApiKey, Grant, KeyScope, Role
from tocsin.runtime.errand_ports import UNREADABLE, Errand, Unreadable
from tocsin.runtime.rights import THREE
from tocsin.runtime.sign_in import Proposal
from tocsin.web.api.common import (
    STAFF,
    STAFF_ONE,
    WRITES,
    AccessArg,
    checked,
    json,
    router,
    shown,
)
from tocsin.web.api.lists import Limit
from tocsin.web.api.sessions import DoneView, Login, Name
from tocsin.web.api.unit_orders import sign_out
from tocsin.web.gate import Access
from tocsin.web.problems import Problem
from tocsin.web.rights import Changed
from tocsin.web.shapes import ID, NO_NUL, Id, Strict, Version, like
from tocsin.web.views import View

routes: APIRouter = router("administration")

GRANTS_MAX: Final = 32
"""Grants of one account: each is a query of its own in a list."""
DEAD_MAX: Final = 200

AccountIdArg = Annotated[str, Path(pattern=ID, max_length=120, examples=["01hw"])]
Language = Annotated[str, Field(pattern=r"^(en|zh-CN)$")]


class GrantBody(Strict):
    """A role over an area and all below it; with an agency, for that agency's cases only."""

    role: Role
    area: Id
    agency: Id | None = None


Grants = Annotated[tuple[GrantBody, ...], Field(strict=False, max_length=GRANTS_MAX)]
GRANT_EXAMPLE: dict[str, Any] = {"role": "dispatcher", "area": "county", "agency": None}
ACCOUNT_EXAMPLE: dict[str, Any] = {
    "id": "01hw",
    "login": "chen.li",
    "name": "Chen Li",
    "language": "zh-CN",
    "grants": [GRANT_EXAMPLE],
    "created_at": "2026-11-22T01:30:00+00:00",
    "is_active": True,
    "has_password": True,
    "version": 1,
}


class AccountBody(Strict):
    """A new account. Its owner chooses the password with the link in the answer."""

    model_config = like(
        {"login": "chen.li", "name": "Chen Li", "language": "zh-CN", "grants": [GRANT_EXAMPLE]}
    )
    login: Login
    name: Name
    language: Language = "en"
    grants: Grants = ()


class AccountChangeBody(Strict):
    """What is left out stays as it is. `version` is the one that was read."""

    model_config = like({"version": 1, "is_active": False})

    version: Version
    name: Name | None = None
    language: Language | None = None
    grants: Grants | None = None
    is_active: bool | None = None


class AccountView(View):
    """An account of staff."""

    model_config = like(ACCOUNT_EXAMPLE)

    id: str
    login: str
    name: str
    language: str
    grants: tuple[Grant, ...]
    created_at: datetime
    is_active: bool
    has_password: bool
    version: int


class ChangedAccountView(AccountView):
    """The account as it is now, and which proposal waits for a second person (null: none)."""

    model_config = like({**ACCOUNT_EXAMPLE, "proposal": None})

    proposal: str | None


class AccountsView(View):
    """Accounts in the order of logins."""

    model_config = like({"accounts": [ACCOUNT_EXAMPLE], "next": None})

    accounts: tuple[AccountView, ...]
    next: str | None


class NewAccountView(View):
    """The account, the path of the one-time page for its password, and which proposal waits for a
    second person (null: none)."""

    model_config = like(
        {"account": ACCOUNT_EXAMPLE, "proposal": None, "link": "/password#x3oQ0Yk7m2bV9d1K"}
    )

    account: AccountView
    proposal: str | None
    link: str


class LinkView(View):
    """The path of a one-time page for a password, shown this once; or which proposal waits for a
    second person, for the account of an administrator."""

    model_config = like({"link": "/password#x3oQ0Yk7m2bV9d1K", "proposal": None})

    link: str | None
    proposal: str | None


class ChangeView(View):
    """What was changed about an account or a key."""

    id: int
    at: datetime
    by: str
    what: str
    subject: str
    detail: str


class ChangesView(View):
    """Changes, the latest first; `next` goes into `before`."""

    model_config = like(
        {
            "changes": [
                {
                    "id": 7,
                    "at": "2026-11-22T01:30:00+00:00",
                    "by": "01hv",
                    "what": "account_created",
                    "subject": "01hw",
                    "detail": "dispatcher@county",
                }
            ],
            "next": None,
        }
    )
    changes: tuple[ChangeView, ...]
    next: int | None


class KeyBody(Strict):
    """A new API key: what it may be used for, and where and as whom."""

    model_config = like(
        {
            "name": "drain sensors",
            "scopes": ["reports:write"],
            "grants": [{"role": "call_taker", "area": "county", "agency": None}],
        }
    )
    name: Name
    scopes: Annotated[tuple[KeyScope, ...], Field(strict=False, min_length=1, max_length=6)]
    grants: Grants = ()


KEY_EXAMPLE: dict[str, Any] = {
    "id": "01hk",
    "name": "drain sensors",
    "scopes": ["reports:write"],
    "grants": [{"role": "call_taker", "area": "county", "agency": None}],
    "created_at": "2026-11-22T01:30:00+00:00",
    "revoked_at": None,
}


class KeyView(View):
    """An API key; its text was shown once, when it was made."""

    model_config = like(KEY_EXAMPLE)

    id: str
    name: str
    scopes: tuple[str, ...]
    grants: tuple[Grant, ...]
    created_at: datetime
    revoked_at: datetime | None


class KeysView(View):
    """All keys, revoked ones too."""

    model_config = like({"keys": [KEY_EXAMPLE]})

    keys: tuple[KeyView, ...]


class NewKeyView(View):
    """The key and its text, which is shown this once."""

    model_config = like({"key": KEY_EXAMPLE, "text": "tok_x3oQ0Yk7m2bV9d1K"})

    key: KeyView
    text: str


class DeadView(View):
    """An errand that was given up."""

    key: str
    case_id: str
    created_at: datetime
    attempts: int
    kind: str
    error: str
    text: str


class DeadsView(View):
    """Errands that were given up."""

    model_config = like(
        {
            "errands": [
                {
                    "key": "01hx:7:0",
                    "case_id": "01hx",
                    "created_at": "2026-11-22T01:30:00+00:00",
                    "attempts": 8,
                    "kind": "Tell",
                    "error": "ConnectionError",
                    "text": "It was tried as often as is useful, and failed each time.",
                }
            ]
        }
    )
    errands: tuple[DeadView, ...]


class ReviveBody(Strict):
    """Which errand is tried again."""

    model_config = like({"key": "01hx:7:0"})

    key: Annotated[str, StringConstraints(min_length=1, max_length=400, pattern=NO_NUL)]


def account_view(account: Account) -> dict[str, Any]:
    """The members of `AccountView`: never the hash."""
    return {
        "id": account.id,
        "login": account.login,
        "name": account.name,
        "language": account.language,
        "grants": account.grants,
        "created_at": account.created_at,
        "is_active": account.is_active,
        "has_password": account.password is not None,
        "version": account.version,
    }


def _key_view(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": key.scopes,
        "grants": key.grants,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }


def grants_of(bodies: Sequence[GrantBody], access: Access) -> tuple[Grant, ...]:
    """The grants, checked: areas exist, agencies are the pack's and lie over or in the area."""
    atlas, pack = access.services.atlas, access.services.pack
    for body in bodies:
        if body.area not in atlas.areas:
            raise Problem("grant_invalid", "no such area")
        if body.role == "agency_handler" and body.agency is None:
            raise Problem("grant_invalid", "an agency handler needs an agency")
        if body.agency is None:
            continue
        code, _, area = body.agency.partition("@")
        agency = pack.agencies.get(code)
        if (
            agency is None
            or area not in atlas.areas
            or atlas.area(AreaId(area)).tier != (agency.tier or "county")
        ):
            raise Problem("grant_invalid", "no such agency there")
    if len({body.agency for body in bodies if body.agency is not None}) > 1:
        raise Problem("grant_invalid", "an account acts for one agency")
    made = (
        Grant(body.role, AreaId(body.area), AgencyId(body.agency) if body.agency else None)
        for body in bodies
    )
    return tuple(dict.fromkeys(made))


@routes.get(
    "/accounts",
    operation_id="account.list",
    summary="The accounts, in the order of logins.",
    **shown(AccountsView, *STAFF),
)
async def accounts(
    access: AccessArg,
    after: Annotated[str, Query(max_length=64, pattern=r"^[^\x00]*$")] = "",
    limit: Limit = 50,
) -> Response:
    found = await access.web.accounts.store.accounts(after, limit)
    following = found[-1].login if len(found) == limit else None
    return json({"accounts": [account_view(each) for each in found], "next": following})


@routes.post(
    "/accounts",
    operation_id="account.create",
    summary="A new account; answers with a one-time link for its password.",
    **shown(NewAccountView, *WRITES, ok=201),
)
async def create_account(body: AccountBody, access: AccessArg) -> Response:
    grants = grants_of(body.grants, access)
    by = access.who.id
    done: Changed = checked(
        await access.web.accounts.start(body.login, body.name, grants, by, body.language)
    )
    link = checked(await access.web.accounts.first_password(done.account.id, by))
    return json({**_changed_view(done), "link": link}, 201)


def _changed_view(done: Changed) -> dict[str, Any]:
    waits = None if done.proposal is None else done.proposal.id
    return {"account": account_view(done.account), "proposal": waits}


async def _account(account_id: str, access: Access) -> Account:
    found = await access.web.accounts.store.account(ActorId(account_id))
    if found is None:
        raise Problem("unknown_account")
    return found


@routes.get(
    "/accounts/{account_id}",
    operation_id="account.show",
    summary="One account.",
    **shown(AccountView, *STAFF_ONE),
)
async def show_account(account_id: AccountIdArg, access: AccessArg) -> Response:
    return json(account_view(await _account(account_id, access)))


@routes.patch(
    "/accounts/{account_id}",
    operation_id="account.change",
    summary="Change an account. Its sessions end when it loses a grant; an administrator's role "
    "waits for a second person.",
    **shown(ChangedAccountView, *WRITES),
)
async def change_account(
    account_id: AccountIdArg, body: AccountChangeBody, access: AccessArg
) -> Response:
    account = await _account(account_id, access)
    if account.version != body.version:
        raise Problem("stale_version")
    changes: dict[str, Any] = {
        name: value
        for name, value in (
            ("name", body.name),
            ("language", body.language),
            ("is_active", body.is_active),
            ("grants", None if body.grants is None else grants_of(body.grants, access)),
        )
        if value is not None
    }
    changed = replace(account, **changes)
    done: Changed = checked(await access.web.accounts.change(changed, access.who.id))
    if not done.account.is_active:
        await sign_out(access, account.id)
    waits = None if done.proposal is None else done.proposal.id
    return json({**account_view(done.account), "proposal": waits})


@routes.post(
    "/accounts/{account_id}/link",
    operation_id="account.link",
    summary="A one-time link with which the owner chooses a new password.",
    **shown(LinkView, *WRITES),
)
async def link(account_id: AccountIdArg, access: AccessArg) -> Response:
    made = checked(await access.web.accounts.make_link(ActorId(account_id), access.who.id))
    if isinstance(made, Proposal):
        return json({"link": None, "proposal": made.id})
    return json({"link": made, "proposal": None})


@routes.post(
    "/accounts/{account_id}/end-sessions",
    operation_id="account.end_sessions",
    summary="Sign an account out everywhere.",
    **shown(DoneView, *WRITES),
)
async def end_sessions(account_id: AccountIdArg, access: AccessArg) -> Response:
    account = await _account(account_id, access)
    await sign_out(access, account.id)
    await access.web.accounts.end_sessions(account.id, access.who.id)
    return json({"done": True})


@routes.get(
    "/account-changes",
    operation_id="account.changes",
    summary="What was changed about accounts and keys, the latest first.",
    **shown(ChangesView, *STAFF),
)
async def changes(
    access: AccessArg,
    before: Annotated[str | None, Query(pattern=r"^[0-9]{1,18}$")] = None,
    limit: Limit = 50,
) -> Response:
    found = await access.web.accounts.store.changes(int(before) if before else None, limit)
    return json(
        {
            "changes": [
                {
                    "id": number,
                    "at": each.at,
                    "by": each.by,
                    "what": each.what,
                    "subject": each.subject,
                    "detail": each.detail,
                }
                for number, each in found
            ],
            "next": found[-1][0] if len(found) == limit else None,
        }
    )


@routes.get(
    "/keys",
    operation_id="key.list",
    summary="The API keys of integrators.",
    **shown(KeysView, *STAFF),
)
async def keys(access: AccessArg) -> Response:
    found = await access.web.accounts.store.keys()
    return json({"keys": [_key_view(each) for each in found]})


@routes.post(
    "/keys",
    operation_id="key.create",
    summary="A new API key; its text is shown this once.",
    **shown(NewKeyView, *WRITES, ok=201),
)
async def create_key(body: KeyBody, access: AccessArg) -> Response:
    grants = grants_of(body.grants, access)
    if any(each.role in THREE for each in grants):
        raise Problem("grant_invalid", "no key is an administrator")
    key, text = await access.web.accounts.create_key(body.name, body.scopes, grants, access.who.id)
    return json({"key": _key_view(key), "text": text}, 201)


@routes.delete(
    "/keys/{key_id}",
    operation_id="key.revoke",
    summary="The key opens nothing any more.",
    **shown(DoneView, *STAFF_ONE),
)
async def revoke_key(
    key_id: Annotated[str, Path(pattern=ID, max_length=120, examples=["01hk"])],
    access: AccessArg,
) -> Response:
    if not await access.web.accounts.revoke_key(ActorId(key_id), access.who.id):
        raise Problem("unknown_key")
    return json({"done": True})


@routes.get(
    "/errands/dead",
    operation_id="errand.dead",
    summary="Errands that were given up: a person must look.",
    **shown(DeadsView, *STAFF),
)
async def dead(access: AccessArg) -> Response:
    found = await access.services.store.dead_letters(DEAD_MAX)
    return json(
        {
            "errands": [
                {
                    "key": each.key,
                    "case_id": each.case_id,
                    "created_at": each.created_at,
                    "attempts": each.attempts,
                    "kind": _kind(each.errand),
                    "error": error,
                    "text": word("dead_letter", _why(error), access.language),
                }
                for each, error in found
            ]
        }
    )


def _kind(errand: Errand | Unreadable) -> str:
    return errand.kind if isinstance(errand, Unreadable) else type(errand).__name__


def _why(error: str) -> str:
    return error if error in UNREADABLE else "errand_failed"


@routes.post(
    "/errands/revive",
    operation_id="errand.revive",
    summary="Try a given-up errand again.",
    **shown(DoneView, *WRITES),
)
async def revive(body: ReviveBody, access: AccessArg) -> Response:
    now = access.services.clock.now()
    if not await access.services.store.revive_errand(body.key, now):
        raise Problem("unknown_errand")
    return json({"done": True})

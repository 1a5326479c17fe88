"""The ways in that a node offers, the sign-on at the town's provider, and who is tied to whom."""

from __future__ import annotations

from typing import Annotated, Any, Final

import structlog
from fastapi import APIRouter, Path, Query, Request
from pydantic import StringConstraints
from starlette.responses import Response

from tocsin.kernel.shared import ActorId, Refused
from tocsin.runtime.accounts import Change
from tocsin.runtime.rights import strong_grants
from tocsin.runtime.sign_in import Identity
from tocsin.web import cookies
from tocsin.web.api.common import (
    ALWAYS,
    PUBLIC,
    PUBLIC_WRITES,
    STAFF,
    WRITES,
    AccessArg,
    checked,
    json,
    problems,
    router,
    shown,
)
from tocsin.web.api.passkeys import need_fresh, party_of, taken_away
from tocsin.web.api.sessions import DoneView, cookie_of, enter, set_cookie
from tocsin.web.gate import Access
from tocsin.web.problems import Problem
from tocsin.web.shapes import ID, NO_NUL, Strict, like
from tocsin.web.sign_on import SignOn, SignOnFailed, Tied
from tocsin.web.views import View

log = structlog.get_logger("tocsin.sign_on")
routes: APIRouter = router("sessions")

Subject = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=NO_NUL)]
AccountIdArg = Annotated[str, Path(pattern=ID, max_length=120, examples=["01hw"])]
IDENTITY_EXAMPLE: dict[str, Any] = {
    "issuer": "https://id.town.example",
    "subject": "248289761001",
}
CODE_MAX: Final = 2_000
"""Characters of a provider's code or state: what fits into an address."""


class WaysView(View):
    """How one may sign in here: whether anybody has a passkey, whether passkeys work at this
    address, and how the town's provider is called (null: there is none)."""

    model_config = like({"has_passkeys": True, "passkeys_work": True, "provider": "Town hall"})
    has_passkeys: bool
    passkeys_work: bool
    provider: str | None


class BegunView(View):
    """Where the browser goes now."""

    model_config = like({"url": "https://id.town.example/authorize?state=x3oQ0Yk7m2bV9d1K"})
    url: str


class IdentityView(View):
    """Whom a provider calls by this subject."""

    issuer: str
    subject: str


class IdentitiesView(View):
    """The provider's persons that are tied to an account."""

    model_config = like({"identities": [IDENTITY_EXAMPLE]})
    identities: tuple[IdentityView, ...]


class IdentityBody(Strict):
    """A person of the provider, as it calls them (`sub`); never an e-mail address."""

    model_config = like({"subject": "248289761001"})
    subject: Subject


class UntieBody(Strict):
    """Which tie ends."""

    model_config = like(IDENTITY_EXAMPLE)
    issuer: Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=NO_NUL)]
    subject: Subject


def identity_view(each: Identity) -> dict[str, Any]:
    """The members of `IdentityView`."""
    return {"issuer": each.issuer, "subject": each.subject}


def _provider(access: Access) -> SignOn:
    if access.web.sign_on is None:
        raise Problem("sign_on_off")
    return access.web.sign_on


@routes.get(
    "/sign-in",
    operation_id="sign_in.ways",
    summary="How one may sign in on this node.",
    **shown(WaysView, *ALWAYS, 422),
)
async def ways(access: AccessArg, request: Request) -> Response:
    provider = access.web.sign_on
    return json(
        {
            "has_passkeys": await access.web.accounts.store.has_passkeys(),
            "passkeys_work": party_of(access, request) is not None,
            "provider": None if provider is None else provider.options.name,
        }
    )


@routes.post(
    "/sign-on",
    operation_id="sign_on.begin",
    summary="Begin a sign-on at the town's provider; answers with where to go.",
    **shown(BegunView, *PUBLIC_WRITES),
)
async def begin(access: AccessArg) -> Response:
    wait = access.web.accounts.slowing.wait_of_address(access.seen.address)
    if wait:
        raise Problem("too_many_requests", headers={"retry-after": str(wait)})
    return await _begun(access, None)


@routes.post(
    "/account/identities",
    operation_id="identity.begin",
    summary="Tie the provider's person to one's own account, by signing on there; right after "
    "signing in only.",
    **shown(BegunView, *WRITES),
)
async def begin_own(access: AccessArg) -> Response:
    need_fresh(access)
    return await _begun(access, access.who.id)


async def _begun(access: Access, tie_to: ActorId | None) -> Response:
    provider = _provider(access)
    try:
        begun = await provider.begin(tie_to)
    except SignOnFailed as failed:
        log.warning("sign_on_failed", why=failed.why)
        raise Problem("sign_on_failed") from None
    answer = json({"url": begun.url})
    lives = int(access.web.accounts.options.challenge_lives.total_seconds())
    # Lax: the provider sends the browser back from its own pages, and the cookie must come along.
    set_cookie(access, answer, cookies.SIGN_ON, begun.token, lives, lax=True)
    return answer


@routes.get(
    "/sign-on/return",
    operation_id="sign_on.return",
    summary="Where the provider sends the browser back to; goes on to the screens.",
    status_code=303,
    response_class=Response,
    response_model=None,
    responses={303: {"description": "On to the screens, signed in or with the reason why not."},
               **problems(*PUBLIC, 409)},
)  # fmt: skip
async def come_back(
    access: AccessArg,
    request: Request,
    state: Annotated[str, Query(max_length=CODE_MAX)] = "",
    code: Annotated[str, Query(max_length=CODE_MAX)] = "",
    iss: Annotated[str | None, Query(max_length=CODE_MAX)] = None,
) -> Response:
    provider = _provider(access)
    try:
        if not code:
            raise SignOnFailed("no_code")
        done = await provider.finish(
            state=state,
            code=code,
            issuer=iss,
            token=cookie_of(access, request, cookies.SIGN_ON),
            old_token=cookie_of(access, request, cookies.SESSION),
            browser=cookie_of(access, request, cookies.BROWSER),
        )
    except SignOnFailed as failed:
        log.warning("sign_on_failed", why=failed.why)
        done = Refused("sign_on_failed", "")
    where = "/console/"
    if isinstance(done, Refused):
        where = f"/console/?sign_on={done.reason}"
    elif isinstance(done, Tied):
        where = "/console/account"
    answer = Response(status_code=303, headers={"location": where, "cache-control": "no-store"})
    if not isinstance(done, Refused | Tied):
        enter(access, answer, done)
    set_cookie(access, answer, cookies.SIGN_ON, "", 0, lax=True)
    return answer


@routes.get(
    "/account/identities",
    operation_id="identity.list",
    summary="The provider's persons tied to one's own account.",
    **shown(IdentitiesView, *STAFF),
)
async def identities(access: AccessArg) -> Response:
    found = await access.web.accounts.store.identities(access.who.id)
    return json({"identities": [identity_view(each) for each in found]})


@routes.post(
    "/account/identities/end",
    operation_id="identity.remove",
    summary="Untie a provider's person from one's own account, never the last way in; right after "
    "signing in only.",
    **shown(DoneView, *WRITES),
)
async def untie_own(body: UntieBody, access: AccessArg) -> Response:
    need_fresh(access)
    return await _untied(access, access.who.id, body)


@routes.post(
    "/accounts/{account_id}/identities",
    operation_id="account.identify",
    summary="Tie a provider's person to an account. Whoever holds one of the three administrators' "
    "roles ties their own.",
    **shown(DoneView, *WRITES),
)
async def tie(account_id: AccountIdArg, body: IdentityBody, access: AccessArg) -> Response:
    account = await access.web.accounts.store.account(ActorId(account_id))
    if account is None:
        raise Problem("unknown_account")
    # A tie is a way in: for a strong account one person alone may not make it.
    if strong_grants(account) or account.id == access.who.id:
        raise Problem("rights_take_two")
    checked(await _provider(access).tie(body.subject, account.id, access.who.id))
    return json({"done": True})


@routes.post(
    "/accounts/{account_id}/identities/end",
    operation_id="account.unidentify",
    summary="Untie a provider's person from an account, never the last way in.",
    **shown(DoneView, *WRITES),
)
async def untie(account_id: AccountIdArg, body: UntieBody, access: AccessArg) -> Response:
    return await _untied(access, ActorId(account_id), body)


async def _untied(access: Access, account: ActorId, body: UntieBody) -> Response:
    now = access.services.clock.now()
    change = Change(now, access.who.id, "identity_untied", account)
    store = access.web.accounts.store
    left = await store.remove_identity(account, body.issuer, body.subject, change)
    return taken_away(left, "unknown_identity")

"""What the three administrators do beside the accounts: proposals of two persons, the ways into an
account, who is slowed down, who opened what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from starlette.responses import Response

from tocsin.kernel.shared import ActorId
from tocsin.runtime.accounts import Grant
from tocsin.runtime.sign_in import Proposal
from tocsin.web.api.common import STAFF, STAFF_ONE, WRITES, AccessArg, checked, json, router, shown
from tocsin.web.api.passkeys import PASSKEY_EXAMPLE, PasskeyView, passkey_view
from tocsin.web.api.sessions import GRANT_EXAMPLE, DoneView, Login, SessionView, session_views
from tocsin.web.api.sign_on import IDENTITY_EXAMPLE, IdentityView, identity_view
from tocsin.web.problems import Problem
from tocsin.web.shapes import ID, Strict, like
from tocsin.web.tokens import fold_login
from tocsin.web.views import View

routes: APIRouter = router("administration")

ProposalIdArg = Annotated[str, Path(pattern=ID, max_length=120, examples=["01hq"])]
PROPOSAL_EXAMPLE: dict[str, Any] = {
    "id": "01hq",
    "kind": "rights",
    "account": "01hw",
    "grants": [{**GRANT_EXAMPLE, "role": "security_administrator"}],
    "is_active": True,
    "by": "01hv",
    "at": "2026-11-22T01:30:00+00:00",
    "expires_at": "2026-11-29T01:30:00+00:00",
}


class ProposalView(View):
    """What one administrator wishes for an account and a second person decides: its rights from
    then on, or a link for its password."""

    model_config = like(PROPOSAL_EXAMPLE)
    id: str
    kind: Literal["rights", "link"]
    account: str
    grants: tuple[Grant, ...]
    is_active: bool
    by: str
    at: datetime
    expires_at: datetime


class ProposalsView(View):
    """What waits for a second person, the oldest first."""

    model_config = like({"proposals": [PROPOSAL_EXAMPLE]})
    proposals: tuple[ProposalView, ...]


class GrantedView(View):
    """It is done; the one-time link, when one was granted, is shown this once."""

    model_config = like({"done": True, "link": None})
    done: bool
    link: str | None


class WaysIntoView(View):
    """The ways into an account and its signed-in browsers."""

    model_config = like(
        {
            "has_password": True,
            "passkeys": [PASSKEY_EXAMPLE],
            "identities": [IDENTITY_EXAMPLE],
            "sessions": [],
        }
    )
    has_password: bool
    passkeys: tuple[PasskeyView, ...]
    identities: tuple[IdentityView, ...]
    sessions: tuple[SessionView, ...]


class SlowedView(View):
    """A name for which strangers must wait. Whoever the town knows does not."""

    login: str
    wait_s: int


class SlowedListView(View):
    """The names for which strangers must wait on this node now."""

    model_config = like({"slowed": [{"login": "chen.li", "wait_s": 40}]})
    slowed: tuple[SlowedView, ...]


class SlowedBody(Strict):
    """For which name strangers need not wait any more."""

    model_config = like({"login": "chen.li"})
    login: Login


def proposal_view(each: Proposal) -> dict[str, Any]:
    """The members of `ProposalView`."""
    names = ("id", "kind", "account", "grants", "is_active", "by", "at", "expires_at")
    return {name: getattr(each, name) for name in names}


@routes.get(
    "/proposals",
    operation_id="proposal.list",
    summary="Rights of administrators, and links into their accounts, that wait for a second "
    "person.",
    **shown(ProposalsView, *STAFF),
)
async def proposals(access: AccessArg) -> Response:
    found = await access.web.accounts.store.proposals(access.services.clock.now())
    return json({"proposals": [proposal_view(each) for each in found]})


@routes.post(
    "/proposals/{proposal_id}/grant",
    operation_id="proposal.grant",
    summary="Grant a proposal, as a person who neither made it nor is the one it is about.",
    **shown(GrantedView, *WRITES),
)
async def grant(proposal_id: ProposalIdArg, access: AccessArg) -> Response:
    done = checked(await access.web.accounts.decide(proposal_id, access.who.id, grant=True))
    return json({"done": True, "link": done.link})


@routes.post(
    "/proposals/{proposal_id}/decline",
    operation_id="proposal.decline",
    summary="Decline a proposal, or take one's own back.",
    **shown(DoneView, *WRITES),
)
async def decline(proposal_id: ProposalIdArg, access: AccessArg) -> Response:
    checked(await access.web.accounts.decide(proposal_id, access.who.id, grant=False))
    return json({"done": True})


@routes.get(
    "/accounts/{account_id}/ways",
    operation_id="account.ways",
    summary="The ways into an account and its signed-in browsers.",
    **shown(WaysIntoView, *STAFF_ONE),
)
async def ways(
    account_id: Annotated[str, Path(pattern=ID, max_length=120, examples=["01hw"])],
    access: AccessArg,
) -> Response:
    store = access.web.accounts.store
    account = await store.account(ActorId(account_id))
    if account is None:
        raise Problem("unknown_account")
    return json(
        {
            "has_password": account.password is not None,
            "passkeys": [passkey_view(each) for each in await store.passkeys(account.id)],
            "identities": [identity_view(each) for each in await store.identities(account.id)],
            "sessions": session_views(await store.sessions(account.id), access.who.session),
        }
    )


@routes.get(
    "/slowed",
    operation_id="slowed.list",
    summary="The names for which strangers must wait before they try again.",
    **shown(SlowedListView, *STAFF),
)
async def slowed(access: AccessArg) -> Response:
    found = access.web.accounts.slowing.slowed()
    return json({"slowed": [{"login": login, "wait_s": wait} for login, wait in found]})


@routes.post(
    "/slowed/forget",
    operation_id="slowed.forget",
    summary="Let strangers try a name again at once.",
    **shown(DoneView, *WRITES),
)
async def forget(body: SlowedBody, access: AccessArg) -> Response:
    return json({"done": access.web.accounts.slowing.forget(fold_login(body.login))})

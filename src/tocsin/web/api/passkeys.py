"""Passkeys: signing in without a name, and the passkeys of one's own account."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Path, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from tocsin.kernel.shared import ActorId
from tocsin.runtime.sign_in import Left, Passkey
from tocsin.web import cookies
from tocsin.web.api.common import (
    PUBLIC_WRITES,
    STAFF,
    STAFF_ONE,
    WRITES,
    AccessArg,
    checked,
    json,
    router,
    shown,
)
from tocsin.web.api.sessions import DoneView, MeView, Name, cookie_of, signed_in
from tocsin.web.gate import Access
from tocsin.web.passkeys import Party
from tocsin.web.problems import Problem
from tocsin.web.shapes import ID, Strict, like
from tocsin.web.views import View

routes: APIRouter = router("sessions")

ANSWER_MAX: Final = 40
"""Members of a browser's answer: it has six, and browsers add some."""
PasskeyIdArg = Annotated[str, Path(pattern=ID, max_length=120, examples=["01hp"])]
ANSWER_EXAMPLE: dict[str, Any] = {
    "id": "fyH9V0Zt3sQy",
    "rawId": "fyH9V0Zt3sQy",
    "type": "public-key",
    "response": {"clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0"},
}
Answer = Annotated[dict[str, Any], Field(max_length=ANSWER_MAX)]


class AnswerBody(Strict):
    """What `navigator.credentials.get` gave, as its `toJSON()` says it."""

    model_config = like({"credential": ANSWER_EXAMPLE})
    credential: Answer


class PasskeyBody(Strict):
    """What `navigator.credentials.create` gave, and how its owner calls it."""

    model_config = like({"name": "key ring", "credential": ANSWER_EXAMPLE})
    name: Name
    credential: Answer


class PasskeyNameBody(Strict):
    """Another name for a passkey."""

    model_config = like({"name": "key ring"})
    name: Name


class OptionsView(View):
    """For `PublicKeyCredential.parse…OptionsFromJSON`, with a challenge that is good once."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={"examples": [{"challenge": "x3oQ0Yk7m2bV9d1K", "timeout": 300000}]},
    )
    challenge: str
    timeout: int


class PasskeyView(View):
    """A passkey of one's own account. `used_at` is null until it is used."""

    id: str
    name: str
    made_at: datetime
    used_at: datetime | None


PASSKEY_EXAMPLE: dict[str, Any] = {
    "id": "01hp",
    "name": "key ring",
    "made_at": "2026-11-22T01:30:00+00:00",
    "used_at": None,
}


class PasskeysView(View):
    """The passkeys of an account, and whether they work at this node's address."""

    model_config = like({"passkeys": [PASSKEY_EXAMPLE], "works_here": True})
    passkeys: tuple[PasskeyView, ...]
    works_here: bool


class OnePasskeyView(View):
    """The passkey that was made."""

    model_config = like({"passkey": PASSKEY_EXAMPLE})
    passkey: PasskeyView


def passkey_view(each: Passkey) -> dict[str, Any]:
    """The members of `PasskeyView`."""
    return {"id": each.id, "name": each.name, "made_at": each.made_at, "used_at": each.used_at}


def party_of(access: Access, request: Request) -> Party | None:
    """For whom passkeys are: the host of the node's public address. A node that has none set is
    reached by that of its own machine, `localhost`, or not by passkeys: a header that anybody
    writes may not say for whom a key signs."""
    options = access.web.options
    if options.public_url:
        parts = urlsplit(options.public_url)
        origin = f"{parts.scheme}://{parts.netloc}"
        host = parts.hostname or ""
        is_named = not host.replace(".", "").isdigit() and ":" not in host
        return Party(options.passkey_host or host, origin) if is_named else None
    host = request.headers.get("host", "")
    if host.partition(":")[0] != "localhost":
        return None
    return Party("localhost", f"{'https' if access.seen.is_secure else 'http'}://{host}")


def need_party(access: Access, request: Request) -> Party:
    """As `party_of`; raises the problem where passkeys do not work."""
    party = party_of(access, request)
    if party is None:
        raise Problem("passkeys_off")
    return party


def need_fresh(access: Access) -> None:
    """The ways in are changed right after signing in only."""
    if not access.who.is_fresh:
        raise Problem("fresh_sign_in_needed")


@routes.post(
    "/passkeys/question",
    operation_id="passkey.question",
    summary="What a browser needs to ask its holder for a passkey; no name is given.",
    **shown(OptionsView, *PUBLIC_WRITES),
)
async def question(access: AccessArg, request: Request) -> Response:
    party = need_party(access, request)
    return json(checked(await access.web.accounts.passkey_question(party, access.seen.address)))


@routes.post(
    "/passkeys/login",
    operation_id="passkey.sign_in",
    summary="Sign in with a passkey; answers with the session cookie and its CSRF token.",
    **shown(MeView, *PUBLIC_WRITES),
)
async def sign_in(body: AnswerBody, access: AccessArg, request: Request) -> Response:
    signed = await access.web.accounts.passkey_sign_in(
        body.credential,
        need_party(access, request),
        cookie_of(access, request, cookies.SESSION),
        cookie_of(access, request, cookies.BROWSER),
    )
    return signed_in(access, checked(signed))


@routes.get(
    "/account/passkeys",
    operation_id="passkey.list",
    summary="The passkeys of one's own account.",
    **shown(PasskeysView, *STAFF),
)
async def passkeys(access: AccessArg, request: Request) -> Response:
    found = await access.web.accounts.store.passkeys(access.who.id)
    works = party_of(access, request) is not None
    return json({"passkeys": [passkey_view(each) for each in found], "works_here": works})


@routes.post(
    "/account/passkey-wish",
    operation_id="passkey.wish",
    summary="What a browser needs to make a passkey; right after signing in only.",
    **shown(OptionsView, *WRITES),
)
async def wish(access: AccessArg, request: Request) -> Response:
    need_fresh(access)
    party = need_party(access, request)
    account = await access.web.accounts.store.account(access.who.id)
    if account is None:
        raise Problem("unknown_account")
    return json(await access.web.accounts.passkey_wish(account, party))


@routes.post(
    "/account/passkeys",
    operation_id="passkey.add",
    summary="Add the passkey that the browser made; right after signing in only.",
    **shown(OnePasskeyView, *WRITES, ok=201),
)
async def add(body: PasskeyBody, access: AccessArg, request: Request) -> Response:
    need_fresh(access)
    made = await access.web.accounts.add_passkey(
        access.who.id, body.name, body.credential, need_party(access, request)
    )
    return json({"passkey": passkey_view(checked(made))}, 201)


@routes.patch(
    "/account/passkeys/{passkey_id}",
    operation_id="passkey.rename",
    summary="Call a passkey of one's own otherwise.",
    **shown(DoneView, *WRITES),
)
async def rename(passkey_id: PasskeyIdArg, body: PasskeyNameBody, access: AccessArg) -> Response:
    if not await access.web.accounts.rename_passkey(access.who.id, passkey_id, body.name):
        raise Problem("unknown_passkey")
    return json({"done": True})


@routes.delete(
    "/account/passkeys/{passkey_id}",
    operation_id="passkey.remove",
    summary="Remove a passkey of one's own, never the last way in; right after signing in only.",
    **shown(DoneView, *STAFF_ONE, 409),
)
async def remove(passkey_id: PasskeyIdArg, access: AccessArg) -> Response:
    need_fresh(access)
    return await _removed(access, access.who.id, passkey_id)


@routes.delete(
    "/accounts/{account_id}/passkeys/{passkey_id}",
    operation_id="account.end_passkey",
    summary="End a lost passkey of somebody else, never the last way in.",
    **shown(DoneView, *STAFF_ONE, 409),
)
async def end(
    account_id: Annotated[str, Path(pattern=ID, max_length=120, examples=["01hw"])],
    passkey_id: PasskeyIdArg,
    access: AccessArg,
) -> Response:
    return await _removed(access, ActorId(account_id), passkey_id)


async def _removed(access: Access, account: ActorId, passkey_id: str) -> Response:
    accounts = access.web.accounts
    return taken_away(await accounts.remove_passkey(account, passkey_id, access.who.id))


def taken_away(left: Left, unknown: str = "unknown_passkey") -> Response:
    """The answer to taking a way in away."""
    if left == "unknown":
        raise Problem(unknown)
    if left == "last":
        raise Problem("last_way_in")
    return json({"done": True})

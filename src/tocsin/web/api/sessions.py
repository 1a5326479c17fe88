"""Signing in and out, one-time links, the sessions of one's own account."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import StringConstraints
from starlette.responses import Response

from tocsin.kernel.shared import Refused
from tocsin.runtime.accounts import Account, Grant
from tocsin.web.accounts import SignedIn
from tocsin.web.api.common import (
    ALWAYS,
    PUBLIC_WRITES,
    STAFF,
    STAFF_ONE,
    WRITES,
    AccessArg,
    json,
    problem_of,
    router,
    shown,
)
from tocsin.web.api.unit_orders import sign_out
from tocsin.web.gate import COOKIE, Access
from tocsin.web.problems import Problem
from tocsin.web.shapes import ID, NO_NUL, Strict, like
from tocsin.web.views import View

routes: APIRouter = router("sessions")

Login = Annotated[str, StringConstraints(min_length=2, max_length=64, pattern=NO_NUL)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=NO_NUL)]
Password = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]
Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{20,100}$")]

GRANT_EXAMPLE = {"role": "dispatcher", "area": "county", "agency": None}


class LoginBody(Strict):
    """Who signs in."""

    model_config = like({"login": "chen.li", "password": "kolme vihreää omenaa"})
    login: Login
    password: Password


class FirstBody(Strict):
    """The first administrator."""

    model_config = like(
        {
            "token": "x3oQ0Yk7m2bV9d1Kq8Jr5tWzA4nE6uHs",
            "login": "admin",
            "name": "Administrator",
            "password": "kolme vihreää omenaa",
        }
    )
    token: Token
    login: Login
    name: Name
    password: Password


class LinkBody(Strict):
    """A password chosen with a one-time link."""

    model_config = like(
        {
            "token": "x3oQ0Yk7m2bV9d1Kq8Jr5tWzA4nE6uHs",
            "password": "kolme vihreää omenaa",
        }
    )
    token: Token
    password: Password


class PasswordBody(Strict):
    """One's own password, changed."""

    model_config = like({"old": "kolme vihreää omenaa", "new": "neljä punaista omenaa"})
    old: Password
    new: Password


class MeView(View):
    """Who is signed in. `csrf` goes into X-CSRF-Token with every write."""

    model_config = like(
        {
            "account": "01hw",
            "kind": "staff",
            "session": "01hz",
            "csrf": "5f0c6a5be1f24c0e",
            "language": "en",
            "grants": [GRANT_EXAMPLE],
            "scopes": [],
        }
    )
    account: str
    kind: str
    session: str | None
    csrf: str | None
    language: str
    grants: tuple[Grant, ...]
    scopes: tuple[str, ...]


class SessionView(View):
    """One signed-in browser of an account."""

    id: str
    started_at: datetime
    seen_at: datetime
    expires_at: datetime
    is_this: bool


class SessionsView(View):
    """All signed-in browsers of an account."""

    model_config = like(
        {
            "sessions": [
                {
                    "id": "01hz",
                    "started_at": "2026-11-22T01:30:00+00:00",
                    "seen_at": "2026-11-22T01:31:00+00:00",
                    "expires_at": "2026-11-23T01:30:00+00:00",
                    "is_this": True,
                }
            ]
        }
    )
    sessions: tuple[SessionView, ...]


class DoneView(View):
    """It is done, and there is nothing to show."""

    model_config = like({"done": True})

    done: bool


def _is_secure(access: Access) -> bool:
    public = access.web.options.public_url
    return public.startswith("https://") if public else access.seen.is_secure


def _cookie(access: Access, token: str, max_age_s: int) -> str:
    secure = "; Secure" if _is_secure(access) else ""
    return f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_s}{secure}"


def _signed_in(access: Access, signed: SignedIn) -> Response:
    body = {
        "account": signed.account.id,
        "kind": "staff",
        "session": signed.session.id,
        "csrf": signed.csrf,
        "language": signed.account.language,
        "grants": signed.account.grants,
        "scopes": (),
    }
    lives = int(access.web.accounts.options.session_absolute.total_seconds())
    return json(body, headers={"set-cookie": _cookie(access, signed.token, lives)})


@routes.post(
    "/login",
    operation_id="session.login",
    summary="Sign in; answers with the session cookie and its CSRF token.",
    **shown(MeView, *PUBLIC_WRITES),
)
async def login(body: LoginBody, access: AccessArg, request: Request) -> Response:
    old = request.cookies.get(COOKIE)
    accounts = access.web.accounts
    signed = await accounts.sign_in(body.login, body.password, access.seen.address, old)
    if isinstance(signed, Refused):
        raise problem_of(signed)
    return _signed_in(access, signed)


@routes.post(
    "/first",
    operation_id="session.first",
    summary="Make the first administrator with the link the node printed.",
    **shown(MeView, *PUBLIC_WRITES),
)
async def first(body: FirstBody, access: AccessArg) -> Response:
    county = access.services.atlas.tier("county")[0].id
    made = await access.web.accounts.use_first_link(
        body.token, body.login, body.name, body.password, county
    )
    return await _enter(access, made, body.password)


@routes.post(
    "/password",
    operation_id="session.password",
    summary="Choose a password with a one-time link.",
    **shown(MeView, *PUBLIC_WRITES),
)
async def password(body: LinkBody, access: AccessArg) -> Response:
    made = await access.web.accounts.use_password_link(body.token, body.password)
    return await _enter(access, made, body.password)


async def _enter(access: Access, made: Account | Refused, secret: str) -> Response:
    if isinstance(made, Refused):
        raise problem_of(made)
    signed = await access.web.accounts.sign_in(made.login, secret, access.seen.address)
    if isinstance(signed, Refused):
        raise problem_of(signed)
    return _signed_in(access, signed)


@routes.get(
    "/session",
    operation_id="session.show",
    summary="Who is signed in, with the session's CSRF token.",
    **shown(MeView, *STAFF),
)
async def show(access: AccessArg) -> Response:
    who = access.who
    return json(
        {
            "account": who.id,
            "kind": who.kind,
            "session": who.session,
            "csrf": who.csrf,
            "language": who.language,
            "grants": who.grants,
            "scopes": sorted(who.scopes),
        }
    )


@routes.get(
    "/sessions",
    operation_id="session.list",
    summary="The signed-in browsers of one's own account.",
    **shown(SessionsView, *STAFF),
)
async def sessions(access: AccessArg) -> Response:
    found = await access.web.accounts.store.sessions(access.who.id)
    return json(
        {
            "sessions": [
                {
                    "id": each.id,
                    "started_at": each.started_at,
                    "seen_at": each.seen_at,
                    "expires_at": each.expires_at,
                    "is_this": each.id == access.who.session,
                }
                for each in found
            ]
        }
    )


@routes.delete(
    "/sessions/{session_id}",
    operation_id="session.end",
    summary="Sign out one browser of one's own account.",
    **shown(DoneView, *STAFF_ONE),
)
async def end(
    session_id: Annotated[str, Path(pattern=ID, max_length=120, examples=["01hz"])],
    access: AccessArg,
) -> Response:
    if not await access.web.accounts.end_session(access.who.id, session_id, access.who.id):
        raise Problem("unknown_session")
    return json({"done": True})


@routes.post(
    "/logout",
    operation_id="session.logout",
    summary="Sign out this browser.",
    **shown(DoneView, *STAFF),
)
async def logout(access: AccessArg) -> Response:
    who = access.who
    await sign_out(access, who.id)
    if who.session is not None:
        await access.web.accounts.end_session(who.id, who.session, who.id)
    return json({"done": True}, headers={"set-cookie": _cookie(access, "", 0)})


@routes.post(
    "/account/password",
    operation_id="account.password",
    summary="Change one's own password; every session ends.",
    **shown(DoneView, *WRITES),
)
async def change_password(body: PasswordBody, access: AccessArg) -> Response:
    refused = await access.web.accounts.change_password(
        access.who.id, body.old, body.new, access.seen.address
    )
    if refused is not None:
        raise problem_of(refused)
    return json({"done": True}, headers={"set-cookie": _cookie(access, "", 0)})


__all__ = ["ALWAYS", "DoneView", "routes"]

"""Signing in and out, one-time links, the sessions of one's own account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import StringConstraints
from starlette.responses import Response

from tocsin.kernel.shared import Refused
from tocsin.runtime.accounts import Account, Grant, How, Session
from tocsin.web import cookies
from tocsin.web.accounts import SignedIn
from tocsin.web.api.common import (
    ALWAYS,
    PUBLIC_WRITES,
    STAFF,
    STAFF_ONE,
    WRITES,
    AccessArg,
    checked,
    json,
    problem_of,
    router,
    shown,
)
from tocsin.web.api.unit_orders import sign_out
from tocsin.web.gate import Access
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
            "renewal_due": False,
            "is_fresh": True,
        }
    )
    account: str
    kind: str
    session: str | None
    csrf: str | None
    language: str
    grants: tuple[Grant, ...]
    scopes: tuple[str, ...]
    renewal_due: bool
    """The account has gained rights: `session.renew` brings them, under a new token."""
    is_fresh: bool
    """Signed in within the last minutes, so that the ways in may be changed."""


class SessionView(View):
    """One signed-in browser of an account, and with what it was signed in."""

    id: str
    how: How
    started_at: datetime
    seen_at: datetime
    expires_at: datetime
    is_this: bool


class EndedView(View):
    """How many sessions ended."""

    model_config = like({"ended": 2})
    ended: int


class SessionsView(View):
    """All signed-in browsers of an account."""

    model_config = like(
        {
            "sessions": [
                {
                    "id": "01hz",
                    "how": "passkey",
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


class LeftView(View):
    """It is done. `provider` is where a browser that signed on there is signed out as well."""

    model_config = like({"done": True, "provider": None})
    done: bool
    provider: str | None


def cookie_of(access: Access, request: Request, base: str) -> str | None:
    """The token of one of our cookies."""
    return cookies.read(request, base, access.web.options, access.seen)


def set_cookie(
    access: Access, answer: Response, base: str, token: str, lives_s: int, *, lax: bool = False
) -> None:
    """Set one of our cookies, or with an empty token end it."""
    kind = "Lax" if lax else "Strict"
    written = cookies.written(base, token, lives_s, access.web.options, access.seen, kind)
    answer.headers.append("set-cookie", written)


def enter(access: Access, answer: Response, signed: SignedIn) -> None:
    """Give the browser its session, and the mark by which it is known from then on."""
    options = access.web.accounts.options
    left = signed.session.expires_at - access.services.clock.now()
    set_cookie(access, answer, cookies.SESSION, signed.token, int(left.total_seconds()))
    if signed.browser is not None:
        lives = int(options.browser_known_for.total_seconds())
        set_cookie(access, answer, cookies.BROWSER, signed.browser, lives)


def signed_in(access: Access, signed: SignedIn) -> Response:
    """Who is signed in, with the cookies."""
    now = access.services.clock.now()
    answer = json(
        {
            "account": signed.account.id,
            "kind": "staff",
            "session": signed.session.id,
            "csrf": signed.csrf,
            "language": signed.account.language,
            "grants": signed.session.grants,
            "scopes": (),
            "renewal_due": False,
            "is_fresh": now - signed.session.started_at < access.web.accounts.options.fresh_for,
        }
    )
    enter(access, answer, signed)
    return answer


def session_views(found: Sequence[Session], this: str | None) -> list[dict[str, Any]]:
    """The members of `SessionView`."""
    return [
        {
            "id": each.id,
            "how": each.how,
            "started_at": each.started_at,
            "seen_at": each.seen_at,
            "expires_at": each.expires_at,
            "is_this": each.id == this,
        }
        for each in found
    ]


@routes.post(
    "/login",
    operation_id="session.login",
    summary="Sign in; answers with the session cookie and its CSRF token.",
    **shown(MeView, *PUBLIC_WRITES),
)
async def login(body: LoginBody, access: AccessArg, request: Request) -> Response:
    signed = await access.web.accounts.sign_in(
        body.login,
        body.password,
        access.seen.address,
        cookie_of(access, request, cookies.SESSION),
        cookie_of(access, request, cookies.BROWSER),
    )
    return signed_in(access, checked(signed))


@routes.post(
    "/first",
    operation_id="session.first",
    summary="Make the first administrator with the link the node printed.",
    **shown(MeView, *PUBLIC_WRITES),
)
async def first(body: FirstBody, access: AccessArg, request: Request) -> Response:
    county = access.services.atlas.tier("county")[0].id
    made = await access.web.accounts.use_first_link(
        body.token, body.login, body.name, body.password, county
    )
    return await _enter(access, request, made)


@routes.post(
    "/password",
    operation_id="session.password",
    summary="Choose a password with a one-time link.",
    **shown(MeView, *PUBLIC_WRITES),
)
async def password(body: LinkBody, access: AccessArg, request: Request) -> Response:
    made = await access.web.accounts.use_password_link(body.token, body.password)
    return await _enter(access, request, made)


async def _enter(access: Access, request: Request, made: Account | Refused) -> Response:
    """Whoever used a link is in: no allowance stands before it, since a link is not guessed."""
    old = cookie_of(access, request, cookies.SESSION)
    browser = cookie_of(access, request, cookies.BROWSER)
    signed = await access.web.accounts.open_session(checked(made), "link", old, browser)
    return signed_in(access, signed)


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
            "renewal_due": who.is_renewal_due,
            "is_fresh": who.is_fresh,
        }
    )


@routes.post(
    "/session/renew",
    operation_id="session.renew",
    summary="The same session under a new token, with the rights of today.",
    **shown(MeView, *WRITES),
)
async def renew(access: AccessArg, request: Request) -> Response:
    old = cookie_of(access, request, cookies.SESSION)
    signed = await access.web.accounts.renew(old) if old else None
    if signed is None:
        raise Problem("sign_in_needed")
    return signed_in(access, signed)


@routes.get(
    "/sessions",
    operation_id="session.list",
    summary="The signed-in browsers of one's own account.",
    **shown(SessionsView, *STAFF),
)
async def sessions(access: AccessArg) -> Response:
    found = await access.web.accounts.store.sessions(access.who.id)
    return json({"sessions": session_views(found, access.who.session)})


@routes.post(
    "/session/end-others",
    operation_id="session.end_others",
    summary="Sign out every browser of one's own account but this one.",
    **shown(EndedView, *WRITES),
)
async def end_others(access: AccessArg) -> Response:
    who = access.who
    return json({"ended": await access.web.accounts.end_sessions(who.id, who.id, who.session)})


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
    **shown(LeftView, *STAFF),
)
async def logout(access: AccessArg) -> Response:
    who, place = access.who, None
    await sign_out(access, who.id)
    if who.session is not None:
        place = await _left_at(access, who.session)
        await access.web.accounts.end_session(who.id, who.session, who.id)
    answer = json({"done": True, "provider": place})
    set_cookie(access, answer, cookies.SESSION, "", 0)
    # What pages and answers the browser had kept goes; the crew's unsent presses stay its own.
    answer.headers["clear-site-data"] = '"cache"'
    return answer


async def _left_at(access: Access, session: str) -> str | None:
    """Where a session that began at the provider is ended there too."""
    mine = await access.web.accounts.store.sessions(access.who.id)
    is_there = any(each.id == session and each.how == "sign_on" for each in mine)
    sign_on = access.web.sign_on
    return await sign_on.leave() if is_there and sign_on is not None else None


@routes.post(
    "/account/password",
    operation_id="account.password",
    summary="Change one's own password; every other session ends, and this one is renewed.",
    **shown(MeView, *WRITES),
)
async def change_password(body: PasswordBody, access: AccessArg, request: Request) -> Response:
    who = access.who
    refused = await access.web.accounts.change_password(
        who.id, body.old, body.new, access.seen.address, who.session or ""
    )
    if refused is not None:
        raise problem_of(refused)
    return await renew(access, request)


__all__ = ["ALWAYS", "DoneView", "cookie_of", "routes", "session_views", "signed_in"]

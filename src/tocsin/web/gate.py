"""The gate before every route of the API: who asks, may they, is it really them.

The route's `operation_id` names its row of the policy table; a route without one does not start.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest
from json import JSONDecodeError
from typing import Any, Final, cast, get_args, get_origin
from urllib.parse import urlsplit

import structlog
from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from tocsin.kernel.shared import Actor, AgencyId, AreaId, Refused, UnitId
from tocsin.runtime.board import parties_of
from tocsin.runtime.onlooking import as_node, look_as
from tocsin.runtime.photos import Darkroom
from tocsin.runtime.ports import BoardRow, CaseId, UnitRow
from tocsin.runtime.services import Services
from tocsin.web import cookies
from tocsin.web.accounts import Accounts
from tocsin.web.cookies import TOKEN_MAX
from tocsin.web.limits import Buckets, address_key
from tocsin.web.live import Hub
from tocsin.web.metrics import Metrics
from tocsin.web.options import WebOptions
from tocsin.web.permissions import RULES, Principal, Rule, admit, onlooker_of, reach
from tocsin.web.presence import Presence
from tocsin.web.problems import Problem, refuse
from tocsin.web.read_words import ReadWords
from tocsin.web.shell import Seen, seen_of
from tocsin.web.sign_on import SignOn
from tocsin.web.texts import pick_language

log = structlog.get_logger("tocsin.gate")

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""A string of JSON, or all that follows where it has no end: no byte is looked at twice."""
BODY_ITEMS_MAX: Final = 5_000
"""Members and items in one body of JSON; a closure of a thousand edges has the most of ours. Each
that is wrong is a fault with words of its own: sixty thousand in a megabyte were 76 MB."""


@dataclass(frozen=True, slots=True)
class Web:
    """What the web rim hands to its routes (`app.state.web`)."""

    services: Services
    accounts: Accounts
    options: WebOptions
    metrics: Metrics
    anonymous: Buckets
    hub: Hub | None = None
    sign_on: SignOn | None = None
    presence: Presence = field(default_factory=Presence)
    read_words: ReadWords = field(default_factory=ReadWords)

    @property
    def darkroom(self) -> Darkroom:
        return self.services.darkroom


@dataclass(frozen=True, slots=True)
class Access:
    """A request that passed the gate (`request.state.access`)."""

    web: Web
    rule: Rule
    principal: Principal | None
    seen: Seen
    language: str

    @property
    def services(self) -> Services:
        return self.web.services

    @property
    def who(self) -> Principal:
        """The principal; only for operations that are not open."""
        assert self.principal is not None, "the gate lets nobody unknown through here"
        return self.principal

    async def case(self, case_id: str) -> tuple[BoardRow, Actor]:
        """The case and the actor who reaches it, or the problem why not."""
        row = await self.services.store.case(CaseId(case_id))
        if row is None:
            raise await hidden(self._areas_of(CaseId(case_id)), "case_unknown")
        if row.case.areas is None:
            raise Problem("case_unknown")
        return row, self.actor(row.case.areas, parties_of(row.case))

    async def _areas_of(self, case_id: CaseId) -> Sequence[AreaId] | None:
        row = await self.services.store.case(case_id)
        return None if row is None else row.case.areas

    async def unit(self, unit_id: str) -> tuple[UnitRow, Actor]:
        """The unit and the actor who reaches it, or the problem why not."""
        row = await self.services.store.unit(UnitId(unit_id))
        if row is None:
            raise await hidden(self.services.store.unit(UnitId(unit_id)), "unit_unknown")
        if row.unit.agency is None:
            raise Problem("unit_unknown")
        return row, self.actor(row.unit.areas, (row.unit.agency,))

    def actor(self, areas: Sequence[AreaId], agencies: tuple[AgencyId, ...] = ()) -> Actor:
        """The principal as an actor at a place, with the roles that reach it."""
        found = reach(self.rule, self.who, areas, agencies)
        if isinstance(found, Refused):
            raise _told(self.rule, self.who, found)
        return found


async def hidden(again: Awaitable[object | None], unknown: str) -> Problem:
    """Why the onlooker was not shown something: `unknown`, or outside of their scope. It is read
    `again` as the node, and nothing of it is looked at but that it is there."""
    with as_node():
        found = await again
    return Problem(unknown if found is None else "outside_scope")


def _told(rule: Rule, principal: Principal | None, refused: Refused) -> Problem:
    """The problem of a refusal, which the log hears of as well: by account, nothing else."""
    who = None if principal is None else principal.id
    log.info("operation_refused", operation=rule.operation, reason=refused.reason, account=who)
    return refuse(refused)


class BoundedRequest(Request):
    """A request whose JSON is counted before anybody looks at what is wrong with it."""

    async def json(self) -> Any:
        """The body. Raises HTTPException: 400 for what cannot be read, 413 where it has more
        members and items than ours; and JSONDecodeError, which says where it is wrong."""
        if items_least(await self.body()) > BODY_ITEMS_MAX:
            raise HTTPException(413)
        try:
            body = await super().json()
        except JSONDecodeError:
            raise
        except (ValueError, RecursionError):
            # Not raised from here: what a framework raises from it goes in a circle with the body,
            # which then stays until the collector comes.
            is_readable, body = False, None
        else:
            is_readable = True
        if not is_readable:
            raise HTTPException(400)
        count, heap = 0, [body]
        while heap:
            each = heap.pop()
            if isinstance(each, dict | list):
                held = cast("dict[str, Any] | list[Any]", each)
                count += len(held)
                if count > BODY_ITEMS_MAX:
                    raise HTTPException(413)
                heap.extend(held.values() if isinstance(held, dict) else held)
        return body


def items_least(data: bytes) -> int:
    """No more members and items than a body of JSON has, without reading it: a million of them
    are megabytes before they can be counted. Stops once they are too many."""
    if data.count(b",") <= BODY_ITEMS_MAX or b"\0" in data[:4]:  # not UTF-8: counted when read
        return 0
    count = strings = end = 0
    for each in _STRING.finditer(data):
        count += data.count(b",", end, each.start())
        strings, end = strings + 1, each.end()
        # A member has two strings at most: with more it is no JSON, or more than ours.
        if count > BODY_ITEMS_MAX or strings > 2 * BODY_ITEMS_MAX:
            return BODY_ITEMS_MAX + 1
    return count + data.count(b",", end)


class GatedRoute(APIRoute):
    """A route of the API behind the gate."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if (self.operation_id or "") not in RULES:
            raise LookupError(f"{self.path}: no row {self.operation_id!r} in the policy table")

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        operation = self.operation_id or ""
        takes_json = self.body_field is not None
        lists = frozenset(_lists(self.dependant))

        async def gated(request: Request) -> Response:
            request.state.access = await pass_gate(request, RULES[operation])
            if takes_json and not _is_json(request):
                raise Problem("wrong_media_type", "application/json")
            _check_once(request, lists)
            return await handle(BoundedRequest(request.scope, request.receive))

        return gated


def _lists(dependant: Dependant) -> Iterator[str]:
    """The parameters of a query that may come several times; some stand in a model together."""
    for each in dependant.query_params:
        kind: Any = each.field_info.annotation
        fields = {each.alias: kind}
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            fields = {
                field.alias or name: field.annotation for name, field in kind.model_fields.items()
            }
        yield from (name for name, kind in fields.items() if _is_list(kind))
    for inner in dependant.dependencies:
        yield from _lists(inner)


def _is_list(annotation: Any) -> bool:
    """Whether the type, or one of a union, is a list."""
    kinds = (annotation, *get_args(annotation))
    return any(get_origin(kind) in (list, tuple, set, frozenset) for kind in kinds)


def _check_once(request: Request, lists: Collection[str]) -> None:
    """Whoever stands before the node may have read the first of two values where we would read the
    last: what is asked for twice is refused."""
    names = Counter(name for name, _ in request.query_params.multi_items())
    twice = [name for name, count in names.items() if count > 1 and name not in lists]
    if twice:
        raise Problem("parameter_repeated")


async def pass_gate(request: Request, rule: Rule) -> Access:
    """Who asks and whether they may, before a byte of the body is read. Raises `Problem`."""
    web: Web = request.app.state.web
    seen = seen_of(request.scope)
    principal, is_cookie = (None, False)
    if rule.scope != "open":
        principal, is_cookie = await _principal(request, web, seen)
    if principal is not None:
        request.state.language = principal.language
    refused = admit(rule, principal, web.services.atlas.parents)
    if refused is not None:
        raise _told(rule, principal, refused)
    if rule.limited and not web.accounts.slowing.is_own(seen.address):
        wait = web.anonymous.take(address_key(seen.address))
        if wait:
            raise too_many(wait)
    if rule.writes and (is_cookie or rule.scope == "open"):
        check_origin(request, web.options, seen)
    if rule.writes and is_cookie and principal is not None:
        _check_csrf(request, principal)
    look_as(onlooker_of(rule, principal, web.services.alarms.openings.county))
    wanted = request.headers.get("accept-language")
    own = principal.language if principal is not None else None
    language = pick_language(wanted or own, web.options.languages)
    return Access(web, rule, principal, seen, language)


def _is_json(request: Request) -> bool:
    """An empty body without a type is let through: that it is missing is told better later."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (
        not kind and request.headers.get("content-length", "0") == "0"
    )


async def _principal(request: Request, web: Web, seen: Seen) -> tuple[Principal | None, bool]:
    key = request.headers.get("x-api-key", "")
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        key = token.strip()
    if key:
        return (await web.accounts.by_key(key) if len(key) <= TOKEN_MAX else None), False
    cookie = cookies.read(request, cookies.SESSION, web.options, seen)
    if cookie is not None:
        return await web.accounts.by_session(cookie), True
    return None, False


def check_origin(request: Request, options: WebOptions, seen: Seen) -> None:
    """A browser says where a request comes from; other clients say nothing and hold no cookie
    of ours. Both headers are out of reach for a page's script."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        raise Problem("wrong_origin")
    origin = request.headers.get("origin")
    if origin is None:
        return
    own = options.public_url or (
        f"{'https' if seen.is_secure else 'http'}://{request.headers.get('host', '')}"
    )
    if _origin(origin) != _origin(own):
        raise Problem("wrong_origin")


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
        return parts.scheme, (parts.hostname or "").lower(), port
    except ValueError:
        return "", "", None


def _check_csrf(request: Request, principal: Principal) -> None:
    given = request.headers.get("x-csrf-token", "")
    if principal.csrf is None or not compare_digest(given.encode(), principal.csrf.encode()):
        raise Problem("csrf_missing")


def too_many(wait_s: int) -> Problem:
    """429 with the seconds to wait."""
    return Problem("too_many_requests", headers={"retry-after": str(wait_s)})


def access(request: Request) -> Access:
    """Dependency: the request's way through the gate."""
    return request.state.access

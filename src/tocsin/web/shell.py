"""The one middleware, plain ASGI: address, request id, body limit, headers, counting, bugs.

It stands before the hot intakes too, so it may cost microseconds only.
"""

from __future__ import annotations

import secrets
import traceback
from collections.abc import Callable
from ipaddress import ip_address
from time import perf_counter
from typing import Final, cast

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tocsin.runtime.onlooking import NOBODY, look_as
from tocsin.runtime.ports import Unavailable
from tocsin.web.headers import BASE, HSTS, NO_STORE
from tocsin.web.metrics import Metrics
from tocsin.web.options import WebOptions
from tocsin.web.problems import Problem, answer
from tocsin.web.texts import pick_language

log = structlog.get_logger("tocsin.web")

STATE: Final = "tocsin.web"
DRAIN_FACTOR: Final = 4
"""A photo of 100 MB still gets a page that says it is too large; more is cut off."""
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Seen:
    """What the shell found out about one request; `scope["state"]["tocsin"]`."""

    __slots__ = ("address", "is_secure", "request_id")

    def __init__(self, address: str, is_secure: bool, request_id: str) -> None:
        self.address = address
        self.is_secure = is_secure
        self.request_id = request_id


class BodyTooLarge(HTTPException):
    """Raised out of `receive` once more bytes came than the route takes."""

    def __init__(self) -> None:
        super().__init__(413)


class Shell:
    """Wraps the whole application. `upload_paths` take bodies up to the upload limit.
    `drained_paths` take larger ones: they read them to the end and throw away what is too much,
    so that the rest of a form survives."""

    def __init__(
        self,
        app: ASGIApp,
        options: WebOptions,
        metrics: Metrics,
        upload_paths: Callable[[str], bool],
        drained_paths: Callable[[str], bool] = lambda path: False,
    ) -> None:
        self.app = app
        self.options = options
        self.metrics = metrics
        self._is_upload = upload_paths
        self._is_drained = drained_paths
        self._proxies = options.trusted_proxies
        self._is_tls = options.public_url.startswith("https://")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        look_as(NOBODY)  # until somebody says who asks, the database shows nothing
        seen = self._look(scope)
        scope.setdefault("state", {})["tocsin"] = seen
        status = 0
        request_id = (b"x-request-id", seen.request_id.encode())

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
                names = {name for name, _ in headers}
                headers += [each for each in BASE if each[0] not in names]
                if seen.is_secure or self._is_tls:
                    headers.append(HSTS)
                if b"cache-control" not in names:
                    headers.append(NO_STORE)
                headers.append(request_id)
                message["headers"] = headers
            await send(message)

        try:
            limited = self._limited(scope, receive)
            if limited is None:
                raise BodyTooLarge
            await self.app(scope, limited, send_on)
        except BodyTooLarge:
            # Deeper layers turn it into an answer themselves; here it came before them.
            if status:
                raise
            await self._answer(Problem("too_large"), scope, receive, send_on)
        except Unavailable as trouble:
            log.warning("store_unavailable", detail=str(trouble))
            if status:
                raise
            problem = Problem("unavailable", headers={"retry-after": str(trouble.retry_after_s)})
            await self._answer(problem, scope, receive, send_on)
        except Exception as bug:
            self._report(bug, seen)
            if status:
                raise
            await self._answer(Problem("internal"), scope, receive, send_on)
        finally:
            route = scope.get("route")
            template = cast(str, getattr(route, "path", None) or "(none)")
            method = scope["method"] if scope["method"] in METHODS else "OTHER"
            self.metrics.answered(template, method, status, perf_counter() - started)

    def _look(self, scope: Scope) -> Seen:
        client = scope.get("client")
        address = str(client[0]) if client else "unknown"
        is_secure = scope.get("scheme") == "https"
        request_id = ""
        if self._proxies and self._is_trusted(address):
            for name, value in reversed(scope["headers"]):
                if name == b"x-forwarded-for":
                    address = self._forwarded(value.decode("latin-1"), address)
                elif name == b"x-forwarded-proto":
                    is_secure = value.strip().lower() == b"https"
                elif name == b"x-request-id" and len(value) <= 64 and value.isalnum():
                    request_id = value.decode("ascii")
        return Seen(address, is_secure, request_id or secrets.token_hex(8))

    def _is_trusted(self, address: str) -> bool:
        try:
            ip = ip_address(address)
        except ValueError:
            return False
        return any(ip in network for network in self._proxies)

    def _forwarded(self, chain: str, address: str) -> str:
        """The nearest hop that we do not trust; what stands before it anyone can write."""
        for hop in reversed(chain[:1_000].split(",")):
            hop = hop.strip()
            try:
                ip_address(hop)
            except ValueError:
                return address
            address = hop
            if not self._is_trusted(hop):
                return address
        return address

    def _limited(self, scope: Scope, receive: Receive) -> Receive | None:
        """`receive` with the bytes counted; None when the declared length is already too much."""
        declared = -1
        for name, value in scope["headers"]:
            if name == b"content-length":
                declared = int(value) if value.isdigit() and len(value) < 16 else 1 << 60
            elif name == b"transfer-encoding":
                declared = max(declared, 0)
        if declared < 0:
            return receive
        upload = self._is_upload(scope["path"])
        limit = self.options.upload_limit if upload else self.options.body_limit
        if self._is_drained(scope["path"]):
            limit *= DRAIN_FACTOR
        if declared > limit:
            return None
        count = 0

        async def counted() -> Message:
            nonlocal count
            message = await receive()
            if message["type"] == "http.request":
                count += len(message.get("body", b""))
                if count > limit:
                    raise BodyTooLarge
            return message

        return counted

    async def _answer(self, problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
        self.metrics.refusals.labels(problem.reason).inc()
        response = answer(problem, language_of(scope, self.options), seen_of(scope).request_id)
        await response(scope, receive, send)

    def _report(self, bug: Exception, seen: Seen) -> None:
        """Where it broke, never with which values: those may be somebody's words."""
        frames = traceback.extract_tb(bug.__traceback__)[-8:]
        places = [f"{frame.filename.rpartition('/src/')[2]}:{frame.lineno}" for frame in frames]
        log.error("request_failed", error=type(bug).__name__, at=places, request_id=seen.request_id)


def seen_of(scope: Scope) -> Seen:
    """What the shell knows about this request."""
    return cast(Seen, scope["state"]["tocsin"])


def language_of(scope: Scope, options: WebOptions) -> str:
    """The language to answer in: from Accept-Language, else the account's own."""
    header = next((value for name, value in scope["headers"] if name == b"accept-language"), b"")
    if not header:
        header = scope["state"].get("language", "").encode()
    return pick_language(header.decode("latin-1"), options.languages)

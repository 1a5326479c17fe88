"""Sends a report of nobody through the whole path every minute, and pages when none arrives.

In at the public API over the node's own port, through the kernel and the store as an emergency that
is routed at once, its errand done and its message in the reporter's thread, its event on the live
stream. Then it is made void. Everything a report needs is needed by it; so when it does not arrive,
reports may not get through, and whoever looks after the node is told before a resident finds out.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import socket
from collections.abc import Sequence
from time import monotonic
from typing import Final
from urllib.parse import urlencode

import structlog
import uvicorn

from tocsin.app.clock import SteadyClock
from tocsin.app.settings import Settings
from tocsin.kernel.cases.vocabulary import VoidCase
from tocsin.kernel.shared import SYSTEM, AgencyId, AreaId, CaseId, Instant, Refused
from tocsin.packs.model import Pack
from tocsin.runtime.ports import CaseQuery, Unavailable
from tocsin.runtime.services import Services
from tocsin.runtime.synthetic_ports import HEADER, NOBODYS
from tocsin.web.listeners import Listener, View
from tocsin.web.live import Hub

log = structlog.get_logger("tocsin.synthetic")

MISSING_AFTER_S: Final = 120.0
"""So long without one that arrived is told to people."""
STEP_S: Final = 30.0
"""One step of the way may take this long; then this one is given up and the next is sent."""
LOOK_S: Final = 0.5
"""Between two looks at whether its message is there: as often as errands are looked for."""
PAGE_AGAIN_S: Final = 600.0
"""Between two pages of the same trouble: nobody is woken by the hundredth."""
PAGE_TIMEOUT_S: Final = 10.0
"""Whom we page answers in a second; longer is as good as no answer."""
PAGE_ANSWER_MAX: Final = 10_000
ANSWER_MAX: Final = 1_000_000
TEXT: Final = "Self-check of the node / 节点自检"
_CODE: Final = re.compile(r"[2-9A-Z]{4}(-[2-9A-Z]{4}){2}")


class Lost(RuntimeError):
    """It did not get further. The step, for the log."""


class Traveller:
    """Fulfils `Synthetic` on a running node, whose own `host` and `port` it calls."""

    def __init__(
        self,
        services: Services,
        hub: Hub,
        host: str,
        port: int,
        every_s: float,
        page_url: str = "",
    ) -> None:
        self.secret = secrets.token_urlsafe(24)
        self.arrived = 0
        self.took_s = 0.0
        self._services = services
        self._hub = hub
        self._port = port
        self._every_s = every_s
        self._page_url = page_url
        self._arrived_at = monotonic()
        self._paged_at: float | None = None
        self._host = host

    def age_s(self, now: Instant) -> float:
        # By the steady clock: what waits here is people's patience, whatever the town's time.
        return monotonic() - self._arrived_at

    def is_missing(self, now: Instant) -> bool:
        return self.age_s(now) > MISSING_AFTER_S

    async def run(self) -> None:
        """Until cancelled. Trouble is waited out; it never ends the node."""
        paging = asyncio.create_task(self._watch(), name="synthetic-watch")
        try:
            while True:
                began = monotonic()
                await self.send()
                await asyncio.sleep(max(LOOK_S, self._every_s - (monotonic() - began)))
        finally:
            paging.cancel()

    async def send(self) -> bool:
        """One report; whether it arrived."""
        began = monotonic()
        listener = self._hub.join(View(("synthetic", self.secret), _is_nobodys))
        try:
            await self._travel(listener)
        except (Lost, Unavailable, OSError, EOFError, TimeoutError, ValueError) as trouble:
            log.warning("synthetic_lost", step=str(trouble) or type(trouble).__name__)
            return False
        finally:
            self._hub.leave(listener)
            await self._tidy()
        self.arrived += 1
        self.took_s = monotonic() - began
        self._arrived_at = monotonic()
        return True

    async def _travel(self, listener: Listener) -> None:
        code = emergency_of(self._services.pack)
        form = {"service_code": code, "lat": "0", "long": "0", "description": TEXT}
        body = urlencode(form).encode()
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            # Its words are always the same: without a key it would be the last one's repeat.
            "idempotency-key": self._services.ids.new(),
            HEADER: self.secret,
        }
        taken = await self._ask("POST", "/open311/v2/requests.json", headers, body)
        receipt = json.loads(taken)[0]
        case, found = receipt.get("service_request_id"), _CODE.search(receipt["service_notice"])
        if not case or found is None:
            raise Lost("no receipt")
        async with asyncio.timeout(STEP_S):
            await _heard(listener, case)
        until = monotonic() + STEP_S
        while not json.loads(await self._ask("GET", f"/api/receipts/{found[0]}", {}))["messages"]:
            if monotonic() > until:
                raise Lost("not told")
            await asyncio.sleep(LOOK_S)

    async def _ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes = b""
    ) -> bytes:
        """One question to the node's own port. Raises Lost for another answer than yes."""
        async with asyncio.timeout(STEP_S):
            reader, writer = await asyncio.open_connection(self._host, self._port)
            try:
                told = {"host": "localhost", "connection": "close", **headers}
                if body:
                    told["content-length"] = str(len(body))
                head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
                writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
                await writer.drain()
                start, _, rest = (await reader.read(ANSWER_MAX)).partition(b"\r\n\r\n")
                while more := await reader.read(ANSWER_MAX):
                    rest += more
            finally:
                writer.close()
        status = start.split(b" ", 2)[1:2]
        if status not in ([b"200"], [b"201"]):
            shown = status[0].decode("ascii", "replace") if status else "nothing"
            raise Lost(f"{method} answered {shown}")
        return rest

    async def _tidy(self) -> None:
        """Makes void what is open of its kind, also of a start before this one."""
        try:
            page = await self._services.store.cases(CaseQuery(area=NOBODYS, open_only=True))
            for row in page.rows:
                outcome = await self._services.engine.handle(
                    CaseId(row.case.id), VoidCase("synthetic"), by=SYSTEM
                )
                if isinstance(outcome, Refused):
                    log.error("synthetic_stays", reason=outcome.reason)
        except Unavailable as trouble:
            log.warning("synthetic_stays", reason=str(trouble))

    # -- paging

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            is_missing = self.is_missing(self._services.clock.now())
            if is_missing and (
                self._paged_at is None or monotonic() - self._paged_at > PAGE_AGAIN_S
            ):
                self._paged_at = monotonic()
                log.error("synthetic_missing", age_s=round(monotonic() - self._arrived_at))
                await self._page("synthetic_missing")
            elif not is_missing and self._paged_at is not None:
                self._paged_at = None
                log.info("synthetic_back")
                await self._page("synthetic_back")

    async def _page(self, state: str) -> None:
        """A word to whoever the operator named; where nobody is, the health says it."""
        caller = self._services.outgoing
        if not self._page_url or caller is None:
            return
        told = {"state": state, "node": self._services.jurisdiction}
        try:
            await caller.ask(
                "POST",
                self._page_url,
                headers={"content-type": "application/json"},
                content=json.dumps(told).encode(),
                limit=PAGE_ANSWER_MAX,
                timeout_s=PAGE_TIMEOUT_S,
            )
        except (OSError, TimeoutError) as trouble:
            log.error("page_failed", why=type(trouble).__name__)


async def keep_synthetic(
    services: Services,
    hub: Hub,
    settings: Settings,
    server: uvicorn.Server,
    listening: socket.socket,
) -> None:
    """Once the node answers, for ever. None is sent where the operator wants none, where time is
    made to run faster (a demonstration), or where the pack has no emergencies."""
    if not settings.synthetic_every_s or not isinstance(services.clock, SteadyClock):
        return
    try:
        emergency_of(services.pack)
    except ValueError as trouble:
        log.warning("no_synthetic", detail=str(trouble))
        return
    while not server.started:
        await asyncio.sleep(LOOK_S)
    host, port = listening.getsockname()[:2]
    every_s, page_url = settings.synthetic_every_s, settings.synthetic_page_url
    traveller = Traveller(services, hub, reached_at(host), port, every_s, page_url)
    services.synthetic = traveller
    await traveller.run()


def reached_at(host: str) -> str:
    """Where a program on this machine finds what listens on `host`."""
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host


def emergency_of(pack: Pack) -> str:
    """The first type of the pack that the public may report and that is sent at once. Raises
    ValueError for a pack without one."""
    for code in sorted(pack.services):
        policy = pack.policy(pack.services[code].code)
        if policy is not None and policy.fast_path:
            return code
    raise ValueError("the pack has no type that is sent at once")


async def _heard(listener: Listener, case: str) -> None:
    """Waits until the live stream tells of the case."""
    while True:
        chunks = b"".join(listener.queue)
        listener.queue.clear()
        if case.encode() in chunks:
            return
        listener.woken.clear()
        await listener.woken.wait()


def _is_nobodys(areas: Sequence[AreaId], agencies: Sequence[AgencyId]) -> bool:
    return NOBODYS in areas


__all__ = ["Traveller", "emergency_of", "keep_synthetic", "reached_at"]

"""Protection from slow and greedy clients, before any application code runs.

A bare server waits for ever for the next byte of a request, so a few hundred connections that
send one byte now and then take every descriptor and nobody else is served. Here each connection
is in one phase, and each phase has its limit:

- head: the request's head must be complete in `header_timeout_s`, and at most `max_head_bytes`;
- body: it may take `body_timeout_s` plus its bytes over `body_min_rate`;
- work: ours to answer, however long it streams; a client that stops *reading* is cut after
  `send_timeout_s` without one byte of progress past the high-water mark;
- idle: kept for the next request for `keep_alive_s`.

Over the budget, the connection that is idle or incomplete for the longest makes room for the new
one; one that is being answered is never cut for that. Cuts are counted, and logged as one line
now and then, never one line each.
"""

import asyncio
import resource
from collections import Counter
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, ClassVar, Final

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tocsin.web.headers import RAW

# Descriptors that are not connections: database, files, event loop, and what is accepted at once.
DESCRIPTOR_RESERVE: Final = 256
# Give uvicorn this backlog: a loop accepts up to so many before the guard can close one.
ACCEPT_BACKLOG: Final = 128
WANTED_DESCRIPTORS: Final = 65_536
SWEEP_S: Final = 0.5
LAST_WORD_S: Final = 2.0  # for a refusal to leave; then the connection is dropped
LOG_EVERY_S: Final = 10.0
_IPV6_CLIENT_PREFIX: Final = 64  # one subscriber has a whole /64

_log: Final = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """Limits of one listening process; see the settings of the same names."""

    connection_budget: int = 4000
    per_client_connections: int = 64
    header_timeout_s: float = 10.0
    body_timeout_s: float = 20.0
    body_min_rate: int = 10_000  # bytes a second
    keep_alive_s: float = 15.0
    send_timeout_s: float = 30.0
    max_head_bytes: int = 32_768
    trusted_proxies: tuple[str, ...] = ("127.0.0.1/32", "::1/128")

    def fitted(self, descriptors: int) -> "GuardLimits":
        """The same limits with a budget that `descriptors` allow, the reserve kept back."""
        room = max(8, descriptors - DESCRIPTOR_RESERVE)
        return replace(self, connection_budget=min(self.connection_budget, room))


def raise_descriptor_limit(wanted: int = WANTED_DESCRIPTORS) -> int:
    """Raises the soft limit of open files towards the hard one; gives what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        soft = allowed
    return wanted if soft == resource.RLIM_INFINITY else soft


class Phase(Enum):
    """Where a connection is in its life."""

    IDLE = "idle"
    HEAD = "head"
    BODY = "body"
    WORK = "work"


# Whom to cut first when room is needed; a connection in WORK is never in this list.
_SPARED_LAST: Final = (Phase.IDLE, Phase.HEAD, Phase.BODY)
_STATUS: Final = {
    400: b"400 Bad Request",
    408: b"408 Request Timeout",
    429: b"429 Too Many Requests",
    431: b"431 Request Header Fields Too Large",
    503: b"503 Service Unavailable",
}


def _short_answer(status: int) -> bytes:
    retry = b"retry-after: 5\r\n" if status in (429, 503) else b""
    return (
        b"".join((b"HTTP/1.1 ", _STATUS[status], b"\r\n", retry, RAW))
        + b"content-length: 0\r\nconnection: close\r\n\r\n"
    )


class Guard:
    """All connections of one listening process, by phase and by client; one event loop only."""

    def __init__(self, limits: GuardLimits) -> None:
        self.limits = limits
        self.counts: Counter[str] = Counter()
        self._trusted = tuple(ip_network(network) for network in limits.trusted_proxies)
        # Dictionaries keep the order of entry: the first of a phase is in it for the longest.
        self._phases: dict[Phase, dict[GuardedProtocol, None]] = {phase: {} for phase in Phase}
        self._clients: dict[str, dict[GuardedProtocol, None]] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._logged: Counter[str] = Counter()
        self._next_log_s = 0.0

    @property
    def open_connections(self) -> int:
        return sum(len(members) for members in self._phases.values())

    def admit(self, connection: "GuardedProtocol", address: str | None) -> int:
        """Takes a new connection: 0, or the status of its refusal. May cut older ones for it."""
        client = client_key(address)
        if client is not None and not is_trusted(client, self._trusted):
            siblings = self._clients.get(client, {})
            is_full = len(siblings) >= self.limits.per_client_connections
            if is_full and not self._cut_first(siblings, "client_cap"):
                return self._refuse("client_cap_refused", 429)
            self._clients.setdefault(client, {})[connection] = None
            connection.client_name = client
        if self.open_connections >= self.limits.connection_budget and not self._make_room():
            self.forget(connection)
            return self._refuse("budget_refused", 503)
        self._phases[connection.phase][connection] = None
        if self._sweep is None:
            self._sweep = connection.loop.call_later(SWEEP_S, self._tick, connection.loop)
        return 0

    def forget(self, connection: "GuardedProtocol") -> None:
        """The connection is gone, or going; harmless to repeat."""
        self._phases[connection.phase].pop(connection, None)
        siblings = self._clients.get(connection.client_name)
        if siblings is not None:
            siblings.pop(connection, None)
            if not siblings:
                del self._clients[connection.client_name]

    def move(self, connection: "GuardedProtocol", phase: Phase) -> None:
        """The connection enters `phase`, as its youngest member."""
        members = self._phases[connection.phase]
        if connection in members:
            del members[connection]
            self._phases[phase][connection] = None
        connection.phase = phase

    def cut(self, connection: "GuardedProtocol", reason: str, status: int) -> None:
        self.counts[reason] += 1
        self.forget(connection)
        connection.end(status)

    def _refuse(self, reason: str, status: int) -> int:
        self.counts[reason] += 1
        return status

    def _make_room(self) -> bool:
        return any(self._cut_first(self._phases[phase], "budget") for phase in _SPARED_LAST)

    def _cut_first(self, members: "dict[GuardedProtocol, None]", reason: str) -> bool:
        for connection in members:
            if connection.phase is not Phase.WORK:
                self.cut(connection, reason, 503 if connection.phase is not Phase.IDLE else 0)
                return True
        return False

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = loop.time()
        # Copies: a cut changes the dictionaries.
        for phase in Phase:
            for connection in list(self._phases[phase]):
                verdict = connection.overdue(now_s)
                if verdict is not None:
                    self.cut(connection, *verdict)
        self._log_now_and_then(now_s)
        is_busy = any(self._phases.values()) or self.counts != self._logged
        self._sweep = loop.call_later(SWEEP_S, self._tick, loop) if is_busy else None

    def _log_now_and_then(self, now_s: float) -> None:
        if self.counts == self._logged or now_s < self._next_log_s:
            return
        fresh = self.counts - self._logged
        self._logged = self.counts.copy()
        self._next_log_s = now_s + LOG_EVERY_S
        _log.warning("connections_cut", reasons=dict(fresh), open_now=self.open_connections)


@lru_cache(maxsize=4096)
def client_key(address: str | None) -> str | None:
    """What counts as one client: an IPv4 address, or an IPv6 /64; None for a Unix socket."""
    if address is None:
        return None
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        if not parsed.is_loopback:
            network = ip_network((parsed, _IPV6_CLIENT_PREFIX), strict=False)
            return str(network.network_address)
    return str(parsed)


@lru_cache(maxsize=4096)
def is_trusted(client: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    address = ip_address(client)
    return any(address in network for network in networks)


class GuardedProtocol(HttpToolsProtocol):
    """Uvicorn's own protocol, watched. Made by `guarded_protocol`; uvicorn makes the instances."""

    guard: ClassVar[Guard]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.phase = Phase.HEAD
        self.client_name = ""
        self._since_s = 0.0  # when this phase began
        self._head_bytes = 0
        self._body_bytes = 0
        self._is_reading_head = True
        self._is_reading_body = False
        self._began_in_this_feed = False
        self._write_blocked_since_s: float | None = None
        self._is_ended = False
        self._last_word: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------------ what asyncio calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._since_s = self.loop.time()
        status = self.guard.admit(self, self.client[0] if self.client else None)
        if status:
            self.end(status)

    def connection_lost(self, exc: Exception | None) -> None:
        self.guard.forget(self)
        if self._last_word is not None:
            self._last_word.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_ended:
            return
        if not self._is_reading_body and not self._is_reading_head:
            self._begin_head()
        self._began_in_this_feed = False
        super().data_received(data)
        # The head's first piece is not counted: it may hold the end of a body, and it is bounded
        # by what one read gives.
        if self._is_reading_head and not self._began_in_this_feed:
            self._head_bytes += len(data)
            if self._head_bytes > self.guard.limits.max_head_bytes and not self._is_ended:
                self.guard.cut(self, "head_too_large", 431)
                return
        self._settle()

    def pause_writing(self) -> None:
        self._write_blocked_since_s = self.loop.time()
        super().pause_writing()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is told so with our headers; the parser's words are left out."""
        self.transport.write(_short_answer(400))
        self.transport.close()

    def resume_writing(self) -> None:
        self._write_blocked_since_s = None
        super().resume_writing()

    # ------------------------------------------------------------------ what the parser calls

    def on_message_begin(self) -> None:
        self._began_in_this_feed = True
        if not self._is_reading_head:
            self._begin_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_reading_head = False
        self._is_reading_body = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_reading_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._settle()

    # ------------------------------------------------------------------ phases

    def _begin_head(self) -> None:
        self._is_reading_head = True
        self._head_bytes = 0

    @property
    def _is_answering(self) -> bool:
        # Uvicorn sets these late and types them as always there.
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete

    def _settle(self) -> None:
        """Puts the connection in the phase it is in by now."""
        if self._is_ended or self.transport.is_closing():
            return
        if self._is_reading_body and not self.flow.read_paused:
            phase = Phase.BODY
        elif self._is_answering:
            phase = Phase.WORK
        elif self._is_reading_head:
            phase = Phase.HEAD
        else:
            phase = Phase.IDLE
        if phase is not self.phase:
            self._since_s = self.loop.time()
            self._body_bytes = 0
            self.guard.move(self, phase)

    def overdue(self, now_s: float) -> tuple[str, int] | None:
        """Why and with which status this connection must end now (0: without a word)."""
        if self.transport.is_closing():
            return None
        self._settle()
        limits = self.guard.limits
        waited_s = now_s - self._since_s
        if self.phase is Phase.HEAD and waited_s > limits.header_timeout_s:
            return "head_timeout", 408
        if self.phase is Phase.BODY:
            allowed_s = limits.body_timeout_s + self._body_bytes / limits.body_min_rate
            return ("body_timeout", 408) if waited_s > allowed_s else None
        if self.phase is Phase.IDLE and waited_s > limits.keep_alive_s:
            return "idle", 0
        blocked = self._write_blocked_since_s
        if blocked is not None and now_s - blocked > limits.send_timeout_s:
            return "send_timeout", 0
        return None

    def end(self, status: int) -> None:
        """Closes the connection, with a short answer where none has begun."""
        self._is_ended = True
        if self.transport.is_closing():
            return
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # nobody reads at the other end: waiting would keep it open
            return
        cycle: Any = self.cycle
        if status and not (self._is_answering and cycle.response_started):
            self.transport.write(_short_answer(status))
            self._last_word = self.loop.call_later(LAST_WORD_S, self.transport.abort)
        self.transport.close()


def guarded_protocol(limits: GuardLimits) -> type[GuardedProtocol]:
    """A protocol class for `uvicorn.Config(http=...)`, with a Guard of its own as `.guard`.

    Give uvicorn also `backlog=ACCEPT_BACKLOG`, `ws="none"` (an upgraded connection would leave
    the guard) and `timeout_keep_alive` of the same `keep_alive_s`.
    """
    return type("LimitedProtocol", (GuardedProtocol,), {"guard": Guard(limits)})

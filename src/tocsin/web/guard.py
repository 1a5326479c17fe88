"""Protection from slow and greedy clients, before any application code runs.

A bare server waits for ever for the next byte of a request, so a few hundred connections that
send one byte now and then take every descriptor and nobody else is served. Here each connection
is in one phase, and each phase has its limit:

- head: the request's head must be complete in `header_timeout_s`, and at most `max_head_bytes`;
- body: it may keep us waiting for `body_timeout_s`; a byte makes up for 1 / `body_min_rate` of it,
  and no haste of before excuses a stop;
- work: ours to answer, however long it streams; a client that does not *read* the answer is cut
  after `send_timeout_s`, by the same count of what it took;
- idle: kept for the next request for `keep_alive_s`.

Over the budget the slowest makes room for the new one: first whoever has kept us waiting for
`SLOW_S` amid a request or an answer, then whoever is idle or incomplete for the longest. One that
is being answered and reads is never cut for that. Bodies under way are counted in all, and the one
that keeps us waiting the longest goes when they are too many. Whoever asks twice more before
the last one was answered waits for a turn, and few have one at a time. Cuts are counted, and logged
as one line now and then, never one line each.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from enum import Enum
from ipaddress import ip_network
from itertools import islice
from typing import Final, Protocol

import structlog

from tocsin.web.guard_limits import GuardLimits, client_key, is_trusted

SWEEP_S: Final = 0.5
LOG_EVERY_S: Final = 10.0
SLOW_S: Final = 1.0  # a head or a read that takes longer is not how a client behaves that is well
BODIES_MAX: Final = 24 * 2**20  # bytes of unanswered bodies in memory, all connections together
BODY_COUNTED_MAX: Final = 2**20  # of one body: what is more of an upload lies in a file
WAITING_MAX: Final = 8 * 2**20  # bytes of requests sent before their turn, all together
TURNS_MAX: Final = 2  # requests of the hasty that are worked at once
TURN_EVERY_S: Final = 0.02  # turns are given this often: a tenth of a processor for them all
TURN_S: Final = 1.0  # after so long another has the turn, done or not
_LOOKED_AT: Final = 32  # the oldest bodies among which the slowest is sought for room

_log: Final = structlog.get_logger()


class Phase(Enum):
    """Where a connection is in its life."""

    IDLE = "idle"
    HEAD = "head"
    BODY = "body"
    WORK = "work"


class Watched(Protocol):
    """What the guard sees of a connection."""

    phase: Phase
    client_name: str
    waiting_bytes: int
    """Sent before its turn, and not looked at yet."""
    body_bytes: int
    """Of the unanswered request's body, as far as it is counted."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...

    def overdue(self, now_s: float) -> tuple[str, int] | None:
        """Why and with which status it must end now (0: without a word)."""
        ...

    def spared(self, now_s: float) -> tuple[int, float] | None:
        """How late it is cut for room, the lower the sooner; None for never."""
        ...

    def waited_s(self, now_s: float) -> float:
        """How long it has kept us waiting by now."""
        ...

    def end(self, status: int) -> None:
        """Close it."""
        ...

    def take_turn(self) -> None:
        """Go on with what waits."""
        ...


class Guard:
    """All connections of one listening process, by phase and by client; one event loop only."""

    def __init__(self, limits: GuardLimits) -> None:
        self.limits = limits
        self.counts: Counter[str] = Counter()
        self.waiting_bytes = 0
        self._body_bytes = 0
        self._trusted = tuple(ip_network(network) for network in limits.trusted_proxies)
        # Dictionaries keep the order of entry: the first of a phase is in it for the longest.
        self._phases: dict[Phase, dict[Watched, None]] = {phase: {} for phase in Phase}
        self._unread: dict[Watched, None] = {}
        self._clients: dict[str, dict[Watched, None]] = {}
        self._hasty: dict[Watched, None] = {}
        self._turns: dict[Watched, float] = {}
        self._giving: asyncio.TimerHandle | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._logged: Counter[str] = Counter()
        self._next_log_s = 0.0

    @property
    def open_connections(self) -> int:
        return sum(len(members) for members in self._phases.values())

    @property
    def held(self) -> dict[str, int]:
        """What it holds for the connections: all zero once they are gone."""
        return {
            "connections": self.open_connections,
            "clients": len(self._clients),
            "unread": len(self._unread),
            "hasty": len(self._hasty),
            "turns": len(self._turns),
            "waiting_bytes": self.waiting_bytes,
            "body_bytes": self._body_bytes,
        }

    def admit(self, connection: Watched, address: str | None) -> int:
        """Takes a new connection: 0, or the status of its refusal. May cut older ones for it."""
        now_s = connection.loop.time()
        client = client_key(address)
        if client is not None and not is_trusted(client, self._trusted):
            siblings = self._clients.get(client, {})
            is_full = len(siblings) >= self.limits.per_client_connections
            if is_full and not self._cut_slowest(iter(siblings), "client_cap", now_s):
                return self._refuse("client_cap_refused", 429)
            self._clients.setdefault(client, {})[connection] = None
            connection.client_name = client
        is_full = self.open_connections >= self.limits.connection_budget
        if is_full and not self._cut_slowest(self._oldest(), "budget", now_s):
            self.forget(connection)
            return self._refuse("budget_refused", 503)
        self._phases[connection.phase][connection] = None
        if self._sweep is None:
            self._sweep = connection.loop.call_later(SWEEP_S, self._tick, connection.loop)
        return 0

    def forget(self, connection: Watched) -> None:
        """The connection is gone, or going; harmless to repeat."""
        self._phases[connection.phase].pop(connection, None)
        self._unread.pop(connection, None)
        self.count_body(connection, 0)
        self.count_waiting(connection, 0)
        self._hasty.pop(connection, None)
        self.end_turn(connection)
        siblings = self._clients.get(connection.client_name)
        if siblings is not None:
            siblings.pop(connection, None)
            if not siblings:
                del self._clients[connection.client_name]

    def move(self, connection: Watched, phase: Phase) -> None:
        """The connection enters `phase`, as its youngest member."""
        members = self._phases[connection.phase]
        if connection in members:
            del members[connection]
            self._phases[phase][connection] = None
        connection.phase = phase

    def cut(self, connection: Watched, reason: str, status: int) -> None:
        self.counts[reason] += 1
        self.forget(connection)
        connection.end(status)

    # ------------------------------------------------------------------ what is held in memory

    def note_unread(self, connection: Watched, *, is_unread: bool) -> None:
        """What the connection was told lies here unsent, or does so no longer."""
        if not is_unread:
            self._unread.pop(connection, None)
        elif connection in self._phases[connection.phase]:
            self._unread.setdefault(connection)
            self.end_turn(connection)

    def count_body(self, connection: Watched, size: int) -> None:
        """So much of the connection's body is held. When all are too much, those go that keep us
        waiting for the longest."""
        size = min(size, BODY_COUNTED_MAX)
        self._body_bytes += size - connection.body_bytes
        connection.body_bytes = size
        if self._body_bytes <= BODIES_MAX or not size:
            return
        now_s = connection.loop.time()
        bodies = self._phases[Phase.BODY]
        while self._body_bytes > BODIES_MAX:
            held = (each for each in bodies if each.body_bytes)
            slowest = max(held, key=lambda each: each.waited_s(now_s), default=None)
            if slowest is None:
                return
            self.cut(slowest, "bodies", 503)

    def count_waiting(self, connection: Watched, size: int) -> bool:
        """So much of what the connection sent waits for its turn. False where that is too much."""
        self.waiting_bytes += size - connection.waiting_bytes
        connection.waiting_bytes = size
        return self.waiting_bytes <= WAITING_MAX or not size

    # ------------------------------------------------------------------ turns of the hasty

    def ask_turn(self, connection: Watched) -> None:
        """The connection has more to ask, and will `take_turn` in the order of asking."""
        self._turns.pop(connection, None)
        self._hasty[connection] = None
        self._give_turns_soon(connection.loop)

    def end_turn(self, connection: Watched) -> None:
        """It needs its turn no longer; harmless to repeat."""
        if self._turns.pop(connection, None) is not None:
            self._give_turns_soon(connection.loop)

    def _give_turns_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._hasty and self._giving is None:
            self._giving = loop.call_later(TURN_EVERY_S, self._give_turns, loop)

    def _give_turns(self, loop: asyncio.AbstractEventLoop) -> None:
        self._giving = None
        while self._hasty and len(self._turns) < TURNS_MAX:
            first = next(iter(self._hasty))
            del self._hasty[first]
            self._turns[first] = loop.time()
            first.take_turn()

    def _end_long_turns(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = loop.time()
        for connection, since_s in list(self._turns.items()):
            if now_s - since_s > TURN_S:
                self.end_turn(connection)

    # ------------------------------------------------------------------ who makes room

    def _refuse(self, reason: str, status: int) -> int:
        self.counts[reason] += 1
        return status

    def _oldest(self) -> Iterator[Watched]:
        """Of each phase those who are in it for the longest: looking at all would cost the more,
        the more there are."""
        for phase in (Phase.HEAD, Phase.IDLE):
            yield from islice(self._phases[phase], 1)
        yield from islice(self._phases[Phase.BODY], _LOOKED_AT)
        yield from islice(self._unread, 1)

    def _cut_slowest(self, among: Iterator[Watched], reason: str, now_s: float) -> bool:
        found: tuple[tuple[int, float], Watched] | None = None
        for each in among:
            rank = each.spared(now_s)
            if rank is not None and (found is None or rank < found[0]):
                found = rank, each
        if found is None:
            return False
        self.cut(found[1], reason, 503 if found[1].phase is not Phase.IDLE else 0)
        return True

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = loop.time()
        # Copies: a cut changes the dictionaries.
        for phase in Phase:
            for connection in list(self._phases[phase]):
                verdict = connection.overdue(now_s)
                if verdict is not None:
                    self.cut(connection, *verdict)
        self._end_long_turns(loop)
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

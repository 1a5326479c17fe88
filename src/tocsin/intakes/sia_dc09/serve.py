"""The sockets that panels call: TCP and UDP on one port. What is answered is on disk."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from contextlib import suppress
from typing import Final, Literal, cast

import structlog

from tocsin.intakes.sia_dc09.accounts import CONNECTIONS_MAX, Dc09Settings
from tocsin.intakes.sia_dc09.frames import Frame, Splitter
from tocsin.intakes.sia_dc09.receiver import Receiver
from tocsin.runtime.alarm_ports import IncomingAlarm
from tocsin.runtime.half_open import watch
from tocsin.runtime.hang_ups import HangUps
from tocsin.runtime.intake_settings import IntakeError, Listener, Tables, taken
from tocsin.runtime.seats import Seats
from tocsin.runtime.services import Services

log = structlog.get_logger("tocsin.intakes.sia_dc09")

CODE: Final = "sia-dc09"
FRAMES_QUEUED_MAX: Final = 16
"""Frames of one datagram that are worked."""
READ_MAX: Final = 4_096
"""Bytes of one connection that are read at a time: the longest frame. Until all frames in them are
answered nothing more is read from it."""
HASTY_MAX: Final = 16
"""Panels that sent more before the last frame was answered, and are served at once: one that floods
shares these places with its like, and takes nothing from a panel that waits for its answer."""
UNTAKEN_S: Final = 0.005
"""Seconds that the next of many frames waits for each before it that was not taken, up to
`UNTAKEN_MAX_S`: whoever floods with nonsense takes little of our time. Hung up on, it would call
anew at once, which costs more."""
UNTAKEN_MAX_S: Final = 0.1
"""The longest of these waits."""
DATAGRAMS_MAX: Final = 1_000
"""Datagrams in work; more are dropped, and the panels send again."""
ALIVE_QUEUED_MAX: Final = 20_000
"""Signs of life that wait to be kept; more are dropped, for the next comes soon."""
ALIVE_WORKERS: Final = 8
SWEEP_EVERY_S: Final = 1.0
"""How often silent connections are looked for; their limits are seconds and more."""
UNSENT_MAX: Final = 16_384
"""Bytes of answers that a panel does not read; then it is hung up on."""

Reason = Literal["full", "silent", "slow", "foreign", "unread", "failed"]
"""Why a panel is hung up on: no room for it or its address, or a newcomer took the seat that was
lent to it; no frame for `idle_s`; a frame that does not end within `frame_s`; bytes that are no
frame; answers that it does not read; a fault of ours."""


async def run(services: Services) -> None:
    """Serve panels until cancelled. Without a table `[sia-dc09]` it does nothing. Raises
    IntakeError when the table is wrong or the port is taken."""
    settings = taken(services.intakes, CODE, Dc09Settings)
    if settings is None:
        return
    receiver = Receiver(settings, services.alarms, services.clock, os.urandom)
    server = Server(receiver, services.seats_max)
    services.hang_ups[CODE] = server.hang_ups
    await server.start()
    try:
        await server.run()
    finally:
        await server.close()


def listens(tables: Tables) -> list[Listener]:
    """The ports that this intake opens; none without its table. Raises IntakeError."""
    settings = taken(tables, CODE, Dc09Settings)
    if settings is None:
        return []
    is_safe = settings.accounts_only and all(each.key for each in settings.account)
    kinds = [each for each, is_on in (("tcp", settings.tcp), ("udp", settings.udp)) if is_on]
    return [Listener(CODE, settings.host, settings.port, each, is_safe) for each in kinds]


class Server:
    """Both sockets of a receiver and all their limits."""

    def __init__(self, receiver: Receiver, seats_max: int = CONNECTIONS_MAX) -> None:
        self.receiver = receiver
        self.settings = receiver.settings
        most = min(self.settings.connections, seats_max)
        self.seats = Seats[Line](most, self.settings.per_address, lambda line: line.hang_up("full"))
        self.lines: set[Line] = set()
        self.hang_ups = HangUps(CODE)
        self.port = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self.hasty = asyncio.Semaphore(HASTY_MAX)
        self.read_into = memoryview(bytearray(READ_MAX))
        self._alive: asyncio.Queue[IncomingAlarm] = asyncio.Queue(ALIVE_QUEUED_MAX)
        self._tcp: asyncio.Server | None = None
        self._udp: asyncio.DatagramTransport | None = None

    async def start(self) -> None:
        """Listen. `port` is the one that was taken. Raises IntakeError when it is in use."""
        loop = asyncio.get_running_loop()
        settings = self.settings
        self.port = settings.port
        try:
            await self._listen(loop, settings)
        except OSError as error:
            where = f"cannot listen on {settings.host} port {settings.port}: {error.strerror}"
            raise IntakeError("bad_value", CODE, where) from error
        log.info("dc09_listens", port=self.port, tcp=settings.tcp, udp=settings.udp)

    async def _listen(self, loop: asyncio.AbstractEventLoop, settings: Dc09Settings) -> None:
        if settings.tcp:
            self._tcp = await loop.create_server(
                lambda: Line(self), settings.host, settings.port, backlog=1024
            )
            self.port = self._tcp.sockets[0].getsockname()[1]
        if settings.udp:
            self._udp, _ = await loop.create_datagram_endpoint(
                lambda: Datagrams(self), (settings.host, self.port)
            )

    async def run(self) -> None:
        """Keep signs of life and hang up on silent connections, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(ALIVE_WORKERS):
                group.create_task(self._keep_alive())
            group.create_task(self._sweep())

    async def close(self) -> None:
        """Stop listening and hang up. What was being kept is finished first."""
        if self._tcp is not None:
            self._tcp.close()
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=5)
        for line in list(self.lines):
            line.hang_up()
        if self._udp is not None:
            self._udp.close()

    def note(self, alive: IncomingAlarm | None) -> None:
        """A sign of life to be kept when there is time."""
        if alive is not None:
            with suppress(asyncio.QueueFull):
                self._alive.put_nowait(alive)

    def spawn(self, work: asyncio.Task[None]) -> None:
        self.tasks.add(work)
        work.add_done_callback(self.tasks.discard)

    async def _keep_alive(self) -> None:
        while True:
            alive = await self._alive.get()
            try:
                await self.receiver.keep_alive(alive)
            except Exception as error:  # a bug behind us: a stranger's poll must not end the node
                log.error("dc09_fails", why=type(error).__name__)

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            now = loop.time()
            for line in list(self.lines):
                if (why := line.late(now)) is not None:
                    line.hang_up(why)
            self.hang_ups.tell(now)


class Line(asyncio.BufferedProtocol):
    """One panel's connection. Its frames are worked one after the other, so that an alarm and its
    end stay in their order."""

    __slots__ = (
        "_begun", "_frames", "_heard", "_is_working", "_server", "_splitter", "_transport",
        "_untaken",
    )  # fmt: skip

    def __init__(self, server: Server) -> None:
        self._server = server
        self._splitter = Splitter()
        self._frames: deque[Frame] = deque()
        self._transport: asyncio.Transport | None = None
        self._is_working = False
        self._heard = self._begun = 0.0
        self._untaken = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._heard = asyncio.get_running_loop().time()
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        server = self._server
        if not server.seats.take(self, address):
            self.hang_up("full")
            return
        server.lines.add(self)
        self._transport.set_write_buffer_limits(UNSENT_MAX)
        watch(transport.get_extra_info("socket"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.lines.discard(self)
        self._server.seats.leave(self)
        self._frames.clear()

    def get_buffer(self, sizehint: int) -> memoryview:
        """One for all lines: what was read is copied before the next is read."""
        return self._server.read_into

    def buffer_updated(self, nbytes: int) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        data = bytes(self._server.read_into[:nbytes])
        now = asyncio.get_running_loop().time()
        was_waiting = self._splitter.is_waiting
        found = self._splitter.feed(data)
        if found or not was_waiting:
            self._begun = now
        if found:
            self._heard = now
        if self._splitter.is_overfull:
            self.hang_up("foreign")
            return
        self._frames.extend(found)
        if self._frames and not self._is_working:
            self._is_working = True
            self._transport.pause_reading()
            self._server.spawn(asyncio.create_task(self._work()))

    def pause_writing(self) -> None:
        """The panel does not read its answers."""
        self.hang_up("unread")

    def late(self, now: float) -> Reason | None:
        """Why no more is waited for it, if so: it was silent, or slow in one frame."""
        settings = self._server.settings
        if self._is_working:
            return None
        if self._splitter.is_waiting and now - self._begun > settings.frame_s:
            return "slow"
        return "silent" if now - self._heard > settings.idle_s else None

    def hang_up(self, why: Reason | None = None) -> None:
        """End it at once. Without a reason it is the node that ends."""
        if self._transport is None or self._transport.is_closing():
            return
        if why is not None:
            self._server.hang_ups.note(why)
        self._transport.abort()

    async def _work(self) -> None:
        transport = self._transport
        assert transport is not None
        try:
            await self._answer_next()
            while self._frames:
                async with self._server.hasty:
                    await self._answer_next()
                await asyncio.sleep(min(self._untaken * UNTAKEN_S, UNTAKEN_MAX_S))
            if not transport.is_closing():
                transport.resume_reading()
        except Exception as error:  # a bug behind us: nothing is acknowledged, the panel calls anew
            log.error("dc09_fails", why=type(error).__name__)
            self._frames.clear()
            self.hang_up("failed")
        finally:
            self._is_working = False

    async def _answer_next(self) -> None:
        if not self._frames:  # the panel has gone meanwhile
            return
        answer = await self._server.receiver.answer(self._frames.popleft())
        self._untaken += 1
        if answer.is_taken:
            self._untaken = 0
        if answer.is_known:
            self._server.seats.prove(self)
        transport = self._transport
        if answer.data is not None and transport is not None and not transport.is_closing():
            transport.write(answer.data)
        self._server.note(answer.alive)


class Datagrams(asyncio.DatagramProtocol):
    """Panels that speak UDP: each datagram has whole frames, and the answer goes to its sender."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None
        self._in_work = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        frames = Splitter().feed(data)[:FRAMES_QUEUED_MAX]
        if not frames or self._in_work >= DATAGRAMS_MAX:
            return
        self._in_work += 1
        self._server.spawn(asyncio.create_task(self._work(frames, addr)))

    async def _work(self, frames: list[Frame], addr: tuple[str, int]) -> None:
        try:
            for frame in frames:
                answer = await self._server.receiver.answer(frame)
                if answer.data is not None and self._transport is not None:
                    self._transport.sendto(answer.data, addr)
                self._server.note(answer.alive)
        except Exception as error:  # a bug behind us: nothing is answered, the panel sends again
            log.error("dc09_fails", why=type(error).__name__)
        finally:
            self._in_work -= 1


__all__ = ["Server", "run"]

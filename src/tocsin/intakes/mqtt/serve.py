"""The sockets that devices connect to, and the clients of a town's brokers. What is acknowledged is
on disk."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable, Coroutine
from typing import Any, Final, cast

import structlog

from tocsin.intakes.mqtt.client import Town
from tocsin.intakes.mqtt.effects import Again, Close, Keep, Message, Note, Outcome, Send
from tocsin.intakes.mqtt.handshakes import BACKLOG, Handshakes, context_of
from tocsin.intakes.mqtt.keeping import Job, Keeper, Share
from tocsin.intakes.mqtt.link import Link
from tocsin.intakes.mqtt.machine import UNANNOUNCED, Check, Limits, Machine, Rights
from tocsin.intakes.mqtt.meanings import CODE, meanings_of
from tocsin.intakes.mqtt.parse import Topics
from tocsin.intakes.mqtt.rights import own
from tocsin.intakes.mqtt.secrets import is_secret
from tocsin.intakes.mqtt.settings import CONNECTIONS_MAX, FAILURES_MAX, MqttSettings
from tocsin.runtime.half_open import watch
from tocsin.runtime.intake_settings import IntakeError, Listener, Tables, taken
from tocsin.runtime.seats import Seats
from tocsin.runtime.services import Services

log = structlog.get_logger("tocsin.intakes.mqtt")

SWEEP_EVERY_S: Final = 1.0
"""How often silent connections, wills and old sessions are looked for."""
UNSENT_MAX: Final = 65_536
"""Bytes that a device does not read; then it is hung up on."""
LAST_WORD_S: Final = 5.0
"""For a last packet to leave, and for TLS to be said goodbye to; then the connection is dropped."""
SHUT_S: Final = 2.0
"""While nothing can be kept nobody is let in, for so long after each attempt."""
FAILURE_WINDOW_S: Final = 60.0
"""Within which failures are counted, and for how long an address is barred then."""
ADDRESSES_MAX: Final = 10_000
"""Addresses whose failures are counted."""
WILL_TRIES: Final = 60
"""Attempts to keep a last will, two seconds apart."""


async def run(services: Services) -> None:
    """Serve devices, and listen to brokers, until cancelled. Without a table `[mqtt]` it does
    nothing. Raises IntakeError when the table is wrong or the port is taken."""
    settings = taken(services.intakes, CODE, MqttSettings)
    if settings is None:
        return
    keeper = Keeper(Topics(meanings_of(settings)), services.alarms)
    server = Server(settings, keeper, services.seats_max)
    towns = [Town(each, keeper, settings) for each in settings.broker]
    if settings.listen:
        await server.start()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(server.run())
            for town in towns:
                group.create_task(town.run())
    finally:
        await server.close()


def listens(tables: Tables) -> list[Listener]:
    """The ports that this intake opens; none without its table, or for a client only. Raises
    IntakeError."""
    settings = taken(tables, CODE, MqttSettings)
    if settings is None or not settings.listen:
        return []
    found: list[Listener] = []
    if settings.port >= 0:
        found.append(Listener(CODE, settings.host, settings.port, "tcp", False))
    if settings.tls_port is not None:
        found.append(Listener(CODE, settings.host, settings.tls_port, "tcp", True))
    return found


def check_of(settings: MqttSettings) -> Check:
    """Who may come in, and with what rights."""
    devices = {each.name: each for each in settings.device}

    def check(user: str, secret: bytes) -> Rights | None:
        device = devices.get(user)
        if device is None or not is_secret(secret, device.secret):
            return None
        name = device.name
        return Rights(name, own(device.publish, name), own(device.subscribe, name))

    return check


def limits_of(settings: MqttSettings) -> Limits:
    return Limits(
        settings.packet_bytes, settings.in_flight, settings.idle_s, settings.session_s,
        settings.connect_s, settings.packet_s,
    )  # fmt: skip


class Server:
    """The sockets of the listener with all their limits."""

    def __init__(
        self, settings: MqttSettings, keeper: Keeper, seats_max: int = CONNECTIONS_MAX
    ) -> None:
        self.settings = settings
        most = min(settings.connections, seats_max)
        self.seats = Seats[Wire](most, settings.per_address, lambda wire: wire.hang_up())
        self.keeper = keeper
        self.machine = Machine(check_of(settings), limits_of(settings), os.urandom)
        self.wires: dict[Link, Wire] = {}
        self.port = self.tls_port = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self._failures: dict[str, tuple[float, int]] = {}
        self._unsent: set[Wire] = set()
        self._listening: list[asyncio.Server | Handshakes] = []
        self._loop = asyncio.get_running_loop()

    async def start(self) -> None:
        """Listen. Raises IntakeError when a port is in use or a certificate cannot be read."""
        settings = self.settings
        if settings.port >= 0:
            self.port = await self._listen(settings.port)
        if settings.tls_port is not None:
            self.tls_port = self._listen_tls(settings.tls_port)
        log.info("mqtt_listens", port=self.port, tls_port=self.tls_port)

    async def _listen(self, port: int) -> int:
        host = self.settings.host
        try:
            made = await self._loop.create_server(lambda: Wire(self), host, port, backlog=BACKLOG)
        except OSError as error:
            raise _taken(host, port, error) from error
        self._listening.append(made)
        return made.sockets[0].getsockname()[1]

    def _listen_tls(self, port: int) -> int:
        settings = self.settings
        assert settings.certificate is not None and settings.key is not None
        try:
            context = context_of(settings.certificate, settings.key)
        except (OSError, ssl.SSLError) as error:
            raise IntakeError("bad_value", CODE, "certificate or key cannot be read") from error
        shaking = Handshakes(
            context, lambda: Wire(self), self.is_barred, settings.connect_s, settings.per_address
        )
        self._listening.append(shaking)
        try:
            return shaking.listen(settings.host, port)
        except OSError as error:
            raise _taken(settings.host, port, error) from error

    async def run(self) -> None:
        """Look after time, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            self.machine.tick(self.now())
            self.act()

    async def close(self) -> None:
        """Stop listening and hang up. What was being kept is finished and answered first."""
        for each in self._listening:
            each.close()
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=5)
        self._flush()
        for wire in list(self.wires.values()):
            wire.is_ending = True
            wire.hang_up()

    def now(self) -> float:
        return self._loop.time()

    def later(self, wait_s: float, work: Callable[[], None]) -> None:
        self._loop.call_later(wait_s, work)

    # -- addresses that fail

    def is_barred(self, address: str) -> bool:
        begun, count = self._failures.get(address, (0.0, 0))
        return count >= FAILURES_MAX and self.now() - begun < FAILURE_WINDOW_S

    def failed(self, address: str) -> None:
        begun, count = self._failures.pop(address, (self.now(), 0))
        if self.now() - begun >= FAILURE_WINDOW_S:
            begun, count = self.now(), 0
        self._failures[address] = begun, count + 1
        if len(self._failures) > ADDRESSES_MAX:
            del self._failures[next(iter(self._failures))]

    # -- what the machine wants

    def act(self) -> None:
        """Does everything the machine wants done."""
        for link, effect in self.machine.drain():
            wire = self.wires.get(link) if link is not None else None
            match effect:
                case Send():
                    if wire is not None:
                        self._send(wire, effect.data)
                case Keep():
                    self._keep(link, effect, wire)
                case Note():
                    self._note(effect)
                case Close():
                    if wire is not None:
                        self._flush()
                        wire.end()
                case Again():
                    if link is not None:
                        self._loop.call_soon(self._go_on, link)

    def _go_on(self, link: Link) -> None:
        link.advance(self.now())
        self.act()
        if link in self.wires:
            self.wires[link].breathe()

    def _send(self, wire: Wire, data: bytes) -> None:
        wire.unsent.append(data)
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.add(wire)

    def _flush(self) -> None:
        """One write for each connection, however many answers it has."""
        unsent, self._unsent = self._unsent, set()
        for wire in unsent:
            wire.write()

    def _keep(self, link: Link | None, effect: Keep, wire: Wire | None) -> None:
        share = wire.share if wire is not None else Share(self.settings.readings)
        work = self.keeper.begin(effect.message, share, self.now())
        if isinstance(work, Job):
            self._spawn(self._work(link, effect.ticket, work))
        elif link is not None and effect.ticket != UNANNOUNCED:
            link.settle(effect.ticket, work, self.now())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _work(self, link: Link | None, ticket: int, job: Job) -> None:
        try:
            outcome = await self.keeper.keep(job, self.now)
            if link is None:
                outcome = await self._insist(job, outcome)
        except Exception as error:  # a bug behind us: nothing is acknowledged, it is sent again
            log.error("mqtt_fails", why=type(error).__name__)
            job.share.is_dead = True
            outcome = Outcome(is_down=True)
        if outcome.is_down:
            self.machine.shut_until = self.now() + SHUT_S
        if link is None:
            return
        link.settle(ticket, outcome, self.now())
        self.act()
        wire = self.wires.get(link)
        if wire is not None:
            wire.breathe()

    async def _insist(self, job: Job, outcome: Outcome) -> Outcome:
        """A last will is not sent again by anybody: it is tried for a while."""
        for _ in range(WILL_TRIES):
            if not outcome.is_down:
                break
            await asyncio.sleep(SHUT_S)
            job.share.is_dead = False
            outcome = await self.keeper.keep(job, self.now)
        return outcome

    def _note(self, effect: Note) -> None:
        message = Message(effect.sender, effect.topic, b"")
        work = self.keeper.refuse(message, Share(1), effect.code, self.now())
        if isinstance(work, Job):
            self._spawn(self._work(None, UNANNOUNCED, work))


def _taken(host: str, port: int, error: OSError) -> IntakeError:
    return IntakeError("bad_value", CODE, f"cannot listen on {host} port {port}: {error.strerror}")


class Wire(asyncio.Protocol):
    """One device's connection."""

    __slots__ = (
        "_address", "_is_paused", "_server", "_transport", "is_ending", "link", "share", "unsent",
    )  # fmt: skip

    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._address = ""
        self._is_paused = False
        self.is_ending = False
        self.link: Link | None = None
        self.share = Share(server.settings.readings)
        self.unsent: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        server = self._server
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        if server.is_barred(address) or not server.seats.take(self, address):
            self._transport.abort()
            return
        self._address = address
        self.link = server.machine.link(server.now())
        server.wires[self.link] = self
        self._transport.set_write_buffer_limits(UNSENT_MAX)
        watch(transport.get_extra_info("socket"))

    def connection_lost(self, exc: Exception | None) -> None:
        server, link = self._server, self.link
        if link is None:
            return
        self.link = None
        server.wires.pop(link, None)
        server.seats.leave(self)
        if self.is_ending:
            link.will = None  # it is we who go: the device is there
        link.lost(server.now())
        server.act()

    def data_received(self, data: bytes) -> None:
        link, server = self.link, self._server
        if link is None or link.is_closed:
            return
        link.feed(data, server.now())
        if link.rights is not None:
            server.seats.prove(self)
        if link.is_closed and link.rights is None and server.machine.shut_until <= server.now():
            server.failed(self._address)
        server.act()
        self.breathe()

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        """The device does not read what it is sent."""
        self.hang_up()

    def breathe(self) -> None:
        """Reads on, or not while too much is in work."""
        transport, link = self._transport, self.link
        if transport is None or link is None or transport.is_closing():
            return
        if link.is_full != self._is_paused:
            self._is_paused = link.is_full
            if self._is_paused:
                transport.pause_reading()
            else:
                transport.resume_reading()

    def write(self) -> None:
        data, self.unsent = b"".join(self.unsent), []
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def end(self) -> None:
        """Hang up after what was written. Who does not take it is not waited for: the other end
        of a half-open connection never would."""
        if self._transport is not None:
            self._transport.close()
            self._server.later(LAST_WORD_S, self.hang_up)

    def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.abort()


__all__ = ["Server", "run"]

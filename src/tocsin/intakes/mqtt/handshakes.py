"""The port that speaks TLS: handshakes have room of their own, before anybody has a seat.

A handshake takes 50 kB until it ends or is given up, and asyncio begins one for whoever connects:
fifteen hundred that were never ended took 70 MB. Here so many are under way at once, and so many
from one address; the rest wait unaccepted. When there is no room, whoever has been at it for longer
than any honest device needs goes first.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import structlog

from tocsin.runtime.seats import Seats

log = structlog.get_logger("tocsin.intakes.mqtt")

AT_ONCE: Final = 256
"""Handshakes under way: 13 MB, and more than a core ends in a quarter of a second."""
SLOW_S: Final = 3.0
"""Given to each however many wait: a device on the slowest radio takes two."""
BACKLOG: Final = 1024
"""Connections that wait unaccepted, in the system's hands: those of a street after a power cut."""
RECORD_BYTES: Final = 16_384
"""What is read at once: one record of TLS (RFC 8446, 5.1)."""
REST_S: Final = 0.1
"""After a connection that could not be accepted for want of descriptors."""


class Tls(SSLProtocol):
    """asyncio's own TLS over whatever loop there is. That of uvloop (0.23) loses 17 kB with every
    handshake that is not ended. `buffer` holds RECORD_BYTES and is shared by all connections of a
    loop: it is filled and emptied within one turn. One for each is 16 kB for each, 160 MB for ten
    thousand devices that say nothing."""

    max_size = RECORD_BYTES

    def __init__(self, buffer: memoryview, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)  # type: ignore[call-arg]
        self._ssl_buffer = self._ssl_buffer_view = buffer


def context_of(certificate: str | Path, key: str | Path) -> ssl.SSLContext:
    """What the port speaks. Raises OSError or ssl.SSLError for files that cannot be read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Forward secrecy, and nothing hidden that is not authenticated (RFC 9325, 4.2).
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.load_cert_chain(certificate, key)
    return context


class Handshakes:
    """One listening port. `make` gives the protocol of a connection, made when its handshake is
    done; `is_barred` says of an address whether it is let in at all."""

    def __init__(
        self,
        context: ssl.SSLContext,
        make: Callable[[], asyncio.Protocol],
        is_barred: Callable[[str], bool],
        waits_s: float,
        per_address: int,
    ) -> None:
        self._context = context
        self._make = make
        self._is_barred = is_barred
        self._waits_s = waits_s
        self._seats = Seats[asyncio.Task[None]](AT_ONCE, per_address, _give_up)
        self._begun: dict[asyncio.Task[None], float] = {}
        self._buffer = memoryview(bytearray(RECORD_BYTES))
        self._left = asyncio.Event()
        self._socket: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._begun)

    def listen(self, host: str, port: int) -> int:
        """Begins; gives the port. Raises OSError when it is taken."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
        listening.setblocking(False)
        self._socket = listening
        self._accepting = asyncio.get_running_loop().create_task(self._accept(listening))
        return listening.getsockname()[1]

    def close(self) -> None:
        """Accepts nobody any more, and gives up what is under way."""
        for task in (self._accepting, *self._begun):
            if task is not None:
                task.cancel()
        if self._socket is not None:
            self._socket.close()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                await self._room()
                made, peer = await loop.sock_accept(listening)
                self._begin(made, str(peer[0]))
            except OSError as trouble:
                log.warning("mqtt_accepts_nobody", error=type(trouble).__name__)
                await asyncio.sleep(REST_S)
            except Exception as bug:  # of ours: the port must not fall silent for it
                log.error("mqtt_fails", why=type(bug).__name__)
                await asyncio.sleep(REST_S)

    def _begin(self, made: socket.socket, address: str) -> None:
        if self._is_barred(address):
            made.close()
            return
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._shake(made))
        self._begun[task] = loop.time()
        task.add_done_callback(self._ended)
        self._seats.take(task, address)

    async def _room(self) -> None:
        """Returns once one more may begin."""
        loop = asyncio.get_running_loop()
        while len(self._begun) >= AT_ONCE:
            oldest, since_s = next(iter(self._begun.items()))
            if (left_s := since_s + SLOW_S - loop.time()) <= 0:
                oldest.cancel()
            self._left.clear()
            try:
                async with asyncio.timeout(max(left_s, REST_S)):
                    await self._left.wait()
            except TimeoutError:
                pass  # the oldest has had its time

    async def _shake(self, made: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        tls = Tls(
            self._buffer, loop, self._make(), self._context, done,
            server_side=True, ssl_handshake_timeout=self._waits_s,
        )  # fmt: skip
        try:
            transport, _ = await loop.connect_accepted_socket(lambda: tls, made)
        except OSError:  # it is gone already
            made.close()
            return
        try:
            await asyncio.wait((done,))
        finally:
            # Asked, not raised: what is raised here holds all of it in a circle, and the collector
            # comes seldom.
            if not done.done() or done.exception() is not None:
                transport.abort()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._begun.pop(task, None)
        self._seats.leave(task)
        self._left.set()
        if not task.cancelled() and (trouble := task.exception()) is not None:
            log.error("mqtt_fails", why=type(trouble).__name__)


def _give_up(task: asyncio.Task[None]) -> None:
    task.cancel()


__all__ = ["BACKLOG", "Handshakes", "context_of"]

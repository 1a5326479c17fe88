"""Handshakes of TLS that are never ended: few at once, and honest devices come in all the same."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from tests.end_to_end.slow_clients import tls
from tests.intakes.alarm_desk import KeptDesk
from tests.intakes.mqtt_help import listening, until
from tests.intakes.test_mqtt_sockets import certificate
from tests.intakes.test_tls import NEW, shake
from tocsin.intakes.mqtt import handshakes
from tocsin.intakes.mqtt.handshakes import Handshakes
from tocsin.intakes.mqtt.serve import Server

STRANGERS = 40


def begin(port: int, number: int) -> socket.socket:
    """A stranger's connection, from one of ten addresses, whose handshake is never ended."""
    made = socket.socket()
    made.settimeout(20)
    made.bind((f"127.41.0.{number % 10 + 1}", 0))
    made.connect(("127.0.0.1", port))
    made.sendall(tls(number)[0])
    return made


def shaking_of(server: Server) -> Handshakes:
    return next(each for each in server._listening if isinstance(each, Handshakes))


async def test_few_are_under_way_and_the_slow_go_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshakes, "AT_ONCE", 6)
    monkeypatch.setattr(handshakes, "SLOW_S", 0.3)
    files = certificate(tmp_path)
    async with listening(KeptDesk(), tls_port=0, certificate=files[0], key=files[1]) as server:
        shaking, port = shaking_of(server), server.tls_port
        strangers = [begin(port, number) for number in range(STRANGERS)]
        most = 0
        honest = asyncio.gather(*(asyncio.to_thread(shake, port, NEW[1]) for _ in range(4)))
        while not honest.done():
            most = max(most, len(shaking))
            await asyncio.sleep(0.01)
        assert all(await honest), "behind strangers, but not for longer than they are given"
        assert most == 6
        for each in strangers:
            each.close()
        await until(lambda: not shaking and not server.wires)


async def test_one_address_has_a_share(tmp_path: Path) -> None:
    files = certificate(tmp_path)
    options = {"tls_port": 0, "certificate": files[0], "key": files[1], "per_address": 3}
    async with listening(KeptDesk(), **options) as server:
        shaking = shaking_of(server)
        strangers = [begin(server.tls_port, 1) for _ in range(12)]
        await until(lambda: len(shaking) == 3)
        strangers.append(begin(server.tls_port, 2))
        await until(lambda: len(shaking) == 4)
        for each in strangers:
            each.close()
        await until(lambda: not shaking)


async def test_an_address_that_failed_too_often_gets_no_handshake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = certificate(tmp_path)
    async with listening(KeptDesk(), tls_port=0, certificate=files[0], key=files[1]) as server:
        assert await asyncio.to_thread(shake, server.tls_port, NEW[1]) is not None
        monkeypatch.setattr(server, "is_barred", lambda address: True)
        monkeypatch.setattr(shaking_of(server), "_is_barred", server.is_barred)
        assert await asyncio.to_thread(shake, server.tls_port, NEW[1]) is None


def live() -> int:
    """Handshakes that take memory, under way or left for the collector."""
    return sum(isinstance(each, ssl.SSLObject) for each in gc.get_objects())


async def strangers_come_and_go(port: int) -> int:
    """How many handshakes are left of forty strangers, while no collector comes."""
    gc.collect()
    before = live()
    gc.disable()
    try:
        strangers = [begin(port, number) for number in range(STRANGERS)]
        await until(lambda: live() > before)
        await asyncio.sleep(0.3)
        for each in strangers:
            each.close()
        await asyncio.sleep(0.7)
        return live() - before
    finally:
        gc.enable()


async def test_nothing_is_left_of_a_handshake_that_was_not_ended(tmp_path: Path) -> None:
    files = certificate(tmp_path)
    async with listening(KeptDesk(), tls_port=0, certificate=files[0], key=files[1]) as server:
        assert await strangers_come_and_go(server.tls_port) <= 0


async def test_what_is_left_of_handshakes_is_found(tmp_path: Path) -> None:
    """The planted fault: a listener that raises what became of them where it holds them."""
    loop = asyncio.get_running_loop()
    context = handshakes.context_of(*certificate(tmp_path))
    buffer = memoryview(bytearray(handshakes.RECORD_BYTES))

    async def shake_hands(made: socket.socket) -> None:
        done: asyncio.Future[None] = loop.create_future()
        tls = handshakes.Tls(buffer, loop, asyncio.Protocol(), context, done, server_side=True)
        await loop.connect_accepted_socket(lambda: tls, made)
        with suppress(OSError):
            await done

    async def accept(listener: socket.socket) -> None:
        while True:
            made, _ = await loop.sock_accept(listener)
            tasks.append(loop.create_task(shake_hands(made)))

    tasks: list[asyncio.Task[None]] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        tasks.append(loop.create_task(accept(listener)))
        assert await strangers_come_and_go(listener.getsockname()[1]) > 0
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_listener_without_room_of_their_own_is_found(tmp_path: Path) -> None:
    """The planted fault: asyncio's own listener begins them all."""
    files = certificate(tmp_path)
    context = handshakes.context_of(*files)
    begun = 0

    class Counted(asyncio.Protocol):
        def __init__(self) -> None:
            nonlocal begun
            begun += 1

    loop = asyncio.get_running_loop()
    server = await loop.create_server(Counted, "127.0.0.1", 0, ssl=context)
    strangers = [begin(server.sockets[0].getsockname()[1], number) for number in range(STRANGERS)]
    await until(lambda: begun == STRANGERS)
    for each in strangers:
        each.close()
    server.close()

"""Peers behind which nobody is any more, at every listener for devices over MQTT: the other system
holds the connection, and nothing is said, read or answered. Each is closed by a limit."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from pathlib import Path

import pytest

from tests.intakes.alarm_desk import KeptDesk
from tests.intakes.mqtt_help import SECRET, Wired, listening, until
from tests.intakes.test_mqtt_sockets import certificate
from tocsin.intakes.mqtt import codec, serve
from tocsin.runtime.half_open import KEEPALIVE_IDLE_S, KEEPALIVE_SPREAD_S

HELLO = codec.encode(
    codec.Connect(
        client_id="c1", clean_session=True, keepalive=1, username="school-3",
        password=SECRET.encode(),
    ),
    "3.1.1",
)  # fmt: skip


def held(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port))


def held_tls(port: int, authority: Path) -> ssl.SSLSocket:
    """Over TLS, and never read: so not even the goodbye of TLS is answered."""
    context = ssl.create_default_context(cafile=authority)
    return context.wrap_socket(held(port), server_hostname="localhost")


async def test_devices_that_came_at_once_are_not_asked_at_once():
    async with listening(KeptDesk()) as server:
        peers = [held(server.port) for _ in range(2 * KEEPALIVE_SPREAD_S)]
        await until(lambda: len(server.wires) == len(peers))
        asked = Counter[int]()
        for wire in server.wires.values():
            assert wire._transport is not None
            theirs: socket.socket = wire._transport.get_extra_info("socket")
            assert theirs.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            asked[theirs.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)] += 1
        for each in peers:
            each.close()
    assert max(asked.values()) <= 6 and len(asked) >= KEEPALIVE_SPREAD_S // 2, asked
    assert all(0 <= each - KEEPALIVE_IDLE_S < KEEPALIVE_SPREAD_S for each in asked)


async def test_half_open_devices_are_closed():
    async with listening(KeptDesk(), connect_s=0.5, packet_s=0.5) as server:
        silent, begun, known = (held(server.port) for _ in range(3))
        begun.sendall(HELLO[: len(HELLO) // 2])
        known.sendall(HELLO)
        await until(lambda: len(server.wires) == 3)
        await until(lambda: not server.wires and not server.seats.addresses)
        for each in (silent, begun, known):
            each.close()


async def test_half_open_devices_over_tls_are_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(serve, "LAST_WORD_S", 0.5)
    files = certificate(tmp_path)
    limits = {"tls_port": 0, "certificate": files[0], "key": files[1], "connect_s": 0.5}
    async with listening(KeptDesk(), packet_s=0.5, **limits) as server:
        # No word of TLS: the handshake has the limit of the greeting.
        stranger = held(server.tls_port)
        stranger.setblocking(False)
        async with asyncio.timeout(20):
            loop = asyncio.get_running_loop()
            try:
                assert await loop.sock_recv(stranger, 1) == b""
            except ConnectionError:
                pass
        stranger.close()
        silent, begun, known = [
            await asyncio.to_thread(held_tls, server.tls_port, files[0]) for _ in range(3)
        ]
        begun.sendall(HELLO[: len(HELLO) // 2])
        known.sendall(HELLO)
        # Without a limit of our own the goodbye of TLS would be waited for, half a minute.
        await until(lambda: not server.wires and not server.seats.addresses, 15)
        for each in (silent, begun, known):
            each.close()


async def test_a_device_that_is_there_stays():
    """The same limits, and one that says each second that it is there."""
    async with listening(KeptDesk(), connect_s=0.5, packet_s=0.5) as server:
        wired = await Wired.open(server.port, keepalive=1)
        assert isinstance(await wired.hear(), codec.ConnAck)
        for _ in range(6):
            wired.say(codec.PingReq())
            assert isinstance(await wired.hear(), codec.PingResp)
            await asyncio.sleep(0.5)
        assert len(server.wires) == 1
        wired.writer.close()

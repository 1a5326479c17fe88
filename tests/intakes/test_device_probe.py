"""Devices are asked for a head and nothing else, only where the operator allows it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

from tests.intakes.alarm_desk import KeptDesk
from tocsin.app.outgoing import HEAD_BYTES_MAX, Caller
from tocsin.intakes.device_probe.serve import Asking, Probed, ask
from tocsin.runtime.outgoing import Networks, Rules

HERE = (ip_network("127.0.0.0/8"),)
AWAY = (ip_network("10.0.0.0/8"),)


@asynccontextmanager
async def camera(answer: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A device that says `answer` to whatever comes; what it was asked, and by how many."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        try:
            await reader.read()  # until the other side hangs up
        except ConnectionError:
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], asked
    finally:
        server.close()


def asking(networks: Networks, desk: KeptDesk | None = None) -> Asking:
    return Asking(Caller(Rules()), networks, desk or KeptDesk())


def device(port: int) -> Probed:
    return Probed("cam-7", f"http://127.0.0.1:{port}/picture.jpg", 60)


async def test_a_head_is_asked_for_and_no_body_is_read() -> None:
    body = b"PICTURE-CANARY" * 200
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    async with camera(answer) as (port, asked):
        desk = KeptDesk()
        assert await ask(device(port), asking(HERE, desk))
    assert [each.split(b"\r\n")[0] for each in asked] == [b"HEAD /picture.jpg HTTP/1.1"]
    assert desk.told == [("cam-7", "", "heard")]
    assert "CANARY" not in repr(desk.kept)


async def test_nothing_is_connected_to_outside_the_networks() -> None:
    async with camera(b"HTTP/1.1 200 OK\r\n\r\n") as (port, asked):
        for networks in (AWAY, ()):
            assert not await ask(device(port), asking(networks))
            named = Probed("cam-7", f"http://localhost:{port}/", 60)
            assert not await ask(named, asking(networks))
        for url in (f"http://u:p@127.0.0.1:{port}/", "ftp://127.0.0.1/", "file:///etc/passwd"):
            assert not await ask(Probed("cam-7", url, 60), asking(HERE))
    assert asked == []


async def test_no_redirect_is_followed() -> None:
    async with camera(b"HTTP/1.1 200 OK\r\n\r\n") as (other, theirs):
        moved = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:%d/\r\n\r\n" % other
        async with camera(moved) as (port, asked):
            assert await ask(device(port), asking(HERE)), "who redirects is there"
    assert len(asked) == 1 and theirs == []


async def test_who_is_not_well_is_not_heard() -> None:
    endless = b"HTTP/1.1 200 OK\r\nx: " + b"y" * 4 * HEAD_BYTES_MAX
    for answer in (b"HTTP/1.1 503 No\r\n\r\n", b"hello\r\n\r\n", endless):
        async with camera(answer) as (port, _):
            desk = KeptDesk()
            assert not await ask(device(port), asking(HERE, desk)) and desk.kept == []
    assert not await ask(device(1), asking(HERE)), "nobody is there"
    async with camera(b"HTTP/1.1 200 OK\r\n\r\n") as (port, _):
        assert not await ask(device(port), asking(HERE, KeptDesk(is_down=True)))

"""The guarded protocol on a real socket, fed by hand: what comes in which piece is ours to say."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

PATIENCE_S = 20.0  # when a test gives up; not a measurement


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Tells what was asked. `/early` does not read the body, `/slow` takes its time, `/stream` goes
    on for as long as there is somebody, `/large` tells much; `/204` and `/304` have those statuses.
    """
    path = scope["path"]
    body, is_more = b"", path not in ("/early", "/stream")
    while is_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        is_more = message["more_body"]
    if path == "/slow":
        for _ in range(5):
            await asyncio.sleep(0)
    if path == "/stream":
        await _stream(receive, send)
        return
    status = int(path[1:]) if path[1:].isdigit() else 200
    told = f"{scope['method']} {path} {len(body)} {hashlib.sha256(body).hexdigest()[:12]}\n"
    text = b"" if status in (204, 304) else told.encode() * (8_000 if path == "/large" else 1)
    headers = [] if status in (204, 304) else [(b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})


async def _stream(receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})

    async def beat() -> None:
        while True:
            await send({"type": "http.response.body", "body": b"beat\n", "more_body": True})
            await asyncio.sleep(0.001)

    beating = asyncio.create_task(beat())
    while (await receive())["type"] != "http.disconnect":
        pass
    beating.cancel()


class Wire:
    """One connection: the server's end is a protocol of the class given, ours is plain bytes."""

    def __init__(self, protocol: HttpToolsProtocol, ours: socket.socket) -> None:
        self.protocol = protocol
        self.ours = ours

    async def feed(self, piece: bytes) -> None:
        """As the loop would: not while the protocol wants nothing."""
        async with asyncio.timeout(PATIENCE_S):
            while self.protocol.flow.read_paused and not self.is_over:
                await asyncio.sleep(0)
        if not self.is_over:
            self.protocol.data_received(piece)

    @property
    def is_over(self) -> bool:
        return self.protocol.transport.is_closing()

    async def read(self, size: int) -> bytes:
        """So many bytes of what was answered, or all until the end."""
        loop, found = asyncio.get_running_loop(), b""
        async with asyncio.timeout(PATIENCE_S):
            while len(found) < size:
                piece = await loop.sock_recv(self.ours, min(size - len(found), 65_536))
                if not piece:
                    break
                found += piece
        return found

    def close(self) -> None:
        self.ours.close()


async def wire(kind: type[HttpToolsProtocol], state: ServerState) -> Wire:
    """A connection of its own to a server of `kind`."""
    config = uvicorn.Config(cast(Any, app), lifespan="off", log_config=None, ws="none")
    config.load()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    loop = asyncio.get_running_loop()
    _, protocol = await loop.connect_accepted_socket(lambda: kind(config, state, {}), theirs)
    return Wire(protocol, ours)

"""HTTP/1.1 over kept connections, as little of it as the demo's hundreds of people need.

A general client costs several milliseconds a request on a busy machine, more than the node takes
to answer; the town would wait for itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import httptools

LIMIT_BYTES: Final = 64 * 2**20
"""The longest answer that is read: a page of cases is a hundredth of it."""
CHUNK_BYTES: Final = 256 * 2**10


class Lost(ConnectionError):
    """The connection ended, or the answer did not come in time."""


class _Reply:
    """One response, filled by the parser's callbacks."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.is_complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        # The first of several: of the node's cookies it is the session.
        self.headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))

    def on_body(self, data: bytes) -> None:
        self.body += data
        if len(self.body) > LIMIT_BYTES:
            raise Lost("the answer is too long")

    def on_message_complete(self) -> None:
        self.is_complete = True


class Wire:
    """A pool of connections to one node."""

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        self._host = host
        self._port = port
        self._timeout_s = timeout_s
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """(status, headers in small letters, body). Raises `Lost`; a connection that the node
        closed while it was idle is replaced once."""
        lines = [f"{method} {path} HTTP/1.1", f"host: {self._host}:{self._port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body or method != "GET":
            lines.append(f"content-length: {len(body)}")
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        try:
            async with asyncio.timeout(self._timeout_s):
                while self._idle:
                    try:
                        return await self._exchange(*self._idle.pop(), head + body)
                    except _Stale:
                        continue
                reader, writer = await asyncio.open_connection(self._host, self._port)
                return await self._exchange(reader, writer, head + body)
        except (OSError, TimeoutError, httptools.HttpParserError, _Stale) as error:
            raise Lost(type(error).__name__) from error

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        reply = _Reply()
        parser = httptools.HttpResponseParser(reply)
        is_kept = False
        try:
            writer.write(data)
            await writer.drain()
            is_first = True
            while not reply.is_complete:
                received = await reader.read(CHUNK_BYTES)
                if not received:
                    raise _Stale if is_first else Lost("the answer broke off")
                is_first = False
                parser.feed_data(received)
            is_kept = parser.should_keep_alive()
        except ConnectionResetError as error:
            raise _Stale from error
        finally:
            if is_kept:
                self._idle.append((reader, writer))
            else:
                writer.close()
        return parser.get_status_code(), reply.headers, bytes(reply.body)

    async def close(self) -> None:
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()


class _Stale(Exception):
    """The node had closed this connection before it saw the request."""


BOUNDARY: Final = "tocsin-demo-7d1c5a"


def multipart(
    fields: list[tuple[str, str]], file: tuple[str, str, bytes, str]
) -> tuple[str, bytes]:
    """(content type, body) of a form with one file: (field, file name, data, media type)."""
    parts: list[bytes] = []
    for name, value in fields:
        head = f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n'
        parts.append(head.encode() + value.encode() + b"\r\n")
    name, file_name, data, media_type = file
    head = (
        f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"; filename="{file_name}"'
        f"\r\ncontent-type: {media_type}\r\n\r\n"
    )
    parts.append(head.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode())
    return f"multipart/form-data; boundary={BOUNDARY}", b"".join(parts)

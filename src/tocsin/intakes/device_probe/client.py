"""A client that asks for the head of a page and reads nothing else.

Connects only to addresses within the networks that the operator named, decided after the name was
resolved and for the very address that is connected to; follows nothing; keeps nothing.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

HEAD_MAX: Final = 8_192
"""Bytes of a head; a device that says more is hung up on."""
WAIT_S: Final = 10.0
"""For the whole question: a device that needs longer counts as silent this time."""

Networks = Sequence[IPv4Network | IPv6Network]


class NotAllowed(Exception):
    """The host lies outside the networks, or the address is none that is asked."""


async def head_of(url: str, networks: Networks) -> bytes:
    """The head of the answer to HEAD, up to its blank line; b"" where it never came whole. Raises
    NotAllowed, OSError, TimeoutError."""
    parts = urlsplit(url)
    host, is_secure = parts.hostname, parts.scheme == "https"
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        raise NotAllowed("http or https, without a user")
    port = parts.port or (443 if is_secure else 80)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if any(each in path + host for each in "\r\n\0 "):
        raise NotAllowed("blanks in the address")
    async with asyncio.timeout(WAIT_S):
        address = await _allowed(host, port, networks)
        context = ssl.create_default_context() if is_secure else None
        reader, writer = await asyncio.open_connection(
            address, port, ssl=context, server_hostname=host if is_secure else None, limit=HEAD_MAX
        )
        try:
            lines = (f"HEAD {path} HTTP/1.1", f"host: {parts.netloc}", "connection: close")
            writer.write("\r\n".join((*lines, "", "")).encode())
            await writer.drain()
            return await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return b""
        finally:
            writer.transport.abort()
            with suppress(OSError, ssl.SSLError):
                await writer.wait_closed()


async def _allowed(host: str, port: int, networks: Networks) -> str:
    """The first address of the host that lies within the networks. Raises NotAllowed."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for *_, where in found:
        address = ip_address(str(where[0]))
        if any(address in network for network in networks if network.version == address.version):
            return str(where[0])
    raise NotAllowed("outside the networks")

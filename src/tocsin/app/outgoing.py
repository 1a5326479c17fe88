"""The one caller of the node: resolves once, checks what came, connects to that very address.

A name that says something else at the next look (DNS rebinding) changes nothing, since there is no
next look. One connection a call: nothing is kept open that was checked for another host. Proxies
of the environment are not used.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from functools import cached_property
from ipaddress import ip_network
from typing import Final

import httptools

from tocsin.app.settings import Settings
from tocsin.runtime.outgoing import (
    CallAnswer,
    CallRefused,
    Networks,
    Rules,
    Target,
    check_header,
    is_allowed,
    may_name,
    target_of,
)

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a host, the best first."""
CLIENT: Final = "tocsin"
"""How this node names itself."""
HEAD_BYTES_MAX: Final = 32_768
"""All headers of an answer together."""
TRIED_MAX: Final = 3
"""Addresses of one host that are tried, one after the other."""
CHUNK_BYTES: Final = 65_536
"""Of an answer that are read at once."""


class Caller:
    """`runtime.outgoing.Outgoing`, on real sockets."""

    def __init__(
        self, rules: Rules, resolve: Resolve | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.rules = rules
        self._resolve = resolve or resolved
        self._given = tls

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._given or ssl.create_default_context()

    async def ask(
        self,
        method: str,
        url: str,
        *,
        hosts: Collection[str] = (),
        networks: Networks | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        limit: int,
        timeout_s: float,
    ) -> CallAnswer:
        """See `Outgoing.ask`."""
        target = target_of(url)
        if not may_name(target.host, hosts, self.rules):
            raise CallRefused("elsewhere")
        asked = _question(method, target, headers or {}, content)
        async with asyncio.timeout(timeout_s):
            reader, writer = await self._connect(target, networks)
            try:
                writer.write(asked)
                await writer.drain()
                return await _answer(reader, method, limit)
            finally:
                writer.transport.abort()
                with suppress(OSError, ssl.SSLError):
                    await writer.wait_closed()

    async def _connect(
        self, target: Target, networks: Networks | None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        found = await self._resolve(target.host, target.port)
        allowed = [each for each in found if is_allowed(each, networks, self.rules)]
        if not allowed:
            raise CallRefused("private" if found else "unknown_host")
        tls = self._tls if target.is_secure else None
        trouble: OSError = CallRefused("unknown_host")
        for address in allowed[:TRIED_MAX]:
            try:
                return await asyncio.open_connection(
                    address, target.port, ssl=tls,
                    server_hostname=target.host if tls is not None else None,
                )  # fmt: skip
            except OSError as error:
                trouble = error
        raise trouble


async def resolved(host: str, port: int) -> list[str]:
    """What the machine's resolver says of a host. Raises CallRefused where it knows none."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise CallRefused("unknown_host") from None
    return list(dict.fromkeys(str(where[0]) for *_, where in found))


def _question(method: str, target: Target, headers: Mapping[str, str], content: bytes) -> bytes:
    given = {
        "host": target.shown,
        "user-agent": CLIENT,
        "accept": "*/*",
        **{name.lower(): value for name, value in headers.items()},
        # So that what is counted is what arrives.
        "accept-encoding": "identity",
        "connection": "close",
    }
    if content or method not in ("GET", "HEAD"):
        given["content-length"] = str(len(content))
    for name, value in given.items():
        check_header(name, value)
    if not (method.isascii() and method.isalpha() and method.isupper()):
        raise CallRefused("headers")
    lines = [f"{method} {target.path} HTTP/1.1", *(f"{k}: {v}" for k, v in given.items()), "", ""]
    return "\r\n".join(lines).encode("ascii") + content


class _Reply:
    """One answer, filled by the parser; None as a limit leaves out the body."""

    def __init__(self, limit: int | None) -> None:
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.is_head_read = False
        self.is_complete = False
        self.fault = ""
        self._limit = limit
        self._room = HEAD_BYTES_MAX

    def on_header(self, name: bytes, value: bytes) -> None:
        self._room -= len(name) + len(value)
        if self._room < 0:
            self.fault = self.fault or "headers"
            return
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1").strip()

    def on_headers_complete(self) -> None:
        self.is_head_read = True
        if self.headers.get("content-encoding", "identity").lower() != "identity":
            self.fault = self.fault or "compressed"

    def on_body(self, data: bytes) -> None:
        if self._limit is None:
            return
        if len(self.body) + len(data) > self._limit:
            self.fault = self.fault or "too_large"
            return
        self.body += data

    def on_message_complete(self) -> None:
        self.is_complete = True


async def _answer(reader: asyncio.StreamReader, method: str, limit: int) -> CallAnswer:
    is_head = method == "HEAD"
    reply = _Reply(None if is_head else limit)
    parser = httptools.HttpResponseParser(reply)
    head = 0
    while not reply.is_complete:
        data = await reader.read(CHUNK_BYTES)
        if not data:
            break
        try:
            parser.feed_data(data)
        except httptools.HttpParserError:
            if not (reply.is_complete or (is_head and reply.is_head_read)):
                raise CallRefused("garbage") from None
        head += 0 if reply.is_head_read else len(data)
        if reply.fault or head > HEAD_BYTES_MAX:
            raise CallRefused(reply.fault or "headers")
        if reply.is_head_read and is_head:
            break  # nothing follows, whatever the headers say
    if not reply.is_head_read:
        raise CallRefused("garbage")
    is_counted = "content-length" in reply.headers or "transfer-encoding" in reply.headers
    if not is_head and not reply.is_complete and is_counted:
        raise CallRefused("garbage")  # it broke off
    return CallAnswer(parser.get_status_code(), reply.headers, bytes(reply.body))


def caller_of(settings: Settings) -> Caller:
    """The caller with what the operator allows."""
    hosts = frozenset(each.lower().rstrip(".") for each in settings.outgoing_hosts)
    return Caller(Rules(hosts, tuple(ip_network(each) for each in settings.outgoing_networks)))

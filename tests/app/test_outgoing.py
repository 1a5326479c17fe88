"""The one caller on real sockets, and the ways in which an address tries to be another one."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.app.outgoing import HEAD_BYTES_MAX, Caller, resolved
from tocsin.runtime.outgoing import (
    CallAnswer,
    CallRefused,
    Rules,
    is_allowed,
    is_public,
    target_of,
)

LOOPBACK = (ip_network("127.0.0.0/8"),)
OPEN = Rules(networks=LOOPBACK)
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


@asynccontextmanager
async def server(
    answer: bytes, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[int, list[bytes]]]:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        writer.close()

    listening = await asyncio.start_server(serve, host, 0, ssl=tls)
    try:
        yield listening.sockets[0].getsockname()[1], asked
    finally:
        listening.close()


async def ask(caller: Caller, url: str, method: str = "GET", limit: int = 1_000) -> CallAnswer:
    return await caller.ask(method, url, limit=limit, timeout_s=10)


async def refused(caller: Caller, url: str) -> str:
    with pytest.raises(CallRefused) as found:
        await ask(caller, url)
    return found.value.reason


async def test_an_allowed_address_is_asked_once_and_plainly() -> None:
    async with server(OK) as (port, asked):
        answer = await ask(Caller(OPEN), f"http://127.0.0.1:{port}/a?b=1")
        assert (answer.status, answer.body) == (200, b"hi")
    (said,) = asked
    assert said.startswith(f"GET /a?b=1 HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n".encode())
    assert b"accept-encoding: identity" in said and b"connection: close" in said


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0",
        "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[0:0:0:0:0:0:0:1]",
        "localhost.", "LOCALHOST",
    ],
)  # fmt: skip
async def test_no_spelling_of_this_machine_is_called(host: str) -> None:
    async with server(OK) as (port, asked):
        reason = await refused(Caller(Rules()), f"http://{host}:{port}/")
        assert reason in ("private", "unknown_host", "address"), reason
    assert asked == []


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "169.254.169.254",
        "100.100.100.200", "192.0.0.192", "168.63.129.16", "0.0.0.0", "255.255.255.255",
        "224.0.0.1", "198.18.0.1", "192.0.2.1", "fe80::1", "fd00:ec2::254", "fc00::1", "ff02::1",
        "fec0::1", "::", "::1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "2002:7f00:1::",
        "2002:0a00:0001::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
        "2001:db8::1", "2001:0:4136:e378:8000:63bf:f5ff:fffe", "not-an-address", "",
        "fe80::1%lo",
    ],
)  # fmt: skip
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not is_allowed(address, None, Rules())


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07::1", "::ffff:8.8.8.8",
                "172.32.0.1", "100.128.0.1", "11.0.0.1"],
)  # fmt: skip
def test_what_is_public_is_called(address: str) -> None:
    assert is_allowed(address, None, Rules())
    assert not is_allowed(address, LOOPBACK, Rules()), "the caller's own networks are the only ones"


@given(st.integers(0, 2**32 - 1))
def test_a_hidden_address_is_judged_as_itself(number: int) -> None:
    """Mapped, 6to4 and NAT64 are public exactly where the address inside is."""
    plain = is_public(ip_address(number))
    assert is_public(ip_address((0xFFFF << 32) | number)) == plain
    assert is_public(ip_address((0x2002 << 112) | number << 80)) == plain
    assert is_public(ip_address((0x64FF9B << 96) | number)) == plain


@given(st.integers(0, 2**32 - 1))
def test_the_table_is_no_wider_than_the_standard_library(number: int) -> None:
    """An oracle: what Python knows as private is never public here."""
    address = ip_address(number)
    if address.is_private or address.is_multicast or address.is_reserved or address.is_loopback:
        assert not is_public(address)


async def test_a_name_that_changes_its_mind_is_asked_once() -> None:
    """Rebinding: the second look would lead to this machine; there is no second look."""
    looks: list[str] = []

    async def rebinding(host: str, port: int) -> list[str]:
        looks.append(host)
        return ["127.0.0.2"] if len(looks) == 1 else ["127.0.0.1"]

    allowed = Rules(networks=(ip_network("127.0.0.2/32"),))
    async with server(OK, "127.0.0.2") as (port, good):
        answer = await ask(Caller(allowed, rebinding), f"http://feed.example:{port}/")
        assert answer.body == b"hi" and len(good) == 1
    assert looks == ["feed.example"]
    assert await refused(Caller(allowed, rebinding), f"http://feed.example:{port}/") == "private"


async def test_a_caller_that_looks_twice_would_be_found() -> None:
    """The planted bug of the test before: check one look, connect by another."""

    class Twice(Caller):
        async def _connect(self, target, networks):  # type: ignore[no-untyped-def]
            found = await self._resolve(target.host, target.port)
            assert any(is_allowed(each, networks, self.rules) for each in found)
            again = await self._resolve(target.host, target.port)
            return await asyncio.open_connection(again[0], target.port)

    looks: list[str] = []

    async def rebinding(host: str, port: int) -> list[str]:
        looks.append(host)
        return ["93.184.215.14"] if len(looks) == 1 else ["127.0.0.1"]

    async with server(OK) as (port, reached):
        await ask(Twice(Rules(), rebinding), f"http://feed.example:{port}/")
        assert len(reached) == 1, "the bug reaches this machine"
        looks.clear()
        with pytest.raises(OSError):
            await Caller(Rules(), rebinding).ask(
                "GET", f"http://feed.example:{port}/", limit=10, timeout_s=0.3
            )
        assert len(reached) == 1 and looks == ["feed.example"]


async def test_of_many_addresses_only_allowed_ones_are_connected_to() -> None:
    async def mixed(host: str, port: int) -> list[str]:
        return ["127.0.0.1", "::ffff:127.0.0.1", "127.0.0.2"]

    async with server(OK, "127.0.0.1") as (port, bad):
        caller = Caller(Rules(networks=(ip_network("127.0.0.2/32"),)), mixed)
        with pytest.raises(OSError):
            await ask(caller, f"http://feed.example:{port}/")
    assert bad == []


async def test_no_redirect_is_followed() -> None:
    async with server(OK) as (inner, reached):
        moved = f"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{inner}/\r\n"
        async with server(moved.encode() + b"content-length: 0\r\n\r\n") as (port, _):
            assert (await ask(Caller(OPEN), f"http://127.0.0.1:{port}/")).status == 302
    assert reached == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n" + b"x" * 2000, "too_large"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2000, "too_large"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"7d0\r\n" + b"x" * 2000,
         "too_large"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 2 * HEAD_BYTES_MAX + b"\r\n\r\n", "headers"),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\nx", "compressed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nshort", "garbage"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "garbage"),
        (b"", "garbage"),
    ],
)  # fmt: skip
async def test_an_answer_that_is_none_is_not_taken(answer: bytes, reason: str) -> None:
    async with server(answer) as (port, _):
        assert await refused(Caller(OPEN), f"http://127.0.0.1:{port}/") == reason


async def test_who_never_ends_is_left() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    with pytest.raises(TimeoutError):
        await Caller(OPEN).ask("GET", f"http://127.0.0.1:{port}/", limit=10, timeout_s=0.2)
    listening.close()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://feed.example/", "file:///etc/passwd", "gopher://feed.example/", "//feed.example/",
        "http://", "http://u:p@feed.example/", "http://@feed.example/", "http://a b/",
        "http://feed.example:0/", "http://feed.example:99999/", "http://feed.example:x/",
        "http://feed.example/a b", "http://feed.example/\r\nhost: x", "http://feed.example\\@evil/",
        "http://fe\u2024ed.example/", "http://[fe80::1%25lo]/", "http://[::1/", "http://-feed/",
        "http://feed.example/" + "a" * 2_000, "http://\uff11\uff12\uff17.0.0.1/",
    ],
)  # fmt: skip
def test_an_address_with_tricks_is_none(url: str) -> None:
    with pytest.raises(CallRefused):
        target_of(url)


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    for url in (text, f"http://{text}", f"https://feed.example/{text}"):
        try:
            target = target_of(url)
        except CallRefused:
            continue
        assert target.host and target.path.startswith(("/", "?")) and 0 < target.port < 65_536
        assert not set(target.path + target.host + target.shown) & set("\r\n\0 @\\")


async def test_a_header_is_one_header() -> None:
    for name, value in (("x", "a\r\nhost: evil"), ("x: y\r\nz", "a"), ("x", "\0")):
        with pytest.raises(CallRefused, match="headers"):
            await Caller(OPEN).ask(
                "GET", "http://127.0.0.1:1/", headers={name: value}, limit=1, timeout_s=1
            )


async def test_only_named_hosts_are_called() -> None:
    async def here(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async with server(OK) as (port, asked):
        only = Rules(frozenset(("feed.example",)), LOOPBACK)
        url = f"http://feed.example:{port}/"
        await Caller(only, here).ask("GET", url, limit=9, timeout_s=9)
        await Caller(only, here).ask("GET", url, hosts=("FEED.example.",), limit=9, timeout_s=9)
        for hosts in ((), ("other.example",)):
            with pytest.raises(CallRefused, match="elsewhere"):
                await Caller(only, here).ask(
                    "GET", f"http://other.example:{port}/", hosts=hosts, limit=9, timeout_s=9
                )
        with pytest.raises(CallRefused, match="elsewhere"):
            await Caller(only, here).ask("GET", url, hosts=("a.example",), limit=9, timeout_s=9)
    assert len(asked) == 2


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with server(OK) as (proxy, through), server(OK) as (port, asked):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        await ask(Caller(OPEN), f"http://127.0.0.1:{port}/")
    assert len(asked) == 1 and through == []


async def test_a_pinned_address_must_show_the_name_s_certificate(tmp_path: Path) -> None:
    """TLS is checked for the name, though the number is dialled."""
    pem = tmp_path / "server.pem"
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=x"
    subprocess.run(
        ["openssl", *command.split(), "-keyout", pem, "-out", tmp_path / "cert.pem",
         "-addext", "subjectAltName=DNS:feed.example"],
        check=True, capture_output=True,
    )  # fmt: skip
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(tmp_path / "cert.pem", pem)
    ours = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))

    async def here(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async with server(OK, tls=theirs) as (port, _):
        caller = Caller(OPEN, here, ours)
        assert (await ask(caller, f"https://feed.example:{port}/")).status == 200
        with pytest.raises(ssl.SSLCertVerificationError):
            await ask(caller, f"https://other.example:{port}/")
        with pytest.raises(ssl.SSLCertVerificationError):
            await ask(Caller(OPEN, here), f"https://feed.example:{port}/")


async def test_a_name_that_nobody_knows_is_told() -> None:
    with pytest.raises(CallRefused, match="unknown_host"):
        await resolved("nowhere.invalid", 80)

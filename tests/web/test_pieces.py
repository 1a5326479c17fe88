"""The same bytes in whatever pieces get the same answers in the same order; and what the guard
holds for a connection it gives back, however that ends."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, cast

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from tests.web.wire import PATIENCE_S, Wire, wire
from tocsin.web.guard import TURNS_MAX, Guard
from tocsin.web.guard_limits import GuardLimits
from tocsin.web.guarded import GuardedProtocol, guarded_protocol

BLANK = b"a\r\n\r\n\n\nGET /no HTTP/1.1\r\nhost: x\r\n\r\n"
"""What a body may hold that looks like the end of a head, and like another request."""


def _chunked(body: bytes, size: int, *, has_trailer: bool) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    told = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return told + (b"0\r\nx-sum: 1\r\n\r\n" if has_trailer else b"0\r\n\r\n")


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Every shape that an honest client may give a request."""
    path = draw(st.sampled_from(["/", "/early", "/slow", "/204", "/304", "/large", "/404"]))
    kind = draw(st.sampled_from(["GET", "HEAD", "length", "chunked", "expect", "empty"]))
    before = draw(st.sampled_from([b"", b"", b"\r\n"]))
    method = kind if kind in ("GET", "HEAD") else "POST"
    head = before + f"{method} {path} HTTP/1.1\r\nhost: x\r\n".encode()
    if kind in ("GET", "HEAD"):
        return head + b"\r\n"
    unit = draw(st.sampled_from([b"b", BLANK, b"\n\n", b"0\r\n\r\n"]))
    body = b"" if kind == "empty" else unit * draw(st.integers(1, 300))
    if kind == "chunked":
        size, has_trailer = draw(st.integers(1, 500)), draw(st.booleans())
        told = _chunked(body, size, has_trailer=has_trailer)
        return head + b"transfer-encoding: chunked\r\n\r\n" + told
    if kind == "expect":
        head += b"Expect: 100-continue\r\n"
    return head + b"content-length: %d\r\n\r\n" % len(body) + body


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted({each % (len(data) + 1) for each in cuts} | {0, len(data)})
    return [data[a:b] for a, b in zip(at, at[1:], strict=False) if b > a]


def guarded(base: type[GuardedProtocol] = GuardedProtocol, **more: Any) -> type[GuardedProtocol]:
    made = guarded_protocol(GuardLimits(**more))
    return type("Made", (base,), {"guard": made.guard})


async def one_by_one(asked: list[bytes]) -> bytes:
    """What the server under ours says, a connection for each."""
    found = b""
    for request in asked:
        there = await wire(HttpToolsProtocol, ServerState())
        await there.feed(request)
        there.protocol.shutdown()  # closes it once it is answered
        found += await there.read(1 << 40)
        there.close()
    return found.replace(b"connection: close\r\n", b"")


async def given_back(kind: type[GuardedProtocol]) -> None:
    """All connections are gone: the guard holds nothing for them."""
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE_S
    while any(kind.guard.held.values()):
        assert loop.time() < until, kind.guard.held
        await asyncio.sleep(0.001)


async def in_pieces(kind: type[GuardedProtocol], asked: list[bytes], cuts: list[int]) -> bytes:
    """Everything on one connection, cut there; how much is answered is known by `one_by_one`."""
    expected, there = await one_by_one(asked), await wire(kind, ServerState())
    pieces = pieces_of(b"".join(asked), cuts)
    sending = asyncio.create_task(_feed_all(there, pieces))
    found = await there.read(len(expected))
    await sending
    there.close()
    await given_back(kind)
    assert found == expected, (found[:2_000], expected[:2_000])
    return found


async def _feed_all(there: Wire, pieces: list[bytes]) -> None:
    for number, piece in enumerate(pieces):
        await there.feed(piece)
        if number % 3 == 0:
            await asyncio.sleep(0)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(requests(), min_size=1, max_size=8),
    st.one_of(
        st.lists(st.integers(0, 1 << 20), max_size=40),
        st.integers(1, 7).map(lambda step: list(range(0, 4_000, step))),
    ),
)
def test_however_it_is_cut_it_is_answered_the_same(asked: list[bytes], cuts: list[int]) -> None:
    uvloop.run(in_pieces(guarded(), asked, cuts))


GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 36\r\n\r\n" + BLANK


class Forgetful(GuardedProtocol):
    """Keeps only the last of what was sent ahead."""

    def _keep(self, data: bytes) -> None:
        super()._keep(data[-len(GET) :])


class Dull(GuardedProtocol):
    """Takes half of a body for all of it."""

    def on_body(self, body: bytes) -> None:
        super().on_body(body[: len(body) // 2])


def is_found(kind: type[GuardedProtocol]) -> bool:
    try:
        uvloop.run(in_pieces(guarded(kind), [GET, POST, GET, POST], [len(GET) + 60]))
    except (AssertionError, TimeoutError):
        return True
    return False


def test_lost_bytes_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted bugs."""
    monkeypatch.setattr("tests.web.wire.PATIENCE_S", 1.0)
    assert not is_found(GuardedProtocol)
    assert is_found(Forgetful)
    assert is_found(Dull)


# -- what the guard holds is given back

SAID = st.sampled_from([
    GET, GET * 3, GET * 40, GET[:9], POST, POST * 5, POST[:60], b"\r\n\r\n", b"what\r\n\r\n",
    GET.replace(b"/", b"/large", 1) * 3, GET.replace(b"/", b"/slow", 1) * 5,
    GET.replace(b"/", b"/stream", 1) + GET, GET[:-2] + b"connection: close\r\n\r\n",
    POST.replace(b"36", b"300000") + b"b" * 90_000, POST.replace(b"/", b"/early", 1) * 4,
    b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n",
])  # fmt: skip
DEEDS = st.tuples(
    st.integers(0, 5), st.one_of(SAID, st.sampled_from(["end", "cut", "read", "wait"]))
)


async def _done(kind: type[GuardedProtocol], deeds: list[tuple[int, bytes | str]]) -> None:
    state, there = ServerState(), dict[int, Wire]()
    for who, deed in deeds:
        at = there.get(who)
        if at is None or at.is_over:
            if at is not None:
                at.close()
            at = there[who] = await wire(kind, state)
        protocol = at.protocol
        if isinstance(deed, bytes):
            if not protocol.flow.read_paused:
                protocol.data_received(deed)
        elif deed == "end":
            at.close()
        elif deed == "cut":
            kind.guard.cut(cast(GuardedProtocol, protocol), "test", 503)
        elif deed == "read":
            with suppress(BlockingIOError, OSError):
                at.ours.recv(1 << 20)
        await asyncio.sleep(0.002 if deed == "wait" else 0)
        assert kind.guard.held["turns"] <= TURNS_MAX
    for at in there.values():
        at.close()
    await given_back(kind)


@settings(max_examples=100, deadline=None)
@given(st.lists(DEEDS, max_size=40))
def test_whatever_they_do_all_is_given_back(deeds: list[tuple[int, bytes | str]]) -> None:
    uvloop.run(_done(guarded(connection_budget=4), deeds))


def test_a_turn_that_is_not_given_back_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted bug."""
    monkeypatch.setattr(f"{__name__}.PATIENCE_S", 1.0)
    monkeypatch.setattr(Guard, "end_turn", lambda guard, connection: None)
    with pytest.raises(AssertionError):
        uvloop.run(_done(guarded(), [(0, GET * 3), (0, "wait"), (0, "end")]))

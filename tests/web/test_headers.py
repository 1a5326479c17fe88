"""Every answer carries the headers of the one table, and no resident ever gets a cookie."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.web.house import LOOSE, Node, grant
from tests.web.house import node as make_node
from tests.web.test_guard import running
from tocsin.web import pages
from tocsin.web.headers import HSTS, SOURCES, faults, page_headers, permissions_of, policy_of
from tocsin.web.options import WebOptions

SOURCE = Path(__file__).parents[2] / "src" / "tocsin"
OWN = (policy_of("link", pages.OWN),)
ENDLESS = ("/api/live",)
"""Streams that end when the listener goes."""
WRITTEN = ("/report", "/r", "/", "/published", "/nothing-here", "/public/nothing.css")


def asks(app: FastAPI) -> Iterator[tuple[str, str]]:
    """(method, path) of every route, with a made-up id where one is wanted; and wrong methods."""
    for route in app.routes:
        path = getattr(route, "path", "")
        filled = re.sub(r"\{[^}]+\}", "x", path)
        if not path or filled in ENDLESS:
            continue
        yield from ((method, filled) for method in sorted(getattr(route, "methods", None) or ()))
        yield "TRACE", filled
        yield "OPTIONS", filled


async def walked(client: httpx.AsyncClient, app: FastAPI, **more: str) -> list[str]:
    """What any answer lacks, with the request it answered."""
    found: list[str] = []
    count = 0
    for method, path in [*asks(app), ("GET", "/nothing"), ("POST", "/api/nothing")]:
        answer = await client.request(method, path, headers=more, content=b"{")
        told = faults(answer.headers.multi_items(), policies=OWN)
        found += [f"{method} {path} {answer.status_code}: {each}" for each in told]
        count += 1
    assert count > 500
    return found


async def test_every_operation_and_page_for_a_stranger() -> None:
    async with make_node(LOOSE) as node:
        assert await walked(node.client(), node.app) == []


async def test_every_operation_and_page_for_staff() -> None:
    async with make_node(LOOSE) as node:
        key = await node.key(grant("dispatcher"), scopes=("cases:read", "reports:write"))
        assert await walked(key, node.app) == []


async def test_an_answer_that_says_otherwise_is_found(node: Node) -> None:
    """Planted: a route with a policy of its own, and one that lets itself be framed."""

    async def loose(request: object) -> PlainTextResponse:
        return PlainTextResponse("", headers={"content-security-policy": "default-src *"})

    async def twice(request: object) -> PlainTextResponse:
        answer = PlainTextResponse("")
        answer.headers.append("x-content-type-options", "nosniff")
        answer.headers.append("x-content-type-options", "nosniff")
        return answer

    node.app.router.routes += [Route("/planted", loose), Route("/twice", twice)]
    for path, name in (("/planted", "content-security-policy"), ("/twice", "x-content-type")):
        answer = await node.client().get(path)
        told = faults(answer.headers.multi_items())
        assert len(told) == 1 and told[0].startswith(name), told


async def test_over_tls_a_browser_is_told_to_stay_there() -> None:
    async with make_node(WebOptions(public_url="https://town.example")) as node:
        for path in ("/", "/api/nothing", "/console/", "/health/live"):
            answer = await node.client().get(path)
            assert faults(answer.headers.multi_items(), over_tls=True) == [], path
    async with make_node() as node:
        answer = await node.client().get("/")
        assert HSTS[0].decode() not in answer.headers
        assert faults(answer.headers.multi_items(), over_tls=True) != []


@pytest.mark.parametrize("path", WRITTEN)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_resident_gets_no_cookie(node: Node, path: str, method: str) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = await node.client().request(method, path, headers=form, content=b"text=dark&go=next")
    assert "set-cookie" not in answer.headers


async def test_what_is_cut_before_the_application_carries_them_too(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        for sent in (b"GET / HT", b"NOT HTTP AT ALL\r\n\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(sent)
            head = (await reader.read(4_096)).split(b"\r\n\r\n")[0].decode()
            writer.close()
            lines = [line.partition(": ")[::2] for line in head.split("\r\n")[1:]]
            assert head.split(" ", 2)[1] in ("400", "408")
            assert faults(lines) == [], head


async def test_trace_is_refused(node: Node) -> None:
    for path in ("/", "/api/cases", "/console/board", "/metrics", "/map/meta.json"):
        assert (await node.client().request("TRACE", path)).status_code == 405, path


def test_the_table_is_the_only_place() -> None:
    """A policy written elsewhere would be a second table."""
    names = ("content-security-policy", "permissions-policy", "strict-transport-security")
    found = [
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if any(f'"{name}"' in path.read_text(encoding="utf-8") for name in names)
    ]
    assert found == ["web/headers.py"]


def test_no_policy_lets_in_what_stands_in_markup() -> None:
    for kind in SOURCES:
        policy = policy_of(kind)
        assert "unsafe" not in policy and "*" not in policy and "http" not in policy
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy and "require-trusted-types-for 'script'" in policy
    assert "microphone=()" in permissions_of("console")
    assert "geolocation=(self)" in permissions_of("console")
    assert "geolocation=()" in permissions_of("crew")
    with pytest.raises(KeyError):
        page_headers("poster")

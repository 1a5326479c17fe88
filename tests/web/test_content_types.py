"""Every answer with a body says what it is, and text says in which letters; a parameter that is
given twice is refused, for what stands before the node may have read the other one."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.web.house import LOOSE, grant
from tests.web.house import node as make_node
from tests.web.test_headers import asks

TEXT = re.compile(r"^text/|\+xml$|/xml$|javascript")
JSON = re.compile(r"^application/(json|[a-z.+-]*\+json)$")
ENDS = ("/api/logout", "/api/session/end-others", "/api/session/renew")


def type_faults(answer: httpx.Response) -> list[str]:
    """What is wrong with how an answer calls its body."""
    if not answer.content:
        return []
    kind, _, more = answer.headers.get("content-type", "").partition(";")
    kind = kind.strip().lower()
    if not kind:
        return ["no type"]
    if TEXT.search(kind) and "svg" not in kind and more.strip().lower() != "charset=utf-8":
        return [f"{kind} without its letters"]
    if JSON.match(kind):  # RFC 8259 has no such parameter: it is UTF-8
        answer.json()
        return [f"{kind} with a parameter"] if "charset" in more else []
    return []


async def test_every_answer_says_what_it_is() -> None:
    async with make_node(LOOSE) as node:
        boss = await node.staff("boss", grant("administrator"), grant("supervisor"))
        found: list[str] = []
        kinds: set[str] = set()
        for client in (node.client(), boss):
            for method, path in asks(node.app):
                if path in ENDS or method == "DELETE":
                    continue
                answer = await client.request(method, path, content=b"{}")
                kinds.add(answer.headers.get("content-type", ""))
                found += [f"{method} {path}: {each}" for each in type_faults(answer)]
        assert found == []
        assert {"application/json", "application/problem+json"} <= kinds
        assert "text/html; charset=utf-8" in kinds


@pytest.mark.parametrize(
    ("kind", "body"),
    [("", b"x"), ("text/html", b"x"), ("text/css; charset=latin-1", b"x"), ("text/csv", b"x"),
     ("application/json; charset=utf-8", b"{}")],
)  # fmt: skip
def test_an_answer_that_says_it_wrongly_is_found(kind: str, body: bytes) -> None:
    assert type_faults(httpx.Response(200, headers={"content-type": kind}, content=body)) != []


async def test_a_parameter_given_twice_is_refused() -> None:
    async with make_node(LOOSE) as node:
        boss = await node.staff("boss", grant("supervisor"))
        assert (await boss.get("/api/cases?limit=5")).status_code == 200
        twice = await boss.get("/api/cases?limit=5&limit=5")
        assert twice.status_code == 422
        assert twice.json()["reason"] == "parameter_repeated"
        lists = await boss.get("/api/cases?status=received&status=accepted")
        assert lists.status_code == 200, lists.text

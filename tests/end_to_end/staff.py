"""Staff of a live node, signed in through the public API."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.end_to_end.live_node import Answer, LiveNode

PASSWORD = "nine patient green herons"
CASE_ROLES = (
    "call_taker",
    "dispatcher",
    "grid_worker",
    "agency_handler",
    "verifier",
    "supervisor",
    "evaluator",
    "arbiter",
)
AGENCY = "lighting@county"
JSON = {"content-type": "application/json"}


@dataclass
class Person:
    """Somebody who is signed in."""

    node: LiveNode
    cookie: str
    csrf: str

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        sent = {"cookie": self.cookie, "x-csrf-token": self.csrf, **headers}
        data = b""
        if body is not None:
            sent, data = {**sent, **JSON}, json.dumps(body).encode()
        return await self.node.ask(method, path, data, sent)


async def administrator(node: LiveNode) -> Person:
    """The first one, with the link the node printed."""
    body = {"token": node.link, "login": "root", "name": "Root", "password": PASSWORD}
    return await _enter(node, "/api/first", body)


async def staff(admin: Person, login: str, *roles: str, agency: str = AGENCY) -> Person:
    """A new account with these roles over the whole county, signed in."""
    grants = [
        {"role": role, "area": "county", "agency": agency if role == "agency_handler" else None}
        for role in roles
    ]
    body = {"login": login, "name": login, "language": "en", "grants": grants}
    made = await admin.ask("POST", "/api/accounts", body)
    assert made.status == 201, made.body
    token = made.json()["link"].rpartition("#")[2]
    return await _enter(admin.node, "/api/password", {"token": token, "password": PASSWORD})


async def _enter(node: LiveNode, path: str, body: dict[str, str]) -> Person:
    answer = await node.ask("POST", path, json.dumps(body).encode(), JSON)
    assert answer.status == 200, answer.body
    cookie = answer.headers["set-cookie"].split(";", 1)[0]
    return Person(node, cookie, answer.json()["csrf"])

"""Staff for the benches, made as on any node: the one-time link, then an account with a role."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen

from bench.node import Running

PASSWORD = "seven grey racing horses"


def supervisor_cookie(running: Running, *also: str) -> str:
    """The cookie of a supervisor over the whole county, who may hold other roles as well."""
    token = running.link.partition("#")[2]
    first = {"token": token, "login": "ada", "name": "Ada", "password": PASSWORD}
    me, cookie = _post(running, "/api/first", first)
    county = me["grants"][0]["area"]
    account = {
        "login": "sam",
        "name": "Sam",
        "language": "en",
        "grants": [
            {"role": role, "area": county, "agency": None} for role in ("supervisor", *also)
        ],
    }
    headers = {"Cookie": cookie, "X-CSRF-Token": me["csrf"]}
    made, _ = _post(running, "/api/accounts", account, headers)
    link = {"token": made["link"].partition("#")[2], "password": PASSWORD}
    _post(running, "/api/password", link)
    return _post(running, "/api/login", {"login": "sam", "password": PASSWORD})[1]


def _post(
    running: Running, path: str, body: dict[str, Any], headers: dict[str, str] | None = None
) -> tuple[dict[str, Any], str]:
    """The answer and the cookie that came with it."""
    wanted = {"Content-Type": "application/json", "Origin": running.address, **(headers or {})}
    request = Request(f"{running.address}{path}", json.dumps(body).encode(), wanted)
    with urlopen(request) as answer:
        cookie = str(answer.headers.get("Set-Cookie") or "").split(";", 1)[0]
        return json.load(answer), cookie

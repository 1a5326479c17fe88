"""A node with the town's own map for browser tests, and its people over plain HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.end_to_end.live_node import LiveNode

PASSWORD = "seven grey racing horses"
HOME = (24.9360, 60.1660)
"""The corner of a box well inside the demo's map."""
_numbers = count(1)


class TownNode(LiveNode):
    """A live node whose areas come from its map, not from a drawn chessboard."""

    def draw_town(self) -> None:
        """Nothing to draw: `--map` brings the areas."""

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass
class Staff:
    """Somebody who is signed in over HTTP, beside the browser."""

    origin: str
    login: str
    me: dict[str, Any] = field(default_factory=dict[str, Any])
    cookie: str = ""

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """The status and what was said, refusals as well."""
        sent = {"Cookie": self.cookie, "Content-Type": "application/json", **(headers or {})}
        if method != "GET":
            sent |= {"X-CSRF-Token": self.me.get("csrf", ""), "Idempotency-Key": key()}
            sent.update(headers or {})
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.origin}{path}", data, sent, method=method)
        try:
            with urlopen(request, timeout=60) as answer:
                if cookie := answer.headers.get("Set-Cookie"):
                    self.cookie = cookie.split(";", 1)[0]
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def must(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        status, said = self.ask(method, path, body, **more)
        assert 200 <= status < 300, f"{self.login}: {method} {path}: {status} {said}"
        return said

    def enter(self, path: str, body: dict[str, str]) -> None:
        self.me = self.must("POST", path, body)

    def case(self, case_id: str) -> Any:
        return self.must("GET", f"/api/cases/{case_id}")

    def act(self, case_id: str, verb: str, body: dict[str, Any] | None = None) -> Any:
        """One command on the case as it now is."""
        version = {"If-Match": f'"{self.case(case_id)["version"]}"'}
        return self.must(
            "POST", f"/api/cases/{case_id}/{verb.replace('_', '-')}", body or {}, headers=version
        )

    def report(self, case_type: str, text: str = "Reported in a test", **more: Any) -> Any:
        """A report by telephone; the receipt."""
        lon, lat = HOME
        number = next(_numbers)
        # Apart from one another, so that no report is taken for a repeat of the last.
        place = {"lon": lon + number % 20 * 0.0008, "lat": lat + number // 20 % 11 * 0.001}
        body = {"source": "phone", "case_type": case_type, "text": text, "place": place, **more}
        return self.must("POST", "/api/reports", body)


def key() -> str:
    """An idempotency key that this run has not used."""
    return f"browser-test-{next(_numbers)}-key"


@dataclass
class Town:
    """The node and everybody who has an account on it."""

    node: TownNode
    admin: Staff
    county: str
    people: dict[str, Staff] = field(default_factory=dict[str, Staff])

    @property
    def origin(self) -> str:
        return self.node.origin

    def person(self, role: str, number: int = 1, agency: str | None = None) -> Staff:
        """That person, made and signed in when first needed."""
        login = f"{role}-{number}" if agency is None else f"{role}-{agency.replace('@', '-')}"
        if login not in self.people:
            grants = [{"role": role, "area": self.county, "agency": agency}]
            body = {"login": login, "name": login, "language": "en", "grants": grants}
            made = self.admin.must("POST", "/api/accounts", body)
            token = made["link"].partition("#")[2]
            staff = Staff(self.origin, login)
            staff.enter("/api/password", {"token": token, "password": PASSWORD})
            staff.enter("/api/login", {"login": login, "password": PASSWORD})
            self.people[login] = staff
        return self.people[login]


def settle(node: TownNode) -> Town:
    """The first administrator of a node that has just started."""
    admin = Staff(node.origin, "admin")
    first = {"token": node.link, "login": "admin", "name": "Admin", "password": PASSWORD}
    admin.enter("/api/first", first)
    return Town(node, admin, admin.me["grants"][0]["area"])

"""The demo's people at their browsers and telephones: HTTP only, retried as good clients do."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import urlsplit
from zlib import crc32

import msgspec

from tocsin.app.demo_wire import Lost, Wire
from tocsin.kernel.shared import AgencyId, AreaId
from tocsin.runtime.accounts import Role

PASSWORD: Final = "kolme vihreää omenaa 2026"
"""Of every account of a demo: a folder that is thrown away, on this machine only."""
TRIES: Final = 6
TIMEOUT_S: Final = 30.0
STEM_MAX: Final = 60
"""A login has at most 64 characters; longer names keep their beginning and a check sum."""
REPEATABLE: Final = frozenset({429, 502, 503, 504})

CODES: Final[Mapping[str, str]] = {
    "call_taker": "calls",
    "dispatcher": "dispatch",
    "grid_worker": "grid",
    "agency_handler": "crew",
    "verifier": "checks",
    "supervisor": "super",
    "evaluator": "reviews",
    "arbiter": "arbiter",
}


class Unreachable(RuntimeError):
    """The node did not answer, several times."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `reason` is the enumerated one of a problem document."""

    status: int
    body: bytes
    cookie: str = ""

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def reason(self) -> str:
        try:
            found = self.json()
        except msgspec.DecodeError:
            return str(self.status)
        if isinstance(found, dict):
            return str(cast(dict[str, Any], found).get("reason", self.status))
        return str(self.status)


@dataclass(slots=True)
class Person:
    """A member of staff with an account, signed in or not."""

    login: str
    role: Role | None
    agency: AgencyId | None = None
    cookie: str = ""
    csrf: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"cookie": self.cookie, "x-csrf-token": self.csrf}


class Client:
    """One pool of connections for the whole town. Every resident has an address of their own:
    the demo stands where a proxy would, and says so in X-Forwarded-For."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.requests = 0
        self.retries: Counter[str] = Counter()
        parts = urlsplit(address)
        assert parts.hostname is not None and parts.port is not None, "the node said where it is"
        self._wire = Wire(parts.hostname, parts.port, TIMEOUT_S)

    async def close(self) -> None:
        await self._wire.close()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: tuple[str, bytes] | None = None,
        key: str | None = None,
    ) -> Answer:
        """One request, repeated while the node is away or asks to wait. `form` is (content type,
        body). Writes need a `key` (the node's idempotency key) to be repeated after a lost answer.
        Raises `Unreachable`."""
        sent = dict(headers or {})
        body = b""
        if json is not None:
            sent["content-type"], body = "application/json", msgspec.json.encode(json)
        elif form is not None:
            sent["content-type"], body = form
        if key is not None:
            sent["idempotency-key"] = key
        for attempt in range(TRIES):
            self.requests += 1
            try:
                status, found, answer = await self._wire.request(method, path, sent, body)
            except Lost as error:
                self.retries[str(error)] += 1
                if method != "GET" and key is None:
                    raise Unreachable(f"{method} {path}: {error}") from error
                await asyncio.sleep(0.2 * 2**attempt)
                continue
            if status not in REPEATABLE:
                return Answer(status, answer, found.get("set-cookie", "").partition(";")[0])
            self.retries[str(status)] += 1
            wait = found.get("retry-after", "1")
            await asyncio.sleep(min(5.0, float(wait) if wait.isdigit() else 1.0))
        raise Unreachable(f"{method} {path} was not answered in {TRIES} tries")


@dataclass(slots=True)
class Staff:
    """Accounts of staff, made by the administrator when they are first needed."""

    client: Client
    county: AreaId
    admin: Person = field(default_factory=lambda: Person("admin", None))
    _people: dict[str, Person] = field(default_factory=dict[str, Person])
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict[str, asyncio.Lock])

    @property
    def people(self) -> list[Person]:
        """Everyone who has an account by now, in the order in which they got it."""
        return list(self._people.values())

    async def begin(self, token: str) -> None:
        """The administrator uses the one-time link. Raises `Unreachable`."""
        body = {"token": token, "login": "admin", "name": "Demo", "password": PASSWORD}
        await self._enter(self.admin, "/api/first", body)

    async def get(self, role: Role, area: AreaId, agency: AgencyId | None, number: int) -> Person:
        """A person in that role: made, invited and signed in the first time."""
        login = self.login_of(role, area, agency, number)
        person = self._people.get(login)
        if person is not None:
            return person
        async with self._locks.setdefault(login, asyncio.Lock()):
            if login not in self._people:
                self._people[login] = await self._make(login, role, area, agency)
        return self._people[login]

    def login_of(self, role: Role, area: AreaId, agency: AgencyId | None, number: int) -> str:
        """Such as `calls-1`, or `crew-roads-county-1`; a login has at most 64 characters."""
        where = ""
        if agency is not None:
            where = "-" + agency.replace("@", "-")
        elif area != self.county:
            where = f"-{area}"
        stem = f"{CODES[role]}{where}".casefold()
        if len(stem) > STEM_MAX:
            stem = f"{stem[: STEM_MAX - 9]}-{crc32(stem.encode()):08x}"
        return f"{stem}-{number}"

    async def _make(self, login: str, role: Role, area: AreaId, agency: AgencyId | None) -> Person:
        person = Person(login, role, agency)
        roles: tuple[Role, ...] = (role, "supervisor") if role == "arbiter" else (role,)
        grants = [{"role": each, "area": area, "agency": agency} for each in roles]
        body = {"login": login, "name": login, "language": "en", "grants": grants}
        made = await self.client.ask("POST", "/api/accounts", headers=self.admin.headers, json=body)
        if not made.is_ok:
            raise Unreachable(f"no account for {login}: {made.status} {made.reason}")
        token = made.json()["link"].partition("#")[2]
        await self._enter(person, "/api/password", {"token": token, "password": PASSWORD})
        return person

    async def _enter(self, person: Person, path: str, body: Mapping[str, str]) -> None:
        found = await self.client.ask("POST", path, json=body)
        if found.status != 200:
            raise Unreachable(f"{person.login} cannot sign in: {found.status} {found.reason}")
        person.cookie = found.cookie
        person.csrf = found.json()["csrf"]

    async def sign_in_again(self, person: Person) -> None:
        """After a session ended."""
        await self._enter(person, "/api/login", {"login": person.login, "password": PASSWORD})

"""The demo's people at their browsers and telephones: HTTP only, retried as good clients do."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

import httpx
import msgspec

from tocsin.kernel.shared import AgencyId, AreaId
from tocsin.runtime.accounts import Role

PASSWORD: Final = "kolme vihreää omenaa 2026"
"""Of every account of a demo: a folder that is thrown away, on this machine only."""
TRIES: Final = 6
CONNECTIONS: Final = 24
TIMEOUT_S: Final = 30.0
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
        self._http = httpx.AsyncClient(
            base_url=address,
            timeout=TIMEOUT_S,
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            trust_env=False,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        key: str | None = None,
        **more: Any,
    ) -> Answer:
        """One request, repeated while the node is away or asks to wait. Writes need a `key` (the
        node's idempotency key) to be repeated after a lost answer. Raises `Unreachable`."""
        sent = dict(headers or {})
        if json is not None:
            more["content"] = msgspec.json.encode(json)
            sent["content-type"] = "application/json"
        if key is not None:
            sent["idempotency-key"] = key
        for attempt in range(TRIES):
            self.requests += 1
            try:
                found = await self._http.request(method, path, headers=sent, **more)
            except httpx.TransportError as error:
                self.retries[type(error).__name__] += 1
                if method != "GET" and key is None:
                    raise Unreachable(f"{method} {path}: {type(error).__name__}") from error
                await asyncio.sleep(0.2 * 2**attempt)
                continue
            if found.status_code not in REPEATABLE:
                return Answer(found.status_code, found.content)
            self.retries[str(found.status_code)] += 1
            wait = found.headers.get("retry-after", "1")
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
        return f"{CODES[role]}{where}"[:60].casefold() + f"-{number}"

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
        found = await self.client._http.post(path, json=body)  # pyright: ignore[reportPrivateUsage]
        if found.status_code != 200:
            raise Unreachable(f"{person.login} cannot sign in: {found.status_code} {found.text}")
        person.cookie = found.headers["set-cookie"].partition(";")[0]
        person.csrf = found.json()["csrf"]
        self.client._http.cookies.clear()  # pyright: ignore[reportPrivateUsage]

    async def sign_in_again(self, person: Person) -> None:
        """After a session ended."""
        await self._enter(person, "/api/login", {"login": person.login, "password": PASSWORD})

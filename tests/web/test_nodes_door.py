"""Which tables are read through the node's door while somebody asks for something: exactly these,
each with why it is. A new one fails here until somebody says why."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.web.house import Node, grant
from tests.web.house import node as make_node
from tests.web.test_matrix import every
from tests.web.test_permissions import ask
from tocsin.intakes.open311 import routes as open311
from tocsin.runtime.onlooking import as_node
from tocsin.runtime.ports import CaseQuery, Page
from tocsin.stores.postgres.accounts import PostgresAccounts
from tocsin.stores.postgres.connections import Connection, Readers
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.postgres.wall_rows import WALLS
from tocsin.web.permissions import CASE_ROLES, RULES

ACCOUNT = "who somebody is, before anybody looks; shown by its own operations, over a whole county"
NUMBERS = "counted for a measure; narrowed by the web to what the asker sees of the device"
GIVING = "giving, asking, deciding and recording are the node's acts, committed before a reading"
NO_MATTER = "of no case, unit or device: the same for everybody who may ask"
WHY: dict[str, str] = {
    "public.account_browsers": ACCOUNT,
    "public.account_changes": ACCOUNT,
    "public.account_identities": ACCOUNT,
    "public.account_links": ACCOUNT,
    "public.account_passkeys": ACCOUNT,
    "public.account_sessions": ACCOUNT,
    "public.accounts": ACCOUNT,
    "public.api_keys": ACCOUNT,
    "public.rights_proposals": ACCOUNT,
    "public.alarm_stories": NUMBERS,
    "public.asset_stories": NUMBERS,
    "public.battery_days": NUMBERS,
    "public.listening": "when the node itself was away: no device is named",
    "public.scorecards": "the numbers of a night over the whole county, without a name",
    "public.errands": NO_MATTER,
    "public.road_changes": NO_MATTER,
    "public.receipts": "from the hash of a code to its report: whoever has the code asks",
    "public.site_codes": "the digest of a site's code is compared, and not shown",
    "public.unit_keys": "whether a unit has a key; the unit was asked for before",
    "vault.grants": "openings from before there were permits name no case; asked for by reference",
    # These have a policy of persons: read past it only by the operations below.
    "public.alarm_journal": "the newest number of all journals, where a screen begins to listen",
    "public.asset_journal": "the newest number of all journals, where a screen begins to listen",
    "public.journal": "the newest number of all journals, where a screen begins to listen",
    "public.unit_journal": "the newest number of all journals, where a screen begins to listen",
    "public.alarms": "a rule looks at the other alarms of a site or device",
    "public.cases": "whether it is there at all, a count of a whole area, or what a rule needs",
    "public.planned_duties": "a duty that overlaps another is refused",
    "public.stories": "only seconds go out: how soon units were there in a cell",
    "public.units": "units out of reach that serve a case in reach are counted, and not shown",
    "vault.asks": GIVING,
    "vault.decisions": GIVING,
    "vault.hold_words": GIVING,
    "vault.holds": GIVING,
    "vault.openings": GIVING,
    "vault.permits": GIVING,
    "vault.purposes": GIVING,
    "vault.revocations": GIVING,
    "vault.values": "its case and kind for the record, its digest to be compared; no value",
}
_GIVING = frozenset({"case.ask_sight", "case.duplicates", "case.open_sealed", "redaction.decide",
                     "redaction.open", "sight.broken"})  # fmt: skip
_BOARD = frozenset({"board.list"})
_HOLDS = frozenset({"hold.confirm", "hold.deny", "hold.end"})
PAST: dict[str, frozenset[str]] = {
    "public.alarm_journal": _BOARD,
    "public.alarms": frozenset({"alarm.cancel", "alarm.show", "asset.work_order"}),
    "public.asset_journal": _BOARD,
    "public.cases": frozenset({"case.count", "case.merge", "case.unmerge", "sight.break_glass",
                               "unit.recall", "unit.redispatch", "unit.send", "unit.stack"}),
    "public.journal": _BOARD,
    "public.planned_duties": frozenset({"roster.drop", "roster.plan"}),
    "public.stories": frozenset({"coverage.show"}),
    "public.unit_journal": _BOARD,
    "public.units": frozenset({"case.advice", "coverage.show", "dispatch.moves", "roster.plan",
                               "unit.change", "unit.create", "unit.end_duty",
                               "unit.report_status", "unit.start_duty"}),
    "vault.asks": _GIVING,
    "vault.decisions": _GIVING,
    "vault.hold_words": _HOLDS,
    "vault.holds": _HOLDS,
    "vault.openings": _GIVING,
    "vault.permits": _GIVING,
    "vault.purposes": _GIVING,
    "vault.revocations": _GIVING,
    "vault.values": _GIVING | {"redaction.list"},
}  # fmt: skip
"""Of the tables with a policy of persons, by which operations they are read past it."""

_asked: ContextVar[str] = ContextVar("asked", default="")
_NAMED = re.compile(r"\b(?:FROM|JOIN)\s+(?:ONLY\s+)?((?:\w+\.)?\"?\w+\"?)", re.IGNORECASE)


def tables_of(sql: str) -> set[str]:
    """The tables that a statement reads, as `schema.table`."""
    named = {each.replace('"', "") for each in _NAMED.findall(sql)}
    whole = {each if "." in each else f"public.{each}" for each in named}
    return whole & WALLS.keys()


class Noted:
    """A connection that notes what is asked of it."""

    def __init__(self, connection: Any, found: dict[str, set[str]]) -> None:
        self._connection = connection
        self._found = found

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._connection, name)
        if name not in ("fetch", "fetchrow", "fetchval", "execute", "executemany", "cursor"):
            return real

        def noting(sql: str, *values: Any, **more: Any) -> Any:
            for table in tables_of(sql):
                self._found.setdefault(table, set()).add(_asked.get())
            return real(sql, *values, **more)

        return noting


def note(patch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """By table, who asked for something while it was read through the node's door."""
    found: dict[str, set[str]] = {}
    real: Any = Readers._taken  # pyright: ignore[reportPrivateUsage]

    @asynccontextmanager
    async def taken(self: Readers, pool: Any) -> AsyncGenerator[Connection]:
        async with real(self, pool) as connection:
            is_nodes = pool is self._pool  # pyright: ignore[reportPrivateUsage]
            yield Noted(connection, found) if is_nodes and _asked.get() else connection  # pyright: ignore[reportReturnType]

    patch.setattr(Readers, "_taken", taken)
    return found


def marked(app: ASGIApp) -> ASGIApp:
    """Whatever is done for a request carries the name of its operation."""

    async def asking(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            _asked.set(headers.get(b"x-operation", scope["path"].encode()).decode())
        await app(scope, receive, send)

    return asking


@pytest.fixture
async def node(postgres_store: PostgresStore) -> AsyncIterator[Node]:
    accounts = PostgresAccounts(postgres_store.readers)
    async with make_node(store=postgres_store, account_store=accounts) as made:
        made.app.router.routes[:0] = open311(made.services)
        yield made


APART = ("administrator", "security_administrator", "audit_administrator")


async def asks_everything(node: Node) -> None:
    """Every operation once, as somebody who may; and what everybody may ask."""
    operations, _ = await every(node)
    people = {role: await node.staff(f"p-{role}", grant(role)) for role in APART}
    people["case"] = await node.staff("p-case", *(grant(role) for role in CASE_ROLES))
    transport = httpx.ASGITransport(app=marked(node.app))
    for who, staff in people.items():
        async with httpx.AsyncClient(transport=transport, base_url=node.url) as client:
            client.cookies.update(staff.cookies)
            client.headers["X-CSRF-Token"] = staff.headers["X-CSRF-Token"]
            for operation in operations:
                roles = RULES[operation.name].roles
                if not roles or roles & (set(CASE_ROLES) if who == "case" else {who}):
                    client.headers["X-Operation"] = operation.name
                    await ask(client, operation)
    case = operations_case(operations)
    async with httpx.AsyncClient(transport=transport, base_url=node.url) as client:
        for path in ("/", "/published", f"/published/{case}", "/open311/v2/requests.json",
                     f"/open311/v2/requests/{case}.json", "/open311/v2/requests.csv",
                     "/open311/v2/servicerequestupdates.json"):  # fmt: skip
            assert (await client.get(path)).status_code in (200, 404), path


def operations_case(operations: list[Any]) -> str:
    return next(each.path.split("/")[3] for each in operations if each.name == "case.show")


def unexplained(found: dict[str, set[str]]) -> dict[str, list[str]]:
    """What is read through the node's door and on no list, by table with its operations."""
    told = {
        table: sorted(each - PAST[table] if table in PAST else each)
        for table, each in found.items()
        if table in PAST or table not in WHY
    }
    return {table: operations for table, operations in told.items() if operations}


async def test_these_tables_and_no_other(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    found = note(monkeypatch)
    await asks_everything(node)
    assert unexplained(found) == {}, "read through the node's door, and nobody said why"
    assert WHY.keys() - found.keys() == set(), "not read there any more: take it off the list"
    assert {each for each in WHY if WALLS[each].reader is not None} == PAST.keys()


async def test_a_route_that_reads_as_the_node_is_named(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: a list that is read past the wall, and a table that nobody wrote about."""
    found, real = note(monkeypatch), node.services.store.cases

    async def as_if_alone(query: CaseQuery) -> Page:
        with as_node():
            await node.services.vault.opened(None, 1)
            return await real(query)

    monkeypatch.setattr(node.services.store, "cases", as_if_alone)
    staff = await node.staff("staff", grant("dispatcher"))
    transport = httpx.ASGITransport(app=marked(node.app))
    headers = {"X-Operation": "case.list"}
    async with httpx.AsyncClient(
        transport=transport, base_url=node.url, cookies=staff.cookies, headers=headers
    ) as client:
        assert (await client.get("/api/cases")).status_code == 200
    assert unexplained(found) == {
        "public.cases": ["case.list"],
        **dict.fromkeys(("vault.openings", "vault.permits", "vault.purposes"), ["case.list"]),
    }
    monkeypatch.delitem(WHY, "public.accounts")
    assert "public.accounts" in unexplained(found)


def test_a_statement_names_its_tables() -> None:
    assert tables_of('SELECT 1 FROM cases c JOIN vault."values" v ON true') == {
        "public.cases", "vault.values",
    }  # fmt: skip
    assert tables_of("SELECT 1 FROM unnest($1) x JOIN wanted w ON true") == set()

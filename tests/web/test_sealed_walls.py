"""The second wall before what is sealed: with every filter of the web taken out, a stranger meets
no ask, permit, record, value, photo, word of redaction or hold. With the holes that are found."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import httpx
import pytest

from tests.reach.stage import photo
from tests.web.house import BODY, Node, grant
from tests.web.house import node as make_node
from tests.web.test_redactions import opened
from tests.web.test_sight import said
from tests.web.test_two_walls import without_filters
from tocsin.kernel.shared import Actor, AgencyId, AreaId, CaseId
from tocsin.runtime.onlooking import Onlooker, as_node, looking_as
from tocsin.runtime.ports import BoardRow
from tocsin.runtime.sight_ports import NotPermitted, SecondPerson, Wish
from tocsin.stores.postgres.store import PostgresStore
from tocsin.web import gate
from tocsin.web.api import holds, redactions, sight
from tocsin.web.gate import Access
from tocsin.web.permissions import Principal, Rule
from tocsin.web.sealed import refs_of

REPORT = {**BODY, "case_type": "street-light-out", "consent": True}


@pytest.fixture
async def node(postgres_store: PostgresStore) -> AsyncIterator[Node]:
    async with make_node(store=postgres_store) as made:
        yield made


class Sealed:
    """A case of t0 with everything that the vault may hold of one: opened, asked for, held,
    published with a word on its words, and its glass broken."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.case = ""
        self.permit = 0

    async def make(self) -> None:
        node = self.node
        taker = await node.staff("taker", grant("call_taker"))
        self.boss = await node.staff("boss", grant("supervisor"))
        cell = await node.staff("cell", grant("grid_worker", "t0v1"))
        parts = [
            ("report", (None, json.dumps(REPORT), "application/json")),
            ("photos", ("a.png", base64.b64decode(photo()), "image/png")),
        ]
        told = await said(await taker.post("/api/reports/upload", files=parts), 201)
        self.case = told["case_id"]
        path = f"/api/cases/{self.case}"
        await said(await taker.post(f"{path}/sealed", json={"purpose": "handling"}))
        await said(await self.boss.post(f"{path}/publish", json={"publish": True}))
        words = await opened(self.boss, self.case)
        body = {"version": words["version"], "verdict": "hold"}
        await said(await self.boss.post(f"{path}/redaction", json=body))
        await said(await self.boss.post(f"{path}/holds", json={"reason": "court", "days": 30}))
        glass = {"case_id": self.case, "reason": "danger_to_life"}
        asked = await said(await cell.post("/api/sight/break-glass", json=glass))
        yes = {"reason": "danger_to_life"}
        given = await said(await self.boss.post(f"/api/sight/asks/{asked['id']}/approve", json=yes))
        self.permit = given["permit"]
        (again,) = (await said(await cell.get("/api/sight/asks")))["asks"]
        assert again["permit"] == self.permit, "one's own, out of reach as it is"
        values = await cell.post(f"/api/sight/permits/{self.permit}/open", json={})
        assert "CANARY-PHONE" in values.text and '"media"' in values.text

    async def met(self, client: httpx.AsyncClient) -> set[str]:
        """Where somebody meets what is sealed, or what is known of it."""
        path, found = f"/api/cases/{self.case}", set[str]()
        for name, answer in (
            ("sealed", await client.post(f"{path}/sealed", json={"purpose": "handling"})),
            ("redaction", await client.post(f"{path}/redaction/open", json={})),
            ("permit", await client.post(f"/api/sight/permits/{self.permit}/open", json={})),
            ("asks", await client.get("/api/sight/asks")),
            ("records", await client.get("/api/sight/records")),
            ("hold", await client.get(f"{path}/holds")),
            ("index of holds", await client.get("/api/holds", params={"standing": "waiting"})),
            ("queue", await client.get("/api/redactions")),
            ("story", await client.get(f"{path}/story")),
        ):
            assert answer.status_code < 500, (name, answer.text)
            mine = answer.text.replace(self.case, "", 1) if name == "hold" else answer.text
            marks = ("CANARY", '"media"', "court", "sealed_opened", f'"case_id":"{self.case}"')
            if answer.status_code == 200 and any(each in mine for each in marks):
                found.add(name)
        return found


def no_first_wall(patch: pytest.MonkeyPatch) -> None:
    """Everybody is let in everywhere; the case itself is read as if the node asked."""
    without_filters(patch)

    async def case(access: Access, case_id: str) -> tuple[BoardRow, Actor]:
        with as_node():
            row = await access.services.store.case(CaseId(case_id))
        assert row is not None
        return row, anywhere(access.rule, access.who)

    def anywhere(rule: Rule, who: Principal, *_: Any) -> Actor:
        return Actor(who.id, who.kind, tuple(each.role for each in who.grants))

    patch.setattr(Access, "case", case)
    patch.setattr(gate, "admit", lambda *_: None)
    patch.setattr(sight, "_is_shown", lambda *_: True)
    patch.setattr(sight, "reach", anywhere)
    patch.setattr(holds, "reach", anywhere)
    patch.setattr(redactions, "reach", anywhere, raising=False)


STRANGERS = (
    grant("supervisor", "t1"),
    grant("dispatcher", "t0v1"),
    grant("supervisor", "county", "someone-else@county"),
    grant("audit_administrator", "t1"),
)


async def test_behind_a_web_without_filters_nothing_sealed_is_met(
    node: Node, fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = Sealed(node)
    await sealed.make()
    here = await node.staff("here", grant("supervisor", "t0"), grant("dispatcher", "t0"))
    honest = await sealed.met(here)
    assert honest >= {"sealed", "redaction", "asks", "hold", "index of holds", "story"}
    audit = await node.staff("audit", grant("audit_administrator"))
    assert {"records", "asks", "hold"} <= await sealed.met(audit)
    strangers = [await node.staff(f"s{n}", each) for n, each in enumerate(STRANGERS)]
    for each in strangers:
        assert await sealed.met(each) == set()
    no_first_wall(monkeypatch)
    assert await sealed.met(here) >= honest
    for number, each in enumerate(strangers):
        assert await sealed.met(each) == set(), STRANGERS[number]
    # Planted: a wall before permits that lets everybody by. Now the values come out.
    await open_wall(fresh_database, "vault.permits")
    assert {"redaction", "records"} <= await sealed.met(strangers[0])
    await open_wall(fresh_database, "vault.holds")
    assert "hold" in await sealed.met(strangers[0])


async def open_wall(dsn: str, table: str) -> None:
    connection: Any = await asyncpg.connect(dsn)
    try:
        hole = f"CREATE POLICY hole ON {table} FOR SELECT TO tocsin_reader USING (true)"
        await connection.execute(hole)
    finally:
        await connection.close()


# -- past the web --------------------------------------------------------------------------


async def shown_to(node: Node, sealed: Sealed, who: Onlooker, by: Actor) -> list[str]:
    """What the stores themselves hand to an onlooker who asks for all of it by its numbers."""
    services = node.services
    vault, found = services.vault, list[str]()
    with as_node():
        refs = list(refs_of(await services.store.journal(CaseId(sealed.case))))
    wish = Wish(CaseId(sealed.case), (CaseId(sealed.case),), "supervisor")
    permits = await vault.permit([wish], by=by, purpose="handling")
    assert not isinstance(permits, SecondPerson)
    pieces = [(CaseId(sealed.case), ref) for ref in refs]
    with looking_as(who):
        assert services.redactions is not None and services.holds is not None
        found += ["asks"] if await vault.asks(9) else []
        found += ["one ask"] if any([await vault.one_ask(n) for n in range(1, 4)]) else []
        found += ["records"] if await vault.opened(None, 9) else []
        found += ["readings"] if await vault.readings(refs) else []
        found += ["words"] if await services.redactions.last_on(pieces) else []
        found += ["holds"] if await services.holds.of() else []
        for number in (permits[0].id, sealed.permit):
            found += ["values"] if await read(vault, refs[:1], number, by) else []
            found += ["a permit"] if await vault.live_permit(number, by=by) else []
    return found


async def read(vault: Any, refs: Sequence[Any], permit: int, by: Actor) -> bool:
    try:
        return bool(await vault.read(refs, [permit], by=by))
    except NotPermitted:
        return False


async def records(dsn: str) -> int:
    connection: Any = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval("SELECT count(*) FROM vault.openings")
    finally:
        await connection.close()


async def test_the_stores_hand_a_stranger_nothing_and_record_nothing(
    node: Node, fresh_database: str
) -> None:
    sealed = Sealed(node)
    await sealed.make()
    by = Actor("stranger", "staff", ("supervisor",))  # pyright: ignore[reportArgumentType]
    before = await records(fresh_database)
    for who in (
        Onlooker(),
        Onlooker(areas=frozenset({AreaId("t1"), AreaId("t0v1")})),
        Onlooker(posts=frozenset({(AreaId("county"), AgencyId("someone-else@county"))})),
        Onlooker(account=by.id),
    ):
        assert await shown_to(node, sealed, who, by) == [], who
    assert await records(fresh_database) == before, "what is not shown has no record"
    found = await shown_to(node, sealed, Onlooker(areas=frozenset({AreaId("t0")})), by)
    assert set(found) == {"asks", "one ask", "records", "readings", "words", "holds", "values",
                          "a permit"}  # fmt: skip
    assert found.count("values") == 1, "not with the permit of somebody else"


async def test_a_value_is_shown_by_its_record_alone(
    node: Node, postgres_store: PostgresStore
) -> None:
    """The reader's own session: in reach, with a permit, and nothing of what was not recorded."""
    sealed = Sealed(node)
    await sealed.make()
    by = Actor("here", "staff", ("supervisor",))  # pyright: ignore[reportArgumentType]
    wish = Wish(CaseId(sealed.case), (CaseId(sealed.case),), "supervisor")
    permits = await node.services.vault.permit([wish], by=by, purpose="handling")
    assert not isinstance(permits, SecondPerson)
    refs = list(refs_of(await postgres_store.journal(CaseId(sealed.case))))
    sql = 'SELECT ref FROM vault."values" ORDER BY 1'
    with looking_as(Onlooker(areas=frozenset({AreaId("t0")}), account=by.id)):
        assert await postgres_store.readers.fetch(sql) == [], "a permit alone shows nothing"
        assert await postgres_store.readers.fetch("SELECT 1 FROM vault.keys") == []
        await node.services.vault.read(refs[:1], [permits[0].id], by=by)
        assert [row[0] for row in await postgres_store.readers.fetch(sql)] == refs[:1]
    with looking_as(Onlooker(areas=frozenset({AreaId("t0")}))):
        assert await postgres_store.readers.fetch(sql) == [], "nor to another who sees the case"


async def test_a_reporter_reads_who_opened_their_words_in_a_part_of_the_case(node: Node) -> None:
    """What was split off shows the first report: its permit is on the part, the value is not."""
    sealed = Sealed(node)
    await sealed.make()
    services, case = node.services, CaseId(sealed.case)
    by = Actor("part", "staff", ("agency_handler",))  # pyright: ignore[reportArgumentType]
    refs = list(refs_of(await services.store.journal(case)))[:1]
    wish = Wish(CaseId("the-part"), (CaseId("the-part"), case), "agency_handler")
    permits = await services.vault.permit([wish], by=by, purpose="handling")
    assert not isinstance(permits, SecondPerson)
    await services.vault.read(refs, [permits[0].id], by=by)
    with looking_as(Onlooker(cases=frozenset({case}))):
        assert "part" in {each.by for each in await services.vault.readings(refs)}
    with looking_as(Onlooker(cases=frozenset({CaseId("another")}))):
        assert await services.vault.readings(refs) == []

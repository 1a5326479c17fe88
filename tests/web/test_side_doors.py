"""Side doors: what shows a matter without asking for it by name. Each has its rows and its hole.

A case, a unit, an asset and an alarm lie in town t0. Whoever works there meets them at every door;
whoever works elsewhere, or for another agency, meets none of them at any.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from tests.web.house import Node, grant
from tests.web.house import node as new_node
from tests.web.test_alarms import add, raised
from tests.web.test_permissions import dispatched
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import Actor, ActorId, AgencyId, CaseId, Refused
from tocsin.runtime.following import follow
from tocsin.runtime.ports import CaseQuery, Message
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.vault import load_master_keys
from tocsin.web import gate, live, regions
from tocsin.web.api import device_orders, lists, units
from tocsin.web.live import View

NOT_MET = 404
DOORS = {
    "list": ("/api/cases", "case"),
    "list, the newest first": ("/api/cases?order=updated", "case"),
    "board and its print": ("/api/board", "case"),
    "tasks": ("/api/tasks", "case"),
    "inbox": ("/api/inbox", "case"),
    "history": ("/api/history", "case"),
    "a case": ("/api/cases/{case}", "case"),
    "its journal": ("/api/cases/{case}/journal", "case"),
    "its story": ("/api/cases/{case}/story", "{"),
    "why it is here": ("/api/cases/{case}/why", "{"),
    "what reporters were told": ("/api/cases/{case}/thread", "messages"),
    "who works on it": ("/api/cases/{case}/colleagues", "{"),
    "the drill-down of a measure": ("/api/measures/sent_in_time/cases", "case"),
    "units": ("/api/units", "unit"),
    "a unit": ("/api/units/{unit}", "unit"),
    "its alerts": ("/api/units/{unit}/alerts", "alerts"),
    "alarms": ("/api/alarms", "alarm"),
    "an alarm": ("/api/alarms/{alarm}", "alarm"),
    "assets": ("/api/assets", "asset"),
    "the export of assets": ("/api/assets.csv", "asset"),
    "an asset": ("/api/assets/{asset}", "asset"),
    "its history": ("/api/assets/{asset}/history", "{"),
    "its label": ("/api/assets/{asset}/label.svg", "svg"),
}
"""Path and mark of each door: the mark is in the answer of whoever meets the matter there."""


class Matter:
    """What lies in town t0, and who comes to the doors."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.ids: dict[str, str] = {}
        self.lead = ""

    async def make(self) -> None:
        case_id, self.lead = await dispatched(self.node)
        asset, admin = await add(self.node, owner=self.lead)
        alarm = await raised(self.node)
        body = {"name": "R1", "agency": self.lead, "area": "t0", "kind": "repair-crew"}
        unit = (await admin.post("/api/units", json=body)).json()["id"]
        self.ids = {"case": case_id, "asset": asset, "alarm": alarm, "unit": unit}
        self.node.clock.move(minutes=1)
        services = self.node.services
        assert services.stories is not None
        await follow(services.store, services.stories)

    async def met(self, client: httpx.AsyncClient) -> set[str]:
        """The doors at which somebody meets the matter."""
        found: set[str] = set()
        for name, (path, mark) in DOORS.items():
            answer = await client.get(path.format(**self.ids))
            assert answer.status_code < 500, (name, answer.text)
            if answer.status_code == 200 and self.ids.get(mark, mark) in answer.text:
                found.add(name)
        return found


@pytest.fixture
async def matter(node: Node) -> Matter:
    made = Matter(node)
    await made.make()
    return made


async def test_who_works_there_meets_it_and_nobody_else_does(matter: Matter) -> None:
    staff, lead = matter.node.staff, matter.lead
    here = await matter.met(await staff("here", grant("supervisor", "t0")))
    county = await matter.met(await staff("county", grant("supervisor")))
    # An inbox holds what went wrong, a drill-down what is counted, tasks are an agency's.
    missing = set(DOORS) - county
    assert missing <= {"inbox", "tasks", "the drill-down of a measure"}, missing
    assert here == county
    handler = await matter.met(await staff("own", grant("agency_handler", agency=lead)))
    assert {"a case", "tasks", "units", "assets", "alarms", "its label"} <= handler
    for login, each in (
        ("sibling", grant("supervisor", "t1")),
        ("village", grant("supervisor", "t1v0")),
        ("other", grant("agency_handler", agency="someone-else@county")),
        ("away", grant("agency_handler", "t1", lead)),
    ):
        assert await matter.met(await staff(login, each)) == set(), login


async def test_a_key_and_a_stranger_with_the_number_meet_nothing(matter: Matter) -> None:
    client = await matter.node.key(grant("supervisor", "t1"), scopes=("cases:read",))
    assert await matter.met(client) == set()
    assert await matter.met(matter.node.client()) == set()
    code = await matter.node.client().get("/api/receipts/" + matter.ids["case"])
    assert code.status_code in (NOT_MET, 422), "the number of a case is no tracking code"


def everything(*_: Any, **__: Any) -> bool:
    return True


@pytest.mark.parametrize(
    ("hole", "doors"),
    [
        ("lists forget where", {"list", "board and its print"}),
        ("units forget whose", {"units"}),
        ("devices forget whose", {"alarms", "assets", "the export of assets"}),
        ("the gate forgets reach", {"a case", "its journal", "its story", "an asset", "an alarm"}),
        ("the inbox is everybody's", {"inbox"}),
    ],
)
async def test_a_planted_hole_is_found_at_its_door(
    matter: Matter, hole: str, doors: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def whole(query: CaseQuery, *_: Any) -> CaseQuery:
        return replace(query, area=None, tier=None, agencies=())

    def anywhere(rule: Any, who: Any, areas: Any, agencies: Any) -> Any:
        return Actor(who.id, who.kind, tuple(each.role for each in who.grants))

    told = {each.audience for each in await sent(matter)}
    plant: dict[str, Callable[[], None]] = {
        "lists forget where": lambda: monkeypatch.setattr(regions, "narrowed", whole),
        "units forget whose": lambda: monkeypatch.setattr(units, "covers", everything),
        "devices forget whose": lambda: monkeypatch.setattr(device_orders, "covers", everything),
        "the gate forgets reach": lambda: monkeypatch.setattr(gate, "reach", anywhere),
        "the inbox is everybody's": lambda: monkeypatch.setattr(
            lists, "audiences_of", lambda *_: told
        ),
    }
    stranger = await matter.node.staff("stranger", grant("supervisor", "t1"))
    assert not doors & await matter.met(stranger)
    plant[hole]()
    assert doors <= await matter.met(stranger)


async def sent(matter: Matter) -> list[Any]:
    """A message to a desk of the case, as an errand would leave one."""
    store: Any = matter.node.services.store
    now = matter.node.clock.now()
    message = Message("m-1", CaseId(matter.ids["case"]), now, "role:x", "reminder", None)
    await store.deliver(message)
    return [message]


# -- the stream --------------------------------------------------------------------------


async def heard(matter: Matter, agency: str, work: Callable[[], Awaitable[None]]) -> bytes:
    """What an agency's screens hear of what is done meanwhile."""
    hub = matter.node.app.state.web.hub
    await hub.tick()
    mine = hub.join(View(agency, lambda areas, agencies: agency in agencies))
    await work()
    await hub.tick()
    hub.leave(mine)
    return b"".join(mine.queue)


async def test_a_case_that_was_taken_from_an_agency_is_heard_of_once_more_and_then_no_more(
    matter: Matter, monkeypatch: pytest.MonkeyPatch
) -> None:
    chief = await matter.node.staff("chief", grant("supervisor"))
    path = f"/api/cases/{matter.ids['case']}"
    helper = next(
        f"{code}@county" for code in sorted(matter.node.services.pack.agencies)
        if f"{code}@county" != matter.lead
    )  # fmt: skip

    async def post(verb: str, **body: str) -> None:
        answer = await chief.post(f"{path}/{verb}", json=body)
        assert answer.status_code == 200, answer.text

    await post("add-task", agency=helper, reason="help_needed")
    handler = await matter.node.staff("helper", grant("agency_handler", agency=helper))
    shown = (await handler.get(path)).json()
    task = next(each["id"] for each in shown["tasks"] if each["agency"] == helper)

    async def cancelled() -> None:
        await post("cancel-task", task=task, reason="not_needed")

    async def noted() -> None:
        await post("add-note", text="who takes it?")

    mark = matter.ids["case"].encode()
    assert mark in await heard(matter, helper, cancelled)
    assert await heard(matter, helper, noted) == b""
    assert (await handler.get(path)).status_code == 403

    def ever(case: Case, _: Sequence[object] = ()) -> tuple[AgencyId, ...]:
        return tuple(each.agency for each in case.tasks)

    # Planted: whoever had it once goes on hearing of it.
    monkeypatch.setattr(live, "agencies_told", ever)
    assert mark in await heard(matter, helper, noted)


async def test_a_role_that_is_taken_away_ends_the_stream(matter: Matter) -> None:
    node = matter.node
    client = await node.staff("leaving", grant("supervisor", "t0"))
    hub = node.app.state.web.hub
    async with client.stream("GET", "/api/live", headers={"accept": "text/event-stream"}) as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        assert await hub.end_dead() == 0
        account = await node.accounts.store.by_login("leaving")
        assert account is not None
        changed = await node.accounts.change(replace(account, grants=()), ActorId("test"))
        assert not isinstance(changed, Refused)
        # Planted: with nobody asked who still lives, the stream goes on.
        living, hub.living = hub.living, None
        assert await hub.end_dead() == 0
        hub.living = living
        assert await hub.end_dead() == 1
        async with asyncio.timeout(30):
            async for _ in lines:
                pass


# -- behind every hole -------------------------------------------------------------------


async def test_the_database_shows_nothing_behind_a_hole_of_the_web(
    fresh_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL, with every filter of the web for units, assets, alarms and cases taken out:
    the stranger still meets nothing of them, and who works there meets what they met before."""
    store = PostgresStore(fresh_database, load_master_keys(tmp_path / "vault.key"))
    await store.open()
    try:
        async with new_node(store=store) as node:
            matter = Matter(node)
            await matter.make()
            here = await node.staff("here", grant("supervisor", "t0"))
            strangers = [
                await node.staff("stranger", grant("supervisor", "t1")),
                await node.staff("other", grant("agency_handler", agency="someone-else@county")),
            ]
            honest = await matter.met(here)
            assert {"units", "alarms", "assets", "its history", "a case", "its alerts"} <= honest
            forget(monkeypatch)
            assert await matter.met(here) >= honest
            for each in strangers:
                assert not await matter.met(each) & BEHIND_THE_WALL
            # Planted: the policies let everybody by. Now each of the doors is open.
            await open_the_wall(fresh_database)
            assert await matter.met(strangers[0]) >= {"units", "alarms", "assets", "a unit"}
    finally:
        await store.close()


BEHIND_THE_WALL = set(DOORS) - {"inbox", "history", "the drill-down of a measure"}
"""Doors of which the rows come straight from tables with a policy."""


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes the filters out of the web."""

    def whole(query: CaseQuery, *_: Any) -> CaseQuery:
        return replace(query, area=None, tier=None, agencies=())

    def anywhere(rule: Any, who: Any, areas: Any, agencies: Any) -> Any:
        return Actor(who.id, who.kind, tuple(each.role for each in who.grants))

    monkeypatch.setattr(regions, "narrowed", whole)
    monkeypatch.setattr(units, "covers", everything)
    monkeypatch.setattr(device_orders, "covers", everything)
    monkeypatch.setattr(gate, "reach", anywhere)


async def open_the_wall(dsn: str) -> None:
    connection: Any = await asyncpg.connect(dsn)
    try:
        for table in ("units", "assets", "alarms"):
            await connection.execute(
                f"CREATE POLICY hole ON {table} FOR SELECT TO tocsin_reader USING (true)"
            )
    finally:
        await connection.close()

"""Every operation from every position: the written matrix, and the application that is to keep it.

`test_permissions` calls each role from four positions; here are the other positions, those who are
somebody no more, and a proof that a row is missed when it is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from tests.web.house import Node, grant
from tests.web.test_alarms import add, raised
from tests.web.test_permissions import SKIPPED, Operation, ask, dispatched, operations
from tocsin.kernel.shared import ActorId, AreaId, Refused
from tocsin.runtime.accounts import ROLES, Grant, Role
from tocsin.web import matrix
from tocsin.web.matrix import POSITIONS, Position
from tocsin.web.openapi import openapi
from tocsin.web.permissions import CASE_ROLES, RULES, Rule

HERE = {"county": "county", "town": "t0", "cell": "t0v0-0000", "sibling": "t1",
        "other-village": "t0v1"}  # fmt: skip
"""The matrix's areas, in the county of the tests."""
ELSEWHERE = {"drill.start", "drill.end"}
"""Their site is in the body, or under a drill's number: see `test_moved_side_doors.py`."""
REFUSED = ("role_missing", "outside_scope")


def granted(role: Role, position: Position, lead: str) -> Grant:
    agency = {None: None, matrix.OWN: lead, matrix.OTHER: "someone-else@county"}[position.agency]
    return grant(role, HERE[position.area], agency)


def first_role(rule: Rule) -> Role | None:
    return next((role for role in ROLES if role in rule.roles), None)


async def every(node: Node) -> tuple[list[Operation], str]:
    """Each operation at a case, a unit, an asset and an alarm of town t0, and the lead agency."""
    case_id, lead = await dispatched(node)
    asset, admin = await add(node, area=HERE["cell"], owner=lead)
    body = {"name": "R1", "agency": lead, "area": HERE["cell"], "kind": "repair-crew"}
    unit = (await admin.post("/api/units", json=body)).json()["id"]
    alarm = await raised(node)
    found = operations(node.app, case_id, unit, asset_id=asset, alarm_id=alarm)
    return [each for each in found if each.name not in SKIPPED | ELSEWHERE], lead


# -- the document ------------------------------------------------------------------------


def without_a_row(app: FastAPI, rows: Collection[str]) -> list[str]:
    paths = openapi(app)["paths"].values()
    named = {each["operationId"] for methods in paths for each in methods.values()}
    return sorted(named - set(rows))


async def test_every_operation_of_the_document_has_a_row(node: Node) -> None:
    assert without_a_row(node.app, RULES) == []
    planted = set(RULES) - {"inbox.list"}
    assert without_a_row(node.app, planted) == ["inbox.list"], "one without a row is named"


def test_what_a_person_wrote_down_of_the_positions() -> None:
    """By hand, for one operation of each scope: letters in the order of the positions."""
    rows = {row[0].strip("`"): dict(zip(ROLES, row[1:], strict=True)) for row in matrix.rows()}
    assert rows["case.show"]["dispatcher"] == "PICA"
    assert rows["case.show"]["administrator"] == ""
    assert rows["case.verify"]["agency_handler"] == ""
    assert rows["unit.report_status"]["agency_handler"] == "PICA"
    assert rows["asset.show"]["grid_worker"] == "PICA"
    assert rows["case.list"]["supervisor"] == "all"
    assert rows["account.create"]["administrator"] == "P"
    assert rows["sight.records"]["audit_administrator"] == "P"
    assert rows["report.create"]["call_taker"] == "PICAB"


# -- the application ---------------------------------------------------------------------


@pytest.mark.slow
async def test_every_operation_from_every_position(node: Node) -> None:
    """One role an operation, all positions: what the matrix says is what the gate does."""
    found, lead = await every(node)
    people: dict[tuple[Role, str], httpx.AsyncClient] = {}
    wrong: list[str] = []
    for operation in found:
        rule = RULES[operation.name]
        role = first_role(rule)
        for position in POSITIONS if role is not None else ():
            assert role is not None
            client = people.get((role, position.letter))
            if client is None:
                login = f"{role}-{position.letter.lower()}"
                client = people[role, position.letter] = await node.staff(
                    login, granted(role, position, lead)
                )
            status, reason = await ask(client, operation)
            is_in = reason not in REFUSED and status != 401
            if is_in != matrix.lets_in(rule, role, position):
                wrong.append(f"{operation.name} as {role} {position.name}: {status} {reason}")
    assert wrong == []


async def gone(node: Node) -> Iterator[tuple[str, httpx.AsyncClient]]:
    """Those who were somebody: with everything that they had then."""
    by, everything = ActorId("test"), [grant(role) for role in CASE_ROLES]
    made: list[tuple[str, httpx.AsyncClient]] = []
    for name, change in (
        ("a right that ended", {"grants": ()}),
        ("a right that moved to another town", {"grants": (grant("dispatcher", "t1"),)}),
        ("an account that was switched off", {"is_active": False}),
    ):
        login = f"gone{len(made)}"
        client = await node.staff(login, *everything)
        account = await node.accounts.store.by_login(login)
        assert account is not None
        changed = await node.accounts.change(replace(account, **change), by)  # pyright: ignore[reportArgumentType]
        assert not isinstance(changed, Refused)
        made.append((name, client))
    client = await node.key(*everything, scopes=("cases:read", "cases:write"))
    key = (await node.accounts.store.keys())[0]
    await node.accounts.revoke_key(key.id, by)
    made.append(("a key that was revoked", client))
    client = await node.staff("left", *everything)
    await client.post("/api/logout")
    made.append(("a session that was ended", client))
    return iter(made)


@pytest.mark.slow
async def test_who_is_somebody_no_more_gets_nowhere(node: Node) -> None:
    found, _ = await every(node)
    wrong: list[str] = []
    for name, client in await gone(node):
        for operation in found:
            if RULES[operation.name].scope == "open":
                continue
            status, reason = await ask(client, operation)
            if (status, reason) != (401, "sign_in_needed"):
                wrong.append(f"{operation.name} with {name}: {status} {reason}")
    assert wrong == []


def test_a_hole_in_the_table_is_a_difference() -> None:
    """Planted: a reach that forgets the agency lets two positions in that the matrix refuses."""
    rule = RULES["case.show"]
    honest = [each.letter for each in POSITIONS if matrix.lets_in(rule, "agency_handler", each)]
    planted = [each.letter for each in POSITIONS if each.area in ("county", "town", "cell")]
    assert honest != planted and "B" in planted and "B" not in honest
    assert AreaId("county") in matrix.AREAS

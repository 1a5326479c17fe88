"""One policy table guards every route: nothing without a row, every cell as the table says."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Route

from tests.web.house import BODY, Node, grant
from tests.web.house import node as make_node
from tocsin.kernel.cases.vocabulary import Command
from tocsin.kernel.shared import ActorId, AgencyId, AreaId, AreaPath, Refused
from tocsin.kernel.units.vocabulary import Command as UnitCommand
from tocsin.runtime.accounts import ROLES, Grant, Role
from tocsin.web import console, crew_page, pages
from tocsin.web.api import crews
from tocsin.web.commands import NOT_VERBS
from tocsin.web.commands import VERBS as ROWS
from tocsin.web.gate import GatedRoute
from tocsin.web.openapi import openapi
from tocsin.web.permissions import (
    CASE_ROLES,
    PURPOSES,
    RULES,
    UNIT_VERBS,
    VERBS,
    Principal,
    Rule,
    admit,
    reach,
)
from tocsin.web.public import routes as public
from tocsin.web.sealed import OPENS

OPEN_ROUTES = (*pages.ROUTES, *public.ROUTES, *console.ROUTES, *crew_page.ROUTES)
"""Pages and files that hold nothing of any case; they ask the API like everybody else."""
RAW = ("/open311/", "/intakes/")
"""Intakes check their keys themselves, by scope, through the ring of keys."""


def unguarded(app: FastAPI) -> list[str]:
    """Routes that no row of the table guards."""
    return [
        path_of(route)
        for route in app.routes
        if not (isinstance(route, GatedRoute) and route.operation_id in RULES)
        and not path_of(route).startswith(RAW)
        and route not in OPEN_ROUTES
    ]


def path_of(route: BaseRoute) -> str:
    return getattr(route, "path", repr(route))


async def test_every_route_has_a_row_and_every_row_a_route(node: Node) -> None:
    assert unguarded(node.app) == []
    served = {route.operation_id for route in node.app.routes if isinstance(route, APIRoute)}
    assert set(RULES) == served


async def test_a_route_past_the_gate_is_found(node: Node) -> None:
    async def open_door() -> dict[str, str]:
        return {}

    node.app.add_api_route("/api/back-door", open_door)
    node.app.router.routes.append(Route("/side-door", open_door))  # pyright: ignore[reportArgumentType]
    assert unguarded(node.app) == ["/api/back-door", "/side-door"]


def test_a_gated_route_without_a_row_does_not_start() -> None:
    routes = APIRouter(route_class=GatedRoute)
    with pytest.raises(LookupError):

        @routes.get("/api/forgotten", operation_id="forgotten")
        async def forgotten() -> None: ...


def test_every_command_has_one_verb_or_a_reason_why_not() -> None:
    assert {row.command for row in ROWS} | set(NOT_VERBS) == set(get_args(Command))
    assert {row.command for row in ROWS}.isdisjoint(NOT_VERBS)
    assert {row.name for row in ROWS} | {"attach_report"} == set(VERBS)


def test_every_command_on_a_unit_has_one_verb_or_a_reason_why_not() -> None:
    assert {row.command for row in crews.VERBS} | set(crews.NOT_VERBS) == set(get_args(UnitCommand))
    assert {row.name for row in crews.VERBS} | {"redispatch", "move"} == set(UNIT_VERBS)


def test_every_purpose_says_what_it_opens_and_for_whom() -> None:
    assert set(PURPOSES) == set(OPENS)
    assert [name for name, kinds in OPENS.items() if "contact" in kinds] == ["contact_reporter"]


# -- the matrix ------------------------------------------------------------------------

SCOPES = ("inside", "outside", "own_agency", "other_agency")


def grant_for(role: Role, scope: str, lead: str) -> Grant:
    match scope:
        case "inside":
            return grant(role, "t0")
        case "outside":
            return grant(role, "t1")
        case "own_agency":
            return grant(role, "county", lead)
        case _:
            return grant(role, "county", "someone-else@county")


def expected(rule: Rule, role: Role | None, scope: str) -> str | None:
    """The reason the table gives for a signed-in principal with this one grant; None: let in."""
    if rule.scope in ("open", "account"):
        return None
    if role not in rule.roles:
        return "role_missing"
    if rule.scope == "county":
        return "role_missing"  # no grant of the matrix is over a whole county without an agency
    if rule.scope == "place" and scope == "outside":
        return "outside_scope"
    if rule.scope in ("case", "unit") and scope in ("outside", "other_agency"):
        return "outside_scope"
    return None


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    path: str
    example: Any
    multipart: bool


def operations(app: FastAPI, case_id: str, unit_id: str = "", **more: str) -> Iterator[Operation]:
    known = {
        "case_id": case_id,
        "unit_id": unit_id or "unknown-1",
        "hold": "1",
        "number": "1",
        **more,
    }
    document = openapi(app)
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, each in methods.items():
            content = each.get("requestBody", {}).get("content", {})
            example = None
            if "application/json" in content:
                name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
                example = schemas[name]["examples"][0]
            for parameter in each.get("parameters", ()):
                if parameter["in"] == "path":
                    value = known.get(parameter["name"], "unknown-1")
                    path = path.replace("{" + parameter["name"] + "}", value)
            yield Operation(
                each["operationId"], method, path, example, "multipart/form-data" in content
            )


async def ask(client: httpx.AsyncClient, operation: Operation) -> tuple[int, str | None]:
    example = operation.example
    if operation.name in ("report.create", "case.attach_report", "pack.explain"):
        example = {**example, "place": BODY["place"], "case_type": BODY["case_type"]}
    kwargs: dict[str, Any] = {"json": example} if example is not None else {}
    if operation.multipart:
        import json

        kwargs = {"files": {"report": (None, json.dumps(BODY), "application/json")}}
    answer = await client.request(
        operation.method,
        operation.path,
        # No command gets further than the scope: the version is one that never was.
        headers={"If-Match": '"99999"'},
        **kwargs,
    )
    assert answer.status_code < 500, answer.text
    is_problem = answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["reason"] if is_problem else None


async def dispatched(node: Node) -> tuple[str, str]:
    """A case in town t0 that is with its lead agency."""
    client = await node.staff("setup", grant("dispatcher"))
    case_id = (await client.post("/api/reports", json=BODY)).json().get("case_id")
    if case_id is None:
        taker = await node.staff("setup2", grant("call_taker"))
        case_id = (await taker.post("/api/reports", json=BODY)).json()["case_id"]
    for verb, body in (("accept", {}), ("file", {}), ("dispatch", {"reason": "routine"})):
        answer = await client.post(f"/api/cases/{case_id}/{verb}", json=body)
        assert answer.status_code == 200, answer.text
    return case_id, answer.json()["lead"]


async def stationed(node: Node, agency: str) -> str:
    """A unit of that agency at home in town t0."""
    admin = await node.staff("setup3", grant("administrator"))
    body = {"name": "R1", "agency": agency, "area": "t0", "kind": "repair-crew"}
    answer = await admin.post("/api/units", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


SKIPPED = {"session.logout", "session.renew", "health.ready"}
"""Two end the token that the matrix needs; the third answers 503 without a runner."""


@pytest.mark.slow
async def test_every_operation_for_every_role_in_every_scope(node: Node) -> None:
    case_id, lead = await dispatched(node)
    found = operations(node.app, case_id, await stationed(node, lead))
    every = [each for each in found if each.name not in SKIPPED]
    wrong: list[str] = []
    for role in ROLES:
        for scope in SCOPES:
            client = await node.staff(f"{role}-{scope}", grant_for(role, scope, lead))
            for operation in every:
                wanted = expected(RULES[operation.name], role, scope)
                status, reason = await ask(client, operation)
                denied = reason if reason in ("role_missing", "outside_scope") else None
                if denied != wanted or status == 401 and reason == "sign_in_needed":
                    wrong.append(f"{operation.name} as {role} {scope}: {status} {reason}")
    assert wrong == []


@pytest.mark.slow
async def test_nobody_gets_past_what_is_open(node: Node) -> None:
    case_id, _ = await dispatched(node)
    for headers in ({}, {"X-API-Key": "tok_wrong"}, {"Cookie": "tocsin_session=wrong"}):
        client = node.client(**headers)
        for operation in operations(node.app, case_id):
            if operation.name in SKIPPED:
                continue
            status, reason = await ask(client, operation)
            is_open = RULES[operation.name].scope == "open"
            assert (reason == "sign_in_needed") == (not is_open), (operation.name, status, reason)


async def test_keys_do_only_what_their_scopes_say(node: Node) -> None:
    case_id, _ = await dispatched(node)
    grants = [grant(role) for role in CASE_ROLES]
    client = await node.key(*grants, scopes=("cases:read",))
    for operation in operations(node.app, case_id):
        rule = RULES[operation.name]
        if rule.scope == "open" or operation.name in SKIPPED:
            continue
        _, reason = await ask(client, operation)
        assert (reason == "key_scope_missing") == (rule.key != "cases:read"), operation.name


# -- truths that a person wrote down ----------------------------------------------------

HERE = AreaPath(AreaId("county"), AreaId("t0"), AreaId("t0v0"), AreaId("t0v0-0000"))
ROADS = AgencyId("roads@county")


def above(area: AreaId) -> tuple[AreaId, ...]:
    return () if area == "county" else (AreaId("county"),)


def can(operation: str, *grants: Grant) -> bool:
    rule = RULES[operation]
    principal = Principal(ActorId("a"), "staff", grants)
    if admit(rule, principal, above) is not None:
        return False
    return rule.scope not in ("case", "unit") or not isinstance(
        reach(rule, principal, HERE, (ROADS,)), Refused
    )


@pytest.mark.parametrize(
    ("operation", "grants", "may"),
    [
        ("case.show", (grant("dispatcher"),), True),
        ("case.show", (grant("dispatcher", "t0"),), True),
        ("case.show", (grant("grid_worker", "t0v0-0000"),), True),
        ("case.show", (grant("dispatcher", "t1"),), False),
        ("case.show", (grant("administrator"),), False),  # keeps accounts, reads no case
        ("case.show", (grant("agency_handler", "county", "roads@county"),), True),
        ("case.show", (grant("agency_handler", "county", "fire@county"),), False),
        ("case.show", (grant("agency_handler", "t1", "roads@county"),), False),
        ("case.verify", (grant("agency_handler", "county", "roads@county"),), False),
        ("case.verify", (grant("verifier"),), True),
        ("case.evaluate", (grant("supervisor"),), False),
        ("case.arbitrate", (grant("dispatcher"),), False),
        ("case.arbitrate", (grant("arbiter"),), True),
        ("case.accept", (grant("evaluator"),), False),
        ("account.create", (grant("administrator"),), True),
        ("account.create", (grant("administrator", "t0"),), False),  # or a town makes a county
        ("account.create", (grant("supervisor"),), False),
        ("key.create", (grant("administrator", "county", "roads@county"),), False),
        ("errand.revive", (grant("supervisor"),), False),
        ("case.list", (), False),
        ("unit.create", (grant("administrator"),), True),
        ("unit.create", (grant("dispatcher"),), False),
        ("unit.send", (grant("dispatcher"),), True),
        ("unit.send", (grant("agency_handler", "county", "roads@county"),), False),
        ("unit.report_status", (grant("agency_handler", "county", "roads@county"),), True),
        ("unit.report_status", (grant("evaluator"),), False),
        ("unit.list", (grant("administrator"),), True),
    ],
)
def test_truths(operation: str, grants: tuple[Grant, ...], may: bool) -> None:
    assert can(operation, *grants) is may


def test_an_actor_has_only_the_roles_that_reach_the_case() -> None:
    principal = Principal(
        ActorId("a"), "staff", (grant("supervisor", "t1"), grant("dispatcher", "t0"))
    )
    actor = reach(RULES["case.show"], principal, HERE, ())
    assert not isinstance(actor, Refused)
    assert actor.roles == ("dispatcher",)
    refused = reach(RULES["case.decide_hold"], principal, HERE, ())
    assert not isinstance(refused, Refused), "a dispatcher may try; the kernel decides"


async def test_one_planted_hole_is_found_by_the_matrix() -> None:
    """The matrix is worth something: a table that lets one more role in differs over HTTP."""
    async with make_node() as node:
        case_id, lead = await dispatched(node)
        client = await node.staff("eve", grant_for("evaluator", "inside", lead))
        operation = next(
            each for each in operations(node.app, case_id) if each.name == "case.accept"
        )
        _, reason = await ask(client, operation)
        honest = expected(RULES["case.accept"], "evaluator", "inside")
        planted = Rule("case.accept", "case", frozenset({"evaluator"}), writes=True)
        assert reason == honest
        assert reason != expected(planted, "evaluator", "inside")

"""The API against its own OpenAPI document: examples everywhere, schemathesis with all checks."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.web.house import BODY, LOOSE, Node, grant
from tests.web.house import node as make_node
from tocsin.kernel.shared import ActorId
from tocsin.runtime.accounts import KEY_SCOPES
from tocsin.web.openapi import openapi
from tocsin.web.permissions import CASE_ROLES
from tocsin.web.problems import MEDIA_TYPE
from tocsin.web.views import CasesView, CaseView


def every_operation(node: Node) -> list[dict[str, Any]]:
    paths = openapi(node.app)["paths"]
    return [operation for methods in paths.values() for operation in methods.values()]


async def test_every_operation_has_words_examples_and_problems(node: Node) -> None:
    schemas = openapi(node.app)["components"]["schemas"]
    for operation in every_operation(node):
        name = operation["operationId"]
        assert operation["summary"].endswith("."), name
        body = operation.get("requestBody", {}).get("content", {})
        for kind, content in body.items():
            is_told = "example" in content or schemas[_name(content["schema"])].get("examples")
            assert is_told, (name, kind)
        for status, answer in operation["responses"].items():
            kinds = set(answer.get("content", {}))
            if status.startswith("3"):
                assert not kinds, (name, status)
            elif status.startswith("2"):
                assert all("example" in each for each in answer["content"].values()), name
            elif name != "health.ready":
                assert kinds == {MEDIA_TYPE}, (name, status)


def _name(schema: dict[str, Any]) -> str:
    return schema["$ref"].rpartition("/")[2]


async def test_views_are_what_the_schema_says(node: Node) -> None:
    """Answers are not validated on their way out, so here they are, to the last member."""
    taker = await node.staff("taker", grant("call_taker"))
    for kind in ("street-light-out", "building-fire"):
        body = {**BODY, "case_type": kind, "dispatch_now": kind == "building-fire"}
        case_id = (await taker.post("/api/reports", json=body)).json()["case_id"]
        CaseView.model_validate_json((await taker.get(f"/api/cases/{case_id}")).content)
    CasesView.model_validate_json((await taker.get("/api/cases")).content)


@pytest.mark.slow
async def test_schemathesis_with_all_checks(tmp_path: Path) -> None:
    async with make_node(LOOSE) as node:
        lead = "lighting@county"
        grants = [
            grant(role, agency=lead if role == "agency_handler" else None) for role in CASE_ROLES
        ]
        _, text = await node.accounts.create_key("fuzz", KEY_SCOPES, grants, ActorId("fuzz"))
        beat = node.services.heartbeat
        beat.woke_at = beat.ran_at = node.clock.now()
        taker = await node.staff("taker", grant("call_taker"))
        for number in range(3):
            await taker.post("/api/reports", json={**BODY, "text": f"lamp {number}"})
        run = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("schemathesis")),
            *("run", f"{node.url}/api/openapi.json", "--header", f"X-API-Key: {text}"),
            *("--checks", "all", "--phases", "examples,coverage,fuzzing", "--max-examples", "3"),
            *("--seed", "1", "--continue-on-failure", "--no-color"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await run.communicate()
        assert run.returncode == 0, out.decode()[-6_000:]

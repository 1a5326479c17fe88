"""Schemathesis with all its checks on every operation of a real node, none of them left unreached.

A node that refuses everything passes every check of a schema. So here each operation is asked by
somebody who may, about something that is there, and one that was never carried out fails the test.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.browser.town import PASSWORD
from tests.reach.opening import OpenTown, open_town

ROOT = Path(__file__).parents[2]
EXAMPLES = int(os.environ.get("TOCSIN_HOSTILE", "1"))
"""Generated requests for each operation and kind of data; `make hostile` asks for more."""

# The phase of examples asks what that of coverage asks too; the long run has all of them.
PHASES = "coverage,fuzzing,stateful" if EXAMPLES == 1 else "examples,coverage,fuzzing,stateful"
CONFIG = """
[checks.positive_data_acceptance]
# 412 as well: the version that was drawn is not the one that is there.
expected-statuses = ["2xx", "3xx", 401, 403, 404, 409, 412, 429, "5xx"]
"""


def unreached(told: Mapping[str, Any], operations: list[str]) -> list[str]:
    """Operations that never answered that it was done, with what they answered instead."""
    return [
        f"{operation}: {told['answers'].get(operation, 'never asked')}"
        for operation in sorted(operations)
        if not told["done"].get(operation)
    ]


async def first(town: OpenTown) -> tuple[dict[str, Any], str]:
    """The first administrator, who can be made once only."""
    body = {"token": town.node.link, "login": "root", "name": "Root", "password": PASSWORD}
    kind = {"content-type": "application/json"}
    answer = await town.node.ask("POST", "/api/first", json.dumps(body).encode(), kind)
    assert answer.status == 200, answer.body
    return answer.json(), answer.headers["set-cookie"].split(";", 1)[0]


async def schemathesis(town: OpenTown, folder: Path, *more: str) -> tuple[int, str, Any]:
    """Its exit code, its report, and what the hooks counted."""
    admin, cookie = await first(town)
    known, out = folder / "known.json", folder / "answers.json"
    (folder / "schemathesis.toml").write_text(CONFIG)
    known.write_text((await town.known(admin, cookie)).written())
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.reach.hooks",
        "TOCSIN_REACH_KNOWN": str(known),
        "TOCSIN_REACH_OUT": str(out),
    }
    run = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        *("run", f"{town.origin}/api/openapi.json", "--checks", "all"),
        *("--phases", PHASES, "--max-examples", str(EXAMPLES)),
        # Asked above: there is one first administrator, and one link for them.
        *("--exclude-operation-id", "session.first"),
        *("--seed", "1", "--continue-on-failure", "--no-color", "--warnings", "off", *more),
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await run.communicate()
    told = (
        json.loads(out.read_text()) if out.exists() else {"answers": {}, "done": {}, "troubles": {}}
    )
    return int(run.returncode or 0), said.decode(errors="replace"), told


@pytest.mark.slow
async def test_every_operation_is_reached_and_answers_as_it_says(tmp_path: Path) -> None:
    async with open_town(tmp_path) as town:
        document = (await town.node.ask("GET", "/api/openapi.json")).json()
        operations = [
            each["operationId"] for ways in document["paths"].values() for each in ways.values()
        ]
        operations.remove("session.first")
        operations.remove("openapi")  # what schemathesis reads first, and so does not ask
        code, said, told = await schemathesis(town, tmp_path)
        count = sum(sum(given.values()) for given in told["answers"].values())
        print(f"{len(operations)} operations, {count} requests; not set up: {told['troubles']}")
        assert (code, unreached(told, operations), told["troubles"]) == (0, [], {}), said[-9_000:]
        assert "request_failed" not in town.node.log.read_text()


def test_an_operation_that_nobody_reached_is_found() -> None:
    """Planted: one that always refuses, and one that is never asked."""
    told = {"answers": {"a": {"200": 1, "404": 9}, "b": {"404": 9}}, "done": {"a": 1}}
    found = unreached(told, ["a", "b", "c"])
    assert found == ["b: {'404': 9}", "c: never asked"]

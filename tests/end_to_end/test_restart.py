"""Promises that fall due while the node is down are kept after it is up again, exactly once."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.live_node import LiveNode, NodeError

FORM = {"content-type": "application/x-www-form-urlencoded"}
CASES = 60
BEGIN = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
PATIENCE_S = 60
Spoken = Counter[tuple[str, str, str, int]]
"""How often a rung spoke: by case, kind of event, clock, percent (100 for the miss itself)."""


def at(after: timedelta) -> tuple[str, ...]:
    """A node whose time begins so long after the first one's."""
    return "--demo-start", (BEGIN + after).isoformat(), "--speed", "1"


async def spoken(node: LiveNode) -> Spoken:
    """Everything the clocks have said, from the journal."""
    found: Spoken = Counter()
    async with node.database() as database:
        rows = await database.fetch("SELECT case_id, events FROM journal ORDER BY seq")
    for row in rows:
        for name, event in json.loads(row["events"]):
            if name in ("deadline_missed", "clock_escalated"):
                found[row["case_id"], name, event["key"], event.get("percent", 100)] += 1
    return found


async def due_now(node: LiveNode, now: datetime) -> int:
    async with node.database() as database:
        sql = "SELECT count(*) FROM cases WHERE next_wake <= $1"
        return int(await database.fetchval(sql, now))


async def until_quiet(node: LiveNode, now: datetime) -> None:
    until = time.monotonic() + PATIENCE_S
    while await due_now(node, now):
        if time.monotonic() > until:
            raise NodeError("clocks are due and nobody speaks")
        await asyncio.sleep(0.1)


def repeated(found: Spoken) -> list[Any]:
    return [what for what, times in found.items() if times != 1]


@pytest.mark.slow
async def test_clocks_that_fall_due_while_the_node_is_down(tmp_path: Path):
    node = LiveNode(tmp_path / "data", at(timedelta()))
    try:
        await node.start()
        for number in range(CASES):
            body = f"service_code=building-fire&lat=60.105&long=24.905&description=fire+{number}"
            path = "/open311/v2/requests.json"
            assert (await node.ask("POST", path, body.encode(), FORM)).status == 200
        assert await spoken(node) == Counter()
        node.kill()

        # Two hours later every rung of "accept within two minutes" is due. This node is killed
        # as soon as it is up: some clocks may have spoken, others not.
        late = timedelta(hours=2)
        node.arguments = at(late)
        await node.start()
        node.kill()
        await node.start()
        await until_quiet(node, BEGIN + late)
        first = await spoken(node)
        missed = {what[0] for what in first if what[1] == "deadline_missed"}
        assert len(missed) == CASES, "a missed deadline was not spoken of"
        assert repeated(first) == []
        assert {what[3] for what in first} >= {100, 150}

        # Once more down and up, a moment later: nothing is said again.
        node.stop()
        node.arguments = at(late + timedelta(seconds=30))
        await node.start()
        await until_quiet(node, BEGIN + late)
        await node.until_ready()
        again = await spoken(node)
        assert {what: again[what] for what in first} == dict(first)
        assert repeated(again) == []
        assert (await node.verify()).is_clean
        async with node.database() as database:
            told = await database.fetch(
                "SELECT case_id, template, audience, count(*) FROM messages "
                "WHERE template LIKE '%missed%' GROUP BY 1, 2, 3"
            )
        print(f"{sum(again.values())} rungs of {CASES} cases, {len(told)} messages of a miss")
    finally:
        node.stop()


def test_a_clock_that_speaks_twice_is_found():
    found: Spoken = Counter()
    found["c", "deadline_missed", "accept", 100] += 2
    found["c", "clock_escalated", "accept", 50] += 1
    assert repeated(found) == [("c", "deadline_missed", "accept", 100)]

"""Watches what the clocks of a node say, against a clock of its own.

The checker knows when a report was sent and when it was acknowledged, by its own monotonic clock,
and what the pack promises. Everything else, the node's idea of the time above all, is under test.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import asyncpg

from tests.end_to_end.live_node import Answer, Line, LiveNode
from tests.faults.fast_pack import CASE_TYPE, PROMISE_S, RUNGS
from tests.faults.outcome import PROMISED_S, Outcome
from tocsin.stores.postgres.connections import BROKEN

FORM = {"content-type": "application/x-www-form-urlencoded"}
LOOK_EVERY_S = 0.05
SETTLED_S = 3.0
"""So long after its instant a rung that was not heard is missing."""
SPOKEN = ("clock_escalated", "deadline_missed")
_NEW = "SELECT seq, case_id, events FROM journal WHERE seq > $1 ORDER BY seq"


@dataclass
class Watch:
    """The clocks of the reports that `send` sent."""

    node: LiveNode
    sent: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    """By case: when the report left, and when it was acknowledged (monotonic)."""
    heard: dict[tuple[str, int], list[float]] = field(
        default_factory=dict[tuple[str, int], list[float]]
    )
    """By case and percent: when each speaking was first seen in the journal."""
    down: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """When the node was not up: what falls due then may be late by as much."""
    _seq: int = 0

    async def send(self, number: int) -> None:
        """One emergency, sent until it is acknowledged. Its clock starts when it is taken."""
        form = {
            "service_code": CASE_TYPE,
            "lat": "60.105",
            "long": "24.905",
            "description": f"watched {number}",
            "email": f"watched{number}@example.org",
        }
        headers = {**FORM, "idempotency-key": f"watched-{number}"}
        line = Line(self.node.port)
        began = time.monotonic()
        while True:
            answer = await _try(line, urlencode(form).encode(), headers)
            if answer is not None and answer.status in (200, 201):
                case = answer.json()[0]["service_request_id"]
                self.sent[case] = began, time.monotonic()
                line.close()
                return
            await asyncio.sleep(0.05)

    async def send_all(self, count: int, over_s: float) -> None:
        """So many, evenly over a while."""
        waiting: list[asyncio.Task[None]] = []
        for number in range(count):
            waiting.append(asyncio.create_task(self.send(number)))
            await asyncio.sleep(over_s / count)
        await asyncio.gather(*waiting)

    async def look(self) -> None:
        """For ever: reads the journal's end, whatever becomes of the connection."""
        while True:
            try:
                async with self.node.database() as database:
                    while True:
                        await self._read(database)
                        await asyncio.sleep(LOOK_EVERY_S)
            except (asyncpg.PostgresError, *BROKEN):
                await asyncio.sleep(LOOK_EVERY_S)

    async def _read(self, database: Any) -> None:
        rows = await database.fetch(_NEW, self._seq)
        now = time.monotonic()
        for row in rows:
            self._seq = row["seq"]
            for name, event in json.loads(row["events"]):
                if name in SPOKEN and event["key"] == "accept":
                    key = row["case_id"], event.get("percent", 100)
                    self.heard.setdefault(key, []).append(now)

    async def last_look(self) -> None:
        async with self.node.database() as database:
            await self._read(database)

    def judge(self, outcome: Outcome) -> None:
        """Early, missing, doubled, and the greatest distance, into a row."""
        now = time.monotonic()
        outcome.spoken = outcome.early = outcome.missing = outcome.twice = 0
        far, where = 0.0, Counter[str]()
        for case, (left, taken) in self.sent.items():
            for percent in RUNGS:
                after = PROMISE_S * percent / 100
                heard = self.heard.get((case, percent), [])
                outcome.spoken += bool(heard)
                outcome.twice += len(heard) > 1
                is_due = taken + after + SETTLED_S < now
                if not heard:
                    outcome.missing += is_due
                    where[f"{percent} %"] += is_due
                    continue
                # No clock can start before its report left, nor after it was acknowledged.
                outcome.early += heard[0] < left + after
                if not self._was_down(left + after, taken + after):
                    far = max(far, heard[0] - (taken + after))
        outcome.farthest_s = far
        if outcome.missing:
            outcome.findings.append(f"escalations missing: {dict(where)}")
        if outcome.early:
            outcome.findings.append(f"{outcome.early} escalations came early")
        if outcome.twice:
            outcome.findings.append(f"{outcome.twice} escalations came twice")

    def _was_down(self, first: float, last: float) -> bool:
        """Whether it fell due while the node was down, or so shortly before or after that it had
        no time to speak."""
        return any(
            began - PROMISED_S <= last and first <= ended + PROMISED_S for began, ended in self.down
        )


async def _try(line: Line, body: bytes, headers: dict[str, str]) -> Answer | None:
    try:
        return await asyncio.wait_for(
            line.ask("POST", "/open311/v2/requests.json", body, headers), 30
        )
    except (OSError, EOFError, TimeoutError):
        line.close()
        return None

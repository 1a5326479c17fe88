"""Who tidies up after devices in a storm: two cases that are one, one that was none, and back.

Every such order is owed to each alarm of the case (`runner.alarms`), while the next one comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Final

from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.shared import Actor, ActorId, CaseId
from tocsin.runtime.ports import Unavailable
from tocsin.simulation.storms.people import AGAIN_S, FarNode, StormAgenda

EVERY_S: Final = 25.0
MERGES: Final = 0.45
UNMERGES: Final = 0.4
"""Of the times at which something is merged."""
CLERK: Final = Actor(ActorId("clerk:1"), "staff", ("call_taker", "dispatcher", "supervisor"))


class Clerks:
    """At the desk of the county, with the cases that devices opened."""

    def __init__(self, far: FarNode, agenda: StormAgenda, rng: Random) -> None:
        self._far = far
        self._agenda = agenda
        self._rng = rng
        self._number = 0

    def open(self, until_s: float) -> None:
        self._agenda.do(self._tidy(until_s))

    async def _tidy(self, until_s: float) -> None:
        loop, rng, disk = asyncio.get_running_loop(), self._rng, self._far.world.disk
        while True:
            await asyncio.sleep(rng.expovariate(1 / EVERY_S))
            if loop.time() >= until_s:
                return
            chosen = self._choose(disk.of_alarms(), disk.merged_alarms())
            if chosen is not None:
                # Nobody waits for the answer: the next order may be quicker.
                self._agenda.do(self._order(*chosen))

    def _choose(
        self, cases: Sequence[CaseId], merged: Sequence[tuple[CaseId, CaseId]]
    ) -> tuple[CaseId, words.Command] | None:
        rng = self._rng
        if merged and rng.random() < UNMERGES:
            duplicate, into = rng.choice(merged)
            return into, words.UnmergeCase(duplicate, "another_matter")
        if len(cases) > 1 and rng.random() < MERGES:
            into, duplicate = rng.sample(cases, 2)
            return into, words.MergeCase(duplicate, 0.9, ("same_place",))
        if cases:
            return rng.choice(cases), words.VoidCase("exercise")
        return None

    async def _order(self, case_id: CaseId, command: words.Command) -> None:
        self._number += 1
        key = f"clerk-{self._number}"
        while not self._agenda.is_closed:
            try:
                await self._far.engine.handle(case_id, command, by=CLERK, key=key, fingerprint=key)
                return
            except Unavailable:
                await asyncio.sleep(self._rng.uniform(AGAIN_S, 2 * AGAIN_S))


__all__ = ["Clerks"]

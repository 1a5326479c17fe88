"""One case that cannot be woken holds up neither the other cases nor the node."""

from __future__ import annotations

import pytest

from tests.web.house import BODY, Node, grant
from tocsin.kernel.shared import CaseId, Refused
from tocsin.runtime.engine import Engine
from tocsin.runtime.ports import Committed, Unavailable
from tocsin.runtime.runner import LATE_S, Runner


class _Stumbling(Engine):
    """Cannot wake one case."""

    bad = CaseId("")
    trouble: Exception = AssertionError("a bug of ours")

    async def wake(self, case_id: CaseId) -> Committed | Refused:
        if case_id == self.bad:
            raise self.trouble
        return await super().wake(case_id)


async def _two_due(node: Node) -> tuple[_Stumbling, list[str]]:
    taker = await node.staff("taker", grant("call_taker"))
    ids = [
        (await taker.post("/api/reports", json={**BODY, "text": text})).json()["case_id"]
        for text in ("One lamp", "Another lamp")
    ]
    node.clock.move(days=3)
    sound = node.services.engine
    engine = _Stumbling(sound.store, sound.policies, sound.clock, sound.ids)
    engine.bad = CaseId(ids[0])
    return engine, ids


async def test_a_case_with_a_bug_stays_due_and_is_told_by_the_heartbeat(node: Node) -> None:
    engine, ids = await _two_due(node)
    runner = Runner(engine)
    assert await runner.wake_due() == 1
    assert await runner.wake_due() == 0  # so that the loop rests instead of spinning
    now = node.clock.now()
    assert await node.services.store.waking(now, 10) == [ids[0]]
    assert runner.heartbeat.late_s > LATE_S
    await runner.run_errands()
    assert runner.heartbeat.trouble(now) == "wakes_late"


async def test_an_absent_store_is_no_bug_of_the_case(node: Node) -> None:
    engine, _ = await _two_due(node)
    engine.trouble = Unavailable("gone")
    with pytest.raises(Unavailable):
        await Runner(engine).wake_due()

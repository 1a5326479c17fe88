"""`/health/ready` says in words what is wrong, in both languages, for every fault there can be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tests.web.house import Node
from tocsin.kernel.shared import Instant
from tocsin.packs.words import languages, word
from tocsin.runtime.condition import ROOM_MIN_BYTES, STOPPING, STUCK_S, states
from tocsin.runtime.engine import RefusedByStore
from tocsin.runtime.ports import StoreState, Unavailable


@dataclass
class _Log:
    state: str


@dataclass
class _Silent:
    secret: str = "-"
    arrived: int = 0
    took_s: float = 0.0

    def age_s(self, now: Instant) -> float:
        return 180.0

    def is_missing(self, now: Instant) -> bool:
        return True


def _store(state: StoreState) -> Callable[[Node], None]:
    def fault(node: Node) -> None:
        async def away() -> int:
            raise Unavailable("gone", state=state)

        node.services.store.last_seq = away  # pyright: ignore

    return fault


def _set(name: str, value: Any) -> Callable[[Node], None]:
    return lambda node: setattr(node.services, name, value)


def _beat(**values: Any) -> Callable[[Node], None]:
    def fault(node: Node) -> None:
        for name, value in values.items():
            setattr(node.services.heartbeat, name, value)

    return fault


def _stuck(node: Node) -> None:
    since = node.clock.now() - timedelta(seconds=STUCK_S + 1)
    node.services.heartbeat.failing["errand"] = since


FAULTS: dict[str, Callable[[Node], None]] = {
    "store_unavailable": _store("store_unavailable"),
    "store_recovering": _store("store_recovering"),
    "disk_full": _set("room_bytes", lambda: ROOM_MIN_BYTES - 1),
    "wakes_stopped": _beat(woke_at=None),
    "wakes_late": _beat(late_s=31.0),
    "errands_stopped": _beat(ran_at=None),
    "errands_stuck": _stuck,
    "errands_given_up": _beat(dead=1),
    "log_lags": _set("log", _Log("lags")),
    "log_rewritten": _set("log", _Log("rewritten")),
    "synthetic_missing": _set("synthetic", _Silent()),
    "clock_stepped": _set("is_clock_stepped", lambda: True),
}


def test_every_trouble_has_its_fault() -> None:
    assert list(FAULTS) == list(states())


@pytest.mark.parametrize("state", FAULTS)
async def test_a_fault_gives_its_word(node: Node, state: str) -> None:
    beat = node.services.heartbeat
    beat.woke_at = beat.ran_at = node.clock.now()
    assert (await node.client().get("/health/ready")).json()["troubles"] == []
    FAULTS[state](node)
    for language in languages():
        answer = await node.client().get("/health/ready", headers={"accept-language": language})
        told = answer.json()
        stops = state in STOPPING
        assert answer.status_code == (503 if stops else 200)
        assert told["state"] == (state if stops else "ok")
        text = word("trouble", state, language)
        assert told["troubles"] == [{"state": state, "text": text, "stops": stops}]


async def test_a_write_without_room_is_told_for_a_while(node: Node) -> None:
    """Reads of a database whose disk is full go well."""
    beat = node.services.heartbeat
    beat.woke_at = beat.ran_at = node.clock.now()
    node.services.engine.refused = RefusedByStore("disk_full", node.clock.now())
    answer = await node.client().get("/health/ready")
    assert (answer.status_code, answer.json()["state"]) == (503, "disk_full")
    node.clock.move(seconds=11)
    assert (await node.client().get("/health/ready")).status_code == 200

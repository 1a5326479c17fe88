"""Towns of a few cases whose days have come or have not, and a process that ends while they go."""

from __future__ import annotations

import asyncio
import random
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
from msgspec.structs import replace

from tests.contracts.devices import PACK
from tests.contracts.self_killing import killed_at
from tests.contracts.town import DISPATCHER, Town
from tocsin.kernel.cases.policy import CasePolicy
from tocsin.kernel.shared import CaseId, SealedRef
from tocsin.packs.registry import Registry
from tocsin.runtime.ports import Committed, SealedValue
from tocsin.runtime.retention import RetentionDesk
from tocsin.stores.log.notes import LogKeys, load_log_keys
from tocsin.stores.postgres.connections import Readers
from tocsin.stores.postgres.holds import PostgresHolds
from tocsin.stores.postgres.retention import PostgresRetention
from tocsin.stores.postgres.store import PostgresStore

TYPES = ("missing-child", "pothole", "wage-arrears")
"""Kept for 90, 365 and 1,095 days."""
CANARY = "CANARY-4e1d"
STEPS = ("gone", "signed", "committed")
_ROWS = (
    "INSERT INTO idempotency SELECT gen_random_uuid()::text, '', '', $1",
    "INSERT INTO unit_positions (unit_id, at, received_at, lon, lat) "
    "SELECT gen_random_uuid()::text, $1, $1, 24.9, 60.1",
    "INSERT INTO errands SELECT gen_random_uuid()::text, 'c', 'k', '', $1, $1, 9, 'x', true",
    "INSERT INTO alarm_seen SELECT decode(md5(random()::text), 'hex'), 'a', $1",
    "INSERT INTO battery_days SELECT gen_random_uuid()::text, $1::timestamptz::date, 50",
)


class Packs(Registry):
    """The pack of today, whatever a case was opened under."""

    def policy(self, pack_version: str, case_type: str) -> CasePolicy | None:
        return self.current_pack.policy(case_type)


def desk_of(
    readers: Readers, keys: LogKeys, town: Town, between: Any = lambda step: None
) -> RetentionDesk:
    """As a node has it."""
    packs = Packs(PACK)
    kept = PostgresRetention(readers, packs, keys, between=between)
    return RetentionDesk(kept, PostgresHolds(readers, town), town, ZoneInfo(PACK.zone))


async def open_case(store: PostgresStore, town: Town, case_type: str, photo: bool = True) -> CaseId:
    """A case with words, a contact, perhaps a photo, all of them marked."""
    order = town.opening(case_type=case_type, words=CANARY, contact=CANARY)
    if photo:
        ref = SealedRef(f"m-{order.target}")
        subject = order.sealed[0].subject
        value = SealedValue(ref, order.target, subject, "media", CANARY.encode(), "image/jpeg")
        order = replace(order, sealed=(*order.sealed, value))
    assert isinstance(await store.commit(order), Committed)
    return order.target


async def a_town(dsn: str, store: PostgresStore, town: Town, chance: random.Random) -> list[CaseId]:
    """Cases of several types, closed at several times or not; merged, noted; old rows of all
    kinds; an account that was switched off."""
    ids: list[CaseId] = []
    for _ in range(chance.randint(3, 7)):
        case = await open_case(store, town, chance.choice(TYPES), chance.random() < 0.5)
        if chance.random() < 0.3:
            assert isinstance(await store.commit(town.noting(case, CANARY)), Committed)
        if ids and chance.random() < 0.3:
            await store.commit(town.merging(chance.choice(ids), case))
        elif chance.random() < 0.8:
            await store.commit(town.refusing(case))
        ids.append(case)
        town.wait(chance.choice((60, 86_400 * 40, 86_400 * 100)))
    connection: Any = await asyncpg.connect(dsn)
    try:
        for sql in _ROWS:
            for _ in range(chance.randint(0, 3)):
                await connection.execute(sql, town.at - timedelta(hours=chance.choice((1, 10_000))))
        name = f"a-{chance.randrange(10**9)}"
        await connection.execute(
            "INSERT INTO accounts VALUES ($1, $1, $2, 'en', '[]', $3, false, 'x', 1)",
            name, CANARY, town.at,
        )  # fmt: skip
        await connection.execute(
            "INSERT INTO account_changes (at, actor, what, subject, detail) "
            "VALUES ($1, 'b', 'deactivate', $2, '')",
            town.at - timedelta(days=chance.choice((10, 400))), name,
        )  # fmt: skip
    finally:
        await connection.close()
    return ids


async def main(dsn: str, folder: Path, at: str, step: str, times: int) -> None:
    """Runs the retention and is killed at the n-th time of a step."""
    town = Town()
    town.at = datetime.fromisoformat(at)
    readers = Readers(dsn)
    await readers.open()
    await desk_of(readers, load_log_keys(folder / "log.key"), town, killed_at(step, times)).run()
    await readers.close()


__all__ = ["CANARY", "DISPATCHER", "STEPS", "a_town", "desk_of", "open_case"]

if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5])))

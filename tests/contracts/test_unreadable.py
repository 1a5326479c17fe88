"""Errands that this version can not read, as a downgrade leaves them: set aside in words, while the
others are done and the node goes on. A node that decodes without that care ends, which is seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.contracts.conftest import Node
from tests.contracts.devices import county_of
from tests.contracts.test_postgres import sql
from tests.contracts.test_store import opened
from tests.contracts.town import Town
from tocsin.packs.words import languages, word
from tocsin.runtime import codec
from tocsin.runtime.errand_ports import UNREADABLE, Unreadable
from tocsin.runtime.runner import Runner
from tocsin.stores.postgres.holds import PostgresHolds
from tocsin.stores.postgres.redactions import PostgresRedactions
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.postgres.vault import PostgresVault
from tocsin.stores.vault import MasterKeys

STRANGE = {
    "a0": ("fly", b"{}", "errand_unknown"),
    "a1": ("send", b'{"to":"c","command":["fly_away",{}]}', "errand_unknown"),
    "a2": ("tell", b'{"to":[', "errand_damaged"),
    "a3": ("alert", b'{"unit":7}', "errand_damaged"),
    "a4": ("", b"\xff\xfe", "errand_unknown"),
    "a5": ("stand_down", b"[" * 100_000, "errand_damaged"),
}
"""By key: kind, body, and the word for what is wrong with it."""


@pytest.fixture
def at_postgres(postgres_store: PostgresStore, master_keys: MasterKeys) -> Node:
    town = Town()
    readers = postgres_store.readers
    return Node(
        postgres_store,
        PostgresVault(readers, master_keys, town),
        town,
        PostgresRedactions(readers, master_keys, town),
        PostgresHolds(readers, town),
    )


async def _strand(dsn: str, node: Node, *, dead: bool = False) -> None:
    """Puts the strange ones before everything else that is owed."""
    for key, (kind, body, _) in STRANGE.items():
        await sql(
            dsn,
            "INSERT INTO errands (key, case_id, kind, body, created_at, due_at, is_dead) "
            "VALUES ($1, 'c', $2, $3, $4::timestamptz, $4::timestamptz - interval '1 day', $5)",
            key, kind, body, node.town.at, dead,
        )  # fmt: skip


async def _until(is_so: Callable[[], bool], loop: asyncio.Task[None]) -> None:
    async with asyncio.timeout(60):
        while not is_so():
            assert not loop.done(), "the loop of errands has ended"
            await asyncio.sleep(0.01)


async def test_what_can_not_be_read_is_set_aside_and_the_rest_is_done(
    fresh_database: str, at_postgres: Node
) -> None:
    node = at_postgres
    case = await opened(node, agencies=("brigade", "police"))
    await _strand(fresh_database, node)
    runner = Runner(county_of(node).desk.engine, interval_s=0.01)
    loop = asyncio.create_task(runner.run())
    try:
        await _until(lambda: runner.heartbeat.dead == len(STRANGE), loop)
        async with asyncio.timeout(60):
            while not await node.store.told(case):
                await asyncio.sleep(0.01)
        for round_ in range(1, 3):  # and by hand, again, to no other end
            for key in STRANGE:
                assert await node.store.revive_errand(key, node.town.at)
            await _until(lambda n=round_: runner.heartbeat.dead == (n + 1) * len(STRANGE), loop)
        assert runner.heartbeat.failing == {}
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
    dead = {each.key: (each, why) for each, why in await node.store.dead_letters(10)}
    assert {key: why for key, (_, why) in dead.items()} == {k: v[2] for k, v in STRANGE.items()}
    for key, (due, why) in dead.items():
        assert due.errand == Unreadable(STRANGE[key][0], why)
    kept = dict(await sql(fresh_database, "SELECT key, body FROM errands"))
    assert kept == {key: body for key, (_, body, _) in STRANGE.items()}, "kept for who can read it"


async def test_a_node_that_decodes_without_care_ends(
    fresh_database: str, at_postgres: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: as it was before."""
    monkeypatch.setattr(codec, "read_errand", codec.decode_errand)
    await _strand(fresh_database, at_postgres)
    runner = Runner(county_of(at_postgres).desk.engine, interval_s=0.01)
    loop = asyncio.create_task(runner.run())
    with pytest.raises(AssertionError, match="has ended"):
        await _until(lambda: runner.heartbeat.dead == len(STRANGE), loop)
    (await asyncio.gather(loop, return_exceptions=True)).clear()


def test_each_reason_has_words() -> None:
    for why in UNREADABLE:
        told = {word("dead_letter", why, language) for language in languages()}
        assert len(told) == 2 and why not in told

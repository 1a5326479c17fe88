"""A server that takes no connections: one that gets on is let be, one that never will is not."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.contracts.test_embedded import PATIENCE_S, ask, wait_until
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.processes import (
    GONE_AFTER_S,
    STUCK_AFTER_S,
    Recovery,
    got_on,
    recovering_in,
    servers_in,
    title,
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    # With fsync, which is much of a small recovery's time: it must be caught in the middle.
    one = EmbeddedPostgres(tmp_path / "node" / "postgres")
    one.start()
    yield one
    one.stop()


def recovering(server: EmbeddedPostgres) -> int:
    """Kills one connection's process and gives the process that recovers, stopped."""

    async def crash() -> None:
        driver: Any = asyncpg
        connection = await driver.connect(server.dsn())
        os.kill(connection.get_server_pid(), signal.SIGKILL)
        connection.terminate()

    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        asyncio.run(crash())
        crashed = time.monotonic()
        while time.monotonic() < crashed + 2:
            if (pid := recovering_in(server.cluster)) is not None:
                try:
                    os.kill(pid, signal.SIGSTOP)
                except ProcessLookupError:
                    break
                return pid
    raise AssertionError("no recovery was slow enough to be caught")


def lets_in(server: EmbeddedPostgres) -> bool:
    try:
        return ask(server.dsn(), "SELECT 1") == 1
    except (asyncpg.PostgresError, OSError):
        return False


def test_a_recovery_that_was_killed_never_ends_and_is_found(server: EmbeddedPostgres) -> None:
    ask(server.dsn(), "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (1) RETURNING 1")
    now = 0.0
    watched = Recovery(server.cluster, lambda: now)
    until = time.monotonic() + PATIENCE_S
    while True:
        assert time.monotonic() < until, "PostgreSQL mended this: the watch may go"
        os.kill(pid := recovering(server), signal.SIGKILL)
        wait_until(lambda killed=pid: killed not in servers_in(server.cluster))
        time.sleep(0.1)
        if server.is_running:
            break
        server.restart()  # killed late in its work, the whole server ends: that is seen anyway
    assert not watched.is_stuck()
    now = GONE_AFTER_S - 0.1
    assert not watched.is_stuck(), "its time is not over"
    now = GONE_AFTER_S
    assert watched.is_stuck()
    assert server.is_running and not lets_in(server)
    server.restart()
    assert ask(server.dsn(), "SELECT n FROM kept") == 1


def test_a_recovery_that_stands_still_is_found_and_one_that_goes_on_is_not(
    server: EmbeddedPostgres,
) -> None:
    now = 0.0
    watched = Recovery(server.cluster, lambda: now)
    pid = recovering(server)
    assert "startup" in title(pid)
    assert not watched.is_stuck()
    now = STUCK_AFTER_S - 0.1
    assert not watched.is_stuck()
    now = STUCK_AFTER_S
    assert watched.is_stuck()
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: lets_in(server))
    watched.ended()
    assert not watched.is_stuck(), "what was seen before counts no more"


@pytest.mark.parametrize(
    ("before", "after", "is_progress"),
    [
        (None, None, False),
        (None, (0, 0), True),
        ((0, 0), None, True),
        ((10, 500), (10, 500), False),
        ((10, 500), (11, 500), False),
        ((10, 500), (12, 500), True),
        ((10, 500), (10, 501), True),
        ((10, 500), (3, 500), True),
    ],
)
def test_what_counts_as_getting_on(
    before: tuple[int, int] | None, after: tuple[int, int] | None, is_progress: bool
) -> None:
    assert got_on(before, after) == is_progress

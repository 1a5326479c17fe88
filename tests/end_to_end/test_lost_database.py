"""The database goes away: the node says so, loses nothing, and comes back by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.end_to_end.campaign import Campaign
from tests.end_to_end.live_node import LiveNode, NodeError, live_node
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.processes import recovering_in, servers_in

REPORT = b"service_code=pothole&lat=60.105&long=24.905&description=A+hole"
FORM = {"content-type": "application/x-www-form-urlencoded"}
RECEIPT = "/api/receipts/AAAABBBBCCCC"
PATIENCE_S = 60


async def refusals(node: LiveNode) -> None:
    """What everybody is told while there is no database: 503, when to come back, and why."""
    answer = await node.ask("POST", "/open311/v2/requests.json", REPORT, FORM)
    assert answer.status == 503, answer.body
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()[0]["code"] == 503 and answer.json()[0]["description"]
    answer = await node.ask("POST", "/open311/v2/requests.xml", REPORT, FORM)
    assert answer.status == 503 and int(answer.headers["retry-after"]) >= 1
    assert answer.body.startswith(b"<?xml") and b"<code>503</code>" in answer.body
    answer = await node.ask("GET", "/open311/v2/requests.json")
    assert answer.status == 503 and int(answer.headers["retry-after"]) >= 1
    answer = await node.ask("GET", RECEIPT)
    assert answer.status == 503, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    problem = answer.json()
    assert (problem["status"], problem["reason"]) == (503, "unavailable") and problem["detail"]
    answer = await node.ask("GET", "/health/ready")
    assert answer.status == 503 and answer.json()["state"] == "store_unavailable"
    # What needs no database still answers.
    for path in ("/health/live", "/open311/v2/services.json", "/metrics"):
        assert (await node.ask("GET", path)).status == 200, path


async def until_told(node: LiveNode) -> None:
    """Waits until the node knows that its database is gone."""
    until = time.monotonic() + PATIENCE_S
    while (await node.ask("GET", "/health/ready")).status != 503:
        if time.monotonic() > until:
            raise NodeError("the node still says that it is ready")
        await asyncio.sleep(0.02)


@pytest.fixture
async def far_server(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A PostgreSQL that is none of the node's business to start."""
    server = EmbeddedPostgres(tmp_path / "far", settings={"max_connections": "60"})
    server.start()
    yield server
    for pid in _pids(server):
        os.kill(pid, signal.SIGCONT)
    server.stop()


def _pids(server: EmbeddedPostgres) -> list[int]:
    return servers_in(server.cluster)


@pytest.mark.slow
async def test_an_external_database_that_stops_for_a_while(
    tmp_path: Path, far_server: EmbeddedPostgres
):
    node = LiveNode(tmp_path / "data", environment={"TOCSIN_DATABASE_URL": far_server.dsn()})
    campaign = Campaign(node, seed=53, targets=())
    socket = (far_server.folder / "socket").readlink()
    try:
        await node.start()
        first = node.process
        for _ in range(2):
            assert await campaign.run_load(0.5) > 0
            far_server.stop()
            await until_told(node)
            await refusals(node)
            far_server.start()
            # A server's socket is in a new folder after each start; the node was told the first.
            socket.unlink(missing_ok=True)
            socket.symlink_to((far_server.folder / "socket").readlink())
            await node.until_ready()
        assert await campaign.run_load(0.5) > 0
        findings = await campaign.settle_and_check()
        assert node.process is first and node.is_alive and node.starts == 1
    finally:
        node.stop()
        socket.unlink(missing_ok=True)
    assert findings == []


@pytest.mark.slow
async def test_a_database_that_hangs_without_a_word(tmp_path: Path, far_server: EmbeddedPostgres):
    """Its processes are stopped, not ended: sockets stay open and nothing answers."""
    url = far_server.dsn()
    async with live_node(tmp_path / "data", environment={"TOCSIN_DATABASE_URL": url}) as node:
        answer = await node.ask("POST", "/open311/v2/requests.json", REPORT, FORM)
        assert answer.status == 200
        stopped = _pids(far_server)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            other = REPORT + b"+elsewhere"
            answer = await node.ask("POST", "/open311/v2/requests.json", other, FORM, 120)
            assert answer.status == 503 and "retry-after" in answer.headers
            assert (await node.ask("GET", "/health/live")).status == 200
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        await node.until_ready()
        answer = await node.ask("POST", "/open311/v2/requests.json", other, FORM)
        assert answer.status == 200
        async with node.database() as database:
            assert await database.fetchval("SELECT count(*) FROM cases") == 2
        assert (await node.verify()).is_clean


@pytest.mark.slow
async def test_the_embedded_database_cannot_come_back_for_a_while(tmp_path: Path):
    """Its server is killed and its cluster is out of reach: the node lives, refuses, and starts
    it once it can."""
    async with live_node(tmp_path / "data") as node:
        answer = await node.ask("POST", "/open311/v2/requests.json", REPORT, FORM)
        case_id = answer.json()[0]["service_request_id"]
        control = node.data / "postgres/cluster/global/pg_control"
        away = control.with_name("pg_control.away")
        control.rename(away)
        for pid in node.servers():
            os.kill(pid, signal.SIGKILL)
        await until_told(node)
        await refusals(node)
        await asyncio.sleep(2)
        assert node.is_alive
        away.rename(control)
        await node.until_ready()
        assert node.starts == 1
        answer = await node.ask("GET", f"/open311/v2/requests/{case_id}.json")
        assert answer.status == 200
        assert (await node.verify()).is_clean


@pytest.mark.slow
async def test_a_recovery_that_is_killed_does_not_end_the_service(tmp_path: Path):
    """PostgreSQL then waits for ever for a process that is gone; the node starts it again."""
    async with live_node(tmp_path / "data") as node:
        answer = await node.ask("POST", "/open311/v2/requests.json", REPORT, FORM)
        case_id = answer.json()[0]["service_request_id"]
        first = node.postmaster()
        until = time.monotonic() + PATIENCE_S
        while True:
            assert time.monotonic() < until, "no recovery was slow enough to be caught"
            os.kill(await _backend(node), signal.SIGKILL)
            if await _killed_recovery(node):
                break
            await node.until_ready()
        await until_told(node)
        await node.until_ready()
        assert node.postmaster() != first, "it came back by itself: the hang was not met"
        assert node.starts == 1
        answer = await node.ask("GET", f"/open311/v2/requests/{case_id}.json")
        assert answer.status == 200
        assert (await node.verify()).is_clean


async def _backend(node: LiveNode) -> int:
    async with node.database() as database:
        return await database.fetchval(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'tocsin' LIMIT 1"
        )


async def _killed_recovery(node: LiveNode) -> bool:
    until = time.monotonic() + 2
    while time.monotonic() < until:
        if (pid := recovering_in(node.data / "postgres" / "cluster")) is not None:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return False
            # Gone, and nobody is let in: this is the hang. A recovery that had just ended is not.
            await asyncio.sleep(1)
            return (await node.ask("GET", "/health/ready")).status == 503
        await asyncio.sleep(0)
    return False

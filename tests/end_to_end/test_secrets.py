"""Secrets of a real node, marked: no log, page, address, figure or file says one; and one port."""

from __future__ import annotations

import asyncio
import resource
from pathlib import Path

import asyncpg
import psutil
import pytest

from tests.conftest import create_database, drop_database
from tests.end_to_end.live_node import LiveNode
from tests.end_to_end.staff import administrator
from tests.house.test_leaks import spellings
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.web.headers import faults

pytestmark = pytest.mark.slow
MARK = "Geheim7f3a9c41"
INTAKES = f"""
[[signed-json.sender]]
name = "lifts"
secret = "{MARK}-of-the-lifts-here"
[[cap.feed]]
name = "weather"
url = "http://127.0.0.1:9/{MARK}"
[mqtt]
listen = false
[[mqtt.broker]]
name = "town"
host = "127.0.0.1"
port = 9
subscribe = ["a/#"]
user = "tocsin"
password = "{MARK}-broker"
"""


def has(data: bytes) -> bool:
    lowered = data.lower()
    return any(each in lowered for each in spellings(MARK))


def ports_of(pid: int) -> set[int]:
    """Every port of the internet family that a process and its children listen on."""
    parent = psutil.Process(pid)
    found: set[int] = set()
    for process in [parent, *parent.children(recursive=True)]:
        for each in process.net_connections(kind="inet"):
            if each.status == psutil.CONN_LISTEN or (each.type == 2 and not each.raddr):
                found.add(each.laddr.port)
    return found


async def test_marked_secrets_are_said_nowhere(
    postgres_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    name = await create_database(postgres_server)
    plain = postgres_server.dsn(name)
    url = plain.replace("@", f":{MARK}@", 1)
    assert MARK in url
    node = LiveNode(tmp_path / "data", ("--log-level", "debug"),
                    environment={"TOCSIN_DATABASE_URL": url})  # fmt: skip
    node.data.mkdir()
    (node.data / "intakes.toml").touch(0o600)
    (node.data / "intakes.toml").write_text(INTAKES)
    seen: list[tuple[str, bytes]] = []
    kept, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))  # as where somebody looks for a fault
    try:
        await node.start()
        link = node.link
        admin = await administrator(node)
        for method, path, headers in (
            ("GET", "/health/ready", {}), ("GET", "/metrics", {}), ("GET", "/", {}),
            ("GET", f"/nothing/{link}", {}), ("GET", "/api/session", {"x-api-key": "wrong"}),
            ("POST", "/intakes/signed/lifts", {"content-type": "application/json"}),
            ("GET", "/open311/v2/services.json", {}), ("GET", "/api/openapi.json", {}),
        ):  # fmt: skip
            answer = await node.ask(method, path, b"{}" if method == "POST" else b"", headers)
            seen.append((path.replace(link, ""), answer.body + repr(answer.headers).encode()))
            assert faults(answer.headers.items()) == [], path
        for path in ("/api/accounts", "/api/keys", "/api/errands/dead", "/api/log/checkpoint"):
            answer = await admin.ask("GET", path)
            seen.append((path, answer.body))
        assert node.process is not None
        assert ports_of(node.process.pid) == {node.port}, "one port, and no other"
        assert psutil.Process(node.process.pid).rlimit(resource.RLIMIT_CORE)[0] == 0, "no core"
        # A fault while it works: the log tells it without the address of the database.
        database = await asyncpg.connect(plain)
        await database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await database.close()
        for _ in range(5):
            answer = await node.ask("GET", "/health/ready")
            seen.append(("ready", answer.body))
            await asyncio.sleep(0.2)
        cookie = admin.cookie.partition("=")[2].encode()
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (kept, most))
        node.stop()
        await drop_database(postgres_server, name)
    log = node.log.read_bytes()
    seen.append(("log", log))
    assert [what for what, data in seen if has(data)] == []
    assert len(log) > 200 and link.encode() not in log and cookie not in log
    assert b"feed_fails" in log, "the feed's address was in use, and is not in the log"
    told = [str(file) for file in node.data.rglob("*") if file.is_file() and has(file.read_bytes())]
    assert told == [str(node.data / "intakes.toml")]


async def test_a_node_that_cannot_reach_its_database_keeps_its_password(tmp_path: Path) -> None:
    node = LiveNode(
        tmp_path / "data",
        environment={"TOCSIN_DATABASE_URL": f"postgresql://tocsin:{MARK}@127.0.0.1:9/tocsin"},
    )
    process = node.launch()
    process.wait(60)
    assert process.returncode == 2
    assert node.log.read_bytes() and not has(node.log.read_bytes())

"""A backup is made under load and restored on a machine that has nothing; an upgrade, likewise."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.end_to_end.campaign import Campaign
from tests.end_to_end.live_node import LiveNode
from tests.end_to_end.staff import administrator, staff
from tocsin.stores.postgres.migrate import migrations

OLDER = ("-m", "tests.end_to_end.older_node")
VERIFIER = str(Path(sys.executable).with_name("tocsin-verify"))
LOG_PATIENCE_S = 60


def tocsin(*words: str, dsn: str = "") -> str:
    """What a verb says. It must do what it promises."""
    clean = {name: value for name, value in os.environ.items() if name[:7] != "TOCSIN_"}
    given = {"TOCSIN_DATABASE_URL": dsn} if dsn else {}
    command = [sys.executable, "-m", "tocsin.app.cli", *words]
    done = subprocess.run(command, env={**clean, **given}, capture_output=True, text=True)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


async def until_sealed(node: LiveNode) -> None:
    """Until a checkpoint covers everything that was written."""
    until = time.monotonic() + LOG_PATIENCE_S
    while True:
        lines = (await node.ask("GET", "/metrics")).body.decode().splitlines()
        told = {line.split()[0]: line.split()[1] for line in lines if not line.startswith("#")}
        if float(told["tocsin_log_entries"]) > 0 and float(told["tocsin_log_unsigned"]) == 0:
            return
        assert time.monotonic() < until, "the log is never signed"
        await asyncio.sleep(0.2)


@pytest.mark.slow
async def test_a_backup_under_load_comes_back_on_an_empty_machine(tmp_path: Path):
    node = LiveNode(tmp_path / "data")
    campaign = Campaign(node, seed=31, targets=())
    spare = LiveNode(tmp_path / "spare", (), port=0)
    file = tmp_path / "town.tar"
    try:
        await node.start()
        await campaign.run_load(1)
        assert await campaign.settle_and_check() == []
        await until_sealed(node)
        kept = dict(campaign.ledger.acknowledged)
        async with campaign.load():
            began = time.monotonic()
            words = ("backup", str(file), "--data", str(node.data), "--with-key")
            said = await asyncio.to_thread(tocsin, *words, dsn=node.dsn)
            print(f"{said.strip()}: {time.monotonic() - began:.1f} s")
        node.kill()

        # Another machine: nothing of the first one's folder is there.
        began = time.monotonic()
        said = await asyncio.to_thread(tocsin, "restore", str(file), "--data", str(spare.data))
        print(f"{said.strip()}: {time.monotonic() - began:.1f} s")
        said = await asyncio.to_thread(tocsin, "verify", "--data", str(spare.data))
        assert ": 0 differences" in said
        key = await asyncio.to_thread(tocsin, "log", "key", "--data", str(spare.data))
        bundle = tmp_path / "bundle.tar"
        await asyncio.to_thread(tocsin, "log", "export", str(bundle), "--data", str(spare.data))
        check = [VERIFIER, str(bundle), "--key", key.split("\n")[0]]
        done = await asyncio.to_thread(subprocess.run, check, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        await spare.start()
        await spare.until_ready()
        print(f"it answers {time.monotonic() - began:.1f} s after the restore began")
        assert (await spare.ask("GET", "/health/ready")).json()["log"] == "ok"
        campaign.node = spare
        for number, (case, code) in enumerate(sorted(kept.values())):
            line = {"x-forwarded-for": f"198.51.{number // 250}.{number % 250 + 1}"}
            answer = await spare.ask("GET", f"/api/receipts/{code}", headers=line)
            assert answer.status == 200, (case, code, answer.body)
        # What was taken after the backup is sent again by whoever still has it: it goes on.
        assert await campaign.run_load(0.5) > 0
        boss = await administrator(spare)
        assert (await staff(boss, "anna", "dispatcher")).csrf
        assert (await spare.verify()).is_clean
        await until_sealed(spare)
    finally:
        node.stop()
        spare.stop()


@pytest.mark.slow
async def test_an_upgrade_from_the_schema_before_loses_nothing(tmp_path: Path):
    """The node of the version before (all migrations but the last) works, is killed in mid-load,
    and the node of today takes its folder; whoever had no answer sends again at once."""
    last = migrations()[-1].name
    node = LiveNode(tmp_path / "data", program=OLDER)
    campaign = Campaign(node, seed=37, targets=())
    try:
        await node.start()
        async with node.database() as database:
            known = [row[0] for row in await database.fetch("SELECT name FROM migrations")]
        assert last not in known and len(known) == len(migrations()) - 1
        async with campaign.load():
            await campaign.until_acknowledging()
            await asyncio.sleep(0.5)
            node.kill()
            node.program = ("-m", "tocsin.app.cli")
            began = time.monotonic()
            await node.start()
            await campaign.until_acknowledging()
            print(f"upgraded and taking reports after {time.monotonic() - began:.1f} s")
            await asyncio.sleep(0.5)
        assert await campaign.settle_and_check() == []
        assert campaign.lost == campaign.doubled == 0
        async with node.database() as database:
            known = [row[0] for row in await database.fetch("SELECT name FROM migrations")]
        assert last in known

        # A second node of the version before refuses in one line, and harms nothing.
        before = LiveNode(
            tmp_path / "before",
            program=OLDER,
            environment={"TOCSIN_DATABASE_URL": node.dsn, "TOCSIN_VAULT_KEY_FILE": _key(node)},
        )
        process = before.launch()
        assert await asyncio.to_thread(process.wait, 90) == 2
        said = before.log.read_text()
        assert f"migration {last}, which this version does not know" in said
        assert "Traceback" not in said
        assert await campaign.run_load(0.3) > 0
        assert (await node.verify()).is_clean
    finally:
        node.stop()


def _key(node: LiveNode) -> str:
    return str(node.data / "vault.key")

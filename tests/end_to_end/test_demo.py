"""The demo as a newcomer runs it, in short: a real node, a real town, exit 0 and honest figures."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from tocsin.app.demo import (
    DemoError,
    DemoNode,
    DemoOptions,
    find_map,
    main,
    move_in,
    run_demo,
)
from tocsin.app.demo_client import Client
from tocsin.app.demo_summary import reckon
from tocsin.app.demo_town import Receipt

ROOT = Path(__file__).resolve().parents[2]
try:
    MAP: Path | None = find_map(None)
except DemoError:
    MAP = None
needs_map = pytest.mark.skipif(MAP is None, reason="no map: run `make demo` once")
FIGURES = {
    *("reports", "cases", "merged", "verified", "escalated", "missed", "stages", "refused"),
    *("lost", "seed", "speed", "minutes"),
}


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tocsin.app.cli", "demo", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@needs_map
@pytest.mark.slow
def test_a_short_day_keeps_every_promise(tmp_path: Path) -> None:
    data = tmp_path / "node"
    done = _run(
        *("--headless", "--minutes", "20", "--speed", "120", "--rate", "180", "--seed", "3"),
        *("--data", str(data)),
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, (lines[-12:], done.stderr[-2_000:])
    figures = json.loads(lines[-1])
    assert figures.keys() >= FIGURES
    assert figures["lost"] == 0
    assert figures["missed"] == figures["escalated"]
    assert figures["reports"] > 20 and figures["cases"] > 20
    assert figures["minutes"] >= 20 and figures["seed"] == 3 and figures["speed"] == 120
    assert figures["stages"]["accept"]["cases"] > 0
    assert figures["stages"]["accept"]["median_s"] <= figures["stages"]["accept"]["p90_s"]
    devices = figures["devices"]
    assert devices["devices"] == 48 and devices["drills"] == 1
    assert devices["sent"] == devices["acknowledged"] > 30
    assert "unanswered" not in devices and devices["gateway_died"] == 1
    assert devices["alarms"]["school: panic"] >= 1 and devices["seen_by_the_desk"] >= 1
    # Progress was shown, and the node is gone.
    assert any("everyone works on" in line for line in lines)
    assert not (data / "postgres" / "postmaster.pid").exists()


async def _demo(data: Path, *arguments: str) -> asyncio.subprocess.Process:
    """A demo under way: reports have begun to come in."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tocsin.app.cli", "demo", "--headless", "--data", str(data)),
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    while b"reports come in" not in (line := await process.stdout.readline()):
        assert line, "it ended before it began"
    return process


@needs_map
@pytest.mark.slow
async def test_an_interrupt_ends_the_day_and_counts(tmp_path: Path) -> None:
    demo = await _demo(tmp_path, "--speed", "300", "--minutes", "600", "--rate", "200")
    await asyncio.sleep(2)
    demo.send_signal(signal.SIGINT)
    out, err = await demo.communicate()
    assert demo.returncode == 0, err
    figures = json.loads(out.splitlines()[-1])
    assert figures["lost"] == 0 and figures["minutes"] < 600


@needs_map
@pytest.mark.slow
async def test_a_second_interrupt_does_not_wait_for_the_town_to_settle(tmp_path: Path) -> None:
    demo = await _demo(tmp_path, "--speed", "10", "--minutes", "600", "--rate", "600")
    assert demo.stdout is not None
    demo.send_signal(signal.SIGINT)
    while b"everyone works on" not in (line := await demo.stdout.readline()):
        assert line, "it ended before it settled"
    demo.send_signal(signal.SIGINT)
    out, err = await demo.communicate()
    assert demo.returncode == 0, err
    figures = json.loads(out.splitlines()[-1])
    # At this speed the town cannot be quiet before a real minute is over: ten of its own.
    assert figures["lost"] == 0 and figures["settling_minutes"] < 9


@needs_map
@pytest.mark.slow
async def test_a_node_that_dies_is_said_in_one_line(tmp_path: Path) -> None:
    demo = await _demo(tmp_path, "--speed", "60", "--minutes", "600")
    (node,) = psutil.Process(demo.pid).children()
    node.kill()
    _, err = await demo.communicate()
    assert demo.returncode == 2
    assert err.decode().strip() == "tocsin demo: the node has ended"


def test_a_missing_map_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--headless", "--map", str(tmp_path / "nowhere.osm.pbf")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "no map at" in said


@needs_map
def test_a_used_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    with pytest.raises(DemoError, match="not empty"):
        asyncio.run(run_demo(DemoOptions(headless=True, data=tmp_path, map=MAP)))
    assert (tmp_path / "precious").read_text() == "kept"


@needs_map
@pytest.mark.slow
async def test_the_reckoning_finds_what_is_planted(tmp_path: Path) -> None:
    """A receipt that the node never gave, a report that is not in its case, a promise that came
    due while nobody was told: each is said."""
    assert MAP is not None
    options = DemoOptions(headless=True, speed=30, rate=600)
    node = DemoNode(options, MAP, tmp_path)
    await node.start()
    client = Client(node.address)
    try:
        town = await move_in(options, node, client, MAP, tmp_path)
        work = [asyncio.create_task(town.run()), asyncio.create_task(town.watch())]
        while len(town.receipts) < 8:
            await asyncio.sleep(0.1)
        town.is_open = False
        await town.rest()
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        now = town.clock.now()
        honest = await reckon(town, now - timedelta(seconds=120))
        assert (honest.lost, honest.wrong) == ([], [])
        assert honest.figures["reports"] == len(town.receipts) >= 8

        late = await reckon(town, now + timedelta(days=30))
        assert not late.lost and any("escalated 0 times" in line for line in late.wrong)

        held = next(each for each in town.receipts if each.case_id is not None)
        other = next(each for each in town.receipts if each.case_id not in (None, held.case_id))
        town.receipts.append(replace(held, code="2222-2222-2222"))
        town.receipts.append(Receipt(held.code, other.case_id, held.report_id, held.telling))
        forged = await reckon(town, now - timedelta(seconds=120))
        assert forged.figures["lost"] == 2
        assert sorted(line.rpartition(": ")[2] for line in forged.lost) == [
            "its receipt answers 404",
            "not on the board",
        ]
    finally:
        await client.close()
        await node.stop()

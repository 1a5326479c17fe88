"""The demo as a newcomer runs it, in short: a real node, a real town, exit 0 and honest figures."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tocsin.app.demo import DemoError, DemoOptions, find_map, main, run_demo

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
    # Progress was shown, and the node is gone.
    assert any("everyone works on" in line for line in lines)
    assert not (data / "postgres" / "postmaster.pid").exists()


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

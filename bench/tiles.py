"""The town's own map: how long it takes to make, what it needs, how fast it answers."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from bench.harness import Figure, percentile
from bench.node import node
from tocsin.geography.gazetteer import Content, Gazetteer, Street
from tocsin.geography.map_folder import FOLDER, MapFolder

SHARED = Path(os.environ.get("TOCSIN_SHARED_DATA", "../shared/data")) / "osm"
ASKED = 2_000
HEADER = 16_384
"""What a reader asks first: the header and the root directory."""
PIECE = 40_000
"""A full tile of a town's centre at its closest zoom has about this size."""
STREETS, HOUSES = 4_000, 50


def bench() -> list[Figure]:
    maps = sorted([*SHARED.glob("*.osm.pbf"), *Path("build/maps").glob("*.osm.pbf")])
    found = list(_searches())
    if not maps:
        print("no map: run `make demo`, or set TOCSIN_SHARED_DATA", flush=True)
        return found
    largest = max(maps, key=lambda path: path.stat().st_size)
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        seconds, mib = _build(largest, data)
        about = f"{largest.name}, {largest.stat().st_size / 1e6:.1f} MB"
        found += [
            Figure("a map is made", seconds, "s", 60, "less", about),
            Figure("a map is made, memory", mib, "MiB", 1_430, "less", "both processes at once"),
        ]
        waits = _tiles(data)
    return [
        *found,
        Figure("a piece of the map, median", percentile(waits, 50) * 1e3, "ms"),
        Figure("a piece of the map, p95", percentile(waits, 95) * 1e3, "ms", 20, "less"),
    ]


def _build(path: Path, data: Path) -> tuple[float, float]:
    """Seconds, and the most memory of the build and its tile maker together."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "tocsin.app.cli", "map", "build", str(path)]
    build = subprocess.Popen([*command, "--data", str(data)], stdout=subprocess.DEVNULL)
    most = 0
    while build.poll() is None:
        most = max(most, sum(_memory_kb(pid) for pid in _family(build.pid)))
        time.sleep(0.02)
    assert build.returncode == 0, "the map was not made"
    return time.perf_counter() - began, most / 1024


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield from _family(int(child))
    except FileNotFoundError:
        return  # it has just ended


def _memory_kb(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):
        pass  # it has just ended
    return 0


def _tiles(data: Path) -> list[float]:
    """Waits of a browser that pans: one connection, random pieces of the file."""
    meta = MapFolder(data / FOLDER).meta()
    assert meta is not None
    chance, waits = random.Random(7), list[float]()
    with node(data) as running, httpx.Client(base_url=running.address) as client:
        for index in range(ASKED):
            first = 0 if index % 50 == 0 else chance.randrange(max(1, meta.bytes - PIECE))
            length = HEADER if first == 0 else chance.randrange(200, PIECE)
            began = time.perf_counter()
            answer = client.get(
                "/map/tiles.pmtiles", headers={"Range": f"bytes={first}-{first + length - 1}"}
            )
            waits.append(time.perf_counter() - began)
            assert answer.status_code == 206
    return waits


def _searches() -> Iterator[Figure]:
    """The place search in a town of 200,000 houses, letter by letter."""
    chance = random.Random(7)
    syllables = ["man", "ner", "ka", "tu", "tie", "ale", "hel", "sin", "ki", "ran", "ta", "park"]
    names = ["".join(chance.choices(syllables, k=3)).title() + "katu" for _ in range(STREETS)]
    streets = [
        Street((each,), 24.9, 60.2, tuple((str(n), 24.9, 60.2) for n in range(1, HOUSES + 1)))
        for each in names
    ]
    known, waits = Gazetteer(Content(tuple(streets))), list[float]()
    for _ in range(60):
        text = f"{chance.choice(names)} {chance.randrange(1, HOUSES)}"
        for end in range(1, len(text) + 1):
            began = time.perf_counter()
            known.search(text[:end])
            waits.append(time.perf_counter() - began)
    note = "200,000 houses, each letter of an address"
    yield Figure("a place search, p95", percentile(waits, 95) * 1e3, "ms", 20, "less", note)

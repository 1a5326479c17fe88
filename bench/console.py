"""The board in a real Chromium: first paint with 5,000 open cases, commit to pixel, scroll, sizes.

The browser shares the machine with the node; a dispatcher's would be elsewhere.
"""

from __future__ import annotations

import asyncio
import gzip
import re
import tempfile
from pathlib import Path

from bench.filled import filled
from bench.harness import Figure, median, percentile
from bench.node import node
from bench.people import supervisor_cookie
from bench.screens import screen
from tocsin.stores.postgres.embedded import EmbeddedPostgres

OPEN_CASES = 5_000
RUNS = 5
RATE = 50
SECONDS = 20
BUILT = Path("src/tocsin/_console")
MAP_ONLY = ("library-", "MapView-", "maplibre", "worker")


def bench() -> list[Figure]:
    """Needs the built console and Debian's Chromium; says so where they are missing."""
    if not (BUILT / "index.html").exists():
        raise SystemExit("bench console: the screens are not built: run `make setup`")
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        data.mkdir()
        _fill(data)
        with node(data) as running:
            cookie = supervisor_cookie(running)
            with screen(running, cookie) as shown:
                paints = [shown.first_paint() for _ in range(RUNS)]
                waits = shown.commit_to_pixel(RATE, SECONDS)
                frames = shown.scroll()
    return [
        Figure("console: first paint, 5,000 open, median", median(paints), "ms", 1000, "less"),
        Figure("console: commit to pixel at 50/s, median", percentile(waits, 50), "ms"),
        Figure(
            "console: commit to pixel at 50/s, p99",
            percentile(waits, 99),
            "ms",
            200,
            "less",
            f"{len(waits)} of {RATE * SECONDS} seen",
        ),
        Figure("console: frames while the list scrolls", frames, "fps", 60),
        *_sizes(),
    ]


def _fill(data: Path) -> None:
    """5,000 open cases in the folder a node will serve, written before it starts."""

    async def work() -> None:
        async with filled(embedded, data) as full:
            await full.send_many(0, OPEN_CASES, 1)

    embedded = EmbeddedPostgres(data / "postgres")
    embedded.start()
    try:
        asyncio.run(work())
    finally:
        embedded.stop()


def _sizes() -> list[Figure]:
    """Compressed JavaScript: all of it, and what the board needs before the map."""
    weight: dict[str, float] = {}
    for file in sorted((BUILT / "assets").glob("*.*js")):
        weight[file.name] = len(gzip.compress(file.read_bytes(), 9)) / 1000
    first = set(re.findall(r"assets/([^\"']+js)", (BUILT / "index.html").read_text()))
    before = {name for name in weight if name in first or name in _imports(first)}
    return [
        Figure("console: JavaScript, all", sum(weight.values()), "kB gz", 500, "less"),
        Figure(
            "console: JavaScript of the board before the map",
            sum(weight[name] for name in before),
            "kB gz",
            60,
            "less",
        ),
    ]


def _imports(names: set[str]) -> set[str]:
    """What those files import at once (not when asked), all the way down."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        text = (BUILT / "assets" / todo.pop()).read_text(encoding="utf-8")
        for other in re.findall(r"(?:from|import)\s*[\"']\./([^\"']+\.js)[\"']", text):
            if other not in found:
                found.add(other)
                todo.append(other)
    return found

"""The board in a real Chromium: 5,000 open cases, commit to pixel, frames, a call, sizes.

The browser shares the machine with the node; a dispatcher's would be elsewhere.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from pathlib import Path

from bench.calling import call_figures
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
TILES = Path("build/maps/helsinki.map")


def bench() -> list[Figure]:
    """Needs the built console and Debian's Chromium; says so where they are missing."""
    if not (BUILT / "index.html").exists():
        raise SystemExit("bench console: the screens are not built: run `make setup`")
    if not TILES.exists():
        raise SystemExit(f"bench console: no {TILES}: run `make bench`, which makes it")
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        data.mkdir()
        _fill(data)
        shutil.copytree(TILES, data / "map")
        with node(data) as running:
            cookie = supervisor_cookie(running, "call_taker")
            with screen(running, cookie) as shown:
                paints = [shown.first_paint() for _ in range(RUNS)]
                waits = shown.commit_to_pixel(RATE, SECONDS)
                frames = {each: shown.frames(each) for each in ("nothing", "scroll", "pan")}
                calls = call_figures(shown)
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
        *_frames(frames),
        *calls,
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


def _frames(frames: dict[str, tuple[float, float]]) -> list[Figure]:
    """Beside what this machine draws of a screen on which nothing moves."""
    figures = [Figure("console: frames of a still screen", frames["nothing"][0], "fps")]
    for doing, name in (("scroll", "the list scrolls"), ("pan", "the map is dragged")):
        drawn, work = frames[doing]
        figures += [
            Figure(f"console: frames while {name}", drawn, "fps", 60),
            Figure(f"console: page's work a frame while {name}", work, "ms", 16.6, "less"),
        ]
    return figures


def _sizes() -> list[Figure]:
    """Compressed JavaScript: all of it, and what the board needs before the map.

    Brotli is what a browser gets over TLS and from its own machine, gzip over plain HTTP.
    """
    first = set(re.findall(r"assets/([^\"']+js)", (BUILT / "index.html").read_text()))
    before = first | _imports(first)
    figures: list[Figure] = []
    for name, end in (("brotli", ".br"), ("gzip", ".gz")):
        files = sorted((BUILT / "assets").glob(f"*.*js{end}"))
        weight = {file.name.removesuffix(end): file.stat().st_size / 1000 for file in files}
        board = sum(weight[each] for each in before)
        figures += [
            Figure(f"console: JavaScript, all, {name}", sum(weight.values()), "kB", 500, "less"),
            Figure(f"console: JavaScript before the map, {name}", board, "kB", 60, "less"),
        ]
    return figures


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

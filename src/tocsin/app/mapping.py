"""The town's own map: `tocsin map build`, and the build that a node starts beside itself."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from tocsin.app.asking import settings_of
from tocsin.cartography.building import adopt, build, is_current, source_of
from tocsin.cartography.errors import MapError
from tocsin.geography.map_folder import FOLDER, MapFolder

log = structlog.get_logger("tocsin.map")

POLITE: Final = 15
"""How far a build in the background stands back: a node that answers comes first."""
MAP_FILE: Final = ".osm.pbf"
STOP_S: Final = 5.0


def build_map(asked: argparse.Namespace) -> int:
    """`tocsin map build FILE`: the map of the data folder, or of the folder that is named."""
    if asked.polite:
        os.nice(POLITE)
    folder = asked.folder or settings_of(asked).data / FOLDER
    if is_current(folder, source_of(asked.map_file)) and not asked.again:
        print(f"the map in {folder} is current")
        return 0
    meta = build(asked.map_file, folder)
    print(f"{meta.bytes / 1e6:.1f} MB of tiles and the place search written to {folder}")
    return 0


def kept_beside(map_file: Path) -> Path:
    """Where `make` keeps the map of a map file, so that no fresh node has to make it again."""
    return map_file.with_name(map_file.name.removesuffix(MAP_FILE) + ".map")


async def keep_map(map_file: Path, folder: MapFolder) -> None:
    """Makes the map of a node if there is none of this file yet; never raises for a bad file.

    In a process of its own that stands back: the node answers meanwhile. When it is cancelled
    the build ends with it, and what it had made so far is removed by the next one.
    """
    try:
        source = await asyncio.to_thread(source_of, map_file)
        if await asyncio.to_thread(is_current, folder.folder, source):
            return
        if await asyncio.to_thread(adopt, kept_beside(map_file), folder.folder, source):
            return
        folder.is_building = True
        code = await _build_beside(map_file, folder.folder)
        if code:
            log.warning("map_not_built", file=map_file.name, code=code)
    except (MapError, OSError) as trouble:
        log.warning("map_not_built", file=map_file.name, detail=str(trouble))
    finally:
        folder.is_building = False


async def _build_beside(map_file: Path, folder: Path) -> int:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tocsin.app.cli", "map", "build", str(map_file)),
        *("--folder", str(folder), "--polite"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        # Its one line of complaint goes where the node's own lines go.
        stderr=None,
        # A group of its own: the tile maker it starts ends with it.
        start_new_session=True,
        env={**os.environ, "TIPPECANOE_MAX_THREADS": "1"},
    )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):  # it has just ended by itself
                os.killpg(process.pid, signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_S):
                    await process.wait()

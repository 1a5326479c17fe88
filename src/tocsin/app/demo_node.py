"""The node of the demo: `tocsin serve` in a process of its own, with time that runs faster."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tocsin.app.demo_carriers import Wiring

START: Final = datetime(2026, 9, 8, 5, 0, tzinfo=UTC)
"""A Tuesday, 8 in the morning in Helsinki, when the desks open; no holiday near."""
CALENDAR: Final = "finland-2026"
START_S: Final = 90.0
"""A first start makes a database and cuts the map: seconds on a quiet machine."""
STOP_S: Final = 20.0


class DemoError(RuntimeError):
    """The demo cannot begin or go on. One line for people."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What may be chosen. `speed` is town seconds a second, `minutes` are of town time (None:
    until interrupted), `rate` is reports a town hour, `data` an empty folder (None: a temporary
    one, removed at the end), `port` 0 takes a free one."""

    speed: float = 60.0
    minutes: float | None = None
    headless: bool = False
    seed: int = 1
    map: Path | None = None
    port: int = 0
    data: Path | None = None
    rate: float = 120.0


class DemoNode:
    """`tocsin serve` in a process of its own, with an accelerated clock."""

    def __init__(self, options: DemoOptions, map_file: Path, data: Path) -> None:
        self.address = ""
        self.token = ""
        self.wiring = Wiring.drawn()
        self.wiring.write(data)
        self._log = data / "node.log"
        self._process: asyncio.subprocess.Process | None = None
        self._command = [
            *(sys.executable, "-m", "tocsin.app.cli", "serve"),
            *("--data", str(data), "--host", "127.0.0.1", "--port", str(options.port)),
            *("--map", str(map_file), "--pack", "county", "--calendar", CALENDAR),
            *("--roads", str(map_file)),
            *("--speed", str(options.speed), "--demo-start", START.isoformat()),
            *("--log-level", "warning"),
        ]

    async def start(self) -> None:
        """Returns once it answers. Raises `DemoError` with its last words."""
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                # Ctrl-C ends the demo in good order; the node must outlive it.
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        try:
            async with asyncio.timeout(START_S):
                await self._read_start(self._process)
        except TimeoutError:
            raise DemoError(f"the node did not answer within {START_S:.0f} s") from None

    async def _read_start(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None, "it was asked for"
        while not self.token:
            line = (await process.stdout.readline()).decode()
            if not line:
                words = self._log.read_text(errors="replace").strip().splitlines()
                raise DemoError(f"the node did not start: {words[-1] if words else 'no word'}")
            if line.startswith("Tocsin answers at "):
                self.address = line.split()[-1]
            elif "#" in line:
                self.token = line.strip().rpartition("#")[2]

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def stop(self) -> None:
        """Ends the node in good order, else by force."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


__all__ = ["CALENDAR", "DemoError", "DemoNode", "DemoOptions"]

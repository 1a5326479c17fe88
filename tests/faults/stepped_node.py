"""`tocsin serve` on a machine whose wall clock is set by hand while it runs.

The number of seconds in the file that STEP_FILE names is added to what the system says; it is read
again whenever somebody asks for the time. The monotonic clock stays what it is, as on a machine
whose time server went mad. With PLANTED=wall_clock the node believes the wall, whatever it says.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

FILE = Path(os.environ["STEP_FILE"])
_time, _time_ns = time.time, time.time_ns


def offset_s() -> float:
    try:
        return float(FILE.read_text() or "0")
    except (OSError, ValueError):
        return 0.0


def install() -> None:
    """Before anything of the node is loaded, so that nobody keeps the true one."""
    time.time = lambda: _time() + offset_s()
    time.time_ns = lambda: _time_ns() + int(offset_s() * 1e9)


def believe_the_wall() -> None:
    from tocsin.app import clock

    def now(self: object) -> datetime:
        return datetime.fromtimestamp(time.time(), UTC)

    clock.SteadyClock.now = now  # pyright: ignore


if __name__ == "__main__":
    install()
    if os.environ.get("PLANTED") == "wall_clock":
        believe_the_wall()
    from tocsin.app.cli import main

    raise SystemExit(main(sys.argv[1:]))

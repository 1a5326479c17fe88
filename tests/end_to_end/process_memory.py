"""Resident memory of a process, in MiB, as the system counts it (proc(5))."""

from __future__ import annotations

import re
from pathlib import Path


def memory_mib(pid: int) -> float:
    """Now."""
    return _told(pid, "VmRSS")


def peak_mib(pid: int, *, anew: bool = False) -> float:
    """The most since the process began, or since it was last counted `anew`, as it is from here on
    where asked."""
    if anew:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    return _told(pid, "VmHWM")


def children(pid: int) -> list[int]:
    """The processes that it started and that are not gone."""
    told = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(each) for path in told for each in path.read_text().split()]


def _told(pid: int, name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


__all__ = ["children", "memory_mib", "peak_mib"]

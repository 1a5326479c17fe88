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


def _told(pid: int, name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


__all__ = ["memory_mib", "peak_mib"]

"""The processes of a PostgreSQL server, and whether one that takes no connections gets on.

A server that lost a process recovers by itself, and takes no connections meanwhile. Twice it
never ends. Where the process that recovers is killed too, PostgreSQL 18 (seen with 18.6, not with
a first start) waits for it for ever: nobody recovers, and every connection is told "in recovery
mode". And a disk that does not answer holds it for as long as it likes. Only whoever watches from
outside can tell that from the long recovery of a large journal, which must be let be.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

GONE_AFTER_S = 10.0
"""A server without a process that recovers: twice the 5 s PostgreSQL gives the others to leave
before it begins."""
STUCK_AFTER_S = 30.0
"""A process that recovers, and neither computes nor reads nor writes."""
TICKS_OF_WORK = 2
"""Less is a process that wakes, looks and sleeps again."""

Work = tuple[int, int]
"""Ticks of the processor, bytes read and written."""


def servers_in(cluster: Path) -> list[int]:
    """Process ids of PostgreSQL processes that work in `cluster`, its orphans included."""
    home = cluster.stat()
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            where = (entry / "cwd").stat()
            if (where.st_dev, where.st_ino) != (home.st_dev, home.st_ino):
                continue
            if (entry / "exe").readlink().name.startswith("postgres"):
                found.append(int(entry.name))
        except OSError:
            continue  # it ended meanwhile, or it is another user's and so not ours
    return found


def recovering_in(cluster: Path) -> int | None:
    """The process that recovers `cluster`, where there is one."""
    return next((pid for pid in servers_in(cluster) if "postgres: startup" in title(pid)), None)


def title(pid: int) -> str:
    """What a process says it is, "" where it has gone."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ""
    return words.replace(b"\0", b" ").decode("utf-8", "replace").strip()


def pid_in(pid_file: Path) -> int | None:
    """The process a lock file names."""
    try:
        return int(pid_file.read_text(encoding="ascii").split(maxsplit=1)[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None


class Recovery:
    """Looks at a server that takes no connections: does it get on?

    `is_stuck` is asked again and again while nobody is let in; `ended` forgets what was seen.
    """

    def __init__(self, cluster: Path, now: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._now = now
        self._seen: Work | None = None
        self._since: float | None = None

    def ended(self) -> None:
        """The server takes connections, or is another one."""
        self._seen = self._since = None

    def is_stuck(self) -> bool:
        """Whether it will not get out of this by itself."""
        pid = recovering_in(self._cluster)
        work = None if pid is None else _work_of(pid)
        now = self._now()
        if self._since is None or got_on(self._seen, work):
            self._seen, self._since = work, now
            return False
        return now - self._since >= (GONE_AFTER_S if work is None else STUCK_AFTER_S)


def got_on(before: Work | None, after: Work | None) -> bool:
    """Whether something was done between two looks; coming and going is something."""
    if before is None or after is None:
        return before is not after
    return after[0] - before[0] >= TICKS_OF_WORK or after[1] != before[1] or after[0] < before[0]


def _work_of(pid: int) -> Work | None:
    """None where the process ended meanwhile."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    except OSError:
        return None
    moved = {name: int(value) for name, _, value in (line.partition(": ") for line in lines)}
    return int(fields[11]) + int(fields[12]), moved["rchar"] + moved["wchar"]


__all__ = ["Recovery", "got_on", "pid_in", "recovering_in", "servers_in", "title"]

"""Honest people while others mean no good: 1,500 slow connections, and bombs beside them.

Slow ones come to the ports of HTTP, of panels (DC-09) and of devices (MQTT), each from an address
that stays under the node's cap for addresses. Residents report on a new connection each time;
dispatchers read the board and take calls on theirs. What they wait is counted from the instant at
which they meant to ask. Everybody shares the machine with the node, in processes of their own.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from bench.harness import Figure, median, percentile
from bench.intake import BOX, codes
from bench.node import Running, node
from bench.people import supervisor_cookie
from tests.end_to_end.process_memory import children, peak_mib
from tests.intakes.test_mqtt_sockets import certificate

CROWD = {"http": 1_000, "dc09": 150, "mqtt": 150, "tls": 200}
"""Slow connections to each listener: 1,500."""
RATE = 30
"""Reports a second: more than a large town in its worst hour."""
SECONDS = 20
GOAL_MS = 250
GROWTH_MIB_MAX = 64
DEVICES = ("dc09", "mqtt", "tls")


class Rooms:
    """The most memory of the closed rooms in which photos are developed, all together."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._most: dict[int, float] = {}

    def look(self) -> None:
        for each in children(self._pid):
            try:
                if "developing" in Path(f"/proc/{each}/cmdline").read_text():
                    self._most[each] = peak_mib(each)
            except (OSError, AssertionError):
                continue  # ended meanwhile

    @property
    def most_mib(self) -> float:
        """Of the two that had the most: more are never open at once."""
        return sum(sorted(self._most.values())[-2:])


class Seats:
    """Connections from slow addresses that the node itself holds open, looked at time and again:
    sockets in its own table of descriptors."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.counts: list[int] = []
        self.rooms = Rooms(pid)
        self._is_done = threading.Event()

    def count(self) -> int:
        """Now. Addresses 127.11 to 127.14 are those of the slow."""
        slow: set[str] = set()
        for line in Path(f"/proc/{self.pid}/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            far = bytes.fromhex(fields[2].partition(":")[0])[::-1]
            if fields[3] == "01" and far[0] == 127 and 11 <= far[1] <= 14:
                slow.add(f"socket:[{fields[9]}]")
        held = 0
        folder = f"/proc/{self.pid}/fd"
        for name in os.listdir(folder):
            try:
                held += os.readlink(f"{folder}/{name}") in slow
            except OSError:
                continue  # closed meanwhile
        return held

    @contextmanager
    def watched(self) -> Generator[None]:
        thread = threading.Thread(target=self._watch)
        thread.start()
        try:
            yield
        finally:
            self._is_done.set()
            thread.join()

    def _watch(self) -> None:
        while not self._is_done.wait(2.0):
            self.counts.append(self.count())
            self.rooms.look()


class Bombs:
    """What was said to each bomb."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.wrong: list[str] = []

    def read(self, line: str) -> None:
        status, is_refused, what = json.loads(line)
        self.statuses[status] += 1
        if not 400 <= status < 500 and (is_refused or not 200 <= status < 300):
            self.wrong.append(f"{what}: {status}")


def people(what: str, plan: dict[str, Any]) -> subprocess.Popen[str]:
    """A process of `hostile_people`."""
    command = [sys.executable, "-m", "bench.hostile_people", what, json.dumps(plan)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@contextmanager
def beside(what: str, plan: dict[str, Any], told: Bombs | None = None) -> Generator[None]:
    """Those who mean no good, once they are all at work."""
    process = people(what, plan)
    assert process.stdout is not None
    out = process.stdout

    def listen() -> None:
        for line in out:
            if told is not None and line.endswith("\n"):
                told.read(line)

    reading = threading.Thread(target=listen)
    try:
        assert out.readline().strip() == "at work"
        reading.start()
        yield
        assert process.poll() is None, f"the {what} ended"
    finally:
        process.terminate()
        process.wait(20)
        if reading.ident is not None:
            reading.join()


def honest(plan: dict[str, Any], seed: int) -> dict[str, Any]:
    """Waits by kind, and refusals, of the honest."""
    process = people("honest", {**plan, "seed": seed})
    out, _ = process.communicate()
    assert process.returncode == 0, "the honest could not ask"
    return json.loads(out)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return held.getsockname()[1]


def plan_for(running: Running) -> dict[str, Any]:
    cookie = supervisor_cookie(running, "call_taker")
    request = Request(f"{running.address}/api/session", headers={"Cookie": cookie})
    with urlopen(request) as answer:
        csrf = json.load(answer)["csrf"]
    return {"port": running.port, "codes": codes(running), "box": BOX, "cookie": cookie,
            "csrf": csrf, "rate": RATE, "seconds": SECONDS}  # fmt: skip


def bench() -> list[Figure]:
    """The load of the machine stands beside the waits."""
    with tempfile.TemporaryDirectory() as folder:
        ports = {name: free_port() for name in DEVICES}
        data = Path(folder) / "data"
        data.mkdir()
        files = certificate(data)
        intakes = data / "intakes.toml"
        intakes.touch(0o600)
        intakes.write_text(
            f'[sia-dc09]\nhost = "127.0.0.1"\nport = {ports["dc09"]}\n'
            f'[mqtt]\nhost = "127.0.0.1"\nport = {ports["mqtt"]}\n'
            f'tls_port = {ports["tls"]}\ncertificate = "{files[0]}"\nkey = "{files[1]}"\n'
        )
        with node(data, per_client_connections="64") as running:
            return _measure(running, {"http": running.port} | ports)


def _measure(running: Running, ports: dict[str, int]) -> list[Figure]:
    plan = plan_for(running)
    honest(plan, 1)  # what is made at first use is no growth
    found = _waits("nobody else", honest(plan, 2))
    before = running.memory_mib()
    slow = {"crowd": [(name, ports[name], count) for name, count in CROWD.items()]}
    throw = {"port": running.port}
    count = sum(CROWD.values())
    for seed, note, with_bombs in (
        (3, f"{count:,} slow", False),
        (4, f"{count:,} slow and bombs", True),
        (5, "the same again", True),
    ):
        peak_mib(running.process.pid, anew=True)
        seats, bombs = Seats(running.process.pid), Bombs()
        with ExitStack() as stack:
            stack.enter_context(beside("slow", slow))
            if with_bombs:
                stack.enter_context(beside("bombs", throw, bombs))
            stack.enter_context(seats.watched())
            result = honest(plan, seed)
        found += _waits(note, result, GOAL_MS)
        found += [
            Figure(f"hostile: held at once, {note}", median(seats.counts), "slow", note=(
                f"open in the node's own table; {min(seats.counts):,} to {max(seats.counts):,}")),
            Figure(f"hostile: most memory, {note}", peak_mib(running.process.pid) - before, "MiB",
                   GROWTH_MIB_MAX, "less", "peak of the node's resident memory over the quiet one"),
            Figure(f"hostile: rooms of photos, {note}", seats.rooms.most_mib, "MiB",
                   note="peaks of the closed rooms in which photos are developed, at most two"),
        ]  # fmt: skip
        if with_bombs:
            print(*bombs.wrong[:20], sep="\n")
            told = f"statuses {dict(sorted(bombs.statuses.items()))}"
            name = f"hostile: bombs not refused, {note}"
            found.append(Figure(name, len(bombs.wrong), "", 0, "less", told))
    left = running.memory_mib() - before
    return [*found, Figure("hostile: memory left behind", left, "MiB", GROWTH_MIB_MAX, "less")]


def _waits(what: str, result: dict[str, Any], goal: float | None = None) -> list[Figure]:
    found: list[Figure] = []
    for who, waits in sorted(result["waits"].items()):
        note = f"{len(waits):,} answers; load {os.getloadavg()[0]:.1f}"
        found += [
            Figure(f"hostile: {who} median, {what}", median(waits), "ms"),
            Figure(f"hostile: {who} p99, {what}", percentile(waits, 99), "ms", goal, "less", note),
        ]
    refused = result["refused"]
    told = ", ".join(f"{name} {count}" for name, count in sorted(refused.items()))
    return [
        *found,
        Figure(f"hostile: honest refused, {what}", sum(refused.values()), "", 0, "less", told),
    ]

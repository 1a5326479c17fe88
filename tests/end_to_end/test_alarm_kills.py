"""kill -9 in mid-flood of alarms: nothing acknowledged is lost, nothing is there twice.

A small share here; `make kills ARGS=50` is the campaign.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.end_to_end.alarm_sender import message
from tests.end_to_end.wire_senders import Ports, Sender, everybody, number_of
from tocsin.kernel.alarms.decide import REPEAT_BLIND_S
from tocsin.kernel.alarms.vocabulary import AlarmCounted, AlarmOpened, AlarmRaisedAgain
from tocsin.kernel.cases.vocabulary import CaseOpened
from tocsin.kernel.shared import Instant
from tocsin.runtime import codec
from tocsin.runtime.verify import verify
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.vault import load_master_keys

ROUNDS = int(os.environ.get("TOCSIN_ALARM_KILLS", "4"))
SIGNALLED = (AlarmOpened, AlarmRaisedAgain, AlarmCounted)


async def one_round(dsn: str, key: Path, first: int, rng: random.Random, *how: str) -> list[int]:
    """Starts a desk, kills it after some acknowledgements; the numbers it acknowledged."""
    arguments = [sys.executable, "-m", "tests.end_to_end.alarm_sender", dsn, str(key), str(first)]
    process = await asyncio.create_subprocess_exec(*arguments, *how, stdout=subprocess.PIPE)
    assert process.stdout is not None
    wanted, told = rng.randrange(1, 400), list[int]()
    while len(told) < wanted:
        line = await process.stdout.readline()
        assert line, "the desk ended by itself"
        told.append(int(line))
    process.send_signal(signal.SIGKILL)
    rest, _ = await process.communicate()
    return told + [int(line) for line in rest.decode().split("\n")[:-1] if line]


async def kept(dsn: str) -> Counter[str]:
    """How often the journal has each message."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT events FROM alarm_journal")
    finally:
        await connection.close()
    events = (event for row in rows for event in codec.decode_alarm_events(row[0]))
    return Counter(event.signal.key for event in events if isinstance(event, SIGNALLED))


async def campaign(dsn: str, key: Path, rounds: int, *how: str) -> list[str]:
    """Rounds of kills; between them the last messages are sent again, as a sender would that got
    no answer. What is wrong, in words."""
    rng, first, acknowledged = random.Random(911), 0, list[int]()
    for _ in range(rounds):
        told = await one_round(dsn, key, first, rng, *how)
        acknowledged += told
        first = max(0, max(told) - 40)
    counts = await kept(dsn)
    lost = [number for number in set(acknowledged) if not counts[str(number)]]
    doubled = [key for key, count in counts.items() if count > 1]
    print(f"{rounds} kills, {len(set(acknowledged))} acknowledged, {sum(counts.values())} kept")
    return [f"lost {len(lost)}"] * bool(lost) + [f"doubled {len(doubled)}"] * bool(doubled)


@pytest.mark.slow
async def test_kills_in_a_flood_lose_nothing(fresh_database: str, tmp_path: Path) -> None:
    key = tmp_path / "vault.key"
    keys = load_master_keys(key)
    assert await campaign(fresh_database, key, ROUNDS) == []
    store = PostgresStore(fresh_database, keys)
    await store.open()
    try:
        report = await verify(store)
        assert report.is_clean and report.alarms > 0, report.shown[:3]
    finally:
        await store.close()


@pytest.mark.slow
async def test_an_answer_before_the_commit_is_found(fresh_database: str, tmp_path: Path) -> None:
    """The planted bug: the acknowledgement goes out first."""
    key = tmp_path / "vault.key"
    load_master_keys(key)
    found = await campaign(fresh_database, key, 2, "early")
    assert any(each.startswith("lost") for each in found)


# -- over the wire of every intake


WAYS = ("alertmanager", "button", "cap", "cloudevents", "dc09-tcp", "dc09-udp", "desk", "mqtt",
        "open311", "webhook")  # fmt: skip


HUNG_UP = OSError | EOFError | httpx.HTTPError | None


class Nodes:
    """What starts a node for every round."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def start(self) -> Ports:
        assert self.process.stdin is not None
        self.process.stdin.write(b"start\n")
        words = await self._line("ports")
        return Ports(*(int(each) for each in words[:4]), words[4])

    async def ended(self) -> None:
        await self._line("ended")

    async def _line(self, first: str) -> list[str]:
        assert self.process.stdout is not None
        while True:  # the log comes in between
            line = await self.process.stdout.readline()
            assert line, "the node ended by itself"
            words = line.decode().split()
            if words[:1] == [first]:
                return words[1:]


@asynccontextmanager
async def nodes(dsn: str, key: Path, *how: str) -> AsyncIterator[Nodes]:
    arguments = [sys.executable, "-m", "tests.end_to_end.wire_node", dsn, str(key), *how]
    pipe = subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*arguments, stdin=pipe, stdout=pipe)
    try:
        yield Nodes(process)
    finally:
        process.kill()
        await process.communicate()


async def wire_round(nodes: Nodes, senders: list[Sender], wanted: int) -> None:
    """Starts a node, lets everybody send, kills it after so many acknowledgements of which every
    way in has one. Who is hung up on meanwhile (a busy machine lets a connection idle for longer
    than it is kept) calls again with what was not acknowledged, as after a kill."""
    ports = await nodes.start()
    before = {each: len(each.acknowledged) for each in senders}
    work = [asyncio.create_task(each.run(ports)) for each in senders]
    try:
        async with asyncio.timeout(120):
            while not _is_enough(before, wanted):
                await asyncio.sleep(0.002)
                for place, ended in enumerate(work):
                    if ended.done():
                        assert isinstance(ended.exception(), HUNG_UP), ended
                        print(f"{senders[place].name} calls again: {ended.exception()!r}")
                        work[place] = asyncio.create_task(senders[place].run(ports))
    finally:
        os.kill(ports.pid, signal.SIGKILL)
        _, waiting = await asyncio.wait(work, timeout=0.5)
        for each in waiting:
            each.cancel()
        over = await asyncio.gather(*work, return_exceptions=True)
    await nodes.ended()
    fine = HUNG_UP | asyncio.CancelledError
    assert [each for each in over if not isinstance(each, fine)] == []


def _is_enough(before: Mapping[Sender, int], wanted: int) -> bool:
    told = {each: len(each.acknowledged) - count for each, count in before.items()}
    heard = {each.name for each, count in told.items() if count}
    return sum(told.values()) >= wanted and heard == set(WAYS)


async def marks_kept(dsn: str) -> dict[str, list[Instant]]:
    """When the journals have each message, by its mark."""
    connection = await asyncpg.connect(dsn)
    try:
        alarms = await connection.fetch("SELECT events FROM alarm_journal")
        cases = await connection.fetch("SELECT events FROM journal WHERE version = 1")
    finally:
        await connection.close()
    found: dict[str, list[Instant]] = defaultdict(list)
    for row in alarms:
        for event in codec.decode_alarm_events(row[0]):
            if isinstance(event, SIGNALLED):
                found[number_of(event.signal)].append(event.at)
    for row in cases:
        for event in codec.decode_events(row[0]):
            if isinstance(event, CaseOpened) and event.report.source != "alarm" and event.place:
                found[f"{event.place.lon:.7f}"].append(event.at)
    return found


def is_in_doubt(mark: str, kept: Sequence[Instant]) -> bool:
    """A frame of DC-09 whose second came more than the blind minute after its first, while no node
    ran that knew the panel's run: the house keeps and links it, for it may be a second fire."""
    blind = timedelta(seconds=REPEAT_BLIND_S)
    return bool(FRAME.fullmatch(mark)) and all(b - a > blind for a, b in pairwise(sorted(kept)))


async def wire_campaign(dsn: str, key: Path, rounds: int, *how: str) -> list[str]:
    """Rounds of kills over every way in at once. What is wrong, in words."""
    rng, senders = random.Random(1883), everybody()
    assert {each.name for each in senders} == set(WAYS)
    async with nodes(dsn, key, *how) as starts:
        for number in range(1, rounds + 1):
            await wire_round(starts, senders, rng.randrange(20, 300))
            told = sum(len(each.acknowledged) for each in senders)
            print(f"kill {number}: {told} acknowledged", flush=True)
    kept = await marks_kept(dsn)
    counts = Counter({mark: len(times) for mark, times in kept.items()})
    found: list[str] = []
    for name in WAYS:
        told = {n for each in senders if each.name == name for n in each.acknowledged}
        lost, doubled = sum(not counts[n] for n in told), sum(counts[n] > 1 for n in told)
        print(f"{name:14} {len(told):6} acknowledged {lost:3} lost {doubled:3} doubled")
        found += [f"{name} lost {lost}"] * bool(lost)
    repeated = {mark: times for mark, times in kept.items() if len(times) > 1}
    repeated = {mark: times for mark, times in repeated.items() if mark not in SHARED}
    doubt = [mark for mark, times in repeated.items() if is_in_doubt(mark, times)]
    twice = [
        f"{mark}: {max(times) - min(times)} apart"
        for mark, times in repeated.items()
        if mark not in doubt
    ]
    print(f"{rounds} kills over the wire, {sum(counts.values())} kept, {len(doubt)} in doubt")
    return found + [f"doubled {twice[:5]}"] * bool(twice)


FRAME = re.compile(r"\d{4}-[0-9a-f]{32}-\d+")
"""The mark of a frame of DC-09: its number, what is in it, and which of its events."""


SHARED = ("", f"{24.901:.7f}")
"""No marks: what the house says by itself, and where the cases of alarms are."""


@pytest.mark.slow
async def test_kills_over_all_intakes_lose_and_double_nothing(
    fresh_database: str, tmp_path: Path
) -> None:
    key = tmp_path / "vault.key"
    keys = load_master_keys(key)
    assert await wire_campaign(fresh_database, key, ROUNDS) == []
    store = PostgresStore(fresh_database, keys)
    await store.open()
    try:
        report = await verify(store)
        assert report.is_clean and report.alarms > 0, report.shown[:3]
    finally:
        await store.close()


@pytest.mark.slow
async def test_an_acknowledgement_on_the_wire_before_the_commit_is_found(
    fresh_database: str, tmp_path: Path
) -> None:
    """The planted bug: PUBACK, ACK and 2xx go out first. It is found at every way in."""
    key = tmp_path / "vault.key"
    load_master_keys(key)
    found = await wire_campaign(fresh_database, key, 2, "early")
    assert {each.split()[0] for each in found if " lost " in each} == set(WAYS)


def test_a_message_of_a_number_is_always_the_same() -> None:
    assert message(7) == message(7) != message(8)

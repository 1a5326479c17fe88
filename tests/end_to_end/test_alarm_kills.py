"""kill -9 in mid-flood of alarms: nothing acknowledged is lost, nothing is there twice.

A small share here; `make kills ARGS=50` is the campaign.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.end_to_end.alarm_sender import message
from tests.end_to_end.wire_senders import MqttSender, PanelSender, WebhookSender, number_of
from tocsin.kernel.alarms.vocabulary import AlarmCounted, AlarmOpened, AlarmRaisedAgain
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


Sender = MqttSender | PanelSender | WebhookSender


async def wire_round(dsn: str, key: Path, senders: list[Sender], wanted: int, *how: str) -> None:
    """Starts a node, lets everybody send, kills it after so many acknowledgements."""
    arguments = [sys.executable, "-m", "tests.end_to_end.wire_node", dsn, str(key), *how]
    process = await asyncio.create_subprocess_exec(*arguments, stdout=subprocess.PIPE)
    assert process.stdout is not None
    ports: list[int] = []
    while len(ports) != 3:  # the log comes first
        line = await process.stdout.readline()
        assert line, "the node ended by itself"
        ports = [int(each) for each in line.split() if each.isdigit()]
    by_name = dict(zip(("mqtt", "dc09", "webhook"), ports, strict=True))
    before = sum(len(each.acknowledged) for each in senders)
    work = [asyncio.create_task(each.run(by_name[each.name])) for each in senders]
    async with asyncio.timeout(120):
        while sum(len(each.acknowledged) for each in senders) < before + wanted:
            await asyncio.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    ended = await asyncio.gather(*work, return_exceptions=True)
    wrong = [each for each in ended if not isinstance(each, OSError | httpx.HTTPError | None)]
    assert wrong == []


async def wire_campaign(dsn: str, key: Path, rounds: int, *how: str) -> list[str]:
    """Rounds of kills over MQTT, DC-09 and webhooks at once. What is wrong, in words."""
    rng = random.Random(1883)
    senders: list[Sender] = [MqttSender(), WebhookSender()]
    senders += [PanelSender(f"{each}") for each in range(2000, 2006)]
    for _ in range(rounds):
        await wire_round(dsn, key, senders, rng.randrange(20, 600), *how)
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT events FROM alarm_journal")
    finally:
        await connection.close()
    events = (event for row in rows for event in codec.decode_alarm_events(row[0]))
    counts = Counter(number_of(event.signal) for event in events if isinstance(event, SIGNALLED))
    found: list[str] = []
    for name in ("mqtt", "dc09", "webhook"):
        told = {n for each in senders if each.name == name for n in each.acknowledged}
        assert told, f"{name} was heard"
        lost = sum(not counts[each] for each in told)
        found += [f"{name} lost {lost}"] * bool(lost)
        print(f"{name}: {len(told)} acknowledged")
    doubled = [number for number, count in counts.items() if count > 1]
    print(f"{rounds} kills over the wire, {sum(counts.values())} kept")
    return found + [f"doubled {doubled[:5]}"] * bool(doubled)


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
    """The planted bug: PUBACK, ACK and 2xx go out first."""
    key = tmp_path / "vault.key"
    load_master_keys(key)
    found = await wire_campaign(fresh_database, key, 2, "early")
    assert any(each.startswith("mqtt lost") for each in found)


def test_a_message_of_a_number_is_always_the_same() -> None:
    assert message(7) == message(7) != message(8)

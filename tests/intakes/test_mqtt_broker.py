"""A client of a town's own broker, Debian's mosquitto: killed and started again, what it kept
arrives once; and what cannot be kept here stays with it."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.intakes.alarm_desk import KeptDesk
from tests.intakes.mqtt_help import until
from tocsin.intakes.mqtt.client import Town
from tocsin.intakes.mqtt.keeping import Keeper
from tocsin.intakes.mqtt.meanings import meanings_of
from tocsin.intakes.mqtt.parse import Topics
from tocsin.intakes.mqtt.settings import Broker, MqttSettings, Route

FOUND = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(FOUND is None, reason="mosquitto is missing: tools/mosquitto.sh")
SMOKE = b'{"kind": "smoke"}'
SETTINGS = MqttSettings(listen=False, topic=(Route("site/+/alarm", "json"),))


class Mosquitto:
    """One broker that keeps its messages in a folder."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.port = taken.getsockname()[1]
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {folder}/\nautosave_interval 1\nlog_type error\n"
            f"max_queued_messages 0\nuser {pwd.getpwuid(os.getuid()).pw_name}\n"
        )

    def start(self) -> None:
        assert FOUND is not None
        self.process = subprocess.Popen([FOUND, "-c", str(self.folder / "conf")])
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            try:
                self.process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
        raise AssertionError("mosquitto does not start")

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def publish(self, *numbers: int) -> None:
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        told = [client.publish(f"site/d{each}/alarm", SMOKE, 1) for each in numbers]
        for each in told:
            each.wait_for_publish(20)
        client.disconnect()
        client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    made = Mosquitto(tmp_path / "mosquitto")
    made.start()
    yield made
    made.kill()


@asynccontextmanager
async def listening(broker: Mosquitto, desk: KeptDesk, version: str) -> AsyncIterator[Town]:
    about = Broker("town", "127.0.0.1", ("site/#",), broker.port, version=version)
    town = Town(about, Keeper(Topics(meanings_of(SETTINGS)), desk), SETTINGS)
    running = asyncio.create_task(town.run())
    try:
        await until(lambda: town.is_connected)
        await asyncio.sleep(0.3)  # until it has subscribed
        yield town
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_what_a_killed_broker_kept_arrives_once(broker: Mosquitto, version: str):
    desk = KeptDesk()
    async with listening(broker, desk, version):
        await asyncio.to_thread(broker.publish, *range(10))
        await until(lambda: len(desk.kept) == 10)
    # The node is away; the broker keeps what comes, is killed, and comes back.
    await asyncio.to_thread(broker.publish, *range(10, 60))
    await asyncio.sleep(2.5)  # until it has written that down, as it does once a second
    broker.kill()
    broker.start()
    async with listening(broker, desk, version) as town:
        await until(lambda: len(desk.kept) >= 60)
        # And while the node listens: it is killed in between, and called again.
        broker.kill()
        await until(lambda: not town.is_connected)
        broker.start()
        await until(lambda: town.connections == 2)
        await asyncio.sleep(0.3)
        await asyncio.to_thread(broker.publish, 60)
        await until(lambda: any(each.device == "town/d60" for each in desk.kept))
    assert sorted(int(each.device[6:]) for each in desk.kept) == list(range(61))


async def test_what_cannot_be_kept_stays_with_the_broker(broker: Mosquitto):
    desk = KeptDesk(is_down=True)
    async with listening(broker, desk, "3.1.1") as town:
        await asyncio.to_thread(broker.publish, *range(5))
        await until(lambda: town.keeper.counts.get("unavailable", 0) > 4)
        assert town.kept == 0
    desk.is_down = False
    async with listening(broker, desk, "3.1.1") as town:
        await until(lambda: len(desk.kept) == 5 and town.kept == 5)
    assert desk.repeats == 0
    async with listening(broker, desk, "3.1.1"):
        await asyncio.sleep(0.3)
    assert len(desk.kept) == 5 and desk.repeats == 0


async def test_a_desk_that_comes_back_meanwhile_gets_what_was_held(broker: Mosquitto):
    desk = KeptDesk(is_down=True)
    async with listening(broker, desk, "5") as town:
        await asyncio.to_thread(broker.publish, 1, 2)
        await until(lambda: town.keeper.counts.get("unavailable", 0) > 1)
        desk.is_down = False
        await until(lambda: town.kept == 2)
    assert len(desk.kept) == 2


async def test_a_broker_that_is_not_there_is_called_until_it_is(tmp_path: Path):
    broker, desk = Mosquitto(tmp_path / "late"), KeptDesk()
    about = Broker("town", "127.0.0.1", ("site/#",), broker.port)
    town = Town(about, Keeper(Topics(meanings_of(SETTINGS)), desk), SETTINGS)
    running = asyncio.create_task(town.run())
    try:
        await asyncio.sleep(0.5)
        broker.start()
        await until(lambda: town.is_connected)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        broker.kill()

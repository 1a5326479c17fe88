"""What the tests of MQTT share: a listening server, settings, and a client that writes packets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tocsin.intakes.mqtt import codec
from tocsin.intakes.mqtt.keeping import Keeper
from tocsin.intakes.mqtt.meanings import meanings_of
from tocsin.intakes.mqtt.parse import Topics
from tocsin.intakes.mqtt.secrets import hashed
from tocsin.intakes.mqtt.serve import Server
from tocsin.intakes.mqtt.settings import Device, MqttSettings
from tocsin.runtime.alarm_ports import AlarmTaker

SECRET = "a-secret-of-a-device"
DEVICES = (
    Device("school-3", hashed(SECRET, b"salt-of-1")),
    Device("gate", hashed(SECRET, b"salt-of-2"), ("tocsin/#", "zigbee2mqtt/#", "homeassistant/#")),
)


@asynccontextmanager
async def listening(desk: AlarmTaker, **more: Any) -> AsyncIterator[Server]:
    given = {"host": "127.0.0.1", "port": 0, "device": DEVICES} | more
    settings = MqttSettings(**given)
    server = Server(settings, Keeper(Topics(meanings_of(settings)), desk))
    await server.start()
    running = asyncio.create_task(server.run())
    try:
        yield server
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await server.close()


async def until(what: Callable[[], object], within_s: float = 30) -> None:
    async with asyncio.timeout(within_s):
        while not what():
            await asyncio.sleep(0.02)


class Wired:
    """A client that writes and reads packets, one by one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.version: codec.Version = "3.1.1"
        self._buffer = b""

    @classmethod
    async def open(cls, port: int, *, hello: bool = True, **more: Any) -> Wired:
        made = cls(*await asyncio.open_connection("127.0.0.1", port))
        made.version = more.pop("version", "3.1.1")
        if hello:
            given = {"client_id": "c1", "clean_session": True, "keepalive": 30,
                     "username": "school-3", "password": SECRET.encode()} | more  # fmt: skip
            made.say(codec.Connect(**given))
        return made

    def say(self, packet: Any) -> None:
        self.writer.write(codec.encode(packet, self.version))

    def publish(self, payload: bytes, pid: int | None = 1, **more: Any) -> None:
        given = {"topic": "tocsin/school-3/alarm", "qos": codec.QoS(1 if pid else 0),
                 "dup": False, "retain": False} | more  # fmt: skip
        self.say(codec.Publish(payload=payload, packet_id=pid, **given))

    async def hear(self) -> Any:
        """The next packet; None when the connection ends."""
        async with asyncio.timeout(30):
            while True:
                found = codec.decode_any(self._buffer, self.version)
                if found is not None:
                    packet, size = found
                    self._buffer = self._buffer[size:]
                    return packet
                try:
                    data = await self.reader.read(65_536)
                except ConnectionError:
                    return None
                if not data:
                    return None
                self._buffer += data

    def close(self) -> None:
        self.writer.close()

"""The block's gateway in the demo: one MQTT client, which dies without a word and comes back."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tocsin.app.demo_client import Unreachable

HOST: Final = "127.0.0.1"
KEEP_ALIVE_S: Final = 30
KEPT_S: Final = 30.0
"""How long a PUBACK is waited for; the client sends again by itself when a line was lost."""

Item = dict[str, Any]


@dataclass(slots=True)
class OverMqtt:
    """MQTT 3.1.1 at QoS 1, with a session that is kept and *offline* as the last will: what was
    sent is kept once its PUBACK is there. `gateway` is the device that the client itself is."""

    name: str
    secret: str
    port: int
    gateway: str
    source: str = "mqtt"
    _client: paho.Client | None = field(default=None)

    def address(self, device: str) -> str:
        return self.name if device == self.gateway else f"{self.name}/{device}"

    async def open(self) -> None:
        """Connects, and says that it is there. Raises Unreachable."""
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=self.name, clean_session=False)
        client.username_pw_set(self.name, self.secret)
        client.will_set(f"tocsin/{self.name}/status", "offline", qos=1)
        try:
            await asyncio.to_thread(client.connect, HOST, self.port, KEEP_ALIVE_S)
        except OSError as error:
            raise Unreachable(f"MQTT on port {self.port}: {error}") from error
        client.loop_start()
        self._client = client
        await self._published("status", b"online")

    async def vanish(self) -> None:
        """The line is cut and nobody says goodbye: the last will speaks."""
        client, self._client = self._client, None
        if client is None:
            return
        line = client.socket()
        await asyncio.to_thread(client.loop_stop)
        if isinstance(line, socket.socket):
            line.shutdown(socket.SHUT_RDWR)
            line.close()

    async def close(self) -> None:
        """Says goodbye: no last will."""
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            await asyncio.to_thread(client.loop_stop)

    async def send(self, items: Sequence[Item]) -> bool:
        kept = await asyncio.gather(*(self._send_one(dict(each)) for each in items))
        return all(kept)

    async def _send_one(self, item: Item) -> bool:
        battery = item.pop("battery_percent", None)
        if battery is not None:
            item["values"] = {"battery_percent": battery}
        if item["device"] == self.gateway:
            del item["device"]
        topic = "reading" if item.get("signal") == "heard" else "alarm"
        return await self._published(topic, msgspec.json.encode(item))

    async def _published(self, topic: str, payload: bytes) -> bool:
        if self._client is None:
            return False
        told = self._client.publish(f"tocsin/{self.name}/{topic}", payload, qos=1)
        await asyncio.to_thread(told.wait_for_publish, KEPT_S)
        return told.is_published()


__all__ = ["OverMqtt"]

"""Real senders that keep what was not acknowledged and send it again: MQTT with QoS 1, DC-09, a
signed webhook. Each message has a number, by which the journal is searched afterwards."""

from __future__ import annotations

import asyncio
import json
import os
from collections import deque
from datetime import UTC, datetime
from typing import Any

import httpx

from tests.end_to_end.wire_node import SECRET
from tocsin.intakes.mqtt import codec
from tocsin.intakes.sia_dc09.dialler import Dialler
from tocsin.intakes.sia_dc09.frames import Splitter
from tocsin.intakes.sia_dc09.parse import parse
from tocsin.intakes.signed_json.parse import sign

IN_FLIGHT = 64
DEVICES = 20


class MqttSender:
    """A gateway: a session that is kept, and messages without a key of their own. What a message
    is known by is its number on the wire; ours stands in `zone`."""

    name = "mqtt"

    def __init__(self) -> None:
        self.sent = 0
        self.acknowledged: list[str] = []
        self.waiting: dict[int, codec.Publish] = {}
        self._pid = 0

    async def run(self, port: int) -> None:
        """Until the connection ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await self._talk(reader, writer)
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = codec.Connect(client_id="gate", clean_session=False, keepalive=60,
                              username="gate", password=SECRET.encode())  # fmt: skip
        writer.write(codec.encode(hello, "3.1.1"))
        buffer, is_in = b"", False
        while data := await reader.read(65_536):
            buffer += data
            while (found := codec.decode_any(buffer, "3.1.1")) is not None:
                packet, size = found
                buffer = buffer[size:]
                if isinstance(packet, codec.ConnAck):
                    assert packet.return_code == 0, packet
                    is_in = True
                    for each in self.waiting.values():
                        writer.write(codec.encode(again(each), "3.1.1"))
                elif isinstance(packet, codec.PubAck):
                    told = self.waiting.pop(packet.packet_id)
                    self.acknowledged.append(json.loads(told.payload)["zone"])
            while is_in and len(self.waiting) < IN_FLIGHT:
                writer.write(codec.encode(self._next(), "3.1.1"))

    def _next(self) -> codec.Publish:
        self.sent += 1
        while True:
            self._pid = self._pid % 65_535 + 1
            if self._pid not in self.waiting:
                break
        payload = {"kind": "smoke", "device": f"d{self.sent % DEVICES}", "zone": f"m{self.sent}"}
        made = codec.Publish(
            topic="tocsin/gate/alarm", payload=json.dumps(payload).encode(), qos=codec.QoS(1),
            retain=False, dup=False, packet_id=self._pid,
        )  # fmt: skip
        self.waiting[self._pid] = made
        return made


def again(sent: codec.Publish) -> codec.Publish:
    return codec.Publish(
        topic=sent.topic, payload=sent.payload, qos=sent.qos, retain=False, dup=True,
        packet_id=sent.packet_id,
    )  # fmt: skip


class PanelSender:
    """A panel: one frame at a time, the same again until it is answered."""

    name = "dc09"

    def __init__(self, account: str) -> None:
        self.acknowledged: list[str] = []
        self._dialler = Dialler(account, lambda: datetime.now(UTC), os.urandom)
        self._zone = 0
        self._is_waiting = False

    async def run(self, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while True:
                if not self._is_waiting:
                    self._zone, self._is_waiting = self._zone + 1, True
                else:  # the same message again, under the time of now as a panel sends it
                    self._dialler.sequence -= 1
                frame = self._dialler.contact_id("110", self._zone % 1_000)
                writer.write(frame)
                splitter, frames = Splitter(), []
                while not frames:
                    data = await reader.read(4_096)
                    if not data:
                        return
                    frames = splitter.feed(data)
                said = self._dialler.read(frames[0]).said
                assert said in ("ACK", "NAK"), said
                if said == "ACK":  # else the receiver was too slow for the time in it
                    (told,) = parse(frame, {})
                    self.acknowledged.append(told.key)
                    self._is_waiting = False
        finally:
            writer.close()


class WebhookSender:
    """A program that signs JSON; the same message again has the same key."""

    name = "webhook"

    def __init__(self) -> None:
        self.acknowledged: list[str] = []
        self._number = 0
        self._left: deque[int] = deque()

    async def run(self, port: int) -> None:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            await asyncio.gather(*(self._post(http) for _ in range(4)))

    async def _post(self, http: httpx.AsyncClient) -> None:
        while True:
            if self._left:
                number = self._left.popleft()
            else:
                self._number += 1
                number = self._number
            body = json.dumps(
                {"device": f"w{number % DEVICES}", "kind": "fault", "key": f"w{number}",
                 "session": "run"}
            ).encode()  # fmt: skip
            stamp = str(int(datetime.now(UTC).timestamp()))
            headers = {"x-tocsin-timestamp": stamp, "x-tocsin-signature": sign(SECRET, stamp, body)}
            try:
                answer = await http.post("/intakes/signed/lifts", content=body, headers=headers)
                answer.raise_for_status()
            except httpx.HTTPError:
                self._left.append(number)
                raise
            self.acknowledged.append(f"w{number}")


def number_of(signal: Any) -> str:
    """By what a message that stands in the journal is found again."""
    return str(signal.zone if signal.source == "mqtt" else signal.key)

"""Real senders that keep what was not acknowledged and send it again, one for every way in: MQTT
with QoS 1, DC-09 over TCP and UDP, and what is posted. Each message has a number, by which the
journal is searched afterwards."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx

from tests.end_to_end.wire_node import SECRET
from tocsin.intakes.mqtt import codec
from tocsin.intakes.sia_dc09.dialler import Dialler
from tocsin.intakes.sia_dc09.frames import Splitter
from tocsin.intakes.sia_dc09.parse import parse
from tocsin.intakes.signed_json.parse import sign

IN_FLIGHT = 64
DEVICES = 20
WEST, NORTH = 24.9005, 60.1012
"""Where reports are from: each a ten-millionth of a degree further east."""
ZERO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Ports:
    """Where a node listens, and the key it takes."""

    pid: int
    mqtt: int
    dc09: int
    http: int
    secret: str


class MqttSender:
    """A gateway: a session that is kept, and messages without a key of their own. What a message
    is known by is its number on the wire; ours stands in `zone`."""

    name = "mqtt"

    def __init__(self) -> None:
        self.sent = 0
        self.acknowledged: list[str] = []
        self.waiting: dict[int, codec.Publish] = {}
        self._pid = 0

    async def run(self, ports: Ports) -> None:
        """Until the connection ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", ports.mqtt)
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

    name = "dc09-tcp"

    def __init__(self, account: str) -> None:
        self.acknowledged: list[str] = []
        self._dialler = Dialler(account, lambda: datetime.now(UTC), os.urandom)
        self._zone = 0
        self._is_waiting = False

    def frame(self) -> bytes:
        """The next message, or the one that was not answered: under the time of now, as a panel
        sends it."""
        if not self._is_waiting:
            self._zone, self._is_waiting = self._zone + 1, True
        else:
            self._dialler.sequence -= 1
        return self._dialler.contact_id("110", self._zone % 1_000)

    def note(self, frame: bytes, data: bytes) -> None:
        """What the receiver said to it."""
        for each in Splitter().feed(data):
            answer = self._dialler.read(each)
            said = answer.said
            assert said in ("ACK", "NAK"), said
            if said == "ACK" and answer.text[5:9] != f"{self._dialler.sequence:04d}":
                continue  # of the message before, which went out twice
            if said == "ACK":  # else the receiver was too slow for the time in it
                (told,) = parse(frame, {})
                self.acknowledged.append(told.key)
                self._is_waiting = False

    async def run(self, ports: Ports) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", ports.dc09)
        try:
            while True:
                frame = self.frame()
                writer.write(frame)
                self.note(frame, await reader.readuntil(b"\r"))
        finally:
            writer.close()


class Heard(asyncio.DatagramProtocol):
    """What comes back over UDP."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.came.put_nowait(data)


class DatagramSender(PanelSender):
    """The same over UDP: nobody says that the receiver is gone."""

    name = "dc09-udp"

    async def run(self, ports: Ports) -> None:
        loop = asyncio.get_running_loop()
        transport, heard = await loop.create_datagram_endpoint(
            Heard, remote_addr=("127.0.0.1", ports.dc09)
        )
        try:
            while True:
                frame = self.frame()
                transport.sendto(frame)
                try:
                    async with asyncio.timeout(2):
                        self.note(frame, await heard.came.get())
                except TimeoutError:
                    continue
        finally:
            transport.close()


@dataclass(frozen=True)
class Posting:
    """What is posted for one number, and by what the journal knows it."""

    path: str
    body: bytes
    headers: Mapping[str, str]
    mark: str


class PostSender:
    """A program that posts; the same message again until it is answered."""

    def __init__(self, name: str, made: Callable[[int, str], Posting], lines: int = 2) -> None:
        self.name = name
        self.acknowledged: list[str] = []
        self._made = made
        self._lines = lines
        self._number = 0
        self._left: deque[int] = deque()

    async def run(self, ports: Ports) -> None:
        url = f"http://127.0.0.1:{ports.http}"
        async with httpx.AsyncClient(base_url=url, timeout=60) as http:
            lines = (self._post(http, ports.secret) for _ in range(self._lines))
            await asyncio.gather(*lines)

    async def _post(self, http: httpx.AsyncClient, secret: str) -> None:
        while True:
            if self._left:
                number = self._left.popleft()
            else:
                self._number += 1
                number = self._number
            made = self._made(number, secret)
            try:
                answer = await http.post(made.path, content=made.body, headers=made.headers)
            except BaseException:
                self._left.append(number)
                raise
            if answer.status_code == 503:
                self._left.append(number)
                continue
            assert answer.status_code < 300, (self.name, answer.status_code, answer.text)
            self.acknowledged.append(made.mark)


def _signed(mark: str, kind: str, number: int) -> Posting:
    place = {"lon": 24.901, "lat": 60.101}
    message = {"device": f"{mark[0]}{number % DEVICES}", "kind": kind, "key": mark, **place}
    body = json.dumps({**message, "session": "run"}).encode()
    stamp = str(int(datetime.now(UTC).timestamp()))
    headers = {"x-tocsin-timestamp": stamp, "x-tocsin-signature": sign(SECRET, stamp, body)}
    return Posting("/intakes/signed/lifts", body, headers, mark)


def signed(number: int, secret: str) -> Posting:
    return _signed(f"w{number}", "fault", number)


def button(number: int, secret: str) -> Posting:
    """A press of a panic button: a case each time it is none already."""
    return _signed(f"p{number}", "panic", number)


def cloud_event(number: int, secret: str) -> Posting:
    event = {"specversion": "1.0", "id": f"c{number}", "source": "/school/7", "type": "smoke",
             "subject": f"{number % DEVICES}", "session": "run"}  # fmt: skip
    headers = {"content-type": "application/cloudevents+json", "x-api-key": secret}
    return Posting("/intakes/cloudevents", json.dumps(event).encode(), headers, f"c{number}")


def alertmanager(number: int, secret: str) -> Posting:
    mark, start = f"a{number}", "2026-05-01T10:00:00Z"
    alert: dict[str, Any] = {
        "status": "firing", "labels": {"alertname": "fault", "device": f"pump{number % DEVICES}"},
        "annotations": {}, "startsAt": start, "endsAt": "0001-01-01T00:00:00Z", "fingerprint": mark,
    }  # fmt: skip
    body = json.dumps({"version": "4", "alerts": [alert]}).encode()
    headers = {"content-type": "application/json", "x-api-key": secret}
    return Posting("/intakes/alertmanager", body, headers, f"{mark}-firing-{start}")


def cap(number: int, secret: str) -> Posting:
    sender, sent = "weather@town.example", "2026-05-01T10:00:00+00:00"
    body = (
        f'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>k{number}</identifier>'
        f"<sender>{sender}</sender><sent>{sent}</sent><status>Actual</status>"
        "<msgType>Alert</msgType><scope>Public</scope><info><category>Met</category>"
        "<event>Flash Flood Watch</event><urgency>Expected</urgency><severity>Severe</severity>"
        "<certainty>Likely</certainty><area><areaDesc>River</areaDesc></area></info></alert>"
    )
    mark = hashlib.sha256(f"{sender},k{number},{sent}".encode()).hexdigest()
    headers = {"content-type": "application/cap+xml", "x-api-key": secret}
    return Posting("/intakes/cap", body.encode(), headers, mark)


def east(number: int, which: int) -> str:
    """The mark of a report: its longitude."""
    return f"{WEST + (2 * number + which) * 1e-7:.7f}"


def open311(number: int, secret: str) -> Posting:
    form = {"service_code": "pothole", "lat": f"{NORTH}", "long": east(number, 0),
            "description": f"A hole, number {number}"}  # fmt: skip
    headers = {"content-type": "application/x-www-form-urlencoded"}
    body = urlencode(form).encode()
    return Posting("/open311/v2/requests.json", body, headers, east(number, 0))


def desk(number: int, secret: str) -> Posting:
    """A report that a call taker's program hands in."""
    place = {"lon": float(east(number, 1)), "lat": NORTH, "datum": "wgs84"}
    report = {"case_type": "street-light-out", "text": f"Dark, number {number}", "place": place}
    headers = {"content-type": "application/json", "x-api-key": secret}
    headers["idempotency-key"] = f"desk-{number}"
    return Posting("/api/reports", json.dumps(report).encode(), headers, east(number, 1))


Sender = MqttSender | PanelSender | PostSender


def everybody() -> list[Sender]:
    """One or more senders for every way in."""
    posting = {"webhook": signed, "button": button, "cloudevents": cloud_event, "cap": cap,
               "alertmanager": alertmanager, "open311": open311, "desk": desk}  # fmt: skip
    found: list[Sender] = [MqttSender()]
    found += [PanelSender(f"{each}") for each in range(2000, 2004)]
    found += [DatagramSender(f"{each}") for each in range(3000, 3004)]
    return found + [PostSender(name, made) for name, made in posting.items()]


def number_of(signal: Any) -> str:
    """By what a message that stands in the journal is found again."""
    return str(signal.zone if signal.source == "mqtt" else signal.key)

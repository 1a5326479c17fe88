"""A client of a town's own broker: what the broker holds for us is acknowledged when it is on disk.

The library runs in a thread of its own and tells us; an acknowledgement goes only over the
connection on which its message came. QoS 2 is asked for as QoS 1: the library says PUBREC before we
could keep anything, and the desk knows a repeat.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

import paho.mqtt.client as paho
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tocsin.intakes.mqtt.effects import Message
from tocsin.intakes.mqtt.keeping import Job, Keeper, Share
from tocsin.intakes.mqtt.rights import is_topic
from tocsin.intakes.mqtt.settings import Broker, MqttSettings

log = structlog.get_logger("tocsin.intakes.mqtt")

BACKOFF_FIRST_S: Final = 1
"""How long the first reconnection waits; it doubles with every failure."""
BACKOFF_MAX_S: Final = 60
"""The longest wait between two attempts: a broker is back within a minute of being back."""
RECOVERY_S: Final = 60.0
"""So long after it was reached, a broker's word that a message is new is not believed: one that
was killed forgets what we acknowledged, and sends it again as if for the first time."""
KEEP_ALIVE_S: Final = 30
"""A broker that is silent for longer is called anew."""
TOWN_SHARE: Final = 10
"""How many connections' share of readings a broker has: it speaks for many devices."""
LOOSE_MAX: Final = 2_000
"""Messages of QoS 0 in work; more are dropped, for nobody promised them."""
END_S: Final = 5.0
"""How long the thread may take to end."""


@dataclass(slots=True)
class _Held:
    """One message that waits for its acknowledgement, and the connection it came on."""

    run: int
    pid: int
    is_done: bool = False
    is_left: bool = False
    """It stays with the broker, which sends it again to the next connection."""


class Town:
    """One broker. Figures: `kept`, `connections`."""

    def __init__(self, broker: Broker, keeper: Keeper, settings: MqttSettings) -> None:
        self.broker = broker
        self.keeper = keeper
        self.kept = 0
        self.connections = 0
        self.is_connected = False
        self._readings = settings.readings * TOWN_SHARE
        self._share = Share(self._readings)
        self._share_run = 0
        self._in_flight = settings.in_flight
        self._run = 0
        self._settled_at = 0.0
        self._guard = threading.Lock()
        self._held: deque[_Held] = deque()
        self._loose = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._client = self._made()

    async def run(self) -> None:
        """Listens until cancelled; a broker that is not there is tried again."""
        client, broker = self._client, self.broker
        if broker.version == "5":
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = broker.session_s
            properties.ReceiveMaximum = self._in_flight
            client.connect_async(
                broker.host, broker.port, KEEP_ALIVE_S, clean_start=False, properties=properties
            )
        else:
            client.connect_async(broker.host, broker.port, KEEP_ALIVE_S)
        client.loop_start()
        try:
            await asyncio.Event().wait()
        finally:
            if self._tasks:  # what is being kept is acknowledged before we go
                await asyncio.wait(self._tasks, timeout=END_S)
            client.disconnect()
            async with asyncio.timeout(END_S):
                await asyncio.to_thread(client.loop_stop)

    def _made(self) -> paho.Client:
        broker = self.broker
        is_five = broker.version == "5"
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=broker.client,
            clean_session=None if is_five else not broker.session_s,
            protocol=paho.MQTTv5 if is_five else paho.MQTTv311,
            manual_ack=True,
        )
        if broker.user:
            client.username_pw_set(broker.user, broker.password or None)
        if broker.tls:
            context = ssl.create_default_context(cafile=broker.authorities or None)
            client.tls_set_context(context)  # pyright: ignore[reportUnknownMemberType]
        client.reconnect_delay_set(BACKOFF_FIRST_S, BACKOFF_MAX_S)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    # -- in the library's thread

    def _on_connect(self, client: paho.Client, *told: Any) -> None:
        code = told[2]
        if code.is_failure:
            log.warning("mqtt_broker_refuses", broker=self.broker.name, why=str(code))
            return
        self.connections += 1
        self.is_connected = True
        self._settled_at = self._loop.time() + RECOVERY_S
        log.info("mqtt_broker", broker=self.broker.name)
        client.subscribe([(each, 1) for each in self.broker.subscribe])

    def _on_disconnect(self, client: paho.Client, *told: Any) -> None:
        with self._guard:  # from here no acknowledgement of that connection goes out
            self._run += 1
        self.is_connected = False
        log.warning("mqtt_broker_lost", broker=self.broker.name)

    def _on_message(self, client: paho.Client, data: Any, told: paho.MQTTMessage) -> None:
        try:
            topic = told.topic
        except UnicodeDecodeError:
            topic = ""
        message = Message(
            self.broker.name,
            topic,
            bytes(told.payload),
            told.qos,
            told.mid if told.qos else None,
            not told.dup and self._loop.time() > self._settled_at,
            told.retain,
            from_broker=True,
        )
        self._loop.call_soon_threadsafe(self._came, self._run, message)

    # -- on the loop

    def _came(self, run: int, message: Message) -> None:
        held = None
        if message.pid is not None:
            held = _Held(run, message.pid)
            self._held.append(held)
        elif self._loose >= LOOSE_MAX:
            return
        if not is_topic(message.topic):
            return self._done(held)
        if run != self._share_run:
            self._share, self._share_run = Share(self._readings), run
        work = self.keeper.begin(message, self._share, self._loop.time())
        if not isinstance(work, Job):
            return self._done(held)
        self._loose += held is None
        task = asyncio.create_task(self._keep(work, run, held))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return None

    async def _keep(self, job: Job, run: int, held: _Held | None) -> None:
        def is_current() -> bool:
            return held is not None and run == self._run

        try:
            outcome = await self.keeper.keep(job, self._loop.time, is_current)
        except Exception as error:  # a bug behind us: the broker keeps it, and sends it again
            log.error("mqtt_fails", why=type(error).__name__)
            return self._leave(held)
        finally:
            self._loose -= held is None
        if not outcome.is_down:
            self._done(held)
        return None

    def _leave(self, held: _Held | None) -> None:
        if held is not None:
            held.is_left = True
            self._acknowledge_all()

    def _done(self, held: _Held | None) -> None:
        """It is on disk, or nothing of it is to be kept: acknowledge in the order of coming."""
        if held is None:
            return
        held.is_done = True
        self._acknowledge_all()

    def _acknowledge_all(self) -> None:
        """What has its turn."""
        while self._held:
            first = self._held[0]
            if not (first.is_done or first.is_left or first.run != self._run):
                return
            self._held.popleft()
            if first.is_done:
                self._acknowledge(first)

    def _acknowledge(self, held: _Held) -> None:
        with self._guard:
            if held.run == self._run:
                self._client.ack(held.pid, 1)
                self.kept += 1


__all__ = ["Town"]

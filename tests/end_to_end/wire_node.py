"""A desk behind its real sockets in a process of its own, to be killed.

`python -m tests.end_to_end.wire_node DSN KEY_FILE [early]` listens for MQTT, DC-09 and webhooks and
prints the three ports. With `early` the desk has the planted bug: it says that it kept a message
before it did, so every one of them acknowledges too soon.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from tests.end_to_end.alarm_sender import desk_of
from tests.intakes.node import make_services
from tocsin.app.clock import SteadyClock
from tocsin.intakes.mqtt.keeping import Keeper
from tocsin.intakes.mqtt.parse import Topics
from tocsin.intakes.mqtt.secrets import hashed
from tocsin.intakes.mqtt.serve import Server as Mqtt
from tocsin.intakes.mqtt.settings import Device, MqttSettings
from tocsin.intakes.sia_dc09.accounts import Dc09Settings
from tocsin.intakes.sia_dc09.receiver import Receiver
from tocsin.intakes.sia_dc09.serve import Server as Dc09
from tocsin.intakes.signed_json.serve import routes
from tocsin.kernel.shared import Actor, Refused
from tocsin.runtime.alarm_desk import AlarmDesk
from tocsin.runtime.alarm_ports import AlarmReceived, IncomingAlarm
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.vault import load_master_keys

SECRET = "a-secret-of-at-least-24-characters"


class EarlyDesk:
    """The planted bug."""

    def __init__(self, desk: AlarmDesk) -> None:
        self.desk = desk
        self.tasks: set[asyncio.Task[AlarmReceived | Refused]] = set()

    async def receive(self, incoming: IncomingAlarm, by: Actor) -> AlarmReceived | Refused:
        task = asyncio.create_task(self.desk.receive(incoming, by))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return AlarmReceived()


async def main(dsn: str, key_file: str, is_early: bool) -> None:
    store = PostgresStore(dsn, load_master_keys(Path(key_file)))
    await store.open()
    real = desk_of(store)
    desk = EarlyDesk(real) if is_early else real
    given = MqttSettings(
        host="127.0.0.1", port=0, device=(Device("gate", hashed(SECRET, b"salt-for-it")),)
    )
    mqtt = Mqtt(given, Keeper(Topics(), desk))
    await mqtt.start()
    panels = Dc09(Receiver(Dc09Settings(host="127.0.0.1", port=0), desk, SteadyClock(), os.urandom))
    await panels.start()
    services = make_services()
    services.alarms, services.clock = desk, SteadyClock()  # type: ignore[assignment]
    services.intakes = {"signed-json": {"sender": [{"name": "lifts", "secret": SECRET}]}}
    web = uvicorn.Server(
        uvicorn.Config(Starlette(routes=routes(services)), port=0, log_level="error")
    )
    serving = asyncio.create_task(web.serve())
    while not web.started:
        await asyncio.sleep(0.01)
    (address,) = (each.getsockname() for each in web.servers[0].sockets)
    print(mqtt.port, panels.port, address[1], flush=True)
    await asyncio.gather(mqtt.run(), panels.run(), serving)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], "early" in sys.argv[3:]))

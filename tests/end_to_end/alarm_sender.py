"""A desk in a process of its own that is killed: prints each message once it may be acknowledged.

`python -m tests.end_to_end.alarm_sender DSN KEY_FILE FIRST [early]`: devices send without end, the
message of number n under key n. With `early` the desk has the planted bug: it acknowledges first.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.geography.towns import chessboard
from tocsin.app.clock import SteadyClock, TimeIds
from tocsin.geography.areas import Atlas
from tocsin.kernel.shared import Actor, ActorId, Place
from tocsin.packs.load import load_pack
from tocsin.packs.registry import Registry
from tocsin.runtime.alarm_desk import AlarmDesk
from tocsin.runtime.alarm_ports import AlarmReceived, IncomingAlarm
from tocsin.runtime.engine import Engine
from tocsin.runtime.reception import Reception
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.vault import load_master_keys

PACK = Path(__file__).parents[2] / "packs" / "county"
INTAKE = Actor(ActorId("intake"), "integration")
DEVICES = 40
SENDERS = 16
HERE = Place(24.901, 60.101)


def desk_of(store: PostgresStore) -> AlarmDesk:
    pack = load_pack(PACK)
    engine = Engine(store, Registry(pack), SteadyClock(), TimeIds())
    return AlarmDesk(engine, pack, Reception(engine, pack, Atlas(chessboard()), b"key"))


def message(number: int) -> IncomingAlarm:
    """The message of a number: always the same one, so that a retry is a repeat."""
    return IncomingAlarm(
        "sia-dc09",
        f"d{number % DEVICES}",
        "110" if number % 3 else "130",
        "raised",
        session="run",
        key=str(number),
        place=HERE,
    )


async def _send(desk: AlarmDesk, numbers: asyncio.Queue[int], is_early: bool) -> None:
    while True:
        number = await numbers.get()
        numbers.put_nowait(number + SENDERS)
        if is_early:
            print(number, flush=True)
        answer = await desk.receive(message(number), INTAKE)
        assert isinstance(answer, AlarmReceived), answer
        if not is_early:
            print(number, flush=True)


async def main(dsn: str, key_file: str, first: int, is_early: bool) -> None:
    store = PostgresStore(dsn, load_master_keys(Path(key_file)))
    await store.open()
    desk = desk_of(store)
    numbers: asyncio.Queue[int] = asyncio.Queue()
    for number in range(first, first + SENDERS):
        numbers.put_nowait(number)
    await asyncio.gather(*(_send(desk, numbers, is_early) for _ in range(SENDERS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), "early" in sys.argv[4:]))

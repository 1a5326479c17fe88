"""Connections that are slow in every way, and honest people who get through all the same."""

from __future__ import annotations

import asyncio
import itertools
import socket
from pathlib import Path

import pytest

from tests.end_to_end import slow_clients as slow
from tests.end_to_end.bombs import OPEN311, Bomb, bombs
from tests.end_to_end.campaign import Campaign
from tests.end_to_end.hostile import somebody
from tests.end_to_end.live_node import Line, live_node
from tests.intakes.test_mqtt_sockets import certificate

TRICKLERS = 300
HONEST_S = 8.0
BUDGET = 120
"""Connections the node may hold: fewer than there are tricklers."""
DRIP_S = 0.4


async def trickle(port: int, number: int, alive: set[int]) -> None:
    """One byte now and then, of a request that never ends; comes back when it is cut."""
    request = b"POST /open311/v2/requests.json HTTP/1.1\r\nhost: x\r\n"
    if number % 2:
        request += b"content-length: 400000\r\n\r\n" + b"a" * 10_000
    else:
        request += b"x-slow: " + b"a" * 10_000
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(DRIP_S)
            continue
        alive.add(number)
        try:
            sent = 60 if number % 2 else 20
            writer.write(request[:sent])
            while sent < len(request) and not reader.at_eof():
                writer.write(request[sent : sent + 1])
                await writer.drain()
                sent += 1
                await asyncio.sleep(DRIP_S)
        except OSError:
            pass
        finally:
            writer.close()
        await asyncio.sleep(DRIP_S)  # slow in this, too: a flood of newcomers is another matter


@pytest.mark.slow
async def test_tricklers_do_not_keep_honest_people_out(tmp_path: Path):
    arguments = ("--connection-budget", str(BUDGET), "--header-timeout-s", "2")
    async with live_node(tmp_path / "data", *arguments, "--body-timeout-s", "2") as node:
        alive: set[int] = set()
        crowd = [
            asyncio.create_task(trickle(node.port, number, alive)) for number in range(TRICKLERS)
        ]
        try:
            while len(alive) < TRICKLERS:
                await asyncio.sleep(0.05)
            campaign = Campaign(node, seed=300, targets=())
            taken = await campaign.run_load(HONEST_S)
        finally:
            for each in crowd:
                each.cancel()
            await asyncio.gather(*crowd, return_exceptions=True)
        ledger = campaign.ledger
        print(f"{taken} reports taken among {TRICKLERS} tricklers, answers {dict(ledger.answers)}")
        assert taken > 100
        # An honest connection in work is never cut for room; an idle one may be, now and then.
        assert ledger.answers[200] > 20 * (sum(ledger.answers.values()) - ledger.answers[200])
        assert await campaign.settle_and_check() == []
        lines = node.log.read_text().count("\n")
        assert lines < 300, "a flood in the log"


SLOW_EACH = 90
GROWTH_MIB_MAX = 64
"""Slow clients and bombs at once; a node that keeps what it refused grows by far more."""


@pytest.mark.slow
async def test_slow_in_every_way_at_every_listener_leave_room_for_the_honest(tmp_path: Path):
    """Slow heads, bodies and readers and half-open ones, at HTTP, MQTT and DC-09, bombs beside: the
    node hardly grows, and keeps what honest people send."""
    data = tmp_path / "data"
    data.mkdir()
    ports = {name: _free_port() for name in ("dc09", "mqtt", "tls")}
    files = certificate(data)
    (data / "intakes.toml").touch(0o600)
    (data / "intakes.toml").write_text(
        f'[sia-dc09]\nhost = "127.0.0.1"\nport = {ports["dc09"]}\nframe_s = 2\n'
        f'[mqtt]\nhost = "127.0.0.1"\nport = {ports["mqtt"]}\nconnect_s = 2\npacket_s = 2\n'
        f'tls_port = {ports["tls"]}\ncertificate = "{files[0]}"\nkey = "{files[1]}"\n'
    )
    # Made before: it takes seconds in which nobody here could ask anything.
    open_to_all = (OPEN311, "/api/login")
    thrown = [each for each in bombs() if each.is_refused and each.path.startswith(open_to_all)]
    limits = ("--header-timeout-s", "2", "--body-timeout-s", "2")
    async with live_node(data, *limits) as node:
        campaign = Campaign(node, seed=301, targets=())
        await campaign.run_load(1.0)
        before, held = node.memory_mib(), set[tuple[str, int]]()
        crowd = [
            asyncio.create_task(slow.trickle(port, slow.WAYS[what], number, held, DRIP_S))
            for what, port in ({"http": node.port} | ports).items()
            for number in range(SLOW_EACH)
        ]
        try:
            async with asyncio.timeout(60):
                while len(held) < len(crowd):
                    await asyncio.sleep(0.05)
            crowd.append(asyncio.create_task(_throw(node.port, thrown)))
            taken = await campaign.run_load(HONEST_S / 2)
        finally:
            for each in crowd:
                each.cancel()
            ended = await asyncio.gather(*crowd, return_exceptions=True)
        assert all(isinstance(each, asyncio.CancelledError) for each in ended), ended
        grown, answers = node.memory_mib() - before, campaign.ledger.answers
        print(f"{taken} reports taken among {len(crowd)} slow ones, {grown:+.0f} MiB, {answers}")
        assert taken > 10 and answers[200] > 4 * (sum(answers.values()) - answers[200])
        assert grown < GROWTH_MIB_MAX
        assert await campaign.settle_and_check() == []
        assert node.log.read_text().count("\n") < 300, "a flood in the log"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return held.getsockname()[1]


async def _throw(port: int, thrown: list[Bomb]) -> None:
    """Bombs that a stranger can send, one after another; none makes the node stumble."""
    for bomb in itertools.cycle(thrown):
        line = Line(port)
        try:
            head = {"content-type": bomb.kind, **somebody(), **bomb.headers}
            answer = await line.ask("POST", bomb.path, bomb.body, head)
            assert answer.status < 500 or answer.status == 503, (bomb.what, answer.status)
        except (OSError, EOFError):
            continue  # hung up on amid too large a body
        finally:
            line.close()

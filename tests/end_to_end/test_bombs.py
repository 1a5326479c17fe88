"""Bombs at every way in of a real node: each refused in words, and the node hardly grows."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.end_to_end.bombs import Bomb, bombs, smugglers
from tests.end_to_end.hostile import MARK, somebody
from tests.end_to_end.live_node import Answer, Line, LiveNode
from tests.end_to_end.staff import CASE_ROLES, administrator, staff
from tests.end_to_end.test_hostile import wrong_with
from tests.reach.stage import INTAKES, SECRET

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

GROWTH_MIB_MAX = 64
CHINESE = re.compile("[\u4e00-\u9fff]")


class Town:
    """A node, and who may send to each of its ways in."""

    def __init__(self, node: LiveNode) -> None:
        self.node = node
        self.cookies: dict[str, dict[str, str]] = {}
        self.key = ""

    async def people(self) -> None:
        admin = await administrator(self.node)
        everyone = await staff(admin, "everyone", *CASE_ROLES)
        grants = [{"role": "call_taker", "area": "county"}]
        body = {"name": "sender", "scopes": ["reports:write", "reports:trusted"], "grants": grants}
        made = await admin.ask("POST", "/api/keys", body)
        assert made.status == 201, made.body
        self.key = made.json()["text"]
        for name, who in (("admin", admin), ("everyone", everyone)):
            self.cookies[name] = {"cookie": who.cookie, "x-csrf-token": who.csrf}

    def headers(self, bomb: Bomb) -> dict[str, str]:
        """As somebody whom this way in knows: a bomb that is turned away at the gate is none."""
        found = {
            "content-type": bomb.kind,
            "accept-language": "zh-CN",
            **somebody(),
            **bomb.headers,
        }
        if bomb.path.startswith("/intakes/signed"):
            stamp = str(int(time.time()))
            sent = stamp.encode() + b"." + bomb.body
            mark = hmac.new(SECRET.encode(), sent, hashlib.sha256).hexdigest()
            return {**found, "x-tocsin-timestamp": stamp, "x-tocsin-signature": f"sha256={mark}"}
        if bomb.path.startswith("/intakes/"):
            return {**found, "x-api-key": self.key}
        if bomb.path.startswith("/api/"):
            return {**found, **self.cookies["admin" if "assets" in bomb.path else "everyone"]}
        return found

    async def throw(self, bomb: Bomb) -> Answer | None:
        """What it says; None where it hung up without a word."""
        line = Line(self.node.port)
        try:
            asked = line.ask("POST", bomb.path, bomb.body, self.headers(bomb))
            return await asyncio.wait_for(asked, 60)
        except (OSError, EOFError):
            return None
        finally:
            line.close()


def fault_of(bomb: Bomb, answer: Answer | None) -> str | None:
    """Why an answer to a bomb is no decent one; None when it is."""
    if answer is None:
        return "hung up without a word"
    if (wrong := wrong_with(answer)) is not None:
        return wrong
    if bomb.is_refused and not 400 <= answer.status < 500:
        return f"answered {answer.status}"
    told = answer.body.decode("utf-8", "replace")
    if answer.status >= 400 and told and not CHINESE.search(told):
        return f"not in the sender's language: {told[:80]!r}"
    return None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    data = Path(tmp_path_factory.mktemp("bombs")) / "data"
    data.mkdir()
    (data / "intakes.toml").touch(0o600)
    (data / "intakes.toml").write_text(INTAKES)
    node = LiveNode(data)
    try:
        await node.start()
        made = Town(node)
        await made.people()
        yield made
    finally:
        node.stop()


async def test_bombs_are_refused_in_words_and_the_node_hardly_grows(town: Town) -> None:
    thrown = list(bombs())
    wrong: list[str] = []
    peaks: list[tuple[float, str]] = []
    stood = [town.node.memory_mib()]
    for _ in range(2):  # what is made at first use stays; a second helping must not cost again
        for bomb in thrown:
            before = town.node.memory_mib()
            town.node.peak_mib(anew=True)
            if (fault := fault_of(bomb, await town.throw(bomb))) is not None:
                wrong.append(f"{bomb.what}: {fault}")
            peaks.append((town.node.peak_mib() - before, bomb.what))
        stood.append(town.node.memory_mib())
    worst, grown = max(peaks), stood[2] - stood[1]
    print(f"{len(thrown)} bombs; most for one {worst[0]:+.0f} MiB ({worst[1]})")
    print(f"all of them {stood[1] - stood[0]:+.0f} MiB, all again {grown:+.0f} MiB")
    assert not wrong, f"{len(wrong)}: " + "\n".join(wrong[:40])
    assert worst[0] < GROWTH_MIB_MAX and grown < GROWTH_MIB_MAX, (worst, stood)
    assert "request_failed" not in town.node.log.read_text()


async def test_requests_that_two_readers_would_cut_apart_get_one_answer(town: Town) -> None:
    wrong: list[str] = []
    for what, request in smugglers():
        reader, writer = await asyncio.open_connection("127.0.0.1", town.node.port, limit=2**20)
        try:
            writer.write(request)
            await writer.drain()
            said = await asyncio.wait_for(reader.read(), 40)
        except ConnectionError:
            continue  # cut off without a word
        finally:
            writer.close()
        statuses = re.findall(rb"HTTP/1\.1 (\d+)", said)
        if len(statuses) != 1 or not statuses[0].startswith(b"4"):
            wrong.append(f"{what}: {statuses}")
    assert not wrong, "\n".join(wrong)


async def test_a_thousand_requests_in_one_breath_are_answered_in_order(town: Town) -> None:
    """Pipelined, with one that never ends behind them; memory stays."""
    before = town.node.memory_mib()
    reader, writer = await asyncio.open_connection("127.0.0.1", town.node.port, limit=2**20)
    writer.write(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n" * 1_000)
    for _ in range(1_000):
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 40)
        assert head.startswith(b"HTTP/1.1 200")
        length = re.search(rb"content-length: (\d+)", head)
        assert length is not None
        await reader.readexactly(int(length[1]))
    writer.close()
    assert town.node.memory_mib() - before < GROWTH_MIB_MAX


async def test_the_judge_finds_what_is_planted() -> None:
    bomb = Bomb("planted", "/api/reports", b"", "application/json")
    assert fault_of(bomb, None) == "hung up without a word"
    assert fault_of(bomb, Answer(200, {}, b"{}")) == "answered 200"
    assert fault_of(bomb, Answer(503, {}, b"{}")) == "answered 503"
    assert "language" in str(fault_of(bomb, Answer(400, {}, b'{"detail": "too deep"}')))
    assert "repeats" in str(fault_of(bomb, Answer(400, {}, MARK.encode())))
    assert fault_of(bomb, Answer(400, {}, "太深".encode())) is None

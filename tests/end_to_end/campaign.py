"""Reports under load while the node is killed again and again, and a ledger of every answer.

The ledger remembers what was acknowledged, under which key. Afterwards the checker asks the node
and its database: is each of them there, once, whole, under the id that was given for it?
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode

from tests.end_to_end.live_node import BOX, Answer, Line, LiveNode, NodeError
from tocsin.stores.postgres.processes import recovering_in

Target = Literal[
    "node",
    "postmaster",
    "backend",
    "helper",
    "everything",
    "checkpointer",
    "background writer",
    "walwriter",
    "autovacuum launcher",
    "logical replication launcher",
    "startup",
]
TARGETS: tuple[Target, ...] = ("node", "postmaster", "backend", "helper", "everything")
SERVER_TARGETS: tuple[Target, ...] = (
    "postmaster",
    "backend",
    "checkpointer",
    "background writer",
    "walwriter",
    "autovacuum launcher",
    "logical replication launcher",
    "startup",
)
"""Every process that an embedded server has, by what it calls itself."""
SENDERS = 12
UNSURE_MAX = 4 * SENDERS
ALIVE_PATIENCE_S = 90.0
"""How long a killed node or server may need to answer again: start and recovery, busy machine."""
CHECKED_OVER_HTTP = 300
"""Acknowledged reports that are asked for one by one; all are looked up in the database."""


@dataclass
class Ledger:
    """What was sent, what was answered."""

    chance: random.Random
    sent: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """Every key and its form."""
    acknowledged: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """(service_request_id, tracking code) by key."""
    unsure: list[str] = field(default_factory=list[str])
    """Keys whose answer never came, or was a 503: to be sent again."""
    findings: list[str] = field(default_factory=list[str])
    answers: Counter[int] = field(default_factory=Counter[int])
    repeats: int = 0
    codes: tuple[str, ...] = ("street-light-out", "pothole", "building-fire")
    """What is reported."""
    text_chars: int = 0
    """How much is added to each description, of words that cannot be compressed."""

    def next(self) -> str:
        """A key to send: one that is unsure, now and then one that is long settled, else a new
        one."""
        dice = self.chance.random()
        # While nobody answers, a sender tries what it has again, and makes up no more.
        if len(self.unsure) >= UNSURE_MAX or (self.unsure and dice < 0.5):
            return self.unsure.pop(0)
        if self.acknowledged and dice > 0.9:
            self.repeats += 1
            return self.chance.choice(list(self.acknowledged))
        key = f"k{len(self.sent):06}-{self.chance.getrandbits(32):08x}"
        west, south, east, north = BOX
        form = {
            "service_code": self.chance.choice(self.codes),
            "lat": f"{self.chance.uniform(south, north):.6f}",
            "long": f"{self.chance.uniform(west, east):.6f}",
            "description": f"Report under load, key {key} " + self._words(),
            "email": f"{key}@example.org",
        }
        self.sent[key] = urlencode(form).encode()
        return key

    def _words(self) -> str:
        return self.chance.randbytes(self.text_chars // 2).hex() if self.text_chars else ""

    def note(self, key: str, answer: Answer | None) -> None:
        """What became of one sending."""
        self.answers[answer.status if answer is not None else 0] += 1
        if answer is None or answer.status == 503:
            if answer is not None and "retry-after" not in answer.headers:
                self.findings.append("503 without Retry-After")
            if key not in self.acknowledged:
                self.unsure.append(key)
            return
        if answer.status not in (200, 201):
            self.findings.append(f"{key}: answered {answer.status} {answer.body[:200]!r}")
            return
        receipt = answer.json()[0]
        code = re.search(r"[2-9A-Z]{4}(-[2-9A-Z]{4}){2}", receipt["service_notice"])
        given = receipt["service_request_id"], code[0] if code else ""
        before = self.acknowledged.setdefault(key, given)
        if before != given:
            self.findings.append(f"{key}: first answered {before[0]}, then {given[0]}")


@dataclass
class Campaign:
    """One node, its load and its killer."""

    node: LiveNode
    seed: int
    targets: tuple[Target, ...] = TARGETS
    settle_patience_s: float = ALIVE_PATIENCE_S
    """How long unsure reports are sent again, and errands waited for."""
    kills: Counter[str] = field(default_factory=Counter[str])
    pause_s: float = 0.0
    """What a sender waits after each answer; without, it sends as fast as it is answered."""
    others: frozenset[str] = frozenset()
    """Cases that somebody else had acknowledged: they must be there, too."""
    lost: int = 0
    doubled: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.ledger = Ledger(random.Random(self.seed + 1))
        self._ended = asyncio.Event()

    async def run(self, kills: int) -> list[str]:
        """`kills` kills under load, then everything is settled and checked. Returns findings."""
        if not self.node.is_alive:
            await self.node.start()
        await self.kill_under_load(kills)
        return await self.settle_and_check()

    async def kill_under_load(self, kills: int) -> None:
        """The kills alone; nothing is checked yet."""
        async with self.load():
            for number in range(kills):
                await self.until_acknowledging()
                await asyncio.sleep(self.chance.uniform(0.02, 0.25))
                await self._kill(self.targets[number % len(self.targets)])
            await self.until_acknowledging()

    async def run_load(self, seconds: float) -> int:
        """Load for a while and no kill. Returns how many more reports are acknowledged."""
        before = len(self.ledger.acknowledged)
        async with self.load():
            await asyncio.sleep(seconds)
            await self.until_acknowledging()
        return len(self.ledger.acknowledged) - before

    async def settle_and_check(self) -> list[str]:
        """Sends what is unsure until it is settled, then checks. Returns findings."""
        await self._settle()
        return await self.check()

    # -- load

    @asynccontextmanager
    async def load(self) -> AsyncIterator[None]:
        """Reports are sent, as fast as they are answered, for as long as the block runs."""
        self._ended.clear()
        senders = [asyncio.create_task(self._send()) for _ in range(SENDERS)]
        try:
            yield
        finally:
            self._ended.set()
            await asyncio.gather(*senders)

    async def _send(self) -> None:
        line = Line(self.node.port)
        while not self._ended.is_set():
            await self._send_one(line)
        line.close()

    async def _send_one(self, line: Line) -> None:
        key = self.ledger.next()
        try:
            async with asyncio.timeout(ALIVE_PATIENCE_S):
                answer = await self._post(line, key)
        except (OSError, EOFError):
            answer = None
            line.close()
        self.ledger.note(key, answer)
        if answer is None or answer.status == 503:
            await asyncio.sleep(0.05)
        elif self.pause_s:
            await asyncio.sleep(self.pause_s)

    async def _post(self, line: Line, key: str) -> Answer:
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "idempotency-key": key,
        }
        body = self.ledger.sent[key]
        return await line.ask("POST", "/open311/v2/requests.json", body, headers)

    async def until_acknowledging(self) -> None:
        """Waits until new reports are taken again."""
        before = len(self.ledger.acknowledged)
        until = time.monotonic() + ALIVE_PATIENCE_S
        while len(self.ledger.acknowledged) < before + SENDERS:
            if time.monotonic() > until:
                raise NodeError(f"takes no reports: {self.node.last_words()}")
            if not self.node.is_alive:
                raise NodeError(f"the node ended by itself: {self.node.last_words()}")
            await asyncio.sleep(0.01)

    # -- kills

    async def _kill(self, target: Target) -> None:
        node = self.node
        servers = await self._servers()
        self.kills[target] += 1
        if target == "node":
            node.kill()
        elif target == "everything":
            assert node.process is not None
            for pid in (node.process.pid, *servers):
                _end(pid)
            node.process.wait()
        elif target == "postmaster":
            _end((await self._servers())[0])
        elif target == "startup":
            await self._kill_recovery()
        elif target in ("backend", "helper"):
            _end(await self._one_of(target == "backend"))
        else:
            _end(await self._called(target))
        if not node.is_alive or target in ("node", "everything"):
            await node.start()

    async def _servers(self) -> list[int]:
        """The server's processes, the postmaster first; waits while it is being started again."""
        until = time.monotonic() + ALIVE_PATIENCE_S
        while not (servers := self.node.servers()):
            if time.monotonic() > until:
                raise NodeError(f"no database comes up: {self.node.last_words()}")
            await asyncio.sleep(0.01)
        # Numbers start again at the end, so the smallest is not always the oldest.
        return sorted(servers, key=lambda pid: _parent(pid) in servers)

    async def _called(self, name: str) -> int:
        """The process of that name; waits while the server recovers and has none."""
        until = time.monotonic() + ALIVE_PATIENCE_S
        while True:
            for pid in await self._servers():
                if _title(pid).startswith(f"postgres: {name}"):
                    return pid
            if time.monotonic() > until:
                raise NodeError(f"the server has no {name}")
            await asyncio.sleep(0.01)

    async def _kill_recovery(self) -> None:
        """A process is killed, and then the one that recovers from that. Recoveries are short:
        one that was over too soon is tried again."""
        until = time.monotonic() + ALIVE_PATIENCE_S
        cluster = self.node.data / "postgres" / "cluster"
        while time.monotonic() < until:
            _end(await self._called("checkpointer"))
            caught = time.monotonic() + 2
            while time.monotonic() < caught:
                if (pid := recovering_in(cluster)) is not None:
                    _end(pid)
                    return
                await asyncio.sleep(0)
            await self.until_acknowledging()
        raise NodeError("no recovery was slow enough to be caught")

    async def _one_of(self, is_backend: bool) -> int:
        """A process that serves a connection, or one that helps; they differ by title only."""
        for _ in range(200):
            servers = await self._servers()
            titles = {pid: _title(pid) for pid in servers[1:]}
            chosen = [pid for pid, title in titles.items() if (" tocsin " in title) == is_backend]
            if chosen:
                return self.chance.choice(chosen)
            await asyncio.sleep(0.01)
        return servers[0]

    # -- afterwards

    async def _settle(self) -> None:
        """Every key is sent until it is acknowledged, as an app with a queue does."""
        line = Line(self.node.port)
        until = time.monotonic() + self.settle_patience_s
        while self.ledger.unsure and time.monotonic() < until:
            key = self.ledger.unsure.pop()
            try:
                answer = await self._post(line, key)
            except (OSError, EOFError):
                answer = None
            self.ledger.note(key, answer)
            if answer is None or answer.status >= 500:
                await asyncio.sleep(0.05)
        line.close()
        open_keys = set(self.ledger.sent) - set(self.ledger.acknowledged)
        if open_keys:
            self.ledger.findings.append(f"{len(open_keys)} keys were never acknowledged")

    async def check(self) -> list[str]:
        """Everything that is wrong, in words."""
        findings = list(self.ledger.findings)
        await self.node.until_ready()
        await self._await_errands()
        async with self.node.database() as database:
            findings += await self._check_rows(database)
        findings += await self._check_answers()
        report = await self.node.verify()
        findings += [f"verify: {each.case_id}: {each.what}" for each in report.shown[:10]]
        if report.cases == 0 and self.ledger.acknowledged:
            findings.append("verify saw no case at all")
        return findings

    async def _check_rows(self, database: Any) -> list[str]:
        findings: list[str] = []
        given = {case_id for case_id, _ in self.ledger.acknowledged.values()}
        if len(given) != len(self.ledger.acknowledged):
            findings.append("two keys were given the same case")
        given |= self.others
        there = {row[0] for row in await database.fetch("SELECT id FROM cases")}
        self.lost, self.doubled = len(given - there), len(there - given)
        if lost := given - there:
            findings.append(f"lost: {len(lost)} acknowledged cases are not there")
        if more := there - given:
            findings.append(f"duplicates: {len(more)} cases that no key stands for")
        for what, sql in _ONE_EACH.items():
            rows = await database.fetch(sql)
            wrong = [row[0] for row in rows]
            if wrong:
                findings.append(f"{len(wrong)} cases without exactly one {what}: {wrong[:3]}")
        return findings

    async def _check_answers(self) -> list[str]:
        """The public way: by service_request_id, and by the tracking code."""
        findings: list[str] = []
        settled = sorted(self.ledger.acknowledged.values())
        chosen = self.chance.sample(settled, min(len(settled), CHECKED_OVER_HTTP))
        line = Line(self.node.port)
        for number, (case_id, code) in enumerate(chosen):
            answer = await line.ask("GET", f"/open311/v2/requests/{case_id}.json")
            if answer.status != 200 or answer.json()[0]["service_request_id"] != case_id:
                findings.append(f"{case_id}: answered {answer.status} when asked for")
            # Each from an address of its own: look-ups are limited by address.
            headers = {"x-forwarded-for": f"198.51.{number // 250}.{number % 250 + 1}"}
            answer = await line.ask("GET", f"/api/receipts/{code}", headers=headers)
            if answer.status != 200:
                findings.append(f"{case_id}: its receipt answers {answer.status}")
        line.close()
        return findings

    async def _await_errands(self) -> None:
        """What is owed is done in the end, also what was half done when the kill came. A runner
        that died keeps its lease of a minute, so no more than that is waited for."""
        until = time.monotonic() + self.settle_patience_s
        async with self.node.database() as database:
            while await database.fetchval("SELECT count(*) FROM errands WHERE NOT is_dead"):
                if time.monotonic() > until:
                    self.ledger.findings.append("errands are still owed")
                    return
                await asyncio.sleep(0.1)


_ONE_EACH = {
    "journal entry that opens it": (
        "SELECT c.id FROM cases c LEFT JOIN journal j ON j.case_id = c.id AND j.version = 1 "
        "GROUP BY c.id HAVING count(j.seq) <> 1"
    ),
    "receipt": (
        "SELECT c.id FROM cases c LEFT JOIN receipts r ON r.case_id = c.id "
        "GROUP BY c.id HAVING count(r.report) <> 1"
    ),
    "sealed description": (
        "SELECT c.id FROM cases c LEFT JOIN vault.values v ON v.case_id = c.id "
        "AND v.kind = 'description' GROUP BY c.id HAVING count(v.ref) <> 1"
    ),
    "sealed contact": (
        "SELECT c.id FROM cases c LEFT JOIN vault.values v ON v.case_id = c.id "
        "AND v.kind = 'contact' GROUP BY c.id HAVING count(v.ref) <> 1"
    ),
    "key of its own": (
        "SELECT c.id FROM cases c LEFT JOIN vault.keys k ON k.case_id = c.id "
        "GROUP BY c.id HAVING count(k.subject) <> 1"
    ),
    "idempotency key": (
        "SELECT c.id FROM cases c LEFT JOIN "
        "(SELECT convert_from(answer, 'UTF8')::json ->> 'case_id' AS id FROM idempotency) i "
        "USING (id) GROUP BY c.id HAVING count(i.id) <> 1"
    ),
}


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it was quicker


def _parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _title(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""

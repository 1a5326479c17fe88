"""One seed, one town, some days with faults and the days after without: the deterministic run."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any, Final

import msgspec
from structlog.testing import capture_logs

from tocsin.geography.areas import Atlas
from tocsin.kernel.cases import vocabulary as words
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.packs.model import Pack
from tocsin.runtime.codec import encode_actor, encode_command, encode_events
from tocsin.runtime.ports import CaseQuery, JournalEntry, Message
from tocsin.simulation.arrivals import Arrivals, Spot
from tocsin.simulation.behaviour import Behaviour
from tocsin.simulation.checkers import Evidence, Finding, examine
from tocsin.simulation.clock import VirtualClock
from tocsin.simulation.faults import Faults, FaultShares
from tocsin.simulation.habits import NORMAL, WILLING, Habits
from tocsin.simulation.node import Parts, SimNode
from tocsin.simulation.plain_town import plain_atlas, spot
from tocsin.simulation.town import Town
from tocsin.stores.memory import MemoryStore

START: Final = datetime(2026, 9, 7, 4, 0, tzinfo=UTC)
"""A Monday, 7 in the morning in Helsinki, with no holiday near."""
SPOTS: Final = 40
SWEEP: Final = timedelta(hours=12)
"""How often in the quiet days everyone looks again at what is still open."""
RUNNER_S: Final = 600.0
"""What retries after an unreachable store and leases after a crash may add to a late clock."""
QUIET_DAYS_MAX: Final = 60
"""The longest allowance of the pack, in calendar days, and some."""


@dataclass(frozen=True, slots=True)
class SimReport:
    """What happened in one run. `digest` is a hash of the journal: the same seed gives the same
    one on every machine. `findings` is empty when every promise held."""

    seed: int
    days: float
    reports: int
    acknowledged: int
    cases: int
    merged: int
    verified: int
    missed: int
    entries: int
    commands: int
    restarts: int
    faults: tuple[tuple[str, int], ...]
    refused: tuple[tuple[str, int], ...]
    verbs: tuple[tuple[str, int], ...]
    quiet_days: float
    digest: str
    findings: tuple[Finding, ...]

    @property
    def is_clean(self) -> bool:
        return not self.findings


@cache
def ground() -> tuple[Pack, Atlas]:
    """The county's pack and a plain town, made once."""
    return load_pack(builtin("county"), calendar="finland-2026"), plain_atlas()


def sim(
    seed: int,
    days: float = 1.0,
    *,
    per_hour: float = 4.0,
    parts: Parts | None = None,
    shares: FaultShares | None = None,
    habits: Habits = NORMAL,
) -> SimReport:
    """Run one seed: `days` with arrivals and faults, then quiet days until everything has ended
    (at most `QUIET_DAYS_MAX`), then every checker. The same arguments give the same report.
    """
    return asyncio.run(
        _run(seed, days, per_hour, parts or Parts(), shares or FaultShares(), habits)
    )


async def _run(
    seed: int, days: float, per_hour: float, parts: Parts, shares: FaultShares, habits: Habits
) -> SimReport:
    rng = Random(seed)
    pack, atlas = ground()
    clock = VirtualClock(START)
    faults = Faults(Random(rng.getrandbits(64)), shares)
    node = SimNode(parts, pack, atlas, clock, Random(rng.getrandbits(64)), faults)
    places = Random(rng.getrandbits(64))
    spots = [
        Spot(
            f"Koekatu {number}", spot(0.02 + 0.96 * places.random(), 0.02 + 0.96 * places.random())
        )
        for number in range(1, SPOTS + 1)
    ]
    arrivals = Arrivals(pack, spots, Random(rng.getrandbits(64)), START, per_hour)
    behaviour = Behaviour(pack, habits, Random(rng.getrandbits(64)))
    town = Town(node, clock, arrivals, behaviour, Random(rng.getrandbits(64)), faults)
    end = START + timedelta(days=days)
    with capture_logs() as logs:
        town.open_doors(end)
        await town.agenda.run_until(end)
        faults.stop()
        behaviour.mind.habits = WILLING
        await _settle(town, node.inner, clock)
    seen = Evidence(
        ledger=town.ledger,
        store=node.inner,
        vault=node.vault,
        pack=pack,
        reception=node.reception,
        journal=await node.inner.tail(0, await node.inner.last_seq()),
        messages=_messages(node.inner),
        logs=[repr(sorted(line.items())).encode() for line in logs],
        now=clock.now(),
        late_max_s=RUNNER_S + (shares.wake_late_max_s if shares.wake_late else 0.0),
    )
    return _report(seed, days, seen, node, faults, await examine(seen), clock.now() - end)


async def _settle(town: Town, store: MemoryStore, clock: VirtualClock) -> None:
    """Quiet days: no faults, no new reports, everybody works on."""
    for _ in range(int(timedelta(days=QUIET_DAYS_MAX) / SWEEP)):
        town.behaviour.forget_all()
        page = await store.cases(CaseQuery(open_only=True, limit=1_000))
        for row in page.rows:
            await town.plan(row.case.id)
        await town.tick()
        await town.agenda.run_until(clock.now() + SWEEP)
        if not page.rows and await store.oldest_wake() is None:
            return


def _messages(store: MemoryStore) -> Sequence[Message]:
    # The inbox of all audiences at once: the reference store keeps its messages in one place.
    kept: dict[str, Message] = store._messages  # pyright: ignore[reportPrivateUsage]
    return list(kept.values())


def digest(journal: Sequence[JournalEntry]) -> str:
    """A hash of the whole journal: the same for the same course of things."""
    total = hashlib.sha256()
    for entry in journal:
        head = (entry.seq, entry.case_id, entry.version, entry.at)
        total.update(msgspec.json.encode(head) + encode_actor(entry.by))
        total.update(encode_command(entry.command) + encode_events(entry.events))
    return total.hexdigest()[:16]


def _report(
    seed: int,
    days: float,
    seen: Evidence,
    node: SimNode,
    faults: Faults,
    findings: list[Finding],
    quiet: timedelta,
) -> SimReport:
    events: list[Any] = [event for entry in seen.journal for event in entry.events]
    ledger = seen.ledger

    def count(kind: type) -> int:
        return sum(isinstance(event, kind) for event in events)

    return SimReport(
        seed=seed,
        days=days,
        reports=len(ledger.sent),
        acknowledged=sum(bool(sent.receipts) for sent in ledger.sent.values()),
        cases=count(words.CaseOpened),
        merged=count(words.CaseMerged),
        verified=count(words.CaseVerified),
        missed=count(words.DeadlineMissed),
        entries=len(seen.journal),
        commands=ledger.commands.total(),
        restarts=node.restarts,
        faults=tuple(sorted(faults.counts.items())),
        refused=tuple(sorted(ledger.refused.items())),
        verbs=tuple(sorted(ledger.commands.items())),
        quiet_days=round(quiet / timedelta(days=1), 1),
        digest=digest(seen.journal),
        findings=tuple(findings),
    )

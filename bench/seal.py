"""The Merkle log: entries a second from committed rows to a signed checkpoint, the size and price
of a proof at a million entries, and what an intake pays for it."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import tempfile
from pathlib import Path
from time import perf_counter, process_time

import asyncpg

from bench.harness import Figure, median, percentile
from bench.intake import load
from bench.node import node
from tocsin.app.clock import SteadyClock
from tocsin.stores.log.notes import load_log_keys
from tocsin.stores.log.tree import Tree, leaf_hash
from tocsin.stores.postgres.connections import Readers
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.migrate import migrate
from tocsin.stores.postgres.sequencer import Sequencer
from tocsin_verify import merkle

ENTRIES = 30_000
GOAL_PER_S = 10_000
MILLION = 1_000_000
PROOFS = 200
RUNS = 3
REPORTS = 3_000
# As long as the entry of an opened case: 2 to 6 kB.
_FILL = """
INSERT INTO journal (case_id, version, at, actor, command, events)
SELECT 'c' || n, 1, now(), convert_to('{"id":"x","kind":"staff"}', 'UTF8'),
       convert_to(repeat(md5(n::text), 40), 'UTF8'), convert_to(repeat(md5(n::text), 50), 'UTF8')
  FROM generate_series(1, $1::int) n"""


def bench() -> list[Figure]:
    return [*_sequencing(), *_proofs(), *_price()]


def _sequencing() -> list[Figure]:
    """Rows that are there already, as after a long outage: nothing to wait for but the work."""
    runs = [asyncio.run(_sequenced()) for _ in range(RUNS)]
    note = f"{RUNS} runs; load {os.getloadavg()[0]:.1f}"
    return [
        Figure("seal, entries of 3 kB to disk and signed", ENTRIES / median([r[0] for r in runs]),
               "entries/s", GOAL_PER_S, note=note),
        Figure("seal, slowest run", ENTRIES / max(r[0] for r in runs), "entries/s"),
        Figure("seal, the node's CPU an entry", median([r[1] for r in runs]) / ENTRIES * 1e6, "us"),
    ]  # fmt: skip


async def _sequenced() -> tuple[float, float]:
    """Seconds and seconds of the processor."""
    with tempfile.TemporaryDirectory(prefix="tocsin-seal-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = EmbeddedPostgres(folder / "postgres")
        server.start()
        try:
            dsn = server.dsn()
            await migrate(dsn)
            connection = await asyncpg.connect(dsn)
            await connection.execute(_FILL, ENTRIES)
            await connection.close()
            keys = load_log_keys(folder / "log.key")
            log = Sequencer(dsn, Readers(dsn), folder / "log", keys, SteadyClock())
            begun, cpu = perf_counter(), process_time()
            size = await log.catch_up()
            took, spent = perf_counter() - begun, process_time() - cpu
            assert size == ENTRIES and log.signed_size == ENTRIES
            await log.close()
        finally:
            server.stop()
    return took, spent


def _proofs() -> list[Figure]:
    """Against a log of a million entries, each proof checked."""
    with tempfile.TemporaryDirectory(prefix="tocsin-seal-") as name:
        tree = Tree(Path(name))
        for first in range(0, MILLION, 10_000):
            tree.append([leaf_hash(b"%d" % n) for n in range(first, first + 10_000)])
        root, sizes, times, checks = tree.root(), list[int](), list[float](), list[float]()
        for number in range(PROOFS):
            index = number * (MILLION // PROOFS) + 7
            begun = perf_counter()
            proof = tree.inclusion(index, MILLION)
            times.append(perf_counter() - begun)
            begun = perf_counter()
            assert merkle.is_included(index, MILLION, leaf_hash(b"%d" % index), proof, root)
            checks.append(perf_counter() - begun)
            sizes.append(len(_as_answered(index, proof)))
        tree.close()
    return [
        Figure("seal, proof at a million as answered", max(sizes), "bytes", 1_000, "less"),
        Figure("seal, its hashes alone", len(proof) * 32, "bytes"),
        Figure("seal, making a proof, p99", percentile(times, 99) * 1e3, "ms"),
        Figure("seal, checking a proof, p99", percentile(checks, 99) * 1e3, "ms"),
    ]


def _as_answered(index: int, proof: list[bytes]) -> bytes:

    hashes = [base64.b64encode(each).decode() for each in proof]
    told = {"size": MILLION, "index": index, "hashes": hashes}
    return json.dumps(told, separators=(",", ":")).encode()


def _price() -> list[Figure]:
    """The intake with and without it, in turns, so that the machine's moods hit both alike."""
    rates: dict[bool, list[float]] = {True: [], False: []}
    works: dict[bool, list[float]] = {True: [], False: []}
    waits: dict[bool, list[float]] = {True: [], False: []}
    for run in range(RUNS):
        for sealed in (True, False) if run % 2 else (False, True):
            with node(seal_log="true" if sealed else "false") as running:
                load(running, 0, REPORTS // 2, None)
                cpu = running.cpu_s()
                rates[sealed].append(REPORTS / load(running, run + 1, REPORTS, None)["seconds"])
                works[sealed].append((running.cpu_s() - cpu) / REPORTS * 1e6)
                waits[sealed] += load(running, run + 9, REPORTS // 2, 300)["waits"]
    note = f"{RUNS} runs each, in turns; load {os.getloadavg()[0]:.1f}"
    with_it, without = median(rates[True]), median(rates[False])
    return [
        Figure("seal, intake without", without, "reports/s", note=note),
        Figure("seal, intake with", with_it, "reports/s", note=note),
        Figure("seal, price of it", (1 - with_it / without) * 100, "%", 25, "less"),
        Figure("seal, node's CPU a report without", median(works[False]), "us"),
        Figure("seal, node's CPU a report with", median(works[True]), "us"),
        Figure("seal, wait at 300/s without, p99", percentile(waits[False], 99) * 1e3, "ms"),
        Figure("seal, wait at 300/s with, p99", percentile(waits[True], 99) * 1e3, "ms"),
    ]

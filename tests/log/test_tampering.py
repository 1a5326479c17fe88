"""Random changes with full rights in the database: each is found, and the first bad entry named.

`TOCSIN_TAMPER` says how many (`make tamper`: 1,000); each is undone before the next.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import json
import os
import random
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg

from tests.contracts.seeing import look
from tests.log.conftest import BY, Sealed
from tests.log.tampering import FREE, SOURCES, VANDALS, Change, Rows
from tocsin.kernel.shared import SealedRef
from tocsin.stores.postgres import log_bundle
from tocsin_verify import checking, cli, memory, merkle

CHANGES = int(os.environ.get("TOCSIN_TAMPER", "60"))
ENTRIES = 40


def looked_at(bundle: Path, note: Path, key: str, state: memory.Memory) -> checking.Finding | None:
    """What the verifier says."""
    asked = argparse.Namespace(
        file=bundle, key=[key], checkpoint=[note], hashes=None, complete=True, stamps=None
    )
    result, _ = cli.verify(asked, state)
    return result.finding


def looked_at_weakly(bundle: Path, note: Path) -> bool:
    """A verifier that believes the log's hashes and counts the rows, as one writes it in a hurry:
    it never computes a leaf from its row."""
    tree, size, root, count = merkle.Range(), *_of(note), 0
    with gzip.open(bundle, "rt", encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            if "n" in line:
                count += "fields" in line
                if "h" in line:
                    tree.add(base64.b64decode(line["h"]))
    return tree.size != size or tree.root() != root or count != size


def _of(note: Path) -> tuple[int, bytes]:
    _, size, root = note.read_text(encoding="utf-8").split("\n")[:3]
    return int(size), base64.b64decode(root)


async def a_logged_town(sealed: Sealed, connection: Any) -> Rows:
    """Cases and access records at different instants, under several checkpoints."""
    for number in range(ENTRIES):
        sealed.town.at += timedelta(seconds=7)
        [case_id] = await sealed.some_cases(1, f"t{number}-")
        sealed.town.at += timedelta(seconds=7)
        await look(sealed.vault, [SealedRef(f"d-{case_id}")], case_id, by=BY)
        if number % 9 == 0:
            await sealed.log.catch_up()
    await sealed.log.catch_up()
    found: Rows = {}
    for source in SOURCES:
        sql = "SELECT idx, id FROM log.leaves WHERE source = $1 ORDER BY idx"
        found[source] = [(row[0], row[1]) for row in await connection.fetch(sql, source)]
    size = await connection.fetchval("SELECT max(idx) FROM log.leaves")
    return {**found, "last": [(size, 0)]}


async def written(sealed: Sealed, connection: Any, bundle: Path) -> None:
    """A bundle of the changed database, from inside the transaction that is undone later."""
    with gzip.open(bundle, "wb", 1) as out:
        await log_bundle._write(connection, out, sealed.keys, sealed.log.hashes)


def is_named(change: Change, finding: checking.Finding | None) -> bool:
    """Whether the finding is that entry and no span."""
    return finding is not None and finding.first == finding.last == change.first


async def test_every_change_is_found_and_named(sealed: Sealed) -> None:
    chance = random.Random(6962)
    connection = await asyncpg.connect(sealed.dsn)
    found, missed_by_the_weak = Counter[str](), Counter[str]()
    wrong: list[str] = []
    bundle, note = sealed.folder / "b", sealed.folder / "log" / "checkpoint"
    key = sealed.keys.public[0]
    try:
        rows = await a_logged_town(sealed, connection)
        for statement in FREE:
            await connection.execute(statement)
        await written(sealed, connection, bundle)
        assert looked_at(bundle, note, key, memory.Memory()) is None, "nothing is changed yet"
        assert not looked_at_weakly(bundle, note)
        while found.total() + len(wrong) < CHANGES:
            vandal = VANDALS[(found.total() + len(wrong)) % len(VANDALS)]
            undo = connection.transaction()
            await undo.start()
            change = await vandal(connection, chance, rows)
            await written(sealed, connection, bundle)
            await undo.rollback()
            finding = looked_at(bundle, note, key, memory.Memory())
            if is_named(change, finding):
                found[change.kind] += 1
            else:
                wrong.append(f"{change}: {finding}")
            missed_by_the_weak[change.kind] += not looked_at_weakly(bundle, note)
    finally:
        await connection.close()
    print(f"\nfound: {dict(found)}; missed by the weak one: {dict(missed_by_the_weak)}")
    assert wrong == []
    assert found.total() == CHANGES and len(found) == len(VANDALS)
    # The planted one: it sees what is missing, and nothing that is only different.
    assert missed_by_the_weak["mutate"] == found["mutate"]
    assert missed_by_the_weak["swap times"] == found["swap times"]
    assert missed_by_the_weak["drop the tail"] == 0

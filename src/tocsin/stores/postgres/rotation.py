"""Wraps every data key anew under a new master key, beside running nodes; then the old one goes.

The order is what makes a kill harmless: the new key is on disk before its number is known, known
before anything is wrapped under it, every writer has moved to it before the first old row is
touched, and the old key leaves the file only when no row needs it and nobody can write one. Where
it was cut off stands in the rows themselves, so `rotate` goes on from there. Values are not sealed
anew: a data key stays what it is, and what was erased has none to wrap.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tocsin.stores.postgres.connections import Connection
from tocsin.stores.postgres.key_fence import KEYS_LOCK
from tocsin.stores.postgres.store import register_keys
from tocsin.stores.vault import (
    Chance,
    KeyRow,
    MasterKeys,
    Sealer,
    add_master_key,
    load_master_keys,
    retire_master_keys,
)

PAGE: Final = 500  # keys wrapped in one transaction: some 10 ms, in which their rows are locked
WAIT_S: Final = 30.0  # for running nodes to see the new key; they look every second
PAUSE_S: Final = 0.2  # between two looks at rows that somebody else holds
_BEGIN: Final = ("", "")
_ONLY_ONE: Final = "SELECT pg_try_advisory_lock($1, 0)"
_ALONE: Final = "SELECT pg_try_advisory_lock($1, $2)"
_IN_USE: Final = "SELECT master, count(*) FROM vault.keys GROUP BY master ORDER BY master"
_OLD: Final = """
SELECT case_id, subject, master, wrapped_key FROM vault.keys
 WHERE master <> $1 AND (case_id, subject) > ($3, $4)
 ORDER BY case_id, subject LIMIT $2 FOR UPDATE SKIP LOCKED"""
_WRAP: Final = """
UPDATE vault.keys k SET master = $1, wrapped_key = w.made
  FROM unnest($2::text[], $3::text[], $4::bytea[]) AS w (case_id, subject, made)
 WHERE k.case_id = w.case_id AND k.subject = w.subject"""


class RotationRefused(RuntimeError):
    """A rotation that can not begin or go on now. One line for the operator; nothing is lost, and
    the same command goes on."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """What was done: under which key everything is now, which were retired, how many data keys
    were wrapped by this run. `was_begun`: an earlier run had begun it."""

    current: int
    retired: tuple[int, ...]
    wrapped: int
    was_begun: bool


async def keys_in_use(connection: Connection) -> Mapping[int, int]:
    """How many data keys are wrapped under each master key."""
    return {row[0]: row[1] for row in await connection.fetch(_IN_USE)}


async def rotate(
    connection: Connection,
    path: Path,
    *,
    wait_s: float = WAIT_S,
    tell: Callable[[int], object] = lambda wrapped: None,
) -> Rotated:
    """Begins a rotation, or ends one that was begun: the file has more than one key then, or rows
    are wrapped under another than the current one. `connection` is the owner's; `tell` hears how
    many were wrapped so far. Raises RotationRefused, WrongMasterKey, OSError and what the
    connection raises."""
    if not await connection.fetchval(_ONLY_ONE, KEYS_LOCK):
        raise RotationRefused("another rotation is at work on this database")
    keys = load_master_keys(path, may_create=False)
    await register_keys(connection, keys)
    used = await keys_in_use(connection)
    was_begun = len(keys.by_id) > 1 or any(number != keys.current for number in used)
    if not was_begun:
        keys = add_master_key(keys)
    await register_keys(connection, keys)
    old = sorted({*keys.by_id, *used} - {keys.current})
    await _wait_for_writers(connection, old, wait_s)
    wrapped = await _wrap_all(connection, Sealer(keys), wait_s, tell)
    await _retire(connection, keys)
    return Rotated(keys.current, tuple(old), wrapped, was_begun)


async def _wait_for_writers(connection: Connection, old: Sequence[int], wait_s: float) -> None:
    """Until nobody can wrap anything under the old keys; the locks stay until the session ends."""
    until = time.monotonic() + wait_s
    for number in old:
        while not await connection.fetchval(_ALONE, KEYS_LOCK, number):
            if time.monotonic() > until:
                raise RotationRefused(
                    f"a node still seals under key {number}: give it the new vault.key if it runs "
                    "on another machine, and run this again"
                )
            await asyncio.sleep(PAUSE_S)


async def _wrap_all(
    connection: Connection, sealer: Sealer, wait_s: float, tell: Callable[[int], object]
) -> int:
    """Page after page, each a transaction of its own. Rows that somebody holds are left for the
    next round, so that nobody waits for this in a circle."""
    wrapped, until, last = 0, time.monotonic() + wait_s, _BEGIN
    while True:
        done, last = await _wrap_page(connection, sealer, last)
        if done:
            wrapped += done
            until = time.monotonic() + wait_s
            tell(wrapped)
        elif not await _left(connection, sealer.current):
            return wrapped
        elif time.monotonic() > until:
            raise RotationRefused("somebody holds the last keys: run this again")
        else:
            await asyncio.sleep(PAUSE_S)


async def _wrap_page(
    connection: Connection, sealer: Sealer, after: tuple[str, str]
) -> tuple[int, tuple[str, str]]:
    """How many were wrapped, and where the next page goes on: behind the last, so that no page
    reads over all that was wrapped before it; at the beginning once the end was reached."""
    async with connection.transaction():
        found = await connection.fetch(_OLD, sealer.current, PAGE, *after)
        rows = [KeyRow(*row) for row in found]
        if not rows:
            return 0, _BEGIN
        chance = Chance()
        made = [sealer.rewrap(row, chance) for row in rows]
        await connection.execute(
            _WRAP,
            sealer.current,
            [row.case_id for row in made],
            [row.subject for row in made],
            [row.wrapped_key for row in made],
        )
    return len(made), (made[-1].case_id, made[-1].subject)


async def _left(connection: Connection, current: int) -> int:
    return sum(n for number, n in (await keys_in_use(connection)).items() if number != current)


async def _retire(connection: Connection, keys: MasterKeys) -> None:
    """The old wrappings go from the disk first: what is retired because it leaked must not find
    them there."""
    await connection.execute("VACUUM vault.keys", timeout=None)
    if await _left(connection, keys.current):
        raise RotationRefused("keys came in under an old master key: run this again")
    retire_master_keys(keys)


__all__ = ["RotationRefused", "Rotated", "keys_in_use", "rotate"]

"""`tocsin erase`: the data key and the sealed values of one person in one case, gone for good.

Board and journal stay whole: they hold references, and a reference whose value is gone opens
nothing. What stays is a line that says when, by whom, on which ground and how many values.
"""

from __future__ import annotations

import argparse
from typing import Final

from tocsin.app.asking import settings_of
from tocsin.app.clock import SteadyClock
from tocsin.app.keeping import with_database
from tocsin.app.node import Dsn, keys_of
from tocsin.kernel.shared import Actor, ActorId, CaseId
from tocsin.runtime.reception import Reception
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.postgres.vault import PostgresVault

REASONS: Final = ("request", "retention", "mistake", "court")
"""Grounds of an erasure. A closed list: a free text would be kept, and would name the person."""
OPERATOR: Final = Actor(ActorId("operator"), "system")
"""Whoever may start a program on the node's machine; the machine's own log says who that was."""


def erase(asked: argparse.Namespace) -> int:
    """Exit 0 when nothing of the person is left in that case, 1 when there is no such report.

    The person is named by the tracking code, by case and report, or by case and the account that
    wrote (notes and photos of staff that are about the person). A repeat is harmless.
    """
    if (asked.code is None) == (asked.report is None and asked.writer is None):
        print("Name the person by --code, or by --case with --report or --writer.")
        return 2
    settings = settings_of(asked)

    async def work(dsn: Dsn) -> int:
        keys = keys_of(settings)
        store = PostgresStore(dsn, keys)
        await store.open()
        try:
            found = await _found(store, asked)
            if found is None:
                print("There is no such report: nothing was erased.")
                return 1
            vault = PostgresVault(store.readers, keys, SteadyClock())
            values = await vault.erase(*found, by=OPERATOR, reason=asked.reason)
        finally:
            await store.close()
        print(f"{values} sealed values erased. Backups made before still hold them.")
        return 0

    return with_database(settings, work)


async def _found(store: PostgresStore, asked: argparse.Namespace) -> tuple[CaseId, str] | None:
    """The case and the person's scope in it, where the journal knows both."""
    if asked.code is not None:
        return await store.receipt(Reception.code_hash(asked.code))
    case_id = CaseId(asked.case)
    row = await store.case(case_id)
    if row is None:
        return None
    if asked.writer is not None:
        wrote = {entry.by.id for entry in await store.journal(case_id)}
        return (case_id, asked.writer) if asked.writer in wrote else None
    reports = {report.id for report in row.case.reports}
    return (case_id, asked.report) if asked.report in reports else None

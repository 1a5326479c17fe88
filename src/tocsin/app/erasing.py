"""`tocsin erase`: the data key and the sealed values of one person in one case, gone for good.

Board and journal stay whole: they hold references, and a reference whose value is gone opens
nothing. What stays is a line that says when, by whom, on which ground and how many values.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from tocsin.app.asking import settings_of
from tocsin.app.clock import SteadyClock
from tocsin.app.keeping import with_database
from tocsin.app.node import Dsn, keys_of
from tocsin.kernel.alarms.state import Alarm, Signalled
from tocsin.kernel.cases.react import ALARM_SOURCE
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import Actor, ActorId, AlarmId, CaseId, SealedRef
from tocsin.runtime.alarm_opening import scope_of
from tocsin.runtime.ports import AlarmQuery
from tocsin.runtime.reception import Reception
from tocsin.stores.postgres.holds import PostgresHolds
from tocsin.stores.postgres.store import PostgresStore
from tocsin.stores.postgres.vault import PostgresVault

REASONS: Final = ("request", "retention", "mistake", "court")
"""Grounds of an erasure. A closed list: a free text would be kept, and would name the person."""
PAGE: Final = 5_000
"""Alarms looked at a time."""
SITE_AHEAD: Final = timedelta(days=31)
"""How much older than its case an alarm may be: it waited on a shelf or behind planned work."""
OPERATOR: Final = Actor(ActorId("operator"), "system")
"""Whoever may start a program on the node's machine; the machine's own log says who that was."""


def erase(asked: argparse.Namespace) -> int:
    """Exit 0 when nothing of the person is left in that case, 1 when there is no such report.

    The person is named by the tracking code, by case and report, by case and the account that
    wrote (notes and photos of staff that are about the person), or by an alarm whose device printed
    words about the person. A report that an alarm made takes the words of every alarm of that case
    with it. A repeat is harmless.
    """
    is_named = asked.report is not None or asked.writer is not None
    if is_named != (asked.case is not None):
        print("Name the person by --code, by --alarm, or by --case with --report or --writer.")
        return 2
    settings = settings_of(asked)

    async def work(dsn: Dsn) -> int:
        keys = keys_of(settings)
        store = PostgresStore(dsn, keys)
        await store.open()
        try:
            found = await _found(store, asked)
            if not found:
                print("There is no such report or alarm: nothing was erased.")
                return 1
            vault = PostgresVault(store.readers, keys, SteadyClock())
            if asked.reason != "court" and (until := await _held_until(store, found)) is not None:
                print(f"A legal hold lies on this case until {until:%Y-%m-%d}: nothing was erased.")
                return 1
            values = 0
            for scope in found:
                values += await vault.erase(*scope, by=OPERATOR, reason=asked.reason)
        finally:
            await store.close()
        print(f"{values} sealed values erased. Backups open them until their keys' files go:")
        print("`tocsin backup` now, and `tocsin backup prune` when the older ones had their day.")
        return 0

    return with_database(settings, work)


Scope = tuple[CaseId, str]


async def _held_until(store: PostgresStore, scopes: Sequence[Scope]) -> datetime | None:
    """The end of the longest hold on these cases; a court's own word goes before it."""
    clock = SteadyClock()
    cases = list(dict.fromkeys(case for case, _ in scopes))
    holds = await PostgresHolds(store.readers, clock).of(cases)
    return max((each.until for each in holds if each.holds(clock.now())), default=None)


async def _found(store: PostgresStore, asked: argparse.Namespace) -> list[Scope]:
    """The scopes of the vault that are the person's, where the journal knows them."""
    if asked.code is not None:
        receipt = await store.receipt(Reception.code_hash(asked.code))
        return [] if receipt is None else [receipt]
    if asked.alarm is not None:
        row = await store.alarm(AlarmId(asked.alarm))
        return [] if row is None else await _words_of(store, row.alarm)
    case_id = CaseId(asked.case)
    row = await store.case(case_id)
    if row is None:
        return []
    if asked.writer is not None:
        wrote = {entry.by.id for entry in await store.journal(case_id)}
        return [(case_id, asked.writer)] if asked.writer in wrote else []
    report = next((each for each in row.case.reports if each.id == asked.report), None)
    if report is None:
        return []
    if report.source != ALARM_SOURCE:
        return [(case_id, report.id)]
    return [(case_id, report.id), *await _alarms_of(store, row.case)]


async def _alarms_of(store: PostgresStore, case: Case) -> list[Scope]:
    """The words of all alarms that opened or joined a case, also of those that left it since."""
    scopes: list[Scope] = []
    after: AlarmId | None = None
    since = case.opened_at - SITE_AHEAD if case.opened_at is not None else None
    while rows := await store.alarms(
        AlarmQuery(since=since, newest_first=False, after=after, limit=PAGE)
    ):
        after = rows[-1].alarm.id
        for row in rows:
            alarm = row.alarm
            if case.id in (alarm.case, alarm.first_case, *alarm.handled):
                scopes += await _words_of(store, alarm)
    return scopes


async def _words_of(store: PostgresStore, alarm: Alarm) -> list[Scope]:
    """Where the words of an alarm lie: each message of its device has a scope of its own, named by
    the reference that the journal holds."""
    if alarm.about is None:
        return []
    refs: dict[str, None] = {}
    for entry in await store.alarm_journal(alarm.id):
        for event in entry.events:
            signal: Signalled | None = getattr(event, "signal", None)
            if signal is not None and signal.text is not None:
                refs[signal.text] = None
    return [(scope_of(SealedRef(each)), alarm.about.asset) for each in refs]

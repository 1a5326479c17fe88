"""`tocsin erase`: afterwards nothing of the person is left but references that open nothing."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import asyncpg
import pytest

from tests.conftest import create_database
from tests.contracts.seeing import look
from tocsin.app.cli import _parser, main
from tocsin.app.erasing import REASONS
from tocsin.app.node import Node, started
from tocsin.app.settings import Settings
from tocsin.kernel.cases.vocabulary import AddNote, MergeCase
from tocsin.kernel.shared import Actor, ActorId, AlarmId, Place, Refused, SealedRef
from tocsin.runtime.alarm_ports import AlarmReceived, IncomingAlarm
from tocsin.runtime.ports import SealedValue
from tocsin.runtime.reception import IncomingReport, Received
from tocsin.stores.postgres.embedded import EmbeddedPostgres

CANARY = "CANARY-7f31"
BY = Actor(ActorId("desk-1"), "staff")
Answer = TypeVar("Answer")


@pytest.fixture
def settings(tmp_path: Path, postgres_server: EmbeddedPostgres) -> Settings:
    name = asyncio.run(create_database(postgres_server))
    return Settings(data=tmp_path, database_url=postgres_server.dsn(name))


def at_node(settings: Settings, work: Callable[[Node], Awaitable[Answer]]) -> Answer:
    async def run() -> Answer:
        async with started(settings, (None, settings.database_url)) as node:
            return await work(node)

    return asyncio.run(run())


def report(words: str) -> IncomingReport:
    return IncomingReport(
        "phone",
        "street-light-out",
        f"{CANARY} {words}",
        Place(24.94, 60.17),
        address=f"{CANARY} street 7",
        contact={"name": CANARY, "phone": CANARY},
    )


async def two_reports(node: Node) -> tuple[Received, Received]:
    first = await node.services.reception.receive(report("the lamp is dark"), BY)
    assert isinstance(first, Received)
    second = await node.services.reception.attach(first.case_id, report("no light here"), BY)
    assert not isinstance(second, Refused)
    return first, second


def erase(settings: Settings, *arguments: str, reason: str = "request") -> int:
    return told(settings, "erase", *arguments, "--reason", reason)


def told(settings: Settings, *words: str) -> int:
    """The command line, with the database in the environment: it holds a secret."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOCSIN_DATABASE_URL", settings.database_url)
        return main([*words, "--data", str(settings.data)])


def subjects(settings: Settings) -> dict[str, int]:
    async def read() -> dict[str, int]:
        connection = await asyncpg.connect(settings.database_url)
        try:
            rows = await connection.fetch(
                "SELECT k.subject, count(v.ref) FROM vault.keys k "
                "JOIN vault.values v USING (case_id, subject) GROUP BY 1"
            )
            return {row[0]: row[1] for row in rows}
        finally:
            await connection.close()

    return asyncio.run(read())


def erasures(settings: Settings) -> list[tuple[str, ...]]:
    async def read() -> list[tuple[str, ...]]:
        connection = await asyncpg.connect(settings.database_url)
        try:
            rows = await connection.fetch("SELECT * FROM vault.erasures ORDER BY id")
            return [tuple(str(each) for each in row.values()) for row in rows]
        finally:
            await connection.close()

    return asyncio.run(read())


def verified(settings: Settings) -> int:
    return told(settings, "verify")


def test_the_person_is_gone_and_the_journal_whole(settings: Settings) -> None:
    first, second = at_node(settings, two_reports)
    assert subjects(settings) == {first.report_id: 3, second.report_id: 3}

    assert erase(settings, "--code", first.code.lower()) == 0
    assert subjects(settings) == {second.report_id: 3}
    assert verified(settings) == 0

    async def opened(node: Node) -> tuple[int, str]:
        row = await node.store.case(first.case_id)
        assert row is not None
        refs = [each for each in (row.case.reports[0].description,) if each is not None]
        values = await look(node.services.vault, refs, first.case_id, by=BY)
        return len(values), row.case.status

    assert at_node(settings, opened) == (0, "received")


def test_the_record_of_it_names_nobody(settings: Settings) -> None:
    first, _ = at_node(settings, two_reports)
    asked = ("--case", first.case_id, "--report", first.report_id)
    assert erase(settings, *asked, reason="court") == 0
    assert erase(settings, *asked, reason="court") == 0, "a repeat is harmless"
    records = erasures(settings)
    assert [record[-3:-1] for record in records] == [("court", "3"), ("court", "0")]
    assert CANARY not in str(records)
    assert {record[2] for record in records} == {"operator"}


def test_what_is_unknown_erases_nothing(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    first, _ = at_node(settings, two_reports)
    before = subjects(settings)
    assert erase(settings, "--code", "2222 2222 2222") == 1
    assert erase(settings, "--case", "none", "--report", first.report_id) == 1
    assert erase(settings, "--case", first.case_id, "--report", "none") == 1
    assert erase(settings, "--case", first.case_id, "--writer", "nobody") == 1
    assert erase(settings, "--case", first.case_id) == 2
    assert erase(settings, "--code", first.code, "--report", first.report_id) == 2
    assert subjects(settings) == before
    assert erasures(settings) == []
    assert CANARY not in capsys.readouterr().out


def test_what_one_account_wrote_goes_alone(settings: Settings) -> None:
    async def with_note(node: Node) -> Received:
        first, _ = await two_reports(node)
        ref = SealedRef(f"{first.case_id}.note")
        words = SealedValue(ref, first.case_id, BY.id, "note", CANARY.encode())
        noted = await node.services.engine.handle(
            first.case_id, AddNote(ref), by=BY, sealed=[words]
        )
        assert not isinstance(noted, Refused)
        return first

    first = at_node(settings, with_note)
    assert subjects(settings)[BY.id] == 1
    assert erase(settings, "--case", first.case_id, "--writer", BY.id, reason="mistake") == 0
    left = subjects(settings)
    assert BY.id not in left and len(left) == 2
    assert verified(settings) == 0


def test_the_person_of_a_merged_duplicate_is_erased_where_the_report_was_made(
    settings: Settings,
) -> None:
    async def merged(node: Node) -> tuple[Received, Received]:
        first, _ = await two_reports(node)
        other = await node.services.reception.receive(report("another lamp is dark"), BY)
        assert isinstance(other, Received)
        done = await node.services.engine.handle(
            first.case_id, MergeCase(other.case_id, 0.9, ("distance",)), by=BY
        )
        assert not isinstance(done, Refused), done
        return first, other

    first, other = at_node(settings, merged)
    assert erase(settings, "--code", other.code) == 0
    left = subjects(settings)
    assert other.report_id not in left and first.report_id in left
    assert verified(settings) == 0


async def _fires(node: Node) -> tuple[str, str, str]:
    """Two detectors of one site, the first twice: their panels print whom to call."""
    alarms: list[str] = []
    for device, session in (("7/1", "a"), ("7/1", "b"), ("7/2", "a")):
        incoming = IncomingAlarm(
            "sia-dc09", device, "110", "raised", session, 1, text=f"{CANARY} {session}",
            place=Place(24.94, 60.17), sender="7",
        )  # fmt: skip
        answer = await node.services.alarms.receive(incoming, BY)
        assert isinstance(answer, AlarmReceived), answer
        alarms.append(answer.alarm)
    row = await node.store.alarm(AlarmId(alarms[0]))
    other = await node.store.alarm(AlarmId(alarms[2]))
    assert row is not None and other is not None and alarms[0] == alarms[1]
    assert row.alarm.case is not None and row.alarm.case == other.alarm.case, "one site, one case"
    return alarms[0], alarms[2], row.alarm.case


def test_the_words_of_an_alarm_go_with_its_report_or_by_its_name(settings: Settings) -> None:
    first, second, case = at_node(settings, _fires)
    assert sum(subjects(settings).values()) == 3
    assert erase(settings, "--alarm", "none") == 1
    assert erase(settings, "--alarm", second) == 0
    assert sum(subjects(settings).values()) == 2, "both messages of the other are there"
    assert erase(settings, "--case", case, "--report", f"{case}-r1") == 0
    assert subjects(settings) == {}

    async def opened(node: Node) -> int:
        found = 0
        for each in (first, second):
            for entry in await node.store.alarm_journal(AlarmId(each)):
                refs = [
                    signal.text
                    for event in entry.events
                    if (signal := getattr(event, "signal", None)) is not None
                ]
                found += len(refs)
                assert not await look(node.services.vault, refs, case, by=BY)
        return found

    assert at_node(settings, opened) >= 3
    assert verified(settings) == 0


def test_a_legal_hold_is_told_and_only_a_court_goes_before_it(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async def held(node: Node) -> Received:
        first, _ = await two_reports(node)
        desk = node.services.retention
        assert desk is not None and desk.state() == "ok"
        until = node.services.clock.now() + timedelta(days=30)
        await desk.holds.ask(first.case_id, "investigation", until, by=BY)
        return first

    first = at_node(settings, held)
    before = subjects(settings)
    assert erase(settings, "--code", first.code) == 1
    assert "legal hold" in capsys.readouterr().out and subjects(settings) == before
    assert erase(settings, "--code", first.code, reason="court") == 0
    assert len(subjects(settings)) == 1


def test_the_retention_is_run_from_the_command_line(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing of a fresh case is due; what is in it of other kinds goes, once."""

    async def old_key(node: Node) -> None:
        await two_reports(node)
        async with node.store.readers.acquire() as connection:
            await connection.execute("UPDATE idempotency SET at = at - interval '8 days'")
            await connection.execute(
                "INSERT INTO idempotency VALUES ('k', '', '', now() - interval '9 days')"
            )

    at_node(settings, old_key)
    before = subjects(settings)
    capsys.readouterr()
    assert told(settings, "retention", "run", "--dry-run") == 0
    dry = capsys.readouterr().out.splitlines()
    assert told(settings, "retention", "run") == 0
    assert capsys.readouterr().out.splitlines()[:-1] == dry[:-1] and len(dry) == 2
    assert dry[0].startswith("repeat_key public.idempotency due ")
    assert told(settings, "retention", "run") == 0
    assert capsys.readouterr().out.startswith("0 gone") and subjects(settings) == before


def test_the_grounds_are_a_closed_list() -> None:
    parser: argparse.ArgumentParser = _parser()
    for reason in REASONS:
        assert parser.parse_args(["erase", "--code", "x", "--reason", reason]).reason == reason
    with pytest.raises(SystemExit):
        parser.parse_args(["erase", "--code", "x", "--reason", f"{CANARY} asked"])

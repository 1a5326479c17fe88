"""Board and journal side by side, in id order, from one snapshot and in bounded memory."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from datetime import MAXYEAR
from typing import Final

from tocsin.kernel.shared import CaseId
from tocsin.runtime import codec
from tocsin.runtime.board import Columns
from tocsin.runtime.ports import BoardRow, JournalEntry
from tocsin.runtime.verify import Audit
from tocsin.stores.postgres.connections import Dsn, Row, connect, translated

PREFETCH = 1_000  # rows of a cursor held at once
NEVER: Final = MAXYEAR  # as the driver reads 'infinity'
_BOARD: Final = (
    f"SELECT id, state, version, updated_at, {', '.join(Columns._fields)}, "
    # The list of each agency is a table of its own: where it is wrong, the column counts as wrong.
    "coalesce((SELECT array_agg(a.agency ORDER BY a.agency) FROM case_agencies a WHERE "
    "a.case_id = cases.id AND a.status = cases.status AND a.due_at = cases.due_at), '{}') "
    "FROM cases ORDER BY id"
)
_JOURNAL: Final = (
    "SELECT seq, case_id, version, at, actor, command, events FROM journal "
    "ORDER BY case_id, version"
)


async def audit(dsn: Dsn) -> AsyncIterator[Audit]:
    """Every case that is on the board or in the journal. Raises Unavailable."""
    connection = await translated(
        connect(dsn, statement_timeout="0", idle_in_transaction_session_timeout="0")
    )
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            board = _Ahead(connection.cursor(_BOARD, prefetch=PREFETCH))
            journal = _Ahead(connection.cursor(_JOURNAL, prefetch=PREFETCH))
            row, entry = await board.next(), await journal.next()
            while row is not None or entry is not None:
                ids: list[str] = [
                    part[at] for part, at in ((row, 0), (entry, 1)) if part is not None
                ]
                case_id = min(ids)
                entries: list[JournalEntry] = []
                while entry is not None and entry[1] == case_id:
                    entries.append(entry_of(entry))
                    entry = await journal.next()
                if row is not None and row[0] == case_id:
                    found = BoardRow(codec.decode_case(row[1]), row[2], row[3])
                    yield Audit(CaseId(case_id), found, _columns(row), tuple(entries))
                    row = await board.next()
                else:
                    yield Audit(CaseId(case_id), None, None, tuple(entries))
    finally:
        await connection.close()


class _Ahead:
    """A cursor that is read one row at a time."""

    def __init__(self, cursor: AsyncIterable[Row]) -> None:
        self._rows: AsyncIterator[Row] = aiter(cursor)

    async def next(self) -> Row | None:
        return await anext(self._rows, None)


def entry_of(row: Row) -> JournalEntry:
    """One journal row: seq, case_id, version, at, actor, command, events."""
    return JournalEntry(
        row[0],
        CaseId(row[1]),
        row[2],
        row[3],
        codec.decode_actor(row[4]),
        codec.decode_command(row[5]),
        codec.decode_events(row[6]),
    )


def _columns(row: Row) -> Columns:
    *values, listed = tuple(row)[4:]
    columns = Columns(*values)
    due_at = columns.due_at
    return columns._replace(
        agencies=tuple(listed if columns.is_open or listed else columns.agencies),
        due_at=due_at if due_at is not None and due_at.year != NEVER else None,
    )

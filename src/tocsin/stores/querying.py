"""Lists: which way they run, and the cursor between two pages. The same for every store.

`due` runs from the earliest promise to the latest, cases without one last; `opened` and `updated`
run from the newest to the oldest. Ties are broken by id, in the same direction.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

from tocsin.kernel.shared import CaseId, Instant
from tocsin.runtime.ports import BoardRow, CaseQuery

LIMIT_MAX = 5_000  # rows of one page, a whole board; it is held in memory and encoded at once
CURSOR_MAX = 200  # characters; ids have at most 40


class BadCursor(ValueError):
    """The cursor was not made by this list."""


def cursor_of(at: Instant | None, case_id: CaseId) -> str:
    """An opaque cursor, url-safe, after the row with this sort instant and id."""
    text = f"{at.isoformat() if at is not None else ''}|{case_id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[Instant | None, CaseId]:
    """The way back. Raises BadCursor."""
    if len(cursor) > CURSOR_MAX:
        raise BadCursor("cursor too long")
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True).decode()
        at, bar, case_id = text.partition("|")
        instant = datetime.fromisoformat(at) if at else None
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise BadCursor("not a cursor of this list") from error
    is_well_formed = bar and case_id and "\0" not in case_id
    if not is_well_formed or (instant is not None and instant.tzinfo is None):
        raise BadCursor("not a cursor of this list")
    return instant, CaseId(case_id)


def sort_instant(row: BoardRow, due_at: Instant | None, query: CaseQuery) -> Instant | None:
    """The instant a row is sorted by in this list."""
    match query.order:
        case "due":
            return due_at
        case "opened":
            return row.case.opened_at
        case "updated":
            return row.updated_at


def page_size(query: CaseQuery) -> int:
    """Rows of a page: at least one, at most LIMIT_MAX."""
    return max(1, min(query.limit, LIMIT_MAX))

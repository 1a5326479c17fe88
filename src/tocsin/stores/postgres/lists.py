"""SQL for the lists of the board: conditions, keyset pages, one index range for each status."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

from tocsin.kernel.cases.state import ENDS, Status
from tocsin.kernel.shared import TIERS
from tocsin.runtime.ports import CaseQuery
from tocsin.stores.querying import page_size, read_cursor

OPEN: Final[tuple[Status, ...]] = (
    "received",
    "accepted",
    "filed",
    "dispatched",
    "in_work",
    "claimed_done",
)
"""Every status of an open case: a list of all open cases is the merge of six index ranges."""

_ORDERS: Final = {"due": "due_at", "opened": "opened_at", "updated": "updated_at"}


@dataclass(slots=True)
class _Sql:
    values: list[Any] = field(default_factory=list[Any])

    def bind(self, value: Any, kind: str = "") -> str:
        self.values.append(value)
        return f"${len(self.values)}" + (f"::{kind}" if kind else "")


def page_statement(query: CaseQuery) -> tuple[str, list[Any]]:
    """(SQL, values) of one page and one row more: id, state, version, updated_at, sort instant.

    Raises BadCursor.
    """
    sql = _Sql()
    column = _ORDERS[query.order]
    is_falling = query.order != "due"
    direction = "DESC" if is_falling else "ASC"
    conditions = _conditions(query, sql)
    if query.after is not None:
        at, case_id = read_cursor(query.after)
        mark = f"coalesce({sql.bind(at, 'timestamptz')}, 'infinity')"
        beyond = "<" if is_falling else ">"
        conditions.append(f"({column}, id) {beyond} ({mark}, {sql.bind(case_id, 'text')})")
    limit = sql.bind(page_size(query) + 1, "int")
    order = f"ORDER BY {column} {direction}, id {direction} LIMIT {limit}"
    chosen = f"id, {column} AS sort"
    statuses = _statuses(query)
    if query.order == "due" and statuses and not set(statuses) & set(ENDS) and not query.ids:
        # Each status is one range of (area, status, due_at, id): read a page of each and merge.
        branches: list[str] = []
        for status in statuses:
            where = " AND ".join([*conditions, "is_open", f"status = {sql.bind(status, 'text')}"])
            branches.append(f"(SELECT {chosen} FROM cases WHERE {where} {order})")
        inner = " UNION ALL ".join(branches)
        picked = f"SELECT id, sort FROM ({inner}) ranges ORDER BY sort, id LIMIT {limit}"
    else:
        if statuses:
            conditions.append(f"status = ANY({sql.bind(list(statuses), 'text[]')})")
        if query.open_only:
            conditions.append("is_open")
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        picked = f"SELECT {chosen} FROM cases {where} {order}"
    text = (
        f"SELECT c.id, c.state, c.version, c.updated_at, p.sort FROM ({picked}) p "
        f"JOIN cases c ON c.id = p.id ORDER BY p.sort {direction}, p.id {direction}"
    )
    return text, sql.values


def count_statement(query: CaseQuery) -> tuple[str, list[Any]]:
    """(SQL, values) of the number of rows, whatever the page."""
    sql = _Sql()
    conditions = _conditions(replace(query, after=None), sql)
    statuses = _statuses(query)
    if statuses:
        conditions.append(f"status = ANY({sql.bind(list(statuses), 'text[]')})")
    if query.open_only:
        conditions.append("is_open")
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT count(*) FROM cases {where}", sql.values


def _statuses(query: CaseQuery) -> tuple[Status, ...]:
    """The statuses asked for, each once; all open ones for a list of open cases."""
    if query.statuses:
        asked = tuple(dict.fromkeys(query.statuses))
        return tuple(s for s in asked if s in OPEN) or asked if query.open_only else asked
    return OPEN if query.open_only else ()


def _conditions(query: CaseQuery, sql: _Sql) -> list[str]:
    found: list[str] = []
    if query.area is not None:
        area = sql.bind(query.area, "text")
        if query.tier is None:
            found.append("(" + " OR ".join(f"{tier} = {area}" for tier in TIERS) + ")")
        else:
            found.append(f"{query.tier} = {area}")
    if query.agencies:
        found.append(f"agencies && {sql.bind(list(query.agencies), 'text[]')}")
        found.append("agencies <> '{}'")  # what the partial index asks for
    if query.case_types:
        found.append(f"case_type = ANY({sql.bind(list(query.case_types), 'text[]')})")
    if query.priorities:
        found.append(f"priority = ANY({sql.bind(list(query.priorities), 'int2[]')})")
    if query.ids:
        found.append(f"id = ANY({sql.bind(list(query.ids), 'text[]')})")
    for condition, instant in (
        ("opened_at >=", query.opened_from),
        ("opened_at <", query.opened_to),
        ("updated_at >=", query.updated_from),
        ("updated_at <", query.updated_to),
        ("due_at <", query.due_before),
    ):
        if instant is not None:
            found.append(f"{condition} {sql.bind(instant, 'timestamptz')}")
    if query.published_only:
        found.append("published")
    return found

"""SQL for the lists of the board: conditions, keyset pages, one index range for each status."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

from tocsin.kernel.cases.state import ENDS, Status
from tocsin.kernel.shared import TIERS
from tocsin.runtime.ports import CaseQuery
from tocsin.runtime.synthetic_ports import NOBODYS
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

BRANCHES_MAX: Final = 60  # index ranges of one page: ten agencies in six states

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
    limit = sql.bind(page_size(query) + 1, "int")
    statuses = _statuses(query)
    is_open_list = query.order == "due" and statuses and not set(statuses) & set(ENDS)
    is_of_all = query.order == "due" and not statuses
    branches = max(1, len(set(query.agencies))) * len(statuses)
    if is_of_all and not query.ids and not query.agencies:
        picked = _area_ranges(query, OPEN, sql, limit, with_closed=True)
    elif not is_open_list or query.ids or branches > BRANCHES_MAX:
        picked = _scan(query, statuses, sql, limit)
    elif query.agencies:
        picked = _agency_ranges(query, statuses, sql, limit)
    else:
        picked = _area_ranges(query, statuses, sql, limit)
    direction = "ASC" if query.order == "due" else "DESC"
    text = (
        f"SELECT c.id, c.state, c.version, c.updated_at, p.sort FROM ({picked}) p "
        f"JOIN cases c ON c.id = p.id ORDER BY p.sort {direction}, p.id {direction}"
    )
    return text, sql.values


def _scan(query: CaseQuery, statuses: tuple[Status, ...], sql: _Sql, limit: str) -> str:
    """Any list, by whichever index the planner likes best."""
    column = _ORDERS[query.order]
    direction, beyond = ("ASC", ">") if query.order == "due" else ("DESC", "<")
    conditions = _conditions(query, sql)
    if query.after is not None:
        conditions.append(f"({column}, id) {beyond} {_mark(query.after, sql)}")
    if statuses:
        conditions.append(f"status = ANY({sql.bind(list(statuses), 'text[]')})")
        if not set(statuses) & set(OPEN):
            conditions.append("NOT is_open")  # what the index of closed cases asks for
    if query.open_only:
        conditions.append("is_open")
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    return (
        f"SELECT id, {column} AS sort FROM cases {where} "
        f"ORDER BY {column} {direction}, id {direction} LIMIT {limit}"
    )


def _area_ranges(
    query: CaseQuery,
    statuses: tuple[Status, ...],
    sql: _Sql,
    limit: str,
    *,
    with_closed: bool = False,
) -> str:
    """Each status is one range of (area, status, due_at, id), closed cases are one of (due_at, id):
    a page of each, merged."""
    conditions = _conditions(query, sql)
    if query.after is not None:
        conditions.append(f"(due_at, id) > {_mark(query.after, sql)}")
    asked = [f"is_open AND status = {sql.bind(status, 'text')}" for status in statuses]
    asked += ["NOT is_open"] if with_closed else []
    branches = [
        f"(SELECT id, due_at AS sort FROM cases WHERE {' AND '.join([*conditions, each])} "
        f"ORDER BY due_at, id LIMIT {limit})"
        for each in asked
    ]
    ranges = " UNION ALL ".join(branches)
    return f"SELECT id, sort FROM ({ranges}) ranges ORDER BY sort, id LIMIT {limit}"


def _agency_ranges(query: CaseQuery, statuses: tuple[Status, ...], sql: _Sql, limit: str) -> str:
    """Each agency and status is one range of (agency, status, due_at, case_id)."""
    others = _conditions(replace(query, agencies=()), sql, "c.")
    join = f"JOIN cases c ON c.id = a.case_id AND {' AND '.join(others)}" if others else ""
    beyond = ""
    if query.after is not None:
        beyond = f"AND (a.due_at, a.case_id) > {_mark(query.after, sql)}"
    branches = [
        f"(SELECT a.case_id AS id, a.due_at AS sort FROM case_agencies a {join} "
        f"WHERE a.agency = {sql.bind(agency, 'text')} AND a.status = {sql.bind(status, 'text')} "
        f"{beyond} ORDER BY a.due_at, a.case_id LIMIT {limit})"
        for agency in dict.fromkeys(query.agencies)
        for status in statuses
    ]
    # A case with two of the agencies comes twice.
    ranges = " UNION ALL ".join(branches)
    return f"SELECT DISTINCT sort, id FROM ({ranges}) ranges ORDER BY sort, id LIMIT {limit}"


def _mark(cursor: str, sql: _Sql) -> str:
    at, case_id = read_cursor(cursor)
    return f"(coalesce({sql.bind(at, 'timestamptz')}, 'infinity'), {sql.bind(case_id, 'text')})"


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


def _conditions(query: CaseQuery, sql: _Sql, of: str = "") -> list[str]:
    """`of` is the prefix of the table's columns."""
    found: list[str] = []
    if query.area is not None:
        area = sql.bind(query.area, "text")
        if query.tier is None:
            found.append("(" + " OR ".join(f"{of}{tier} = {area}" for tier in TIERS) + ")")
        else:
            found.append(f"{of}{query.tier} = {area}")
    elif not query.ids and not query.agencies:
        found.append(f"{of}county <> {sql.bind(NOBODYS, 'text')}")
    if query.agencies:
        found.append(f"{of}agencies && {sql.bind(list(query.agencies), 'text[]')}")
        found.append(f"{of}agencies <> '{{}}'")  # what the partial index asks for
    if query.case_types:
        found.append(f"{of}case_type = ANY({sql.bind(list(query.case_types), 'text[]')})")
    if query.priorities:
        found.append(f"{of}priority = ANY({sql.bind(list(query.priorities), 'int2[]')})")
    if query.ids:
        found.append(f"{of}id = ANY({sql.bind(list(query.ids), 'text[]')})")
    for condition, instant in (
        ("opened_at >=", query.opened_from),
        ("opened_at <", query.opened_to),
        ("updated_at >=", query.updated_from),
        ("updated_at <", query.updated_to),
        ("due_at <", query.due_before),
    ):
        if instant is not None:
            found.append(f"{of}{condition} {sql.bind(instant, 'timestamptz')}")
    if query.published_only:
        found.append(f"{of}published")
    return found

"""What one commit writes: rows gathered from many orders, and the one statement for them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import CaseId, Instant
from tocsin.runtime import codec
from tocsin.runtime.board import Columns as BoardColumns
from tocsin.runtime.board import agencies_of, columns_of
from tocsin.runtime.lanes import owed_from
from tocsin.runtime.ports import Order, as_a_case_keeps_it
from tocsin.stores.applying import Applied
from tocsin.stores.postgres.device_writing import DeviceBatch
from tocsin.stores.postgres.units import UnitBatch
from tocsin.stores.vault import KeyRow, ValueRow

_json = msgspec.json.Encoder()
AGENCY_SEPARATOR: Final = "\x1f"  # arrays of arrays cannot be unnested: agencies travel as one text

# (column, type) of each table, in the order of the rows below.
_CASES: Final = (
    ("id", "text"), ("state", "bytea"), ("version", "int4"), ("updated_at", "timestamptz"),
    ("status", "text"), ("is_open", "bool"), ("case_type", "text"), ("profile", "text"),
    ("priority", "int2"), ("lead", "text"), ("agencies", "text"), ("county", "text"),
    ("town", "text"), ("village", "text"), ("cell", "text"), ("lon", "float8"),
    ("lat", "float8"), ("cell_key", "int8"), ("opened_at", "timestamptz"),
    ("closed_at", "timestamptz"), ("due_at", "timestamptz"), ("next_wake", "timestamptz"),
    ("published", "bool"),
)  # fmt: skip
_JOURNAL: Final = (
    ("case_id", "text"), ("version", "int4"), ("at", "timestamptz"), ("actor", "bytea"),
    ("command", "bytea"), ("events", "bytea"),
)  # fmt: skip
_ERRANDS: Final = (
    ("key", "text"), ("case_id", "text"), ("kind", "text"), ("body", "bytea"),
    ("created_at", "timestamptz"), ("due_at", "timestamptz"),
)  # fmt: skip
_KEYS: Final = (
    ("key", "text"), ("fingerprint", "bytea"), ("answer", "bytea"), ("at", "timestamptz"),
)  # fmt: skip
_AGENCIES: Final = (
    ("case_id", "text"), ("agency", "text"), ("status", "text"), ("due_at", "timestamptz"),
)  # fmt: skip
_GONE: Final = (("case_id", "text"), ("agency", "text"))
_RECEIPTS: Final = (("code_hash", "bytea"), ("case_id", "text"), ("report", "text"))
_DATA_KEYS: Final = (
    ("case_id", "text"), ("subject", "text"), ("master", "int2"), ("wrapped_key", "bytea"),
)  # fmt: skip
_VALUES: Final = (
    ("ref", "text"), ("case_id", "text"), ("subject", "text"), ("kind", "text"),
    ("media_type", "text"), ("nonce", "bytea"), ("ciphertext", "bytea"),
)  # fmt: skip
_SPECIAL: Final = {
    "agencies": "coalesce(string_to_array(agencies, E'\\x1f'), '{}')",
    "due_at": "coalesce(due_at, 'infinity')",
}
_UPSERT: Final = "ON CONFLICT (id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name, _ in _CASES if name != "id"
)

_UPSERT_AGENCIES: Final = (
    "ON CONFLICT (case_id, agency) DO UPDATE SET status = excluded.status, due_at = excluded.due_at"
)

Columns = tuple[tuple[str, str], ...]
TABLES: Final[tuple[tuple[str, Columns, str], ...]] = (
    ("cases", _CASES, _UPSERT),
    ("case_agencies", _AGENCIES, _UPSERT_AGENCIES),
    ("journal", _JOURNAL, ""),
    ("errands", _ERRANDS, ""),
    ("idempotency", _KEYS, ""),
    ("receipts", _RECEIPTS, ""),
    ("vault.keys", _DATA_KEYS, ""),
    ("vault.values", _VALUES, ""),
)


def _insert(table: str, columns: Columns, conflict: str, first: int) -> str:
    names = ", ".join(name for name, _ in columns)
    arrays = ", ".join(f"${first + i}::{kind}[]" for i, (_, kind) in enumerate(columns))
    picked = ", ".join(_SPECIAL.get(name, name) for name, _ in columns)
    return (
        f"INSERT INTO {table} ({names}) SELECT {picked} FROM unnest({arrays}) t({names}) {conflict}"
    )


def _write_statement() -> str:
    """One statement for all tables: PostgreSQL runs data-modifying CTEs exactly once each."""
    first, parts = 1, list[str]()
    for number, (table, columns, conflict) in enumerate(TABLES):
        parts.append(f"w{number} AS ({_insert(table, columns, conflict, first)})")
        first += len(columns)
    arrays = ", ".join(f"${first + i}::{kind}[]" for i, (_, kind) in enumerate(_GONE))
    parts.append(
        f"gone AS (DELETE FROM case_agencies a USING unnest({arrays}) t(case_id, agency) "
        "WHERE a.case_id = t.case_id AND a.agency = t.agency)"
    )
    return f"WITH {', '.join(parts)} SELECT 1"


WRITE: Final = _write_statement()


class Batch:
    """The rows of one transaction."""

    def __init__(self) -> None:
        self.states: dict[CaseId, tuple[Case, int, Instant]] = {}
        self.listed: dict[CaseId, tuple[str, ...]] = {}
        """The agencies that had each case on their list when the transaction began."""
        self.journal: list[tuple[Any, ...]] = []
        self.errands: list[tuple[Any, ...]] = []
        self.keys: dict[str, tuple[bytes, bytes, Instant]] = {}
        self.receipts: list[tuple[Any, ...]] = []
        self.data_keys: list[KeyRow] = []
        self.values: list[ValueRow] = []
        self.units = UnitBatch()
        self.devices = DeviceBatch()

    @property
    def is_empty(self) -> bool:
        written = self.journal or self.keys or self.units.states
        return not written and self.devices.is_empty

    def add(self, order: Order, applied: Applied) -> None:
        """Everything an applied order writes, but what is sealed. All of it, or (where a value
        cannot be written down) nothing and the error."""
        changes, at = applied.changes, order.at
        answer = _json.encode(order.answer) if order.key is not None else b""
        journal: list[tuple[Any, ...]] = []
        errands: list[tuple[Any, ...]] = []
        if changes:
            actor = codec.encode_actor(order.by)
            command = codec.encode_command(as_a_case_keeps_it(order.command))
            for change in changes:
                case_id = change.case_id
                events = codec.encode_events(change.events)
                journal.append((case_id, change.version, at, actor, command, events))
                for key, errand in change.errands:
                    kind, body = codec.encode_errand(errand)
                    errands.append((key, case_id, kind, body, at, owed_from(at, change.case)))
        for change in changes:
            if change.case_id not in self.listed:
                before = change.before
                self.listed[change.case_id] = agencies_of(before) if before.is_open else ()
            self.states[change.case_id] = change.case, change.version, at
        if applied.unit is not None:
            for key, case_id, errand in applied.unit.errands:
                kind, body = codec.encode_errand(errand)
                errands.append((key, case_id, kind, body, at, owed_from(at, None)))
            self.units.add(order, applied.unit)
        if order.device is not None:
            self.devices.add(order, applied)
        self.journal += journal
        self.errands += errands
        if changes:
            for code_hash, report in order.receipts:
                self.receipts.append((code_hash, order.target, report))
        if order.key is not None:
            self.keys[order.key] = fingerprint_of(order), answer, at

    def arguments(self) -> list[Sequence[Any]]:
        """The arrays of `WRITE`."""
        cases: list[tuple[Any, ...]] = []
        listed: list[tuple[Any, ...]] = []
        gone: list[tuple[Any, ...]] = []
        for case_id, (case, version, at) in self.states.items():
            columns = columns_of(case)
            agencies = columns.agencies
            cases.append((case_id, codec.encode_case(case), version, at, *_joined(columns)))
            listing = agencies if columns.is_open else ()
            listed += [(case_id, agency, case.status, columns.due_at) for agency in listing]
            gone += [(case_id, agency) for agency in self.listed[case_id] if agency not in listing]
        keys = [(key, *rest) for key, rest in self.keys.items()]
        vault = self.data_keys, self.values
        tables = (cases, listed, self.journal, self.errands, keys, self.receipts, *vault)
        found: list[Sequence[Any]] = []
        for (_, columns, _), rows in zip(TABLES, tables, strict=True):
            found.extend(_turned(rows, len(columns)))
        found.extend(_turned(gone, len(_GONE)))
        return found


def fingerprint_of(order: Order) -> bytes:
    """What is kept of a request's fingerprint: a hash, so nothing personal can stay in it."""
    return hashlib.sha256(order.fingerprint.encode()).digest()


def _joined(columns: BoardColumns) -> list[Any]:
    values: list[Any] = list(columns)
    values[6] = AGENCY_SEPARATOR.join(columns.agencies) or None
    return values


def _turned(rows: Sequence[Iterable[Any]], width: int) -> Iterable[Sequence[Any]]:
    return zip(*rows, strict=True) if rows else ((),) * width

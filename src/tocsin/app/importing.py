"""`tocsin import`: cases of the past, from files of other systems, as history.

Dates, kinds, states and places are taken; names, addresses and free text are not: those of
strangers are not ours to keep. A row that cannot be taken is skipped and its reason kept.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from tocsin.app.asking import settings_of
from tocsin.app.ground import atlas_of
from tocsin.app.keeping import with_database
from tocsin.app.node import Dsn, keys_of
from tocsin.geography.areas import Atlas, Outside
from tocsin.kernel.shared import Place
from tocsin.stores.postgres.history import History, HistoryRow, Reject
from tocsin.stores.postgres.store import PostgresStore

BATCH: Final = 1_000
LINE_LIMIT: Final = 200_000
"""Characters of one row; a row of the largest files seen has under 3,000."""
Row = Mapping[str, str]


class Broken(ValueError):
    """A row that cannot be taken: a stable word, and which field, never what was in it."""

    def __init__(self, reason: str, column: str) -> None:
        super().__init__(f"{reason}: {column}")
        self.reason = reason
        self.column = column


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file: columns that tell it from others, and how a row is read."""

    source: str
    signs: frozenset[str]
    read: Callable[[Row], HistoryRow]


# -- fields ----------------------------------------------------------------------------


def _text(row: Row, field: str) -> str:
    value = (row.get(field) or "").strip()
    if not value:
        raise Broken("missing", field)
    return value


def _instant(row: Row, field: str, read: Callable[[str], datetime]) -> datetime | None:
    value = (row.get(field) or "").strip()
    if not value:
        return None
    try:
        at = read(value)
    except ValueError:
        raise Broken("bad_date", field) from None
    if not 1970 <= at.year <= 2100:
        raise Broken("bad_date", field)
    return at


def _needed(row: Row, field: str, read: Callable[[str], datetime]) -> datetime:
    at = _instant(row, field, read)
    if at is None:
        raise Broken("missing", field)
    return at


def _local(zone: ZoneInfo, *patterns: str) -> Callable[[str], datetime]:
    """Wall time of a town as an instant; an hour that a clock change skipped is no time."""

    def read(value: str) -> datetime:
        for pattern in patterns:
            try:
                wall = datetime.strptime(value, pattern)  # noqa: DTZ007 - the zone follows
            except ValueError:
                continue
            at = wall.replace(tzinfo=zone).astimezone(UTC)
            if at.astimezone(zone).replace(tzinfo=None) != wall:
                raise ValueError("skipped by a clock change")
            return at
        raise ValueError("no known pattern")

    return read


def _zoned(value: str) -> datetime:
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise ValueError("no zone")
    return at.astimezone(UTC)


def _place(lon: str | None, lat: str | None) -> Place | None:
    if not (lon or "").strip() and not (lat or "").strip():
        return None
    try:
        place = Place(float(lon or ""), float(lat or ""))
    except ValueError:
        raise Broken("bad_place", "lon, lat") from None
    sound = isfinite(place.lon) and isfinite(place.lat)
    if not sound or not (-180 <= place.lon <= 180 and -90 <= place.lat <= 90):
        raise Broken("bad_place", "lon, lat")
    return place


def _in_order(*instants: tuple[str, datetime | None]) -> None:
    known = [(column, at) for column, at in instants if at is not None]
    for (_, earlier), (column, later) in zip(known, known[1:], strict=False):
        if later < earlier:
            raise Broken("out_of_order", column)


# -- formats ---------------------------------------------------------------------------

_NEW_YORK: Final = _local(ZoneInfo("America/New_York"), "%Y-%m-%dT%H:%M:%S.%f")
_SAN_FRANCISCO: Final = _local(
    ZoneInfo("America/Los_Angeles"), "%m/%d/%Y %I:%M:%S %p", "%m/%d/%y %H:%M"
)


def _open311(row: Row) -> HistoryRow:
    opened = _needed(row, "requested_datetime", _zoned)
    updated = _instant(row, "updated_datetime", _zoned)
    _in_order(("requested_datetime", opened), ("updated_datetime", updated))
    status = _text(row, "status").lower()
    if status not in ("open", "closed"):
        raise Broken("bad_status", "status")
    return HistoryRow(
        source="open311",
        external_id=_text(row, "service_request_id"),
        case_type=(row.get("service_code") or "").strip() or _text(row, "service_name"),
        status=status,
        opened_at=opened,
        updated_at=updated,
        closed_at=updated if status == "closed" else None,
        due_at=_instant(row, "expected_datetime", _zoned),
        place=_place(row.get("long"), row.get("lat")),
        attributes=_kept(row, "service_name", "agency_responsible"),
    )


def _nyc311(row: Row) -> HistoryRow:
    opened = _needed(row, "created_date", _NEW_YORK)
    closed = _instant(row, "closed_date", _NEW_YORK)
    _in_order(("created_date", opened), ("closed_date", closed))
    return HistoryRow(
        source="nyc311",
        external_id=_text(row, "unique_key"),
        case_type=_text(row, "complaint_type"),
        status=_text(row, "status").lower(),
        opened_at=opened,
        updated_at=_instant(row, "resolution_action_updated_date", _NEW_YORK),
        closed_at=closed,
        due_at=_instant(row, "due_date", _NEW_YORK),
        place=_place(row.get("longitude"), row.get("latitude")),
        attributes=_kept(row, "agency", "descriptor", "borough", "open_data_channel_type"),
    )


_SF_STEPS: Final = ("Received", "Entry", "Dispatch", "Response", "On Scene", "Transport",
                    "Hospital", "Available")  # fmt: skip


def _sf_fire(row: Row) -> HistoryRow:
    """One row a unit and call: the unit's own times. The call's number keeps them together."""
    steps = [(f"{step} DtTm", _instant(row, f"{step} DtTm", _SAN_FRANCISCO)) for step in _SF_STEPS]
    times = dict(steps)
    opened = times["Received DtTm"]
    if opened is None:
        raise Broken("missing", "Received DtTm")
    _in_order(*steps)
    location = (row.get("Location") or "").strip().strip("()")
    lat, _, lon = location.partition(",")
    attributes: dict[str, object] = dict(
        _kept(row, "Call Number", "Unit ID", "Unit Type", "Final Priority", "Battalion",
              "Station Area", "Call Final Disposition", "Unit sequence in call dispatch")
    )  # fmt: skip
    attributes.update(
        (field, at.isoformat()) for field, at in steps if at is not None and at != opened
    )
    return HistoryRow(
        source="sf-fire",
        external_id=_text(row, "RowID"),
        case_type=_text(row, "Call Type"),
        status="closed" if times["Available DtTm"] else "open",
        opened_at=opened,
        closed_at=times["Available DtTm"],
        place=_place(lon, lat),
        attributes=attributes,
    )


def _kept(row: Row, *fields: str) -> dict[str, str]:
    return {field: value for field in fields if (value := (row.get(field) or "").strip())}


FORMATS: Final[Mapping[str, Format]] = {
    "open311": Format(
        "open311", frozenset({"service_request_id", "requested_datetime", "status"}), _open311
    ),
    "nyc311": Format("nyc311", frozenset({"unique_key", "complaint_type"}), _nyc311),
    "sf-fire": Format("sf-fire", frozenset({"Call Number", "Unit ID", "RowID"}), _sf_fire),
}


class ImportFailed(RuntimeError):
    """The file as a whole cannot be taken. One line for the operator."""


@dataclass(slots=True)
class Counted:
    """What an import did."""

    read: int = 0
    new: int = 0
    outside: int = 0
    skipped: Counter[str] = field(default_factory=Counter[str])


def parse(
    lines: Iterable[Mapping[str | None, object]], form: Format, atlas: Atlas
) -> Iterator[HistoryRow | Reject]:
    """Each row of a CSV reader as history, or why it was skipped (numbered from 2, as an editor
    numbers the lines of a file whose first is the head)."""
    for number, raw in enumerate(lines, start=2):
        row = {str(name): str(value or "") for name, value in raw.items() if name is not None}
        try:
            if None in raw or any(value is None for value in raw.values()):
                raise Broken("wrong_columns", "row")
            if any(_is_broken(value) for value in row.values()):
                raise Broken("bad_text", "row")
            read = form.read(row)
        except Broken as broken:
            yield Reject(form.source, number, broken.reason, broken.column)
            continue
        yield _located(read, atlas)


def _is_broken(value: str) -> bool:
    if value.isascii():
        return "\x00" in value
    return "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value)


def _located(row: HistoryRow, atlas: Atlas) -> HistoryRow:
    if row.place is None:
        return row
    found = atlas.locate(row.place.lon, row.place.lat)
    return row if isinstance(found, Outside) else replace(row, areas=found)


@contextmanager
def _opened(file: Path) -> Generator[csv.DictReader[str]]:
    csv.field_size_limit(LINE_LIMIT)
    with ExitStack() as open_files:
        raw = open_files.enter_context(file.open("rb"))
        if file.suffix == ".gz":
            raw = open_files.enter_context(gzip.GzipFile(fileobj=raw))
        # Bytes that are no UTF-8 are kept apart, so that only their own row is skipped.
        text = io.TextIOWrapper(raw, "utf-8-sig", errors="surrogateescape", newline="")
        yield csv.DictReader(open_files.enter_context(text))


def format_of(columns: Iterable[str], named: str | None) -> Format:
    """The format named, or the one whose columns are there. Raises ImportFailed."""
    if named is not None:
        return FORMATS[named]
    there = set(columns)
    for form in FORMATS.values():
        if form.signs <= there:
            return form
    raise ImportFailed(f"the columns are of no known format; there are: {', '.join(FORMATS)}")


def import_file(asked: argparse.Namespace) -> int:
    """Take one file; exit 0 also when rows were skipped, each with its reason."""
    settings = settings_of(asked)
    settings.data.mkdir(parents=True, exist_ok=True)
    atlas, _ = atlas_of(settings.data, settings.map)

    async def work(dsn: Dsn) -> Counted:
        store = PostgresStore(dsn, keys_of(settings))
        await store.open()
        try:
            with _opened(asked.file) as lines:
                form = format_of(lines.fieldnames or (), asked.format)
                return await _take(History(store.readers), parse(lines, form, atlas), asked.rejects)
        except (csv.Error, EOFError, gzip.BadGzipFile) as error:
            raise ImportFailed(f"{asked.file.name} cannot be read: {error}") from error
        finally:
            await store.close()

    counted = with_database(settings, work)
    skipped = counted.skipped
    print(
        f"{counted.read} rows read: {counted.new} new, {skipped.total()} skipped, "
        f"{counted.outside} outside the areas of this node"
    )
    for reason, count in sorted(skipped.items()):
        print(f"  {reason}: {count}")
    return 0


async def _take(
    history: History, found: Iterable[HistoryRow | Reject], rejects_file: Path | None
) -> Counted:
    counted = Counted()
    rows: list[HistoryRow] = []
    rejects: list[Reject] = []
    listed = ["line,reason,field"]

    async def keep() -> None:
        counted.new += await history.put_rows(_last_of_each(rows), rejects)
        rows.clear()
        rejects.clear()

    for each in found:
        counted.read += 1
        if isinstance(each, Reject):
            rejects.append(each)
            counted.skipped[f"{each.reason} ({each.detail})"] += 1
            listed.append(f'{each.line},{each.reason},"{each.detail}"')
        else:
            rows.append(each)
            counted.outside += each.place is not None and each.areas is None
        if len(rows) + len(rejects) >= BATCH:
            await keep()
    await keep()
    if rejects_file is not None:
        rejects_file.write_text("\n".join(listed) + "\n", encoding="utf-8")
    return counted


def _last_of_each(rows: Iterable[HistoryRow]) -> list[HistoryRow]:
    """One row an id: a file may tell the same case twice, and the later line is the newer."""
    return list({row.external_id: row for row in rows}.values())

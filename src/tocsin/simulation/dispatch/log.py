"""Reads a log of calls: one row for each unit and call, as CSV, plain or gzip.

Every row is kept, or counted with its reason and line; none is dropped in silence and none stops
the reading. Instants are seconds of the town's own clock; no zone is applied, because only
differences and hours of the day are used.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import IO, cast

from tocsin.simulation.dispatch.form import INSTANTS, OTHER_KIND, LogForm

GZIP_MAGIC = b"\x1f\x8b"
MAX_ROWS = 5_000_000
"""Ten years of a large city. What comes after is counted as `too_many`."""
LINES_KEPT = 20
"""Of each reason this many line numbers are kept, to look at; all are counted."""
LATEST_YEAR, EARLIEST_YEAR = 2100, 1970


class LogError(ValueError):
    """The file is no log of this form. The text says why; safe to show."""


class _Broken(Exception):
    """A row that cannot be taken; the text is the reason's stable word."""


@dataclass(frozen=True, slots=True)
class LogRow:
    """One unit on one call. Instants in seconds; None where the file has none."""

    line: int
    call: str
    unit: str
    kind: str
    sequence: int
    received_s: float
    dispatched_s: float
    en_route_s: float | None
    on_scene_s: float | None
    transport_s: float | None
    hospital_s: float | None
    available_s: float | None
    priority: str
    area: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class LogCall:
    """One call: its rows in order of dispatch (arrival order never decides), the first's place."""

    id: str
    received_s: float
    is_high: bool
    area: str
    lon: float
    lat: float
    rows: tuple[LogRow, ...]


@dataclass(frozen=True, slots=True)
class Log:
    """All that a file gave: calls by time, what was refused by reason, what was mended and how."""

    calls: tuple[LogCall, ...]
    rows_read: int
    refused: Mapping[str, int]
    lines: Mapping[str, tuple[int, ...]]
    notes: Mapping[str, int]

    @property
    def rows(self) -> Iterator[LogRow]:
        """Every row that was taken, call after call."""
        for call in self.calls:
            yield from call.rows


def read_log(path: Path, form: LogForm) -> Log:
    """The log in a file. Raises LogError when it is no CSV file with the columns of the form."""
    with path.open("rb") as raw:
        is_packed = raw.read(2) == GZIP_MAGIC
    if is_packed:
        with gzip.open(path, "rb") as unpacked:
            return parse_log(cast(IO[bytes], unpacked), form)
    with path.open("rb") as plain:
        return parse_log(plain, form)


def parse_log(source: IO[bytes], form: LogForm) -> Log:
    """As `read_log`, from bytes that are open already."""
    text = TextIOWrapper(source, encoding="utf-8-sig", errors="replace", newline="")
    reader = _Reader(form)
    lines = csv.reader(text)
    try:
        head = next(lines, cast(list[str], []))
    except (csv.Error, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise LogError(f"the first line cannot be read: {error}") from error
    reader.open(head)
    reader.take_all(lines)
    return reader.finish()


class _Reader:
    """The state of one reading: columns found, rows taken, reasons counted."""

    def __init__(self, form: LogForm) -> None:
        self.form = form
        self.at: dict[str, int] = {}
        self.width = 0
        self.rows: list[LogRow] = []
        self.rows_read = 0
        self.refused: Counter[str] = Counter()
        self.lines: defaultdict[str, list[int]] = defaultdict(list)
        self.notes: Counter[str] = Counter()
        self.seen: set[tuple[str, str, float]] = set()
        self.instants: dict[str, float] = {}

    def open(self, head: list[str]) -> None:
        places = {name.strip(): index for index, name in enumerate(head)}
        columns = self.form.columns
        missing = [f"{name!r}" for name in columns.values() if name not in places]
        if missing:
            raise LogError(f"the file has no column {', '.join(missing)}")
        self.at = {field: places[name] for field, name in columns.items()}
        self.width = len(head)

    def take_all(self, lines: Iterator[list[str]]) -> None:
        line = 1
        while True:
            line += 1
            try:
                cells = next(lines)
            except StopIteration:
                return
            except csv.Error:
                self._refuse("unreadable", line)
                continue
            except (EOFError, zlib.error, gzip.BadGzipFile):
                # A packed file that was cut off: what came before it is sound.
                self._refuse("cut_off", line)
                return
            if not cells:
                continue
            if self.rows_read >= MAX_ROWS:
                self._refuse("too_many", line)
                continue
            try:
                self.rows.append(self._row(cells, line))
                self.rows_read += 1
            except _Broken as broken:
                self._refuse(str(broken), line)

    def _refuse(self, reason: str, line: int) -> None:
        self.rows_read += 1
        self.refused[reason] += 1
        if len(self.lines[reason]) < LINES_KEPT:
            self.lines[reason].append(line)

    def _row(self, cells: list[str], line: int) -> LogRow:
        if len(cells) != self.width:
            raise _Broken("wrong_width")
        at = self.at
        call, unit = cells[at["call"]].strip(), cells[at["unit"]].strip()
        if not call:
            raise _Broken("no_call")
        if not unit:
            raise _Broken("no_unit")
        times = {name: self._instant(cells, name) for name in INSTANTS}
        received_s, dispatched_s = times["received"], times["dispatched"]
        if received_s is None:
            raise _Broken("no_received")
        if dispatched_s is None:
            raise _Broken("no_dispatched")
        lon, lat = self._place(cells)
        key = (call, unit, dispatched_s)
        if key in self.seen:
            raise _Broken("repeated")
        self.seen.add(key)
        kind = self.form.kind_of(unit)
        row = LogRow(
            line, call, unit, kind, self._sequence(cells), received_s, dispatched_s,
            times["en_route"], times["on_scene"], times["transport"], times["hospital"],
            times["available"], cells[at["priority"]].strip(), self._text(cells, "area"), lon, lat,
        )  # fmt: skip
        self._note(row)
        return row

    def _note(self, row: LogRow) -> None:
        """Counts what later readers mend: missing instants, clocks that run backwards."""
        if row.kind == OTHER_KIND:
            self.notes["unknown_kind"] += 1
        if row.on_scene_s is None:
            self.notes["no_on_scene"] += 1
        if row.available_s is None:
            self.notes["no_available"] += 1
        known = [
            each
            for each in (
                row.received_s, row.dispatched_s, row.en_route_s, row.on_scene_s,
                row.transport_s, row.hospital_s, row.available_s,
            )
            if each is not None
        ]  # fmt: skip
        if any(later < earlier for earlier, later in zip(known, known[1:], strict=False)):
            self.notes["out_of_order"] += 1

    def _text(self, cells: list[str], field: str) -> str:
        index = self.at.get(field)
        return "" if index is None else cells[index].strip()

    def _sequence(self, cells: list[str]) -> int:
        text = self._text(cells, "sequence")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0

    def _instant(self, cells: list[str], field: str) -> float | None:
        text = self._text(cells, field)
        if not text:
            return None
        found = self.instants.get(text)
        if found is None:
            found = self._parsed(text)
            self.instants[text] = found
        return found

    def _parsed(self, text: str) -> float:
        for form in self.form.time_formats:
            try:
                at = datetime.strptime(text, form).replace(tzinfo=UTC)
            except ValueError:
                continue  # the next format may read it
            if EARLIEST_YEAR <= at.year <= LATEST_YEAR:
                return at.timestamp()
        raise _Broken("bad_time")

    def _place(self, cells: list[str]) -> tuple[float, float]:
        """(lon, lat). A `point` column is "(lat, lon)", as cities' open data write it."""
        try:
            if "point" in self.at:
                first, second = self._text(cells, "point").strip("()").split(",")
                lat, lon = float(first), float(second)
            else:
                lon, lat = float(self._text(cells, "lon")), float(self._text(cells, "lat"))
        except ValueError:
            raise _Broken("no_place") from None
        west, south, east, north = self.form.bounds
        # Also false for what is not a number.
        if not (west <= lon <= east and south <= lat <= north):
            raise _Broken("outside")
        return lon, lat

    def finish(self) -> Log:
        calls = sorted(_calls(self.rows, self.form), key=lambda call: (call.received_s, call.id))
        return Log(
            tuple(calls),
            self.rows_read,
            dict(sorted(self.refused.items())),
            {reason: tuple(each) for reason, each in sorted(self.lines.items())},
            dict(sorted(self.notes.items())),
        )


def _calls(rows: Iterable[LogRow], form: LogForm) -> Iterator[LogCall]:
    grouped: defaultdict[str, list[LogRow]] = defaultdict(list)
    for row in rows:
        grouped[row.call].append(row)
    for call, members in grouped.items():
        members.sort(key=lambda row: (row.dispatched_s, row.unit))
        first = members[0]
        yield LogCall(
            call,
            min(row.received_s for row in members),
            # The priority as it was when the decision was taken, not as it turned out.
            first.priority in form.high,
            first.area,
            first.lon,
            first.lat,
            tuple(members),
        )

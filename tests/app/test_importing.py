"""`tocsin import` takes what is sound, skips what is broken with a reason, keeps no names."""

from __future__ import annotations

import csv
import gzip
import io
import os
from pathlib import Path

import pytest

from tocsin.app.ground import everywhere
from tocsin.app.importing import FORMATS, ImportFailed, format_of, parse
from tocsin.geography.areas import Atlas
from tocsin.stores.postgres.history import HistoryRow, Reject

SHARED = Path(os.environ.get("TOCSIN_SHARED_DATA", Path(__file__).parents[3] / "shared/data"))
ATLAS = Atlas(everywhere())
HEAD = (
    "service_request_id,status,service_code,service_name,requested_datetime,updated_datetime,"
    "lat,long,description,address\n"
)


def read(text: str, name: str = "open311") -> list[HistoryRow | Reject]:
    return list(parse(csv.DictReader(io.StringIO(text)), FORMATS[name], ATLAS))


def test_an_open311_row_becomes_history_without_words_or_address() -> None:
    (row,) = read(
        HEAD + "7,closed,light,Light,2026-01-01T10:00:00+02:00,2026-01-02T10:00:00+02:00,"
        "60.1,24.9,KANARIE words,KANARIE street 1\n"
    )
    assert isinstance(row, HistoryRow)
    assert row.external_id == "7" and row.status == "closed"
    assert row.closed_at is not None and row.closed_at.isoformat() == "2026-01-02T08:00:00+00:00"
    assert row.areas is not None
    assert "KANARIE" not in repr(row)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("7,closed,l,L,yesterday,,60,24,,", "bad_date"),
        ("7,closed,l,L,2026-01-01T10:00:00,,60,24,,", "bad_date"),  # no zone
        ("7,lost,l,L,2026-01-01T10:00:00Z,,60,24,,", "bad_status"),
        (",open,l,L,2026-01-01T10:00:00Z,,60,24,,", "missing"),
        ("7,open,l,L,,,60,24,,", "missing"),
        ("7,open,l,L,2026-01-01T10:00:00Z,,95,24,,", "bad_place"),
        ("7,open,l,L,2026-01-01T10:00:00Z,,nan,24,,", "bad_place"),
        ("7,open,l,L,2026-01-01T10:00:00Z,,60,,,", "bad_place"),
        ("7,open,l,L,2026-01-02T10:00:00Z,2026-01-01T10:00:00Z,60,24,,", "out_of_order"),
        ("7,open", "wrong_columns"),
        ("7,open,l,L,2026-01-01T10:00:00Z,,60,24,,,surplus", "wrong_columns"),
        ("7\udcff,open,l,L,2026-01-01T10:00:00Z,,60,24,,", "bad_text"),
    ],
)
def test_a_broken_row_is_skipped_with_its_reason_and_line(line: str, reason: str) -> None:
    good = "8,open,l,L,2026-01-01T10:00:00Z,,60,24,,"
    found = read(f"{HEAD}{good}\n{line}\n{good.replace('8', '9', 1)}\n")
    assert isinstance(found[0], HistoryRow) and isinstance(found[2], HistoryRow)
    assert isinstance(found[1], Reject)
    assert (found[1].line, found[1].reason) == (3, reason)


def test_an_hour_that_a_clock_change_skipped_is_no_time() -> None:
    head = "unique_key,created_date,complaint_type,status\n"
    # Clocks in New York went from 02:00 to 03:00 on 10 March 2024.
    (row,) = read(f"{head}1,2024-03-10T02:30:00.000,Noise,Closed\n", "nyc311")
    assert isinstance(row, Reject) and row.reason == "bad_date"


def test_the_format_is_known_by_its_columns() -> None:
    assert format_of(HEAD.strip().split(","), None).source == "open311"
    with pytest.raises(ImportFailed):
        format_of(["a", "b"], None)


@pytest.mark.parametrize(
    ("file", "name", "rows", "skipped_at_most"),
    [
        ("nyc311/nyc311_2024.csv.gz", "nyc311", 2_000, 0),
        ("sf_fire/calls_2016-12-31_to_2017-01-07_citywide.csv.gz", "sf-fire", 7_704, 100),
    ],
)
def test_real_files_are_taken(file: str, name: str, rows: int, skipped_at_most: int) -> None:
    path = SHARED / file
    if not path.exists():
        pytest.skip(f"the shared data has no {file} here")
    with gzip.open(path, "rt", encoding="utf-8") as text:
        found = list(parse(csv.DictReader(text), FORMATS[name], ATLAS))
    rejects = [row for row in found if isinstance(row, Reject)]
    assert len(found) == rows
    assert len(rejects) <= skipped_at_most
    assert all(isinstance(row, Reject) or row.place is None or row.areas for row in found)

"""Houses, blocks and crossings by number ranges: on a drawn street, and on San Francisco's."""

from __future__ import annotations

import csv
import gzip
import os
import re
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.geography.distance import short_distance_m
from tocsin.geography.ranges import Piece, Placed, Ranges

DATA = Path(os.environ.get("TOCSIN_SHARED_DATA", "../shared/data"))
MAIN_1 = Piece("MAIN ST", (101, 199), (100, 198), ((24.90, 60.1), (24.91, 60.1)), "a", "b")
MAIN_2 = Piece("MAIN ST", (201, 299), (200, 298), ((24.91, 60.1), (24.92, 60.1)), "b", "c")
THIRD = Piece("3RD ST", (1, 99), (2, 98), ((24.91, 60.1), (24.91, 60.11)), "b", "d")
EAST = Piece("PARK EAST AVE", (1, 9), (0, 0), ((24.95, 60.1), (24.96, 60.1)), "e", "f")
TOWN = Ranges([MAIN_1, MAIN_2, THIRD, EAST], {"High Road": ["MAIN ST"]})


def place(text: str) -> Placed:
    found = TOWN.find(text)
    assert found is not None, text
    return found


def test_a_house_lies_as_far_along_as_its_number() -> None:
    assert place("150 Main St").lon == pytest.approx(24.905, abs=2e-4)
    assert place("101 MAIN STREET").lon == pytest.approx(24.90)
    assert place("298 Main St, apt 4").lon == pytest.approx(24.92)
    assert place("150 Main St") == place("150-152 main st") == place("150-A Main St #3")


def test_a_block_is_the_middle_of_its_pieces_and_a_crossing_a_corner() -> None:
    assert place("100 Block of MAIN ST") == Placed("block", pytest.approx(24.905), 60.1, True)
    assert place("200 blk Main St").lon == pytest.approx(24.915)
    for text in ("Main St / 3rd St", "03RD ST/MAIN ST", "CALL BOX: MAIN ST/3RD ST"):
        assert place(text) == Placed("crossing", 24.91, 60.1, True)


@pytest.mark.parametrize(
    ("text", "is_exact"),
    [
        ("100 Block of HIGH ROAD", True),  # the town's own other name
        ("1 Block of EAST PARK AVE", True),  # the same words
        ("5 Park Ave", False),  # without its side
        ("150 Main Avenue", False),  # without its kind
        ("150 Main", False),
        ("320 Main St", False),  # a little beyond the last number
    ],
)
def test_what_was_left_away_is_said(text: str, is_exact: bool) -> None:
    assert place(text).is_exact == is_exact


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "Main St",
        "9000 Main St",
        "5 Nowhere St",
        "Main St / Nowhere",
        "#",
        "12",
        "1/2",
        "//",
    ],
)
def test_what_is_not_there_is_not_found(text: str) -> None:
    assert TOWN.find(text) is None


@given(st.text(max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    TOWN.find(text)


@given(st.integers(100, 299))
def test_numbers_of_one_side_lie_in_their_order(number: int) -> None:
    assert place(f"{number} Main St").lon <= place(f"{min(number + 2, 299)} Main St").lon + 1e-9


def _san_francisco() -> tuple[Ranges, dict[str, tuple[float, float]]]:
    streets = DATA / "sf_streets" / "sf_street_edges_wgs84.csv.gz"
    logs = sorted((DATA / "sf_fire").glob("calls_*.csv.gz"))
    if not streets.exists() or not logs:
        pytest.skip("needs sf_streets and sf_fire of the shared data (set TOCSIN_SHARED_DATA)")
    pieces: list[Piece] = []
    with gzip.open(streets, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            names = ("LF_FADD", "LF_TOADD", "RT_FADD", "RT_TOADD")
            one, two, three, four = (int(float(row[name] or 0)) for name in names)
            points = (point.split() for point in row["geometry_lonlat"].split(";"))
            line = tuple((float(lon), float(lat)) for lon, lat in points)
            corners = row["F_NODE_CNN"], row["T_NODE_CNN"]
            pieces.append(Piece(row["STREETNAME"], (one, two), (three, four), line, *corners))
    known: dict[str, tuple[float, float]] = {}
    for log in logs:
        with gzip.open(log, "rt", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if match := re.match(r"\(([-\d.]+), ([-\d.]+)\)", row["Location"]):
                    known.setdefault(row["Address"], (float(match[2]), float(match[1])))
    return Ranges(pieces), known


def test_san_francisco_is_found() -> None:
    town, known = _san_francisco()
    # What a call taker's system writes: hidden house numbers as blocks, and crossings. Asked:
    # 97 % of blocks with a median error of at most 10 m, 94 % of crossings.
    for mark, share, error_m in ((" Block of ", 0.97, 10.0), ("/", 0.94, 1.0)):
        asked = [each for each in known if mark in each]
        found = {each: spot for each in asked if (spot := town.find(each)) is not None}
        off_m = [short_distance_m(at.lon, at.lat, *known[each]) for each, at in found.items()]
        assert len(asked) > 1_000
        assert len(found) / len(asked) >= share
        assert median(off_m) <= error_m

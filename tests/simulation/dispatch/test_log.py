"""Logs: every row is kept or counted with its reason; nothing stops the reading."""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin.packs.words import catalogue
from tocsin.simulation.dispatch.form import LIMITS_S, LogForm
from tocsin.simulation.dispatch.log import Log, LogError, parse_log, read_log
from tocsin.simulation.dispatch.replay import replay
from tocsin.simulation.dispatch.scenario import find_scenario, load_scenario
from tocsin.simulation.dispatch.states import fleet_of, number_of
from tocsin.simulation.dispatch.travel import StraightLine

SHARED = Path(os.environ.get("TOCSIN_SHARED_DATA", Path(__file__).parents[4] / "shared/data"))
CITYWIDE = SHARED / "sf_fire/calls_2016-12-31_to_2017-01-07_citywide.csv.gz"
needs_sf = pytest.mark.skipif(not CITYWIDE.exists(), reason="the shared data are not here")

NAMES = (
    "call unit received dispatched en_route on_scene transport hospital available priority point"
).split()
FORM = LogForm(
    columns={name: name for name in NAMES},
    time_formats=("%Y-%m-%d %H:%M:%S",),
    high=frozenset({"3"}),
    kinds={"E": "engine", "EMS": "chief", "7": "ambulance"},
    homes_by_number=frozenset({"engine"}),
    limits_s=LIMITS_S,
    bounds=(-123.0, 37.0, -122.0, 38.0),
)
HEAD = ",".join(NAMES) + "\n"
DAY = "2026-01-01 "
GOOD = f'7,E05,{DAY}10:00:00,{DAY}10:01:00,{DAY}10:02:00,,,,{DAY}10:30:00,3,"(37.7, -122.4)"\n'


def read(text: str, form: LogForm = FORM) -> Log:
    return parse_log(io.BytesIO((HEAD + text).encode()), form)


def test_a_sound_row_is_one_call() -> None:
    log = read(GOOD)
    (call,) = log.calls
    assert (call.id, call.is_high, call.lon, call.lat) == ("7", True, -122.4, 37.7)
    (row,) = call.rows
    assert (row.unit, row.kind, row.on_scene_s) == ("E05", "engine", None)
    assert row.dispatched_s - row.received_s == 60
    assert dict(log.refused) == {} and log.notes["no_on_scene"] == 1


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (GOOD.replace("7,E05", ",E05"), "no_call"),
        (GOOD.replace("E05", " "), "no_unit"),
        (GOOD.replace(f"{DAY}10:00:00", ""), "no_received"),
        (GOOD.replace(f"{DAY}10:01:00", ""), "no_dispatched"),
        (GOOD.replace("10:02:00", "25:99"), "bad_time"),
        (GOOD.replace("2026-01-01 10:02", "0026-01-01 10:02"), "bad_time"),
        (GOOD.replace("(37.7, -122.4)", ""), "no_place"),
        (GOOD.replace("(37.7, -122.4)", "(nan, nan)"), "outside"),
        (GOOD.replace("(37.7, -122.4)", "(0.0, 0.0)"), "outside"),
        ("7,E05\n", "wrong_width"),
    ],
)
def test_a_broken_row_is_counted_with_its_reason_and_line(broken: str, reason: str) -> None:
    log = read(broken + GOOD)
    assert dict(log.refused) == {reason: 1} and log.lines == {reason: (2,)}
    assert log.rows_read == 2 and len(log.calls) == 1
    assert reason in catalogue()["log_reason"]


def test_a_row_that_comes_twice_counts_once() -> None:
    log = read(GOOD + GOOD)
    assert dict(log.refused) == {"repeated": 1} and sum(1 for _ in log.rows) == 1


def test_a_packed_file_that_is_cut_off_keeps_what_came_before(tmp_path: Path) -> None:
    rows = "".join(GOOD.replace("7,E05", f"{call},E05") for call in range(5_000))
    packed = gzip.compress((HEAD + rows).encode())
    path = tmp_path / "log.csv.gz"
    path.write_bytes(packed[: len(packed) // 2])
    log = read_log(path, FORM)
    assert log.refused["cut_off"] == 1 and 100 < len(log.calls) < 5_000


def test_a_file_without_the_columns_is_no_log() -> None:
    with pytest.raises(LogError, match="'unit'"):
        parse_log(io.BytesIO(b"call,received\n1,2\n"), FORM)
    with pytest.raises(LogError):
        parse_log(io.BytesIO(b""), FORM)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(st.just(GOOD.encode()), st.binary(max_size=80)), max_size=12))
def test_any_bytes_are_taken_or_counted(pieces: list[bytes]) -> None:
    log = parse_log(io.BytesIO(HEAD.encode() + b"\n".join(pieces)), FORM)
    assert sum(1 for _ in log.rows) + sum(log.refused.values()) == log.rows_read


def test_the_longest_prefix_gives_the_kind() -> None:
    assert [FORM.kind_of(unit) for unit in ("E05", "EMS6", "77", "X1")] == [
        "engine",
        "chief",
        "ambulance",
        "other",
    ]
    assert [number_of(unit) for unit in ("E05", "B10", "AP")] == ["5", "10", ""]


def test_a_unit_that_never_arrived_was_busy_all_the_same() -> None:
    log = read(GOOD)
    fleet = fleet_of(log, FORM, {"5": (-122.41, 37.71)})
    (row,) = log.rows
    start_s, end_s = row.dispatched_s, row.available_s
    assert end_s is not None
    told = [fleet.is_idle("E05", at_s) for at_s in (start_s - 1, start_s, end_s - 1, end_s)]
    assert told == [True, False, False, True]
    assert fleet.place("E05", end_s + 60) == (-122.4, 37.7), "where it cleared"
    assert fleet.place("E05", end_s + 3_600) == (-122.41, 37.71), "home"


def test_an_ambulance_has_no_home() -> None:
    fleet = fleet_of(read(GOOD.replace("E05", "75")), FORM, {"75": (0.0, 0.0)})
    assert dict(fleet.homes) == {}


def test_a_backward_clock_makes_no_negative_interval() -> None:
    log = read(GOOD.replace("10:30:00", "09:00:00"))
    fleet = fleet_of(log, FORM, {})
    (busy,) = fleet.busy["E05"]
    assert busy.end_s == busy.start_s and fleet.notes["busy_clipped"] == 1
    assert log.notes["out_of_order"] == 1


def test_the_wave_is_judged_by_dispatch_never_by_order_of_arrival() -> None:
    """E05 lives next door; E06 was sent with it, and the closest is in the wave either way."""
    homes = {"5": (-122.40, 37.7), "6": (-122.45, 37.7)}
    far = GOOD.replace("E05", "E06")
    earlier = GOOD.replace("7,E05", "6,E05").replace("10:0", "08:0").replace("10:3", "08:3")
    found = replay(read(earlier + far), FORM, homes, StraightLine())
    engines = next(each for each in found.agreements if each.kind == "engine")
    assert (engines.calls, engines.closest, engines.one_of_two) == (2, 1, 2)
    busy = earlier.replace("08:30:00", "11:00:00")
    found = replay(read(busy + far), FORM, homes, StraightLine())
    engines = next(each for each in found.agreements if each.kind == "engine")
    assert engines.closest == 2, "the closest was busy, so it was no candidate"


@needs_sf
def test_the_eight_days_of_san_francisco_are_read_whole() -> None:
    scenario = load_scenario(find_scenario("san-francisco"), SHARED)
    assert scenario.form is not None
    log = read_log(CITYWIDE, scenario.form)
    assert (log.rows_read, len(log.calls), dict(log.refused)) == (7_704, 3_560, {})
    assert log.notes["no_on_scene"] == 1_554

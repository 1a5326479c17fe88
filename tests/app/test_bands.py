"""The file of fitted times: written by a fit, read by a node, refused with all that is wrong."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from tocsin.app.road_net import fitted_times
from tocsin.dispatching.eta import eta_tables
from tocsin.packs.reading import PackError
from tocsin.runtime.recommending.bands import ASSUMED, BANDS_FILE, Fitted, read_fitted, to_toml
from tocsin.simulation.dispatch.banding import RUNS_MIN, bands_of
from tocsin.simulation.dispatch.fitting import Trip
from tocsin.simulation.dispatch.form import LogForm
from tocsin.simulation.dispatch.log import Log

GOOD = """
format = 1
edition = "2026-11"
source = "log of the fire service"
made_on = 2026-11-28
runs = 1754

[[band]]
below_s = 120
median = 1.5
p90 = 2.4

[[band]]
median = 1.1
p90 = 1.5

[[hour]]
days = ["mon", "tue"]
hours = [7, 8]
emergency = 1.2
normal = 1.5

[[stay]]
kind = "engine"
stage = "on_scene"
median_s = 1200
p90_s = 3000
"""


def trips(count: int, slow: float = 1.3) -> list[Trip]:
    """Trips of a town whose short ways take twice as long, and that is slower at eight."""
    draw = np.random.default_rng(5)
    found: list[Trip] = []
    for number in range(count):
        road_s, hour = float(draw.uniform(20.0, 700.0)), number % 24
        factor = (2.0 if road_s < 60.0 else 1.2) * (slow if hour == 8 else 1.0)
        took_s = road_s * factor * float(np.exp(draw.normal(0.0, 0.25)))
        found.append(Trip("engine", "a", hour, True, road_s, took_s))
    return found


def empty_log() -> tuple[Log, LogForm]:
    return Log((), 0, {}, {}, {}), LogForm.__new__(LogForm)


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / BANDS_FILE
    path.write_text(GOOD, encoding="utf-8")
    found = fitted_times(None, tmp_path)
    assert (found.is_fitted, found.runs, found.made_on) == (True, 1754, date(2026, 11, 28))
    assert [row.metrics for row in found.hours.rows] == [("emergency",), ("normal",)]
    assert found.hours.rows[0].weekdays == (0, 1) and found.stays[0].p90_s == 3000
    assert found.note().code == "bands_fitted"
    assert fitted_times(path, Path("/nowhere")) == found, "a setting names it from anywhere"


def test_without_a_file_it_is_assumed_and_a_named_one_must_be_there(tmp_path: Path) -> None:
    assert fitted_times(None, tmp_path) is ASSUMED and not ASSUMED.is_fitted
    assert ASSUMED.note().code == "bands_assumed"
    with pytest.raises(PackError, match="missing"):
        fitted_times(tmp_path / "no.toml", tmp_path)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("format = 1", "format = 2", "format"),
        ("made_on = 2026-11-28", 'made_on = "soon"', "must be a date"),
        ("runs = 1754", "", "how many runs"),
        ("median = 1.1\n", "median = 9.1\n", "90th percentile below its median"),
        ("below_s = 120\n", "", "rising order"),
        ("hours = [7, 8]", "hours = [7, 24]", "0 to 23"),
        ('days = ["mon", "tue"]', 'days = ["moon"]', "none of mon"),
        ("emergency = 1.2\nnormal = 1.5", "", "a factor for emergency"),
        ("emergency = 1.2", "emergency = 40", "must be a number"),
        ("p90_s = 3000", "p90_s = 30", "must not be below median_s"),
        ("p90 = 1.5", "p95 = 1.5", "is not known here"),
        ("[[band]]", "[[band", "bands.toml"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, before: str, after: str, says: str) -> None:
    path = tmp_path / BANDS_FILE
    path.write_text(GOOD.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(PackError, match=says):
        fitted_times(None, tmp_path)


def test_a_fit_finds_what_the_trips_were_drawn_from_and_reads_back(tmp_path: Path) -> None:
    log, form = empty_log()
    found = bands_of(log, form, trips(6_000))
    assert found is not None and found.runs == 6_000 and sum(found.band_runs) == 6_000
    assert found.bands[0].median_factor == pytest.approx(2.0, rel=0.05)
    assert found.bands[-1].median_factor == pytest.approx(1.2, rel=0.05)
    assert found.bands[-1].p90_factor == pytest.approx(1.2 * np.exp(0.25 * 1.2816), rel=0.05)
    assert [row.hours for row in found.hours.rows] == [(8,)]
    assert found.hours.rows[0].factor == pytest.approx(1.25, abs=0.08)
    medians_s, _ = eta_tables(np.linspace(1.0, 1_000.0, 2_000)[None, :], found.bands)
    assert bool((np.diff(medians_s) > 0).all()), "a longer way never takes less"
    fitted = Fitted("e", "s", date(2026, 11, 28), found.runs, found.bands, found.hours)
    path = tmp_path / BANDS_FILE
    path.write_text(to_toml(fitted, found.band_runs), encoding="utf-8")
    again = read_fitted(path)
    assert again.bands == found.bands and again.runs == 6_000
    assert [(row.factor, row.hours) for row in again.hours.rows if "normal" in row.metrics] == [
        (row.factor, row.hours) for row in found.hours.rows
    ]


def test_too_few_trips_are_no_fit() -> None:
    assert bands_of(*empty_log(), trips(RUNS_MIN - 1)) is None

"""Times as a town has fitted them: bands of arrival, the hours of the day, stays. Or assumed."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from math import inf
from pathlib import Path
from typing import Final

from tocsin.dispatching.eta import Residuals, band_defects
from tocsin.dispatching.recommendation import Fact
from tocsin.geography.roads.changes import HourFactor, HourFactors
from tocsin.packs.reading import Finding, PackError, Reader
from tocsin.packs.stays import Stay, read_stays

FORMAT: Final = 1
BANDS_FILE: Final = "bands.toml"
"""In the data folder, where no setting names another."""
BANDS_MAX: Final = 20
"""More bands than this are noise: each needs its own runs."""
FACTOR_MAX: Final = 10.0
"""A road that takes ten times as long as its speeds say at some hour has wrong speeds."""
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

BANDS: Final = (
    Residuals(120.0, 1.0, 1.9),
    Residuals(240.0, 1.0, 1.6),
    Residuals(480.0, 1.0, 1.45),
    Residuals(inf, 1.0, 1.35),
)
"""The 90th percentile over the road time, by its length, where a town has not fitted its own:
assumptions of ours that follow the one thing that is known, that longer ways have relatively
narrower residuals (Budge, Ingolfsson, Zerom 2010). Medians stay the road times, so that the ranking
is that of the roads."""
HOURS: Final = HourFactors(
    (
        HourFactor(1.15, (0, 1, 2, 3, 4), (7, 8, 16, 17), ("emergency",)),
        HourFactor(1.4, (0, 1, 2, 3, 4), (7, 8, 16, 17), ("normal",)),
    )
)
"""The time of day where a town has not measured its own: on workdays, two hours in the morning and
two in the evening take ordinary traffic 40 % longer and engines, which may pass, 15 %. Assumptions
of ours. At every other hour the roads take what their speeds say."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something about the whole answer that a reader must know, as data."""

    code: str
    facts: tuple[tuple[str, Fact], ...] = ()


@dataclass(frozen=True, slots=True)
class Fitted:
    """What the times of a node rest on. `runs` is the size of the sample; 0 for our assumptions.
    `bands` and `hours` replace ours as a whole, `stays` those of the pack one by one."""

    edition: str = ""
    source: str = ""
    made_on: date | None = None
    runs: int = 0
    bands: tuple[Residuals, ...] = BANDS
    hours: HourFactors = HOURS
    stays: tuple[Stay, ...] = ()

    @property
    def is_fitted(self) -> bool:
        return self.runs > 0

    def note(self) -> Note:
        """What an answer says of its times."""
        if not self.is_fitted or self.made_on is None:
            return Note("bands_assumed")
        facts = (("edition", self.edition), ("runs", self.runs), ("day", str(self.made_on)))
        return Note("bands_fitted", facts)


ASSUMED: Final = Fitted()
"""Where a town has fitted nothing."""


def read_fitted(path: Path) -> Fitted:
    """The file that `tocsin calibrate --bands` wrote. Raises PackError with all that is wrong."""
    findings: list[Finding] = []
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as trouble:
        problem = trouble.strerror or "cannot be read"
        raise PackError([Finding(path.name, "missing", problem)]) from trouble
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as trouble:
        raise PackError([Finding(path.name, "bad_value", str(trouble))]) from trouble
    found = fitted_of(Reader(table, path.name, findings))
    if findings:
        raise PackError(findings)
    return found


def fitted_of(reader: Reader) -> Fitted:
    """The same from a table; what is wrong becomes findings of the reader."""
    if reader.whole("format", 0, FORMAT, FORMAT) != FORMAT and not reader.has("format"):
        reader.find("format", "missing", f"must be {FORMAT}")
    made_on = reader.value("made_on")
    if not isinstance(made_on, date):
        reader.find("made_on", "bad_value", "must be a date (made_on = 2026-11-28)")
        made_on = None
    runs = reader.whole("runs", 0, 1, 1_000_000_000)
    if not reader.has("runs"):
        reader.find("runs", "missing", "how many runs of a log this was fitted to")
    bands = _bands(reader)
    found = Fitted(
        reader.text("edition"),
        reader.text("source"),
        made_on,
        runs,
        bands,
        _hours(reader),
        read_stays(reader),
    )
    reader.close()
    return found


def _bands(reader: Reader) -> tuple[Residuals, ...]:
    found: list[Residuals] = []
    for row in reader.tables("band"):
        below_s = _number(row, "below_s", 1.0, 86_400.0) if row.has("below_s") else inf
        median, p90 = (_number(row, key, 0.01, 100.0) for key in ("median", "p90"))
        row.whole("runs", 0, 0, 1_000_000_000)
        found.append(Residuals(below_s, median, p90))
        row.close()
    if not found:
        reader.find("band", "missing", "at least one [[band]], the last without below_s")
        return BANDS
    if len(found) > BANDS_MAX:
        reader.find("band", "bad_value", f"at most {BANDS_MAX} bands")
    for defect in band_defects(tuple(found)):
        reader.find("band", "bad_value", defect)
    return tuple(found)


def _hours(reader: Reader) -> HourFactors:
    """The list `[[hour]]`; without it no hour is slower than another."""
    rows: list[HourFactor] = []
    for row in reader.tables("hour"):
        days = row.texts("days", DAYS)
        for day in days:
            if day not in DAYS:
                row.find("days", "bad_value", f"{day!r} is none of {', '.join(DAYS)}")
        weekdays = tuple(DAYS.index(day) for day in days if day in DAYS)
        hours = _whole_hours(row)
        for metric in ("emergency", "normal"):
            if row.has(metric):
                factor = _number(row, metric, 1.0 / FACTOR_MAX, FACTOR_MAX)
                rows.append(HourFactor(factor, weekdays, hours, (metric,)))
        if not row.has("emergency") and not row.has("normal"):
            row.find("emergency", "missing", "a factor for emergency, for normal, or for both")
        row.close()
    return HourFactors(tuple(rows))


def _whole_hours(row: Reader) -> tuple[int, ...]:
    value = row.value("hours")
    items: list[object] = list(value) if isinstance(value, list) else []  # pyright: ignore[reportUnknownArgumentType]
    hours = [each for each in items if isinstance(each, int) and not isinstance(each, bool)]
    if not hours or len(hours) != len(items) or not all(0 <= each <= 23 for each in hours):
        row.find("hours", "bad_value", "must be a list of whole hours, 0 to 23")
        return ()
    return tuple(hours)


def _number(row: Reader, key: str, low: float, high: float) -> float:
    value = row.value(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        row.find(key, "bad_value", f"must be a number from {low:g} to {high:g}")
        return 1.0
    return float(value)


def to_toml(fitted: Fitted, band_runs: tuple[int, ...]) -> str:
    """The file of a fit; `read_fitted` reads it back the same."""
    lines = [
        f"format = {FORMAT}",
        f'edition = "{fitted.edition}"',
        f'source = "{fitted.source}"',
        f"made_on = {fitted.made_on}",
        f"runs = {fitted.runs}",
    ]
    for band, runs in zip(fitted.bands, band_runs, strict=True):
        lines += ["", "[[band]]", *([f"below_s = {band.below_s}"] if band.below_s < inf else [])]
        lines += [f"median = {band.median_factor}", f"p90 = {band.p90_factor}", f"runs = {runs}"]
    for row in fitted.hours.rows:
        lines += ["", "[[hour]]"]
        if len(row.weekdays) < len(DAYS):
            lines.append(f"days = {[DAYS[day] for day in row.weekdays]}".replace("'", '"'))
        lines += [f"hours = {list(row.hours)}"]
        lines += [f"{metric} = {row.factor}" for metric in row.metrics]
    for stay in fitted.stays:
        lines += ["", "[[stay]]", f'kind = "{stay.kind}"', f'stage = "{stay.stage}"']
        lines += [f"median_s = {stay.median_s}", f"p90_s = {stay.p90_s}", f"share = {stay.share}"]
    return "\n".join(lines) + "\n"

"""`tocsin replay` and `tocsin calibrate`: what a log of the past holds, and stages fitted to it."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from tocsin.packs.reading import Finding, PackError
from tocsin.packs.words import word
from tocsin.runtime.recommending.bands import Fitted
from tocsin.runtime.recommending.bands import to_toml as bands_to_toml
from tocsin.simulation.dispatch.banding import RUNS_MIN, bands_of
from tocsin.simulation.dispatch.calibrate import Calibration, Fit, calibrate, judge, seen_in_log
from tocsin.simulation.dispatch.calls import DAY_S
from tocsin.simulation.dispatch.change import NOTHING, Change
from tocsin.simulation.dispatch.fitting import fit, trips_of
from tocsin.simulation.dispatch.form import LogForm
from tocsin.simulation.dispatch.log import Log, read_log
from tocsin.simulation.dispatch.replay import WAVE_S, Replay, replay
from tocsin.simulation.dispatch.roads import times_of
from tocsin.simulation.dispatch.scenario import (
    Scenario,
    find_scenario,
    load_scenario,
    read_stages,
)
from tocsin.simulation.dispatch.stages import Stages, to_toml
from tocsin.simulation.dispatch.states import JUST_CLEARED_S, Position, fleet_of
from tocsin.simulation.dispatch.travel import Times
from tocsin.simulation.dispatch.world import World, world_of_log, world_of_town


def language() -> str:
    """The operator's language, by the environment."""
    return "zh-CN" if os.environ.get("LANG", "").lower().startswith("zh") else "en"


def say(key: str, told: str, **values: object) -> str:
    """A sentence of the simulator in the operator's language."""
    return word("simulation", key, told).format(**values)


@dataclass(frozen=True, slots=True)
class Past:
    """A scenario with its log read and its roads ready."""

    scenario: Scenario
    form: LogForm
    log: Log
    stations: dict[str, Position]
    times: Times

    def days(self) -> int:
        """From the first midnight before the log to the last after it."""
        calls = self.log.calls
        return int(calls[-1].received_s // DAY_S - calls[0].received_s // DAY_S) + 1

    def between(self, first_day: int, end_day: int) -> Past:
        """The calls of some days of the log, counted from 0."""
        start_s = self.log.calls[0].received_s // DAY_S * DAY_S
        low_s, high_s = start_s + first_day * DAY_S, start_s + end_day * DAY_S
        calls = tuple(call for call in self.log.calls if low_s <= call.received_s < high_s)
        return replace(self, log=replace(self.log, calls=calls))

    def fitted(self) -> Stages:
        """The stages as the log shows them directly."""
        return fit(self.log, self.form, fleet_of(self.log, self.form, self.stations), self.times)

    def world(self, stages: Stages, change: Change = NOTHING) -> World:
        """The town of the log, ready to run."""
        past = fleet_of(self.log, self.form, self.stations)
        return world_of_log(
            self.scenario, self.log, past, self.stations, self.times, stages, change
        )

    def as_logged(self) -> Past:
        """The same, with the calls of the log at their own instants."""
        town = replace(self.scenario.town, source="log")
        return replace(self, scenario=replace(self.scenario, town=town))


def past_of(scenario: Scenario, file: Path, files: Path) -> Past:
    """The log that was asked for, read by the form of the scenario. Raises PackError, LogError."""
    if scenario.form is None:
        raise PackError([Finding(scenario.name, "missing", "this scenario has no table [log]")])
    stations = {k: v for k, v in scenario.stations.items() if k not in scenario.posts_only}
    log = read_log(file, scenario.form)
    if not log.calls:
        raise PackError([Finding(file.name, "missing", "no row of the log could be taken")])
    times = times_of(scenario.roads_kind, scenario.roads_file, files, scenario.arcs)
    return Past(scenario, scenario.form, log, stations, times)


def world_of(
    asked: argparse.Namespace, scenario: Scenario, told: str, change: Change = NOTHING
) -> World:
    """The town of a scenario. Without stages of its own those of its log are fitted first."""
    bad: list[Finding] = []
    stages = scenario.stages if asked.stages is None else read_stages(asked.stages, bad)
    if bad:
        raise PackError(bad)
    if scenario.log_file is not None:
        past = past_of(scenario, asked.files / scenario.log_file, asked.files)
        print("\n".join(log_lines(past.log, told)))
        if stages is None:
            print(say("fitted_now", told))
        return past.world(stages or past.fitted(), change)
    if stages is None:
        raise PackError([Finding(scenario.name, "missing", "needs [stages], or --stages FILE")])
    times = times_of(scenario.roads_kind, scenario.roads_file, asked.files, scenario.arcs)
    return world_of_town(scenario, times, stages, change)


# -- replay ----------------------------------------------------------------------------


def replay_file(asked: argparse.Namespace) -> int:
    """`tocsin replay FILE`: what the log holds, and how often the closest was sent."""
    scenario = load_scenario(find_scenario(asked.scenario), asked.files)
    past = past_of(scenario, asked.file, asked.files)
    told = language()
    found = replay(past.log, past.form, past.stations, past.times)
    print("\n".join([*log_lines(past.log, told), *agreement_lines(past, found, told)]))
    return 0


def log_lines(log: Log, told: str) -> list[str]:
    """What was read, what was refused and why, what was mended."""
    refused = sum(log.refused.values())
    lines = [say("read", told, rows=log.rows_read, calls=len(log.calls), refused=refused)]
    for reason, count in log.refused.items():
        where = ", ".join(str(each) for each in log.lines[reason])
        lines.append(f"  {count:>7}  {word('log_reason', reason, told)} ({where})")
    lines += [f"  {count:>7}  {word('log_note', note, told)}" for note, count in log.notes.items()]
    return lines


def agreement_lines(past: Past, found: Replay, told: str) -> list[str]:
    """The table of agreement, with the rule it was made by."""
    notes = found.fleet.notes.items()
    lines = [f"  {count:>7}  {word('log_note', note, told)}" for note, count in notes]
    rule = {"wave": WAVE_S, "cleared": JUST_CLEARED_S}
    lines.append(say("agreement", told, calls=found.high_calls, **rule))
    for each in found.agreements:
        shares = {"closest": f"{each.closest_share:.1%}", "two": f"{each.two_share:.1%}"}
        kind = word("unit_kind", each.kind, told)
        lines.append(say("agreement_row", told, kind=kind, calls=each.calls, **shares))
    if not past.form.is_complete:
        lines.append(say("incomplete", told))
    return lines


# -- calibrate -------------------------------------------------------------------------


def calibrate_file(asked: argparse.Namespace) -> int:
    """`tocsin calibrate FILE`: fit the stages, say how well they show the log, write TOML.

    With `--hold-out N` the last N days are not fitted but judged apart.
    """
    told = language()
    scenario = load_scenario(find_scenario(asked.scenario), asked.files)
    past = past_of(scenario, asked.file, asked.files).as_logged()
    print("\n".join(log_lines(past.log, told)))
    kept = past.days() - asked.hold_out
    if kept < 1:
        raise PackError([Finding("--hold-out", "bad_value", f"the log has {past.days()} days")])
    shown = past if asked.hold_out == 0 else past.between(0, kept)
    found = calibrate(shown.world(shown.fitted()), shown.log)
    print("\n".join(fit_lines(found, told)))
    if asked.hold_out:
        other = past.between(kept, past.days())
        world = other.world(found.stages)
        print(say("held_out", told, days=asked.hold_out))
        print("\n".join(fit_lines(judge(world, seen_in_log(other.log, world)), told)))
    comment = f"Stages fitted by `tocsin calibrate` to {asked.file.name}, {kept} days."
    text = to_toml(found.stages, comment)
    if asked.bands is not None:
        write_bands(asked, shown, told)
    if asked.out is None:
        print(text)
    else:
        asked.out.write_text(text, encoding="utf-8")
        print(say("written", told, file=asked.out))
    return 0


def write_bands(asked: argparse.Namespace, past: Past, told: str) -> None:
    """The file of times that a node takes, from the log as it is: no run of ours is in it."""
    fleet = fleet_of(past.log, past.form, past.stations)
    trips = trips_of(past.log, past.form, fleet, past.times)
    found = bands_of(past.log, past.form, trips)
    if found is None:
        text = f"{len(trips)} runs from home are in this log: at least {RUNS_MIN} are needed"
        raise PackError([Finding("--bands", "missing", text)])
    calls = past.log.calls
    days = [datetime.fromtimestamp(calls[at].received_s, UTC).date() for at in (0, -1)]
    fitted = Fitted(
        asked.edition or f"{days[0]} to {days[1]}",
        asked.file.name,
        datetime.now(UTC).date(),
        found.runs,
        found.bands,
        found.hours,
        found.stays,
    )
    asked.bands.write_text(bands_to_toml(fitted, found.band_runs), encoding="utf-8")
    print(say("written", told, file=asked.bands))


def fit_lines(found: Calibration, told: str) -> list[str]:
    """The table of what is reached: medians and 90th percentiles, log beside runs."""
    lines = [say("fit_head", told)]
    named = [(say("fit_high", told), found.high), (say("fit_low", told), found.low)]
    named += [(each.what, each) for each in found.areas]
    return lines + [_fit_line(name, each) for name, each in named]


def _fit_line(name: str, each: Fit) -> str:
    return (
        f"  {name:<16} {each.calls:>6}"
        f" {each.log_median_s:>7.0f} {each.median_s:>7.0f} {each.median_error:>+7.1%}"
        f" {each.log_p90_s:>7.0f} {each.p90_s:>7.0f} {each.p90_error:>+7.1%}"
        f"   {each.log_p90_low_s:.0f}-{each.log_p90_high_s:.0f}{'' if each.is_within else ' *'}"
    )

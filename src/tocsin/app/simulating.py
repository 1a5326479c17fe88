"""`tocsin replay`, `calibrate`, `simulate`, `compare`: logs of the past and fleets on a clock."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass

from tocsin.packs.reading import Finding, PackError
from tocsin.packs.words import word
from tocsin.simulation.dispatch.form import LogForm
from tocsin.simulation.dispatch.log import Log, read_log
from tocsin.simulation.dispatch.replay import WAVE_S, Replay, replay
from tocsin.simulation.dispatch.roads import times_of
from tocsin.simulation.dispatch.scenario import Scenario, find_scenario, load_scenario
from tocsin.simulation.dispatch.states import JUST_CLEARED_S
from tocsin.simulation.dispatch.travel import Times


def language() -> str:
    """The operator's language, by the environment."""
    return "zh-CN" if os.environ.get("LANG", "").lower().startswith("zh") else "en"


@dataclass(frozen=True, slots=True)
class Past:
    """A scenario with its log read and its roads ready."""

    scenario: Scenario
    form: LogForm
    log: Log
    stations: Mapping[str, tuple[float, float]]
    times: Times


def past_of(asked: argparse.Namespace) -> Past:
    """The log that was asked for, read by the form of the scenario. Raises PackError."""
    scenario = load_scenario(find_scenario(asked.scenario), asked.files)
    if scenario.form is None:
        raise PackError([Finding(scenario.name, "missing", "this scenario has no table [log]")])
    stations = {k: v for k, v in scenario.stations.items() if k not in scenario.posts_only}
    log = read_log(asked.file, scenario.form)
    return Past(
        scenario,
        scenario.form,
        log,
        stations,
        times_of(scenario.roads_kind, scenario.roads_file, asked.files),
    )


def replay_file(asked: argparse.Namespace) -> int:
    """`tocsin replay FILE`: what the log holds, and how often the closest was sent."""
    past = past_of(asked)
    told = language()
    found = replay(past.log, past.form, past.stations, past.times)
    print("\n".join([*log_lines(past.log, told), *agreement_lines(past, found, told)]))
    return 0


def say(key: str, told: str, **values: object) -> str:
    """A sentence of the simulator in the operator's language."""
    return word("simulation", key, told).format(**values)


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
    lines = [
        f"  {count:>7}  {word('log_note', note, told)}" for note, count in found.fleet.notes.items()
    ]
    lines.append(
        say("agreement", told, calls=found.high_calls, wave=WAVE_S, cleared=JUST_CLEARED_S)
    )
    for each in found.agreements:
        lines.append(
            say(
                "agreement_row",
                told,
                kind=word("unit_kind", each.kind, told),
                calls=each.calls,
                closest=f"{each.closest_share:.1%}",
                two=f"{each.two_share:.1%}",
            )
        )
    if not past.form.is_complete:
        lines.append(say("incomplete", told))
    return lines

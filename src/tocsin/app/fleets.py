"""`tocsin simulate`, `compare`, `whatif` and `tune`: a town under policies, fleets and seeds."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict, replace
from time import process_time

from tocsin.app.simulating import language, say, world_of
from tocsin.packs.reading import Finding, PackError
from tocsin.packs.words import word
from tocsin.simulation.dispatch.change import NOTHING, Change, ChangeError
from tocsin.simulation.dispatch.compare import (
    CONFIDENCE,
    Comparison,
    Paired,
    compare,
    compare_worlds,
)
from tocsin.simulation.dispatch.conduct import ConductError, parsed
from tocsin.simulation.dispatch.ensemble import Job, Result, play_all
from tocsin.simulation.dispatch.measures import rounded
from tocsin.simulation.dispatch.picture import picture_of
from tocsin.simulation.dispatch.scenario import (
    Scenario,
    find_scenario,
    load_scenario,
    read_tuning,
)
from tocsin.simulation.dispatch.tune import tune
from tocsin.simulation.dispatch.tuning import to_lines
from tocsin.simulation.dispatch.world import World

TRIALS_MAX = 10_000
"""A night's work for a small town."""
SEEDS_MAX = 10_000
"""With so many a mean is known to a fiftieth of one run's spread; more is a slip of a key."""


def simulate(asked: argparse.Namespace) -> int:
    """`tocsin simulate SCENARIO`: one policy under one or more seeds."""
    told = language()
    scenario, world = _ready(asked, told, change_of(asked))
    jobs = [Job(_policy(asked.policy, world), seed) for seed in _seeds(asked, scenario)]
    results = play_all(world, jobs, _processes(asked), asked.ray)
    print(say("simulated", told, title=_title(scenario, told), runs=len(jobs), policy=asked.policy))
    print("\n".join(result_lines(results, told)))
    if asked.json is not None:
        _write(asked, {"scenario": scenario.name, "runs": [_plain(each) for each in results]})
    return 0


def compare_policies(asked: argparse.Namespace) -> int:
    """`tocsin compare SCENARIO`: policies on common random numbers, with paired intervals."""
    told = language()
    scenario, world = _ready(asked, told, change_of(asked))
    policies = [_policy(name, world) for name in asked.policies.split(",")]
    if len(policies) < 2 or len(set(policies)) != len(policies):
        raise PackError([Finding("--policies", "bad_value", "name two or more, each once")])
    found = compare(world, policies, _seeds(asked, scenario), _processes(asked), asked.ray)
    print("\n".join(comparison_lines(found, _title(scenario, told), told)))
    print(say("decision_time", told, times=_decision_times(world, policies, found.seeds[0])))
    _keep(asked, found, scenario, told)
    return 0


def what_if(asked: argparse.Namespace) -> int:
    """`tocsin whatif SCENARIO`: the town as it is beside the town with another fleet or load."""
    told = language()
    change = change_of(asked)
    if change == NOTHING:
        raise PackError([Finding("whatif", "missing", "say what is to be other than it is")])
    scenario, before = _ready(asked, told, NOTHING)
    after = replace(_changed(asked, scenario, told, change), with_cases=asked.with_cases)
    policy = _policy(asked.policy, before)
    seeds = _seeds(asked, scenario)
    found = compare_worlds(before, after, policy, seeds, _processes(asked))
    print("\n".join(comparison_lines(found, _title(scenario, told), told)))
    _keep(asked, found, scenario, told)
    return 0


def tune_policy(asked: argparse.Namespace) -> int:
    """`tocsin tune SCENARIO`: numbers found on training seeds, as TOML with the seeds above."""
    told = language()
    scenario, world = _ready(asked, told, change_of(asked))
    policy = _policy(asked.policy, world)
    if not 1 <= asked.trials <= TRIALS_MAX:
        raise PackError([Finding("--trials", "bad_value", f"must be 1 to {TRIALS_MAX}")])
    seeds = _seeds(asked, scenario)
    best, *_ = tune(
        world, "closest", policy, seeds, asked.trials, asked.search_seed, _processes(asked)
    )
    shares = {"late": best.late, "mean": best.mean, "area": best.worst_area}
    print(say("tuned", told, **{name: f"{100 * value:+.1f}" for name, value in shares.items()}))
    comment = (
        f"# Found by `tocsin tune {scenario.name} --policy {policy}` on the training seeds "
        f"{seeds[0]} to {seeds[-1]},\n# {asked.trials} trials, search seed {asked.search_seed}. "
        "Judge it on other seeds."
    )
    text = "\n".join([comment, *to_lines(best.tuning), ""])
    if asked.out is None:
        print(text)
    else:
        asked.out.write_text(text, encoding="utf-8")
        print(say("written", told, file=asked.out))
    return 0


def change_of(asked: argparse.Namespace) -> Change:
    """What the options change of a town."""
    if not (0.0 < asked.demand <= 100.0 and 0.0 < asked.fleet <= 1.0 and 0.0 <= asked.lost < 1.0):
        text = "--demand is above 0, --fleet above 0 and at most 1, --lost from 0 to below 1"
        raise PackError([Finding("options", "bad_value", text)])
    return Change(
        tuple(asked.remove or ()),
        tuple(asked.add or ()),
        tuple(asked.shift or ()),
        tuple(asked.add_post or ()),
        tuple(asked.remove_post or ()),
        asked.demand,
        asked.fleet,
        asked.lost,
    )


def _keep(asked: argparse.Namespace, found: Comparison, scenario: Scenario, told: str) -> None:
    """The picture and the JSON that were asked for."""
    if asked.picture is not None:
        drawn = picture_of(
            found.paired,
            _title(scenario, told),
            lambda name: _label(name, told),
            lambda pair: say("picture_head", told, base=found.policies[0], policy=pair.policy),
        )
        asked.picture.write_text(drawn, encoding="utf-8")
        print(say("written", told, file=asked.picture))
    if asked.json is not None:
        _write(
            asked,
            {
                "scenario": scenario.name,
                "policies": found.policies,
                "confidence": CONFIDENCE,
                "paired": [_plain_pair(each) for each in found.paired],
                "runs": [_plain(each) for each in found.results],
            },
        )


def result_lines(results: list[Result], told: str) -> list[str]:
    """The mean of each measure over the runs, lowest and highest beside it."""
    lines = [say("result_head", told)]
    for name in results[0].measures:
        values = [result.measures[name] for result in results]
        mean = sum(values) / len(values)
        shown = [_number(name, each) for each in (mean, min(values), max(values))]
        lines.append(f"  {_label(name, told):<44} {shown[0]:>9} {shown[1]:>9} {shown[2]:>9}")
    if len(results) == 1:
        lines.append(say("digest", told, digest=results[0].digest[:16]))
    return lines


def comparison_lines(found: Comparison, title: str, told: str) -> list[str]:
    """For each measure: the first policy, the other, the difference and its interval."""
    lines = [say("compared", told, title=title, seeds=len(found.seeds))]
    for policy in found.policies[1:]:
        lines.append(say("compare_head", told, base=found.policies[0], policy=policy))
        lines += [_pair_line(each, told) for each in found.paired if each.policy == policy]
    return lines


def _pair_line(each: Paired, told: str) -> str:
    name = each.measure
    cells = [each.base, each.value, each.difference, each.low, each.high]
    base, value, difference, low, high = (_number(name, cell) for cell in cells)
    star = " *" if each.is_clear else ""
    return f"  {_label(name, told):<44} {base:>9} {value:>9} {difference:>9} [{low}, {high}]{star}"


def _decision_times(world: World, policies: list[str], seed: int) -> str:
    """CPU time of a decision by the live policy's own code, not the fast path."""
    found: list[str] = []
    source = "fitted" if world.town.source == "log" else world.town.source
    small = replace(world, town=replace(world.town, source=source, days=1))
    for policy in policies:
        began_s = process_time()
        _, outcome = small.play(policy, seed, is_fast=False)
        spent_ms = (process_time() - began_s) * 1_000.0
        found.append(f"{policy} {spent_ms / max(1, outcome.decisions):.2f} ms")
    return ", ".join(found)


def _ready(asked: argparse.Namespace, told: str, change: Change) -> tuple[Scenario, World]:
    scenario = load_scenario(find_scenario(asked.scenario), asked.files)
    town, days = scenario.town, asked.days
    if days is not None or asked.scale is not None or asked.demand != 1.0:
        # More or other days than the log's can only be drawn; a change of demand is one.
        source = "fitted" if town.source == "log" else town.source
        town = replace(town, source=source, days=days or town.days, scale=asked.scale or town.scale)
        scenario = replace(scenario, town=town)
    if asked.tuning is not None:
        bad: list[Finding] = []
        scenario = replace(scenario, tuning=read_tuning(asked.tuning, scenario, bad))
        if bad:
            raise PackError(bad)
    world = _changed(asked, scenario, told, change)
    return scenario, replace(world, with_cases=asked.with_cases)


def _changed(asked: argparse.Namespace, scenario: Scenario, told: str, change: Change) -> World:
    try:
        return world_of(asked, scenario, told, change)
    except ChangeError as error:
        raise PackError([Finding("whatif", "bad_value", str(error))]) from error


def _policy(name: str, world: World) -> str:
    try:
        parsed(name, world.tuning.policy)
    except ConductError as error:
        raise PackError([Finding("--policy", "dangling", str(error))]) from error
    return name


def _seeds(asked: argparse.Namespace, scenario: Scenario) -> list[int]:
    first = scenario.seed if asked.seed is None else asked.seed
    if not 1 <= asked.seeds <= SEEDS_MAX:
        raise PackError([Finding("--seeds", "bad_value", f"must be 1 to {SEEDS_MAX}")])
    return list(range(first, first + asked.seeds))


def _processes(asked: argparse.Namespace) -> int:
    return asked.processes or len(os.sched_getaffinity(0))


def _title(scenario: Scenario, told: str) -> str:
    return scenario.title.get(told, scenario.name)


def _label(name: str, told: str) -> str:
    base, _, area = name.partition("/")
    label = word("simulation_measure", base, told)
    return f"{label}, {area}" if area else label


def _number(name: str, value: float) -> str:
    return f"{value:.1f}" if "_s" in name.partition("/")[0][-2:] else f"{value:.4g}"


def _plain(result: Result) -> dict[str, object]:
    return asdict(replace(result, measures=rounded(result.measures)))


def _plain_pair(pair: Paired) -> dict[str, object]:
    plain = asdict(pair)
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in plain.items()}


def _write(asked: argparse.Namespace, body: dict[str, object]) -> None:
    text = json.dumps(body, ensure_ascii=False, indent=1, sort_keys=True)
    asked.json.write_text(text + "\n", encoding="utf-8")

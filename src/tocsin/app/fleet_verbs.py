"""The verbs that play fleets on a clock, and their options."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[[argparse.Namespace], int]
AddVerb = Callable[..., argparse.ArgumentParser]
Lazy = Callable[[str, str], Run]

POLICY = "closest or coverage, with +posts, +moves, +redispatch; or tuned, by the scenario"
SCENARIO = "a scenario that comes with Tocsin, or a TOML file"


def fleet_verbs(verbs: Any, add: AddVerb, lazy: Lazy) -> None:
    """Adds `replay`, `calibrate`, `simulate`, `compare`, `whatif` and `tune`."""
    about = "rebuild units' states from a log: how often was the closest sent"
    verb = add(verbs, "replay", lazy("simulating", "replay_file"), about, settings=False)
    verb.add_argument("file", type=Path, metavar="FILE")
    _fleet_options(verb)

    about = "fit how long each stage takes to a log, as TOML"
    verb = add(verbs, "calibrate", lazy("simulating", "calibrate_file"), about, settings=False)
    verb.add_argument("file", type=Path, metavar="FILE")
    _fleet_options(verb)
    verb.add_argument("--hold-out", type=int, default=0, metavar="DAYS", help="judge by the last")
    verb.add_argument("--out", type=Path, metavar="STAGES.toml", help="else it is printed")
    help_text = "arrival bands, hours and stays for a node, fitted to the log as it is"
    verb.add_argument("--bands", type=Path, metavar="BANDS.toml", help=help_text)
    help_text = "what the bands are called; the first and last day of the log when left out"
    verb.add_argument("--edition", default="", help=help_text)
    about = "a town's fleet under one policy, on a virtual clock"
    verb = add(verbs, "simulate", lazy("fleets", "simulate"), about, settings=False)
    verb.add_argument("--policy", default="closest", help=POLICY)
    _run_options(verb)
    about = "policies side by side on common random numbers"
    verb = add(verbs, "compare", lazy("fleets", "compare_policies"), about, settings=False)
    verb.add_argument("--policies", default="closest,coverage", help="the first is the base")
    verb.add_argument("--picture", type=Path, metavar="FILE.svg", help="draw the differences")
    _run_options(verb)
    about = "one fleet beside another: units, posts, shifts or demand changed, the chance the same"
    verb = add(verbs, "whatif", lazy("fleets", "what_if"), about, settings=False)
    verb.add_argument("--policy", default="closest", help=POLICY)
    verb.add_argument("--picture", type=Path, metavar="FILE.svg", help="draw the differences")
    _run_options(verb)
    about = "find a town's numbers on training seeds; judge them on others with compare"
    verb = add(verbs, "tune", lazy("fleets", "tune_policy"), about, settings=False)
    verb.add_argument("--policy", default="coverage+posts+redispatch", help=POLICY)
    verb.add_argument("--trials", type=int, default=40, help="sets of numbers that are tried")
    verb.add_argument("--search-seed", type=int, default=1, help="what the sets are drawn by")
    verb.add_argument("--out", type=Path, metavar="TUNING.toml", help="else it is printed")
    _run_options(verb)


def _run_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("scenario", metavar="SCENARIO", help=SCENARIO)
    _files_option(verb)
    verb.add_argument("--stages", type=Path, help="a file that `tocsin calibrate` wrote")
    verb.add_argument("--seed", type=int, help="the first seed; default from the scenario")
    verb.add_argument("--seeds", type=int, default=1, help="so many runs, one seed each")
    verb.add_argument("--days", type=int, help="draw so many days at the scenario's rates")
    verb.add_argument("--scale", type=float, help="and so many times its calls")
    verb.add_argument("--processes", type=int, default=0, help="0 for every core")
    about = "play each call's case too, with its clocks and errands: the same runs, slower"
    verb.add_argument("--with-cases", action="store_true", help=about)
    about = "play the runs on a Ray cluster (the extra `ray`); `local` for one of this machine"
    verb.add_argument("--ray", metavar="ADDRESS", help=about)
    verb.add_argument("--tuning", type=Path, help="a file that `tocsin tune` wrote")
    change = verb.add_argument_group("another fleet")
    change.add_argument("--add", action="append", metavar="KIND@STATION[:START-END]")
    change.add_argument("--remove", action="append", metavar="UNIT or KIND:COUNT")
    change.add_argument("--shift", action="append", metavar="UNIT=START-END")
    change.add_argument("--add-post", action="append", metavar="NAME@LON,LAT")
    change.add_argument("--remove-post", action="append", metavar="STATION")
    change.add_argument("--demand", type=float, default=1.0, help="so many times the calls")
    change.add_argument("--fleet", type=float, default=1.0, help="the share of units that stay")
    change.add_argument("--lost", type=float, default=0.0, help="share of positions nobody knows")
    verb.add_argument("--json", type=Path, metavar="FILE", help="all figures")


def _fleet_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--scenario", default="san-francisco", help=SCENARIO)
    _files_option(verb)


def _files_option(verb: argparse.ArgumentParser) -> None:
    about = "where the files lie that a scenario names"
    verb.add_argument("--files", type=Path, default=Path(), metavar="FOLDER", help=about)

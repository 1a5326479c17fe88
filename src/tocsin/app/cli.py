"""The command line: one verb a task, the same settings everywhere."""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tocsin.app import logs
from tocsin.app.account_verbs import account_verbs
from tocsin.app.asking import FLAG, settings_of
from tocsin.app.backup_verbs import backup_verbs
from tocsin.app.fleet_verbs import fleet_verbs
from tocsin.app.log_verbs import log_verbs
from tocsin.app.retention_verbs import retention_verbs
from tocsin.app.settings import SETTINGS
from tocsin.app.vault_verbs import vault_verbs
from tocsin.geography.spoken import SpokenError

GC_EVERY = 20_000
"""New objects between two looks of the collector. A commit's worth of reports makes that many, and
nearly all of them are gone by their counts alone."""

Run = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; the exit code is 0 when it did what it promises, 2 for a wrong call."""
    # These two read their own options: "--help" after the verb is theirs as well.
    parser = _parser()
    asked, rest = parser.parse_known_args(argv)
    if rest and not hasattr(asked, "rest"):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if hasattr(asked, "rest"):
        asked.rest = rest
    run: Run = asked.run
    try:
        return run(asked)
    except SpokenError as error:
        return _fail(error.message(_language()))
    except KeyboardInterrupt:
        return 130
    except OPERATOR_ERRORS() as error:
        return _fail(str(error))


def OPERATOR_ERRORS() -> tuple[type[Exception], ...]:
    """What an operator can mend: said in one line, without a traceback."""
    from tocsin.app.importing import ImportFailed
    from tocsin.app.node import AddressTaken
    from tocsin.geography.geojson import GeometryError
    from tocsin.geography.tiers import AtlasError
    from tocsin.packs.reading import PackError
    from tocsin.runtime.ports import Unavailable
    from tocsin.simulation.dispatch.log import LogError
    from tocsin.simulation.extract import ExtractError
    from tocsin.stores.log.notes import WrongLogKey
    from tocsin.stores.postgres.backup import BackupError
    from tocsin.stores.postgres.binaries import EmbeddedPostgresError
    from tocsin.stores.postgres.migrate import MigrationError
    from tocsin.stores.vault import WrongMasterKey

    return (
        AddressTaken,
        AtlasError,
        GeometryError,
        BackupError,
        PackError,
        Unavailable,
        ExtractError,
        LogError,
        ImportFailed,
        EmbeddedPostgresError,
        MigrationError,
        WrongMasterKey,
        WrongLogKey,
        FileExistsError,
        FileNotFoundError,
        PermissionError,
    )


def _lazy(module: str, name: str) -> Run:
    """A verb that is imported when it is called: `tocsin --help` answers at once."""

    def run(asked: argparse.Namespace) -> int:
        return getattr(import_module(f"tocsin.app.{module}"), name)(asked)

    return run


def _fail(message: str) -> int:
    print(f"tocsin: {message}", file=sys.stderr)
    return 2


def _language() -> str:
    return "zh-CN" if os.environ.get("LANG", "").lower().startswith("zh") else "en"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tocsin", description=__doc__)
    parser.add_argument("--version", action="version", version=f"tocsin {version('tocsin')}")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")
    _serve_verb(verbs)
    _town_verbs(verbs)
    _pack_verbs(verbs)
    _keeping_verbs(verbs)
    fleet_verbs(verbs, _verb, _lazy)
    log_verbs(verbs, _verb, _lazy)
    account_verbs(verbs, _verb, _lazy)
    retention_verbs(verbs, _verb, _lazy)
    vault_verbs(verbs, _verb, _lazy)
    return parser


def _verb(verbs: Any, name: str, run: Run, help: str, *, settings: bool = True):
    verb = verbs.add_parser(name, help=help, description=help)
    verb.set_defaults(run=run)
    if settings:
        verb.add_argument("--config", type=Path, help="a TOML file with settings")
        for setting in SETTINGS:
            flag = "--" + setting.name.replace("_", "-")
            verb.add_argument(flag, dest=FLAG + setting.name, help=setting.doc, metavar="X")
    return verb


# -- serve -----------------------------------------------------------------------------


def _serve_verb(verbs: Any) -> None:
    verb = _verb(verbs, "serve", _serve, "run a node")
    verb.add_argument("--speed", type=float, help="let the node's time run this much faster")
    verb.add_argument("--demo-start", type=datetime.fromisoformat, help=argparse.SUPPRESS)
    verb = _verb(verbs, "settings", _settings, "list every setting", settings=False)


def _serve(asked: argparse.Namespace) -> int:
    from tocsin.app.clock import ScaledClock, SteadyClock
    from tocsin.app.node import Node, serve, start_database
    from tocsin.app.secrecy import refuse_examples
    from tocsin.app.ways_in import intake_tables

    settings = settings_of(asked)
    logs.configure(
        level=settings.log_level,
        style=settings.log_format,
        lines_per_event=settings.log_lines_per_event,
    )
    settings.data.mkdir(parents=True, exist_ok=True)
    refuse_examples(settings, intake_tables(settings))
    clock = None
    if asked.speed is not None or asked.demo_start is not None:
        start = asked.demo_start or SteadyClock().now()
        clock = ScaledClock(start, asked.speed or 1.0)

    def announce(node: Node, address: str, link: str | None) -> None:
        print(f"Tocsin answers at {address}", flush=True)
        if link is not None:
            print(f"First administrator (once): {address}{link}", flush=True)

    database = start_database(settings)
    # What is loaded now stays: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_EVERY, 20, 50)
    try:
        _run(serve(settings, database, clock, announce))
    finally:
        if database[0] is not None:
            database[0].stop()
    return 0


def _run(work: Any) -> Any:
    import uvloop

    return uvloop.run(work)


def _settings(asked: argparse.Namespace) -> int:
    for setting in SETTINGS:
        shown = "" if setting.is_secret else f" [{setting.default}]"
        print(f"{setting.variable}{shown} {setting.unit}\n    {setting.doc}\n    {setting.doc_zh}")
    return 0


# -- the town --------------------------------------------------------------------------


def _town_verbs(verbs: Any) -> None:
    for name, run, about in (
        ("demo", _demo, "a town's day on a fresh node"),
        ("sim", _sim, "seeded towns against the store in memory"),
    ):
        verb = verbs.add_parser(name, help=about, add_help=False)
        verb.set_defaults(run=run, rest=[])
    _panel_verb(verbs)
    about = "make the secret of a device that speaks MQTT"
    verb = _verb(verbs, "mqtt", _lazy("mqtt_secret", "mqtt_secret"), about, settings=False)
    verb.add_argument("name", help="the device's user name")
    verb.add_argument("--stdin", action="store_true", help="take the secret from the input")
    verb.add_argument("--language", default=_language())
    _map_verbs(verbs)
    _road_verbs(verbs)
    _site_verb(verbs)
    verb = _verb(verbs, "areas", _areas, "cut a map extract into four tiers of areas")
    verb.add_argument("map_file", type=Path, metavar="FILE.osm.pbf")
    verb = _verb(
        verbs,
        "import",
        _lazy("importing", "import_file"),
        "take closed cases of the past from a file",
    )
    verb.add_argument("file", type=Path)
    verb.add_argument("--format", choices=("open311", "nyc311", "sf-fire"), help="guessed if unset")
    verb.add_argument("--rejects", type=Path, help="where to write what was skipped, and why")


def _panel_verb(verbs: Any) -> None:
    about = "play an alarm panel: send one DC-09 message and say what was answered"
    verb = _verb(verbs, "panel", _lazy("panel", "panel"), about, settings=False)
    verb.add_argument("code", help="110 or FA for a fire, 602 for a test, poll for a link test")
    verb.add_argument("--to", default="127.0.0.1:9009", metavar="HOST:PORT")
    verb.add_argument("--account", required=True)
    verb.add_argument("--zone", type=int, default=0)
    verb.add_argument("--area", type=int, default=0)
    verb.add_argument("--words", default="", help="what the panel prints, with a SIA code")
    verb.add_argument("--restore", action="store_true", help="the end of it (Contact ID)")
    verb.add_argument("--key", default="", help="as it is written on paper; empty sends in clear")
    verb.add_argument("--key-is-text", action="store_true", help="32 digits that are text")
    verb.add_argument("--prefix", default="0")
    verb.add_argument("--sequence", type=int, default=1)
    verb.add_argument("--udp", action="store_true")
    verb.add_argument("--wait", type=float, default=20.0, metavar="SECONDS")
    verb.add_argument("--language", default=_language())


def _map_verbs(verbs: Any) -> None:
    inner = verbs.add_parser("map", help="the town's own map").add_subparsers(
        required=True, metavar="VERB"
    )
    about = "make the map's tiles and the place search"
    verb = _verb(inner, "build", _lazy("mapping", "build_map"), about)
    verb.add_argument("map_file", type=Path, metavar="FILE.osm.pbf")
    verb.add_argument("--folder", type=Path, help="where to; else `map` in the data folder")
    verb.add_argument("--again", action="store_true", help="even when it is current")
    verb.add_argument("--polite", action="store_true", help="stand back behind other work")


def _road_verbs(verbs: Any) -> None:
    inner = verbs.add_parser("roads", help="the town's roads").add_subparsers(
        required=True, metavar="VERB"
    )
    verb = _verb(
        inner, "build", _lazy("roads", "build_roads"), "make the road graph for travel times"
    )
    verb.add_argument("road_file", type=Path, metavar="FILE.osm.pbf")
    verb.add_argument("--folder", type=Path, help="where to; else `roads` in the data folder")
    verb.add_argument("--left", action="store_true", help="traffic keeps to the left")


def _site_verb(verbs: Any) -> None:
    about = "place stations by road time: the best places, proven"
    verb = _verb(verbs, "site", _lazy("siting", "site_stations"), about, settings=False)
    verb.add_argument("road_file", type=Path, metavar="ROADS", help=".osm.pbf, or segments .csv")
    verb.add_argument("--demand", type=Path, required=True, help="a log or areas: .csv, .geojson")
    verb.add_argument("--columns", default="", help="such as id=Call,place=Location,weight=n")
    verb.add_argument("--cell-m", type=float, help="pool the demand into squares of this width")
    verb.add_argument("--candidates", type=Path, help="places to choose from: .csv, .geojson")
    verb.add_argument("--candidate-columns", default="", help="as --columns")
    verb.add_argument("--grid-m", type=float, help="and the middles of squares of this width")
    verb.add_argument("--keep", default="", help="candidates that stay: names, or all of the file")
    verb.add_argument(
        "--problem", choices=("lscp", "mclp", "p-median", "p-centre"), default="lscp",
        help="fewest stations; most in time; least mean time; least greatest time",
    )  # fmt: skip
    verb.add_argument("--stations", help="how many, kept ones included; 1-10 for a curve")
    verb.add_argument("--target-s", type=float, help="seconds by road within which one is in time")
    verb.add_argument("--metric", choices=("emergency", "normal", "foot"), default="emergency")
    verb.add_argument("--limit-s", type=float, default=300.0, help="seconds of search an answer")
    verb.add_argument("--folder", type=Path, help="where graph and order are kept for next time")
    verb.add_argument("--left", action="store_true", help="traffic keeps to the left")
    verb.add_argument("--json", type=Path, metavar="FILE", help="all answers")
    verb.add_argument("--geojson", type=Path, metavar="FILE", help="the last answer as a map")


def _areas(asked: argparse.Namespace) -> int:
    from tocsin.app.ground import AREAS_FILE, town_from_map
    from tocsin.geography.geojson import to_geojson

    settings = settings_of(asked)
    settings.data.mkdir(parents=True, exist_ok=True)
    areas = town_from_map(asked.map_file, settings.data).areas
    target = settings.data / AREAS_FILE
    target.write_text(json.dumps(to_geojson(areas), ensure_ascii=False), encoding="utf-8")
    print(f"{len(areas)} areas written to {target}")
    return 0


def _demo(asked: argparse.Namespace) -> int:
    from tocsin.app.demo import main as demo

    return demo(asked.rest)


def _sim(asked: argparse.Namespace) -> int:
    from tocsin.simulation.campaign import main as campaign

    return campaign(asked.rest)


# -- packs -----------------------------------------------------------------------------


def _pack_verbs(verbs: Any) -> None:
    pack = verbs.add_parser("pack", help="check, explain and cover a pack")
    inner = pack.add_subparsers(required=True, metavar="VERB")
    verb = _verb(inner, "check", _lazy("packing", "check"), "find what is wrong in a pack")
    verb.add_argument("folder", nargs="?", help="a pack's name or folder; default from settings")
    verb = _verb(inner, "explain", _lazy("packing", "explain"), "why a report goes where it goes")
    verb.add_argument("report", type=Path, metavar="REPORT.toml")
    verb.add_argument("--language", default=_language())
    verb = _verb(
        inner, "coverage", _lazy("packing", "coverage"), "each grid cell and type has an owner"
    )
    verb.add_argument("folder", nargs="?", help="a pack's name or folder; default from settings")


# -- keeping ---------------------------------------------------------------------------


def _keeping_verbs(verbs: Any) -> None:
    _verb(
        verbs,
        "verify",
        _lazy("keeping", "verify"),
        "fold the journal and compare it with the board",
    )
    about = "list what listens, where secrets stand and what is unsafe"
    _verb(verbs, "self-check", _lazy("self_check", "self_check"), about)
    backup_verbs(verbs, _verb, _lazy)
    _erase_verb(verbs)


def _erase_verb(verbs: Any) -> None:
    verb = _verb(verbs, "erase", _lazy("erasing", "erase"), "erase one person in one case")
    who = verb.add_mutually_exclusive_group(required=True)
    who.add_argument("--code", help="the tracking code of the person's report")
    who.add_argument("--case", help="the case, with --report or --writer")
    who.add_argument("--alarm", help="the alarm whose words go")
    what = verb.add_mutually_exclusive_group()
    what.add_argument("--report", help="the report of that case")
    what.add_argument("--writer", help="the account whose notes and photos in that case go")
    verb.add_argument(
        "--reason", required=True, choices=("request", "retention", "mistake", "court")
    )


if __name__ == "__main__":
    raise SystemExit(main())

"""`tocsin site`: where stations should stand, on the town's own roads."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tocsin.app.places import Place, SiteError, grid, pooled, read_places
from tocsin.app.simulating import language
from tocsin.dispatching.siting.problem import NoAnswer, Question, Sited, Siting
from tocsin.dispatching.siting.solving import site
from tocsin.dispatching.wording import clock
from tocsin.geography.roads.cch import CchTimes
from tocsin.geography.roads.keeping import kept_roads, read_roads
from tocsin.geography.roads.snapping import Snapper, Snaps
from tocsin.packs.words import word

SHOWN = 20
"""Unreachable places printed by name; all are in the JSON, and their number is said."""


def site_stations(asked: argparse.Namespace) -> int:
    """Reads places and roads, asks one question for one or more numbers of stations, and prints a
    table; `--json` and `--geojson` hold everything."""
    told = language()
    _check(asked)
    graph = (
        read_roads(asked.road_file, drives_on_left=asked.left)
        if asked.folder is None
        else kept_roads(asked.road_file, asked.folder, drives_on_left=asked.left)
    )
    snapper = Snapper(graph, asked.metric)
    demand_file = read_places(asked.demand, _columns(asked.columns), once=True)
    demands = demand_file.places
    if asked.cell_m is not None:
        demands = pooled(demands, asked.cell_m)
    candidates, starts = _candidates(asked, snapper, demands)
    keep = _kept(asked, candidates)
    ends = snapper.snap([each.lon for each in demands], [each.lat for each in demands])
    times_s = CchTimes(graph, folder=asked.folder).table(starts, ends, asked.metric)
    siting = Siting(
        tuple(each.id for each in candidates),
        tuple(each.id for each in demands),
        tuple(each.weight for each in demands),
        times_s.astype(np.float64),
        keep,
    )
    print(_say("read", told, demands=len(demands), refused=demand_file.refused,
               candidates=len(candidates), kept=len(keep)))  # fmt: skip
    answers = [_answer(asked, siting, count) for count in _counts(asked, len(candidates))]
    print("\n".join(_lines(answers, ends, demands, told)))
    if asked.json is not None:
        _write(asked.json, [asdict(answer) for answer in answers])
    if asked.geojson is not None:
        _write(asked.geojson, _geojson(answers[-1], candidates, demands, siting))
    return 0


def _check(asked: argparse.Namespace) -> None:
    for option in ("target_s", "grid_m", "cell_m", "limit_s"):
        value = getattr(asked, option)
        if value is not None and not 0 < value < float("inf"):
            raise SiteError("number", option=f"--{option.replace('_', '-')}")
    if asked.problem in ("lscp", "mclp") and asked.target_s is None:
        raise SiteError("needs", question=asked.problem, option="--target-s")
    if asked.problem != "lscp" and asked.stations is None:
        raise SiteError("needs", question=asked.problem, option="--stations")
    if asked.candidates is None and asked.grid_m is None:
        raise SiteError("needs", question=asked.problem, option="--candidates / --grid-m")


def _columns(text: str) -> dict[str, str]:
    """ "id=Call Number,place=Location" """
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    return {name.strip(): column.strip() for name, _, column in pairs}


def _candidates(
    asked: argparse.Namespace, snapper: Snapper, demands: Sequence[Place]
) -> tuple[tuple[Place, ...], Snaps]:
    """Those on a road, with their places on it. A point of the grid that has none is no loss; a
    named one that has none is an error only where it is to be kept."""
    found: list[Place] = []
    if asked.candidates is not None:
        columns = _columns(asked.candidate_columns)
        found += read_places(asked.candidates, columns, once=False).places
    if asked.grid_m is not None:
        found += grid(demands, asked.grid_m)
    snaps = snapper.snap([each.lon for each in found], [each.lat for each in found])
    rows = np.flatnonzero(~snaps.is_off_road).tolist()
    if not rows:
        raise SiteError("off_roads", name=str(asked.candidates or "--grid-m"))
    return tuple(found[row] for row in rows), snaps.take(rows)


def _kept(asked: argparse.Namespace, candidates: Sequence[Place]) -> tuple[int, ...]:
    """Rows of the candidates named by `--keep`; "all" keeps those of the file."""
    if not asked.keep:
        return ()
    rows = {each.id: row for row, each in enumerate(candidates)}
    named = [name.strip() for name in asked.keep.split(",") if name.strip()]
    if named == ["all"]:
        return tuple(row for name, row in rows.items() if not name.startswith("grid-"))
    for name in named:
        if name not in rows:
            known = ", ".join(list(rows)[:SHOWN])
            raise SiteError("kept", id=name, known=known)
    return tuple(sorted({rows[name] for name in named}))


def _counts(asked: argparse.Namespace, most: int) -> Sequence[int | None]:
    if asked.problem == "lscp":
        return [None]
    low, _, high = asked.stations.partition("-")
    try:
        span = range(int(low), int(high or low) + 1)
    except ValueError:
        span = range(0)
    if not span or span[0] < 1 or span[-1] > most:
        raise SiteError("stations", most=str(most))
    return span


def _answer(asked: argparse.Namespace, siting: Siting, count: int | None) -> Sited:
    question: Question = asked.problem
    try:
        return site(
            siting, question, stations=count, target_s=asked.target_s, limit_s=asked.limit_s
        )
    except NoAnswer as error:
        details = {"stations": str(count), "limit": f"{asked.limit_s:.0f}"}
        raise SiteError(error.reason, **details) from error


# -- what is told ----------------------------------------------------------------------


def _lines(answers: Sequence[Sited], ends: Snaps, demands: Sequence[Place], told: str) -> list[str]:
    lines = [_say("head", told)]
    for each in answers:
        covered = "-" if each.covered is None else f"{each.covered:.2%}"
        proof = _say("optimal", told) if each.is_optimal else _say("gap", told, gap=each.gap)
        times = f"{clock(each.mean_s):>9} {clock(each.greatest_s):>9}"
        lines.append(f"  {len(each.stations):>8} {covered:>9} {times}  {proof}")
    last = answers[-1]
    lines.append(_say("stations", told, names=", ".join(last.stations) or "-"))
    if last.unserved:
        off = {each.id for each, is_off in zip(demands, ends.is_off_road, strict=True) if is_off}
        weight = sum(each.weight for each in last.unserved)
        lines.append(_say("unserved", told, count=len(last.unserved), weight=weight))
        for each in last.unserved[:SHOWN]:
            cause = "off_roads" if each.demand in off else each.cause
            lines.append(f"  {each.demand} ({each.weight:g}): {word('siting_cause', cause, told)}")
    return lines


def _geojson(
    answer: Sited, candidates: Sequence[Place], demands: Sequence[Place], siting: Siting
) -> dict[str, Any]:
    """Stations and demands as points, each with what was said of it."""
    kept = {siting.candidates[row] for row in siting.keep}
    served = {each.demand: each for each in answer.served}
    lost = {each.demand: each.cause for each in answer.unserved}
    features = [
        _feature(each, {"kind": "station", "is_kept": each.id in kept})
        for each in candidates
        if each.id in set(answer.stations)
    ]
    for each in demands:
        about: dict[str, Any] = {"kind": "demand", "weight": each.weight}
        if each.id in served:
            about |= {"station": served[each.id].station, "time_s": served[each.id].time_s}
        if each.id in lost:
            about["unserved"] = lost[each.id]
        features.append(_feature(each, about))
    return {"type": "FeatureCollection", "features": features}


def _feature(place: Place, about: Mapping[str, Any]) -> dict[str, Any]:
    point = {"type": "Point", "coordinates": [round(place.lon, 6), round(place.lat, 6)]}
    return {"type": "Feature", "properties": {"id": place.id, **about}, "geometry": point}


def _write(path: Path, body: Any) -> None:
    text = json.dumps(body, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _say(key: str, told: str, **values: object) -> str:
    return word("siting", key, told).format(**values)

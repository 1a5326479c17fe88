"""The whole answer as bytes for the journal, and its repetition from the kept snapshot.

Canonical JSON: sorted keys, no spaces, numbers in their shortest form that reads back the same.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from functools import lru_cache
from hashlib import sha256
from typing import Any, cast

import numpy as np

from tocsin.dispatching.demand import Demand, Zone
from tocsin.dispatching.policies import repeated
from tocsin.dispatching.problem import CallNow, Engagement, LevelNeeds, Need, Problem, UnitNow
from tocsin.dispatching.recommendation import Candidate, Recommendation, Repair, Shortfall
from tocsin.dispatching.tables import Seconds
from tocsin.kernel.shared import Instant
from tocsin.packs.aid import ASK_S

FORMAT = 1
LITTLE_DOUBLES = "<f8"
_REPAIR_LATER = {"wait_s": None, "reasons": ()}
_CALL_LATER = {"on_request": None, "ask_s": ASK_S, "areas": ()}

Row = dict[str, Any]


def table_bytes(problem: Problem, answer: Recommendation, snapshot: bytes | None = None) -> bytes:
    """The full table of an answer: candidates, times, position ages, costs, reasons, the policy
    and its parameters, and the hash of the snapshot it was made from (`snapshot`: its bytes, for
    who has them)."""
    snapshot = problem_bytes(problem) if snapshot is None else snapshot
    return _canonical(
        {
            "format": FORMAT,
            "at": answer.at.isoformat(),
            "policy": answer.policy,
            "parameters": dict(answer.parameters),
            "method": answer.method,
            "problem": sha256(snapshot).hexdigest(),
            "calls": [
                {
                    "call": advice.call,
                    "sent": [asdict(each) for each in advice.sent],
                    "candidates": [_candidate(each) for each in advice.ranked],
                    "candidate_count": advice.candidate_count,
                    "shortfalls": [_shortfall(each) for each in advice.shortfalls],
                }
                for advice in answer.advice
            ],
        }
    )


def recomputed(problem: bytes, table: bytes) -> bytes:
    """The table made anew from the kept snapshot, with the policy, parameters and method that the
    kept table names: equal bytes, unless one of the two was changed or the lists were cut. Raises
    ValueError for another format, KeyError for a policy that is gone."""
    kept = cast(Row, json.loads(table))
    if kept.get("format") != FORMAT:
        raise ValueError(f"a table of format {kept.get('format')!r} is not known")
    snapshot = problem_of(problem)
    answer = repeated(
        snapshot,
        kept["policy"],
        cast(Mapping[str, float], kept["parameters"]),
        is_exact=kept["method"] != "fallback",
    )
    return table_bytes(snapshot, answer)


def problem_bytes(problem: Problem) -> bytes:
    """A snapshot as bytes, in the order of the ids: equal snapshots give equal bytes. Tables are
    little-endian doubles in base64."""
    problem = problem.ordered()
    demand = problem.demand
    return _canonical(
        {
            "format": FORMAT,
            "at": problem.at.isoformat(),
            "stale_after_s": problem.stale_after_s,
            "units": [_unit_row(unit) for unit in problem.units],
            "calls": [_without(asdict(call), _CALL_LATER) for call in problem.calls],
            "times_s": _packed(problem.times_s),
            "fallback_times_s": _packed(problem.fallback_times_s),
            "p90_factors": _packed(problem.p90_factors),
            "demand": None
            if demand is None
            else {
                "zones": [_flat(zone) for zone in demand.zones],
                "posts": list(demand.posts),
                "unit_times_s": _packed(demand.unit_times_s),
                "post_times_s": _packed(demand.post_times_s),
                "unit_post_times_s": _packed(demand.unit_post_times_s),
            },
        }
    )


def problem_of(data: bytes) -> Problem:
    """The snapshot that `problem_bytes` wrote. Raises ValueError for another format, ProblemError
    for one that contradicts itself."""
    kept = cast(Row, json.loads(data))
    if kept.get("format") != FORMAT:
        raise ValueError(f"a snapshot of format {kept.get('format')!r} is not known")
    units = tuple(_unit(row) for row in kept["units"])
    calls = tuple(_call(row) for row in kept["calls"])
    shape = (len(units), len(calls))
    times_s = _unpacked(kept["times_s"], shape)
    assert times_s is not None, "a snapshot always has its times"
    return Problem(
        Instant.fromisoformat(kept["at"]),
        units,
        calls,
        times_s,
        _unpacked(kept["fallback_times_s"], shape),
        _unpacked(kept["p90_factors"], shape),
        None if kept["demand"] is None else _demand(kept["demand"], len(units)),
        kept["stale_after_s"],
    )


def _canonical(content: Row) -> bytes:
    text = json.dumps(
        content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    return text.encode()


def _candidate(candidate: Candidate) -> Row:
    row = _flat(candidate)
    row["terms"] = dict(candidate.terms)
    row["reasons"] = [{"code": each.code, **dict(each.facts)} for each in candidate.reasons]
    return row


def _shortfall(shortfall: Shortfall) -> Row:
    row = asdict(shortfall)
    row["repairs"] = [_repair(each) for each in shortfall.repairs]
    return row


def _repair(repair: Repair) -> Row:
    row = _without(asdict(repair), _REPAIR_LATER)
    if repair.reasons:
        row["reasons"] = [{"code": each.code, **dict(each.facts)} for each in repair.reasons]
    return row


def _without(row: Row, later: Mapping[str, Any]) -> Row:
    """Without fields that came after the first tables and say nothing: older ones stay as they
    are, to the last byte."""
    return {key: value for key, value in row.items() if key not in later or value != later[key]}


def _flat(value: object) -> Row:
    """The fields of a dataclass by name, not those of what it holds: `asdict` copies all the way
    down, which for hundreds of candidates takes longer than to decide."""
    return {name: getattr(value, name) for name in _names(type(value))}


@lru_cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(each.name for each in fields(kind))


def _packed(table: Seconds | None) -> str | None:
    if table is None:
        return None
    return b64encode(np.ascontiguousarray(table, dtype=LITTLE_DOUBLES).tobytes()).decode()


def _unpacked(text: str | None, shape: tuple[int, int]) -> Seconds | None:
    if text is None:
        return None
    return np.frombuffer(b64decode(text), dtype=LITTLE_DOUBLES).reshape(shape).astype(np.float64)


def _needs(rows: list[Row]) -> tuple[Need, ...]:
    return tuple(Need(**row) for row in rows)


def _unit_row(unit: UnitNow) -> Row:
    row = _without(_flat(unit), {"agency": ""})
    if unit.engagement is not None:
        row["engagement"] = _without(_flat(unit.engagement), {"status_s": None})
    return row


def _unit(row: Row) -> UnitNow:
    engagement = row["engagement"]
    return replace(
        UnitNow(**row),
        capabilities=tuple(row["capabilities"]),
        engagement=None if engagement is None else Engagement(**engagement),
    )


def _call(row: Row) -> CallNow:
    return replace(
        CallNow(**row),
        needs=_needs(row["needs"]),
        assists=_needs(row["assists"]),
        lower_levels=tuple(
            LevelNeeds(each["level"], _needs(each["needs"])) for each in row["lower_levels"]
        ),
        tiers=tuple(row["tiers"]),
        on_request=None if row.get("on_request") is None else tuple(row["on_request"]),
        areas=tuple(row.get("areas", ())),
    )


def _demand(row: Row, unit_count: int) -> Demand:
    zones = tuple(Zone(**each) for each in row["zones"])
    posts = tuple(row["posts"])
    to_zones = _unpacked(row["unit_times_s"], (unit_count, len(zones)))
    assert to_zones is not None, "a demand always has its times"
    return Demand(
        zones,
        to_zones,
        posts,
        _unpacked(row["post_times_s"], (len(posts), len(zones))),
        _unpacked(row["unit_post_times_s"], (unit_count, len(posts))),
    )

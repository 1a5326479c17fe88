"""Stays: how long units of a kind remain in a stage of a call, median and 90th percentile."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, cast, get_args

from tocsin.packs.reading import Problem, Reader, nearest
from tocsin.packs.units import Words

Stage = Literal["turnout", "on_scene", "transporting"]
STAGES: Final[tuple[Stage, ...]] = get_args(Stage)
"""Sent until it rolls; arrived until clear or off with a patient; from there until clear. The way
there is no stay: it is a road time."""
ANY: Final = "any"
"""The entry of kinds that have none of their own."""
STAY_MAX_S: Final = 86_400
"""A unit that stays longer than a day is relieved by another crew."""


@dataclass(frozen=True, slots=True)
class Stay:
    """One stage of one kind of unit, seconds. `share`: percent of calls that have the stage."""

    kind: str
    stage: Stage
    median_s: int
    p90_s: int
    share: int = 100
    source: Words = field(default_factory=dict[str, str])


def read_stays(pack: Reader, languages: Sequence[str] = ()) -> tuple[Stay, ...]:
    """The list `[[stay]]` of a pack or of a fitted file, in the order of the file."""
    found: list[Stay] = []
    for reader in pack.tables("stay"):
        kind = reader.text("kind", ANY)
        stage = cast(Stage, reader.one_of("stage", STAGES))
        median_s = reader.whole("median_s", 0, 1, STAY_MAX_S)
        p90_s = reader.whole("p90_s", 0, 1, STAY_MAX_S)
        for key, value in (("median_s", median_s), ("p90_s", p90_s)):
            if not reader.has(key):
                reader.find(key, "missing", "a stay is a number of whole seconds above 0")
            elif key == "p90_s" and 0 < value < median_s:
                reader.find(key, "bad_value", "must not be below median_s")
        if any((each.kind, each.stage) == (kind, stage) for each in found):
            reader.find("stage", "duplicate", f"{stage} of {kind} is there twice")
        share = reader.whole("share", 100, 1, 100)
        source = reader.said("source", tuple(languages), needed=False)
        found.append(Stay(kind, stage, median_s, p90_s, share, source))
        reader.close()
    return tuple(found)


def stay_of(stays: Sequence[Stay], kind: str, stage: Stage) -> Stay | None:
    """The stay of a kind in a stage: its own, else that of any kind."""
    mine = [each for each in stays if each.stage == stage and each.kind in (kind, ANY)]
    return next((each for each in mine if each.kind == kind), mine[0] if mine else None)


def merged(stays: Sequence[Stay], over: Sequence[Stay]) -> tuple[Stay, ...]:
    """`stays` with those of `over` in place of what they are about."""
    told = {(each.kind, each.stage) for each in over}
    return (*over, *(each for each in stays if (each.kind, each.stage) not in told))


def stay_defects(
    stays: Sequence[Stay], kinds: Collection[str]
) -> Iterator[tuple[str, Problem, str]]:
    """Stays of kinds that there are not."""
    for stay in stays:
        if stay.kind != ANY and stay.kind not in kinds:
            hint = nearest(stay.kind, kinds)
            text = f"there is no unit kind {stay.kind!r}{hint}"
            yield f"stay {stay.kind} {stay.stage}", "dangling", text


__all__ = ["ANY", "STAGES", "Stage", "Stay", "merged", "read_stays", "stay_defects", "stay_of"]

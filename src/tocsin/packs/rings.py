"""Rings: within how long somebody must be there, who promises it, and where it is written.

One kind of object for the 1, 3 and 5 minutes of a police post and the targets of a fire service.
The ground of a ring around a post is the reach area of its `bound_s` on the roads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from tocsin.kernel.shared import TIERS, Tier
from tocsin.packs.reading import Problem, Reader, nearest
from tocsin.packs.units import Capability, UnitKind, Words

Counts = Literal["travel", "order", "report"]
COUNTS: tuple[Counts, ...] = get_args(Counts)
"""Where a bound begins: the unit leaves; it is ordered out; somebody reports."""
Arrives = Literal["first", "second", "all"]
ARRIVES: tuple[Arrives, ...] = get_args(Arrives)

BOUND_MAX_S = 4 * 3600
"""Longer than any target of an emergency service (the longest known here is three hours)."""
DENSITY_MAX = 100_000
"""People on a square kilometre; the densest town there is has about half of it."""


@dataclass(frozen=True, slots=True)
class Ring:
    """One bound in time.

    `bound_s` begins where `counts` says; `before_s` is what may pass between the report and that
    beginning. `tier` promises it, units with `capability` keep it, `arrives` says which of them.
    `share` is the percent of cases that must meet it. `density` bounds the people on a square
    kilometre where it holds, 0 is no bound. `edition` and `source` say where it is written. With
    `in_force` False it is known here, and nobody is held to it.
    """

    code: str
    name: Words
    bound_s: int
    tier: Tier
    capability: str
    edition: str
    source: Words
    share: int = 100
    counts: Counts = "travel"
    before_s: int = 0
    arrives: Arrives = "first"
    density: tuple[int, int] = (0, 0)
    in_force: bool = True

    @property
    def from_report_s(self) -> int:
        """Seconds from the report to the arrival."""
        return self.before_s + self.bound_s


def read_rings(pack: Reader, languages: Sequence[str]) -> tuple[Ring, ...]:
    """The list `[[ring]]` of a pack, in the order of the file."""
    found: list[Ring] = []
    for reader in pack.tables("ring"):
        code = reader.text("code")
        if any(each.code == code for each in found):
            reader.find("code", "duplicate", f"ring {code} is there twice")
        bound_s = reader.whole("bound_s", 0, 1, BOUND_MAX_S)
        if not reader.has("bound_s"):
            reader.find("bound_s", "missing", "a ring is a bound in whole seconds above 0")
        low = reader.whole("density_min", 0, 0, DENSITY_MAX)
        high = reader.whole("density_max", 0, 0, DENSITY_MAX)
        if high and low >= high:
            reader.find("density_max", "bad_value", "must be above density_min")
        ring = Ring(
            code,
            reader.words("name", tuple(languages)),
            bound_s,
            cast(Tier, reader.one_of("tier", TIERS)),
            reader.text("capability"),
            reader.text("edition"),
            reader.said("source", tuple(languages)),
            reader.whole("share", 100, 1, 100),
            cast(Counts, reader.one_of("counts", COUNTS, "travel")),
            reader.whole("before_s", 0, 0, BOUND_MAX_S),
            cast(Arrives, reader.one_of("arrives", ARRIVES, "first")),
            (low, high),
            reader.flag("in_force", True),
        )
        if ring.counts == "report" and ring.before_s:
            reader.find("before_s", "bad_value", "nothing passes before the report")
        found.append(ring)
        reader.close()
    return tuple(found)


def ring_defects(
    rings: Sequence[Ring],
    capabilities: Mapping[str, Capability],
    kinds: Mapping[str, UnitKind],
) -> Iterator[tuple[str, Problem, str]]:
    """Rings that ask for what nobody is or has."""
    able = {name for kind in kinds.values() for name in kind.capabilities}
    for ring in rings:
        if ring.capability not in capabilities:
            hint = nearest(ring.capability, capabilities)
            text = f"there is no capability {ring.capability!r}{hint}"
            yield f"ring {ring.code}", "dangling", text
        elif ring.in_force and ring.capability not in able:
            text = f"no unit kind has the capability {ring.capability!r}"
            yield f"ring {ring.code}", "cannot_be_kept", text


def rings_for(
    rings: Sequence[Ring],
    capabilities: Sequence[str],
    tier: Tier,
    density: float | None = None,
) -> tuple[Ring, ...]:
    """The rings in force that a case of that tier is held to: for one capability after the other,
    the shortest first, ties by code.

    Of each capability those of the case's own tier; where it has none for the first to arrive, of
    the next tier above that has, else of the next below. `density` (people on a square kilometre)
    leaves out rings that are written for other places; unknown leaves out all bound to one.
    """
    found: list[Ring] = []
    for capability in dict.fromkeys(capabilities):
        held = [
            ring
            for ring in rings
            if ring.in_force and ring.capability == capability and _holds(ring, density)
        ]
        own = TIERS.index(tier)
        for place in (*range(own, -1, -1), *range(own + 1, len(TIERS))):
            mine = [ring for ring in held if ring.tier == TIERS[place]]
            if any(ring.arrives == "first" for ring in mine):
                found += sorted(mine, key=lambda ring: (ring.from_report_s, ring.code))
                break
    return tuple(found)


def _holds(ring: Ring, density: float | None) -> bool:
    low, high = ring.density
    if not (low or high):
        return True
    return density is not None and low <= density and (not high or density < high)


__all__ = ["ARRIVES", "COUNTS", "Ring", "read_rings", "ring_defects", "rings_for"]

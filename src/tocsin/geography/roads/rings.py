"""Rings: within how long somebody must be able to reach a place, who promises it, and where it
is written. One kind of object for the 1-3-5 minutes of a police post and the targets of a fire
service; the area of a ring around a post is `TravelTimes.reach(post, (ring.limit_s,), metric)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tocsin.geography.roads.speeds import Metric
from tocsin.kernel.shared import Tier

PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class Ring:
    """One time bound.

    `limit_s` is travel by road from leaving the post to arriving, unless `counts` says that the
    bound begins earlier. `tier` owns it, `unit_class` must keep it, `target` is the share of cases
    in percent that must meet it, `edition` and `source` say where it is written.
    """

    id: str
    limit_s: float
    tier: Tier
    unit_class: str
    target: float
    edition: str
    source: str
    metric: Metric = "emergency"
    counts: str = "travel"

    def __post_init__(self) -> None:
        if not self.limit_s > 0:
            raise ValueError(f"ring {self.id}: a limit is above 0 s")
        if not 0 < self.target <= PERCENT:
            raise ValueError(f"ring {self.id}: a target is a share in percent, above 0")
        if not (self.edition and self.source):
            raise ValueError(f"ring {self.id}: it says where it is written, and which edition")


_NFPA_1710: Final = "NFPA 1710, Organization and Deployment of Career Fire Departments"
_JIANBIAO_152: Final = "建标 152, 城市消防站建设标准"
_POLICE_135: Final = "城市快警 1、3、5 分钟快速反应机制 (湖南省, fast police of cities)"

KNOWN_RINGS: Final[tuple[Ring, ...]] = (
    Ring("police-1", 60.0, "village", "foot-patrol", 100, "2019", _POLICE_135),
    Ring("police-3", 180.0, "town", "patrol-car", 100, "2019", _POLICE_135),
    Ring("police-5", 300.0, "county", "patrol-car", 100, "2019", _POLICE_135),
    Ring("nfpa-first-engine", 240.0, "town", "engine", 90, "2020", _NFPA_1710),
    Ring("nfpa-second-engine", 360.0, "town", "engine", 90, "2020", _NFPA_1710),
    Ring("nfpa-full-alarm", 480.0, "county", "engine", 90, "2020", _NFPA_1710),
    Ring("nfpa-high-rise", 610.0, "county", "engine", 90, "2020", _NFPA_1710),
    Ring("nfpa-first-medical", 240.0, "town", "ambulance", 90, "2020", _NFPA_1710),
    Ring("nfpa-advanced-medical", 480.0, "county", "ambulance", 90, "2020", _NFPA_1710),
    Ring(
        *("jianbiao-152-first-engine", 300.0, "town", "engine", 100, "2017", _JIANBIAO_152),
        counts="order to arrival",
    ),
)
"""Targets known here, so that a town can take or leave them; none is in force by itself.

The tiers are ours, after the practice that the police rings come from: posts and patrols in one
minute, a district's own in three, the city's in five. Regions write it down each in their own way;
who uses the rings puts their own document there.
"""


def rings_of(unit_class: str, rings: tuple[Ring, ...] = KNOWN_RINGS) -> tuple[Ring, ...]:
    """The rings that a class of units must keep, the shortest first, ties by id."""
    kept = [ring for ring in rings if ring.unit_class == unit_class]
    return tuple(sorted(kept, key=lambda ring: (ring.limit_s, ring.id)))

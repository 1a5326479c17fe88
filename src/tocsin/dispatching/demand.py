"""Where calls are expected and how soon posts and units could be there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite

import numpy as np

from tocsin.dispatching.tables import Seconds, frozen_table, wrong_times


@dataclass(frozen=True, slots=True)
class Zone:
    """A place with expected calls for one capability. `weight` is any rate (calls a day); only
    shares of the sum count. Covered means: reached within `target_s`."""

    id: str
    weight: float
    capability: str
    target_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """Zones, and median seconds to them.

    `unit_times_s` (units x zones) from where each unit is now; `post_times_s` (posts x zones) and
    `unit_post_times_s` (units x posts) are needed for move-up advice only. inf for no way.
    """

    zones: tuple[Zone, ...]
    unit_times_s: Seconds
    posts: tuple[str, ...] = ()
    post_times_s: Seconds | None = None
    unit_post_times_s: Seconds | None = None

    def __post_init__(self) -> None:
        for name in ("unit_times_s", "post_times_s", "unit_post_times_s"):
            object.__setattr__(self, name, frozen_table(getattr(self, name)))

    def with_units(self, rows: list[int]) -> Demand:
        """The same demand with the rows of units in another order."""
        to_posts = self.unit_post_times_s
        return replace(
            self,
            unit_times_s=self.unit_times_s[rows],
            unit_post_times_s=None if to_posts is None else to_posts[rows],
        )

    def ordered(self) -> Demand:
        """The same demand with zones and posts by id."""
        keys = [(zone.id, zone.capability) for zone in self.zones]
        if keys == sorted(keys) and list(self.posts) == sorted(self.posts):
            return self  # as a rule: looked at before each decision
        columns = sorted(range(len(keys)), key=keys.__getitem__)
        posts = sorted(range(len(self.posts)), key=self.posts.__getitem__)
        of_posts, to_posts = self.post_times_s, self.unit_post_times_s
        return Demand(
            tuple(self.zones[column] for column in columns),
            self.unit_times_s[:, columns],
            tuple(self.posts[post] for post in posts),
            None if of_posts is None else of_posts[np.ix_(posts, columns)],
            None if to_posts is None else to_posts[:, posts],
        )

    def defects(self, unit_count: int) -> tuple[str, ...]:
        """What is wrong with it beside a fleet of that size, in plain words."""
        zones, posts = len(self.zones), len(self.posts)
        found = [
            *wrong_times(self.unit_times_s, (unit_count, zones), "demand.unit_times_s"),
            *wrong_times(self.post_times_s, (posts, zones), "demand.post_times_s"),
            *wrong_times(self.unit_post_times_s, (unit_count, posts), "demand.unit_post_times_s"),
        ]
        if len({(zone.id, zone.capability) for zone in self.zones}) != zones:
            found.append("a demand zone is there twice for one capability")
        if len(set(self.posts)) != posts:
            found.append("a post is there twice")
        for zone in self.zones:
            if not (zone.weight >= 0 and isfinite(zone.weight)):
                found.append(f"zone {zone.id} has the weight {zone.weight}")
            if not 0 < zone.target_s < float("inf"):
                found.append(f"zone {zone.id} has a target of {zone.target_s} s")
        return tuple(found)

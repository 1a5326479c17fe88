"""Turn restrictions of OpenStreetMap as runs of edges that may not be driven in a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tocsin.geography.roads.drafting import DraftRoad
from tocsin.geography.roads.tags import Tags

Way = tuple[int, bool]
"""A road of the draft, and whether along it."""
Run = tuple[Way, ...]

KEYS: Final = ("restriction:motorcar", "restriction:motor_vehicle", "restriction")
TIMED: Final = ("day_on", "hour_on", "restriction:conditional")
EXCEPTED: Final = frozenset(("motorcar", "motor_vehicle", "vehicle"))


@dataclass(frozen=True, slots=True)
class Restriction:
    """A relation as read: its kind (`no_left_turn`) and its members' numbers."""

    kind: str
    sources: tuple[int, ...]
    via_nodes: tuple[int, ...]
    via_ways: tuple[int, ...]
    targets: tuple[int, ...]


def restriction_of(tags: Tags, members: Sequence[tuple[str, str, int]]) -> Restriction | None:
    """From the tags and the (role, type, number) of the members.

    None for what does not bind every driver at every hour, or binds no driver at all: those are
    left out and counted.
    """
    kind = next((tags[key] for key in KEYS if key in tags), "")
    if not kind.startswith(("no_", "only_")) or any(key in tags for key in TIMED):
        return None
    if EXCEPTED & {each.strip() for each in tags.get("except", "").split(";")}:
        return None

    def numbers(role: str, sort: str) -> tuple[int, ...]:
        return tuple(ref for had, of, ref in members if had == role and of == sort)

    found = Restriction(
        kind, numbers("from", "w"), numbers("via", "n"), numbers("via", "w"), numbers("to", "w")
    )
    has_one_via = len(found.via_nodes) + len(found.via_ways) == 1
    return found if found.sources and found.targets and has_one_via else None


class Joints:
    """Which driven ways leave each crossing."""

    def __init__(self, roads: Sequence[DraftRoad]) -> None:
        self.roads = roads
        self._leaving: dict[int, list[Way]] = {}
        self._of_ref: dict[int, list[int]] = {}
        for index, road in enumerate(roads):
            self._of_ref.setdefault(road.ref, []).append(index)
            if any(road.forward[:2]):
                self._leaving.setdefault(road.tail, []).append((index, True))
            if any(road.backward[:2]):
                self._leaving.setdefault(road.head, []).append((index, False))

    def end(self, way: Way) -> int:
        """The crossing it leads to."""
        road = self.roads[way[0]]
        return road.head if way[1] else road.tail

    def leaving(self, node: int, ref: int | None = None) -> list[Way]:
        """The ways that leave a crossing, of one source way or of all."""
        ways = self._leaving.get(node, [])
        return [way for way in ways if ref is None or self.roads[way[0]].ref == ref]

    def entering(self, node: int, ref: int) -> list[Way]:
        """The ways of one source way that lead to a crossing."""
        return [
            (index, forward)
            for index in self._of_ref.get(ref, [])
            for forward, speeds in (
                (True, self.roads[index].forward), (False, self.roads[index].backward),
            )
            if any(speeds[:2]) and self.end((index, forward)) == node
        ]  # fmt: skip

    def along(self, ref: int) -> list[Way]:
        """The ways of a source way, if it is one road; none if crossings part it."""
        roads = self._of_ref.get(ref, [])
        if len(roads) != 1:
            return []
        return [way for end in (self.roads[roads[0]].tail, self.roads[roads[0]].head)
                for way in self.leaving(end, ref)]  # fmt: skip

    def start(self, way: Way) -> int:
        """The crossing it leads away from."""
        road = self.roads[way[0]]
        return road.tail if way[1] else road.head


def bans_of(joints: Joints, restriction: Restriction) -> list[Run]:
    """The runs that a restriction forbids; empty where its members do not meet unambiguously."""
    if restriction.via_ways:
        return _over_a_way(joints, restriction)
    node = restriction.via_nodes[0]
    only = restriction.kind.startswith("only_")
    runs: list[Run] = []
    for source in restriction.sources:
        befores = joints.entering(node, source)
        if len(befores) != 1:
            return []
        targets = [way for ref in restriction.targets for way in joints.leaving(node, ref)]
        if not targets or (len(targets) > len(restriction.targets)):
            return []
        after = [w for w in joints.leaving(node) if w not in targets] if only else targets
        runs += [(befores[0], way) for way in after]
    return runs


def _over_a_way(joints: Joints, restriction: Restriction) -> list[Run]:
    only = restriction.kind.startswith("only_")
    runs: list[Run] = []
    for via in joints.along(restriction.via_ways[0]):
        begin, end = joints.start(via), joints.end(via)
        befores = [way for ref in restriction.sources for way in joints.entering(begin, ref)]
        targets = [way for ref in restriction.targets for way in joints.leaving(end, ref)]
        if len(befores) != 1 or len(targets) != 1:
            continue
        if not only:
            runs.append((befores[0], via, targets[0]))
            continue
        runs += [(befores[0], way) for way in joints.leaving(begin) if way != via]
        runs += [(befores[0], via, way) for way in joints.leaving(end) if way != targets[0]]
    return runs


def all_bans(
    roads: Sequence[DraftRoad], restrictions: Mapping[int, Restriction]
) -> tuple[list[Run], int]:
    """The runs of all restrictions (by relation number), and how many could not be placed."""
    joints = Joints(roads)
    runs: list[Run] = []
    ignored = 0
    for _, restriction in sorted(restrictions.items()):
        found = bans_of(joints, restriction)
        ignored += not found
        runs += found
    return runs, ignored

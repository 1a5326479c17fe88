"""What the roads were asked before is not asked again, and the numbers are those of asking anew."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from tests.web.road_town import lay_roads
from tocsin.geography.roads.changes import RoadChange, RoadChanges
from tocsin.kernel.shared import Place
from tocsin.runtime.recommending.net import COLUMNS_KEPT, RoadNet
from tocsin.runtime.recommending.travel import Travel, Way

WHEN = (1, 10)


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> RoadNet:
    return lay_roads(tmp_path_factory.mktemp("roads"))


def places(net: RoadNet, draw: Random, count: int) -> list[Place]:
    graph = net.graph
    found: list[Place] = []
    for _ in range(count):
        node = draw.randrange(graph.node_count)
        lon, lat = float(graph.node_lon[node]), float(graph.node_lat[node])
        found.append(Place(lon + draw.uniform(-1e-4, 1e-4), lat + draw.uniform(-1e-4, 1e-4)))
    return found


def travel(net: RoadNet) -> Travel:
    return Travel(net, net.now(WHEN, ()), net.usual(WHEN))


@pytest.mark.parametrize("seed", range(6))
def test_what_is_remembered_is_what_would_be_found(net: RoadNet, seed: int) -> None:
    """Units move, stand two to a post and are nowhere; cases come, go and come back."""
    draw = Random(seed)
    units: list[Place | None] = [*places(net, draw, 12), None]
    cases = places(net, draw, 9)
    ways: tuple[Way, ...] = ("emergency", "normal", "foot", "straight")
    for _ in range(12):
        for row in draw.sample(range(len(units)), draw.randrange(4)):
            units[row] = draw.choice([*places(net, draw, 2), units[0], None])
        asked = draw.sample(cases, draw.randrange(1, len(cases)))
        way = draw.choice(ways)
        found = travel(net).remembered(way, units, asked)
        for one, other in zip(found, travel(net).table(way, units, asked), strict=True):
            assert np.array_equal(one, other)


def test_other_roads_are_other_numbers(net: RoadNet) -> None:
    draw = Random(9)
    units, cases = places(net, draw, 8), places(net, draw, 4)
    base = net.usual(WHEN)
    slow = RoadChanges((RoadChange(3.0, tuple(range(net.graph.edge_count))),))
    quick = Travel(net, base, base).remembered("emergency", units, cases)[0].copy()
    for _ in range(2):
        changed = base.with_changes(slow)
        found = Travel(net, changed, base).remembered("emergency", units, cases)[0]
        assert np.array_equal(found, Travel(net, changed, base).table("emergency", units, cases)[0])
        assert not np.array_equal(found, quick)
    assert np.array_equal(Travel(net, base, base).remembered("emergency", units, cases)[0], quick)


def test_the_roads_are_asked_about_what_moved_only(net: RoadNet) -> None:
    draw = Random(3)
    units, cases = places(net, draw, 10), places(net, draw, 5)
    sizes: list[tuple[int, int]] = []
    now = travel(net)

    def ask(some: list[Place], others: list[Place]) -> tuple[np.ndarray, np.ndarray]:
        sizes.append((len(some), len(others)))
        table = now.table("emergency", some, others)
        return table[0], table[1]

    views = (net.now(WHEN, ()), net.usual(WHEN))
    net._tables.clear()
    net.table("emergency", views, units, cases[:3], ask)  # type: ignore[arg-type]
    net.table("emergency", views, units, cases[:3], ask)  # type: ignore[arg-type]
    net.table("emergency", views, units, cases[2:4], ask)  # type: ignore[arg-type]
    net.table("emergency", views, units, cases[:2], ask)  # type: ignore[arg-type]
    moved = [*places(net, draw, 1), *units[1:]]
    net.table("emergency", views, moved, cases[:2], ask)  # type: ignore[arg-type]
    assert sizes == [(10, 3), (10, 1), (1, 2)]


def test_what_is_remembered_has_an_end(net: RoadNet) -> None:
    draw = Random(4)
    units = places(net, draw, 2)
    for _ in range(4):
        travel(net).remembered("emergency", units, places(net, draw, COLUMNS_KEPT))
        assert len(net._tables["emergency"].columns) <= 2 * COLUMNS_KEPT

"""Small road graphs drawn by Hypothesis, and an oracle that knows nothing of layers or arcs.

The oracle walks the roads themselves: a state is the run of edges just driven, as far back as a
ban can look, and the time so far. It is slow, and simple enough to be read at one sitting.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from math import inf, isfinite

import numpy as np
from hypothesis import strategies as st

from tocsin.geography.roads.drafting import Draft, DraftRoad, graph_of
from tocsin.geography.roads.errors import RoadsError
from tocsin.geography.roads.graph import RoadGraph
from tocsin.geography.roads.layers import turn_times
from tocsin.geography.roads.snapping import Snaps, placed_on
from tocsin.geography.roads.speeds import CLASS_INDEX, METRICS, Metric

CENTRE = (24.93, 60.17)
NODES_MAX, ROADS_MAX = 7, 14

Turn = Callable[[RoadGraph, Metric, int, int], float]


def spot(node: int) -> tuple[float, float]:
    """A crossing's place: on a crooked spiral, so that no two roads are alike."""
    return CENTRE[0] + 0.003 * (node % 3) + 0.0001 * node, CENTRE[1] + 0.002 * (node // 3)


@st.composite
def graphs(draw: st.DrawFn) -> RoadGraph:
    """Up to 7 crossings and 14 roads: one-way, foot only, doubled, loops, dead ends, bans,
    barriers and lights. Kept to the largest network, as every graph is."""
    count = draw(st.integers(2, NODES_MAX))
    roads: list[DraftRoad] = []
    for ref in range(draw(st.integers(1, ROADS_MAX))):
        tail = draw(st.integers(0, count - 1))
        head = draw(st.integers(0, count - 1))
        kind = draw(st.sampled_from(["two-way", "two-way", "one-way", "foot", "engines"]))
        speed = float(draw(st.integers(5, 90)))
        fast = {"foot": 0.0, "engines": speed}.get(kind, speed * 1.25)
        forward = (fast, 0.0 if kind in ("foot", "engines") else speed, 5.0)
        backward = (0.0, 0.0, 5.0) if kind == "one-way" else forward
        bend = spot(tail)[0] + 0.0007 * (ref + 1), spot(tail)[1] + 0.0004
        corners = (spot(tail), bend, spot(head))
        code = CLASS_INDEX["residential"]
        roads.append(DraftRoad(tail, head, corners, forward, backward, code, f"s{ref}", ref))
    runs = draw(bans_among(roads))
    shut = draw(st.sets(st.integers(0, count - 1), max_size=1))
    barriers = dict.fromkeys(sorted(shut), (False, True, False))
    signals = frozenset(draw(st.sets(st.integers(0, count - 1), max_size=2)))
    return graph_of(Draft(roads, signals, barriers, runs))


def drawn_graphs() -> st.SearchStrategy[RoadGraph]:
    """Graphs of which something is left."""

    @st.composite
    def drawn(draw: st.DrawFn) -> RoadGraph:
        try:
            return draw(graphs())
        except RoadsError:
            return draw(st.nothing())

    return drawn()


def bans_among(roads: list[DraftRoad]) -> st.SearchStrategy[list[tuple[tuple[int, bool], ...]]]:
    """Some of the runs of two and three ways that follow one another."""
    ways = [(road, ahead) for road in range(len(roads)) for ahead in (True, False)]
    begin = {way: roads[way[0]].tail if way[1] else roads[way[0]].head for way in ways}
    end = {way: roads[way[0]].head if way[1] else roads[way[0]].tail for way in ways}
    pairs = [(a, b) for a in ways for b in ways if end[a] == begin[b]]
    triples = [(a, b, c) for a, b in pairs for c in ways if end[b] == begin[c]]
    few = st.lists(st.sampled_from(pairs), max_size=6)
    over = st.lists(st.sampled_from(triples), max_size=12)
    return st.tuples(few, over).map(lambda both: [*both[0], *both[1]])


@st.composite
def places(draw: st.DrawFn, graph: RoadGraph, most: int = 4) -> Snaps:
    """Places on random roads, ends and middles, now and then off the roads."""
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(-1, graph.road_count - 1),
                st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0.0, 1.0)),
            ),
            min_size=1,
            max_size=most,
        )
    )
    return placed_on(graph, [row[0] for row in rows], [row[1] for row in rows])


def turn_s(graph: RoadGraph, metric: Metric, before: int, after: int) -> float:
    """Seconds of one turn; infinite where a barrier forbids it. Bans are not looked at."""
    if metric == "foot":
        return 0.0
    one = turn_times(graph, metric, np.array([before], np.int32), np.array([after], np.int32))
    return inf if one[0] >= 2**31 - 1 else float(one[0]) / 1000.0


def plain_time_s(
    graph: RoadGraph,
    metric: Metric,
    source: tuple[int, float],
    target: tuple[int, float],
    factor: np.ndarray | None = None,
) -> float:
    """Seconds from one (road, share) to another by walking all ways in order of time."""
    if source[0] < 0 or target[0] < 0:
        return inf
    pairs = set(zip(graph.ban_from.tolist(), graph.ban_to.tolist(), strict=True))
    triples = {tuple(run) for run in graph.path_bans.tolist()}
    edges = range(graph.edge_count)

    def edge_s(edge: int) -> float:
        speed = float(graph.speed_km_h[METRICS.index(metric), edge])
        times = 1.0 if factor is None else float(factor[edge])
        if speed <= 0 or not isfinite(times):
            return inf
        return max(0.001, float(graph.length_m[graph.edge_road[edge]]) * 3.6 / speed * times)

    def done(edge: int, place: tuple[int, float]) -> float:
        return place[1] if graph.is_forward[edge] else 1.0 - place[1]

    best = inf
    queue: list[tuple[float, tuple[int, ...]]] = []
    for edge in edges:
        if graph.edge_road[edge] == source[0] and isfinite(edge_s(edge)):
            here = done(edge, source)
            heapq.heappush(queue, ((1.0 - here) * edge_s(edge), (edge,)))
            if source[0] == target[0] and done(edge, target) >= here:
                best = min(best, (done(edge, target) - here) * edge_s(edge))
    seen: set[tuple[int, ...]] = set()
    while queue:
        spent, run = heapq.heappop(queue)
        if run in seen or spent >= best:
            continue
        seen.add(run)
        last = run[-1]
        for edge in edges:
            if graph.edge_tail[edge] != graph.edge_head[last] or not isfinite(edge_s(edge)):
                continue
            if metric != "foot" and ((last, edge) in pairs or (*run, edge)[-3:] in triples):
                continue
            begun = spent + turn_s(graph, metric, last, edge)
            if graph.edge_road[edge] == target[0]:
                best = min(best, begun + done(edge, target) * edge_s(edge))
            if isfinite(begun):
                heapq.heappush(queue, (begun + edge_s(edge), (last, edge)))
    return best

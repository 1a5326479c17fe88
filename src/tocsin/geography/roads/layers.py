"""The network as states and arcs: edge by edge where turns count, node by node on foot.

A state is "about to travel along an edge". Driving, each edge has its own, so that a turn has a
cost or is banned exactly. On foot, where turning is free, all edges of a node share one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tocsin.geography.distance import METRES_PER_DEGREE
from tocsin.geography.roads.changes import INF_MS
from tocsin.geography.roads.drafting import banned, turns_of
from tocsin.geography.roads.graph import Flags, Floats, Indices, Longs, RoadGraph, offsets_of
from tocsin.geography.roads.snapping import Snaps
from tocsin.geography.roads.speeds import DRIVEN, METRICS, TURN_COSTS, Metric, TurnCosts

NO_STATE: Final = -1


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """States and arcs of some metrics.

    Arc k leaves state `arc_tail[k]`, runs along the whole edge `arc_edge[k]`, turns (which takes
    `turn_ms[metric][k]`, `INF_MS` where it is banned) and reaches state `arc_head[k]`. The arcs
    `exit_from[e]` to `exit_from[e + 1]` are those that leave edge e, however it was reached.
    `entries[e]` are the states in which one is about to travel edge e, padded with `NO_STATE`.
    """

    metrics: tuple[Metric, ...]
    state_count: int
    state_lon: Floats
    state_lat: Floats
    arc_tail: Indices
    arc_head: Indices
    arc_edge: Indices
    exit_from: Longs
    entries: Indices
    turn_ms: dict[Metric, Longs]

    def weights(self, metric: Metric, edge_ms: Longs) -> Longs:
        """Milliseconds of each arc, `INF_MS` where there is no way."""
        along, turn = edge_ms[self.arc_edge], self.turn_ms[metric]
        total = np.minimum(along + turn, INF_MS)
        return np.where((along >= INF_MS) | (turn >= INF_MS), INF_MS, total)


def foot_layer(graph: RoadGraph) -> Layer:
    """Node by node, exact because turning costs nothing on foot and no ban holds."""
    edges = np.flatnonzero(graph.is_open("foot")).astype(np.int32)
    entries = np.full((graph.edge_count, 1), NO_STATE, dtype=np.int32)
    entries[edges, 0] = graph.edge_tail[edges]
    counts = np.zeros(graph.edge_count, dtype=np.int64)
    counts[edges] = 1
    return Layer(
        ("foot",),
        graph.node_count,
        graph.node_lon,
        graph.node_lat,
        graph.edge_tail[edges],
        graph.edge_head[edges],
        edges,
        offsets_of(counts),
        entries,
        {"foot": np.zeros(len(edges), dtype=np.int64)},
    )


def driving_layer(graph: RoadGraph) -> Layer:
    """Edge by edge; a ban over three edges gives the middle one a second state (see `_copies`)."""
    usable = graph.is_open("emergency") | graph.is_open("normal")
    edges = np.flatnonzero(usable).astype(np.int32)
    state = np.full(graph.edge_count, NO_STATE, dtype=np.int32)
    state[edges] = np.arange(len(edges), dtype=np.int32)
    before, after = turns_of(graph, usable)
    allowed = ~banned(graph, before, after)
    before, after = before[allowed], after[allowed]
    counts = np.bincount(before, minlength=graph.edge_count)
    exit_from = offsets_of(counts)
    tails, heads, arc_edge, entries, sources = _copies(graph, state, before, after, exit_from)
    turn_ms: dict[Metric, Longs] = {
        metric: turn_times(graph, metric, before, after) for metric in DRIVEN
    }
    of_state = np.zeros(int(entries.max()) + 1, dtype=np.int32)
    for column in entries.T:
        held = column != NO_STATE
        of_state[column[held]] = np.flatnonzero(held)
    return Layer(
        DRIVEN,
        len(of_state),
        # A little along the edge: states that share a point can not be parted by where they lie.
        graph.node_lon[graph.edge_tail[of_state]] * 0.9
        + graph.node_lon[graph.edge_head[of_state]] * 0.1,
        graph.node_lat[graph.edge_tail[of_state]] * 0.9
        + graph.node_lat[graph.edge_head[of_state]] * 0.1,
        tails,
        heads,
        arc_edge,
        exit_from,
        entries,
        {metric: turn_ms[metric][sources] for metric in DRIVEN},
    )


def _copies(
    graph: RoadGraph, state: Indices, before: Indices, after: Indices, exit_from: Longs
) -> tuple[Indices, Indices, Indices, Indices, Longs]:
    """The arcs, with bans over three edges made exact.

    For a ban (from, via, to), whoever enters `via` out of `from` is put into a second state of
    `via`, whose arcs are those of `via` without the one into `to`. Returns tails, heads and edges
    of the arcs, the states of each edge, and for each arc the turn it is made of.
    """
    forbidden: dict[tuple[int, int], list[int]] = {}
    for first, via, last in graph.path_bans.tolist():
        forbidden.setdefault((first, via), []).append(last)
    heads, tails = state[after].copy(), state[before].copy()
    extra: dict[int, list[int]] = {}
    made: list[tuple[int, int, list[int]]] = []
    count = int(state.max()) + 1
    for (first, via), lasts in sorted(forbidden.items()):
        here = np.arange(int(exit_from[first]), int(exit_from[first + 1]))
        turn = here[after[here] == via]
        if len(turn):
            heads[turn] = count
            made.append((count, via, lasts))
            extra.setdefault(via, []).append(count)
            count += 1
    new_tails, new_turns = [tails], [np.arange(len(before), dtype=np.int64)]
    for copy, via, lasts in made:
        here = np.arange(int(exit_from[via]), int(exit_from[via + 1]))
        here = here[~np.isin(after[here], lasts)]
        new_tails.append(np.full(len(here), copy, dtype=np.int32))
        new_turns.append(here)
    turns = np.concatenate(new_turns)
    entries = np.full(
        (graph.edge_count, 1 + max([0, *map(len, extra.values())])), NO_STATE, np.int32
    )
    entries[:, 0] = state
    for via, copies in extra.items():
        entries[via, 1 : 1 + len(copies)] = copies
    return np.concatenate(new_tails), heads[turns], before[turns], entries, turns


def turn_times(graph: RoadGraph, metric: Metric, before: Indices, after: Indices) -> Longs:
    """Milliseconds of each turn, `INF_MS` at a barrier.

    OSRM 5's car profile: `turn_s / (1 + exp(-(13 / b * share - 6.5 * b)))` with the share of a
    half turn and the bias b (1 / b for the turn across the oncoming lane), only where three roads
    or more meet; and what `TurnCosts` adds.
    """
    costs = TURN_COSTS[metric]
    node = graph.edge_head[before]
    back = graph.edge_road[before] == graph.edge_road[after]
    back &= graph.is_forward[before] != graph.is_forward[after]
    seconds = np.where(back, costs.u_turn_s, 0.0)
    seconds += np.where(_is_crossing(graph)[node], _bend_s(graph, costs, before, after), 0.0)
    seconds += np.where(graph.has_signals[node], costs.signal_s, 0.0)
    barred = graph.barrier_at[METRICS.index(metric), node] & ~back
    return np.where(barred, INF_MS, np.rint(seconds * 1000.0)).astype(np.int64)


def _is_crossing(graph: RoadGraph) -> Flags:
    """For each node, whether three ends of driven roads or more meet there."""
    driven = graph.is_open("emergency") | graph.is_open("normal")
    ends: set[tuple[int, int, bool]] = set()
    for edge in np.flatnonzero(driven).tolist():
        road, ahead = int(graph.edge_road[edge]), bool(graph.is_forward[edge])
        ends.add((int(graph.edge_tail[edge]), road, ahead))
        ends.add((int(graph.edge_head[edge]), road, not ahead))
    counts = np.zeros(graph.node_count, dtype=np.int64)
    np.add.at(counts, np.array(sorted(node for node, _, _ in ends), dtype=np.int64), 1)
    return counts >= 3


def _bend_s(graph: RoadGraph, costs: TurnCosts, before: Indices, after: Indices) -> Floats:
    first, last = _bearings(graph)
    angle = (first[after] - last[before] + 180.0) % 360.0 - 180.0  # right is positive
    bias = 1.0 / costs.bias if graph.drives_on_left else costs.bias
    share = np.abs(angle) / 180.0
    steep = np.where(angle >= 0, 13.0 / bias, 13.0 * bias)
    shift = np.where(angle >= 0, 6.5 * bias, 6.5 / bias)
    return costs.turn_s / (1.0 + np.exp(-(steep * share - shift)))


def _bearings(graph: RoadGraph) -> tuple[Floats, Floats]:
    """Course in degrees at the beginning and the end of each edge, on the flat map."""
    start, end = graph.shape_from[:-1], graph.shape_from[1:] - 1

    def course(a: Longs, b: Longs) -> Floats:
        shrink = np.cos(np.radians(graph.shape_lat[a]))
        east = (graph.shape_lon[b] - graph.shape_lon[a]) * shrink * METRES_PER_DEGREE
        north = (graph.shape_lat[b] - graph.shape_lat[a]) * METRES_PER_DEGREE
        return np.degrees(np.arctan2(east, north))

    head, tail = course(start, start + 1), course(end - 1, end)
    road, ahead = graph.edge_road, graph.is_forward
    return (
        np.where(ahead, head[road], tail[road] + 180.0),
        np.where(ahead, tail[road], head[road] + 180.0),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """For each place the states it can be left by or reached in: padded rows.

    `state` is `NO_STATE` in the padding, `ms` what it takes from the place to the state, or from
    the state to the place.
    """

    state: Indices
    ms: Longs


def departures(layer: Layer, metric: Metric, edge_ms: Longs, places: Snaps) -> Ends:
    """What can be reached next from each place: the rest of its edge and one turn."""
    rows: list[list[tuple[int, int]]] = []
    turn = layer.turn_ms[metric]
    for forward, backward, offset in zip(
        places.forward.tolist(), places.backward.tolist(), places.offset.tolist(), strict=True
    ):
        found: list[tuple[int, int]] = []
        for edge, left in ((forward, 1.0 - offset), (backward, offset)):
            if edge < 0 or edge_ms[edge] >= INF_MS:
                continue
            rest = round(left * int(edge_ms[edge]))
            for arc in range(layer.exit_from[edge], layer.exit_from[edge + 1]):
                if turn[arc] < INF_MS:
                    found.append((int(layer.arc_head[arc]), rest + int(turn[arc])))
        rows.append(found)
    return _padded(rows)


def origins(layer: Layer, edge_ms: Longs, places: Snaps) -> Ends:
    """The same ways as `departures` by fewer states: the place is so far ahead of where its edge
    begins, so `ms` is negative (a time of the place is a time of the state less what is driven).

    One state for each direction instead of one for each turn. Not for a target on the same road:
    the way to it from where the edge begins may not pass the place.
    """
    sides = ((places.forward, 1.0 - places.offset), (places.backward, places.offset))
    states: list[Any] = []
    ms: list[Any] = []
    for edge, left in sides:
        usable = (edge >= 0) & (edge_ms[edge] < INF_MS)
        along = edge_ms[edge]
        states.append(np.where(usable, layer.entries[edge, 0], NO_STATE))
        ms.append(np.where(usable, np.rint(left * along).astype(np.int64) - along, 0))
    return Ends(np.column_stack(states).astype(np.int32), np.column_stack(ms))


def arrivals(layer: Layer, edge_ms: Longs, places: Snaps) -> Ends:
    """In which states each place is reached, and the way along its edge from there."""
    sides = ((places.forward, places.offset), (places.backward, 1.0 - places.offset))
    states: list[Any] = []
    ms: list[Any] = []
    for edge, done in sides:
        usable = (edge >= 0) & (edge_ms[edge] < INF_MS)
        entries = np.where(usable[:, None], layer.entries[edge], NO_STATE)
        along = np.rint(done * edge_ms[edge]).astype(np.int64)
        states.append(entries)
        ms.append(np.where(entries == NO_STATE, 0, along[:, None]))
    return Ends(np.concatenate(states, axis=1).astype(np.int32), np.concatenate(ms, axis=1))


def _padded(rows: list[list[tuple[int, int]]]) -> Ends:
    wide = max([1, *map(len, rows)])
    state = np.full((len(rows), wide), NO_STATE, dtype=np.int32)
    ms = np.zeros((len(rows), wide), dtype=np.int64)
    for row, found in enumerate(rows):
        for column, (at, takes) in enumerate(found):
            state[row, column], ms[row, column] = at, takes
    return Ends(state, ms)


def on_one_road(sources: Snaps, targets: Snaps) -> tuple[Longs, Longs]:
    """The pairs (rows of sources, rows of targets) that lie on one road."""
    order = np.argsort(targets.road, kind="stable")
    roads = targets.road[order]
    low = np.searchsorted(roads, sources.road, side="left")
    high = np.searchsorted(roads, sources.road, side="right")
    counts = np.where(sources.road >= 0, high - low, 0)
    rows = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows, order[low[rows] + within].astype(np.int64)


def along_one_road(edge_ms: Longs, sources: Snaps, targets: Snaps, out_ms: Floats) -> None:
    """Lowers `out_ms[source, target]` to the way straight along the road that both are on."""
    rows, columns = on_one_road(sources, targets)
    if not len(rows):
        return
    step = targets.offset[columns] - sources.offset[rows]
    for edge, ahead in ((sources.forward[rows], step), (sources.backward[rows], -step)):
        usable = (edge >= 0) & (ahead >= 0) & (edge_ms[edge] < INF_MS)
        takes = np.where(usable, np.rint(ahead * edge_ms[edge]), np.inf)
        out_ms[rows, columns] = np.minimum(out_ms[rows, columns], takes)

"""`tocsin roads build`: the road graph and its orders, made before a node needs them."""

from __future__ import annotations

import argparse

from tocsin.app.asking import settings_of


def build_roads(asked: argparse.Namespace) -> int:
    """Keeps graph and orders in the folder, and says what was read and what was left out."""
    from tocsin.geography.roads.cch import CchTimes
    from tocsin.geography.roads.keeping import FOLDER, kept_roads
    from tocsin.geography.roads.speeds import METRICS

    folder = asked.folder or settings_of(asked).data / FOLDER
    graph = kept_roads(asked.road_file, folder, drives_on_left=asked.left)
    times = CchTimes(graph, folder=folder)
    for metric in METRICS:
        times.prepare(metric)
    report = graph.report
    print(
        f"{report.roads} roads of {report.length_m / 1000:.1f} km, "
        f"{graph.node_count} crossings, {report.bans} turn bans, kept in {folder}"
    )
    print(
        f"left out: {report.dropped_m / 1000:.1f} km not connected, {report.restrictions_ignored} "
        f"turn restrictions, {report.rows_broken} broken records"
    )
    for metric, lost_m in zip(METRICS, report.islands_m, strict=True):
        print(f"closed to {metric} for want of a way there and back: {lost_m / 1000:.1f} km")
    return 0

"""Runs the benches named on the command line, or all, and prints one table."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from bench import (
    advice,
    alarm_screen,
    alarms,
    alarms_memory,
    console,
    dc09,
    deadlines,
    dispatching,
    hostile,
    intake,
    lane,
    lists,
    live,
    memory,
    mqtt,
    panels,
    rebuild,
    roads,
    rotation,
    seal,
    simulation,
    tiles,
    timers,
    trust,
    walls,
)
from bench.harness import Bench, Figure, machine, report

BENCHES: dict[str, Bench] = {
    "advice": advice.bench,
    "alarms": alarms.bench,
    "alarms-memory": alarms_memory.bench,
    "alarm_screen": alarm_screen.bench,
    "console": console.bench,
    "dc09": dc09.bench,
    "deadlines": deadlines.bench,
    "dispatching": dispatching.bench,
    "hostile": hostile.bench,
    "memory": memory.bench,
    "mqtt": mqtt.bench,
    "intake": intake.bench,
    "lane": lane.bench,
    "live": live.bench,
    "panels": panels.bench,
    "rebuild": rebuild.bench,
    "roads": roads.bench,
    "rotation": rotation.bench,
    "seal": seal.bench,
    "simulation": simulation.bench,
    "tiles": tiles.bench,
    "timers": timers.bench,
    "trust": trust.bench,
    "walls": walls.bench,
    "scale": lists.bench,
}


def main(names: Sequence[str]) -> int:
    """Exit 0 when everything ran, 2 for an unknown name. Goals not met are shown, not failed."""
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"no bench {unknown[0]!r}; there are: {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    where = machine()
    figures: list[Figure] = []
    for name in names or BENCHES:
        print(f"-- {name}", flush=True)
        figures += BENCHES[name]()
    report(figures, where)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

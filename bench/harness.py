"""What every bench shares: figures, percentiles, the machine they were taken on."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Literal

OUT = Path("build/bench.json")


@dataclass(frozen=True)
class Figure:
    """One measured value beside its goal. `better` says which side of the goal is met."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    better: Literal["more", "less"] = "more"
    note: str = ""

    @property
    def met(self) -> bool | None:
        if self.goal is None:
            return None
        return self.value >= self.goal if self.better == "more" else self.value <= self.goal


Bench = Callable[[], list[Figure]]


def percentile(values: Sequence[float], percent: float) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[max(1, ceil(percent / 100 * len(ordered))) - 1]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def machine() -> dict[str, object]:
    """What the figures were taken on, and how busy it was when the run began."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory_kb = int(Path("/proc/meminfo").read_text().split()[1])
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(memory_kb / 2**20, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": [round(value, 2) for value in os.getloadavg()],
    }


def report(figures: Sequence[Figure], where: dict[str, object]) -> None:
    """The table on stdout and `build/bench.json`. A run of one bench replaces only its own."""
    print()
    for key, value in where.items():
        print(f"{key}: {value}")
    width = max(len(figure.name) for figure in figures)
    print(f"\n{'name':{width}}  {'value':>12}  {'unit':10}  {'goal':>10}  met")
    for figure in figures:
        goal = "" if figure.goal is None else f"{figure.goal:,.10g}"
        met = {True: "yes", False: "NO", None: ""}[figure.met]
        shown = f"{figure.value:,.1f}" if figure.value < 1000 else f"{figure.value:,.0f}"
        line = f"{figure.name:{width}}  {shown:>12}  {figure.unit:10}  {goal:>10}  {met:3}"
        print(f"{line}  {figure.note}".rstrip())
    kept: dict[str, dict[str, object]] = {}
    if OUT.exists():
        kept = {str(row["name"]): row for row in json.loads(OUT.read_text())["figures"]}
    kept.update((figure.name, {**asdict(figure), "met": figure.met}) for figure in figures)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"machine": where, "figures": list(kept.values())}, indent=1))
    print(f"\nwritten to {OUT}")

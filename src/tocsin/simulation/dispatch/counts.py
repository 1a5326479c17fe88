"""What happened in a run beside the calls, counted."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Counts:
    """What happened beside the calls. `turned`: (unit, slot left, second, arrival that was due).
    The last four of cases, where they are played: what was told, rungs, missed clocks, closed."""

    decisions: int = 0
    moves: int = 0
    reposted: int = 0
    declined: int = 0
    breaks: int = 0
    interrupted: int = 0
    missed: int = 0
    commands: int = 0
    alerts: int = 0
    errands: int = 0
    escalated: int = 0
    late_clocks: int = 0
    verified: int = 0
    turned: list[tuple[int, int, float, float]] = field(
        default_factory=list[tuple[int, int, float, float]]
    )

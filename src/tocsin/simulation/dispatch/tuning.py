"""What a town tunes by its own log: the weights of its policy, and when to move and to turn."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Final

from tocsin.packs.reading import Reader


@dataclass(frozen=True, slots=True)
class Tuning:
    """Numbers for the parts of a policy. Seconds, shares of all demand, counts.

    `gamma`, `tau_s`, `cap_s`: the policy `coverage`. `cover_s`: who is so near by road covers a
    zone. `busy`: how likely an idle unit is gone when it is needed; 0 for the share of duty that
    its kind was busy so far, which is too high for who is idle now. `drive_s`, `keep`: where a unit
    waits that has come free (`dispatching/posting`). `gain_min`, `move_max_s`, `moves_max`:
    move-ups of idle units (`dispatching/moving_up`). `saved_min_s`, `confirm_s`: redispatch, and
    how long a person takes to confirm it. `policy`: what `tuned` stands for (see `conduct`).
    `roaming`: the kinds that have no base of their own and may wait anywhere.
    """

    gamma: float = 10.0
    tau_s: float = 600.0
    cap_s: float = 30.0
    cover_s: float = 240.0
    busy: float = 0.0
    drive_s: float = 20_000.0
    keep: float = 0.0
    gain_min: float = 0.02
    move_max_s: float = 600.0
    moves_max: int = 1
    saved_min_s: float = 60.0
    confirm_s: float = 20.0
    roaming: tuple[str, ...] = ()
    policy: str = "coverage+posts+redispatch"


USUAL: Final = Tuning()
BOUNDS: Final[dict[str, tuple[float, float]]] = {
    "gamma": (0.0, 1_000.0),
    "tau_s": (1.0, 1e6),
    "cap_s": (0.0, 3_600.0),
    "cover_s": (1.0, 7_200.0),
    "busy": (0.0, 0.99),
    "drive_s": (1.0, 1e12),
    "keep": (0.0, 1.0),
    "gain_min": (0.0, 1.0),
    "move_max_s": (0.0, 7_200.0),
    "moves_max": (0, 10),
    "saved_min_s": (0.0, 3_600.0),
    "confirm_s": (0.0, 600.0),
}
"""What each number may be."""


def tuning_of(reader: Reader, cover_s: float) -> Tuning:
    """The table `[tuning]` of a scenario; what is wrong becomes findings of the reader."""
    found: dict[str, float] = {}
    usual = Tuning(cover_s=cover_s)
    for name, (low, high) in BOUNDS.items():
        default: float = getattr(usual, name)
        value = reader.value(name)
        given = default if value is None else value
        if isinstance(given, bool) or not isinstance(given, int | float):
            given = -1.0
        if not low <= given <= high:
            reader.find(name, "bad_value", f"must be a number from {low:g} to {high:g}")
            given = default
        found[name] = type(default)(given)
    roaming = reader.texts("roaming")
    return Tuning(**found, roaming=roaming, policy=reader.text("policy", usual.policy))  # type: ignore[arg-type]


def to_lines(tuning: Tuning) -> list[str]:
    """The table `[tuning]`, as TOML; `tuning_of` reads it back the same."""
    lines = ["[tuning]"]
    for each in fields(tuning):
        value = getattr(tuning, each.name)
        shown = json.dumps(value)
        lines.append(f"{each.name} = {shown}")
    return lines

"""Tables of numbers that nobody may write to after they are made."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Seconds: TypeAlias = NDArray[np.float64]
"""Seconds; inf for no way."""


def frozen_table(table: Seconds | None) -> Seconds | None:
    """A read-only float64 copy-if-needed of a table; None stays None."""
    if table is None:
        return None
    made = np.array(table, dtype=np.float64, order="C")
    made.flags.writeable = False
    return made


def wrong_times(table: Seconds | None, shape: tuple[int, int], name: str) -> tuple[str, ...]:
    """What is wrong with a table of seconds, in plain words; None is not wrong."""
    if table is None:
        return ()
    if table.shape != shape:
        return (f"{name} is {table.shape}, not {shape}",)
    if not bool(np.all(table >= 0)):  # NaN is not >= 0 either
        return (f"{name} holds a time that is negative or no number",)
    return ()

"""Travel times as the simulator asks for them, and a straight-line town for where no roads are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tocsin.geography.distance import METRES_PER_DEGREE

Points = npt.NDArray[np.float64]
"""Shape (n, 2): longitude, latitude in degrees."""
Seconds = npt.NDArray[np.float32]

DETOUR = 1.3
"""Road length over straight length in street grids; 1.2 to 1.4 in cities (Boscoe et al. 2012, the
detour index of 66,000 places is 1.417 in the mean and lower in towns)."""
TOWN_SPEED_MPS = 11.0
"""An engine in a town's streets, about 40 km/h."""


class Times(Protocol):
    """Travel times between points of a town."""

    def times_s(self, sources: Points, targets: Points) -> Seconds:
        """Seconds from each source to each target, shape (sources, targets); inf if cut off."""
        ...


@dataclass(frozen=True, slots=True)
class StraightLine:
    """Straight lines times a detour at one speed: a stand-in where a town has no road file."""

    speed_mps: float = TOWN_SPEED_MPS
    detour: float = DETOUR

    def times_s(self, sources: Points, targets: Points) -> Seconds:
        """As `Times.times_s`; never infinite. Good to 0.1 % within one town."""
        middle = np.radians((sources[:, 1][:, None] + targets[:, 1][None, :]) / 2.0)
        x = (targets[:, 0][None, :] - sources[:, 0][:, None]) * np.cos(middle)
        y = targets[:, 1][None, :] - sources[:, 1][:, None]
        lengths_m = METRES_PER_DEGREE * np.sqrt(x * x + y * y)
        return (lengths_m * (self.detour / self.speed_mps)).astype(np.float32)


def points(places: list[tuple[float, float]]) -> Points:
    """An array of places, also of none."""
    return np.asarray(places, dtype=np.float64).reshape(len(places), 2)

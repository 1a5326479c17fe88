"""How often the collector of Python looks for circles of garbage: seldom, and not among what stays.

Devices, packs and areas are hundreds of thousands of objects that live as long as the node. A full
collection looks at each of them while everybody waits, and found next to nothing: an alarm makes no
circles. Left alone the collector took a tenth of what keeping an alarm costs.
"""

from __future__ import annotations

import gc
from typing import Final

YOUNG_MAX: Final = 20_000
"""Objects made before the young are looked at: those of about fifty alarms."""
OLDER: Final = 20
"""Looks at the young before the older ones are looked at, and of those before all are."""


def settle_memory() -> None:
    """What is here now stays; from here on the collector is seldom. Call once all is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_MAX, OLDER, OLDER)

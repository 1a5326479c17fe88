"""What becomes of memory that nobody needs: when it is looked for, that it is given back, and that
it is not left on a disk.

How often the collector of Python looks for circles of garbage: seldom, and not among what stays.

Devices, packs and areas are hundreds of thousands of objects that live as long as the node. A full
collection looks at each of them while everybody waits, and found next to nothing: an alarm makes no
circles. Left alone the collector took a tenth of what keeping an alarm costs.
"""

from __future__ import annotations

import ctypes
import gc
import resource
from typing import Final

YOUNG_MAX: Final = 20_000
"""Objects made before the young are looked at: those of about fifty alarms."""
OLDER: Final = 20
"""Looks at the young before the older ones are looked at, and of those before all are."""


_LARGE: Final = 131_072
"""Bytes of a piece of memory that goes back to the system as soon as it is free. The C library
begins with as many and then learns to keep larger and larger ones: after bombs a node held 85 MiB
more than before them, and 46 with this."""
_KEPT: Final = 262_144
"""Bytes at the end of the heap that are kept for what comes next."""
_ARENAS: Final = 2
"""Heaps for all threads together; each keeps what it once had."""
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8
"""Names of `mallopt` in <malloc.h> of glibc."""


def give_memory_back() -> None:
    """Large pieces go back to the system when they are free. Call first; harmless where the C
    library is not glibc."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is None:
        return
    for name, value in (
        (_MMAP_THRESHOLD, _LARGE), (_TRIM_THRESHOLD, _KEPT), (_ARENA_MAX, _ARENAS),
    ):  # fmt: skip
        set_option(name, value)


def leave_no_core() -> None:
    """The system writes no image of this process to a disk when it crashes: the vault's keys and
    people's words would be in it. Call before either is here."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))


def settle_memory() -> None:
    """What is here now stays; from here on the collector is seldom. Call once all is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_MAX, OLDER, OLDER)

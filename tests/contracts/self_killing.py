"""A process of a test that ends itself in the middle of a step, as a power cut would."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable


def killed_at(step: str, times: int) -> Callable[[str], None]:
    """To be called with each step that is reached: SIGKILL at the n-th time of this one."""
    left = times

    def reached(name: str) -> None:
        nonlocal left
        if name == step:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return reached


__all__ = ["killed_at"]

"""When an errand is tried again: said once, for the runner and for every store."""

from __future__ import annotations

from typing import Final

ATTEMPTS_MAX: Final = 8
"""With the back-off below: about three hours of trying, then a person must look."""
BACKOFF_FIRST_S: Final = 2.0
BACKOFF_FACTOR: Final = 4.0


def wait_s(attempts: int) -> float:
    """Seconds until the next try, after so many that failed before the last one."""
    return BACKOFF_FIRST_S * BACKOFF_FACTOR**attempts


def longest_wait_s(attempts: int, lease_s: float) -> float:
    """No errand that was taken so many times is due later than this from now."""
    return max(lease_s, wait_s(max(0, attempts - 1)))


__all__ = ["ATTEMPTS_MAX", "BACKOFF_FACTOR", "BACKOFF_FIRST_S", "longest_wait_s", "wait_s"]

"""Bodies with files, however they come in: what lies on disk, and what the guard is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from typing import Any, Final

HELD: Final = "tocsin.held"
"""The extension of ASGI by which whoever reads a body tells how many bytes of it are in memory."""
SPOOLED_BYTES: Final = 65_536
"""Bytes of a file from which on it lies on disk until the form is dealt with: strangers send
many, slowly."""


def spooled(stack: ExitStack) -> SpooledTemporaryFile[bytes]:
    """A file to collect an upload in, without a name, closed and gone with `stack`."""
    return stack.enter_context(SpooledTemporaryFile[bytes](SPOOLED_BYTES))


def in_memory(size: int) -> int:
    """How many bytes of an upload of `size` bytes are in memory, at most."""
    return min(size, SPOOLED_BYTES)


def holding(scope: Mapping[str, Any]) -> Callable[[int], None]:
    """How to tell the guard of a request what is held of its body; nobody listens without one."""
    return scope.get("extensions", {}).get(HELD) or _tell_nobody


def _tell_nobody(size: int) -> None:
    pass


__all__ = ["HELD", "SPOOLED_BYTES", "holding", "in_memory", "spooled"]

"""What is signed when something was destroyed: one short text, as a C2SP signed note.

Its first line is no origin of a log, so that a tombstone never passes for a checkpoint.
"""

from __future__ import annotations

from datetime import UTC

from tocsin.kernel.shared import Instant
from tocsin.runtime.retention import Due
from tocsin.stores.log.notes import LogKeys

FIRST_LINE = "tocsin tombstone 1"


def tombstone(keys: LogKeys, due: Due, gone: int, at: Instant) -> str:
    """The signed note: what, of which class, by which rule, when it was due, when it went."""
    return keys.sign_text(
        f"{FIRST_LINE}\n{keys.origin}\nrule {due.rule}\nclass {due.kept_as}\nwhat {due.what}\n"
        f"due {_instant(due.due_at)}\nat {_instant(at)}\ngone {gone}\n"
    )


def _instant(at: Instant) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")

"""What earlier runs saw: whose keys, and roots that must still hold. A small file of JSON."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from tocsin_verify.bundle import Unreadable

KEPT = 50
"""Checkpoints that are remembered: the newest says everything, the others say since when."""


@dataclass
class Memory:
    """Keys as text, and roots by size."""

    keys: list[str] = field(default_factory=list[str])
    seen: dict[int, bytes] = field(default_factory=dict[int, bytes])


def load(path: Path | None) -> Memory:
    """What was seen; nothing at the first run. Raises Unreadable."""
    if path is None or not path.exists():
        return Memory()
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        seen = {int(size): base64.b64decode(root, validate=True) for size, root in told["seen"]}
        return Memory([str(each) for each in told["keys"]], seen)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"the file of what was seen cannot be read: {error}") from error


def save(path: Path, memory: Memory) -> None:
    """Replaces the file, or leaves the old one."""
    newest = sorted(memory.seen.items())[-KEPT:]
    told = {
        "keys": memory.keys,
        "seen": [[size, base64.b64encode(root).decode()] for size, root in newest],
    }
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="utf-8") as out:
        json.dump(told, out, indent=1)
        out.flush()
        os.fsync(out.fileno())
    part.replace(path)

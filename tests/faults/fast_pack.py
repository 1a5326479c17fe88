"""The county's pack with a ladder that is climbed within a minute, so that it can be watched."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

PACKS = Path(__file__).parents[2] / "packs"
RUNGS = (10, 15, 20, 30, 100, 150)
"""Percents of the minute within which a fire is accepted: 6, 9, 12, 18, 60 and 90 seconds."""
PROMISE_S = 60.0
CASE_TYPE = "building-fire"


def fast_pack(folder: Path) -> Path:
    """A pack in `folder`, beside the words that all packs share."""
    target = folder / "county"
    shutil.copytree(PACKS / "common", folder / "common")
    shutil.copytree(PACKS / "calendars", folder / "calendars")
    shutil.copytree(PACKS / "county", target)
    text = (target / "pack.toml").read_text(encoding="utf-8")
    rungs = "".join(f'{percent} = ["dispatchers"]\n' for percent in RUNGS)
    text, ladders = re.subn(
        r"(\[ladders\.desk-urgent\]\n)(?:\d+ = .*\n)+", lambda found: found[1] + rungs, text
    )
    head, mark, rest = text.partition("[profiles.emergency.clocks]\n")
    was, now = 'accept = { within = "2 minutes"', 'accept = { within = "1 minute"'
    assert ladders == 1 and mark and was in rest, "the county's pack reads otherwise by now"
    (target / "pack.toml").write_text(head + mark + rest.replace(was, now, 1), encoding="utf-8")
    return target

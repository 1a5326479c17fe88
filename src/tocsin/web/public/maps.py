"""The small map on the residents' pages, where there is one to show.

The console's build makes its script (`console/src/public/map.ts`; it looks for `[data-map]`).
Without that, or without a map of the town, the pages show none and work the same.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

from tocsin.runtime.services import Services
from tocsin.web import console

PATTERN: Final = "public-map-*.js"


def script(services: Services) -> str:
    """The address of the map's script; empty when there is no map to show."""
    if services.map is None or services.map.meta() is None:
        return ""
    assets = console.folder() / "assets"
    try:
        made = assets.stat().st_mtime_ns
    except FileNotFoundError:
        return ""
    return _script(assets, made)


@lru_cache(maxsize=4)
def _script(assets: Path, made: int) -> str:
    """Looked for once for each build: a folder changes its time when a file in it does."""
    found = sorted(assets.glob(PATTERN), key=lambda path: path.stat().st_mtime_ns)
    return f"/console/assets/{found[-1].name}" if found else ""

"""The door for a small map on the residents' pages.

The console's build may bring `public/map.js` (a module; it looks for `[data-map]`) with assets
beside it. Without that, or without a map of the town, the pages show none and work the same.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from tocsin.runtime.services import Services
from tocsin.web import console
from tocsin.web.problems import Problem

SCRIPT_PATH: Final = "/public/map.js"


def available(services: Services) -> bool:
    """Whether there is a map to show, and something to show it with."""
    has_tiles = services.map is not None and services.map.meta() is not None
    return has_tiles and (console.folder() / "public" / "map.js").is_file()


async def script(request: Request) -> Response:
    """The module, as the console's build made it."""
    found = console.folder() / "public" / "map.js"
    if not found.is_file():
        raise Problem("unknown_path")
    return FileResponse(
        found, headers={"cache-control": "no-cache"}, media_type="text/javascript; charset=utf-8"
    )

"""The front door of a node for residents, with a quiet way to the console for staff."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from tocsin.web.problems import Problem
from tocsin.web.public.page import ICON, SCRIPT, STYLE, Asked

FOR_EVER = "public, max-age=31536000, immutable"
"""The name of a file holds the hash of its content."""


_FILES = (
    (STYLE, "text/css; charset=utf-8"),
    (SCRIPT, "text/javascript; charset=utf-8"),
    (ICON, "image/svg+xml"),
)


async def front(asked: Asked) -> Response:
    """What a newcomer sees at the node's address."""
    return asked.page("front.html")


async def file(request: Request) -> Response:
    """The style sheet, the script and the icon of the pages."""
    for (path, data), kind in _FILES:
        if request.url.path == path:
            return Response(data, headers={"cache-control": FOR_EVER, "content-type": kind})
    raise Problem("unknown_path")

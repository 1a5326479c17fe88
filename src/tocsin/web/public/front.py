"""The front door of a node for residents, with a quiet way to the console for staff."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from tocsin.web.problems import Problem
from tocsin.web.public.page import SCRIPT, SCRIPT_PATH, STYLE, STYLE_PATH, Asked

FOR_EVER = "public, max-age=31536000, immutable"
"""The name of a file holds the hash of its content."""


async def front(asked: Asked) -> Response:
    """What a newcomer sees at the node's address."""
    return asked.page("front.html")


async def file(request: Request) -> Response:
    """The style sheet and the script of the pages."""
    known = {
        STYLE_PATH: (STYLE, "text/css; charset=utf-8"),
        SCRIPT_PATH: (SCRIPT, "text/javascript; charset=utf-8"),
    }
    found = known.get(request.url.path)
    if found is None:
        raise Problem("unknown_path")
    return Response(found[0], headers={"cache-control": FOR_EVER, "content-type": found[1]})

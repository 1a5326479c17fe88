"""The staff console: files built from `console/`, served under a strict content-security policy.

Every screen is the same page; what stands behind `/console/` is the screen's own matter. Assets
carry a hash in their names and may be kept for ever; the page itself is asked for each time.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from tocsin.web.headers import page_headers
from tocsin.web.problems import Problem

FOLDER: Final = Path(__file__).resolve().parents[1] / "_console"
VARIABLE: Final = "TOCSIN_CONSOLE_DIR"
"""Where another build of the console lies: for those who work on it."""
FOR_EVER: Final = "public, max-age=31536000, immutable"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".woff2": "font/woff2",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}


def folder() -> Path:
    """Where the built console lies."""
    return Path(os.environ.get(VARIABLE) or FOLDER)


async def serve(request: Request) -> Response:
    """A built file, or the page for every path that is a screen's own."""
    root = folder()
    path = str(request.path_params.get("path", ""))
    if path.startswith("assets/") or path == "icon.svg":
        return _file(request, root, path)
    if not (root / "index.html").is_file():
        raise Problem("console_missing")
    return _file(request, root, "index.html")


def _file(request: Request, root: Path, path: str) -> Response:
    found = (root / path).resolve()
    kind = _TYPES.get(found.suffix)
    if kind is None or not found.is_relative_to(root.resolve()) or not found.is_file():
        raise Problem("unknown_path")
    headers = {
        "cache-control": FOR_EVER if path.startswith("assets/") else "no-cache",
        **page_headers("console"),
        "vary": "accept-encoding",
    }
    offered = request.headers.get("accept-encoding", "")
    for coding, ending in (("br", ".br"), ("gzip", ".gz")):
        packed = found.with_name(found.name + ending)
        if coding in offered.replace(",", " ").split() and packed.is_file():
            headers["content-encoding"] = coding
            found = packed
            break
    return FileResponse(found, headers=headers, media_type=kind)


async def front(request: Request) -> Response:
    """`/console` without a slash."""
    return RedirectResponse("/console/board", 307)


ROUTES: Final[tuple[BaseRoute, ...]] = (
    Route("/console", front),
    Route("/console/{path:path}", serve),
)

"""The addresses of the residents' pages. They stand beside the API, not behind its gate: nobody
signs in here, so there is no role to check; forms are checked for where they come from."""

from __future__ import annotations

from typing import Final

from starlette.routing import BaseRoute, Route

from tocsin.web.public import follow, front, published, report
from tocsin.web.public.page import page

ROUTES: Final[tuple[BaseRoute, ...]] = (
    Route("/", page(front.front)),
    Route("/report", page(report.begin), methods=["GET"]),
    Route("/report", page(report.go_on), methods=["POST"]),
    Route("/r", page(follow.begin), methods=["GET"]),
    Route("/r", page(follow.go_on), methods=["POST"]),
    Route("/published", page(published.listing)),
    Route("/published/{case}", page(published.one)),
    Route("/published.json", page(published.places)),
    Route("/public/{name}", front.file),
)

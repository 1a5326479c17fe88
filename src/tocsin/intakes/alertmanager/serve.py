"""The route that Alertmanager posts to. 204 means that all alerts are on disk."""

from __future__ import annotations

from typing import Final

from starlette.routing import BaseRoute

from tocsin.intakes.alertmanager.parse import BODY_MAX, parse
from tocsin.intakes.posting import alarms_posted
from tocsin.runtime.services import Services

PATH: Final = "/intakes/alertmanager"


def routes(services: Services) -> list[BaseRoute]:
    """The intake's route, for the app to serve."""
    return [alarms_posted(services, PATH, parse, BODY_MAX)]


__all__ = ["PATH", "routes"]

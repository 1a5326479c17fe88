"""The route that CloudEvents are posted to. 204 means that all of them are on disk."""

from __future__ import annotations

from typing import Final

from starlette.routing import BaseRoute

from tocsin.intakes.cloudevents.parse import BODY_MAX, parse
from tocsin.intakes.posting import alarms_posted
from tocsin.runtime.services import Services

PATH: Final = "/intakes/cloudevents"


def routes(services: Services) -> list[BaseRoute]:
    """The intake's route, for the app to serve."""
    return [alarms_posted(services, PATH, parse, BODY_MAX)]


__all__ = ["PATH", "routes"]

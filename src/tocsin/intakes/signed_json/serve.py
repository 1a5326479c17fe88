"""The routes that signed JSON is posted to, one for each sender."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Annotated, Final

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.routing import BaseRoute

from tocsin.intakes.posting import body_of, posted
from tocsin.intakes.signed_json.parse import (
    BODY_MAX,
    SIGNATURE_HEADER,
    SOURCE,
    WINDOW_S,
    default_mapping,
    read,
    wrong_signature,
)
from tocsin.kernel.shared import Actor, ActorId, Refused
from tocsin.runtime.alarm_posts import STATUS, keep_all
from tocsin.runtime.intake_settings import taken
from tocsin.runtime.json_mapping import JsonMapping
from tocsin.runtime.services import Services

PATH: Final = "/intakes/signed/{name}"
SEEN_MAX: Final = 100_000
"""Signatures that are remembered; beyond, the desk still knows a repeat by its key."""
OWN_STATUS: Final = {"signature_wrong": 403, "signature_old": 403, "sender_unknown": 404}


class Sender(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[signed-json.sender]]`; without a mapping that of the manifest."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,40}$")]
    secret: Annotated[str, Meta(min_length=24, max_length=200)]
    mapping: JsonMapping | None = None

    def __repr__(self) -> str:
        return f"Sender({self.name!r})"


class SignedSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[signed-json]`."""

    sender: tuple[Sender, ...] = ()


@dataclass(slots=True)
class Desk:
    """What the routes keep: the senders, and what was kept within the window."""

    services: Services
    senders: dict[str, Sender]
    seen: OrderedDict[str, float] = field(default_factory=OrderedDict[str, float])

    async def receive(self, name: str, body: bytes, headers: dict[str, str]) -> Refused | None:
        """Keeps a message; None when it is on disk. The same message again, a sender's second try
        or a recording within the window, changes nothing and is answered alike."""
        sender = self.senders.get(name)
        if sender is None:
            return Refused("sender_unknown", "")
        desk = self.services.alarms
        now_s = self.services.clock.now().timestamp()
        refused = wrong_signature(sender.secret, body, headers, now_s)
        if refused is not None:
            return refused
        mark = f"{name} {headers[SIGNATURE_HEADER]}"
        while self.seen and (
            len(self.seen) > SEEN_MAX or next(iter(self.seen.values())) < now_s - 2 * WINDOW_S
        ):
            self.seen.popitem(last=False)
        if mark in self.seen:
            return None
        found = read(body, sender.mapping or default_mapping(), name)
        if isinstance(found, Refused):
            return found
        by = Actor(ActorId(f"{SOURCE}:{name}"), "integration")
        refused = await keep_all(desk, found, by)
        if refused is None:
            self.seen[mark] = now_s
        return refused


def routes(services: Services) -> list[BaseRoute]:
    """The intake's routes, for the app to serve. Raises IntakeError."""
    settings = taken(services.intakes, SOURCE, SignedSettings) or SignedSettings()
    desk = Desk(services, {each.name: each for each in settings.sender})

    async def receive(request: Request) -> Refused | None:
        body = await body_of(request, BODY_MAX)
        if isinstance(body, Refused):
            return body
        return await desk.receive(str(request.path_params["name"]), body, dict(request.headers))

    return [posted(PATH, receive, {**STATUS, **OWN_STATUS})]


__all__ = ["PATH", "routes"]

"""The route that other systems post CAP to, and the feeds that are polled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import structlog
from starlette.requests import Request
from starlette.routing import BaseRoute

from tocsin.intakes.cap.chains import Chains
from tocsin.intakes.cap.feeds import BY, Feed, Poller, county_of, keep
from tocsin.intakes.cap.reading import ALERT_BYTES_MAX, Alert, document, read_alert
from tocsin.intakes.cap.words import sentence
from tocsin.intakes.posting import body_of, posted
from tocsin.kernel.shared import Refused
from tocsin.packs.words import word
from tocsin.runtime.alarm_ports import AlarmTaker
from tocsin.runtime.alarm_posts import SCOPE, STATUS, given_key
from tocsin.runtime.intake_settings import taken
from tocsin.runtime.ports import Clock, Unavailable
from tocsin.runtime.services import Services

log = structlog.get_logger("tocsin.intakes.cap")

CODE: Final = "cap"
PATH: Final = "/intakes/cap"
RUN_OUT_EVERY_S: Final = 5.0
"""How often alerts that run out are looked for; they are meant to the minute."""


class CapSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[cap]`."""

    feed: tuple[Feed, ...] = ()


def chains_of(services: Services) -> Chains:
    """The chains of a node: what is posted and what is polled may name each other."""
    found = services.intake_memory.setdefault(CODE, Chains(services.store))
    assert isinstance(found, Chains)
    return found


def routes(services: Services) -> list[BaseRoute]:
    """The intake's route, for the app to serve."""

    async def receive(request: Request) -> Refused | None:
        return await _receive(services, request)

    return [posted(PATH, receive, STATUS, _told, {"kept": True})]


def _told(refused: Refused, language: str) -> dict[str, str]:
    text = sentence(refused, language) or word("reason", refused.reason, language)
    return {"reason": refused.reason, "detail": text}


async def _receive(services: Services, request: Request) -> Refused | None:
    if await services.keys.actor(given_key(request.headers), SCOPE) is None:
        return Refused("key_wrong", "")
    body = await body_of(request, ALERT_BYTES_MAX)
    root = body if isinstance(body, Refused) else document(body, ALERT_BYTES_MAX)
    found = root if isinstance(root, Refused) else read_alert(root)
    if not isinstance(found, Alert):
        return found
    if found.status == "Draft" or found.kind in ("Ack", "Error"):
        return Refused("not_an_alert", "")
    return await keep(found, chains_of(services), services.alarms, services.clock)


async def run(services: Services) -> None:
    """Poll the operator's feeds and let alerts run out, until cancelled. Raises IntakeError."""
    settings = taken(services.intakes, CODE, CapSettings) or CapSettings()
    desk = services.alarms
    chains = chains_of(services)
    county = county_of([each.polygon for each in services.atlas.tier("county")])
    work: list[Callable[[], Awaitable[None]]] = [lambda: run_out(chains, desk, services.clock)]
    for feed in settings.feed:
        assert services.outgoing is not None, "a node that polls feeds has a caller"
        caller = services.outgoing
        work.append(Poller(feed, desk, chains, services.clock, county, caller).run)
    async with asyncio.TaskGroup() as group:
        for each in work:
            group.create_task(_awaited(each))


async def _awaited(work: Callable[[], Awaitable[None]]) -> None:
    await work()


async def run_out(chains: Chains, desk: AlarmTaker, clock: Clock) -> None:
    """Ends alerts whose time is over, until cancelled."""
    while True:
        await end_those_over(chains, desk, clock)
        await asyncio.sleep(RUN_OUT_EVERY_S)


async def end_those_over(chains: Chains, desk: AlarmTaker, clock: Clock) -> None:
    """Ends the alerts whose time is over now."""
    now = clock.now()
    try:
        await chains.load()
    except Unavailable as trouble:
        log.warning("alerts_wait", detail=str(trouble))
        return
    for device, over in chains.run_out(now):
        try:
            await desk.receive(over, BY)
            await chains.over(device)
        except Exception as error:  # the store is away, or a bug behind us: again next time
            log.warning("alert_stays", why=type(error).__name__)
            chains.again(device, over.at or now)


__all__ = ["PATH", "routes", "run"]

"""Asks every device in its turn; who answers is heard, and who does not is left to supervision."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Annotated, Final

import msgspec
import structlog
from msgspec import Meta

from tocsin.intakes.device_probe.parse import DEVICE_HEADER, SOURCE, parse
from tocsin.kernel.shared import Actor, ActorId, Refused
from tocsin.runtime.alarm_ports import AlarmTaker
from tocsin.runtime.intake_settings import IntakeError, taken
from tocsin.runtime.outgoing import CallRefused, Networks, Outgoing
from tocsin.runtime.ports import Unavailable
from tocsin.runtime.services import Services

log = structlog.get_logger("tocsin.intakes.device_probe")

BY: Final = Actor(ActorId(SOURCE), "integration")
AT_ONCE: Final = 16
"""Devices that are asked side by side: a town's cameras share narrow lines."""
WAIT_S: Final = 10.0
"""For the whole question: a device that needs longer counts as silent this time."""
EVERY_MIN_S: Final = 10.0
"""Oftener would be a load on small devices, and no class of supervision asks for it."""
DEVICES_MAX: Final = 20_000
"""At once a minute, 333 questions a second: what one node does beside its work."""


class Probed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[device-probe.device]]`."""

    address: Annotated[str, Meta(min_length=1, max_length=200)]
    url: Annotated[str, Meta(pattern=r"^https?://[^\s@]+$", max_length=500)]
    every_s: Annotated[float, Meta(ge=EVERY_MIN_S, le=86_400)] = 60.0


class ProbeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[device-probe]`. `networks` are the only ones that are ever connected to."""

    networks: tuple[str, ...]
    device: Annotated[tuple[Probed, ...], Meta(max_length=DEVICES_MAX)] = ()


async def run(services: Services) -> None:
    """Ask until cancelled. Without a table it does nothing. Raises IntakeError."""
    settings = taken(services.intakes, SOURCE, ProbeSettings)
    if settings is None:
        return
    try:
        networks = tuple(ip_network(each) for each in settings.networks)
    except ValueError as error:
        raise IntakeError("bad_value", SOURCE, str(error)) from error
    free = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as group:
        for number, each in enumerate(settings.device):
            assert services.outgoing is not None, "a node that asks devices has a caller"
            asking = Asking(services.outgoing, networks, services.alarms)
            group.create_task(_keep_asking(each, number, asking, free))


@dataclass(frozen=True, slots=True)
class Asking:
    """By whom devices are asked, in which networks, and who is told."""

    caller: Outgoing
    networks: Networks
    desk: AlarmTaker


async def _keep_asking(
    device: Probed, number: int, asking: Asking, free: asyncio.Semaphore
) -> None:
    # Spread over the first round, so that they are not all asked in one second.
    await asyncio.sleep(device.every_s * (number % 97) / 97)
    while True:
        async with free:
            await ask(device, asking)
        await asyncio.sleep(device.every_s)


async def ask(device: Probed, asking: Asking) -> bool:
    """Whether the device answered and that is kept. Never raises: it is asked again."""
    try:
        answer = await asking.caller.ask(
            "HEAD", device.url, networks=asking.networks, limit=0, timeout_s=WAIT_S
        )
        head = b"HTTP/1.1 %d \r\n\r\n" % answer.status
        found = parse(head, {DEVICE_HEADER: device.address})
        if isinstance(found, Refused):
            return False
        for incoming in found:
            await asking.desk.receive(incoming, BY)
    except CallRefused as why:
        if why.reason in ("private", "address"):
            log.warning("probe_not_allowed", device=device.address, why=why.reason)
        return False
    except (OSError, TimeoutError, Unavailable):
        return False
    return True


__all__ = ["run"]

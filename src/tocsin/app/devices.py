"""What runs beside a node for its devices: clocks of alarms, the wheel of silence, signs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from tocsin.runtime.alarm_commands import WAKE_EVERY_S
from tocsin.runtime.alarm_desk import FLUSH_EVERY_S
from tocsin.runtime.ports import Unavailable
from tocsin.runtime.services import Services

log = structlog.get_logger("tocsin.devices")

TURN_EVERY_S: Final = 1.0
"""A slot of the wheel of supervision: its shortest interval is twenty of them."""
KEEP_UP_EVERY_S: Final = 2.0
"""How far the card of the alarms may lag behind the journal."""


async def look_after_devices(services: Services) -> None:
    """Until cancelled. A bug in one of them ends all, and the node with them."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_every(WAKE_EVERY_S, services.alarms.wake_due))
        group.create_task(_every(TURN_EVERY_S, services.supervision.turn))
        group.create_task(_every(FLUSH_EVERY_S, services.alarms.flush))
        if services.quality is not None:
            group.create_task(_every(KEEP_UP_EVERY_S, services.quality.keep_up))


async def _every(pause_s: float, turn: Callable[[], Awaitable[int]]) -> None:
    """Turn after turn, while the store answers."""
    while True:
        try:
            await turn()
        except Unavailable as trouble:
            log.warning("devices_wait", detail=str(trouble))
        await asyncio.sleep(pause_s)

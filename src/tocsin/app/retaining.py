"""What has had its day goes, each time with a signed record: the desk of a node, and its nights.

What goes by which rule is in `runtime.retention` and `stores.postgres.retention`; the spans are the
pack's.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from tocsin.app.sealing import log_keys
from tocsin.app.settings import Settings
from tocsin.packs.registry import Registry
from tocsin.runtime.ports import Clock, Unavailable
from tocsin.runtime.retention import RetentionDesk
from tocsin.runtime.services import Services
from tocsin.stores.postgres.connections import Readers
from tocsin.stores.postgres.holds import PostgresHolds
from tocsin.stores.postgres.retention import PostgresRetention

log = structlog.get_logger("tocsin.retention")

LOOK_EVERY_S: Final = 600.0
"""Between two looks whether the night's run is owed."""

KEEPERS: Final = 2
"""Connections of the tables' owner: what has had its day is destroyed through one at a time."""


def retention_of(
    settings: Settings, readers: Readers, keeper: Readers, packs: Registry, clock: Clock
) -> RetentionDesk:
    """The desk of a node; its records are signed with the key of the log. `keeper` are connections
    of the tables' owner: what destroys may what the node's own role may not."""
    positions = timedelta(hours=settings.position_keep_h)
    return RetentionDesk(
        PostgresRetention(keeper, packs, log_keys(settings), positions),
        PostgresHolds(readers, clock),
        clock,
        ZoneInfo(packs.current_pack.zone),
    )


async def keep_retention(services: Services) -> None:
    """For ever: a run each night. What a lost database interrupts is gone on with."""
    while True:
        try:
            if services.retention is not None:
                gone = await services.retention.keep_up()
                if gone is not None:
                    log.info("retention_run", gone_count=gone)
        except Unavailable as trouble:
            log.warning("retention_waits", detail=str(trouble))
        await asyncio.sleep(LOOK_EVERY_S)


__all__ = ["KEEPERS", "keep_retention", "retention_of"]

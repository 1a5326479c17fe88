"""Cameras of the demo, as the node knows any camera: a device that answers, or does not.

The stand-in says that it is there and nothing else. There is no picture in it, and nobody asks for
one.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from tocsin.app.demo_agenda import Action
from tocsin.app.demo_carriers import ASK_EVERY_S, CAMERAS, Sites

HEAD_MAX: Final = 4_096
SOURCE: Final = "device-probe"
UNWELL: Final = str(CAMERAS)
UNWELL_FROM_MIN, UNWELL_TO_MIN = 15.0, 150.0
"""Town minutes in which the last camera answers that it is out of order."""
SP3_S: Final = 1_800
MISSED: Final = 2.5
"""Questions that fit into the time of supervision: one may be lost on the way."""


class Cameras:
    """The devices, and the stand-in that answers for them."""

    def __init__(self, devices: Sites) -> None:
        self._devices = devices
        self._server: asyncio.Server | None = None
        self._is_unwell = False

    async def begin(self) -> None:
        """Registers them and answers from now on. Raises `Unreachable`, OSError."""
        devices, rng = self._devices, self._devices.rng
        port = devices.wiring.camera_port
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", port, limit=HEAD_MAX)
        # The node asks in real seconds; town time may run so fast that half an hour is too short.
        pace_s = ASK_EVERY_S * devices.town.clock.speed
        supervision = "SP3" if pace_s * MISSED <= SP3_S else "SP2"
        for n in range(1, CAMERAS + 1):
            spot = rng.choice(devices.town.spots)
            wire = {"source": SOURCE, "address": f"camera-{n}"}
            name = f"Camera {n}, {spot.name}"
            await devices.register(
                f"camera/{n}", name, "camera", spot, wire, supervision=supervision
            )
        devices.at(UNWELL_FROM_MIN, self._turn(True))
        devices.at(UNWELL_TO_MIN, self._turn(False))

    def _turn(self, is_unwell: bool) -> Action:
        async def turn() -> None:
            self._is_unwell = is_unwell
            self._devices.counts["camera_out_of_order" if is_unwell else "camera_repaired"] += 1

        return turn

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)
            if head[0] != b"HEAD":
                status = "405 Method Not Allowed"
            elif self._is_unwell and head[1] == f"/{UNWELL}".encode():
                status = "503 Service Unavailable"
            else:
                status = "200 OK"
            writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n".encode())
            await writer.drain()
        writer.close()

    async def close(self) -> None:
        """The day is over."""
        if self._server is not None:
            self._server.close()


__all__ = ["Cameras"]

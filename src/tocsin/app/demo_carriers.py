"""By what the devices of the demo speak to the node, and what the operator sets for it."""

from __future__ import annotations

import secrets
import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final, Protocol

import msgspec

from tocsin.app.demo_agenda import Action
from tocsin.app.demo_mqtt import OverMqtt
from tocsin.app.demo_town import DemoTown
from tocsin.intakes.mqtt.secrets import hashed
from tocsin.intakes.signed_json.parse import SIGNATURE_HEADER, STAMP_HEADER, sign
from tocsin.simulation.arrivals import Spot

FILE: Final = "intakes.toml"
SEND_TRIES: Final = 5
SHOP: Final = "4711"
"""The account of the shop's panel."""

CAMERAS: Final = 3
ASK_EVERY_S: Final = 10.0
"""Real seconds between two questions to a camera: the oftenest that the probe allows."""

Item = dict[str, Any]


class Carrier(Protocol):
    """How the messages of a site come to the node."""

    source: str
    """Under which code of an intake its devices are known."""

    def address(self, device: str) -> str:
        """The address of one of its devices there."""
        ...

    async def send(self, items: Sequence[Item]) -> bool:
        """Several messages at once; True once the node says that they are on disk."""
        ...

    async def open(self) -> None:
        """The site's own line to the node, where it has one. Raises Unreachable."""
        ...

    async def vanish(self) -> None:
        """It is cut without a word."""
        ...

    async def close(self) -> None:
        """The day is over."""
        ...


class Sites(Protocol):
    """What a site of the demo is registered by and speaks through; see `DemoDevices`."""

    town: DemoTown
    wiring: Wiring
    rng: Random
    counts: Counter[str]
    assets: dict[str, str]

    async def add(
        self, site: str, device: str, name: str, kind: str, spot: Spot,
        gateway: str | None = None, is_watched: bool = False,
    ) -> str: ...  # fmt: skip

    async def register(
        self, key: str, name: str, kind: str, spot: Spot, wire: dict[str, str],
        gateway: str | None = None, is_watched: bool = False, supervision: str = "",
        model: str = "",
    ) -> str: ...  # fmt: skip

    def at(self, minutes: float, action: Action) -> None: ...

    def key(self) -> str: ...

    async def say(self, site: str, items: Sequence[Item]) -> bool: ...


@dataclass(slots=True)
class Signed:
    """Signed JSON: one POST, acknowledged by 204."""

    town: DemoTown
    name: str
    secret: str
    source: str = "signed-json"

    def address(self, device: str) -> str:
        return f"{self.name}/{device}"

    async def send(self, items: Sequence[Item]) -> bool:
        body = msgspec.json.encode({"items": list(items)})
        for _ in range(SEND_TRIES):
            # Signed anew each time: town time runs fast, and a signature is good for five minutes.
            stamp = str(int(self.town.clock.now().timestamp()))
            headers = {STAMP_HEADER: stamp, SIGNATURE_HEADER: sign(self.secret, stamp, body)}
            form = "application/json", body
            answer = await self.town.client.ask(
                "POST", f"/intakes/signed/{self.name}", headers=headers, form=form, key=stamp
            )
            if answer.is_ok or answer.reason != "signature_old":
                return answer.is_ok
        return False

    async def open(self) -> None:
        """Each POST has a connection of its own."""

    async def vanish(self) -> None:
        """There is no line to cut: nothing more is posted."""

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(slots=True)
class Wiring:
    """What the operator sets for the ways in, before the node starts."""

    secrets: dict[str, str]
    """Of the senders of signed JSON."""
    block: OverMqtt
    panel_key: str
    panel_port: int
    camera_port: int
    """Where the stand-ins for cameras answer the question whether they are there."""

    @classmethod
    def drawn(cls) -> Wiring:
        """Fresh secrets and free ports."""
        with socket.socket() as panel, socket.socket() as broker, socket.socket() as cameras:
            for each in (panel, broker, cameras):
                each.bind(("127.0.0.1", 0))
            panel_port, port = panel.getsockname()[1], broker.getsockname()[1]
            camera_port = cameras.getsockname()[1]
        made = {name: secrets.token_hex(16) for name in ("school", "river")}
        block = OverMqtt("block", secrets.token_hex(20), port, gateway="gw")
        return cls(made, block, secrets.token_hex(16), panel_port, camera_port)

    def write(self, data: Path) -> None:
        """The file of the ways in, for the node's user only."""
        lines = [
            "[sia-dc09]",
            'host = "127.0.0.1"',
            f"port = {self.panel_port}",
            "udp = false",
            "[[sia-dc09.account]]",
            f'account = "{SHOP}"',
            f'key = "{self.panel_key}"',
            # Town time runs fast: a panel's stamp would be old before it is read.
            "ignore_clock = true",
            "[mqtt]",
            'host = "127.0.0.1"',
            f"port = {self.block.port}",
            "[[mqtt.device]]",
            f'name = "{self.block.name}"',
            f'secret = "{hashed(self.block.secret, secrets.token_bytes(8))}"',
        ]
        lines += ["[device-probe]", 'networks = ["127.0.0.1/32"]']
        for n in range(1, CAMERAS + 1):
            lines += [
                "[[device-probe.device]]",
                f'address = "camera-{n}"',
                f'url = "http://127.0.0.1:{self.camera_port}/{n}"',
                f"every_s = {ASK_EVERY_S}",
            ]
        for name, secret in self.secrets.items():
            lines += [
                "[[signed-json.sender]]",
                f'name = "{name}"',
                f'secret = "{secret}"',
                "[signed-json.sender.mapping]",
                'items = "/items"',
                'values = { level_m = "/level_m", battery_percent = "/battery_percent" }',
            ]
        file = data / FILE
        file.touch(mode=0o600)
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")


__all__ = [
    "ASK_EVERY_S",
    "CAMERAS",
    "SEND_TRIES",
    "SHOP",
    "Carrier",
    "Item",
    "Signed",
    "Sites",
    "Wiring",
]

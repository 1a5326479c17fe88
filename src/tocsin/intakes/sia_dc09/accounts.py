"""What an operator sets for DC-09: where to listen, and the panels with their keys."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tocsin.intakes.sia_dc09.cipher import keys_of

PORT: Final = 9_009
"""Where installers expect a DC-09 receiver when nothing else is agreed."""
CONNECTIONS_MAX: Final = 4_000
"""Panels that are connected at once."""
PER_ADDRESS_MAX: Final = 500
"""Of them from one address: the panels of a large site may share one."""
IDLE_S: Final = 600.0
"""A connection on which nothing comes for so long is closed; the panel opens another."""
FRAME_S: Final = 10.0
"""A frame that has begun must end within this time: a panel sends it in one piece."""


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One panel: its account number, or `PREFIX-NUMBER` for those under one prefix.

    With a key only encrypted messages are taken: else anybody could clear its alarms.
    `ignore_clock` is for a panel that cannot set its clock; then recordings of its messages can be
    played again.
    """

    account: Annotated[str, Meta(pattern=r"^([0-9A-Fa-f]{1,6}-)?[0-9A-Za-z]{1,16}$")]
    key: str = ""
    ignore_clock: bool = False

    def __post_init__(self) -> None:
        if self.key and not keys_of(self.key):
            raise ValueError(
                "key is 32, 48 or 64 hexadecimal digits, or 16, 24 or 32 characters of text"
            )

    def __repr__(self) -> str:
        return f"Account({self.account!r})"


class Dc09Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[sia-dc09]`. `accounts_only`: panels that are not named are refused, which is
    for nodes that anybody can reach; else they are kept, and a person looks."""

    host: str = "0.0.0.0"
    port: Annotated[int, Meta(ge=0, le=65535)] = PORT
    udp: bool = True
    tcp: bool = True
    accounts_only: bool = False
    connections: Annotated[int, Meta(ge=1)] = CONNECTIONS_MAX
    per_address: Annotated[int, Meta(ge=1)] = PER_ADDRESS_MAX
    idle_s: Annotated[float, Meta(gt=0)] = IDLE_S
    frame_s: Annotated[float, Meta(gt=0)] = FRAME_S
    account: tuple[Account, ...] = ()

"""Whether Frigate and its cameras are there, and nothing else of what it says. Pure; never raises.

Frigate watches people. Of its topics two are read, and of their messages one word:
`PREFIX/available` and `PREFIX/CAMERA/status/ROLE`, the health of each stream (its documentation of
MQTT). Events, counts, pictures, faces, plates and settings have no route, and no operator's route
lets them be read by this mapping.
"""

from __future__ import annotations

from typing import Final

from tocsin.intakes.mqtt.plain import GONE, HERE, told_there, word_in
from tocsin.kernel.shared import Refused
from tocsin.runtime.alarm_ports import IncomingAlarm

ROLES: Final = ("audio", "detect", "record")
"""The streams of a camera whose health is told; each is an address, `CAMERA/ROLE`, for one may be
away and the other not."""
DISABLED: Final = "disabled"
"""Somebody switched the stream off: neither there nor gone, and no news of the camera."""


def read_frigate(topic: str, payload: bytes) -> tuple[IncomingAlarm, ...] | Refused | None:
    """The health that a message tells; None for a topic that is not read."""
    levels = topic.split("/")
    if len(levels) == 2 and levels[1] == "available":
        name = levels[0]
    elif len(levels) == 4 and levels[2] == "status" and levels[3] in ROLES:
        name = f"{levels[1]}/{levels[3]}"
    else:
        return None
    word = word_in(payload)
    if word == DISABLED:
        return ()
    if word in HERE[:1] or word in GONE[:1]:
        return (told_there(name, is_there=word in HERE),)
    return Refused("unreadable", "neither online nor offline nor disabled")

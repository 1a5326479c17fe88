"""What a code of a panel says: the signal, and the code whose alarm it ends.

Contact ID: three digits and a qualifier; checked against the events of SIA DC-05-1999.09, appendix
C, with whether the number beside each is a zone's or a user's. SIA: two letters, of which for most
groups the second tells alarm, trouble, bypass, test or one of their ends; checked against a list of
281 codes with their descriptions as receivers print them. The text of DC-03 was not at hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tocsin.runtime.alarm_ports import Signal


@dataclass(frozen=True, slots=True)
class Meaning:
    """A signal with the codes of the alarms it is about. `is_personal`: the number beside the code
    is a user's, and is not read."""

    signal: Signal
    codes: tuple[str, ...]
    is_personal: bool = False


# -- Contact ID --------------------------------------------------------------------------

NEW, RESTORE, STILL = "1", "3", "6"
"""Qualifiers: new event or opening, new restore or closing, still present."""
_TESTED: Final = frozenset("601 604 607 611 613 614 615".split())
"""A person was at the device and it answered. 612 says of a point that it was not tested."""
_CANCELS: Final = frozenset(("406", "BC", "FC", "OC", "OR"))
"""The user of a panel took back what it had reported: any alarm, burglary, fire, any, or ended an
alarm by disarming. Which kinds each takes back is the pack's (`panel_cancel_codes`)."""
_OWN_TROUBLE: Final = frozenset("423 426 427 428 432 461 612 616".split())
"""Of the classes of people and of notes, what is wrong at a point: a door forced or left open, its
contact, its relay, wrong codes, a point that was not tested, a request for service."""
_USERS_NUMBER: Final = frozenset("121 313 574 604 607".split())
"""Outside the class of people, events whose number is a user's: duress, an engineer's reset, a
group bypassed, tests begun."""


def contact_id(qualifier: str, code: str) -> Meaning:
    """The meaning of a Contact ID event. Unknown codes are taken by their class, the first digit:
    1 alarms, 2 supervisory, 3 troubles, 4 people (opening, access), 5 bypasses, 6 tests and
    notes. Whatever is unclear is an alarm."""
    first, is_personal = code[0], code in _USERS_NUMBER
    if code in _CANCELS and qualifier == NEW:
        return Meaning("cancelled", (code,), is_personal=True)
    if code in _TESTED:
        return Meaning("tested", (code,), is_personal)
    if first in "46" and code not in _OWN_TROUBLE:
        return Meaning("heard", (code,), is_personal=True)
    if qualifier == RESTORE:
        return Meaning("cleared", (code,), is_personal)
    return Meaning("trouble" if first in "23456" else "raised", (code,), is_personal)


# -- SIA ---------------------------------------------------------------------------------

_GROUPS: Final = frozenset("BFGHKMPQSTUWZ")
"""First letters whose second letter is regular: burglary, fire, gas, hold-up, heat, medical,
panic, emergency, sprinkler, tamper, untyped, water, freeze."""
_REGULAR: Final[dict[str, tuple[Signal, str]]] = {
    "A": ("raised", "A"),
    "M": ("raised", "A"),  # a second detector confirms it
    "V": ("raised", "A"),
    "H": ("cleared", "A"),
    "R": ("cleared", "AT"),
    "T": ("trouble", "T"),
    "J": ("cleared", "T"),
    "B": ("trouble", "B"),
    "U": ("cleared", "B"),
    "S": ("trouble", "S"),
    "X": ("tested", "X"),
    "Y": ("trouble", "Y"),
    "Z": ("trouble", "Z"),
}
_TROUBLE: Final = frozenset(
    "AS AT BD BZ DF DJ DK DL DM DN DT EA EE ET EZ FY FZ IA LT NC NT RT VO VT VZ XL XQ XS XT XX "
    "YA YC YD YF YI YM YP YS YT YW YX".split()
)
_ENDS: Final[dict[str, str]] = {
    "AN": "AS", "AR": "AT", "BE": "BD", "DH": "DL DM DN", "DR": "DF DJ", "ER": "ET", "IR": "IA",
    "LR": "LT", "NR": "NT", "NS": "NA", "VI": "VO", "VR": "VT", "VY": "VZ", "XH": "XQ",
    "XJ": "XS", "XR": "XT", "YE": "YD", "YH": "YA", "YJ": "YI", "YK": "YC YS", "YQ": "YP",
    "YR": "YT YM", "YZ": "YX",
}  # fmt: skip
_SIA_RAISED: Final = frozenset("NA UX UZ XM JA".split())
_SIA_TESTED: Final = frozenset("FI FK RX TC TE TP TS TX VX YV".split())
_USERS: Final = frozenset("CDJO")
"""Closing, doors and cards, users, opening: the number beside them is a person's."""


def sia(code: str) -> Meaning:
    """The meaning of a SIA code. What no list knows is heard, if a person or a note is in it by
    its letter, else an alarm of its own code."""
    first, second = code[0], code[1]
    is_personal = first in _USERS
    if code in _CANCELS:
        return Meaning("cancelled", (code,), is_personal=True)
    if code in _ENDS:
        return Meaning("cleared", tuple(_ENDS[code].split()), is_personal)
    if code in _TROUBLE:
        return Meaning("trouble", (code,), is_personal)
    if code in _SIA_RAISED:
        return Meaning("raised", (code,), is_personal)
    if code in _SIA_TESTED:
        return Meaning("tested", (code,))
    if first in _GROUPS and second in _REGULAR:
        signal, kinds = _REGULAR[second]
        # A duress code, HA and MA with a user's number can not be told from a zone's: kept.
        return Meaning(signal, tuple(first + kind for kind in kinds))
    if first in "CDEIJLNORVXY" or code in ("TC", "ZN"):
        return Meaning("heard", (code,), is_personal=True)
    return Meaning("raised", (code,), is_personal)

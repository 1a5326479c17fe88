"""The synthetic report: whose it is, and what the health needs of it, whoever sends it.

It travels the whole path of an emergency, and lies where nobody looks: in an area that is
nobody's, with an agency that is nobody's, under an id that says so. No grant reaches that area, so
no board, no stream and no inbox shows it; lists that ask for no area leave it out, and no story is
told of it.
"""

from __future__ import annotations

from typing import Final, Protocol

from tocsin.kernel.shared import AgencyId, AreaId, AreaPath, CaseId, Instant, Place

NOBODYS: Final = AreaId("~")
"""An area that no atlas has and no account is granted: `~` is in no name of a pack or a map."""
NOWHERE: Final = AreaPath(NOBODYS, NOBODYS, NOBODYS, NOBODYS)
FAR_OFF: Final = Place(0.0, 0.0)
"""In the Atlantic: near no other report, so nobody takes one for the other's duplicate."""
NO_AGENCY: Final = AgencyId("~")
PREFIX: Final = "synthetic-"
HEADER: Final = "x-tocsin-synthetic"
"""With the node's own secret of this start: without it a report is a report."""


def is_synthetic(case_id: CaseId) -> bool:
    return case_id.startswith(PREFIX)


class Synthetic(Protocol):
    """A report of nobody that travels the whole path, again and again."""

    @property
    def secret(self) -> str:
        """What marks a report as the node's own."""
        ...

    @property
    def arrived(self) -> int:
        """How many arrived since the start."""
        ...

    @property
    def took_s(self) -> float:
        """How long the last one that arrived was on its way."""
        ...

    def age_s(self, now: Instant) -> float:
        """Seconds since one arrived, or since the start."""
        ...

    def is_missing(self, now: Instant) -> bool:
        """None arrived for longer than the operator is promised."""
        ...

"""What a pack says of looking at sealed values: `[sight]`, and `second_person` of a case type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from tocsin.packs.reading import Reader

SecondFor = Literal["none", "contact", "all"]
SECOND_FOR: Final[tuple[SecondFor, ...]] = get_args(SecondFor)
"""For which openings of a type a second person must agree: none, the reporter's contact, all."""

CASES_MAX: Final = 1_000
"""More cases in an hour than anybody reads: a higher limit would be none."""
CLOSED_DAYS_MAX: Final = 3_650
"""Ten years; nothing sealed is kept longer."""


@dataclass(frozen=True, slots=True)
class SightTerms:
    """When looking becomes broad, how long after its close a case may be opened by one person, and
    whether reporters are told the names of who looked."""

    cases_an_hour: int = 60
    closed_after_days: int = 30
    shows_names: bool = False


def read_sight(pack: Reader) -> SightTerms:
    """The table `[sight]`; everything in it may be left out."""
    table, base = pack.table("sight"), SightTerms()
    found = SightTerms(
        table.whole("cases_an_hour", base.cases_an_hour, 1, CASES_MAX),
        table.whole("closed_after_days", base.closed_after_days, 1, CLOSED_DAYS_MAX),
        table.flag("shows_names", base.shows_names),
    )
    table.close()
    return found


__all__ = ["SECOND_FOR", "SecondFor", "SightTerms", "read_sight"]

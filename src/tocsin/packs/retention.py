"""For how long a pack lets things be kept that hang on no type of case: `[retention]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tocsin.packs.reading import Reader

KEPT_DAYS_MAX: Final = 3_650
"""Ten years; nothing personal is kept longer."""


@dataclass(frozen=True, slots=True)
class RetentionTerms:
    """Days. `contacts` and `photos` run from the close of the case and end no later than the
    `retention_days` of its type; `alarms` from the end of an alarm; `accounts` from the day on
    which an account was switched off; `errands` from the day on which one was given up."""

    contacts: int = KEPT_DAYS_MAX
    photos: int = KEPT_DAYS_MAX
    alarms: int = 365
    accounts: int = 365
    errands: int = 90


def read_retention(pack: Reader) -> RetentionTerms:
    """The table `[retention]`; everything in it may be left out."""
    table, base = pack.table("retention"), RetentionTerms()
    found = RetentionTerms(
        table.whole("contact_days", base.contacts, 1, KEPT_DAYS_MAX),
        table.whole("photo_days", base.photos, 1, KEPT_DAYS_MAX),
        table.whole("alarm_days", base.alarms, 1, KEPT_DAYS_MAX),
        table.whole("account_days", base.accounts, 1, KEPT_DAYS_MAX),
        table.whole("errand_days", base.errands, 1, KEPT_DAYS_MAX),
    )
    table.close()
    return found


__all__ = ["KEPT_DAYS_MAX", "RetentionTerms", "read_retention"]

"""The words of a promise: its kind, its length, and what is left of it during a pause.

Sources of the conventions. That the day of receipt does not count, and that a period counted in
days ends with the day, or with office hours where the body keeps them: Civil Code of the People's
Republic of China, articles 201 and 203; Finnish act 150/1930 on statutory time limits, sections 2
and 6. That limits in working days leave holidays out: Administrative Licensing Law of the People's
Republic of China, article 82.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["urgent_hours", "work_hours", "work_days", "calendar_days"]

KINDS: Final[tuple[Kind, ...]] = ("urgent_hours", "work_hours", "work_days", "calendar_days")

# Ten years: no promise to a resident is longer, and a typing slip (days for seconds) is caught.
MAX_SECONDS: Final = 10 * 366 * 86_400
MAX_DAYS: Final = 10 * 366
# The longest rung of an escalation ladder is ten times its promise.
MAX_PERCENT: Final = 1_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """A promise's length.

    `amount` is in seconds for `urgent_hours` and `work_hours`, in whole days for `work_days` and
    `calendar_days`. Zero days means "by the end of the day of receipt" (see `due`).
    Raises ValueError for an unknown kind and for an amount below 0 or above ten years.
    """

    kind: Kind
    amount: int

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of deadline: {self.kind!r}")
        limit = MAX_SECONDS if self.is_in_hours else MAX_DAYS
        if not 0 <= self.amount <= limit:
            raise ValueError(f"{self.kind}: {self.amount} is outside 0..{limit}")

    @property
    def is_in_hours(self) -> bool:
        """The amount is in seconds of counted time, not in days."""
        return self.kind in ("urgent_hours", "work_hours")

    def scaled(self, percent: int) -> tuple[int, int]:
        """`percent` of the amount, exactly: whole units and hundredths of a unit left over.

        50 % of 3 days is `(1, 50)`. Raises ValueError outside 0..1000 percent.
        """
        if not 0 <= percent <= MAX_PERCENT:
            raise ValueError(f"{percent} % is outside 0..{MAX_PERCENT}")
        return divmod(self.amount * percent, 100)


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a paused promise, or of one of its milestones: plain values for a journal.

    Hours kinds: `time_us` is the counted time still to come, in microseconds; `days` is 0.
    Days kinds: `days` is the number of counted days after the day of the pause, up to and including
    the day the instant lies in (0: it lies in the day of the pause); `time_us` is the counted time
    from the instant to the end of its day, 0 for a deadline.
    `is_spent` says that the instant had already passed at the pause.
    """

    kind: Kind
    time_us: int
    days: int
    is_spent: bool

"""What is owed to the world: errands, and the messages that most of them end as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tocsin.kernel.cases.react import Errand as CaseErrand
from tocsin.kernel.shared import CaseId, Instant, ReportId
from tocsin.kernel.units.react import Alert

Errand = CaseErrand | Alert
"""What a case or a unit owes the world."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An errand that this version can not read: a newer one wrote it, or the row is damaged.

    `why` is one of the words of `UNREADABLE`: errand_unknown (no such kind, or no such command in
    it), errand_damaged.
    """

    kind: str
    why: str


UNREADABLE: Final = ("errand_unknown", "errand_damaged")
"""Why an errand can not be read. Its row keeps the word, and stays for a version that can."""


@dataclass(frozen=True, slots=True)
class DueErrand:
    """An errand taken by a runner until `lease` ends."""

    key: str
    case_id: CaseId
    errand: Errand | Unreadable
    attempts: int
    created_at: Instant


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the pack on its way to people: a template's name, never its filled text.

    `audience` is a directory address such as "agency:fire@county" or "role:dispatcher@area";
    for reporters it is empty and `report` is set.
    """

    key: str
    case_id: CaseId
    at: Instant
    audience: str
    template: str
    report: ReportId | None = None


class ErrandStore(Protocol):
    """The errands' part of `ports.Store`."""

    async def take_errands(
        self, now: Instant, lease_s: float, limit: int
    ) -> Sequence[DueErrand]: ...
    async def recall_errands(self, now: Instant, lease_s: float) -> int:
        """Makes due whatever waits for longer than a lease or its own back-off can take: the clock
        was ahead when it was taken. Returns how many."""
        ...

    async def finish_errand(self, key: str, now: Instant) -> None: ...
    async def fail_errand(self, key: str, error: str, retry_at: Instant | None) -> None:
        """`retry_at` None moves it to the dead letters."""
        ...

    async def dead_letters(self, limit: int) -> Sequence[tuple[DueErrand, str]]: ...
    async def revive_errand(self, key: str, now: Instant) -> bool: ...

    async def deliver(self, message: Message) -> None:
        """Idempotent by `message.key`."""
        ...


__all__ = ["UNREADABLE", "DueErrand", "Errand", "ErrandStore", "Message", "Unreadable"]

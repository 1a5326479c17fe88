"""Who of the staff has a case open just now, so that two people do not work past each other.

In memory only, forgotten after seconds, never in the journal: it is a courtesy, not a record.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import Final, Literal

from tocsin.kernel.shared import ActorId, CaseId

Doing = Literal["reading", "writing"]
KEPT_S: Final = 15.0
"""A screen says so every ten seconds; one that went silent is gone soon after."""
PEOPLE_MAX: Final = 20
"""People named on one case; more is a crowd."""
CASES_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Person:
    """One colleague on a case."""

    id: ActorId
    name: str
    doing: Doing


@dataclass(slots=True)
class Presence:
    """Everybody's whereabouts among the cases of this node."""

    _by_case: dict[CaseId, dict[ActorId, tuple[float, Person]]] = field(
        default_factory=dict[CaseId, dict[ActorId, tuple[float, Person]]]
    )

    def see(self, case_id: CaseId, person: Person) -> tuple[tuple[Person, ...], bool]:
        """Note a sign of life. Answers with all who are there, and whether that is news."""
        now = monotonic()
        there = self._by_case.setdefault(case_id, {})
        before = {each.id: each.doing for _, each in there.values()}
        for gone in [who for who, (at, _) in there.items() if now - at > KEPT_S]:
            del there[gone]
        there[person.id] = now, person
        if len(self._by_case) > CASES_MAX:
            self._forget(now)
        people = tuple(each for _, each in sorted(there.values(), key=lambda pair: pair[1].id))
        after = {each.id: each.doing for each in people}
        return people[:PEOPLE_MAX], before != after

    def _forget(self, now: float) -> None:
        for case_id, there in list(self._by_case.items()):
            if all(now - at > KEPT_S for at, _ in there.values()):
                del self._by_case[case_id]

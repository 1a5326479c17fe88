"""Sealed values in memory, behind the same door as the real vault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from tocsin.kernel.shared import Actor, CaseId, Instant, Refused, SealedRef
from tocsin.runtime.ports import Clock, Reading, SealedValue
from tocsin.runtime.sight import ASK_WAITS, KINDS, PERMIT_LIVES, READERS, SECOND_LIVES, WINDOW
from tocsin.runtime.sight_ports import (
    Answer,
    Ask,
    Need,
    NotPermitted,
    Opened,
    Permit,
    SecondPerson,
    Wish,
)


@dataclass(frozen=True, slots=True)
class Grant:
    """Someone was allowed to read sealed values, and why."""

    at: Instant
    by: Actor
    purpose: str
    refs: tuple[SealedRef, ...]


@dataclass(frozen=True, slots=True)
class _Given:
    permit: Permit
    wish: Wish
    by: Actor
    at: Instant
    ask: Ask | None = None


class MemoryVault:
    """Keeps values as they are: for simulation and tests, never for people's data."""

    def __init__(self, clock: Clock) -> None:
        self.grants: list[Grant] = []
        """One for each call of `read`, and of `open`."""
        self._clock = clock
        self._values: dict[SealedRef, SealedValue] = {}
        self._given: dict[int, _Given] = {}
        self._over: set[int] = set()
        self._asks: dict[int, tuple[Ask, Wish, Actor]] = {}
        self.records: list[Opened] = []
        """One for each value that was opened under a permit."""

    def put(self, values: Sequence[SealedValue]) -> None:
        """Called by the store inside its transaction."""
        for value in values:
            self._values.setdefault(value.ref, value)

    def value(self, ref: SealedRef) -> SealedValue | None:
        """For the other parts of the store in memory."""
        return self._values.get(ref)

    async def open(
        self, refs: Sequence[SealedRef], *, by: Actor, purpose: str
    ) -> Mapping[SealedRef, tuple[bytes, str]]:
        """What checkers look at: without a permit, so only this reference has it."""
        self.grants.append(Grant(self._clock.now(), by, purpose, tuple(refs)))
        return self._found(refs)

    def _found(self, refs: Sequence[SealedRef]) -> dict[SealedRef, tuple[bytes, str]]:
        found = {ref: self._values[ref] for ref in refs if ref in self._values}
        return {ref: (value.value, value.media_type) for ref, value in found.items()}

    # -- permits

    async def permit(
        self, wishes: Sequence[Wish], *, by: Actor, purpose: str, cases_an_hour: int | None = None
    ) -> tuple[Permit, ...] | SecondPerson:
        """See `ports.Vault.permit`."""
        if purpose not in READERS:
            raise ValueError(f"no such purpose: {purpose!r}")
        wanted = {wish.case_id: wish for wish in wishes}
        found: dict[CaseId, Permit] = {}
        for each in reversed(self._given.values()):
            wish = wanted.get(each.wish.case_id)
            if wish is None or each.permit.purpose != purpose or not self._holds(each, by):
                continue
            if set(wish.needs) <= set(each.wish.needs):
                found.setdefault(wish.case_id, each.permit)
        missing = [wish for case_id, wish in wanted.items() if case_id not in found]
        needs: dict[Need, None] = dict.fromkeys(need for wish in missing for need in wish.needs)
        if cases_an_hour is not None and any(not wish.is_urgent for wish in missing):
            since = self._clock.now() - WINDOW
            seen = {
                each.wish.case_id
                for each in self._given.values()
                if each.by.id == by.id
                and each.at > since
                and READERS[each.permit.purpose] == "person"
            }
            if len(seen | set(wanted)) > cases_an_hour:
                needs["broad"] = None
        if needs:
            return SecondPerson(tuple(needs))
        for wish in missing:
            found[wish.case_id] = self._give(wish, by, purpose, PERMIT_LIVES, None)
        return tuple(found[case_id] for case_id in wanted)

    def _give(
        self, wish: Wish, by: Actor, purpose: str, lives: timedelta, ask: Ask | None
    ) -> Permit:
        now, number = self._clock.now(), len(self._given) + 1
        permit = Permit(number, wish.case_id, purpose, by.id, now + lives)
        self._given[number] = _Given(permit, wish, by, now, ask)
        return permit

    def _holds(self, given: _Given, by: Actor) -> bool:
        now = self._clock.now()
        return (
            given.by.id == by.id
            and given.at <= now < given.permit.expires_at
            and given.permit.id not in self._over
        )

    async def read(
        self, refs: Sequence[SealedRef], permits: Sequence[int], *, by: Actor
    ) -> Mapping[SealedRef, tuple[bytes, str]]:
        """See `ports.Vault.read`."""
        given = [self._given[each] for each in sorted(set(permits)) if each in self._given]
        held = [each for each in given if self._holds(each, by)]
        found = self._found(tuple(dict.fromkeys(refs)))
        under: dict[SealedRef, _Given] = {}
        for ref in found:
            value = self._values[ref]
            for each in held:
                opens = value.kind in KINDS[each.permit.purpose]
                if opens and value.case_id in each.wish.holders:
                    under.setdefault(ref, each)
            if ref not in under:
                raise NotPermitted
        for ref, each in under.items():
            self._record(ref, each)
        for each in dict.fromkeys(under.values()):
            mine = tuple(ref for ref, one in under.items() if one is each)
            self.grants.append(Grant(self._clock.now(), by, each.permit.purpose, mine))
        return found

    def _record(self, ref: SealedRef, given: _Given) -> None:
        known = any(one.ref == ref and one.permit == given.permit.id for one in self.records)
        if known and READERS[given.permit.purpose] != "person":
            return
        second = given.ask.second if given.ask is not None else None
        self.records.append(
            Opened(
                *(len(self.records) + 1, self._clock.now(), given.permit.id, given.by.id),
                *(given.by.kind, given.wish.role, given.wish.agency, given.permit.purpose),
                *(given.wish.case_id, ref, self._values[ref].kind, second),
            )
        )

    async def readings(self, refs: Sequence[SealedRef]) -> Sequence[Reading]:
        """See `ports.Vault.readings`."""
        asked = set(refs)
        groups: dict[tuple[int, Instant], list[Opened]] = {}
        for each in self.records:
            if each.ref in asked:
                groups.setdefault((each.permit, each.at), []).append(each)
        return tuple(
            Reading(
                *(at, some[0].actor, some[0].kind, some[0].purpose),
                *(tuple(each.ref for each in some), some[0].role, some[0].agency, permit),
                *(tuple(each.field for each in some), some[0].second),
            )
            for (permit, at), some in groups.items()
        )

    async def live_permit(self, permit: int, *, by: Actor) -> Permit | None:
        """See `ports.Vault.live_permit`."""
        found = self._given.get(permit)
        return found.permit if found is not None and self._holds(found, by) else None

    async def give_back(self, permit: int, *, by: Actor) -> None:
        """See `ports.Vault.give_back`."""
        self._over.add(permit)

    async def opened(self, before: int | None, limit: int) -> Sequence[Opened]:
        """See `ports.Vault.opened`."""
        found = [
            each
            for each in reversed(self.records)
            if (before is None or each.id < before)
            and READERS[each.purpose] == "person"
            and each.kind != "reporter"
        ]
        return found[:limit]

    # -- the second person

    async def ask(self, wish: Wish, *, by: Actor, purpose: str, reason: str) -> Ask:
        """See `ports.Vault.ask`."""
        now = self._clock.now()
        for ask, other, _ in self._asks.values():
            same = (ask.actor, ask.case_id, ask.purpose) == (by.id, wish.case_id, purpose)
            waits = ask.answer is None and ask.expires_at > now
            if same and waits and set(wish.needs) <= set(other.needs):
                return ask
        made = Ask(
            *(len(self._asks) + 1, now, by.id, by.kind, wish.role, wish.agency, purpose),
            *(wish.case_id, wish.needs, reason, now + ASK_WAITS),
        )
        self._asks[made.id] = made, wish, by
        return made

    async def one_ask(self, ask: int) -> Ask | None:
        """See `ports.Vault.one_ask`."""
        found = self._asks.get(ask)
        return self._now(found[0]) if found is not None else None

    def _now(self, ask: Ask) -> Ask:
        return replace(ask, permit_until=None) if ask.permit in self._over else ask

    async def asks(self, limit: int) -> Sequence[Ask]:
        """See `ports.Vault.asks`."""
        now = self._clock.now()
        found: list[Ask] = []
        for each in (self._now(ask) for ask, _, _ in self._asks.values()):
            waits = each.answer is None and each.expires_at > now
            lives = each.permit_until is not None and each.permit_until > now
            told = each.answered_at is not None and each.answered_at > now - ASK_WAITS
            if waits or lives or (each.answer == "denied" and told):
                found.append(each)
        return found[:limit]

    async def decide(
        self, ask: int, *, by: Actor, role: str, answer: Answer, reason: str
    ) -> Ask | Refused:
        """See `ports.Vault.decide`."""
        found, now = self._asks.get(ask), self._clock.now()
        if found is None:
            return Refused("ask_unknown", "")
        asked, wish, asker = found
        if asked.answer is not None or asked.expires_at <= now:
            return Refused("ask_over", "")
        if asked.actor == by.id:
            return Refused("second_is_asker", "another person decides")
        said = replace(asked, answer=answer, answered_at=now, second=by.id, answer_reason=reason)
        if answer == "approved":
            permit = self._give(wish, asker, asked.purpose, SECOND_LIVES, said)
            said = replace(said, permit=permit.id, permit_until=permit.expires_at)
        self._asks[ask] = said, wish, asker
        return said

    async def erase(self, case_id: CaseId, subject: str, *, by: Actor, reason: str) -> int:
        """Forgets what one person left in one case. Says how many values there were."""
        gone = [
            ref
            for ref, value in self._values.items()
            if value.case_id == case_id and value.subject == subject
        ]
        for ref in gone:
            del self._values[ref]
        return len(gone)

"""Bugs on purpose: each takes one part of a simulated node and breaks one promise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from msgspec.structs import replace as with_

from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.policy import CasePolicy
from tocsin.kernel.cases.react import Tell
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import CaseId, Instant, Refused
from tocsin.packs.model import Pack
from tocsin.packs.registry import Registry
from tocsin.runtime.ports import Committed, Decision, DueErrand, Order, Policies
from tocsin.runtime.reception import Reception
from tocsin.simulation.node import Parts
from tocsin.stores.memory import MemoryStore, MemoryVault


class _WithStore(Parts):
    kind: type[MemoryStore]

    def store(self, vault: MemoryVault) -> MemoryStore:
        return self.kind(vault)


class _ForgetfulStore(MemoryStore):
    """Acknowledges every fifteenth new case without writing it."""

    opened = 0

    async def commit(self, order: Order) -> Committed | Refused:
        if order.opens:
            self.opened += 1
            if self.opened % 15 == 0:
                return Committed({}, {}, {}, order.answer)
        return await super().commit(order)


class LosesReports(_WithStore):
    kind = _ForgetfulStore


class _WordlessStore(MemoryStore):
    """Keeps the case but drops the sealed values of some of its reports."""

    async def commit(self, order: Order) -> Committed | Refused:
        if order.opens and order.target[-1] in "0123":
            order = with_(order, sealed=())
        return await super().commit(order)


class LosesWords(_WithStore):
    kind = _WordlessStore


class _KeylessStore(MemoryStore):
    """Never heard of idempotency."""

    async def commit(self, order: Order) -> Committed | Refused:
        return await super().commit(with_(order, key=None))


class IgnoresKeys(_WithStore):
    kind = _KeylessStore


class _Mutating(MemoryStore):
    """A kernel that decides otherwise."""

    def mutate(self, events: tuple[words.Event, ...]) -> tuple[words.Event, ...] | Refused:
        raise NotImplementedError

    async def commit(self, order: Order) -> Committed | Refused:
        plan = order.plan

        def planned(cases: Mapping[CaseId, Case]) -> Decision:
            decision = plan(cases)
            if isinstance(decision, Refused):
                return decision
            found: dict[CaseId, tuple[words.Event, ...]] = {}
            for case_id, events in decision.items():
                mutated = self.mutate(events)
                if isinstance(mutated, Refused):
                    return mutated
                found[case_id] = mutated
            return found

        return await super().commit(with_(order, plan=planned))


class _NeverMissing(_Mutating):
    def mutate(self, events: tuple[words.Event, ...]) -> tuple[words.Event, ...]:
        return tuple(event for event in events if not isinstance(event, words.DeadlineMissed))


class ForgetsMisses(_WithStore):
    kind = _NeverMissing


class _MissingTwice(_Mutating):
    def mutate(self, events: tuple[words.Event, ...]) -> tuple[words.Event, ...]:
        found: list[words.Event] = []
        for event in events:
            found.append(event)
            if isinstance(event, words.DeadlineMissed):
                found.append(replace(event, next_at=None))
        return tuple(found)


class MissesTwice(_WithStore):
    kind = _MissingTwice


class _MissingEarly(_Mutating):
    """Calls a promise missed when it is only half way gone."""

    def mutate(self, events: tuple[words.Event, ...]) -> tuple[words.Event, ...]:
        return tuple(
            words.DeadlineMissed(
                event.at, event.key, event.name, event.at, event.tell, event.next_at, event.agency
            )
            if isinstance(event, words.ClockEscalated) and event.percent == 75
            else event
            for event in events
        )


class MissesEarly(_WithStore):
    kind = _MissingEarly


class TellsNobody(Parts):
    """A miss is written down and the supervisors' inbox stays empty."""

    def addresses(self, tell: Tell) -> Sequence[str]:
        found = tell.to
        return found[:-1] if tell.template == "deadline_missed" else found


class _RepeatingStore(MemoryStore):
    """Names messages by the round that delivers them, so that a retry delivers once more."""

    taken = 0

    async def take_errands(self, now: Instant, lease_s: float, limit: int) -> Sequence[DueErrand]:
        self.taken += 1
        return await super().take_errands(now, lease_s, limit)

    async def deliver(self, message: Any) -> None:
        await super().deliver(replace(message, key=f"{message.key}#{self.taken}"))


class DeliversTwice(_WithStore):
    kind = _RepeatingStore


class _TwoEyes:
    """Policies that have forgotten the second pair of eyes."""

    def __init__(self, inner: Policies) -> None:
        self.inner = inner

    def policy(self, pack_version: str, case_type: str) -> CasePolicy | None:
        return _without_four_eyes(self.inner.policy(pack_version, case_type))

    def current(self, case_type: str) -> CasePolicy | None:
        return _without_four_eyes(self.inner.current(case_type))


def _without_four_eyes(policy: CasePolicy | None) -> CasePolicy | None:
    if policy is None:
        return None
    return replace(policy, verification=replace(policy.verification, four_eyes=False))


class TrustsClaimants(Parts):
    def policies(self, pack: Pack) -> Policies:
        return _TwoEyes(Registry(pack))


class _TornStore(MemoryStore):
    """Writes the row and forgets some journal entries."""

    async def commit(self, order: Order) -> Committed | Refused:
        outcome = await super().commit(order)
        entries = self._by_case.get(order.target, [])
        if len(entries) == 4:
            entries.pop()
        return outcome


class TearsTheJournal(_WithStore):
    kind = _TornStore


class _Talkative(Reception):
    """Puts the words into a form answer, which the journal carries in the clear."""

    def _report(self, incoming: Any, case_id: Any, report_id: Any, now: Any) -> Any:
        made = super()._report(incoming, case_id, report_id, now)
        if isinstance(made, Refused):
            return made
        report, sealed = made
        return replace(report, answers=(*report.answers, ("text", (incoming.text,)))), sealed


class LeaksWords(Parts):
    def reception(self, engine: Any, pack: Pack, atlas: Any, code_key: bytes) -> Reception:
        return _Talkative(engine, pack, atlas, code_key)


class _Stubborn(_Mutating):
    """Never lets a case be verified."""

    def mutate(self, events: tuple[words.Event, ...]) -> tuple[words.Event, ...] | Refused:
        if any(isinstance(event, words.CaseVerified) for event in events):
            return Refused("not_from_here", "planted")
        return events


class NeverEnds(_WithStore):
    kind = _Stubborn


class _Sleepy(MemoryStore):
    """Forgets timers: nothing ever wakes by itself."""

    async def waking(self, now: Instant, limit: int) -> Sequence[CaseId]:
        return ()


class NeverWakes(_WithStore):
    kind = _Sleepy


PLANTED: tuple[tuple[str, type[Parts]], ...] = (
    ("accepted_reports_kept", LosesReports),
    ("accepted_reports_kept", LosesWords),
    ("repeats_are_one", IgnoresKeys),
    ("misses_escalated_once", ForgetsMisses),
    ("misses_escalated_once", MissesTwice),
    ("misses_escalated_once", MissesEarly),
    ("misses_escalated_once", TellsNobody),
    ("misses_escalated_once", DeliversTwice),
    ("nobody_verifies_own_claim", TrustsClaimants),
    ("board_tells_the_journal", TearsTheJournal),
    ("nothing_sealed_outside", LeaksWords),
    ("everything_ends", NeverEnds),
    ("clocks_speak_in_time", NeverWakes),
)
"""The checker that must find it, and the bug."""

"""A town at work on a simulated node: residents who report, staff who act, a runner that wakes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Final

from tocsin.kernel.shared import Actor, ActorId, AgencyId, CaseId, Instant, Refused
from tocsin.runtime.accounts import Role
from tocsin.runtime.ports import Unavailable
from tocsin.runtime.reception import IncomingReport, Received
from tocsin.runtime.runner import LEASE_S
from tocsin.simulation.arrivals import Arrivals, Telling
from tocsin.simulation.behaviour import Behaviour
from tocsin.simulation.clock import Action, Agenda, VirtualClock
from tocsin.simulation.commanding import Built, build
from tocsin.simulation.faults import Crashed, Faults
from tocsin.simulation.moves import Move
from tocsin.simulation.node import SimNode

MARK: Final = "kanarienvogel"
"""In every text that must stay sealed. Found anywhere outside the vault, it sings."""
ROUNDS_MAX: Final = 50
"""Rounds of one tick: more means that the runner never comes to an end."""
WAIT_S: Final = 60.0
FOLLOW_UP: Final = 0.06
"""Share of the reports after which somebody calls again."""
TRIES_MAX: Final = 12
"""How often a sender repeats what was not acknowledged; then it gives up, unacknowledged."""


@dataclass(slots=True)
class Sent:
    """One report as its sender knows it: with every receipt that came back."""

    key: str
    telling: Telling
    text: str
    receipts: list[Received] = field(default_factory=list[Received])
    refused: str = ""


@dataclass(slots=True)
class Ledger:
    """What the people outside remember; checkers hold the node against it."""

    sent: dict[str, Sent] = field(default_factory=dict[str, Sent])
    commands: Counter[str] = field(default_factory=Counter[str])
    refused: Counter[str] = field(default_factory=Counter[str])
    unanswered: int = 0


class Town:
    """Residents and staff. Everything is noted on the agenda and happens at its instant."""

    def __init__(
        self,
        node: SimNode,
        clock: VirtualClock,
        arrivals: Arrivals,
        behaviour: Behaviour,
        rng: Random,
        faults: Faults,
    ) -> None:
        self.node = node
        self.agenda = Agenda(clock)
        self.ledger = Ledger()
        self.behaviour = behaviour
        self._clock = clock
        self._arrivals = arrivals
        self._rng = rng
        self._faults = faults
        self._tick_at: Instant | None = None
        self._moves = 0

    # -- reports -----------------------------------------------------------------------

    def open_doors(self, until: Instant) -> None:
        """Let reports come in until then."""
        telling = self._arrivals.next()
        if telling.at >= until:
            return

        async def arrive() -> None:
            key = f"telling-{telling.number}"
            sent = Sent(key, telling, f"{telling.text} {MARK}-{telling.number}")
            self.ledger.sent[key] = sent
            await self._send(sent, 0)
            if self._faults.happens("press_twice"):
                self.agenda.after(self._rng.uniform(0, 900), lambda: self._send(sent, 0))
            self.open_doors(until)

        self.agenda.at(telling.at, arrive)

    async def _send(self, sent: Sent, attempt: int) -> None:
        telling = sent.telling
        by = Actor(ActorId("app"), "integration")
        if telling.by_phone:
            by = self.staff("call_taker")
        incoming = IncomingReport(
            source="phone" if telling.by_phone else "open311",
            case_type=telling.case_type,
            text=sent.text,
            place=telling.place,
            address=f"{telling.address} {MARK}",
            contact={**dict(telling.contact), "note": MARK},
            answers={name: list(values) for name, values in telling.answers},
            language=telling.language,
            consent=telling.consent,
            key=sent.key,
            dispatch_now=telling.by_phone,
        )
        try:
            outcome = await self.node.reception.receive(incoming, by)
        except Unavailable as trouble:
            self._again(trouble, attempt, lambda: self._send(sent, attempt + 1))
            return
        finally:
            await self._look()
        if isinstance(outcome, Refused):
            sent.refused = outcome.reason
            self.ledger.refused[f"report:{outcome.reason}"] += 1
            return
        sent.receipts.append(outcome)
        self.behaviour.learn(outcome.case_id, telling.matter)
        if self._rng.random() < FOLLOW_UP:
            self._follow_up(sent, outcome.case_id)

    def _follow_up(self, sent: Sent, case_id: CaseId) -> None:
        """Later someone calls about the same case: another report of it, with its own receipt."""
        key = f"{sent.key}-more"
        more = Sent(key, sent.telling, f"{sent.text} (again)")
        delay_s = self._rng.uniform(600, 86_400)

        async def call() -> None:
            self.ledger.sent.setdefault(key, more)
            await self._attach(more, case_id, 0)

        if key not in self.ledger.sent:
            self.agenda.after(delay_s, call)

    async def _attach(self, sent: Sent, case_id: CaseId, attempt: int) -> None:
        incoming = IncomingReport(
            source="phone",
            case_type=sent.telling.case_type,
            text=sent.text,
            answers={name: list(values) for name, values in sent.telling.answers},
            language=sent.telling.language,
            key=sent.key,
        )
        try:
            outcome = await self.node.reception.attach(case_id, incoming, self.staff("call_taker"))
        except Unavailable as trouble:
            self._again(trouble, attempt, lambda: self._attach(sent, case_id, attempt + 1))
            return
        finally:
            await self._look()
        if isinstance(outcome, Refused):
            sent.refused = outcome.reason
            self.ledger.refused[f"attach:{outcome.reason}"] += 1
        else:
            sent.receipts.append(outcome)

    def _again(self, trouble: Unavailable, attempt: int, action: Action) -> None:
        if attempt >= TRIES_MAX:
            self.ledger.unanswered += 1
            return
        self.agenda.after(trouble.retry_after_s * 2 ** min(attempt, 6), action)

    # -- staff -------------------------------------------------------------------------

    def staff(self, role: Role, agency: AgencyId | None = None, number: int = 1) -> Actor:
        """A member of staff. Two of each, so that someone else can always look."""
        roles: tuple[str, ...] = (role,)
        if role == "arbiter":
            roles = ("arbiter", "supervisor")
        where = f":{agency}" if agency is not None else ""
        return Actor(ActorId(f"{role}{where}:{number}"), "staff", roles, agency)

    def _actor(self, move: Move, claimants: tuple[ActorId, ...]) -> Actor:
        if move.role is None:
            return Actor(ActorId(f"receipt:{move.fields['report']}"), "reporter")
        if move.by_claimant and claimants:
            return Actor(claimants[0], "staff", ("agency_handler", "verifier"))
        return self.staff(move.role, move.agency, self._rng.randint(1, 2))

    async def plan(self, case_id: CaseId) -> None:
        """Note what people will do about a case as it is now."""
        row = await self.node.inner.case(case_id)
        if row is None:
            return
        for move in self.behaviour.moves(row.case, self._clock.now()):
            self.agenda.at(move.at, self._doing(move))

    def _doing(self, move: Move) -> Action:
        return lambda: self._do(move)

    async def _do(self, move: Move) -> None:
        row = await self.node.inner.case(move.case_id)
        assert row is not None, "moves are planned for cases on the board"
        if not self.behaviour.still_fits(row.case, move):
            return
        self._moves += 1
        case = row.case
        by = self._actor(move, case.claim.by if case.claim is not None else ())
        now = self._clock.now()
        mark = f"{MARK}-move-{self._moves}"
        built = build(move, case, by.id, self.node.pack, self.node.ids, now, mark)
        key = f"move-{self._moves}"
        await self._command(move, built, by, key, 0)
        if self._faults.happens("press_twice"):
            later = self._rng.uniform(0, 30)
            again = f"{key}-again" if self._rng.random() < 0.5 else key
            self.agenda.after(later, lambda: self._command(move, built, by, again, 0))

    async def _command(self, move: Move, built: Built, by: Actor, key: str, attempt: int) -> None:
        try:
            outcome = await self.node.engine.handle(
                move.to,
                built.command,
                by=by,
                key=key,
                fingerprint=key.removesuffix("-again"),
                sealed=built.sealed,
            )
        except Unavailable as trouble:
            again = attempt + 1
            self._again(trouble, attempt, lambda: self._command(move, built, by, key, again))
            return
        finally:
            await self._look()
        if isinstance(outcome, Refused):
            self.ledger.refused[f"{move.verb}:{outcome.reason}"] += 1
            if self.behaviour.forget(move):
                await self.plan(move.case_id)
        else:
            self.ledger.commands[move.verb] += 1

    # -- the node's own loops ----------------------------------------------------------

    async def _look(self) -> None:
        """Plan for whatever changed, and have the runner look soon."""
        touched = list(self.node.store.touched)
        self.node.store.touched.clear()
        for case_id in touched:
            await self.plan(case_id)
        delay_s = self._rng.uniform(0.5, 20.0)
        if self._faults.happens("wake_late"):
            delay_s = self._rng.uniform(60.0, self._faults.shares.wake_late_max_s)
        self._want_tick(self._clock.now() + timedelta(seconds=delay_s))

    def _want_tick(self, at: Instant) -> None:
        if self._tick_at is None or at < self._tick_at:
            self._tick_at = at
            self.agenda.at(at, lambda: self._tick_if(at))

    async def _tick_if(self, at: Instant) -> None:
        if self._tick_at == at:  # else an earlier one has taken its place
            await self.tick()

    async def tick(self) -> None:
        """One round of the runner's two loops, as often as there is something to do."""
        self._tick_at = None
        runner = self.node.runner
        now = self._clock.now()
        try:
            for _ in range(ROUNDS_MAX):
                if not await runner.wake_due() and not await runner.run_errands():
                    break
        except Unavailable as trouble:
            self._want_tick(now + timedelta(seconds=trouble.retry_after_s))
        except Crashed:
            self.node.restart()
            self._want_tick(now + timedelta(seconds=LEASE_S + 1))
        touched = list(self.node.store.touched)
        self.node.store.touched.clear()
        for case_id in touched:
            await self.plan(case_id)
        oldest = await self.node.inner.oldest_wake()
        if oldest is not None:
            late_s = self._rng.uniform(0.0, 2.0)
            if self._faults.happens("wake_late"):
                late_s = self._rng.uniform(0.0, self._faults.shares.wake_late_max_s)
            soonest = now + timedelta(seconds=WAIT_S)
            self._want_tick(max(oldest, soonest if oldest <= now else now) + _s(late_s))


def _s(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)

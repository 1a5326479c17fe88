"""What people do about a case: one move for each slot, drawn once, with a human delay.

The same people work in `tocsin sim` (on the engine) and in `tocsin demo` (over HTTP). A move is
said in the words of the API: its verb and the fields of its body.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any, Final

from tocsin.kernel.cases.policy import CasePolicy
from tocsin.kernel.cases.state import Case
from tocsin.kernel.deadlines import Allowance, due
from tocsin.kernel.shared import AgencyId, CaseId, Instant
from tocsin.packs.model import Pack
from tocsin.runtime.accounts import Role
from tocsin.simulation.habits import Habits
from tocsin.simulation.situations import situations

TRIES: Final = 5
"""Refused that often in one situation, people leave it to someone else (who never comes)."""
RETRY_S: Final = 300.0
MEDIANS_S: Final[Mapping[str, tuple[float, float, float]]] = {
    "desk": (30, 240, 420),
    "acknowledge": (40, 240, 600),
    "start": (240, 600, 900),
    "claim": (1_500, 2_400, 2_700),
    "check": (1_800, 1_800, 2_400),
    "small": (240, 600, 900),
    "reporter": (300, 900, 1_500),
}
"""Emergency, priority 2, everything else; ours, plausible for a town that copes."""
SIGMA: Final = 0.6
"""Spread of the log-normal delays: one in twenty takes 2.7 times as long as the median."""
LATER_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Move:
    """Something a person will do at `at`. `case_id` is whose slot it is, `target` the case the
    command is sent to. `role` None means the reporter whom the fields name."""

    case_id: CaseId
    slot: str
    token: str
    at: Instant
    verb: str
    role: Role | None
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    agency: AgencyId | None = None
    target: CaseId | None = None
    by_claimant: bool = False

    @property
    def to(self) -> CaseId:
        return self.target or self.case_id


@dataclass(frozen=True, slots=True)
class Aim:
    """Where a move goes beside its fields. `clock` is what it would keep, `at` fixes the instant,
    `agency` is for whom its actor works."""

    clock: str = ""
    at: Instant | None = None
    agency: AgencyId | None = None
    target: CaseId | None = None
    by_claimant: bool = False


@dataclass(slots=True)
class _Look:
    """One slot being looked at."""

    case: Case
    policy: CasePolicy
    slot: str
    token: str
    now: Instant

    @property
    def part(self) -> str:
        return self.slot.partition(":")[2]


class Behaviour:
    """Remembers what was already decided about; draws everything from one generator."""

    def __init__(self, pack: Pack, habits: Habits, rng: Random) -> None:
        self.pack = pack
        self.habits = habits
        self.matters: dict[CaseId, int] = {}
        """What really happened, by case; told by whoever sends the reports."""
        self._firsts: dict[int, CaseId] = {}
        self._rng = rng
        self._known: dict[tuple[CaseId, str], str] = {}
        self._tries: dict[tuple[CaseId, str, str], int] = {}
        self._drawers: dict[str, Callable[[_Look], Move | None]] = {
            "desk": self._desk,
            "task": self._task,
            "check": self._check,
            "vote": self._vote,
            "unmerge": self._unmerge,
            "cancel": self._cancel,
            "add_task": self._add_task,
            "hold": self._hold,
            "extend": self._extend,
            "ask": self._ask,
            "answer": self._answer,
            "decide_hold": self._decide_hold,
            "decide_extension": self._decide_extension,
            "take_over": self._take_over,
            "report_up": self._report_up,
            "urge": self._urge,
            "answer_urge": self._answer_urge,
            "evaluate": self._evaluate,
            "appeal": self._appeal,
            "decide_appeal": self._decide_appeal,
            "publish": self._publish,
            "note": self._note,
        }

    def learn(self, case_id: CaseId, matter: int) -> None:
        """A case was opened about this matter."""
        self.matters[case_id] = matter
        self._firsts.setdefault(matter, case_id)

    def moves(self, case: Case, now: Instant) -> list[Move]:
        """The moves for all slots that ask something new."""
        found: list[Move] = []
        policy = self.pack.policy(case.case_type)
        if policy is None or case.status == "absent":
            return found
        for slot, token in situations(case, policy).items():
            if self._known.get((case.id, slot)) == token:
                continue
            self._known[case.id, slot] = token
            move = self._drawers[slot.partition(":")[0]](_Look(case, policy, slot, token, now))
            if move is not None:
                found.append(move)
        return found

    def still_fits(self, case: Case, move: Move) -> bool:
        """Whether the situation of the move is still the same."""
        policy = self.pack.policy(case.case_type)
        return policy is not None and situations(case, policy).get(move.slot) == move.token

    def forget(self, move: Move) -> bool:
        """The move was refused or came to nothing: the slot is decided anew, a few times."""
        key = (move.case_id, move.slot, move.token)
        self._tries[key] = self._tries.get(key, 0) + 1
        if self._tries[key] > TRIES:
            return False
        self._known.pop((move.case_id, move.slot), None)
        return True

    def forget_all(self) -> None:
        """Every slot is decided anew: other habits, or people who come back to work."""
        self._known.clear()
        self._tries.clear()

    # -- drawing -----------------------------------------------------------------------

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share

    def _when(self, look: _Look, stage: str, clock: str = "") -> Instant:
        """Now and a human delay; perhaps after the clock has run out. Everyday matters are done
        in office hours."""
        rng, case = self._rng, look.case
        rank = 0 if case.profile == "emergency" else 1 if case.priority <= 2 else 2
        delay_s = MEDIANS_S[stage][rank] * rng.lognormvariate(0, SIGMA) * self.habits.pace
        delay_s *= 1 + self._tries.get((case.id, look.slot, look.token), 0)
        found = next((each for each in case.clocks if each.key == clock), None)
        if found is not None and found.paused_at is None and not found.missed:
            left_s = (found.due_at - look.now).total_seconds()
            if left_s < self.habits.late_within_s and self._chance(self.habits.late):
                return found.due_at + timedelta(seconds=rng.expovariate(1 / LATER_S))
        calendar = self.pack.calendar
        if rank == 2 and stage != "reporter" and calendar is not None:
            allowance = Allowance("work_hours", max(1, int(delay_s)))
            return due(calendar, look.now, allowance)
        return look.now + timedelta(seconds=delay_s)

    def _move(
        self,
        look: _Look,
        verb: str,
        role: Role | None,
        stage: str,
        aim: Aim | None = None,
        **fields: Any,
    ) -> Move:
        aim = aim or Aim()
        return Move(
            look.case.id,
            look.slot,
            look.token,
            aim.at or self._when(look, stage, aim.clock),
            verb,
            role,
            fields,
            aim.agency,
            aim.target,
            aim.by_claimant,
        )

    # -- the desk ----------------------------------------------------------------------

    def _desk(self, look: _Look) -> Move | None:
        case, habits = look.case, self.habits
        first = self._firsts.get(self.matters.get(case.id, -1), case.id)
        tried = self._tries.get((case.id, look.slot, look.token), 0)
        # A split case has children of its own: it stays.
        may_merge = first != case.id and not tried and not case.links.children
        if may_merge and case.arbitration_since is None and self._chance(habits.merge):
            return self._move(
                look, "merge", "call_taker", "desk", Aim(target=first), duplicate=case.id
            )
        match case.status:
            case "received":
                return self._received(look)
            case "accepted" if self._chance(habits.split) and not case.links.children:
                return self._split(look)
            case "accepted":
                return self._move(look, "file", "call_taker", "desk", Aim(clock="file"), route=None)
            case _ if case.arbitration_since is not None:
                lead = case.lead
                return self._move(
                    look, "arbitrate", "arbiter", "small", lead=lead, reason="it_is_theirs"
                )
            case _:
                return self._move(
                    look, "dispatch", "dispatcher", "desk", Aim(clock="dispatch"), reason="filed"
                )

    def _received(self, look: _Look) -> Move:
        case, habits = look.case, self.habits
        if look.policy.fast_path and case.profile == "emergency":
            return self._move(
                look, "dispatch", "call_taker", "desk", Aim(clock="accept"), reason="life_safety"
            )
        if self._chance(habits.void):
            return self._move(look, "void", "supervisor", "desk", reason="exercise")
        if self._chance(habits.refuse):
            return self._move(look, "refuse", "call_taker", "desk", reason="not_a_public_matter")
        if self._chance(habits.triage):
            priority = 2 if case.priority > 2 else 3
            return self._move(
                look,
                "triage",
                "call_taker",
                "desk",
                case_type=case.case_type,
                profile=case.profile,
                priority=priority,
                reason="more_than_it_seemed" if priority == 2 else "less_than_it_seemed",
            )
        is_local = case.ownership is not None and case.ownership.tier in ("village", "cell")
        role: Role = "grid_worker" if is_local else "call_taker"
        return self._move(look, "accept", role, "desk", Aim(clock="accept"))

    def _split(self, look: _Look) -> Move | None:
        case = look.case
        if case.areas is None:
            return None
        choice = self.pack.choose_route(case.case_type, case.areas, look.now)
        if choice is None:
            return None
        child: dict[str, Any] = {
            "rule": choice.route.rule,
            "lead": choice.route.lead,
            "assisting": [],
        }
        return self._move(
            look, "split", "dispatcher", "desk", reason="two_places", children=[child, dict(child)]
        )

    def _unmerge(self, look: _Look) -> Move | None:
        into = look.case.links.merged_into
        if into is None or not self._chance(self.habits.unmerge):
            return None
        reason = "another_matter"
        return self._move(
            look,
            "unmerge",
            "dispatcher",
            "small",
            Aim(target=into),
            duplicate=look.case.id,
            reason=reason,
        )

    # -- the agencies ------------------------------------------------------------------

    def _task(self, look: _Look) -> Move | None:
        case, habits = look.case, self.habits
        task = next(task for task in case.tasks if task.id == look.part)
        who = Aim(agency=task.agency)
        if task.status == "dispatched":
            # Who was sent back once tends to be sent back again: this is what arbiters are for.
            share = 0.5 if case.counts.returns and habits.give_back else habits.give_back
            if task.role == "lead" and case.bound != task.agency and self._chance(share):
                return self._move(
                    look,
                    "return_task",
                    "agency_handler",
                    "acknowledge",
                    who,
                    task=task.id,
                    reason="not_ours",
                )
            clock = f"acknowledge/{task.id}"
            return self._move(
                look,
                "acknowledge_task",
                "agency_handler",
                "acknowledge",
                replace(who, clock=clock),
                task=task.id,
            )
        if task.status == "acknowledged":
            return self._move(look, "start_task", "agency_handler", "start", who, task=task.id)
        needs_photo = look.policy.verification.photo_required and task.role == "lead"
        note = "Done, see the photo." if needs_photo else "Done."
        return self._move(
            look,
            "claim_task_done",
            "agency_handler",
            "claim",
            replace(who, clock="handle"),
            task=task.id,
            note=note,
            photos=1 if needs_photo else 0,
        )

    def _cancel(self, look: _Look) -> Move | None:
        task = next(task for task in look.case.tasks if task.id == look.part)
        was_added = task.agency not in look.case.assisting
        if not was_added or not self._chance(self.habits.cancel_task):
            return None
        return self._move(
            look, "cancel_task", "dispatcher", "small", task=task.id, reason="not_needed"
        )

    def _add_task(self, look: _Look) -> Move | None:
        case = look.case
        if not self._chance(self.habits.add_task) or case.areas is None:
            return None
        code = sorted(self.pack.agencies)[self._rng.randrange(len(self.pack.agencies))]
        agency = self.pack.agency_id(code, case.areas)
        if any(task.agency == agency for task in case.tasks):
            return None
        return self._move(
            look, "add_task", "dispatcher", "small", agency=agency, reason="more_hands"
        )

    def _hold(self, look: _Look) -> Move | None:
        if not self._chance(self.habits.hold) or not look.policy.hold_reasons:
            return None
        at = self._when(look, "small")
        cap = timedelta(seconds=look.policy.hold_cap_s / 4)
        until = at + min(cap, timedelta(minutes=self._rng.uniform(40, 240)))
        return self._move(
            look,
            "request_hold",
            "agency_handler",
            "small",
            Aim(at=at, agency=look.case.lead),
            reason=look.policy.hold_reasons[0],
            until=until.replace(microsecond=0),
        )

    def _extend(self, look: _Look) -> Move | None:
        percent = min(50, look.policy.extension_percent)
        if percent < 1 or not self._chance(self.habits.extend):
            return None
        return self._move(
            look,
            "request_extension",
            "agency_handler",
            "small",
            Aim(agency=look.case.lead),
            percent=percent,
            reason="more_to_do_than_seen",
        )

    # -- the second pair of eyes -------------------------------------------------------

    def _check(self, look: _Look) -> Move | None:
        case, habits = look.case, self.habits
        if case.links.open_children:
            return None
        tried = self._tries.get((case.id, look.slot, look.token), 0)
        done: dict[str, Any] = {"disposition": "repaired", "photos": 0}
        if not tried and case.claim is not None and self._chance(habits.check_own):
            return self._move(look, "verify", "verifier", "check", Aim(by_claimant=True), **done)
        clock = next((each for each in case.clocks if each.key == "verify"), None)
        if look.policy.verification.by == "reporter" and clock is not None and not clock.missed:
            at = clock.due_at + timedelta(seconds=self._rng.expovariate(1 / LATER_S))
            return self._move(look, "verify", "verifier", "check", Aim(at=at), **done)
        if self._chance(habits.fail_check):
            return self._move(
                look, "fail_check", "verifier", "check", reason="still_there", photos=0
            )
        return self._move(look, "verify", "verifier", "check", Aim(clock="verify"), **done)

    def _vote(self, look: _Look) -> Move | None:
        report = next(each for each in look.case.reports if each.id == look.part)
        share = 0.6 if look.case.status == "claimed_done" else self.habits.vote
        is_child = look.case.links.parent is not None
        if is_child or report.solved is not None or not self._chance(share):
            return None
        solved = self._chance(self.habits.solved)
        comment = None if self._chance(0.7) else "Thank you." if solved else "It is still there."
        return self._move(
            look,
            "give_feedback",
            None,
            "reporter",
            report=report.id,
            solved=solved,
            treated_well=self._chance(self.habits.treated_well),
            comment=comment,
        )

    def _evaluate(self, look: _Look) -> Move | None:
        if not self._chance(self.habits.evaluate):
            return None
        score = self._rng.randint(35, 100)
        return self._move(
            look, "evaluate", "evaluator", "small", score=score, reason="sampled_review"
        )

    def _appeal(self, look: _Look) -> Move | None:
        evaluation = look.case.evaluation
        assert evaluation is not None, "the slot says so"
        if evaluation.score >= 60 or not self._chance(self.habits.appeal):
            return None
        return self._move(
            look,
            "appeal_evaluation",
            "agency_handler",
            "small",
            Aim(agency=look.case.lead),
            reason="weather_that_day",
        )

    def _decide_appeal(self, look: _Look) -> Move:
        uphold = self._chance(0.5)
        return self._move(
            look, "decide_appeal", "supervisor", "small", uphold=uphold, reason="looked_at_again"
        )

    # -- small machines ----------------------------------------------------------------

    def _ask(self, look: _Look) -> Move | None:
        case = look.case
        if not self._chance(self.habits.ask) or case.links.parent is not None:
            return None
        is_desk = case.status in ("received", "accepted", "filed")
        role: Role = "call_taker" if is_desk else "agency_handler"
        aim = Aim(agency=None if is_desk else case.lead)
        report, text = case.reports[0].id, "Where exactly, please?"
        return self._move(look, "ask_reporter", role, "small", aim, report=report, text=text)

    def _answer(self, look: _Look) -> Move | None:
        question = look.case.question
        assert question is not None, "the slot says so"
        if not self._chance(self.habits.answer):
            return None
        return self._move(
            look,
            "answer_question",
            None,
            "reporter",
            report=question.report,
            text="By the blue gate, left of the stairs.",
        )

    def _decide_hold(self, look: _Look) -> Move | None:
        return self._decision(look, "decide_hold")

    def _decide_extension(self, look: _Look) -> Move | None:
        return self._decision(look, "decide_extension")

    def _decision(self, look: _Look, verb: str) -> Move | None:
        if not self._chance(self.habits.decide):
            return None
        approve = self._chance(self.habits.approve)
        reason = "reasonable" if approve else "not_convincing"
        return self._move(look, verb, "supervisor", "small", approve=approve, reason=reason)

    def _report_up(self, look: _Look) -> Move | None:
        ownership = look.case.ownership
        if ownership is None or not self._chance(self.habits.report_up):
            return None
        verb, reason = "report_up", "needs_more_than_we_have"
        if ownership.tier == "county":
            verb, reason = "hand_down", "a_local_matter"
        return self._move(look, verb, "dispatcher", "small", reason=reason)

    def _take_over(self, look: _Look) -> Move:
        if self._chance(self.habits.take_over):
            return self._move(look, "take_over", "supervisor", "small")
        return self._move(look, "decline_ownership", "supervisor", "small", reason="no_capacity")

    def _urge(self, look: _Look) -> Move | None:
        level = next((each.level for each in look.policy.urges if "supervisor" in each.roles), None)
        if level is None or not self._chance(self.habits.urge):
            return None
        return self._move(
            look, "urge", "supervisor", "small", level=level, reason="why_is_it_not_done"
        )

    def _answer_urge(self, look: _Look) -> Move | None:
        if not self._chance(self.habits.answer_urge):
            return None
        lead = look.case.lead
        role: Role = "dispatcher" if lead is None else "agency_handler"
        return self._move(
            look,
            "answer_urge",
            role,
            "small",
            Aim(agency=lead),
            urge=look.part,
            text="A crew is on it today.",
        )

    def _publish(self, look: _Look) -> Move | None:
        if look.policy.sealed or not self._chance(self.habits.publish):
            return None
        return self._move(look, "publish", "dispatcher", "small", publish=True)

    def _note(self, look: _Look) -> Move | None:
        if not self._chance(self.habits.note):
            return None
        return self._move(look, "add_note", "call_taker", "small", text="Called back, all clear.")

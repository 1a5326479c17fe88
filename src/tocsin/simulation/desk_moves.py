"""What is done at the desks of the county: intake, routing, merging, supervision."""

from __future__ import annotations

from typing import Any

from tocsin.runtime.accounts import Role
from tocsin.simulation.moves import Aim, Drawing, Look, Move


class DeskMoves(Drawing):
    """Call takers, dispatchers, arbiters and supervisors."""

    def desk(self, look: Look) -> Move | None:
        case, habits = look.case, self.habits
        first = self.mind.firsts.get(self.mind.matters.get(case.id, -1), case.id)
        tried = self._tried(look)
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

    def _received(self, look: Look) -> Move:
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
            return self._other_kind(look)
        is_local = case.ownership is not None and case.ownership.tier in ("village", "cell")
        role: Role = "grid_worker" if is_local else "call_taker"
        return self._move(look, "accept", role, "desk", Aim(clock="accept"))

    def triage(self, look: Look) -> Move | None:
        """Later, somebody sees that it is more, less, or something else."""
        return self._other_kind(look) if self._chance(self.habits.triage / 4) else None

    def _other_kind(self, look: Look) -> Move:
        """Another priority, or another type with all that follows from it: also from emergency
        to everyday matter, and back."""
        case = look.case
        code, profile = case.case_type, case.profile
        priority: int = 2 if case.priority > 2 else 3
        if self._chance(0.5):
            codes = sorted(self.pack.case_types)
            code = codes[self._rng.randrange(len(codes))]
            policy = self.pack.policy(code)
            assert policy is not None, "a type of the pack has a policy"
            profile, priority = policy.profile, policy.priority
        return self._move(
            look,
            "triage",
            "call_taker",
            "small",
            case_type=code,
            profile=profile,
            priority=priority,
            reason="more_than_it_seemed" if priority < case.priority else "not_what_it_seemed",
        )

    def _split(self, look: Look) -> Move | None:
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

    def unmerge(self, look: Look) -> Move | None:
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

    def cancel(self, look: Look) -> Move | None:
        task = next(task for task in look.case.tasks if task.id == look.part)
        was_added = task.agency not in look.case.assisting
        if not was_added or not self._chance(self.habits.cancel_task):
            return None
        return self._move(
            look, "cancel_task", "dispatcher", "small", task=task.id, reason="not_needed"
        )

    def add_task(self, look: Look) -> Move | None:
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

    def decide_hold(self, look: Look) -> Move | None:
        return self._decision(look, "decide_hold")

    def decide_extension(self, look: Look) -> Move | None:
        return self._decision(look, "decide_extension")

    def _decision(self, look: Look, verb: str) -> Move | None:
        if not self._chance(self.habits.decide):
            return None
        approve = self._chance(self.habits.approve)
        reason = "reasonable" if approve else "not_convincing"
        return self._move(look, verb, "supervisor", "small", approve=approve, reason=reason)

    def report_up(self, look: Look) -> Move | None:
        ownership = look.case.ownership
        if ownership is None or not self._chance(self.habits.report_up):
            return None
        verb, reason = "report_up", "needs_more_than_we_have"
        if ownership.tier == "county":
            verb, reason = "hand_down", "a_local_matter"
        return self._move(look, verb, "dispatcher", "small", reason=reason)

    def take_over(self, look: Look) -> Move:
        if self._chance(self.habits.take_over):
            return self._move(look, "take_over", "supervisor", "small")
        return self._move(look, "decline_ownership", "supervisor", "small", reason="no_capacity")

    def urge(self, look: Look) -> Move | None:
        level = next((each.level for each in look.policy.urges if "supervisor" in each.roles), None)
        if level is None or not self._chance(self.habits.urge):
            return None
        return self._move(
            look, "urge", "supervisor", "small", level=level, reason="why_is_it_not_done"
        )

    def publish(self, look: Look) -> Move | None:
        if look.policy.sealed or not self._chance(self.habits.publish):
            return None
        return self._move(look, "publish", "dispatcher", "small", publish=True)

    def note(self, look: Look) -> Move | None:
        if not self._chance(self.habits.note):
            return None
        return self._move(look, "add_note", "call_taker", "small", text="Called back, all clear.")

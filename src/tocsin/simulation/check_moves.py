"""The second pair of eyes, and what reporters say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tocsin.simulation.moves import LATER_S, Aim, Drawing, Look, Move


class CheckMoves(Drawing):
    """Verifiers, evaluators and the reporters themselves."""

    def check(self, look: Look) -> Move | None:
        case, habits = look.case, self.habits
        if case.links.open_children:
            return None
        tried = self._tried(look)
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

    def vote(self, look: Look) -> Move | None:
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

    def answer(self, look: Look) -> Move | None:
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

    def evaluate(self, look: Look) -> Move | None:
        if not self._chance(self.habits.evaluate):
            return None
        score = self._rng.randint(35, 100)
        return self._move(
            look, "evaluate", "evaluator", "small", score=score, reason="sampled_review"
        )

    def decide_appeal(self, look: Look) -> Move:
        uphold = self._chance(0.5)
        return self._move(
            look, "decide_appeal", "supervisor", "small", uphold=uphold, reason="looked_at_again"
        )

"""What agencies do about their tasks, and what they ask for meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tocsin.runtime.accounts import Role
from tocsin.simulation.moves import Aim, Drawing, Look, Move


class WorkMoves(Drawing):
    """Agency handlers, and whoever asks or answers for them."""

    def task(self, look: Look) -> Move | None:
        case, habits = look.case, self.habits
        task = next(task for task in case.tasks if task.id == look.part)
        who = Aim(agency=task.agency)
        if task.status == "dispatched":
            # Who was sent back once tends to be sent back again: this is what arbiters are for.
            share = 0.5 if case.counts.returns and habits.give_back else habits.give_back
            may_return = task.role == "lead" and case.bound != task.agency
            if may_return and not self._tried(look) and self._chance(share):
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

    def hold(self, look: Look) -> Move | None:
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

    def extend(self, look: Look) -> Move | None:
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

    def ask(self, look: Look) -> Move | None:
        case = look.case
        if not self._chance(self.habits.ask) or case.links.parent is not None:
            return None
        is_desk = case.status in ("received", "accepted", "filed")
        role: Role = "call_taker" if is_desk else "agency_handler"
        aim = Aim(agency=None if is_desk else case.lead)
        report, text = case.reports[0].id, "Where exactly, please?"
        return self._move(look, "ask_reporter", role, "small", aim, report=report, text=text)

    def appeal(self, look: Look) -> Move | None:
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

    def answer_urge(self, look: Look) -> Move | None:
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

"""What a case asks of people right now, as slots. One slot is one thing that someone may do next.

Pure: from the state alone. The token of a slot changes when there is something new to decide, so
that the same question is put to the same people only once.
"""

from __future__ import annotations

from typing import Final

from tocsin.kernel.cases.policy import CasePolicy
from tocsin.kernel.cases.state import Case, Task

DESK: Final = ("received", "accepted", "filed")
AT_WORK: Final = ("dispatched", "in_work")
TO_DO: Final = ("dispatched", "acknowledged", "in_work")


def situations(case: Case, policy: CasePolicy) -> dict[str, str]:
    """Slot -> token, in a fixed order."""
    counts = case.counts
    turn = f"{counts.returns}.{counts.reworks}.{counts.reopens}"
    found: dict[str, str] = {}
    if case.status == "merged":
        found["unmerge"] = str(case.links.merged_into)
        found.update({f"vote:{report.id}": "merged" for report in case.reports})
        return found
    if case.status in DESK:
        bound = "arbitration" if case.arbitration_since else case.bound or ""
        found["desk"] = f"{case.status}/{turn}/{case.case_type}/{case.priority}/{bound}"
    elif case.status in AT_WORK:
        found.update(_work(case, turn))
    elif case.status == "claimed_done":
        # Children that end make it possible to verify the parent.
        found["check"] = f"{turn}/{len(case.links.open_children)}"
        if policy.verification.by == "reporter":
            found.update({f"vote:{report.id}": turn for report in case.reports})
    elif case.status == "verified":
        found.update(_after(case, turn))
    if case.is_open:
        found.update(_beside(case, turn))
    return found


def is_paused(case: Case) -> bool:
    """Whether work stands still: a question is open or a hold was granted."""
    return case.question is not None or (case.hold is not None and case.hold.granted_at is not None)


def tasks_to_do(case: Case) -> tuple[Task, ...]:
    return tuple(task for task in case.tasks if task.status in TO_DO)


def _work(case: Case, turn: str) -> dict[str, str]:
    found: dict[str, str] = {}
    tasks = tasks_to_do(case)
    if not is_paused(case):
        found.update({f"task:{task.id}": f"{task.status}/{turn}" for task in tasks})
    found.update({f"cancel:{task.id}": "" for task in tasks if task.role == "assisting"})
    found["add_task"] = ""
    if case.status == "in_work" and case.hold is None:
        found["hold"] = turn
    if case.status == "in_work" and case.extension is None:
        found["extend"] = ""
    return found


def _after(case: Case, turn: str) -> dict[str, str]:
    found = {f"vote:{report.id}": turn for report in case.reports}
    evaluation = case.evaluation
    if evaluation is None:
        found["evaluate"] = turn
    elif evaluation.appeal == "none":
        found["appeal"] = turn
    elif evaluation.appeal == "open":
        found["decide_appeal"] = turn
    return found


def _beside(case: Case, turn: str) -> dict[str, str]:
    found = {"note": ""}
    if case.question is not None:
        found["answer"] = case.question.asked_at.isoformat()
    elif case.status != "claimed_done":
        found["ask"] = f"{case.status}/{turn}"
    if case.hold is not None and case.hold.granted_at is None:
        found["decide_hold"] = case.hold.requested_at.isoformat()
    if case.extension is not None and case.extension.decided == "open":
        found["decide_extension"] = case.extension.requested_at.isoformat()
    ownership = case.ownership
    if ownership is not None and ownership.offered_tier is not None:
        found["take_over"] = f"{ownership.tier}>{ownership.offered_tier}"
    elif ownership is not None:
        found["report_up"] = ownership.tier
    if case.status not in ("received", "claimed_done"):
        found["triage"] = case.status
    late = [clock.key for clock in case.clocks if clock.missed]
    if late:
        found["urge"] = late[0]
    for urge in case.urges:
        if urge.answered_at is None:
            found[f"answer_urge:{urge.id}"] = ""
    if not case.published and case.status != "received" and case.reports[0].consent:
        found["publish"] = ""
    return found

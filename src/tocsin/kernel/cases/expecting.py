"""Who is expected to act next on a case, and how: one answer, for board and case page."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from tocsin.kernel.cases.state import Case, Task
from tocsin.kernel.shared import AgencyId, TaskId

Who = Literal[
    "", "call_taker", "dispatcher", "agency", "verifier", "supervisor", "arbiter", "reporter"
]


class Expected(NamedTuple):
    """The command that would bring the case on, and who gives it. Both empty when nobody owes
    anything. `agency` and `task` are set where one agency's share is meant."""

    action: str
    who: Who
    agency: AgencyId | None = None
    task: TaskId | None = None


NOBODY: Final = Expected("", "")


def expected_of(case: Case) -> Expected:
    """The next step of the case. What holds everything up (a question, a decision that somebody
    asked for) comes before the work itself."""
    if not case.is_open:
        return NOBODY
    if case.question is not None:
        return Expected("answer_question", "reporter")
    if case.hold is not None:
        waits = case.hold.granted_at is None
        return Expected("decide_hold", "supervisor") if waits else Expected("end_hold", "agency")
    if case.extension is not None and case.extension.decided == "open":
        return Expected("decide_extension", "supervisor")
    if case.arbitration_since is not None:
        return Expected("arbitrate", "arbiter")
    if case.status in ("dispatched", "in_work"):
        return _of_tasks(case)
    return _BY_STATUS.get(case.status, NOBODY)


_BY_STATUS: Final[dict[str, Expected]] = {
    "received": Expected("accept", "call_taker"),
    "accepted": Expected("file", "dispatcher"),
    "filed": Expected("dispatch", "dispatcher"),
    "claimed_done": Expected("verify", "verifier"),
}
_BY_TASK: Final[dict[str, str]] = {
    "dispatched": "acknowledge_task",
    "acknowledged": "start_task",
    "in_work": "claim_task_done",
}


def _of_tasks(case: Case) -> Expected:
    """The share that is least far, the lead's first among equals; ties go by the task's id. By its
    status alone: a share that failed its check was claimed once and is to be worked on again."""
    order = tuple(_BY_TASK)

    def rank(task: Task) -> tuple[int, bool, str]:
        return order.index(task.status), task.role != "lead", task.id

    first = min((each for each in case.tasks if each.status in _BY_TASK), key=rank, default=None)
    if first is None:
        return NOBODY
    return Expected(_BY_TASK[first.status], "agency", first.agency, first.id)

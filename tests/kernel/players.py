"""Random play on small towns: Hypothesis draws numbers, a player makes commands of them.

A move is four small numbers, so that a failing game shrinks to a short and plain one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random

from hypothesis import strategies as st

from tests.kernel import towns
from tests.kernel.towns import PLACE, Town, ref
from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.machine import MACHINE
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import SYSTEM, Actor, ActorId, AgencyId, CaseId, Refused, ReportId, TaskId

Move = tuple[int, int, int, int]

ACTORS: tuple[Actor, ...] = (
    towns.DISPATCHER,
    towns.HANDLER,
    towns.MATE,
    towns.GARDENER,
    towns.VERIFIER,
    towns.SUPERVISOR,
    towns.SECOND_SUPERVISOR,
    towns.EVALUATOR,
    towns.REPORTER,
    SYSTEM,
)
AGENCIES: tuple[AgencyId, ...] = (towns.ROADS, towns.PARKS, towns.FIRE, towns.AMBULANCE)
WAITS: tuple[timedelta, ...] = (
    timedelta(0),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(hours=5),
    timedelta(days=1),
    timedelta(days=3),
    timedelta(days=16),
)


def _task(case: Case, pick: int) -> TaskId:
    return case.tasks[-1 - pick % len(case.tasks)].id if case.tasks else TaskId("none")


def _report(case: Case, pick: int) -> ReportId:
    return case.reports[pick % len(case.reports)].id if case.reports else ReportId("none")


def _route(pick: int) -> words.Route:
    lead = AGENCIES[pick % 2]
    return words.Route("rule", lead, (AGENCIES[2],) if pick % 3 == 0 else ())


def _other(case: Case, pick: int) -> CaseId:
    others = [name for name in ("c1", "c2", "c3") if name != case.id]
    return CaseId(others[pick % len(others)])


def _urge(case: Case, pick: int) -> str:
    return case.urges[pick % len(case.urges)].id if case.urges else "none"


Maker = Callable[[Town, Case, int], words.Command]

MAKERS: tuple[Maker, ...] = (
    lambda t, c, n: words.AcceptCase(),
    lambda t, c, n: words.FileCase(_route(n)),
    lambda t, c, n: words.DispatchCase("play", _route(n) if n % 4 else None),
    lambda t, c, n: words.StartTask(_task(c, n)),
    lambda t, c, n: words.ClaimTaskDone(_task(c, n), (ref("photo"),) if n % 5 else ()),
    lambda t, c, n: words.ClaimTaskDone(_task(c, n), (ref("photo"),)),
    lambda t, c, n: words.VerifyCase("done"),
    lambda t, c, n: words.VerifyCase("done"),
    lambda t, c, n: words.FailCheck("not done"),
    lambda t, c, n: words.WakeUp(),
    lambda t, c, n: words.AcknowledgeTask(_task(c, n)),
    lambda t, c, n: words.AssignTask(_task(c, n), towns.MATE.id),
    lambda t, c, n: words.AddTask(AGENCIES[n % 4], "help"),
    lambda t, c, n: words.CancelTask(_task(c, n), "not needed"),
    lambda t, c, n: words.ReturnTask(_task(c, n), "not ours"),
    lambda t, c, n: words.ArbitrateCase(AGENCIES[n % 2], "decided"),
    lambda t, c, n: words.AskReporter(_report(c, n), ref("question")),
    lambda t, c, n: words.AnswerQuestion(ref("answer")),
    lambda t, c, n: words.WithdrawQuestion("solved otherwise"),
    lambda t, c, n: words.RequestHold("weather", t.now + timedelta(hours=1 + n * 7)),
    lambda t, c, n: words.DecideHold(n % 3 > 0, "seen"),
    lambda t, c, n: words.EndHold("over"),
    lambda t, c, n: words.RequestExtension(10 + n * 20, "parts"),
    lambda t, c, n: words.DecideExtension(n % 3 > 0, "seen"),
    lambda t, c, n: words.ReopenCase("again"),
    lambda t, c, n: words.GiveFeedback(_report(c, n), n % 2 == 0, n % 3 == 0),
    lambda t, c, n: words.EvaluateCase(n * 10, "seen"),
    lambda t, c, n: words.AppealEvaluation("unfair"),
    lambda t, c, n: words.DecideAppeal(n % 2 == 0, "seen"),
    lambda t, c, n: words.ReportUp("above us"),
    lambda t, c, n: words.HandDown("local"),
    lambda t, c, n: words.TakeOver(),
    lambda t, c, n: words.DeclineOwnership("not ours"),
    lambda t, c, n: words.UrgeCase(1 + n // 8, "why"),
    lambda t, c, n: words.AnswerUrge(_urge(c, n), ref("because")),
    lambda t, c, n: words.AttachReport(towns.report(2 + n % 3, t.now, c.id)),
    lambda t, c, n: words.SetConsent(_report(c, n), n % 2 == 0),
    lambda t, c, n: words.PublishCase(n % 2 == 0),
    lambda t, c, n: words.AddNote(ref("note")),
    lambda t, c, n: words.BreakGlass(
        ActorId("asker"), "needed_now", t.now + timedelta(minutes=n * 9)
    ),
    lambda t, c, n: words.TriageCase(
        tuple(towns.POLICIES)[n % len(towns.POLICIES)], "routine", (1, 2, 3, 4)[n % 4], "looked"
    ),
    lambda t, c, n: (
        words.RefuseCase("not ours") if n == 9 and t.presses % 5 == 0 else words.AcceptCase()
    ),
    lambda t, c, n: words.VoidCase("test") if n == 9 and t.presses % 5 == 0 else words.WakeUp(),
    lambda t, c, n: words.MergeCase(_other(c, n), 0.8, ("distance",)),
    lambda t, c, n: words.UnmergeCase(_other(c, n), "not the same"),
    lambda t, c, n: (
        words.SplitCase(
            "two matters", (words.SplitChild(CaseId(f"{c.id}-{t.presses}"), _route(n)),)
        )
        if len(t.cases) < 6
        else words.WakeUp()
    ),
    lambda t, c, n: words.OpenCase(towns.report(1, t.now, c.id), PLACE, towns.AREAS, "cell"),
)
"""How a number becomes a command; what is usual comes first, so that games shrink to it."""

KINDS = len(MAKERS)
# A kind beyond the makers means: one that the machine allows in this status. An actor beyond the
# actors means: somebody who may. Chance alone hardly leaves the first desk.
MOVES: st.SearchStrategy[Move] = st.tuples(
    st.integers(0, 4 * KINDS - 1),
    st.integers(0, 3 * len(ACTORS) - 1),
    st.integers(0, 9),
    st.sampled_from(range(len(WAITS))),
)
WAITED = (0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6)


def long_game(seed: int) -> list[Move]:
    """Eighty moves by people who mostly may: what short games do not reach."""
    chance = Random(seed)
    return [
        (
            chance.randrange(KINDS // 2, 8 * KINDS),
            chance.randrange(5 * len(ACTORS)),
            chance.randrange(10),
            chance.choice(WAITED),
        )
        for _ in range(80)
    ]


GAMES: st.SearchStrategy[list[Move]] = st.one_of(
    st.lists(MOVES, max_size=60), st.integers(0, 2**32).map(long_game)
)
POLICIES = st.sampled_from(tuple(towns.POLICIES.values()))


def _allowed(case: Case, town: Town, kind: int, pick: int) -> words.Command:
    bodies = [maker(town, case, pick) for maker in MAKERS]
    fitting = [
        body
        for body in bodies
        if case.status in MACHINE.rules[type(body)].sources
        or case.status in MACHINE.rules[type(body)].fast
    ]
    return (fitting or bodies)[kind % len(fitting or bodies)]


def _somebody(case: Case, body: words.Command, number: int) -> Actor:
    """Of the task's agency if there is a task; a reporter where reporters act; else staff."""
    task_id = getattr(body, "task", None)
    agency = next((task.agency for task in case.tasks if task.id == task_id), case.lead)
    handlers = [actor for actor in ACTORS if actor.agency is not None and actor.agency == agency]
    desk = [towns.SUPERVISOR, towns.SECOND_SUPERVISOR, towns.DISPATCHER, towns.VERIFIER]
    if "reporter" in MACHINE.rules[type(body)].kinds:
        desk = [towns.REPORTER]
    fitting = handlers * 3 + desk if task_id is not None else desk * 2 + handlers
    return fitting[number % len(fitting)]


def opened(policy: towns.CasePolicy) -> Town:
    """A town with three cases, half an hour apart."""
    town = Town(policy)
    for name in ("c1", "c2", "c3"):
        town.open(on=name)
        town.wait(minutes=30)
    return town


def play(town: Town, move: Move, on: str = "c1") -> tuple[words.Command, Refused | None]:
    """Wait, make the command, press it."""
    kind, number, pick, wait = move
    town.now += WAITS[wait]
    case = town.case(on)
    body = MAKERS[kind](town, case, pick) if kind < KINDS else _allowed(case, town, kind, pick)
    actor = ACTORS[number] if number < len(ACTORS) else _somebody(case, body, number)
    return body, town.press(body, actor, on)


def bring_to_close(town: Town, on: str = "c1", depth: int = 4) -> bool:
    """Press helpful buttons until the case is verified; False when 40 do not suffice."""
    for _ in range(40):
        town.deliver()
        case = town.case(on)
        if case.status == "verified":
            return True
        if depth == 0:
            return False
        body, by = _helpful(town, case, depth)
        refused = town.press(
            body, by, on if not isinstance(body, words.UnmergeCase) else str(case.links.merged_into)
        )
        if refused is not None and refused.reason == "reporter_first":
            town.press(words.GiveFeedback(case.reports[0].id, True, True), towns.REPORTER, on)
            town.press(words.GiveFeedback(case.reports[0].id, True, False), towns.REPORTER, on)
    return False


def _helpful(town: Town, case: Case, depth: int) -> tuple[words.Command, Actor]:
    match case.status:
        case "received":
            return words.AcceptCase(), towns.DISPATCHER
        case "accepted":
            return words.FileCase(_route(1)), towns.DISPATCHER
        case "filed" if case.arbitration_since is not None:
            return words.ArbitrateCase(AGENCIES[0], "decided"), towns.SUPERVISOR
        case "filed":
            return words.DispatchCase("close"), towns.DISPATCHER
        case "dispatched" | "in_work":
            task = next(
                t for t in case.tasks if t.status in ("dispatched", "acknowledged", "in_work")
            )
            return words.ClaimTaskDone(task.id, (ref("photo"),)), towns.DISPATCHER
        case "claimed_done":
            for child in case.links.open_children:
                bring_to_close(town, child, depth - 1)
            return words.VerifyCase("done"), Actor(towns.ActorId("fresh"), "staff", ("verifier",))
        case "merged":
            return words.UnmergeCase(case.id, "to close it"), towns.DISPATCHER
        case _:
            raise AssertionError(f"{case.status} cannot be closed")

"""What must hold of any journal, reckoned from its events alone and not by the kernel's rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.cases.state import Clock

ENDING_THEMSELVES = ("answer", "hold")


@dataclass
class Run:
    """One clock as its events tell it."""

    clock: Clock
    due_at: datetime
    paused: bool = False
    missed: int = 0
    rungs: tuple[int, ...] = ()
    percents: list[int] = field(default_factory=list)


def check_clocks(journal: Iterable[words.Event], now: datetime, after: tuple[Clock, ...]) -> None:
    """Deadlines never move silently; each miss is escalated exactly once; no late stop is kept.

    `after` are the clocks on the board: they must be those that the events tell of.
    """
    runs: dict[str, Run] = {}
    stash: dict[str, Run] = {}
    just_unmerged = False
    for event in journal:
        just_unmerged = isinstance(event, words.CaseUnmerged)
        match event:
            case words.CaseMerged():
                stash, runs = runs, {}
            case words.CaseUnmerged():
                runs = stash
            case words.ClockStarted():
                assert event.clock.key not in runs, "a running clock was started again"
                run = Run(event.clock, event.clock.due_at, rungs=event.clock.rungs)
                runs[event.clock.key] = run
                _check_next(run, event.clock.started_at, event.clock.next_at)
            case words.ClockPaused():
                runs[event.key].paused = True
            case words.ClockMoved():
                run = runs[event.key]
                assert event.was_due_at == run.due_at, "the old promise is not the evidence"
                assert event.why, "a promise moved without a reason"
                assert not run.missed, "a missed promise came back"
                run.due_at, run.paused = event.due_at, event.left is not None
                run.rungs = event.rungs
                if not run.paused:
                    _check_next(run, event.at, event.next_at)
            case words.ClockEscalated():
                run = runs[event.key]
                assert event.percent not in run.percents, "a rung fired twice"
                assert event.percent == run.rungs[0], "a rung was skipped"
                run.percents.append(event.percent)
                run.rungs = run.rungs[1:]
                _check_next(run, event.at, event.next_at)
            case words.DeadlineMissed():
                run = runs[event.key]
                assert event.due_at == run.due_at, "missed at another instant than promised"
                assert event.at >= run.due_at, "missed before its time"
                assert event.tell, "a miss that nobody hears of"
                run.missed += 1
                assert run.missed == 1, "a miss was escalated twice"
                assert run.rungs[0] == 100, "a rung was skipped"
                run.rungs = run.rungs[1:]
                _check_next(run, event.at, event.next_at)
            case words.ClockStopped():
                run = runs.pop(event.key)
                assert event.due_at == run.due_at, "the promise moved silently"
                if event.name not in ENDING_THEMSELVES:
                    assert event.kept == (run.missed == 0), "kept and missed"
                    assert run.paused or not event.kept or event.at < run.due_at, "late but kept"
            case _:
                pass
    assert {clock.key: clock.due_at for clock in after} == {
        key: run.due_at for key, run in runs.items()
    }, "the board shows another promise than the journal"
    if not just_unmerged:  # what came due meanwhile speaks with the next wake-up
        for key, run in runs.items():
            late = run.due_at <= now and not run.paused
            assert (run.missed == 1) == late, f"{key}: late {late}, missed {run.missed}"


def _check_next(run: Run, at: datetime, next_at: datetime | None) -> None:
    """The next rung comes in its order: before the deadline, at it, or after it."""
    assert (next_at is None) == (not run.rungs), "a ladder that ends too early or never"
    if next_at is None:
        return
    assert next_at >= at, "the next rung lies in the past"
    if run.rungs[0] < 100:
        assert next_at <= max(run.due_at, at), "a warning after the deadline"
    elif run.rungs[0] == 100:
        assert next_at == max(run.due_at, at), "the miss is not at the deadline"
    else:
        assert next_at >= run.due_at, "the second escalation before the deadline"


def check_four_eyes(journal: Iterable[words.Event]) -> None:
    """Nobody verifies what they claimed themselves."""
    claimed: dict[str, str] = {}
    lead = ""
    for event in journal:
        match event:
            case words.CaseDispatched():
                lead = event.tasks[0].id
            case words.TaskClaimedDone():
                claimed[event.task] = event.by
            case words.TaskReturned() | words.TaskCancelled():
                claimed.pop(event.task, None)
            case words.CheckFailed():
                claimed.clear()
            case words.CaseReopened():
                claimed.pop(lead, None)
            case words.CaseVerified():
                assert event.by not in claimed.values(), f"{event.by} claimed and verified"
            case _:
                pass

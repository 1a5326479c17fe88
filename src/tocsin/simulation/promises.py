"""An own reckoning of which promises of a case were missed, from nothing but its journal's events.

Checkers use it in simulation, the demo on what the API shows. It asks none of the code that runs
the clocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.shared import Instant

SELF_ENDING: Final = ("answer", "hold")
"""Clocks that end what they time: nobody is late then. Said again here, on purpose."""


@dataclass(slots=True)
class _Watch:
    """One promise, followed from event to event."""

    due_at: Instant
    started_at: Instant
    is_paused: bool = False
    misses: int = 0


class Promises:
    """An own reckoning of which promises were missed, from starts, moves, pauses and stops."""

    def __init__(self) -> None:
        self.due = 0
        """How many came due; known after `finish`."""
        self.escalated = 0
        """How many misses were written down together with someone to tell."""
        self.broken: list[tuple[str, str]] = []
        """(clock, what is wrong with it)."""
        self.running: dict[str, _Watch] = {}
        self.stashed: dict[str, _Watch] | None = None

    def say(self, key: str, what: str) -> None:
        self.broken.append((key, what))

    def follow(self, event: words.Event) -> None:
        """The next event of the case's journal."""
        match event:
            case words.ClockStarted(clock=clock):
                if clock.name not in SELF_ENDING:
                    self.running[clock.key] = _Watch(clock.due_at, clock.started_at)
            case words.ClockMoved():
                watch = self.running.get(event.key)
                if watch is not None:
                    watch.due_at, watch.is_paused = event.due_at, event.left is not None
            case words.ClockPaused():
                watch = self.running.get(event.key)
                if watch is not None:
                    watch.is_paused = True
            case words.DeadlineMissed():
                self._missed(event)
            case words.ClockStopped():
                watch = self.running.pop(event.key, None)
                if watch is not None:
                    self._over(event.key, watch, event.at)
            case words.CaseMerged():
                self.stashed, self.running = self.running, {}
            case words.CaseUnmerged():
                self.running, self.stashed = self.stashed or {}, None
            case _:
                pass

    def _missed(self, event: words.DeadlineMissed) -> None:
        watch = self.running.get(event.key)
        if watch is None:
            self.say(event.key, "missed a promise that does not run")
            return
        watch.misses += 1
        self.escalated += bool(event.tell)
        if watch.is_paused:
            self.say(event.key, "missed while it was paused")
        if event.at < watch.due_at:
            self.say(event.key, "missed before its instant")
        if not event.tell:
            self.say(event.key, "nobody was to be told")

    def _over(self, key: str, watch: _Watch, at: Instant) -> None:
        """A promise ended, or the run did: exactly one miss if it came due, else none."""
        is_due = not watch.is_paused and watch.due_at < at
        self.due += is_due or watch.misses > 0
        if watch.misses > 1 or (is_due and watch.misses == 0):
            self.say(key, f"came due and was escalated {watch.misses} times")

    def finish(self, now: Instant) -> None:
        """The journal ends here: whatever was due before `now` must have been missed."""
        for key, watch in self.running.items():
            self._over(key, watch, now)
        # While a case is merged away its clocks stand in the stash and owe nothing.
        self.due += sum(watch.misses > 0 for watch in (self.stashed or {}).values())

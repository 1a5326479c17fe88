"""What must hold of buttons after any day: an exercise opens nothing real, nothing real is folded
into an exercise, only the code takes back, and only what it was typed for.

They trust the ledger of what people did and the order of the journals. `tests/simulation` plants a
bug for each and sees it found.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tocsin.kernel.alarms import vocabulary as words
from tocsin.kernel.alarms.evolve import fold
from tocsin.kernel.alarms.state import Alarm
from tocsin.kernel.cases.state import Case
from tocsin.kernel.shared import AlarmId, AssetId, CaseId
from tocsin.runtime.ports import AlarmEntry
from tocsin.simulation.buttons import ButtonTown

PRESSED: Final = (words.AlarmOpened, words.AlarmRaisedAgain, words.AlarmCounted)
COUNTED: Final = (words.AlarmCancelled, words.AlarmCancelRefused)


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of an alarm: how it was, what was said, how it is."""

    entry: AlarmEntry
    before: Alarm
    after: Alarm

    @property
    def key(self) -> str:
        """The press that it tells of; "" for none."""
        said = [e.signal.key for e in self.entry.events if isinstance(e, PRESSED)]
        return said[0] if said else ""


Checker = Callable[[ButtonTown], Awaitable[list[str]]]


async def steps_of(town: ButtonTown) -> list[Step]:
    """Every entry of every alarm, in the order of the journal."""
    found: list[Step] = []
    alarms: dict[AlarmId, Alarm] = {}
    for entry in await town.store.tail_of_all(0, 1_000_000):
        if isinstance(entry, AlarmEntry):
            before = alarms.get(entry.alarm_id, Alarm(entry.alarm_id))
            after = alarms[entry.alarm_id] = fold(before, entry.events)
            found.append(Step(entry, before, after))
    return found


async def _case(town: ButtonTown, case: CaseId | None) -> Case | None:
    row = await town.store.case(case) if case is not None else None
    return row.case if row is not None else None


def _by_press(steps: Sequence[Step]) -> dict[str, Step]:
    return {step.key: step for step in steps if step.key}


async def drills_open_nothing_real(town: ButtonTown) -> list[str]:
    """A press in an exercise is an alarm and a case of it, but where that button is pressed in
    earnest already."""
    told, found = _by_press(await steps_of(town)), list[str]()
    for press in town.ledger.presses:
        step = told.get(press.key)
        if not press.in_drill or step is None:
            continue
        was_real = step.before.condition == "active" and not step.before.is_drill
        is_open = step.before.case is not None and not step.before.is_drill
        if was_real or is_open:
            continue
        case = await _case(town, step.after.case)
        if not step.after.is_drill or (case is not None and not case.is_drill):
            found.append(f"{press.key}: an exercise at {press.button} opened something real")
    return found


async def real_presses_are_real(town: ButtonTown) -> list[str]:
    """A press in earnest is kept, announced, and has a real case."""
    told, found = _by_press(await steps_of(town)), list[str]()
    for press in town.ledger.presses:
        if press.in_drill:
            continue
        step = told.get(press.key)
        case = await _case(town, step.after.case) if step is not None else None
        if step is None or step.after.is_drill or case is None or case.is_drill:
            found.append(f"{press.key}: pressed in earnest at {press.button}, and nobody goes")
    return found


async def only_codes_take_back(town: ButtonTown) -> list[str]:
    """What was taken back was so with the right code, at that instant, for that button."""
    right = {(back.button, back.at) for back in town.ledger.backs if back.is_right}
    return [
        f"{step.entry.alarm_id} was taken back by nobody who may"
        for step in await steps_of(town)
        for event in step.entry.events
        if isinstance(event, words.AlarmCancelled) and (_asset(step.after), event.at) not in right
    ]


async def only_their_own_is_touched(town: ButtonTown) -> list[str]:
    """Taking back says something to the alarm of that button, and to no other."""
    said = {(back.button, back.at) for back in town.ledger.backs}
    return [
        f"{step.entry.alarm_id} heard of what was said for another button"
        for step in await steps_of(town)
        if any(isinstance(event, COUNTED) for event in step.entry.events)
        and (_asset(step.after), step.entry.at) not in said
    ]


def _asset(alarm: Alarm) -> AssetId | None:
    return alarm.about.asset if alarm.about is not None else None


CHECKERS: Final[tuple[Checker, ...]] = (
    drills_open_nothing_real,
    real_presses_are_real,
    only_codes_take_back,
    only_their_own_is_touched,
)


async def examine(town: ButtonTown) -> dict[str, list[str]]:
    """What each checker finds; nothing for those that find nothing."""
    found = {each.__name__: await each(town) for each in CHECKERS}
    return {name: what for name, what in found.items() if what}


__all__ = ["CHECKERS", "examine"]

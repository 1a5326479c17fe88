"""What must hold of a storm, beside what must hold of any run (`simulation.checkers`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tocsin.analytics.story import Story, tell
from tocsin.kernel.alarms import vocabulary as alarms
from tocsin.kernel.alarms.decide import REPEAT_S
from tocsin.kernel.alarms.evolve import fold as fold_alarm
from tocsin.kernel.alarms.state import Alarm
from tocsin.kernel.cases import vocabulary as words
from tocsin.kernel.shared import AlarmId, AssetId, CaseId, Instant
from tocsin.runtime.ports import AlarmEntry, Entry
from tocsin.simulation import checkers
from tocsin.simulation.checkers import Evidence, Finding
from tocsin.simulation.storms.disk import Disk
from tocsin.simulation.storms.people import Outside
from tocsin.simulation.storms.weather import Weather
from tocsin.stores.memory.stories import MemoryStories

LATE_S: Final = 1.0
"""A promise speaks within a second of its instant, while nothing stands still."""


@dataclass(frozen=True, slots=True)
class StormEvidence:
    """Everything the checkers of a storm may look at."""

    base: Evidence
    disk: Disk
    stories: MemoryStories
    outside: Outside
    weather: Weather
    everything: Sequence[Entry]
    """The journal of cases, units, assets and alarms, in order."""
    unanswered: Sequence[str]
    """Who had no answer by the end of the span, in words."""
    owed: Sequence[str]
    """Errands that were owed at the end of the span."""
    overdue: Instant | None
    """The earliest clock, where it should have spoken by the end of the span."""
    behind: int
    """Journal entries that no story told by the end of the span."""


Check = Callable[[StormEvidence], Awaitable[list[Finding]]]


async def seen_as_it_happened(seen: StormEvidence) -> list[Finding]:
    """Answers before their commit, and errands crossed off before they were done."""
    return [Finding(*wrong) for wrong in seen.disk.wrong]


async def speaks_within_a_second(seen: StormEvidence) -> list[Finding]:
    """Every rung and every miss is on disk within a second of its true instant, whatever stood
    still meanwhile not counted."""
    found: list[Finding] = []
    merged: dict[CaseId, Instant] = {}
    for entry in seen.base.journal:
        at = seen.disk.committed_at[entry.seq]
        for event in entry.events:
            if isinstance(event, words.CaseUnmerged):
                merged[entry.case_id] = entry.at
            if not isinstance(event, words.DeadlineMissed | words.ClockEscalated):
                continue
            since = max(event.at, merged.get(entry.case_id, event.at))
            where = f"{entry.case_id} {event.key}"
            if entry.at < event.at:
                found.append(Finding("speaks_within_a_second", where, "spoke early"))
            late_s = (at - since).total_seconds()
            if late_s > LATE_S:
                late_s = seen.weather.late_s(since.timestamp(), at.timestamp())
            if late_s > LATE_S:
                what = f"spoke {late_s:.1f} s late"
                found.append(Finding("speaks_within_a_second", where, what))
    return found


async def errands_take_effect_once(seen: StormEvidence) -> list[Finding]:
    """Every errand that was ever owed has had its effect, and no message came that nobody owed."""
    found: list[Finding] = []
    allowed: set[str] = set()
    for key, due in seen.disk.owed.items():
        if not seen.disk.is_done(due):
            found.append(Finding("errands_take_effect_once", key, "never done"))
        told = getattr(due.errand, "to", ())
        allowed.update(f"{key}:{each}" for each in ("", *told) if isinstance(told, tuple))
        allowed.add(key)
    for key in seen.disk.messages:
        if key not in allowed:
            found.append(Finding("errands_take_effect_once", key, "a message nobody owed"))
    effects: Counter[tuple[str, int]] = Counter()
    return found + [
        Finding("errands_take_effect_once", where, "done twice")
        for (where, _), count in effects.items()
        if count > 1
    ]


async def alarms_are_kept_once(seen: StormEvidence) -> list[Finding]:
    """What a device was told is kept is in the journal, and once; one open alarm of a kind and
    a device; and the case that an alarm names is there."""
    name = "alarms_are_kept_once"
    found: list[Finding] = []
    raises: Counter[str] = Counter()
    last: dict[str, Instant] = {}
    events: dict[AlarmId, list[alarms.Event]] = {}
    for entry in seen.everything:
        if not isinstance(entry, AlarmEntry):
            continue
        events.setdefault(entry.alarm_id, []).extend(entry.events)
        command = entry.command
        if isinstance(command, alarms.RaiseAlarm) and command.signal.key and entry.events:
            key = command.signal.key
            since = last.get(key)
            # A clock that was set forward forgets repeats: one too many, never a fire too few.
            if since is None or (entry.at - since).total_seconds() <= REPEAT_S:
                raises[key] += 1
            last[key] = entry.at
    for told in seen.outside.told:
        key = told.incoming.key
        if told.incoming.signal != "raised":
            continue
        if told.answers and not raises[key]:
            found.append(Finding(name, key, "acknowledged and not kept"))
        if raises[key] > 1:
            found.append(Finding(name, key, f"kept {raises[key]} times"))
    opened: Counter[tuple[AssetId, str]] = Counter()
    for alarm_id, happened in events.items():
        alarm = fold_alarm(Alarm(alarm_id), happened)
        if alarm.is_open and alarm.about is not None:
            opened[alarm.about.asset, alarm.about.kind] += 1
        if alarm.case is not None and await seen.disk.case(alarm.case) is None:
            found.append(Finding(name, alarm_id, "names a case that is not there"))
    found += [
        Finding(name, f"{asset} {kind}", f"{count} open alarms")
        for (asset, kind), count in sorted(opened.items())
        if count > 1
    ]
    return found


async def alarms_hear_of_their_case(seen: StormEvidence) -> list[Finding]:
    """At the end no alarm names a case that is over or was merged away, nor one into which the
    case that it opened was never merged, or is not any more."""
    found: list[Finding] = []
    for alarm in seen.disk.alarms_now():
        if alarm.case is None or (row := await seen.disk.case(alarm.case)) is None:
            continue
        what = ""
        if not row.case.is_open:
            what = f"names a case that is {row.case.status}"
        elif row.case.links.merged_into is not None:
            what = "names a case that was merged away"
        elif alarm.first_case and not await _leads(seen.disk, alarm.first_case, alarm.case):
            what = "names a case that is not its own"
        if what:
            found.append(Finding("alarms_hear_of_their_case", alarm.id, what))
    return found


async def _leads(disk: Disk, first: CaseId, last: CaseId) -> bool:
    """Whether a case is another one, or was merged into it, through others perhaps."""
    at: CaseId | None = first
    while at is not None and at != last:
        row = await disk.case(at)
        at = row.case.links.merged_into if row is not None else None
    return at == last


async def units_are_on_one_case(seen: StormEvidence) -> list[Finding]:
    """A unit is on one case, and that case has it."""
    found: list[Finding] = []
    for row in await seen.disk.units():
        on = [each.case for each in row.unit.cases]
        if len(on) > 1:
            found.append(Finding("units_are_on_one_case", row.unit.id, f"on {len(on)} cases"))
        for case_id in on:
            case = await seen.disk.case(case_id)
            if case is None:
                found.append(Finding("units_are_on_one_case", row.unit.id, "on no case"))
    return found


async def stories_tell_the_journal(seen: StormEvidence) -> list[Finding]:
    """What the follower made is what the journal says, each entry told once."""
    told: dict[CaseId, Story] = {}
    for entry in seen.base.journal:
        if entry.seq <= seen.stories.seq:
            story = told.get(entry.case_id) or Story(entry.case_id)
            told[entry.case_id] = tell(story, entry.events)
    kept = await seen.stories.load(sorted(told))
    return [
        Finding("stories_tell_the_journal", case_id, "another story than its journal")
        for case_id, story in sorted(told.items())
        if kept.get(case_id) != story
    ]


async def everything_owed_happened(seen: StormEvidence) -> list[Finding]:
    """Within the span after the storm: everybody has an answer, nothing is owed, no clock waits,
    no errand is dead, no story lags."""
    name = "everything_owed_happened"
    found = [Finding(name, who, "no answer") for who in seen.unanswered]
    found += [Finding(name, key, "still owed") for key in seen.owed]
    found += [Finding(name, key, "an errand is dead") for key in seen.disk.dead]
    if seen.overdue is not None:
        found.append(Finding(name, seen.overdue.isoformat(), "a clock has not spoken"))
    if seen.behind:
        found.append(Finding(name, "", f"{seen.behind} entries are in no story"))
    return found


SAFETY: Final[tuple[Check, ...]] = (
    seen_as_it_happened,
    speaks_within_a_second,
    errands_take_effect_once,
    alarms_are_kept_once,
    alarms_hear_of_their_case,
    units_are_on_one_case,
    stories_tell_the_journal,
)
LIVENESS: Final[tuple[Check, ...]] = (everything_owed_happened,)
OF_ANY_RUN: Final = (
    checkers.accepted_reports_kept,
    checkers.repeats_are_one,
    checkers.misses_escalated_once,
    checkers.nobody_verifies_own_claim,
    checkers.board_tells_the_journal,
    checkers.nothing_sealed_outside,
)


async def examine(seen: StormEvidence) -> list[Finding]:
    """Everything that every checker finds."""
    found: list[Finding] = []
    for checker in OF_ANY_RUN:
        found += await checker(seen.base)
    for check in SAFETY + LIVENESS:
        found += await check(seen)
    return found

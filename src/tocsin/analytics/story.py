"""What a case's journal says that measures need: one small record, folded event by event."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, cast

from tocsin.kernel.cases import vocabulary as said
from tocsin.kernel.cases.policy import ClockName
from tocsin.kernel.shared import AgencyId, AreaPath, CaseId, Instant


@dataclass(frozen=True, slots=True)
class Story:
    """The course of one case. `kept` and `missed` name the clocks that ended in time or did not;
    a clock that is still running and late counts as missed. Votes are numbers: who gave them is
    not known here."""

    case_id: CaseId
    opened_at: Instant | None = None
    case_type: str = ""
    profile: str = ""
    areas: AreaPath | None = None
    lead: AgencyId | None = None
    kept: tuple[ClockName, ...] = ()
    missed: tuple[ClockName, ...] = ()
    accepted_at: Instant | None = None
    filed_at: Instant | None = None
    dispatched_at: Instant | None = None
    acknowledged_at: Instant | None = None
    claimed_at: Instant | None = None
    closed_at: Instant | None = None
    end: str = ""
    returns: int = 0
    reworks: int = 0
    reopens: int = 0
    reports: int = 0
    votes: int = 0
    solved: int = 0
    treated_well: int = 0
    escalations: int = 0
    is_drill: bool = False


Teller = Callable[[Story, Any], Story]


def _opened(story: Story, event: said.CaseOpened) -> Story:
    return replace(
        story,
        opened_at=event.at,
        case_type=event.case_type,
        profile=event.profile,
        areas=event.areas,
        reports=1,
        is_drill=event.is_drill,
    )


def _triaged(story: Story, event: said.CaseTriaged) -> Story:
    return replace(story, case_type=event.case_type, profile=event.profile)


def _dispatched(story: Story, event: said.CaseDispatched) -> Story:
    return replace(story, dispatched_at=story.dispatched_at or event.at)


def _stopped(story: Story, event: said.ClockStopped) -> Story:
    if event.kept:
        return replace(story, kept=_with(story.kept, event.name))
    return replace(story, missed=_with(story.missed, event.name))


def _missed(story: Story, event: said.DeadlineMissed) -> Story:
    return replace(story, missed=_with(story.missed, event.name), escalations=story.escalations + 1)


def _feedback(story: Story, event: said.FeedbackGiven) -> Story:
    return replace(
        story,
        votes=story.votes + 1,
        solved=story.solved + event.solved,
        treated_well=story.treated_well + event.treated_well,
    )


def _with(names: tuple[ClockName, ...], name: ClockName) -> tuple[ClockName, ...]:
    return names if name in names else (*names, name)


_TELLERS: dict[type, Teller] = {
    said.CaseOpened: _opened,
    said.CaseTriaged: _triaged,
    said.ReportAttached: lambda s, e: replace(s, reports=s.reports + 1),
    said.CaseAccepted: lambda s, e: replace(s, accepted_at=s.accepted_at or e.at),
    said.CaseFiled: lambda s, e: replace(s, filed_at=s.filed_at or e.at, lead=e.route.lead),
    said.CaseArbitrated: lambda s, e: replace(s, lead=e.lead),
    said.CaseDispatched: _dispatched,
    said.TaskAcknowledged: lambda s, e: replace(s, acknowledged_at=s.acknowledged_at or e.at),
    said.CaseClaimedDone: lambda s, e: replace(s, claimed_at=s.claimed_at or e.at),
    said.CaseVerified: lambda s, e: replace(s, closed_at=e.at, end="verified"),
    said.CaseRefused: lambda s, e: replace(s, closed_at=e.at, end="refused"),
    said.CaseVoided: lambda s, e: replace(s, closed_at=e.at, end="void"),
    said.CaseMerged: lambda s, e: replace(s, end="merged"),
    said.CaseUnmerged: lambda s, e: replace(s, end=""),
    said.CaseReopened: lambda s, e: replace(s, closed_at=None, end="", reopens=s.reopens + 1),
    said.TaskReturned: lambda s, e: replace(s, returns=s.returns + 1),
    said.CheckFailed: lambda s, e: replace(s, reworks=s.reworks + 1),
    said.FeedbackGiven: _feedback,
    said.ClockStopped: _stopped,
    said.DeadlineMissed: _missed,
    said.ClockEscalated: lambda s, e: replace(s, escalations=s.escalations + 1),
}


def tell(story: Story, events: Iterable[said.Event]) -> Story:
    """The story after these events. Events that no measure needs change nothing."""
    for event in events:
        teller = _TELLERS.get(cast(type, type(event)))
        if teller is not None:
            story = teller(story, event)
    return story

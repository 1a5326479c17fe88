"""What the journal of an alarm, or of an asset, says that measures need: folded event by event.

Holds no person and no word: who acknowledged is not known here, only when somebody did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from tocsin.kernel.alarms import vocabulary as said
from tocsin.kernel.alarms.state import Outcome
from tocsin.kernel.assets import vocabulary as of_assets
from tocsin.kernel.shared import AlarmId, AreaId, AssetId, CaseId, Instant

SPANS_MAX: Final = 500
"""Announcements, spans and shelves of one alarm that are kept; what chatters more counts as 500."""

Span = tuple[Instant, Instant | None]
"""From, until; None while it lasts."""


@dataclass(frozen=True, slots=True)
class AlarmStory:
    """The course of one alarm. `told` is every instant at which it asked for somebody, `active`
    when its condition was there, `shelved` when it lay on a shelf; `verified_at` the first thing
    beside the bare signal that spoke for it."""

    alarm_id: AlarmId
    opened_at: Instant | None = None
    asset: AssetId = AssetId("")
    kind: str = ""
    priority: int = 0
    areas: tuple[AreaId, ...] = ()
    site: str = ""
    source: str = ""
    signals: int = 0
    told: tuple[Instant, ...] = ()
    acknowledged_at: Instant | None = None
    active: tuple[Span, ...] = ()
    shelved: tuple[Span, ...] = ()
    has_chattered: bool = False
    is_fleeting: bool = False
    is_drill: bool = False
    is_muted: bool = False
    verified_at: Instant | None = None
    case: CaseId | None = None
    """The first one it had."""
    outcomes: tuple[Outcome, ...] = ()
    closed_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class AssetStory:
    """When an asset was in service; on test it is, out of service and retired it is not."""

    asset_id: AssetId
    service: tuple[Span, ...] = ()


def _added(spans: tuple[Span, ...], at: Instant) -> tuple[Span, ...]:
    """With a span that begins now, unless one lasts."""
    if spans and spans[-1][1] is None:
        return spans
    return (*spans, (at, None))[-SPANS_MAX:]


def _ended(spans: tuple[Span, ...], at: Instant) -> tuple[Span, ...]:
    if not spans or spans[-1][1] is not None:
        return spans
    return (*spans[:-1], (spans[-1][0], at))


def _tell(story: AlarmStory, at: Instant) -> AlarmStory:
    """It asks for somebody now, unless it is muted."""
    if story.is_muted:
        return story
    return replace(story, told=(*story.told, at)[-SPANS_MAX:])


def _opened(story: AlarmStory, event: said.AlarmOpened) -> AlarmStory:
    about = event.about
    return replace(
        story,
        opened_at=event.at,
        asset=about.asset,
        kind=about.kind,
        priority=about.priority,
        areas=about.areas,
        site=about.site,
        source=event.signal.source,
        signals=1,
        is_drill=event.signal.is_drill,
    )


def _raised(story: AlarmStory, event: said.AlarmRaised) -> AlarmStory:
    return _tell(replace(story, active=_added(story.active, event.at)), event.at)


def _again(story: AlarmStory, event: said.AlarmRaisedAgain) -> AlarmStory:
    story = replace(story, signals=story.signals + 1, active=_added(story.active, event.at))
    return story if event.is_quiet else _tell(story, event.at)


def _cleared(story: AlarmStory, event: said.AlarmCleared) -> AlarmStory:
    is_fleeting = story.is_fleeting or event.is_fleeting
    return replace(story, active=_ended(story.active, event.at), is_fleeting=is_fleeting)


def _muted(story: AlarmStory, event: said.AlarmMuted) -> AlarmStory:
    shelved = _ended(story.shelved, event.at)
    if event.standing == "shelved":
        shelved = _added(shelved, event.at)
    return replace(
        story,
        is_muted=True,
        shelved=shelved,
        is_drill=story.is_drill or event.standing == "drill",
    )


def _unmuted(story: AlarmStory, event: said.AlarmUnmuted) -> AlarmStory:
    story = replace(story, is_muted=False, shelved=_ended(story.shelved, event.at))
    if event.reason == "real":
        story = replace(story, is_drill=False)
    is_there = bool(story.active) and story.active[-1][1] is None
    return _tell(story, event.at) if is_there else story


def _verified(story: AlarmStory, event: said.AlarmVerified) -> AlarmStory:
    speaks_for_it = event.level >= 2 and event.evidence != "signal"
    if story.verified_at is not None or not speaks_for_it:
        return story
    return replace(story, verified_at=event.at)


def _closed(story: AlarmStory, event: said.AlarmClosed | said.AlarmLapsed) -> AlarmStory:
    return replace(
        story,
        closed_at=event.at,
        active=_ended(story.active, event.at),
        shelved=_ended(story.shelved, event.at),
        is_fleeting=story.is_fleeting or isinstance(event, said.AlarmLapsed),
    )


_ALARM: Final[dict[type, Callable[[AlarmStory, Any], AlarmStory]]] = {
    said.AlarmOpened: _opened,
    said.AlarmRaised: _raised,
    said.AlarmRaisedAgain: _again,
    said.AlarmCounted: lambda s, e: replace(s, signals=s.signals + 1),
    said.AlarmReannounced: lambda s, e: _tell(s, e.at),
    said.AlarmCleared: _cleared,
    said.AlarmMuted: _muted,
    said.AlarmUnmuted: _unmuted,
    said.AlarmChattered: lambda s, e: replace(s, has_chattered=True),
    said.AlarmAcknowledged: lambda s, e: replace(s, acknowledged_at=s.acknowledged_at or e.at),
    said.AlarmVerified: _verified,
    said.AlarmCaseOpened: lambda s, e: replace(s, case=s.case or e.case),
    said.AlarmCaseJoined: lambda s, e: replace(s, case=s.case or e.case),
    said.AlarmOutcomeRecorded: lambda s, e: replace(s, outcomes=(*s.outcomes, e.outcome)),
    said.AlarmLapsed: _closed,
    said.AlarmClosed: _closed,
}
_ASSET: Final[dict[type, Callable[[AssetStory, Any], AssetStory]]] = {
    of_assets.AssetAdded: lambda s, e: replace(s, service=_added(s.service, e.at)),
    of_assets.AssetReturned: lambda s, e: replace(s, service=_added(s.service, e.at)),
    of_assets.AssetTakenOut: lambda s, e: replace(s, service=_ended(s.service, e.at)),
    of_assets.AssetRetired: lambda s, e: replace(s, service=_ended(s.service, e.at)),
}


def tell_alarm(story: AlarmStory, events: Iterable[said.Event]) -> AlarmStory:
    """The story after these events. Events that no measure needs change nothing."""
    for event in events:
        teller = _ALARM.get(cast(type, type(event)))
        story = teller(story, event) if teller is not None else story
    return story


def tell_asset(story: AssetStory, events: Iterable[of_assets.Event]) -> AssetStory:
    """Likewise of an asset."""
    for event in events:
        teller = _ASSET.get(cast(type, type(event)))
        story = teller(story, event) if teller is not None else story
    return story


__all__ = ["AlarmStory", "AssetStory", "Span", "tell_alarm", "tell_asset"]

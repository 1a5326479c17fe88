"""The only way an asset changes: one function for each event, found by the event's type."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from tocsin.kernel.assets import vocabulary as words
from tocsin.kernel.assets.machine import STEPS
from tocsin.kernel.assets.state import Asset, Shelf, Window
from tocsin.kernel.changing import changed


def evolve(asset: Asset, event: words.Event) -> Asset:
    """The asset after `event`. Raises KeyError for an event without an entry (our bug)."""
    status = STEPS[type(event)].to
    if status is not None and status != asset.status:
        asset = changed(asset, status=status, since=event.at)
    return EVOLVERS[type(event)](asset, event)


def fold(asset: Asset, events: Iterable[words.Event]) -> Asset:
    """The asset after all events, in order."""
    for event in events:
        asset = evolve(asset, event)
    return asset


def _described(
    asset: Asset, event: words.AssetAdded | words.AssetFound | words.AssetChanged
) -> Asset:
    return changed(asset, about=event.about)


def _test_started(asset: Asset, event: words.AssetTestStarted) -> Asset:
    return changed(asset, test_until=event.until, tested_by=event.by, test_asked_at=event.at)


def _test_ended(asset: Asset, event: words.AssetTestEnded) -> Asset:
    return changed(asset, test_until=None, tested_by=None)


def _tested(asset: Asset, event: words.AssetTested) -> Asset:
    return changed(asset, last_tested_at=event.at)


def _taken_out(asset: Asset, event: words.AssetTakenOut) -> Asset:
    return changed(asset, work_order=event.work_order)


def _returned(asset: Asset, event: words.AssetReturned) -> Asset:
    return changed(asset, work_order="")


def _planned(asset: Asset, event: words.AssetWorkPlanned) -> Asset:
    kept = tuple(each for each in asset.windows if each.covers(event.at) or each.ends_at > event.at)
    window = Window(event.starts_at, event.ends_at, event.reason, event.by)
    return changed(asset, windows=(*kept, window))


def _shelved(asset: Asset, event: words.AssetKindShelved) -> Asset:
    others = tuple(each for each in asset.shelves if each.kind != event.kind)
    shelf = Shelf(event.kind, event.until, event.reason, event.by)
    return changed(asset, shelves=(*others, shelf))


def _unshelved(asset: Asset, event: words.AssetKindUnshelved) -> Asset:
    return changed(asset, shelves=tuple(s for s in asset.shelves if s.kind != event.kind))


def _drill_started(asset: Asset, event: words.AssetDrillStarted) -> Asset:
    return changed(asset, drill=event.drill)


def _drill_ended(asset: Asset, event: words.AssetDrillEnded) -> Asset:
    return changed(asset, drill=None)


def _retired(asset: Asset, event: words.AssetRetired) -> Asset:
    return changed(
        asset,
        test_until=None,
        tested_by=None,
        windows=(),
        shelves=(),
        work_order="",
        drill=None,
    )


EVOLVERS: Final[dict[type[words.Event], Callable[[Asset, Any], Asset]]] = {
    words.AssetAdded: _described,
    words.AssetFound: _described,
    words.AssetChanged: _described,
    words.AssetTestStarted: _test_started,
    words.AssetTestEnded: _test_ended,
    words.AssetTested: _tested,
    words.AssetTakenOut: _taken_out,
    words.AssetReturned: _returned,
    words.AssetWorkPlanned: _planned,
    words.AssetKindShelved: _shelved,
    words.AssetKindUnshelved: _unshelved,
    words.AssetDrillStarted: _drill_started,
    words.AssetDrillEnded: _drill_ended,
    words.AssetRetired: _retired,
}

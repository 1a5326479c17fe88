"""What the live stream tells of alarms and assets, and whom it concerns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tocsin.kernel.shared import AgencyId, AreaId, AssetId
from tocsin.runtime.codec import name_of
from tocsin.runtime.ports import AlarmEntry, AlarmRow, AssetEntry, AssetRow
from tocsin.web.alarm_views import alarm_members, asset_members
from tocsin.web.views import encode

Told = tuple[Sequence[AreaId], tuple[AgencyId, ...], bytes]
"""The areas and the agencies that hear of it, and the encoded message."""


def alarm_told(
    entry: AlarmEntry,
    row: AlarmRow,
    assets: Mapping[AssetId, AssetRow],
    sites: Mapping[AssetId, str],
) -> Told:
    """An alarm as it is now, at the entry that changed it."""
    events = tuple(name_of(event) for event in entry.events)
    about = row.alarm.about
    asset = assets.get(about.asset) if about is not None else None
    name = asset.asset.about.name if asset is not None else ""
    gateway = asset.asset.about.gateway if asset is not None else None
    item = {
        **alarm_members(row),
        "asset_name": name,
        "site_name": sites.get(gateway, "") if gateway is not None else "",
        "seq": entry.seq,
        "events": events,
        "at": entry.at,
    }
    data = b"id: %d\nevent: alarm\ndata: %b\n\n" % (entry.seq, encode(item))
    return (about.areas if about is not None else ()), _parties(asset), data


def _parties(row: AssetRow | None) -> tuple[AgencyId, ...]:
    """Who owns and who keeps a device: both hear of it, as they see it in lists."""
    if row is None:
        return ()
    about = row.asset.about
    return tuple(AgencyId(each) for each in dict.fromkeys((about.owner, about.keeper)) if each)


def asset_told(entry: AssetEntry, row: AssetRow) -> Told:
    """An asset as it is now, at the entry that changed it."""
    events = tuple(name_of(event) for event in entry.events)
    item = {**asset_members(row), "seq": entry.seq, "events": events, "at": entry.at}
    data = b"id: %d\nevent: asset\ndata: %b\n\n" % (entry.seq, encode(item))
    return row.asset.about.areas, _parties(row), data

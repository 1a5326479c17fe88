"""What if: another fleet or another load for the same town, met by the same calls and chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tocsin.simulation.dispatch.fleet import SimFleet, fleet_of_town
from tocsin.simulation.dispatch.states import Position
from tocsin.simulation.dispatch.town import FleetUnit


class ChangeError(ValueError):
    """A change that cannot be made. The text says why; safe to show."""


@dataclass(frozen=True, slots=True)
class Change:
    """Texts as they are typed, applied in this order.

    `remove`: a unit's id, or `KIND:COUNT` (the last by id). `add`: `KIND@STATION`, or
    `KIND@STATION:START-END` with hours of a daily shift. `shifts`: `UNIT=START-END`.
    `posts` and `no_posts`: ids of stations that are opened as posts, or closed (`NAME@LON,LAT`
    opens a new one). `demand`: so many times the calls. `fleet`: the share of each kind that stays.
    `lost`: the share of positions that nobody knows.
    """

    remove: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    shifts: tuple[str, ...] = ()
    posts: tuple[str, ...] = ()
    no_posts: tuple[str, ...] = ()
    demand: float = 1.0
    fleet: float = 1.0
    lost: float = 0.0


NOTHING = Change()


def changed_posts(stations: Mapping[str, Position], change: Change) -> dict[str, Position]:
    """The stations after a change of posts. Raises ChangeError."""
    found = dict(stations)
    for each in change.no_posts:
        if each not in found:
            raise ChangeError(f"there is no station {each!r}")
        del found[each]
    for each in change.posts:
        name, _, place = each.partition("@")
        try:
            lon, lat = (float(part) for part in place.split(","))
        except ValueError:
            raise ChangeError(f"{each!r} is not NAME@LON,LAT") from None
        if name in found or not (-180 <= lon <= 180 and -90 <= lat <= 90):
            raise ChangeError(f"{each!r}: there is such a station, or the place is none")
        found[name] = (lon, lat)
    if not found:
        raise ChangeError("a town needs a post")
    return found


def changed_fleet(fleet: SimFleet, stations: Mapping[str, Position], change: Change) -> SimFleet:
    """The fleet after a change; units of a station that is no post any more wait at the nearest
    one that is. Raises ChangeError."""
    units = {unit.id: unit for unit in fleet.units}
    if change.fleet < 1.0:
        _thin(units, change.fleet)
    for each in change.remove:
        _remove(units, each)
    for each in change.add:
        _add(units, each, stations)
    for each in change.shifts:
        name, _, hours = each.partition("=")
        if name not in units:
            raise ChangeError(f"there is no unit {name!r}")
        start_h, hours_h = _hours(hours, each)
        units[name] = replace(units[name], start_h=start_h, hours_h=hours_h)
    if change.no_posts:
        for name, unit in units.items():
            if unit.home not in stations.values():
                units[name] = replace(unit, home=_nearest(stations, unit.home))
    if not units:
        raise ChangeError("an empty fleet answers no call")
    return fleet_of_town(tuple(units.values()), fleet.breaks)


def _thin(units: dict[str, FleetUnit], share: float) -> None:
    """Of each kind every so manieth unit goes, so that no end of the town loses all."""
    for kind in sorted({unit.kind for unit in units.values()}):
        names = sorted(name for name, unit in units.items() if unit.kind == kind)
        gone = round(len(names) * (1.0 - share))
        for at in range(gone):
            del units[names[int((at + 0.5) * len(names) / gone)]]


def _remove(units: dict[str, FleetUnit], text: str) -> None:
    if text in units:
        del units[text]
        return
    kind, _, count = text.partition(":")
    names = sorted(name for name, unit in units.items() if unit.kind == kind)
    if not names or not count.isascii() or not count.isdigit() or int(count) > len(names):
        raise ChangeError(f"there is no unit {text!r}, nor so many of a kind of that name")
    for name in names[len(names) - int(count) :]:
        del units[name]


def _add(units: dict[str, FleetUnit], text: str, stations: Mapping[str, Position]) -> None:
    kind, _, rest = text.partition("@")
    station, _, hours = rest.partition(":")
    if not kind or station not in stations:
        raise ChangeError(f"{text!r} is not KIND@STATION, or there is no such station")
    start_h, hours_h = _hours(hours, text) if hours else (0.0, 24.0)
    number = 1
    while f"{kind}-new-{number}" in units:
        number += 1
    name = f"{kind}-new-{number}"
    units[name] = FleetUnit(name, kind, stations[station], start_h, hours_h)


def _hours(text: str, whole: str) -> tuple[float, float]:
    try:
        start_h, end_h = (float(part) for part in text.split("-"))
    except ValueError:
        raise ChangeError(f"{whole!r}: hours are START-END") from None
    if not (0 <= start_h <= 24 and 0 <= end_h <= 24):
        raise ChangeError(f"{whole!r}: hours are 0 to 24")
    return start_h % 24.0, (end_h - start_h) % 24.0 or 24.0


def _nearest(stations: Mapping[str, Position], place: Position) -> Position:
    return min(
        (stations[name] for name in sorted(stations)),
        key=lambda each: (each[0] - place[0]) ** 2 + (each[1] - place[1]) ** 2,
    )

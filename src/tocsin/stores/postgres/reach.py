"""Who sees a unit, an asset or an alarm, as one array that the policy of its table compares.

It holds each area in which the thing lies, and each area with each agency that has a part in it: a
right in an area meets the first, a post the second. It is written in the statement of the row, from
what the web's own rule (`web.permissions.covers`) looks at; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from tocsin.kernel.alarms.state import Alarm
from tocsin.kernel.assets.state import Asset
from tocsin.kernel.shared import AreaId
from tocsin.kernel.units.state import Unit
from tocsin.runtime.onlooking import NO_AREA
from tocsin.stores.postgres.connections import POST_MARK, text_array


def reach_of(areas: Sequence[AreaId], parties: Iterable[str]) -> list[str]:
    """The areas, then each of them with each of the agencies."""
    return [*areas, *(f"{area}{POST_MARK}{party}" for area in areas for party in parties)]


def unit_reach(unit: Unit) -> str:
    """Of a unit, as the text of an array."""
    return text_array(reach_of(unit.areas, () if unit.agency is None else (unit.agency,)))


def parties_of(asset: Asset) -> list[str]:
    """The agencies that own or keep an asset."""
    return [each for each in dict.fromkeys((asset.about.owner, asset.about.keeper)) if each]


def asset_reach(asset: Asset) -> tuple[str, str]:
    """The reach of an asset and its parties, as texts of arrays. One that was found and is not
    registered lies nowhere: whoever has the county sees it."""
    parties = parties_of(asset)
    return text_array(reach_of(asset.about.areas or (NO_AREA,), parties)), text_array(parties)


def alarm_areas(alarm: Alarm) -> str:
    """Where an alarm lies, as the text of an array. With whose its asset is at the time, which the
    statement looks up, it is the alarm's reach."""
    return text_array(alarm.about.areas if alarm.about is not None else ())


NEW_REACH: Final = """t.areas::text[] || ARRAY(
  SELECT area || E'\\x1f' || party FROM unnest(t.areas::text[]) WITH ORDINALITY there (area, n),
         unnest(s.parties) WITH ORDINALITY theirs (party, m) ORDER BY n, m)"""
"""SQL of the reach of an alarm `t` of an asset `s`; as `reach_of`."""
KEPT_REACH: Final = """ARRAY(
  SELECT area FROM unnest(a.reach) WITH ORDINALITY there (area, n)
   WHERE strpos(area, E'\\x1f') = 0 ORDER BY n) || ARRAY(
  SELECT area || E'\\x1f' || party FROM unnest(a.reach) WITH ORDINALITY there (area, n),
         unnest(put.parties) WITH ORDINALITY theirs (party, m)
   WHERE strpos(area, E'\\x1f') = 0 ORDER BY n, m)"""
"""SQL of the reach of an alarm `a` whose asset came into other hands: where it lies stays."""

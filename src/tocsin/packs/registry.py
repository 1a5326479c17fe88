"""The pack versions a node knows: cases stay with the version they were opened under."""

from __future__ import annotations

from collections.abc import Iterable

from tocsin.kernel.alarms.policy import AlarmPolicy
from tocsin.kernel.assets.state import AssetFacts
from tocsin.kernel.cases.policy import CasePolicy
from tocsin.kernel.shared import AgencyId
from tocsin.kernel.units.state import UnitFacts, UnitKind
from tocsin.packs.model import Pack, canonical, content_of


def dump(pack: Pack) -> bytes:
    """The whole content of a pack, to be kept beside the cases that are pinned to it."""
    return canonical(pack.content)


def restore(data: bytes) -> Pack:
    """The pack that `dump` wrote: the same version, the same policies.

    It is not checked again: what was good when a case opened stays valid for that case.
    Raises ValueError for bytes of an unknown format.
    """
    return Pack(content_of(data))


class Registry:
    """Packs by version; the current one opens new cases. Fulfils `runtime.ports.Policies`."""

    def __init__(self, current_pack: Pack, pinned: Iterable[Pack] = ()) -> None:
        self._packs: dict[str, Pack] = {pack.version: pack for pack in pinned}
        self._current = current_pack
        self.use(current_pack)

    @property
    def current_pack(self) -> Pack:
        return self._current

    def add(self, pack: Pack) -> None:
        """Know one more version, for cases pinned to it."""
        self._packs[pack.version] = pack

    def use(self, pack: Pack) -> None:
        """Open new cases with this pack from now on; older versions stay known."""
        self._packs[pack.version] = pack
        self._current = pack

    def pack(self, version: str) -> Pack | None:
        return self._packs.get(version)

    def versions(self) -> tuple[str, ...]:
        return tuple(sorted(self._packs))

    def policy(self, pack_version: str, case_type: str) -> CasePolicy | None:
        """The policy a case was opened under."""
        pack = self._packs.get(pack_version)
        return pack.policy(case_type) if pack is not None else None

    def current(self, case_type: str) -> CasePolicy | None:
        """The policy for a case that opens now."""
        return self._current.policy(case_type)

    def alarm_policy(self, kind: str, pack_version: str = "") -> AlarmPolicy | None:
        """The policy an alarm was opened under; without a version that of one that comes now."""
        pack = self._packs.get(pack_version, self._current)
        return pack.alarm_policies.get(kind) or self._current.alarm_policies.get(kind)

    def asset_facts(self) -> AssetFacts:
        """The kinds of assets of the current pack."""
        return AssetFacts(tuple(self._current.asset_kinds))

    def unit_facts(self, agency: AgencyId | None) -> UnitFacts:
        """The kinds of units of the current pack, and the agency's own names of statuses."""
        pack = self._current
        found = pack.agencies.get((agency or "").partition("@")[0])
        kinds = tuple(
            UnitKind(each.code, each.travel, each.capabilities, each.endurance_s)
            for each in pack.unit_kinds.values()
        )
        return UnitFacts(kinds, found.statuses if found else ())

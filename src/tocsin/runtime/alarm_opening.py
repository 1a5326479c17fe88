"""What is looked up before an alarm is decided: the case it could open, and its words."""

from __future__ import annotations

from typing import Final

import msgspec

from tocsin.kernel.alarming import Opening
from tocsin.kernel.alarms.policy import AlarmPolicy
from tocsin.kernel.alarms.state import DRILL_SITE
from tocsin.kernel.assets.state import Asset
from tocsin.kernel.cases.policy import CaseFacts
from tocsin.kernel.cases.react import ALARM_SOURCE
from tocsin.kernel.cases.state import Report
from tocsin.kernel.cases.vocabulary import OpenCase
from tocsin.kernel.shared import (
    AlarmId,
    AssetId,
    CaseId,
    Instant,
    Place,
    Refused,
    ReportId,
    SealedRef,
)
from tocsin.packs.model import Pack
from tocsin.runtime.ports import Ids, SealedValue
from tocsin.runtime.reception import Reception

JSON: Final = "application/json"
_TEXT: Final = ".text"
SILENT_SITE: Final = "#silent"


class Prepared(msgspec.Struct, frozen=True):
    """A case that can be opened, or why none can be; neither where the kind never opens one."""

    opening: Opening | None = None
    unplaced: str = ""


class Openings:
    """Prepares cases for alarms: place to areas, areas to a route, the policy that is pinned."""

    def __init__(self, pack: Pack, reception: Reception, ids: Ids) -> None:
        self.pack = pack
        self.reception = reception
        self.ids = ids
        home = reception.locate(reception.desk)
        assert not isinstance(home, Refused), "the desk lies in its county"
        self.county = home.county

    def prepare(
        self,
        policy: AlarmPolicy,
        place: Place | None,
        text: SealedRef | None,
        at: Instant,
        *,
        is_silent: bool = False,
        is_drill: bool = False,
    ) -> Prepared:
        """Everything that opening a case takes. Whether it is opened the kernel decides."""
        if policy.opens == "never":
            return Prepared()
        case_type = self.pack.case_types.get(policy.case_type)
        case_policy = self.pack.policy(policy.case_type)
        if case_type is None or case_policy is None:
            return Prepared(unplaced="case_type_unknown")
        if place is None:
            return Prepared(unplaced="place_missing")
        areas = self.reception.locate(place)
        if isinstance(areas, Refused):
            return Prepared(unplaced=areas.reason)
        route = None
        if case_policy.fast_path:
            choice = self.pack.choose_route(policy.case_type, areas, at, {})
            if choice is None:
                return Prepared(unplaced="no_route")
            route = choice.route
        case_id = CaseId(self.ids.new())
        report = Report(
            id=ReportId(f"{case_id}-r1"),
            at=at,
            source=ALARM_SOURCE,
            description=text,
            language=self.pack.languages[0],
        )
        command = OpenCase(
            report=report,
            place=place,
            areas=areas,
            owner_tier=case_type.owner_tier,
            route=route,
            is_silent=is_silent,
            is_drill=is_drill,
        )
        return Prepared(Opening(case_id, command, CaseFacts(case_policy)))

    def sealed(self, alarm: AlarmId, asset: Asset, kind: str, zone: str, text: str) -> SealedValue:
        """The words of an alarm as its case shows them; in the vault, in the scope of the alarm."""
        named = self.pack.alarm_kinds.get(kind)
        names = dict.fromkeys(named.name.values()) if named is not None else {kind: None}
        parts = (" / ".join(names), asset.about.name, zone, text)
        words = {"text": " · ".join(each for each in parts if each)}
        return SealedValue(
            SealedRef(f"{alarm}{_TEXT}"),
            CaseId(alarm),
            asset.id,
            "description",
            msgspec.json.encode(words),
            JSON,
        )


def scope_of(ref: SealedRef) -> CaseId:
    """The scope in the vault in which the words of a device's message lie."""
    return CaseId(ref.removesuffix(_TEXT))


def site_name(case_type: str, site: AssetId, is_silent: bool, is_drill: bool) -> str:
    """Where alarms of one matter meet. What is silent never shares a case with what is loud, nor a
    drill with what is real."""
    return f"{case_type}:{site}{SILENT_SITE if is_silent else ''}{DRILL_SITE if is_drill else ''}"


def is_life_safety(pack: Pack, policy: AlarmPolicy, asset: Asset | None) -> bool:
    """Whether lives hang on it: by the kind of the alarm, or by what the asset guards."""
    if policy.is_life_safety:
        return True
    kind = pack.asset_kinds.get(asset.about.kind) if asset is not None else None
    return kind is not None and kind.is_life_safety


__all__ = ["Openings", "Prepared", "is_life_safety", "scope_of", "site_name"]

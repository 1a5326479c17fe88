"""Recommendations in words and shapes: what the API shows of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from tocsin.dispatching.problem import Need
from tocsin.dispatching.recommendation import Candidate, Repair, Shortfall
from tocsin.dispatching.wording import named, reason_words, repair_words, shortfall_words, told
from tocsin.geography.areas import Atlas
from tocsin.kernel.shared import AgencyId, AreaId
from tocsin.packs.model import Pack
from tocsin.runtime.recommending.bands import Fitted, Note
from tocsin.runtime.recommending.desk import Advised
from tocsin.web.shapes import like
from tocsin.web.telling import SHORT_ID
from tocsin.web.views import View

ADVICE_EXAMPLE: Final[dict[str, Any]] = {
    "id": "5f0c6a5be1f24c0e5f0c6a5be1f24c0e5f0c6a5be1f24c0e5f0c6a5be1f24c0e",
    "at": "2026-11-22T01:32:00+00:00",
    "policy": "closest",
    "parameters": {},
    "method": "assignment",
    "case_id": "01hx",
    "level": 1,
    "needs": [{"capability": "engine", "name": "Pumping and attack", "count": 2, "met": 0}],
    "recommended": ["01hu"],
    "ranked": [
        {
            "rank": 1,
            "unit": "01hu",
            "name": "E36",
            "agency": "fire-rescue@county",
            "kind": "engine",
            "status": "available",
            "standing": "sound",
            "time_s": 190.0,
            "p90_s": 304.0,
            "position_age_s": 5.0,
            "is_recommended": True,
            "is_assisting": False,
            "lost_share": None,
            "reasons": ["3:10, in time", "the fastest"],
            "codes": ["in_time", "fastest"],
        }
    ],
    "candidate_count": 1,
    "shortfalls": [
        {
            "capability": "engine",
            "name": "Pumping and attack",
            "missing": 1,
            "code": "too_few",
            "text": "1 short: all that are free go; nothing at hand mends it",
            "repairs": [
                {
                    "code": "none",
                    "text": "nothing at hand mends it",
                    "delay_s": None,
                    "unit": None,
                    "level": None,
                    "wait_s": None,
                    "reasons": [],
                }
            ],
        }
    ],
    "notes": [{"code": "target", "text": "Target 4:00: NFPA 1710, 2020"}],
    "times": {
        "is_fitted": True,
        "edition": "2026-11",
        "source": "log of the fire service",
        "made_on": "2026-11-28",
        "runs": 1754,
    },
}


class NeedView(View):
    """One need of the run card, and how many of it are there or on their way."""

    capability: str
    name: str
    count: int
    met: int


class RankedView(View):
    """One candidate. `time_s` and `p90_s` are null where nobody knows; `position_age_s` where its
    position is not known; `lost_share` where the policy does not look at coverage."""

    rank: int
    unit: str
    name: str
    agency: str
    kind: str
    status: str
    standing: str
    time_s: float | None
    p90_s: float | None
    position_age_s: float | None
    is_recommended: bool
    is_assisting: bool
    lost_share: float | None
    reasons: tuple[str, ...]
    codes: tuple[str, ...]


class RepairView(View):
    """What would mend a shortfall, and after how long. `wait_s` of it pass until the unit is free,
    which is an estimate; `reasons` say from what."""

    code: str
    text: str
    delay_s: float | None
    unit: str | None
    level: int | None
    wait_s: float | None
    reasons: tuple[str, ...]


class ShortfallView(View):
    """What is missing, why, and its repairs, the cheapest first."""

    capability: str
    name: str
    missing: int
    code: str
    text: str
    repairs: tuple[RepairView, ...]


class TimesView(View):
    """What the bands of arrival, the hours and the stays rest on: `is_fitted` to a log of the town
    (`edition`, `source`, `made_on`, of `runs` runs), or assumed; then the others are empty."""

    is_fitted: bool
    edition: str
    source: str
    made_on: str | None
    runs: int


class NoteView(View):
    """What a reader must know of the whole answer."""

    code: str
    text: str


class AdviceView(View):
    """Whom to send to a case, and why. `id` names it in a sending, for ten minutes. It holds for
    its instant: ask anew when a unit or the case changes."""

    model_config = like(ADVICE_EXAMPLE)

    id: str
    at: str
    policy: str
    parameters: dict[str, float]
    method: str
    case_id: str
    level: int
    needs: tuple[NeedView, ...]
    recommended: tuple[str, ...]
    ranked: tuple[RankedView, ...]
    candidate_count: int
    shortfalls: tuple[ShortfallView, ...]
    notes: tuple[NoteView, ...]
    times: TimesView


class Teller:
    """The names of one answer, in one language."""

    def __init__(self, pack: Pack, atlas: Atlas, advised: Advised, language: str) -> None:
        self.pack = pack
        self.language = language
        self.names: dict[str, str] = {
            **{unit: duty.unit.name for unit, duty in advised.duties.items()},
            **{each.case.id: each.case.id[-SHORT_ID:].upper() for each in advised.look.wanted},
            **{
                duty.unit.agency: self._agency(atlas, duty.unit.agency)
                for duty in advised.duties.values()
                if duty.unit.agency is not None
            },
        }
        ring = advised.wanted.ring if advised.wanted is not None else None
        self._sources = {} if ring is None else {ring.code: pack.in_language(ring.source, language)}
        self._atlas = atlas

    def capability(self, code: str) -> str:
        """The pack's name of a capability."""
        found = self.pack.capabilities.get(code)
        return self.pack.in_language(found.name, self.language) if found is not None else code

    def reasons(self, candidate: Candidate) -> list[str]:
        """The reasons of a candidate, in words."""
        return [
            reason_words(named(each, self._with_zones(dict(each.facts))), self.language)
            for each in candidate.reasons
        ]

    def _with_zones(self, facts: Mapping[str, Any]) -> Mapping[str, str]:
        zone = facts.get("zone")
        area = self._atlas.areas.get(zone) if zone is not None else None
        if area is None:
            return self.names
        return {**self.names, area.id: area.name_in(self.language)}

    def _agency(self, atlas: Atlas, agency: AgencyId) -> str:
        """Its name, with the area where there is one in each."""
        code, _, area_id = agency.partition("@")
        known, area = self.pack.agencies.get(code), atlas.areas.get(AreaId(area_id))
        name = self.pack.in_language(known.name, self.language) if known is not None else code
        if area is None or area.tier == "county":
            return name
        return f"{name}, {area.name_in(self.language)}"

    def note(self, note: Note) -> dict[str, str]:
        """The members of `NoteView`."""
        names = {"unit": self.names, "case": self.names, "ring": self._sources}
        facts = {key: names.get(key, {}).get(str(fact), fact) for key, fact in note.facts}
        return {"code": note.code, "text": told("advice_note", note.code, facts, self.language)}

    def shortfall(self, shortfall: Shortfall) -> dict[str, Any]:
        """The members of `ShortfallView`."""
        repairs = tuple(self._called(each) for each in shortfall.repairs)
        words = Shortfall(shortfall.capability, shortfall.missing, shortfall.code, repairs)
        return {
            "capability": shortfall.capability,
            "name": self.capability(shortfall.capability),
            "missing": shortfall.missing,
            "code": shortfall.code,
            "text": shortfall_words(words, self.language),
            "repairs": [
                {
                    "code": each.code,
                    "text": repair_words(said, self.language),
                    "delay_s": each.delay_s,
                    "unit": each.unit,
                    "level": each.level,
                    "wait_s": each.wait_s,
                    "reasons": [
                        reason_words(named(why, self.names), self.language) for why in each.reasons
                    ],
                }
                for each, said in zip(shortfall.repairs, repairs, strict=True)
            ],
        }

    def _called(self, repair: Repair) -> Repair:
        name: Any = self.names.get(repair.unit, repair.unit) if repair.unit else None
        return replace(repair, unit=name)


def times_view(fitted: Fitted) -> dict[str, Any]:
    """The members of `TimesView`."""
    return {
        "is_fitted": fitted.is_fitted,
        "edition": fitted.edition,
        "source": fitted.source,
        "made_on": fitted.made_on.isoformat() if fitted.made_on is not None else None,
        "runs": fitted.runs,
    }


def advice_view(
    advised: Advised, pack: Pack, atlas: Atlas, fitted: Fitted, language: str
) -> dict[str, Any]:
    """The members of `AdviceView`."""
    teller = Teller(pack, atlas, advised, language)
    answer, advice, wanted = advised.recommendation, advised.advice, advised.wanted
    card = wanted.card if wanted is not None else None
    needs: tuple[Need, ...] = card.needs if card is not None else ()
    met = wanted.met if wanted is not None else ()
    duties = advised.duties
    assisting = {each.unit for each in (advice.sent if advice else ()) if each.is_assisting}
    return {
        "id": advised.id,
        "at": answer.at.isoformat(),
        "policy": answer.policy,
        "parameters": dict(answer.parameters),
        "method": answer.method,
        "case_id": advised.case_id,
        "level": card.level if card is not None else 1,
        "needs": [
            {
                "capability": need.capability,
                "name": teller.capability(need.capability),
                "count": need.count,
                "met": have,
            }
            for need, have in zip(needs, met, strict=True)
        ],
        "recommended": [each.unit for each in (advice.sent if advice else ())],
        "ranked": [
            {
                "rank": each.rank,
                "unit": each.unit,
                "name": duties[each.unit].unit.name,
                "agency": duties[each.unit].unit.agency,
                "kind": duties[each.unit].unit.kind,
                "status": duties[each.unit].unit.status,
                "standing": each.standing,
                "time_s": each.time_s,
                "p90_s": each.p90_s,
                "position_age_s": each.position_age_s,
                "is_recommended": each.is_sent,
                "is_assisting": each.unit in assisting,
                "lost_share": dict(each.terms).get("lost"),
                "reasons": teller.reasons(each),
                "codes": [reason.code for reason in each.reasons],
            }
            for each in (advice.ranked if advice else ())
        ],
        "candidate_count": advice.candidate_count if advice else 0,
        "shortfalls": [teller.shortfall(each) for each in (advice.shortfalls if advice else ())],
        "notes": [teller.note(each) for each in advised.notes],
        "times": times_view(fitted),
    }

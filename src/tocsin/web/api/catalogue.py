"""The directory: agencies, areas, the pack with its forms, guesses and explanations."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import Response

from tocsin.geography.geojson import to_geojson
from tocsin.kernel.cases.policy import CasePolicy
from tocsin.kernel.deadlines import due
from tocsin.kernel.shared import Tier
from tocsin.kernel.units.state import UnitStatus
from tocsin.packs.parts import CaseType
from tocsin.packs.parts import Field as FormField
from tocsin.web.api.common import STAFF, STAFF_ONE, WRITES, AccessArg, json, router, shown
from tocsin.web.api.insight import ReasonView, located, reason_view
from tocsin.web.problems import Problem
from tocsin.web.shapes import WORD, Answers, InstantText, PlaceBody, Strict, Text, Word, like
from tocsin.web.views import AreasView, View

routes: APIRouter = router("catalogue")

Names = dict[str, str]
CODE_EXAMPLE = "street-light-out"
TITLE_EXAMPLE = {"en": "Street light out", "zh-CN": "路灯不亮"}


class StatusNameView(View):
    """An agency's own name of a status of its units, and the status that it means."""

    name: str
    means: UnitStatus


class AgencyView(View):
    """A body in charge of one area. `unit_statuses` are its own names beside the common ones."""

    id: str
    code: str
    name: Names
    tier: str
    area: str
    unit_statuses: tuple[StatusNameView, ...]


class AgenciesView(View):
    """Every agency of every area."""

    model_config = like(
        {
            "agencies": [
                {
                    "id": "lighting@county",
                    "code": "lighting",
                    "name": {"en": "Street lighting", "zh-CN": "路灯管理所"},
                    "tier": "county",
                    "area": "county",
                    "unit_statuses": [{"name": "rolling", "means": "en_route"}],
                }
            ]
        }
    )
    agencies: tuple[AgencyView, ...]


class AreaView(View):
    """One area of the place tree."""

    id: str
    tier: Tier
    name: Names
    parent: str | None


class AreaTreeView(View):
    """All areas, each after what it is part of."""

    model_config = like(
        {
            "areas": [{"id": "county", "tier": "county", "name": {"en": "County"}, "parent": None}],
            "bounds": [24.9, 60.1, 24.95, 60.2],
        }
    )
    areas: tuple[AreaView, ...]
    bounds: tuple[float, float, float, float]


class GeoJsonView(View):
    """A FeatureCollection (RFC 7946)."""

    model_config = like({"type": "FeatureCollection", "features": []})

    type: str
    features: tuple[dict[str, Any], ...]


class NumberView(View):
    """A number to call when life is in danger."""

    number: str
    name: Names


class PackView(View):
    """The pack new cases are opened with."""

    model_config = like(
        {
            "name": "county",
            "version": "county-4c2f0a9b1d3e",
            "title": {"en": "County", "zh-CN": "县域"},
            "languages": ["zh-CN", "en"],
            "zone": "Asia/Shanghai",
            "emergency_number": "110",
            "emergency_numbers": [
                {"number": "110", "name": {"en": "Police", "zh-CN": "报警"}},
            ],
            "groups": [{"code": "roads", "name": {"en": "Roads", "zh-CN": "道路"}}],
            "alarm_kinds": {"smoke": {"en": "Smoke", "zh-CN": "烟雾"}},
            "asset_kinds": {"gauge": {"en": "Water gauge", "zh-CN": "水位计"}},
        }
    )
    name: str
    version: str
    title: Names
    languages: tuple[str, ...]
    zone: str
    emergency_number: str
    emergency_numbers: tuple[NumberView, ...]
    groups: tuple[dict[str, Any], ...]
    alarm_kinds: dict[str, Names]
    asset_kinds: dict[str, Names]


class CaseTypeView(View):
    """A case type, for a list."""

    code: str
    title: Names
    description: Names
    group: str
    profile: str
    priority: int
    owner_tier: str
    is_public: bool


TYPE_EXAMPLE: dict[str, Any] = {
    "code": CODE_EXAMPLE,
    "title": TITLE_EXAMPLE,
    "description": {"en": "A lamp is dark.", "zh-CN": "路灯不亮。"},
    "group": "lighting",
    "profile": "routine",
    "priority": 3,
    "owner_tier": "village",
    "is_public": True,
}


class CaseTypesView(View):
    """All case types of the pack."""

    model_config = like({"case_types": [TYPE_EXAMPLE]})

    case_types: tuple[CaseTypeView, ...]


class FieldView(View):
    """One question of a form."""

    code: str
    kind: str
    label: Names
    hint: Names | None
    required: bool
    values: tuple[dict[str, Any], ...]
    sealed: bool
    is_question: bool


class ClockView(View):
    """One promise of the pack."""

    name: str
    kind: str
    amount: int


class CaseTypeFullView(CaseTypeView):
    """A case type with its form, its script for the call, and what it promises."""

    model_config = like(
        {
            **TYPE_EXAMPLE,
            "form": [],
            "script": [],
            "hold_reasons": ["weather"],
            "fast_path": False,
            "sealed": False,
            "photo_required": True,
            "clocks": [{"name": "accept", "kind": "work_hours", "amount": 7200}],
        }
    )
    form: tuple[FieldView, ...]
    script: tuple[Names, ...]
    hold_reasons: tuple[str, ...]
    fast_path: bool
    sealed: bool
    photo_required: bool
    clocks: tuple[ClockView, ...]


class GuessBody(Strict):
    """Words to guess the case type from. They are not kept."""

    model_config = like({"text": "The lamp in front of the school is dark."})

    text: Text


class GuessView(View):
    """A case type with its share of the evidence."""

    case_type: str
    title: Names
    share: float


class GuessesView(View):
    """Up to three case types, the likeliest first."""

    model_config = like(
        {"guesses": [{"case_type": CODE_EXAMPLE, "title": TITLE_EXAMPLE, "share": 0.8}]}
    )
    guesses: tuple[GuessView, ...]


class ExplainBody(Strict):
    """A report that has not happened: where would it go?"""

    model_config = like(
        {
            "case_type": CODE_EXAMPLE,
            "place": {"lon": 24.945, "lat": 60.17, "datum": "wgs84"},
            "at": "2026-11-22T09:30:00+08:00",
            "answers": {},
        }
    )
    case_type: Word
    place: PlaceBody
    at: InstantText | None = None
    answers: Answers = Field(default_factory=dict[str, tuple[str, ...]])


class PromiseView(View):
    """A promise as an instant, were its clock to start now."""

    name: str
    due_at: datetime


class ExplainedView(View):
    """Where it would go, why, and what would be promised."""

    model_config = like(
        {
            "areas": {"county": "county", "town": "t0", "village": "t0v0", "cell": "t0v0-0000"},
            "lead": "lighting@county",
            "assisting": [],
            "rules": [],
            "promises": [{"name": "accept", "due_at": "2026-11-22T03:30:00+00:00"}],
        }
    )
    areas: AreasView
    lead: str | None
    assisting: tuple[str, ...]
    rules: tuple[ReasonView, ...]
    promises: tuple[PromiseView, ...]


@routes.get(
    "/agencies",
    operation_id="agency.list",
    summary="The agencies of all areas.",
    **shown(AgenciesView, *STAFF),
)
async def agencies(access: AccessArg) -> Response:
    pack, atlas = access.services.pack, access.services.atlas
    return json(
        {
            "agencies": [
                {
                    "id": f"{agency.code}@{area.id}",
                    "code": agency.code,
                    "name": agency.name,
                    "tier": area.tier,
                    "area": area.id,
                    "unit_statuses": [
                        {"name": name, "means": status} for name, status in agency.statuses
                    ],
                }
                for agency in pack.agencies.values()
                for area in atlas.tier(agency.tier or "county")
            ]
        }
    )


@routes.get(
    "/areas",
    operation_id="area.tree",
    summary="The place tree.",
    **shown(AreaTreeView, *STAFF),
)
async def areas(access: AccessArg) -> Response:
    atlas = access.services.atlas
    ordered = [*atlas.tier("county"), *atlas.tier("town"), *atlas.tier("village")]
    ordered += atlas.tier("cell")
    found = [
        {"id": each.id, "tier": each.tier, "name": dict(each.name), "parent": each.parent}
        for each in ordered
    ]
    return json({"areas": found, "bounds": atlas.bounds})


@routes.get(
    "/areas.geojson",
    operation_id="area.geojson",
    summary="The outlines of one tier, for a map.",
    **shown(GeoJsonView, *STAFF),
)
async def outlines(access: AccessArg, tier: Annotated[Tier, Query()] = "village") -> Response:
    found = to_geojson(access.services.atlas.tier(tier))
    # The outlines change with a new map only; a browser may keep them for an hour.
    return json(found, headers={"cache-control": "private, max-age=3600"})


@routes.get(
    "/pack",
    operation_id="pack.show",
    summary="The pack new cases are opened with.",
    **shown(PackView, *STAFF),
)
async def pack(access: AccessArg) -> Response:
    found = access.services.pack
    numbers = found.emergency_numbers
    return json(
        {
            "name": found.name,
            "version": found.version,
            "title": found.title,
            "languages": found.languages,
            "zone": found.zone,
            "emergency_number": numbers[0].number if numbers else "",
            "emergency_numbers": [{"number": each.number, "name": each.name} for each in numbers],
            "groups": [{"code": each.code, "name": each.name} for each in found.groups],
            "alarm_kinds": {code: each.name for code, each in found.alarm_kinds.items()},
            "asset_kinds": {code: each.name for code, each in found.asset_kinds.items()},
        }
    )


@routes.get(
    "/case-types",
    operation_id="pack.case_types",
    summary="All case types of the pack.",
    **shown(CaseTypesView, *STAFF),
)
async def case_types(access: AccessArg) -> Response:
    found = access.services.pack.case_types.values()
    return json({"case_types": [_type_view(each) for each in found]})


def _type_view(case_type: CaseType) -> dict[str, Any]:
    return {
        "code": case_type.code,
        "title": case_type.title,
        "description": case_type.description,
        "group": case_type.group,
        "profile": case_type.terms.profile,
        "priority": case_type.terms.priority,
        "owner_tier": case_type.owner_tier,
        "is_public": case_type.public,
    }


@routes.get(
    "/case-types/{code}",
    operation_id="pack.case_type",
    summary="One case type with its form and promises.",
    **shown(CaseTypeFullView, *STAFF_ONE),
)
async def case_type(
    code: Annotated[str, Path(pattern=WORD, examples=[CODE_EXAMPLE])], access: AccessArg
) -> Response:
    found = access.services.pack.case_types.get(code)
    policy = access.services.pack.policy(code)
    if found is None or policy is None:
        raise Problem("case_type_unknown")
    return json(
        {
            **_type_view(found),
            "form": [_field_view(each) for each in found.form],
            "script": found.script,
            "hold_reasons": policy.hold_reasons,
            "fast_path": policy.fast_path,
            "sealed": policy.sealed,
            "photo_required": policy.verification.photo_required,
            "clocks": [
                {
                    "name": clock.name,
                    "kind": clock.allowance.kind,
                    "amount": clock.allowance.amount,
                }
                for clock in policy.clocks
            ],
        }
    )


def _field_view(field: FormField) -> dict[str, Any]:
    return {
        "code": field.code,
        "kind": field.kind,
        "label": field.label,
        "hint": field.hint,
        "required": field.required,
        "values": [{"code": code, "name": name} for code, name in field.values],
        "sealed": field.sealed,
        "is_question": field.variable,
    }


@routes.post(
    "/guess",
    operation_id="pack.guess",
    summary="The case types a text speaks for.",
    **shown(GuessesView, *WRITES),
)
async def guess(body: GuessBody, access: AccessArg) -> Response:
    pack = access.services.pack
    return json(
        {
            "guesses": [
                {"case_type": code, "title": pack.case_types[code].title, "share": share}
                for code, share in pack.guess(body.text, access.language)
            ]
        }
    )


@routes.post(
    "/explain",
    operation_id="pack.explain",
    summary="Where a report would go, why, and what would be promised.",
    **shown(ExplainedView, *WRITES),
)
async def explain(body: ExplainBody, access: AccessArg) -> Response:
    services = access.services
    policy = services.pack.policy(body.case_type)
    if policy is None:
        raise Problem("case_type_unknown")
    found = located(body.place, access)
    at = body.at or services.clock.now()
    choice = services.pack.choose_route(body.case_type, found, at, body.answers)
    return json(
        {
            "areas": found._asdict(),
            "lead": choice.route.lead if choice else None,
            "assisting": choice.route.assisting if choice else (),
            "rules": [reason_view(each) for each in (choice.why if choice else ())],
            "promises": _promises(policy, at),
        }
    )


def _promises(policy: CasePolicy, at: datetime) -> list[dict[str, Any]]:
    return [
        {"name": clock.name, "due_at": due(clock.calendar, at, clock.allowance)}
        for clock in policy.clocks
    ]

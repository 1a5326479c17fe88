"""Whom to send: the recommendation for a case, and what may be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal, get_args

from fastapi import APIRouter, Query
from starlette.responses import Response

from tocsin.dispatching.policies import POLICIES
from tocsin.kernel.shared import AgencyId, AreaId
from tocsin.runtime.recommending.desk import POLICY, Sees
from tocsin.web.advising import AdviceView, advice_view
from tocsin.web.api.common import STAFF_ONE, AccessArg, CaseIdArg, json, router, shown
from tocsin.web.gate import Access
from tocsin.web.permissions import covers
from tocsin.web.shapes import Level

routes: APIRouter = router("advice")

PolicyName = Literal["closest", "coverage"]
assert set(get_args(PolicyName)) == set(POLICIES), "the policies that may be asked for"
DEFAULT: Final[PolicyName] = "closest"
assert DEFAULT == POLICY


def sees(access: Access) -> Sees:
    """What lies within the grants that admit to the operation."""
    held = [grant for grant in access.who.grants if grant.role in access.rule.roles]

    def within(areas: Sequence[AreaId], agencies: Sequence[AgencyId]) -> bool:
        return any(covers(grant, areas, agencies) for grant in held)

    return within


@routes.get(
    "/cases/{case_id}/advice",
    operation_id="case.advice",
    summary="Which units to send, with reasons; nothing is sent by asking.",
    **shown(AdviceView, *STAFF_ONE),
)
async def advice(
    case_id: CaseIdArg,
    access: AccessArg,
    policy: Annotated[PolicyName, Query()] = DEFAULT,
    level: Annotated[Level | None, Query()] = None,
) -> Response:
    row, _ = await access.case(case_id)
    desk = access.services.advice
    advised = await desk.advise(row.case, sees(access), policy, level)
    services = access.services
    return json(advice_view(advised, services.pack, services.atlas, desk.fitted, access.language))

"""Cases: lists, one case, and one route for every command."""

from __future__ import annotations

from typing import Any, cast

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from tocsin.kernel.cases.vocabulary import MergeCase, UnmergeCase
from tocsin.kernel.shared import CaseId, Refused
from tocsin.runtime.ports import Committed
from tocsin.web.api.common import (
    STAFF_ONE,
    WRITES,
    AccessArg,
    CaseIdArg,
    Endpoint,
    KeyArg,
    VersionArg,
    described,
    expected,
    json,
    problem_of,
    router,
    shown,
)
from tocsin.web.api.insight import likeness_of
from tocsin.web.commands import VERBS, Asked, Verb, build, fingerprint
from tocsin.web.gate import Access
from tocsin.web.photos import develop_text
from tocsin.web.problems import Problem
from tocsin.web.views import CaseView, case_view, row_view

routes: APIRouter = router("cases")

VERBS_BY_NAME = {verb.name: verb for verb in VERBS}


@routes.get(
    "/cases/{case_id}",
    operation_id="case.show",
    summary="One case.",
    **shown(CaseView, *STAFF_ONE),
)
async def show(case_id: CaseIdArg, access: AccessArg) -> Response:
    row, _ = await access.case(case_id)
    return json(row_view(row), headers={"etag": f'"{row.version}"'})


async def command(
    access: Access,
    verb: Verb,
    case_id: str,
    body: BaseModel,
    key: str | None,
    version: str | None,
) -> Response:
    """Carry out one command and answer with the case as it is now."""
    row, actor = await access.case(case_id)
    services = access.services
    photos = await develop_text(access.web.darkroom, getattr(body, "photos", ()))
    extra: dict[str, Any] = {}
    if verb.command in (MergeCase, UnmergeCase):
        # Both cases must lie within the scope, not only the one in the path.
        other, _ = await access.case(cast(Any, body).duplicate)
        if verb.command is MergeCase:
            extra = await likeness_of(access, row.case, other.case, actor)
    asked = Asked(services, row.case, actor, photos, extra)
    built = build(verb, body, asked)
    outcome = await services.engine.handle(
        row.case.id,
        built.command,
        by=actor,
        key=f"api:{actor.id}:{key}" if key else None,
        fingerprint=fingerprint(verb.name, case_id, body) if key else "",
        sealed=built.sealed,
        expected_version=expected(version),
        answer={"case_id": case_id},
    )
    if isinstance(outcome, Refused):
        raise problem_of(outcome)
    access.web.metrics.commits.labels(verb.name).inc()
    return await after(access, row.case.id, outcome)


async def after(access: Access, case_id: CaseId, outcome: Committed) -> Response:
    """The case after a command; a repeat is answered with the case as it is by now."""
    case = outcome.cases.get(case_id)
    if case is None:
        row = await access.services.store.case(case_id)
        if row is None:
            raise Problem("case_unknown")
        return json(row_view(row), headers={"etag": f'"{row.version}"'})
    version = outcome.versions[case_id]
    view = case_view(case, version, access.services.clock.now())
    return json(view, headers={"etag": f'"{version}"'})


def _endpoint(verb: Verb) -> Endpoint:
    shape: Any = verb.body

    async def endpoint(
        case_id: CaseIdArg,
        body: Any,
        access: AccessArg,
        key: KeyArg = None,
        version: VersionArg = None,
    ) -> Response:
        return await command(access, verb, case_id, body, key, version)

    return described(endpoint, verb.name, shape, "case_id", CaseIdArg)


for _verb in VERBS:
    routes.add_api_route(
        f"/cases/{{case_id}}/{_verb.path}",
        _endpoint(_verb),
        methods=["POST"],
        operation_id=f"case.{_verb.name}",
        summary=_verb.summary,
        **shown(CaseView, *WRITES, what="The case after it."),
    )

"""What anyone may read: the OpenAPI document, and what each reason means."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from tocsin.web.api.common import AccessArg, json, problems, shown
from tocsin.web.gate import GatedRoute
from tocsin.web.openapi import openapi
from tocsin.web.problems import STATUS, Problem
from tocsin.web.shapes import WORD, like
from tocsin.web.texts import text_of
from tocsin.web.views import View

routes = APIRouter(tags=["open"], route_class=GatedRoute)


class ReasonView(View):
    """One reason for a refusal."""

    model_config = like(
        {
            "reason": "outside",
            "status": 409,
            "texts": {"en": "The place lies outside.", "zh-CN": "该地点不在辖区内。"},
        }
    )
    reason: str
    status: int
    texts: dict[str, str]


@routes.get(
    "/problems/{reason}",
    operation_id="problem.show",
    summary="What a reason means: the `type` of a problem document leads here.",
    **shown(ReasonView, 404, 422, 500),
)
async def reason(
    reason: Annotated[str, Path(pattern=WORD, examples=["outside"])], access: AccessArg
) -> Response:
    if reason not in STATUS:
        raise Problem("unknown_problem")
    texts = {language: text_of(reason, language) for language in access.web.options.languages}
    return json({"reason": reason, "status": STATUS[reason], "texts": texts})


@routes.get(
    "/api/openapi.json",
    operation_id="openapi",
    summary="This document.",
    responses={
        200: {
            "description": "OpenAPI 3.1.",
            "content": {
                "application/json": {
                    "schema": {"type": "object"},
                    "example": {"openapi": "3.1.0"},
                }
            },
        },
        **problems(404, 500),
    },
)
async def document(request: Request, access: AccessArg) -> Response:
    if not access.web.options.documents:
        raise Problem("unknown_path")
    found: dict[str, Any] = openapi(request.app)
    return json(found, headers={"cache-control": "public, max-age=300"})

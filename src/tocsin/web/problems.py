"""Every "no" of the API as a problem document (RFC 9457) with an enumerated reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.responses import Response

from tocsin.kernel.alarms.vocabulary import REASONS as ALARM_REASONS
from tocsin.kernel.assets.vocabulary import REASONS as ASSET_REASONS
from tocsin.kernel.cases.vocabulary import REASONS as CASE_REASONS
from tocsin.kernel.shared import Refused
from tocsin.kernel.units.vocabulary import REASONS as UNIT_REASONS
from tocsin.runtime.alarm_ports import REASONS as DESK_REASONS
from tocsin.runtime.engine import REASONS as ENGINE_REASONS
from tocsin.runtime.positions import REASONS as POSITION_REASONS
from tocsin.runtime.reception import REASONS as RECEPTION_REASONS
from tocsin.runtime.recommending.closing import REASONS as ROAD_REASONS
from tocsin.runtime.rosters import REASONS as ROSTER_REASONS
from tocsin.runtime.site_codes import REASONS as CODE_REASONS
from tocsin.web.texts import REASON_TEXTS, text_of

MEDIA_TYPE: Final = "application/problem+json"

WEB_STATUS: Final[Mapping[str, int]] = {
    "bad_request": 400,
    "bad_cursor": 409,
    "sign_in_needed": 401,
    "wrong_login": 401,
    "passkey_wrong": 401,
    "fresh_sign_in_needed": 403,
    "own_rights": 403,
    "rights_take_two": 403,
    "passkeys_full": 409,
    "passkeys_off": 409,
    "last_way_in": 409,
    "roles_apart": 409,
    "identity_taken": 409,
    "identity_unknown": 403,
    "sign_on_off": 409,
    "sign_on_failed": 409,
    "unknown_passkey": 404,
    "unknown_identity": 404,
    "unknown_proposal": 404,
    "key_scope_missing": 403,
    "role_missing": 403,
    "outside_scope": 403,
    "wrong_origin": 403,
    "csrf_missing": 403,
    "purpose_not_yours": 403,
    "second_person_needed": 409,
    "permit_over": 409,
    "ask_unknown": 404,
    "ask_over": 409,
    "not_the_second": 403,
    "not_needed_here": 409,
    "words_changed": 409,
    "nothing_public": 409,
    "gaps_wrong": 409,
    "hold_unknown": 404,
    "hold_over": 409,
    "hold_waits": 409,
    "link_used": 403,
    "unknown_path": 404,
    "receipt_unknown": 404,
    "unknown_account": 404,
    "unknown_key": 404,
    "unknown_session": 404,
    "unknown_area": 404,
    "unknown_errand": 404,
    "unknown_problem": 404,
    "log_proof_unknown": 404,
    "advice_unknown": 409,
    "drill_unknown": 404,
    "drill_empty": 409,
    "unknown_capability": 404,
    "map_missing": 404,
    "map_building": 404,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "login_taken": 409,
    "password_weak": 409,
    "password_breached": 409,
    "last_administrator": 409,
    "grant_invalid": 409,
    "photo_type": 409,
    "photo_too_large": 409,
    "photo_damaged": 409,
    "too_large": 413,
    "wrong_media_type": 415,
    "bad_range": 416,
    "invalid": 422,
    "parameter_repeated": 422,
    "too_many_requests": 429,
    "internal": 500,
    "unavailable": 503,
    "busy": 503,
    "console_missing": 503,
}
"""The reasons of the web rim itself."""

STATUS: Final[Mapping[str, int]] = {
    **dict.fromkeys((*CASE_REASONS, *UNIT_REASONS, *POSITION_REASONS, *ROSTER_REASONS), 409),
    **dict.fromkeys((*ENGINE_REASONS, *RECEPTION_REASONS, *ROAD_REASONS), 409),
    **dict.fromkeys((*ALARM_REASONS, *ASSET_REASONS, *DESK_REASONS, *CODE_REASONS), 409),
    **WEB_STATUS,
    "case_unknown": 404,
    "not_found": 404,
    "case_type_unknown": 404,
    "not_your_agency": 403,
    "not_your_role": 403,
    "unit_unknown": 404,
    "unknown_post": 404,
    "unknown_road_change": 404,
    "duty_unknown": 404,
    "alarm_unknown": 404,
    "asset_unknown": 404,
    "not_your_alarm": 403,
    "not_your_asset": 403,
    "shelf_not_allowed": 403,
    "not_your_unit": 403,
    "unit_key_unknown": 401,
    "stale_version": 412,
    "policy_missing": 503,
}
"""HTTP status by reason. A well-formed wish that the rules do not grant is a conflict (409):
its form is right, so it is not 422."""

REASONS: Final[tuple[str, ...]] = tuple(sorted(STATUS))


class Problem(Exception):
    """Raised by a handler to answer with a problem document; `errors` names wrong fields."""

    def __init__(
        self,
        reason: str,
        hint: str = "",
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        assert reason in STATUS, f"reason {reason!r} has no status"
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.errors = errors
        self.headers = dict(headers or {})


def refuse(refused: Refused) -> Problem:
    """The problem that tells a refusal of the kernel or the runtime."""
    return Problem(refused.reason, refused.detail)


def document(problem: Problem, language: str, request_id: str) -> dict[str, Any]:
    """The members of the problem document: standard ones first, then ours. Nothing that the
    caller sent is repeated."""
    status = STATUS[problem.reason]
    body: dict[str, Any] = {
        "type": f"/problems/{problem.reason}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": text_of(problem.reason, language),
        "reason": problem.reason,
        "request_id": request_id,
    }
    if problem.hint:
        body["hint"] = problem.hint
    if problem.errors:
        body["errors"] = list(problem.errors)
    return body


def answer(problem: Problem, language: str, request_id: str) -> Response:
    """The problem as a response."""
    headers = {"content-language": language, **problem.headers}
    if problem.reason == "sign_in_needed":
        headers["www-authenticate"] = 'Bearer realm="tocsin"'
    return Response(
        msgspec.json.encode(document(problem, language, request_id)),
        status_code=STATUS[problem.reason],
        media_type=MEDIA_TYPE,
        headers=headers,
    )


SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Problem",
    "description": "Why it was not done (RFC 9457). `reason` is stable; `detail` is translated.",
    "required": ["type", "title", "status", "detail", "reason", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "reason": {"type": "string", "enum": list(REASONS)},
        "request_id": {"type": "string"},
        "hint": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["where", "what"],
                "properties": {"where": {"type": "string"}, "what": {"type": "string"}},
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
    "examples": [
        {
            "type": "/problems/not_from_here",
            "title": "Conflict",
            "status": 409,
            "detail": "The case is not in a state that allows this.",
            "reason": "not_from_here",
            "request_id": "5f0c6a5be1f24c0e",
            "hint": "allowed from received",
        }
    ],
}

__all__ = ["REASONS", "REASON_TEXTS", "SCHEMA", "STATUS", "Problem", "answer", "refuse"]

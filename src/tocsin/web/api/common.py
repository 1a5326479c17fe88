"""What the routes of the API share: a router behind the gate, declared answers, one encoder."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Depends, Header, Path
from pydantic import BaseModel, StringConstraints
from starlette.responses import Response

from tocsin.kernel.shared import ActorId, Refused
from tocsin.web.gate import Access, GatedRoute, access
from tocsin.web.problems import MEDIA_TYPE, Problem, refuse
from tocsin.web.shapes import ID
from tocsin.web.views import encode

AccessArg = Annotated[Access, Depends(access)]
CaseIdArg = Annotated[
    str,
    Path(pattern=ID, max_length=120, description="The id of a case.", examples=["01hx"]),
]
KeyArg = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="The same key with the same content is carried out once and answered twice.",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        examples=["9b2f1c1e-2d1c-4f6e-9d1a-0c7b5d0e6a11"],
    ),
]
VersionArg = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The ETag of the case as it was seen; 412 when it has moved on.",
        pattern=r'^"[0-9]{1,9}"$',
        # Described for all commands at once: a made-up version is not valid data, and no schema
        # can say which one is.
        include_in_schema=False,
    ),
]
Line200 = Annotated[str, StringConstraints(min_length=1, max_length=200)]

_WHY: Final[Mapping[int, str]] = {
    400: "It cannot be read.",
    401: "Nobody is signed in.",
    403: "Not with these roles, or not there.",
    404: "There is no such thing.",
    409: "The rules do not grant it; `reason` says why.",
    412: "It has moved on since it was seen.",
    413: "Too large.",
    415: "Not this kind of content.",
    422: "Some fields are not right.",
    429: "Too many tries.",
    500: "A fault of ours.",
    503: "The store cannot answer now.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declares the problem documents a route may answer with."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {each: {"description": _WHY[each], "content": content} for each in sorted(statuses)}


ALWAYS: Final = (400, 429, 500, 503)
STAFF: Final = (*ALWAYS, 401, 403, 422)
STAFF_ONE: Final = (*STAFF, 404)
WRITES: Final = (*STAFF_ONE, 409, 412, 413, 415)
PUBLIC: Final = (*ALWAYS, 404, 422)
PUBLIC_WRITES: Final = (*PUBLIC, 401, 403, 409, 412, 413, 415)


def router(tag: str) -> APIRouter:
    """A router whose routes all stand behind the gate."""
    return APIRouter(prefix="/api", tags=[tag], route_class=GatedRoute)


def shown(
    model: type[BaseModel], *statuses: int, ok: int = 200, what: str = "As asked."
) -> dict[str, Any]:
    """Keywords of a route: what it answers with, and with which problems."""
    extra = cast(dict[str, Any], model.model_config.get("json_schema_extra") or {})
    answered: dict[str, Any] = {"model": model, "description": what}
    for example in extra.get("examples", ()):
        answered["content"] = {"application/json": {"example": example}}
    return {
        "status_code": ok,
        "response_model": None,
        "responses": {ok: answered, **problems(*statuses)},
    }


Endpoint = Callable[..., Awaitable[Response]]


def described(
    endpoint: Endpoint, name: str, body: type[BaseModel], subject: str, argument: Any
) -> Endpoint:
    """An endpoint of a verb from a table, with its name and the types that its route is made from:
    on what it acts (`subject`, as in the path, and how that is taken), and the form of its body."""
    endpoint.__annotations__ = {
        subject: argument,
        "body": body,
        "access": AccessArg,
        "key": KeyArg,
        "version": VersionArg,
        "return": Response,
    }
    endpoint.__name__ = name
    return endpoint


def json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON of plain values, dataclasses and instants. Shape is checked by tests, not twice."""
    return Response(encode(content), status, headers, "application/json")


def checked(outcome: Any) -> Any:
    """The outcome, or the problem when it is a refusal."""
    if isinstance(outcome, Refused):
        raise problem_of(outcome)
    return outcome


def problem_of(refused: Refused) -> Problem:
    """As `refuse`, with the seconds to wait of a rate limit."""
    if refused.reason == "too_many_requests":
        return Problem("too_many_requests", headers={"retry-after": refused.detail})
    return refuse(refused)


def expected(if_match: str | None) -> int | None:
    """The version of an If-Match header."""
    return int(if_match.strip('"')) if if_match is not None else None


async def staff_names(access: Access, ids: Iterable[ActorId]) -> dict[ActorId, str]:
    """What colleagues are called, by the id of their account."""
    found: dict[ActorId, str] = {}
    for each in sorted(set(ids)):
        account = await access.web.accounts.store.account(each)
        if account is not None:
            found[each] = account.name
    return found

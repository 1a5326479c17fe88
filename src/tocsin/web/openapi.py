"""The OpenAPI document: what FastAPI derives, with our problems and the ways to sign in."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from tocsin.web import problems
from tocsin.web.cookies import SESSION
from tocsin.web.permissions import RULES

DESCRIPTION: Final = """A town's response loop. Every write is a command, every refusal a problem
document (RFC 9457) with an enumerated `reason`.

Commands on a case take `If-Match` with the ETag of the case as it was seen: they are refused with
412 when it has moved on. Writes take an `Idempotency-Key`: the same key with the same content is
carried out once. Browsers also send `X-CSRF-Token` with every write."""

SCHEMES: Final[dict[str, Any]] = {
    "ApiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "An integrator's key, made by an administrator with scopes and grants.",
    },
    "Bearer": {"type": "http", "scheme": "bearer", "description": "The same key as a bearer."},
    "Session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION,
        "description": "A signed-in browser; writes also need X-CSRF-Token.",
    },
}


def openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document; every 4xx and 5xx in it is a problem document."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=DESCRIPTION,
            routes=app.routes,
        )
        parts = schema.setdefault("components", {})
        schemas = parts.setdefault("schemas", {})
        schemas["Problem"] = problems.SCHEMA
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        parts["securitySchemes"] = SCHEMES
        for methods in schema["paths"].values():
            for operation in methods.values():
                _guard(operation)
                for parameter in operation.get("parameters", ()):
                    parameter["schema"] = _given(parameter["schema"])
        app.openapi_schema = schema
    return app.openapi_schema


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    """An optional parameter is left out; it is never the word `null`."""
    choices = schema.get("anyOf", ())
    if len(choices) == 2 and {"type": "null"} in choices:
        found = next(each for each in choices if each != {"type": "null"})
        kept = {name: schema[name] for name in ("title", "description") if name in schema}
        return {**found, **kept}
    return schema


def _guard(operation: dict[str, Any]) -> None:
    """Says who may: from the same table as the checks."""
    rule = RULES[operation["operationId"]]
    if rule.scope == "open":
        return
    ways = ["Session"] if rule.key is None else ["ApiKey", "Bearer", "Session"]
    operation["security"] = [{way: []} for way in ways]
    operation["x-roles"] = sorted(rule.roles)
    if rule.key is not None:
        operation["x-key-scope"] = rule.key

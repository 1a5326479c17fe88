"""The exact shapes of what the API takes: strict types, no unknown members, no NUL."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from tocsin.geography.datums import Datum, to_wgs84
from tocsin.kernel.shared import Place
from tocsin.runtime.reception import ANSWERS_LIMIT, LINE_LIMIT, TEXT_LIMIT
from tocsin.runtime.retention import HOLD_DAYS_MAX

WORD: Final = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
"""Names in packs and reasons: what a person types freely does not fit in."""
ID: Final = r"^[^\x00-\x20\x7f/?#]{1,120}$"
"""Ids travel in paths: no slash, no blank. Area ids may hold any letters."""
CODE: Final = r"^[A-Za-z0-9_.-]{1,64}$"
NO_NUL: Final = r"^[^\x00]+$"
INSTANT: Final = (
    r"^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])$"
)
_INSTANT = re.compile(INSTANT.replace("|2[0-8])", "|2[0-9]|3[01])"))


def like(example: dict[str, Any]) -> ConfigDict:
    """The configuration of a shape with its example, which the OpenAPI document shows."""
    return ConfigDict(json_schema_extra={"examples": [example]})


def like_one_of(example: dict[str, Any], *ways: dict[str, Any]) -> ConfigDict:
    """The same for a shape that takes exactly one of several ways, each given as what its members
    must be then: no type says that, and the document would promise what is refused."""
    either: Any = [{"required": [next(iter(way))], "properties": way} for way in ways]
    return ConfigDict(json_schema_extra={"examples": [example], "oneOf": either})


class Strict(BaseModel):
    """A body: `0` is no boolean, `"1"` no number, and a misspelt member is told."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Filter(BaseModel):
    """A query: unknown names are refused."""

    model_config = ConfigDict(extra="forbid")


@cache
def known_names() -> frozenset[str]:
    """Every name that a body, a query, a path or a header of ours may have."""
    found = {"body", "query", "path", "header", "cookie", "[key]"}
    found |= {"change_id", "policy", "level", "capability", "without", "unit", "post"}
    found |= {"case_id", "unit_id", "alarm_id", "asset_id", "account_id", "key_id", "session_id"}
    found |= {"code", "reason", "tier"}
    found |= {"before", "Idempotency-Key", "If-Match", "Last-Event-ID"}
    waiting: list[type[BaseModel]] = [Strict, Filter]
    while waiting:
        shape = waiting.pop()
        found |= {field.alias or name for name, field in shape.model_fields.items()}
        waiting += shape.__subclasses__()
    return frozenset(found)


def _instant(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ValueError("an instant as in RFC 3339, with its zone, 1900 to 2199")
    return datetime.fromisoformat(value).astimezone(UTC)


def _whole(value: Any) -> Any:
    """To JSON Schema 5.0 is an integer; to Python it is not. `true` is none to both."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


InstantText = Annotated[
    datetime,
    BeforeValidator(_instant),
    PlainSerializer(lambda value: value.isoformat(), return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": INSTANT,
            "examples": ["2026-11-22T09:30:00+08:00"],
            "description": "RFC 3339 with a zone. Days 29 to 31 are taken too where they exist.",
        }
    ),
]
Word = Annotated[
    str,
    StringConstraints(pattern=WORD),
    Field(description="One enumerated word, such as `no_answer`; never free text."),
]
Id = Annotated[str, StringConstraints(pattern=ID, max_length=120)]
Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=TEXT_LIMIT, pattern=NO_NUL),
    Field(description="Free text. It is sealed on arrival and never repeated in an answer."),
]
Line = Annotated[str, StringConstraints(min_length=1, max_length=LINE_LIMIT, pattern=NO_NUL)]
Whole = Annotated[int, BeforeValidator(_whole)]
Offset = Annotated[int, Field(ge=0, le=1_000_000), BeforeValidator(_whole)]
"""A place in a text, in characters."""
Days = Annotated[int, Field(ge=1, le=HOLD_DAYS_MAX), BeforeValidator(_whole)]
"""As long as a hold may last."""
Percent = Annotated[int, Field(ge=1, le=1_000), BeforeValidator(_whole)]
Score = Annotated[int, Field(ge=0, le=100), BeforeValidator(_whole)]
Level = Annotated[int, Field(ge=1, le=9), BeforeValidator(_whole)]
PriorityNumber = Annotated[int, Field(ge=1, le=4), BeforeValidator(_whole)]
Version = Annotated[int, Field(ge=1, le=1_000_000_000), BeforeValidator(_whole)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]


class PlaceBody(Strict):
    """A point on the ground; other datums than WGS84 are converted on arrival."""

    lon: Longitude
    lat: Latitude
    datum: Datum = "wgs84"


def wgs84(place: PlaceBody) -> Place:
    """The place in the datum used inside."""
    return to_wgs84(place.lon, place.lat, place.datum)


PhotoData = Annotated[
    str,
    StringConstraints(min_length=4, max_length=14_000_000, pattern=r"^[A-Za-z0-9+/]+={0,2}$"),
    Field(
        description="A JPEG, PNG or WebP photo in base64. It is re-encoded without EXIF.",
        json_schema_extra={"examples": ["iVBORw0KGgoAAAANSUhEUg=="]},
    ),
]
AnswerCode = Annotated[str, StringConstraints(pattern=CODE)]
AnswerValues = Annotated[
    tuple[Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=NO_NUL)], ...],
    Field(strict=False, max_length=20),
]
Answers = Annotated[
    dict[AnswerCode, AnswerValues],
    Field(
        max_length=ANSWERS_LIMIT,
        description="Form answers by the code of their field; several for a choice of several.",
        json_schema_extra={"additionalProperties": False},
    ),
]
Photos = Annotated[tuple[PhotoData, ...], Field(strict=False, max_length=5)]

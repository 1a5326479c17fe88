"""Every text that the API takes, by the document it publishes, and which of them were filled with
payloads: a new field is either thrown at or has a written reason why not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from tests.browser.payloads import MARK, PAYLOADS
from tests.browser.town import Staff
from tocsin.web.shapes import ID

Schema = Mapping[str, Any]

NAMES_A_THING: Final = ID
"""A string of this form names something that is there: whatever else comes is answered with a
refusal that does not repeat it, and is kept nowhere. Some payloads have this form."""

PASSWORD: Final = "a secret: only a hash of it is kept, and no page or answer repeats it"
ANSWERED: Final = "shown on a page that is looked at with a hostile answer of the node in its place"
REASONS: Final = {
    "AssetCodeBody.code": PASSWORD,
    "DrillBody.area": "the same member has the form of a name of something in its own place",
    "DrillBody.site": "the same member has the form of a name of something in its own place",
    "FirstBody.login": "given once, before anybody could be hostile; the same as AccountBody.login",
    "FirstBody.name": "given once, before anybody could be hostile; the same as AccountBody.name",
    "FirstBody.password": PASSWORD,
    "LinkBody.password": PASSWORD,
    "PasskeyBody.name": f"needs a key of hardware; {ANSWERED}",
    "PasskeyNameBody.name": f"needs a key of hardware; {ANSWERED}",
    "PasswordBody.new": PASSWORD,
    "PasswordBody.old": PASSWORD,
}
"""Texts at which nothing is thrown through the API, and why."""


def resolved(document: Schema, schema: Schema, name: str) -> tuple[Schema, str]:
    """A schema without references, and what its fields are called."""
    while "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = document["components"]["schemas"][name]
    return schema, name


def variants(document: Schema, schema: Schema, name: str) -> Iterator[tuple[Schema, str]]:
    """The schema, or each of those that it may be."""
    schema, name = resolved(document, schema, name)
    several = [each for key in ("anyOf", "oneOf", "allOf") for each in schema.get(key, ())]
    if not several or "properties" in schema:
        yield schema, name
    for each in several:
        yield from variants(document, each, name)


def parts(schema: Schema, name: str) -> Iterator[tuple[str | None, Schema, str]]:
    """What lies within: the member's key (None: any item or member), its schema and name."""
    for key, inner in schema.get("properties", {}).items():
        yield key, inner, f"{name}.{key}"
    several = [schema.get("items"), schema.get("additionalProperties")]
    for inner in (*several, *schema.get("patternProperties", {}).values()):
        if isinstance(inner, dict):
            yield None, inner, f"{name}[]"


def holds_text(schema: Schema) -> bool:
    """Whether it is a string that a payload fits into, by its own form."""
    if schema.get("type") != "string" or "enum" in schema or "const" in schema:
        return False
    if schema.get("format") == "binary" or schema.get("pattern") == NAMES_A_THING:
        return False
    form, most = schema.get("pattern", ""), schema.get("maxLength", 1_000_000)
    return any(len(each) <= most and re.search(form, each) for each in PAYLOADS)


def texts_within(
    document: Schema, schema: Schema, name: str, above: frozenset[str] = frozenset()
) -> Iterator[str]:
    """The names of all texts of a body or a parameter."""
    for each, called in variants(document, schema, name):
        if holds_text(each):
            yield called
        for _, inner, inner_name in parts(each, called):
            called_inside = resolved(document, inner, inner_name)[1]
            if called_inside not in above:  # a form within itself
                yield from texts_within(document, inner, inner_name, above | {called_inside})


def operations(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    """Method, path template and description of each operation."""
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            yield method.upper(), path, described


def bodies(described: Schema) -> Iterator[tuple[Schema, str]]:
    for content in described.get("requestBody", {}).get("content", {}).values():
        yield content["schema"], described["operationId"]


def queries(described: Schema) -> Iterator[tuple[str, Schema, str]]:
    for each in described.get("parameters", ()):
        if each["in"] == "query":
            name = each["name"]
            yield name, each["schema"], f"{described['operationId']}?{name}"


def text_fields(document: Schema) -> set[str]:
    """Every text that a request of the API may carry. Requests of one form share its texts."""
    found: set[str] = set()
    for _, _, described in operations(document):
        for schema, name in bodies(described):
            found.update(texts_within(document, schema, name))
        for _, schema, name in queries(described):
            found.update(texts_within(document, schema, name))
    return found


@dataclass
class Ledger:
    """Listens to what is sent, and notes which texts carried a payload to the node's rules. What
    the form refused (422) came nowhere and counts for nothing."""

    document: Schema
    filled: set[str] = field(default_factory=set[str])

    def heard(self, method: str, url: str, body: Any, status: int) -> None:
        if status == 422 or status >= 500:
            return
        path, asked = urlsplit(url).path, dict(parse_qsl(urlsplit(url).query))
        for known, template, described in operations(self.document):
            form = re.sub(r"\\{[^/]+\\}", "[^/]+", re.escape(template))
            if known != method or not re.fullmatch(form, path):
                continue
            for schema, name in bodies(described):
                self._note(schema, name, body)
            for key, schema, name in queries(described):
                self._note(schema, name, asked.get(key))

    def _note(self, schema: Schema, name: str, value: Any) -> None:
        for each, called in variants(self.document, schema, name):
            if isinstance(value, str) and MARK in value and holds_text(each):
                self.filled.add(called)
            for key, inner, inner_name in parts(each, called):
                for part in _members(value, key):
                    self._note(inner, inner_name, part)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """While this lasts, whatever anybody of the town sends is heard."""
        plain = Staff.ask

        def ask(staff: Staff, method: str, path: str, *args: Any, **more: Any) -> tuple[int, Any]:
            status, said = plain(staff, method, path, *args, **more)
            self.heard(method, path, args[0] if args else more.get("body"), status)
            return status, said

        Staff.ask = ask
        try:
            yield
        finally:
            Staff.ask = plain


def _members(value: Any, key: str | None) -> list[Any]:
    if isinstance(value, list):
        return value if key is None else []  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return [value[key]] if key in value else [] if key is not None else list(value.values())  # pyright: ignore
    return []


def unanswered(fields: set[str], filled: set[str], reasons: Mapping[str, str]) -> list[str]:
    """Texts that are neither filled nor excused, and reasons that excuse nothing."""
    missing = [f"{each}: nothing was thrown at it" for each in fields - filled - set(reasons)]
    stale = [f"{each}: the reason is for no text" for each in set(reasons) - fields]
    stale += [f"{each}: filled, and excused as well" for each in set(reasons) & filled]
    return sorted(missing + stale)

"""What can be reported here: discovery, the list of services, and each service's questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tocsin.intakes.open311.formats import Element, Value, moment
from tocsin.kernel.shared import Instant
from tocsin.packs.model import CaseType, Field, Pack

SPECIFICATION: Final = "http://wiki.open311.org/GeoReport_v2"
EXTENSIONS: Final = "http://wiki.open311.org/GeoReport_v2/Extensions"
MIME_TYPES: Final = ("text/xml", "application/json")


def discovery(base_url: str, changeset: Instant, contact: str, key_service: str) -> Element:
    """The discovery document ("Service Discovery"): the interface of the specification, and the
    same address under its extensions (paging, updates, media, CSV)."""
    at = moment(changeset)
    endpoints = [
        {
            "specification": specification,
            "url": f"{base_url}/open311/v2",
            "changeset": at,
            "type": "production",
            "formats": list(MIME_TYPES),
        }
        for specification in (SPECIFICATION, EXTENSIONS)
    ]
    return {
        "changeset": at,
        "contact": contact,
        "key_service": key_service,
        "endpoints": endpoints,
    }


def services(pack: Pack, language: str) -> Value:
    """Every service residents may ask for, in the order of the pack."""
    groups = {group.code: group.name for group in pack.groups}
    return [
        _service(pack, case_type, groups.get(case_type.group), language)
        for case_type in pack.services.values()
    ]


def kind_of(case_type: CaseType) -> str:
    """realtime, batch or blackbox. A confidential type is always a blackbox: an id that leads to
    nothing public is not handed out."""
    return "blackbox" if case_type.terms.sealed else case_type.service_kind


def _service(
    pack: Pack, case_type: CaseType, group: Mapping[str, str] | None, language: str
) -> Element:
    return {
        "service_code": case_type.service_code,
        "service_name": pack.in_language(case_type.title, language),
        "description": pack.in_language(case_type.description, language),
        "metadata": bool(case_type.form),
        "type": kind_of(case_type),
        "keywords": ", ".join(_keywords(case_type, language)),
        "group": pack.in_language(group, language) if group else case_type.group,
    }


def _keywords(case_type: CaseType, language: str) -> tuple[str, ...]:
    by_language = dict(case_type.keywords)
    base = language.partition("-")[0]
    for code, words in by_language.items():
        if code == language or code.partition("-")[0] == base:
            return words
    return by_language.get("en", ())


def definition(pack: Pack, case_type: CaseType, language: str) -> Element:
    """The questions of one service, in their order."""
    form = sorted(case_type.form, key=lambda each: (each.order, each.code))
    return {
        "service_code": case_type.service_code,
        "attributes": [
            _attribute(pack, each, order, language) for order, each in enumerate(form, start=1)
        ],
    }


def _attribute(pack: Pack, field: Field, order: int, language: str) -> Element:
    attribute: dict[str, Value] = {
        "variable": field.variable,
        "code": field.code,
        "datatype": field.kind,
        "required": field.required and field.variable,
        "datatype_description": pack.in_language(field.hint, language) if field.hint else None,
        "order": order,
        "description": pack.in_language(field.label, language),
    }
    if field.values:
        attribute["values"] = [
            {"key": key, "name": pack.in_language(name, language)} for key, name in field.values
        ]
    return attribute

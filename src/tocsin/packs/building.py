"""From the content of a pack (plain tables) to its frozen parts, with all findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from tocsin.kernel.deadlines import Calendar
from tocsin.kernel.shared import TIERS, Tier
from tocsin.packs.aid import Aid, read_aid
from tocsin.packs.alarms import AlarmKind, AssetKind, read_alarm_kinds, read_asset_kinds
from tocsin.packs.calendars import read_calendar
from tocsin.packs.conditions import read_condition
from tocsin.packs.emergency import Emergency, read_emergency
from tocsin.packs.parts import (
    FIELD_KINDS,
    FREE_TEXT,
    SERVICE_KINDS,
    Agency,
    CaseType,
    Example,
    Field,
    FieldKind,
    Group,
    Rule,
    ServiceKind,
    Terms,
    Words,
)
from tocsin.packs.reading import Finding, Reader, Table, nearest
from tocsin.packs.retention import RetentionTerms, read_retention
from tocsin.packs.rings import Ring, read_rings
from tocsin.packs.sight import SightTerms, read_sight
from tocsin.packs.stays import Stay, read_stays
from tocsin.packs.terms import Ladders, read_ladders, read_terms
from tocsin.packs.unit_statuses import read_statuses
from tocsin.packs.units import (
    Capability,
    UnitKind,
    read_capabilities,
    read_run_cards,
    read_unit_kinds,
)

FORMAT = 1
# A pack is read by people: more than this is a data dump, and slows every start.
MAX_CASE_TYPES = 500
MAX_FIELDS = 40


@dataclass(frozen=True, slots=True)
class Parsed:
    """Everything a pack says. Where it was wrong, a default stands in and a finding says so."""

    name: str
    title: Words
    jurisdiction: str
    languages: tuple[str, ...]
    calendar: str
    calendars: Mapping[str, Calendar]
    groups: tuple[Group, ...]
    agencies: Mapping[str, Agency]
    ladders: Ladders
    profiles: Mapping[str, Terms]
    case_types: Mapping[str, CaseType]
    messages: Mapping[str, Words]
    emergency: Emergency
    capabilities: Mapping[str, Capability]
    unit_kinds: Mapping[str, UnitKind]
    rings: tuple[Ring, ...]
    aid: tuple[Aid, ...]
    stays: tuple[Stay, ...]
    asset_kinds: Mapping[str, AssetKind]
    alarm_kinds: Mapping[str, AlarmKind]
    sight: SightTerms
    retention: RetentionTerms
    findings: tuple[Finding, ...]


def parse(content: Table) -> Parsed:
    """Read the content of a pack. Never raises for what a pack's author may write."""
    findings: list[Finding] = []
    pack = Reader(cast(Table, content["pack"]), "pack.toml", findings)
    name = pack.text("name")
    languages = pack.texts("languages")
    if not languages:
        pack.find("languages", "missing", 'is required (["zh-CN", "en"])')
    title = pack.words("title", languages)
    jurisdiction = pack.text("jurisdiction", "-")
    pack.text("calendar")
    pack.texts("calendars")
    groups = tuple(_group(row, languages) for row in pack.tables("group"))
    agencies = _agencies(pack, languages)
    capabilities = read_capabilities(pack, languages)
    unit_kinds = read_unit_kinds(pack, languages, capabilities)
    rings = read_rings(pack, languages)
    aid = read_aid(pack, languages)
    stays = read_stays(pack, languages)
    asset_kinds = read_asset_kinds(pack, languages)
    alarm_kinds = read_alarm_kinds(pack, languages)
    sight = read_sight(pack)
    retention = read_retention(pack)
    ladders = read_ladders(pack.table("ladders"))
    profiles = _profiles(pack.table("profiles"))
    emergency = read_emergency(
        pack,
        languages,
        cast(Mapping[str, Table], content["calendars"]),
        str(content["calendar"]),
    )
    pack.close()
    calendars = _calendars(cast(Mapping[str, Table], content["calendars"]), findings)
    calendar = str(content["calendar"])
    if calendar not in calendars:
        pack.find("calendar", "dangling", f"there is no calendar {calendar!r}")
    messages = _messages(cast(Mapping[str, Table], content["messages"]), languages, findings)
    order = {group.code: number for number, group in enumerate(groups)}
    case_types = _case_types(content, languages, profiles, order, findings)
    return Parsed(
        name,
        title,
        jurisdiction if jurisdiction != "-" else name,
        languages,
        calendar,
        calendars,
        groups,
        agencies,
        ladders,
        profiles,
        case_types,
        messages,
        emergency,
        capabilities,
        unit_kinds,
        rings,
        aid,
        stays,
        asset_kinds,
        alarm_kinds,
        sight,
        retention,
        tuple(dict.fromkeys(findings)),
    )


def _group(reader: Reader, languages: tuple[str, ...]) -> Group:
    group = Group(reader.text("code"), reader.words("name", languages))
    reader.close()
    return group


def _agencies(pack: Reader, languages: tuple[str, ...]) -> Mapping[str, Agency]:
    found: dict[str, Agency] = {}
    for reader in pack.tables("agency"):
        code = reader.text("code")
        tier: Tier | None = None
        if reader.has("tier"):
            tier = cast(Tier, reader.one_of("tier", TIERS))
        else:
            reader.find("tier", "agency_without_tier", f"{code} needs one of {', '.join(TIERS)}")
        if "@" in code:
            reader.find("code", "bad_value", "must not hold @ (it parts agency and area)")
        if code in found:
            reader.find("code", "duplicate", f"agency {code} is there twice")
        found[code] = Agency(code, reader.words("name", languages), tier, read_statuses(reader))
        reader.close()
    return found


def _profiles(reader: Reader) -> Mapping[str, Terms]:
    found: dict[str, Terms] = {}
    for name in reader.names():
        table = reader.table(name)
        found[name] = read_terms(table, Terms())
        table.close()
    return found


def _calendars(tables: Mapping[str, Table], findings: list[Finding]) -> Mapping[str, Calendar]:
    found: dict[str, Calendar] = {}
    for name, table in tables.items():
        reader = Reader(table, f"calendars/{name}.toml", findings)
        calendar = read_calendar(reader)
        if calendar is not None:
            if calendar.name != name:
                reader.find("name", "bad_value", f"must be that of its file, {name!r}")
            found[name] = calendar
    return found


def _messages(
    files: Mapping[str, Table], languages: tuple[str, ...], findings: list[Finding]
) -> Mapping[str, Words]:
    found: dict[str, Words] = {}
    for name, table in files.items():
        reader = Reader(table, f"messages/{name}", findings)
        for key in reader.names():
            if key in found:
                reader.find(key, "duplicate", "is in another message file, too")
            found[key] = reader.words(key, languages)
    return found


def _case_types(
    content: Table,
    languages: tuple[str, ...],
    profiles: Mapping[str, Terms],
    order: Mapping[str, int],
    findings: list[Finding],
) -> Mapping[str, CaseType]:
    found: dict[str, CaseType] = {}
    tables = cast(Mapping[str, Table], content["types"])
    for name, table in list(tables.items())[:MAX_CASE_TYPES]:
        reader = Reader(table, f"types/{name}", findings)
        case_type = _case_type(reader, languages, profiles)
        if order and case_type.group not in order:
            hint = nearest(case_type.group, order)
            reader.find("group", "dangling", f"there is no group {case_type.group!r}{hint}")
        if case_type.code in found:
            reader.find("code", "duplicate", f"case type {case_type.code} is there twice")
        found[case_type.code] = case_type
    if len(tables) > MAX_CASE_TYPES:
        findings.append(Finding("types", "bad_value", f"more than {MAX_CASE_TYPES} case types"))
    codes = [case_type.service_code for case_type in found.values()]
    for code in {code for code in codes if codes.count(code) > 1}:
        findings.append(Finding("types", "duplicate", f"service code {code} is there twice"))
    ordered = sorted(found.values(), key=lambda case_type: order.get(case_type.group, len(order)))
    return {case_type.code: case_type for case_type in ordered}


def _case_type(
    reader: Reader, languages: tuple[str, ...], profiles: Mapping[str, Terms]
) -> CaseType:
    code = reader.text("code")
    profile = reader.text("profile")
    if profile and profile not in profiles:
        hint = nearest(profile, profiles)
        reader.find("profile", "dangling", f"there is no profile {profile!r}{hint}")
    terms = read_terms(reader, profiles.get(profile, Terms()))
    keywords = reader.table("keywords")
    rules = tuple(
        _rule(row, f"{code}-{number}") for number, row in enumerate(reader.tables("route"), 1)
    )
    form = tuple(
        _field(row, number, languages) for number, row in enumerate(reader.tables("field"), 1)
    )
    if len(form) > MAX_FIELDS:
        reader.find("field", "bad_value", f"more than {MAX_FIELDS} fields")
    for what, names in (("field", [f.code for f in form]), ("rule", [r.name for r in rules])):
        for name in sorted({name for name in names if names.count(name) > 1}):
            reader.find(what, "duplicate", f"{name} is there twice")
    messages = reader.table("messages")
    case_type = CaseType(
        code=code,
        title=reader.words("title", languages),
        description=reader.words("description", languages),
        group=reader.text("group"),
        owner_tier=cast(Tier, reader.one_of("owner_tier", TIERS)),
        terms=terms,
        profile_name=profile,
        rules=rules,
        form=form,
        keywords=tuple((language, keywords.texts(language)) for language in keywords.names()),
        public=reader.flag("public", True),
        service_code=reader.text("service_code", code),
        service_kind=cast(ServiceKind, reader.one_of("service_kind", SERVICE_KINDS, "realtime")),
        script=tuple(_spoken(row, languages) for row in reader.tables("ask")),
        examples=tuple(_example(row, languages) for row in reader.tables("example")),
        messages={key: messages.words(key, languages) for key in messages.names()} or None,
        run_cards=read_run_cards(reader),
    )
    reader.close()
    return case_type


def _rule(reader: Reader, name: str) -> Rule:
    when = read_condition(reader.table("when")) if reader.has("when") else None
    rule = Rule(reader.text("rule", name), when, reader.text("lead"), reader.texts("assisting"))
    if rule.lead in rule.assisting:
        reader.find("assisting", "duplicate", f"{rule.lead} leads already")
    reader.close()
    return rule


def _field(reader: Reader, order: int, languages: tuple[str, ...]) -> Field:
    kind = cast(FieldKind, reader.one_of("kind", FIELD_KINDS))
    is_free = kind in FREE_TEXT
    sealed = reader.flag("sealed", is_free)
    if is_free and not sealed:
        reader.find("sealed", "bad_value", "free text is always sealed")
    values: list[tuple[str, Words]] = []
    table = reader.table("values")
    for key in table.names():
        values.append((key, table.words(key, languages)))
    if kind.endswith("list") and not values:
        reader.find("values", "missing", "a list needs its values")
    if values and not kind.endswith("list"):
        reader.find("values", "bad_value", f"a {kind} has no list of values")
    field = Field(
        code=reader.text("code"),
        kind=kind,
        label=reader.words("label", languages),
        required=reader.flag("required", False),
        values=tuple(values),
        hint=reader.words("hint", languages, needed=False) or None,
        order=reader.whole("order", order, 1, 1_000),
        sealed=sealed or is_free,
        variable=reader.flag("variable", True),
    )
    reader.close()
    return field


def _spoken(reader: Reader, languages: tuple[str, ...]) -> Words:
    """One question of the script: the table itself is a text per language."""
    reader.names()
    for language in languages:
        reader.text(language)
    return {language: reader.text(language, "-") for language in languages}


def _example(reader: Reader, languages: tuple[str, ...]) -> Example:
    areas = reader.table("areas")
    path = tuple(areas.text(tier, tier) for tier in TIERS)
    areas.close()
    answers = reader.table("answers")
    example = Example(
        text=reader.words("text", languages),
        rank=reader.whole("rank", 1, 1, 3),
        lead=reader.text("lead", "") or None,
        at=reader.text("at", "") or None,
        areas=cast(tuple[str, str, str, str], path),
        answers=tuple((key, answers.texts(key)) for key in answers.names()),
    )
    reader.close()
    return example

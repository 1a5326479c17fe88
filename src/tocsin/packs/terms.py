"""Terms: what a profile or a case type promises, read from TOML and frozen as a `CasePolicy`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast, get_args

from tocsin.kernel.cases.policy import (
    Audience,
    CasePolicy,
    ClockName,
    ClockPolicy,
    Priority,
    Profile,
    Rung,
    UrgeLevel,
    Verification,
    VerifyBy,
)
from tocsin.kernel.deadlines import MAX_PERCENT, Calendar
from tocsin.kernel.shared import AgencyId
from tocsin.packs.durations import HINT, allowance, span_s
from tocsin.packs.parts import CLOCK_NAMES, ClockTerms, Terms, UrgeTerms
from tocsin.packs.reading import Reader, nearest
from tocsin.packs.sight import SECOND_FOR, SecondFor

PROFILES: tuple[Profile, ...] = get_args(Profile)
AUDIENCES: tuple[Audience, ...] = get_args(Audience)
VERIFY_BY: tuple[VerifyBy, ...] = get_args(VerifyBy)
ROLES = (
    "call_taker",
    "dispatcher",
    "grid_worker",
    "agency_handler",
    "verifier",
    "supervisor",
    "evaluator",
    "arbiter",
    "administrator",
    "security_administrator",
    "audit_administrator",
)
"""The staff roles a pack may name (issue 2, section 7)."""
MAX_COUNT = 100
MAX_RETENTION_DAYS = 36_600

Ladders = Mapping[str, tuple[Rung, ...]]


def read_ladders(reader: Reader) -> Ladders:
    """`[ladders.name]` tables: percent = list of audiences."""
    found: dict[str, tuple[Rung, ...]] = {}
    for name in reader.names():
        ladder = reader.table(name)
        rungs: list[Rung] = []
        for percent in ladder.names():
            tell = ladder.texts(percent)
            unknown = [audience for audience in tell if audience not in AUDIENCES]
            if unknown:
                hint = nearest(unknown[0], AUDIENCES)
                ladder.find(percent, "dangling", f"{unknown[0]} is no audience{hint}")
            if not percent.isdigit() or not 0 < int(percent) <= MAX_PERCENT:
                ladder.find(percent, "bad_value", f"must be a percentage from 1 to {MAX_PERCENT}")
                continue
            known: tuple[Audience, ...] = tuple(
                audience for audience in AUDIENCES if audience in tell
            )
            rungs.append(Rung(int(percent), known))
        found[name] = tuple(sorted(rungs, key=lambda rung: rung.percent))
    return found


def read_terms(reader: Reader, base: Terms) -> Terms:
    """The terms of a table over those of its base. Does not close the reader."""
    # Every key is optional: what is absent stays as the base has it.
    kind = cast(Profile, reader.one_of("kind", PROFILES, base.profile))
    verification = _verification(reader, base.verification)
    return Terms(
        profile=kind,
        priority=cast(Priority, reader.whole("priority", base.priority, 1, 4)),
        clocks=_clocks(reader.table("clocks"), dict(base.clocks)),
        verification=verification,
        fast_path=reader.flag("fast_path", base.fast_path),
        sealed=reader.flag("sealed", base.sealed),
        hold_reasons=reader.texts("hold_reasons", base.hold_reasons),
        hold_needs_approval=reader.flag("hold_needs_approval", base.hold_needs_approval),
        hold_cap_s=span_s(reader, "hold_cap", base.hold_cap_s),
        ask_cap_s=span_s(reader, "ask_cap", base.ask_cap_s),
        extension_percent=reader.whole("extension_percent", base.extension_percent, 0, 400),
        returns_max=reader.whole("returns_max", base.returns_max, 0, MAX_COUNT),
        reworks_before_alarm=reader.whole(
            "reworks_before_alarm", base.reworks_before_alarm, 1, MAX_COUNT
        ),
        reopen_within_s=span_s(reader, "reopen_within", base.reopen_within_s),
        appeal_within_s=span_s(reader, "appeal_within", base.appeal_within_s),
        urges=_urges(reader) if reader.has("urge") else base.urges,
        arbiter=reader.text("arbiter", "") or base.arbiter,
        retention_days=reader.whole("retention_days", base.retention_days, 1, MAX_RETENTION_DAYS),
        second_person=cast(
            SecondFor, reader.one_of("second_person", SECOND_FOR, base.second_person)
        ),
    )


def _verification(reader: Reader, base: Verification) -> Verification:
    table = reader.table("verification")
    found = Verification(
        by=cast(VerifyBy, table.one_of("by", VERIFY_BY, base.by)),
        four_eyes=table.flag("four_eyes", base.four_eyes),
        photo_required=table.flag("photo", base.photo_required),
    )
    table.close()
    return found


def _clocks(
    reader: Reader, base: dict[ClockName, ClockTerms]
) -> tuple[tuple[ClockName, ClockTerms], ...]:
    clocks = dict(base)
    for key in reader.names():
        if key not in CLOCK_NAMES:
            reader.find(key, "unknown_key", f"is no clock{nearest(key, CLOCK_NAMES)}")
            continue
        name = key
        value = reader.value(key)
        if isinstance(value, str):
            value = {"within": value}
        inner = Reader(cast(dict[str, object], value), f"{reader.where} {key}", reader.findings)
        read = _clock(inner, clocks.get(name)) if isinstance(value, dict) else None
        if read is not None:
            clocks[name] = read
        elif not isinstance(value, dict):
            reader.find(key, "bad_value", HINT)
    return tuple((name, clocks[name]) for name in CLOCK_NAMES if name in clocks)


def _clock(reader: Reader, base: ClockTerms | None) -> ClockTerms | None:
    text = reader.text("within", "" if base else None)
    ladder = reader.text("ladder", base.ladder if base else "standard")
    calendar = reader.text("calendar", "") or (base.calendar if base else None)
    reader.close()
    found = allowance(text) if text else (base.allowance if base else None)
    if found is None:
        if text:
            reader.find("within", "bad_value", f"{text!r} {HINT}")
        return base
    if found.is_in_hours and found.amount == 0:
        reader.find("within", "bad_value", "a promise of no time cannot be kept")
    return ClockTerms(found, ladder, calendar)


def _urges(reader: Reader) -> tuple[UrgeTerms, ...]:
    levels: list[UrgeTerms] = []
    for number, table in enumerate(reader.tables("urge"), 1):
        level = table.whole("level", number, 1, 9)
        roles = table.texts("roles")
        for role in roles:
            if role not in ROLES:
                table.find("roles", "dangling", f"{role} is no role{nearest(role, ROLES)}")
        if not roles:
            table.find("roles", "never_starts", "nobody may urge at this level")
        clock = _clock(table, None)  # also closes the table: level and roles were asked for
        if clock is not None:
            levels.append(UrgeTerms(level, roles, clock))
    if len({urge.level for urge in levels}) < len(levels):
        reader.find("urge", "duplicate", "has a level twice")
    return tuple(sorted(levels, key=lambda urge: urge.level))


def policy_of(
    terms: Terms,
    *,
    case_type: str,
    pack_version: str,
    ladders: Ladders,
    calendars: Mapping[str, Calendar],
    calendar: str,
    arbiter: AgencyId | None,
) -> CasePolicy:
    """The frozen policy of one case type. Names that dangle are left out (`check` reports them)."""

    def frozen(name: ClockName, clock: ClockTerms) -> ClockPolicy | None:
        found = calendars.get(clock.calendar or calendar)
        if found is None:
            return None
        return ClockPolicy(name, clock.allowance, found, ladders.get(clock.ladder, ()))

    clocks = (frozen(name, clock) for name, clock in terms.clocks)
    urges = ((urge, frozen("urge", urge.clock)) for urge in terms.urges)
    return CasePolicy(
        case_type=case_type,
        pack_version=pack_version,
        profile=terms.profile,
        priority=terms.priority,
        clocks=tuple(clock for clock in clocks if clock is not None),
        verification=terms.verification,
        fast_path=terms.fast_path,
        sealed=terms.sealed,
        hold_reasons=terms.hold_reasons,
        hold_needs_approval=terms.hold_needs_approval,
        hold_cap_s=terms.hold_cap_s,
        ask_cap_s=terms.ask_cap_s,
        extension_percent=terms.extension_percent,
        returns_max=terms.returns_max,
        reworks_before_alarm=terms.reworks_before_alarm,
        reopen_within_s=terms.reopen_within_s,
        appeal_within_s=terms.appeal_within_s,
        urges=tuple(
            UrgeLevel(urge.level, urge.roles, clock) for urge, clock in urges if clock is not None
        ),
        arbiter=arbiter,
        retention_days=terms.retention_days,
    )


__all__ = ["AUDIENCES", "ROLES", "Ladders", "policy_of", "read_ladders", "read_terms"]

"""A pack: a city as data, frozen, with the questions the rest of the house asks it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from tocsin.kernel.alarms.policy import AlarmPolicy
from tocsin.kernel.cases.policy import CasePolicy
from tocsin.kernel.cases.vocabulary import Route
from tocsin.kernel.deadlines import Calendar
from tocsin.kernel.shared import TIERS, AgencyId, AreaPath, Instant, Refused
from tocsin.packs.aid import Aid
from tocsin.packs.alarms import UNCLEAR, AlarmKind, AssetKind, unclear
from tocsin.packs.answers import Answers, check_answers
from tocsin.packs.building import FORMAT, Parsed, parse
from tocsin.packs.conditions import Moment
from tocsin.packs.emergency import Emergency, EmergencyNumber
from tocsin.packs.guessing import build_guesser
from tocsin.packs.messages import SLOTS, fill
from tocsin.packs.parts import (
    Agency,
    CaseType,
    Example,
    Field,
    Group,
    Reason,
    RouteChoice,
    Rule,
    Words,
)
from tocsin.packs.reading import Finding, Table
from tocsin.packs.retention import RetentionTerms
from tocsin.packs.rings import Ring
from tocsin.packs.sight import SightTerms
from tocsin.packs.stays import Stay
from tocsin.packs.terms import policy_of
from tocsin.packs.units import Capability, UnitKind

VERSION_CHARS = 12
FALLBACK_LANGUAGE = "en"


def canonical(content: Table) -> bytes:
    """The content of a pack as bytes: the same content always gives the same bytes."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


class Pack:
    """A pack built from its content. Treat it as frozen: nothing changes after construction.

    `version` is the name and a hash of the content and the chosen calendar, so equal versions
    decide alike. `findings` are the defects met while reading; `check.check` adds the rest, and
    `load.load_pack` refuses a pack that has any.
    """

    def __init__(self, content: Table) -> None:
        if content.get("format") != FORMAT:
            raise ValueError(f"pack content of format {content.get('format')!r} is not known")
        parsed = parse(content)
        data = canonical(content)
        self.content = content
        self.name: str = parsed.name
        self.version: str = f"{parsed.name}-{hashlib.sha256(data).hexdigest()[:VERSION_CHARS]}"
        self.title: Words = parsed.title
        self.languages: tuple[str, ...] = parsed.languages
        self.jurisdiction: str = parsed.jurisdiction
        self.groups: tuple[Group, ...] = parsed.groups
        self.agencies: Mapping[str, Agency] = parsed.agencies
        self.case_types: Mapping[str, CaseType] = parsed.case_types
        self.services: Mapping[str, CaseType] = {
            case_type.service_code: case_type
            for case_type in parsed.case_types.values()
            if case_type.public
        }
        self.calendars: Mapping[str, Calendar] = parsed.calendars
        self.calendar_name: str = parsed.calendar
        self.calendar: Calendar | None = parsed.calendars.get(parsed.calendar)
        self.zone: str = str(self.calendar.zone) if self.calendar else "UTC"
        self.capabilities: Mapping[str, Capability] = parsed.capabilities
        self.unit_kinds: Mapping[str, UnitKind] = parsed.unit_kinds
        self.rings: tuple[Ring, ...] = parsed.rings
        self.aid: tuple[Aid, ...] = parsed.aid
        self.stays: tuple[Stay, ...] = parsed.stays
        self.asset_kinds: Mapping[str, AssetKind] = parsed.asset_kinds
        self.alarm_kinds: Mapping[str, AlarmKind] = parsed.alarm_kinds
        self.alarm_policies: Mapping[str, AlarmPolicy] = {
            UNCLEAR: replace(unclear(), pack_version=self.version),
            **{
                code: replace(kind.policy, pack_version=self.version)
                for code, kind in parsed.alarm_kinds.items()
            },
        }
        self._meant = {
            each: code for code, kind in parsed.alarm_kinds.items() for each in kind.codes
        }
        self.sight: SightTerms = parsed.sight
        self.retention: RetentionTerms = parsed.retention
        self.emergency: Emergency = parsed.emergency
        self.emergency_numbers: tuple[EmergencyNumber, ...] = parsed.emergency.numbers_of(
            parsed.calendar
        )
        self.findings: tuple[Finding, ...] = parsed.findings
        self.parsed = parsed
        self._guesser = build_guesser(parsed.case_types.values())
        self._policies: dict[str, dict[str, CasePolicy]] = {
            name: _policies(parsed, self.version, name) for name in parsed.calendars
        }
        self._default: dict[str, CasePolicy] = self._policies.get(parsed.calendar, {})

    def policy(self, case_type: str, calendar_name: str | None = None) -> CasePolicy | None:
        """The frozen policy of a type, on the pack's calendar or another of its calendars."""
        if calendar_name is None:
            return self._default.get(case_type)
        return self._policies.get(calendar_name, {}).get(case_type)

    def alarm_kind(self, source: str, said: str) -> str:
        """The kind of alarm that a code of an intake means: one of its codes, else a kind of that
        name, else the kind of what nobody could read."""
        found = self._meant.get((source, said))
        return found or (said if said in self.alarm_policies else UNCLEAR)

    def panel_cancels(self, source: str, said: str) -> tuple[str, ...]:
        """The kinds of alarms that a panel's user takes back with this code, by name."""
        return tuple(
            code
            for code, kind in sorted(self.alarm_kinds.items())
            if (source, said) in kind.panel_cancel_codes
        )

    def choose_route(
        self,
        case_type: str,
        areas: AreaPath,
        at: Instant,
        answers: Mapping[str, Sequence[str]] | None = None,
    ) -> RouteChoice | None:
        """The first rule of the type that matches, and why each earlier one did not.

        `at` is read on the wall clock of the pack's zone. None for an unknown type, and where no
        rule matches (a checked pack always ends in a rule without a condition).
        """
        found = self.case_types.get(case_type)
        if found is None:
            return None
        rules = found.rules
        if rules and rules[0].when is None:  # most types: nothing to look at
            return RouteChoice(self._route(rules[0], areas), (Reason(rules[0].name),))
        return self.match(found, self.moment(areas, at, answers or {}))

    def match(self, case_type: CaseType, moment: Moment) -> RouteChoice | None:
        """The first rule that matches a moment, and why each earlier one did not."""
        why: list[Reason] = []
        for rule in case_type.rules:
            failed = None if rule.when is None else rule.when.failure(moment)
            why.append(Reason(rule.name, failed))
            if failed is None:
                return RouteChoice(self._route(rule, moment.areas), tuple(why))
        return None

    def moment(self, areas: AreaPath, at: Instant, answers: Mapping[str, Sequence[str]]) -> Moment:
        """What conditions see: the wall clock in the pack's zone, and whether it is a workday."""
        calendar = self.calendar
        if calendar is None:
            return Moment(areas, at.hour * 60 + at.minute, at.weekday(), at.weekday() < 5, answers)
        local = at.astimezone(calendar.zone)
        is_workday = bool(calendar.hours_on(local.date()))
        minute = local.hour * 60 + local.minute
        return Moment(areas, minute, local.weekday(), is_workday, answers)

    def _route(self, rule: Rule, areas: AreaPath) -> Route:
        assisting = tuple(self.agency_id(code, areas) for code in rule.assisting)
        return Route(rule.name, self.agency_id(rule.lead, areas), assisting)

    def agency_id(self, code: str, areas: AreaPath) -> AgencyId:
        """The agency of that code whose area holds the place; `county` for an unknown code."""
        return _agency_id(self.agencies.get(code), code, areas)

    def guess(self, text: str, language: str | None = None) -> tuple[tuple[str, float], ...]:
        """The first three case types a text speaks for, with their share of the evidence.

        All languages are looked at together, so `language` is only a hint, and unused today:
        the scripts keep them apart.
        """
        return self._guesser.guess(text)

    def check_answers(
        self, case_type: str, answers: Mapping[str, Sequence[str]]
    ) -> Answers | Refused:
        """The answers of a form, checked and parted into plain and sealed ones."""
        found = self.case_types.get(case_type)
        if found is None:
            return Refused("policy_missing", "no such case type")
        return check_answers(found.form, answers)

    def text(self, key: str, language: str, *, case_type: str | None = None, **slots: str) -> str:
        """The message `key` in a language of the pack (else English, else its first one).

        `case_type` is the code of the type: its own wording is used if it has one, and its title
        fills the slot of that name. Raises KeyError for an unknown message or slot: our bug.
        """
        unknown = slots.keys() - SLOTS
        if unknown:
            raise KeyError(f"unknown slot {sorted(unknown)[0]!r}")
        found = self.case_types.get(case_type) if case_type is not None else None
        words = (found.messages or {}).get(key) if found else None
        template = self.in_language(words or self.parsed.messages[key], language)
        if found is not None:
            slots["case_type"] = self.in_language(found.title, language)
        elif case_type is not None:
            slots["case_type"] = case_type
        return fill(template, slots)

    def in_language(self, words: Words, language: str) -> str:
        """A text in the language asked for; else its base ("zh" for "zh-CN"), else English."""
        exact = words.get(language)
        if exact is not None:
            return exact
        base = language.partition("-")[0]
        for code in (*self.languages, *words):
            if code.partition("-")[0] == base and code in words:
                return words[code]
        return words.get(FALLBACK_LANGUAGE) or next(iter(words.values()), "")

    def __repr__(self) -> str:
        return f"Pack({self.version!r})"


def _agency_id(agency: Agency | None, code: str, areas: AreaPath) -> AgencyId:
    tier = agency.tier if agency is not None else None
    return AgencyId(f"{code}@{areas[TIERS.index(tier) if tier else 0]}")


def _policies(parsed: Parsed, version: str, calendar: str) -> dict[str, CasePolicy]:
    return {
        code: policy_of(
            case_type.terms,
            case_type=code,
            pack_version=version,
            ladders=parsed.ladders,
            calendars=parsed.calendars,
            calendar=calendar,
            arbiter=_arbiter(case_type.terms.arbiter),
        )
        for code, case_type in parsed.case_types.items()
    }


def _arbiter(code: str | None) -> AgencyId | None:
    """Policies are pinned without a place, so the arbiter is named by its code alone."""
    return AgencyId(code) if code else None


def content_of(data: bytes) -> Table:
    """The content that `canonical` wrote."""
    return cast(Table, json.loads(data))


__all__ = [
    "Agency",
    "Answers",
    "CaseType",
    "Example",
    "Field",
    "Group",
    "Pack",
    "Reason",
    "RouteChoice",
    "Rule",
    "canonical",
    "content_of",
]

"""`tocsin pack explain`: what would happen to a report, and why, in words.

The route taken and why each earlier one did not match, the deadlines as instants, and who is told
at each rung.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from tocsin.geography.areas import Atlas, Outside
from tocsin.kernel.cases.policy import CasePolicy, ClockPolicy, Rung
from tocsin.kernel.deadlines import Allowance, due, milestone
from tocsin.kernel.shared import TIERS, AgencyId, AreaId, AreaPath, Instant, Refused
from tocsin.packs.aid import aid_for
from tocsin.packs.check import local_instant
from tocsin.packs.load import plain
from tocsin.packs.model import CaseType, Pack, RouteChoice
from tocsin.packs.reading import Finding, PackError, Reader, Table, nearest
from tocsin.packs.rings import rings_for
from tocsin.packs.words import word

_HOUR = 3_600
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Supposed:
    """A report as it might come in: which type (None: guess from the text), when, what answers."""

    at: Instant
    case_type: str | None = None
    text: str = ""
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


def explain(
    pack: Pack,
    areas: AreaPath,
    report: Supposed,
    language: str = "en",
    atlas: Atlas | None = None,
) -> str:
    """What the pack would do with a report at that place, as text in zh-CN or en.

    With an atlas the areas have their names. Without a type, the best guess from the words is
    taken; raises PackError when there is none.
    """
    guesses = pack.guess(report.text, language)
    code = report.case_type or (guesses[0][0] if guesses else "")
    case_type = pack.case_types.get(code)
    policy = pack.policy(code)
    if case_type is None or policy is None:
        hint = nearest(code, pack.case_types)
        raise PackError([Finding("type", "dangling", f"there is no case type {code!r}{hint}")])
    teller = _Teller(pack, language, atlas)
    lines = [*teller.head(case_type, policy, areas, report.at)]
    if report.text and guesses:
        shown = ", ".join(f"{guess} {share:.0%}" for guess, share in guesses)
        lines.append(f"{teller.say('guesses')}: {shown}")
    lines += teller.answers(case_type, report.answers)
    choice = pack.choose_route(code, areas, report.at, report.answers)
    lines += teller.route(choice)
    lines += teller.deadlines(policy, report.at)
    lines += teller.targets(case_type)
    lines += teller.aid(case_type, choice)
    lines += teller.checking(policy)
    return "\n".join(lines) + "\n"


def explain_file(
    pack: Pack,
    toml_text: str,
    atlas: Atlas | None = None,
    *,
    now: Instant | None = None,
    language: str = "en",
) -> str:
    """`explain` for a report written as TOML.

    Keys: `type`, `text`, `at` (local date-time; else `now`), `answers`, and the place as `lon` and
    `lat` (degrees, WGS84; needs the atlas) or as `areas` (a table by tier).
    Raises PackError listing what is wrong with the file.
    """
    findings: list[Finding] = []
    try:
        table = cast(Table, plain(tomllib.loads(toml_text)))
    except tomllib.TOMLDecodeError as error:
        raise PackError([Finding("report", "bad_value", str(error))]) from error
    reader = Reader(table, "report", findings)
    code = reader.text("type", "") or None
    text = reader.text("text", "")
    at = now
    if local := reader.text("at", ""):
        try:
            at = local_instant(pack, local)
        except ValueError:
            reader.find("at", "bad_value", "must be a date and time (2026-03-04T22:30:00)")
    elif now is None:
        reader.find("at", "missing", "is required (2026-03-04T22:30:00)")
    given = reader.table("answers")
    answers = {key: _values(given, key) for key in given.names()}
    areas = _place(reader, atlas)
    if code is None and not text:
        reader.find("type", "missing", "`type` or `text` is required")
    reader.close()
    if findings or areas is None or at is None:
        raise PackError(findings)
    return explain(pack, areas, Supposed(at, code, text, answers), language, atlas)


def _values(reader: Reader, key: str) -> tuple[str, ...]:
    value = reader.value(key)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (str(value),)
    return reader.texts(key)


def _place(reader: Reader, atlas: Atlas | None) -> AreaPath | None:
    lon, lat = reader.value("lon"), reader.value("lat")
    if isinstance(lon, int | float) and isinstance(lat, int | float):
        if atlas is None:
            reader.find("lon, lat", "bad_value", "needs a map; give `areas`")
            return None
        try:
            found = atlas.locate(float(lon), float(lat))
        except ValueError as error:
            reader.find("lon, lat", "bad_value", str(error))
            return None
        if isinstance(found, Outside):
            away = f"{found.distance_m:.0f} m from {found.nearest}, the nearest area"
            reader.find("lon, lat", "bad_value", f"lies outside the areas known here, {away}")
            return None
        return found
    areas = reader.table("areas")
    path = AreaPath(*(AreaId(areas.text(tier, tier)) for tier in TIERS))
    areas.close()
    return path


@dataclass(frozen=True, slots=True)
class _Teller:
    """Says things in one language."""

    pack: Pack
    language: str
    atlas: Atlas | None

    def say(self, key: str) -> str:
        return word("explain", key, self.language)

    def head(
        self, case_type: CaseType, policy: CasePolicy, areas: AreaPath, at: Instant
    ) -> Iterator[str]:
        title = self.pack.in_language(case_type.title, self.language)
        yield f"{self.say('type')}: {title} ({case_type.code})"
        yield f"{self.say('pack')}: {self.pack.version}"
        yield f"{self.say('at')}: {self.instant(at)}"
        yield f"{self.say('place')}: {' / '.join(self.area(area) for area in areas)}"
        notes = [
            word("profile", policy.profile, self.language),
            word("priority", str(policy.priority), self.language),
            *([self.say("straight_out")] if policy.fast_path else []),
            *([self.say("confidential")] if policy.sealed else []),
        ]
        yield f"{self.say('profile')}: {', '.join(notes)}"
        tier = word("tier", case_type.owner_tier, self.language)
        yield f"{self.say('owner')}: {tier}, {self.area(areas.at(case_type.owner_tier))}"

    def answers(self, case_type: CaseType, answers: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
        if case_type.form:
            yield ""
            yield self.say("form")
        for question in case_type.form:
            notes = [
                *([self.say("required")] if question.required else []),
                *([self.say("sealed")] if question.sealed else []),
            ]
            label = self.pack.in_language(question.label, self.language)
            mark = f" [{', '.join(notes)}]" if notes else ""
            yield f"  {question.code}: {label}{mark}"
        checked = self.pack.check_answers(case_type.code, answers)
        if isinstance(checked, Refused):
            yield f"  ! {self.say('form_refused')}: {checked.detail}"

    def route(self, choice: RouteChoice | None) -> Iterator[str]:
        yield ""
        yield self.say("route")
        if choice is None:
            yield f"  {word('gap', 'no_route', self.language)}"
            return
        for reason in choice.why:
            if reason.failed is None:
                yield f"  {reason.rule}: {self.say('taken')}"
                continue
            template = word("condition", reason.failed.kind, self.language)
            why = template.replace("{wanted}", reason.failed.wanted)
            yield f"  {reason.rule}: {self.say('tried')}, {why.replace('{met}', reason.failed.met)}"
        yield f"  {self.say('lead')}: {self.agency(choice.route.lead)}"
        assisting = ", ".join(self.agency(agency) for agency in choice.route.assisting)
        yield f"  {self.say('assisting')}: {assisting or self.say('nothing')}"

    def area(self, area: AreaId) -> str:
        if self.atlas is None or area not in self.atlas.areas:
            return area
        return f"{self.atlas.area(area).name_in(self.language)} ({area})"

    def agency(self, agency: AgencyId) -> str:
        found = self.pack.agencies.get(agency.partition("@")[0])
        name = self.pack.in_language(found.name, self.language) if found else "?"
        return f"{name} ({agency})"

    def deadlines(self, policy: CasePolicy, at: Instant) -> Iterator[str]:
        yield ""
        yield self.say("deadlines")
        for clock in policy.clocks:
            yield from self.clock(word("clock", clock.name, self.language), clock, at)
        for urge in policy.urges:
            roles = ", ".join(word("role", role, self.language) for role in urge.roles)
            text = self.say("urging").replace("{level}", str(urge.level))
            yield from self.clock(text.replace("{roles}", roles), urge.clock, at)

    def clock(self, name: str, clock: ClockPolicy, at: Instant) -> Iterator[str]:
        ends = due(clock.calendar, at, clock.allowance)
        length = span_text(clock.allowance, self.language)
        yield f"  {name} ({length}): {self.instant(ends)}"
        for rung in clock.ladder:
            comes = milestone(clock.calendar, at, clock.allowance, rung.percent)
            yield f"    {rung.percent:>3} % {self.instant(comes)} {self.told(rung)}"

    def targets(self, case_type: CaseType) -> Iterator[str]:
        """The rings that the first level of its run card is held to."""
        if not case_type.run_cards:
            return
        needs = [name for name, _ in case_type.run_cards[0].needs]
        held = rings_for(self.pack.rings, needs, case_type.owner_tier)
        yield ""
        yield self.say("targets")
        for ring in held:
            slots = {
                "name": self.pack.in_language(ring.name, self.language),
                "arrives": word("ring_arrives", ring.arrives, self.language),
                "bound": str(ring.bound_s),
                "counts": word("ring_counts", ring.counts, self.language),
                "total": str(ring.from_report_s),
                "share": str(ring.share),
                "source": f"{self.pack.in_language(ring.source, self.language)} ({ring.edition})",
            }
            yield f"  {ring.code}: {self.say('target').format(**slots)}"
        if not held:
            yield f"  {self.say('nothing')}"

    def aid(self, case_type: CaseType, choice: RouteChoice | None) -> Iterator[str]:
        """Whose units are sent unasked, and who may be asked."""
        lead = choice.route.lead.partition("@")[0] if choice is not None else None
        rule = aid_for(self.pack.aid, case_type.owner_tier, lead)
        if not case_type.run_cards or rule is None:
            return
        yield ""
        for key, givers in (("aid_unasked", rule.unasked), ("aid_on_request", rule.on_request)):
            names = ", ".join(self._giver(each) for each in givers) or self.say("nothing")
            yield f"{self.say(key)}: {names}"
        if rule.source:
            yield f"  {self.pack.in_language(rule.source, self.language)}"

    def _giver(self, code: str) -> str:
        agency = self.pack.agencies.get(code)
        if agency is not None:
            return self.pack.in_language(agency.name, self.language)
        return word("giver", code, self.language)

    def told(self, rung: Rung) -> str:
        audiences = (word("audience", audience, self.language) for audience in rung.tell)
        return f"{self.say('tells')} {', '.join(audiences)}"

    def checking(self, policy: CasePolicy) -> Iterator[str]:
        verification = policy.verification
        notes = [
            word("verify_by", verification.by, self.language),
            *([self.say("four_eyes")] if verification.four_eyes else []),
            *([self.say("photo")] if verification.photo_required else []),
        ]
        yield ""
        yield f"{self.say('verification')}: {', '.join(notes)}"
        yield f"{self.say('retention')}: {policy.retention_days}"

    def instant(self, at: Instant) -> str:
        """Local wall time and UTC."""
        zone = self.pack.calendar.zone if self.pack.calendar else None
        local = at.astimezone(zone)
        return f"{local:%Y-%m-%d %H:%M:%S} {self.pack.zone} ({at:%Y-%m-%dT%H:%M:%SZ})"


def span_text(allowance: Allowance, language: str) -> str:
    """The length of a promise in words: "2 work hours"."""
    kind, amount = str(allowance.kind), allowance.amount
    if allowance.is_in_hours:
        if amount % _HOUR:
            kind, amount = kind.replace("hours", "minutes"), amount // _MINUTE
        else:
            amount //= _HOUR
    return word("span", kind, language).replace("{n}", str(amount))

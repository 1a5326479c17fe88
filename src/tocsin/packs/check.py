"""`tocsin pack check`: everything that is wrong with a pack, found before a case meets it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache

from tocsin.kernel.cases.policy import ClockName, ClockPolicy
from tocsin.kernel.cases.react import TEMPLATES
from tocsin.kernel.deadlines import due
from tocsin.kernel.shared import AreaId, AreaPath
from tocsin.kernel.units.react import UNIT_TEMPLATES
from tocsin.packs.aid import aid_defects
from tocsin.packs.alarms import kind_defects
from tocsin.packs.conditions import Answer, leaves
from tocsin.packs.messages import SLOTS, slots_of
from tocsin.packs.model import Pack
from tocsin.packs.parts import CaseType, Example, Terms
from tocsin.packs.reading import Finding, Problem, nearest
from tocsin.packs.rings import ring_defects
from tocsin.packs.shadows import implies
from tocsin.packs.stays import stay_defects
from tocsin.packs.units import card_defects

NEEDED: tuple[ClockName, ...] = (
    "accept",
    "file",
    "dispatch",
    "acknowledge",
    "handle",
    "verify",
    "close",
    "answer",
    "hold",
    "arbitrate",
    "ownership",
    "appeal",
)
"""Clocks every type needs: without one, a case could wait in that stage for ever, unseen."""

RECEIPT = "received"
"""The message of the receipt, beside the templates of the kernel."""

STAGES: tuple[ClockName, ...] = ("accept", "file", "dispatch", "handle", "verify")
"""The stages a case passes one after the other; together they must fit into `close`."""

URGENT: tuple[ClockName, ...] = ("accept", "file", "dispatch", "acknowledge", "handle", "close")
"""Clocks that an emergency runs by night and on holidays, too."""

# An ordinary working Tuesday morning in every calendar this ships with.
REFERENCE = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
TRIED = (
    REFERENCE,
    datetime(2026, 3, 6, 9, 20, tzinfo=UTC),  # a Friday, minutes before or after the offices close
    datetime(2026, 3, 7, 12, 0, tzinfo=UTC),  # a Saturday
    datetime(2026, 2, 14, 8, 0, tzinfo=UTC),  # the eve of nine holidays in China
    datetime(2026, 4, 2, 13, 0, tzinfo=UTC),  # the evening before Easter in Finland
    datetime(2026, 10, 24, 23, 30, tzinfo=UTC),  # the hour that comes twice in Europe
)
"""Starts at which the stages must keep the promise: days and hours mix badly on some of them."""


def check(pack: Pack) -> list[Finding]:
    """All defects of a pack, sorted by place; an empty list means that it can be used."""
    found = list(pack.findings)
    found += _ladders(pack)
    found += _profiles(pack)
    found += _messages(pack)
    for at, problem, text in ring_defects(pack.rings, pack.capabilities, pack.unit_kinds):
        found.append(Finding(f"pack.toml {at}", problem, text))
    for at, problem, text in (
        *aid_defects(pack.aid, pack.agencies),
        *stay_defects(pack.stays, pack.unit_kinds),
    ):
        found.append(Finding(f"pack.toml {at}", problem, text))
    found += _alarms(pack)
    for case_type in pack.case_types.values():
        where = f"case type {case_type.code}"
        for look in (_names, _rules, _terms, _promise, _words, _run_cards, _examples):
            found += (Finding(f"{where} {at}", p, text) for at, p, text in look(pack, case_type))
    return sorted(set(found))


Defect = tuple[str, Problem, str]


def _ladders(pack: Pack) -> Iterator[Finding]:
    for name, rungs in pack.parsed.ladders.items():
        where = f"pack.toml ladders {name}"
        if not any(rung.percent == 100 for rung in rungs):
            yield Finding(where, "ladder", "needs a rung at 100: a miss must be told to someone")
        for rung in rungs:
            if not rung.tell:
                yield Finding(where, "ladder", f"the rung at {rung.percent} tells nobody")


def _profiles(pack: Pack) -> Iterator[Finding]:
    """Names in profiles, also in those that no type uses yet."""
    for name, terms in pack.parsed.profiles.items():
        for at, problem, text in _clock_names(pack, terms):
            yield Finding(f"pack.toml profiles {name} {at}", problem, text)


def _alarms(pack: Pack) -> Iterator[Finding]:
    for at, problem, text in kind_defects(pack.alarm_kinds, tuple(pack.case_types)):
        yield Finding(f"pack.toml {at}", problem, text)


def _messages(pack: Pack) -> Iterator[Finding]:
    for key in (RECEIPT, *TEMPLATES, *UNIT_TEMPLATES):
        if key not in pack.parsed.messages:
            yield Finding(f"messages {key}", "missing", "people would be told nothing")
    wordings = [("messages", pack.parsed.messages)]
    for case_type in pack.case_types.values():
        wordings.append((f"case type {case_type.code} messages", case_type.messages or {}))
        for key in case_type.messages or {}:
            if key not in pack.parsed.messages:
                hint = nearest(key, pack.parsed.messages)
                where = f"case type {case_type.code} messages {key}"
                yield Finding(where, "dangling", f"the pack has no message {key}{hint}")
    for where, messages in wordings:
        for key, words in messages.items():
            for language, template in words.items():
                for slot in slots_of(template):
                    if slot not in SLOTS:
                        text = f"{{{slot}}} in {language} is no slot{nearest(slot, SLOTS)}"
                        yield Finding(f"{where} {key}", "slot_unknown", text)


def _names(pack: Pack, case_type: CaseType) -> Iterator[Defect]:
    """Names that lead nowhere."""
    for rule in case_type.rules:
        for code in (rule.lead, *rule.assisting):
            if code not in pack.agencies:
                hint = nearest(code, pack.agencies)
                yield f"route {rule.name}", "dangling", f"there is no agency {code!r}{hint}"
        fields = {field.code for field in case_type.form}
        for leaf in leaves(rule.when):
            if isinstance(leaf, Answer) and leaf.field not in fields:
                hint = nearest(leaf.field, fields)
                yield f"route {rule.name}", "dangling", f"there is no field {leaf.field!r}{hint}"
    terms = case_type.terms
    if terms.arbiter and terms.arbiter not in pack.agencies:
        hint = nearest(terms.arbiter, pack.agencies)
        yield "arbiter", "dangling", f"there is no agency {terms.arbiter!r}{hint}"
    yield from _clock_names(pack, terms)


def _clock_names(pack: Pack, terms: Terms) -> Iterator[Defect]:
    clocks = [(name, clock) for name, clock in terms.clocks]
    for name, clock in [*clocks, *((f"urge {u.level}", u.clock) for u in terms.urges)]:
        if clock.ladder not in pack.parsed.ladders:
            hint = nearest(clock.ladder, pack.parsed.ladders)
            yield f"clock {name}", "dangling", f"there is no ladder {clock.ladder!r}{hint}"
        if clock.calendar and clock.calendar not in pack.calendars:
            hint = nearest(clock.calendar, pack.calendars)
            yield f"clock {name}", "dangling", f"there is no calendar {clock.calendar!r}{hint}"


def _rules(_pack: Pack, case_type: CaseType) -> Iterator[Defect]:
    """Routes: the last rule has no condition, and every rule can be reached."""
    rules = case_type.rules
    if not rules or rules[-1].when is not None:
        yield "route", "no_catch_all", "the last rule must have no `when`, so that no case is lost"
    for number, later in enumerate(rules):
        for earlier in rules[:number]:
            if implies(later.when, earlier.when):
                text = f"is never reached: {earlier.name} matches whenever it would"
                yield f"route {later.name}", "unreachable", text
                break


def _terms(_pack: Pack, case_type: CaseType) -> Iterator[Defect]:
    """Clocks that are missing, never start or never stop."""
    terms = case_type.terms
    names: set[ClockName] = {name for name, _ in terms.clocks}
    for name in NEEDED:
        if name not in names:
            yield f"clock {name}", "clock_missing", "a case could wait here for ever, unseen"
    yield from _small_machines(terms, names)
    spans = {name: clock.allowance for name, clock in terms.clocks}
    for name, cap, word in (
        ("hold", terms.hold_cap_s, "hold_cap"),
        ("answer", terms.ask_cap_s, "ask_cap"),
    ):
        clock = spans.get(name)
        if clock is not None and _least_s(clock.kind, clock.amount) > cap:
            yield f"clock {name}", "never_stops", f"{word} ends the pause before the clock does"
    if terms.profile == "emergency":
        for name in URGENT:
            if name in spans and spans[name].kind != "urgent_hours":
                text = "an emergency does not wait for office hours: use minutes or hours"
                yield f"clock {name}", "cannot_be_kept", text
    elif terms.fast_path:
        yield "fast_path", "bad_value", "only an emergency may skip the dispatcher's desk"
    if terms.profile == "emergency" and terms.second_person == "all":
        text = "in an emergency nobody waits for a second person: contact or none"
        yield "second_person", "bad_value", text
    if terms.profile == "mediation" and not terms.sealed:
        yield "sealed", "bad_value", "mediation is confidential: sealed must be true"


def _run_cards(pack: Pack, case_type: CaseType) -> Iterator[Defect]:
    yield from card_defects(case_type.run_cards, pack.capabilities, pack.unit_kinds)


def _small_machines(terms: Terms, names: set[ClockName]) -> Iterator[Defect]:
    if terms.arbiter is None:
        text = "nobody is named to decide (`arbiter`), so the clock could never stop"
        yield "clock arbitrate", "never_stops", text
    for name, is_used, setting in (
        ("hold_approval", terms.hold_needs_approval, "hold_needs_approval"),
        ("extension_approval", terms.extension_percent > 0, "extension_percent"),
    ):
        if is_used and name not in names:
            yield f"clock {name}", "clock_missing", "a request could wait here for ever, unseen"
        if not is_used and name in names:
            yield f"clock {name}", "never_starts", f"{setting} switches it off"
    if "urge" in names:
        yield "clock urge", "never_starts", "each level of [[urge]] has a clock of its own"
    if not terms.urges:
        yield "urge", "clock_missing", "a supervisor needs at least one level of urging"


def _least_s(kind: str, amount: int) -> int:
    """The least elapsed seconds a promise can take."""
    return amount if kind.endswith("hours") else max(0, amount - 1) * 86_400


def _promise(pack: Pack, case_type: CaseType) -> Iterator[Defect]:
    """The stages, each in time to the last minute, must still keep the promise to the reporter."""
    policy = pack.policy(case_type.code)
    if policy is None:
        return
    clocks = [clock for name in (*STAGES, "close") if (clock := policy.clock(name)) is not None]
    if len(clocks) <= len(STAGES):
        return  # a missing clock is another finding
    broken = _broken_promise(tuple(clocks))
    if broken is not None:
        start, end, promised = broken
        form = "%Y-%m-%d %H:%MZ"
        text = (
            f"from {start:{form}} the stages last until {end:{form}}; promised: {promised:{form}}"
        )
        yield "clock close", "cannot_be_kept", text


# Profiles are shared: dozens of types have the same clocks.
@lru_cache(maxsize=256)
def _broken_promise(
    clocks: tuple[ClockPolicy, ...],
) -> tuple[datetime, datetime, datetime] | None:
    """Start, end and promise of the first start at which the stages end after the promise."""
    *stages, close = clocks
    for start in TRIED:
        at = start
        for clock in stages:
            at = due(clock.calendar, at, clock.allowance)
        promised = due(close.calendar, start, close.allowance)
        if at > promised:
            return start, at, promised
    return None


def _words(pack: Pack, case_type: CaseType) -> Iterator[Defect]:
    """Words by which residents' reports are recognised, in every language of the pack."""
    keywords = dict(case_type.keywords)
    for language in pack.languages:
        if not keywords.get(language):
            yield "keywords", "language_missing", f"has no keyword in {language}"


def _examples(pack: Pack, case_type: CaseType) -> Iterator[Defect]:
    if not case_type.examples:
        yield "example", "missing", "a case type needs an example: it is its test"
    for number, example in enumerate(case_type.examples, 1):
        for look in (_guessed, _led):
            text = look(pack, case_type, example)
            if text:
                yield f"example[{number}]", "example", text


Look = Callable[[Pack, CaseType, Example], str]


def _guessed(pack: Pack, case_type: CaseType, example: Example) -> str:
    for language, text in example.text.items():
        codes = [code for code, _ in pack.guess(text, language)]
        if case_type.code not in codes[: example.rank]:
            return f"the {language} text is taken for {', '.join(codes) or 'nothing'}"
    return ""


def _led(pack: Pack, case_type: CaseType, example: Example) -> str:
    if example.lead is None:
        return ""
    if example.lead not in pack.agencies:
        return f"there is no agency {example.lead!r}{nearest(example.lead, pack.agencies)}"
    areas = AreaPath(*(AreaId(area) for area in example.areas))
    try:
        at = local_instant(pack, example.at) if example.at else REFERENCE
    except ValueError:
        return f"{example.at!r} is no local date and time"
    choice = pack.choose_route(case_type.code, areas, at, dict(example.answers))
    wanted = pack.agency_id(example.lead, areas)
    if choice is None or choice.route.lead != wanted:
        found = f"{choice.route.lead} by rule {choice.route.rule}" if choice else "nobody"
        return f"leads to {found}, not to {wanted}"
    return ""


def local_instant(pack: Pack, text: str) -> datetime:
    """A local date and time of the pack's zone (or one with an offset) as a UTC instant.

    Raises ValueError when it is neither.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        zone = pack.calendar.zone if pack.calendar else UTC
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(UTC)

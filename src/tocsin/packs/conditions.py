"""Conditions of routes: matchers only, no templates and no expressions.

In TOML, keys of one table must all hold:

- `area = ["a", "b"]`: the place lies in one of these areas, on any tier (`in_area`);
- `tier = "town", one_of = ["a"]` or `equals = "a"`: its area on that tier is one of these;
- `hours = "22:00-06:00"` or a list: local wall time, half open, may run over midnight;
- `weekday = ["sat", "sun"]`; `workday = true`: by the working calendar of the pack;
- `answer = "size", equals | one_of | range = [low, high]`: an answer of the form;
- `all = […]`, `any = […]`, `not = {…}`: of such tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from tocsin.kernel.shared import TIERS, AreaPath
from tocsin.packs.reading import Reader

Kind = Literal["area", "tier", "hours", "weekday", "workday", "answer", "any", "not"]
KINDS: tuple[Kind, ...] = get_args(Kind)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_PER_DAY = 1_440
# Deeper conditions cannot be explained to a duty officer.
MAX_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Moment:
    """What conditions look at: where, when on the wall, and the answers given."""

    areas: AreaPath
    minute: int
    weekday: int
    is_workday: bool
    answers: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a condition did not hold: its kind, what it wanted, what it met."""

    kind: Kind
    source: Condition
    met: str

    @property
    def wanted(self) -> str:
        """What would have matched; put into words only when somebody asks."""
        return wanted_of(self.source)


@dataclass(frozen=True, slots=True)
class InArea:
    areas: frozenset[str]

    def failure(self, moment: Moment) -> Failure | None:
        if any(area in self.areas for area in moment.areas):
            return None
        return Failure("area", self, " / ".join(moment.areas))


@dataclass(frozen=True, slots=True)
class AtTier:
    tier: int
    areas: frozenset[str]

    def failure(self, moment: Moment) -> Failure | None:
        if moment.areas[self.tier] in self.areas:
            return None
        return Failure("tier", self, moment.areas[self.tier])


@dataclass(frozen=True, slots=True)
class Hours:
    """`spans` are (start, end) in minutes; a span that ends before it starts runs over midnight."""

    spans: tuple[tuple[int, int], ...]

    def failure(self, moment: Moment) -> Failure | None:
        minute = moment.minute
        for start, end in self.spans:
            if start <= minute < end or (end < start and (minute >= start or minute < end)):
                return None
        return Failure("hours", self, clock_text(minute))


@dataclass(frozen=True, slots=True)
class Weekday:
    days: frozenset[int]

    def failure(self, moment: Moment) -> Failure | None:
        if moment.weekday in self.days:
            return None
        return Failure("weekday", self, WEEKDAYS[moment.weekday])


@dataclass(frozen=True, slots=True)
class Workday:
    is_workday: bool

    def failure(self, moment: Moment) -> Failure | None:
        if moment.is_workday is self.is_workday:
            return None
        return Failure("workday", self, _yes(moment.is_workday))


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer is one of `values`, or a number from `low` to `high` (both included)."""

    field: str
    values: frozenset[str] = frozenset()
    low: float | None = None
    high: float | None = None

    def failure(self, moment: Moment) -> Failure | None:
        given = moment.answers.get(self.field, ())
        if any(self._fits(value) for value in given):
            return None
        # What a person answered is not repeated: reasons are stored and shown.
        return Failure("answer", self, "…" if given else "-")

    def _fits(self, value: str) -> bool:
        if self.low is None or self.high is None:
            return value in self.values
        try:
            return self.low <= float(value) <= self.high
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class AllOf:
    parts: tuple[Condition, ...]

    def failure(self, moment: Moment) -> Failure | None:
        for part in self.parts:
            failed = part.failure(moment)
            if failed is not None:
                return failed
        return None


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple[Condition, ...]

    def failure(self, moment: Moment) -> Failure | None:
        met: list[str] = []
        for part in self.parts:
            failed = part.failure(moment)
            if failed is None:
                return None
            met.append(failed.met)
        return Failure("any", self, " | ".join(dict.fromkeys(met)))


@dataclass(frozen=True, slots=True)
class Not:
    part: Condition

    def failure(self, moment: Moment) -> Failure | None:
        if self.part.failure(moment) is not None:
            return None
        return Failure("not", self, clock_text(moment.minute))


Condition = InArea | AtTier | Hours | Weekday | Workday | Answer | AllOf | AnyOf | Not


def leaves(condition: Condition | None) -> Iterator[Condition]:
    """Every matcher inside a condition."""
    match condition:
        case None:
            return
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case _:
            yield condition


def describe(condition: Condition) -> str:
    """A condition on one line, in the words of the TOML."""
    match condition:
        case InArea():
            return f"area {wanted_of(condition)}"
        case Hours():
            return f"hours {wanted_of(condition)}"
        case Weekday():
            return f"weekday {wanted_of(condition)}"
        case AnyOf(parts):
            return " | ".join(describe(part) for part in parts)
        case Not():
            return f"not ({wanted_of(condition)})"
        case _:
            return wanted_of(condition)


def wanted_of(condition: Condition) -> str:
    """What a condition wants, without the name of its kind."""
    match condition:
        case InArea(areas):
            return ", ".join(sorted(areas))
        case AtTier(tier, areas):
            return f"{TIERS[tier]} {', '.join(sorted(areas))}"
        case Hours(spans):
            return ", ".join(f"{clock_text(start)}-{clock_text(end)}" for start, end in spans)
        case Weekday(days):
            return ", ".join(WEEKDAYS[day] for day in sorted(days))
        case Workday(wanted):
            return _yes(wanted)
        case Answer(field, values, low, high):
            return f"{field} = {', '.join(sorted(values)) or f'{low}…{high}'}"
        case AllOf(parts):
            return " & ".join(describe(part) for part in parts)
        case AnyOf(parts):
            return " | ".join(describe(part) for part in parts)
        case Not(part):
            return describe(part)


def clock_text(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _yes(value: bool) -> str:
    return "workday" if value else "no workday"


# -- from TOML -------------------------------------------------------------------------


def read_condition(reader: Reader, depth: int = 1) -> Condition:
    """The condition of a table. Findings are made in the reader; an empty table is one."""
    parts: list[Condition] = []
    if areas := reader.texts("area"):
        parts.append(InArea(frozenset(areas)))
    if reader.has("tier"):
        tier = TIERS.index(cast(Literal["county"], reader.one_of("tier", TIERS)))
        parts.append(AtTier(tier, frozenset(_wanted(reader))))
    if spans := reader.texts("hours"):
        parts.append(Hours(tuple(_span(reader, span) for span in spans)))
    if days := reader.texts("weekday"):
        unknown = [day for day in days if day not in WEEKDAYS]
        if unknown:
            reader.find("weekday", "bad_value", f"{unknown[0]}: must be {', '.join(WEEKDAYS)}")
        parts.append(Weekday(frozenset(WEEKDAYS.index(day) for day in days if day in WEEKDAYS)))
    if reader.has("workday"):
        parts.append(Workday(reader.flag("workday", True)))
    if reader.has("answer"):
        parts.append(_answer(reader))
    parts.extend(_combined(reader, depth))
    reader.close()
    if not parts:
        reader.find("", "bad_value", "a condition needs a matcher (area, tier, hours, …)")
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def _combined(reader: Reader, depth: int) -> Iterator[Condition]:
    for key in ("all", "any"):
        if not reader.has(key):
            continue
        if depth >= MAX_DEPTH:
            reader.find(key, "bad_value", f"conditions nest at most {MAX_DEPTH} deep")
            continue
        inner = tuple(read_condition(part, depth + 1) for part in reader.tables(key))
        if not inner:
            reader.find(key, "bad_value", "is empty")
        yield AllOf(inner) if key == "all" else AnyOf(inner)
    if reader.has("not"):
        if depth >= MAX_DEPTH:
            reader.find("not", "bad_value", f"conditions nest at most {MAX_DEPTH} deep")
        else:
            yield Not(read_condition(reader.table("not"), depth + 1))


def _wanted(reader: Reader) -> tuple[str, ...]:
    values = reader.texts("one_of") + reader.texts("equals")
    if not values:
        reader.find("one_of", "missing", "`equals` or `one_of` is required here")
    return values


def _answer(reader: Reader) -> Condition:
    field = reader.text("answer")
    if not reader.has("range"):
        return Answer(field, frozenset(_wanted(reader)))
    bounds = reader.value("range")
    numbers = cast(list[object], bounds) if isinstance(bounds, list) else []
    if len(numbers) != 2 or not all(
        isinstance(number, int | float) and not isinstance(number, bool) for number in numbers
    ):
        reader.find("range", "bad_value", "must be [lowest, highest]")
        return Answer(field)
    low, high = (float(cast(float, number)) for number in numbers)
    if low > high:
        reader.find("range", "bad_value", "the lowest is above the highest")
    return Answer(field, frozenset(), low, high)


def _span(reader: Reader, text: str) -> tuple[int, int]:
    ends = [_minute(part) for part in text.split("-")]
    if len(ends) == 2 and ends[0] is not None and ends[1] is not None and ends[0] != ends[1]:
        return ends[0], ends[1]
    reader.find("hours", "bad_value", f'{text}: must read like "22:00-06:00"')
    return 0, MINUTES_PER_DAY


def _minute(text: str) -> int | None:
    hour, colon, minute = text.strip().partition(":")
    if not colon or not (hour.isascii() and hour.isdigit() and minute.isdigit()):
        return None
    total = int(hour) * 60 + int(minute)
    return total if int(minute) < 60 and total <= MINUTES_PER_DAY else None

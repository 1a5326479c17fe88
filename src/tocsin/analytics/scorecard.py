"""How good the alarms of a town are: numbers with their targets, each opening its alarms.

A pure function over rows. Where the targets come from:

- 150 alarms an operator and day are acceptable, 300 the most that can be managed; more than 10 in
  10 minutes are a flood, and less than 1 % of the time may be one; the ten most frequent sources
  make at most 5 % of the load; fewer than 5 alarms are stale (active for more than 24 hours) on any
  day; about 80 % are of low, 15 % of medium, 5 % of high priority; chattering and fleeting ones are
  mended, not endured: EEMUA 191, and in the same numbers ISA-18.2 and IEC 62682, as quoted in
  "Alarm Management By the Numbers" (Chemical Engineering, 2015). The texts themselves were not at
  hand; an operator who has them checks `MEASURES` against them.
- Of calls by burglar alarms 94 to 98 % are false in figures published by police forces of the
  United States: the rate to beat.
- Times to acknowledge, verification before dispatch and shelves have no target there. A shelf of
  more than 24 hours is counted, as long as a stale alarm; the target of none is our own.

An announcement is an alarm that asked for somebody, each time that it did. Drills, what is muted,
and the work orders that this card itself opens are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Final, Literal

from tocsin.analytics.alarm_story import AlarmStory, Span
from tocsin.analytics.measures import percentile
from tocsin.kernel.shared import AlarmId, AssetId, Instant

FLOOD_WINDOW: Final = timedelta(minutes=10)  # what EEMUA 191 counts in
FLOOD_MORE_THAN: Final = 10
TOP: Final = 10
STALE: Final = timedelta(hours=24)
DAY: Final = timedelta(days=1)
OWN_KINDS: Final = ("nuisance", "upkeep")
"""Kinds by which this house orders work itself: they are no load that a device makes."""

By = Literal["all", "seat", "agency", "site", "model"]
Unit = Literal["per_day", "share", "count", "seconds"]


@dataclass(frozen=True, slots=True)
class Row:
    """One alarm with what is known of its device. `seat` is the town whose desk it comes to;
    `dispatched_at` when somebody was sent to its case."""

    story: AlarmStory
    seat: str = ""
    agency: str = ""
    site: str = ""
    model: str = ""
    dispatched_at: Instant | None = None

    def of(self, by: By) -> str:
        """The name of its group."""
        return "" if by == "all" else str(getattr(self, by))


@dataclass(frozen=True, slots=True)
class Window:
    """Over which time, and how many operators sit at a seat at once."""

    since: Instant
    until: Instant
    operators: int = 1

    @property
    def days(self) -> float:
        return (self.until - self.since) / DAY

    def holds(self, at: Instant) -> bool:
        return self.since <= at < self.until


@dataclass(frozen=True, slots=True)
class Reading:
    """One number: `alarms` are those it counts, `among` those it counts them out of, in order of
    opening. `is_met` is None where there is no target, or nothing to count."""

    code: str
    value: float | None
    alarms: tuple[AlarmId, ...]
    among: tuple[AlarmId, ...]
    is_met: bool | None


@dataclass(frozen=True, slots=True)
class Measure:
    """`at_most` or `at_least` is the target, `act_above` where something must be done at once."""

    code: str
    unit: Unit
    title: tuple[tuple[str, str], ...]
    formula: tuple[tuple[str, str], ...]
    read: Callable[[Sequence[Row], Window], tuple[float | None, Iterable[Row], Iterable[Row]]]
    at_most: float | None = None
    at_least: float | None = None
    act_above: float | None = None
    is_strict: bool = False
    """Below the target, not at it."""


def told_in(row: Row, window: Window) -> list[Instant]:
    """Its announcements in the window."""
    return [at for at in row.story.told if window.holds(at)]


def _told(rows: Sequence[Row], window: Window) -> list[Row]:
    return [row for row in rows if told_in(row, window)]


def _per_day(rows: Sequence[Row], window: Window):
    told = _told(rows, window)
    count = sum(len(told_in(row, window)) for row in told)
    return count / window.days / window.operators, told, told


def _floods(rows: Sequence[Row], window: Window):
    def slot(at: Instant) -> int:
        return int((at - window.since) / FLOOD_WINDOW)

    told = _told(rows, window)
    counts = Counter(slot(at) for row in told for at in told_in(row, window))
    full = {number for number, count in counts.items() if count > FLOOD_MORE_THAN}
    windows = ceil((window.until - window.since) / FLOOD_WINDOW)
    inside = [row for row in told if any(slot(at) in full for at in told_in(row, window))]
    return len(full) / windows, inside, told


def sources(rows: Sequence[Row], window: Window) -> list[tuple[AssetId, int]]:
    """(asset, announcements), the most frequent first, then by id."""
    counts: Counter[AssetId] = Counter()
    for row in rows:
        counts[row.story.asset] += len(told_in(row, window))
    found = [(asset, count) for asset, count in counts.items() if count]
    return sorted(found, key=lambda each: (-each[1], each[0]))


def _top_ten(rows: Sequence[Row], window: Window):
    told, ranked = _told(rows, window), sources(rows, window)
    whole = sum(count for _, count in ranked)
    top = {asset for asset, _ in ranked[:TOP]}
    share = sum(count for _, count in ranked[:TOP]) / whole if whole else None
    return share, [row for row in told if row.story.asset in top], told


def _count_of(claim: Callable[[AlarmStory], bool]):
    def read(rows: Sequence[Row], window: Window):
        among = [row for row in rows if _touches(row, window)]
        found = [row for row in among if claim(row.story)]
        return float(len(found)), found, among

    return read


def _touches(row: Row, window: Window) -> bool:
    opened, closed = row.story.opened_at, row.story.closed_at
    return (
        opened is not None and opened < window.until and (closed is None or closed > window.since)
    )


def _longer(spans: Iterable[Span], window: Window) -> list[Span]:
    """Spans of more than a day; one that lasts is counted up to the end of the window."""
    return [each for each in spans if (each[1] or window.until) - each[0] > STALE]


def _stale(rows: Sequence[Row], window: Window):
    """On a day it is stale that was active for more than 24 hours at some moment of it."""
    stale = [(row, _longer(row.story.active, window)) for row in rows]
    days = ceil(window.days)
    most, found = 0, dict[AlarmId, Row]()
    for number in range(days):
        start = window.since + number * DAY
        end = min(start + DAY, window.until)
        there = [
            row
            for row, spans in stale
            if any(at + STALE < end and (to or window.until) > start and (to or end) > at + STALE
                   for at, to in spans)
        ]  # fmt: skip
        found.update((row.story.alarm_id, row) for row in there)
        most = max(most, len(there))
    return float(most), found.values(), [row for row in rows if _touches(row, window)]


def _priority(priorities: tuple[int, ...]):
    def read(rows: Sequence[Row], window: Window):
        told = _told(rows, window)
        found = [row for row in told if row.story.priority in priorities]
        return (len(found) / len(told) if told else None), found, told

    return read


def _shelved(rows: Sequence[Row], window: Window):
    among = [
        row
        for row in rows
        if any(at < window.until and (to or window.until) > window.since
               for at, to in row.story.shelved)
    ]  # fmt: skip
    found = [row for row in among if _longer(row.story.shelved, window)]
    return float(len(found)), found, among


def _acknowledged(priority: int):
    def read(rows: Sequence[Row], window: Window):
        among = [
            row
            for row in rows
            if row.story.priority == priority and row.story.told
            and window.holds(row.story.told[0])
        ]  # fmt: skip
        found = [row for row in among if _wait_s(row.story) is not None]
        waits = sorted(wait for row in found if (wait := _wait_s(row.story)) is not None)
        return percentile(waits, 90), found, among

    return read


def _wait_s(story: AlarmStory) -> float | None:
    if story.acknowledged_at is None or not story.told:
        return None
    return max(0.0, (story.acknowledged_at - story.told[0]).total_seconds())


def _sent(rows: Sequence[Row], window: Window) -> list[Row]:
    return [r for r in rows if r.dispatched_at is not None and window.holds(r.dispatched_at)]


def _verified(rows: Sequence[Row], window: Window):
    among = _sent(rows, window)
    found = [
        row
        for row in among
        if row.story.verified_at is not None
        and row.dispatched_at is not None
        and row.story.verified_at <= row.dispatched_at
    ]
    return (len(found) / len(among) if among else None), found, among


def _false(rows: Sequence[Row], window: Window):
    """Out of those whose end is known."""
    among = [r for r in _sent(rows, window) if set(r.story.outcomes) & {"real", "false"}]
    found = [row for row in among if "real" not in row.story.outcomes]
    return (len(found) / len(among) if among else None), found, among


def _words(en: str, zh: str) -> tuple[tuple[str, str], ...]:
    return (("en", en), ("zh-CN", zh))


MEASURES: Final[tuple[Measure, ...]] = (
    Measure(
        "alarms_per_day", "per_day",
        _words("Alarms an operator and day", "每名值班员每日告警数"),
        _words("announcements / days / operators", "播报次数 / 天数 / 值班员数"),
        _per_day, at_most=150, act_above=300,
    ),
    Measure(
        "floods", "share",
        _words("Time in flood", "告警泛滥时段占比"),
        _words("windows of 10 minutes with more than 10 announcements / all of them",
               "10 分钟内播报超过 10 次的时段数 / 全部时段数"),
        _floods, at_most=0.01, is_strict=True,
    ),
    Measure(
        "top_ten", "share",
        _words("Share of the ten most frequent sources", "前十位告警来源占比"),
        _words("announcements of the ten most frequent devices / all",
               "播报最多的 10 台设备的播报次数 / 全部播报次数"),
        _top_ten, at_most=0.05,
    ),
    Measure(
        "chattering", "count",
        _words("Chattering alarms", "抖动告警数"),
        _words("alarms that came and went too often to be told each time", "频繁反复的告警数"),
        _count_of(lambda story: story.has_chattered), at_most=0,
    ),
    Measure(
        "fleeting", "count",
        _words("Fleeting alarms", "瞬时告警数"),
        _words("alarms that were over before anybody could act", "尚未处置即已消失的告警数"),
        _count_of(lambda story: story.is_fleeting), at_most=0,
    ),
    Measure(
        "stale", "count",
        _words("Stale alarms on the worst day", "单日最多滞留告警数"),
        _words("alarms active for more than 24 hours, on the day with the most of them",
               "持续超过 24 小时的告警数（取最多的一天）"),
        _stale, at_most=5, is_strict=True,
    ),
    Measure(
        "priority_high", "share",
        _words("Of high priority", "高优先级占比"),
        _words("announced alarms of priority 1 / all announced",
               "优先级 1 的告警数 / 全部播报告警数"),
        _priority((1,)), at_most=0.05,
    ),
    Measure(
        "priority_medium", "share",
        _words("Of medium priority", "中优先级占比"),
        _words("announced alarms of priority 2 / all announced",
               "优先级 2 的告警数 / 全部播报告警数"),
        _priority((2,)), at_most=0.15,
    ),
    Measure(
        "priority_low", "share",
        _words("Of low priority", "低优先级占比"),
        _words("announced alarms of priority 3 and 4 / all announced",
               "优先级 3、4 的告警数 / 全部播报告警数"),
        _priority((3, 4)), at_least=0.80,
    ),
    Measure(
        "shelved_long", "count",
        _words("Shelved for more than 24 hours", "搁置超过 24 小时的告警数"),
        _words("alarms that lay on a shelf for more than 24 hours at once",
               "单次搁置超过 24 小时的告警数"),
        _shelved, at_most=0,
    ),
    *(
        Measure(
            f"acknowledge_p{priority}", "seconds",
            _words(f"Acknowledged, priority {priority}, 90th percentile",
                   f"优先级 {priority} 的确认用时（第 90 百分位）"),
            _words("seconds from the first announcement until somebody had seen it",
                   "自首次播报至有人确认的秒数"),
            _acknowledged(priority),
        )
        for priority in (1, 2, 3, 4)
    ),
    Measure(
        "verified_first", "share",
        _words("Verified before dispatch", "派遣前已核实占比"),
        _words("alarms with more than a bare signal before somebody was sent / alarms to which"
               " somebody was sent", "派遣前除信号外另有佐证的告警数 / 已派遣的告警数"),
        _verified,
    ),
    Measure(
        "false_dispatch", "share",
        _words("False dispatches", "误派遣率"),
        _words("alarms that were none / alarms to which somebody was sent and whose end is known",
               "误报的告警数 / 已派遣且结果已知的告警数"),
        _false, at_most=0.94, is_strict=True,
    ),
)  # fmt: skip


def counted(rows: Iterable[Row]) -> list[Row]:
    """Rows that count at all, in order of opening."""
    found = [row for row in rows if not row.story.is_drill and row.story.kind not in OWN_KINDS]
    return sorted(found, key=lambda row: (str(row.story.opened_at or ""), row.story.alarm_id))


def read(measure: Measure, rows: Iterable[Row], window: Window) -> Reading:
    """One measure over these rows."""
    kept = counted(rows)
    value, found, among = measure.read(kept, window)
    named, whole = ({row.story.alarm_id for row in part} for part in (found, among))
    ids = [row.story.alarm_id for row in kept]
    return Reading(
        measure.code,
        value,
        tuple(each for each in ids if each in named),
        tuple(each for each in ids if each in whole),
        _is_met(measure, value),
    )


def _is_met(measure: Measure, value: float | None) -> bool | None:
    if value is None:
        return None
    if measure.at_least is not None:
        return value >= measure.at_least
    if measure.at_most is None:
        return None
    return value < measure.at_most if measure.is_strict else value <= measure.at_most


def scorecard(
    rows: Iterable[Row], window: Window, by: By = "all"
) -> Mapping[str, tuple[Reading, ...]]:
    """Every measure for every group, by the group's name; with `all` one group without a name,
    there even when there is no alarm."""
    groups: dict[str, list[Row]] = {"": []} if by == "all" else {}
    for row in rows:
        groups.setdefault(row.of(by), []).append(row)
    return {
        name: tuple(read(measure, groups[name], window) for measure in MEASURES)
        for name in sorted(groups)
    }


__all__ = ["MEASURES", "By", "Measure", "Reading", "Row", "Window", "read", "scorecard"]

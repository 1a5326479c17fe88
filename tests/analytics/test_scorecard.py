"""The scorecard against a second, slow and plain reading of the same alarms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.analytics.alarm_story import AlarmStory
from tocsin.analytics.scorecard import MEASURES, Row, Window, read, scorecard
from tocsin.analytics.worst import worst
from tocsin.kernel.shared import AlarmId, AssetId

START = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CODES = {measure.code: measure for measure in MEASURES}
OUTCOMES: Any = [(), ("real",), ("false",), ("unknown",), ("false", "real")]
minutes = st.integers(-3_000, 4_500)


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    found: list[Row] = []
    for number in range(draw(st.integers(0, 12))):
        opened = draw(minutes)
        told = sorted(draw(st.lists(st.integers(opened, opened + 900), max_size=9)))
        cuts = sorted(draw(st.lists(st.integers(opened, opened + 6_000), max_size=4, unique=True)))
        spans = [(at(a), at(b)) for a, b in list(pairwise(cuts))[::2]]
        last = draw(st.booleans())
        active: list[Any] = list(spans)
        if last and cuts:
            active.append((at(cuts[-1]), None))
        closed = None if last else at(max([opened, *cuts]) + draw(st.integers(0, 9_000)))
        story = AlarmStory(
            AlarmId(f"a{number:02d}"),
            at(opened),
            AssetId(f"d{draw(st.integers(0, 12))}"),
            draw(st.sampled_from(["smoke", "intrusion", "nuisance"])),
            draw(st.integers(1, 4)),
            told=tuple(at(each) for each in told),
            acknowledged_at=draw(st.none() | st.integers(opened, opened + 500).map(at)),
            active=tuple(active),
            shelved=tuple(draw(st.sampled_from([[], spans]))),
            has_chattered=draw(st.booleans()),
            is_fleeting=draw(st.booleans()),
            is_drill=draw(st.sampled_from([False, False, False, True])),
            verified_at=draw(st.none() | minutes.map(at)),
            outcomes=draw(
                st.sampled_from([(), ("real",), ("false",), ("unknown",), ("false", "real")])
            ),
            closed_at=closed,
        )
        sent = draw(st.none() | minutes.map(at))
        town = draw(st.sampled_from(["t0", "t1"]))
        found.append(Row(story, town, "fire", "block", "SD-2", sent))
    return found


def at(minute: int) -> datetime:
    return START + minute * MINUTE


def plain(rows: list[Row], window: Window) -> dict[str, tuple[float | None, set[str]]]:
    """Every number by walking over minutes and instants one by one, with nothing shared."""
    kept = [r for r in rows if not r.story.is_drill and r.story.kind != "nuisance"]
    days = (window.until - window.since).total_seconds() / 86_400
    events = [
        (when, row)
        for row in kept
        for when in row.story.told
        if window.since <= when < window.until
    ]
    answer: dict[str, tuple[float | None, set[str]]] = {}
    names = {row.story.alarm_id for _, row in events}
    answer["alarms_per_day"] = (len(events) / days / window.operators, names)

    full, inside, slots = 0, set[str](), 0
    start = window.since
    while start < window.until:
        there = [row for when, row in events if start <= when < start + 10 * MINUTE]
        slots += 1
        if len(there) > 10:
            full += 1
            inside |= {row.story.alarm_id for row in there}
        start += 10 * MINUTE
    answer["floods"] = (full / slots, inside)

    by_device: dict[str, int] = {}
    for _, row in events:
        by_device[row.story.asset] = by_device.get(row.story.asset, 0) + 1
    order = sorted(by_device, key=lambda each: (-by_device[each], each))[:10]
    share = sum(by_device[each] for each in order) / len(events) if events else None
    answer["top_ten"] = (share, {r.story.alarm_id for _, r in events if r.story.asset in order})

    touching = [
        r
        for r in kept
        if r.story.opened_at is not None
        and r.story.opened_at < window.until
        and (r.story.closed_at is None or r.story.closed_at > window.since)
    ]
    for code, flag in (("chattering", "has_chattered"), ("fleeting", "is_fleeting")):
        found = {r.story.alarm_id for r in touching if getattr(r.story, flag)}
        answer[code] = (float(len(found)), found)

    day_sets: dict[int, set[str]] = {}
    whole = int((window.until - window.since) / MINUTE)
    for row in kept:
        for begun, ended in row.story.active:
            for minute in range(whole):
                now = window.since + minute * MINUTE + MINUTE / 2
                is_there = begun <= now and (ended is None or now < ended)
                if is_there and now - begun > timedelta(hours=24):
                    day_sets.setdefault(minute // 1_440, set()).add(row.story.alarm_id)
    stale = set().union(*day_sets.values()) if day_sets else set[str]()
    answer["stale"] = (float(max(map(len, day_sets.values()), default=0)), stale)

    shares = {"priority_high": {1}, "priority_medium": {2}, "priority_low": {3, 4}}
    for code, wanted in shares.items():
        found = {r.story.alarm_id for _, r in events if r.story.priority in wanted}
        answer[code] = (len(found) / len(names) if names else None, found)

    long = {
        r.story.alarm_id
        for r in kept
        if any(a < window.until and (b or window.until) > window.since for a, b in r.story.shelved)
        and any((b or window.until) - a > timedelta(hours=24) for a, b in r.story.shelved)
    }
    answer["shelved_long"] = (float(len(long)), long)

    for priority in (1, 2, 3, 4):
        waits: list[tuple[float, str]] = []
        for r in kept:
            s = r.story
            if s.priority != priority or s.acknowledged_at is None or not s.told:
                continue
            if window.since <= s.told[0] < window.until:
                wait = (s.acknowledged_at - s.told[0]).total_seconds()
                waits.append((max(wait, 0.0), s.alarm_id))
        waits.sort()
        rank = -(-len(waits) * 90 // 100)
        value = waits[rank - 1][0] if waits else None
        answer[f"acknowledge_p{priority}"] = (value, {name for _, name in waits})

    sent = [r for r in kept if r.dispatched_at and window.since <= r.dispatched_at < window.until]
    first = {
        r.story.alarm_id
        for r in sent
        if r.story.verified_at and r.dispatched_at and not r.story.verified_at > r.dispatched_at
    }
    answer["verified_first"] = (len(first) / len(sent) if sent else None, first)
    known = [r for r in sent if "real" in r.story.outcomes or "false" in r.story.outcomes]
    wrong = {r.story.alarm_id for r in known if "real" not in r.story.outcomes}
    answer["false_dispatch"] = (len(wrong) / len(known) if known else None, wrong)
    return answer


@settings(max_examples=60, deadline=None)
@given(rows(), st.integers(1, 3), st.integers(1, 3))
def test_the_card_is_what_a_plain_reading_says(found: list[Row], days: int, operators: int) -> None:
    window = Window(START, START + timedelta(days=days), operators)
    (readings,) = scorecard(found, window).values()
    wanted = plain(found, window)
    assert [each.code for each in readings] == list(wanted)
    for reading in readings:
        value, names = wanted[reading.code]
        assert set(reading.alarms) == names, reading.code
        assert (reading.value is None) == (value is None), reading.code
        assert value is None or abs((reading.value or 0.0) - value) < 1e-9, reading.code
        assert set(reading.alarms) <= set(reading.among)


@settings(max_examples=30, deadline=None)
@given(rows())
def test_groups_share_the_whole_out_without_rest(found: list[Row]) -> None:
    window = Window(START, START + timedelta(days=2))
    whole = read(CODES["alarms_per_day"], found, window)
    parts = [each[0] for each in scorecard(found, window, "seat").values()]
    assert sum(part.value or 0 for part in parts) == (whole.value or 0)
    assert sorted(a for part in parts for a in part.alarms) == sorted(whole.alarms)


def told(name: str, device: str, count: int, every: timedelta = MINUTE) -> Row:
    times = tuple(START + n * every for n in range(count))
    story = AlarmStory(AlarmId(name), START, AssetId(device), "intrusion", 2, told=times)
    return Row(story)


def test_targets_stand_where_the_guides_draw_them() -> None:
    day = Window(START, START + timedelta(days=1))
    just = [told("a", "d", 150, timedelta(minutes=9))]
    assert read(CODES["alarms_per_day"], just, day).is_met
    assert not read(CODES["alarms_per_day"], [told("a", "d", 151)], day).is_met
    half = MINUTE / 2
    ten, eleven = [told("a", "d", 10, half)], [told("a", "d", 11, half)]
    assert read(CODES["floods"], ten, day).value == 0
    assert read(CODES["floods"], eleven, day).value == 1 / 144
    assert read(CODES["floods"], eleven * 1, Window(START, START + 50 * MINUTE)).is_met is False
    lasting = [
        Row(AlarmStory(AlarmId(f"s{n}"), START - 2 * timedelta(days=1),
                       active=((START - 2 * timedelta(days=1), None),)))
        for n in range(5)
    ]  # fmt: skip
    assert (
        read(CODES["stale"], lasting[:4], day).is_met
        and not read(CODES["stale"], lasting, day).is_met
    )
    assert read(CODES["false_dispatch"], [], day).is_met is None


def test_the_worst_sources_are_the_most_frequent_and_not_the_house() -> None:
    week = Window(START, START + timedelta(days=7))
    found = [told(f"a{n}", f"d{n}", 9 + n) for n in range(4)]
    assert worst(found, week, 10) == [("d3", 12), ("d2", 11), ("d1", 10)]
    assert worst(found, week, 1) == [("d3", 12)]

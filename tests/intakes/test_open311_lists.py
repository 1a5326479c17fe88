"""Lists: filters against a brute-force filter, paging, dates, and the bulk download."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.geography.distance import distance_m
from tocsin.intakes.open311.filters import read_filters, read_moment
from tocsin.intakes.open311.listing import COLUMNS, every_page, find
from tocsin.kernel.cases.vocabulary import RefuseCase
from tocsin.kernel.shared import Place, Refused
from tocsin.runtime.ports import BoardRow, CaseQuery
from tocsin.runtime.reception import IncomingReport, Received
from tocsin.runtime.services import Services

from .node import (
    DISPATCHER,
    NAMES,
    POTHOLE,
    SOUTH,
    START,
    STREET,
    VEHICLE,
    WEST,
    WORDS,
    HandClock,
    Node,
    make_services,
    post,
    publish,
    shown,
    state,
    tell,
)

SERVICES = tuple(make_services().pack.services)[:4]
HOURS = 24 * 120  # so that some requests are older than the default span of 90 days

some_cases = st.lists(
    st.tuples(
        st.sampled_from(SERVICES),
        st.integers(0, HOURS),
        st.floats(0.0, 0.08),
        st.floats(0.0, 0.08),
        st.sampled_from([None, None, 1, 300]),
    ),
    max_size=25,
)
hours = st.integers(-10, HOURS + 10)
some_query = st.fixed_dictionaries(
    {},
    optional={
        "service_code": st.lists(st.sampled_from([*SERVICES, "nothing"]), min_size=1, max_size=3),
        "status": st.sampled_from(["open", "closed", "open,closed", "CLOSED"]),
        "start_date": hours,
        "end_date": hours,
        "updated_after": hours,
        "updated_before": hours,
        "around": st.tuples(st.floats(0.0, 0.08), st.floats(0.0, 0.08), st.floats(1, 9_000)),
        "page": st.integers(1, 4),
        "page_size": st.integers(1, 30),
    },
)
Case = tuple[str, int, float, float, int | None]


async def fill(services: Services, cases: Sequence[Case]) -> datetime:
    """Cases opened and, some of them, refused, at their own hours. Returns the last instant."""
    clock = services.clock
    assert isinstance(clock, HandClock)
    deeds: list[tuple[int, int, Case]] = []
    for number, case in enumerate(cases):
        deeds.append((case[1], number, case))
        if case[4] is not None:
            deeds.append((case[1] + case[4], number, case))
    ids: dict[int, Any] = {}
    for at, number, case in sorted(deeds, key=lambda deed: deed[:2]):
        clock.at = START + timedelta(hours=at)
        if number in ids:
            outcome = await services.engine.handle(ids[number], RefuseCase("no"), by=DISPATCHER)
            assert not isinstance(outcome, Refused)
            continue
        type_code = services.pack.services[case[0]].code
        answers = {"HOWMANYD": ["1"]} if case[0] == VEHICLE else {}
        report = IncomingReport(
            "test",
            type_code,
            f"case {number}",
            place=Place(WEST + case[2], SOUTH + case[3]),
            address=f"Elm Street {number}",
            answers=answers,
            key=str(number),
        )
        received = await services.reception.receive(report, DISPATCHER)
        assert isinstance(received, Received), received
        ids[number] = received.case_id
    clock.at = max(clock.at, START + timedelta(hours=HOURS))
    return clock.at


def as_query(drawn: Mapping[str, Any]) -> dict[str, str]:
    query: dict[str, str] = {}
    for name, value in drawn.items():
        if name == "around":
            query["long"] = str(WEST + value[0])
            query["lat"] = str(SOUTH + value[1])
            query["radius"] = str(value[2])
        elif name.endswith("_date") or name.startswith("updated"):
            query[name] = (START + timedelta(hours=value)).isoformat()
        elif name == "service_code":
            query[name] = ",".join(value)
        else:
            query[name] = str(value)
    return query


def brute(rows: Sequence[BoardRow], services: Services, drawn: Mapping[str, Any], now: datetime):
    """What the README promises, said once more and as plainly as possible."""

    def at(name: str) -> datetime | None:
        return START + timedelta(hours=drawn[name]) if name in drawn else None

    start, end = at("start_date"), at("end_date")
    is_sync = "updated_after" in drawn or "updated_before" in drawn
    if start is None and not (end is None and is_sync):
        start = (end or now) - timedelta(days=90)
    elif end is None and start is not None:
        end = start + timedelta(days=90)
    kept: list[BoardRow] = []
    for row in rows:
        case = row.case
        assert case.opened_at is not None and case.place is not None
        code = services.pack.case_types[case.case_type].service_code
        is_closed = case.status in ("verified", "refused", "void", "merged")
        wanted = drawn.get("status", "open,closed").lower().split(",")
        near = drawn.get("around")
        if "service_code" in drawn and code not in drawn["service_code"]:
            continue
        if ("closed" if is_closed else "open") not in wanted:
            continue
        if (start and case.opened_at < start) or (end and case.opened_at > end):
            continue
        after, before = at("updated_after"), at("updated_before")
        if (after and row.updated_at < after) or (before and row.updated_at > before):
            continue
        if near:
            point = shown(case.place.lon, case.place.lat)
            away = distance_m(point.lon, point.lat, WEST + near[0], SOUTH + near[1])
            if away > near[2]:
                continue
        kept.append(row)
    kept.sort(key=lambda row: (row.case.opened_at, row.case.id), reverse=True)
    size, page = drawn.get("page_size", 1000), drawn.get("page", 1)
    return [row.case.id for row in kept[(page - 1) * size : page * size]], len(kept) > page * size


@settings(max_examples=150, deadline=None)
@given(some_cases, some_query)
def test_filters_agree_with_a_brute_force_filter(cases: list[Case], drawn: dict[str, Any]):
    services = make_services()

    async def compare() -> None:
        now = await fill(services, cases)
        filters = read_filters(as_query(drawn), now)
        start, end = drawn.get("start_date"), drawn.get("end_date")
        if start is not None and end is not None and not 0 <= end - start <= 90 * 24:
            assert isinstance(filters, Refused)
            return
        assert not isinstance(filters, Refused), filters
        rows = (await services.store.cases(CaseQuery(limit=1000))).rows
        found, more = await find(services, filters)
        expected, expected_more = brute(rows, services, drawn, now)
        assert [row.case.id for row in found] == expected
        assert more == expected_more
        everything = replace(filters, page=1, page_size=1000)
        bulk = [row.case.id async for page in every_page(services, everything) for row in page]
        assert bulk == [row.case.id for row in (await find(services, everything))[0]]
        # The predicate and the board agree, too.
        codes = {row.case.id: services.pack.case_types[row.case.case_type] for row in rows}
        said = {
            row.case.id
            for row in rows
            if row.case.place is not None
            and filters.matches(
                row,
                codes[row.case.id].service_code,
                shown(row.case.place.lon, row.case.place.lat),
            )
        }
        assert said == set(bulk)

    asyncio.run(compare())


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [each["service_request_id"] for each in answer.json()]


def test_ids_override_all_other_filters(client: httpx.Client, node: Node):
    first, second, third = (post(client, description=str(n)) for n in range(3))
    node.clock.move(days=200)
    query = {"service_request_id": f"{first}, {third},{first},nothing", "status": "closed"}
    assert set(ids(client.get("/v2/requests.json", params=query))) == {first, third}
    assert set(ids(client.get(f"/v2/requests/{first},{second}.json"))) == {first, second}
    assert client.get("/v2/requests/x,y.json").status_code == 404
    assert ids(client.get("/v2/requests.json", params={"service_request_id": "x"})) == []


def test_the_default_is_the_last_90_days(client: httpx.Client, node: Node):
    old = post(client)
    node.clock.move(days=90, minutes=1)
    assert ids(client.get("/v2/requests.json")) == []
    assert ids(client.get("/v2/requests.json?updated_after=2026-01-01T00:00:00Z")) == [old]
    assert ids(client.get("/v2/requests.json?start_date=2026-03-01T00:00:00Z")) == [old]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-02T10:00:00+02:00", datetime(2026, 3, 2, 8, tzinfo=UTC)),
        ("2026-03-02T10:00:00 02:00", datetime(2026, 3, 2, 8, tzinfo=UTC)),
        ("2026-03-02T08:00:00Z", datetime(2026, 3, 2, 8, tzinfo=UTC)),
        ("2026-03-02T08:00Z", datetime(2026, 3, 2, 8, tzinfo=UTC)),
        ("2026-03-02", datetime(2026, 3, 2, tzinfo=UTC)),
        ("2026-03-02T08:00:00", None),
        ("2026-W10-1T08:00Z", None),
        ("20260302T080000Z", None),
        ("yesterday", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
    ],
)
def test_dates_carry_their_zone(text: str, expected: datetime | None):
    assert read_moment(text) == expected


@pytest.mark.parametrize(
    "query",
    [
        "start_date=2026-01-01T00:00:00Z&end_date=2026-06-01T00:00:00Z",
        "start_date=2026-06-01T00:00:00Z&end_date=2026-01-01T00:00:00Z",
        "start_date=now",
        "start_date=9999-12-31T00:00:00Z",
        "end_date=0001-01-02T00:00:00Z",
        "updated_after=2026-13-01T00:00:00Z",
        "status=urgent",
        "page=0",
        "page=-1",
        "page=1e3",
        "page=²",
        "page_size=0",
        "page_size=many",
        "page=21&page_size=1000",
        "lat=41",
        "lat=91&long=0",
        "lat=nan&long=nan",
        "lat=41&long=-87&radius=0",
        "lat=41&long=-87&radius=nan",
        "lat=41&long=-87&radius=1e9",
        "service_request_id=,",
        "service_request_id=" + "x," * 1001,
    ],
)
@pytest.mark.parametrize("path", ["/v2/requests.json", "/v2/servicerequestupdates.json"])
def test_filters_that_make_no_sense(standing: httpx.Client, query: str, path: str):
    answer = standing.get(f"{path}?{query}")
    if query.startswith("service_request_id=x"):
        answer = standing.get(path, params={"service_request_id": ",".join(map(str, range(1001)))})
    assert answer.status_code == 400, answer.text
    assert answer.json()[0]["code"] == 400


def test_empty_parameters_are_absent(client: httpx.Client):
    case_id = post(client)
    query = "service_request_id=&service_code=&start_date=&status=&page=&lat=&long=&zodiac=virgo"
    assert ids(client.get(f"/v2/requests.json?{query}")) == [case_id]


def test_lists_may_be_declared_several_times(client: httpx.Client, node: Node):
    first, second, _ = (post(client, description=str(number)) for number in range(3))
    tell(node, first, RefuseCase("not_ours"))
    several = [("service_request_id", first), ("service_request_id", second)]
    assert set(ids(client.get("/v2/requests.json", params=several))) == {first, second}
    both = [("status", "open"), ("status", "closed"), ("page_size", "1"), ("page_size", "9")]
    assert len(ids(client.get("/v2/requests.json", params=both))) == 3


def test_what_nobody_has_found_is_near_nothing(client: httpx.Client, node: Node):
    case_id = post(client, lat="", long="")
    place = state(node, case_id).place
    assert place is not None
    around = {"lat": str(place.lat), "long": str(place.lon)}
    assert ids(client.get("/v2/requests.json", params=around)) == []
    assert ids(client.get("/v2/requests.json")) == [case_id]


def test_pages_are_linked(client: httpx.Client, node: Node):
    made = [post(client, description=str(number)) for number in range(5)]
    seen: list[str] = []
    url: str | None = "/v2/requests.json?page_size=2&status=open"
    while url:
        answer = client.get(url)
        seen += ids(answer)
        url = answer.links.get("next", {}).get("url")
    assert sorted(seen) == sorted(made) and len(seen) == 5


def test_the_bulk_download(client: httpx.Client, node: Node):
    first = post(client, description='=HYPERLINK("x")\r\nwith "quotes", commas')
    second = post(client, description="quiet", lat="41.8401")
    publish(node, first)
    tell(node, second, RefuseCase("not_ours"))
    node.clock.move(days=200)
    answer = client.get("/v2/requests.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    header, *rows = csv.reader(io.StringIO(answer.text))
    assert tuple(header) == COLUMNS
    by_id = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    assert by_id[first]["description"] == '\'=HYPERLINK("x")\nwith "quotes", commas'
    assert by_id[first]["address"] == "" and STREET not in answer.text
    assert by_id[first]["long"] == str(shown(-87.6734, 41.8312).lon)
    assert by_id[second]["status_description"] == "closed"
    assert by_id[second]["closed_date"] and not by_id[first]["closed_date"]
    assert by_id[second]["description"] == "" and by_id[second]["source"] == "open311"
    for word in (*NAMES, WORDS):
        assert word not in answer.text
    only = client.get("/v2/requests.csv", params={"status": "closed"}).text
    assert second in only and first not in only
    assert client.get("/v2/requests.csv", params={"status": "x"}).status_code == 400


def test_the_bulk_download_is_read_page_by_page(client: httpx.Client, node: Node):
    services = node.services
    cases: list[Case] = [(POTHOLE, number, 0.01, 0.01, None) for number in range(1_201)]
    node.run(fill(services, cases))
    rows = list(csv.reader(io.StringIO(client.get("/v2/requests.csv").text)))
    assert len(rows) == 1_202 and len({row[0] for row in rows}) == 1_202
    assert len(client.get("/v2/requests.json?start_date=2026-03-01").json()) == 1_000

"""What a client wants to see: the query of `GET requests`, read, checked, and as a predicate.

The predicate `matches` is the meaning; `board_query` is the same in the board's words, as far as
the board knows them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, get_args

from tocsin.geography.distance import distance_m
from tocsin.intakes.open311.parse import coordinates
from tocsin.kernel.cases.state import Status
from tocsin.kernel.shared import CaseId, Instant, Place, Refused
from tocsin.runtime.ports import BoardRow, CaseQuery

SPAN: Final = timedelta(days=90)
"""GeoReport v2, "GET Service Requests": dates may not span more, and this is the default."""
ROWS_MAX: Final = 1_000
"""GeoReport v2, "Response Volume": the first 1000 requests."""
PAGES_ROWS_MAX: Final = 20_000
"""How far paging reaches: `page` times `page_size`. Beyond it, narrow the dates or take the CSV."""
YEARS: Final = range(1900, 2201)
"""Dates outside are a mistake, and their sums might not be dates at all."""
LISTS: Final = ("service_request_id", "service_code", "status")
"""These may be declared several times, or once with commas."""
IDS_MAX: Final = 1_000
LIST_CHARS_MAX: Final = 50_000
RADIUS_MAX_M: Final = 9_900.0
"""The board looks ten kilometres around at most; the rest is the margin of `listing`."""
RADIUS_DEFAULT_M: Final = 1_000.0
"""A kilometre: what a person walks to see for themselves."""

CLOSED: Final[tuple[Status, ...]] = ("verified", "refused", "void", "merged")
OPEN: Final[tuple[Status, ...]] = tuple(
    status for status in get_args(Status) if status not in CLOSED and status != "absent"
)
_ID = re.compile(r"[A-Za-z0-9._~-]{1,64}\Z")
_TICK: Final = timedelta(microseconds=1)
"""The board's upper bounds exclude the instant itself, the protocol's include it."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Every condition of one query. Dates include their ends. `ids` override all others."""

    ids: tuple[CaseId, ...] = ()
    service_codes: tuple[str, ...] = ()
    statuses: tuple[Status, ...] = ()
    start: Instant | None = None
    end: Instant | None = None
    updated_after: Instant | None = None
    updated_before: Instant | None = None
    around: Place | None = None
    radius_m: float = RADIUS_DEFAULT_M
    page: int = 1
    page_size: int = ROWS_MAX
    extensions: bool = False

    def matches(self, row: BoardRow, service_code: str | None, shown_at: Place | None) -> bool:
        """Whether a case belongs in the list; `service_code` None: a type that is never shown;
        `shown_at` is where the public is shown it, by which alone it is near or far."""
        case = row.case
        if service_code is None or case.opened_at is None:
            return False
        if self.ids:
            return case.id in self.ids
        return (
            (not self.service_codes or service_code in self.service_codes)
            and (not self.statuses or case.status in self.statuses)
            and (self.start is None or case.opened_at >= self.start)
            and (self.end is None or case.opened_at <= self.end)
            and (self.updated_after is None or row.updated_at >= self.updated_after)
            and (self.updated_before is None or row.updated_at <= self.updated_before)
            and (self.around is None or self.is_near(shown_at))
        )

    def is_near(self, place: Place | None) -> bool:
        """Whether a point lies in the circle that is asked for."""
        around = self.around
        if place is None or around is None:
            return False
        return distance_m(place.lon, place.lat, around.lon, around.lat) <= self.radius_m

    def board_query(self, case_types: tuple[str, ...], limit: int, after: str | None) -> CaseQuery:
        """The conditions the board can check, for one page of it, newest first."""
        if self.ids:
            return CaseQuery(
                ids=self.ids, case_types=case_types, order="opened", limit=limit, after=after
            )
        return CaseQuery(
            case_types=case_types,
            statuses=self.statuses,
            opened_from=self.start,
            opened_to=None if self.end is None else self.end + _TICK,
            updated_from=self.updated_after,
            updated_to=None if self.updated_before is None else self.updated_before + _TICK,
            order="opened",
            limit=limit,
            after=after,
        )


def as_mapping(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """A query as one value for each name: lists that were declared several times are joined, of
    anything else the last one counts."""
    query: dict[str, str] = {}
    for name, value in pairs:
        if name in LISTS and name in query:
            value = f"{query[name]},{value}"
        query[name] = value
    return query


def read_filters(
    query: Mapping[str, str], now: Instant, *, bulk: bool = False
) -> Filters | Refused:
    """The filters of a query; an empty parameter is an absent one.

    `bulk` lifts the limits of span and volume: for the CSV download. Refused as `bad_parameter`
    (detail: which), `span_too_long`, `bad_coordinates`, `request_missing`.
    """
    given = {name: value.strip() for name, value in query.items() if value.strip()}
    if any(len(value) > LIST_CHARS_MAX for value in given.values()):
        return Refused("bad_parameter", "too long")
    dates: dict[str, Instant] = {}
    for name in ("start_date", "end_date", "updated_after", "updated_before"):
        if name in given:
            at = read_moment(given[name])
            if at is None:
                return Refused("bad_parameter", name)
            dates[name] = at
    span = _span(dates, now, bulk)
    if isinstance(span, Refused):
        return span
    statuses = _statuses(given.get("status", ""))
    numbers = _numbers(given, bulk)
    around = coordinates(given.get("lat", ""), given.get("long", ""), given.get("datum", "wgs84"))
    for each in (statuses, numbers, around):
        if isinstance(each, Refused):
            return each
    assert not isinstance(statuses, Refused)
    assert not isinstance(numbers, Refused)
    assert not isinstance(around, Refused)
    ids = tuple(dict.fromkeys(CaseId(each) for each in _split(given.get("service_request_id"))))
    is_named = "service_request_id" in given
    if len(ids) > IDS_MAX or (is_named and not ids) or not all(map(is_id, ids)):
        return Refused("bad_parameter", "service_request_id")
    page, page_size, radius_m = numbers
    return Filters(
        ids=ids,
        service_codes=_split(given.get("service_code")),
        statuses=statuses,
        start=span[0],
        end=span[1],
        updated_after=dates.get("updated_after"),
        updated_before=dates.get("updated_before"),
        around=around,
        radius_m=radius_m,
        page=page,
        page_size=page_size,
        extensions=given.get("extensions", "").lower() in ("true", "1", "yes"),
    )


def is_id(text: str) -> bool:
    """Whether this could be an id at all; the store is not asked about anything else."""
    return _ID.match(text) is not None


def read_moment(text: str) -> Instant | None:
    """A W3C date and time with its zone, or a whole date (UTC). None for anything else.

    A plus sign that came unescaped in a query arrives as a space, and is read as a plus.
    """
    text = text.replace(" ", "+")
    if not 10 <= len(text) <= 40 or text[4] != "-" or text[7] != "-":
        return None
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            if len(text) != 10:
                return None
            at = at.replace(tzinfo=UTC)
        at = at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if at.year in YEARS else None


def _span(
    dates: Mapping[str, Instant], now: Instant, bulk: bool
) -> tuple[Instant | None, Instant | None] | Refused:
    start, end = dates.get("start_date"), dates.get("end_date")
    if start is not None and end is not None and start > end:
        return Refused("bad_parameter", "start_date is after end_date")
    if bulk or (start is None and end is None and _is_update_query(dates)):
        return start, end
    if start is None:
        start = (end or now) - SPAN
    elif end is None:
        end = start + SPAN
    if end is not None and end - start > SPAN:
        return Refused("span_too_long", f"over {SPAN.days} days")
    return start, end


def _is_update_query(dates: Mapping[str, Instant]) -> bool:
    return "updated_after" in dates or "updated_before" in dates


def _statuses(text: str) -> tuple[Status, ...] | Refused:
    found: list[Status] = []
    for word in _split(text):
        match word.lower():
            case "open":
                found += OPEN
            case "closed":
                found += CLOSED
            case _:
                return Refused("bad_parameter", "status is open or closed")
    return tuple(dict.fromkeys(found))


def _numbers(given: Mapping[str, str], bulk: bool) -> tuple[int, int, float] | Refused:
    page, size = given.get("page", "1"), given.get("page_size", str(ROWS_MAX))
    for name, text in (("page", page), ("page_size", size)):
        if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 6 and int(text) > 0):
            return Refused("bad_parameter", name)
    rows = min(int(size), ROWS_MAX)
    if not bulk and int(page) * rows > PAGES_ROWS_MAX:
        return Refused("bad_parameter", f"page: at most {PAGES_ROWS_MAX} requests can be paged")
    try:
        radius_m = float(given.get("radius", RADIUS_DEFAULT_M))
    except ValueError:
        return Refused("bad_parameter", "radius")
    if not 0 < radius_m <= RADIUS_MAX_M:
        return Refused("bad_parameter", f"radius is over 0 and up to {RADIUS_MAX_M:.0f} metres")
    return int(page), rows, radius_m


def _split(text: str | None) -> tuple[str, ...]:
    return tuple(part for part in (each.strip() for each in (text or "").split(",")) if part)

"""The charter, promise by promise, each with a mutant that breaks it and is found.

What is proven elsewhere at length is used here, not told again: the lists of what there may be
(`tests/house/test_refusals`), a whole life of a case with marked values (`tests/house/test_leaks`),
the darkroom (`tests/intakes/test_photos`).
"""

from __future__ import annotations

import copy
import io
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, make_dataclass
from datetime import timedelta
from statistics import mean
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import APIRouter
from PIL import Image
from starlette.applications import Starlette

from tests.contracts.town import START
from tests.geography.towns import chessboard
from tests.house.test_leaks import MARKS, found_in
from tests.house.test_refusals import (
    PERSON_WORDS,
    dependency_findings,
    route_findings,
    words_of,
)
from tests.intakes.node import REPORT, make_services
from tests.intakes.test_photos import CANARY, with_exif
from tests.web.house import node as make_node
from tests.web.residents import Resident
from tocsin.geography.areas import Atlas, Outside
from tocsin.geography.distance import distance_m
from tocsin.geography.gazetteer import Content, Gazetteer, Street
from tocsin.intakes.open311 import routes
from tocsin.kernel.cases.state import Report
from tocsin.kernel.shared import Place, Refused
from tocsin.runtime.catchments import HOMES_MIN, catchments, public_point
from tocsin.runtime.photos import Darkroom
from tocsin.runtime.reception import IncomingReport
from tocsin.stores.postgres.classes import COLUMNS
from tocsin.stores.postgres.migrate import Migration, migrate, migrations
from tocsin.stores.postgres.retention import POSITIONS_KEPT
from tocsin.stores.postgres.timed import timed
from tocsin.web.app import MODULES
from tools.reference import application, openapi

PERSON_NAMES = PERSON_WORDS | {"account", "login", "subject", "name", "plate", "code"}
PLACE_NAMES = frozenset({"lon", "lat", "place", "position", "long", "point"})


# -- no operation takes a person's identifier and returns more than one place and time


def _names(schema: Any, document: Any, seen: tuple[str, ...] = ()) -> Iterator[tuple[str, bool]]:
    """Every property of a schema, and whether there may be many of it."""
    if isinstance(schema, list):
        for each in schema:
            yield from _names(each, document, seen)
        return
    if not isinstance(schema, Mapping):
        return
    ref = schema.get("$ref")
    if ref is not None:
        if ref not in seen:
            found = document["components"]["schemas"][ref.rpartition("/")[2]]
            yield from _names(found, document, (*seen, ref))
        return
    for name, inner in schema.get("properties", {}).items():
        yield name, False
        yield from _names(inner, document, seen)
    for key in ("items", "additionalProperties"):
        for name, _ in _names(schema.get(key), document, seen):
            yield name, True
    for key in ("anyOf", "oneOf", "allOf"):
        yield from _names(schema.get(key), document, seen)


def _bodies(part: Mapping[str, Any]) -> Iterator[Any]:
    for content in part.get("content", {}).values():
        yield content.get("schema")


def following(document: Any) -> list[str]:
    """Operations that are asked with somebody's identifier and answer with several places."""
    found: list[str] = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            asked = {each["name"] for each in operation.get("parameters", ())}
            for schema in _bodies(operation.get("requestBody", {})):
                asked |= {name for name, _ in _names(schema, document)}
            if method != "get" and "lon" in asked:
                continue  # somebody tells where something is
            persons = {name for name in asked if words_of(name) & PERSON_NAMES}
            many = {
                name
                for code, answer in operation["responses"].items()
                if code.startswith("2")
                for schema in _bodies(answer)
                for name, is_many in _names(schema, document)
                if is_many and name in PLACE_NAMES
            }
            if persons and many:
                found.append(f"{method} {path}: {sorted(persons)} -> {sorted(many)}")
    return found


def test_no_operation_takes_a_person_and_returns_more_than_one_place() -> None:
    document = openapi(application())
    assert len(document["paths"]) > 100 and following(document) == []
    mutant = copy.deepcopy(document)
    row = {"properties": {"lon": {}, "lat": {}, "at": {}}}
    mutant["paths"]["/api/seen"] = {
        "get": {
            "parameters": [{"name": "phone_hash", "in": "query"}],
            "responses": {
                "200": {"content": {"application/json": {"schema": {"items": row}}}},
            },
        }
    }
    assert following(mutant) == ["get /api/seen: ['phone_hash'] -> ['lat', 'lon']"]


# -- no table or view joins a member of the public to positions over time


def joining(columns: Iterable[tuple[str, str]]) -> list[str]:
    """Tables and views with somebody and a place in one row."""
    rows: dict[str, set[str]] = {}
    for relation, name in columns:
        rows.setdefault(relation, set()).add(name)
    return [
        relation
        for relation, names in sorted(rows.items())
        if names & PLACE_NAMES
        and any(words_of(name) & (PERSON_NAMES | {"report", "receipt", "hash"}) for name in names)
    ]


@pytest.mark.parametrize("is_mutant", [False, True])
async def test_no_table_or_view_joins_a_person_to_places(
    fresh_database: str, is_mutant: bool
) -> None:
    mutant = Migration(
        "9998_mutant.sql",
        "CREATE VIEW whereabouts AS SELECT v.subject, c.opened_at, c.lon, c.lat "
        "FROM vault.values v JOIN cases c ON c.id = v.case_id",
    )
    await migrate(fresh_database, (*migrations(), mutant) if is_mutant else migrations())
    connection: Any = await asyncpg.connect(fresh_database)
    rows = [(row[0], row[1]) for row in await connection.fetch(COLUMNS)]
    await connection.close()
    assert ("public.cases", "lon") in rows
    assert joining(rows) == (["public.whereabouts"] if is_mutant else [])


# -- no search over reporters


def test_no_search_over_reporters() -> None:
    assert route_findings(module.routes for module in MODULES) == []
    mutant = APIRouter()

    @mutant.get("/api/cases/by-reporter")
    async def one(reporter: str) -> None: ...

    assert len(route_findings([mutant])) == 2


# -- no score or label on a member of the public

JUDGES = frozenset(
    "score scores rank rating label labels tag tags trust trusted reputation credibility risk "
    "credit segment nuisance frequent blocked banned flag flags history".split()
)


def judging(*shapes: Any) -> list[str]:
    """Fields by which whoever reports would be judged."""
    return [
        f"{shape.__name__}.{each.name}"
        for shape in shapes
        for each in fields(shape)
        if words_of(each.name) & JUDGES
    ]


def test_no_score_or_label_on_a_member_of_the_public() -> None:
    assert judging(Report, IncomingReport) == []
    mutant = make_dataclass("Report", ["id", ("trust_score", float), "labels"])
    assert judging(mutant) == ["Report.trust_score", "Report.labels"]


# -- cameras and photos never yield text about persons


def told_by(photo: bytes) -> list[str]:
    """What a photo tells beside its picture."""
    image = Image.open(io.BytesIO(photo))
    found = [str(key) for key in image.getexif()]
    found += [key for key in image.info if key in ("exif", "comment", "xmp", "icc_profile")]
    return found + (["words"] if CANARY.encode() in photo else [])


async def test_photos_yield_no_text_about_persons() -> None:
    raw = with_exif()
    assert "words" in told_by(raw), "the mutant: a photo that was kept as it came"
    kept = await Darkroom().develop(raw)
    assert not isinstance(kept, Refused) and told_by(kept.data) == []
    locked = "\n".join(f"package-{number}==1.0" for number in range(30))
    assert dependency_findings({"dependencies": []}, locked) == []
    assert dependency_findings({"dependencies": []}, locked + "\npytesseract==1.0\n")
    assert dependency_findings({"dependencies": ["easyocr>=1"]}, locked)


# -- positions of staff are gone after 48 hours


@pytest.mark.parametrize("is_mutant", [False, True])
async def test_positions_of_staff_are_gone_after_48_hours(
    fresh_database: str, is_mutant: bool
) -> None:
    await migrate(fresh_database)
    connection: Any = await asyncpg.connect(fresh_database)
    try:
        for name, hours in (("old", 49), ("new", 47)):
            await connection.execute(
                "INSERT INTO unit_positions (unit_id, at, received_at, lon, lat) "
                "VALUES ($1, $2, $2, 24.9, 60.1)",
                name, START - timedelta(hours=hours),
            )  # fmt: skip
        span = timedelta(hours=72) if is_mutant else POSITIONS_KEPT
        rule = timed(span, timedelta(days=90))[0]
        assert rule.rule == "position"
        await connection.execute(
            f"DELETE FROM {rule.relation} WHERE {rule.where}", START - rule.kept
        )
        left = {row[0] for row in await connection.fetch("SELECT unit_id FROM unit_positions")}
    finally:
        await connection.close()
    assert left == ({"old", "new"} if is_mutant else {"new"})


# -- public places are fixed catchments of eight addresses or more

ATLAS = Atlas(chessboard())


def published(home: Place, times: int, is_mutant: bool = False) -> list[Place]:
    """Where so many cases of one home are shown."""
    chance = random.Random(5)
    if is_mutant:  # what looks like hiding: a fresh random shift for each publication
        return [
            Place(home.lon + chance.gauss(0, 0.002), home.lat + chance.gauss(0, 0.001))
            for _ in range(times)
        ]
    path = ATLAS.locate(home.lon, home.lat)
    assert not isinstance(path, Outside)
    return [public_point(path, ATLAS, _known()) for _ in range(times)]


def _known() -> Mapping[Any, Any]:
    streets: list[Street] = []
    for number, cell in enumerate(ATLAS.tier("cell")):
        at = cell.polygon.representative_point()
        houses = tuple((str(door), at.x, at.y) for door in range(3 + 2 * (number % 4)))
        streets.append(Street(("A",), at.x, at.y, houses))
    return catchments(ATLAS, Gazetteer(Content(tuple(streets))))


def gives_away(home: Place, points: list[Place]) -> bool:
    """Whether the average of what is shown comes nearer to the home than any one of it."""
    lon, lat = mean(each.lon for each in points), mean(each.lat for each in points)
    off = distance_m(lon, lat, home.lon, home.lat)
    return off < 0.7 * min(distance_m(p.lon, p.lat, home.lon, home.lat) for p in points[:5])


def test_public_places_are_fixed_catchments() -> None:
    chance = random.Random(8)
    west, south, east, north = ATLAS.bounds
    tried = 0
    while tried < 20:
        home = Place(chance.uniform(west, east), chance.uniform(south, north))
        if isinstance(ATLAS.locate(home.lon, home.lat), Outside):
            continue
        tried += 1
        points = published(home, 50)
        assert len(set(points)) == 1, "the same input, the same output"
        assert not gives_away(home, points)
    home = Place((west + east) / 2 + 0.0013, (south + north) / 2 + 0.0007)
    assert gives_away(home, published(home, 50, is_mutant=True))


def test_a_catchment_has_eight_addresses_or_is_a_whole_village() -> None:
    def small(known: Mapping[Any, Any]) -> list[Any]:
        homes = {cell.id: 3 + 2 * (n % 4) for n, cell in enumerate(ATLAS.tier("cell"))}
        behind: dict[Any, int] = {}
        for cell, at in known.items():
            behind[at] = behind.get(at, 0) + homes[cell]
        return [at for at, count in behind.items()
                if ATLAS.area(at).tier == "cell" and count < HOMES_MIN]  # fmt: skip

    assert small(_known()) == []
    assert small({cell.id: cell.id for cell in ATLAS.tier("cell")}), "the mutant: its own cell"


# -- no canary in pages, errors, figures; anonymous reporting works without a cookie


@dataclass
class Heard:
    """Everything a node answered."""

    answers: list[httpx.Response]

    def canaries(self) -> list[str]:
        everything = b"".join(
            answer.content + repr(answer.headers).encode() + str(answer.url).encode()
            for answer in self.answers
        )
        return found_in(everything)

    def cookies(self) -> list[str]:
        return [str(each.url) for each in self.answers if "set-cookie" in each.headers]


async def test_anonymous_reporting_works_without_a_cookie_and_nothing_comes_back() -> None:
    async with make_node() as node:
        client = node.client()
        resident = Resident(node)
        page = await resident.tell("The street light is dark")
        heard = Heard([page.answer])
        app = httpx.ASGITransport(app=Starlette(routes=routes(make_services())))
        async with httpx.AsyncClient(transport=app, base_url="http://localhost/open311") as city:
            data = {**REPORT, "description": MARKS["text"], "first_name": MARKS["first"],
                    "email": f"{MARKS['email']}@example.org"}  # fmt: skip
            heard.answers.append(await city.post("/v2/requests.json", data=data))
            heard.answers.append(await city.get("/v2/requests.json"))
            assert [each.status_code for each in heard.answers] == [200, 200, 200]
        paths = ("/published", "/metrics", "/health/ready", "/api/cases", "/problems/outside")
        for path in (*paths, f"/api/cases/{'x' * 9}"):
            heard.answers.append(await client.get(path))
        assert page.answer.status_code == 200
        assert heard.cookies() == [] and heard.canaries() == []
        request = httpx.Request("GET", "http://x/")
        heard.answers.append(
            httpx.Response(
                500,
                text=f"no such {MARKS['text']}",
                headers={"set-cookie": "visitor=1"},
                request=request,
            )  # fmt: skip
        )
        assert heard.canaries() == ["text"] and heard.cookies() == ["http://x/"]

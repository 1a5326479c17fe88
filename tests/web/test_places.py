"""The map and the place search over HTTP: ranges, tags, problems, roles."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.geography.maps import SOUTH, STEP, WEST, write_tiny_town
from tests.web.house import Node, grant
from tests.web.house import node as make_node
from tocsin.cartography.building import build
from tocsin.geography.map_folder import MapFolder
from tocsin.web.map_files import CHUNK

TILES = "/map/tiles.pmtiles"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("town")
    build(write_tiny_town(folder / "tiny.osm.pbf"), folder / "map")
    return folder / "map"


@pytest.fixture
async def mapped(built: Path) -> AsyncIterator[Node]:
    async with make_node() as node:
        node.services.map = MapFolder(built)
        yield node


def whole(built: Path) -> bytes:
    meta = MapFolder(built).meta()
    assert meta is not None
    return (built / meta.tiles).read_bytes()


async def test_the_map_tells_what_it_is(mapped: Node) -> None:
    answer = await mapped.client().get("/map/meta.json")
    about = answer.json()
    assert about["built"] is True and about["maxzoom"] == 16
    assert about["bounds"] == pytest.approx([WEST, SOUTH, WEST + 8 * STEP, SOUTH + 8 * STEP])
    assert "OpenStreetMap" in about["attribution"]
    again = {"If-None-Match": answer.headers["etag"]}
    assert (await mapped.client().get("/map/meta.json", headers=again)).status_code == 304


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("0-6", 0, 6), ("100-199", 100, 199), ("-10", -10, None), ("50-", 50, None),
     ("0-999999999999", 0, None)],
)  # fmt: skip
async def test_pieces(mapped: Node, built: Path, asked: str, first: int, last: int | None) -> None:
    data = whole(built)
    answer = await mapped.client().get(TILES, headers={"Range": f"bytes={asked}"})
    wanted = data[first:] if last is None else data[first : last + 1]
    assert answer.status_code == 206
    assert answer.content == wanted
    start = first if first >= 0 else len(data) + first
    assert answer.headers["content-range"] == f"bytes {start}-{start + len(wanted) - 1}/{len(data)}"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-length"] == str(len(wanted))
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("asked", ["99999999-", "99999999-999999999", "-0"])
async def test_a_range_beyond_the_file_is_refused(mapped: Node, built: Path, asked: str) -> None:
    answer = await mapped.client().get(TILES, headers={"Range": f"bytes={asked}"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(whole(built))}"
    assert answer.json()["reason"] == "bad_range"


@pytest.mark.parametrize(
    "asked",
    ["bytes=", "bytes=-", "bytes=9-1", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "x" * 3000],
)
async def test_what_is_no_range_gives_all(mapped: Node, built: Path, asked: str) -> None:
    answer = await mapped.client().get(TILES, headers={"Range": asked})
    assert answer.status_code == 200
    assert answer.content == whole(built)
    assert answer.content.startswith(b"PMTiles")


async def test_tags_and_heads(mapped: Node, built: Path) -> None:
    client = mapped.client()
    head = await client.head(TILES)
    assert head.status_code == 200 and head.content == b""
    assert head.headers["content-length"] == str(len(whole(built)))
    assert head.headers["accept-ranges"] == "bytes"
    tag = head.headers["etag"]
    piece = {"Range": "bytes=0-6"}
    assert (await client.head(TILES, headers=piece)).status_code == 206
    assert (await client.get(TILES, headers={"If-None-Match": tag})).status_code == 304
    assert (await client.get(TILES, headers={**piece, "If-Range": tag})).status_code == 206
    assert (await client.get(TILES, headers={**piece, "If-Range": '"old"'})).status_code == 200
    refused = await client.post(TILES)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


async def test_a_long_answer_comes_in_pieces_and_leaves_nothing_open(tmp_path: Path) -> None:
    source = write_tiny_town(tmp_path / "tiny.osm.pbf")
    meta = build(source, tmp_path / "map")
    padding = os.urandom(CHUNK * 2 + 17)
    with (tmp_path / "map" / meta.tiles).open("ab") as file:
        file.write(padding)
    data = (tmp_path / "map" / meta.tiles).read_bytes()
    async with make_node() as node:
        node.services.map = MapFolder(tmp_path / "map")
        client = node.client()
        assert (await client.get(TILES)).content == data
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            await client.get(TILES)
            await client.get(TILES, headers={"Range": "bytes=5-9"})
        assert len(os.listdir("/proc/self/fd")) <= before + 2


@pytest.mark.parametrize("path", ["/map/meta.json", TILES])
async def test_without_a_map_the_reason_says_how(node: Node, tmp_path: Path, path: str) -> None:
    client = node.client(**{"Accept-Language": "zh-CN"})
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["reason"]) == (404, "map_missing")
    assert "tocsin map build" in answer.json()["detail"]
    node.services.map = MapFolder(tmp_path)
    assert (await client.get(path)).json()["reason"] == "map_missing"
    node.services.map.is_building = True
    assert (await client.get(path)).json()["reason"] == "map_building"


async def test_a_newer_map_is_served_at_once(tmp_path: Path) -> None:
    build(write_tiny_town(tmp_path / "a.osm.pbf"), tmp_path / "map")
    async with make_node() as node:
        node.services.map = MapFolder(tmp_path / "map")
        client = node.client()
        old = (await client.head(TILES)).headers["etag"]
        build(write_tiny_town(tmp_path / "b.osm.pbf", suburbs=2), tmp_path / "map")
        answer = await client.get(TILES, headers={"Range": "bytes=0-6", "If-Range": old})
        assert answer.headers["etag"] != old
        assert answer.content == whole(tmp_path / "map")


async def test_places_are_found(mapped: Node) -> None:
    client = await mapped.staff("taker", grant("call_taker"))
    answer = await client.get("/api/places", params={"q": "2nd avenue & 2nd street", "limit": 3})
    body = answer.json()
    assert body["has_map"] is True
    first = body["places"][0]
    assert (first["kind"], first["label"]) == ("crossing", "2nd Avenue / 2nd Street")
    assert first["lon"] == pytest.approx(WEST + 2 * STEP, abs=1e-6)
    assert isinstance(first["area"], str)
    near = await client.get("/api/places/near", params={"lon": first["lon"], "lat": first["lat"]})
    assert near.json()["place"]["kind"] == "crossing"
    typed = (await client.get("/api/places", params={"q": "10.5, 20.5"})).json()["places"]
    assert [(each["kind"], each["area"]) for each in typed] == [("point", None)]


async def test_without_a_map_the_search_says_so(node: Node) -> None:
    client = await node.staff("taker", grant("call_taker"))
    answer = await client.get("/api/places", params={"q": "anything"})
    assert answer.json() == {"places": [], "has_map": False}
    answer = await client.get("/api/places/near", params={"lon": 1, "lat": 2})
    assert answer.json() == {"place": None, "has_map": False}


async def test_wrong_questions_are_told(mapped: Node) -> None:
    client = await mapped.staff("taker", grant("call_taker"))
    for query in ({}, {"q": "x", "limit": "0"}, {"q": "x" * 201}, {"q": "a\x00b"},
                  {"q": "x", "z": "1"}):  # fmt: skip
        answer = await client.get("/api/places", params=query)
        assert (answer.status_code, answer.json()["reason"]) == (422, "invalid"), query
    for query in ({"lon": "181", "lat": "0"}, {"lon": "nan", "lat": "0"}, {"lon": "1"}):
        answer = await client.get("/api/places/near", params=query)
        assert answer.status_code == 422, query


async def test_only_staff_who_take_reports_search(mapped: Node) -> None:
    verifier = await mapped.staff("verifier", grant("verifier"))
    assert (await verifier.get("/api/places", params={"q": "x"})).json()["reason"] == "role_missing"
    assert (await mapped.client().get("/api/places", params={"q": "x"})).status_code == 401

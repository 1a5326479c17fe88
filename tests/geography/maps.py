"""A tiny map, written as a real .osm.pbf, and where the larger ones lie."""

from __future__ import annotations

import os
from pathlib import Path

import osmium
import osmium.osm.mutable as draft
import pytest

WEST, SOUTH = 24.9, 60.1
STEP = 0.002  # a block is about 110 m by 220 m

SHARED = Path(
    os.environ.get("TOCSIN_SHARED_DATA", Path(__file__).parents[2].parent / "shared" / "data")
)


def shared_map(name: str) -> Path:
    """A map of the shared data; the test is skipped, and says so, where it is absent."""
    path = SHARED / "osm" / f"{name}.osm.pbf"
    if not path.is_file():
        pytest.skip(f"needs the map {name} (set TOCSIN_SHARED_DATA)")
    return path


def write_tiny_town(
    path: Path, *, suburbs: int = 4, borders: bool = False, bounds: bool = True
) -> Path:
    """A town of 8 x 8 crossings with named streets, houses, a school and a lamp.

    With `borders`, four municipalities of four by four blocks cover it.
    """
    header = osmium.io.Header()
    if bounds:
        corners = (WEST, SOUTH), (WEST + 8 * STEP, SOUTH + 8 * STEP)
        header.add_box(osmium.osm.Box(*(osmium.osm.Location(*corner) for corner in corners)))
    path.unlink(missing_ok=True)
    with osmium.SimpleWriter(str(path), header=header) as writer:
        _write_nodes(writer, suburbs)
        _write_streets(writer)
        if borders:
            _write_borders(writer)
    return path


def crossing(x: int, y: int) -> int:
    return 1 + y * 9 + x


def _write_nodes(writer: osmium.SimpleWriter, suburbs: int) -> None:
    def node(number: int, x: float, y: float, **tags: str) -> None:
        spot = (WEST + x * STEP, SOUTH + y * STEP)
        named = {key.replace("__", ":"): value for key, value in tags.items()}
        writer.add_node(draft.Node(id=number, location=spot, tags=named, version=1))

    for y in range(9):
        for x in range(9):
            node(crossing(x, y), x, y)
    for x in range(8):
        node(100 + x, x + 0.5, 2.05, addr__street="2nd Street", addr__housenumber=f"{x + 1}")
    node(200, 3.3, 4.4, amenity="school", name="North School", name__zh="北校")
    node(201, 3.3, 4.5, highway="street_lamp")
    node(202, 5.3, 4.5, shop="bakery", name="Bread")
    node(203, 6.5, 6.5, highway="elevator")
    for index in range(suburbs):
        x, y = 2 + 4 * (index % 2), 2 + 4 * (index // 2)
        node(300 + index, x, y, place="suburb", name=f"Suburb {index}", name__sv=f"Ort {index}")


def _write_streets(writer: osmium.SimpleWriter) -> None:
    def street(number: int, nodes: list[int], name: str) -> None:
        tags = {"highway": "residential", "name": name}
        writer.add_way(draft.Way(id=number, nodes=nodes, tags=tags, version=1))

    # A map is read in the order of its ids.
    for index in range(9):
        street(1000 + index, [crossing(x, index) for x in range(9)], f"{index}nd Street")
    for index in range(9):
        street(1100 + index, [crossing(index, y) for y in range(9)], f"{index}nd Avenue")
    block = [crossing(6, 6), crossing(7, 6), crossing(7, 7), crossing(6, 7), crossing(6, 6)]
    house = {"building": "yes", "addr:street": "6nd Street", "addr:housenumber": "61"}
    writer.add_way(draft.Way(id=1200, nodes=block, tags=house, version=1))
    park = {"leisure": "park", "name": "Green"}
    writer.add_way(draft.Way(id=1201, nodes=block, tags=park, version=1))
    writer.add_way(
        draft.Way(id=1202, nodes=[crossing(0, 0)], tags={"highway": "road", "name": "Dot"})
    )


def _write_borders(writer: osmium.SimpleWriter) -> None:
    quarters = [(0, 0), (4, 0), (0, 4), (4, 4)]
    for index, (x, y) in enumerate(quarters):
        ring = [(x, y), (x + 4, y), (x + 4, y + 4), (x, y + 4), (x, y)]
        nodes = [crossing(*corner) for corner in ring]
        writer.add_way(draft.Way(id=2000 + index, nodes=nodes, tags={}, version=1))
    for index in range(len(quarters)):
        tags = {"type": "boundary", "boundary": "administrative", "admin_level": "8"}
        tags |= {"name": f"Borough {index}", "name:zh": f"{index}区"}
        members = [draft_member(2000 + index)]
        writer.add_relation(draft.Relation(id=3000 + index, members=members, tags=tags, version=1))


def draft_member(way: int) -> tuple[str, int, str]:
    return "w", way, "outer"

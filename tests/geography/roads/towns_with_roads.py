"""Road files written for a test: a square of streets with one of everything."""

from __future__ import annotations

import os
from pathlib import Path

import osmium
import osmium.osm.mutable as draft
import pytest

SHARED = Path(
    os.environ.get("TOCSIN_SHARED_DATA", Path(__file__).parents[3].parent / "shared" / "data")
)
STREETS = "sf_streets/sf_street_edges_wgs84.csv.gz"
WEST, SOUTH, STEP = 24.9, 60.1, 0.002


def shared(name: str) -> Path:
    """A file of the shared data; the test is skipped, and says so, where it is absent."""
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"needs {name} of the shared data (set TOCSIN_SHARED_DATA)")
    return path


Ways = dict[int, tuple[list[int], dict[str, str]]]
Relations = dict[int, tuple[list[tuple[str, int, str]], dict[str, str]]]


def write_roads(
    path: Path,
    ways: Ways,
    relations: Relations | None = None,
    nodes: dict[int, dict[str, str]] | None = None,
) -> Path:
    """A real .osm.pbf. Node 10 * y + x lies x steps east and y steps north of the corner."""
    path.unlink(missing_ok=True)
    used = sorted({node for refs, _ in ways.values() for node in refs})
    with osmium.SimpleWriter(str(path)) as writer:
        for node in used:
            place = WEST + STEP * (node % 10), SOUTH + STEP * (node // 10)
            tags = (nodes or {}).get(node, {})
            writer.add_node(draft.Node(id=node, location=place, tags=tags, version=1))
        for number, (refs, tags) in sorted(ways.items()):
            about = {"highway": "residential", **tags}
            writer.add_way(draft.Way(id=number, nodes=refs, tags=about, version=1))
        for number, (members, tags) in sorted((relations or {}).items()):
            about = {"type": "restriction", **tags}
            writer.add_relation(draft.Relation(id=number, members=members, tags=about, version=1))
    return path

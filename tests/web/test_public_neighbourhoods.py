"""Published places give nobody away: each point stands for eight doors or more, always the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.geography.maps import write_tiny_town
from tests.geography.towns import chessboard
from tests.web.house import Node
from tests.web.house import node as make_node
from tests.web.residents import Resident
from tocsin.cartography.building import build
from tocsin.geography.areas import Atlas
from tocsin.geography.gazetteer import Content, Gazetteer, Street
from tocsin.geography.map_folder import MapFolder
from tocsin.kernel.shared import AreaId
from tocsin.runtime.catchments import HOMES_MIN, catchments
from tocsin.runtime.ports import CaseQuery

ATLAS = Atlas(chessboard())


def town_with(homes: dict[AreaId, int]) -> Gazetteer:
    """A map that knows so many addresses in each of these cells."""
    streets: list[Street] = []
    for cell, count in homes.items():
        at = ATLAS.area(cell).polygon.representative_point()
        houses = tuple((str(number), at.x, at.y) for number in range(count))
        streets.append(Street(("A",), at.x, at.y, houses))
    return Gazetteer(Content(tuple(streets)))


@pytest.mark.parametrize("pattern", [(20, 0, 3, 9), (7, 7, 7, 7), (0, 0, 0, 0), (8, 8, 8, 1)])
def test_every_point_stands_for_enough_homes_or_a_whole_village(pattern: tuple[int, ...]) -> None:
    cells = [cell.id for cell in ATLAS.tier("cell")]
    homes = {cell: pattern[number % len(pattern)] for number, cell in enumerate(cells)}
    found = catchments(ATLAS, town_with(homes))
    assert set(found) == set(cells)
    behind: Counter[AreaId] = Counter()
    for cell, shown_at in found.items():
        behind[shown_at] += homes[cell]
    for shown_at, count in behind.items():
        if ATLAS.area(shown_at).tier == "cell":
            assert count >= HOMES_MIN
        else:
            # None of its cells may stand alone: else the rest would be told by difference.
            assert all(found[cell] == shown_at for cell in ATLAS.cells(shown_at))


def test_a_cell_with_few_homes_joins_one_of_its_own_village() -> None:
    for village in ATLAS.tier("village"):
        cells = ATLAS.cells(village.id)
        homes = dict.fromkeys(cells, 0) | {cells[0]: 30}
        found = catchments(ATLAS, town_with(homes))
        assert {found[cell] for cell in cells} == {cells[0]}


# -- on a node with a map --------------------------------------------------------------


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


async def test_an_address_of_the_map_becomes_a_place(mapped: Node) -> None:
    resident = Resident(mapped)
    page = await resident.tell("The street light is dark")
    page = await resident.press(page, "report", "next", {"address": "2nd Street 1"})
    assert "Which of these is it?" in page.text
    assert page.forms["report"]["spot"].startswith("24.901")
    page = await resident.press(page, "report", "next")
    assert page.answer.status_code == 200
    case = (await mapped.services.store.cases(CaseQuery())).rows[0].case
    assert case.place is not None and case.place.lat == pytest.approx(60.1041)


async def test_none_of_these_keeps_the_words_for_the_desk(mapped: Node) -> None:
    resident = Resident(mapped)
    page = await resident.tell("The street light is dark")
    page = await resident.press(page, "report", "next", {"address": "2nd Street"})
    assert page.forms["report"]["spot"] == "none"
    await resident.press(page, "report", "next")
    case = (await mapped.services.store.cases(CaseQuery())).rows[0].case
    assert case.place == mapped.services.reception.desk


async def test_an_address_that_lies_outside_is_told(mapped: Node) -> None:
    resident = Resident(mapped)
    page = await resident.tell("The street light is dark")
    page = await resident.press(page, "report", "next", {"address": "2nd Street 8"})
    assert page.answer.status_code == 422 and "lies outside the area" in page.text


async def test_the_map_is_offered_where_there_is_one_and_a_script_to_draw_it(
    mapped: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_CONSOLE_DIR", str(tmp_path))
    resident = Resident(mapped)
    assert "data-map" not in (await resident.open("/published")).html
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "public-map-abc.js").write_text("export {};", "utf-8")
    page = await resident.open("/published")
    assert 'src="/console/assets/public-map-abc.js"' in page.html
    # Hidden until the script draws it: without script there is no empty box.
    assert '<div hidden data-map="show"' in page.html
    assert (await mapped.client().get("/console/assets/public-map-abc.js")).status_code == 200
    where = await resident.tell("The street light is dark")
    assert 'data-map="pick"' in where.html and len(where.answer.content) < 50_000
    assert "script-src 'self';" in where.answer.headers["content-security-policy"]

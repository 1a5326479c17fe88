"""Coverage finds every place without an owner, at every hour class, and nothing else."""

import copy
import json
from typing import Any

import pytest

from tests.geography.towns import chessboard
from tocsin.geography.areas import Atlas
from tocsin.kernel.shared import TIERS, AgencyId, AreaId, AreaPath
from tocsin.packs.coverage import agencies_of, coverage, coverage_text, moments_of, paths_of
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack, read_content
from tocsin.packs.model import Pack

CELLS = [
    AreaPath(AreaId("c"), AreaId(f"t{town}"), AreaId(f"v{town}{village}"), AreaId(f"x{n}"))
    for n, (town, village) in enumerate((t, v) for t in range(2) for v in range(2))
]


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack(builtin("county"))


def everybody(pack: Pack) -> set[AgencyId]:
    return {
        AgencyId(f"{agency.code}@{cell[TIERS.index(agency.tier)]}")
        for agency in pack.agencies.values()
        for cell in CELLS
        if agency.tier
    }


def test_the_county_covers_every_cell_and_type(pack: Pack) -> None:
    assert coverage(pack, CELLS, everybody(pack)) == []


def test_a_missing_agency_shows_where_it_is_missing(pack: Pack) -> None:
    """The night duty of one town leads only at night: seen although the day is covered."""
    existing = everybody(pack) - {AgencyId("night-duty@t1")}
    gaps = coverage(pack, CELLS, existing)
    assert {gap.cell for gap in gaps} == {AreaId("x2"), AreaId("x3")}
    assert {gap.agency for gap in gaps} == {AgencyId("night-duty@t1")}
    assert "illegal-dumping" in {gap.case_type for gap in gaps}
    assert "pothole" not in {gap.case_type for gap in gaps}
    for language in pack.languages:
        lines = coverage_text(pack, gaps, language).splitlines()
        assert len(lines) == len(gaps)
        assert all("night-duty@t1" in line for line in lines)


def test_an_agency_that_only_an_answer_leads_to_must_exist(pack: Pack) -> None:
    gaps = coverage(pack, CELLS, everybody(pack) - {AgencyId("anti-fraud@c")})
    assert {(gap.case_type, gap.problem) for gap in gaps} == {("scam-report", "no_agency")}
    gaps = coverage(pack, CELLS, everybody(pack) - {AgencyId("health@c")})
    found = {gap.case_type: gap.when for gap in gaps}
    assert "problem=quality" in found["water-outage"]


def test_a_place_that_no_rule_covers_is_a_gap() -> None:
    content: dict[str, Any] = copy.deepcopy(
        json.loads(json.dumps(read_content(builtin("chicago-fixture"))))
    )
    pothole = content["types"]["06-pothole.toml"]
    pothole["route"][0]["when"] = {"area": ["t0"], "hours": "00:00-24:00"}
    pack = Pack(content)
    gaps = coverage(pack, CELLS, {AgencyId("311@c")})
    assert {(gap.case_type, gap.cell, gap.problem) for gap in gaps} == {
        (pothole["code"], AreaId("x2"), "no_route"),
        (pothole["code"], AreaId("x3"), "no_route"),
    }


def test_moments_are_the_classes_that_the_rules_tell_apart(pack: Pack) -> None:
    pothole = moments_of(pack.case_types["pothole"])
    assert {tuple(moment.answers.items()) for moment in pothole} == {
        (("surface", ()),),
        (("surface", ("pavement",)),),
    }
    noise = moments_of(pack.case_types["noise-construction"])
    assert {moment.minute for moment in noise} == {0, 360, 1320}
    assert len({moment.weekday for moment in noise}) == 7


def test_an_atlas_gives_its_cells_and_the_agencies_that_should_exist(pack: Pack) -> None:
    atlas = Atlas(chessboard())
    paths = paths_of(atlas)
    assert len(paths) == 16
    assert all(atlas.within(path.cell, path.town) for path in paths)
    assert coverage(pack, atlas) == []
    existing = agencies_of(pack, paths)
    assert AgencyId("mediation@t0v0") in existing
    gaps = coverage(pack, atlas, existing - {AgencyId("mediation@t0v0")})
    assert {gap.case_type for gap in gaps} == {"neighbour-dispute", "family-dispute"}
    assert str(gaps[0]).startswith("t0v0-0000 family-dispute: no_agency mediation@t0v0 (")

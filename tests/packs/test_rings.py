"""Rings: which of them a case is held to, and what a pack says of them."""

from dataclasses import replace

import pytest

from tests.packs.test_explain import HERE, NOW
from tocsin.packs.explain import Supposed, explain
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.packs.model import Pack
from tocsin.packs.rings import Ring, rings_for

FIRST = Ring("first", {"en": "First"}, 240, "town", "engine", "2020", {"en": "here"}, before_s=144)


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack(builtin("county"))


def codes(rings: tuple[Ring, ...]) -> list[str]:
    return [ring.code for ring in rings]


def test_the_own_tier_counts_then_those_above_then_those_below() -> None:
    village = replace(FIRST, code="village", tier="village", bound_s=60)
    county = replace(FIRST, code="county", tier="county", bound_s=300)
    everything = (county, FIRST, village)
    assert codes(rings_for(everything, ["engine"], "town")) == ["first"]
    assert codes(rings_for(everything, ["engine"], "cell")) == ["village"]
    assert codes(rings_for((county, village), ["engine"], "town")) == ["county"]
    assert codes(rings_for((village,), ["engine"], "county")) == ["village"]
    assert rings_for(everything, ["ladder"], "town") == ()


def test_each_capability_has_its_own_rings_in_the_order_asked() -> None:
    car = replace(FIRST, code="car", capability="ambulance", tier="county", bound_s=900)
    assert codes(rings_for((FIRST, car), ["ambulance", "engine"], "town")) == ["car", "first"]


def test_a_ring_out_of_force_or_of_another_place_holds_nobody() -> None:
    sparse = replace(FIRST, code="sparse", density=(0, 193))
    assert rings_for((replace(FIRST, in_force=False),), ["engine"], "town") == ()
    assert rings_for((sparse,), ["engine"], "town") == ()
    assert rings_for((sparse,), ["engine"], "town", 193.0) == ()
    assert codes(rings_for((sparse,), ["engine"], "town", 192.9)) == ["sparse"]


def test_the_shortest_from_the_report_is_first_and_a_full_alarm_is_no_first_unit() -> None:
    late = replace(FIRST, code="late", bound_s=200, before_s=200)
    full = replace(FIRST, code="full", arrives="all", bound_s=480)
    assert codes(rings_for((full, late, FIRST), ["engine"], "town")) == ["first", "late", "full"]
    assert rings_for((full,), ["engine"], "town") == ()


def test_the_pack_of_the_county_says_where_each_ring_is_written(pack: Pack) -> None:
    assert [r.bound_s for r in pack.rings if r.code.startswith("police")] == [60, 180, 300]
    assert all(
        ring.source and ring.edition and set(ring.name) >= {"en", "zh-CN"} for ring in pack.rings
    )
    assert [r.bound_s for r in pack.rings if r.code.startswith("nfpa-1710")] == [
        *(240, 360, 480, 610, 240, 480),
    ]


def test_explaining_prints_the_targets_that_apply(pack: Pack) -> None:
    text = explain(pack, HERE, Supposed(NOW, "building-fire"), "en")
    assert "Arrival targets" in text
    line = next(each for each in text.splitlines() if "jianbiao-152" in each)
    assert "the first unit within 300 s from the order, 360 s from the report" in line
    assert "nfpa" not in text
    assert "自出动指令起 300 秒内首个单位到场" in explain(
        pack, HERE, Supposed(NOW, "building-fire"), "zh-CN"
    )
    assert "Arrival targets" not in explain(pack, HERE, Supposed(NOW, "pothole"), "en")

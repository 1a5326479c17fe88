"""Run cards of the county become needs, and every one of them can be served."""

from tocsin.dispatching.problem import LevelNeeds, Need, need_defects
from tocsin.dispatching.run_cards import card_needs
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack

COUNTY = load_pack(builtin("county"))


def test_a_building_on_fire_needs_more_at_the_second_level() -> None:
    first = card_needs(COUNTY, "building-fire", 1)
    assert first is not None
    assert first.needs == (Need("engine", 2), Need("ladder"), Need("ambulance"), Need("patrol"))
    assert first.assists == (Need("grid"), Need("view"))
    assert (first.lower_levels, first.is_counted_once) == ((), True)
    second = card_needs(COUNTY, "building-fire", 2)
    assert second is not None
    assert second.needs[0] == Need("engine", 4)
    assert second.lower_levels == (LevelNeeds(1, first.needs),)


def test_a_level_without_a_card_takes_the_nearest_below() -> None:
    assert card_needs(COUNTY, "building-fire", 7) == card_needs(COUNTY, "building-fire", 2)
    assert card_needs(COUNTY, "building-fire", 0) == card_needs(COUNTY, "building-fire", 1)


def test_types_without_units_have_no_card() -> None:
    assert card_needs(COUNTY, "pothole") is None
    assert card_needs(COUNTY, "dragon") is None


def test_every_card_makes_a_sound_call() -> None:
    able = {name for kind in COUNTY.unit_kinds.values() for name in kind.capabilities}
    for code, case_type in COUNTY.case_types.items():
        for card in case_type.run_cards:
            needs = card_needs(COUNTY, code, card.level)
            assert needs is not None
            assert needs.level == card.level
            assert need_defects((*needs.needs,), code) == ()
            assert {need.capability for need in (*needs.needs, *needs.assists)} <= able


def test_the_eight_kinds_are_there_in_both_languages() -> None:
    assert list(COUNTY.unit_kinds) == [
        "engine", "truck", "ambulance", "patrol-car", "foot-patrol", "grid-worker", "repair-crew",
        "drone",
    ]  # fmt: skip
    for kind in COUNTY.unit_kinds.values():
        assert set(kind.name) == {"zh-CN", "en"}

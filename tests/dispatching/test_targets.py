"""The target of a case out of a pack's rings."""

import pytest

from tests.dispatching.towns import fire, snapshot
from tocsin.dispatching.targets import target_s
from tocsin.kernel.shared import Tier
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.packs.model import Pack


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack(builtin("county"))


def test_a_fire_is_promised_what_its_ring_says_from_the_report_on(pack: Pack) -> None:
    assert target_s(pack, "building-fire") == 360.0
    assert target_s(pack, "medical-emergency") == 900.0


def test_each_tier_has_its_own_ring(pack: Pack) -> None:
    tiers: tuple[Tier, ...] = ("county", "town", "village", "cell")
    found = [target_s(pack, "public-disturbance", tier=tier) for tier in tiers]
    assert found == [360.0, 240.0, 120.0, 120.0]


def test_every_level_and_every_type_has_an_answer(pack: Pack) -> None:
    for code, case_type in pack.case_types.items():
        for level in (0, 1, 2, 9):
            found = target_s(pack, code, level)
            assert found is None or found > 0
            if not case_type.run_cards:
                assert found is None
    assert target_s(pack, "no-such-type") is None


def test_what_it_says_is_taken_as_the_target_of_a_waiting_case(pack: Pack) -> None:
    snapshot([], [fire(target_s=target_s(pack, "building-fire"))], [])

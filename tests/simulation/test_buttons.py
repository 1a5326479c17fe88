"""Buttons on many seeded days: no exercise is taken for an emergency, none the other way round, and
every checker of that finds the bug that was planted for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.geography.towns import chessboard
from tocsin.geography.areas import Atlas
from tocsin.kernel.assets.state import Asset
from tocsin.kernel.shared import Actor
from tocsin.packs.load import load_pack
from tocsin.runtime import site_codes
from tocsin.runtime.alarm_desk import AlarmDesk
from tocsin.runtime.ports import AlarmQuery, AlarmRow
from tocsin.simulation.buttons import ButtonTown
from tocsin.simulation.check_buttons import CHECKERS, examine

PACK = load_pack(Path(__file__).parents[2] / "packs" / "county")
ATLAS = Atlas(chessboard())
SEEDS = range(1, 9)
MOVES = 60


@pytest.fixture(autouse=True)
def _cheap_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_codes, "SCRYPT_N", 2)


async def day(seed: int, desk: type[AlarmDesk] = AlarmDesk) -> tuple[ButtonTown, dict[str, Any]]:
    town = ButtonTown(seed, PACK, ATLAS, desk)
    await town.run(MOVES)
    return town, await examine(town)


async def test_every_day_is_clean_and_holds_everything() -> None:
    in_drill = real = right = wrong = 0
    for seed in SEEDS:
        town, found = await day(seed)
        assert found == {} and town.ledger.refused == [], f"seed {seed}"
        in_drill += sum(each.in_drill for each in town.ledger.presses)
        real += sum(not each.in_drill for each in town.ledger.presses)
        right += sum(each.is_right for each in town.ledger.backs)
        wrong += sum(not each.is_right for each in town.ledger.backs)
    assert min(in_drill, real, right, wrong) > 10, (in_drill, real, right, wrong)


async def test_a_seed_repeats_itself() -> None:
    one, other = [(await day(3))[0].ledger for _ in range(2)]
    assert (one.presses, one.backs) == (other.presses, other.backs)


# -- planted bugs


class OpensRealCases(AlarmDesk):
    """What it looks up for an exercise is that of an emergency."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        prepare = self.openings.prepare

        def real(*args: Any, **how: Any) -> Any:
            return prepare(*args, **{**how, "is_drill": False})

        self.openings.prepare = real  # pyright: ignore[reportAttributeAccessIssue]


class AnyCode(AlarmDesk):
    """Never compares."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)

        async def fits(sites: Any, code: str) -> bool:
            return True

        self.codes.fits = fits  # pyright: ignore[reportAttributeAccessIssue]


class TakesBackAnother(AlarmDesk):
    """Asks for the newest alarm of the site instead of the button's own."""

    async def take_back(self, row: AlarmRow, code: str, *, by: Actor, **how: Any) -> Any:
        about = row.alarm.about
        assert about is not None
        query = AlarmQuery(open_only=True, kinds=(about.kind,), site=about.site, limit=10)
        newest = (await self.engine.store.alarms(query))[0]
        return await super().take_back(newest, code, by=by, **how)


def never_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exercise that was is for ever: neither its instant nor its end counts."""
    at = Asset.drill_at
    known: dict[Any, Any] = {}

    def for_ever(self: Asset, instant: Any) -> Any:
        found = at(self, instant)
        if found is not None:
            known[self.id] = replace(found, until=instant.replace(year=2100))
        return known.get(self.id)

    monkeypatch.setattr(Asset, "drill_at", for_ever)


PLANTED: tuple[tuple[str, type[AlarmDesk] | Any], ...] = (
    ("drills_open_nothing_real", OpensRealCases),
    ("real_presses_are_real", never_ending),
    ("only_codes_take_back", AnyCode),
    ("only_their_own_is_touched", TakesBackAnother),
)


@pytest.mark.parametrize(("checker", "plant"), PLANTED, ids=[name for name, _ in PLANTED])
async def test_a_planted_bug_is_found(
    checker: str, plant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_desk = isinstance(plant, type)
    found: set[str] = set()
    for seed in SEEDS:
        if not is_desk:
            plant(monkeypatch)
        _, told = await day(seed, plant if is_desk else AlarmDesk)
        found |= told.keys()
        if not is_desk:
            monkeypatch.undo()
            monkeypatch.setattr(site_codes, "SCRYPT_N", 2)
        if checker in found:
            return
    assert checker in found, f"{checker} slept; others found {sorted(found)}"


def test_every_checker_of_buttons_has_a_planted_bug() -> None:
    assert {each.__name__ for each in CHECKERS} == {name for name, _ in PLANTED}

"""The machine is sound, and games stay honest, under every policy that is really shipped."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.kernel import towns
from tests.kernel.checkers import check_clocks, check_four_eyes
from tests.kernel.players import bring_to_close, long_game, opened, play
from tocsin.kernel.cases.lint import lint
from tocsin.kernel.cases.machine import MACHINE
from tocsin.kernel.cases.policy import CasePolicy
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack


def _policies(name: str) -> dict[str, CasePolicy]:
    pack = load_pack(builtin(name))
    found = {code: pack.policy(code) for code in sorted(pack.case_types)}
    return {code: policy for code, policy in found.items() if policy is not None}


PACKS = [
    (name, code, policy)
    for name in ("county", "chicago-fixture")
    for code, policy in _policies(name).items()
]


@pytest.mark.parametrize(("name", "code", "policy"), PACKS, ids=lambda value: str(value)[:40])
def test_every_case_type_is_sound_and_playable(
    name: str, code: str, policy: CasePolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lint(MACHINE, policy) == []
    others = [other for pack, _, other in PACKS if pack == name]
    known = {p.case_type: p for p in (policy, *others[:4])}
    for case_type, its in known.items():
        monkeypatch.setitem(towns.POLICIES, case_type, replace(its))
    town = opened(policy)
    for number, move in enumerate(long_game(len(code))):
        play(town, move, ("c1", "c1", "c2")[number % 3])
        town.deliver()
    for name_of in ("c1", "c2"):
        case = town.case(name_of)
        check_four_eyes(town.journal[case.id])
        town.wake(name_of)
        case = town.case(name_of)
        check_clocks(town.journal[case.id], town.now, case.clocks)
        if case.status not in ("refused", "void"):
            assert bring_to_close(town, name_of), town.story()

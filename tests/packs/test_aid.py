"""Aid and stays of a pack: read, checked, explained, in the packs that come along."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.packs.test_explain import HERE, NOW
from tocsin.packs.aid import aid_for
from tocsin.packs.check import check
from tocsin.packs.explain import Supposed, explain
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.packs.model import Pack
from tocsin.packs.stays import STAGES, Stay, merged, stay_of

RULE: dict[str, Any] = {"owner_tier": "county", "unasked": ["county"]}
STAY: dict[str, Any] = {"kind": "engine", "stage": "on_scene", "median_s": 60, "p90_s": 90}


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack(builtin("county"))


def findings(pack: Pack, change: Callable[[dict[str, Any]], None]) -> list[tuple[str, str]]:
    content: Any = copy.deepcopy(dict(pack.content))
    change(content["pack"])
    return [(each.where, each.problem) for each in check(Pack(content))]


@pytest.mark.parametrize("name", ["county", "chicago-fixture"])
def test_both_packs_say_whose_units_go(name: str) -> None:
    found = load_pack(builtin(name))
    assert aid_for(found.aid, "county", None) is not None


def test_the_county_names_a_stay_for_every_kind_that_drives(pack: Pack) -> None:
    for kind in pack.unit_kinds.values():
        if kind.travel != "straight":
            assert stay_of(pack.stays, kind.code, "on_scene") is not None, kind.code
    assert {each.stage for each in pack.stays} == set(STAGES)
    assert all(set(each.source) >= {"en", "zh-CN"} for each in (*pack.stays, *pack.aid))


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ([{**RULE, "unasked": []}], "missing"),
        ([{**RULE, "unasked": ["the-county"]}], "dangling"),
        ([{**RULE, "leads": ["fire"]}], "dangling"),
        ([{**RULE, "on_request": ["county"]}], "bad_value"),
        ([RULE, {**RULE, "leads": ["fire-rescue"]}], "unreachable"),
        ([{**RULE, "owner_tier": "country"}], "bad_value"),
        ([{**RULE, "ask_s": -1}], "bad_value"),
        ([{**RULE, "asks": 1}], "unknown_key"),
    ],
)
def test_rules_of_aid_that_cannot_be_meant(
    pack: Pack, rules: list[dict[str, Any]], problem: str
) -> None:
    found = findings(pack, lambda content: content.update(aid=rules))
    assert problem in [each for _, each in found] and all("aid[" in where for where, _ in found)


@pytest.mark.parametrize(
    ("stay", "problem"),
    [
        ({**STAY, "kind": "tank"}, "dangling"),
        ({**STAY, "stage": "asleep"}, "bad_value"),
        ({**STAY, "median_s": 0}, "bad_value"),
        ({**STAY, "p90_s": 59}, "bad_value"),
        ({key: value for key, value in STAY.items() if key != "p90_s"}, "missing"),
        ({**STAY, "share": 0}, "bad_value"),
    ],
)
def test_stays_that_cannot_be_meant(pack: Pack, stay: dict[str, Any], problem: str) -> None:
    found = findings(pack, lambda content: content.update(stay=[stay]))
    assert problem in [each for _, each in found]
    twice = findings(pack, lambda content: content.update(stay=[STAY, STAY]))
    assert [each for _, each in twice] == ["duplicate"]


def test_a_rule_for_leads_comes_before_the_one_for_all(pack: Pack) -> None:
    rules = [{**RULE, "leads": ["fire-rescue"], "unasked": ["town"]}, RULE]
    assert findings(pack, lambda content: content.update(aid=rules)) == []


def test_explain_says_whose_units_go(pack: Pack) -> None:
    told = explain(pack, HERE, Supposed(NOW, "building-fire"), "en")
    assert "Units sent without asking are those of: the county, the town" in told
    assert "On request, those of: other towns" in told
    assert "可请求支援的力量所属" in explain(pack, HERE, Supposed(NOW, "building-fire"), "zh-CN")


def test_what_was_fitted_goes_before_the_packs() -> None:
    own, other = Stay("engine", "on_scene", 60, 90), Stay("truck", "on_scene", 70, 90)
    fitted = Stay("engine", "on_scene", 600, 900)
    assert merged((own, other), (fitted,)) == (fitted, other)

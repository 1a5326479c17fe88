"""The county pack keeps its promises to the field: themes, profiles, confidentiality."""

import pytest

from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.packs.model import Pack

# Section 4 of the specification of the loop, theme by theme.
THEMES = {
    "fire and smoke": ["building-fire", "vehicle-fire", "wildfire", "smoke-alarm"],
    "medical": ["medical-emergency", "food-poisoning"],
    "rescue": ["person-trapped", "water-rescue"],
    "gas, power and water failure": ["gas-leak", "power-outage", "water-outage", "burst-main"],
    "flooding": ["flooding"],
    "traffic accident": ["traffic-accident"],
    "hazardous goods": ["hazardous-spill"],
    "lifts": ["lift-entrapment", "lift-fault"],
    "school alarm": ["school-alarm"],
    "public order": ["public-disturbance"],
    "missing child": ["missing-child"],
    "noise": ["noise-nightlife", "noise-construction"],
    "lighting": ["street-light-out"],
    "roads": ["pothole", "road-obstruction"],
    "waste": ["overflowing-bin"],
    "drains": ["blocked-drain"],
    "trees": ["fallen-tree", "tree-care"],
    "illegal dumping": ["illegal-dumping"],
    "stray animals": ["stray-animal"],
    "licences and service complaints": ["licence-delay", "service-complaint"],
    "wage disputes": ["wage-arrears"],
    "neighbour and family disputes": ["neighbour-dispute", "family-dispute"],
    "consumer and scam reports": ["consumer-complaint", "scam-report"],
    "suggestions": ["suggestion"],
}


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack(builtin("county"))


@pytest.mark.parametrize("theme", sorted(THEMES))
def test_every_theme_has_its_types(pack: Pack, theme: str) -> None:
    assert set(THEMES[theme]) <= set(pack.case_types)


def test_there_are_at_least_forty_types_and_each_group_has_some(pack: Pack) -> None:
    assert len(pack.case_types) >= 40
    groups = [case_type.group for case_type in pack.case_types.values()]
    assert {group.code for group in pack.groups} == set(groups)
    assert groups == sorted(groups, key=[group.code for group in pack.groups].index)


def test_emergencies_run_by_day_and_night(pack: Pack) -> None:
    emergencies = [t for t in pack.case_types.values() if t.terms.profile == "emergency"]
    assert len(emergencies) >= 15
    for case_type in emergencies:
        policy = pack.policy(case_type.code)
        assert policy is not None
        assert policy.fast_path
        assert policy.priority in (1, 2)
        assert case_type.script, f"{case_type.code} has no questions for the call taker"
        for name in ("accept", "dispatch", "acknowledge"):
            clock = policy.clock(name)
            assert clock is not None
            assert clock.allowance.kind == "urgent_hours"
            assert clock.allowance.amount <= 300


def test_disputes_are_sealed_and_mediated(pack: Pack) -> None:
    for code in ("neighbour-dispute", "family-dispute", "wage-arrears"):
        policy = pack.policy(code)
        assert policy is not None
        assert (policy.profile, policy.sealed) == ("mediation", True)
        assert policy.verification.by == "reporter"


def test_a_missing_child_is_a_rescue_without_a_register(pack: Pack) -> None:
    for code in ("missing-child", "missing-adult"):
        policy = pack.policy(code)
        assert policy is not None
        assert (policy.profile, policy.sealed) == ("emergency", True)
        assert policy.retention_days <= 90
        assert pack.case_types[code].group == "rescue"
    assert "no register" in pack.case_types["missing-child"].description["en"]
    assert "不建立" in pack.case_types["missing-child"].description["zh-CN"]


def test_every_miss_is_told_and_every_ladder_has_four_rungs(pack: Pack) -> None:
    for code in pack.case_types:
        policy = pack.policy(code)
        assert policy is not None
        for clock in (*policy.clocks, *(urge.clock for urge in policy.urges)):
            assert [rung.percent for rung in clock.ladder] == [50, 75, 100, 150]
            assert all(rung.tell for rung in clock.ladder)


def test_no_form_asks_who_someone_is(pack: Pack) -> None:
    """No plates, faces, identity numbers or names of persons: places and things only."""
    forbidden = {"plate", "identity", "passport", "face", "name", "suspect", "phone", "email"}
    for case_type in pack.case_types.values():
        for field in case_type.form:
            assert not forbidden & set(field.code.split("_")), field.code


def test_messages_of_a_family_dispute_do_not_name_the_matter(pack: Pack) -> None:
    reporters = [key for key in pack.parsed.messages if key.startswith(("reporter_", "received"))]
    assert len(reporters) >= 12
    for key in reporters:
        for language in pack.languages:
            text = pack.text(key, language, case_type="family-dispute")
            assert "amily" not in text
            assert "家庭" not in text
    assert "Pothole" in pack.text("reporter_verified", "en", case_type="pothole")


def test_no_text_shouts(pack: Pack) -> None:
    for case_type in pack.case_types.values():
        for words in (case_type.title, case_type.description, *case_type.script):
            for text in words.values():
                assert "!" not in text
                assert "！" not in text

"""The county pack is whole, quick to ask, and says the same on both calendars."""

from datetime import UTC, datetime

import pytest

from tocsin.kernel.shared import AgencyId, AreaId, AreaPath, Refused
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.packs.model import Pack
from tocsin.packs.registry import Registry, dump, restore

KALLIO = AreaPath(AreaId("helsinki"), AreaId("kallio"), AreaId("linjat"), AreaId("k-17"))
NOON = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack(builtin("county"))


def test_each_calendar_gives_its_own_version_and_zone(pack: Pack) -> None:
    finnish = load_pack(builtin("county"), calendar="finland-2026")
    assert pack.zone == "Asia/Shanghai"
    assert finnish.zone == "Europe/Helsinki"
    assert finnish.version != pack.version
    policy = finnish.policy("pothole")
    assert policy is not None
    assert {clock.calendar.name for clock in policy.clocks} == {"finland-2026"}
    other = finnish.policy("pothole", "china-2026")
    assert other is not None
    assert {clock.calendar.name for clock in other.clocks} == {"china-2026"}


def test_an_emergency_runs_in_minutes_and_may_go_straight_out(pack: Pack) -> None:
    policy = pack.policy("building-fire")
    assert policy is not None
    assert (policy.profile, policy.priority, policy.fast_path) == ("emergency", 1, True)
    accept = policy.clock("accept")
    assert accept is not None
    assert (accept.allowance.kind, accept.allowance.amount) == ("urgent_hours", 120)
    assert [rung.percent for rung in accept.ladder] == [50, 75, 100, 150]


def test_a_route_names_agencies_of_the_place_on_their_tier(pack: Pack) -> None:
    choice = pack.choose_route("building-fire", KALLIO, NOON)
    assert choice is not None
    assert choice.route.lead == AgencyId("fire-rescue@helsinki")
    assert AgencyId("fire-station@kallio") in choice.route.assisting
    assert [reason.rule for reason in choice.why] == ["brigade"]


def test_a_route_says_why_earlier_rules_did_not_match(pack: Pack) -> None:
    choice = pack.choose_route("illegal-dumping", KALLIO, datetime(2026, 3, 3, 3, tzinfo=UTC))
    assert choice is not None
    assert choice.route.rule == "by-day"
    failed = [(reason.rule, reason.failed.kind) for reason in choice.why if reason.failed]
    assert failed == [("hazardous-waste", "answer"), ("by-night", "hours")]
    assert choice.why[-1].is_match


def test_unknown_types_have_no_policy_and_no_route(pack: Pack) -> None:
    assert pack.policy("volcano") is None
    assert pack.choose_route("volcano", KALLIO, NOON) is None
    assert isinstance(pack.check_answers("volcano", {}), Refused)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("There is smoke from a window and the house is on fire", "building-fire"),
        ("小区楼道里煤气味很重", "gas-leak"),
        ("The street light is out", "street-light-out"),
        ("路灯不亮", "street-light-out"),
    ],
)
def test_words_lead_to_a_type(pack: Pack, text: str, code: str) -> None:
    guesses = pack.guess(text, None)
    assert guesses[0][0] == code
    assert 0 < sum(share for _, share in guesses) <= 1.0001
    assert guesses == pack.guess(text, "en")


def test_a_text_without_known_words_is_no_guess(pack: Pack) -> None:
    assert pack.guess("qwxz 12345", "en") == ()
    assert pack.guess("", None) == ()


def test_a_pinned_version_comes_back_from_its_bytes(pack: Pack) -> None:
    again = restore(dump(pack))
    assert again.version == pack.version
    assert {code: again.policy(code) for code in again.case_types} == {
        code: pack.policy(code) for code in pack.case_types
    }


def test_a_registry_keeps_old_versions_for_old_cases(pack: Pack) -> None:
    newer = load_pack(builtin("county"), calendar="finland-2026")
    registry = Registry(pack)
    registry.use(newer)
    assert registry.current("pothole") == newer.policy("pothole")
    assert registry.policy(pack.version, "pothole") == pack.policy("pothole")
    assert registry.policy("county-unknown", "pothole") is None
    assert registry.current_pack is newer

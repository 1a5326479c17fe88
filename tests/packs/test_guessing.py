"""Residents' own words find their type: sentences that are not among the pack's examples."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.kernel.shared import AreaId, AreaPath, Refused
from tocsin.packs.answers import Answers
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.packs.messages import SLOTS, fill
from tocsin.packs.model import Pack

PACK: Pack = load_pack(builtin("county"))
HERE = AreaPath(AreaId("c"), AreaId("t"), AreaId("v"), AreaId("x"))

SAID = [
    ("the neighbour upstairs leaks water on us", "neighbour-dispute"),
    ("there is a fire in the kitchen of the flat below", "building-fire"),
    ("someone phoned pretending to be the bank, is it a scam", "scam-report"),
    ("dog running loose in the park", "stray-animal"),
    ("there is a big hole in the road", "pothole"),
    ("lamp post on my street does not work", "street-light-out"),
    ("man lying on the ground not breathing", "medical-emergency"),
    ("car crash on highway", "traffic-accident"),
    ("rubbish bins are full", "overflowing-bin"),
    ("there is smoke coming from the forest", "wildfire"),
    ("I smell gas", "gas-leak"),
    ("elevator stuck with my grandmother inside", "lift-entrapment"),
    ("somebody fell in the lake", "water-rescue"),
    ("the boss did not pay our salary", "wage-arrears"),
    ("no electricity since morning", "power-outage"),
    ("sewage smell in the street", "blocked-drain"),
    ("sofa dumped on the corner", "illegal-dumping"),
    ("loud party next door", "noise-nightlife"),
    ("the road is flooded", "flooding"),
    ("tree fell on a car", "fallen-tree"),
    ("家里着火了，快来人", "building-fire"),
    ("电梯把人困住了", "lift-entrapment"),
    ("路上有个大坑", "pothole"),
    ("路灯不亮了", "street-light-out"),
    ("孩子找不到了", "missing-child"),
    ("老板不给工资", "wage-arrears"),
    ("饭店不卫生", "food-safety"),
    ("楼上天天吵闹，和邻居吵架", "neighbour-dispute"),
    ("小区停水了", "water-outage"),
    ("家里停电", "power-outage"),
    ("有人溺水", "water-rescue"),
    ("垃圾没人收", "overflowing-bin"),
    ("下水道堵了", "blocked-drain"),
    ("施工太吵了", "noise-construction"),
    ("狗咬人了", "dangerous-animal"),
    ("我被骗了三万块", "scam-report"),
    ("车祸，有人受伤", "traffic-accident"),
    ("树倒在路上", "fallen-tree"),
    ("楼道里有煤气味", "gas-leak"),
    ("物业不作为", "property-management"),
    ("建议多建停车场", "suggestion"),
]


@pytest.mark.parametrize(("text", "code"), SAID)
def test_a_sentence_finds_its_type_among_three(text: str, code: str) -> None:
    assert code in [guess for guess, _ in PACK.guess(text)]


def test_the_first_guess_is_mostly_right() -> None:
    right = sum(PACK.guess(text)[0][0] == code for text, code in SAID)
    assert right >= len(SAID) * 0.9


@given(st.text(max_size=2_000))
def test_guessing_takes_any_text(text: str) -> None:
    guesses = PACK.guess(text)
    shares = [share for _, share in guesses]
    assert len(guesses) <= 3
    assert shares == sorted(shares, reverse=True)
    assert all(0 < share <= 1 for share in shares)
    assert guesses == PACK.guess(text)


INSTANTS = st.integers(0, 366 * 1_440).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
ANSWERS = st.dictionaries(
    st.sampled_from(sorted({f.code for t in PACK.case_types.values() for f in t.form})),
    st.lists(st.text(max_size=20) | st.sampled_from(["yes", "no", "5", "30"]), max_size=3),
)


@given(st.sampled_from(sorted(PACK.case_types)), INSTANTS, ANSWERS)
def test_there_is_always_a_route_with_its_reasons(
    code: str, at: datetime, answers: dict[str, list[str]]
) -> None:
    choice = PACK.choose_route(code, HERE, at, answers)
    assert choice is not None
    assert choice.why[-1].is_match
    assert not any(reason.is_match for reason in choice.why[:-1])
    assert choice.why[-1].rule == choice.route.rule
    assert choice.route.lead not in choice.route.assisting


@given(st.sampled_from(sorted(PACK.case_types)), ANSWERS)
def test_answers_are_kept_or_refused(code: str, answers: dict[str, list[str]]) -> None:
    found = PACK.check_answers(code, answers)
    assert isinstance(found, Answers | Refused)
    if isinstance(found, Answers):
        sealed = {field.code for field in PACK.case_types[code].form if field.sealed}
        assert not sealed & {key for key, _ in found.plain}


@given(st.dictionaries(st.sampled_from(sorted(SLOTS)), st.text(max_size=30)))
def test_a_value_never_becomes_a_slot(values: dict[str, str]) -> None:
    template = " ".join(f"<{{{slot}}}>" for slot in sorted(SLOTS))
    expected = " ".join(f"<{values.get(slot, '–')}>" for slot in sorted(SLOTS))
    assert fill(template, values) == expected


def test_messages_are_filled_in_the_readers_language() -> None:
    text = PACK.text("received", "en", case_type="pothole", code="T-1", promised_at="Friday")
    assert text == (
        "Thank you. We have your report about: Pothole or damaged road. Your tracking code is T-1. "
        "We promise an answer by Friday."
    )
    assert "道路坑洼破损" in PACK.text("received", "zh", case_type="pothole")
    assert PACK.text("received", "fi") == PACK.text("received", "en")
    with pytest.raises(KeyError, match="who"):
        PACK.text("received", "en", who="me")
    with pytest.raises(KeyError):
        PACK.text("no_such_message", "en")

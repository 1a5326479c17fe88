"""Forms: what is required is asked for, what is free text is sealed, nothing given is repeated."""

import pytest

from tocsin.kernel.shared import Refused
from tocsin.packs.answers import MAX_TEXT_CHARS, Answers
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.packs.model import Pack

CODE = "4ffa4c69601827691b000018"


@pytest.fixture(scope="module")
def chicago() -> Pack:
    return load_pack(builtin("chicago-fixture"))


@pytest.fixture(scope="module")
def county() -> Pack:
    return load_pack(builtin("county"))


def test_the_fixture_has_fourteen_services_and_the_form_of_the_specification(chicago: Pack) -> None:
    assert len(chicago.services) == 14
    first = next(iter(chicago.services.values()))
    assert (first.service_code, first.title["en"]) == (CODE, "Abandoned Vehicle")
    days, colour = first.form
    assert (days.code, days.kind, days.required) == ("HOWMANYD", "number", True)
    assert (colour.code, colour.kind) == ("FQSKA3", "singlevaluelist")
    assert all(isinstance(code, str) for code in chicago.services)


def test_good_answers_are_kept_and_unknown_ones_dropped(chicago: Pack) -> None:
    given = {"HOWMANYD": ["12"], "FQSKA3": ["RED"], "SHOESIZE": ["44"]}
    assert chicago.check_answers(CODE, given) == Answers(
        (("HOWMANYD", ("12",)), ("FQSKA3", ("RED",)))
    )


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"HOWMANYD": []},
        {"HOWMANYD": ["  "]},
        {"HOWMANYD": ["many"]},
        {"HOWMANYD": ["nan"]},
        {"HOWMANYD": ["inf"]},
        {"HOWMANYD": ["1_000"]},
        {"HOWMANYD": ["٣"]},
        {"HOWMANYD": ["9" * 40]},
        {"HOWMANYD": ["1", "2"]},
        {"HOWMANYD": ["1"], "FQSKA3": ["canary-7"]},
        {"HOWMANYD": ["1"], "FQSKA3": ["RED", "BLUE"]},
    ],
)
def test_bad_answers_are_refused_without_repeating_them(
    chicago: Pack, given: dict[str, list[str]]
) -> None:
    refused = chicago.check_answers(CODE, given)
    assert isinstance(refused, Refused)
    assert refused.reason == "bad_value"
    assert refused.detail.partition(":")[0] in ("HOWMANYD", "FQSKA3")
    assert "canary" not in refused.detail


def test_free_text_is_always_sealed(county: Pack) -> None:
    for case_type in county.case_types.values():
        for field in case_type.form:
            assert field.sealed or field.kind not in ("text", "string"), field.code
    answers = county.check_answers(
        "missing-child",
        {"clothes": ["red coat"], "age_years": ["6"], "last_seen": ["2026-03-03T09:00:00"]},
    )
    assert isinstance(answers, Answers)
    assert answers.plain == (("last_seen", ("2026-03-03T09:00:00",)),)
    assert answers.sealed == (("age_years", "6"), ("clothes", "red coat"))


def test_texts_have_a_limit_and_dates_a_form(county: Pack) -> None:
    long = {"clothes": ["x" * (MAX_TEXT_CHARS + 1)]}
    assert isinstance(county.check_answers("missing-child", long), Refused)
    assert isinstance(county.check_answers("missing-child", {"last_seen": ["noon"]}), Refused)


def test_lists_take_several_keys_once_each(county: Pack) -> None:
    answers = county.check_answers("landslide", {"threat": ["road", "houses", "road"]})
    assert answers == Answers((("threat", ("road", "houses")),))

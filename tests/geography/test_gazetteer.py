"""The place search: how people type places, and what a point is called."""

from __future__ import annotations

import pytest

from tocsin.geography.gazetteer import (
    Content,
    Crossing,
    Found,
    Gazetteer,
    Named,
    Street,
    address_label,
)
from tocsin.geography.word_index import fold, words_of

LON, LAT = 24.94, 60.17
STREETS = (
    Street(
        ("Mannerheimintie", "Mannerheimvägen", "曼纳海姆大街"), LON, LAT,
        (("1", LON, LAT), ("12", LON + 0.001, LAT), ("12 B", LON + 0.0012, LAT),
         ("120", 24.9, 60.2)),
        ((LON - 0.01, LAT, LON + 0.01, LAT),),
    ),
    Street(("Rue de l'Église",), LON + 0.002, LAT + 0.001, (("3", LON + 0.002, LAT + 0.001),)),
    Street(("人民路", "People's Road"), LON + 0.003, LAT, (("12", LON + 0.003, LAT + 0.002),)),
    Street(("5th Avenue",), LON + 0.005, LAT, (("7", LON + 0.005, LAT + 0.003),)),
    Street(("King and Queen Street",), LON + 0.006, LAT + 0.001),
)  # fmt: skip
CROSSINGS = (Crossing(0, 1, LON + 0.002, LAT), Crossing(0, 2, LON + 0.003, LAT))
NAMED = (
    Named(("Mannerheim Museum",), "museum", LON, LAT + 0.01),
    Named(("人民公园", "People's Park"), "park", LON, LAT - 0.005),
    Named(("القاهرة", "Cairo"), "suburb", LON, LAT + 0.004),
)


@pytest.fixture(scope="module")
def town() -> Gazetteer:
    return Gazetteer(Content(STREETS, CROSSINGS, NAMED))


def labels(found: list[Found]) -> list[str]:
    return [each.label for each in found]


@pytest.mark.parametrize(
    ("query", "kind", "label"),
    [
        ("mannerheimintie 12", "address", "Mannerheimintie 12"),
        ("MANNERHEIMINTIE 12b", "address", "Mannerheimintie 12 B"),
        ("mannerheimintie 12 b", "address", "Mannerheimintie 12 B"),
        ("12 mannerheimintie", "address", "Mannerheimintie 12"),
        ("mannerheimvagen 1", "address", "Mannerheimintie 1"),
        ("mannerheimi", "street", "Mannerheimintie"),
        ("rue eglise", "street", "Rue de l'Église"),
        ("RUE DE L'EGLISE 3", "address", "Rue de l'Église 3"),
        ("5th avenue", "street", "5th Avenue"),
        ("5th ave 7", "address", "5th Avenue 7"),
        ("人民路12号", "address", "人民路12号"),
        ("民路", "street", "人民路"),
        ("公园", "name", "人民公园"),
        ("曼纳海姆", "street", "Mannerheimintie"),
        ("القاهرة", "name", "القاهرة"),
        ("king and queen street", "street", "King and Queen Street"),
        ("mannerheimintie / eglise", "crossing", "Mannerheimintie / Rue de l'Église"),
        ("eglise & manner", "crossing", "Rue de l'Église / Mannerheimintie"),
        ("mannerheimintie and rue", "crossing", "Mannerheimintie / Rue de l'Église"),
        ("人民路与曼纳海姆大街", "crossing", "人民路 / Mannerheimintie"),
        ("mannerheimintie eglise", "crossing", "Mannerheimintie / Rue de l'Église"),
    ],
)
def test_what_people_type(town: Gazetteer, query: str, kind: str, label: str) -> None:
    first = town.search(query)[0]
    assert (first.kind, first.label) == (kind, label)


def test_a_half_typed_crossing_lists_the_streets_crossings(town: Gazetteer) -> None:
    assert labels(town.search("mannerheimintie /")) == [
        "Mannerheimintie / Rue de l'Église",
        "Mannerheimintie / 人民路",
        "Mannerheimintie",
    ]


def test_a_number_lists_the_exact_house_first(town: Gazetteer) -> None:
    assert labels(town.search("mannerheimintie 12"))[:3] == [
        "Mannerheimintie 12",
        "Mannerheimintie 12 B",
        "Mannerheimintie 120",
    ]


@pytest.mark.parametrize(
    "query", ["60.17, 24.94", "60.17 24.94", "24.94, 60.17", "60.17，24.94", "60.17° N, 24.94° E"]
)
def test_coordinates_either_way_round(town: Gazetteer, query: str) -> None:
    (found,) = town.search(query)
    assert found == Found("point", "60.17000, 24.94000", 24.94, 60.17)


@pytest.mark.parametrize(
    "query",
    ["", " ", "/", "&", "与", "99", "1 2 3", "号", "%_", "\u202e", "a" * 5000, "/ /", "12号"],
)
def test_nothing_sensible_finds_little_and_never_fails(town: Gazetteer, query: str) -> None:
    assert len(town.search(query)) <= 3


def test_the_limit_holds_and_no_place_comes_twice(town: Gazetteer) -> None:
    assert len(town.search("m", 2)) == 2
    every = town.search("mannerheim", 50)
    assert len({(each.label, each.lon, each.lat) for each in every}) == len(every)


@pytest.mark.parametrize(
    ("lon", "lat", "label"),
    [
        (LON + 0.002, LAT + 0.00005, "Mannerheimintie / Rue de l'Église"),
        (LON + 0.003, LAT + 0.0021, "人民路12号"),
        (LON - 0.008, LAT + 0.0002, "Mannerheimintie"),
        (LON, LAT - 0.0052, "人民公园"),
    ],
)
def test_what_a_point_is_called(town: Gazetteer, lon: float, lat: float, label: str) -> None:
    found = town.near(lon, lat)
    assert found is not None and found.label == label


def test_far_from_everything_a_point_has_no_name(town: Gazetteer) -> None:
    assert town.near(26.0, 62.0) is None
    assert Gazetteer(Content()).near(0, 0) is None
    assert Gazetteer(Content()).search("x") == []


def test_folding_and_labels() -> None:
    assert fold("ÆØÅ Łódź Straße") == "aeoa lodz strasse"
    assert words_of("人民路12号") == ("人民路", "12", "号")
    assert address_label("人民路", "12号") == "人民路12号"


def test_a_large_town_answers() -> None:
    """200,000 houses; how fast is measured by the bench."""
    streets = tuple(
        Street(
            (f"Street {chr(97 + i % 26)}{i}",), LON, LAT,
            tuple((str(n), LON + i / 1e5, LAT + n / 1e5) for n in range(1, 51)),
        )
        for i in range(4000)
    )  # fmt: skip
    large = Gazetteer(Content(streets))
    assert large.search("street a26 17")[0].label == "Street a26 17"

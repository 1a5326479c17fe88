"""Emergency words send people to the telephone; a pack without them is not taken."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tocsin.packs.check import check
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack, read_content
from tocsin.packs.model import Pack

COUNTY = load_pack(builtin("county"))
Content = dict[str, Any]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("There is a FIRE in the stairwell", "fire"),
        ("two fires behind the school", "fire"),
        ("a smell   of\ngas in the cellar", "smell of gas"),
        ("He is unconscious.", "unconscious"),
        ("a man with a knife", "knife"),
        ("三楼着火了", "着火"),
        ("楼道里冒烟", "冒烟"),
        ("厨房有煤气味", "煤气味"),
        ("老人昏迷不醒", "昏迷"),
        ("有人持刀", "持刀"),
        ("palaako? tulipalo pihalla", "tulipalo"),
    ],
)
def test_an_emergency_word_is_found_in_every_language(text: str, word: str) -> None:
    assert word in COUNTY.emergency.found(text)


@pytest.mark.parametrize(
    "text",
    [
        "The street light outside number 12 has been dark for a week",
        "a pile of firewood on the path",
        "no smoking sign is missing",
        "消火栓漏水",
        "小区门口的路灯不亮已经一个星期了",
        "",
    ],
)
def test_an_ordinary_report_is_none(text: str) -> None:
    assert COUNTY.emergency.found(text) == ()


@pytest.mark.parametrize(
    ("calendar", "numbers"), [("china-2026", ["119", "120", "110"]), ("finland-2026", ["112"])]
)
def test_the_numbers_are_those_of_the_nodes_calendar(calendar: str, numbers: list[str]) -> None:
    pack = load_pack(builtin("county"), calendar=calendar)
    assert [each.number for each in pack.emergency_numbers] == numbers


PLANTED: dict[str, Callable[[Content], object]] = {
    "emergency missing": lambda pack: pack.pop("emergency"),
    "number bad_value": lambda pack: pack["emergency"]["number"][0].update(number="call 112"),
    "name language_missing": lambda pack: pack["emergency"]["number"][0]["name"].pop("en"),
    "calendars dangling": lambda pack: pack["emergency"]["number"][0].update(
        calendars=["finnland"]
    ),
    "number missing": lambda pack: pack["emergency"]["number"].pop(0),
    "en language_missing": lambda pack: pack["emergency"]["words"].pop("en"),
    "worst unknown_key": lambda pack: pack["emergency"].update(worst=1),
}


@pytest.mark.parametrize("planted", sorted(PLANTED))
def test_the_check_finds_what_is_wrong(planted: str) -> None:
    content: Content = json.loads(json.dumps(read_content(builtin("county"))))
    PLANTED[planted](content["pack"])
    key, problem = planted.split()
    found = check(Pack(content))
    assert any(each.where.endswith(key) and each.problem == problem for each in found), found

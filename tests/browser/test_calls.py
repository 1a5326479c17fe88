"""Taking a call: by keyboard alone, known cases by one key, an emergency that is asked on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import OpenPage, shoot
from tests.browser.guard import axe_faults
from tests.browser.test_board import live
from tests.browser.town import Staff, Town

HOUSE = "Bulevardi 12"
CROSSING = "Aleksanterinkatu / Fabianinkatu"
ELSEWHERE = {"lon": 24.94729, "lat": 60.17748}
"""A corner where no other test reports anything."""


@pytest.fixture
def taker(town: Town) -> Staff:
    return town.person("call_taker")


@pytest.fixture
def form(visit: OpenPage, taker: Staff) -> Iterator[Page]:
    """The open form of a call taker, with the first field ready."""
    page = visit("/console/new", taker.login)
    expect(page.locator("#where")).to_be_focused()
    yield page


def places(page: Page) -> Locator:
    return page.locator("#where-list [role=option]")


def at(page: Page, words: str = HOUSE) -> None:
    """Types a place and takes the first that is found."""
    page.locator("#where").focus()
    page.keyboard.type(words)
    expect(page.locator(f"#where-list[data-asked='{words}'] [role=option]").first).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("[data-place]")).to_be_visible()


def taken(page: Page, taker: Staff) -> Any:
    """The case of the receipt on the screen."""
    expect(page.locator("[data-receipt]")).to_be_visible()
    return taker.case(page.locator("[data-receipt]").get_attribute("data-receipt") or "")


def choose(page: Page, code: str) -> None:
    page.locator("#type").fill(code)
    page.keyboard.press("Enter")
    expect(page.locator(f"[data-questions={code}]")).to_be_visible()


def test_a_whole_call_by_keyboard_alone(visit: OpenPage, taker: Staff) -> None:
    page = visit("/console/board", taker.login)
    live(page)
    keys = page.keyboard
    keys.press("n")
    expect(page.locator("#where")).to_be_focused()
    keys.type("Bulevardi 1")
    expect(places(page)).not_to_have_count(0)
    expect(page.locator("#where")).to_have_attribute("aria-activedescendant", "where-0")
    keys.press("ArrowDown")
    chosen = page.locator("#where-list [aria-selected=true]")
    expect(chosen).to_have_attribute("id", "where-1")
    label = chosen.locator("span").first.inner_text()
    keys.press("Enter")
    expect(page.locator("[data-place]")).to_contain_text(label)
    expect(page.locator("#what")).to_be_focused()
    keys.press("Shift+Tab")
    keys.type("By the red door")
    keys.press("Tab")
    keys.type("The street light is dark, the lamp does not burn")
    expect(page.locator("[data-guesses] button").first).to_contain_text("Alt+1")
    keys.press("Alt+1")
    expect(page.locator("[data-outlook]")).to_contain_text("Street light out")
    expect(page.locator("[data-goes]")).to_contain_text("Goes to")
    for name, told in (("accept", "2 working hours"), ("close", "7 working days")):
        promise = page.locator(f"[data-promise={name}]")
        expect(promise).to_contain_text(f"within {told}")
        expect(promise).to_contain_text("by ")
    for _ in range(9):
        keys.press("Tab")
        if page.evaluate("document.activeElement.dataset.field") == "pole_number":
            break
    keys.type("217")
    keys.press("Tab")
    keys.press("ArrowDown")
    keys.press("Control+Enter")
    case = taken(page, taker)
    report = case["reports"][0]
    assert case["case_type"] == "street-light-out"
    assert [name for name, _ in report["answers"]] == ["lights"]  # the pole is among the sealed
    assert case["place"] is not None
    expect(page.locator("#receipt")).to_be_focused()
    keys.press("n")
    expect(page.locator("#where")).to_be_focused()


def test_keys_pressed_before_the_answer_choose_from_the_answer(form: Page) -> None:
    """Not from the list of the words before: Enter there would send a crew to another house."""
    late: list[Route] = []
    form.route("**/api/places?*12*", lambda route: late.append(route))
    form.keyboard.type("Bulevardi 1")
    expect(form.locator("#where-list[data-asked='Bulevardi 1'] [role=option]")).not_to_have_count(0)
    with form.expect_request("**/api/places?*12*"):
        form.keyboard.type("2")
    form.keyboard.press("Enter")
    form.wait_for_timeout(100)  # long enough for a choice that must not be made
    expect(form.locator("[data-place]")).to_have_count(0)
    for each in late:
        each.continue_()
    expect(form.locator("[data-place]")).to_contain_text(HOUSE)


def test_the_next_call_shows_nothing_of_the_last(form: Page, taker: Staff) -> None:
    at(form)
    form.keyboard.type("Deep pothole in the road")
    expect(form.locator("[data-guesses] button").first).to_be_visible()
    form.locator("#sees").fill("Opposite the bakery")
    form.locator("#name").fill("Maija Meikäläinen")
    form.locator("#phone").fill("+358 40 1234567")
    choose(form, "pothole")
    form.locator("[data-field=size]").select_option(index=1)
    form.get_by_role("checkbox").check()
    form.keyboard.press("Control+Enter")
    taken(form, taker)
    form.keyboard.press("n")
    expect(form.locator("#where")).to_be_focused()
    for field in ("where", "sees", "what", "type", "name", "phone"):
        expect(form.locator(f"#{field}")).to_have_value("")
    expect(form.get_by_role("checkbox")).not_to_be_checked()
    gone = "[data-place], [data-guesses], [data-questions], [data-twin], [data-outlook]"
    expect(form.locator(gone)).to_have_count(0)
    choose(form, "pothole")
    expect(form.locator("[data-field=size]")).to_have_value("")


def test_a_known_case_takes_one_key_from_any_field(form: Page, taker: Staff) -> None:
    known = taker.report("fallen-tree", "A fallen tree blocks the path", place=ELSEWHERE)["case_id"]
    at(form, f"{ELSEWHERE['lat']}, {ELSEWHERE['lon']}")
    twin = form.locator(f"[data-twin='{known}']")
    expect(twin).to_be_visible()
    form.keyboard.type("A fallen tree on the path, nobody gets through")
    key = twin.locator("button").get_attribute("aria-keyshortcuts") or ""
    assert key.startswith("Alt+")
    expect(twin.locator("kbd")).to_have_text(key)
    form.get_by_role("button", name="All keys").click()
    expect(form.get_by_role("dialog")).to_contain_text(key)
    expect(form.get_by_role("dialog")).to_contain_text("Alt+1")
    form.keyboard.press("Escape")
    form.locator("#phone").fill("0401234567")
    form.keyboard.press(key)
    assert taken(form, taker)["id"] == known
    expect(form.get_by_role("heading", name="Added to a known case")).to_be_visible()
    assert len(taker.case(known)["reports"]) == 2


def test_likely_cases_appear_while_one_types(form: Page, taker: Staff) -> None:
    place = {"lon": 24.9466, "lat": 60.1774}
    for case_type in ("pothole", "street-light-out"):
        taker.report(case_type, "Something else altogether", place=place)
    bin_ = taker.report("overflowing-bin", "The bin by the kiosk overflows", place=place)["case_id"]
    at(form, f"{place['lat']}, {place['lon']}")
    expect(form.locator("[data-twin]").first).to_be_visible()
    form.keyboard.type("The bin by the kiosk overflows")
    expect(form.locator("[data-twin]").first).to_have_attribute("data-twin", bin_)
    expect(form.locator("#what")).to_be_focused()


def test_an_emergency_is_sent_at_once_and_asked_on(form: Page, taker: Staff) -> None:
    at(form)
    form.keyboard.type("There is a fire in the kitchen, flames and smoke")
    expect(form.locator("[data-guesses] button").first).to_be_visible()
    choose(form, "building-fire")
    script = form.locator("[data-script=building-fire]")
    expect(script).to_be_visible()
    expect(script).to_contain_text("Priority 1")
    form.keyboard.press("Control+Shift+Enter")
    case = taken(form, taker)
    assert case["status"] == "dispatched"
    expect(script).to_be_visible()
    expect(form.locator("[data-field=people_inside]")).to_be_focused()
    form.keyboard.type("y")
    form.keyboard.press("Tab")
    form.keyboard.type("3")
    form.locator("#more").fill("The stairs are full of smoke.")
    # What was asked must not be lost by haste.
    form.keyboard.press("Escape")
    form.keyboard.press("n")
    expect(form.locator("main [role=alert]").first).to_contain_text("Add it as a note first")
    form.keyboard.press("Control+Enter")
    expect(form.locator("#more")).to_have_value("")
    assert taker.case(case["id"])["counts"]["notes"] == 1
    form.keyboard.press("n")
    expect(form.locator("#where")).to_be_focused()
    expect(script).to_have_count(0)


def test_coordinates_are_a_place(form: Page, taker: Staff) -> None:
    at(form, "60.16899, 24.94933")
    form.keyboard.type("Rubbish everywhere")
    choose(form, "overflowing-bin")
    form.keyboard.press("Control+Enter")
    place = taken(form, taker)["place"]
    assert (round(place["lon"], 4), round(place["lat"], 4)) == (24.9493, 60.169)


def test_a_click_on_the_map_is_a_place(form: Page, taker: Staff) -> None:
    expect(form.locator("[data-map=ready]")).to_be_visible(timeout=30_000)
    form.locator("canvas.maplibregl-canvas").click()
    expect(form.locator("[data-place]")).to_be_visible()
    choose(form, "pothole")
    form.keyboard.press("Control+Enter")
    assert taken(form, taker)["place"] is not None


def test_a_crossing_is_a_place(form: Page) -> None:
    at(form, CROSSING)
    expect(form.locator("[data-place]")).to_contain_text(CROSSING)


def test_what_the_caller_sees_is_enough(form: Page, taker: Staff) -> None:
    choose(form, "pothole")
    form.keyboard.press("Control+Enter")
    expect(form.locator("main [role=alert]").first).to_contain_text("Say where")
    form.locator("#sees").fill("A yellow tower behind the market hall")
    form.keyboard.press("Control+Enter")
    assert taken(form, taker)["case_type"] == "pothole"


def test_a_type_is_found_in_both_languages_and_by_code(form: Page) -> None:
    field, options = form.locator("#type"), form.locator("#type-list [role=option]")
    field.press("ArrowDown")
    expect(options.nth(50)).to_be_attached()
    for typed in ("路灯", "light out", "street-light-out"):
        field.fill(typed)
        expect(options.first).to_contain_text("Street light out")
    field.press("Escape")
    expect(form.locator("#type-list")).to_be_hidden()
    expect(field).to_be_focused()
    field.press("ArrowDown")
    field.press("Enter")
    expect(field).to_have_value("Street light out")
    expect(form.locator("[data-questions=street-light-out]")).to_be_visible()


def test_a_guess_that_comes_late_does_not_get_into_what_is_typed(
    visit: OpenPage, taker: Staff
) -> None:
    page = visit("/console/new", taker.login)
    late: list[Route] = []
    page.route("**/api/guess", lambda route: late.append(route))
    field = page.locator("#type")
    with page.expect_request("**/api/guess"):
        page.locator("#what").fill("A fallen tree blocks the road")
        field.focus()
    expect(field).to_have_value("")
    for each in late:
        each.continue_()
    expect(page.locator("[data-guesses] button").first).to_be_visible()
    expect(field).not_to_have_value("")
    page.keyboard.type("building-fire")
    expect(field).to_have_value("building-fire")
    expect(page.locator("#type-list [role=option]")).to_have_count(1)


def test_a_call_that_was_left_is_kept(form: Page) -> None:
    form.locator("#what").fill("Half of a sentence")
    form.keyboard.press("Escape")
    expect(form.locator("#what")).not_to_be_focused()
    form.keyboard.press("Escape")
    live(form)
    form.keyboard.press("n")
    expect(form.locator("#what")).to_have_value("Half of a sentence")
    expect(form.get_by_text("This call was not sent")).to_be_visible()
    form.get_by_role("button", name="Discard this call").click()
    form.get_by_role("button", name="Discard for good").click()
    expect(form.locator("#what")).to_have_value("")


def test_a_kept_call_goes_with_the_person(form: Page, town: Town) -> None:
    form.locator("#name").fill("Maija Meikäläinen")
    form.get_by_role("button", name="Sign out").click()
    expect(form.locator("#login")).to_be_visible()
    town.person("call_taker", 2)
    form.get_by_label("Name").fill("call_taker-2")
    form.get_by_label("Password").fill("seven grey racing horses")
    form.keyboard.press("Enter")
    expect(form.locator("#where")).to_be_visible()
    expect(form.locator("#name")).to_have_value("")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_filled_form_keeps_the_rules(
    visit: OpenPage, taker: Staff, language: str, theme: str
) -> None:
    taker.report("building-fire", "Smoke from a window", place={"lon": 24.9405, "lat": 60.1653})
    page = visit("/console/new", taker.login, language=language, theme=theme)
    at(page)
    page.keyboard.type("A fallen tree blocks the road")
    expect(page.locator("[data-guesses] button").first).to_be_visible()
    expect(page.locator("[data-goes]")).to_be_visible()
    expect(page.locator("[data-map=ready]")).to_be_visible(timeout=30_000)
    page.wait_for_timeout(800)  # the tiles of a picture for people, nothing is asserted on it
    shoot(page, f"call-{language}-{theme}")
    page.locator("#what").fill("Fire in the kitchen, flames and smoke")
    choose(page, "building-fire")
    expect(page.locator("[data-script]")).to_be_visible()
    expect(page.locator("[data-twin]").first).to_be_visible()
    shoot(page, f"call-emergency-{language}-{theme}")
    assert axe_faults(page) == []
    page.locator("#type").press("ArrowDown")
    expect(page.locator("#type-list")).to_be_visible()
    shoot(page, f"call-types-{language}-{theme}")
    assert axe_faults(page) == []
    page.keyboard.press("Escape")
    page.locator("#where").fill("Bulevardi")
    expect(places(page).first).to_be_visible()
    assert axe_faults(page) == []
    page.keyboard.press("Enter")
    page.keyboard.press("Control+Shift+Enter")
    expect(page.locator("[data-receipt]")).to_be_visible()
    shoot(page, f"call-sent-{language}-{theme}")
    assert axe_faults(page) == []

"""More of the case page: its place, its parts, its photos, its people, and a session that ended."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, shoot
from tests.browser.guard import axe_faults
from tests.browser.town import HOME, PASSWORD, Staff, Town

BOTH = pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("zh-CN", "dark")])


@pytest.fixture
def calls(town: Town) -> Staff:
    return town.person("call_taker")


def opened(visit: OpenPage, town: Town, case: str, role: str = "dispatcher", **how: Any) -> Page:
    page = visit(f"/console/case/{case}", town.person(role).login, **how)
    expect(page.locator(".story li").first).to_be_visible()
    return page


# -- the session ends ------------------------------------------------------------------


@BOTH
def test_a_session_that_ended_stays_told_until_one_is_signed_in(
    visit: OpenPage, town: Town, calls: Staff, language: str, theme: str
) -> None:
    case = calls.report("pothole")["case_id"]
    page = opened(visit, town, case, language=language, theme=theme)
    page.keyboard.press(".")
    note = page.locator("form[data-verb=add_note] textarea")
    note.fill("Half a metre deep.")
    page.context.clear_cookies()
    page.keyboard.press("Control+Enter")
    name = page.locator("dialog #login")
    expect(name).to_be_focused()
    assert axe_faults(page) == []
    for _ in range(4):  # a browser lets the second one through unasked
        page.keyboard.press("Escape")
        page.wait_for_timeout(50)
    expect(name).to_be_visible()
    name.fill("dispatcher-1")
    page.keyboard.press("Escape")
    expect(name).to_have_value("dispatcher-1")
    page.locator("dialog #password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(name).to_have_count(0)
    expect(note).to_have_value("Half a metre deep.")
    page.locator("form[data-verb=add_note] button[type=submit]").click()
    expect(note).to_have_count(0)
    assert calls.case(case)["counts"]["notes"] == 1


# -- the place -------------------------------------------------------------------------


@BOTH
def test_a_case_with_an_address_only_is_placed_by_keyboard(
    visit: OpenPage, town: Town, calls: Staff, language: str, theme: str
) -> None:
    told = {"source": "phone", "case_type": "pothole", "text": "Deep.", "address": "by the church"}
    case = calls.must("POST", "/api/reports", told)["case_id"]
    page = opened(visit, town, case, language=language, theme=theme)
    page.locator(".doing summary").first.focus()
    page.keyboard.press("Enter")
    button = page.locator(".doing button", has_text={"en": "place"}.get(language, "地点"))
    button.focus()
    page.keyboard.press("Enter")
    form = page.locator("form[data-verb=correct_place]")
    field = form.get_by_role("combobox")
    expect(field).to_be_focused()
    expect(form.locator("[data-from]")).not_to_be_empty()
    page.keyboard.press("Enter")
    expect(form.get_by_role("alert")).not_to_be_empty()
    page.keyboard.type("Bulevardi")
    expect(form.get_by_role("option").first).to_contain_text("Bulevardi")
    assert axe_faults(page) == []
    page.keyboard.press("Escape")
    expect(form.get_by_role("option")).to_have_count(0)
    expect(field).to_have_value("Bulevardi")
    page.keyboard.type(" 1")
    expect(form.get_by_role("option").first).to_be_visible()
    label = (form.get_by_role("option").nth(1).inner_text()).split("\n")[0]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(form.locator("[data-place=chosen]")).to_be_visible()
    assert label.startswith(form.locator("[data-place] b").inner_text())
    expect(form.locator("[data-map=ready]")).to_be_visible()
    page.wait_for_timeout(400)  # for the picture only
    shoot(page, f"case-place-{language}-{theme}")
    assert axe_faults(page) == []
    lon = float(form.locator("[data-field=lon]").input_value())
    page.keyboard.press("Enter")
    expect(form).to_have_count(0)
    assert calls.case(case)["place"]["lon"] == pytest.approx(lon, abs=1e-6)
    expect(page.locator("[data-event=place_corrected]")).to_be_visible()


def test_a_place_is_typed_as_coordinates_or_clicked_on_the_map(
    visit: OpenPage, town: Town, calls: Staff
) -> None:
    case = calls.report("pothole")["case_id"]
    before = calls.case(case)["place"]
    page = opened(visit, town, case)
    page.locator(".facts button").click()
    form = page.locator("form[data-verb=correct_place]")
    expect(form.locator("[data-field=lat]")).to_have_value(f"{before['lat']:.6f}".rstrip("0"))
    form.locator("[data-field=lat]").fill("60.1671")
    form.locator("[data-field=lon]").fill(f"{HOME[0]}")
    form.locator("[data-field=lon]").press("Enter")
    expect(form).to_have_count(0)
    assert calls.case(case)["place"] == {"lat": 60.1671, "lon": HOME[0]}

    page.locator(".facts button").click()
    expect(form.locator("[data-map=ready]")).to_be_visible()
    page.wait_for_timeout(600)  # the map goes to the street
    box = form.locator("canvas").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2 - 60, box["y"] + box["height"] / 2 - 50)
    expect(form.locator("[data-place=chosen]")).to_contain_text("m away")
    form.locator("button[type=submit]").click()
    expect(form).to_have_count(0)
    after = calls.case(case)["place"]
    assert 0.0001 < abs(after["lat"] - 60.1671) < 0.02
    assert after["lon"] < HOME[0]


def test_a_place_outside_the_county_is_refused_and_kept(
    visit: OpenPage, town: Town, calls: Staff
) -> None:
    case = calls.report("pothole")["case_id"]
    page = opened(visit, town, case)
    page.locator(".facts button").click()
    form = page.locator("form[data-verb=correct_place]")
    form.get_by_role("combobox").fill("10.5, 20.25")
    expect(form.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(form.locator("[data-field=lat]")).to_have_value("10.5")
    form.locator("button[type=submit]").click()
    expect(form.get_by_role("alert")).not_to_be_empty()
    expect(form.locator("[data-field=lon]")).to_have_value("20.25")

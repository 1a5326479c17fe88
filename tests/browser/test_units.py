"""Units on the board: seen live, opened, pressed for, sent by keys and by dragging."""

from __future__ import annotations

import math
import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import OpenPage, shoot
from tests.browser.fleet import Rig, fire, rig
from tests.browser.guard import axe_faults
from tests.browser.test_board import live, row
from tests.browser.town import HOME, Town

MAP_PADDING = 24
"""Of the map around the town, as `MapView` fits it."""


def unit_row(page: Page, unit: Rig) -> Locator:
    return page.locator(f'.unit[data-unit="{unit.id}"]')


@pytest.fixture
def desk(visit: OpenPage, town: Town) -> Page:
    town.person("dispatcher")
    page = visit("/console/board?list=units", "dispatcher-1")
    live(page)
    expect(page.locator("[data-shown]")).to_be_visible()
    return page


def stands(page: Page, status: str) -> None:
    """The open unit stands so."""
    expect(page.locator("[data-unit-status]")).to_have_attribute("data-unit-status", status)


def until(page: Page, unit: Rig, status: str) -> None:
    """The node has it too: the screen was ahead of it."""
    for _ in range(100):
        if unit.now()["status"] == status:
            return
        page.wait_for_timeout(50)
    assert unit.now()["status"] == status


def test_a_unit_is_seen_live_with_the_age_of_its_position(desk: Page, town: Town) -> None:
    unit = rig(town)
    expect(unit_row(desk, unit)).to_contain_text("no position")
    unit.drive(HOME[0] + 0.003, HOME[1] + 0.002, heading=90)
    expect(unit_row(desk, unit)).to_contain_text("just now")
    unit_row(desk, unit).click()
    stands(desk, "available")
    unit.press("report-status", status="out_of_service")
    stands(desk, "out_of_service")
    expect(unit_row(desk, unit)).to_have_attribute("data-status", "out_of_service")
    unit.press("end-duty", reason="shift_over")
    desk.mouse.move(900, 500)  # a row that no longer fits stays while one points at the list
    expect(unit_row(desk, unit)).to_have_count(0)


def test_a_change_moves_no_row_under_the_pointer(desk: Page, town: Town) -> None:
    first, second = rig(town), rig(town)
    desk.get_by_role("button", name="Free", exact=True).click()
    expect(unit_row(desk, second)).to_be_visible()
    unit_row(desk, second).hover()
    before = unit_row(desk, second).bounding_box()
    first.press("report-status", status="out_of_service")
    expect(unit_row(desk, first)).to_have_attribute("data-status", "out_of_service")
    assert unit_row(desk, second).bounding_box() == before, "the row above stays while one points"
    desk.mouse.move(900, 500)
    expect(unit_row(desk, first)).to_have_count(0)


def test_a_dispatcher_sends_and_presses_by_keys_alone(desk: Page, town: Town) -> None:
    unit, case = rig(town), fire(town)
    desk.goto(f"/console/board?list=units&case={case}&unit={unit.id}")
    live(desk)
    stands(desk, "available")
    expect(desk.get_by_role("button", name="Send to the chosen case")).to_be_visible()
    desk.keyboard.press("s")
    stands(desk, "dispatched")
    until(desk, unit, "dispatched")
    expect(desk.get_by_role("button", name=re.compile("En route"))).to_be_enabled()
    desk.keyboard.press("1")
    stands(desk, "en_route")
    until(desk, unit, "en_route")
    expect(desk.get_by_role("button", name=re.compile("Recall"))).to_be_enabled()
    desk.keyboard.press("x")
    until(desk, unit, "clear")
    stands(desk, "clear")


def test_one_more_case_needs_a_reason(desk: Page, town: Town) -> None:
    unit, first, second = rig(town), fire(town), fire(town, "Flames from the cellar")
    unit.press("send", case=first, reason="nearest")
    desk.goto(f"/console/board?list=units&case={second}&unit={unit.id}")
    live(desk)
    expect(desk.get_by_role("button", name="Add the chosen case")).to_be_visible()
    desk.keyboard.press("t")
    expect(desk.get_by_role("dialog")).to_contain_text("Why does it wait")
    assert axe_faults(desk) == []
    desk.get_by_role("dialog").get_by_role("button", name="Add the chosen case").click()
    expect(desk.locator(".side section .case")).to_have_count(2)
    assert [each["is_stacked"] for each in unit.now()["cases"]] == [False, True]


def test_a_refused_press_is_taken_back_and_explained(desk: Page, town: Town) -> None:
    unit = rig(town)
    desk.goto(f"/console/board?list=units&unit={unit.id}")
    live(desk)
    stands(desk, "available")
    # Somebody else is faster: the screen still offers what was possible a moment ago.
    desk.route("**/report-status", lambda route: _after(route, unit))
    desk.get_by_role("button", name=re.compile("Returning")).click()
    expect(desk.locator(".notices .refused")).to_contain_text(unit.name)
    stands(desk, "off_duty")


def _after(route, unit: Rig) -> None:
    unit.press("end-duty", reason="shift_over")
    route.continue_()


def test_a_case_takes_no_keys_while_the_panel_of_a_unit_is_on_its_way(
    desk: Page, town: Town
) -> None:
    """ "s" sends the unit; on the case below it would start the work."""
    unit, case = rig(town), fire(town, "Smoke from the bakery")
    held: list[Route] = []
    is_held = True
    desk.route(
        "**/assets/parts-*.js",
        lambda route: held.append(route) if is_held else route.continue_(),
    )
    desk.goto(f"/console/board?case={case}&unit={unit.id}")
    live(desk)
    expect(desk.locator(".side")).to_contain_text("Loading")
    expect(desk.locator(".side [aria-keyshortcuts]")).to_have_count(0)
    is_held = False
    for each in held:
        each.continue_()
    expect(desk.locator(".side")).to_contain_text(unit.name)
    expect(desk.locator(".side [aria-keyshortcuts=s]")).to_have_count(1)


def test_a_unit_is_dragged_from_the_list_onto_a_case(desk: Page, town: Town) -> None:
    unit, case = rig(town), fire(town, "Smoke above the cinema")
    desk.goto(f"/console/board?list=units&case={case}")
    live(desk)
    expect(desk.locator(".side h2")).to_be_visible()
    unit_row(desk, unit).scroll_into_view_if_needed()
    start, end = unit_row(desk, unit).bounding_box(), desk.locator(".side h2").bounding_box()
    assert start is not None and end is not None
    desk.mouse.move(start["x"] + 60, start["y"] + 20)
    desk.mouse.down()
    desk.mouse.move(start["x"] + 90, start["y"] + 40, steps=3)
    expect(desk.locator("[data-ghost]")).to_contain_text(unit.name)
    desk.mouse.move(end["x"] + 20, end["y"] + 8, steps=6)
    expect(desk.locator("[data-ghost].on")).to_be_visible()
    desk.mouse.up()
    until(desk, unit, "dispatched")
    assert [each["case"] for each in unit.now()["cases"]] == [case]
    expect(desk.locator(".notices")).to_contain_text(f"{unit.name} was sent")
    expect(desk.locator(f"[data-on-case='{unit.id}']")).to_be_visible()


def pixel(page: Page, town: Town, lon: float, lat: float) -> tuple[float, float]:
    """Where a place is on the map as it opens: the whole town, fitted (Web Mercator)."""
    west, south, east, north = town.person("dispatcher").must("GET", "/api/areas")["bounds"]
    box = page.locator("canvas.maplibregl-canvas").bounding_box()
    assert box is not None

    def upward(degrees: float) -> float:
        return math.degrees(math.asinh(math.tan(math.radians(degrees))))

    room = box["width"] - 2 * MAP_PADDING, box["height"] - 2 * MAP_PADDING
    scale = min(room[0] / (east - west), room[1] / (upward(north) - upward(south)))
    x = box["x"] + box["width"] / 2 + (lon - (west + east) / 2) * scale
    middle = (upward(north) + upward(south)) / 2
    return x, box["y"] + box["height"] / 2 - (upward(lat) - middle) * scale


def test_a_unit_is_dragged_from_the_map_onto_a_case_on_the_map(desk: Page, town: Town) -> None:
    unit, (lon, lat) = rig(town), (24.9440, 60.1725)
    there = {"lon": lon, "lat": lat + 0.0030, "datum": "wgs84"}
    more = {"place": there, "dispatch_now": True}
    case = town.person("call_taker").report("vehicle-fire", "Smoke above the bakery", **more)
    unit.drive(lon, lat)
    desk.goto("/console/board?list=units&type=vehicle-fire")  # the map shows what the list does
    live(desk)
    expect(desk.locator("[data-map=ready]")).to_be_visible(timeout=60_000)
    desk.wait_for_timeout(1_500)  # signs are drawn a little after the map
    canvas = desk.locator("canvas.maplibregl-canvas")
    start, end = pixel(desk, town, lon, lat), pixel(desk, town, lon, lat + 0.0030)
    desk.mouse.move(start[0] + 60, start[1] + 60)
    desk.mouse.move(*start, steps=3)
    expect(canvas).to_have_css("cursor", "pointer")
    desk.mouse.down()
    desk.mouse.move(start[0] + 4, start[1] - 20, steps=4)
    expect(desk.locator("[data-ghost]")).to_contain_text(unit.name)
    desk.mouse.move(*end, steps=8)
    expect(desk.locator("[data-ghost].on")).to_be_visible()
    desk.mouse.up()
    until(desk, unit, "dispatched")
    assert [each["case"] for each in unit.now()["cases"]] == [case["case_id"]]
    expect(desk.locator(".notices")).to_contain_text(f"{unit.name} was sent")


def test_a_drag_that_ends_elsewhere_sends_nobody(desk: Page, town: Town) -> None:
    unit = rig(town)
    unit_row(desk, unit).scroll_into_view_if_needed()
    start = unit_row(desk, unit).bounding_box()
    assert start is not None
    desk.mouse.move(start["x"] + 60, start["y"] + 20)
    desk.mouse.down()
    desk.mouse.move(start["x"] + 90, 30, steps=4)
    expect(desk.locator("[data-ghost]")).to_be_visible()
    desk.keyboard.press("Escape")
    expect(desk.locator("[data-ghost]")).to_have_count(0)
    desk.mouse.up()
    assert unit.now()["status"] == "available"


def test_a_call_taker_sees_units_and_sends_none(visit: OpenPage, town: Town) -> None:
    unit = rig(town)
    town.person("call_taker")
    page = visit(f"/console/board?list=units&unit={unit.id}", "call_taker-1")
    live(page)
    stands(page, "available")
    expect(
        page.get_by_role("button", name=re.compile("Recall|Send to|Out of service"))
    ).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_units_keep_the_rules(visit: OpenPage, town: Town, language: str, theme: str) -> None:
    unit, case = rig(town), fire(town)
    unit.drive(HOME[0] + 0.004, HOME[1] + 0.003, heading=45)
    page = visit(
        f"/console/board?list=units&case={case}&unit={unit.id}",
        "dispatcher-1",
        language=language,
        theme=theme,
    )
    live(page)
    stands(page, "available")
    expect(page.locator("[data-map=ready]")).to_be_visible(timeout=30_000)
    page.wait_for_timeout(800)  # the tiles of a picture for people, nothing is asserted on it
    shoot(page, f"units-{language}-{theme}")
    assert axe_faults(page) == []


def test_cases_still_have_their_rows(desk: Page, town: Town) -> None:
    case = fire(town, "Smoke at the harbour")
    desk.keyboard.press("u")
    desk.locator("input[type=search]").fill(case)
    expect(row(desk, case)).to_be_visible()

"""Many cases are few rows, and every one is found. How fast is a matter of the bench."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage, shoot
from tests.browser.fleet import agency_of, rig
from tests.browser.test_board import live
from tests.browser.town import HOME, Town

MANY = 600
FLEET = 500


def test_many_cases_are_few_rows(visit: OpenPage, town: Town) -> None:
    calls = town.person("call_taker")
    with ThreadPoolExecutor(4) as pool:
        for made in [pool.submit(calls.report, "street-cleaning") for _ in range(MANY)]:
            made.result()
    town.person("dispatcher")
    page = visit("/console/board?type=street-cleaning", "dispatcher-1")
    live(page)
    expect(page.locator(".shown")).to_have_text(re.compile(rf"^{MANY} of"))
    rows = page.locator(".row[data-case]")
    assert 10 < rows.count() < 60, "the list draws what is in sight and little more"
    # At one instant: what comes over the list, such as the strip of alarms, takes rows away.
    shown = "rows => rows.map(row => row.dataset.case)"
    seen = set(rows.evaluate_all(shown))
    page.locator(".list").evaluate("list => { list.scrollTop = list.scrollHeight }")
    expect(page.locator(f'[aria-posinset="{MANY}"]')).to_be_in_viewport()
    assert rows.count() < 60
    assert not seen & set(rows.evaluate_all(shown))
    page.keyboard.press("j")
    expect(page.locator(".row.selected")).to_be_in_viewport()
    expect(page.locator("[data-map=ready]")).to_be_visible(timeout=30_000)
    shoot(page, "board-many-en-light")


def test_five_hundred_units_are_listed_drawn_and_moved(visit: OpenPage, town: Town) -> None:
    desk = town.person("dispatcher")
    agency = agency_of(town, "ambulance")

    def make(number: int) -> str:
        place = {"lon": HOME[0] + 0.0004 * (number % 25), "lat": HOME[1] + 0.0003 * (number // 25)}
        body = {"name": f"M{number}", "agency": agency, "area": town.county, "kind": "ambulance"}
        made = town.admin.must("POST", "/api/units", {**body, "post": place, "crew_size": 3})["id"]
        desk.must("POST", f"/api/units/{made}/start-duty", {"shift": "day"})
        return made

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(make, range(FLEET)))
    try:
        moving = rig(town, "ambulance", "ambulance")
        page = visit("/console/board?list=units", "dispatcher-1")
        live(page)
        page.get_by_role("combobox", name="Agency").select_option(agency)
        expect(page.locator("[data-shown]")).to_contain_text(f"{FLEET + 1} of")
        row = page.locator(f'.unit[data-unit="{moving.id}"]')
        moving.drive(HOME[0] + 0.001, HOME[1] + 0.001)
        expect(row).to_contain_text("just now")
        expect(page.locator("[data-map=ready]")).to_be_visible(timeout=60_000)
        last = page.locator(f'.unit[data-unit="{made[-1]}"]')
        last.scroll_into_view_if_needed()
        last.click()
        expect(page.locator("[data-unit-name]")).to_have_text(f"M{FLEET - 1}")
        desk.must("POST", f"/api/units/{made[-1]}/report-status", {"status": "out_of_service"})
        expect(last).to_have_attribute("data-status", "out_of_service")
        shoot(page, "units-500-en-light")
        page.goto("/console/roster")
        expect(page.locator("[data-line]").first).to_be_visible()
        assert page.locator("[data-line]").count() > FLEET
    finally:
        over = {"reason": "shift_over"}
        with ThreadPoolExecutor(4) as pool:
            ends = [
                pool.submit(desk.must, "POST", f"/api/units/{each}/end-duty", over) for each in made
            ]
            for each in ends:
                each.result()

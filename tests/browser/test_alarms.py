"""Alarms, devices, drills and the weekly test on the screen: by keys, by shape and by words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import APIResponse, Locator, Page, Route, expect

from tests.browser.conftest import OpenPage, running, shoot
from tests.browser.guard import axe_faults
from tests.browser.school import school
from tests.browser.test_board import live, row
from tests.browser.town import PASSWORD, Town


@pytest.fixture(scope="package")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A node of its own: presses leave emergencies behind, and fill other tests' screens."""
    with running(tmp_path_factory.mktemp("alarms")) as found:
        yield found


def alarm_row(page: Page, alarm: str) -> Locator:
    return page.locator(f'.strip [data-alarm="{alarm}"]')


@pytest.fixture
def desk(visit: OpenPage, town: Town) -> Page:
    """The board of somebody who may shelve."""
    town.person("supervisor")
    page = visit("/console/board", "supervisor-1")
    live(page)
    expect(page.locator("[data-alarms]")).to_be_visible()
    return page


@pytest.fixture
def drill(town: Town) -> Iterator[None]:
    """Whatever drill a test begins is over when it ends."""
    yield
    chief = town.person("supervisor")
    for each in chief.must("GET", "/api/drills")["drills"]:
        chief.must("POST", f"/api/drills/{each['id']}/end", {})


def select(page: Page, alarm: str) -> None:
    """Into the strip by its key, and down to that alarm."""
    expect(alarm_row(page, alarm)).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("a")
    for _ in range(60):
        if alarm_row(page, alarm).get_attribute("aria-selected") == "true":
            return
        page.keyboard.press("j")
        page.wait_for_timeout(20)
    raise AssertionError("the alarm can not be reached by keys")


def test_a_press_is_on_the_screen_with_its_case_and_acknowledged_by_keys(
    desk: Page, town: Town
) -> None:
    made = school(town)
    made.press("Office")
    alarm = made.alarm("Office")
    expect(alarm_row(desk, alarm["id"])).to_contain_text("Panic button")
    expect(alarm_row(desk, alarm["id"])).to_contain_text(f"{made.name} · Office")
    expect(alarm_row(desk, alarm["id"])).to_contain_text("Active, not acknowledged")
    expect(row(desk, alarm["case"])).to_contain_text("School alarm")
    select(desk, alarm["id"])
    desk.keyboard.press("a")
    expect(alarm_row(desk, alarm["id"])).to_contain_text("Active, acknowledged")
    expect(alarm_row(desk, alarm["id"])).to_have_attribute("data-acknowledged", "true")
    assert made.alarm("Office")["is_acknowledged"]
    desk.keyboard.press("?")
    expect(desk.locator("dialog")).to_contain_text("Take back with the code")
    desk.keyboard.press("Escape")


def test_a_press_told_while_the_list_is_read_stays_on_the_screen(
    visit: OpenPage, town: Town
) -> None:
    """The answer is older than what the stream told meanwhile, and takes none of it away."""
    town.person("supervisor")
    made = school(town)
    held: list[tuple[Route, APIResponse]] = []
    is_held = True

    def hold(route: Route) -> None:
        if is_held:
            held.append((route, route.fetch()))
        else:
            route.continue_()

    page = visit("/console/board")
    page.route("**/api/alarms?limit=500", hold)
    page.context.request.post("/api/login", data={"login": "supervisor-1", "password": PASSWORD})
    page.goto("/console/board")
    live(page)
    expect(page.locator("[data-alarms]")).to_be_visible()
    for _ in range(100):
        if held:
            break
        page.wait_for_timeout(50)
    made.press("Office")
    alarm = made.alarm("Office")
    expect(page.locator("[data-alarms]")).to_have_attribute("data-newest", alarm["id"])
    is_held = False
    for route, answer in held:
        route.fulfill(response=answer)
    expect(page.locator("[data-alarms][data-loaded=true]")).to_be_visible()
    expect(alarm_row(page, alarm["id"])).to_be_visible()


def test_a_silent_press_says_so_on_the_list_and_over_the_screen(desk: Page, town: Town) -> None:
    made = school(town, is_silent=True)
    made.press("Office")
    alarm = made.alarm("Office")
    expect(desk.locator("[data-silent-mark]")).to_contain_text("SILENT")
    expect(alarm_row(desk, alarm["id"])).to_contain_text("SILENT")
    expect(row(desk, alarm["case"])).to_contain_text("SILENT")
    row(desk, alarm["case"]).click()
    expect(desk.locator(".side .told").first).to_contain_text("no call-back")
    shoot(desk, "alarm-silent")


def test_shelving_asks_for_a_reason_and_a_time(desk: Page, town: Town) -> None:
    made = school(town)
    wires = [{"source": "signed-json", "address": f"school/{made.name}/Cellar"}]
    made.buttons["Cellar"] = made.add("Cellar", "smoke-detector", wires=wires)
    made.press("Cellar", kind="smoke")
    alarm = made.alarm("Cellar")
    select(desk, alarm["id"])
    desk.keyboard.press("h")
    dialog = desk.locator("dialog[open]")
    dialog.locator("#why").fill("roof works")
    dialog.locator("#long").select_option("900")
    desk.keyboard.press("Enter")
    expect(desk.locator("dialog[open]")).to_have_count(0)
    expect(alarm_row(desk, alarm["id"])).to_have_count(0)  # muted: shown on request
    desk.locator(".strip .link").click()
    expect(alarm_row(desk, alarm["id"])).to_contain_text("Shelved until")


def test_a_drill_is_told_on_every_page_and_marked_in_the_list(
    desk: Page, town: Town, drill: None
) -> None:
    made = school(town)
    chief = town.person("supervisor")
    begun = {"site": made.site, "for_s": 1_200, "reason": "yearly exercise"}
    chief.must("POST", "/api/drills", begun)
    banner = desk.locator("[data-drill-banner]")
    expect(banner).to_contain_text(f"Drill at {made.name}")
    made.press("Office")
    alarm = made.alarm("Office")
    assert alarm["in_drill"]
    expect(row(desk, alarm["case"])).to_contain_text("DRILL")
    expect(alarm_row(desk, alarm["id"])).to_contain_text("DRILL, not real")
    shoot(desk, "alarm-drill")
    assert axe_faults(desk) == []
    device = f"/console/device/{made.buttons['Office']}"
    case = f"/console/case/{alarm['case']}"
    for path in ("/console/tests", device, case, "/console/wall", "/console/new"):
        desk.goto(path)
        expect(desk.locator("[data-drill-banner]")).to_contain_text("DRILL")
    desk.goto("/console/board")
    select(desk, alarm["id"])
    desk.keyboard.press("e")
    desk.locator("dialog[open] #why").fill("an intruder")
    desk.keyboard.press("Enter")
    expect(alarm_row(desk, alarm["id"])).to_contain_text("Active, not acknowledged")
    assert made.alarm("Office")["case"] != alarm["case"]
    banner = desk.locator("[data-drill-banner]")
    banner.get_by_role("button").click()
    desk.locator("dialog[open]").get_by_role("button", name="End the drill").click()
    expect(banner).to_have_count(0)


def test_a_wrong_code_is_told_and_the_right_one_takes_it_back(desk: Page, town: Town) -> None:
    made = school(town)
    code = f"/api/assets/{made.site}/code"
    town.admin.must("POST", code, {"code": "blue 4471"})
    made.press("Office")
    alarm = made.alarm("Office")
    for said, told in (("blue 9999", "wrong code 1"), ("blue 4471", "taken back")):
        select(desk, alarm["id"])
        desk.keyboard.press("c")
        desk.locator("dialog[open] #code").fill(said)
        desk.keyboard.press("Enter")
        expect(alarm_row(desk, alarm["id"])).to_contain_text(told)
        if said.endswith("9999"):  # refused, and so it stays open for the next try
            expect(desk.locator(".notices .refused")).to_be_visible()
            desk.keyboard.press("Escape")
        expect(desk.locator("dialog")).to_have_count(0)


def test_the_page_of_a_device_tells_its_health_and_takes_it_on_test(
    visit: OpenPage, town: Town
) -> None:
    made = school(town)
    made.press("Office", sequence=1, session="a")
    made.press("Office", sequence=4, session="a")
    town.person("supervisor")
    page = visit(f"/console/device/{made.buttons['Office']}", "supervisor-1")
    expect(page.locator("[data-device]")).to_have_text("Office")
    expect(page.locator("[data-lost]")).to_contain_text("2 of 4 messages")
    expect(page.locator("[data-history]")).to_contain_text("Registered")
    expect(page.locator("[data-alarm]")).to_have_count(1)
    page.keyboard.press("t")
    expect(page.locator("[data-look=test]")).to_be_visible()
    expect(page.locator("[data-history]")).to_contain_text("On test")
    shoot(page, "device")
    assert axe_faults(page) == []


def test_the_weekly_test_says_which_button_was_not_tested(visit: OpenPage, town: Town) -> None:
    made = school(town, "Office", "Gate")
    town.person("supervisor")
    page = visit("/console/tests", "supervisor-1")
    there = page.locator(f'[data-site="{made.name}"]')
    expect(there.locator("[data-answer=not_tested]")).to_have_count(2)
    there.get_by_role("button", name="Test this site").click()
    expect(there.locator("[data-answer=waiting]")).to_have_count(2)
    made.press("Gate")
    expect(there.locator("[data-answer=answered]")).to_have_count(1)
    shoot(page, "weekly-test")
    assert axe_faults(page) == []


@pytest.mark.parametrize("language,theme", [("zh-CN", "dark"), ("en", "light")])
def test_devices_are_on_the_map_by_state_in_both_languages(
    visit: OpenPage, town: Town, language: str, theme: str
) -> None:
    made = school(town)
    made.press("Office", kind="", signal="heard")
    town.person("supervisor")
    page = visit("/console/board", "supervisor-1", language=language, theme=theme)
    live(page)
    page.locator("[data-devices]").click()
    expect(page.locator("[data-legend] [data-look=unknown]")).to_be_visible()
    page.wait_for_timeout(1_500)  # the map draws
    shoot(page, f"alarms-{language}-{theme}")
    assert axe_faults(page) == []
    page.goto("/console/stylebook")
    expect(page.locator("[data-drill-banner]").first).to_be_visible()
    shoot(page, f"stylebook-{language}-{theme}")
    assert axe_faults(page) == []

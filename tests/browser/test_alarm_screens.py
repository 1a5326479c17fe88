"""What alarms do to every screen: units and drills, tests, shelves, devices, the card, a flood."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import OpenPage, running, shoot
from tests.browser.fleet import Rig, rig
from tests.browser.guard import Guard, axe_faults
from tests.browser.school import School, school
from tests.browser.test_alarms import alarm_row, select
from tests.browser.test_board import live, row
from tests.browser.town import PASSWORD, Town

POLICE = "police-command"
AT_LEAST_TWELVE = re.compile(r"^(1[2-9]|[2-9]\d|\d{3,})$")


@pytest.fixture(scope="package")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A node of its own: the last test leaves a flood behind."""
    with running(tmp_path_factory.mktemp("alarm-screens")) as found:
        yield found


def until(holds: Callable[[], bool]) -> None:
    """The node has it too: the screen was ahead of it, or behind."""
    for _ in range(200):
        if holds():
            return
        time.sleep(0.1)
    assert holds()


def board(visit: OpenPage, town: Town, role: str = "supervisor", **more: str) -> Page:
    town.person(role)
    page = visit("/console/board", f"{role}-1", **more)
    live(page)
    expect(page.locator("[data-alarms]")).to_be_visible()
    return page


def device(made: School, name: str, kind: str, **more: object) -> str:
    """One more device of a site, which speaks as its buttons do."""
    wires = [{"source": "signed-json", "address": f"school/{made.name}/{name}"}]
    made.buttons[name] = made.add(name, kind, wires=wires, **more)
    return made.buttons[name]


def telephone(town: Town, browser: Browser, guard: Guard, unit: Rig) -> Page:
    """The page of a crew that has just signed on."""
    crew = town.person("agency_handler", agency=unit.agency)
    context = browser.new_context(base_url=town.origin, viewport={"width": 360, "height": 640})
    guard.watch(context)
    phone = context.new_page()
    phone.goto("/crew")
    phone.locator("#login").fill(crew.login)
    phone.locator("#password").fill(PASSWORD)
    phone.keyboard.press("Enter")
    phone.locator(f"[data-unit='{unit.id}']").click()
    phone.locator("#size").fill("2")
    phone.keyboard.press("Enter")
    expect(phone.locator(".press")).to_have_attribute("data-status", "available")
    return phone


def test_a_real_unit_drives_to_a_drill_only_after_a_second_yes(
    visit: OpenPage, town: Town, browser: Browser, guard: Guard
) -> None:
    made, unit = school(town), rig(town, "patrol-car", POLICE, on_duty=False)
    chief = town.person("supervisor")
    phone = telephone(town, browser, guard, unit)
    drill = {"site": made.site, "for_s": 1_200, "reason": "yearly exercise"}
    begun = chief.must("POST", "/api/drills", drill)["drills"]
    made.press("Office")
    case = made.alarm("Office")["case"]
    page = board(visit, town, "dispatcher")
    expect(row(page, case)).to_contain_text("DRILL")
    page.goto(f"/console/board?case={case}&unit={unit.id}")
    live(page)
    send = page.locator("[aria-keyshortcuts=s]")
    expect(send).to_be_enabled()
    page.keyboard.press("s")
    asked = page.locator("dialog[open]")
    expect(asked).to_contain_text("is a DRILL")
    expect(asked).to_contain_text(unit.name)
    shoot(page, "drill-second-yes")
    asked.get_by_role("button", name="Do not send").click()
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator(".notices .refused")).to_contain_text("the case is a drill")
    assert unit.now()["cases"] == []
    page.keyboard.press("s")
    page.locator("dialog[open]").get_by_role("button", name="Yes, it drives").click()
    expect(page.locator("dialog")).to_have_count(0)
    until(lambda: [each["case"] for each in unit.now()["cases"]] == [case])
    # The crew is told on its card, before anything else.
    expect(phone.locator("[data-drill]").first).to_contain_text("DRILL, not real")
    shoot(phone, "crew-drill")
    unit.press("recall", case=case, reason="not_needed")
    for each in begun:
        chief.must("POST", f"/api/drills/{each['id']}/end", {})
    phone.context.close()


def test_what_is_pressed_on_test_asks_for_nobody(visit: OpenPage, town: Town) -> None:
    made = school(town)
    town.person("supervisor")
    page = visit(f"/console/device/{made.buttons['Office']}", "supervisor-1")
    expect(page.locator("[data-look]").first).to_be_visible()
    page.keyboard.press("t")
    expect(page.locator("[data-look=test]")).to_be_visible()
    made.press("Office")
    expect(page.locator("[data-history]")).to_contain_text("test", ignore_case=True)
    told = town.person("supervisor").must("GET", "/api/alarms?which=announced")["alarms"]
    assert all(each["asset"] != made.buttons["Office"] for each in told)
    page.keyboard.press("t")
    expect(page.locator("[data-look=test]")).to_have_count(0)
    made.press("Office")
    expect(page.locator("[data-alarm]").first).to_contain_text("Active, not acknowledged")


def test_a_shelf_needs_a_reason_and_is_no_longer_than_the_pack_allows(
    visit: OpenPage, town: Town
) -> None:
    made = school(town)
    device(made, "Cellar", "smoke-detector")
    made.press("Cellar", kind="smoke")
    alarm = made.alarm("Cellar")
    page = board(visit, town)
    select(page, alarm["id"])
    page.keyboard.press("h")
    dialog = page.locator("dialog[open]")
    dialog.locator("#long").select_option("604800")
    page.keyboard.press("Tab")
    dialog.get_by_role("button", name="Put on the shelf").click()
    expect(dialog.locator("#why:invalid")).to_have_count(1)  # nothing is sent without a reason
    dialog.locator("#why").fill("roof works")
    dialog.get_by_role("button", name="Put on the shelf").click()
    expect(page.locator(".notices .refused")).to_be_visible()
    assert made.alarm("Cellar")["standing"] == "normal"
    expect(dialog.locator("#why")).to_have_value("roof works")  # what was typed stays
    dialog.locator("#long").select_option("900")
    dialog.get_by_role("button", name="Put on the shelf").click()
    expect(page.locator("dialog")).to_have_count(0)
    expect(alarm_row(page, alarm["id"])).to_have_count(0)
    assert made.alarm("Cellar")["standing"] == "shelved"


def test_a_dialog_opened_at_once_is_not_closed_by_the_one_before(
    visit: OpenPage, town: Town
) -> None:
    made = school(town)
    made.press("Office")
    page = board(visit, town)
    select(page, made.alarm("Office")["id"])
    for _ in range(5):
        page.keyboard.press("h")
        expect(page.locator("dialog[open] #why")).to_be_focused()
        page.keyboard.press("Escape")
    page.keyboard.press("h")
    # The browser closes it by itself, and its word of that comes after the next key.
    page.evaluate("""() => {
        document.querySelector("dialog[open]").close();
        window.dispatchEvent(new KeyboardEvent("keydown", {key: "v", cancelable: true}));
    }""")
    page.wait_for_timeout(300)
    expect(page.locator("dialog[open] #evidence")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator(".strip.active")).to_be_visible()  # and one is back in the strip


def test_kinds_are_named_in_the_language_that_is_chosen_and_a_site_once(
    visit: OpenPage, town: Town
) -> None:
    made = school(town)
    device(made, f"{made.name}: back door", "intrusion-detector", gateway=made.site)
    page = board(visit, town, language="zh-CN")
    made.press(f"{made.name}: back door", kind="intrusion")
    alarm = made.alarm(f"{made.name}: back door")
    told = alarm_row(page, alarm["id"])
    expect(told.locator(".what")).to_contain_text(f"{made.name} · back door")
    expect(page.locator(".newest")).to_contain_text("back door")
    for where in (told, page.locator(".newest")):
        assert "intrusion" not in where.inner_text()
    page.get_by_role("button", name="English").click()
    expect(told.locator(".what")).to_contain_text(alarm["kind_name"])
    expect(page.locator(".newest")).to_contain_text(alarm["kind_name"])


def test_devices_on_the_map_are_counted_by_state(visit: OpenPage, town: Town) -> None:
    made = school(town)
    for name in ("Online", "Test", "Out"):
        device(made, name, "smoke-detector", supervision="SP3")
        made.press(name, kind="", signal="heard")
    chief = town.person("supervisor")
    test, out = (f"/api/assets/{made.buttons[each]}" for each in ("Test", "Out"))
    chief.must("POST", f"{test}/start-test", {"for_s": 600})
    chief.must("POST", f"{out}/take-out", {"work_order": "W-1", "reason": "broken"})
    page = board(visit, town)
    expect(page.locator("[data-devices]")).to_be_visible()  # it comes with the map
    page.keyboard.press("g")
    page.keyboard.press("d")
    legend = page.locator("[data-legend]")
    for look in ("online", "test", "out", "unknown"):
        expect(legend.locator(f"[data-look={look}]")).not_to_have_attribute("data-n", "0")
    expect(legend.locator("[data-look=offline]")).to_have_attribute("data-n", "0")
    shoot(page, "devices-by-state")


def test_a_work_order_is_opened_on_the_page_of_a_device_and_leads_to_its_case(
    visit: OpenPage, town: Town
) -> None:
    made = school(town)
    town.person("supervisor")
    page = visit(f"/console/device/{made.buttons['Office']}", "supervisor-1")
    expect(page.locator("[data-device]")).to_have_text("Office")
    expect(page.locator(".label img")).to_be_visible()
    expect(page.locator(".label img")).to_have_js_property("complete", True)
    expect(page.locator(".label img")).not_to_have_js_property("naturalWidth", 0)
    page.keyboard.press("w")
    page.locator("dialog[open] #why").fill("housing loose")
    page.keyboard.press("Enter")
    expect(page.locator("dialog")).to_have_count(0)
    link = page.locator("a[data-order]")
    case = link.get_attribute("data-order")
    page.keyboard.press("p")
    page.locator("dialog[open] #why").fill("painting")
    page.keyboard.press("Enter")
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.get_by_text("painting").first).to_be_visible()
    page.keyboard.press("o")
    # The open order is what one takes it out for.
    expect(page.locator("dialog[open] #order")).to_have_value(case or "")
    page.locator("dialog[open] #why").fill("waits for a part")
    page.locator("dialog[open]").get_by_role("button", name="Save").click()
    expect(page.locator("[data-look=out]")).to_be_visible()
    expect(page.locator("[data-history]")).to_contain_text("supervisor-1")  # by name, not by id
    shoot(page, "device-orders")
    assert axe_faults(page) == []
    link.first.click()
    expect(page).to_have_url(f"{town.origin}/console/case/{case}")


@pytest.mark.parametrize("language,theme", [("en", "light"), ("zh-CN", "dark")])
def test_every_number_of_the_scorecard_opens_its_alarms(
    visit: OpenPage, town: Town, language: str, theme: str
) -> None:
    made = school(town)
    door = device(made, "Door", "intrusion-detector", gateway=made.site, model="ID-7")
    for n in range(3):
        made.press("Door", kind="intrusion", session=f"s{n}")
    chief = town.person("supervisor")
    asked = "/api/alarms/scorecard/sources"
    until(lambda: door in [each["asset"] for each in chief.must("GET", asked)["sources"]])
    page = visit("/console/scorecard", "supervisor-1", language=language, theme=theme)
    expect(page.locator("[data-measure]")).to_have_count(16)
    assert (
        page.locator("[data-result=met]").count() and page.locator("[data-result=missed]").count()
    )
    assert axe_faults(page) == []
    opener = page.locator("[data-open=alarms_per_day]")
    number = opener.inner_text()
    page.keyboard.press("Enter")
    behind = page.locator("[data-behind=alarms_per_day]")
    expect(behind).to_have_attribute("data-count", number)
    expect(behind.locator("[data-alarm]")).to_have_count(int(number))
    shoot(page, f"scorecard-behind-{language}-{theme}")
    page.keyboard.press("Escape")
    expect(behind).to_have_count(0)
    page.keyboard.press("5")
    groups = page.locator("[data-groups=model]")
    groups.locator("[data-group='ID-7'] .name").click()
    expect(page.locator("h1")).to_contain_text("ID-7")
    expect(page).to_have_url(re.compile(r"by=model&of=ID-7$"))
    page.keyboard.press("j")
    expect(page.locator("[data-measure=floods] .name")).to_have_attribute("aria-current", "true")
    source = page.locator(f"[data-source='{door}'] a").first
    expect(source).to_contain_text("Door")
    shoot(page, f"scorecard-{language}-{theme}")
    assert axe_faults(page) == []
    page.emulate_media(media="print")
    expect(page.locator("nav")).to_be_hidden()
    expect(page.locator("[data-measure=floods]")).to_be_visible()
    page.emulate_media(media="screen")
    source.click()
    expect(page.locator("[data-device]")).to_have_text("Door")


def test_the_scorecard_is_for_those_who_may_see_it(visit: OpenPage, town: Town) -> None:
    town.person("call_taker")
    page = visit("/console/scorecard", "call_taker-1")
    expect(page.locator("h1")).to_have_text("Not for your role")
    expect(page.locator("nav a[href$='/scorecard']")).to_have_count(0)
    expect(page.locator("nav a[href$='/tests']")).to_have_count(1)


def test_a_flood_is_folded_and_what_guards_lives_is_never_hidden(
    visit: OpenPage, town: Town
) -> None:
    made = school(town)
    device(made, "Stairs", "smoke-detector", gateway=made.site)
    for n in range(12):
        device(made, f"Door {n}", "intrusion-detector", gateway=made.site)
    page = board(visit, town)
    for n in range(12):
        made.press(f"Door {n}", kind="intrusion")
    made.press("Stairs", kind="smoke")
    smoke, door = made.alarm("Stairs"), made.alarm("Door 3")
    expect(page.locator("[data-alarms]")).to_have_attribute("data-flood", "true")
    expect(page.locator(".flood")).to_contain_text("alarms in ten minutes")
    expect(alarm_row(page, smoke["id"])).to_be_visible()  # one by one, in a flood as well
    group = page.locator("[data-group^='kind:intrusion']")
    expect(group).to_have_attribute("data-n", AT_LEAST_TWELVE)
    expect(alarm_row(page, door["id"])).to_have_count(0)
    shoot(page, "flood")
    # By keys: to the group, and open.
    page.keyboard.press("g")
    page.keyboard.press("a")
    for _ in range(60):
        if group.get_attribute("aria-selected") == "true":
            break
        page.keyboard.press("j")
        page.wait_for_timeout(20)
    page.keyboard.press("Enter")
    expect(alarm_row(page, door["id"])).to_be_visible()
    shoot(page, "flood-open")
    assert axe_faults(page) == []
    page.keyboard.press("Enter")
    expect(alarm_row(page, door["id"])).to_have_count(0)
    # A screen reader hears that there is a flood, and not every alarm of it.
    heard = page.locator(".strip [data-spoken]")
    expect(heard).to_contain_text("Flood")

"""Purpose before sight on the screens: one key opens, the reporter sees it, and two agree."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.guard import axe_faults
from tests.browser.town import Town


def test_one_key_opens_and_the_reporter_reads_who_looked(visit: OpenPage, town: Town) -> None:
    receipt = town.person("call_taker").report("pothole")
    town.person("dispatcher")
    page = visit(f"/console/case/{receipt['case_id']}", "dispatcher-1")
    expect(page.locator("#purpose")).to_have_value("handling")
    expect(page.locator(".story li").first).to_be_visible()
    page.keyboard.press("o")
    expect(page.locator(".sealed [data-opened] dd p").first).to_be_visible()

    told = visit("/r")
    told.locator("#code").fill(receipt["code"])
    told.keyboard.press("Enter")
    # The page also has the machine compare the case with others; which of both is written first,
    # and so which line stands on top, is open.
    line = told.locator(".openings li", has_text="Dispatcher")
    expect(line).to_contain_text("To handle the case")
    assert axe_faults(told) == []


def test_a_guarded_contact_takes_two(visit: OpenPage, town: Town) -> None:
    receipt = town.person("call_taker").report("wage-arrears", contact={"phone": "1"})
    town.person("dispatcher")
    town.person("supervisor")
    page = visit(f"/console/case/{receipt['case_id']}", "dispatcher-1")
    page.locator("#purpose").select_option("contact_reporter")
    page.locator(".sealed button").first.click()
    second = page.locator("[data-second]")
    expect(second).to_contain_text("Needs a second person")
    second.locator("button").click()
    expect(second).to_contain_text("Waits for a second person")
    assert axe_faults(page) == []

    boss = visit("/console/sight", "supervisor-1")
    expect(boss.locator("[data-ask]").first).to_contain_text("To reach the reporter")
    assert axe_faults(boss) == []
    boss.keyboard.press("a")
    expect(boss.locator("[data-live]").first).to_be_visible()
    page.locator(".sealed button").first.click()
    expect(page.locator(".sealed [data-opened]")).to_be_visible()


def test_broken_glass_is_shown_to_everybody(visit: OpenPage, town: Town) -> None:
    receipt = town.person("call_taker").report("pothole")
    town.person("grid_worker")
    town.person("dispatcher")
    page = visit("/console/sight", "grid_worker-1", language="zh-CN")
    expect(page.get_by_role("heading", level=1)).to_have_text("第二人同意")
    page.keyboard.press("b")
    form = page.locator("form[data-form=glass]")
    form.locator("#glass-case").fill(receipt["case_id"])
    form.locator("button[type=submit]").click()
    expect(page.locator("[data-ask]").first).to_contain_text("破窗查看")
    desk = visit("/console/sight", "dispatcher-1")
    desk.locator("[data-ask]", has_text=receipt["case_id"][-8:].upper()).get_by_text(
        "Agree"
    ).last.click()
    expect(desk.locator("[data-broken-banner]")).to_contain_text("BREAK-GLASS")
    other = visit("/console/board", "call_taker-1")
    expect(other.locator("[data-broken-banner]")).to_be_visible()
    expect(page.locator("[data-live]").first).to_be_visible(timeout=15_000)
    page.locator("[data-live] button").first.click()
    expect(page.locator("[data-live] [data-opened] dd").first).to_be_visible()

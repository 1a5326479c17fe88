"""The index of legal holds: found and answered by keys, by those who never see a case."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage, shoot
from tests.browser.guard import axe_faults
from tests.browser.town import PASSWORD, Staff, Town


def auditor(town: Town) -> Staff:
    """An audit administrator, whom a security administrator has let in."""
    login = "audit_administrator-1"
    if login not in town.people:
        keeper = town.person("security_administrator")
        grants = [{"role": "audit_administrator", "area": town.county, "agency": None}]
        body = {"login": login, "name": login, "language": "en", "grants": grants}
        made = town.admin.must("POST", "/api/accounts", body)
        staff = Staff(town.origin, login)
        staff.enter(
            "/api/password", {"token": made["link"].partition("#")[2], "password": PASSWORD}
        )
        if made.get("proposal"):
            keeper.must("POST", f"/api/proposals/{made['proposal']}/grant")
        staff.enter("/api/login", {"login": login, "password": PASSWORD})
        town.people[login] = staff
    return town.people[login]


@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("zh-CN", "dark")])
def test_an_auditor_finds_and_answers_holds(
    visit: OpenPage, town: Town, language: str, theme: str
) -> None:
    taker, boss = town.person("call_taker"), town.person("supervisor")
    cases = [taker.report("pothole")["case_id"] for _ in range(2)]
    for case, reason in zip(cases, ("court", "claim"), strict=True):
        boss.must("POST", f"/api/cases/{case}/holds", {"reason": reason, "days": 90})
    login = auditor(town).login
    page = visit("/console/sight", login, language=language, theme=theme)
    expect(page.locator("nav a[href='/console/holds']")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("h")
    waiting = page.locator("[data-hold]")
    expect(waiting).to_have_count(2)
    expect(waiting.nth(0)).to_have_attribute("aria-current", "true")
    assert axe_faults(page) == []
    shoot(page, f"holds-waiting-{language}")
    page.keyboard.press("c")
    expect(waiting).to_have_count(1)
    page.keyboard.press("d")
    expect(page.locator("[data-none]")).to_be_visible()
    assert axe_faults(page) == []
    shoot(page, f"holds-none-{language}")
    page.keyboard.press("t")
    expect(page.locator("[data-list=standing]")).to_have_attribute("aria-pressed", "true")
    expect(waiting).to_have_count(1)
    page.keyboard.press("e")
    expect(page.locator("[data-none]")).to_be_visible()
    page.keyboard.press("t")
    expect(waiting.nth(1)).to_be_visible()
    assert axe_faults(page) == []
    shoot(page, f"holds-released-{language}")
    told = auditor(town).must("GET", "/api/holds?standing=released")["holds"]
    assert {each["case_id"]: each["answer"] for each in told}.items() >= {
        (cases[0], "ended"),
        (cases[1], "denied"),
    }


def test_who_placed_a_hold_finds_it_and_does_not_answer_it(visit: OpenPage, town: Town) -> None:
    boss = town.person("supervisor")
    case = town.person("call_taker").report("pothole")["case_id"]
    boss.must("POST", f"/api/cases/{case}/holds", {"reason": "audit", "days": 9})
    page = visit("/console/holds", "supervisor-1")
    row = page.locator("[data-hold]").last
    expect(row).to_contain_text("somebody else answers it")
    expect(row.get_by_role("button", name="Confirm")).to_have_count(0)
    page.keyboard.press("c")
    expect(row).to_contain_text("somebody else answers it")
    page.keyboard.press("o")
    expect(page.locator("[data-holds]")).to_be_visible()
    hold = auditor(town).must("GET", "/api/holds")["holds"][-1]
    auditor(town).must("POST", f"/api/cases/{hold['case_id']}/holds/{hold['id']}/deny", {})


def test_dispatchers_are_not_sent_there(visit: OpenPage, town: Town) -> None:
    town.person("dispatcher")
    page = visit("/console/board", "dispatcher-1")
    expect(page.locator("nav").first).to_be_visible()
    expect(page.locator("nav a[href='/console/holds']")).to_have_count(0)

"""Every role in every room: what the menu offers works, and the rest is told in words."""

from __future__ import annotations

from typing import Final, get_args

import pytest
from playwright.sync_api import Page, Request, Response, expect

from tests.browser.conftest import OpenPage, shoot
from tests.browser.fleet import agency_of
from tests.browser.guard import axe_faults
from tests.browser.town import Town
from tocsin.runtime.accounts import Role

ROOMS: Final = {
    "/board", "/new", "/roster", "/sight", "/redactions", "/holds", "/tests", "/scorecard",
    "/wall", "/account", "/accounts",
}  # fmt: skip
"""All that are there; a new one is added here."""
NOT_IN_HAND: Final = {"security_administrator", "audit_administrator"}
"""A second person lets them in: their screens have tests of their own."""


GO: Final = "to => { history.pushState({}, '', to); dispatchEvent(new PopStateEvent('popstate')); }"


class Watch:
    """What the node refuses to a page, and whether anything is still asked of it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.refused: list[str] = []
        self.asked: set[Request] = set()
        page.on("request", self._ask)
        page.on("requestfinished", lambda one: self.asked.discard(one))
        page.on("requestfailed", lambda one: self.asked.discard(one))
        page.on("response", self._look)

    def _ask(self, request: Request) -> None:
        if "/api/live" not in request.url:  # it never ends
            self.asked.add(request)

    def _look(self, answer: Response) -> None:
        if answer.status >= 400:
            self.refused.append(f"{answer.status} {answer.request.method} {answer.url}")

    def settled(self) -> list[str]:
        """What was refused, when for three looks nothing was asked."""
        calm = 0
        for _ in range(300):
            self.page.wait_for_timeout(100)
            calm = 0 if self.asked else calm + 1
            if calm == 3:
                break
        return self.refused


def offered(page: Page) -> set[str]:
    links = page.locator("nav a")
    expect(links.first).to_be_visible()
    found = [links.nth(each).get_attribute("href") or "" for each in range(links.count())]
    return {each.removeprefix("/console") for each in found}


@pytest.mark.parametrize("role", sorted(set(get_args(Role)) - NOT_IN_HAND))
def test_the_menu_offers_what_the_role_may_see(visit: OpenPage, town: Town, role: str) -> None:
    if role == "administrator":
        login = town.admin.login  # a second one would change who may let whom in
    elif role == "agency_handler":
        login = town.person(role, agency=agency_of(town)).login
    else:
        login = town.person(role, 7).login  # others change passwords of theirs
    page = visit("/console/account", login)
    expect(page.locator("h1")).to_have_text("My account")
    mine = offered(page)
    assert mine <= ROOMS
    watch = Watch(page)
    # The wall has no menu to leave it by, and without a board one is led to another room.
    for room in sorted(mine, key=lambda each: (each == "/wall", each)):
        page.locator(f"nav a[href='/console{room}']").click()
        assert watch.settled() == [], room
        expect(page.locator("h1").first).to_be_visible()
        expect(page.locator("h1").first).not_to_have_text("Not for your role")
        expect(page.locator(".notices .refused")).to_have_count(0)
    for room in sorted(ROOMS - mine - {"/board"}):
        page.evaluate(GO, f"/console{room}")
        expect(page.locator("h1")).to_have_text("Not for your role")
    assert watch.settled() == []


def test_a_room_of_others_says_so_and_leads_home(visit: OpenPage, town: Town) -> None:
    login = town.person("verifier", 7).login
    page = visit("/console/wall", login, language="zh-CN", theme="dark")
    expect(page.locator("h1")).to_have_text("您的角色不使用此界面")
    assert axe_faults(page) == []
    shoot(page, "not-for-your-role")
    # Nor by its key.
    page.keyboard.press("g")
    page.keyboard.press("q")
    expect(page).to_have_url(f"{town.origin}/console/wall")
    page.get_by_role("link", name="返回您的首个界面").click()
    expect(page).to_have_url(f"{town.origin}/console/board")

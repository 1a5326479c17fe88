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

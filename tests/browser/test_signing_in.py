"""Coming in: by keyboard, refused in words, in both languages, and found guilty when planted."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage, shoot
from tests.browser.guard import Guard, axe_faults
from tests.browser.town import PASSWORD, Town


def test_the_keyboard_alone_signs_in(visit: OpenPage, town: Town) -> None:
    town.person("dispatcher")
    page = visit("/console/")
    page.get_by_label("Name").focus()
    page.keyboard.type("dispatcher-1")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("[data-live=up]")).to_be_visible()


def test_a_wrong_password_is_refused_in_words(visit: OpenPage, town: Town) -> None:
    town.person("dispatcher")
    page = visit("/console/")
    page.get_by_label("Name").fill("dispatcher-1")
    page.get_by_label("Password").fill("not this one at all")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).not_to_be_empty()
    expect(page.get_by_label("Name")).to_have_value("dispatcher-1")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_sign_in_page_keeps_the_rules(visit: OpenPage, language: str, theme: str) -> None:
    page = visit("/console/", language=language, theme=theme)
    expect(page.locator("#login")).to_be_visible()
    shoot(page, f"login-{language}-{theme}")
    assert axe_faults(page) == []


def test_an_unlabelled_field_is_found(visit: OpenPage) -> None:
    page = visit("/console/")
    expect(page.locator("#login")).to_be_visible()
    page.evaluate("document.querySelector('form').append(document.createElement('input'))")
    assert any(fault.startswith("label:") for fault in axe_faults(page))


def test_a_request_to_elsewhere_is_found(visit: OpenPage, guard: Guard) -> None:
    page = visit("/console/")
    expect(page.locator("#login")).to_be_visible()
    page.evaluate("fetch('http://tiles.invalid/1').catch(() => {})")
    page.evaluate("new Image().src = 'http://pictures.invalid/1'")
    page.wait_for_timeout(200)
    found, guard.faults[:] = list(guard.faults), []
    # The page's policy stops it before it leaves, and says so on the console.
    assert any("invalid" in fault for fault in found)


def test_a_line_that_would_leave_is_found(visit: OpenPage, guard: Guard) -> None:
    page = visit("/console/")
    other = page.context.new_page()
    try:
        other.goto("http://pictures.invalid/1")
    except Exception as error:  # no name resolves but the node's own
        assert "ERR_NAME_NOT_RESOLVED" in str(error)
    found, guard.faults[:] = list(guard.faults), []
    assert any(fault.startswith("left the node") for fault in found)

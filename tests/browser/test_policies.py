"""Every page under its own policy in a real Chromium: nothing is refused to the pages, and what a
page must not do is refused."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.guard import Guard
from tests.browser.town import Town

WATCH = """window.__broken = [];
document.addEventListener('securitypolicyviolation', told => window.__broken.push(
  [told.effectiveDirective + ':', told.blockedURI, told.sample, told.sourceFile].join(' ')));"""
SCREENS = ("/board", "/new", "/roster", "/tests", "/stylebook", "/wall")
PAGES = ("/", "/report", "/r", "/published", "/first", "/password", "/crew", "/console/")


def broken(page: Page) -> list[str]:
    """What the page's policy refused since it was loaded."""
    found: Any = page.evaluate("window.__broken")
    return found


def watched(page: Page, path: str) -> None:
    """The page once more, with its violations kept from the first line on."""
    page.context.add_init_script(WATCH)
    page.goto(path)
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("path", PAGES)
def test_pages_for_all_keep_their_policy(visit: OpenPage, path: str) -> None:
    page = visit("about:blank")
    watched(page, path)
    assert broken(page) == []
    assert page.context.cookies() == [], "nobody signed in, so there is nothing to remember"
    assert page.locator("body").inner_text().strip()


@pytest.mark.parametrize("path", SCREENS)
def test_screens_keep_their_policy(visit: OpenPage, town: Town, path: str) -> None:
    town.person("dispatcher")
    page = visit("about:blank", "dispatcher-1")
    page.context.add_init_script(WATCH)
    page.goto(f"/console{path}")
    expect(page.locator("main")).to_be_visible()
    page.wait_for_timeout(1_500)  # the map and its worker come after all the rest
    assert broken(page) == []


def test_a_case_keeps_its_policy(visit: OpenPage, town: Town) -> None:
    town.person("dispatcher")
    case = town.person("call_taker").report("pothole")["case_id"]
    page = visit("about:blank", "dispatcher-1")
    page.context.add_init_script(WATCH)
    page.goto(f"/console/case/{case}")
    expect(page.locator("h1")).to_be_visible()
    page.wait_for_timeout(1_000)
    assert broken(page) == []


PLANTED = {
    "markup": "document.body.innerHTML = '<img src=x onerror=alert(1)>'",
    "entity": "document.body.insertAdjacentHTML('beforeend', '&lt;b&gt;')",
    "script": "Object.assign(document.createElement('script'), {src: 'https://evil.invalid/a.js'})",
    "inside": "document.createElement('script').text = 'alert(1)'",
    "worker": "new Worker('/api/openapi.json')",
    "handler": "document.body.setAttribute('onclick', 'alert(1)')",
    "policy": "trustedTypes.createPolicy('mine', {createHTML: text => text})",
    "second": "trustedTypes.createPolicy('default', {createHTML: text => text})",
}


@pytest.mark.parametrize("planted", PLANTED)
@pytest.mark.parametrize("path", ["/", "/first", "/crew", "/console/"])
def test_a_planted_sink_is_refused(visit: OpenPage, guard: Guard, path: str, planted: str) -> None:
    guard.allow("Trusted|trusted|Content Security Policy")
    page = visit("about:blank")
    watched(page, path)
    refused = page.evaluate(
        f"() => {{ try {{ {PLANTED[planted]}; return '' }} catch (e) {{ return e.name }} }}"
    )
    assert refused in ("TypeError", "SecurityError"), (planted, refused)
    assert broken(page) != []


def test_a_style_in_markup_is_refused(visit: OpenPage, guard: Guard) -> None:
    guard.allow("Content Security Policy")
    page = visit("about:blank")
    watched(page, "/console/")
    page.evaluate("document.body.setAttribute('style', 'display: none')")
    assert page.locator("body").is_visible()
    assert any(each.startswith("style-src") for each in broken(page))

"""What a browser keeps of a shift: a choice of language and theme, and nothing of anybody; and the
way out is on every screen."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.town import Town

SCREENS = ("/board", "/new", "/roster", "/sight", "/tests", "/scorecard", "/account")
ALLOWED = {"local:tocsin.settings"}
KEPT = """async () => {
  const found = [...Object.keys(localStorage).map((each) => `local:${each}`),
    ...Object.keys(sessionStorage).map((each) => `session:${each}`),
    ...(await indexedDB.databases()).map((each) => `database:${each.name}`)];
  for (const name of await caches.keys()) {
    const kept = await (await caches.open(name)).keys();
    const paths = kept.map((each) => new URL(each.url).pathname);
    found.push(...paths.filter((each) => each.startsWith('/api/')).map((each) => `cache:${each}`));
  }
  const cookies = document.cookie.split('; ').filter(Boolean);
  return [...found, ...cookies.map((each) => `cookie:${each}`)];
}"""


def strange(page: Page) -> set[str]:
    """What the browser holds that it may not."""
    found: Any = page.evaluate(KEPT)
    return set(found) - ALLOWED


def test_nothing_of_a_shift_stays_in_the_browser(visit: OpenPage, town: Town) -> None:
    town.person("dispatcher")
    caller = town.person("call_taker")
    case = caller.report("street-light-out", "A lamp that nobody else has heard of")["case_id"]
    page = visit("/console/board", "dispatcher-1")
    expect(page.locator("[data-live=up]")).to_be_visible()
    for path in SCREENS:
        page.goto(f"/console{path}")
        expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()
        assert strange(page) == set()
    page.goto(f"/console/case/{case}")
    expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()
    assert strange(page) == set()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_label("Password")).to_be_visible()
    assert strange(page) == set()
    assert case not in page.content()
    page.go_back()
    expect(page.get_by_label("Password")).to_be_visible()


@pytest.mark.parametrize(
    "planted",
    ["localStorage.setItem('case', 'x')", "sessionStorage.setItem('a', 'b')",
     "caches.open('x').then((each) => each.put('/api/cases', new Response('x')))",
     "document.cookie = 'seen=1'"],
)  # fmt: skip
def test_what_stays_is_found(visit: OpenPage, planted: str) -> None:
    page = visit("/console/")
    page.evaluate(planted)
    assert strange(page) != set()

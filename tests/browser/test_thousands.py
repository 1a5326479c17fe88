"""Many cases are few rows, and every one is found. How fast is a matter of the bench."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage, shoot
from tests.browser.test_board import live
from tests.browser.town import Town

MANY = 600


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
    seen = {rows.nth(n).get_attribute("data-case") for n in range(rows.count())}
    page.locator(".list").evaluate("list => { list.scrollTop = list.scrollHeight }")
    expect(page.locator(f'[aria-posinset="{MANY}"]')).to_be_in_viewport()
    assert rows.count() < 60
    assert not seen & {rows.nth(n).get_attribute("data-case") for n in range(rows.count())}
    page.keyboard.press("j")
    expect(page.locator(".row.selected")).to_be_in_viewport()
    expect(page.locator("[data-map=ready]")).to_be_visible(timeout=30_000)
    shoot(page, "board-many-en-light")

"""The residents' pages in a real browser: with and without script, in both languages and themes."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, shoot, slowly
from tests.browser.guard import Guard, axe_faults
from tests.web.residents import large_photo, picture
from tocsin.web.public.words import WORDS

SMOKE = {"en": "Smoke from the cellar of the school", "zh-CN": "学校地下室冒烟"}
PHOTO = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture()}
REFUSED = r"Failed to load resource: .* (404|422) "


def press(page: Page, go: str) -> None:
    page.locator(f"main button[value='{go}']").first.click()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("script", [False, True], ids=["plain", "script"])
def test_a_resident_reports_and_follows(
    visit: OpenPage, guard: Guard, language: str, theme: str, script: bool
) -> None:
    guard.allow(REFUSED)
    say = WORDS[language]
    page = visit("/", language=language, theme=theme, script=script)
    page.set_viewport_size({"width": 420, "height": 900})

    def look(name: str) -> None:
        shoot(page, f"public-{name}-{language}-{theme}-{'script' if script else 'plain'}")
        if script:
            assert axe_faults(page) == []

    look("front")
    page.get_by_role("link", name=say["front_report"]).click()
    press(page, "next")
    expect(page.get_by_role("alert")).to_contain_text(say["e_text"])
    look("mistake")
    page.locator("#text").fill(SMOKE[language])
    page.locator("#photo").set_input_files([PHOTO])
    press(page, "next")
    call = page.get_by_role("link", name=say["call"].format(number="112"))
    expect(call).to_be_in_viewport()
    look("emergency")
    press(page, "next")
    page.locator("#address").fill("60.1700, 24.9400")
    look("where")
    page.locator("#other").select_option("street-light-out")
    press(page, "next")
    expect(page.locator("#photos")).to_have_text(say["photos_n"].format(n=1))
    look("check")
    press(page, "next")
    code = page.locator("section.code code").inner_text()
    assert re.fullmatch(r"\w{4}-\w{4}-\w{4}", code) and code not in page.url
    look("receipt")
    page.goto("/r")
    page.locator("#code").fill("nothing")
    press(page, "show")
    expect(page.locator("#code")).to_be_focused()
    page.locator("#code").fill(code.lower())
    page.keyboard.press("Enter")
    expect(page.locator("p.state")).to_be_visible()
    look("follow")
    page.goto("/published")
    expect(page.get_by_role("heading", level=1)).to_have_text(say["published"])
    look("published")


def test_a_line_that_breaks_while_a_photo_is_sent_costs_nothing(
    visit: OpenPage, guard: Guard
) -> None:
    guard.allow("ERR_INTERNET_DISCONNECTED")
    page = visit("/report")
    page.locator("#text").fill("The street light is dark")
    page.locator("#photo").set_input_files([PHOTO])
    page.context.set_offline(True)
    press(page, "next")
    expect(page.locator(".sending")).to_have_text(WORDS["en"]["photo_lost"])
    expect(page.locator("#text")).to_have_value("The street light is dark")
    page.context.set_offline(False)
    press(page, "next")
    expect(page.locator("#address")).to_be_visible()


def test_a_large_photo_on_a_slow_line_shows_how_far_it_is(visit: OpenPage) -> None:
    page = visit("/report")
    slowly(page)
    page.locator("#text").fill("The street light is dark")
    page.locator("#photo").set_input_files([{**PHOTO, "buffer": large_photo()}])
    press(page, "next")
    bar = page.locator(".sending progress")
    expect(bar).to_be_visible()
    expect(page.locator(".sending")).to_contain_text(re.compile(r"[1-9]\d? %"))
    expect(page.locator("#address")).to_be_visible(timeout=60_000)
    # The photo went ahead, and its place is asked on a page that draws its own map.
    expect(page.locator("[data-map]")).to_be_visible(timeout=60_000)


def test_a_tap_on_the_map_takes_a_place(visit: OpenPage) -> None:
    page = visit("/report")
    page.locator("#text").fill("The street light is dark")
    press(page, "next")
    middle = page.get_by_role("button", name=WORDS["en"]["map_middle"])
    # Twenty seconds and more: here the map is drawn without a graphics card.
    expect(middle).to_be_visible(timeout=120_000)
    middle.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text(WORDS["en"]["map_taken"])).to_be_visible()
    shoot(page, "public-map-en-light")
    press(page, "next")
    expect(page.get_by_text(WORDS["en"]["on_map"])).to_be_visible()

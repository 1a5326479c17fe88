"""The redaction queue and legal holds on the screens, by keys."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage, shoot
from tests.browser.guard import axe_faults
from tests.browser.test_case_more import photo, reported_with_photo
from tests.browser.town import Town

TEXT = "The lamp 𠮷 is dark. Call +358 40 123 4567 or Big Eddie"


def published(town: Town, text: str) -> str:
    """A published case with these words."""
    taker, desk = town.person("call_taker"), town.person("dispatcher")
    case = taker.report("street-light-out", text)["case_id"]
    report: Any = taker.case(case)["reports"][0]["id"]
    taker.act(case, "set_consent", {"report": report, "consent": True})
    desk.act(case, "publish", {"publish": True})
    return case


@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("zh-CN", "dark")])
def test_a_word_on_what_the_public_reads(
    visit: OpenPage, town: Town, language: str, theme: str
) -> None:
    case = published(town, TEXT)
    page = visit("/console/board", "dispatcher-1", language=language, theme=theme)
    expect(page.locator("nav").first).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("x")
    row = page.locator(f"[data-waiting='{case}']")
    expect(row).to_be_visible()
    row.click()
    expect(page.locator("[data-told]")).to_have_count(0)
    assert axe_faults(page) == []
    page.keyboard.press("o")
    read = page.locator("[data-read]")
    expect(read).to_have_text("The lamp 𠮷 is dark. Call […] or Big Eddie")
    assert axe_faults(page) == []
    shoot(page, f"redactions-{language}")
    page.keyboard.press("e")
    for _ in range(page.locator("[data-token]").count() - 1):
        page.keyboard.press("ArrowRight")
    page.keyboard.press(" ")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press(" ")
    expect(read).to_have_text("The lamp 𠮷 is dark. Call […] or […]")
    page.keyboard.press("a")
    expect(read).to_be_visible()  # changed gaps are not dropped by the key that accepts the found
    page.keyboard.press("s")
    expect(row).to_have_count(0)


def test_a_hold_takes_two(visit: OpenPage, town: Town) -> None:
    case = town.person("call_taker").report("pothole")["case_id"]
    town.person("supervisor")
    page = visit(f"/console/case/{case}", "supervisor-1")
    expect(page.locator("[data-holds]")).to_be_visible()
    page.keyboard.press("l")
    page.keyboard.press("p")
    expect(page.locator("[data-held]")).to_be_visible()
    expect(page.locator("[data-hold]")).to_contain_text("somebody else confirms it")
    assert axe_faults(page) == []
    shoot(page, "hold")
    town.person("supervisor", 2)
    other = visit(f"/console/case/{case}", "supervisor-2", theme="dark")
    expect(other.locator("[data-hold] button").first).to_be_visible()
    other.keyboard.press("l")
    other.keyboard.press("c")
    expect(other.locator("[data-hold]")).to_contain_text("Confirmed by a second person")
    assert axe_faults(other) == []


@pytest.mark.parametrize(("language", "theme"), [("en", "dark"), ("zh-CN", "light")])
def test_a_word_on_a_photo(visit: OpenPage, town: Town, language: str, theme: str) -> None:
    """Words accepted, the photo still waits; released by key, and only then the public has it."""
    taker, desk = town.person("call_taker"), town.person("dispatcher")
    case = reported_with_photo(taker, photo((90, 140, 90) if language == "en" else (140, 90, 90)))
    report: Any = taker.case(case)["reports"][0]["id"]
    taker.act(case, "set_consent", {"report": report, "consent": True})
    desk.act(case, "publish", {"publish": True})
    page = visit("/console/redactions", "dispatcher-1", language=language, theme=theme)
    row = page.locator(f"[data-waiting='{case}']")
    row.click()
    page.keyboard.press("o")
    expect(page.locator("[data-photo='1'] img")).to_be_visible()
    assert axe_faults(page) == []
    shoot(page, f"redactions-photo-{language}")
    file = f"{town.origin}/open311/v2/media/{case}/1.jpg"
    page.keyboard.press("a")
    expect(page.locator("[role=status]").first).to_be_visible()
    expect(page.locator("[data-photo='1']")).to_be_visible()
    assert page.request.get(file).status == 404, "the photo waits"
    page.keyboard.press("r")
    expect(row).to_have_count(0)
    assert page.request.get(file).status == 200

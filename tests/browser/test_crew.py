"""The crew's page on a phone: alerts, big buttons, and presses that wait for the line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import shoot
from tests.browser.fleet import FIRE, Rig, agency_of, fire, rig
from tests.browser.guard import Guard, axe_faults
from tests.browser.test_units import until
from tests.browser.town import PASSWORD, Town


@pytest.fixture
def phone(town: Town, browser: Browser, guard: Guard):
    """A phone of the size that is still sold; `open(login)` gives its page, signed in."""
    contexts = []

    def open_(login: str, *, language: str = "en", theme: str = "light", width: int = 320) -> Page:
        context = browser.new_context(
            base_url=town.origin,
            viewport={"width": width, "height": 640},
            locale=language,
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
            has_touch=True,
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        guard.watch(context)
        page = context.new_page()
        page.goto("/crew")
        page.locator("#login").fill(login)
        page.locator("#password").fill(PASSWORD)
        page.keyboard.press("Enter")
        return page

    yield open_
    for context in contexts:
        context.close()


def crew_of(town: Town) -> str:
    return town.person("agency_handler", agency=agency_of(town, FIRE)).login


def sign_on(page: Page, unit: Rig) -> None:
    page.locator(f"[data-unit='{unit.id}']").click()
    page.locator("#size").fill("3")
    page.keyboard.press("Enter")
    expect(page.locator(".press")).to_have_attribute("data-status", "available")


def waiting(page: Page) -> Any:
    return page.locator("[data-waiting]")


def test_a_crew_signs_on_is_alerted_and_presses_to_clear(phone, town: Town) -> None:
    unit, case = rig(town, on_duty=False), fire(town, "A curtain burns on the second floor")
    page = phone(crew_of(town))
    sign_on(page, unit)
    assert unit.now()["crew_size"] == 3
    expect(page.locator("[data-alerts]")).to_contain_text("No alert")
    unit.press("send", case=case, reason="nearest")
    expect(page.locator(".alert.fresh")).to_contain_text("You are sent to")
    expect(page.locator("[data-case] .place")).to_contain_text("■1 Building on fire")
    expect(page.locator("[data-where]")).to_contain_text("(60.")
    expect(page.locator("[data-script]")).to_contain_text("gas bottles")
    page.get_by_role("button", name="Seen").click()
    expect(page.locator(".alert.fresh")).to_have_count(0)
    page.get_by_role("button", name="Read what was reported").click()
    expect(page.locator("[data-words]")).to_contain_text("A curtain burns")
    kept = page.evaluate("JSON.stringify(localStorage)")
    assert "curtain" not in kept, "words of a report do not stay on a phone"
    small = page.locator(".press button").evaluate_all(
        "all => all.filter(each => each.getBoundingClientRect().height < 64).length"
    )
    assert small == 0, "every status can be pressed with gloves on"
    for status in ("en_route", "on_scene", "clear"):
        page.locator(f"[data-press={status}]").click()
        until(page, unit, status)
        expect(page.locator(f"[data-press={status}]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-case]")).to_have_count(0)
    page.get_by_role("button", name="Sign off duty").click()
    until(page, unit, "off_duty")


def test_presses_without_a_line_are_kept_over_a_reload_and_sent_in_order(
    phone, town: Town, guard: Guard
) -> None:
    guard.allow("ERR_INTERNET_DISCONNECTED|ERR_FAILED")
    unit, case = rig(town, on_duty=False), fire(town)
    page = phone(crew_of(town))
    sign_on(page, unit)
    unit.press("send", case=case, reason="nearest")
    expect(page.locator("[data-press=en_route]")).to_be_enabled()
    expect(page.locator("[data-where]")).to_be_visible()
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    page.wait_for_function(
        "caches.keys().then(async all => (await (await caches.open(all[0])).keys()).length >= 4)"
    )
    page.context.set_offline(True)
    expect(page.locator("[data-line=down]")).to_contain_text("No line")
    page.locator("[data-press=en_route]").click()
    page.locator("[data-press=on_scene]").click()
    page.locator("summary", has_text="Note on the case").click()
    page.locator("#note").fill("Hydrant is frozen")
    page.get_by_role("button", name="Send the note").click()
    expect(waiting(page)).to_have_attribute("data-waiting", "3")
    assert unit.now()["status"] == "dispatched"
    page.reload()
    expect(waiting(page)).to_have_attribute("data-waiting", "3")
    expect(page.locator("[data-press=on_scene]")).to_contain_text("waiting")
    expect(page.locator("[data-where]")).to_be_visible()
    shoot(page, "crew-no-line")
    page.context.set_offline(False)
    expect(waiting(page)).to_have_count(0)
    until(page, unit, "on_scene")
    story = town.person("dispatcher").must("GET", f"/api/cases/{case}/story")["entries"]
    told = [each["words"] for each in story if unit.name in each["words"]]
    late = [each for each in told if "pressed" in each and "sent later" in each]
    assert len(late) == 2 and "En route" in late[0] and "On scene" in late[1], told
    assert any(each["event"] == "note_added" for each in story)


def test_a_refused_press_is_explained_and_not_dropped(phone, town: Town, guard: Guard) -> None:
    guard.allow("ERR_INTERNET_DISCONNECTED|ERR_FAILED")
    unit, case = rig(town, on_duty=False), fire(town)
    page = phone(crew_of(town))
    sign_on(page, unit)
    unit.press("send", case=case, reason="nearest")
    expect(page.locator("[data-press=en_route]")).to_be_enabled()
    page.context.set_offline(True)
    expect(page.locator("[data-line=down]")).to_be_visible()
    page.locator("[data-press=en_route]").click()
    unit.press("recall", case=case, reason="not_needed")
    page.context.set_offline(False)
    expect(page.locator("[data-refused]")).to_contain_text("Not taken: En route")
    expect(page.locator("[data-refused]")).to_contain_text("not on this case")
    assert unit.now()["status"] == "clear", "a late press never counts for another case"
    page.get_by_role("button", name="Understood").click()
    expect(page.locator("[data-refused]")).to_have_count(0)


def test_signing_out_takes_the_alerts_away_at_once(phone, town: Town) -> None:
    unit, case = rig(town, on_duty=False), fire(town)
    page = phone(crew_of(town))
    sign_on(page, unit)
    unit.press("send", case=case, reason="nearest")
    expect(page.locator(".alert.fresh")).to_be_visible()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.locator("#login")).to_be_visible()
    expect(page.locator(".alert")).to_have_count(0)
    expect(page.locator("[data-case]")).to_have_count(0)
    for _ in range(100):
        if not unit.now()["is_alerted"]:
            break
        page.wait_for_timeout(50)
    assert not unit.now()["is_alerted"]
    kept = json.loads(page.evaluate("localStorage.getItem('tocsin.crew')"))
    assert (kept["account"], kept["unit"], kept["shown"]) == ("", "", None)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_crews_page_keeps_the_rules(phone, town: Town, language: str, theme: str) -> None:
    unit, case = rig(town, on_duty=False), fire(town)
    page = phone(crew_of(town), language=language, theme=theme)
    expect(page.locator("[data-unit]").first).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == language, "as the phone speaks"
    assert axe_faults(page) == []
    sign_on(page, unit)
    unit.press("send", case=case, reason="nearest")
    expect(page.locator(".alert.fresh")).to_be_visible()
    expect(page.locator("[data-where]")).to_be_visible()
    assert axe_faults(page) == []
    wide = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert wide <= 0, "nothing is wider than a narrow phone"
    page.screenshot(path=f"build/screenshots/crew-{language}-{theme}.png", full_page=True)


def test_the_page_is_small(town: Town, browser: Browser) -> None:
    context = browser.new_context(base_url=town.origin)
    sizes: list[int] = []
    page = context.new_page()
    page.on("response", lambda answer: sizes.append(len(answer.body())))
    page.goto("/crew")
    expect(page.locator("#login")).to_be_visible()
    assert 5_000 < sum(sizes) < 60_000, "before any compression"
    context.close()

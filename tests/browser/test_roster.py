"""The roster: who is missing, a duty planned and called off, by keys; nothing about people."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, shoot
from tests.browser.fleet import Rig, rig
from tests.browser.guard import axe_faults
from tests.browser.town import Town


def plan(town: Town, unit: Rig, first_h: float, last_h: float, **more: Any) -> str:
    told = datetime.fromisoformat(unit.desk.must("GET", "/api/board?limit=1")["now"])
    span = {
        "starts_at": (told + timedelta(hours=first_h)).isoformat(),
        "ends_at": (told + timedelta(hours=last_h)).isoformat(),
    }
    return unit.press("plan-duty", **span, **more)["id"]


def roster(visit: OpenPage, **more: Any) -> Page:
    page = visit("/console/roster", "dispatcher-1", **more)
    expect(page.locator("[data-line]").first).to_be_visible()
    return page


@pytest.fixture(scope="module")
def crews(town: Town) -> dict[str, Rig]:
    """One as planned, one that nobody signed on, one whose duty was before."""
    found = {"there": rig(town), "missing": rig(town, on_duty=False), "before": rig(town)}
    plan(town, found["there"], -2, 8, shift="day", crew_size=4)
    plan(town, found["missing"], -1, 6, shift="day")
    plan(town, found["before"], -9, -1, shift="night")
    return found


def test_who_is_missing_comes_first_until_somebody_signs_on(
    visit: OpenPage, town: Town, crews: dict[str, Rig]
) -> None:
    page = roster(visit)
    line = page.locator(f"[data-line='{crews['missing'].id}']")
    expect(line).to_have_attribute("data-gap", "missing")
    expect(line).to_contain_text("missing")
    expect(page.locator("[data-gaps]")).to_contain_text(crews["missing"].name)
    order = page.locator("[data-line]").evaluate_all("all => all.map(each => each.dataset.gap)")
    assert all(order[: order.index("")]) and not any(order[order.index("") :]), "gaps first"
    # The screen follows: a crew that signs on is missing no more.
    crews["missing"].press("start-duty", shift="day")
    expect(line).to_have_attribute("data-gap", "")
    crews["missing"].press("end-duty", reason="by_hand")
    expect(line).to_have_attribute("data-gap", "missing")


def test_a_duty_is_planned_and_called_off_by_keys(
    visit: OpenPage, town: Town, crews: dict[str, Rig]
) -> None:
    unit = rig(town, on_duty=False)
    page = roster(visit)
    page.keyboard.press("p")
    expect(page.locator("#plan-unit")).to_be_focused()
    page.locator("#plan-unit").select_option(unit.id)
    page.locator("#plan-shift").fill("late")
    page.keyboard.press("Enter")
    expect(page.locator(".notices")).to_contain_text(f"{unit.name} is planned from")
    bar = page.locator(f"[data-line='{unit.id}'] [data-duty]")
    expect(bar).to_have_count(1)
    (duty,) = [
        each for each in unit.desk.must("GET", "/api/roster")["duties"] if each["unit"] == unit.id
    ]
    span = datetime.fromisoformat(duty["ends_at"]) - datetime.fromisoformat(duty["starts_at"])
    assert (span, duty["shift"], duty["crew_size"]) == (timedelta(hours=12), "late", None)
    # A second one in the same hours is refused, and what was typed stays.
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    page.locator("#plan-unit").select_option(unit.id)
    page.locator("#plan-shift").fill("twice")
    page.keyboard.press("Enter")
    expect(page.locator(".notices")).to_contain_text("already planned")
    expect(page.locator("#plan-shift")).to_have_value("twice")
    page.locator("#plan-shift").press("Escape")
    bar.focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-chosen]")).to_contain_text("late")
    page.get_by_role("button", name="Call it off").click()
    expect(bar).to_have_count(0)


def test_a_call_taker_reads_it_and_plans_nothing(
    visit: OpenPage, town: Town, crews: dict[str, Rig]
) -> None:
    town.person("call_taker")
    page = visit("/console/roster", "call_taker-1")
    expect(page.locator("[data-line]").first).to_be_visible()
    expect(page.get_by_role("button", name="Plan a duty")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_roster_keeps_the_rules(
    visit: OpenPage, town: Town, crews: dict[str, Rig], language: str, theme: str
) -> None:
    page = roster(visit, language=language, theme=theme)
    page.locator(f"[data-line='{crews['there'].id}'] [data-duty]").click()
    expect(page.locator("[data-chosen]")).to_be_visible()
    shoot(page, f"roster-{language}-{theme}")
    assert axe_faults(page) == []
    page.keyboard.press("p")
    expect(page.locator("[data-plan]")).to_be_visible()
    shoot(page, f"roster-plan-{language}-{theme}")
    assert axe_faults(page) == []
    page.goto("/console/stylebook")
    expect(page.locator("[data-line]").first).to_be_visible()
    assert axe_faults(page) == []
    page.set_viewport_size({"width": 1100, "height": 4200})
    shoot(page, f"stylebook-{language}-{theme}")

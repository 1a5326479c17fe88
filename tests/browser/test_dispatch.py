"""Whom to send: ranked with reasons, chosen and sent by keys, and what it costs the town."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, shoot
from tests.browser.fleet import Rig, fire, rig
from tests.browser.guard import axe_faults
from tests.browser.test_board import live
from tests.browser.test_units import until
from tests.browser.town import HOME, Town


@pytest.fixture(scope="module")
def engines(town: Town) -> list[Rig]:
    """Two fire engines whose places are known; nobody else is free."""
    town.person("dispatcher")
    for each in town.person("dispatcher").must("GET", "/api/units")["units"]:
        if each["is_free"]:
            path = f"/api/units/{each['id']}/end-duty"
            town.person("dispatcher").must("POST", path, {"reason": "shift_over"})
    return [rig(town), rig(town)]


@pytest.fixture
def ready(engines: list[Rig]) -> list[Rig]:
    """Both free again, and where they were."""
    for n, each in enumerate(engines):
        for one in each.now()["cases"]:
            each.press("recall", case=one["case"], reason="not_needed")
        each.drive(HOME[0] + 0.002 + 0.004 * n, HOME[1] + 0.002)
    return engines


def board(visit: OpenPage, case: str, **more: str) -> Page:
    page = visit(f"/console/board?case={case}", "dispatcher-1", **more)
    live(page)
    expect(page.locator("[data-candidate]").first).to_be_visible()
    return page


def test_units_are_ranked_with_reasons_and_sent_by_keys_alone(
    visit: OpenPage, town: Town, ready: list[Rig]
) -> None:
    case = fire(town, "Smoke from the attic")
    page = board(visit, case)
    first = page.locator("[data-candidate]").first
    expect(first.locator(".eta")).to_contain_text(re.compile(r"\d:\d\d, \d+:\d\d in 9 of 10"))
    expect(first.locator(".standing")).to_contain_text("position")
    assert first.locator(".reasons").inner_text()
    expect(page.locator(".needs")).to_contain_text("0 of")
    chosen = first.get_attribute("data-candidate")
    page.keyboard.press("1")
    expect(first.locator("[role=checkbox]")).to_have_attribute("aria-checked", "true")
    sent: list[str] = []
    page.on(
        "request",
        lambda each: sent.append(each.post_data or "") if each.url.endswith("/send") else None,
    )
    advice = page.locator(".advice").get_attribute("data-advice")
    page.keyboard.press("Enter")
    unit = next(each for each in ready if each.id == chosen)
    until(page, unit, "dispatched")
    assert len(sent) == 1 and advice and advice in sent[0], "what was looked at is in the journal"
    expect(page.locator(f"[data-on-case='{unit.id}']")).to_be_visible()


def test_a_shortfall_is_shown_with_its_cheapest_repair(
    visit: OpenPage, town: Town, ready: list[Rig]
) -> None:
    page = board(visit, fire(town, "Flames from the second floor"))
    # A fire asks for a ladder as well, and no truck is on duty.
    short = page.locator("[data-shortfall]").first
    expect(short).to_contain_text(re.compile(r"\d short: .+; .+"))


def test_the_order_is_held_while_somebody_points(
    visit: OpenPage, town: Town, ready: list[Rig]
) -> None:
    page = board(visit, fire(town, "Smoke from a shop"))
    rows = page.locator("[data-candidate]")
    expect(rows).to_have_count(2)
    before = rows.evaluate_all("all => all.map(each => each.dataset.candidate)")
    rows.first.hover()
    for each in ready:
        if each.id == before[0]:
            each.press("report-status", status="out_of_service")
    expect(rows.first).to_contain_text("not free any more")
    now = rows.evaluate_all("all => all.map(each => each.dataset.candidate)")
    assert now == before
    page.mouse.move(700, 500)
    expect(rows).to_have_count(1)
    for each in ready:
        if each.id == before[0]:
            each.press("report-status", status="available")


def test_a_candidate_shows_what_stays_covered(
    visit: OpenPage, town: Town, ready: list[Rig]
) -> None:
    page = board(visit, fire(town, "Smoke in the metro"))
    expect(page.locator("[data-map=ready]")).to_be_visible(timeout=30_000)
    page.keyboard.press("y")
    panel = page.locator("[data-coverage]")
    expect(panel).to_contain_text("covered in time")
    page.locator("[data-candidate] .pick").first.focus()
    expect(page.locator("[data-what-if]")).to_contain_text(
        re.compile(r"Covered \d+ %, without T\d+ \d+ %")
    )
    expect(panel).to_contain_text("without")
    panel.locator("summary").click()
    assert panel.locator("[data-zones] tbody tr").count() > 0
    assert axe_faults(page) == []
    page.keyboard.press("Escape")


def test_a_road_is_closed_by_two_points_and_opened_again(
    visit: OpenPage, town: Town, ready: list[Rig]
) -> None:
    page = board(visit, fire(town, "Smoke at the station"))
    expect(page.locator("[data-map=ready]")).to_be_visible(timeout=30_000)
    page.keyboard.press("l")
    roads = page.locator("[data-roads]")
    if "no roads" in roads.inner_text():
        pytest.skip("this node was started without roads")
    roads.get_by_role("button", name="Close a road").click()
    for lon, lat in ((24.9405, 60.1680), (24.9425, 60.1684)):
        roads.locator("input").fill(f"{lat}, {lon}")
        roads.get_by_role("option").first.click()
    roads.get_by_role("button", name="Close it").click()
    expect(roads.locator("[data-change]")).to_have_count(1)
    roads.get_by_role("button", name="Open again").click()
    expect(roads.locator("[data-change]")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_dispatch_keeps_the_rules(
    visit: OpenPage, town: Town, ready: list[Rig], language: str, theme: str
) -> None:
    page = board(visit, fire(town), language=language, theme=theme)
    expect(page.locator("[data-map=ready]")).to_be_visible(timeout=30_000)
    for key in ("y", "i", "l", "e"):
        page.keyboard.press(key)
    expect(page.locator("[data-coverage] .large")).to_be_visible()
    page.wait_for_timeout(800)  # the tiles of a picture for people, nothing is asserted on it
    shoot(page, f"dispatch-{language}-{theme}")
    assert axe_faults(page) == []

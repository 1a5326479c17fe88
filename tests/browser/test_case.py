"""One case from the call to the verified close and back: everybody at their own screen."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, shoot
from tests.browser.guard import axe_faults
from tests.browser.test_board import NASTY, live, row
from tests.browser.town import Staff, Town


@pytest.fixture
def calls(town: Town) -> Staff:
    return town.person("call_taker")


def photo() -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (64, 48), (90, 140, 90)).save(made, "JPEG")
    return made.getvalue()


def opened(
    visit: OpenPage, town: Town, case: str, role: str = "dispatcher", number: int = 1
) -> Page:
    town.person(role, number)
    page = visit(f"/console/case/{case}", f"{role}-{number}")
    expect(page.locator(".story li").first).to_be_visible()
    return page


def test_two_on_one_case_see_each_other(visit: OpenPage, town: Town, calls: Staff) -> None:
    case = calls.report("pothole")["case_id"]
    one = opened(visit, town, case)
    two = opened(visit, town, case, number=2)
    expect(two.locator("[data-presence]")).to_contain_text("dispatcher-1")
    expect(one.locator("[data-presence]")).to_contain_text("dispatcher-2")


def test_sealed_words_open_for_a_purpose_and_leave_a_trace(
    visit: OpenPage, town: Town, calls: Staff
) -> None:
    case = calls.report("noise-nightlife", NASTY)["case_id"]
    page = opened(visit, town, case)
    page.on("dialog", lambda _: pytest.fail("a report's words ran"))
    assert "onerror" not in page.content()
    page.locator("#purpose").focus()
    page.locator(".sealed button").first.click()
    expect(page.locator(".page")).to_contain_text("<img src=x onerror=alert(1)>")
    expect(page.locator('[data-entry-kind="sealed"]').first).to_be_visible()
    assert page.locator("img[src=x]").count() == 0


def test_not_solved_reopens_on_an_open_board(visit: OpenPage, town: Town, calls: Staff) -> None:
    receipt = calls.report("pothole")
    case = receipt["case_id"]
    desk = town.person("dispatcher")
    for verb, body in (("accept", {}), ("file", {}), ("dispatch", {"reason": "routine"})):
        desk.act(case, verb, body)
    task = desk.case(case)["tasks"][0]
    crew = town.person("agency_handler", agency=task["agency"])
    for verb in ("acknowledge_task", "start_task"):
        crew.act(case, verb, {"task": task["id"]})

    # The crew's own screen: done, with a photo.
    hands = visit(f"/console/case/{case}", crew.login)
    hands.locator(".next button", has_text="done").first.click()
    form = hands.locator("form[data-verb=claim_task_done]")
    form.locator("input[type=file]").set_input_files(
        {"name": "after.jpg", "mimeType": "image/jpeg", "buffer": photo()}
    )
    form.locator("button[type=submit]").click()
    expect(form).to_have_count(0)

    # Who claimed it is not who checks it: the node says why, in words.
    status, said = crew.ask(
        "POST",
        f"/api/cases/{case}/verify",
        {"note": "done", "photos": [base64.b64encode(photo()).decode()]},
        {"If-Match": f'"{crew.case(case)["version"]}"'},
    )
    assert status in (403, 409)
    assert said["detail"]

    checker = town.person("verifier")
    page = visit(f"/console/case/{case}", checker.login)
    expect(page.locator(".next button").first).to_be_visible()
    page.keyboard.press("v")
    form = page.locator("form[data-verb=verify]")
    expect(form).to_be_visible()
    if form.locator("input[type=file]").count():
        form.locator("input[type=file]").set_input_files(
            {"name": "seen.jpg", "mimeType": "image/jpeg", "buffer": photo()}
        )
    form.locator("button[type=submit]").click()
    expect(page.locator("header [data-status]")).to_have_attribute("data-status", "verified")

    # Searched for: on a full board the row may be further down than the list draws.
    board = visit(f"/console/board?q={case}", desk.login)
    live(board)
    expect(row(board, case)).to_have_count(0)
    nobody = Staff(town.origin, "reporter")
    answer = {"solved": False, "treated_well": True}
    nobody.must("POST", f"/api/receipts/{receipt['code']}/feedback", answer)
    expect(row(board, case)).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("screen", ["case", "new", "wall"])
def test_every_screen_keeps_the_rules(
    visit: OpenPage, town: Town, calls: Staff, screen: str, language: str, theme: str
) -> None:
    path = screen
    if screen == "case":
        path = f"case/{calls.report('pothole')['case_id']}"
    role = {"new": "call_taker", "wall": "supervisor"}.get(screen, "dispatcher")
    town.person(role)
    page = visit(f"/console/{path}", f"{role}-1", language=language, theme=theme)
    expect(page.locator("main").first).to_be_visible()
    expect(page.locator("main h1, main form, main header").first).to_be_visible()
    page.wait_for_timeout(500)  # for the picture only
    shoot(page, f"{screen}-{language}-{theme}")
    assert axe_faults(page) == []

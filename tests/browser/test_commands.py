"""Commands from the screens: nothing overwrites unseen, nothing is sent by a link or sent twice."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.conftest import OpenPage, slowly
from tests.browser.guard import Guard
from tests.browser.test_board import live, row
from tests.browser.town import HOME, Staff, Town
from tests.web.residents import large_photo


@pytest.fixture
def calls(town: Town) -> Staff:
    return town.person("call_taker")


def writes(page: Page, end: str) -> list[Request]:
    """Every request from now on whose path ends so."""
    found: list[Request] = []
    page.on("request", lambda sent: found.append(sent) if sent.url.endswith(end) else None)
    return found


def body(sent: Request) -> dict[str, object]:
    return json.loads(sent.post_data or "{}")


def test_a_note_on_a_case_that_moved_on_shows_what_changed(
    visit: OpenPage, town: Town, calls: Staff
) -> None:
    case = calls.report("pothole")["case_id"]
    desk, other = town.person("dispatcher"), town.person("dispatcher", 2)
    # Searched for: on a full board the row may be further down than the list draws.
    board = visit(f"/console/board?q={case}", desk.login)
    live(board)
    row(board, case).click()
    expect(board.locator(".doing button").first).to_contain_text("Accept")
    board.keyboard.press(".")
    form = board.locator("form[data-verb=add_note]")
    form.locator("textarea").fill("Half a metre deep.")
    other.act(case, "accept")
    sent = writes(board, "/add-note")
    form.locator("button[type=submit]").click()
    expect(form.locator("[data-news]")).to_contain_text("dispatcher-2")
    expect(form.locator("textarea")).to_have_value("Half a metre deep.")
    assert desk.case(case)["counts"]["notes"] == 0
    form.locator("button[type=submit]").click()
    expect(form).to_have_count(0)
    assert desk.case(case)["counts"]["notes"] == 1
    versions = [each.headers.get("if-match") for each in sent]
    assert len(versions) == 2 and all(versions)


def test_a_link_asks_before_it_does_anything(visit: OpenPage, town: Town, calls: Staff) -> None:
    case = calls.report("pothole")["case_id"]
    desk = town.person("dispatcher")
    page = visit(f"/console/case/{case}?do=accept", desk.login)
    expect(page.locator("form[data-verb=accept]")).to_be_visible()
    assert desk.case(case)["status"] == "received"


def test_an_emergency_is_not_dispatched_as_routine(
    visit: OpenPage, town: Town, calls: Staff
) -> None:
    case = calls.report("building-fire", answers={"people_inside": ["no"]})["case_id"]
    desk = town.person("dispatcher")
    page = visit(f"/console/case/{case}", desk.login)
    expect(page.locator(".next button").first).to_be_visible()
    sent = writes(page, "/dispatch")
    page.keyboard.press("d")
    expect(page.locator("header [data-status]")).to_have_attribute("data-status", "dispatched")
    assert [body(each)["reason"] for each in sent] == ["urgent"]


def test_a_question_goes_to_a_reporter_without_typing_ids(
    visit: OpenPage, town: Town, calls: Staff
) -> None:
    case = calls.report("pothole")["case_id"]
    desk = town.person("dispatcher")
    page = visit(f"/console/case/{case}?do=ask_reporter", desk.login)
    form = page.locator("form[data-verb=ask_reporter]")
    expect(form.locator("[data-field=report] option")).to_have_count(1)
    form.locator("textarea").fill("Which lane?")
    form.locator("button[type=submit]").click()
    expect(form).to_have_count(0)
    assert desk.case(case)["question"]["report"].startswith(case)


def test_a_number_that_was_typed_is_sent(visit: OpenPage, town: Town, calls: Staff) -> None:
    case = calls.report("pothole")["case_id"]
    boss = town.person("supervisor")
    page = visit(f"/console/case/{case}?do=urge", boss.login)
    form = page.locator("form[data-verb=urge]")
    form.locator("[data-field=level]").fill("1")
    form.locator("button[type=submit]").click()
    expect(form).to_have_count(0)
    assert len(boss.case(case)["urges"]) == 1


def test_a_call_with_a_number_among_its_answers_is_taken(
    visit: OpenPage, town: Town, calls: Staff
) -> None:
    page = visit("/console/new", calls.login)
    page.locator("#where").fill(f"{HOME[1]}, {HOME[0]}")
    expect(page.locator("#where-list [role=option]").first).to_be_visible()
    page.keyboard.press("Enter")
    page.locator("#what").fill("The kitchen is on fire, flames and smoke")
    page.locator("#type").fill("building-fire")
    page.locator("#type").press("Enter")
    page.locator("[data-field=floor]").fill("3")
    page.locator("#what").focus()
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-receipt]")).to_be_visible()
    case = page.locator("[data-receipt]").get_attribute("data-receipt") or ""
    assert ["floor", ["3"]] in calls.case(case)["reports"][0]["answers"]
    sent = writes(page, "/add-note")
    page.locator("#more").fill("Everyone is out.")
    page.get_by_role("button", name="Add as a note").dblclick()
    expect(page.locator("#more")).to_have_value("")
    assert len({each.headers.get("idempotency-key") for each in sent}) == 1
    assert calls.case(case)["counts"]["notes"] == 1


def test_a_photo_outlives_a_broken_line_and_shows_how_far_it_is(
    visit: OpenPage, town: Town, calls: Staff, guard: Guard
) -> None:
    guard.allow("ERR_INTERNET_DISCONNECTED|ERR_NETWORK")
    case = calls.report("pothole")["case_id"]
    desk = town.person("dispatcher")
    for verb, given in (("accept", {}), ("file", {}), ("dispatch", {"reason": "routine"})):
        desk.act(case, verb, given)
    task = desk.case(case)["tasks"][0]
    crew = town.person("agency_handler", agency=task["agency"])
    for verb in ("acknowledge_task", "start_task"):
        crew.act(case, verb, {"task": task["id"]})
    page = visit(f"/console/case/{case}", crew.login)
    expect(page.locator(".next button").first).to_be_visible()
    page.keyboard.press("c")
    form = page.locator("form[data-verb=claim_task_done]")
    photo = {"name": "after.jpg", "mimeType": "image/jpeg", "buffer": large_photo()}
    form.locator("input[type=file]").set_input_files([photo])
    page.context.set_offline(True)
    form.locator("button[type=submit]").click()
    expect(form.get_by_role("alert")).to_contain_text("the line broke")
    expect(form.locator(".file")).to_contain_text("after.jpg")
    assert desk.case(case)["status"] == "in_work"
    page.context.set_offline(False)
    slowly(page)
    form.locator("button[type=submit]").click()
    expect(form.locator("progress")).to_be_visible()
    expect(form).to_have_count(0, timeout=60_000)
    assert desk.case(case)["status"] == "claimed_done"

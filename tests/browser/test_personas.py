"""Everybody at their own screen, one matter through all of their hands."""

from __future__ import annotations

import csv
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage, shoot
from tests.browser.guard import Guard, axe_faults
from tests.browser.test_board import live, row
from tests.browser.town import HOME, Staff, Town
from tests.web.residents import picture
from tocsin.web.public.words import WORDS

SAY = WORDS["en"]
BEFORE = {"name": "hole.jpg", "mimeType": "image/jpeg", "buffer": picture()}
AFTER = {"name": "mended.jpg", "mimeType": "image/jpeg", "buffer": picture()}


@pytest.fixture
def calls(town: Town) -> Staff:
    return town.person("call_taker")


def stands(page: Page, status: str) -> None:
    """The open case stands so, and what may be done next is known again."""
    expect(page.locator("header [data-status]")).to_have_attribute("data-status", status)
    expect(page.locator(".next button").first).to_be_visible()


def next_step(page: Page) -> Locator:
    """The biggest thing on the case."""
    return page.locator(".next button").first


def reports(visit: OpenPage, words: str) -> tuple[Page, str]:
    """A resident's three steps with a photo; their page and the code on the receipt."""
    page = visit("/report")
    page.locator("#text").fill(words)
    page.locator("#photo").set_input_files([BEFORE])
    page.locator("main button[value=next]").first.click()
    page.locator("#address").fill(f"{HOME[1] + 0.0045:.5f}, {HOME[0] + 0.0095:.5f}")
    page.locator("main button[value=next]").first.click()
    expect(page.locator("input[name=spot]:checked")).not_to_have_value("none")
    page.locator("main button[value=next]").first.click()
    return page, page.locator("section.code code").inner_text()


def follows(page: Page, code: str) -> None:
    page.goto("/r")
    page.locator("#code").fill(code)
    page.keyboard.press("Enter")
    expect(page.locator("p.state")).to_be_visible()


def test_one_matter_through_all_hands(visit: OpenPage, town: Town) -> None:
    desk = town.person("dispatcher")
    board = visit("/console/board?type=pothole", desk.login)
    live(board)
    known = {each["case"] for each in desk.must("GET", "/api/board?limit=5000")["rows"]}

    resident, code = reports(visit, "There is a deep pothole in the road")
    expect(board.locator(".shown")).to_contain_text(re.compile(r"\d"))
    case = ""
    for _ in range(100):
        now = {each["case"] for each in desk.must("GET", "/api/board?limit=5000")["rows"]}
        if now - known:
            case = (now - known).pop()
            break
        board.wait_for_timeout(50)
    assert case, "what a resident sends is a case on the board"

    # The dispatcher finds it and works it without a mouse.
    board.keyboard.press("/")
    board.keyboard.type(case)
    board.keyboard.press("Escape")
    board.keyboard.press("j")
    expect(row(board, case)).to_have_class(re.compile("selected"))
    for key, status in (("a", "accepted"), ("f", "filed"), ("d", "dispatched")):
        board.keyboard.press(key)
        expect(row(board, case)).to_have_attribute("data-status", status)
    board.keyboard.press(".")
    expect(board.locator("form[data-verb=add_note] textarea")).to_be_focused()
    board.keyboard.type("The bus stops there.")
    board.keyboard.press("Control+Enter")
    expect(board.locator("form[data-verb=add_note]")).to_have_count(0)
    assert desk.case(case)["counts"]["notes"] == 1

    # A grid worker does it and claims it done, with a photo.
    task = desk.case(case)["tasks"][0]
    worker = town.person("grid_worker", agency=task["agency"])
    hands = visit(f"/console/case/{case}", worker.login)
    stands(hands, "dispatched")
    hands.keyboard.press("k")
    expect(next_step(hands)).to_contain_text("Start")
    hands.keyboard.press("s")
    stands(hands, "in_work")
    hands.keyboard.press("c")
    form = hands.locator("form[data-verb=claim_task_done]")
    form.locator("input[type=file]").set_input_files([AFTER])
    form.locator("button[type=submit]").click()
    expect(form).to_have_count(0)
    stands(hands, "claimed_done")

    # Not the same person: the screen does not offer it, and says why.
    expect(hands.locator(".next button", has_text="Verify")).to_have_count(0)
    hands.keyboard.press("v")
    expect(hands.locator(".notices .refused")).to_contain_text("someone else must look")

    checker = town.person("verifier")
    check = visit(f"/console/case/{case}", checker.login)
    stands(check, "claimed_done")
    check.keyboard.press("v")
    form = check.locator("form[data-verb=verify]")
    form.locator("input[type=file]").set_input_files([AFTER])
    form.locator("button[type=submit]").click()
    expect(check.locator("header [data-status]")).to_have_attribute("data-status", "verified")
    shoot(check, "case-verified-en-light")

    # The reporter is answered, sees what proves it, and says that it is not so: one tap.
    follows(resident, code)
    expect(resident.get_by_role("heading", name=SAY["proof"])).to_be_visible()
    assert axe_faults(resident) == []
    shoot(resident, "public-done-en-light")
    resident.get_by_role("button", name=SAY["vote_01"]).click()
    expect(resident.get_by_role("status")).to_have_text(SAY["voted_open"])
    expect(row(board, case)).not_to_have_attribute("data-status", "verified")
    assert desk.case(case)["status"] not in ("verified", "claimed_done")
    expect(check.locator(".story")).to_contain_text(re.compile("not solved|reopened", re.I))


def test_a_supervisor_drills_from_any_number_to_its_cases(
    visit: OpenPage, town: Town, calls: Staff
) -> None:
    case = calls.report("flooding", "Water over the whole road")["case_id"]
    boss = town.person("supervisor")
    wall = visit("/console/wall", boss.login)
    expect(wall.locator("[data-live=up]")).to_be_visible()
    number = wall.locator("[data-number=open]")
    expect(number).not_to_have_text("0")
    said = int(number.inner_text())
    wall.locator("[data-drill=open]").click()
    drilled = wall.locator("[data-drilled]")
    expect(drilled.locator("h2")).to_have_text(re.compile(rf"· {said}$"))
    expect(drilled.locator("li")).to_have_count(min(said, 200))
    assert axe_faults(wall) == []
    drilled.locator(f"a[href$='{case}']").click()
    expect(wall).to_have_url(re.compile(f"/console/case/{case}$"))
    expect(wall.locator(".story li").first).to_be_visible()


def test_every_rate_opens_its_numerator_and_denominator(
    visit: OpenPage, town: Town, calls: Staff
) -> None:
    desk = town.person("dispatcher")
    desk.act(calls.report("icy-path")["case_id"], "accept")
    boss = town.person("supervisor")
    wall = visit("/console/wall", boss.login)
    opened = 0
    buttons = wall.locator(".rates td button")
    expect(buttons.first).to_be_visible()
    for n in range(buttons.count()):
        buttons.nth(n).click()
        drilled = wall.locator("[data-drilled]")
        expect(drilled.locator("li").first).to_be_visible()
        behind = drilled.locator("h2").inner_text().rpartition("· ")[2]
        # Whatever happens meanwhile, a number agrees with what it opens.
        expect(buttons.nth(n)).to_have_text(behind)
        opened += 1
        wall.keyboard.press("Escape")
        expect(drilled).to_have_count(0)
    assert opened >= 2


def test_the_day_is_replayed_brushed_and_taken_away_as_csv(
    visit: OpenPage, town: Town, calls: Staff
) -> None:
    calls.report("pothole")
    boss = town.person("supervisor")
    wall = visit("/console/wall", boss.login)
    plot = wall.locator(".strip [data-plot]")
    expect(plot).to_be_visible()
    expect(wall.locator("[data-moment=now]")).to_be_visible()
    with wall.expect_download() as saved:
        wall.locator(".strip").get_by_role("button", name="Download CSV").click()
    rows = list(csv.reader(saved.value.path().read_text("utf-8-sig").splitlines()))
    assert len(rows) == 97 and sum(int(each[1]) for each in rows[1:]) >= 1
    wall.get_by_role("button", name="As a table").click()
    expect(wall.locator(".strip .scroll tbody tr")).to_have_count(96)
    wall.get_by_role("button", name="As a table").click()

    # Played from the start of the day: the first frame is yesterday, and time goes on.
    wall.locator("[data-play]").click()
    expect(wall.locator("[data-moment=then]")).to_be_visible()
    first = wall.locator("[data-moment]").inner_text()
    expect(wall.locator("[data-moment]")).not_to_have_text(first)
    wall.locator("[data-play]").click()

    box = plot.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    with wall.expect_request(re.compile("/api/measures.*opened_from=")) as asked:
        wall.mouse.move(box["x"] + box["width"] * 0.5, y)
        wall.mouse.down()
        wall.mouse.move(box["x"] + box["width"] * 0.75, y, steps=5)
        wall.mouse.up()
    assert "opened_to=" in asked.value.url
    wall.get_by_role("button", name="All of the 30 days").click()
    expect(wall.get_by_role("button", name="All of the 30 days")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_stylebook_and_what_opens_over_a_page_keep_the_rules(
    visit: OpenPage, town: Town, calls: Staff, language: str, theme: str
) -> None:
    town.person("dispatcher")
    page = visit("/console/stylebook", "dispatcher-1", language=language, theme=theme)
    expect(page.locator("main h1").first).to_be_visible()
    shoot(page, f"stylebook-{language}-{theme}")
    assert axe_faults(page) == []
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    shoot(page, f"keys-{language}-{theme}")
    assert axe_faults(page) == []
    case = calls.report("pothole")["case_id"]
    page.goto(f"/console/case/{case}?do=add_note")
    expect(page.locator("form[data-verb=add_note]")).to_be_visible()
    shoot(page, f"note-{language}-{theme}")
    assert axe_faults(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("w")
    expect(page.locator("section.why li")).to_have_count(2)
    expect(page.locator("section.why")).not_to_contain_text("{")
    shoot(page, f"why-{language}-{theme}")
    assert axe_faults(page) == []


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_published_case_keeps_the_rules(
    visit: OpenPage, town: Town, calls: Staff, guard: Guard, language: str
) -> None:
    case = calls.report("fallen-tree", "By the house of Mrs Virtanen", consent=True)["case_id"]
    town.person("dispatcher").act(case, "accept")
    town.person("dispatcher").act(case, "publish", {"publish": True})
    page = visit("/published", language=language)
    page.locator(f"a[href*='{case}']").click()
    expect(page.locator("p.state")).to_be_visible()
    assert "Virtanen" not in page.content()
    assert axe_faults(page) == []

"""More of the case page: its place, its parts, its photos, its people, and a session that ended."""

from __future__ import annotations

import base64
import io
import json
import re
from typing import Any
from urllib.request import Request, urlopen

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, shoot
from tests.browser.guard import axe_faults
from tests.browser.town import HOME, PASSWORD, Staff, Town, key

BOTH = pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("zh-CN", "dark")])


@pytest.fixture
def calls(town: Town) -> Staff:
    return town.person("call_taker")


def opened(visit: OpenPage, town: Town, case: str, role: str = "dispatcher", **how: Any) -> Page:
    page = visit(f"/console/case/{case}", town.person(role).login, **how)
    expect(page.locator(".story li").first).to_be_visible()
    return page


def photo(colour: tuple[int, int, int]) -> str:
    made = io.BytesIO()
    Image.new("RGB", (640, 480), colour).save(made, "JPEG")
    return base64.b64encode(made.getvalue()).decode()


def reported_with_photo(calls: Staff, data: str) -> str:
    """As the call desk takes in a report that came with a photo."""
    place = {"lon": HOME[0] + 0.004, "lat": HOME[1] + 0.004}
    report = {"source": "phone", "case_type": "pothole", "text": "Deep.", "place": place}
    edge = "edge-of-a-part"
    told = f'--{edge}\r\nContent-Disposition: form-data; name="report"\r\n\r\n'
    file = f'--{edge}\r\nContent-Disposition: form-data; name="photos"; filename="1.jpg"\r\n'
    body = f"{told}{json.dumps(report)}\r\n{file}Content-Type: image/jpeg\r\n\r\n".encode()
    body += base64.b64decode(data) + f"\r\n--{edge}--\r\n".encode()
    headers = {"Cookie": calls.cookie, "X-CSRF-Token": calls.me["csrf"], "Idempotency-Key": key()}
    headers["Content-Type"] = f"multipart/form-data; boundary={edge}"
    sent = Request(f"{calls.origin}/api/reports/upload", body, headers, method="POST")
    with urlopen(sent, timeout=60) as answer:
        return json.loads(answer.read())["case_id"]


def at_work(town: Town, calls: Staff, case: str = "") -> tuple[str, dict[str, Any], Staff]:
    """A case that its agency works on; its task, and somebody of the agency."""
    case = case or calls.report("pothole")["case_id"]
    desk = town.person("dispatcher")
    for verb, body in (("accept", {}), ("file", {}), ("dispatch", {"reason": "routine"})):
        desk.act(case, verb, body)
    task = desk.case(case)["tasks"][0]
    crew = town.person("agency_handler", agency=task["agency"])
    for verb in ("acknowledge_task", "start_task"):
        crew.act(case, verb, {"task": task["id"]})
    return case, task, crew


# -- the session ends ------------------------------------------------------------------


@BOTH
def test_a_session_that_ended_stays_told_until_one_is_signed_in(
    visit: OpenPage, town: Town, calls: Staff, language: str, theme: str
) -> None:
    case = calls.report("pothole")["case_id"]
    page = opened(visit, town, case, language=language, theme=theme)
    page.keyboard.press(".")
    note = page.locator("form[data-verb=add_note] textarea")
    note.fill("Half a metre deep.")
    page.context.clear_cookies()
    page.keyboard.press("Control+Enter")
    name = page.locator("dialog #login")
    expect(name).to_be_focused()
    assert axe_faults(page) == []
    for _ in range(4):  # a browser lets the second one through unasked
        page.keyboard.press("Escape")
        page.wait_for_timeout(50)
    expect(name).to_be_visible()
    name.fill("dispatcher-1")
    page.keyboard.press("Escape")
    expect(name).to_have_value("dispatcher-1")
    page.locator("dialog #password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(name).to_have_count(0)
    expect(note).to_have_value("Half a metre deep.")
    page.locator("form[data-verb=add_note] button[type=submit]").click()
    expect(note).to_have_count(0)
    assert calls.case(case)["counts"]["notes"] == 1


# -- the place -------------------------------------------------------------------------


@BOTH
def test_a_case_with_an_address_only_is_placed_by_keyboard(
    visit: OpenPage, town: Town, calls: Staff, language: str, theme: str
) -> None:
    told = {"source": "phone", "case_type": "pothole", "text": "Deep.", "address": "by the church"}
    case = calls.must("POST", "/api/reports", told)["case_id"]
    page = opened(visit, town, case, language=language, theme=theme)
    page.locator(".doing summary").first.focus()
    page.keyboard.press("Enter")
    button = page.locator(".doing button", has_text={"en": "place"}.get(language, "地点"))
    button.focus()
    page.keyboard.press("Enter")
    form = page.locator("form[data-verb=correct_place]")
    field = form.get_by_role("combobox")
    expect(field).to_be_focused()
    expect(form.locator("[data-from]")).not_to_be_empty()
    page.keyboard.press("Enter")
    expect(form.get_by_role("alert")).not_to_be_empty()
    page.keyboard.type("Bulevardi")
    expect(form.get_by_role("option").first).to_contain_text("Bulevardi")
    assert axe_faults(page) == []
    page.keyboard.press("Escape")
    expect(form.get_by_role("option")).to_have_count(0)
    expect(field).to_have_value("Bulevardi")
    page.keyboard.type(" 1")
    expect(form.get_by_role("option").first).to_be_visible()
    label = (form.get_by_role("option").nth(1).inner_text()).split("\n")[0]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(form.locator("[data-place=chosen]")).to_be_visible()
    assert label.startswith(form.locator("[data-place] b").inner_text())
    expect(form.locator("[data-map=ready]")).to_be_visible()
    page.wait_for_timeout(400)  # for the picture only
    shoot(page, f"case-place-{language}-{theme}")
    assert axe_faults(page) == []
    lon = float(form.locator("[data-field=lon]").input_value())
    page.keyboard.press("Enter")
    expect(form).to_have_count(0)
    assert calls.case(case)["place"]["lon"] == pytest.approx(lon, abs=1e-6)
    expect(page.locator("[data-event=place_corrected]")).to_be_visible()


def test_a_place_is_typed_as_coordinates_or_clicked_on_the_map(
    visit: OpenPage, town: Town, calls: Staff
) -> None:
    case = calls.report("pothole")["case_id"]
    before = calls.case(case)["place"]
    page = opened(visit, town, case)
    page.locator(".facts button").click()
    form = page.locator("form[data-verb=correct_place]")
    expect(form.locator("[data-field=lat]")).to_have_value(f"{before['lat']:.6f}".rstrip("0"))
    form.locator("[data-field=lat]").fill("60.1671")
    form.locator("[data-field=lon]").fill(f"{HOME[0]}")
    form.locator("[data-field=lon]").press("Enter")
    expect(form).to_have_count(0)
    assert calls.case(case)["place"] == {"lat": 60.1671, "lon": HOME[0]}

    page.locator(".facts button").click()
    expect(form.locator("[data-map=ready]")).to_be_visible()
    page.wait_for_timeout(600)  # the map goes to the street
    box = form.locator("canvas").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2 + 60, box["y"] + box["height"] / 2 - 50)
    expect(form.locator("[data-place=chosen]")).to_contain_text("m away")
    form.locator("button[type=submit]").click()
    expect(form).to_have_count(0)
    after = calls.case(case)["place"]
    assert 0.0001 < abs(after["lat"] - 60.1671) < 0.02
    assert after["lon"] > HOME[0]


def test_a_place_outside_the_county_is_refused_and_kept(
    visit: OpenPage, town: Town, calls: Staff
) -> None:
    case = calls.report("pothole")["case_id"]
    page = opened(visit, town, case)
    page.locator(".facts button").click()
    form = page.locator("form[data-verb=correct_place]")
    form.get_by_role("combobox").fill("10.5, 20.25")
    expect(form.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(form.locator("[data-field=lat]")).to_have_value("10.5")
    form.locator("button[type=submit]").click()
    expect(form.get_by_role("alert")).not_to_be_empty()
    expect(form.locator("[data-field=lon]")).to_have_value("20.25")


# -- its parts -------------------------------------------------------------------------


@BOTH
def test_a_case_is_split_among_agencies_without_typing_ids(
    visit: OpenPage, town: Town, calls: Staff, language: str, theme: str
) -> None:
    case = calls.report("pothole")["case_id"]
    desk = town.person("dispatcher")
    desk.act(case, "accept")
    page = opened(visit, town, case, language=language, theme=theme)
    page.locator(".doing summary").first.click()
    page.locator(".doing button", has_text={"en": "Split"}.get(language, "拆分")).click()
    form = page.locator("form[data-verb=split]")
    boxes = form.get_by_role("checkbox")
    expect(boxes.nth(1)).to_be_visible()
    here = set(calls.case(case)["areas"].values())
    for each in boxes.all():
        agency = each.get_attribute("data-part") or ""
        assert agency.partition("@")[2] in here, "an agency of elsewhere is offered"
    form.locator("button[type=submit]").click()
    expect(form.get_by_role("alert")).not_to_be_empty()
    assert calls.case(case)["links"]["children"] == []
    chosen = [boxes.nth(n).get_attribute("data-part") for n in (0, 1)]
    boxes.nth(0).focus()
    page.keyboard.press("Space")
    boxes.nth(1).check()
    expect(form.get_by_role("alert")).to_be_empty()
    expect(form.locator("fieldset")).to_contain_text("2")
    shoot(page, f"case-split-{language}-{theme}")
    assert axe_faults(page) == []
    form.locator("button[type=submit]").click()
    expect(form).to_have_count(0)
    expect(page.locator("[data-child]")).to_have_count(2)
    children = calls.case(case)["links"]["children"]
    assert [calls.case(each)["lead"] for each in children] == chosen
    page.locator("[data-child] a").first.click()
    expect(page).to_have_url(re.compile(f"/console/case/{children[0]}$"))
    expect(page.locator(f"[data-parent] a[href$='{case}']")).to_be_visible()


# -- its photos ------------------------------------------------------------------------


@BOTH
def test_photos_before_and_after_stand_side_by_side_once_opened(
    visit: OpenPage, town: Town, calls: Staff, language: str, theme: str
) -> None:
    case, task, crew = at_work(town, calls, reported_with_photo(calls, photo((120, 90, 60))))
    done = [photo((90, 140, 90)), photo((90, 90, 140))]
    crew.act(case, "claim_task_done", {"task": task["id"], "photos": done})
    checker = town.person("verifier")
    checker.act(case, "verify", {"disposition": "solved", "photos": [photo((60, 160, 60))]})
    page = opened(visit, town, case, "grid_worker", language=language, theme=theme)
    photos = page.locator("[data-photos]")
    expect(photos).to_have_attribute("data-photos", "sealed")
    assert page.locator("main img:not([alt*=riority])").count() == 0, "sealed until it is asked for"
    shoot(page, f"case-photos-sealed-{language}-{theme}")
    photos.get_by_role("button").click()
    expect(page.locator("#purpose")).to_be_focused()
    # A purpose for which no photo is needed opens none; another one does.
    page.locator("#purpose").select_option("contact_reporter")
    page.locator(".sealed button").first.click()
    expect(page.locator("[data-opened]")).to_be_visible()
    expect(photos).to_have_attribute("data-photos", "sealed")
    photos.get_by_role("button").click()
    page.locator("#purpose").select_option("handling")
    page.locator(".sealed button").first.click()
    expect(photos).to_have_attribute("data-photos", "open")

    before, after = photos.locator("[data-stage=before] img"), photos.locator("[data-stage=after]")
    expect(before).to_have_count(1)
    expect(after.locator("img")).to_have_count(3)
    expect(after.first.locator("figcaption")).to_contain_text(crew.login)
    expect(after.last.locator("figcaption")).to_contain_text(checker.login)
    left, right = before.first.bounding_box(), after.locator("img").first.bounding_box()
    assert left and right and abs(left["y"] - right["y"]) < 2 and left["x"] + 100 < right["x"]
    for each in photos.locator("img").all():
        assert len(each.get_attribute("alt") or "") > 12
    page.wait_for_timeout(300)  # for the picture only
    shoot(page, f"case-photos-{language}-{theme}")
    assert axe_faults(page) == []

    second = photos.locator("[data-shot]").nth(1)
    second.focus()
    page.keyboard.press("Enter")
    large = page.locator("[data-large] img")
    expect(large).to_have_attribute("src", second.locator("img").get_attribute("src") or "-")
    caption = page.locator("[data-large] figcaption")
    expect(caption).to_contain_text(crew.login)
    shoot(page, f"case-photo-large-{language}-{theme}")
    assert axe_faults(page) == []
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    expect(caption).to_contain_text(checker.login)
    page.keyboard.press("Escape")
    expect(large).to_have_count(0)
    expect(second).to_be_focused()

    page.emulate_media(media="print")
    expect(before.first).to_be_visible()
    expect(after.last.locator("figcaption")).to_be_visible()
    expect(page.locator("section.sealed")).to_be_hidden()
    expect(page.locator("[data-event=sealed_opened]").first).to_be_visible()
    shoot(page, f"case-print-{language}-{theme}")


# -- its tasks and reports -------------------------------------------------------------


@BOTH
def test_a_task_says_who_has_it_and_shows_what_was_done(
    visit: OpenPage, town: Town, calls: Staff, language: str, theme: str
) -> None:
    case, task, crew = at_work(town, calls)
    page = opened(visit, town, case, language=language, theme=theme)
    row = page.locator("[data-task]")
    expect(row.locator("[data-assigned]")).not_to_contain_text(crew.login)
    page.locator(".doing summary").first.click()
    page.locator(".doing button", has_text={"en": "Give"}.get(language, "指派")).click()
    form = page.locator("form[data-verb=assign_task]")
    to = form.locator("[data-field=to]")
    expect(to.locator("option", has_text=crew.login)).to_have_count(1)
    assert axe_faults(page) == []
    to.select_option(label=crew.login)
    form.locator("button[type=submit]").click()
    expect(row.locator("[data-assigned]")).to_contain_text(crew.login)
    expect(row.locator("[data-claimed]")).to_have_count(0)
    assert calls.case(case)["tasks"][0]["assigned_to"] == crew.me["account"]

    crew.act(case, "claim_task_done", {"task": task["id"], "photos": [photo((9, 140, 90))]})
    expect(row.locator("[data-claimed]")).to_contain_text(crew.login)
    row.locator("[data-evidence] button").click()
    expect(page.locator("#purpose")).to_be_focused()
    page.locator(".sealed button").first.click()
    thumb = row.locator("[data-evidence] img")
    expect(thumb).to_have_count(1)
    shoot(page, f"case-tasks-{language}-{theme}")
    thumb.click()
    expect(page.locator("[data-large] img")).to_be_visible()


@pytest.mark.parametrize(
    ("reader", "told", "said"),
    [
        ("en", "zh-CN", "in Chinese"),
        ("en", "en", "in English"),
        ("zh-CN", "zh-CN", "中文"),
        ("zh-CN", "en", "英语"),
    ],
)
def test_the_language_of_a_report_is_said_in_words(
    visit: OpenPage, town: Town, calls: Staff, reader: str, told: str, said: str
) -> None:
    case = calls.report("pothole", language=told)["case_id"]
    page = opened(visit, town, case, language=reader)
    expect(page.locator("[data-report] [data-language]")).to_contain_text(said)

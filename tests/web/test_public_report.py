"""Three steps without JavaScript: nothing typed is lost, nothing is sent twice, nothing leaks."""

from __future__ import annotations

import asyncio

import pytest

from tests.web.house import Node
from tests.web.house import node as make_node
from tests.web.residents import Page, Resident, picture
from tocsin.kernel.cases.state import Case
from tocsin.runtime.ports import CaseQuery
from tocsin.web.options import WebOptions

LAMP = "The street light in front of the school is dark"
HOSTILE = "</textarea><script>alert('CANARY')</script>\"'><img src=x onerror=alert(1)> & {{7*7}}"


async def cases(node: Node) -> list[Case]:
    return [row.case for row in (await node.services.store.cases(CaseQuery())).rows]


async def test_the_whole_way_without_a_name(node: Node) -> None:
    resident = Resident(node)
    page, code = await resident.report()
    assert code in page.text and "Promised by" in page.text
    assert "Asia/Shanghai" in page.text
    (case,) = await cases(node)
    assert case.case_type == "street-light-out" and case.areas is not None
    assert case.areas.town == "t0"
    (report,) = case.reports
    assert report.source == "web" and report.contact is None and not report.consent
    assert code.replace("-", "") == node.services.reception.code(report.id)
    for each in resident.seen:
        assert len(each.answer.content) < 50_000
        assert code not in str(each.answer.url) and "school" not in str(each.answer.url)


async def test_the_whole_way_in_chinese_with_everything(node: Node) -> None:
    resident = Resident(node, "zh-CN,zh;q=0.9")
    page = await resident.tell("小区门口的路灯不亮已经一个星期了", picture())
    assert 'lang="zh-CN"' in page.html and "在哪里" in page.text
    contact = {"name": "张三", "phone": "13800000000", "email": "z@example.org", "consent": "yes"}
    page = await resident.press(page, "report", "next", {"address": "学校东门", **contact})
    assert "已添加 1 张" in page.text and "路灯不亮" in page.text and "13800000000" in page.text
    page = await resident.press(page, "report", "next", {"a.lights": "row"})
    assert "谢谢" in page.text
    (case,) = await cases(node)
    (report,) = case.reports
    assert report.consent and report.language == "zh-CN"
    assert dict(report.answers)["lights"] == ("row",)
    assert report.contact is not None and report.address is not None
    assert len(report.media) == 1
    opened = await node.vault.open(report.media, by=page_reader(), purpose="handling")
    assert b"CANARY-EXIF" not in opened[report.media[0]][0]
    # An address in words stands at the county's desk until somebody has found it.
    assert case.ownership is not None and case.ownership.tier == "county"


def page_reader():
    from tocsin.kernel.shared import Actor, ActorId

    return Actor(ActorId("test"), "staff", ("dispatcher",))


# -- emergency -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "text", "number"),
    [("en", "There is smoke in the stairwell", "119"), ("zh-CN", "三楼着火了，浓烟", "119")],
)
async def test_emergency_words_lead_to_the_telephone_first(
    node: Node, language: str, text: str, number: str
) -> None:
    resident = Resident(node, language)
    page = await resident.tell(text)
    assert f"tel:{number}" in page.links and "tel:120" in page.links
    assert 'name="address"' not in page.html.replace('type="hidden" name="address"', "")
    assert page.forms["report"]["text"] == text
    assert not await cases(node)
    page = await resident.press(page, "report", "next")  # "it is not an emergency"
    assert "address" in page.ids and page.forms["report"]["text"] == text


async def test_an_emergency_type_and_new_words_are_asked_about_again(node: Node) -> None:
    resident = Resident(node)
    page = await resident.tell("Something is wrong here")
    fill = {"address": "60.101, 24.901", "kind": "other", "other": "building-fire"}
    page = await resident.press(page, "report", "next", fill)
    assert "tel:119" in page.links
    page = await resident.press(page, "report", "next")
    assert "Check and send" in page.text
    page = await resident.press(page, "report", "words")
    page = await resident.press(page, "report", "next", {"text": "now he is unconscious"})
    assert "tel:120" in page.links


# -- mistakes --------------------------------------------------------------------------


async def test_a_mistake_is_named_above_and_beside_and_keeps_the_rest(node: Node) -> None:
    resident = Resident(node)
    page = await resident.tell("   ")
    assert page.answer.status_code == 422 and page.html.count("<title>Error:") == 1
    assert "#text" in page.links and page.focused == "text"
    page = await resident.press(page, "report", "next", {"text": LAMP})
    fill = {"address": "", "name": "Ann", "phone": "x" * 600, "consent": "yes"}
    page = await resident.press(page, "report", "next", fill)
    assert page.answer.status_code == 422 and page.focused == "address"
    assert {"#address", "#phone"} <= set(page.links)
    form = page.forms["report"]
    assert form["name"] == "Ann" and form["consent"] == "yes" and form["text"] == LAMP
    page = await resident.press(page, "report", "next", {"address": "A 1", "phone": "1"})
    assert "Check and send" in page.text


async def test_a_required_question_is_asked_for_at_its_field(node: Node) -> None:
    resident = Resident(node)
    page = await resident.tell("Something is wrong here")
    fill = {"address": "60.101, 24.901", "kind": "other", "other": "food-poisoning"}
    page = await resident.press(page, "report", "next", fill)
    page = await resident.press(page, "report", "next")
    page = await resident.press(page, "report", "next")
    assert page.answer.status_code == 422 and page.focused == "a.people"
    page = await resident.press(page, "report", "next", {"a.people": "many"})
    assert page.answer.status_code == 422 and page.forms["report"]["a.people"] == "many"
    page = await resident.press(page, "report", "next", {"a.people": "5"})
    assert page.answer.status_code == 200 and len(await cases(node)) == 1


async def test_a_place_in_no_area_is_told_in_plain_words(node: Node) -> None:
    resident = Resident(node)
    page = await resident.tell(LAMP)
    page = await resident.press(page, "report", "next", {"address": "48.85, 2.35"})
    assert page.answer.status_code == 422 and "lies outside the area" in page.text
    assert page.forms["report"]["address"] == "48.85, 2.35"


async def test_the_long_list_counts_over_a_guess_left_standing(node: Node) -> None:
    resident = Resident(node)
    page = await resident.tell(LAMP)
    assert page.forms["report"]["kind"] == "street-light-out"
    both = {"address": "60.101, 24.901", "other": "pothole"}
    checked = await resident.press(page, "report", "next", both)
    assert "Pothole" in checked.text or "pothole" in checked.text.lower()
    clash = await resident.press(page, "report", "next", {**both, "kind": "traffic-signal"})
    assert clash.answer.status_code == 422 and "#kind" in clash.links


@pytest.mark.parametrize(
    ("photo", "says"),
    [
        (b"GIF89a" + b"\0" * 100, "cannot be read"),
        (picture()[:300], "photo"),
        (picture() + b"\0" * (12 * 2**20), "larger than 12 MB"),
        (picture() + b"\0" * (40 * 2**20), "larger than 12 MB"),
    ],
)
async def test_a_photo_that_will_not_do_costs_no_word(node: Node, photo: bytes, says: str) -> None:
    resident = Resident(node)
    page = await resident.tell(LAMP, photo)
    assert page.answer.status_code == 422 and says in page.text
    assert page.forms["report"]["text"] == LAMP and "#photo" in page.links
    page = await resident.press(page, "report", "next")
    assert "address" in page.ids


async def test_photos_are_added_and_taken_out_one_at_a_time(node: Node) -> None:
    resident = Resident(node)
    page = await resident.open("/report")
    for number in range(5):
        shot = picture((60 + number, 40))
        page = await resident.press(page, "report", "photo", {"text": LAMP}, shot)
        assert page.text.count("is attached") == number + 1
    assert not any(each.get("type") == "file" for each in page.controls)
    page = await resident.press(page, "report", "drop:0")
    assert page.text.count("is attached") == 4
    page = await resident.press(page, "report", "next")
    page = await resident.press(page, "report", "next", {"address": "60.101, 24.901"})
    await resident.press(page, "report", "next")
    ((report,),) = [case.reports for case in await cases(node)]
    assert len(report.media) == 4


async def test_photos_that_waited_too_long_are_missed_aloud(node: Node) -> None:
    resident = Resident(node)
    page = await resident.tell(LAMP, picture())
    page = await resident.press(page, "report", "next", {"address": "60.101, 24.901"})
    form = dict(page.forms["report"])
    node.app.state.drafts.drop(form["draft"], 0)
    page = await resident.press(page, "report", "next")
    assert page.answer.status_code == 422 and "waited too long" in page.text
    page = await resident.press(page, "report", "next")
    assert page.answer.status_code == 200


# -- once ------------------------------------------------------------------------------


async def test_a_double_click_sends_once(node: Node) -> None:
    resident = Resident(node)
    page = await resident.tell(LAMP, picture())
    page = await resident.press(page, "report", "next", {"address": "60.101, 24.901"})
    both = await asyncio.gather(*(resident.press(page, "report", "next") for _ in range(3)))
    assert len({each.forms["follow"]["code"] for each in both}) == 1
    assert len(await cases(node)) == 1


async def test_the_same_form_with_other_words_asks_first(node: Node) -> None:
    resident = Resident(node)
    page = await resident.tell(LAMP)
    page = await resident.press(page, "report", "next", {"address": "60.101, 24.901"})
    await resident.press(page, "report", "next")
    page = await resident.press(page, "report", "next", {"text": f"{LAMP} and so is the next"})
    assert page.answer.status_code == 409 and "already" in page.text
    page = await resident.press(page, "report", "next")
    assert page.answer.status_code == 200 and len(await cases(node)) == 2


# -- strangers -------------------------------------------------------------------------


async def test_hostile_text_is_shown_as_text(node: Node) -> None:
    resident = Resident(node)
    page = await resident.tell(HOSTILE)
    fill = {"address": HOSTILE, "name": HOSTILE, "kind": "other", "other": "pothole"}
    page = await resident.press(page, "report", "next", fill)
    assert HOSTILE in page.text
    page = await resident.press(page, "report", "words")
    assert page.forms["report"]["text"] == HOSTILE
    for each in resident.seen:
        assert "<script>alert" not in each.html and "<img" not in each.html
        assert "'unsafe-inline'" not in each.answer.headers["content-security-policy"]


async def test_text_stays_under_the_limit_of_a_page(node: Node) -> None:
    resident = Resident(node, "zh-CN")
    page = await resident.tell("路灯不亮，" * 800)
    page = await resident.press(page, "report", "next", {"address": "60.101, 24.901"})
    assert len(page.answer.content) < 50_000
    page = await resident.tell("字" * 4_001)
    assert page.answer.status_code == 422 and page.forms["report"]["text"] == "字" * 4_001


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    ],
)
@pytest.mark.parametrize("path", ["/report", "/r"])
async def test_a_form_of_another_site_is_refused(
    node: Node, path: str, headers: dict[str, str]
) -> None:
    answer = await node.client(**headers).post(path, data={"go": "next", "step": "words"})
    assert answer.status_code == 403 and "another site" in answer.text
    assert answer.headers["content-type"].startswith("text/html")


async def test_our_own_form_passes_also_where_the_origin_is_blanked(node: Node) -> None:
    for headers in ({"Origin": node.url}, {"Origin": "null", "Sec-Fetch-Site": "same-origin"}):
        page = await Resident(node, **headers).tell(LAMP)
        assert "address" in page.ids
    # Under no-referrer browsers blank the origin of a form, so these pages must not ask for it.
    assert page.answer.headers["referrer-policy"] == "same-origin"


async def test_too_many_forms_are_told_to_wait() -> None:
    async with make_node(WebOptions(anonymous_burst=2, anonymous_per_minute=1)) as node:
        resident = Resident(node)
        page = await resident.open("/report")
        for _ in range(2):
            await resident.press(page, "report", "next", {"text": LAMP})
        page = await resident.press(page, "report", "next", {"text": LAMP})
        assert page.answer.status_code == 429 and "retry-after" in page.answer.headers
        assert "Try again in" in page.text


async def test_a_node_that_asks_for_keys_closes_the_form(node: Node) -> None:
    node.services.key_required = True
    page = await Resident(node).open("/report")
    assert page.answer.status_code == 403 and "registered apps" in page.text
    answer = await node.client().post("/report", data={"step": "check", "go": "next"})
    assert answer.status_code == 403 and not await cases(node)


@pytest.mark.parametrize("body", [b"", b"--x--", b"--x\r\n\r\nhello", b"\xff\xfe"])
@pytest.mark.parametrize(
    "kind", ["multipart/form-data; boundary=x", "multipart/form-data", "text/plain", ""]
)
async def test_a_broken_body_is_answered_with_a_page(node: Node, kind: str, body: bytes) -> None:
    answer = await node.client(**{"Content-Type": kind}).post("/report", content=body)
    assert answer.status_code in (400, 415, 422), answer.text
    assert answer.headers["content-type"].startswith("text/html")


# -- language --------------------------------------------------------------------------


async def test_the_language_changes_in_the_middle_and_nothing_is_lost(node: Node) -> None:
    resident = Resident(node)
    page = await resident.tell(LAMP)
    page = await resident.press(page, "report", "lang:zh-CN", {"address": "Mill St", "name": "Ann"})
    assert 'lang="zh-CN"' in page.html and 'action="/report?lang=zh-CN"' in page.html
    form = page.forms["report"]
    assert (form["text"], form["address"], form["name"]) == (LAMP, "Mill St", "Ann")
    page = await resident.press(page, "report", "next", path="/report?lang=zh-CN")
    assert "核对并提交" in page.text
    page = await resident.press(page, "report", "next", path="/report?lang=zh-CN")
    assert "谢谢" in page.text


async def test_enter_in_a_field_goes_on_and_nowhere_else(node: Node) -> None:
    """A browser presses the first button of the form: it must be the one that goes on."""
    resident = Resident(node)
    pages = [await resident.open("/report"), await resident.tell(LAMP), await resident.open("/r")]
    where = {"address": "60.101, 24.901"}
    pages.append(await resident.press(pages[1], "report", "next", where))
    for page in pages:
        for form, buttons in page.buttons.items():
            assert buttons[0] in (("go", "next"), ("go", "show")), form


def well_made(page: Page) -> None:
    """What a reader with a screen reader needs of any page."""
    assert page.html.count("<h1") == 1 and "<title>" in page.html
    assert len(page.ids) == len(set(page.ids)), page.ids
    for each in page.controls:
        kind = each.get("type", "text")
        if kind in ("hidden", "radio", "checkbox"):  # choices sit inside their labels
            continue
        assert each["id"] in page.labels, each


async def test_every_field_has_its_label_and_every_page_one_heading(node: Node) -> None:
    for language in ("en", "zh-CN"):
        resident = Resident(node, language)
        await resident.report()
        await resident.tell("fire")
        await resident.tell("", b"x")
        for path in ("/", "/r", "/published", "/published/none"):
            await resident.open(path)
        for page in resident.seen:
            well_made(page)

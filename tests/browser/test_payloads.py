"""Two hundred script payloads in every text that people and machines may send, looked at on every
page that shows it: none of them runs, and no page's policy has to step in.

The policy would stop what a page took for markup, so what it refused is counted like a run.
"""

from __future__ import annotations

import copy
import html
import itertools
import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import running
from tests.browser.everyday import hostile_pack
from tests.browser.guard import Guard
from tests.browser.looking import Look, answered, formulas, hostile, judge, quiet, unseal
from tests.browser.payloads import AS_MARKUP, MARK, PAYLOADS
from tests.browser.poisoned import Poisoned
from tests.browser.text_fields import REASONS, Ledger, text_fields, unanswered


@pytest.fixture(scope="module")
def poisoned(driver: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Poisoned]:
    """A node of this file's own: nobody else is to find all that on the board."""
    folder = tmp_path_factory.mktemp("payloads")
    with running(folder, "--pack", str(hostile_pack(folder))) as town:
        yield Poisoned(town)


# -- every text --------------------------------------------------------------------------


def test_every_text_of_the_api_is_thrown_at_or_has_a_reason(poisoned: Poisoned) -> None:
    fields, ledger = text_fields(poisoned.ledger.document), poisoned.ledger
    assert unanswered(fields, ledger.filled, REASONS) == []
    assert len(fields - set(REASONS)) > 40


def test_a_new_text_that_nobody_threw_at_is_found(poisoned: Poisoned) -> None:
    """In a body, within a list of a form that others use, and in a query."""
    document = copy.deepcopy(poisoned.ledger.document)
    text = {"type": "string", "maxLength": 200, "pattern": "^[^\\x00]+$"}
    forms = document["components"]["schemas"]
    forms["AddNoteBody"]["properties"]["headline"] = text
    forms["ReportBody"]["properties"]["tags"] = {"type": "array", "items": text}
    query = {"in": "query", "name": "words", "schema": text}
    document["paths"]["/api/cases"]["get"]["parameters"].append(query)
    found = unanswered(text_fields(document), poisoned.ledger.filled, REASONS)
    assert [each.partition(":")[0] for each in found] == [
        "AddNoteBody.headline",
        "ReportBody.tags[]",
        "case.list?words",
    ]


def test_a_text_that_was_refused_for_its_form_was_not_thrown_at(poisoned: Poisoned) -> None:
    ledger = Ledger(poisoned.ledger.document)
    body = {"text": PAYLOADS[0]}
    ledger.heard("POST", "/api/cases/x/add-note", body, 422)
    ledger.heard("POST", "/api/cases/x/add-note", {"text": "plain"}, 200)
    assert ledger.filled == set()
    ledger.heard("POST", "/api/cases/x/add-note", body, 200)
    assert ledger.filled == {"AddNoteBody.text"}


# -- the pages ---------------------------------------------------------------------------


@pytest.fixture
def look(browser: Browser, poisoned: Poisoned) -> Iterator[Look]:
    found = Look(browser, poisoned.town.origin, Guard(poisoned.town.origin))
    found.guard.allow("Failed to load resource: .* (404|422) ")
    yield found
    for each in found.contexts:
        for page in each.pages:  # an answer on its way would end in the next test
            page.goto("about:blank")
            page.unroute_all(behavior="wait")
        each.close()
    assert not found.guard.faults, found.guard.faults


def test_the_pages_of_residents(look: Look, poisoned: Poisoned) -> None:
    page = look()
    published = f"/published/{poisoned.case}"
    odd = quote(PAYLOADS[12], safe="")
    for path in ("/published", published, f"/report?text={odd}", f"/{odd}", f"/published/{odd}"):
        page.goto(path)
        judge(page, path)
    page.goto("/r")
    page.locator("#code").fill(PAYLOADS[3][:40])
    page.keyboard.press("Enter")
    expect(page.locator("#code")).to_be_visible()
    judge(page, "a code that is none")
    page.locator("#code").fill(poisoned.code)
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text(MARK)
    judge(page, "a receipt", shown=len(PAYLOADS))
    page.locator("#answer").fill("\n".join(PAYLOADS[:100]))
    page.locator("#answer-form button[value=answer]").click()
    expect(page.locator("body")).to_be_visible()
    judge(page, "an answer")
    page.goto("/report")
    page.locator("#text").fill("\n".join(PAYLOADS[:100]))
    page.locator("main button[value='next']").first.click()
    expect(page.locator("#address")).to_be_visible()
    judge(page, "a report being written")
    page.locator("#address").fill(PAYLOADS[11])
    page.locator("main button[value='next']").first.click()
    expect(page.locator("body")).to_be_visible()
    judge(page, "a place that is none")


def open_case(page: Page, case: str) -> None:
    """The whole case with what was sealed, and a moment for what would run."""
    page.goto(f"/console/case/{case}")
    expect(page.locator(".story li").first).to_be_visible()
    unseal(page)
    expect(page.locator(".sealed [data-opened] dd").first).to_contain_text(MARK)
    page.wait_for_timeout(500)


def test_the_screens_of_staff(look: Look, poisoned: Poisoned) -> None:
    page = look("dispatcher-1")
    quiet(page, "/console/board", shows=MARK)
    open_case(page, poisoned.case)
    judge(page, "the case, opened", shown=len(PAYLOADS))
    page.emulate_media(media="print")
    page.wait_for_timeout(200)
    judge(page, "the printed case", shown=len(PAYLOADS))
    page.emulate_media(media="screen")
    quiet(page, f"/console/device/{poisoned.schools[0].buttons['B']}", shows=MARK)
    for path in ("/roster", "/tests", "/wall", "/sight", "/scorecard", "/new", "/account"):
        quiet(page, f"/console{path}")
    quiet(page, f"/console/device/{poisoned.devices[0]}", shows=MARK)
    quiet(page, f"/console/case/{quote(PAYLOADS[1], safe='')}")


def test_the_pages_of_an_administrator_and_of_a_crew(look: Look, poisoned: Poisoned) -> None:
    page = look("admin")
    quiet(page, "/console/accounts", shows=MARK)
    judge(page, "accounts", shown=len(PAYLOADS))
    page = look(f"agency_handler-{poisoned.agency.replace('@', '-')}")
    quiet(page, "/crew", shows=MARK)


def test_a_label_and_an_error_hold_no_markup(poisoned: Poisoned) -> None:
    for device in poisoned.devices[:20]:
        path = f"{poisoned.town.origin}/api/assets/{device}/label.svg"
        asked = Request(path, headers={"Cookie": poisoned.desk.cookie})
        with urlopen(asked, timeout=60) as answer:
            drawn = answer.read().decode()
        assert not re.search(r"<(script|img|iframe|body|object|embed|video|input|style)", drawn)
        assert not re.search(r"<[^>]*\bon\w+\s*=", drawn)


def test_a_spreadsheet_reckons_with_no_name(poisoned: Poisoned) -> None:
    for path in ("/api/assets.csv", "/api/button-tests.csv"):
        asked = Request(poisoned.town.origin + path, headers={"Cookie": poisoned.chief.cookie})
        with urlopen(asked, timeout=60) as answer:
            text = answer.read().decode("utf-8-sig")
        assert formulas(text) == []
        assert "1+1" in text or path.endswith("tests.csv")


# -- names of what the town is made of ----------------------------------------------------

IN_FULL: Final = "TOCSIN_HOSTILE" in os.environ
"""`make hostile` looks at every page in every way; else it is a share of them."""
ROOMS: Final = ("/board", "/new", "/roster", "/sight", "/redactions", "/holds", "/tests",
                "/scorecard", "/wall", "/account", "/accounts")  # fmt: skip


@pytest.mark.parametrize("login", ["supervisor-1", "admin"] if IN_FULL else ["supervisor-1"])
def test_a_town_whose_every_name_is_hostile(look: Look, poisoned: Poisoned, login: str) -> None:
    """Agencies, areas, case types, colleagues, passkeys, ties: whatever the node may ever say."""
    look.guard.allow("Failed to load resource: .* 403 ")
    page = look(login)
    told = answered(page)
    cases = (f"/case/{poisoned.case}", f"/case/{poisoned.day.case}")
    for path in (*ROOMS[:: 1 if IN_FULL else 5], *cases, f"/device/{poisoned.day.device}"):
        quiet(page, f"/console{path}")
    page.goto("/console/account")
    expect(page.locator("[data-passkey]").first).to_be_visible()
    judge(page, "the account", shown=150)
    assert len({urlsplit(each).path for each in told}) > 12


def test_a_case_that_was_worked_and_a_device_that_was_looked_after(
    look: Look, poisoned: Poisoned
) -> None:
    page = look("supervisor-1")
    open_case(page, poisoned.day.case)
    judge(page, "the worked case", shown=len(PAYLOADS))
    quiet(page, f"/console/device/{poisoned.day.device}", shows=MARK)
    page.goto("/console/redactions")
    page.locator(f"[data-waiting='{poisoned.case}']").click()
    unseal(page)
    expect(page.locator("[data-told]")).to_contain_text("hit()")
    judge(page, "words before the public", shown=20)
    papers = (f"/case/{poisoned.day.case}", "/board", "/redactions", "/roster", "/wall")
    for path in papers if IN_FULL else papers[:1]:
        page.goto(f"/console{path}")
        expect(page.locator("nav, main").first).to_be_visible()
        page.emulate_media(media="print")
        page.wait_for_timeout(200)
        judge(page, f"{path}, printed")
        page.emulate_media(media="screen")


def test_the_papers_that_the_node_writes_itself(look: Look, poisoned: Poisoned) -> None:
    """The printed scorecard, what the public sees of a hostile pack, and what is refused."""
    page = look("supervisor-1")
    now = datetime.now(UTC)
    span = {"since": now - timedelta(days=2), "until": now + timedelta(hours=1)}
    asked = urlencode({name: at.isoformat() for name, at in span.items()})
    for by in ("agency", "site", "model"):
        answer = page.goto(f"/api/alarms/scorecard/table?by={by}&{asked}")
        assert answer is not None and answer.status == 200
        judge(page, f"the scorecard by {by}", shown=by == "model")
    for path in ("/api/sign-on/return?state={0}&code={0}&iss={0}", "/api/problems/{0}", "/p/{0}"):
        page.goto(path.format(quote(PAYLOADS[11], safe="")))
        judge(page, path)
    page = look()
    page.goto("/published")
    judge(page, "published", shown=1)
    page.goto("/report")
    page.locator("#text").fill("A pothole, a hole in the road")
    page.locator("main button[value='next']").first.click()
    expect(page.locator("#address")).to_be_visible()
    judge(page, "the kinds of reports", shown=1)


def test_the_tables_of_the_console_reckon_with_no_name(look: Look, poisoned: Poisoned) -> None:
    """What `wall/csv.ts` saves, as the browser saves it."""
    look.guard.allow("Failed to load resource: .* 403 ")
    page = look("supervisor-1")
    body = '["=1+1", "+1+1", "-1+1", "@SUM(1)", "\\t=1+1", "\\r=1+1", "=cmd|x", "=A1, \\"q\\""]'

    def instead(route: Route) -> None:
        answer, turn = route.fetch(), itertools.cycle(json.loads(body))
        route.fulfill(response=answer, json=hostile(answer.json(), turn))

    page.route("**/api/measures*", instead)
    page.goto("/console/wall")
    expect(page.locator("main")).to_contain_text("1+1")
    button = page.get_by_role("button", name=re.compile("CSV", re.I)).first
    with page.expect_download() as saved:
        button.click()
    text = Path(saved.value.path()).read_text("utf-8-sig")
    assert formulas(text) == [] and "1+1" in text
    assert formulas(text.replace("'", "")) != [], "a table without the sign is found"


# -- planted -----------------------------------------------------------------------------


def test_markup_planted_into_the_console_is_found(look: Look, poisoned: Poisoned) -> None:
    look.guard.allow("Trusted|trusted|Content Security Policy")
    page = look("dispatcher-1")
    page.add_init_script(AS_MARKUP)
    open_case(page, poisoned.case)
    with pytest.raises(AssertionError, match="require-trusted-types-for"):
        judge(page, "planted")


def test_markup_planted_into_a_template_is_found(look: Look, poisoned: Poisoned) -> None:
    """As `{{ each.text|safe }}` would send the receipt."""
    look.guard.allow("Content Security Policy")

    def safe(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=html.unescape(answer.text()))

    page = look()
    page.goto("/r")
    page.route("**/r", safe)
    page.locator("#code").fill(poisoned.asked)
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("{{constructor")
    with pytest.raises(AssertionError, match="script-src"):
        judge(page, "planted")
    assert any("fetched for a payload" in each for each in look.guard.faults)
    look.guard.faults.clear()


def test_the_payloads_do_run_where_no_policy_stands(look: Look) -> None:
    """What is counted above can be counted."""
    look.guard.allow(".*")
    page = look()

    def bare(route: Route) -> None:
        answer = route.fetch()
        kept = {k: v for k, v in answer.headers.items() if k != "content-security-policy"}
        route.fulfill(response=answer, headers=kept)

    page.route("**/published", bare)
    page.goto("/published")
    ran = page.evaluate(
        """texts => texts.map(text => { const before = window.__hits;
             const here = document.createElement('div'); document.body.append(here);
             here.innerHTML = text; return window.__hits > before })""",
        list(PAYLOADS),
    )
    page.wait_for_timeout(1_500)
    assert page.evaluate("window.__hits") > 40 or sum(ran) > 40
    look.guard.faults.clear()

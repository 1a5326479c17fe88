"""Two hundred script payloads in every text that people and machines may send, looked at on every
page that shows it: none of them runs, and no page's policy has to step in.

The policy would stop what a page took for markup, so what it refused is counted like a run.
"""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Route, expect
from playwright.sync_api import Request as Sent

from tests.browser.conftest import running
from tests.browser.guard import Guard
from tests.browser.payloads import AS_MARKUP, MARK, PAYLOADS, SHOWN, WATCH
from tests.browser.poisoned import Poisoned
from tests.browser.town import PASSWORD


@pytest.fixture(scope="module")
def poisoned(driver: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Poisoned]:
    """A node of this file's own: nobody else is to find all that on the board."""
    with running(tmp_path_factory.mktemp("payloads")) as town:
        yield Poisoned(town)


@dataclass
class Look:
    """Opens watched pages of the poisoned town."""

    browser: Browser
    origin: str
    guard: Guard
    contexts: list[BrowserContext] = field(default_factory=list[BrowserContext])

    def __call__(self, login: str = "") -> Page:
        context = self.browser.new_context(base_url=self.origin, locale="en")
        context.set_default_timeout(30_000)
        self.contexts.append(context)
        self.guard.watch(context)
        context.on("request", self._request)
        if login:
            body = {"login": login, "password": PASSWORD}
            assert context.request.post("/api/login", data=body).ok
        context.add_init_script(WATCH)
        page = context.new_page()
        page.on("dialog", self._dialog)
        return page

    def _request(self, sent: Sent) -> None:
        if sent.url.endswith("/q"):  # what the pictures and films of the payloads would load
            self.guard.faults.append(f"fetched for a payload: {sent.url}")

    def _dialog(self, dialog: Dialog) -> None:
        self.guard.faults.append(f"a script asked: {dialog.message}")
        dialog.dismiss()


@pytest.fixture
def look(browser: Browser, poisoned: Poisoned) -> Iterator[Look]:
    found = Look(browser, poisoned.town.origin, Guard(poisoned.town.origin))
    found.guard.allow("Failed to load resource: .* (404|422) ")
    yield found
    for each in found.contexts:
        each.close()
    assert not found.guard.faults, found.guard.faults


def quiet(page: Page, path: str, *, shows: str = "") -> None:
    """Looks at a page for a while. Nothing ran and nothing had to be stopped."""
    page.goto(path)
    expect(page.locator("body")).to_contain_text(shows or "", timeout=30_000)
    page.wait_for_timeout(500)
    judge(page, path)


def judge(page: Page, where: str, *, shown: int = 0) -> None:
    """Nothing ran, and the policy had nothing to stop; `shown`: how many stand there as words."""
    hits, broken = page.evaluate("[window.__hits, window.__broken]")
    assert hits == 0 and broken == [], (where, hits, broken)
    assert page.evaluate(SHOWN, list(PAYLOADS)) >= shown, (where, "too few are shown")


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


def test_the_screens_of_staff(look: Look, poisoned: Poisoned) -> None:
    page = look("dispatcher-1")
    quiet(page, "/console/board", shows=MARK)
    page.goto(f"/console/case/{poisoned.case}")
    expect(page.locator(".story li").first).to_be_visible()
    page.keyboard.press("o")
    expect(page.locator(".sealed [data-opened] dd").first).to_contain_text(MARK)
    page.wait_for_timeout(500)
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
            rows = list(csv.reader(io.StringIO(answer.read().decode("utf-8-sig"), newline="")))
        cells = [cell for row in rows for cell in row]
        assert not [cell for cell in cells if cell[:1] in "=+-@\t\r" and cell and not _number(cell)]
    assert any("1+1" in cell for cell in cells) or path.endswith("tests.csv")


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def test_markup_planted_into_the_console_is_found(look: Look, poisoned: Poisoned) -> None:
    look.guard.allow("Trusted|trusted|Content Security Policy")
    page = look("dispatcher-1")
    page.add_init_script(AS_MARKUP)
    page.goto(f"/console/case/{poisoned.case}")
    expect(page.locator(".story li").first).to_be_visible()
    page.keyboard.press("o")
    expect(page.locator(".sealed [data-opened] dd").first).to_contain_text(MARK)
    page.wait_for_timeout(500)
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

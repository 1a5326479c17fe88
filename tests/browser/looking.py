"""How pages of a hostile town are looked at: what ran, what was fetched, what was stopped."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Route, expect
from playwright.sync_api import Request as Sent

from tests.browser.guard import Guard
from tests.browser.payloads import PAYLOADS, SHOWN, WATCH
from tests.browser.town import PASSWORD


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


def quiet(page: Page, path: str, *, shows: str = "") -> None:
    """Looks at a page for a while. Nothing ran and nothing had to be stopped."""
    page.goto(path)
    expect(page.locator("body")).to_contain_text(shows or "", timeout=30_000)
    page.wait_for_timeout(250)
    judge(page, path)


def unseal(page: Page) -> None:
    """Opens what is sealed by its key, once the page takes it."""
    expect(page.locator("[aria-keyshortcuts='o']").first).to_be_visible()
    page.keyboard.press("o")


def judge(page: Page, where: str, *, shown: int = 0) -> None:
    """Nothing ran, and the policy had nothing to stop; `shown`: how many stand there as words."""
    hits, broken = page.evaluate("[window.__hits, window.__broken]")
    assert hits == 0 and broken == [], (where, hits, broken)
    assert page.evaluate(SHOWN, list(PAYLOADS)) >= shown, (where, "too few are shown")


NAMES: Final = frozenset({"name", "title", "label", "by_name", "second_name", "placed_by", "keeper",
                          "model", "subject", "issuer", "summary", "line", "address", "en",
                          "zh-CN", "reason_text", "hint"})  # fmt: skip


def hostile(value: Any, turn: Iterator[str], key: str = "") -> Any:
    """An answer of the node in which every name of anything is a payload."""
    if isinstance(value, dict):
        return {name: hostile(each, turn, name) for name, each in value.items()}
    if isinstance(value, list):
        return [hostile(each, turn, key) for each in value]
    return next(turn) if isinstance(value, str) and value and key in NAMES else value


def answered(page: Page) -> list[str]:
    """From now on the page's node calls everything by payloads; returns what was answered so."""
    told: list[str] = []

    def instead(route: Route) -> None:
        if route.request.method != "GET" or "/api/live" in route.request.url:
            return route.continue_()
        answer = route.fetch()
        if "json" not in answer.headers.get("content-type", ""):
            return route.fulfill(response=answer)
        told.append(route.request.url)
        body = hostile(answer.json(), itertools.cycle(PAYLOADS))
        if route.request.url.endswith("/api/account/passkeys"):
            at = "2026-11-22T01:30:00+00:00"
            body["passkeys"] = [{"id": f"p{n}", "name": text, "made_at": at, "used_at": at}
                                for n, text in enumerate(PAYLOADS)]  # fmt: skip
        if route.request.url.endswith("/api/account/identities"):
            body["identities"] = [{"issuer": text, "subject": text} for text in PAYLOADS[:50]]
        return route.fulfill(response=answer, json=body)

    page.route("**/api/**", instead)
    return told


def formulas(text: str) -> list[str]:
    """Cells of a table that a spreadsheet would reckon with."""
    rows = csv.reader(io.StringIO(text, newline=""))
    cells = (cell for row in rows for cell in row)
    return [cell for cell in cells if cell[:1] in tuple("=+-@\t\r") and not _number(cell)]


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True

"""What every page of a browser test is held to: a quiet console, and no way out of the node."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Page
from playwright.sync_api import Request as Sent

AXE = Path("console/node_modules/axe-core/axe.min.js")
TAGS = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
# The browser writes a line for every answer over 399; these refusals are part of the work.
EXPECTED = re.compile(r"Failed to load resource: .* (401|409|412) |net::ERR_INTERNET_DISCONNECTED")
INSIDE = ("data:", "blob:", "about:")


@dataclass
class Guard:
    """Collects what a page did wrong, until the test ends."""

    origin: str
    faults: list[str] = field(default_factory=list[str])
    allowed: list[str] = field(default_factory=list[str])
    """Patterns of console lines that this one test provokes on purpose."""

    def watch(self, context: BrowserContext) -> None:
        context.on("page", self._page)
        context.on("request", self._request)

    def allow(self, pattern: str) -> None:
        self.allowed.append(pattern)

    def _page(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))

    def _request(self, request: Sent) -> None:
        if request.url.startswith((f"{self.origin}/", *INSIDE)):
            return
        self.faults.append(f"left the node: {request.url}")

    def _console(self, line: ConsoleMessage) -> None:
        if line.type != "error" or EXPECTED.search(line.text):
            return
        if any(re.search(each, line.text) for each in self.allowed):
            return
        self.faults.append(f"console: {line.text} at {line.location}")


def axe_faults(page: Page) -> list[str]:
    """Broken accessibility rules of the page as it stands, with the elements that break them."""
    # Evaluated over the debugging line: the page's own policy lets no other script in.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: Any = page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: "
        "['violations']})",
        TAGS,
    )
    return [
        f"{rule['id']}: {node['html'][:160]} {node['failureSummary'][:240]}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]

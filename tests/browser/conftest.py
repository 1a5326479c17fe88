"""One node with the town's map, one Chromium, and a watched context for each test."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from tests.browser.guard import Guard
from tests.browser.school import INTAKES
from tests.browser.town import PASSWORD, Town, TownNode, settle

MAP = Path("build/maps/helsinki.osm.pbf")
CONSOLE = Path("src/tocsin/_console/index.html")
SHOTS = Path("build/screenshots")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No name but the node's own resolves: the screens work where there is no internet.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
OpenPage = Callable[..., Page]
# How long a test may wait for what it expects; it fails for what never comes, not for a slow day.
expect.set_options(timeout=15_000)


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[Town]:
    """A real node on a fresh folder, with its map and its administrator."""
    for needed, how in ((CONSOLE, "python tools/console.py"), (MAP, "make test")):
        if not needed.exists():
            pytest.fail(f"browser tests need {needed}: run `{how}`", pytrace=False)
    data, tiles = folder / "data", MAP.with_name("helsinki.map")
    data.mkdir()
    (data / "intakes.toml").touch(0o600)
    (data / "intakes.toml").write_text(INTAKES)
    more = () if tiles.exists() else ("--map-build", "false")
    if tiles.exists():
        shutil.copytree(tiles, data / "map")
    place = ("--map", str(MAP), "--roads", str(MAP), "--calendar", "finland-2026")
    node = TownNode(data, (*place, *more, "--log-level", "warning", *arguments))
    try:
        # In a thread of its own: once there is a driver, its loop runs in this one.
        with ThreadPoolExecutor(1) as apart:
            apart.submit(lambda: asyncio.run(node.start())).result()
        yield settle(node)
    finally:
        node.stop()


# Package scope: the driver keeps an event loop running, which other tests must not meet.
@pytest.fixture(scope="package")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The node of most tests. A file whose tests leave much behind has one of its own."""
    with running(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture(scope="package")
def driver(town: Town) -> Iterator[Playwright]:
    if not _where() and not os.environ.get("CI"):
        pytest.skip("no Chromium: run tools/browser.sh, or set TOCSIN_CHROMIUM")
    with sync_playwright() as running:
        yield running


def _where() -> str | None:
    return os.environ.get("TOCSIN_CHROMIUM") or shutil.which("chromium")


def chromium(driver: Playwright, *more: str) -> Browser:
    where = _where()
    assert where, "no Chromium: run tools/browser.sh"
    return driver.chromium.launch(executable_path=where, args=[*ARGUMENTS, *more])


@pytest.fixture(scope="package")
def browser(driver: Playwright) -> Iterator[Browser]:
    found = chromium(driver)
    yield found
    found.close()


@pytest.fixture
def guard(town: Town) -> Iterator[Guard]:
    """Fails the test that was followed by anything a page may not do."""
    guard = Guard(town.origin)
    yield guard
    assert not guard.faults, "\n".join(guard.faults)


@pytest.fixture
def visit(town: Town, browser: Browser, guard: Guard) -> Iterator[OpenPage]:
    """Opens a page of the node as somebody, or as nobody, in a browser of their own."""
    contexts: list[BrowserContext] = []

    def go(
        path: str,
        login: str = "",
        *,
        language: str = "en",
        theme: str = "light",
        on: Browser | None = None,
        script: bool = True,
    ) -> Page:
        context = (on or browser).new_context(
            base_url=town.origin,
            viewport={"width": 1440, "height": 900},
            locale=language,
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
            java_script_enabled=script,
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        guard.watch(context)
        if script:
            chosen = json.dumps({"language": language, "theme": theme, "sound": False})
            # The empty page a tab begins with has no storage, and refuses to be asked.
            here = "if (location.protocol === 'http:')"
            context.add_init_script(f"{here} localStorage.setItem('tocsin.settings', {chosen!r})")
        if login:
            body = {"login": login, "password": PASSWORD}
            answer = context.request.post("/api/login", data=body)
            assert answer.ok, answer.text()
        page = context.new_page()
        page.goto(path)
        return page

    yield go
    for context in contexts:
        context.close()


def shoot(page: Page, name: str) -> None:
    """Keeps what the screen looked like, for people to look at."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")


def slowly(page: Page) -> None:
    """From now on the page sends as over a weak telephone line: 600 kB a second."""
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    slow = {"offline": False, "latency": 50, "downloadThroughput": -1, "uploadThroughput": 600_000}
    line.send("Network.emulateNetworkConditions", slow)

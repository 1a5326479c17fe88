"""A supervisor's screen for the benches: opens the board, feeds the node, notes what shows when."""

from __future__ import annotations

import json
import math
import random
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from playwright.sync_api import CDPSession, FloatRect, Page, sync_playwright

from bench.intake import BOX, codes
from bench.node import Running

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SENDERS = 8

# A case is on the screen at the frame after the count above the list took it in.
WATCH = """() => {
  window.seen = [];
  const box = document.querySelector('.shown');
  let known = Number(box.textContent.match(/\\d+(?=\\D*$)/)[0]);
  new MutationObserver(() => {
    const now = Number(box.textContent.match(/\\d+(?=\\D*$)/)[0]);
    if (now > known) {
      const at = performance.timeOrigin + performance.now();
      for (; known < now; known++) window.seen.push(at);
    }
  }).observe(box, {characterData: true, childList: true, subtree: true});
}"""
# Frames a second for three seconds, while `each` is done before every frame.
FRAMES = """(each) => new Promise((done) => {
  const list = document.querySelector('.list');
  let frames = 0;
  const began = performance.now();
  const step = () => {
    if (each === 'scroll') list.scrollTop += 40;
    frames++;
    const took = performance.now() - began;
    if (took < 3000) requestAnimationFrame(step); else done(frames * 1000 / took);
  };
  requestAnimationFrame(step);
})"""
PAINTED = """() => new Promise((done) => {
  const look = () => {
    if (document.querySelector('.row[data-case]'))
      requestAnimationFrame(() => done(performance.now()));
    else requestAnimationFrame(look);
  };
  look();
})"""


@dataclass
class Screen:
    """One open page of a supervisor."""

    page: Page
    running: Running

    def first_paint(self) -> float:
        """Milliseconds from the navigation to the frame with rows on it."""
        self.page.goto(f"{self.running.address}/console/board", wait_until="commit")
        return float(self.page.evaluate(PAINTED))

    def commit_to_pixel(self, rate: int, seconds: int) -> list[float]:
        """Milliseconds from each answer to its row, in the order in which both happened."""
        page = self.page
        page.goto(f"{self.running.address}/console/board")
        page.locator("[data-live=up]").wait_for()
        page.wait_for_timeout(3000)  # the remaining pages and the map's first frames
        page.evaluate(WATCH)
        done: list[float] = []
        feeder = threading.Thread(target=_feed, args=(self.running, rate, seconds, done))
        feeder.start()
        while feeder.is_alive():
            page.wait_for_timeout(200)
        page.wait_for_timeout(2000)
        seen = [float(each) for each in page.evaluate("() => window.seen")]
        return [max(0.0, at - was) for was, at in zip(sorted(done), sorted(seen), strict=False)]

    def frames(self, doing: str) -> tuple[float, float]:
        """Frames a second and the page's own work a frame in ms, over three seconds: of a still
        screen ("nothing"), while the list runs ("scroll"), while a hand drags the map ("pan").

        The rest of a frame is the drawing itself, which here no graphics card does.
        """
        page = self.page
        page.wait_for_timeout(3000)  # what came before is drawn
        line = page.context.new_cdp_session(page)
        line.send("Performance.enable")
        before = _worked(line)
        if doing == "pan":
            page.evaluate(f"() => {{ window.panned = ({FRAMES})('pan') }}")
            self._drag()
            found = float(page.evaluate("() => window.panned"))
        else:
            found = float(page.evaluate(FRAMES, doing))
        worked = _worked(line) - before
        line.detach()
        return found, worked / (3 * found)

    def _drag(self) -> None:
        """The map, about its middle, for three seconds."""
        mouse = self.page.mouse
        box = self.page.locator(".panes canvas").bounding_box()
        assert box is not None
        x, y = self._bare_ground(box)
        mouse.down()
        began = time.monotonic()
        while (turn := (time.monotonic() - began) * 3) < 9:
            mouse.move(x + 80 * math.sin(turn), y + 60 * math.cos(turn))
        mouse.up()

    def _bare_ground(self, box: FloatRect) -> tuple[float, float]:
        """Moves to a point near the middle where neither a case nor a unit lies: dragging a unit
        is another thing."""
        pointed = "() => document.querySelector('.panes canvas').style.cursor === 'pointer'"
        for step in range(60):
            x = box["x"] + box["width"] * (0.5 + 0.006 * step)
            y = box["y"] + box["height"] * (0.5 + 0.003 * step)
            self.page.mouse.move(x, y)
            self.page.wait_for_timeout(150)
            if not self.page.evaluate(pointed):
                return x, y
        raise AssertionError("no bare ground on the map")


def _worked(line: CDPSession) -> float:
    """How long the page's own thread has worked so far, in ms."""
    told = line.send("Performance.getMetrics")["metrics"]
    return 1000 * next(each["value"] for each in told if each["name"] == "TaskDuration")


def _feed(running: Running, rate: int, seconds: int, done: list[float]) -> None:
    """Reports at an even pace; `done` gets the instant of each answer, in Unix milliseconds."""
    services = codes(running)
    chance = random.Random(11)

    def send(number: int) -> None:
        west, south, east, north = BOX
        form = {
            "service_code": services[number % len(services)],
            "description": f"Bench report {number}",
            "lat": f"{chance.uniform(south, north):.6f}",
            "long": f"{chance.uniform(west, east):.6f}",
        }
        address = f"{running.address}/open311/v2/requests.json"
        headers = {"X-Forwarded-For": f"10.1.{number // 250}.{number % 250}"}
        with urlopen(Request(address, urlencode(form).encode(), headers), timeout=30) as answer:
            json.load(answer)
        done.append(time.time() * 1000)

    began = time.perf_counter()
    with ThreadPoolExecutor(SENDERS) as pool:
        for number in range(rate * seconds):
            time.sleep(max(0.0, began + number / rate - time.perf_counter()))
            pool.submit(send, number)


@contextmanager
def screen(running: Running, cookie: str) -> Iterator[Screen]:
    """A Chromium of its own with that session."""
    name, _, value = cookie.partition("=")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies([{"name": name, "value": value, "url": running.address}])
        try:
            yield Screen(context.new_page(), running)
        finally:
            browser.close()
